// Tests in which a seed determines everything, as functions.
namespace FunctionalWs.FSharp.Testing

open System
open System.Threading.Tasks
open FunctionalWs
open FunctionalWs.FSharp
open FunctionalWs.Testing

/// <summary>
/// Runs tests in worlds in which a seed determines everything: which thread goes on, when bytes arrive and in which pieces, what goes wrong, the
/// time. Servers, handlers and clients are the real ones; nothing waits for real. All but what runs a test is for the simulation's own
/// threads, takes the simulation last, and waits in simulated time. <c>Simulation</c> tells more.
/// </summary>
module Simulate =

    // ---- Running tests

    /// <summary>
    /// Runs a test once for each of many seeds; ends with the first that fails. The variable <c>FUNCTIONALWS_SEEDS</c> of the environment takes
    /// the place of the seeds: <c>17</c> runs that one, <c>1-100000</c> a range.
    /// </summary>
    /// <param name="seeds">How many seeds, from 1 on: 1 or more.</param>
    /// <param name="test">The test. It is given a new simulation each time; what it does must depend on nothing else.</param>
    /// <exception cref="T:FunctionalWs.Testing.SimulationFailedException">
    /// A run failed: the test or a thread threw, or threads wait for each other. It names the seed.
    /// </exception>
    /// <exception cref="T:System.ArgumentOutOfRangeException">The number is less than 1.</exception>
    /// <exception cref="T:System.FormatException">The variable is neither a number nor a range.</exception>
    let runSeeds (seeds: int) (test: Simulation -> unit) : unit =
        Simulation.Run(Action<Simulation> test, seeds)

    /// <summary>Runs a test once for each of 100 seeds; <c>runSeeds</c> tells more.</summary>
    /// <param name="test">The test.</param>
    let run (test: Simulation -> unit) : unit = runSeeds 100 test

    /// <summary>Runs a test with one seed, such as one that has failed; <c>runSeeds</c> tells more.</summary>
    /// <param name="seed">The seed: 0 or more.</param>
    /// <param name="test">The test.</param>
    let runSeed (seed: int) (test: Simulation -> unit) : unit =
        Simulation.Run(Action<Simulation> test, 1, seed)

    /// <summary>Runs a test as <c>runSeeds</c> does, and gives the first failure; <c>None</c> when no run failed.</summary>
    /// <param name="seeds">How many seeds, from 1 on: 1 or more.</param>
    /// <param name="test">The test.</param>
    /// <exception cref="T:System.ArgumentOutOfRangeException">The number is less than 1.</exception>
    let tryFindFailure (seeds: int) (test: Simulation -> unit) : SimulationFailedException option =
        try
            runSeeds seeds test
            None
        with :? SimulationFailedException as failure ->
            Some failure

    /// <summary>
    /// Runs a short test under each schedule that may matter, with so many preemptions at most; ends with the first that fails.
    /// <c>Simulation.Explore</c> tells more. The variable <c>FUNCTIONALWS_SCHEDULE</c> of the environment takes the place of all schedules.
    /// </summary>
    /// <param name="preemptions">How many preemptions at most: 0 or more; most races need one or two.</param>
    /// <param name="maxSchedules">How many schedules at most: 1 or more.</param>
    /// <param name="test">The test: some calls of a few threads.</param>
    /// <returns>How many schedules were run, and whether they were all.</returns>
    /// <exception cref="T:FunctionalWs.Testing.SimulationFailedException">A run failed. It names the schedule.</exception>
    /// <exception cref="T:System.ArgumentOutOfRangeException">A number is out of its range.</exception>
    /// <exception cref="T:System.FormatException">The variable is no schedule.</exception>
    let exploreWith (preemptions: int) (maxSchedules: int) (test: Simulation -> unit) : ExploredSchedules =
        Simulation.Explore(Action<Simulation> test, preemptions, maxSchedules)

    /// <summary>Runs a test under each schedule with two preemptions at most, 100,000 of them; <c>exploreWith</c> tells more.</summary>
    /// <param name="test">The test.</param>
    let explore (test: Simulation -> unit) : ExploredSchedules = exploreWith 2 100_000 test

    /// <summary>Runs the part of a test in which other orders are tried by <c>explore</c>; without it that is the whole test.</summary>
    /// <param name="part">What is run, on this thread.</param>
    /// <param name="simulation">The simulation.</param>
    let interleave (part: unit -> unit) (simulation: Simulation) : unit = simulation.Interleave(Action part)

    // ---- Servers

    /// <summary>Makes a server with a handler, in a simulation; it is disposed of at the end of the test.</summary>
    /// <param name="options">Settings; the simulation's clock comes in the place of theirs.</param>
    /// <param name="handler">The handler to test: a function that blocks, one of <c>Messages</c>, or a task in <c>Handler.ofTask</c>.</param>
    /// <param name="simulation">The simulation.</param>
    /// <exception cref="T:System.ArgumentException">An option is wrong.</exception>
    let serveWith
        (options: ServerOptions)
        (handler: ServerConnection -> unit)
        (simulation: Simulation)
        : InMemoryServer =
        simulation.Serve(Delegates.ofHandler handler, options)

    /// <summary>Makes a server with a handler and default settings, in a simulation; <c>serveWith</c> tells more.</summary>
    /// <param name="handler">The handler to test.</param>
    /// <param name="simulation">The simulation.</param>
    let serve (handler: ServerConnection -> unit) (simulation: Simulation) : InMemoryServer =
        serveWith Options.server handler simulation

    /// <summary>Makes a server with rules, in a simulation; it is disposed of at the end of the test.</summary>
    /// <param name="options">Settings; the simulation's clock comes in the place of theirs.</param>
    /// <param name="rules">The rules, as <c>Route</c> makes them.</param>
    /// <param name="simulation">The simulation.</param>
    /// <exception cref="T:System.ArgumentException">A rule or an option is wrong, as told by <c>WebSocket.routeWith</c>.</exception>
    let routeWith (options: ServerOptions) (rules: Rule seq) (simulation: Simulation) : InMemoryServer =
        simulation.Route(UrlMap rules, options)

    /// <summary>Makes a server with rules and default settings, in a simulation; <c>routeWith</c> tells more.</summary>
    /// <param name="rules">The rules, as <c>Route</c> makes them.</param>
    /// <param name="simulation">The simulation.</param>
    let route (rules: Rule seq) (simulation: Simulation) : InMemoryServer =
        routeWith Options.server rules simulation

    // ---- Threads

    /// <summary>Runs something on a thread of its own, at the same time as everything else: a client, a second sender.</summary>
    /// <param name="name">A name for it in traces; several may have the same.</param>
    /// <param name="run">What to run. What it throws makes the run fail.</param>
    /// <param name="simulation">The simulation.</param>
    let start (name: string) (run: unit -> unit) (simulation: Simulation) : SimulatedThread =
        simulation.Start(Action run, name)

    /// <summary>Waits until a thread has returned; other threads go on meanwhile.</summary>
    /// <param name="thread">A thread of the same simulation, not the one that calls.</param>
    let join (thread: SimulatedThread) : unit = thread.Join() |> ignore

    /// <summary>Runs several functions at the same time, each on a thread of its own, waits for all, and gives what they give, in their order.</summary>
    /// <param name="runs">What to run. What one throws makes the run fail.</param>
    /// <param name="simulation">The simulation.</param>
    let gather (runs: (unit -> 'T) list) (simulation: Simulation) : 'T list =
        let results = Array.create runs.Length ValueNone

        let threads =
            runs
            |> List.mapi (fun index run ->
                simulation |> start "thread" (fun () -> results[index] <- ValueSome(run ())))

        List.iter join threads
        results |> Array.map ValueOption.get |> List.ofArray

    /// <summary>Runs several functions at the same time, each on a thread of its own, and waits for all.</summary>
    /// <param name="runs">What to run. What one throws makes the run fail.</param>
    /// <param name="simulation">The simulation.</param>
    let together (runs: (unit -> unit) list) (simulation: Simulation) : unit =
        simulation |> gather runs |> ignore

    // ---- Waiting

    /// <summary>Waits until a condition holds, for as long as it takes; other threads go on meanwhile.</summary>
    /// <param name="condition">Asked often, on any thread, while all others stand still. It must not wait, change anything or throw.</param>
    /// <param name="simulation">The simulation.</param>
    let waitUntil (condition: unit -> bool) (simulation: Simulation) : unit =
        simulation.WaitUntil(Func<bool> condition) |> ignore

    /// <summary>Waits until a condition holds; false when the time was up first.</summary>
    /// <param name="time">How long at most.</param>
    /// <param name="condition">The condition, as for <c>waitUntil</c>.</param>
    /// <param name="simulation">The simulation.</param>
    /// <exception cref="T:System.ArgumentOutOfRangeException">The time is negative, and not infinite.</exception>
    let waitUntilWithin (time: TimeSpan) (condition: unit -> bool) (simulation: Simulation) : bool =
        simulation.WaitUntil(Func<bool> condition, time)

    /// <summary>Waits until a task has ended, for as long as it takes; gives what it gives, and throws what it throws.</summary>
    /// <param name="task">The task; what it awaits has to be of the simulation's world.</param>
    /// <param name="simulation">The simulation.</param>
    let wait (task: Task<'T>) (simulation: Simulation) : 'T =
        simulation.Wait task |> ignore
        task.GetAwaiter().GetResult()

    /// <summary>Waits until a task has ended; <c>None</c> when the time was up first.</summary>
    /// <param name="time">How long at most.</param>
    /// <param name="task">The task, as for <c>wait</c>.</param>
    /// <param name="simulation">The simulation.</param>
    /// <exception cref="T:System.ArgumentOutOfRangeException">The time is negative, and not infinite.</exception>
    let waitWithin (time: TimeSpan) (task: Task<'T>) (simulation: Simulation) : 'T option =
        if simulation.Wait(task, time) then
            Some(task.GetAwaiter().GetResult())
        else
            None

    /// <summary>Lets simulated time pass; other threads go on meanwhile.</summary>
    /// <param name="time">How long: zero, for a point at which others may go first, or more.</param>
    /// <param name="simulation">The simulation.</param>
    /// <exception cref="T:System.ArgumentOutOfRangeException">The time is negative.</exception>
    let sleep (time: TimeSpan) (simulation: Simulation) : unit = simulation.Sleep time
