namespace FunctionalWs;

/// <summary>
/// A few compressed streams of each kind that are ready for use; more than that are given back to the system, and those that
/// nobody has needed for a while. Safe from any thread.
/// </summary>
internal sealed class StreamPool<TKind, TStream>
    where TKind : struct
    where TStream : class, IDisposable
{
    // About as many as can be at work at a time.
    private static readonly int MaxIdle = 2 * Environment.ProcessorCount;

    private readonly Lock gate = new();
    private readonly Dictionary<TKind, Idle> kinds = [];

    /// <summary>How many of a kind are ready.</summary>
    public int Count(TKind kind)
    {
        using (gate.Hold())
            return kinds.TryGetValue(kind, out var idle) ? idle.Streams.Count : 0;
    }

    public TStream? TryTake(TKind kind)
    {
        using (gate.Hold())
        {
            if (!kinds.TryGetValue(kind, out var idle) || !idle.Streams.TryPop(out var stream))
                return null;
            idle.Unneeded = Math.Min(idle.Unneeded, idle.Streams.Count);
            return stream;
        }
    }

    public void Add(TKind kind, TStream stream)
    {
        if (TryAdd(kind, stream))
            IdleMemory.Expect();
        else
            stream.Dispose();
    }

    private bool TryAdd(TKind kind, TStream stream)
    {
        using (gate.Hold())
        {
            if (!kinds.TryGetValue(kind, out var idle))
                kinds[kind] = idle = new();
            if (idle.Streams.Count >= MaxIdle)
                return false;
            idle.Streams.Push(stream);
            return true;
        }
    }

    /// <summary>Gives back those that were idle ever since the last time; true when others are left.</summary>
    public bool Trim()
    {
        var unneeded = new List<TStream>();
        var isLeft = false;
        using (gate.Hold())
        {
            foreach (var idle in kinds.Values)
            {
                for (; idle.Unneeded > 0; idle.Unneeded--)
                    unneeded.Add(idle.Streams.Pop());
                idle.Unneeded = idle.Streams.Count;
                isLeft |= idle.Unneeded > 0;
            }
        }
        unneeded.ForEach(stream => stream.Dispose());
        return isLeft;
    }

    private sealed class Idle
    {
        public Stack<TStream> Streams { get; } = [];

        /// <summary>The fewest that were there at a time since the last look.</summary>
        public int Unneeded { get; set; }
    }
}
