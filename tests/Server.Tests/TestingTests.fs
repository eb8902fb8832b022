/// The package for testing handlers in memory, used as its users do.
module FunctionalWs.Server.Tests.TestingTests

open System
open System.Collections.Generic
open System.IO
open System.Net
open System.Text
open System.Threading
open System.Threading.Tasks
open Expecto
open Swensen.Unquote
open FunctionalWs
open FunctionalWs.Protocol
open FunctionalWs.Testing

let private seconds (count: float) = TimeSpan.FromSeconds count

let private echo = Action<ServerConnection> Serve.echo

let private connect (server: InMemoryServer) = server.Connect()

let private refusal (server: InMemoryServer) (target: string) (options: TestClientOptions) =
    Wait.throws<HandshakeRefusedException>(fun () -> server.Connect(target, options) |> ignore)

let private closeStatus (code: CloseCode) (reason: string) = CloseStatus.Create(code, reason)

[<Tests>]
let messages =
    testList "testing in memory: messages" [
        testCase "text, bytes and messages come back as they went" (fun () ->
            use server = InMemoryServer.Serve echo
            use client = connect server
            client.Send "héllo"
            client.Receive() =! Message "héllo"
            client.Send(ReadOnlySpan [| 1uy; 2uy |])
            client.Receive() =! Message(ReadOnlyMemory [| 1uy; 2uy |])
            client.Send(Message "")
            client.Receive() =! Message ""
            client.Send(ReadOnlySpan(Array.zeroCreate<byte> 1_000_000))
            client.Receive().Data.Length =! 1_000_000)

        testCase "what is sent in parts arrives as fragments of one message" (fun () ->
            let handler (connection: ServerConnection) =
                for fragment in connection.ReceiveStreaming() do
                    connection.Send fragment.Text

                connection.Send(connection.Receive())

            use server = InMemoryServer.Serve(Action<ServerConnection> handler)
            use client = connect server

            client.Send(
                seq {
                    "one"
                    "two"
                }
            )

            let texts = [ for _ in 1..3 -> client.Receive().Text ]
            texts =! [ "one"; "two"; "" ]
            client.Send [| [| 1uy |]; [| 2uy |] |]
            client.Receive() =! Message(ReadOnlyMemory [| 1uy; 2uy |]))

        testCase "values are sent and received as JSON" (fun () ->
            use server = InMemoryServer.Serve echo
            use client = connect server
            let one: Talk.Answer = { Value = 1 }
            client.Send(one, Talk.answer)
            client.Receive().Text =! """{"value":1}"""
            client.Send(one, Talk.answer)
            client.Receive(Talk.answer) =! one
            client.Send "{"

            Wait.throws<NotJsonException>(fun () -> client.Receive(Talk.answer) |> ignore)
            |> ignore)

        testCase "a message in fragments is received as one" (fun () ->
            let handler (connection: ServerConnection) = connection.Send [ "a"; "b" ]
            use server = InMemoryServer.Serve(Action<ServerConnection> handler)
            use client = connect server
            client.Receive() =! Message "ab")

        testCase "a ping is answered while the handler is elsewhere, and takes no message" (fun () ->
            use leave = new ManualResetEventSlim()

            let handler (connection: ServerConnection) =
                connection.Send "first"
                Wait.forEvent "leave to go" leave

            use server = InMemoryServer.Serve(Action<ServerConnection> handler)
            use client = connect server
            client.Ping(ReadOnlySpan "ping"B)
            client.Receive().Text =! "first"
            leave.Set())

        testCase "a wait for a message ends in time, and says what was awaited" (fun () ->
            use server = InMemoryServer.Serve echo
            use client = connect server

            let error =
                Wait.throws<TimeoutException>(fun () -> client.Receive TimeSpan.Zero |> ignore)

            test <@ error.Message.Contains "a message was awaited" @>
            client.Send "still there"
            client.Receive().Text =! "still there")

        testCase "a handler that doesn't read ends a send in time" (fun () ->
            use leave = new ManualResetEventSlim()
            let handler _ = Wait.forEvent "leave to go" leave
            let options = ServerOptions(MaxQueue = 1, MaxMessageSize = 1_000)
            use server = InMemoryServer.Serve(Action<ServerConnection> handler, options)

            use client =
                server.Connect(
                    options =
                        TestClientOptions(BufferSize = 1_000, Timeout = TimeSpan.FromMilliseconds 100.0)
                )

            let flood () =
                for _ in 1..1_000 do
                    client.Send(String('x', 1_000))

            Wait.throws<TimeoutException> flood |> ignore

            leave.Set())
    ]

