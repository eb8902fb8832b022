/// What simulated runs have found in the server, each in the smallest form.
module FunctionalWs.Simulation.Tests.FoundTests

open System
open System.Collections.Generic
open Expecto
open Swensen.Unquote
open FunctionalWs
open FunctionalWs.Protocol
open FunctionalWs.Testing

let private seconds (count: float) = TimeSpan.FromSeconds count

// A client that leaves this much unread before the server has to wait.
let private slow =
    TestClientOptions(BufferSize = 500, Network = NetworkConditions())

let private deaf =
    let stall =
        Fault.Stall(StreamDirection.ToClient, 300L, Threading.Timeout.InfiniteTimeSpan)

    TestClientOptions(BufferSize = 500, Network = NetworkConditions(Faults = [ stall ]))

let private many = 50

let private closedBy (call: unit -> unit) : ConnectionClosedException =
    try
        call ()
        null
    with :? ConnectionClosedException as ended ->
        ended

[<Tests>]
let tests =
    testList "found by simulation" [
        testCase "a pong is not left behind a broadcast message that is on its way" (fun () ->
            Simulation.Run(
                (fun simulation ->
                    let handler (connection: ServerConnection) =
                        Broadcast.Send([ connection ], Array.zeroCreate<byte> 40_000) |> ignore

                        for _ in connection do
                            ()

                    let server = simulation.Serve handler
                    let client = server.Connect(options = slow)
                    // What the buffers don't hold of the message waits for the client.
                    client.WaitUntilReceiving()
                    client.Ping()
                    client.Receive().Data.Length =! 40_000),
                many
            ))

        testCase "a close frame that can't leave doesn't count as sent" (fun () ->
            Simulation.Run(
                (fun simulation ->
                    let handler (connection: ServerConnection) =
                        let ended = closedBy (fun () -> connection.Send(Array.zeroCreate<byte> 40_000))

                        isNull (box ended.Sent) =! true
                        connection.Close CloseCode.GoingAway
                        isNull (box connection.Sent) =! true
                        connection.CloseCode =! Nullable 1006

                    let options = ServerOptions(SendTimeout = Nullable(seconds 1.0))
                    let server = simulation.Serve(Action<ServerConnection> handler, options)
                    let _client = server.Connect(options = slow)
                    simulation.Sleep(seconds 5.0)
                    server.HandlerExceptions.Count =! 0),
                many
            ))

        testCase "a send that fails tells what the client said when it left" (fun () ->
            let status = CloseStatus.Create(CloseCode.GoingAway, "home")

            Simulation.Run(
                (fun simulation ->
                    let ends = List<CloseStatus>()

                    let handler (connection: ServerConnection) =
                        let send () =
                            connection.Send(Array.zeroCreate<byte> 40_000)

                        ends.Add((closedBy send).Received)
                        ends.Add((closedBy (fun () -> connection.Receive() |> ignore)).Received)

                    let server = simulation.Serve handler
                    // Nothing comes through to the client, and its close frame to the server all the same.
                    let client = server.Connect(options = deaf)

                    let close () =
                        client.Close(CloseCode.GoingAway, "home") |> ignore

                    simulation.Start close |> ignore
                    simulation.Sleep(TimeSpan.FromMilliseconds 1.0)
                    client.Dispose()
                    simulation.WaitUntil(fun () -> ends.Count = 2) |> ignore
                    List.ofSeq ends =! [ status; status ]),
                many
            ))
    ]
