namespace FunctionalWs;

/// <summary>Which connections have something to read, told once for each change, and what wakes the thread that waits for that.</summary>
internal abstract class Readiness : IDisposable
{
    /// <summary>Listens to a connection. From any thread.</summary>
    /// <param name="seat">Its seat, whose transport is held.</param>
    /// <param name="key">What tells it from others; 0 or more.</param>
    public abstract void Listen(LoopSeat seat, long key);

    /// <summary>Listens no more. From any thread.</summary>
    public abstract void Forget(LoopSeat seat);

    /// <summary>Waits for changes; how many there are, 0 when only a waker was heard, or nobody. By one thread at a time.</summary>
    /// <param name="changes">Where they go.</param>
    /// <param name="waits">False to take only what there is.</param>
    public abstract int Wait(Span<Epoll.Change> changes, bool waits);

    /// <summary>Wakes the thread that waits, if one still will. From any thread.</summary>
    public abstract void Wake();

    public abstract void Dispose();
}
