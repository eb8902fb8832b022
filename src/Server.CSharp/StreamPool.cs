namespace FunctionalWs;

/// <summary>
/// A few compressed streams of each kind that are ready for use; more than that are given back to the system. Safe from
/// any thread.
/// </summary>
internal sealed class StreamPool<TKind, TStream>
    where TKind : struct
    where TStream : class, IDisposable
{
    // About as many as can be at work at a time.
    private static readonly int MaxIdle = 2 * Environment.ProcessorCount;

    private readonly Lock gate = new();
    private readonly Dictionary<TKind, Stack<TStream>> idle = [];

    public TStream? TryTake(TKind kind)
    {
        lock (gate)
            return idle.TryGetValue(kind, out var streams) && streams.TryPop(out var stream)
                ? stream
                : null;
    }

    public void Add(TKind kind, TStream stream)
    {
        if (!TryAdd(kind, stream))
            stream.Dispose();
    }

    private bool TryAdd(TKind kind, TStream stream)
    {
        lock (gate)
        {
            if (!idle.TryGetValue(kind, out var streams))
                idle[kind] = streams = [];
            if (streams.Count >= MaxIdle)
                return false;
            streams.Push(stream);
            return true;
        }
    }
}
