/// What an interrupt of a thread harms, and that a handler finds nothing of the one before.
module FunctionalWs.Server.Tests.InterruptTests

open System
open System.Collections.Concurrent
open System.Diagnostics
open System.Diagnostics.Metrics
open System.Globalization
open System.Net.Sockets
open System.Security.Principal
open System.Threading
open System.Threading.Tasks
open Microsoft.Extensions.Logging
open Expecto
open Swensen.Unquote
open FunctionalWs
open FunctionalWs.Protocol
open FunctionalWs.Testing
open FunctionalWs.Server.Tests.Serve

let private isServed (server: Server) =
    use client = client server
    client.SendText "hello"
    client.ReadText() =! "hello"
    client.SendClose 1000
    client.Read() =! Closed(CloseStatus.Create(CloseCode.NormalClosure, ""))

let private untilGone (server: Server) =
    Wait.until "the connections have gone" (fun () -> server.Occupied = 0)

[<Tests>]
let interrupts =
    testList "an interrupt" [
        testCase
            "that is pending when a handler returns harms neither its closing nor the next client"
            (fun () ->
                use server =
                    defaults
                    |> inMemory (fun connection ->
                        connection.Receive() |> ignore
                        Thread.CurrentThread.Interrupt())

                for _ in 1..3 do
                    use client = client server
                    client.SendText "go"
                    client.Read() =! Closed(CloseStatus.Create(CloseCode.NormalClosure, ""))
                    client.SendClose 1000
                    untilGone server)

        testCase "that is pending when a message handler returns is gone when the loop has waited" (fun () ->
            use interrupted = new ManualResetEventSlim(false)
            use signalled = new ManualResetEvent(true)

            let handler =
                MessageHandler.ForEach(
                    Action<ServerConnection, Message>(fun connection message ->
                        match message.Text with
                        | "interrupt" ->
                            Thread.CurrentThread.Interrupt()
                            interrupted.Set()
                        | _ ->
                            signalled.WaitOne() |> ignore // would end by it
                            connection.Send message)
                )

            use server = Server.Serve(handler, "127.0.0.1", 0, defaults)
            server.Start()
            // Some of them share a loop.
            let clients = [
                for _ in 1..8 do
                    let client = PeerClient.OverTcp server
                    client.ShakeHands()
                    client
            ]

            clients.Head.SendText "interrupt"
            Wait.forEvent "the interrupt" interrupted

            for client in clients.Tail do
                client.SendText "hello"
                client.ReadText() =! "hello"

            for client in clients do
                (client :> IDisposable).Dispose())

        testCase "of a thread whose handler has returned harms nobody" (fun () ->
            let threads = ConcurrentQueue<Thread>()

            use server =
                defaults
                |> inMemory (fun connection ->
                    threads.Enqueue Thread.CurrentThread
                    echo connection)

            for _ in 1..5 do
                isServed server
                untilGone server

                for thread in threads do
                    thread.Interrupt())

        testCase "ends a Send that waits for another writer, and nothing else" (fun () ->
            let writers = ConcurrentQueue<Thread>()
            let interrupted = TaskCompletionSource<exn>()
            let struct (atServer, atClient) = MemoryTransport.CreatePair 1024

            use server =
                defaults
                |> inMemory (fun connection ->
                    let first = Wait.start (fun () -> connection.Send(String('a', 10_000)))

                    Wait.until "the first writer waits" (fun () -> connection.IsBlocked)

                    let second =
                        Wait.start (fun () ->
                            writers.Enqueue Thread.CurrentThread

                            try
                                connection.Send "second"
                            with error ->
                                interrupted.SetResult error)

                    Wait.forTask "the second writer" second
                    Wait.forTask "the first writer" first
                    connection.Send "third")

            server.Admit atServer
            use client = new PeerClient(atClient)
            client.ShakeHands()
            Wait.until "the second writer is there" (fun () -> writers.Count = 1)
            let writer = writers.ToArray()[0]

            Wait.until "the second writer waits" (fun () ->
                writer.ThreadState.HasFlag ThreadState.WaitSleepJoin)

            writer.Interrupt()
            test <@ Wait.forTask "the interrupt" interrupted.Task :? ThreadInterruptedException @>
            client.ReadText() =! String('a', 10_000)
            client.ReadText() =! "third")

        testCase
            "of who waits to send a message's last frame fails the connection: it can't be completed"
            (fun () ->
                let senders = ConcurrentQueue<Thread>()
                let interrupted = TaskCompletionSource<exn>()
                let struct (atServer, atClient) = MemoryTransport.CreatePair 1024
                let payload = Array.create 900 97uy

                use server =
                    defaults
                    |> inMemory (fun connection ->
                        let ping =
                            lazy
                                (Wait.start (fun () ->
                                    connection.Ping(ReadOnlySpan payload[..124]) |> ignore))

                        let parts =
                            seq {
                                ReadOnlyMemory payload
                                ping.Force() |> ignore
                                Wait.until "somebody else writes" (fun () -> connection.IsBlocked)
                                senders.Enqueue Thread.CurrentThread
                            }

                        try
                            connection.Send parts
                        with error ->
                            interrupted.SetResult error

                        Wait.forTask "the ping" ping.Value)

                server.Admit atServer
                use client = new PeerClient(atClient)
                client.ShakeHands()
                Wait.until "the last frame is to be sent" (fun () -> senders.Count = 1)
                let sender = senders.ToArray()[0]

                Wait.until "it waits" (fun () -> sender.ThreadState.HasFlag ThreadState.WaitSleepJoin)
                sender.Interrupt()
                test <@ Wait.forTask "the interrupt" interrupted.Task :? ThreadInterruptedException @>
                client.Read() =! Data(Opcode.Binary, false, payload)

                client.Read() =! PingOf payload[..124]

                match client.Read() with
                | Closed status -> status.Number =! 1011
                | other -> failwith $"a close frame was expected, not {other}")

        testCase "of a wait for the end, or for a pong, ends that wait alone" (fun () ->
            use server = defaults |> inMemory echo
            use peer = client server
            Wait.until "it is open" (fun () -> server.Connections.Count = 1)
            let connection = Seq.head server.Connections

            for wait in
                [
                    (fun () -> connection.WaitClosed() |> ignore)
                    (fun () -> connection.Ping().Wait() |> ignore)
                ] do
                let caught = TaskCompletionSource<exn>()

                let thread =
                    Thread(
                        (fun () ->
                            try
                                wait ()
                            with error ->
                                caught.SetResult error),
                        IsBackground = true
                    )

                thread.Start()

                Wait.until "it waits" (fun () -> thread.ThreadState.HasFlag ThreadState.WaitSleepJoin)

                thread.Interrupt()
                test <@ Wait.forTask "the interrupt" caught.Task :? ThreadInterruptedException @>

            test <@ peer.Read().IsPingOf @>
            peer.SendText "hello"
            peer.ReadText() =! "hello")

        testCase "of ServeForever ends the waiting, and the server goes on" (fun () ->
            use server = Server.Serve(Action<ServerConnection> echo, "127.0.0.1", 0)

            let caught = TaskCompletionSource<exn>()

            let thread =
                Thread(
                    (fun () ->
                        try
                            server.ServeForever()
                        with error ->
                            caught.SetResult error),
                    IsBackground = true
                )

            thread.Start()
            Listening.isServed server.LocalEndPoint
            thread.Interrupt()
            test <@ Wait.forTask "the interrupt" caught.Task :? ThreadInterruptedException @>
            Listening.isServed server.LocalEndPoint)

        testCase "of Shutdown cuts what is left at once, and the server has stopped" (fun () ->
            use leave = new ManualResetEventSlim(false)
            use server = defaults |> inMemory (fun _ -> Wait.forEvent "leave to go" leave)
            use peer = client server
            let caught = TaskCompletionSource<exn>()

            let thread =
                Thread(
                    (fun () ->
                        try
                            server.Shutdown(timeout = Nullable Timeout.InfiniteTimeSpan) |> ignore
                        with error ->
                            caught.SetResult error),
                    IsBackground = true
                )

            thread.Start()
            test <@ peer.Read().IsClosed @>
            thread.Interrupt()
            test <@ Wait.forTask "the interrupt" caught.Task :? ThreadInterruptedException @>
            server.Shutdown() =! 1
            leave.Set())
    ]

