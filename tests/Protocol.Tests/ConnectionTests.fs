module FunctionalWs.Protocol.Tests.ConnectionTests

open System
open Expecto
open FsCheck
open FsCheck.FSharp
open Swensen.Unquote
open FunctionalWs.Protocol
open FunctionalWs.Protocol.Tests.Bytes
open FunctionalWs.Protocol.Tests.Recorded

let private status (code: int) (reason: string) =
    CloseStatus.Create(CloseCode.Create code, reason)

let private control (text: string) =
    ControlPayload.Create(ReadOnlySpan(utf8 text))

let private text (payload: string) = frame true Opcode.Text (utf8 payload)

/// The one error that a connection was failed with.
let private failure (outcome: Outcome) : ProtocolError =
    match outcome.State with
    | State.Draining(Closure.Failed(error, sent)) ->
        outcome.Outputs |> List.last =! Output.Close sent
        sent.Number =! (error.CloseCode).Value
        outcome.HalfCloses =! 1
        error
    | state -> failwith $"not failed: {state}"

let private after (command: Command) (start: Outcome) : Outcome =
    match Bytes.command start command with
    | Ok outcome -> outcome
    | Error error -> failwith $"refused: {error}"

let private server = ConnectionSettings.Server

let private serveAfter (start: Outcome) (frames: byte[] list) = receiveFrom server start frames

let private closeSent = nothingYet |> after (Command.Close(status 1000 ""))

[<Tests>]
let messages =
    testList "messages (RFC 6455 §5.4, §5.6)" [
        testCase "a message in one frame gives one event and leaves the state as it was" (fun () ->
            let outcome = serve [ text "a"; frame true Opcode.Binary [| 1uy |]; text "" ]

            outcome.Events
            =! [
                Event.Data(DataKind.Text, true)
                Event.Data(DataKind.Binary, true)
                Event.Data(DataKind.Text, true)
            ]

            test <@ obj.ReferenceEquals(outcome.State, Connection.start) @>)

        testCase "fragments belong to the message that is open, with control frames between them" (fun () ->
            let outcome =
                serve [
                    frame false Opcode.Text (utf8 "a")
                    frame true Opcode.Ping (utf8 "p")
                    frame false Opcode.Continuation [||]
                    frame true Opcode.Pong (utf8 "q")
                    frame true Opcode.Continuation (utf8 "b")
                ]

            outcome.Events
            =! [
                Event.Data(DataKind.Text, false)
                Event.Ping(control "p")
                Event.Data(DataKind.Text, false)
                Event.Pong(control "q")
                Event.Data(DataKind.Text, true)
            ]

            outcome.Outputs =! [ Output.Pong(control "p") ]
            outcome.State =! Connection.start)

        testTheory
            "a frame out of place fails the connection"
            [
                [ frame true Opcode.Continuation [||] ], ProtocolError.ContinuationUnexpected
                [ frame false Opcode.Text [||]; text "b" ], ProtocolError.ContinuationExpected
                [ frame false Opcode.Binary [||]; frame false Opcode.Binary [||] ],
                ProtocolError.ContinuationExpected
                [ text "a"; frame true Opcode.Continuation [||] ], ProtocolError.ContinuationUnexpected
            ]
            (fun (frames, error) -> failure (serve frames) =! error)

        testCase "the sum of the fragments is limited, on the header of the one too many" (fun () ->
            let settings = {
                server with
                    Limits = Limits.Create(10L, 8L, 100)
            }

            let outcome =
                receive settings [
                    frame false Opcode.Binary (Array.zeroCreate 8)
                    frame true Opcode.Continuation (Array.zeroCreate 2)
                ]

            outcome.State =! Connection.start

            receive settings [
                frame false Opcode.Binary (Array.zeroCreate 8)
                frame true Opcode.Continuation (Array.zeroCreate 3)
            ]
            |> failure
            =! ProtocolError.MessageTooBig(11L, 10L))

        testCase "the number of fragments is limited" (fun () ->
            let settings = {
                server with
                    Limits = Limits.Create(10L, 10L, 3)
            }

            let frames =
                frame false Opcode.Binary [||]
                :: List.replicate 2 (frame false Opcode.Continuation [||])

            (receive settings frames).HalfCloses =! 0

            failure (receive settings (frames @ [ frame true Opcode.Continuation [||] ]))
            =! ProtocolError.TooManyFragments 3)

        testTheory
            "text is UTF-8 over all its fragments"
            [
                [ utf8 "é" ], None
                [ [| 0xC3uy |]; [| 0xA9uy |] ], None
                [ [| 0xC3uy |]; [||]; [| 0xA9uy |] ], None
                [ [| 0xC3uy |] ], Some 1L
                [ utf8 "ab"; [| 0xC3uy |] ], Some 3L
                [ utf8 "ab"; [| 0xFFuy |] ], Some 2L
                [ [| 0xC3uy |]; [| 0x28uy |] ], Some 1L
            ]
            (fun (pieces: byte[] list, error) ->
                let last = pieces.Length - 1

                let frames =
                    pieces
                    |> List.mapi (fun i piece ->
                        frame (i = last) (if i = 0 then Opcode.Text else Opcode.Continuation) piece)

                match error with
                | None -> (serve frames).State =! Connection.start
                | Some position -> failure (serve frames) =! ProtocolError.TextNotUtf8 position)

        testCase "text isn't looked at when that is turned off, nor are bytes" (fun () ->
            let relay = { server with ValidateText = false }

            (receive relay [ frame true Opcode.Text [| 0xFFuy |] ]).State
            =! Connection.start

            (serve [ frame true Opcode.Binary [| 0xFFuy |] ]).State =! Connection.start)

        testCase "long text is validated to its end" (fun () ->
            let data = Array.create 5_000 65uy
            data[4_999] <- 0xC3uy

            failure (serve [ frame true Opcode.Text data ])
            =! ProtocolError.TextNotUtf8 5_000L

            for wrong in [ 10; 1_023; 1_024; 3_000 ] do
                let data = Array.create 5_000 65uy
                data[wrong] <- 0xFFuy

                failure (serve [ frame true Opcode.Text data ])
                =! ProtocolError.TextNotUtf8(int64 wrong))
    ]

