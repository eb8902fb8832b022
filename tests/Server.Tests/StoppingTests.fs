/// What runs while no lock of the server is held, and clients that arrive while it stops.
module FunctionalWs.Server.Tests.StoppingTests

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
open FunctionalWs.Server.Tests.Serve

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
            testCase "while frames are logged by a logger with a lock under which others send" (fun () ->
                let loggers = obj ()
                use factory = new Sink((fun _ -> true), (fun _ -> lock loggers ignore))
                let count = 500

                let server, outcome =
                    ServerOptions(LoggerFactory = factory)
                    |> Serve.handling (fun connection ->
                        let other =
                            Wait.start (fun () ->
                                for _ in 1..count do
                                    lock loggers (fun () -> connection.Send "b"))

                        for _ in 1..count do
                            connection.Send "a"

                        Wait.forTask "the other" other
                        connection.Receive().Text)

                use _ = server
                use client = Serve.client server
                client.SendText "c"

                for _ in 1 .. 2 * count do
                    client.ReadText() |> ignore

                (succeeds outcome) =! "c")

            testCase "while a record is written, a scope begun or a measurement listened to" (fun () ->
                let looked = ConcurrentDictionary<string, bool list>() // the first times of each
                let found: Server[] = [| null |] // once it is made

                let times = ConcurrentDictionary<string, int>()

                // Counted before: a look is logged, and looks again.
                let look (what: string) =
                    if not (isNull found[0]) && times.AddOrUpdate(what, 1, (fun _ n -> n + 1)) <= 4 then
                        let isFree = looks found[0]

                        looked.AddOrUpdate(what, [ isFree ], (fun _ before -> isFree :: before))
                        |> ignore
                    else
                        looked.TryAdd(what, []) |> ignore

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
                test <@ refused.ReadToEnd().StartsWith("HTTP/1.1 503 ", StringComparison.Ordinal) @>
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
                        if List.contains false pair.Value then
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
                                    // As clients do. One that only reads may wait for ever: Linux can lose
                                    // a connection, with no reset, that is made while its listener closes.
                                    socket.Send "GET"B |> ignore

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
