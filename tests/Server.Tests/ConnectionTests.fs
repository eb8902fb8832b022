module FunctionalWs.Server.Tests.ConnectionTests

open System
open System.Text
open System.Threading
open System.Threading.Tasks
open Microsoft.Extensions.Logging
open Expecto
open Swensen.Unquote
open FunctionalWs
open FunctionalWs.Protocol
open FunctionalWs.Server.Tests.Serve

[<Tests>]
let echoing =
    testList "messages" [
        testCase "text goes back as text, binary as binary" (fun () ->
            use server = Serve.inMemory Serve.echo defaults
            use client = Serve.client server
            client.SendText "héllo"
            client.ReadText() =! "héllo"
            client.SendBinary [| 0uy; 255uy |]
            client.Read() =! Data(Opcode.Binary, true, [| 0uy; 255uy |])
            client.SendBinary [||]
            client.Read() =! Data(Opcode.Binary, true, [||]))

        testCase "fragments become one message, with a ping between them answered" (fun () ->
            use server = Serve.inMemory Serve.echo defaults
            use client = Serve.client server
            client.WriteFrame(false, Opcode.Text, Encoding.UTF8.GetBytes "a")
            client.SendPing [| 7uy |]
            client.WriteFrame(false, Opcode.Continuation, [||])
            client.WriteFrame(true, Opcode.Continuation, Encoding.UTF8.GetBytes "bc")
            client.Read() =! PongOf [| 7uy |]
            client.ReadText() =! "abc")

        testCase "frames that come with the request are received after the handshake" (fun () ->
            use server = Serve.inMemory Serve.echo defaults
            use client = PeerClient.InMemory server
            let writer = Buffers.ArrayBufferWriter<byte>()
            FrameWriter.write true Opcode.Text (ReadOnlySpan "early"B) (ValueSome 5u) writer

            client.Write(
                Array.append (Encoding.ASCII.GetBytes PeerClient.Request) (writer.WrittenSpan.ToArray())
            )

            client.ReadResponse().StartsWith("HTTP/1.1 101 ", StringComparison.Ordinal)
            =! true

            client.ReadText() =! "early")

        testCase "a message that arrives byte by byte is the same message" (fun () ->
            use server = Serve.inMemory Serve.echo defaults
            use client = Serve.client server
            let writer = Buffers.ArrayBufferWriter<byte>()

            FrameWriter.write
                true
                Opcode.Text
                (ReadOnlySpan(Encoding.UTF8.GetBytes "drop by dröp"))
                (ValueSome 77u)
                writer

            for next in writer.WrittenSpan.ToArray() do
                client.Write [| next |]

            client.ReadText() =! "drop by dröp")

        testCase "iteration ends when the client closes normally" (fun () ->
            let server, outcome =
                handling (fun connection -> Seq.length connection.Messages) defaults

            use _ = server
            use client = Serve.client server
            client.SendText "1"
            client.SendText "2"
            client.SendClose 1000
            succeeds outcome =! 2)

        testCase "iteration throws when the client vanishes" (fun () ->
            let server, outcome =
                handling (fun connection -> Seq.length connection.Messages) defaults

            use _ = server
            use client = Serve.client server
            client.Transport.Abort()
            let error = fails outcome :?> ConnectionClosedErrorException

            test
                <@
                    isNull (box error.Received)
                    && isNull (box error.Sent)
                    && not error.ReceivedFirst.HasValue
                @>)

        testCase "small messages held back leave although the handler is busy" (fun () ->
            use busy = new ManualResetEventSlim(false)

            use server =
                defaults
                |> Serve.inMemory (fun connection ->
                    connection.Send(connection.Receive())
                    Wait.forEvent "the signal" busy)

            use client = Serve.client server
            let writer = Buffers.ArrayBufferWriter<byte>()

            for text in [ "first"B; "second"B ] do
                FrameWriter.write true Opcode.Text (ReadOnlySpan text) (ValueSome 5u) writer

            client.Write(writer.WrittenSpan.ToArray())
            client.ReadText() =! "first"
            busy.Set())

        testCase "many messages in one write come back in order" (fun () ->
            use server = Serve.inMemory Serve.echo defaults
            use client = Serve.client server
            let texts = [ for i in 1..500 -> $"message {i} {String('x', i)}" ]
            let writer = Buffers.ArrayBufferWriter<byte>()

            for text in texts do
                FrameWriter.write
                    true
                    Opcode.Text
                    (ReadOnlySpan(Encoding.UTF8.GetBytes text))
                    (ValueSome 5u)
                    writer

            client.Write(writer.WrittenSpan.ToArray())
            [ for _ in texts -> client.ReadText() ] =! texts)
    ]

