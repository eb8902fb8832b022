module FunctionalWs.Server.Tests.ServerTests

open System
open System.Collections.Concurrent
open System.Threading
open Expecto
open Swensen.Unquote
open FunctionalWs
open FunctionalWs.Protocol

let private defaults = ServerOptions()

[<Tests>]
let options =
    let refused (options: ServerOptions) =
        try
            use _ = Server.Serve(Action<ServerConnection> ignore, "127.0.0.1", 0, options)
            "nothing"
        with :? ArgumentException as error ->
            error.ParamName

    testList "options are checked when the server is made" [
        testCase "timeouts" (fun () ->
            refused (ServerOptions(OpenTimeout = Nullable TimeSpan.Zero)) =! "OpenTimeout"

            refused (ServerOptions(CloseTimeout = Nullable(TimeSpan.FromSeconds -1.0)))
            =! "CloseTimeout"

            refused (ServerOptions(CloseTimeout = Nullable TimeSpan.MaxValue))
            =! "CloseTimeout"

            refused (ServerOptions(OpenTimeout = Nullable(), CloseTimeout = Nullable()))
            =! "nothing")
        testCase "sizes" (fun () ->
            refused (ServerOptions(MaxMessageSize = Nullable -1)) =! "MaxMessageSize"
            refused (ServerOptions(MaxMessageSize = Nullable())) =! "nothing"
            refused (ServerOptions(MaxFragmentSize = Nullable -1)) =! "MaxFragmentSize"
            refused (ServerOptions(MaxFragments = 0)) =! "MaxFragments"
            refused (ServerOptions(MaxQueue = Nullable 0)) =! "MaxQueue"

            refused (ServerOptions(MaxQueue = Nullable 4, MaxQueueLow = Nullable 5))
            =! "MaxQueueLow"

            refused (ServerOptions(MaxConnections = 0)) =! "MaxConnections"
            refused (ServerOptions(Backlog = 0)) =! "Backlog")
        testCase "names" (fun () ->
            refused (ServerOptions(Subprotocols = [| "a b" |])) =! "Subprotocols"
            refused (ServerOptions(ServerHeader = "x\r\ny")) =! "ServerHeader")
        testCase "the message names value and range" (fun () ->
            let error =
                Wait.throws<ArgumentOutOfRangeException>(fun () ->
                    Server.Serve(
                        Action<ServerConnection> ignore,
                        "127.0.0.1",
                        0,
                        ServerOptions(MaxFragments = 0)
                    )
                    |> ignore)

            test <@ error.Message.Contains "from 1 to" && error.ActualValue.Equals 0 @>)
        testCase "a port" (fun () ->
            raises<ArgumentOutOfRangeException>
                <@ Server.Serve(Action<ServerConnection> ignore, "127.0.0.1", 65_536) @>)
    ]

[<Tests>]
let limits =
    testList "limits" [
        testCase "a client beyond MaxConnections gets 503 and the others stay" (fun () ->
            use server = Serve.inMemory Serve.echo (ServerOptions(MaxConnections = 2))
            use first = Serve.client server
            use second = Serve.client server
            use third = PeerClient.InMemory server
            let response = third.ReadResponse()

            test
                <@
                    response.StartsWith("HTTP/1.1 503 ", StringComparison.Ordinal)
                    && response.Contains "Retry-After: "
                @>

            second.SendText "fine"
            second.ReadText() =! "fine"
            first.SendClose 1000
            first.Read() |> ignore

            let isAccepted () =
                use next = PeerClient.InMemory server

                try
                    next.Write PeerClient.Request
                    next.ReadResponse().StartsWith("HTTP/1.1 101 ", StringComparison.Ordinal)
                with :? IO.IOException ->
                    false // turned away before it could ask

            Wait.until "there is room again" isAccepted)

        testCase "the smallest limit of the machine decides, with a margin" (fun () ->
            let limit =
                MachineLimits.Smallest [|
                    struct (Nullable 65_530L, "a")
                    struct (Nullable(), "b")
                    struct (Nullable 1_000L, "c")
                |]

            limit =! Nullable(struct (800, "c"))
            MachineLimits.Smallest [| struct (Nullable(), "b") |] =! Nullable())
    ]