[<Tests>]
let endings =
    testList "testing in memory: endings" [
        testCase "messages before a close are received, then its code and reason" (fun () ->
            let handler (connection: ServerConnection) =
                connection.Send "bye"
                connection.Close(CloseCode.Create 4001, "enough")

            use server = InMemoryServer.Serve(Action<ServerConnection> handler)
            use client = connect server
            client.WaitClosed() =! closeStatus (CloseCode.Create 4001) "enough"
            client.Receive().Text =! "bye"
            let error = Wait.throws<IOException>(fun () -> client.Receive() |> ignore)
            test <@ error.Message.Contains "4001 (private use) enough" @>
            Wait.throws<IOException>(fun () -> client.Send "too late") |> ignore)

        testCase "the client's close is answered, and ends the handler's loop" (fun () ->
            use server = InMemoryServer.Serve echo
            use client = connect server

            client.Close(CloseCode.GoingAway, "home")
            =! closeStatus CloseCode.GoingAway "home"

            client.Close() =! client.CloseStatus
            server.HandlerExceptions.Count =! 0)

        testCase "what a handler throws is kept, and its client sees 1011" (fun () ->
            let handler (_: ServerConnection) : unit = invalidOp "a bug"
            use server = InMemoryServer.Serve(Action<ServerConnection> handler)
            use client = connect server
            client.WaitClosed() =! closeStatus CloseCode.InternalError ""
            [ for error in server.HandlerExceptions -> error.Message ] =! [ "a bug" ])

        testCase "a client that is gone ends its handler with an exception that is no bug" (fun () ->
            let outcome = TaskCompletionSource<int>()

            let handler (connection: ServerConnection) =
                try
                    connection.Receive() |> ignore
                finally
                    connection.WaitClosed(seconds 20.0) |> ignore
                    outcome.SetResult(connection.CloseCode.GetValueOrDefault())

            use server = InMemoryServer.Serve(Action<ServerConnection> handler)
            let client = connect server
            client.Dispose()
            Wait.forTask "the handler" outcome.Task =! 1006
            server.HandlerExceptions.Count =! 0)

        testCase "a shutdown reaches every client, and nobody can connect after it" (fun () ->
            use server = InMemoryServer.Serve echo
            use one = connect server
            use two = connect server
            let stopping = Wait.start (fun () -> server.Server.Shutdown())
            one.WaitClosed() =! closeStatus CloseCode.GoingAway ""
            two.WaitClosed() =! closeStatus CloseCode.GoingAway ""
            Wait.forTask "the shutdown" stopping =! 0
            raises<InvalidOperationException> <@ server.Connect() @>)

        testCase
            "messages that came before the client was disposed can be received, and then it tells of its end"
            (fun () ->
                let handler (connection: ServerConnection) =
                    connection.Send "one"
                    connection.Send "two"
                    connection.Receive() |> ignore

                use server = InMemoryServer.Serve(Action<ServerConnection> handler)
                let client = connect server
                client.WaitUntilReceiving()
                client.Dispose()
                [ for _ in 1..2 -> client.Receive().Text ] =! [ "one"; "two" ]

                Wait.throws<ConnectionClosedErrorException>(fun () -> client.Receive() |> ignore)
                |> ignore

                Wait.throws<ConnectionClosedErrorException>(fun () -> client.Send "x") |> ignore
                Wait.throws<ConnectionClosedErrorException>(fun () -> client.Ping()) |> ignore
                test <@ isNull (box (client.Close())) @>)

        testCase "a call after the server's close tells of it at once" (fun () ->
            let handler (connection: ServerConnection) =
                connection.Close(CloseCode.Create 4001, "enough")

            use server = InMemoryServer.Serve(Action<ServerConnection> handler)
            use client = connect server

            for call in
                [
                    fun () -> client.Receive() |> ignore
                    fun () -> client.Send "x"
                    fun () -> client.Send [| "x" |]
                    fun () -> client.Ping()
                ] do
                (Wait.throws<ConnectionClosedException> call).Received
                =! closeStatus (CloseCode.Create 4001) "enough")

        testCase "a handler that sends for ever keeps no call beyond its time" (fun () ->
            let handler (connection: ServerConnection) =
                while true do
                    connection.Send "flood"

            use server = InMemoryServer.Serve(Action<ServerConnection> handler)
            use client = connect server

            let error =
                Wait.throws<TimeoutException>(fun () ->
                    client.WaitClosed(TimeSpan.FromMilliseconds 1.0) |> ignore)

            test <@ error.Message.Contains "the end of the connection was awaited" @>
            client.Receive().Text =! "flood")

        testCase "disposing the server cuts its clients off" (fun () ->
            let server = InMemoryServer.Serve echo
            use client = connect server
            server.Dispose()
            test <@ isNull (box (client.WaitClosed())) @>)
    ]

