/// What the application does wrong, and clocks that jump.
module FunctionalWs.Threat.Tests.ThreatMisuseTests

open System
open System.Threading
open System.Threading.Tasks
open Microsoft.Extensions.Logging
open Expecto
open Swensen.Unquote
open FunctionalWs
open FunctionalWs.Protocol
open FunctionalWs.Testing
open FunctionalWs.Server.Tests
open FunctionalWs.Server.Tests.Serve
open FunctionalWs.Threat.Tests.Attackers

/// A logger that fails at everything.
type private BrokenLogger() =
    let fail () : 'a = invalidOp "the disk of the log is full"

    interface ILogger with
        member _.BeginScope(_: 'state) : IDisposable = fail ()
        member _.IsEnabled _ = true
        member _.Log(_, _, _, _, _) = fail ()

    interface ILoggerFactory with
        member logger.CreateLogger(_: string) = logger :> ILogger
        member _.AddProvider _ = ()
        member _.Dispose() = ()

[<Tests>]
let users =
    testList "threats of the application" [
        testCase "X2 a logger that throws costs neither a connection nor a thread" (fun () ->
            let options = ServerOptions(LoggerFactory = new BrokenLogger(), MaxConnections = 2)

            let handler (connection: ServerConnection) =
                for message in connection do
                    if message.Text = "fail" then
                        invalidOp "a bug"

                    connection.Send message

            for _ in 1..3 do
                use server = Serve.overTcp handler options
                use first = PeerClient.OverTcp server
                first.ShakeHands()
                use second = PeerClient.OverTcp server
                second.ShakeHands()
                use third = PeerClient.OverTcp server

                third.ReadResponse().StartsWith("HTTP/1.1 503 ", StringComparison.Ordinal)
                =! true

                first.SendText "in"
                first.ReadText() =! "in"
                first.SendText "fail"
                first.Read() =! Closed(CloseStatus.Create(CloseCode.InternalError, ""))
                second.Write [| 0x83uy; 0x80uy |]
                second.Read() |> ignore
                second.Read() =! End
                Attackers.reset second
                first.SendClose 1000
                first.Read() =! End
                server.Shutdown() =! 0)

        testTheory
            "X1 an exception of the connection's own kinds that the handler makes itself closes with 1011"
            [
                ConcurrencyException "x" :> exn
                OperationCanceledException()
                ThreadInterruptedException()
                AggregateException(TimeoutException())
            ]
            (fun error ->
                let records = new Records()

                use server =
                    ServerOptions(LoggerFactory = records) |> Serve.inMemory (fun _ -> raise error)

                use client = client server
                client.Read() =! Closed(CloseStatus.Create(CloseCode.InternalError, ""))
                client.SendClose 1000
                client.Read() =! End
                records.Exceptions =! [ error ])

        testCase "X3 calls after the end throw what the documentation says" (fun () ->
            let found = TaskCompletionSource<ServerConnection>()

            use server =
                defaults |> Serve.inMemory (fun connection -> found.SetResult connection)

            use client = client server
            client.Read() |> ignore
            client.SendClose 1000
            client.Read() =! End
            let connection = Wait.forTask "the handler" found.Task
            Wait.until "it is closed" (fun () -> connection.State = ConnectionState.Closed)

            let calls: (string * (unit -> unit)) list = [
                "Receive", (fun () -> connection.Receive() |> ignore)
                "Receive at once", (fun () -> connection.Receive TimeSpan.Zero |> ignore)
                "ReceiveStreaming", (fun () -> Seq.iter ignore (connection.ReceiveStreaming()))
                "Send", (fun () -> connection.Send "x")
                "Send of fragments", (fun () -> connection.Send [ "x"; "y" ])
                "Ping", (fun () -> connection.Ping() |> ignore)
                "Pong", (fun () -> connection.Pong())
            ]

            for name, call in calls do
                try
                    call ()
                    failwith $"{name} did nothing"
                with :? ConnectionClosedOkException ->
                    ()

            connection.Close()
            connection.WaitClosed() =! true)

        testCase "X3 the server's disposal frees whoever receives, sends or waits" (fun () ->
            let ended = new CountdownEvent(3)

            let handler (connection: ServerConnection) =
                try
                    try
                        match connection.Request.Target with
                        | "/receive" -> connection.Receive() |> ignore
                        | "/send" ->
                            while true do
                                connection.Send(Array.zeroCreate<byte> 100_000)
                        | _ -> connection.WaitClosed() |> ignore
                    with :? ConnectionClosedException ->
                        ()
                finally
                    ended.Signal() |> ignore

            let server =
                ServerOptions(CloseTimeout = Nullable(TimeSpan.FromMilliseconds 100.0))
                |> Serve.inMemory handler

            let clients = [
                for target in [ "/receive"; "/send"; "/wait" ] do
                    let struct (atServer, atClient) = MemoryTransport.CreatePair 1_000
                    server.Admit atServer
                    let client = new PeerClient(atClient)
                    client.Write(PeerClient.Request.Replace("/chat", target))
                    client.ReadResponse() |> ignore
                    client
            ]

            Wait.until "all are open" (fun () -> server.Connections.Count = 3)
            (server :> IDisposable).Dispose()
            ended.Wait Wait.limit =! true
            Attackers.dispose clients)
    ]

/// A clock whose time of day jumps, while what deadlines are measured with goes on.
type private JumpingClock() =
    inherit FakeClock()
    let mutable jump = TimeSpan.Zero
    member _.Jump(by: TimeSpan) = jump <- jump + by
    override clock.GetUtcNow() = base.GetUtcNow() + jump

[<Tests>]
let clocks =
    testList "threats of clocks" [
        testCase "R8 nothing comes of a time of day that jumps" (fun () ->
            let clock = JumpingClock()
            use server = Serve.inMemory Serve.echo (ServerOptions(TimeProvider = clock))
            use client = client server
            use pending = PeerClient.InMemory server
            pending.Write "GET"

            for hours in [ 1.0; -1.0; 87_600.0; -87_600.0 ] do
                clock.Jump(TimeSpan.FromHours hours)
                // An echo through the handler, and the watcher looks meanwhile: no ping comes first.
                for number in 1..20 do
                    client.SendText $"{number}"
                    client.ReadText() =! $"{number}"

            pending.Transport.IsReadable =! false
            server.Connections.Count =! 1)

        testCase "R8 after eight hours of sleep there is one ping, and who answers stays" (fun () ->
            let clock = FakeClock()
            use server = Serve.inMemory Serve.echo (ServerOptions(TimeProvider = clock))
            use client = client server

            for _ in 1..3 do
                clock.Advance(TimeSpan.FromHours 8.0)

                match client.Read() with
                | PingOf payload -> client.WriteFrame(true, Opcode.Pong, payload)
                | other -> failwith $"{other}"

                client.SendText "in"
                client.ReadText() =! "in")

        testTheory
            "R8 the longest spans that options take don't overflow"
            [ TimeSpan.FromMilliseconds(float Int32.MaxValue) ]
            (fun span ->
                let clock = FakeClock()

                let options =
                    ServerOptions(
                        TimeProvider = clock,
                        OpenTimeout = Nullable span,
                        CloseTimeout = Nullable span,
                        PingInterval = Nullable span,
                        PingTimeout = Nullable span,
                        SendTimeout = Nullable span,
                        MessageTimeout = Nullable span
                    )

                use server = Serve.inMemory Serve.echo options
                use client = client server
                clock.Advance(TimeSpan.FromDays 20.0)
                client.SendText "in"
                client.ReadText() =! "in"
                client.SendClose 1000
                client.Read() |> ignore
                client.Read() =! End)
    ]

[<Tests>]
let paused =
    testSequenced (
        testList "threats of a process that is paused" [
            testCase
                "R8 a server that was stopped for a while cuts nobody whose answer has come meanwhile"
                (fun () ->
                    use victim = new Victim([ "ping=0.5"; "answer=4" ])

                    let clients = [
                        for path in [ "/chat"; "/away" ] do
                            for _ in 1 .. Scale.size 10 200 -> victim.Open path
                    ]

                    // Since this ping nothing has come from the client.
                    for client in clients do
                        client.Read().IsPingOf =! true

                    Processes.signal victim.Id "STOP"

                    for client in clients do
                        client.WriteFrame(true, Opcode.Pong, [||])

                    let watch = Diagnostics.Stopwatch.StartNew()
                    Wait.until "the timeout has passed" (fun () -> watch.Elapsed.TotalSeconds > 4.2)
                    Processes.signal victim.Id "CONT"

                    let rec answers (client: PeerClient) =
                        match client.Read() with
                        | PingOf _ -> answers client
                        | frame -> frame = PongOf "still there"B

                    for client in clients do
                        client.SendPing "still there"B
                        answers client =! true
                        Attackers.reset client)
        ]
    )