[<Tests>]
let controls =
    testList "control frames (RFC 6455 §5.5)" [
        testTheory "a ping is answered with its own payload" [ ""; "p"; String('x', 125) ] (fun payload ->
            let outcome = serve [ frame true Opcode.Ping (utf8 payload) ]
            outcome.Events =! [ Event.Ping(control payload) ]
            outcome.Outputs =! [ Output.Pong(control payload) ]
            outcome.State =! Connection.start)

        testCase "a pong is only told" (fun () ->
            let outcome = serve [ frame true Opcode.Pong (utf8 "x") ]
            outcome.Events =! [ Event.Pong(control "x") ]
            outcome.Outputs =! [])

        testCase "after our close frame a ping is answered, until the peer's has come (§5.5.2)" (fun () ->
            let outcome = serveAfter closeSent [ frame true Opcode.Ping (utf8 "x") ]
            outcome.Events =! [ Event.Ping(control "x") ]
            List.last outcome.Outputs =! Output.Pong(control "x")

            let closed =
                serveAfter closeSent [
                    frame true Opcode.Close (close 1000 "")
                    frame true Opcode.Ping (utf8 "x")
                ]

            closed.Outputs.Length =! 1)

        testCase "every code is answered in kind when it is legal, and else refused" (fun () ->
            for code in 0..65_535 do
                let outcome = serve [ frame true Opcode.Close [| byte (code >>> 8); byte code |] ]

                match outcome.State with
                | State.Draining(Closure.Clean(received, sent, Initiator.Remote)) when CloseCode.IsValid code ->
                    if
                        received.Number <> code
                        || sent.Number <> code
                        || outcome.Outputs <> [ Output.Close sent ]
                    then
                        failwith $"{code}: {outcome}"
                | State.Draining(Closure.Failed(ProtocolError.CloseCodeInvalid found, _)) when
                    not (CloseCode.IsValid code)
                    ->
                    if found <> code then
                        failwith $"{code}: {outcome}"
                | state -> failwith $"{code}: {state}")

        testTheory
            "the payload of a close frame"
            [
                [| 3uy |], ProtocolError.CloseFrameTooShort
                [| 3uy; 0xE8uy; 0xFFuy |], ProtocolError.CloseReasonNotUtf8
                [| 3uy; 0xE8uy; 0xC3uy |], ProtocolError.CloseReasonNotUtf8
                [| 3uy; 0xEDuy |], ProtocolError.CloseCodeInvalid 1005
            ]
            (fun (payload, error) -> failure (serve [ frame true Opcode.Close payload ]) =! error)
    ]

