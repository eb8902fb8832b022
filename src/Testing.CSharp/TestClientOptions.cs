using System.Net;
using FunctionalWs.Protocol;

namespace FunctionalWs.Testing;

/// <summary>What a client of an <see cref="InMemoryServer"/> is and sends. Immutable.</summary>
public sealed record TestClientOptions
{
    /// <summary>
    /// Further header fields of the request, in order; empty by default. A field of a name that the client sends by itself,
    /// such as <c>Host</c> or <c>Sec-WebSocket-Version</c>, takes the place of its own.
    /// With one of the handshake's own (<c>Sec-WebSocket-…</c>) any 101 opens the connection, and nothing but a subprotocol is agreed on.
    /// </summary>
    public IReadOnlyList<(string Name, string Value)> Headers { get; init; } = [];

    /// <summary>The subprotocols that the client offers, the one it likes best first; none by default.</summary>
    public IReadOnlyList<string> Subprotocols { get; init; } = [];

    /// <summary>The origin that a browser would tell, such as <c>https://example.com</c>; null, the default, for none.</summary>
    public string? Origin { get; init; }

    /// <summary>Name and password for Basic authentication (RFC 7617); null, the default, for none.</summary>
    public BasicCredentials? Credentials { get; init; }

    /// <summary>A token for Bearer authentication (RFC 6750); null, the default, for none. Not together with <see cref="Credentials"/>.</summary>
    public string? BearerToken { get; init; }

    /// <summary>
    /// Compression that is offered, as <see cref="ConnectionOptions.Compression"/> of a client; null, the default, for none (RFC 7692).
    /// </summary>
    public PerMessageDeflate? Compression { get; init; }

    /// <summary>What the server takes for the client's address; null, the default, for none.</summary>
    public EndPoint? RemoteEndPoint { get; init; }

    /// <summary>
    /// True, the default, to answer pings while the client receives or waits; false for a client that seems dead to the
    /// keepalive.
    /// </summary>
    public bool AnswersPings { get; init; } = true;

    /// <summary>
    /// The bytes that each direction holds before its writer waits: 1 or more, 1 MiB by default. A small value makes a slow
    /// client: the client takes bytes only while it receives or waits.
    /// </summary>
    public int BufferSize { get; init; } = 1024 * 1024;

    /// <summary>
    /// How long a call of the client waits at most, in real time: more than zero, or
    /// <see cref="System.Threading.Timeout.InfiniteTimeSpan"/> for no limit; 10 seconds by default. It bounds tests that go wrong; a
    /// test that goes well doesn't wait for it.
    /// </summary>
    public TimeSpan Timeout { get; init; } = TimeSpan.FromSeconds(10);

    /// <summary>
    /// How the way to the server is, in a <see cref="Simulation"/>; null, the default, for one that is chosen by the seed and on
    /// which everything arrives. Elsewhere it has to be null.
    /// </summary>
    public NetworkConditions? Network { get; init; }

    /// <summary>True for a stream that holds bytes back as TLS does, in a <see cref="Simulation"/>; elsewhere without effect.</summary>
    internal bool HasRecords { get; init; }

    /// <summary>
    /// What the client of <c>FunctionalWs.Client</c> is told: nothing is limited but by <see cref="Timeout"/>, and nothing waits for a
    /// watcher.
    /// </summary>
    internal ClientOptions ToClientOptions() =>
        new()
        {
            Subprotocols = Subprotocols,
            Origin = Origin,
            Credentials = Credentials,
            BearerToken = BearerToken,
            UserAgent = null,
            Compression = Compression,
            OpenTimeout = null,
            CloseTimeout = null,
            PingInterval = null,
            MaxMessageSize = null,
            MaxFragments = int.MaxValue,
            MaxQueue = null,
            CoalesceOutput = false,
        };

    internal void Validate()
    {
        Network?.Validate();
        ArgumentNullException.ThrowIfNull(Headers);
        ArgumentNullException.ThrowIfNull(Subprotocols);
        ArgumentOutOfRangeException.ThrowIfLessThan(BufferSize, 1);
        if (Timeout != System.Threading.Timeout.InfiniteTimeSpan)
            ArgumentOutOfRangeException.ThrowIfLessThanOrEqual(Timeout, TimeSpan.Zero);
    }
}
