/// The whole connection as one value: however its bytes are cut, it comes to the same as frame by frame (Connection).
module FunctionalWs.Protocol.Tests.EndpointTests

open System
open System.Buffers
open Expecto
open Swensen.Unquote
open FunctionalWs.Generators
open FunctionalWs.Protocol
open FunctionalWs.Protocol.Tests.Bytes
open FunctionalWs.Protocol.Tests.Hearing

/// What is told, without what can't be compared.
let private saidOf (heard: Heard) =
    heard.Endpoint.State, heard.Told, heard.Answers, heard.HalfCloses

let private write (role: Role) (output: Output) : byte[] =
    match output with
    | Output.Data _ -> failwith "no answer is data"
    | Output.Ping payload -> frameOf role true Opcode.Ping (payload.Span.ToArray())
    | Output.Pong payload -> frameOf role true Opcode.Pong (payload.Span.ToArray())
    | Output.Close status -> frameOf role true Opcode.Close (status.ToArray())

let private toldOf (event: Event) : Incoming =
    match event with
    | Event.Data(kind, endOfMessage) -> Incoming.Data(kind, endOfMessage)
    | Event.Ping payload -> Incoming.Ping payload
    | Event.Pong payload -> Incoming.Pong payload
    | Event.Close status -> Incoming.Close status

let private isNoRefusal (incoming: Incoming) = not incoming.IsRefused

let private server = ConnectionSettings.Server

/// What a client may send to a server of these settings, without extensions.
let private arriving
    (settings: ConnectionSettings)
    (frames: WireFrame list)
    : struct (ConnectionSettings * byte[]) =
    let settings = {
        settings with
            Role = Role.Server
            ReservedBits = ReservedBits.None
    }

    struct (settings, WireFrame.ToBytes(Role.Client, frames))

let private testProperty name property =
    testPropertyWithConfig
        {
            FsCheckConfig.defaultConfig with
                arbitrary = [ typeof<ProtocolValues> ]
        }
        name
        property

[<Tests>]
let laws =
    testList "an endpoint" [
        testProperty "does with bytes what Connection does with whole frames" (fun settings frames ->
            let struct (settings, bytes) = arriving settings frames
            let expected = receive settings [ bytes ]
            let heard = run settings [ bytes ]

            heard.Told |> List.filter isNoRefusal =! List.map toldOf expected.Events

            // What comes of a message that is refused is void.
            if heard.Told |> List.forall isNoRefusal then
                heard.Data =! Array.concat expected.Data
                heard.Endpoint.State =! expected.State

            heard.HalfCloses =! expected.HalfCloses

            heard.Answers =! Array.concat (List.map (write Role.Server) expected.Outputs))

        testProperty "says the same however its bytes are cut" (fun settings frames (cuts: Cuts) ->
            let struct (settings, bytes) = arriving settings frames
            let whole = run settings [ bytes ]
            let single = run settings (List.ofArray (Array.chunkBySize 1 bytes))
            let some = run settings (cuts.Pieces bytes)
            saidOf single =! saidOf whole
            saidOf some =! saidOf whole

            if whole.Told |> List.forall isNoRefusal then
                single.Data =! whole.Data
                some.Data =! whole.Data)

        testProperty "takes segments as it takes bytes that lie together" (fun settings frames (cuts: Cuts) ->
            let struct (settings, bytes) = arriving settings frames
            let mutable heard = hear (WebSocketEndpoint.Create settings)
            let mutable rest = cuts.Segments bytes

            while not rest.IsEmpty do
                let sink = ArrayBufferWriter<byte>()
                let answers = ArrayBufferWriter<byte>()
                let step = heard.Endpoint.Receive(&rest, sink, answers, key)
                heard <- note heard step (sink.WrittenSpan.ToArray()) (answers.WrittenSpan.ToArray())
                rest <- rest.Slice step.Consumed

            saidOf heard =! saidOf (run settings [ bytes ]))

        testProperty
            "gives the same for the same call, and stays as it is"
            (fun settings frames (come: uint16) ->
                let struct (settings, bytes) = arriving settings frames
                let before = run settings [ Array.truncate (int come % (bytes.Length + 1)) bytes ]
                let rest = bytes[int before.Offset ..]
                saidOf (arrive before rest) =! saidOf (arrive before rest))
    ]