[<Tests>]
let closing =
    testList "closing (RFC 6455 §7.1)" [
        testTheory
            "the peer's close is answered with the same, then our side is shut"
            [ CloseStatus.NoStatus; status 1000 ""; status 4000 "grüße" ]
            (fun received ->
                let outcome = serve [ frame true Opcode.Close (received.ToArray()) ]
                outcome.Events =! [ Event.Close received ]
                outcome.Outputs =! [ Output.Close received ]
                outcome.HalfCloses =! 1

                outcome.State
                =! State.Draining(Closure.Clean(received, received, Initiator.Remote)))

        testCase "our close waits for the peer's, and messages still come" (fun () ->
            closeSent.Outputs =! [ Output.Close(status 1000 "") ]
            closeSent.HalfCloses =! 0

            let outcome =
                serveAfter closeSent [ text "late"; frame true Opcode.Close (close 1001 "") ]

            outcome.Events
            =! [ Event.Data(DataKind.Text, true); Event.Close(status 1001 "") ]

            outcome.Outputs.Length =! 1
            outcome.HalfCloses =! 1

            outcome.State
            =! State.Draining(Closure.Clean(status 1001 "", status 1000 "", Initiator.Local)))

        testCase "a close between fragments is answered, and the message forgotten" (fun () ->
            let outcome =
                serve [ frame false Opcode.Text (utf8 "a"); frame true Opcode.Close (close 1000 "") ]

            outcome.State
            =! State.Draining(Closure.Clean(status 1000 "", status 1000 "", Initiator.Remote)))

        testCase "after a close nothing is looked at" (fun () ->
            let closed = serve [ frame true Opcode.Close [||] ]
            serveAfter closed [ text "x"; frame true Opcode.Ping [||] ] =! closed
            input server closed (Input.Broken ProtocolError.MaskMissing) =! closed)

        testCase "an error while our close waits sends no second close frame" (fun () ->
            let outcome = serveAfter closeSent [ frame true Opcode.Continuation [||] ]
            outcome.Outputs.Length =! 1
            outcome.HalfCloses =! 1

            outcome.State
            =! State.Draining(Closure.Failed(ProtocolError.ContinuationUnexpected, status 1000 "")))

        testCase "the client lets the server shut the stream first" (fun () ->
            let received = frameOf Role.Server true Opcode.Close (close 1000 "")
            let outcome = receive ConnectionSettings.Client [ received ]
            outcome.Outputs =! [ Output.Close(status 1000 "") ]
            outcome.HalfCloses =! 0
            (input ConnectionSettings.Client outcome Input.EndOfStream).HalfCloses =! 1)

        testCase "the end of the stream ends every state" (fun () ->
            let endOf outcome =
                (input server outcome Input.EndOfStream).State

            endOf nothingYet =! State.Closed(Closure.Lost ValueNone)
            endOf closeSent =! State.Closed(Closure.Lost(ValueSome(status 1000 "")))

            let closure =
                Closure.Clean(CloseStatus.NoStatus, CloseStatus.NoStatus, Initiator.Remote)

            endOf (serve [ frame true Opcode.Close [||] ]) =! State.Closed closure

            endOf {
                nothingYet with
                    State = State.Closed closure
            }
            =! State.Closed closure)
    ]