[<Tests>]
let receiving =
    testList "Receive" [
        testCase "a timeout inside a fragmented message loses nothing" (fun () ->
            let clock = FakeClock()

            let server, outcome =
                ServerOptions(TimeProvider = clock, PingInterval = Nullable())
                |> handling (fun connection ->
                    let timedOut =
                        try
                            connection.Receive(TimeSpan.FromSeconds 5.0) |> ignore
                            false
                        with :? TimeoutException ->
                            true

                    connection.Send "go on"
                    timedOut, connection.Receive().Text)

            use _ = server
            use client = Serve.client server
            client.WriteFrame(false, Opcode.Text, "one "B)
            client.SendPing [| 1uy |]
            client.Read() =! PongOf [| 1uy |]
            runUntilWritten clock client
            client.ReadText() =! "go on"
            client.WriteFrame(true, Opcode.Continuation, "two"B)
            succeeds outcome =! (true, "one two"))

        testCase "a timeout of zero only takes what is there" (fun () ->
            let server, outcome =
                defaults |> handling (fun connection -> connection.Receive TimeSpan.Zero)

            use _ = server
            use client = Serve.client server
            (fails outcome) :? TimeoutException =! true)

        testCase "a second receiver is refused and the first goes on" (fun () ->
            let server, outcome =
                defaults
                |> handling (fun connection ->
                    let first = Wait.start (fun () -> connection.Receive().Text)

                    Wait.until "the first is in" (fun () -> connection.Receiving = "Receive")

                    Wait.throws<ConcurrencyException>(fun () -> connection.Receive TimeSpan.Zero |> ignore)
                    |> ignore

                    connection.Send "now"
                    Wait.forTask "the first receiver" first)

            use _ = server
            use client = Serve.client server
            client.ReadText() =! "now"
            client.SendText "for the first"
            succeeds outcome =! "for the first")

        testCase "messages that came before the close are still received" (fun () ->
            use closed = new ManualResetEventSlim(false)

            let server, outcome =
                defaults
                |> handling (fun connection ->
                    Wait.forEvent "the signal" closed
                    let texts = [ connection.Receive().Text; connection.Receive().Text ]

                    try
                        connection.Receive() |> ignore
                        texts, false
                    with :? ConnectionClosedOkException ->
                        texts, true)

            use _ = server
            use client = Serve.client server
            client.SendText "a"
            client.SendText "b"
            client.SendClose 1000
            client.Read() =! Closed(CloseStatus.Create(CloseCode.NormalClosure, ""))
            closed.Set()
            succeeds outcome =! ([ "a"; "b" ], true))

        testCase "reading ahead stops at the mark and goes on later" (fun () ->
            use goOn = new ManualResetEventSlim(false)

            let server, outcome =
                ServerOptions(MaxQueue = 4)
                |> handling (fun connection ->
                    Wait.forEvent "the signal" goOn
                    [ for _ in 1..100 -> connection.Receive().Text ])

            use _ = server
            use client = Serve.client server

            for i in 1..100 do
                client.SendText(string i)

            goOn.Set()
            succeeds outcome =! [ for i in 1..100 -> string i ])
    ]

