namespace FunctionalWs;

/// <summary>A point in time on a monotonic clock, or never. Made once, passed through several steps.</summary>
internal readonly struct Deadline
{
    private readonly TimeProvider clock;
    private readonly long timestamp;

    private Deadline(TimeProvider clock, long timestamp)
    {
        this.clock = clock;
        this.timestamp = timestamp;
    }

    /// <summary>The one that never comes.</summary>
    public static Deadline Never => new(TimeProvider.System, long.MaxValue);

    /// <summary>The time after a span; never, for null, an infinite one and those that the clock can't count.</summary>
    public static Deadline After(TimeProvider clock, TimeSpan? span)
    {
        var ticks = Ticks(clock, span);
        if (ticks == long.MaxValue)
            return new Deadline(clock, long.MaxValue);
        var now = clock.GetTimestamp();
        return new Deadline(clock, ticks >= long.MaxValue - now ? long.MaxValue : now + ticks);
    }

    /// <summary>
    /// A span in ticks of a clock; <see cref="long.MaxValue"/> for null, an infinite one and what the clock can't count.
    /// </summary>
    public static long Ticks(TimeProvider clock, TimeSpan? span)
    {
        if (span is not { } time || time == Timeout.InfiniteTimeSpan)
            return long.MaxValue;
        var ticks = time.TotalSeconds * clock.TimestampFrequency;
        return ticks >= long.MaxValue ? long.MaxValue : (long)ticks;
    }

    public bool IsNever => timestamp == long.MaxValue;

    public bool HasPassed => !IsNever && clock.GetTimestamp() >= timestamp;

    /// <summary>The clock's timestamp of this point; <see cref="long.MaxValue"/> for never.</summary>
    public long Timestamp => timestamp;

    /// <summary>What is left; zero when it has passed. Not to be asked of one that never comes.</summary>
    public TimeSpan Remaining
    {
        get
        {
            var left = timestamp - clock.GetTimestamp();
            return left <= 0
                ? TimeSpan.Zero
                : TimeSpan.FromSeconds((double)left / clock.TimestampFrequency);
        }
    }
}