[<Tests>]
let clean =
    testList "a handler starts clean" [
        testCase
            "of what the one before, and whoever started the server, have left on their threads"
            (fun () ->
                let local = AsyncLocal<string>()
                let found = ConcurrentQueue<string list>()
                let threads = ConcurrentDictionary<int, bool>()

                let look () = [
                    $"local {local.Value}"
                    $"culture {CultureInfo.CurrentCulture.Name} {CultureInfo.CurrentUICulture.Name}"
                    $"principal {isNull Thread.CurrentPrincipal}"
                    $"activity {isNull Activity.Current}"
                    $"priority {Thread.CurrentThread.Priority}"
                    $"background {Thread.CurrentThread.IsBackground}"
                    $"name {Thread.CurrentThread.Name}"
                    $"context {SynchronizationContext.Current.GetType().Name}"
                ]

                let spoil () =
                    local.Value <- "mine"
                    CultureInfo.CurrentCulture <- CultureInfo "tr-TR"
                    CultureInfo.CurrentUICulture <- CultureInfo "th-TH"
                    Thread.CurrentPrincipal <- GenericPrincipal(GenericIdentity "ada", [||])
                    Activity.Current <- new Activity("mine") |> _.Start()

                let handler (_: ServerConnection) =
                    threads[Environment.CurrentManagedThreadId] <- true
                    found.Enqueue(look ())
                    spoil ()
                    Thread.CurrentThread.Priority <- ThreadPriority.BelowNormal
                    Thread.CurrentThread.IsBackground <- false
                    Thread.CurrentThread.Name <- "mine"
                    SynchronizationContext.SetSynchronizationContext(SynchronizationContext())

                let serve () =
                    use server = Server.Serve(Action<ServerConnection> handler, "127.0.0.1", 0)

                    server.Start()

                    for _ in 1..5 do
                        use client = PeerClient.OverTcp server
                        client.ShakeHands()
                        client.Read() =! Closed(CloseStatus.Create(CloseCode.NormalClosure, ""))
                        client.SendClose 1000
                        untilGone server

                let starting =
                    Thread(
                        (fun () ->
                            spoil ()
                            serve ()),
                        IsBackground = true
                    )

                starting.Start()
                starting.Join Wait.limit =! true

                let expected = [
                    "local "
                    $"culture {CultureInfo.CurrentCulture.Name} {CultureInfo.CurrentUICulture.Name}"
                    "principal True"
                    "activity True"
                    "priority Normal"
                    "background True"
                    "name FunctionalWs connection"
                    "context HandlerContext"
                ]

                List.ofSeq found =! List.replicate 5 expected
                test <@ threads.Count < 5 @>)
    ]
