namespace FunctionalWs;

/// <summary>Timers for who waits.</summary>
internal static class Waits
{
    /// <summary>Calls something once a waiting time is over; null when it never is.</summary>
    public static ITimer? AfterWaiting(
        this TimeProvider clock,
        TimeSpan? timeout,
        TimerCallback callback,
        object state
    )
    {
        var time = WaitingTime.ToWait(timeout);
        return time == Timeout.InfiniteTimeSpan
            ? null
            : clock.CreateTimer(callback, state, time, Timeout.InfiniteTimeSpan);
    }
}
