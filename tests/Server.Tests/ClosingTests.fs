module FunctionalWs.Server.Tests.ClosingTests

open System
open System.Threading
open System.Threading.Tasks
open Microsoft.Extensions.Logging
open Expecto
open Swensen.Unquote
open FunctionalWs
open FunctionalWs.Protocol
open FunctionalWs.Testing
open FunctionalWs.Server.Tests.Serve

let private normal = CloseStatus.Create(CloseCode.NormalClosure, "")

[<Tests>]
let closing =
    testList "Close" [
        testCase "by a second thread sends nothing and waits for the same end" (fun () ->
            let _, client, connection, release = connected defaults
            use _ = release
            let first = Wait.start (fun () -> connection.Close(CloseCode.NormalClosure, ""))
            client.Read() =! Closed normal
            let second = Wait.start (fun () -> connection.Close(CloseCode.GoingAway, "again"))

            let receive () =
                Wait.throws<TimeoutException>(fun () -> connection.Receive TimeSpan.Zero |> ignore)

            receive () |> ignore
            (first.IsCompleted, second.IsCompleted) =! (false, false)
            client.SendClose 1000
            Wait.forTask "the first" first
            Wait.forTask "the second" second
            client.Read() =! End

            Wait.throws<ConnectionClosedOkException>(fun () -> connection.Receive() |> ignore)
            |> ignore)

        testCase
            "ends a stream of which something is unread without a reset, which could take the answer back"
            (fun () ->
                use listener = new Net.Sockets.TcpListener(Net.IPAddress.Loopback, 0)
                listener.Start()
                use client = new Net.Sockets.TcpClient()
                client.Connect(listener.LocalEndpoint :?> Net.IPEndPoint)
                let transport = new SocketTransport(listener.AcceptSocket())
                let stream = client.GetStream()
                stream.Write(ReadOnlySpan(Array.zeroCreate<byte> 10_000))
                Wait.until "it has come" (fun () -> transport.Unread = 10_000L)
                transport.Write(ReadOnlySpan "x"B)
                transport.Dispose()
                (stream.ReadByte(), stream.ReadByte()) =! (int 'x', -1))

        testCase "leaves the messages that came before, then throws" (fun () ->
            let server, outcome =
                defaults
                |> handling (fun connection ->
                    connection.Close()
                    let text = connection.Receive().Text

                    let error =
                        Wait.throws<ConnectionClosedOkException>(fun () -> connection.Receive() |> ignore)

                    text, error.ReceivedFirst, error.Message)

            use _ = server
            use client = client server
            client.Read() =! Closed normal
            client.SendText "before"
            client.SendClose 1000

            succeeds outcome
            =! ("before", Nullable false, "sent 1000 (normal closure); then received 1000 (normal closure)"))

        testCase
            "by the end of the peer's stream alone, a half-close: what came before is received, and nothing can be sent"
            (fun () ->
                let server, outcome =
                    defaults
                    |> handling (fun connection ->
                        connection.WaitClosed Wait.limit =! true // busy until it notices

                        let texts = [ connection.Receive().Text; connection.Receive().Text ]

                        let error =
                            Wait.throws<ConnectionClosedErrorException>(fun () -> connection.Send "answer")

                        texts, isNull (box error.Received), connection.CloseCode)

                use _ = server
                use client = client server
                client.SendText "one"
                client.SendText "two"
                client.Transport.ShutdownSend()
                succeeds outcome =! ([ "one"; "two" ], true, Nullable 1006)
                client.Read() =! End)

        testCase "when the peer began tells that it did, and both statuses" (fun () ->
            let server, outcome = handling (fun connection -> connection.Receive()) defaults
            use _ = server
            use client = client server
            client.SendClose 4000
            let error = fails outcome :?> ConnectionClosedErrorException

            (error.ReceivedFirst, error.Received.Number, error.Sent.Number)
            =! (Nullable true, 4000, 4000)

            error.Message =! "received 4000 (private use); then sent 4000 (private use)")

        testCase "is bounded by CloseTimeout although the queue is full and nobody receives" (fun () ->
            let clock = FakeClock()

            let server, client, connection, release =
                connected (
                    ServerOptions(TimeProvider = clock, MaxQueue = Nullable 1, PingInterval = Nullable())
                )

            use _ = release
            use _ = server

            for i in 1..100 do
                client.SendText(string i)

            let closing = Wait.start (fun () -> connection.Close())
            client.Read() =! Closed normal
            clock.Advance(TimeSpan.FromSeconds 10.0)
            Wait.forTask "the closing" closing
            connection.CloseCode =! Nullable 1006)

        testCase "sees the peer's answer although the queue is full and nobody receives" (fun () ->
            let server, client, connection, release =
                connected (ServerOptions(MaxQueue = Nullable 1))

            use _ = release
            use _ = server

            for i in 1..100 do
                client.SendText(string i)

            let closing = Wait.start (fun () -> connection.Close())
            client.Read() =! Closed normal
            client.SendClose 1000
            Wait.forTask "the closing" closing
            connection.CloseCode =! Nullable 1000)

        testCase "of data without end costs no more than the queue" (fun () ->
            let clock = FakeClock()

            let server, client, connection, release =
                connected (ServerOptions(TimeProvider = clock, MaxMessageSize = Nullable 10_000))

            use _ = release
            use _ = server
            let closing = Wait.start (fun () -> connection.Close())
            client.Read() =! Closed normal
            let data = Array.zeroCreate<byte> 10_000

            for _ in 1..1_000 do
                client.SendBinary data

            clock.Advance(TimeSpan.FromSeconds 10.0)
            Wait.forTask "the closing" closing

            let rec receive count =
                try
                    connection.Receive() |> ignore
                    receive (count + 1)
                with :? ConnectionClosedException ->
                    count

            let kept = receive 0
            test <@ kept <= 16 @>)
    ]