[<Tests>]
let allocations =
    AllocationTests.listUnlessInstrumented "an endpoint's memory" [
        testTheory
            "is itself after a message in one frame, and allocates nothing for it"
            [ Opcode.Text, 5; Opcode.Text, 3_000; Opcode.Binary, 0; Opcode.Binary, 70_000 ]
            (fun (opcode, size) ->
                let endpoint = WebSocketEndpoint.Create server
                let wire = frame true opcode (Array.create size 65uy)
                let sink = ArrayBufferWriter<byte>(100_000)
                let answers = ArrayBufferWriter<byte>()

                let step () =
                    sink.ResetWrittenCount()
                    let step = endpoint.Receive(ReadOnlySpan wire, sink, answers, 0u, null)

                    if not (obj.ReferenceEquals(step.Next, endpoint)) || step.Consumed <> wire.Length then
                        failwith "another value, or not all of it"

                AllocationTests.allocatedBy step =! 0L)
    ]

/// Each byte twice, and a zero at the end of a message; FF can't be decoded.
type private Doubling() =
    inherit PayloadDecoder()
    let decoded = ResizeArray<byte>()

    override _.Decode(_, data, endOfMessage, room) =
        let mutable error = ValueNone
        let mutable i = 0

        while i < data.Length && error.IsNone do
            if data[i] = 0xFFuy then
                error <- ValueSome ProtocolError.CompressedDataInvalid
            else
                decoded.Add data[i]
                decoded.Add data[i]

            i <- i + 1

        if endOfMessage && error.IsNone then
            decoded.Add 0uy

        if int64 decoded.Count > room + 1L then
            decoded.RemoveRange(int room + 1, decoded.Count - int room - 1)

        error

    override _.Decoded = ReadOnlySpan(decoded.ToArray())
    override _.Skip count = decoded.RemoveRange(0, count)

let private marked = {
    server with
        ReservedBits = ReservedBits.Rsv1
        Limits = Limits.Create(40L, Limits.Unlimited, 4)
}

let private mark (frame: byte[]) : byte[] =
    let copy = Array.copy frame
    copy[0] <- copy[0] ||| 0x40uy
    copy

let private decode (bytes: byte[]) (pieces: int) : Heard =
    Array.chunkBySize pieces bytes
    |> Array.fold (arriveWith (Doubling())) (hear (WebSocketEndpoint.Create marked))

let private conversations = [
    "whole", mark (frame true Opcode.Text "abc"B), "aabbcc\000"B
    "empty", mark (frame true Opcode.Binary [||]), "\000"B
    "in fragments, a ping between",
    Array.concat [
        mark (frame false Opcode.Binary "ab"B)
        frame true Opcode.Ping "p"B
        frame true Opcode.Continuation "c"B
    ],
    "aabbcc\000"B
    "a plain one behind it",
    Array.append (mark (frame true Opcode.Text "a"B)) (frame true Opcode.Text "b"B),
    "aa\000b"B
]

let private refusals = [
    "bytes that can't be decoded",
    mark (frame true Opcode.Binary [| 1uy; 0xFFuy |]),
    ProtocolError.CompressedDataInvalid
    "bad text before them", mark (frame true Opcode.Text [| 0xC3uy; 0xFFuy |]), ProtocolError.TextNotUtf8 1L
    "too much", mark (frame true Opcode.Binary (Array.create 21 1uy)), ProtocolError.MessageTooBig(41L, 40L)
    "bad text before too much",
    mark (frame true Opcode.Text (Array.append [| 0xC3uy |] (Array.create 30 65uy))),
    ProtocolError.TextNotUtf8 1L
]

