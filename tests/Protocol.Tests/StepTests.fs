/// One small test for each kind of step from each state; docs/img/states-tested.svg is drawn from what they take.
module FunctionalWs.Protocol.Tests.StepTests

open System
open Expecto
open Swensen.Unquote
open FunctionalWs.Protocol
open FunctionalWs.Protocol.Tests.Bytes
open FunctionalWs.Protocol.Tests.Hearing
open FunctionalWs.Protocol.Tests.Recorded

let private bye = CloseStatus.Create(CloseCode.GoingAway, "bye")

let private server = {
    ConnectionSettings.Server with
        Limits = Limits.Create(5L, 3L, 2)
        ReservedBits = ReservedBits.Rsv1
}

let private accepted (state: State) (command: Command) : Transition =
    match Connection.send state command with
    | SendResult.Accepted transition -> transition
    | SendResult.Refused error -> failwith $"refused: {error}"

let private refused (state: State) (command: Command) : SendError =
    match Connection.send state command with
    | SendResult.Accepted transition -> failwith $"accepted: {transition}"
    | SendResult.Refused error -> error

let private opcodeOf (kind: DataKind) =
    if kind.IsText then Opcode.Text else Opcode.Binary

let private takeBytes (settings: ConnectionSettings) (state: State) (bytes: byte[]) : Transition =
    let buffer = whole bytes

    match FrameReader.read settings &buffer with
    | FrameParse.Complete frame -> Connection.receive settings state (Input.Received frame)
    | FrameParse.Malformed error -> Connection.receive settings state (Input.Broken error)
    | FrameParse.Incomplete -> failwith "a whole frame"

let private take settings state fin opcode payload =
    takeBytes settings state (frame fin opcode payload)

let private marked (frame: byte[]) : byte[] =
    let copy = Array.copy frame
    copy[0] <- copy[0] ||| 0x40uy
    copy

let private kinds = [ DataKind.Text; DataKind.Binary ]

/// A connection in which messages still come: open or not, and with the beginning of a message of two bytes or not.
type private Live = {
    IsOpen: bool
    Inside: DataKind option
} with

    member live.State =
        let state =
            if live.IsOpen then
                Connection.start
            else
                (accepted Connection.start (Command.Close bye)).State

        match live.Inside with
        | None -> state
        | Some kind -> (take server state false (opcodeOf kind) "ab"B).State

let private live = [
    for isOpen in [ true; false ] do
        for inside in [ None; Some DataKind.Text; Some DataKind.Binary ] do
            { IsOpen = isOpen; Inside = inside }
]

let private between = live |> List.filter (fun live -> live.Inside.IsNone)

let private inside =
    live
    |> List.choose (fun live -> live.Inside |> Option.map (fun kind -> live, kind))

/// Fails with this error: a close frame with its code, if none was sent before, and our side is shut.
let private fails (live: Live) (error: ProtocolError) (transition: Transition) =
    let told = CloseStatus.Create(error.CloseCode, error.Description)

    let sent = if live.IsOpen then told else bye
    transition.State =! State.Draining(Closure.Failed(error, sent))
    transition.Event =! ValueNone

    transition.Output
    =! (if live.IsOpen then
            ValueSome(Output.Close told)
        else
            ValueNone)

    transition.HalfClose =! true

/// Tells this, or nothing, and writes nothing.
let private tells (event: Event voption) (transition: Transition) =
    transition.Event =! event
    transition.Output =! ValueNone
    transition.HalfClose =! false

let private receivingOf (state: State) =
    match state with
    | State.Open(receiving, _)
    | State.CloseSent(_, receiving) -> receiving
    | State.Draining _
    | State.Closed _ -> failwith $"over: {state}"