[<Tests>]
let watching =
    testList "while the handler is busy" [
        testCase "a ping is answered" (fun () ->
            use busy = new ManualResetEventSlim(false)
            use server = defaults |> Serve.inMemory (fun _ -> Wait.forEvent "the signal" busy)
            use client = Serve.client server
            client.SendPing [| 1uy; 2uy |]
            client.Read() =! PongOf [| 1uy; 2uy |]
            busy.Set())

        testCase "a close is noticed and answered" (fun () ->
            use busy = new ManualResetEventSlim(false)
            let found = TaskCompletionSource<ServerConnection>()

            use server =
                defaults
                |> Serve.inMemory (fun connection ->
                    found.SetResult connection
                    Wait.forEvent "the signal" busy)

            use client = Serve.client server
            client.SendClose 1001
            client.Read() =! Closed(CloseStatus.Create(CloseCode.GoingAway, ""))
            client.Read() =! End
            let connection = found.Task.Result
            Wait.until "the connection is closed" (fun () -> connection.State = ConnectionState.Closed)
            connection.CloseCode =! Nullable 1001
            busy.Set())

        testCase "a client that vanishes is noticed" (fun () ->
            use busy = new ManualResetEventSlim(false)
            let found = TaskCompletionSource<ServerConnection>()

            use server =
                defaults
                |> Serve.inMemory (fun connection ->
                    found.SetResult connection
                    Wait.forEvent "the signal" busy)

            use client = Serve.client server
            client.Transport.Abort()
            let connection = found.Task.Result
            Wait.until "the connection is closed" (fun () -> connection.State = ConnectionState.Closed)
            connection.CloseCode =! Nullable 1006
            busy.Set())
    ]

[<Tests>]
let failing =
    let closedWith (options: ServerOptions) (write: PeerClient -> unit) =
        use server = Serve.inMemory Serve.echo options
        use client = Serve.client server
        write client

        match client.Read() with
        | Closed status -> status.Number
        | other -> failwith $"a close frame was expected, not {other}"

    testList "a peer that breaks the protocol is told" [
        testCase "1002 for a reserved opcode" (fun () ->
            closedWith defaults (fun client -> client.Write [| 0x83uy; 0x80uy |]) =! 1002)
        testCase "1002 for a frame that is not masked" (fun () ->
            closedWith defaults (fun client -> client.Write [| 0x81uy; 0x01uy; 65uy |])
            =! 1002)
        testCase "1009 on the header of a message that is too big, before its payload" (fun () ->
            closedWith (ServerOptions(MaxMessageSize = 100)) (fun client ->
                client.Write [| 0x82uy; 0xE5uy |])
            =! 1009)
        testCase "1007 at the first byte that is not text, before the frame is complete" (fun () ->
            closedWith defaults (fun client ->
                client.Write [| 0x81uy; 0xFEuy; 0x10uy; 0x00uy; 0uy; 0uy; 0uy; 0uy; 65uy; 0xFFuy |])
            =! 1007)
        testCase "1008 for a message in too many frames" (fun () ->
            closedWith (ServerOptions(MaxFragments = 3)) (fun client ->
                client.WriteFrame(false, Opcode.Binary, [||])

                for _ in 1..3 do
                    client.WriteFrame(false, Opcode.Continuation, [||]))
            =! 1008)
        testCase "and the handler learns of it, with the rule as the cause" (fun () ->
            let server, outcome = handling (fun connection -> connection.Receive()) defaults
            use _ = server
            use client = Serve.client server
            client.Write [| 0x83uy; 0x80uy |]
            let error = fails outcome :?> ConnectionClosedErrorException
            let cause = error.InnerException :?> WebSocketProtocolException
            cause.Error =! ProtocolError.ReservedOpcode 3uy
            test <@ error.Message.StartsWith("sent 1002 (protocol error)", StringComparison.Ordinal) @>
            cause.Message =! "invalid opcode 0x3 (RFC 6455 §5.2, at byte 0)"
            cause.Violation.Rule =! "The opcodes 3 to 7 and B to F are reserved.")
        testTheory
            "and the byte that broke it, behind what came before"
            [
                "in a header", [ [| 0x83uy; 0x80uy |] ], 14L
                "in a header that comes in pieces", [ [| 0x81uy |]; [| 0x00uy |] ], 15L
                "in a text", [ [| 0x81uy; 0x83uy; 0uy; 0uy; 0uy; 0uy; 65uy; 0xFFuy; 66uy |] ], 21L
                "in a text whose end is awaited",
                [ [| 0x81uy; 0xFEuy; 0x10uy; 0x00uy; 0uy; 0uy; 0uy; 0uy; 65uy |]; [| 0xFFuy |] ],
                23L
                "in a close frame", [ [| 0x88uy; 0x82uy; 0uy; 0uy; 0uy; 0uy; 0uy; 0uy |] ], 20L
            ]
            (fun (_, arrivals, offset) ->
                let server, outcome =
                    handling
                        (fun connection ->
                            connection.Receive() |> ignore
                            connection.Receive())
                        defaults

                use _ = server
                use client = Serve.client server
                client.SendText "a" // 7 bytes, and as many again
                client.SendPing [| 1uy |]
                client.Read() =! PongOf [| 1uy |]

                for bytes in arrivals do
                    client.Write bytes

                let cause = (fails outcome).InnerException :?> WebSocketProtocolException
                cause.Violation.Offset =! offset)
    ]