[<Tests>]
let decoding =
    testList "an endpoint's decoder" [
        testTheory
            "is given every message that is marked, however it is cut"
            conversations
            (fun (_, bytes, data) ->
                for pieces in 1 .. bytes.Length do
                    (decode bytes pieces).Data =! data)

        testTheory "finds what is wrong, however it is cut" refusals (fun (_, bytes, error) ->
            for pieces in 1 .. bytes.Length do
                match List.last (decode bytes pieces).Told with
                | Incoming.Refused violation -> (violation.Error, violation.Offset) =! (error, 0L)
                | other -> failwith $"a refusal was expected, not {other}")

        testCase "is told by the bits of the frame that is complete" (fun () ->
            let frames = [
                mark (frame false Opcode.Binary "a"B), ReservedBits.Rsv1
                frame true Opcode.Ping "p"B, ReservedBits.None
                frame true Opcode.Continuation "b"B, ReservedBits.None
                frame true Opcode.Text "c"B, ReservedBits.None
                mark (frame true Opcode.Text "d"B), ReservedBits.Rsv1
            ]

            let decoder = Doubling()
            let mutable endpoint = WebSocketEndpoint.Create marked

            for bytes, bits in frames do
                for piece in [ bytes[..1]; bytes[2..] ] do
                    let sink = ArrayBufferWriter<byte>()

                    let step =
                        endpoint.Receive(ReadOnlySpan piece, sink, ArrayBufferWriter<byte>(), 0u, decoder)

                    if not step.Incoming.IsNothing then
                        step.ReservedBits =! bits

                    endpoint <- step.Next)

        testTheory
            "is given long payloads in pieces, of either role"
            [ Role.Server; Role.Client ]
            (fun role ->
                let peer = if role.IsServer then Role.Client else Role.Server
                let data = Array.init 5_000 (fun i -> byte (i % 251))

                let arrive (data: byte[]) (size: int64) =
                    let settings = {
                        marked with
                            Role = role
                            Limits = Limits.Create(size, Limits.Unlimited, 4)
                    }

                    let wire = mark (frameOf peer true Opcode.Binary data)
                    arriveWith (Doubling()) (hear (WebSocketEndpoint.Create settings)) wire

                let doubled = Array.collect (fun one -> [| one; one |]) data
                (arrive data 10_001L).Data =! Array.append doubled [| 0uy |]

                brokenBy (arrive data 10_000L)
                =! ValueSome(ProtocolError.MessageTooBig(10_001L, 10_000L))

                for bad in [ 0; 2_047; 2_048; 4_999 ] do
                    let broken = Array.updateAt bad 0xFFuy data

                    brokenBy (arrive broken 10_001L)
                    =! ValueSome ProtocolError.CompressedDataInvalid)

        testCase "is needed: a marked message can't be taken as plain" (fun () ->
            let heard =
                arrive (hear (WebSocketEndpoint.Create marked)) (mark (frame true Opcode.Binary "a"B))

            heard.Told
            =! [
                Incoming.Refused {
                    Error = ProtocolError.ReservedBits 4uy
                    Offset = 0L
                }
            ])
    ]

/// Room for so many bytes at a time, or for what must lie together; what was written is counted, and kept as far as that is wanted.
type private Narrow(room: int, isKept: bool) =
    let mutable buffer: byte[] = Array.zeroCreate room
    let kept = ResizeArray<byte>()

    member val Count = 0L with get, set
    member _.Written = kept.ToArray()

    interface IBufferWriter<byte> with
        member _.GetMemory size =
            if buffer.Length < size then
                buffer <- Array.zeroCreate size

            Memory(buffer, 0, max room size)

        member writer.GetSpan size =
            (writer :> IBufferWriter<byte>).GetMemory(size).Span

        member writer.Advance count =
            writer.Count <- writer.Count + int64 count

            if isKept then
                kept.AddRange(ArraySegment(buffer, 0, count))

/// Segments that all are the same bytes.
type private Repeated(bytes: byte[], index: int64) as this =
    inherit ReadOnlySequenceSegment<byte>()

    do
        this.Memory <- ReadOnlyMemory bytes
        this.RunningIndex <- index

    member segment.Append(next: byte[]) : Repeated =
        let last = Repeated(next, segment.RunningIndex + int64 segment.Memory.Length)
        segment.Next <- last
        last

