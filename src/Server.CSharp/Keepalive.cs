namespace FunctionalWs;

/// <summary>
/// When to send a ping, and when a peer that says nothing counts as gone. Any byte from the peer is a sign of life.
/// Used by the watcher's thread only, but for <see cref="Start"/>.
/// </summary>
/// <param name="interval">Between two pings, in ticks of the clock; <see cref="long.MaxValue"/> for none.</param>
/// <param name="timeout">From a ping to a sign of life, likewise.</param>
internal sealed class Keepalive(long interval, long timeout)
{
    private long started;
    private long pings; // sent so far
    private bool isAwaiting;
    private long pingedAt;
    private int readsSeen;

    /// <summary>The clock starts to count.</summary>
    public void Start(long now) => started = now;

    /// <summary>What is due.</summary>
    /// <param name="now">The clock's timestamp.</param>
    /// <param name="reads">A number that changes with each sign of life.</param>
    /// <param name="isHeldUp">True when the peer has sent something that this side does not read.</param>
    public KeepaliveStep Look(long now, int reads, bool isHeldUp)
    {
        if (reads != readsSeen || isHeldUp)
            isAwaiting = false;
        readsSeen = reads;
        if (isAwaiting && now - pingedAt >= timeout)
            return KeepaliveStep.GiveUp;
        if (interval == long.MaxValue || (now - started) / interval <= pings)
            return KeepaliveStep.None;

        // Fixed points in time: a late look delays one ping, not all that follow.
        pings = (now - started) / interval;
        if (!isAwaiting)
            pingedAt = now;
        isAwaiting = true;
        return KeepaliveStep.Ping;
    }
}

/// <summary>What a connection's keepalive needs.</summary>
internal enum KeepaliveStep
{
    /// <summary>Nothing.</summary>
    None,

    /// <summary>A ping is due.</summary>
    Ping,

    /// <summary>The peer is gone.</summary>
    GiveUp,
}
