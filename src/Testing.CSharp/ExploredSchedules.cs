namespace FunctionalWs.Testing;

/// <summary>What <see cref="Simulation.Explore"/> has done.</summary>
/// <param name="Count">How many schedules were run.</param>
/// <param name="IsComplete">True when there was no other that may matter, within the number of preemptions.</param>
public readonly record struct ExploredSchedules(int Count, bool IsComplete);
