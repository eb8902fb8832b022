module FunctionalWs.Server.Tests.KeepaliveTests

open System
open System.Reflection
open System.Threading
open System.Threading.Tasks
open Microsoft.Extensions.Logging
open Expecto
open Swensen.Unquote
open FunctionalWs
open FunctionalWs.Protocol
open FunctionalWs.Testing
open FunctionalWs.Server.Tests.Serve

[<Tests>]
let stalls =
    testList "an activity that lasts" [
        testCase "is noticed once it has lasted for the limit" (fun () ->
            let mutable stall = Stall 10L
            let found = [ for now in [ 0L; 5L; 9L; 10L ] -> stall.HasLasted(true, 1, now) ]
            found =! [ false; false; false; true ])

        testCase "counts anew when it has changed or stopped" (fun () ->
            let mutable stall = Stall 10L

            let found = [
                stall.HasLasted(true, 1, 0L)
                stall.HasLasted(true, 2, 9L)
                stall.HasLasted(true, 2, 18L)
                stall.HasLasted(false, 2, 19L)
                stall.HasLasted(true, 2, 20L)
                stall.HasLasted(true, 2, 29L)
                stall.HasLasted(true, 2, 30L)
            ]

            found =! [ false; false; false; false; false; false; true ])
    ]

/// A stream whose reader gets bytes from the kernel, but can't say so before the watcher has looked twice for unread ones.
type private LateTransport(inner: Transport) =
    inherit DelegatingTransport(inner)
    let mutable isLate = false
    let mutable looks = 0
    let goOn = new ManualResetEventSlim(false)

    /// From now on.
    member _.BeLate() = Volatile.Write(&isLate, true)


    override _.Read destination =
        let size = inner.Read destination

        if Volatile.Read &isLate then
            Wait.forEvent "the watcher's looks" goOn

        size

    override _.IsReadable =
        let isReadable = inner.IsReadable

        if Volatile.Read &isLate && not isReadable then
            looks <- looks + 1

            if looks = 2 then
                goOn.Set()

        isReadable

let private payloadOf (frame: Wire) =
    match frame with
    | PingOf payload -> payload
    | other -> failwith $"a ping was expected, not {other}"