[<Tests>]
let closing =
    testList "closing" [
        testCase "a handler that returns closes with 1000" (fun () ->
            use server = defaults |> Serve.inMemory ignore
            use client = Serve.client server
            client.Read() =! Closed(CloseStatus.Create(CloseCode.NormalClosure, ""))
            client.SendClose 1000
            client.Read() =! End)

        testCase
            "a handler that throws closes with 1011 and an empty reason, and one record at ERROR"
            (fun () ->
                let records = new Records()

                use server =
                    ServerOptions(LoggerFactory = records)
                    |> Serve.inMemory (fun _ -> failwith "secret")

                use client = Serve.client server
                client.Read() =! Closed(CloseStatus.Create(CloseCode.InternalError, ""))
                (records.Of LogLevel.Error).Length =! 1)

        testCase "Close sends code and reason, and waits for the answer" (fun () ->
            let server, outcome =
                defaults
                |> handling (fun connection ->
                    connection.Close(CloseCode.Create 4001, "bye")
                    connection.State, connection.CloseCode, connection.Sent.Number)

            use _ = server
            use client = Serve.client server
            client.Read() =! Closed(CloseStatus.Create(CloseCode.Create 4001, "bye"))
            outcome.IsCompleted =! false
            client.SendClose 1000
            succeeds outcome =! (ConnectionState.Closed, Nullable 1000, 4001))

        testCase "a peer that doesn't answer the close is cut when the close timeout is over" (fun () ->
            let clock = FakeClock()

            let server, outcome =
                withClock clock
                |> handling (fun connection ->
                    connection.Close()

                    try
                        connection.Receive() |> ignore
                        failwith "a message?"
                    with :? ConnectionClosedErrorException as error ->
                        error.InnerException.GetType(), connection.CloseCode)

            use _ = server
            use client = Serve.client server
            client.Read() =! Closed(CloseStatus.Create(CloseCode.NormalClosure, ""))
            clock.Advance(TimeSpan.FromSeconds 9.0)
            outcome.IsCompleted =! false
            clock.Advance(TimeSpan.FromSeconds 2.0)
            succeeds outcome =! (typeof<TimeoutException>, Nullable 1006)
            client.Read() =! End)

        testCase "Close from another thread ends a Receive" (fun () ->
            let closer = TaskCompletionSource<Task>()

            let server, outcome =
                defaults
                |> handling (fun connection ->
                    closer.SetResult(Wait.start (fun () -> connection.Close()))
                    connection.Receive())

            use _ = server
            use client = Serve.client server
            client.Read() =! Closed(CloseStatus.Create(CloseCode.NormalClosure, ""))
            client.SendClose 1000
            (fails outcome).GetType() =! typeof<ConnectionClosedOkException>
            closer.Task.Result.Wait Wait.limit =! true)

        testCase "sending on a closed connection throws" (fun () ->
            let server, outcome =
                defaults
                |> handling (fun connection ->
                    Seq.iter ignore connection.Messages
                    connection.Send "too late")

            use _ = server
            use client = Serve.client server
            client.SendClose 1000
            (fails outcome).GetType() =! typeof<ConnectionClosedOkException>)

        testCase "a reason that doesn't fit leaves the connection open" (fun () ->
            let server, outcome =
                defaults
                |> handling (fun connection ->
                    let refused =
                        try
                            connection.Close(CloseCode.NormalClosure, String('x', 124))
                            false
                        with :? ArgumentException ->
                            true

                    refused, connection.State)

            use _ = server
            use client = Serve.client server
            succeeds outcome =! (true, ConnectionState.Open))

        testCase "a Send that is stuck is freed when the connection is cut" (fun () ->
            let clock = FakeClock()
            let found = TaskCompletionSource<ServerConnection>()

            let server, outcome =
                withClock clock
                |> handling (fun connection ->
                    found.SetResult connection
                    let data = Array.zeroCreate<byte> 100_000

                    while true do
                        connection.Send data)

            use _ = server
            use client = Serve.client server
            let connection = found.Task.Result
            let closing = Wait.start (fun () -> connection.Close())
            Wait.until "the closing has begun" (fun () -> connection.State = ConnectionState.Closing)
            clock.Advance(TimeSpan.FromSeconds 11.0)
            (fails outcome).GetType() =! typeof<ConnectionClosedErrorException>
            closing.Wait Wait.limit =! true)
    ]