[<Tests>]
let commands =
    let refused (start: Outcome) (command: Command) =
        match Bytes.command start command with
        | Error error -> error
        | Ok outcome -> failwith $"{outcome}"

    let everything = [
        Command.Message DataKind.Text
        Command.FirstFragment DataKind.Binary
        Command.NextFragment true
        Command.Ping(control "x")
        Command.Pong(control "x")
        Command.Close(status 1000 "")
    ]

    testList "commands" [
        testCase "a message is one frame and leaves the state as it was" (fun () ->
            let outcome = nothingYet |> after (Command.Message DataKind.Text)
            outcome.Outputs =! [ Output.Data(Opcode.Text, true) ]
            test <@ obj.ReferenceEquals(outcome.State, Connection.start) @>)

        testCase "fragments: the kind, then continuations, then the last" (fun () ->
            let outcome =
                nothingYet
                |> after (Command.FirstFragment DataKind.Binary)
                |> after (Command.NextFragment false)
                |> after (Command.Ping(control "x"))
                |> after (Command.NextFragment true)

            outcome.Outputs
            =! [
                Output.Data(Opcode.Binary, false)
                Output.Data(Opcode.Continuation, false)
                Output.Ping(control "x")
                Output.Data(Opcode.Continuation, true)
            ]

            outcome.State =! Connection.start)

        testCase "inside a fragmented message only its fragments and control frames fit" (fun () ->
            let inside = nothingYet |> after (Command.FirstFragment DataKind.Text)
            refused inside (Command.Message DataKind.Text) =! SendError.MessageUnfinished

            refused inside (Command.FirstFragment DataKind.Text)
            =! SendError.MessageUnfinished

            refused nothingYet (Command.NextFragment true) =! SendError.NoMessageBegun

            (inside |> after (Command.Close(status 1001 ""))).State
            =! State.CloseSent(status 1001 "", ValueNone))

        testCase "nothing can be sent once a close frame has gone out" (fun () ->
            let states = [
                closeSent
                serve [ frame true Opcode.Close [||] ]
                serve [ frame true Opcode.Continuation [||] ]
                input server nothingYet Input.EndOfStream
            ]

            for state in states do
                for command in everything do
                    refused state command =! SendError.Closing)

        testCase "failing sends a close frame and shuts our side at once" (fun () ->
            let outcome = nothingYet |> after (Command.Fail(status 1011 "x"))
            outcome.Outputs =! [ Output.Close(status 1011 "x") ]
            outcome.HalfCloses =! 1
            outcome.State =! State.Draining(Closure.Abandoned(status 1011 "x"))
            let given = closeSent |> after (Command.Fail(status 1011 "x"))
            given.Outputs.Length =! 1
            given.State =! State.Draining(Closure.Abandoned(status 1000 "")))
    ]

/// A client's frame that no rule has been applied to: a writer wouldn't write all of them.
let private anyFrame (fin: bool) (opcode: Opcode) (payload: byte[]) : byte[] =
    let bytes = frame true opcode payload

    if not fin then
        bytes[0] <- bytes[0] &&& 0x7Fuy

    bytes

[<Tests>]
let totality =
    testList "whatever comes" [
        testProperty
            "no bytes make a connection throw, however they arrive"
            (fun (data: byte[]) (cuts: int list) ->
                data.Length = 0 || (serve (cut cuts data)).Outputs.Length >= 0)

        testProperty
            "the arrivals don't matter"
            (fun (frames: (bool * byte * byte[]) list) (cuts: int list) ->
                let opcodes = [|
                    Opcode.Text
                    Opcode.Binary
                    Opcode.Continuation
                    Opcode.Ping
                    Opcode.Pong
                    Opcode.Close
                |]

                let wire = [|
                    for fin, opcode, payload in frames do
                        yield! anyFrame fin opcodes[int opcode % opcodes.Length] (Array.truncate 125 payload)
                |]

                wire.Length = 0 || serve [ wire ] = serve (cut cuts wire))
    ]

