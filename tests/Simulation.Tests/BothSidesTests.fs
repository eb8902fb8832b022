/// The client and the server of this library on one simulated network.
module FunctionalWs.Simulation.Tests.BothSidesTests

open System
open Expecto
open Swensen.Unquote
open FunctionalWs
open FunctionalWs.Protocol
open FunctionalWs.Testing

let private seeds = 60

let private echo =
    Action<ServerConnection>(fun connection ->
        for message in connection do
            connection.Send message)

let private text (number: int) =
    String(char (int 'a' + number % 26), number * number * 7)

let private joined (threads: SimulatedThread list) =
    for thread in threads do
        thread.Join() =! true

let private run (test: Simulation -> unit) = Simulation.Run(test, seeds)

[<Tests>]
let bothSides =
    testList "client and server on one network" [
        testCase "exchange every message once, in order, while others do the same" (fun () ->
            run (fun simulation ->
                let server = simulation.Serve echo

                let talk (options: ClientOptions) () =
                    use connection = server.Open("/", options)

                    let sender =
                        simulation.Start(
                            (fun () ->
                                for number in 0..12 do
                                    connection.Send(text number)),
                            "sender"
                        )

                    for number in 0..12 do
                        connection.Receive().Text =! text number

                    joined [ sender ]
                    connection.Close()
                    connection.CloseCode =! Nullable 1000

                joined [
                    for options in
                        [
                            ClientOptions()
                            ClientOptions(Compression = null)
                            ClientOptions(
                                MaxQueue = Nullable 1,
                                PingInterval = Nullable(TimeSpan.FromMilliseconds 50.0)
                            )
                        ] -> simulation.Start(talk options, "client")
                ]))

        testCase "close from both sides at once, and both learn how" (fun () ->
            run (fun simulation ->
                let mutable serverCode = Nullable()

                let server =
                    simulation.Serve(fun connection ->
                        connection.Send "hello"
                        connection.Close(CloseCode.Create 4001)
                        serverCode <- connection.CloseCode)

                let connection = server.Open()
                connection.Receive().Text =! "hello"
                connection.Close(CloseCode.Create 4002)
                connection.Dispose()
                // Whoever was first is answered with the same code; when both were, each learns the other's.
                test <@ connection.CloseCode = Nullable 4001 || connection.CloseCode = Nullable 4002 @>
                simulation.WaitUntil(fun () -> serverCode.HasValue) =! true
                test <@ serverCode = Nullable 4001 || serverCode = Nullable 4002 @>))

        testCase "end a wait of one thread by the Dispose of another, and leave nobody waiting" (fun () ->
            run (fun simulation ->
                let server = simulation.Serve echo
                let connection = server.Open()

                let receiver =
                    simulation.Start(
                        (fun () ->
                            try
                                while true do
                                    connection.Receive() |> ignore
                            with :? ConnectionClosedOkException ->
                                ()),
                        "receiver"
                    )

                let sender =
                    simulation.Start(
                        (fun () ->
                            try
                                for _ in 1..20 do
                                    connection.Send "x"
                            with :? ConnectionClosedException ->
                                ()),
                        "sender"
                    )

                connection.Dispose()
                joined [ receiver; sender ]
                connection.State =! ConnectionState.Closed))
    ]
