/// Threads of the server: nothing that runs on one ends it or the process, and no handler finds anything of the one before.
module FunctionalWs.Server.Tests.ThreadTests

open System
open System.Collections.Concurrent
open System.Diagnostics
open System.Diagnostics.Metrics
open System.Globalization
open System.Runtime.InteropServices
open System.Net.Sockets
open System.Security.Principal
open System.Text
open System.Threading
open System.Threading.Tasks
open Microsoft.Extensions.Logging
open Expecto
open Swensen.Unquote
open FunctionalWs
open FunctionalWs.Protocol
open FunctionalWs.Server.Tests.Serve

let private isServed (server: Server) =
    use client = client server
    client.SendText "hello"
    client.ReadText() =! "hello"
    client.SendClose 1000
    client.Read() =! Closed(CloseStatus.Create(CloseCode.NormalClosure, ""))

let private untilGone (server: Server) =
    Wait.until "the connections have gone" (fun () -> server.Occupied = 0)

/// A stream of which one operation wants more memory than there is.
type private Exhausted(inner: Transport, operation: string) =
    inherit DelegatingTransport(inner)

    let refuse name =
        if name = operation then
            raise (OutOfMemoryException name)

    override _.Read destination =
        refuse "Read"
        inner.Read destination

    override _.Write source =
        refuse "Write"
        inner.Write source

    override _.Abort() =
        inner.Abort()
        refuse "Abort"

    override _.Dispose() =
        inner.Dispose()
        refuse "Dispose"

    override _.ShutdownSend() =
        inner.ShutdownSend()
        refuse "ShutdownSend"

/// A clock that throws while it is told to.
type private FaultyClock() =
    inherit TimeProvider()
    member val Fails = false with get, set

    override clock.GetTimestamp() =
        if clock.Fails then
            raise (OutOfMemoryException "the clock")

        base.GetTimestamp()