[<Tests>]
let handshakes =
    testList "testing in memory: handshakes" [
        testCase "path, headers, subprotocol, credentials, origin and address arrive" (fun () ->
            let handler (connection: ServerConnection) =
                connection.Send connection.Request.Target
                connection.Send(connection.Request.Headers.Get "Cookie")
                connection.Send connection.Username
                connection.Send(string connection.RemoteEndPoint)

            let options =
                ServerOptions(
                    Subprotocols = [| "v1"; "v2" |],
                    Origins = [| Origin.Exact "https://example.com" |],
                    ProcessRequest = BasicAuth.Create("alice", "secret")
                )

            let from =
                TestClientOptions(
                    Headers = [| struct ("Cookie", "a=b") |],
                    Subprotocols = [| "v2"; "v1" |],
                    Origin = "https://example.com",
                    Credentials = {
                        Username = "alice"
                        Password = "secret"
                    },
                    RemoteEndPoint = IPEndPoint(IPAddress.Parse "192.0.2.1", 50_000)
                )

            use server = InMemoryServer.Serve(Action<ServerConnection> handler, options)
            use client = server.Connect("/chat?room=1", from)
            client.Subprotocol =! "v1"
            client.Response.StatusCode =! 101
            let received = [ for _ in 1..4 -> client.Receive().Text ]
            received =! [ "/chat?room=1"; "a=b"; "alice"; "192.0.2.1:50000" ])

        testCase "a refusal tells its status, headers and body" (fun () ->
            let options =
                ServerOptions(ProcessRequest = BasicAuth.Create("alice", "secret", "sample"))

            use server = InMemoryServer.Serve(echo, options)
            let error = refusal server "/" (TestClientOptions())
            error.Response.StatusCode =! 401

            error.Response.Headers.Get "WWW-Authenticate"
            =! "Basic realm=\"sample\", charset=\"UTF-8\""

            test <@ error.Message.Contains "401 Unauthorized" && error.Body <> "" @>)

        testCase "a header of the test's own takes the place of the client's" (fun () ->
            use server = InMemoryServer.Serve echo

            let options =
                TestClientOptions(Headers = [| struct ("sec-websocket-version", "8") |])

            (refusal server "/" options).Response.Headers.Get "Sec-WebSocket-Version"
            =! "13")

        testCase
            "a 101 to a handshake of the test's own opens the connection, whatever it agrees on"
            (fun () ->
                use server = InMemoryServer.Serve(echo, ServerOptions(Subprotocols = [| "v1" |]))

                let options =
                    TestClientOptions(
                        Headers = [|
                            struct ("Sec-WebSocket-Key", "AQIDBAUGBwgJCgsMDQ4PEA==")
                            struct ("Sec-WebSocket-Protocol", "v1")
                        |]
                    )

                use client = server.Connect("/", options)
                client.Subprotocol =! "v1"
                client.Send "hello"
                client.Receive().Text =! "hello")

        testCase "compression is offered when the test wants it" (fun () ->
            let handler (connection: ServerConnection) =
                connection.Send(String.Join(" ", connection.Extensions))
                connection.Send(connection.Receive())

            use server = InMemoryServer.Serve(Action<ServerConnection> handler)
            use plain = connect server
            plain.Receive().Text =! ""

            use client =
                server.Connect(options = TestClientOptions(Compression = PerMessageDeflate(MinSize = 0)))

            test <@ client.Receive().Text <> "" @>
            let text = String('x', 10_000)
            client.Send text
            client.Receive().Text =! text)

        testCase "rules choose the handler; other paths are refused" (fun () ->
            let greet (connection: ServerConnection) (name: string) = connection.Send("Hello, " + name)

            let map = UrlMap [| Rule.For<string>("/hello/{name}", greet) |]
            use server = InMemoryServer.Route map
            use client = server.Connect "/hello/alice"
            client.Receive().Text =! "Hello, alice"
            (refusal server "/else" (TestClientOptions())).Response.StatusCode =! 404)

        testCase "a page is got as by a browser" (fun () ->
            let page = ProcessRequest(fun connection _ -> connection.Respond(200, "hello\n"))
            use server = InMemoryServer.Serve(echo, ServerOptions(ProcessRequest = page))
            let response = server.Get "/"
            response.StatusCode =! 200
            let body = Encoding.UTF8.GetString response.Body.Span
            body =! "hello\n"
            let head = server.Get("/", method = "HEAD")
            head.Body.Length =! 0)

        testCase "wrong targets and options are refused with their value" (fun () ->
            use server = InMemoryServer.Serve echo

            let throws (call: unit -> unit) =
                (Wait.throws<ArgumentException> call).Message

            let target = throws (fun () -> server.Connect "/a b" |> ignore)
            test <@ target.Contains "'/a b'" @>
            let method = throws (fun () -> server.Get("/", method = "A B") |> ignore)
            test <@ method.Contains "'A B'" @>

            for options in
                [
                    TestClientOptions(BufferSize = 0)
                    TestClientOptions(Timeout = TimeSpan.Zero)
                ] do
                Wait.throws<ArgumentOutOfRangeException>(fun () -> server.Connect("/", options) |> ignore)
                |> ignore)
    ]

