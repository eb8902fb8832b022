namespace FunctionalWs;

/// <summary>Who got a broadcast message. Immutable.</summary>
public sealed class BroadcastResult
{
    internal BroadcastResult(int sent, IReadOnlyList<SkippedConnection> skipped)
    {
        Sent = sent;
        Skipped = skipped;
    }

    /// <summary>The number of connections to which the message was written, or queued to be.</summary>
    public int Sent { get; }

    /// <summary>
    /// The open connections that miss something, and why; empty when there are none. Connections that are closing or closed
    /// are neither sent to nor skipped.
    /// </summary>
    public IReadOnlyList<SkippedConnection> Skipped { get; }
}

/// <summary>A connection that misses a broadcast message, this one or an older one.</summary>
/// <param name="Connection">The connection.</param>
/// <param name="Reason">Why.</param>
public readonly record struct SkippedConnection(ServerConnection Connection, SkipReason Reason);

/// <summary>Why a connection misses a broadcast message.</summary>
public enum SkipReason
{
    /// <summary>Its peer reads too slowly; it doesn't get this message (<see cref="SlowPeerPolicy.Skip"/>).</summary>
    SlowPeer,

    /// <summary>Its peer reads too slowly; it gets this message, but not all before (<see cref="SlowPeerPolicy.DropOldest"/>).</summary>
    OlderDropped,

    /// <summary>Its peer reads too slowly and is disconnected (<see cref="SlowPeerPolicy.Disconnect"/>).</summary>
    Disconnected,

    /// <summary>A fragmented message is being sent on it, between whose fragments nothing fits (RFC 6455 §5.4).</summary>
    SendingFragments,
}