/// As a client sends it.
let private frame (opcode: Opcode) (payload: byte[]) : byte[] =
    FrameWriter.encode true opcode (ValueSome 0x37FA213Du) payload

[<Tests>]
let pings =
    testList "Ping and Pong" [
        testCase "a ping waits for its pong and measures the latency" (fun () ->
            let clock = FakeClock()
            use sent = new ManualResetEventSlim(false)

            let server, outcome =
                withClock clock
                |> handling (fun connection ->
                    let ping = connection.Ping(ReadOnlySpan "x"B)
                    sent.Set()
                    connection.Receive() |> ignore
                    ping.Wait(), connection.Latency)

            use _ = server
            use client = Serve.client server
            client.Read() =! PingOf "x"B
            Wait.forEvent "the ping" sent
            clock.Advance(TimeSpan.FromMilliseconds 30.0)
            client.WriteFrame(true, Opcode.Pong, "x"B)
            client.SendText "go"
            succeeds outcome =! (true, TimeSpan.FromMilliseconds 30.0))

        for what, last, answer in
            [
                "a close frame", frame Opcode.Close [||], 1005
                "a broken frame", [| 0x83uy; 0x80uy |], 1002
            ] do
            testCase $"the last ping of a flood is answered before {what} that comes with it" (fun () ->
                use server = Serve.inMemory Serve.echo defaults
                use client = Serve.client server

                client.Write(
                    Array.concat [
                        for number in 1..20 do
                            frame Opcode.Ping [| byte number |]

                        last
                    ]
                )

                let rec read (previous: Wire) =
                    match client.Read() with
                    | Closed status -> previous, status.Number
                    | other -> read other

                read End =! (PongOf [| 20uy |], answer))

        testCase "a pong answers the earlier pings too" (fun () ->
            let server, outcome =
                defaults
                |> handling (fun connection ->
                    let pings = [ for name in [ "a"B; "b"B; "c"B ] -> connection.Ping(ReadOnlySpan name) ]
                    connection.Receive() |> ignore
                    [ for ping in pings -> ping.IsAnswered ])

            use _ = server
            use client = Serve.client server
            client.WriteFrame(true, Opcode.Pong, "b"B)
            client.WriteFrame(true, Opcode.Pong, "nobody asked"B)

            for _ in 1..3 do
                client.Read() |> ignore

            client.WriteFrame(true, Opcode.Pong, "b"B)
            client.SendText "go"
            succeeds outcome =! [ true; true; false ])

        testCase "a payload that waits for its pong can't be used again" (fun () ->
            let server, outcome =
                defaults
                |> handling (fun connection ->
                    connection.Ping(ReadOnlySpan "a"B) |> ignore
                    connection.Ping(ReadOnlySpan "a"B))

            use _ = server
            use client = Serve.client server
            (fails outcome).GetType() =! typeof<ConcurrencyException>)

        testCase "a wait ends with false when the connection closes" (fun () ->
            let server, outcome =
                defaults
                |> handling (fun connection ->
                    let ping = connection.Ping()
                    Seq.iter ignore connection.Messages
                    ping.Wait())

            use _ = server
            use client = Serve.client server
            client.Read() |> ignore // the ping
            client.SendClose 1000
            succeeds outcome =! false)

        testCase "126 bytes don't fit, and nothing is sent" (fun () ->
            let server, outcome =
                defaults
                |> handling (fun connection -> connection.Ping(ReadOnlySpan(Array.zeroCreate 126)))

            use _ = server
            use client = Serve.client server
            (fails outcome).GetType() =! typeof<ArgumentException>)

        testCase "a pong nobody asked for is sent" (fun () ->
            use server =
                defaults
                |> Serve.inMemory (fun connection ->
                    connection.Pong(ReadOnlySpan "alive"B)
                    Seq.iter ignore connection.Messages)

            use client = Serve.client server
            client.Read() =! PongOf "alive"B)

        testCase "a payload can be used again after its pong" (fun () ->
            let server, outcome =
                defaults
                |> handling (fun connection ->
                    let first = connection.Ping(ReadOnlySpan "a"B).Wait()
                    first, connection.Ping(ReadOnlySpan "a"B).Wait())

            use _ = server
            use client = Serve.client server

            for _ in 1..2 do
                client.Read() =! PingOf "a"B
                client.WriteFrame(true, Opcode.Pong, "a"B)

            succeeds outcome =! (true, true))

        testCase "a ping without a payload has one of its own, a pong has none" (fun () ->
            use server =
                defaults
                |> Serve.inMemory (fun connection ->
                    connection.Ping() |> ignore
                    connection.Ping() |> ignore
                    connection.Pong()
                    Seq.iter ignore connection.Messages)

            use client = Serve.client server

            match client.Read(), client.Read() with
            | PingOf first, PingOf second -> test <@ first.Length = 8 && first <> second @>
            | other -> failwith $"two pings were expected, not {other}"

            client.Read() =! PongOf [||])
    ]

