namespace FunctionalWs;

/// <summary>What becomes of a broadcast message for a peer that does not read fast enough.</summary>
public enum SlowPeerPolicy
{
    /// <summary>The peer doesn't get this message.</summary>
    Skip,

    /// <summary>The peer gets this message instead of the oldest ones that wait for it.</summary>
    DropOldest,

    /// <summary>The peer is disconnected with 1013, try again later.</summary>
    Disconnect,
}