[<Tests>]
let keepalive =
    testList "keepalive" [
        testCase "pings after the interval, and the pong gives the latency" (fun () ->
            let clock = FakeClock()
            let _, client, connection, release = connected (withClock clock)
            use _ = release
            connection.Latency =! TimeSpan.Zero
            clock.Advance(TimeSpan.FromSeconds 20.0)
            let payload = payloadOf (client.Read())
            clock.Advance(TimeSpan.FromMilliseconds 40.0)
            client.WriteFrame(true, Opcode.Pong, payload)

            Wait.until "the pong is seen" (fun () -> connection.Latency = TimeSpan.FromMilliseconds 40.0)

            connection.State =! ConnectionState.Open)

        testCase
            "cuts a silent peer at once, with the reason as the cause, and no record above INFO"
            (fun () ->
                let clock = FakeClock()
                let records = new Records()

                let server, outcome =
                    ServerOptions(TimeProvider = clock, LoggerFactory = records)
                    |> handling (fun connection -> connection.Receive())

                use client = client server
                clock.Advance(TimeSpan.FromSeconds 20.0)
                client.Read() |> payloadOf |> ignore
                clock.Advance(TimeSpan.FromSeconds 20.0)
                let error = fails outcome :?> ConnectionClosedErrorException

                test
                    <@
                        (error.InnerException :?> TimeoutException)
                            .Message.StartsWith("Keepalive: ", StringComparison.Ordinal)
                    @>

                client.Read() =! End
                server.Shutdown() =! 0

                let told =
                    records.Of LogLevel.Information
                    |> List.filter (fun (struct (_, _, text)) -> text.Contains "Keepalive: ")

                told.Length =! 1
                test <@ records.Of LogLevel.Warning = [] && records.Of LogLevel.Error = [] @>)

        testCase "frees a Send that is stuck" (fun () ->
            let clock = FakeClock()
            use stuck = new ManualResetEventSlim(false)

            let server, outcome =
                withClock clock
                |> handling (fun connection ->
                    stuck.Set()
                    connection.Send(Array.zeroCreate<byte> 5_000_000))

            use _ = server
            use _ = client server
            Wait.forEvent "the send" stuck

            Wait.until "it is freed" (fun () ->
                clock.Advance(TimeSpan.FromSeconds 5.0)
                outcome.IsCompleted)

            (fails outcome).GetType() =! typeof<ConnectionClosedErrorException>)

        testCase "without a timeout expects nothing" (fun () ->
            let clock = FakeClock()

            let _, client, connection, release =
                connected (ServerOptions(TimeProvider = clock, PingTimeout = Nullable()))

            use _ = release

            for _ in 1..5 do
                clock.Advance(TimeSpan.FromSeconds 20.0)
                client.Read() |> payloadOf |> ignore

            connection.State =! ConnectionState.Open)

        testCase "without an interval sends nothing" (fun () ->
            let clock = FakeClock()

            let _, client, connection, release =
                connected (ServerOptions(TimeProvider = clock, PingInterval = Nullable()))

            use _ = release
            clock.Advance(TimeSpan.FromSeconds 1_000.0)
            client.SendPing "p"B
            client.Read() =! PongOf "p"B
            connection.State =! ConnectionState.Open)

        testCase "lets a peer live that sends anything but a pong" (fun () ->
            let clock = FakeClock()
            let received = [| 0 |]

            let server, outcome =
                withClock clock
                |> handling (fun connection -> [
                    for i in 1..4 do
                        connection.Receive().Text
                        Volatile.Write(&received[0], i)
                ])

            use _ = server
            use client = client server

            for i in 1..4 do
                clock.Advance(TimeSpan.FromSeconds 19.0)

                if i > 1 then
                    client.Read() |> payloadOf |> ignore

                client.SendText(string i)
                // The clock stands still until the server has read it: what lies unread is no sign of life.
                Wait.until "the server has read it" (fun () -> Volatile.Read &received[0] = i)

            succeeds outcome =! [ "1"; "2"; "3"; "4" ])

        testCase "lets a peer live whose answer was read, though its thread had no time to say so" (fun () ->
            let clock = FakeClock()

            use server =
                withClock clock
                |> Serve.inMemory (fun connection -> connection.Receive() |> connection.Send)

            let struct (atServer, atClient) = MemoryTransport.CreatePair()
            let transport = new LateTransport(atServer)
            server.Admit transport
            use client = new PeerClient(atClient)
            client.ShakeHands()
            awaitOpen server [||]
            clock.Advance(TimeSpan.FromSeconds 20.0)
            client.Read() |> payloadOf |> ignore
            transport.BeLate()
            client.SendText "still there"
            Wait.until "it has been read" (fun () -> not atServer.IsReadable)
            clock.Advance(TimeSpan.FromSeconds 20.0)
            client.ReadText() =! "still there")

        testCase "no ping follows the close frame, though its time had come before" (fun () ->
            let _, client, connection, release = connected defaults
            use _ = release

            let driver =
                typeof<ServerConnection>
                    .GetField("driver", BindingFlags.Instance ||| BindingFlags.NonPublic)
                    .GetValue
                    connection
                :?> Driver

            // The watcher has seen the connection open; another thread closes it before the ping is sent.
            driver.StartClose(CloseStatus.Create(CloseCode.NormalClosure, ""))
            driver.PostPing(ControlPayload.Create(ReadOnlySpan [| 1uy |]))
            client.Read() =! Closed(CloseStatus.Create(CloseCode.NormalClosure, ""))
            client.SendClose 1000
            client.Read() =! End)

        testCase "ends with the connection" (fun () ->
            let clock = FakeClock()
            let _, client, connection, release = connected (withClock clock)
            use _ = release
            client.SendClose 1000
            client.Read() |> ignore
            client.Read() =! End
            clock.Advance(TimeSpan.FromSeconds 100.0)
            connection.WaitClosed Wait.limit =! true
            connection.CloseCode =! Nullable 1000)
    ]
