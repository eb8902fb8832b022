using FunctionalWs.Protocol;

namespace FunctionalWs;

/// <summary>What the options say of every connection, made once for a server or a client: settings are most of an idle connection's endpoint.</summary>
internal sealed class ConnectionRules(ConnectionOptions options)
{
    private readonly ConnectionSettings?[] settings = new ConnectionSettings?[8]; // by the reserved bits that extensions use

    /// <summary>A connection that isn't open yet.</summary>
    public WebSocketEndpoint Endpoint { get; } =
        WebSocketEndpoint.Create(
            options.ToConnectionSettings(),
            options.ToTimeouts(),
            options.ToReadAhead(),
            TimeSpan.Zero
        );

    /// <summary>What may wait unread, in bytes.</summary>
    public long MaxUnread { get; } = options.ToReadAhead().Bytes;

    /// <summary>The settings of a connection whose extensions use so many of the reserved bits.</summary>
    public ConnectionSettings Settings(ReservedBits bits) =>
        settings[(int)bits] ??= options.ToConnectionSettings(bits);
}
