using System.Net;
using System.Net.Http;
using System.Net.Security;
using FunctionalWs.Protocol;

namespace FunctionalWs;

/// <summary>
/// Settings of a client's connections. Immutable; every value is checked once, by the call that connects. Its text has no values:
/// some of them are secrets.
/// </summary>
public sealed record ClientOptions : ConnectionOptions
{
    private const int MaxMaxRedirects = 100;

    /// <summary>
    /// The time from the call until the connection is open: looking up the name, connecting, proxies, TLS, the handshake and
    /// redirects. More than zero, at most some 24 days; null for no limit. 10 seconds by default.
    /// </summary>
    public TimeSpan? OpenTimeout { get; init; } = TimeSpan.FromSeconds(10);

    /// <summary>
    /// Subprotocols that are offered, the one that is liked best first, each a token and once; empty, the default, for none (RFC
    /// 6455 §1.9). <see cref="WebSocketConnection.Subprotocol"/> is the one that the server chose.
    /// </summary>
    public IReadOnlyList<string> Subprotocols { get; init; } = [];

    /// <summary>
    /// The origin that the server is told, such as <c>https://example.com</c>; null, the default, for none, as befits a program that
    /// is no browser (RFC 6455 §10.2).
    /// </summary>
    public string? Origin { get; init; }

    /// <summary>
    /// Header fields of the request beside those of the handshake, such as a <see cref="Dictionary{TKey, TValue}"/>; none by default.
    /// Names are tokens; those that the handshake sets by itself are refused.
    /// </summary>
    public IReadOnlyCollection<KeyValuePair<string, string>> Headers { get; init; } = [];

    /// <summary>The value of <c>User-Agent</c>; null or empty to leave it out. <c>FunctionalWs</c> by default.</summary>
    public string? UserAgent { get; init; } = "FunctionalWs";

    /// <summary>
    /// Who the client is, by the scheme Basic (RFC 7617); null, the default, for nobody, or for whom the URI names. It is not sent
    /// to another origin that a redirect leads to. Without TLS everybody on the way can read it.
    /// </summary>
    public BasicCredentials? Credentials { get; init; }

    /// <summary>
    /// A token of the scheme Bearer (RFC 6750), without the word <c>Bearer</c>; null, the default, for none. As for
    /// <see cref="Credentials"/>, which it can't go with.
    /// </summary>
    public string? BearerToken { get; init; }

    /// <summary>
    /// TLS for <c>wss</c>: client certificates, who is trusted, versions; null, the default, for the platform's settings. Read at
    /// each handshake. Its <see cref="SslClientAuthenticationOptions.TargetHost"/> is the URI's host unless it is set.
    /// </summary>
    public SslClientAuthenticationOptions? Ssl { get; init; }

    /// <summary>
    /// Which proxy leads to a server, of HTTP (by CONNECT) or SOCKS 5; by default what the environment or the system say, as for
    /// <see cref="HttpClient"/>: <c>HTTPS_PROXY</c>, <c>HTTP_PROXY</c>, <c>ALL_PROXY</c> and <c>NO_PROXY</c>. Null for none.
    /// </summary>
    public IWebProxy? Proxy { get; init; } = HttpClient.DefaultProxy;

    /// <summary>
    /// How many redirects are followed: 0 to 100; 10 by default. None leads from <c>wss</c> to <c>ws</c>; what tells who the client
    /// is doesn't go to another origin.
    /// </summary>
    public int MaxRedirects { get; init; } = 10;

    internal override Role Role => Role.Client;

    internal override ConnectionOptions WithOpenTimeout(TimeSpan? time) =>
        this with
        {
            OpenTimeout = time,
        };

    internal override ConnectionOptions WithSubprotocols(IReadOnlyList<string> names) =>
        this with
        {
            Subprotocols = names,
        };

    /// <summary>Checks every value.</summary>
    /// <exception cref="ArgumentException">One is wrong.</exception>
    internal void Validate()
    {
        ValidateConnection();
        CheckSpan(OpenTimeout, nameof(OpenTimeout));
        CheckRange(MaxRedirects, 0, MaxMaxRedirects, nameof(MaxRedirects));
        if (Compression is { ClientMaxWindowBits: 8 })
            throw new ArgumentOutOfRangeException(
                nameof(PerMessageDeflate.ClientMaxWindowBits),
                8,
                "A client's ClientMaxWindowBits is from 9 to 15: zlib can't compress with 8."
            );
        if (Credentials is not null && BearerToken is not null)
            throw new ArgumentException(
                "Credentials and BearerToken are both set: there is one Authorization.",
                nameof(BearerToken)
            );
    }

    /// <summary>What the server is asked for.</summary>
    /// <exception cref="ArgumentException">A value can't be sent.</exception>
    internal ClientOffer ToOffer()
    {
        ArgumentNullException.ThrowIfNull(Subprotocols);
        ArgumentNullException.ThrowIfNull(Headers);
        var offer = ClientOffer.Default.WithSubprotocols([.. Subprotocols]);
        offer = string.IsNullOrEmpty(UserAgent)
            ? offer.WithoutHeader("User-Agent")
            : offer.WithHeader("User-Agent", UserAgent);
        foreach (var (name, value) in Headers)
        {
            ArgumentNullException.ThrowIfNull(value, nameof(Headers));
            offer = string.Equals(name, "User-Agent", StringComparison.OrdinalIgnoreCase)
                ? offer.WithHeader(name, value)
                : offer.WithAddedHeader(name, value);
        }
        if (Origin is not null)
            offer = offer.WithOrigin(Origin);
        if (Credentials is not null)
            offer = offer.WithCredentials(Credentials);
        if (BearerToken is not null)
            offer = offer.WithHeader("Authorization", "Bearer " + BearerToken);
        return Compression is { } deflate && ZLib.IsAvailable
            ? offer.WithCompression(ToOffer(deflate))
            : offer;
    }

    private static DeflateOffer ToOffer(PerMessageDeflate deflate) =>
        DeflateOffer.Create(
            deflate.ServerNoContextTakeover,
            deflate.ClientNoContextTakeover,
            deflate.ServerMaxWindowBits,
            deflate.ClientMaxWindowBits ?? 15,
            requireServerLimits: false
        );

    /// <summary>The name of the type: some values are secrets.</summary>
    public override string ToString() => nameof(ClientOptions);
}