let private repeated (first: byte[]) (next: byte[]) (count: int) : ReadOnlySequence<byte> =
    let start = Repeated(first, 0L)

    let last =
        Seq.fold (fun (segment: Repeated) _ -> segment.Append next) start (seq { 1..count })

    ReadOnlySequence(start, 0, last, last.Memory.Length)

let private plenty = {
    Messages = 1_000
    Bytes = 1_000L
    Fragments = 0
}

[<Tests>]
let edges =
    testList "an endpoint at the edge" [
        testTheory
            "fills what room there is, and says the same"
            [
                frame false Opcode.Text "abcdefgh"B, false
                frame false Opcode.Text (Array.append "abcdefgh"B [| 0xFFuy; 65uy |]), false
                mark (frame true Opcode.Binary "abcdefgh"B), true
            ]
            (fun (bytes, isMarked) ->
                let decoder: PayloadDecoder | null = if isMarked then Doubling() else null
                let settings = { marked with Limits = Limits.Default }

                let endpoint = WebSocketEndpoint.Create settings
                let expected = arriveWith decoder (hear endpoint) bytes

                for room in 1..20 do
                    let sink = Narrow(room, true)
                    let answers = ArrayBufferWriter<byte>()
                    let step = endpoint.Receive(ReadOnlySpan bytes, sink, answers, key, decoder)
                    step.Incoming =! lastOf expected
                    step.Next.State =! expected.Endpoint.State
                    step.Consumed =! bytes.Length

                    if isNoRefusal step.Incoming then
                        sink.Written =! expected.Data)

        testCase "takes no more at once than it can say: 2 GiB less a byte" (fun () ->
            let unlimited = {
                server with
                    Role = Role.Client
                    Limits = Limits.Create(Limits.Unlimited, Limits.Unlimited, 4)
            }

            let mebibytes16: byte[] = Array.zeroCreate 0x100_0000
            let length = 128L * int64 mebibytes16.Length

            let header = [|
                0x82uy
                127uy
                for shift in 56..-8..0 do
                    byte (length >>> shift)
            |]

            let bytes = repeated header mebibytes16 128
            let sink = Narrow(mebibytes16.Length, false)
            let answers = ArrayBufferWriter<byte>()
            let endpoint = WebSocketEndpoint.Create unlimited
            let first = endpoint.Receive(&bytes, sink, answers, 0u)
            (first.Consumed, first.Incoming) =! (Int32.MaxValue, Incoming.Nothing)
            let rest = bytes.Slice(int64 first.Consumed)
            let last = first.Next.Receive(&rest, sink, answers, 0u)

            (int64 last.Consumed, last.Incoming)
            =! (rest.Length, Incoming.Data(DataKind.Binary, true))

            sink.Count =! length)

        testCase "holds up no closing, whatever waits unread" (fun () ->
            let marks = ReadAhead.Create(1, 0, 100L)

            let endpoint =
                WebSocketEndpoint
                    .Create(server, Timeouts.Never, marks, TimeSpan.Zero)
                    .Opened(server, TimeSpan.Zero)

            let held = endpoint.ReadOn plenty
            held.Reading =! Reading.Stop

            for ending in
                [
                    held.Send(Command.Close CloseStatus.NoStatus).Next
                    held.Send(Command.Fail CloseStatus.NoStatus).Next
                    held.EndOfStream().Next
                ] do
                ending.ReadOn(plenty).Reading =! Reading.On)

        testCase "has nothing unfinished once nothing that comes matters" (fun () ->
            let half = run server [ (frame true Opcode.Ping "p"B)[..2] ]
            half.Endpoint.IsUnfinished =! true
            let failed = half.Endpoint.Send(Command.Fail CloseStatus.NoStatus).Next
            failed.IsUnfinished =! false)

        testCase "adds no sizes beyond what a number holds" (fun () ->
            let unlimited = {
                server with
                    Limits = Limits.Create(Limits.Unlimited, Limits.Unlimited, 4)
            }

            let huge =
                Array.concat [ [| 0x80uy; 0xFFuy; 0x7Fuy |]; Array.create 7 0xFFuy; Array.zeroCreate 4 ]

            let heard = run unlimited [ frame false Opcode.Binary (Array.zeroCreate 10); huge ]

            List.last heard.Told
            =! Incoming.Refused {
                Error = ProtocolError.MessageTooBig(Int64.MaxValue, Int64.MaxValue)
                Offset = 17L
            })

        testCase "refuses as Connection does what is marked, when nothing decodes it" (fun () ->
            let wire = whole (mark (frame true Opcode.Binary "a"B))

            match FrameReader.read marked &wire with
            | FrameParse.Complete frame ->
                let next = Connection.receive marked Connection.start (Input.Received frame)

                let error =
                    match next.State with
                    | State.Draining(Closure.Failed(error, _)) -> ValueSome error
                    | State.Open _
                    | State.CloseSent _
                    | State.Draining _
                    | State.Closed _ -> ValueNone

                error =! ValueSome(ProtocolError.ReservedBits 4uy)
            | FrameParse.Incomplete
            | FrameParse.Malformed _ -> failwith "a frame")
    ]

