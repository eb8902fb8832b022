module FunctionalWs.Server.Tests.ShutdownTests

open System
open System.Threading
open Expecto
open Swensen.Unquote
open FunctionalWs
open FunctionalWs.Protocol
open FunctionalWs.Server.Tests.Serve

[<Tests>]
let shutdown =
    testList "Shutdown over loopback" [
        testCase
            "with 200 clients of which 50 never answer tells all at once, and cuts the 50 at the deadline"
            (fun () ->
                let clock = FakeClock()

                use server =
                    Serve.overTcp Serve.echo (ServerOptions(TimeProvider = clock, PingInterval = Nullable()))

                let clients = [
                    for _ in 1..200 do
                        let client = PeerClient.OverTcp server
                        client.ShakeHands()
                        client
                ]

                Wait.until "all are open" (fun () -> server.Connections.Count = 200)

                let shutdown =
                    Wait.start (fun () -> server.Shutdown(timeout = TimeSpan.FromSeconds 5.0))

                // No client has answered yet, and all have been told.
                for client in clients do
                    client.Read() =! Closed(CloseStatus.Create(CloseCode.GoingAway, ""))

                let silent, good = List.splitAt 50 clients

                for client in good do
                    client.SendClose 1001
                    client.Read() =! End

                // A client sees the end a moment before the server's thread has come back.
                Wait.until "the good have gone" (fun () -> server.Occupied = 50)

                clock.Advance(TimeSpan.FromSeconds 4.9)
                shutdown.IsCompleted =! false
                clock.Advance(TimeSpan.FromSeconds 0.1)
                Wait.forTask "the shutdown" shutdown =! 50

                for client in silent do
                    client.Read() =! End

                for client in clients do
                    (client :> IDisposable).Dispose())

        testCase "cuts what is left as soon as it is told to hurry" (fun () ->
            let clock = FakeClock() // its deadline never comes
            use hurry = new CancellationTokenSource()
            use server = Serve.inMemory Serve.echo (ServerOptions(TimeProvider = clock))
            use client = Serve.client server

            let shutdown =
                Wait.start (fun () ->
                    server.Shutdown(timeout = TimeSpan.FromSeconds 5.0, hurry = hurry.Token))

            client.Read() =! Closed(CloseStatus.Create(CloseCode.GoingAway, ""))
            shutdown.IsCompleted =! false
            hurry.Cancel()
            Wait.forTask "the shutdown" shutdown =! 1
            client.Read() =! End)

        testCase "counts a handler that never returns among those that were cut" (fun () ->
            let clock = FakeClock()
            use letGo = new ManualResetEventSlim(false)

            use server =
                ServerOptions(TimeProvider = clock)
                |> Serve.overTcp (fun _ -> Wait.forEvent "being let go" letGo)

            use client = PeerClient.OverTcp server
            client.ShakeHands()

            let shutdown =
                Wait.start (fun () -> server.Shutdown(timeout = TimeSpan.FromSeconds 1.0))

            client.Read() =! Closed(CloseStatus.Create(CloseCode.GoingAway, ""))
            clock.Advance(TimeSpan.FromSeconds 2.0)
            Wait.forTask "the shutdown" shutdown =! 1
            client.Read() =! End
            letGo.Set())

        testCase "refuses a reason that doesn't fit, and stops nothing" (fun () ->
            use server = Serve.overTcp Serve.echo defaults
            use client = PeerClient.OverTcp server
            client.ShakeHands()

            Wait.throws<ArgumentException>(fun () -> server.Shutdown(reason = String('x', 124)) |> ignore)
            |> ignore

            client.SendText "still served"
            client.ReadText() =! "still served")

        testCase "lets no client in any more" (fun () ->
            let server = Serve.overTcp Serve.echo defaults
            let address = server.LocalEndPoint
            server.Shutdown() =! 0

            use socket =
                new Net.Sockets.Socket(Net.Sockets.SocketType.Stream, Net.Sockets.ProtocolType.Tcp)

            Wait.throws<Net.Sockets.SocketException>(fun () -> socket.Connect address)
            |> ignore)
    ]
