namespace FunctionalWs;

/// <summary>
/// Ends a transport when time is up or nobody wants it any more, so that whoever waits for it returns. Reads that can be told a
/// deadline are told it all the same: timers run on threads of the pool, of which there may be none.
/// </summary>
internal sealed class TransportGuard : IDisposable
{
    private static readonly TimeSpan LongestTimer = TimeSpan.FromDays(49);

    private readonly Transport transport;
    private readonly ITimer? timer;
    private readonly CancellationTokenRegistration registration;
    private int isOver; // 1 once the transport is ended, or is not to be ended any more
    private volatile bool hasEnded;

    public TransportGuard(Transport transport, TimeProvider clock, TimeLimit limit)
    {
        this.transport = transport;
        if (!limit.Deadline.IsNever && limit.Deadline.Remaining is var left && left < LongestTimer)
            timer = clock.CreateTimer(
                static guard => ((TransportGuard)guard!).End(),
                this,
                left,
                Timeout.InfiniteTimeSpan
            );
        registration = limit.Cancellation.UnsafeRegister(
            static guard => ((TransportGuard)guard!).End(),
            this
        );
    }

    /// <summary>True when it has ended the transport.</summary>
    public bool HasEnded => hasEnded;

    /// <summary>Leaves the transport alone from now on; false when it has been ended.</summary>
    public bool TryRelease() => Interlocked.Exchange(ref isOver, 1) == 0;

    public void Dispose()
    {
        TryRelease();
        timer?.Dispose();
        registration.Dispose();
    }

    private void End()
    {
        if (!TryRelease())
            return;
        hasEnded = true;
        transport.Abort();
    }
}
