namespace FunctionalWs.Testing;

/// <summary>
/// A thread of a <see cref="Simulation"/>: the server's, a handler's or one of the test's own. It runs while all others stand
/// still, until it waits for something.
/// </summary>
public sealed class SimulatedThread
{
    private readonly SimulatedScheduler scheduler;
    private readonly SemaphoreSlim turn = new(0);
    private Func<bool>? condition;
    private long until;
    private int carrier;

    internal SimulatedThread(SimulatedScheduler scheduler, int number, string name)
    {
        this.scheduler = scheduler;
        Number = number;
        Name = name;
    }

    /// <summary>What it was called when it was started; several may have the same name.</summary>
    public string Name { get; }

    /// <summary>True once it has returned.</summary>
    public bool HasEnded { get; internal set; }

    /// <summary>Its place among the threads of the run, from 0.</summary>
    internal int Number { get; }

    /// <summary>What it waits for, for people.</summary>
    internal string Awaited { get; private set; } = "its first turn";

    /// <summary>What it uses next.</summary>
    internal Meeting Next { get; private set; }

    /// <summary>True on the thread of the system that carries it.</summary>
    internal bool IsCurrent => carrier == Environment.CurrentManagedThreadId;

    /// <summary>When it goes on at the latest, on the simulation's clock.</summary>
    internal long Until => until;

    /// <summary>Waits until the thread has returned. For another thread of the same simulation.</summary>
    /// <param name="timeout">How long at most, in simulated time; null, the default, for as long as it takes.</param>
    /// <returns>False when the time was up first.</returns>
    /// <exception cref="ArgumentOutOfRangeException">The timeout is negative, and not infinite.</exception>
    public bool Join(TimeSpan? timeout = null) =>
        scheduler.Block(
            () => HasEnded,
            scheduler.After(WaitingTime.Checked(timeout, nameof(timeout))),
            "the end of a thread"
        );

    internal void Await(Func<bool>? condition, long until, string awaited, Meeting next)
    {
        Next = next;
        this.condition = condition;
        this.until = until;
        Awaited = awaited;
    }

    internal void BeginOnThisThread() => carrier = Environment.CurrentManagedThreadId;

    internal bool IsReady(long now, Func<Func<bool>, bool> ask) =>
        condition is null || until <= now || ask(condition);

    /// <summary>Lets it go on.</summary>
    internal void Resume() => turn.Release();

    /// <summary>Stands still until it is resumed.</summary>
    internal void Pause() => turn.Wait();

    /// <summary>Number and name.</summary>
    public override string ToString() => Invariant($"{Number} {Name}");
}