// ---- Sending

[<Tests>]
let sending =
    let payload = ControlPayload.Create(ReadOnlySpan "p"B)
    let status = CloseStatus.Create(CloseCode.GoingAway, "bye")

    testList "an endpoint that sends" [
        testTheory "writes the frame of each command" [ Role.Server; Role.Client ] (fun role ->
            let endpoint = WebSocketEndpoint.Create { server with Role = role }

            let send (endpoint: WebSocketEndpoint) (command: Command) (data: byte[]) =
                let output = ArrayBufferWriter<byte>()
                let step = endpoint.Send(command, ReadOnlySpan data, output, key)
                step.Refused =! ValueNone
                step.Next, output.WrittenSpan.ToArray(), step.HalfClose

            let is (opcode: Opcode) (fin: bool) (data: byte[]) (halfClose: bool) (_, written, half) =
                written =! frameOf role fin opcode data
                half =! halfClose

            let text = Command.Message DataKind.Text
            send endpoint text "text"B |> is Opcode.Text true "text"B false
            let binary = Command.Message DataKind.Binary
            send endpoint binary "data"B |> is Opcode.Binary true "data"B false

            let begun, _, _ as first = send endpoint (Command.FirstFragment DataKind.Text) "a"B

            first |> is Opcode.Text false "a"B false

            send begun (Command.NextFragment true) "b"B
            |> is Opcode.Continuation true "b"B false

            send endpoint (Command.Ping payload) "x"B |> is Opcode.Ping true "p"B false
            send endpoint (Command.Pong payload) "x"B |> is Opcode.Pong true "p"B false
            let close = status.ToArray()
            send endpoint (Command.Close status) "x"B |> is Opcode.Close true close false
            send endpoint (Command.Fail status) "x"B |> is Opcode.Close true close true)

        testCase "takes a key that there may be or not, and wants one of a client" (fun () ->
            let text = Command.Message DataKind.Text
            let ping = [| 0x89uy; 0uy |]

            let written (role: Role) (key: uint32 voption) : byte[] =
                let output = ArrayBufferWriter<byte>()
                let endpoint = WebSocketEndpoint.Create { server with Role = role }
                endpoint.Send(text, ReadOnlySpan "text"B, output, key) |> ignore
                output.WrittenSpan.ToArray()

            let answered (key: uint32 voption) : byte[] =
                let answers = ArrayBufferWriter<byte>()
                let endpoint = WebSocketEndpoint.Create { server with Role = Role.Client }

                endpoint.Receive(ReadOnlySpan ping, ArrayBufferWriter<byte>(), answers, key)
                |> ignore

                answers.WrittenSpan.ToArray()

            written Role.Server ValueNone =! frameOf Role.Server true Opcode.Text "text"B

            written Role.Client (ValueSome key)
            =! frameOf Role.Client true Opcode.Text "text"B

            answered (ValueSome key) =! frameOf Role.Client true Opcode.Pong [||]
            raises<ArgumentNullException> <@ written Role.Client ValueNone @>
            raises<ArgumentNullException> <@ answered ValueNone @>)

        testCase "writes nothing when the state refuses, or when its close frame is out" (fun () ->
            let output = ArrayBufferWriter<byte>()
            let endpoint = WebSocketEndpoint.Create server

            let step = endpoint.Send(Command.NextFragment true, ReadOnlySpan "a"B, output, key)

            (step.Refused, step.Output) =! (ValueSome SendError.NoMessageBegun, ValueNone)
            obj.ReferenceEquals(step.Next, endpoint) =! true

            let closing = endpoint.Send(Command.Close status).Next
            let failing = closing.Send(Command.Fail status, ReadOnlySpan.Empty, output, key)
            (failing.Refused, failing.HalfClose) =! (ValueNone, true)
            output.WrittenCount =! 0)
    ]

