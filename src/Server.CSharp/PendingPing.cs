using System.Diagnostics;
using FunctionalWs.Protocol;

namespace FunctionalWs;

/// <summary>
/// A ping that was sent, to wait on for its answer. Safe to use from any thread; it always completes: answered, or when
/// the connection closes.
/// </summary>
public sealed class PendingPing
{
    private readonly ManualResetEventSlim completed = new(false);
    private readonly Scheduler scheduler;

    internal PendingPing(ControlPayload payload, long sentAt, Scheduler scheduler)
    {
        this.scheduler = scheduler;
        Payload = payload;
        SentAt = sentAt;
    }

    internal ControlPayload Payload { get; }

    internal long SentAt { get; }

    /// <summary>True when the pong has come; false before that, and when the connection closed without it.</summary>
    public bool IsAnswered { get; private set; }

    /// <summary>Waits for the pong.</summary>
    /// <param name="timeout">How long at most; null, the default, for as long as the connection lives.</param>
    /// <returns>True when the pong has come; false when the connection closed or the time was up first.</returns>
    /// <exception cref="ArgumentOutOfRangeException">The timeout is negative or longer than some 24 days.</exception>
    public bool Wait(TimeSpan? timeout = null)
    {
        scheduler.Wait(completed, timeout ?? Timeout.InfiniteTimeSpan);
        return IsAnswered;
    }

    internal void Complete(bool isAnswered)
    {
        Debug.Assert(!completed.IsSet, "A ping completes once.");
        IsAnswered = isAnswered;
        completed.Set();
    }
}
