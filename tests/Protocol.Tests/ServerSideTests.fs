/// From the first byte to the first frame, and what a step can't be made without.
module FunctionalWs.Protocol.Tests.ServerSideTests

open System
open System.Buffers
open System.Text
open Expecto
open Swensen.Unquote
open FunctionalWs.Protocol

let private sample =
    "GET /chat HTTP/1.1\r\nHost: h\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
    + "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n"
    + "Sec-WebSocket-Protocol: chat\r\n\r\n"

let private policy = HandshakePolicy(subprotocols = [ "chat" ])

let private start = ServerSide.Create(policy, ConnectionSettings.Server)

let private nowhere () = ArrayBufferWriter<byte>()

/// What becomes of arrivals: how it ends, the answers, and the bytes of messages.
let private feed (arrivals: byte[] list) =
    let answers, data = ArrayBufferWriter(), ArrayBufferWriter()

    let rec next (side: ServerSide) (halfCloses: int) (bytes: byte[]) (rest: byte[] list) =
        match bytes, rest with
        | [||], [] -> side, halfCloses
        | [||], arrival :: rest -> next side halfCloses arrival rest
        | bytes, _ ->
            let step = side.Receive(bytes, data, answers, DateTimeOffset.UnixEpoch)
            let said = if step.HalfClose then 1 else 0
            step.HalfClose =! (step.Next.IsSendingOver && not side.IsSendingOver)
            next step.Next (halfCloses + said) bytes[step.Consumed ..] rest

    let side, halfCloses = next start 0 [||] arrivals
    let texts = [ answers.WrittenSpan.ToArray(); data.WrittenSpan.ToArray() ]
    side, halfCloses, [ for text: byte[] in texts -> Encoding.Latin1.GetString text ]

/// The same as values that compare.
let private outcome (arrivals: byte[] list) =
    let side, halfCloses, texts = feed arrivals

    let target =
        match side.TryGetRequest() with
        | true, request -> request.Target
        | false, _ -> "-"

    $"{side}", side.IsRefused, side.IsClosed, halfCloses, target, side.Subprotocol, texts

let private key = 7u

let private close (sender: Role) =
    Bytes.frameOf sender true Opcode.Close ((CloseStatus.Create(CloseCode.GoingAway, "")).ToArray())

[<Tests>]
let tests =
    testList "a server's side from the first byte" [
        testTheory
            "comes to its end with the answer that is due, however the bytes are cut"
            [
                sample + "\x81\x82\x00\x00\x00\x00hi\x81\x80",
                ("Server, Open", false, false, 0, "/chat", "chat"),
                ("HTTP/1.1 101 ", "hi")
                sample + "\x83\x80\x00\x00\x00\x00",
                ("Server, Draining, failed: invalid opcode 0x3; sent 1002 'invalid opcode 0x3'",
                 false,
                 false,
                 1,
                 "/chat",
                 "chat"),
                ("HTTP/1.1 101 ", "")
                sample.Replace("chat\r\n\r\n", "x\r\n\r\n") + "more",
                ("refused", true, false, 1, "/chat", null),
                ("HTTP/1.1 400 ", "")
                sample.Replace("GET", "PUT"),
                ("refused", true, false, 1, "/chat", null),
                ("HTTP/1.1 405 ", "")
                "GET / HTTP/1.1\r\n:\r\nmore", ("refused", true, false, 1, "-", null), ("HTTP/1.1 400 ", "")
                "GET /" + String('x', 9_000), ("refused", true, false, 1, "-", null), ("HTTP/1.1 414 ", "")
                "\x16\x03\x01", ("ended without a connection", false, true, 1, "-", null), ("", "")
                sample.Substring(0, 100),
                ("a head of which 4 lines have been read, 70 bytes", false, false, 0, "-", null),
                ("", "")
            ]
            (fun (text, (shown, isRefused, isClosed, halfCloses, target, subprotocol), (answer, data)) ->
                let bytes = Encoding.Latin1.GetBytes text
                let found = outcome [ bytes ]
                let side, refused, closed, halves, asked, chosen, texts = found

                (refused, closed, halves, asked, chosen)
                =! (isRefused, isClosed, halfCloses, target, subprotocol)

                side =! shown
                test <@ texts[0].StartsWith(answer, StringComparison.Ordinal) @>
                (texts[0] = "") =! (answer = "")
                test <@ texts[1] = data @>
                outcome [ for value in bytes -> [| value |] ] =! found
                outcome [ bytes[..40]; bytes[41..] ] =! found)

        testCase "is over when both sides have ended" (fun () ->
            for text in [ ""; "GET / HTTP/1.1\r\n:\r\n"; sample; "\x16" ] do
                let side, _, _ = feed [ Encoding.Latin1.GetBytes text ]
                let step = side.EndOfStream()
                (step.Next.IsClosed, step.Next.IsSendingOver, step.Consumed) =! (true, true, 0)
                step.HalfClose =! not side.IsSendingOver
                let again = step.Next.EndOfStream().Next
                obj.ReferenceEquals(again, step.Next) =! true)

        testCase "sends once it is open, and gives its endpoint" (fun () ->
            let side, _, _ = feed [ Encoding.Latin1.GetBytes sample ]
            let output = nowhere ()
            let command = Command.Message DataKind.Text

            let send (side: ServerSide) =
                side.Send(command, ReadOnlySpan.Empty, output)

            obj.ReferenceEquals(side.Send(command, "hi"B, output), side) =! true
            output.WrittenSpan.ToArray() =! [| 0x81uy; 2uy; byte 'h'; byte 'i' |]
            isNull side.Endpoint =! false

            let closing =
                side.Send(Command.Close CloseStatus.NoStatus, ReadOnlySpan.Empty, output)

            $"{closing}" =! "Server, CloseSent no code"
            isNull start.Endpoint =! true

            for early in [ start; side.EndOfStream().Next; start.EndOfStream().Next ] do
                if isNull early.Endpoint then
                    raises<InvalidOperationException> <@ send early @>)

        testCase "is for servers, and names what is missing" (fun () ->
            let receive (answers: ArrayBufferWriter<byte>) =
                start.Receive(ReadOnlySpan.Empty, nowhere (), answers, DateTimeOffset.UnixEpoch)
                |> ignore

            raisesWith<ArgumentException>
                <@ ServerSide.Create(policy, ConnectionSettings.Client) @>
                (fun error -> <@ error.ParamName = "settings" @>)

            raisesWith<ArgumentNullException>
                <@ receive (Unchecked.defaultof<ArrayBufferWriter<byte>>) @>
                (fun error -> <@ error.ParamName = "answers" @>))

        testCase "takes heads within other limits" (fun () ->
            let small =
                ServerSide.Create(policy, ConnectionSettings.Server, HeadLimits(maxHeadSize = 64))

            let answers = nowhere ()

            (small.Receive(Encoding.Latin1.GetBytes sample, nowhere (), answers, DateTimeOffset.UnixEpoch))
                .Next.IsRefused
            =! true

            test <@ (Encoding.Latin1.GetString answers.WrittenSpan).StartsWith "HTTP/1.1 431 " @>)
    ]

