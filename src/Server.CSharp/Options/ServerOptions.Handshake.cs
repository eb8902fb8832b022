using FunctionalWs.Protocol;

namespace FunctionalWs;

/// <content>Settings of the opening handshake.</content>
public sealed partial record ServerOptions
{
    /// <summary>
    /// Origins that may connect: exact ones, patterns, <see cref="Origin.None"/> for requests without one; empty for nobody.
    /// Null, the default, lets everyone in. Others are answered with 403 (RFC 6455 §10.2).
    /// </summary>
    public IReadOnlyList<Origin>? Origins { get; init; }

    /// <summary>
    /// Subprotocols in order of preference, each a token; empty, the default, for none (RFC 6455 §1.9). A client that offers
    /// none of them is answered with 400.
    /// </summary>
    public IReadOnlyList<string> Subprotocols { get; init; } = [];

    /// <summary>
    /// Chooses the subprotocol in place of <see cref="Subprotocols"/>' order of preference; null, the default, to go by that.
    /// When it returns a name that the client doesn't offer, or throws anything but a <see cref="NegotiationException"/>, the
    /// client is answered with 500.
    /// </summary>
    public SelectSubprotocol? SelectSubprotocol { get; init; }

    /// <summary>
    /// Extensions of the protocol, in order of preference among those of one name; empty by default (RFC 6455 §9). In which
    /// order they are applied is for the client to say, by the order of its offers. <see cref="ConnectionOptions.Compression"/>
    /// counts as the last of them, unless one has the name <c>permessage-deflate</c>.
    /// </summary>
    public IReadOnlyList<IServerExtension> Extensions { get; init; } = [];

    /// <summary>
    /// The value of the <c>Server</c> header; null or empty to leave it out. <c>FunctionalWs</c> by default.
    /// </summary>
    public string? ServerHeader { get; init; } = "FunctionalWs";

    /// <summary>
    /// Called with each request before it is judged, to answer it in some other way; null, the default, to do without.
    /// </summary>
    public ProcessRequest? ProcessRequest { get; init; }

    /// <summary>
    /// Called with each response before it is sent, to change it; null, the default, to do without.
    /// </summary>
    public ProcessResponse? ProcessResponse { get; init; }

    /// <summary>
    /// Makes each connection: for a class of one's own, derived from <see cref="ServerConnection"/>, with members that belong to a
    /// connection. Null, the default, for <see cref="ServerConnection"/> itself. Called on the thread that accepts, before anything
    /// is known of the client, so it has to be quick; when it throws, or gives null, the client gets 503, and the log an ERROR, once a
    /// second at most. Hooks get what it made, and handlers do; a handler of the class's own type is what
    /// <see cref="Server.ServeAs{TConnection}(Func{ConnectionStart, TConnection}, Action{TConnection}, string?, int, ServerOptions?)"/> takes.
    /// </summary>
    public Func<ConnectionStart, ServerConnection>? CreateConnection { get; init; }

    /// <summary>True when the application has a say in opening handshakes.</summary>
    internal bool HasHooks =>
        ProcessRequest is not null || ProcessResponse is not null || SelectSubprotocol is not null;

    /// <summary>
    /// True to let in clients that forget <c>Connection: Upgrade</c>, as some devices do; false by default: they get 426 (RFC
    /// 6455 §4.2.1). The header tells who wants a WebSocket from whose <c>Upgrade</c> a proxy passed on without knowing what it
    /// means: such a proxy takes for requests what follows. Only for servers that clients reach directly, or through proxies
    /// that know WebSockets.
    /// </summary>
    public bool AllowMissingConnectionUpgrade { get; init; }

    /// <summary>
    /// The largest request head that is read, in bytes: 64 to 16,777,216; 65,536 by default. A larger one is answered with 431.
    /// </summary>
    public int MaxRequestHeadSize { get; init; } = HeadLimits.Default.MaxHeadSize;

    /// <summary>
    /// The longest request line, in bytes with its CR and LF: 64 to 16,777,216; 8,192 by default. A longer one is answered
    /// with 414 (RFC 9112 §3).
    /// </summary>
    public int MaxRequestLineLength { get; init; } = HeadLimits.Default.MaxStartLineLength;

