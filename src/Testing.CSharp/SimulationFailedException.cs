namespace FunctionalWs.Testing;

/// <summary>A run of a <see cref="Simulation"/> has failed. Its seed shows the same run again.</summary>
public sealed class SimulationFailedException : Exception
{
    internal SimulationFailedException(int seed, string trace, Exception cause)
        : base(Describe(seed, trace, cause), cause)
    {
        Seed = seed;
        Trace = trace;
    }

    /// <summary>What determined the run.</summary>
    public int Seed { get; }

    /// <summary>The last things that happened before the failure, a line each: who went on, what came and went.</summary>
    public string Trace { get; }

    private static string Describe(int seed, string trace, Exception cause) =>
        Invariant($"Seed {seed} failed. {Seeds.Variable}={seed} runs it again.\n{cause.Message}\n")
        + Invariant($"What happened last:\n{trace}");
}
