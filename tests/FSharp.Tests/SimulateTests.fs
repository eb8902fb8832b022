/// Simulations by functions.
module FunctionalWs.FSharp.Tests.SimulateTests

open System
open System.Collections.Generic
open System.Threading.Tasks
open Expecto
open Swensen.Unquote
open FunctionalWs
open FunctionalWs.FSharp
open FunctionalWs.FSharp.Testing
open FunctionalWs.Testing

let private echo (connection: ServerConnection) =
    for message in connection do
        connection.Send message

let private eachEchoes =
    Messages.forEach (fun connection message -> connection.Send message)

let private folds =
    Messages.fold ignore (fun connection () message -> connection.Send message)

let private converses =
    Messages.converse (fun connection ->
        task {
            let mutable goesOn = true

            while goesOn do
                match! Connection.tryReceiveTask connection with
                | Some message -> do! connection.SendAsync message
                | None -> goesOn <- false
        })

let private awaits (clock: TimeProvider) (connection: ServerConnection) =
    task {
        for message in connection.Messages do
            do! Task.Delay(TimeSpan.FromSeconds 1.0, clock)
            connection.Send message
    }

let private talk (server: InMemoryServer) (text: string) () : string =
    use client = server |> InMemory.connect "/"
    client.Send text
    client.Receive().Text

/// A counter that loses a step when another thread comes in between.
let private countBadly (simulation: Simulation) : unit =
    let mutable count = 0

    let step () =
        let seen = count
        simulation |> Simulate.sleep TimeSpan.Zero
        count <- seen + 1

    simulation |> Simulate.together [ step; step ]
    count =! 2

let private raisesFailure (run: unit -> unit) : SimulationFailedException =
    try
        run ()
        failwith "nothing failed"
    with :? SimulationFailedException as failure ->
        failure

[<Tests>]
let simulations =
    testList "simulations" [
        testCase "take each form of a handler" (fun () ->
            Simulate.runSeeds 10 (fun simulation ->
                for handler in
                    [ echo; eachEchoes; folds; converses; Handler.ofTask (awaits simulation.Clock) ] do
                    let server = simulation |> Simulate.serve handler

                    simulation
                    |> Simulate.gather [ talk server "a"; talk server "b"; talk server "c" ]
                    =! [ "a"; "b"; "c" ]))

        testCase "take rules whose handlers are tasks of typed values" (fun () ->
            Simulate.runSeeds 10 (fun simulation ->
                let late (connection: ServerConnection) (id: int) =
                    task {
                        do! Task.Delay(TimeSpan.FromMinutes 1.0, simulation.Clock)
                        connection.Send(string id)
                    }

                let server = simulation |> Simulate.route [ Route.get ("/{id:int}", late) ]

                let visit (id: int) () =
                    let patient = TestOptions.client |> TestOptions.timeout None
                    use client = server |> InMemory.connectWith patient $"/{id}"
                    client.Receive().Text

                simulation |> Simulate.gather [ visit 1; visit 2 ] =! [ "1"; "2" ]))

        testCase "run once for each seed, from 1 on; a hundred of them unless told" (fun () ->
            let seeds = List<int>()
            Simulate.runSeeds 3 (fun simulation -> seeds.Add simulation.Seed)
            Simulate.runSeed 17 (fun simulation -> seeds.Add simulation.Seed)
            List.ofSeq seeds =! [ 1; 2; 3; 17 ]
            seeds.Clear()
            Simulate.run (fun simulation -> seeds.Add simulation.Seed)
            seeds.Count =! 100)

        testCase "a failure is a value, and its seed fails again" (fun () ->
            match Simulate.tryFindFailure 100 countBadly with
            | None -> failwith "none was found"
            | Some failure ->
                let again () =
                    Simulate.runSeed failure.Seed countBadly

                raises<SimulationFailedException> <@ again () @>

            Simulate.tryFindFailure 10 ignore =! None)

        testCase "use the settings that they are given, and refuse wrong ones" (fun () ->
            let wrong = Options.server |> Options.maxQueue (Some 0)

            Simulate.runSeeds 1 (fun simulation ->
                raises<ArgumentOutOfRangeException> <@ simulation |> Simulate.serveWith wrong echo @>

                raises<ArgumentOutOfRangeException>
                    <@ simulation |> Simulate.routeWith wrong [ Route.get ("/", echo) ] @>))

        testCase "their time passes while they wait" (fun () ->
            Simulate.runSeeds 5 (fun simulation ->
                let began = simulation.Clock.GetUtcNow()
                let minute = TimeSpan.FromMinutes 1.0
                let mutable isSet = false
                let source = TaskCompletionSource<int>()

                let thread =
                    simulation
                    |> Simulate.start "setter" (fun () ->
                        simulation |> Simulate.sleep minute
                        isSet <- true
                        source.SetResult 7)

                let isIn time =
                    simulation |> Simulate.waitUntilWithin time (fun () -> isSet)

                isIn (TimeSpan.FromSeconds 10.0) =! false

                simulation |> Simulate.waitWithin (TimeSpan.FromSeconds 10.0) source.Task
                =! None

                isIn minute =! true
                simulation |> Simulate.waitUntil (fun () -> isSet)
                simulation |> Simulate.wait source.Task =! 7
                simulation |> Simulate.waitWithin minute source.Task =! Some 7
                Simulate.join thread
                // Time passes a little where a machine is slow.
                test <@ simulation.Clock.GetUtcNow() - began < TimeSpan.FromMinutes 1.1 @>))

        testCase "each schedule is tried, and the one that fails is named" (fun () ->
            let echoes (simulation: Simulation) =
                let server = simulation |> Simulate.serve echo
                let client = server |> InMemory.connect "/"
                simulation |> Simulate.interleave (fun () -> client.Send "a")
                client.Receive().Text =! "a"

            (Simulate.explore echoes).IsComplete =! true
            (Simulate.exploreWith 0 1 echoes).Count =! 1
            let failed = raisesFailure (fun () -> Simulate.explore countBadly |> ignore)
            test <@ not (isNull failed.Schedule) @>)

        testCase "a network is as it is described" (fun () ->
            Simulate.runSeeds 5 (fun simulation ->
                let mutable left = 0

                let handler (connection: ServerConnection) =
                    try
                        connection.Receive() |> ignore
                    with :? ConnectionClosedErrorException ->
                        left <- left + 1

                let network =
                    Network.perfect
                    |> Network.maxDelay (TimeSpan.FromMilliseconds 100.0)
                    |> Network.maxPieceSize (Some 10)
                    |> Network.faults [ Fault.BlackHole(StreamDirection.ToServer, 300L) ]

                network.MaxDelay =! TimeSpan.FromMilliseconds 100.0
                network.MaxPieceSize =! 10
                (network |> Network.maxPieceSize None).MaxPieceSize =! Int32.MaxValue
                (Network.reliable simulation).Faults.Count =! 0
                (Network.unreliable simulation).Faults.Count =! 1
                let server = simulation |> Simulate.serve handler

                let client =
                    server
                    |> InMemory.connectWith (TestOptions.client |> TestOptions.network (Some network)) "/"

                client.Send(String('x', 1000))

                simulation
                |> Simulate.waitUntilWithin (TimeSpan.FromMinutes 1.0) (fun () -> left = 1)
                =! true))
    ]