[<Tests>]
let closedToken =
    testList "the Closed token" [
        for way, act in
            [
                "the peer closes", (fun (client: PeerClient) (_: ServerConnection) -> client.SendClose 1000)
                "the peer vanishes", (fun client _ -> client.Transport.Abort())
                "this side closes", (fun _ connection -> Wait.start (fun () -> connection.Close()) |> ignore)
                "the server is shut down",
                (fun _ connection -> Wait.start (fun () -> connection.Server.Shutdown()) |> ignore)
                "the peer breaks a rule", (fun client _ -> client.Write [| 0x83uy; 0x80uy |])
            ] do
            testCase $"is cancelled when {way}" (fun () ->
                let _, client, connection, release = connected defaults
                use _ = release
                use cancelled = new ManualResetEventSlim(false)
                let token = connection.Closed
                token.IsCancellationRequested =! false
                use _ = token.Register(fun () -> cancelled.Set())
                act client connection
                Wait.forEvent "the cancellation" cancelled
                connection.State <>! ConnectionState.Open
                client.Transport.Abort())

        testCase "is cancelled already for who asks too late" (fun () ->
            let _, client, connection, release = connected defaults
            use _ = release
            client.SendClose 1000
            connection.WaitClosed Wait.limit =! true
            connection.Closed.IsCancellationRequested =! true)

        testCase
            "may run callbacks that block or throw: they hold up nobody, and the error is logged"
            (fun () ->
                let records = new Records()
                use blocked = new ManualResetEventSlim(false)

                let _, client, connection, release =
                    connected (ServerOptions(LoggerFactory = records))

                use _ = release

                use _ =
                    connection.Closed.Register(fun () ->
                        Wait.forEvent "being unblocked" blocked
                        failwith "a bug of the application")

                client.SendClose 1000
                client.Read() =! Closed normal
                client.Read() =! End
                connection.WaitClosed Wait.limit =! true
                (records.Of LogLevel.Error).Length =! 0
                blocked.Set()
                Wait.until "the error is logged" (fun () -> (records.Of LogLevel.Error).Length = 1))
    ]

[<Tests>]
let waiting =
    testList "WaitClosed" [
        testCase "gives up when the time is over, and changes nothing" (fun () ->
            let _, client, connection, release = connected defaults
            use _ = release
            connection.WaitClosed TimeSpan.Zero =! false
            connection.State =! ConnectionState.Open
            client.SendClose 1000
            connection.WaitClosed() =! true
            connection.State =! ConnectionState.Closed)
    ]

[<Tests>]
let endings =
    testList "the end of a closed connection" [
        testCase
            "comes whoever writes the last frame, and however long the peer keeps its side open"
            (fun () ->
                let found = TaskCompletionSource<ServerConnection>()
                let records = new Records()

                // On a clock that stands still nothing is cut for want of time.
                use server =
                    ServerOptions(TimeProvider = FakeClock(), LoggerFactory = records)
                    |> Serve.inMemory (fun connection ->
                        found.SetResult connection
                        Seq.iter ignore connection.Messages)

                let struct (atServer, atClient) = MemoryTransport.CreatePair 1_000
                server.Admit atServer
                use client = new PeerClient(atClient)
                client.ShakeHands()
                let connection = Wait.forTask "the handler" found.Task
                let data = Array.zeroCreate<byte> 100_000

                // It fills the stream and waits, so that the thread that reads can't answer the close.
                let sending = Wait.start (fun () -> connection.Send data)
                Wait.until "the stream is filled" (fun () -> client.Transport.IsReadable)
                client.SendClose 1000
                Wait.until "the close has come" (fun () -> connection.State <> ConnectionState.Open)
                client.Read() =! Data(Opcode.Binary, true, data)
                Wait.forTask "the message" sending
                client.Read() =! Closed normal
                client.Read() =! End

                // Its own thread says so when it is done.
                Wait.until "the connection has left" (fun () ->
                    records.All |> List.exists (fun (struct (_, id, _)) -> id = 21)))
    ]

