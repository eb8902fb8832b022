/// Asynchronous code in a simulation: handlers that are tasks, tasks that one thread completes and another waits for, delays on the clock.
module FunctionalWs.Simulation.Tests.AsyncTests

open System
open System.Collections.Generic
open System.Threading.Tasks
open Expecto
open Swensen.Unquote
open FunctionalWs
open FunctionalWs.Testing

let private simulate (test: Simulation -> unit) : unit = Simulation.Run(test, 100)

/// The text of the first failure; none when all seeds pass.
let private failureOf (test: Simulation -> unit) : string option =
    try
        simulate test
        None
    with :? SimulationFailedException as failed ->
        Some failed.InnerException.Message

let private serve (simulation: Simulation) (handler: ServerConnection -> Task) : InMemoryServer =
    simulation.Serve(Func<ServerConnection, Task> handler)

let private converse (simulation: Simulation) (handler: ServerConnection -> Task) : InMemoryServer =
    simulation.Serve(MessageHandler.Converse(Func<ServerConnection, Task> handler))

[<Tests>]
let tests =
    testSequenced
    <| testList "asynchronous code in a simulation" [
        testCase "a handler awaits what another connection's completes" (fun () ->
            simulate (fun simulation ->
                let answer = TaskCompletionSource<string>()

                let handler (connection: ServerConnection) : Task =
                    task {
                        if connection.Receive().Text = "ask" then
                            let! text = answer.Task
                            connection.Send text
                        else
                            answer.SetResult "42"
                    }

                let server = serve simulation handler
                let asking = server.Connect()
                asking.Send "ask"
                let answering = server.Connect()
                answering.Send "answer"
                asking.Receive().Text =! "42"))

        testCase "a delay on the clock takes simulated time" (fun () ->
            simulate (fun simulation ->
                let handler (connection: ServerConnection) : Task =
                    task {
                        do! Task.Delay(TimeSpan.FromSeconds 5.0, simulation.Clock)
                        connection.Send "late"
                    }

                let options = ServerOptions(PingInterval = Nullable())
                let server = simulation.Serve(Func<ServerConnection, Task> handler, options)
                let before = simulation.Clock.GetTimestamp()
                server.Connect().Receive().Text =! "late"
                test <@ simulation.Clock.GetElapsedTime before >= TimeSpan.FromSeconds 5.0 @>))

        testCase "a conversation receives and sends, and is told of the end" (fun () ->
            simulate (fun simulation ->
                let ended = TaskCompletionSource<Nullable<int>>()

                let handler (connection: ServerConnection) : Task =
                    task {
                        let messages = connection.GetAsyncEnumerator()
                        let! first = messages.MoveNextAsync()
                        let mutable hasNext = first

                        while hasNext do
                            do! Task.Yield()
                            do! connection.SendAsync messages.Current
                            let! next = messages.MoveNextAsync()
                            hasNext <- next

                        ended.SetResult connection.CloseCode
                    }

                let client = (converse simulation handler).Connect()

                for number in 1..5 do
                    client.Send $"{number}"

                for number in 1..5 do
                    client.Receive().Text =! $"{number}"

                client.Close() |> ignore
                simulation.Wait ended.Task =! true
                ended.Task.Result =! Nullable 1000))

        testCase "a delay that ends with the connection goes on in the simulation" (fun () ->
            simulate (fun simulation ->
                let ended = ref 0

                let rest (connection: ServerConnection) : Task =
                    task {
                        try
                            do! Task.Delay(TimeSpan.FromSeconds 5.0, simulation.Clock, connection.Closed)
                        with :? OperationCanceledException ->
                            ended.Value <- ended.Value + 1
                    }

                let handler (connection: ServerConnection) =
                    for _ in connection do
                        rest connection |> ignore

                let server = simulation.Serve(Action<ServerConnection> handler)

                let visit () =
                    use connection = server.Open()
                    connection.Send "rest"
                    connection.Send "rest"

                let visits = [ simulation.Start visit; simulation.Start visit ]

                for thread in visits do
                    thread.Join() =! true

                simulation.WaitUntil((fun () -> ended.Value = 4), TimeSpan.FromSeconds 1.0)
                =! true))

        testCase "requests wait in the simulation, and end with the connection or their time" (fun () ->
            simulate (fun simulation ->
                let ends = List<string>()

                let asking (channel: RequestChannel) (connection: ServerConnection) () =
                    try
                        let answer = channel.Ask(Message "?", TimeSpan.FromSeconds 1.0)
                        ends.Add "answered"
                        connection.Send answer
                    with
                    | :? TimeoutException -> ends.Add "late"
                    | :? ConnectionClosedException -> ends.Add "closed"

                let handler (connection: ServerConnection) =
                    let channel = RequestChannel connection

                    for message in connection do
                        let mutable request: IncomingRequest = null

                        if not (channel.TryTake(message, &request)) then
                            simulation.Start(asking channel connection) |> ignore

                let server = simulation.Serve(Action<ServerConnection> handler)

                let visit answers () =
                    use connection = server.Open()
                    let channel = RequestChannel connection
                    connection.Send "go"

                    for message in connection.Messages |> Seq.truncate 2 do
                        let mutable request: IncomingRequest = null

                        if channel.TryTake(message, &request) && answers && not (isNull request) then
                            request.Answer "!" |> ignore

                let visits = [ simulation.Start(visit true); simulation.Start(visit false) ]

                for thread in visits do
                    thread.Join(TimeSpan.FromMinutes 1.0) |> ignore

                simulation.WaitUntil((fun () -> ends.Count = 2), TimeSpan.FromMinutes 1.0)
                =! true

                test <@ ends.Contains "answered" @>))

        testCase "the test waits for a task, for a time at most, and gets what it ends with" (fun () ->
            simulate (fun simulation ->
                let never = TaskCompletionSource()
                simulation.Wait(never.Task, TimeSpan.FromSeconds 1.0) =! false
                let failing = TaskCompletionSource()
                simulation.Start(fun () -> failing.SetException(FormatException "no")) |> ignore
                raises<FormatException> <@ simulation.Wait failing.Task @>))

        testCase
            "a race between two handlers across an await is found by its seed, and by that seed again"
            (fun () ->
                let run (simulation: Simulation) =
                    let sold = ref 0

                    let handler (connection: ServerConnection) : Task =
                        task {
                            let! () = Task.FromResult(connection.Receive() |> ignore)
                            let before = sold.Value
                            do! Task.Yield()
                            sold.Value <- before + 1
                            connection.Send "sold"
                        }

                    let server = serve simulation handler
                    let clients = [ for _ in 1..3 -> server.Connect() ]

                    for client in clients do
                        client.Send "a ticket"

                    for client in clients do
                        client.Receive().Text =! "sold"

                    if sold.Value <> 3 then
                        failwith $"{sold.Value} of 3 are counted"

                let seedOf (seeds: int) (firstSeed: int) : int option =
                    try
                        Simulation.Run(run, seeds, firstSeed)
                        None
                    with :? SimulationFailedException as failed ->
                        Some failed.Seed

                let seed = seedOf 100 1
                seed.IsSome =! true
                seedOf 1 seed.Value =! seed)

        testCase "what leaves the simulation's threads is told so" (fun () ->
            let failure =
                failureOf (fun simulation ->
                    let handler (connection: ServerConnection) : Task =
                        task {
                            do! Task.Delay(TimeSpan.FromSeconds 1.0, simulation.Clock).ConfigureAwait false
                            connection.Send "from nowhere"
                        }

                    (serve simulation handler).Connect().Receive() |> ignore)

            test <@ failure.IsSome @>)
    ]