[<Tests>]
let frames =
    testList "a whole frame" [
        testTheory "of a message in one frame leaves no trace" between (fun live ->
            for kind in kinds do
                let transition = take server live.State true (opcodeOf kind) "ab"B
                transition |> tells (ValueSome(Event.Data(kind, true)))
                transition.State =! live.State)

        testTheory "that begins a message is remembered" between (fun live ->
            for kind in kinds do
                let transition = take server live.State false (opcodeOf kind) "ab"B
                transition |> tells (ValueSome(Event.Data(kind, false)))
                let message = (receivingOf transition.State).Value
                (message.Kind, message.Size, message.Fragments) =! (kind, 2L, 1))

        testTheory "that continues a message adds to it, or ends it" inside (fun (live, kind) ->
            let more = take server live.State false Opcode.Continuation "c"B
            more |> tells (ValueSome(Event.Data(kind, false)))
            let message = (receivingOf more.State).Value
            (message.Size, message.FragmentSize, message.Fragments) =! (3L, 1L, 2)
            let last = take server live.State true Opcode.Continuation "c"B
            last |> tells (ValueSome(Event.Data(kind, true)))
            receivingOf last.State =! ValueNone)

        testTheory "of a message out of place breaks a rule" live (fun live ->
            match live.Inside with
            | None ->
                take server live.State true Opcode.Continuation ""B
                |> fails live ProtocolError.ContinuationUnexpected
            | Some _ ->
                for kind in kinds do
                    take server live.State true (opcodeOf kind) ""B
                    |> fails live ProtocolError.ContinuationExpected)

        testTheory "one too many breaks a rule" inside (fun (live, _) ->
            let two = take server live.State false Opcode.Continuation ""B

            take server two.State true Opcode.Continuation ""B
            |> fails live (ProtocolError.TooManyFragments 2))

        testTheory "that is too big breaks a rule" live (fun live ->
            // A frame of a message that is marked is judged by its data, as soon as they are more than a frame may have.
            match live.Inside with
            | None ->
                for kind in kinds do
                    take server live.State true (opcodeOf kind) "abcd"B
                    |> fails live (ProtocolError.FragmentTooBig(4L, 3L))
            | Some _ ->
                take server live.State true Opcode.Continuation "abcd"B
                |> fails live (ProtocolError.FragmentTooBig(4L, 3L)))

        testTheory "that makes its message too big breaks a rule" live (fun live ->
            let large = {
                server with
                    Limits = Limits.Create(4L, 9L, 2)
            }

            match live.Inside with
            | None ->
                take large live.State true Opcode.Binary "abcde"B
                |> fails live (ProtocolError.MessageTooBig(5L, 4L))
            | Some _ ->
                take large live.State true Opcode.Continuation "cde"B
                |> fails live (ProtocolError.MessageTooBig(5L, 4L)))

        testTheory "of a message that is marked is no data yet" between (fun live ->
            for kind in kinds do
                for fin in [ true; false ] do
                    takeBytes server live.State (marked (frame fin (opcodeOf kind) "ab"B))
                    |> fails live (ProtocolError.ReservedBits 4uy))

        testTheory "of text has to be UTF-8, at its end too" live (fun live ->
            match live.Inside with
            | None ->
                for wrong, position in [ [| 0xFFuy |], 0L; [| 0xC3uy |], 1L ] do
                    take server live.State true Opcode.Text wrong
                    |> fails live (ProtocolError.TextNotUtf8 position)
            | Some kind when kind.IsText ->
                for wrong, position in [ [| 0xFFuy |], 2L; [| 0xC3uy |], 3L ] do
                    take server live.State true Opcode.Continuation wrong
                    |> fails live (ProtocolError.TextNotUtf8 position)
            | Some _ ->
                take server live.State true Opcode.Continuation [| 0xFFuy |]
                |> tells (ValueSome(Event.Data(DataKind.Binary, true))))
    ]

