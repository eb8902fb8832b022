namespace FunctionalWs;

/// <summary>
/// Gives memory back that pools of the process keep and that nobody has needed for a while, so that what a flood of clients
/// took doesn't stay for ever. On a timer of its own, which runs only while there may be such memory. Safe from any thread.
/// </summary>
internal static class IdleMemory
{
    private static readonly TimeSpan Interval = TimeSpan.FromSeconds(30);
    private static readonly Timer Tick = NewTimer();
    private static int isExpected;

    /// <summary>Something was given back to a pool, and may be of no use there.</summary>
    public static void Expect()
    {
        if (Volatile.Read(ref isExpected) == 0 && Interlocked.Exchange(ref isExpected, 1) == 0)
            Tick.Change(Interval, Timeout.InfiniteTimeSpan);
    }

    /// <summary>Gives back what nobody has needed since the last time.</summary>
    public static void Trim()
    {
        Volatile.Write(ref isExpected, 0);
        SharedBuffers.Pool.Trim();
        var isLeft = Deflater.Trim() | Inflater.Trim();
        NativeHeap.Trim();
        if (isLeft)
            Expect();
    }

    // Without whatever context the thread has that happens to be the first.
    private static Timer NewTimer()
    {
        if (ExecutionContext.IsFlowSuppressed())
            return new Timer(_ => TryTrim());
        using (ExecutionContext.SuppressFlow())
            return new Timer(_ => TryTrim());
    }

    private static void TryTrim()
    {
        try
        {
            Trim();
        }
        catch (Exception)
        {
            // For want of memory, perhaps; a timer must not end the process. What comes back next starts it again.
        }
    }
}
