module FunctionalWs.Simulation.Tests.Main

open System
open System.Diagnostics
open FunctionalWs.TestKit
open FunctionalWs.Testing
open FunctionalWs.Simulation.Tests.Scenario

let private variants =
    dict [
        "plain", Variant.plain
        "compressed", Variant.compressed
        "records", Variant.records
        "both", Variant.both
    ]

/// Runs all seeds of a range, tells of each that fails, and goes on.
let private survey (variant: Variant) (first: int) (last: int) =
    let watch = Stopwatch.StartNew()
    let mutable failed = 0
    let mutable steps = 0L

    for seed in first..last do
        let simulation = new Simulation(seed)

        match simulation.RunOnce(Action<Simulation>(Scenario.run variant)) with
        | null -> ()
        | failure ->
            failed <- failed + 1
            let text = failure.InnerException.Message.ReplaceLineEndings " "
            printfn $"{seed}: {text}"

        steps <- steps + simulation.Scheduler.Steps

    printfn $"{last - first + 1} seeds, {failed} failed, {steps} decisions, {watch.Elapsed.TotalSeconds:F1} s"
    if failed = 0 then 0 else 2

/// Explores all, or those whose name begins with a text, and tells how many schedules there were; up to the first that fails.
let private explore
    (run: string -> (Simulation -> unit) -> ExploredSchedules)
    (all: (string * (Simulation -> unit)) list)
    (start: string)
    =
    let mutable failed = 0

    for name, scenario in all do
        if failed = 0 && name.StartsWith(start, StringComparison.Ordinal) then
            let watch = Stopwatch.StartNew()

            try
                let explored = run name scenario
                printfn $"{name}: {explored.Count} schedules, {watch.Elapsed.TotalSeconds:F1} s"
            with :? SimulationFailedException as failure ->
                failed <- failed + 1
                let text = failure.InnerException.Message.ReplaceLineEndings " "
                printfn $"{name}: failed after {watch.Elapsed.TotalSeconds:F1} s, {failure.Schedule}: {text}"

    if failed = 0 then 0 else 2

let private exploreScenarios = explore ScheduleTests.explore ScheduleTests.scenarios

/// With so many preemptions.
let private explorePairs (preemptions: string) =
    explore (fun _ -> PairTests.explore (int preemptions)) PairTests.pairs

[<EntryPoint>]
let main args =
    match args with
    | [| "survey"; variant; range |] when variants.ContainsKey variant ->
        let struct (first, last) = Seeds.Parse range
        survey variants[variant] first last
    | [| "explore" |] -> exploreScenarios ""
    | [| "explore"; start |] -> exploreScenarios start
    | [| "pairs"; preemptions |] -> explorePairs preemptions ""
    | [| "pairs"; preemptions; start |] -> explorePairs preemptions start
    | _ -> TestPlatform.run args