[<Tests>]
let handlers =
    let recordsOf (handler: ServerConnection -> unit) (act: PeerClient -> unit) =
        let records = new Records()

        use server = ServerOptions(LoggerFactory = records) |> Serve.inMemory handler

        use client = client server
        act client
        Wait.until "the connection has left" (fun () -> server.Occupied = 0)
        server.Shutdown() |> ignore
        records

    let idsOf (records: Records) =
        records.All |> List.map (fun (struct (level, id, _)) -> level, id)

    testList "a handler that ends with an exception of" [
        testCase "its own connection's end is no error" (fun () ->
            let records =
                recordsOf (fun connection -> connection.Receive() |> ignore) (fun client ->
                    client.Transport.Abort())

            test
                <@
                    idsOf records |> List.contains (LogLevel.Debug, 43)
                    && records.Of LogLevel.Error = []
                @>)

        testCase "another connection's end is one, and closes this with 1011" (fun () ->
            let other = TaskCompletionSource<ServerConnection>()
            let records = new Records()

            use server =
                ServerOptions(LoggerFactory = records)
                |> Serve.inMemory (fun connection ->
                    if other.TrySetResult connection then
                        Seq.iter ignore connection.Messages
                    else
                        let first = other.Task.Result
                        first.WaitClosed Wait.limit |> ignore
                        first.Send "too late")

            use first = client server
            Wait.until "the first is known" (fun () -> other.Task.IsCompleted)
            use second = client server
            first.SendClose 1000
            second.Read() =! Closed(CloseStatus.Create(CloseCode.InternalError, ""))
            (records.Of LogLevel.Error).Length =! 1)

        testCase "one of a dozen kinds is logged once as an error, and the thread serves on" (fun () ->
            let errors: exn list = [
                OperationCanceledException()
                ThreadInterruptedException()
                NullReferenceException()
                IO.IOException()
                TimeoutException()
                ObjectDisposedException "x"
                AggregateException()
                FormatException()
                Collections.Generic.KeyNotFoundException()
                InvalidOperationException()
                ArgumentException()
                OutOfMemoryException()
            ]

            let records = new Records()
            let next = ref -1

            use server =
                ServerOptions(LoggerFactory = records)
                |> Serve.inMemory (fun _ -> raise errors[Interlocked.Increment next])

            for _ in errors do
                use client = client server
                client.Read() =! Closed(CloseStatus.Create(CloseCode.InternalError, ""))

            (records.Of LogLevel.Error).Length =! errors.Length)
    ]

[<Tests>]
let unawaited =
    testList "a connection that is ended without waiting" [
        testCase "by BeginClose tells the peer, and whoever receives" (fun () ->
            let server, outcome =
                defaults
                |> handling (fun connection ->
                    connection.BeginClose(CloseCode.GoingAway, "later")
                    let isSent = connection.Sent
                    Seq.iter ignore connection.Messages
                    isSent)

            use _ = server
            use client = client server
            let status = CloseStatus.Create(CloseCode.GoingAway, "later")
            client.Read() =! Closed status
            client.SendClose 1001
            succeeds outcome =! status)

        testCase "by Abort is cut without a word, and frees whoever waits" (fun () ->
            let server, client, connection, release = connected defaults
            use _ = server
            use _ = release
            use client = client

            let receiving =
                Wait.start (fun () ->
                    Wait.throws<ConnectionClosedErrorException>(fun () -> connection.Receive() |> ignore))

            Wait.until "it receives" (fun () -> connection.Receiving = "Receive")
            connection.Abort()
            client.Read() =! End

            (Wait.forTask "the receiving" receiving).InnerException.Message
            =! "The application aborted the connection."

            connection.CloseCode =! Nullable 1006
            connection.Abort())

        testCase "by Close with a number of one's own has that number" (fun () ->
            let server, outcome =
                defaults
                |> handling (fun connection ->
                    let refused =
                        Wait.throws<ArgumentOutOfRangeException>(fun () -> connection.Close 1005)

                    connection.Close(4009, "x")
                    refused.ActualValue)

            use _ = server
            use client = client server
            client.Read() =! Closed(CloseStatus.Create(CloseCode.Create 4009, "x"))
            client.SendClose 4009
            succeeds outcome =! box 1005)
    ]
