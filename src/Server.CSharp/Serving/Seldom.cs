namespace FunctionalWs;

/// <summary>
/// Says whether something that may happen often is to be told: once a second at most. Safe from any thread.
/// </summary>
internal sealed class Seldom(TimeProvider clock)
{
    private static readonly TimeSpan Interval = TimeSpan.FromSeconds(1);

    private const long Never = long.MinValue;

    private long toldAt = Never;

    /// <summary>True for the first one of a second.</summary>
    public bool IsDue()
    {
        var now = clock.GetTimestamp();
        var last = Interlocked.Read(ref toldAt);
        return (last == Never || clock.GetElapsedTime(last, now) >= Interval)
            && Interlocked.CompareExchange(ref toldAt, now, last) == last;
    }
}
