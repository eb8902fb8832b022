/// The whole server under many schedules, networks and faults, each determined by a seed.
module FunctionalWs.Simulation.Tests.SimulationTests

open System
open Expecto
open Swensen.Unquote
open FunctionalWs.Testing
open FunctionalWs.Simulation.Tests

open FunctionalWs.Simulation.Tests.Scenario

let private traceOf (variant: Variant) (seed: int) =
    let simulation = Simulation seed

    match simulation.RunOnce(Action<Simulation>(Scenario.run variant)) with
    | null -> simulation.Scheduler.Trace.ToText()
    | failure -> raise failure

let private keeps (what: string) (variant: Variant) (seeds: int) =
    testCase $"keeps its promises{what}, whatever the seed" (fun () ->
        Simulation.Run(Scenario.run variant, seeds))

[<Tests>]
let tests =
    // The buffers that other tests rent would count.
    testSequenced
    <| testList "the simulated server" [
        keeps "" Variant.plain 5_000
        keeps " with compressed messages" Variant.compressed 1_500
        keeps " over streams that hold bytes back" Variant.records 1_500
        keeps " with compressed messages over streams that hold bytes back" Variant.both 1_500

        testCase "does the same again for the same seed, byte for byte" (fun () ->
            for seed in 1..100 do
                let variant = if seed % 2 = 0 then Variant.plain else Variant.both
                let first = traceOf variant seed
                let second = traceOf variant seed
                test <@ seed > 0 && first = second @>)

        testCase "leaves no pooled buffer behind" (fun () ->
            use buffers = new Buffers()

            for variant in [ Variant.plain; Variant.both ] do
                // 136: a broadcast that could not leave all of its frame while the connection ended.
                for seed in 136 :: [ 1..25 ] do
                    buffers.Clear()
                    traceOf variant seed |> ignore
                    let left = buffers.Rented
                    test <@ seed > 0 && left = 0 @>)
    ]
