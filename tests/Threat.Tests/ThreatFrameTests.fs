/// Every header, every text, and frames in every order.
module FunctionalWs.Threat.Tests.ThreatFrameTests

open System
open System.Buffers
open System.Threading
open Microsoft.Extensions.Logging
open Expecto
open Swensen.Unquote
open FunctionalWs
open FunctionalWs.Protocol
open FunctionalWs.Protocol.Tests
open FunctionalWs.Server.Tests
open FunctionalWs.Server.Tests.Serve
open FunctionalWs.Threat.Tests.Attackers

/// What was begun before a header comes.
type private Before =
    | Nothing
    | Text
    | Compressed

let private name = "permessage-deflate"

/// The slow twin: what two bytes of a header lead to for a server, by RFC 6455 §5.2, §5.4, §5.5 and RFC 7692 §6.
let private judge (before: Before) (first: byte) (second: byte) : int option =
    let opcode = int first % 16
    let isFirstOfMessage = opcode = 1 || opcode = 2
    let rsv = int first / 16 % 8
    let isCompressedFirst = before = Compressed && isFirstOfMessage && rsv = 4
    let plain = if isCompressedFirst then first &&& 0x8Fuy else first

    match Reference.judge Role.Server plain second with
    | Some _ -> Some 1002
    | None when before = Nothing && opcode = 0 -> Some 1002
    | None when before <> Nothing && isFirstOfMessage -> Some 1002
    | None -> None

/// A frame with this header, as short as its length says, or the first bytes of one that is longer.
let private wire (first: byte) (second: byte) : byte[] =
    let length = int second % 128

    match length with
    | 126 -> [| first; second; 1uy; 0uy; 0uy; 0uy; 0uy; 0uy |]
    | 127 -> [| first; second; 0uy; 0uy; 0uy; 0uy; 0uy; 1uy; 0uy; 0uy; 0uy; 0uy; 0uy; 0uy |]
    | _ -> Array.concat [ [| first; second |]; Array.zeroCreate (4 + length) ]

let private began (before: Before) (client: PeerClient) =
    match before with
    | Nothing -> ()
    | Text -> client.WriteFrame(false, Opcode.Text, "a"B)
    | Compressed -> client.WriteMarked(ReservedBits.Rsv1, false, Opcode.Text, Compressed.hex "4A 04 00")

[<Tests>]
let headers =
    let step = Scale.size 127 1

    testList "threats of headers" [
        for before in [ Nothing; Text; Compressed ] do
            testCase
                $"F1 all first two bytes, {before} being open: a close frame with the twin's code and the end, or none"
                (fun () ->
                    let records = new Records()

                    use server =
                        ServerOptions(LoggerFactory = records)
                        |> Serve.inMemory (fun connection -> Seq.iter ignore connection.Messages)

                    for value in 0..step..0xFFFF do
                        let first, second = byte (value >>> 8), byte value
                        use client = PeerClient.InMemory server

                        if before = Compressed then
                            client.Offer name |> ignore
                        else
                            client.ShakeHands()

                        began before client
                        client.Write(wire first second)

                        match judge before first second with
                        | Some code ->
                            match client.Read(), client.Read() with
                            | Closed status, End when status.Number = code -> ()
                            | other -> failwith $"%04X{value}: {other}"
                        | None ->
                            client.Transport.ShutdownSend()

                            // A ping is answered, a close too; 1007 and 1002 are for payloads of zeros.
                            match client.Read() with
                            | End -> ()
                            | Closed _ -> client.Read() =! End
                            | PongOf _ when int first % 16 = 9 -> client.Read() =! End
                            | other -> failwith $"%04X{value}: {other}"

                    server.Shutdown() =! 0
                    records.Of LogLevel.Error =! [])

        testCase "F2, F10 unmasked frames, and control frames that break a rule: 1002 for each" (fun () ->
            use server = Serve.inMemory Serve.echo defaults

            let wrong = [
                for opcode in 0..15 do
                    yield [| 0x80uy ||| byte opcode; 0x00uy |]

                for opcode in [ 8; 9; 10 ] do
                    yield [| 0x80uy ||| byte opcode; 0xFEuy; 0uy; 126uy |]
                    yield [| byte opcode; 0x80uy; 0uy; 0uy; 0uy; 0uy |]

                    for bit in [ 0x10uy; 0x20uy; 0x40uy ] do
                        yield [| 0x80uy ||| bit ||| byte opcode; 0x80uy; 0uy; 0uy; 0uy; 0uy |]

                for opcode in [ 3..7 ] @ [ 11..15 ] do
                    yield [| 0x80uy ||| byte opcode; 0x80uy; 0uy; 0uy; 0uy; 0uy |]
            ]

            for bytes in wrong do
                use client = client server
                client.Write bytes

                match client.Read(), client.Read() with
                | Closed status, End when status.Number = 1002 -> ()
                | other -> failwith $"%A{bytes}: {other}")

        testCase "F9 control frames between all fragments are served, and the message is whole" (fun () ->
            use server = Serve.inMemory Serve.echo defaults
            use client = client server
            let digits (number: int) = Compressed.utf8 $"{number} "

            for part in 1..100 do
                let opcode = if part = 1 then Opcode.Text else Opcode.Continuation
                client.WriteFrame(false, opcode, digits part)
                client.SendPing(digits part)
                client.WriteFrame(true, Opcode.Pong, "?"B)
                client.Read() =! PongOf(digits part)

            client.WriteFrame(true, Opcode.Continuation, [||])

            client.Read()
            =! Data(Opcode.Text, true, Array.concat [ for part in 1..100 -> digits part ]))
    ]