let private opcodes = [|
    Opcode.Continuation
    Opcode.Text
    Opcode.Binary
    Opcode.Close
    Opcode.Ping
    Opcode.Pong
|]

/// Frames as callers can make them by hand, most of which no reader makes.
let private byHand: Gen<Frame> =
    gen {
        let! fin = Gen.elements [ true; false ]
        let! bits = Gen.choose (0, 255)
        let! opcode = Gen.elements opcodes
        let! key = Gen.elements [ ValueNone; ValueSome 0u; ValueSome 0x3D21FA37u ]
        let! size = Gen.elements [ 0; 1; 2; 124; 125; 126; 200; 1_024; 1_025; 5_000 ]
        let! payload = Gen.choose (0, 255) |> Gen.map byte |> Gen.arrayOfLength size
        let! isAscii = Gen.elements [ true; false ]

        let! announced =
            Gen.elements [ int64 size; 0L; -1L; 126L; Int64.MaxValue; Int64.MinValue ]

        let! cuts = Gen.choose (0, 300) |> Gen.listOfLength 3

        let payload =
            if isAscii then
                Array.map (fun b -> b &&& 0x7Fuy) payload
            else
                payload

        return {
            Header = {
                Fin = fin
                ReservedBits = LanguagePrimitives.EnumOfValue(byte (if fin then bits else 0))
                Opcode = opcode
                MaskingKey = key
                PayloadLength = announced
                Size = size
            }
            Payload = segments cuts payload
        }
    }

let private anyLength =
    Gen.elements [ 0L; 1L; -1L; 1_048_576L; Int64.MaxValue; Int64.MinValue ]

let private partial: Gen<PartialMessage> =
    gen {
        let! kind = Gen.elements [ DataKind.Text; DataKind.Binary ]
        let! bits = Gen.elements [ 0uy; 4uy; 255uy ]
        let! size = anyLength
        let! fragment = anyLength
        let! wire = anyLength
        let! count = Gen.elements [ 0; 1; -1; Int32.MaxValue; Int32.MinValue ]

        return {
            Kind = kind
            ReservedBits = LanguagePrimitives.EnumOfValue bits
            Size = size
            FragmentSize = fragment
            WireSize = wire
            Fragments = count
            Text = owedAfter (Array.truncate (count &&& 1) [| 0xC3uy |])
        }
    }

let private anyState: Gen<State> =
    gen {
        let! receiving = Gen.oneof [ Gen.constant ValueNone; Gen.map ValueSome partial ]
        let closure = Closure.Abandoned CloseStatus.NoStatus

        return!
            Gen.elements [
                State.Open(receiving, ValueNone)
                State.CloseSent(CloseStatus.NoStatus, receiving)
                State.Draining closure
                State.Closed closure
            ]
    }

let private anyError =
    Gen.elements [
        ProtocolError.ReservedBits 255uy
        ProtocolError.FragmentTooBig(Int64.MinValue, Int64.MinValue)
        ProtocolError.MessageTooBig(Int64.MinValue, Int64.MinValue)
        ProtocolError.ExtensionFailed(Unchecked.defaultof<string>, String('é', 500))
        ProtocolError.CloseCodeInvalid Int32.MinValue
    ]