[<Tests>]
let attributes =
    testList "a connection" [
        testCase "that is open knows no end, and has a name and its request" (fun () ->
            let _, _, connection, release = connected defaults
            use _ = release

            (connection.State, connection.CloseCode, connection.CloseReason)
            =! (ConnectionState.Open, Nullable(), null)

            test <@ isNull (box connection.Received) && isNull (box connection.Sent) @>

            connection.Id <>! Guid.Empty
            (connection.Request.Target, connection.Response.StatusCode) =! ("/chat", 101))

        testCase "can be printed, which takes no message from it" (fun () ->
            let _, client, connection, release = connected defaults
            use _ = release
            client.SendText "still here"
            let printed = sprintf "%A" connection
            printed =! string connection
            connection.Receive().Text =! "still here")

        testTheory "that has ended throws the same again and again" [ 1000; 4000 ] (fun code ->
            let _, client, connection, release = connected defaults
            use _ = release
            client.SendClose code
            client.Read() |> ignore
            connection.WaitClosed Wait.limit =! true

            let thrown (call: unit -> unit) =
                Wait.throws<ConnectionClosedException>(call).GetType()

            let expected =
                if code = 1000 then
                    typeof<ConnectionClosedOkException>
                else
                    typeof<ConnectionClosedErrorException>

            for call in
                [
                    (fun () -> connection.Receive() |> ignore)
                    (fun () -> connection.Send "x")
                    (fun () -> connection.Send [ "x" ])
                    (fun () -> connection.Ping() |> ignore)
                    (fun () -> connection.Pong())
                ] do
                thrown call =! expected
                thrown call =! expected

            connection.Close())
    ]

[<Tests>]
let messages =
    testList "a message" [
        testCase "gives text and bytes, whatever its kind" (fun () ->
            let text = Message "é"
            let binary = Message(ReadOnlyMemory<byte>(Encoding.UTF8.GetBytes "é"))

            (text.Text, text.Data.ToArray(), text.IsText)
            =! ("é", Encoding.UTF8.GetBytes "é", true)

            (binary.Text, binary.Data.ToArray(), binary.IsText)
            =! ("é", Encoding.UTF8.GetBytes "é", false))

        testCase "that is no UTF-8 has no text" (fun () ->
            let binary = Message(ReadOnlyMemory<byte> [| 0xFFuy |])
            let error = Wait.throws<NotTextException>(fun () -> binary.Text |> ignore)
            error.Kind =! MessageKind.Binary
            test <@ error.InnerException :? DecoderFallbackException @>)

        testCase "equals another of the same kind and content" (fun () ->
            let binary = Message(ReadOnlyMemory<byte> "a"B)

            (Message "a" = Message "a", Message "a" = Message "b", Message "a" = binary)
            =! (true, false, false)

            (Message "a").GetHashCode() =! (Message "a").GetHashCode()
            string (Message "abc") =! "Text (3 bytes)")
    ]
