module FunctionalWs.Hosting.Tests.LifetimeTests

open System
open System.Net
open System.Net.Sockets
open System.Diagnostics.Metrics
open System.Threading
open System.Threading.Tasks
open Microsoft.Extensions.DependencyInjection
open Microsoft.Extensions.Hosting
open Microsoft.Extensions.Logging
open Expecto
open Swensen.Unquote
open FunctionalWs
open FunctionalWs.Hosting
open FunctionalWs.Server.Tests

/// A handler that returns when it is let go, whatever becomes of its connection.
type private Stuck() =
    let entered = new ManualResetEventSlim(false)
    let leave = new ManualResetEventSlim(false)

    member _.Handler =
        Action<ServerConnection>(fun _ ->
            entered.Set()
            leave.Wait())

    member _.Await() =
        Wait.forEvent "the handler to run" entered

    interface IDisposable with
        member _.Dispose() = leave.Set()

let private failing = {
    new IHostedService with
        member _.StartAsync _ = raise (InvalidOperationException "no")
        member _.StopAsync _ = Task.CompletedTask
}

let private isRefused (endPoint: EndPoint) =
    use socket =
        new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp)

    try
        socket.Connect endPoint
        false
    with :? SocketException as error ->
        error.SocketErrorCode = SocketError.ConnectionRefused

/// What keeps the time that a stop takes within bounds: nothing here waits as long as a connection's own limits.
let private withTimes (closing: TimeSpan) (server: WebSocketServerBuilder) =
    server.Configure(fun options -> options.CloseTimeout <- closing)

[<Tests>]
let lifetime =
    testList "a server in a host" [
        testCase "serves from the host's start and tells clients 1001 at its stop" (fun () ->
            use host =
                Hosts.run (fun builder ->
                    builder.Services.AddWebSocketServer Hosts.echo |> Hosts.onFreePort |> ignore)

            use client = Hosts.connect host
            client.Ask "hello" =! "hello"
            let stopping = Wait.start (fun () -> Hosts.stop host)
            client.ReceiveClose() =! Some 1001
            Wait.forTask "the stop" stopping
            test <@ isRefused (Hosts.hosted host).EndPoint @>)

        testCase "is not to be had before the start" (fun () ->
            use host =
                Hosts.build (fun builder ->
                    builder.Services.AddWebSocketServer Hosts.echo |> Hosts.onFreePort |> ignore)

            let server = Hosts.hosted host
            test <@ not server.IsAccepting @>
            let error = Wait.throws<InvalidOperationException>(fun () -> ignore server.Server)
            test <@ error.Message.Contains "is not started yet" @>
            Hosts.start host
            test <@ server.IsAccepting @>
            Hosts.stop host
            test <@ not server.IsAccepting @>)

        testCase "an address in use makes the start fail, and is named" (fun () ->
            use taken =
                new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp)

            taken.Bind(IPEndPoint(IPAddress.Loopback, 0))
            taken.Listen()

            use host =
                Hosts.build (fun builder ->
                    builder.Services
                        .AddWebSocketServer(Hosts.echo)
                        .Configure(fun options -> options.Port <- (taken.LocalEndPoint :?> IPEndPoint).Port)
                    |> ignore)

            let error =
                Wait.throws<SocketException>(fun () -> host.StartAsync().GetAwaiter().GetResult())

            error.SocketErrorCode =! SocketError.AddressAlreadyInUse
            test <@ error.Message.Contains $"{taken.LocalEndPoint}" @>
            Hosts.stop host)

        testCase "ends with the host when another service fails to start" (fun () ->
            let host =
                Hosts.build (fun builder ->
                    builder.Services.AddWebSocketServer Hosts.echo |> Hosts.onFreePort |> ignore
                    builder.Services.AddSingleton<IHostedService> failing |> ignore)

            Wait.throws<InvalidOperationException>(fun () -> host.StartAsync().GetAwaiter().GetResult())
            |> ignore

            let endPoint = (Hosts.hosted host).EndPoint
            host.Dispose()
            test <@ isRefused endPoint @>)

        testCase "a handler that doesn't return is cut when its time is over" (fun () ->
            use stuck = new Stuck()

            use host =
                Hosts.run (fun builder ->
                    (builder.Services.AddWebSocketServer stuck.Handler |> Hosts.onFreePort)
                        .Configure(fun options -> options.ShutdownTimeout <- TimeSpan.FromMilliseconds 50.0)
                    |> withTimes (TimeSpan.FromMinutes 5.0)
                    |> ignore)

            use client = Hosts.connect host
            stuck.Await()
            Hosts.stop host
            (Hosts.hosted host).Server.Shutdown() =! 1)

        testCase "a handler that doesn't return is cut when the host's time is over" (fun () ->
            use stuck = new Stuck()

            use host =
                Hosts.run (fun builder ->
                    builder.Services.AddWebSocketServer stuck.Handler
                    |> Hosts.onFreePort
                    |> withTimes (TimeSpan.FromMinutes 5.0)
                    |> ignore

                    builder.Services.Configure<HostOptions>(fun (options: HostOptions) ->
                        options.ShutdownTimeout <- TimeSpan.FromMilliseconds 50.0)
                    |> ignore)

            use client = Hosts.connect host
            stuck.Await()
            Hosts.stop host
            (Hosts.hosted host).Server.Shutdown() =! 1)

        testCase "two servers have names, addresses and handlers of their own" (fun () ->
            use host =
                Hosts.run (fun builder ->
                    let services = builder.Services
                    services.AddWebSocketServer(Hosts.echo, "echo") |> Hosts.onFreePort |> ignore

                    services.AddWebSocketServer(
                        Action<ServerConnection>(fun connection -> connection.Send "clock"),
                        "clock"
                    )
                    |> Hosts.onFreePort
                    |> ignore)

            use echo = PlatformClient.Of (Hosts.named "echo" host).EndPoint
            use clock = PlatformClient.Of (Hosts.named "clock" host).EndPoint
            echo.Ask "one" =! "one"
            clock.Receive() =! "clock"
            clock.ReceiveClose() =! Some 1000
            let stopping = Wait.start (fun () -> Hosts.stop host)
            echo.ReceiveClose() =! Some 1001
            Wait.forTask "the stop" stopping)

        testCase "all servers tell their clients at once, whichever the host stops first" (fun () ->
            use host =
                Hosts.run (fun builder ->
                    for name in [ "one"; "other" ] do
                        builder.Services.AddWebSocketServer(Hosts.echo, name)
                        |> Hosts.onFreePort
                        |> withTimes (TimeSpan.FromMinutes 5.0)
                        |> ignore)

            use one = PlatformClient.Of (Hosts.named "one" host).EndPoint
            use other = PlatformClient.Of (Hosts.named "other" host).EndPoint
            one.Ask "in?" + other.Ask "in?" =! "in?in?"
            let stopping = Wait.start (fun () -> Hosts.stop host)
            // Neither server can end before its client has answered, so neither waits for the other's end.
            one.AwaitClose() =! Some 1001
            other.AwaitClose() =! Some 1001
            one.AnswerClose()
            other.AnswerClose()
            Wait.forTask "the stop" stopping)

        testCase "a name is given once" (fun () ->
            let services = ServiceCollection()
            services.AddWebSocketServer(Hosts.echo, "one") |> ignore

            let error =
                Wait.throws<InvalidOperationException>(fun () ->
                    services.AddWebSocketServer(Hosts.echo, "one") |> ignore)

            test <@ error.Message.Contains "'one'" @>)

        testCase "a connection has nothing of the context that started the host" (fun () ->
            let context = AsyncLocal<string>()
            context.Value <- "of the start"

            use host =
                Hosts.run (fun builder ->
                    builder.Services.AddWebSocketServer(
                        Action<ServerConnection>(fun connection -> connection.Send $"<{context.Value}>")
                    )
                    |> Hosts.onFreePort
                    |> ignore)

            use client = Hosts.connect host
            client.Receive() =! "<>"
            client.ReceiveClose() =! Some 1000
            Hosts.stop host)
    ]