[<Tests>]
let controls =
    testList "a control frame" [
        testTheory "may come at any time" live (fun live ->
            let payload = ControlPayload.Create(ReadOnlySpan "x"B)
            let ping = take server live.State true Opcode.Ping "x"B
            ping.Event =! ValueSome(Event.Ping payload)

            ping.Output =! ValueSome(Output.Pong payload)

            ping.State =! live.State
            let pong = take server live.State true Opcode.Pong "x"B
            pong |> tells (ValueSome(Event.Pong payload))
            pong.State =! live.State)

        testTheory "that closes is answered, or is the answer" live (fun live ->
            let status = CloseStatus.Create(CloseCode.NormalClosure, "")
            let transition = take server live.State true Opcode.Close (close 1000 "")
            transition.Event =! ValueSome(Event.Close status)
            transition.HalfClose =! true

            if live.IsOpen then
                transition.Output =! ValueSome(Output.Close status)

                transition.State
                =! State.Draining(Closure.Clean(status, status, Initiator.Remote))
            else
                transition.Output =! ValueNone
                transition.State =! State.Draining(Closure.Clean(status, bye, Initiator.Local)))

        testTheory "that closes wrongly breaks a rule" live (fun live ->
            for payload, error in
                [
                    [| 3uy |], ProtocolError.CloseFrameTooShort
                    [| 3uy; 0xEDuy |], ProtocolError.CloseCodeInvalid 1005
                    [| 3uy; 0xE8uy; 0xFFuy |], ProtocolError.CloseReasonNotUtf8
                ] do
                take server live.State true Opcode.Close payload |> fails live error)
    ]

/// One of each rule that a frame breaks by itself, or that an extension finds broken.
let private ofFrames = [
    ProtocolError.ReservedOpcode 3uy
    ProtocolError.ReservedBits 1uy
    ProtocolError.MaskMissing
    ProtocolError.MaskForbidden
    ProtocolError.LengthNotMinimal 1L
    ProtocolError.LengthTopBit
    ProtocolError.ControlFrameTooLong Opcode.Ping
    ProtocolError.ControlFrameFragmented Opcode.Ping
    ProtocolError.FragmentTooBig(2L, 1L)
    ProtocolError.MessageTooBig(2L, 1L)
    ProtocolError.CompressedDataInvalid
    ProtocolError.CompressedDataIncomplete
    ProtocolError.InflateRatioExceeded 10
    ProtocolError.ExtensionFailed("x", "y")
]

[<Tests>]
let ends =
    testList "the end" [
        testTheory "comes with each broken rule, and its code" ofFrames (fun error ->
            for live in live do
                Connection.receive server live.State (Input.Broken error) |> fails live error)

        testTheory "comes with the end of the stream" live (fun live ->
            let ended = Connection.receive server live.State Input.EndOfStream
            let sent = if live.IsOpen then ValueNone else ValueSome bye
            ended.State =! State.Closed(Closure.Lost sent)
            ended.HalfClose =! true)

        testCase "is final: whatever comes is ignored, and nothing can be sent" (fun () ->
            let closure = Closure.Abandoned bye

            for state in [ State.Draining closure; State.Closed closure ] do
                let ignored (transition: Transition) =
                    transition |> tells ValueNone
                    obj.ReferenceEquals(transition.State, state) =! true

                for opcode in [ Opcode.Text; Opcode.Continuation; Opcode.Ping; Opcode.Pong; Opcode.Close ] do
                    take server state true opcode [||] |> ignored

                Connection.receive server state (Input.Broken ProtocolError.MaskMissing)
                |> ignored

            (Connection.receive server (State.Draining closure) Input.EndOfStream).State
            =! State.Closed closure

            Connection.receive server (State.Closed closure) Input.EndOfStream
            |> tells ValueNone)
    ]

/// An endpoint in a connection like this, and what it has said on the way is forgotten.
let private endpointOf (settings: ConnectionSettings) (live: Live) : Heard =
    let begun =
        match live.Inside with
        | None -> []
        | Some kind -> [ frame false (opcodeOf kind) "ab"B ]

    let heard = run settings begun

    hear (
        if live.IsOpen then
            heard.Endpoint
        else
            heard.Endpoint.Send(Command.Close bye).Next
    )

let private headOf (frame: byte[]) : byte[] = frame[..5]