[<Tests>]
let total =
    testList "inputs made by hand" [
        testProperty
            "have one answer each in every state, and none makes it throw"
            (Prop.forAll
                (Arb.fromGen (
                    Gen.zip (Gen.zip byHand anyError) (Gen.zip anyState (Gen.elements [ true; false ]))
                ))
                (fun ((frame, error), (state, isServer)) ->
                    let settings =
                        if isServer then
                            ConnectionSettings.Server
                        else
                            ConnectionSettings.Client

                    for input in [ Input.Received frame; Input.Broken error; Input.EndOfStream ] do
                        let next = (Connection.receive settings state input).State
                        test <@ not (isNull (box next)) @>))

        testTheory
            "that are control frames no reader lets through fail the connection as the reader would"
            [
                Opcode.Close, true, 126, ProtocolError.ControlFrameTooLong Opcode.Close
                Opcode.Ping, true, 200, ProtocolError.ControlFrameTooLong Opcode.Ping
                Opcode.Pong, true, 126, ProtocolError.ControlFrameTooLong Opcode.Pong
                Opcode.Ping, false, 0, ProtocolError.ControlFrameFragmented Opcode.Ping
                Opcode.Close, false, 200, ProtocolError.ControlFrameFragmented Opcode.Close
            ]
            (fun (opcode, fin, size, error) ->
                let frame: Frame = {
                    Header = {
                        Fin = fin
                        ReservedBits = ReservedBits.None
                        Opcode = opcode
                        MaskingKey = ValueNone
                        PayloadLength = int64 size
                        Size = 2
                    }
                    Payload = whole (Array.zeroCreate size)
                }

                failure (input server nothingYet (Input.Received frame)) =! error)

        testCase "that hold null are refused by the parameter's name" (fun () ->
            let named (work: unit -> unit) : string | null =
                try
                    work ()
                    "let in"
                with :? ArgumentNullException as error ->
                    error.ParamName

            let receive settings state input () =
                Connection.receive settings state input |> ignore

            let send state command () = Connection.send state command |> ignore

            let endpoint = WebSocketEndpoint.Create server
            let noStatus = Unchecked.defaultof<CloseStatus>
            let noPayload = Unchecked.defaultof<ControlPayload>
            let noClosure = Unchecked.defaultof<Closure>

            let noLimits = {
                server with
                    Limits = Unchecked.defaultof<Limits>
            }

            let ended = Input.EndOfStream

            named (receive noLimits Connection.start ended) =! "settings"

            named (receive server Connection.start (Input.Broken Unchecked.defaultof<ProtocolError>))
            =! "input"

            for state in
                [
                    State.CloseSent(noStatus, ValueNone)
                    State.Draining noClosure
                    State.Closed noClosure
                ] do
                named (receive server state ended) =! "state"
                named (send state (Command.Message DataKind.Text)) =! "state"

            for command in
                [
                    Command.Ping noPayload
                    Command.Pong noPayload
                    Command.Close noStatus
                    Command.Fail noStatus
                ] do
                named (send Connection.start command) =! "command"
                named (fun () -> endpoint.Send command |> ignore) =! "command"

            named (fun () -> WebSocketEndpoint.Create noLimits |> ignore) =! "settings"

            named (fun () -> endpoint.Opened(noLimits, TimeSpan.Zero) |> ignore)
            =! "settings"

            named (fun () -> ServerSide.Create(HandshakePolicy.Default, noLimits) |> ignore)
            =! "settings"

            named (fun () -> read noLimits [||] |> ignore) =! "settings"

            named (fun () -> FrameReader.readHeaderOf noLimits ReadOnlySpan.Empty |> ignore)
            =! "settings"

            named (fun () ->
                endpoint.Adopt(Unchecked.defaultof<ReceiveStep>, Buffers.ArrayBufferWriter<byte>())
                |> ignore)
            =! "step"

            for rule in
                [
                    Unchecked.defaultof<OriginRule>
                    OriginRule.Exact Unchecked.defaultof<string>
                    OriginRule.Matching Unchecked.defaultof<Predicate<string>>
                ] do
                named (fun () -> HandshakePolicy(origins = [ rule ]) |> ignore) =! "origins"

            named (fun () -> HandshakePolicy(subprotocols = [ Unchecked.defaultof<string> ]) |> ignore)
            =! "subprotocols")
    ]