/// A logger that does something each time that it is asked or told.
type private Sink(isEnabled: LogLevel -> bool, told: string -> unit) =
    interface ILogger with
        member _.BeginScope(_: 'state) : IDisposable =
            told "scope"
            null

        member _.IsEnabled level = isEnabled level

        member _.Log(_: LogLevel, id: EventId, _: 'state, _: exn, _: Func<'state, exn, string>) =
            told $"record {id.Id}"

    interface ILoggerFactory with
        member sink.CreateLogger(_: string) = sink :> ILogger
        member _.AddProvider _ = ()
        member _.Dispose() = ()

[<Tests>]
let ends =
    testList "what is thrown on a thread of the server" [
        testTheory
            "ends the connection that it is about, at most, whatever operation of its stream it comes from"
            [ "Read"; "Write"; "Abort"; "Dispose"; "ShutdownSend" ]
            (fun operation ->
                use server = defaults |> inMemory echo
                let struct (atServer, atClient) = MemoryTransport.CreatePair()
                server.Admit(new Exhausted(atServer, operation))
                let client = new PeerClient(atClient)
                client.Write(PeerClient.Request: string)
                atClient.ShutdownSend()
                client.ReadToEnd() |> ignore
                untilGone server
                isServed server)

        testCase "a wait for the end of a connection ends even if the telling of it has failed" (fun () ->
            let records = new Records()
            let waited = TaskCompletionSource<bool>()

            use server =
                ServerOptions(LoggerFactory = records)
                |> inMemory (fun connection ->
                    Wait.start (fun () ->
                        waited.SetResult(connection.WaitClosed(TimeSpan.FromSeconds 20.0)))
                    |> ignore

                    connection.Receive() |> ignore)

            let struct (atServer, atClient) = MemoryTransport.CreatePair()
            server.Admit(new Exhausted(atServer, "Abort"))
            use client = new PeerClient(atClient)
            client.ShakeHands()
            client.SendText "go"
            client.SendClose 1000
            Wait.forTask "the wait" waited.Task =! true
            untilGone server)

        testCase "a listener of metrics that throws harms nobody, and is told to the log" (fun () ->
            let records = new Records()
            use meters = new Measurements false

            use listener =
                new MeterListener(
                    InstrumentPublished =
                        (fun instrument listener ->
                            if Object.ReferenceEquals(instrument.Meter.Scope, meters) then
                                listener.EnableMeasurementEvents(instrument, null))
                )

            let throws _ =
                raise (OutOfMemoryException "a listener")

            listener.SetMeasurementEventCallback<int64>(fun _ _ _ _ -> throws ())
            listener.SetMeasurementEventCallback<double>(fun _ _ _ _ -> throws ())
            listener.Start()

            let options =
                ServerOptions(LoggerFactory = records, MeterFactory = meters, MaxConnections = 1)

            use server = options |> inMemory echo
            isServed server
            untilGone server
            isServed server
            untilGone server
            let used = client server
            use refused = PeerClient.InMemory server
            test <@ refused.ReadToEnd().StartsWith "HTTP/1.1 503 " @>
            (used :> IDisposable).Dispose()
            untilGone server
            isServed server

            Wait.until "it is told" (fun () ->
                records.Of LogLevel.Error |> List.exists (fun (struct (_, id, _)) -> id = 12)))

        testCase "a listener of traces that throws harms nobody, and is told to the log" (fun () ->
            let records = new Records()

            use server =
                Server.Serve(
                    Action<ServerConnection> echo,
                    "127.0.0.1",
                    0,
                    ServerOptions(LoggerFactory = records)
                )

            server.Start()
            // The other tests have spans of the same source.
            let port = box (server.LocalEndPoint :?> Net.IPEndPoint).Port

            let isOurs (tags: Collections.Generic.KeyValuePair<string, obj> seq) =
                tags |> Seq.exists (fun tag -> tag.Key = "server.port" && port.Equals tag.Value)

            let throws (activity: Activity) =
                if isOurs activity.TagObjects then
                    raise (OutOfMemoryException "a listener")

            use listener =
                new ActivityListener(
                    ShouldListenTo = (fun source -> source.Name = "FunctionalWs"),
                    Sample =
                        SampleActivity<ActivityContext>(fun options ->
                            if isOurs options.Tags then
                                ActivitySamplingResult.AllData
                            else
                                ActivitySamplingResult.None),
                    ActivityStarted = throws,
                    ActivityStopped = throws
                )

            ActivitySource.AddActivityListener listener
            Listening.isServed server.LocalEndPoint
            Listening.isServed server.LocalEndPoint
            untilGone server
            let errors = records.Of LogLevel.Error |> List.map (fun (struct (_, id, _)) -> id)
            test <@ not errors.IsEmpty && errors |> List.forall ((=) 12) @>)

        testCase "a clock that throws stops neither the watcher nor the accepting" (fun () ->
            let clock = FaultyClock()
            let records = new Records()

            use server =
                Server.Serve(
                    Action<ServerConnection> echo,
                    "127.0.0.1",
                    0,
                    ServerOptions(TimeProvider = clock, LoggerFactory = records)
                )

            server.Start()
            Listening.isServed server.LocalEndPoint
            use kept = PeerClient.OverTcp server
            kept.ShakeHands()
            clock.Fails <- true

            Wait.until "the watcher has met with it" (fun () ->
                records.Exceptions |> List.exists (fun error -> error :? OutOfMemoryException))

            use lost = PeerClient.OverTcp server

            Wait.until "the accepting has met with it" (fun () ->
                records.All |> List.exists (fun (struct (_, id, _)) -> id = 5 || id = 8))

            clock.Fails <- false
            Listening.isServed server.LocalEndPoint)

        testCase "a client with an address that the platform can't read is served like the others" (fun () ->
            use folder = new Listening.Folder()
            use server = Listening.unixServe (folder.Path "s") defaults

            use socket =
                new Socket(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified)

            let path = (folder.Path "").PadRight(108, 'x')
            let address = Array.append [| 1uy; 0uy |] (Encoding.ASCII.GetBytes path)
            NativeSocket.bindTo (socket, address) =! 0
            socket.Connect(server.LocalEndPoint)
            use client = new PeerClient(new SocketTransport(socket))
            client.ShakeHands()
            client.SendText "hello"
            client.ReadText() =! "hello"
            Listening.isServed server.LocalEndPoint)
    ]

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

        testCase "of a wait for the end, or for a pong, ends that wait alone" (fun () ->
            use server = defaults |> inMemory echo
            use peer = client server
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

/// Looks at a server from another thread, with everything that takes a lock of the server or of a connection.
let private looks (server: Server) =
    let look () =
        for connection in server.Connections do
            connection.Closed |> ignore
            connection.Latency |> ignore

        server.Occupied |> ignore
        server.PendingHandshakes |> ignore
        server.SumSendQueues() |> ignore
        server.CountBlocked() |> ignore
        Broadcast.Send(server.Connections, "look") |> ignore

    let thread = Thread(look, IsBackground = true)
    thread.Start()
    thread.Join(TimeSpan.FromSeconds 10.0)

[<Tests>]
let locks =
    testSequenced (
        testList "no lock of the server is held" [
            testCase "while a record is written, a scope begun or a measurement listened to" (fun () ->
                let looked = ConcurrentDictionary<string, bool>()
                let found: Server[] = [| null |] // once it is made

                let look (what: string) =
                    if not (isNull found[0]) && looked.TryAdd(what, true) then
                        looked[what] <- looks found[0]

                let isEnabled level =
                    look $"IsEnabled {level}"
                    true

                use factory = new Sink(isEnabled, look)

                use meters = new Measurements false

                use listener =
                    new MeterListener(
                        InstrumentPublished =
                            (fun instrument listener ->
                                if Object.ReferenceEquals(instrument.Meter.Scope, meters) then
                                    listener.EnableMeasurementEvents(instrument, null))
                    )

                listener.SetMeasurementEventCallback<int64>(fun instrument _ _ _ -> look instrument.Name)

                listener.SetMeasurementEventCallback<double>(fun instrument _ _ _ -> look instrument.Name)

                listener.Start()

                let options =
                    ServerOptions(
                        LoggerFactory = factory,
                        MeterFactory = meters,
                        MaxConnections = 2,
                        FlightRecorder = FlightRecorderOptions()
                    )

                use server = options |> inMemory echo
                found[0] <- server
                use one = client server
                use two = client server
                use refused = PeerClient.InMemory server
                test <@ refused.ReadToEnd().StartsWith "HTTP/1.1 503 " @>
                one.SendText "hello"
                one.SendPing "p"B
                one.SendClose 1000
                two.Write [| 0xFFuy; 0xFFuy |]
                Wait.until "both have gone" (fun () -> server.Occupied = 0)
                server.Shutdown() |> ignore

                for name in [ "record 7"; "record 20"; "record 40"; "record 41"; "scope" ] do
                    test <@ looked.ContainsKey name @>

                test <@ looked.ContainsKey "functionalws.server.rejected_connections" @>

                [
                    for pair in looked do
                        if not pair.Value then
                            pair.Key
                ]
                =! [])
        ]
    )

[<Tests>]
let stopping =
    testList "a client that arrives while the server stops" [
        testCase "is not kept when the server has stopped already" (fun () ->
            let server = defaults |> inMemory echo
            server.Shutdown() =! 0
            use late = PeerClient.InMemory server
            late.ReadToEnd() |> ignore
            server.Occupied =! 0)

        testCase
            "is not kept when the server begins to stop between the look at that and its connection"
            (fun () ->
                let found: Server[] = [| null |] // once it is made
                let stopped = new ManualResetEventSlim(false)

                let isEnabled level =
                    // Asked for the connection that is being made.
                    if level = LogLevel.Debug && not (isNull found[0]) && not stopped.IsSet then
                        stopped.Set()

                        let stop =
                            Wait.start (fun () -> found[0].Shutdown(timeout = Nullable TimeSpan.Zero))

                        Wait.forTask "the shutdown" stop =! 0

                    false

                use factory = new Sink(isEnabled, ignore)
                use server = ServerOptions(LoggerFactory = factory) |> inMemory echo
                found[0] <- server
                use late = PeerClient.InMemory server
                late.ReadToEnd() |> ignore
                stopped.IsSet =! true
                Wait.until "it has gone" (fun () -> server.Occupied = 0))

        testCase "is not kept, in many rounds under load" (fun () ->
            for _ in 1..100 do
                let server = Server.Serve(Action<ServerConnection> echo, "127.0.0.1", 0, defaults)

                let endPoint = server.LocalEndPoint
                server.Start()

                let clients = [|
                    for _ in 1..4 ->
                        Wait.start (fun () ->
                            try
                                use socket =
                                    new Socket(
                                        AddressFamily.InterNetwork,
                                        SocketType.Stream,
                                        ProtocolType.Tcp
                                    )

                                socket.Connect endPoint
                                socket.ReceiveTimeout <- int Wait.limit.TotalMilliseconds

                                try
                                    let buffer = Array.zeroCreate<byte> 1024

                                    while socket.Receive buffer > 0 do
                                        ()

                                    true
                                with :? SocketException as error ->
                                    error.SocketErrorCode <> SocketError.TimedOut
                            with :? SocketException ->
                                true)
                |]

                server.Shutdown(timeout = Nullable(TimeSpan.FromMilliseconds 1.0)) |> ignore

                for client in clients do
                    Wait.forTask "the client" client =! true

                Wait.until "all have gone" (fun () -> server.Occupied = 0))
    ]

[<Tests>]
let endedServers =
    testList "the meter of a process" [
        testCase "keeps what the last servers have counted, not of each that ever was" (fun () ->
            use meters = new Measurements false

            for _ in 1 .. ServerMeter.MaxEnded + 20 do
                use server =
                    Server.Serve(
                        Action<ServerConnection> echo,
                        "127.0.0.1",
                        0,
                        ServerOptions(MeterFactory = meters, Compression = null)
                    )

                server.Shutdown() |> ignore

            test <@ (ServerMeter.Of meters).Count <= ServerMeter.MaxEnded @>)
    ]

/// What an <c>async void</c> method of C# does, which F# has none of.
let private asyncVoid (work: unit -> Task) =
    let context = SynchronizationContext.Current
    context.OperationStarted()

    Task.Run(fun () ->
        task {
            try
                do! work ()
            with error ->
                context.Post((fun _ -> raise error), null)

            context.OperationCompleted()
        }
        :> Task)
    |> ignore

[<Tests>]
let asynchronous =
    testList "an asynchronous handler" [
        testCase "is waited for, and its connection is closed with 1000 after that" (fun () ->
            let handler (connection: ServerConnection) : Task =
                task {
                    do! Task.Yield()
                    let text = connection.Receive().Text
                    do! Task.Delay 10
                    connection.Send text
                }

            use server = Server.Serve(Func<ServerConnection, Task> handler, "127.0.0.1", 0)

            server.Start()
            use client = PeerClient.OverTcp server
            client.ShakeHands()
            client.SendText "hello"
            client.ReadText() =! "hello"
            client.Read() =! Closed(CloseStatus.Create(CloseCode.NormalClosure, "")))

        testCase "that fails is told as a handler that throws, with 1011" (fun () ->
            let records = new Records()

            let handler (_: ServerConnection) : Task =
                task {
                    do! Task.Yield()
                    failwith "too bad"
                }

            use server =
                Server.Serve(
                    Func<ServerConnection, Task> handler,
                    "127.0.0.1",
                    0,
                    ServerOptions(LoggerFactory = records)
                )

            server.Start()
            use client = PeerClient.OverTcp server
            client.ShakeHands()
            client.Read() =! Closed(CloseStatus.Create(CloseCode.InternalError, ""))
            client.SendClose 1011
            untilGone server
            records.Of LogLevel.Error |> List.map (fun (struct (_, id, _)) -> id) =! [ 24 ]
            [ for error in records.Exceptions -> error.Message ] =! [ "too bad" ])

        testCase "that gives no task is told as one that throws" (fun () ->
            let records = new Records()

            use server =
                ServerOptions(LoggerFactory = records)
                |> inMemory (HandlerContext.Blocking(fun _ -> null).Invoke)

            use client = client server
            client.Read() =! Closed(CloseStatus.Create(CloseCode.InternalError, "")))

        testCase
            "that returns nothing, async void, is waited for, and what it throws ends its connection alone"
            (fun () ->
                let records = new Records()

                use server =
                    ServerOptions(LoggerFactory = records)
                    |> inMemory (fun connection ->
                        asyncVoid (fun () ->
                            task {
                                let text = connection.Receive().Text
                                do! Task.Delay 10
                                connection.Send text

                                if text = "bad" then
                                    failwith "too bad"
                            }))

                use good = client server
                use bad = client server
                bad.SendText "bad"
                bad.ReadText() =! "bad"
                bad.Read() =! Closed(CloseStatus.Create(CloseCode.InternalError, ""))
                good.SendText "good"
                good.ReadText() =! "good"
                good.Read() =! Closed(CloseStatus.Create(CloseCode.NormalClosure, ""))
                [ for error in records.Exceptions -> error.Message ] =! [ "too bad" ])

        testCase "of a rule gets the values, and two rules with it are of one endpoint" (fun () ->
            let handler (connection: ServerConnection) (name: string) : Task =
                task {
                    do! Task.Yield()
                    connection.Send name
                }

            let visit =
                Func<ServerConnection, string, Task>(fun connection name -> handler connection name)

            let map = UrlMap [ Rule.For("/a/<name>", visit); Rule.For("/b/<name>/", visit) ]
            map.Build("/a/<name>", struct ("name", box "x")) =! "/a/x"
            use server = FunctionalWs.Testing.InMemoryServer.Route map
            use client = server.Connect "/a/kitchen"
            client.Receive().Text =! "kitchen")
    ]