/// Refuses this at the last byte that came: a close frame with its code, if none was sent before, and our side is shut.
let private refuses (live: Live) (error: ProtocolError) (heard: Heard) =
    let told = CloseStatus.Create(error.CloseCode, error.Description)

    brokenBy heard =! ValueSome error
    heard.HalfCloses =! 1

    heard.Endpoint.State
    =! State.Draining(Closure.Failed(error, (if live.IsOpen then told else bye)))

    heard.Answers
    =! (if live.IsOpen then
            frameOf Role.Server true Opcode.Close (told.ToArray())
        else
            [||])

[<Tests>]
let parts =
    /// The frames that fit, with a payload of three bytes, and the kind of their message.
    let frames (live: Live) (payload: byte[]) = [
        for fin in [ true; false ] do
            match live.Inside with
            | None ->
                for kind in kinds do
                    frame fin (opcodeOf kind) payload, fin, kind
            | Some kind -> frame fin Opcode.Continuation payload, fin, kind
    ]

    testList "a frame in parts" [
        testTheory "is told with its last part" live (fun live ->
            for bytes, fin, kind in frames live "cde"B do
                let first = arrive (endpointOf server live) bytes[..6]
                first.Told =! []
                let middle = arrive first bytes[7..7]
                middle.Told =! []
                middle.Data =! "cd"B
                let last = arrive middle bytes[8..]
                last.Told =! [ Incoming.Data(kind, fin) ]
                last.Data =! "cde"B

                match receivingOf last.Endpoint.State with
                | ValueNone -> fin =! true
                | ValueSome message ->
                    fin =! false
                    let before = if live.Inside.IsNone then 0L, 0 else 2L, 1

                    (message.Size, message.FragmentSize, message.Fragments)
                    =! (fst before + 3L, 3L, snd before + 1))

        testTheory "is validated as it comes, if it is text" live (fun live ->
            for bytes, _, kind in frames live [| 0xC3uy; 0xFFuy; 65uy |] do
                let relay = { server with ValidateText = false }
                (arrive (endpointOf relay live) bytes[..7]).Told =! []

                let begun = arrive (endpointOf server live) bytes[..6]
                begun.Told =! []
                let wrong = arrive begun bytes[7..7]
                let position = if live.Inside.IsNone then 1L else 3L

                if kind.IsText then
                    wrong |> refuses live (ProtocolError.TextNotUtf8 position)
                else
                    wrong.Told =! [])

        testTheory "out of place breaks a rule with its header" live (fun live ->
            match live.Inside with
            | None ->
                arrive (endpointOf server live) (headOf (frame true Opcode.Continuation "a"B))
                |> refuses live ProtocolError.ContinuationUnexpected
            | Some _ ->
                for kind in kinds do
                    arrive (endpointOf server live) (headOf (frame true (opcodeOf kind) "a"B))
                    |> refuses live ProtocolError.ContinuationExpected)

        testTheory
            "brings no more than a frame and a message may have, and its header tells"
            live
            (fun live ->
                for bytes, _, _ in frames live "abcd"B do
                    arrive (endpointOf server live) (headOf bytes)
                    |> refuses live (ProtocolError.FragmentTooBig(4L, 3L))

                let large = {
                    server with
                        Limits = Limits.Create(4L, 9L, 2)
                }

                for bytes, _, _ in frames live "abcde"B do
                    let size = if live.Inside.IsNone then 5L else 7L

                    arrive (endpointOf large live) (headOf bytes)
                    |> refuses live (ProtocolError.MessageTooBig(size, 4L)))

        testTheory "one too many breaks a rule with its header" inside (fun (live, _) ->
            let two = arrive (endpointOf server live) (frame false Opcode.Continuation ""B)

            arrive (hear two.Endpoint) (headOf (frame true Opcode.Continuation "a"B))
            |> refuses live (ProtocolError.TooManyFragments 2))

        testTheory "after the end is ignored" live (fun live ->
            let ended = (endpointOf server live).Endpoint.EndOfStream().Next

            for bytes, _, _ in frames live "cde"B do
                let heard = arrive (arrive (hear ended) bytes[..6]) bytes[7..]
                (heard.Told, heard.Data, heard.HalfCloses) =! ([], [||], 0)
                obj.ReferenceEquals(heard.Endpoint, ended) =! true)
    ]