/// Runs work on a thread with a small stack.
let private onSmallStack (work: unit -> unit) =
    let mutable error: exn = null

    let thread =
        Thread(
            (fun () ->
                try
                    work ()
                with found ->
                    error <- found),
            131_072
        )

    thread.Start()
    thread.Join()

    if not (isNull error) then
        raise error

let private million = Scale.size 200_000 1_000_000

[<Tests>]
let many =
    testList "threats of many frames at once" [
        for name, flood in
            [
                "empty fragments", repeated million (frame 0x00uy [||])
                "pings", repeated million (frame 0x89uy [||])
                "messages", repeated million (frame 0x82uy [||])
            ] do
            testCase $"F6 a million {name} in one buffer take no stack" (fun () ->
                onSmallStack (fun () ->
                    let settings = {
                        ConnectionSettings.Server with
                            Limits = Limits.Create(1_048_576L, Limits.Unlimited, Int32.MaxValue)
                    }

                    let start = ReadOnlySequence(frame 0x02uy [||])
                    let mutable state = Connection.start

                    let receive (buffer: ReadOnlySequence<byte>) =
                        let mutable rest = buffer
                        let mutable count = 0

                        while not rest.IsEmpty do
                            match FrameReader.read settings &rest with
                            | FrameParse.Complete frame ->
                                let transition = Connection.receive settings state (Input.Received frame)
                                state <- transition.State
                                rest <- rest.Slice frame.Header.FrameLength
                                count <- count + 1
                            | _ -> failwith "whole frames were given"

                        count

                    if flood[0] = 0x00uy then
                        receive start |> ignore

                    receive (ReadOnlySequence flood) =! million))

        testCase "F14 a Receive with a timeout ends in time whatever comes, and loses nothing" (fun () ->
            let clock = FakeClock()
            use timedOut = new ManualResetEventSlim(false)

            let server, outcome =
                ServerOptions(TimeProvider = clock, PingInterval = Nullable(), MaxFragments = Int32.MaxValue)
                |> handling (fun connection ->
                    try
                        connection.Receive(TimeSpan.FromSeconds 1.0).Text
                    with :? TimeoutException ->
                        timedOut.Set()
                        connection.Receive().Text)

            use _ = server
            use client = client server
            client.WriteFrame(false, Opcode.Text, "begun "B)
            use stop = new ManualResetEventSlim(false)

            let flooding =
                Wait.start (fun () ->
                    let piece = repeated 50 (Array.append (frame 0x8Auy [||]) (frame 0x00uy [||]))

                    while not stop.IsSet do
                        client.Write piece)

            Wait.until "the flood is on" (fun () -> server.Connections.Count = 1)
            // The handler may not be there yet.
            Wait.until "the timeout, while the flood goes on" (fun () ->
                clock.Advance(TimeSpan.FromSeconds 1.1)
                timedOut.IsSet)

            stop.Set()
            Wait.forTask "the flood" flooding
            client.WriteFrame(true, Opcode.Continuation, "and ended"B)
            succeeds outcome =! "begun and ended")
    ]

