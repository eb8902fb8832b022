namespace FunctionalWs.Testing;

/// <summary>A run of a <see cref="Simulation"/> has failed. Its seed, or its schedule, shows the same run again.</summary>
public sealed class SimulationFailedException : Exception
{
    internal SimulationFailedException(int seed, string? schedule, string trace, Exception cause)
        : base(Describe(seed, schedule, trace, cause), cause)
    {
        Seed = seed;
        Schedule = schedule;
        Trace = trace;
    }

    /// <summary>What determined the run.</summary>
    public int Seed { get; }

    /// <summary>
    /// Which threads went on where others would have by the rule, as <c>step:thread</c>: empty for none, null where a seed has determined that.
    /// </summary>
    public string? Schedule { get; }

    /// <summary>The last things that happened before the failure, a line each: who went on, what came and went.</summary>
    public string Trace { get; }

    private static string Describe(int seed, string? schedule, string trace, Exception cause) =>
        (
            schedule is null
                ? Invariant($"Seed {seed} failed. {Seeds.Variable}={seed} runs it again.\n")
                : Invariant($"A schedule failed. {Schedules.Variable}={schedule} runs it again.\n")
        ) + Invariant($"{cause.Message}\nWhat happened last:\n{trace}");
}