[<Tests>]
let commands =
    let sending (kind: DataKind) =
        (accepted Connection.start (Command.FirstFragment kind)).State

    let everything = [
        for kind in kinds do
            Command.Message kind
            Command.FirstFragment kind
        Command.NextFragment false
        Command.NextFragment true
        Command.Ping ControlPayload.Empty
        Command.Pong ControlPayload.Empty
        Command.Close bye
        Command.Fail bye
    ]

    testList "a command" [
        testTheory "that sends a message is one frame" kinds (fun kind ->
            let transition = accepted Connection.start (Command.Message kind)
            transition.Output =! ValueSome(Output.Data(opcodeOf kind, true))
            transition.State =! Connection.start)

        testTheory "that sends fragments is the kind's frame, then continuations" kinds (fun kind ->
            let first = accepted Connection.start (Command.FirstFragment kind)
            first.Output =! ValueSome(Output.Data(opcodeOf kind, false))
            first.State =! State.Open(ValueNone, ValueSome kind)
            let next = accepted first.State (Command.NextFragment false)
            next.Output =! ValueSome(Output.Data(Opcode.Continuation, false))
            next.State =! first.State
            let last = accepted next.State (Command.NextFragment true)
            last.Output =! ValueSome(Output.Data(Opcode.Continuation, true))
            last.State =! Connection.start)

        testTheory "between fragments may be no other message" kinds (fun kind ->
            for other in kinds do
                refused (sending kind) (Command.Message other) =! SendError.MessageUnfinished

                refused (sending kind) (Command.FirstFragment other)
                =! SendError.MessageUnfinished)

        testTheory "without a message that was begun is no fragment of it" [ false; true ] (fun last ->
            refused Connection.start (Command.NextFragment last) =! SendError.NoMessageBegun)

        testTheory
            "that pings, closes or fails may come at any time"
            [ Connection.start; sending DataKind.Text; sending DataKind.Binary ]
            (fun state ->
                let ping = accepted state (Command.Ping ControlPayload.Empty)
                ping.Output =! ValueSome(Output.Ping ControlPayload.Empty)
                ping.State =! state
                let pong = accepted state (Command.Pong ControlPayload.Empty)
                pong.Output =! ValueSome(Output.Pong ControlPayload.Empty)
                pong.State =! state
                let closing = accepted state (Command.Close bye)
                closing.Output =! ValueSome(Output.Close bye)
                closing.HalfClose =! false
                closing.State =! State.CloseSent(bye, ValueNone)
                let failing = accepted state (Command.Fail bye)
                failing.Output =! ValueSome(Output.Close bye)
                failing.HalfClose =! true
                failing.State =! State.Draining(Closure.Abandoned bye))

        testTheory "that closes leaves the message that is coming" kinds (fun kind ->
            let coming = (take server Connection.start false (opcodeOf kind) "ab"B).State
            let closing = (accepted coming (Command.Close bye)).State

            take server closing true Opcode.Continuation "c"B
            |> tells (ValueSome(Event.Data(kind, true))))

        testCase "after our close frame can only give up" (fun () ->
            let closeSent = (accepted Connection.start (Command.Close bye)).State

            for command in everything do
                match command with
                | Command.Fail _ ->
                    let given = accepted closeSent command
                    given.Output =! ValueNone
                    given.HalfClose =! true
                    given.State =! State.Draining(Closure.Abandoned bye)
                | _ -> refused closeSent command =! SendError.Closing)

        testTheory
            "after the end is refused"
            [ State.Draining(Closure.Abandoned bye); State.Closed(Closure.Abandoned bye) ]
            (fun state ->
                for command in everything do
                    refused state command =! SendError.Closing)
    ]