// ---- Steps that cross

let private commands = [
    Command.Close(CloseStatus.Create(CloseCode.GoingAway, ""))
    Command.Fail(CloseStatus.Create(CloseCode.InternalError, ""))
    Command.FirstFragment DataKind.Text
    Command.Ping ControlPayload.Empty
]

[<Tests>]
let crossing =
    testList "a step that was made while others were" [
        testProperty
            "is taken over as if it came after them"
            (fun settings frames (come: uint16) (choice: byte) ->
                let struct (settings, bytes) = arriving settings frames
                let before = run settings [ Array.truncate (int come % (bytes.Length + 1)) bytes ]
                let rest = bytes[int before.Offset ..]
                let command = commands[int choice % commands.Length]

                let receive (endpoint: WebSocketEndpoint) =
                    let answers = ArrayBufferWriter<byte>()

                    let step =
                        endpoint.Receive(ReadOnlySpan rest, ArrayBufferWriter<byte>(), answers, key)

                    step, answers.WrittenSpan.ToArray()

                let early, _ = receive before.Endpoint
                let sent = before.Endpoint.Send(command).Next
                let late, lateAnswers = receive sent
                let answers = ArrayBufferWriter<byte>()
                let adopted = sent.Adopt(early, answers, key)

                // After a failure nothing is read any more: what had been told before it stays told.
                if not sent.IsReceivingOver then
                    adopted.Next.State =! late.Next.State

                    (adopted.Consumed, adopted.Incoming, adopted.HalfClose)
                    =! (late.Consumed, late.Incoming, late.HalfClose)

                    answers.WrittenSpan.ToArray() =! lateAnswers
                    adopted.Next.IsUnfinished =! late.Next.IsUnfinished
                else
                    adopted.Next.State =! sent.State
                    answers.WrittenCount =! 0)

        testTheory
            "is taken over whatever it told"
            [
                frame true Opcode.Close (close 1000 "bye")
                frame true Opcode.Ping "p"B
                frame true Opcode.Pong "p"B
                frame true Opcode.Text "a"B
                frame false Opcode.Binary "a"B
                frame true Opcode.Continuation "a"B
                (frame true Opcode.Ping "p"B)[..3]
                frame true Opcode.Text [| 0xFFuy |]
            ]
            (fun bytes ->
                for before in [ []; [ frame false Opcode.Text "a"B ] ] do
                    let before = (run server before).Endpoint

                    let receive (endpoint: WebSocketEndpoint) =
                        let answers = ArrayBufferWriter<byte>()
                        let sink = ArrayBufferWriter<byte>()
                        let step = endpoint.Receive(ReadOnlySpan bytes, sink, answers, key)
                        step, answers.WrittenSpan.ToArray()

                    let early, _ = receive before

                    let later = [
                        for command in commands do
                            before.Send(command).Next
                        before.EndOfStream().Next
                    ]

                    for sent in later do
                        let answers = ArrayBufferWriter<byte>()
                        let adopted = sent.Adopt(early, answers, key)

                        if sent.IsReceivingOver then
                            // It was told before, and is answered no more.
                            adopted.Next.State =! sent.State
                            answers.WrittenCount =! 0
                        else
                            let late, lateAnswers = receive sent
                            adopted.Next.State =! late.Next.State
                            adopted.Next.IsUnfinished =! late.Next.IsUnfinished

                            (adopted.Consumed, adopted.Incoming, adopted.HalfClose)
                            =! (late.Consumed, late.Incoming, late.HalfClose)

                            answers.WrittenSpan.ToArray() =! lateAnswers)

        testTheory
            "is taken over when it was the end of the stream: that doesn't get lost"
            [ Role.Server; Role.Client ]
            (fun role ->
                let settings = { server with Role = role }
                let peer = if role.IsServer then Role.Client else Role.Server

                let before = [
                    WebSocketEndpoint.Create settings
                    (run settings [ frameOf peer false Opcode.Text "a"B ]).Endpoint
                    (run settings [ (frameOf peer true Opcode.Ping "a"B)[..1] ]).Endpoint
                    (run settings [ frameOf peer true Opcode.Close [||] ]).Endpoint
                    (WebSocketEndpoint.Create settings).Send(Command.Close CloseStatus.NoStatus).Next
                ]

                for endpoint in before do
                    let early = endpoint.EndOfStream()

                    let later = [
                        for command in commands do
                            endpoint.Send(command).Next
                        endpoint.SendingEnded()
                        endpoint.EndOfStream().Next
                    ]

                    for later in later do
                        let late = later.EndOfStream()
                        let answers = ArrayBufferWriter<byte>()
                        let adopted = later.Adopt(early, answers, key)
                        adopted.Next.State =! late.Next.State

                        (adopted.HalfClose, adopted.Consumed, adopted.Incoming)
                        =! (late.HalfClose, 0, Incoming.Nothing)

                        (adopted.Next.IsClosed, adopted.Next.IsUnfinished) =! (true, false)
                        answers.WrittenCount =! 0)
    ]

