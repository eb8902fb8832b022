namespace FunctionalWs;

/// <summary>How long a caller is ready to wait: null or <see cref="Timeout.InfiniteTimeSpan"/> for as long as it takes.</summary>
internal static class WaitingTime
{
    // What .NET's own waits take, some 24 days; nobody notices that what is longer never ends.
    private static readonly TimeSpan Longest = TimeSpan.FromMilliseconds(int.MaxValue);

    /// <summary>The time, which may be zero, or null for as long as it takes.</summary>
    /// <param name="time">What the caller gave.</param>
    /// <param name="name">What the caller knows it by.</param>
    /// <exception cref="ArgumentOutOfRangeException">It is negative, and not infinite.</exception>
    public static TimeSpan? Checked(TimeSpan? time, string name)
    {
        if (time is not { } span || span == Timeout.InfiniteTimeSpan)
            return null;
        if (span < TimeSpan.Zero)
            throw new ArgumentOutOfRangeException(
                name,
                span,
                Invariant(
                    $"{name} is zero or more; null or Timeout.InfiniteTimeSpan is for as long as it takes."
                )
            );
        return span;
    }

    /// <summary>A checked time as .NET's waits want it.</summary>
    public static TimeSpan ToWait(TimeSpan? time) =>
        time is { } span && span <= Longest ? span : Timeout.InfiniteTimeSpan;
}
