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
    ]
