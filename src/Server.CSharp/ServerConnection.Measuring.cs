namespace FunctionalWs;

/// <content>What the connection tells for metrics.</content>
public sealed partial class ServerConnection
{
    private long since; // the handshake's begin, then the connection's

    /// <summary>True while output waits since the peer doesn't read.</summary>
    internal bool IsBlocked => isOpened && driver.IsBlocked;

    /// <summary>The bytes of messages that wait to be sent.</summary>
    internal long QueueSize => driver.QueueSize;

    private TimeSpan Elapsed => options.TimeProvider.GetElapsedTime(since);

    private void HandshakeEnded(HandshakeOutcome outcome) =>
        Server.Metrics.HandshakeEnded(Elapsed, outcome);

    /// <summary>The handshake has been accepted: on the connection's own thread, before anybody sees the connection open.</summary>
    private void BeginMeasuring()
    {
        since = options.TimeProvider.GetTimestamp();
        Server.Metrics.ConnectionOpened();
        CountMessages();
    }

    /// <summary>
    /// Begins to count messages when somebody has begun to listen: when the connection opens, and for the watcher later on.
    /// </summary>
    private void CountMessages()
    {
        if (driver.IsCounting || !Server.Metrics.AreMessagesCounted)
            return;
        driver.BeginCounting();
        Interlocked.MemoryBarrier(); // either this sees the connection's end, or the end sees the counting
        if (isEnded)
            driver.EndCounting();
    }

    /// <param name="failure">What the handler threw; null for nothing.</param>
    private void EndMeasuring(Exception? failure)
    {
        if (!isOpened)
            return;
        Interlocked.MemoryBarrier();
        driver.EndCounting();
        Server.Metrics.ConnectionEnded(Elapsed, ConnectionOutcome.Of(driver.Ending, failure));
    }
}
