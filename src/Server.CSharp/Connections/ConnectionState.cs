namespace FunctionalWs;

/// <summary>Where a connection stands between its opening and its end (RFC 6455 §4, §7).</summary>
public enum ConnectionState
{
    /// <summary>The opening handshake is under way.</summary>
    Connecting,

    /// <summary>Messages can be sent and received.</summary>
    Open,

    /// <summary>A close frame was sent or received; messages received before can still be read.</summary>
    Closing,

    /// <summary>The connection has ended; messages received before can still be read.</summary>
    Closed,
}
