/// The simulated network, as users of the package for tests meet it: what each condition and fault does.
module FunctionalWs.Simulation.Tests.NetworkTests

open System
open System.IO
open Expecto
open Swensen.Unquote
open FunctionalWs
open FunctionalWs.Testing

let private seconds (count: float) = TimeSpan.FromSeconds count

let private echo =
    Action<ServerConnection>(fun connection ->
        for message in connection do
            connection.Send message)

let private over (faults: Fault list) =
    TestClientOptions(Network = NetworkConditions(Faults = faults), Timeout = seconds 300.0)

// A handshake is some 200 bytes each way; these come after it.
let private later = 1_000L

let private stall =
    Fault.Stall(StreamDirection.ToServer, later, Threading.Timeout.InfiniteTimeSpan)

let private large = String('x', 2_000)

/// A test of one client over a network, whatever the schedule.
let private conversation name options (handler: Action<ServerConnection>) test =
    testCase name (fun () ->
        Simulation.Run(
            (fun simulation ->
                let server = simulation.Serve handler
                let start = simulation.Clock.GetTimestamp()

                let elapsed () = simulation.Clock.GetElapsedTime start

                test (server.Connect(options = options)) elapsed),
            seeds = 20
        ))

/// What a call of a client throws when the connection ends.
let private ends (call: unit -> unit) =
    try
        call ()
        false
    with :? IOException ->
        true

[<Tests>]
let tests =
    testList "a simulated network" [
        conversation
            "delays within its bounds"
            (TestClientOptions(Network = NetworkConditions(MaxDelay = seconds 2.0)))
            echo
            (fun client elapsed ->
                client.Send "hello"
                client.Receive().Text =! "hello"
                // Two round trips: the handshake and the echo.
                test <@ elapsed () < seconds 9.0 @>)

        conversation
            "cuts into single bytes, and everything arrives"
            (TestClientOptions(Network = NetworkConditions(MaxPieceSize = 1)))
            echo
            (fun client _ ->
                client.Send large
                client.Receive().Text =! large)

        conversation
            "resets a connection for both sides"
            (over [ Fault.Reset(StreamDirection.ToServer, later) ])
            (Action<ServerConnection>(fun connection ->
                let ended = connection.WaitClosed(seconds 5.0)
                ended =! true
                connection.CloseCode =! Nullable 1006))
            (fun client _ ->
                let send () =
                    client.Send large
                    client.Send large

                ends send =! true)

        conversation
            "ends one direction, and the server ends the other"
            (over [ Fault.End(StreamDirection.ToServer, later) ])
            echo
            (fun client elapsed ->
                ends (fun () -> client.Send large) |> ignore
                isNull (box (client.WaitClosed())) =! true
                test <@ elapsed () < seconds 1.0 @>)

        conversation
            "goes silent for ever, and the keepalive gives up in no time"
            (over [ Fault.BlackHole(StreamDirection.ToClient, later) ])
            (Action<ServerConnection>(fun connection ->
                connection.Send large
                connection.WaitClosed(seconds 60.0) =! true))
            (fun client _ -> raises<TimeoutException> <@ client.Receive() @>)

        conversation
            "stalls, and loses nothing"
            (over [ Fault.Stall(StreamDirection.ToClient, later, seconds 7.0) ])
            echo
            (fun client elapsed ->
                client.Send large
                client.Receive().Text =! large
                test <@ elapsed () >= seconds 7.0 && elapsed () < seconds 8.0 @>)

        conversation
            "stalls for ever, and a client that sends gives up"
            (TestClientOptions(
                Network = NetworkConditions(Faults = [ stall ]),
                BufferSize = 1_000,
                Timeout = seconds 5.0
            ))
            echo
            (fun client elapsed ->
                let send () = client.Send large
                raises<TimeoutException> <@ send () @>
                test <@ elapsed () >= seconds 5.0 && elapsed () < seconds 6.0 @>)

        testCase "that has no room for a pong takes it when it has" (fun () ->
            // A handshake of some 150 bytes, then what the buffer holds of a message and no pong beside it.
            let network =
                NetworkConditions(Faults = [ Fault.Stall(StreamDirection.ToServer, 400L, seconds 5.0) ])

            Simulation.Run(
                (fun simulation ->
                    let mutable isAnswered = false

                    let handler (connection: ServerConnection) =
                        let ping = connection.Ping(ReadOnlySpan(Array.zeroCreate<byte> 125))
                        isAnswered <- ping.Wait(seconds 20.0)
                        connection.Send "done"

                    let server = simulation.Serve handler

                    let client =
                        server.Connect(
                            options =
                                TestClientOptions(
                                    BufferSize = 600,
                                    Network = network,
                                    Timeout = seconds 60.0
                                )
                        )

                    client.Send(String('x', 779))
                    client.Receive().Text =! "done"
                    isAnswered =! true),
                seeds = 20
            ))

        testCase "tells nobody of the other's end before what the other has sent" (fun () ->
            Simulation.Run(
                (fun simulation ->
                    let medium = SimulatedMedium(simulation.Scheduler, Random 1)
                    let network = NetworkConditions(MaxDelay = seconds 1.0)

                    let struct (server, client) =
                        medium.CreatePair(TestClientOptions(Network = network))

                    server.Write(ReadOnlySpan [| 1uy; 2uy |])
                    server.Abort()
                    let tryWrite () = client.TryWrite(ReadOnlySpan [| 3uy |])

                    while not client.IsReadable do
                        tryWrite () =! 1
                        simulation.Sleep(TimeSpan.FromMilliseconds 1.0)

                    let buffer = Array.zeroCreate<byte> 2
                    client.Read(Span buffer) =! 2
                    buffer =! [| 1uy; 2uy |]
                    client.Read(Span buffer) =! 0
                    raises<IOException> <@ tryWrite () @>),
                seeds = 20
            ))

        testCase "is for simulations only" (fun () ->
            use server = InMemoryServer.Serve echo
            raises<ArgumentException> <@ server.Connect(options = over []) @>)

        testCase "refuses conditions out of their ranges" (fun () ->
            let direction = StreamDirection.ToClient

            raises<ArgumentOutOfRangeException> <@ Fault.Reset(direction, -1L) @>
            raises<ArgumentOutOfRangeException> <@ Fault.End(enum 7, 1L) @>
            raises<ArgumentOutOfRangeException> <@ Fault.Stall(direction, 1L, seconds -2.0) @>

            for network in
                [
                    NetworkConditions(MaxDelay = seconds -1.0)
                    NetworkConditions(MaxPieceSize = 0)
                ] do
                let connect (simulation: Simulation) =
                    let server = simulation.Serve echo
                    let options = TestClientOptions(Network = network)
                    raises<ArgumentOutOfRangeException> <@ server.Connect(options = options) @>

                Simulation.Run(connect, seeds = 1))

        testCase "tells a fault in words" (fun () ->
            string (Fault.Reset(StreamDirection.ToServer, 7L))
            =! "Reset ToServer after 7 bytes"

            string (Fault.Stall(StreamDirection.ToClient, 7L, seconds 1.0))
            =! "Stall ToClient after 7 bytes for 1000.000 ms"

            string (Fault.Stall(StreamDirection.ToClient, 7L, Threading.Timeout.InfiniteTimeSpan))
            =! "Stall ToClient after 7 bytes for ever")
    ]
