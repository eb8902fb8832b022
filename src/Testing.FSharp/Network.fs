// How the way between a client and the server is in a simulation, as a pipeline.
namespace FunctionalWs.FSharp.Testing

open System
open FunctionalWs.Testing

/// <summary>
/// The way between one client and the server, in a simulation: <c>Network.perfect |> Network.maxDelay (TimeSpan.FromMilliseconds 100.0)</c>,
/// for <c>TestOptions.network</c>. Each function gives a copy. Values are checked when a client connects.
/// </summary>
module Network =

    /// <summary>Nothing happens on it: bytes arrive at once, as they were written.</summary>
    let perfect: NetworkConditions = NetworkConditions()

    /// <summary>One on which everything arrives: some delay, some cutting, as the seed chooses.</summary>
    /// <param name="simulation">The simulation, whose random numbers are taken.</param>
    let reliable (simulation: Simulation) : NetworkConditions =
        NetworkConditions.Reliable simulation.Random

    /// <summary>The same with one fault of any kind, somewhere in what a short conversation writes, the opening included.</summary>
    /// <param name="simulation">The simulation, whose random numbers are taken.</param>
    let unreliable (simulation: Simulation) : NetworkConditions =
        NetworkConditions.Unreliable simulation.Random

    /// <summary>How long bytes are under way at most, in simulated time: zero, the default, or more.</summary>
    let maxDelay (time: TimeSpan) (network: NetworkConditions) : NetworkConditions =
        NetworkConditionsCopy.MaxDelay(network, time)

    /// <summary>The most bytes that arrive in one piece: 1 or more; <c>None</c>, the default, for no limit.</summary>
    let maxPieceSize (bytes: int option) (network: NetworkConditions) : NetworkConditions =
        NetworkConditionsCopy.MaxPieceSize(network, Option.defaultValue Int32.MaxValue bytes)

    /// <summary>What goes wrong, such as <c>Fault.Reset(StreamDirection.ToServer, 300L)</c>; nothing by default.</summary>
    let faults (faults: Fault list) (network: NetworkConditions) : NetworkConditions =
        NetworkConditionsCopy.Faults(network, faults)