/// A logger factory that counts what is written.
type private Counting() =
    let mutable records = 0
    member _.Records = Volatile.Read &records

    interface ILoggerFactory with
        member _.AddProvider _ = ()
        member _.Dispose() = ()

        member _.CreateLogger _ = {
            new ILogger with
                member _.BeginScope _ = null
                member _.IsEnabled _ = true

                member _.Log(_, _, _, _, _) =
                    Interlocked.Increment &records |> ignore
        }

[<Tests>]
let services =
    testList "a server's settings that the host knows" [
        testCase "the log goes where the host's goes" (fun () ->
            let log = new Counting()

            use host =
                Hosts.run (fun builder ->
                    builder.Services.AddSingleton<ILoggerFactory> log |> ignore
                    builder.Services.AddWebSocketServer Hosts.echo |> Hosts.onFreePort |> ignore)

            test <@ log.Records > 0 @>
            Hosts.stop host)

        testCase "unless another place is set" (fun () ->
            let log = new Counting()

            use host =
                Hosts.run (fun builder ->
                    (builder.Services.AddWebSocketServer Hosts.echo |> Hosts.onFreePort)
                        .Configure(fun options -> options.LoggerFactory <- log)
                    |> ignore)

            test <@ log.Records > 0 @>
            Hosts.stop host)

        testCase "the meter comes from the host" (fun () ->
            use host =
                Hosts.run (fun builder ->
                    builder.Services.AddWebSocketServer Hosts.echo |> Hosts.onFreePort |> ignore)

            let factory = host.Services.GetRequiredService<IMeterFactory>()
            let meter = factory.Create "FunctionalWs"
            let names = Collections.Concurrent.ConcurrentBag<string>()

            use listener =
                new MeterListener(
                    InstrumentPublished =
                        fun instrument _ ->
                            if Object.ReferenceEquals(instrument.Meter, meter) then
                                names.Add instrument.Name
                )

            listener.Start()
            test <@ Seq.contains "functionalws.server.active_connections" names @>
            Hosts.stop host)

        testCase "the clock is the registered one" (fun () ->
            let clock = {
                new TimeProvider() with
                    member _.GetUtcNow() = DateTimeOffset.UnixEpoch
            }

            use host =
                Hosts.build (fun builder ->
                    builder.Services.AddSingleton<TimeProvider> clock |> ignore
                    builder.Services.AddWebSocketServer Hosts.echo |> Hosts.onFreePort |> ignore)

            let options =
                host.Services.GetRequiredService<
                    Microsoft.Extensions.Options.IOptions<WebSocketServerOptions>
                 >()

            test <@ obj.ReferenceEquals(options.Value.ServerOptions.TimeProvider, clock) @>)
    ]