[<Tests>]
let time =
    testList "testing in memory: time" [
        testCase "a Receive with a timeout ends when the clock says so" (fun () ->
            let clock = ManualTimeProvider()

            let handler (connection: ServerConnection) =
                try
                    connection.Receive(seconds 30.0) |> ignore
                with :? TimeoutException ->
                    connection.Send "too late"

            let options = ServerOptions(TimeProvider = clock, PingInterval = Nullable())
            use server = InMemoryServer.Serve(Action<ServerConnection> handler, options)
            use client = connect server
            client.WaitUntilReceiving()
            clock.Advance(seconds 29.0)
            client.Ping()
            raises<TimeoutException> <@ client.Receive TimeSpan.Zero @>
            clock.Advance(seconds 1.0)
            client.Receive().Text =! "too late")

        testCase "waiting until the handler receives means that it has taken everything" (fun () ->
            let taken = List<string>()

            let handler (connection: ServerConnection) =
                for message in connection do
                    taken.Add message.Text

            use server = InMemoryServer.Serve(Action<ServerConnection> handler)
            use client = connect server

            for number in 1..100 do
                client.Send(string number)
                client.WaitUntilReceiving()
                taken.Count =! number)

        testCase "a client that answers no pings is cut by the keepalive, another is not" (fun () ->
            let clock = ManualTimeProvider()
            let options = ServerOptions(TimeProvider = clock)
            use server = InMemoryServer.Serve(echo, options)
            use dead = server.Connect(options = TestClientOptions(AnswersPings = false))
            use alive = connect server
            alive.WaitUntilReceiving()
            clock.Advance(seconds 20.0)

            let hasPinged (client: TestClient) =
                Wait.until "a ping has come" (fun () ->
                    (try
                        client.Receive(TimeSpan.FromMilliseconds 1.0) |> ignore
                     with :? TimeoutException ->
                         ())

                    client.PingCount = 1)

            hasPinged dead
            hasPinged alive
            alive.WaitUntilReceiving()
            clock.Advance(seconds 20.0)
            test <@ isNull (box (dead.WaitClosed())) @>
            alive.Send "still there"
            alive.Receive().Text =! "still there")

        testCase "timers run in their order, each at its time, as often as due" (fun () ->
            let clock = ManualTimeProvider()
            let start = clock.GetUtcNow()
            let runs = List<string * float>()

            let timer (name: string) (due: TimeSpan) (period: TimeSpan) =
                clock.CreateTimer(
                    (fun _ -> runs.Add(name, (clock.GetUtcNow() - start).TotalSeconds)),
                    null,
                    due,
                    period
                )

            use once = timer "once" (seconds 2.5) Timeout.InfiniteTimeSpan
            use often = timer "often" (seconds 1.0) (seconds 1.0)
            use never = timer "never" Timeout.InfiniteTimeSpan Timeout.InfiniteTimeSpan
            let delay = Task.Delay(seconds 3.5, clock)
            clock.Advance(seconds 3.0)
            List.ofSeq runs =! [ "often", 1.0; "often", 2.0; "once", 2.5; "often", 3.0 ]
            delay.IsCompleted =! false
            clock.Advance(seconds 0.5)
            Wait.until "the delay ends" (fun () -> delay.IsCompleted)
            often.Dispose()
            test <@ not (often.Change(seconds 1.0, seconds 1.0)) @>
            clock.Advance(seconds 10.0)
            runs.Count =! 4

            Wait.throws<ArgumentOutOfRangeException>(fun () -> clock.Advance(seconds -1.0))
            |> ignore)

        testCase
            "a handler that doesn't return, on a clock that stands still, holds no test up for ever"
            (fun () ->
                use leave = new ManualResetEventSlim()
                let handler _ = Wait.forEvent "leave to go" leave
                let options = ServerOptions(TimeProvider = ManualTimeProvider())
                let server = InMemoryServer.Serve(Action<ServerConnection> handler, options)
                use client = connect server
                Wait.forTask "the end" (Wait.start (fun () -> server.Dispose()))
                leave.Set())
    ]
