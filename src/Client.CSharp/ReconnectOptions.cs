namespace FunctionalWs;

/// <summary>
/// How long to wait before connecting again, for <see cref="Client.ConnectForever"/>. Immutable; checked by the call.
/// </summary>
public sealed record ReconnectOptions
{
    private static readonly TimeSpan MaxSpan = TimeSpan.FromMilliseconds(int.MaxValue);

    /// <summary>
    /// The wait after a connection has ended, and after the first attempt that failed: more than zero, at most
    /// <see cref="MaxDelay"/>. 1 second by default. It doubles with each attempt that fails, and counts from the beginning again
    /// when a connection has opened.
    /// </summary>
    public TimeSpan InitialDelay { get; init; } = TimeSpan.FromSeconds(1);

    /// <summary>The longest wait: at least <see cref="InitialDelay"/>, at most some 24 days. 1 minute by default.</summary>
    public TimeSpan MaxDelay { get; init; } = TimeSpan.FromMinutes(1);

    /// <summary>
    /// The part of each wait that is left to chance, so that thousands of clients don't come at once when a server comes back: 0 for
    /// none to 1 for all of it. A half by default: 0.5 to 1 times the wait.
    /// </summary>
    public double Jitter { get; init; } = 0.5;

    /// <summary>
    /// Decides whether to try again after an attempt that failed; null, the default, for what is usual: again when nobody answered,
    /// the stream broke, time was up, or the server said 408, 429, 500, 502, 503 or 504; not for other answers and certificates.
    /// </summary>
    public Func<Exception, bool>? ShouldRetry { get; init; }

    internal void Validate()
    {
        if (InitialDelay <= TimeSpan.Zero || InitialDelay > MaxDelay)
            throw new ArgumentOutOfRangeException(
                nameof(InitialDelay),
                InitialDelay,
                Invariant(
                    $"{nameof(InitialDelay)} is more than zero and at most MaxDelay, {MaxDelay}."
                )
            );
        if (MaxDelay > MaxSpan)
            throw new ArgumentOutOfRangeException(
                nameof(MaxDelay),
                MaxDelay,
                Invariant($"{nameof(MaxDelay)} is at most {MaxSpan}.")
            );
        if (!(Jitter is >= 0 and <= 1))
            throw new ArgumentOutOfRangeException(
                nameof(Jitter),
                Jitter,
                Invariant($"{nameof(Jitter)} is from 0 to 1.")
            );
    }

    /// <summary>The wait after so many attempts that failed one after the other.</summary>
    /// <param name="failures">0 or more.</param>
    /// <param name="chance">From 0 to 1.</param>
    internal TimeSpan Delay(int failures, double chance)
    {
        var factor = Math.Pow(2, Math.Min(Math.Max(failures - 1, 0), 62));
        var ticks = Math.Min(InitialDelay.Ticks * factor, MaxDelay.Ticks);
        return TimeSpan.FromTicks((long)(ticks * (1 - Jitter * chance)));
    }
}