[<Tests>]
let lifecycle =
    testList "lifecycle" [
        testCase "open connections are listed, and only these" (fun () ->
            use server = Serve.inMemory Serve.echo defaults
            use pending = PeerClient.InMemory server
            use first = Serve.client server
            use second = Serve.client server
            Wait.until "both are listed" (fun () -> server.Connections.Count = 2)
            first.SendClose 1000
            Wait.until "one is listed" (fun () -> server.Connections.Count = 1))

        testCase "Shutdown tells all connections 1001 and returns when they have left" (fun () ->
            use server = Serve.inMemory Serve.echo defaults
            use first = Serve.client server
            use second = Serve.client server
            let shutdown = Wait.start (fun () -> server.Shutdown())

            for client in [ first; second ] do
                client.Read() =! Closed(CloseStatus.Create(CloseCode.GoingAway, ""))
                client.SendClose 1001

            Wait.forTask "the shutdown" shutdown =! 0)

        testCase "Shutdown cuts those that don't answer, and says how many" (fun () ->
            let clock = FakeClock()
            use server = Serve.inMemory Serve.echo (ServerOptions(TimeProvider = clock))
            use good = Serve.client server
            use silent = Serve.client server

            let shutdown =
                Wait.start (fun () ->
                    server.Shutdown(CloseCode.ServiceRestart, "later", TimeSpan.FromSeconds 3.0))

            good.Read() =! Closed(CloseStatus.Create(CloseCode.ServiceRestart, "later"))
            good.SendClose 1000
            silent.Read() =! Closed(CloseStatus.Create(CloseCode.ServiceRestart, "later"))
            good.Read() =! End
            Wait.until "the good one has left" (fun () -> server.Occupied = 1)
            clock.Advance(TimeSpan.FromSeconds 4.0)
            Wait.forTask "the shutdown" shutdown =! 1
            silent.Read() =! End)

        testCase "Shutdown cuts clients that have not finished their handshake" (fun () ->
            use server = Serve.inMemory Serve.echo defaults
            use pending = PeerClient.InMemory server
            pending.Write "GET / HT"
            Wait.forTask "the shutdown" (Wait.start (fun () -> server.Shutdown())) =! 0
            pending.Read() =! End)

        testCase "Shutdown may be called by a handler" (fun () ->
            let results = ConcurrentQueue<int>()

            use server =
                Server.ServeInMemory(
                    (fun connection -> results.Enqueue(connection.Server.Shutdown())),
                    defaults
                )

            use client = Serve.client server
            client.Read() =! Closed(CloseStatus.Create(CloseCode.GoingAway, ""))
            client.SendClose 1000
            client.Read() =! End
            Wait.until "the handler has shut the server down" (fun () -> results.Count = 1))

        testCase "Shutdown works before the start, and twice" (fun () ->
            let server = Server.Serve(Action<ServerConnection> ignore, "127.0.0.1", 0)
            server.Shutdown() =! 0
            server.Shutdown() =! 0
            server.ServeForever()
            server.Start())

        testCase "ServeForever returns after Shutdown" (fun () ->
            use server = Server.Serve(Action<ServerConnection> ignore, "127.0.0.1", 0)
            let serving = Wait.start (fun () -> server.ServeForever())
            use client = PeerClient.OverTcp server
            client.ShakeHands()
            server.Shutdown(timeout = TimeSpan.FromSeconds 1.0) |> ignore
            serving.Wait Wait.limit =! true)

        testCase "an address in use is an error that leaves nothing behind" (fun () ->
            use server = Server.Serve(Action<ServerConnection> ignore, "127.0.0.1", 0)
            let port = (server.LocalEndPoint :?> Net.IPEndPoint).Port

            raises<Net.Sockets.SocketException>
                <@ Server.Serve(Action<ServerConnection> ignore, "127.0.0.1", port) @>)

        testCase "a socket of the caller's can be served" (fun () ->
            let socket =
                new Net.Sockets.Socket(Net.Sockets.SocketType.Stream, Net.Sockets.ProtocolType.Tcp)

            socket.Bind(Net.IPEndPoint(Net.IPAddress.IPv6Loopback, 0))
            use server = Server.Serve(Action<ServerConnection> Serve.echo, socket)
            server.Start()

            use peer =
                new Net.Sockets.Socket(Net.Sockets.SocketType.Stream, Net.Sockets.ProtocolType.Tcp)

            peer.Connect server.LocalEndPoint
            use client = new PeerClient(new SocketTransport(peer))
            client.ShakeHands()
            client.SendText "v6"
            client.ReadText() =! "v6")

        testCase "a socket that isn't bound is refused" (fun () ->
            use socket =
                new Net.Sockets.Socket(Net.Sockets.SocketType.Stream, Net.Sockets.ProtocolType.Tcp)

            raises<ArgumentException> <@ Server.Serve(Action<ServerConnection> ignore, socket) @>)
    ]
