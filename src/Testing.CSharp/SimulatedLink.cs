namespace FunctionalWs.Testing;

/// <summary>The way between one client and the server, both directions: what its conditions do to them together.</summary>
internal sealed class SimulatedLink
{
    public SimulatedLink(
        SimulatedScheduler scheduler,
        NetworkConditions conditions,
        Random random,
        int capacity,
        int number
    )
    {
        Scheduler = scheduler;
        Begun = scheduler.Now;
        Conditions = conditions;
        Random = random;
        Capacity = capacity;
        ToServer = new SimulatedPipe(
            this,
            StreamDirection.ToServer,
            Invariant($"to server {number}")
        );
        ToClient = new SimulatedPipe(
            this,
            StreamDirection.ToClient,
            Invariant($"to client {number}")
        );
    }

    public SimulatedScheduler Scheduler { get; }

    public NetworkConditions Conditions { get; }

    public Random Random { get; }

    public int Capacity { get; }

    public SimulatedPipe ToServer { get; }

    public SimulatedPipe ToClient { get; }

    /// <summary>True once the network has broken the connection.</summary>
    public bool IsReset { get; private set; }

    /// <summary>True once everything that is written is lost.</summary>
    public bool IsBlackHole => SilentSince is not null;

    /// <summary>When the client connected.</summary>
    public long Begun { get; }

    /// <summary>From when on everything that is written is lost; null as long as nothing is.</summary>
    public long? SilentSince { get; private set; }

    public void Reset()
    {
        IsReset = true;
        ToServer.Break();
        ToClient.Break();
    }

    public void GoSilent() => SilentSince ??= Scheduler.Now;
}
