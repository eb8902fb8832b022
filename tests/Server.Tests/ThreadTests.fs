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

                try
                    client.Write(PeerClient.Request: string)
                    atClient.ShutdownSend()
                with :? IO.IOException ->
                    () // it was cut before it could say anything

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
            test <@ refused.ReadToEnd().StartsWith("HTTP/1.1 503 ", StringComparison.Ordinal) @>
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