// ---- How it ends

let private bye = CloseStatus.Create(CloseCode.NormalClosure, "bye")

let private closedBy (role: Role) =
    let settings = { server with Role = role }
    let endpoint = WebSocketEndpoint.Create settings
    let peer = if role.IsServer then Role.Client else Role.Server
    (run settings [ frameOf peer true Opcode.Close (bye.ToArray()) ]), endpoint

[<Tests>]
let ending =
    testList "the end of the stream" [
        testCase "is the server's to make, once its close frame has left" (fun () ->
            let heard, _ = closedBy Role.Server
            heard.HalfCloses =! 1
            heard.Endpoint.IsClosed =! false
            heard.Endpoint.SendingEnded().IsClosed =! true)

        testCase "is waited for by a client, and answered with its own once" (fun () ->
            let heard, _ = closedBy Role.Client
            heard.HalfCloses =! 0
            heard.Endpoint.SendingEnded().IsClosed =! false
            let step = heard.Endpoint.EndOfStream()
            (step.HalfClose, step.Next.IsClosed) =! (true, true))

        testCase "is told once: a server that has ended its side doesn't end it again" (fun () ->
            let heard, _ = closedBy Role.Server
            let step = heard.Endpoint.EndOfStream()
            (step.HalfClose, step.Next.IsClosed) =! (false, true)
            step.Next.EndOfStream().HalfClose =! false)

        testCase "is not ours to make before the peer's close frame" (fun () ->
            let endpoint = WebSocketEndpoint.Create server
            endpoint.SendingEnded().IsClosed =! false
            endpoint.Send(Command.Close bye).Next.SendingEnded().IsClosed =! false)

        testCase "is accepted in a state that no step leads to, too" (fun () ->
            let lost = Closure.Lost ValueNone
            let next = Connection.receive server (State.Draining lost) Input.EndOfStream
            (next.State, next.HalfClose) =! (State.Closed lost, false))

        testCase "is the end: ours changes nothing after it" (fun () ->
            let closed = (WebSocketEndpoint.Create server).EndOfStream().Next
            obj.ReferenceEquals(closed.SendingEnded(), closed) =! true)
    ]