    /// <summary>
    /// The longest header line, in bytes with its CR and LF: 64 to 16,777,216; 8,192 by default. A longer one is answered
    /// with 431 (RFC 6585 §5).
    /// </summary>
    public int MaxHeaderLineLength { get; init; } = HeadLimits.Default.MaxHeaderLineLength;

    /// <summary>
    /// The most header lines of a request: 1 or more; 128 by default. More are answered with 431 (RFC 6585 §5).
    /// </summary>
    public int MaxHeaderCount { get; init; } = HeadLimits.Default.MaxHeaderCount;

    private void ValidateHandshake()
    {
        CheckHeadSize(MaxRequestHeadSize, nameof(MaxRequestHeadSize));
        CheckHeadSize(MaxRequestLineLength, nameof(MaxRequestLineLength));
        CheckHeadSize(MaxHeaderLineLength, nameof(MaxHeaderLineLength));
        CheckRange(MaxHeaderCount, 1, int.MaxValue, nameof(MaxHeaderCount));
        CheckOrigins(Origins);
        ArgumentNullException.ThrowIfNull(Subprotocols);
        foreach (var name in Subprotocols)
            CheckSubprotocol(name);
        ArgumentNullException.ThrowIfNull(Extensions);
        foreach (var extension in AllExtensions)
            CheckExtension(extension);
        if (!HeaderSyntax.IsValue(ServerHeader ?? ""))
            throw new ArgumentException(
                Invariant(
                    $"ServerHeader '{PeerText.Escape(ServerHeader!)}' has a character that no header can have: only TAB, 0x20-0x7E and 0x80-0xFF."
                ),
                nameof(ServerHeader)
            );
    }

    internal static void CheckOrigins(IReadOnlyList<Origin>? origins)
    {
        if (origins?.Contains(null!) == true)
            throw new ArgumentException(
                "Origins has null in it: use Origin.None for requests without an origin.",
                nameof(Origins)
            );
    }

    private static void CheckHeadSize(int value, string name) =>
        CheckRange(value, HeadLimits.Smallest, HeadLimits.Largest, name);

    private static void CheckSubprotocol(string? name)
    {
        if (name is null || !HeaderSyntax.IsToken(name))
            throw new ArgumentException(
                Invariant(
                    $"Subprotocols has '{PeerText.Escape(name ?? "null")}' in it, which is no token: letters, digits and !#$%&'*+-.^_`|~ (RFC 9110 §5.6.2)."
                ),
                nameof(Subprotocols)
            );
    }

    private static void CheckExtension(IServerExtension? extension)
    {
        if (extension is null || !HeaderSyntax.IsToken(extension.Name ?? ""))
            throw new ArgumentException(
                Invariant(
                    $"Extensions has '{PeerText.Escape(extension?.Name ?? "null")}' in it: a name is a token, letters, digits and !#$%&'*+-.^_`|~ (RFC 6455 §9.1)."
                ),
                nameof(Extensions)
            );
        (extension as PerMessageDeflate)?.Validate();
    }

    /// <summary>The extensions with the compression, where that isn't one of them.</summary>
    internal IReadOnlyList<IServerExtension> AllExtensions =>
        Compression is null || Extensions.Any(extension => extension?.Name == Compression.Name)
            ? Extensions
            : [.. Extensions, Compression];

    internal HeadLimits ToHeadLimits() =>
        new(MaxRequestLineLength, MaxHeaderLineLength, MaxHeaderCount, MaxRequestHeadSize);

    internal HandshakePolicy ToHandshakePolicy() => ToHandshakePolicy(Origins);

    /// <param name="origins">Who may connect, in place of <see cref="Origins"/>.</param>
    internal HandshakePolicy ToHandshakePolicy(IReadOnlyList<Origin>? origins) =>
        new(
            origins?.Select(origin => origin.Rule),
            SelectSubprotocol is null ? Subprotocols : [],
            ServerHeader,
            readsExtensions: AllExtensions.Count > 0,
            needsConnectionUpgrade: !AllowMissingConnectionUpgrade
        );
}
