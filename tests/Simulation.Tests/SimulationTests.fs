/// The whole server under many schedules, networks and faults, each determined by a seed.
module FunctionalWs.Simulation.Tests.SimulationTests

open System
open Expecto
open Swensen.Unquote
open FunctionalWs.Testing
open FunctionalWs.Simulation.Tests

let private seeds = 5_000

let private traceOf (seed: int) =
    let simulation = Simulation seed

    match simulation.RunOnce(Action<Simulation> Scenario.run) with
    | null -> simulation.Scheduler.Trace.ToText()
    | failure -> raise failure

[<Tests>]
let tests =
    // The buffers that other tests rent would count.
    testSequenced
    <| testList "the simulated server" [
        testCase "keeps its promises, whatever the seed" (fun () -> Simulation.Run(Scenario.run, seeds))

        testCase "does the same again for the same seed, byte for byte" (fun () ->
            for seed in 1..100 do
                let first = traceOf seed
                let second = traceOf seed
                test <@ seed > 0 && first = second @>)

        testCase "leaves no pooled buffer behind" (fun () ->
            use buffers = new Buffers()

            for seed in 1..25 do
                buffers.Clear()
                traceOf seed |> ignore
                let left = buffers.Rented
                test <@ seed > 0 && left = 0 @>)
    ]
