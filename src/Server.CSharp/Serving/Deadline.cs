namespace FunctionalWs;

/// <summary>
/// A point in time on a monotonic clock, or never; or before that, when whoever waits is told that nobody wants it any more. Made once,
/// passed through several steps.
/// </summary>
internal readonly struct Deadline
{
    // A wait for bytes can't be woken by a token, so it looks at it.
    private static readonly TimeSpan Look = TimeSpan.FromMilliseconds(20);

    private readonly TimeProvider clock;
    private readonly long timestamp;
    private readonly CancellationToken cancellation;

    private Deadline(TimeProvider clock, long timestamp, CancellationToken cancellation = default)
    {
        this.clock = clock;
        this.timestamp = timestamp;
        this.cancellation = cancellation;
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

    /// <summary>The same, or sooner: as soon as this is cancelled.</summary>
    public Deadline Or(CancellationToken cancellation) => new(clock, timestamp, cancellation);

    public bool IsNever => timestamp == long.MaxValue && !cancellation.CanBeCanceled;

    public bool HasPassed =>
        IsCancelled || timestamp != long.MaxValue && clock.GetTimestamp() >= timestamp;

    /// <summary>True when it is not the time that is up.</summary>
    public bool IsCancelled => cancellation.IsCancellationRequested;

    /// <summary>The clock's timestamp of this point; <see cref="long.MaxValue"/> for never.</summary>
    public long Timestamp => timestamp;

    /// <summary>
    /// What is left, or how long to wait at most before it is asked again; zero when it has passed. Not to be asked of one that never
    /// comes.
    /// </summary>
    public TimeSpan Remaining
    {
        get
        {
            if (IsCancelled)
                return TimeSpan.Zero;
            if (timestamp == long.MaxValue)
                return Look;
            var ticks = timestamp - clock.GetTimestamp();
            var left =
                ticks <= 0
                    ? TimeSpan.Zero
                    : TimeSpan.FromSeconds((double)ticks / clock.TimestampFrequency);
            return cancellation.CanBeCanceled && left > Look ? Look : left;
        }
    }
}