[<Tests>]
let texts =
    testList "threats of texts" [
        testCase
            "F8 all sequences of three bytes agree with the platform's decoder, cut at each place"
            (fun () ->
                let step = Scale.size 61 1
                let data = Array.zeroCreate<byte> 3

                let isText (at: int) =
                    match Utf8.validate Utf8.start (ReadOnlySpan(data, 0, at)) with
                    | Utf8Result.Invalid _ -> false
                    | Utf8Result.Valid state ->
                        match Utf8.validate state (ReadOnlySpan(data, at, 3 - at)) with
                        | Utf8Result.Valid state -> state.IsComplete
                        | Utf8Result.Invalid _ -> false

                for value in 0..step..0xFFFFFF do
                    data[0] <- byte (value >>> 16)
                    data[1] <- byte (value >>> 8)
                    data[2] <- byte value
                    let expected = Text.Unicode.Utf8.IsValid(ReadOnlySpan data)

                    for at in 0..2 do
                        if isText at <> expected then
                            failwith $"%06X{value} cut at {at}")

        testCase
            "F8 a flood of bad text ends each connection with 1007, at its first impossible byte"
            (fun () ->
                use server = Serve.inMemory Serve.echo defaults

                for _ in 1 .. Scale.size 200 20_000 do
                    use client = client server
                    // A frame of a mebibyte, of which two bytes come.
                    client.Write [|
                        0x81uy
                        0xFFuy
                        0uy
                        0uy
                        0uy
                        0uy
                        0uy
                        0x10uy
                        0uy
                        0uy
                        0uy
                        0uy
                        0uy
                        0uy
                        0xC3uy
                        0x28uy
                    |]

                    match client.Read(), client.Read() with
                    | Closed status, End when status.Number = 1007 -> ()
                    | other -> failwith $"{other}")
    ]

/// A stream that never runs dry, and counts what is read of it.
type private Endless(frame: byte[], handshake: byte[]) =
    inherit Transport()
    let mutable position = 0
    let mutable given = 0L
    let mutable isAborted = false

    member _.Given = Volatile.Read &given
    override _.LocalEndPoint = null
    override _.RemoteEndPoint = null
    override _.IsReadable = true
    override _.WaitReadable _ = true

    override _.Read destination =
        let source = if position < handshake.Length then handshake else frame

        if isAborted then
            0
        elif position < handshake.Length then
            handshake.AsSpan().CopyTo destination
            position <- handshake.Length
            handshake.Length
        else
            let size = destination.Length / source.Length * source.Length

            for at in 0 .. source.Length .. size - source.Length do
                source.AsSpan().CopyTo(destination.Slice at)

            given <- given + int64 size
            size

    override _.Write _ = ()
    override _.TryWrite source = source.Length
    override _.ShutdownSend() = ()
    override _.Abort() = isAborted <- true
    override _.Dispose() = isAborted <- true

[<Tests>]
let watched =
    testSequenced (
        testList "threats to the watcher" [
            testCase
                "F17 a hundred floods whose handlers compute don't keep a quiet connection's ping: two rounds of 64 KiB each at most"
                (fun () ->
                    let clock = FakeClock()
                    use stop = new ManualResetEventSlim(false)

                    use server =
                        ServerOptions(
                            TimeProvider = clock,
                            CloseTimeout = Nullable(TimeSpan.FromMilliseconds 1.0)
                        )
                        |> Serve.inMemory (fun _ -> stop.Wait())

                    let request = Text.Encoding.ASCII.GetBytes PeerClient.Request
                    let floods = [ for _ in 1..100 -> new Endless(frame 0x89uy [||], request) ]

                    for flood in floods do
                        server.Admit flood

                    use quiet = client server
                    Wait.until "all are open" (fun () -> server.Connections.Count = 101)

                    Wait.until "the floods are read" (fun () ->
                        floods |> List.forall (fun flood -> flood.Given > 0L))

                    let before = [ for flood in floods -> flood.Given ]
                    clock.Advance(TimeSpan.FromSeconds 20.0)
                    quiet.Read().IsPingOf =! true

                    let read = [ for flood, before in List.zip floods before -> flood.Given - before ]

                    // One pass that was under way, the one that sent the ping, and another until this was measured.
                    List.max read <=! 4L * 65_536L
                    stop.Set()
                    clock.Advance(TimeSpan.FromSeconds 20.0)

                    for flood in floods do
                        (flood :> IDisposable).Dispose())
        ]
    )
