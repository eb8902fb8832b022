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
    /// <param name="timeout">
    /// How long at most, zero to ask only; null, the default, and <see cref="Timeout.InfiniteTimeSpan"/> for as long as the
    /// connection lives.
    /// </param>
    /// <param name="cancellation">Ends the waiting.</param>
    /// <returns>True when the pong has come; false when the connection closed or the time was up first.</returns>
    /// <exception cref="ArgumentOutOfRangeException">The timeout is negative, and not infinite.</exception>
    /// <exception cref="OperationCanceledException">It was cancelled before that.</exception>
    public bool Wait(TimeSpan? timeout = null, CancellationToken cancellation = default)
    {
        var time = WaitingTime.Checked(timeout, nameof(timeout));
        scheduler.Wait(completed, WaitingTime.ToWait(time), cancellation);
        return IsAnswered;
    }

    internal void Complete(bool isAnswered)
    {
        Debug.Assert(!completed.IsSet, "A ping completes once.");
        IsAnswered = isAnswered;
        completed.Set();
    }
}