[<Tests>]
let keys =
    /// The parameter that a call says is missing.
    let missing (call: unit -> unit) =
        try
            call ()
            "nothing"
        with :? ArgumentNullException as error ->
            string error.ParamName

    testList "masking keys" [
        testCase "a client that forgets one is told at once, whatever would be written" (fun () ->
            let client = WebSocketEndpoint.Create ConnectionSettings.Client
            let writer = nowhere ()

            missing (fun () -> client.Receive(ReadOnlySpan.Empty, writer, writer) |> ignore)
            =! "key"

            missing (fun () ->
                let buffer = ReadOnlySequence<byte> [| 0x89uy; 0uy |]
                client.Receive(&buffer, writer, writer) |> ignore)
            =! "key"

            missing (fun () -> client.Adopt(client.EndOfStream(), writer) |> ignore)
            =! "key"

            missing (fun () -> client.Send(Command.NextFragment true, ReadOnlySpan.Empty, writer) |> ignore)
            =! "key"

            writer.WrittenCount =! 0)

        testCase "zero is one, and a server needs none" (fun () ->
            let client = WebSocketEndpoint.Create ConnectionSettings.Client
            let writer = nowhere ()

            client.Send(Command.Message DataKind.Text, "hi"B, writer, 0u) |> ignore

            writer.WrittenSpan.ToArray()
            =! [| 0x81uy; 0x82uy; 0uy; 0uy; 0uy; 0uy; byte 'h'; byte 'i' |]

            let server = WebSocketEndpoint.Create ConnectionSettings.Server

            (server.Send(Command.Message DataKind.Text, "hi"B, nowhere ())).Refused
            =! ValueNone

            (server.Receive([| 0x89uy; 0x80uy; 0uy; 0uy; 0uy; 0uy |], nowhere (), writer)).Consumed
            =! 6)
    ]

[<Tests>]
let ends =
    /// The same of a value as of the step that led to it: said once, kept for ever.
    let check (before: WebSocketEndpoint) (next: WebSocketEndpoint) (said: bool) =
        said =! (next.IsSendingOver && not before.IsSendingOver)

    let receive (endpoint: WebSocketEndpoint) (bytes: byte[]) =
        let step = endpoint.Receive(bytes, nowhere (), nowhere (), key)
        check endpoint step.Next step.HalfClose
        step.Next

    let endOfStream (endpoint: WebSocketEndpoint) =
        let step = endpoint.EndOfStream()
        check endpoint step.Next step.HalfClose
        step.Next

    let send (command: Command) (endpoint: WebSocketEndpoint) =
        let step = endpoint.Send command
        check endpoint step.Next step.HalfClose
        step.Next

    let goodbye = Command.Close(CloseStatus.Create(CloseCode.NormalClosure, ""))
    let failure = Command.Fail(CloseStatus.Create(CloseCode.InternalError, ""))

    testList "the end of our side" [
        testTheory "is kept by what follows the step that says it" [ Role.Server; Role.Client ] (fun role ->
            let settings, peer =
                if role.IsServer then
                    ConnectionSettings.Server, Role.Client
                else
                    ConnectionSettings.Client, Role.Server

            let opened = WebSocketEndpoint.Create settings
            opened.IsSendingOver =! false
            (send goodbye opened).IsSendingOver =! false
            (endOfStream opened).IsSendingOver =! true
            (endOfStream (send goodbye opened)).IsSendingOver =! true
            (send failure opened).IsSendingOver =! true
            (receive opened [| 0x83uy; 0x80uy |]).IsSendingOver =! true
            (receive (send goodbye opened) [| 0x83uy; 0x80uy |]).IsSendingOver =! true

            // RFC 6455 §7.1.1: a client lets the server go first.
            for closed in [ receive opened (close peer); receive (send goodbye opened) (close peer) ] do
                closed.IsSendingOver =! role.IsServer
                (receive closed [| 0x81uy |]).IsSendingOver =! role.IsServer
                (send goodbye closed).IsSendingOver =! role.IsServer
                (endOfStream closed).IsSendingOver =! true
                (endOfStream (endOfStream closed)).IsSendingOver =! true)
    ]
