using System.Net;

namespace FunctionalWs;

/// <content>Settings for servers behind reverse proxies and load balancers.</content>
public sealed partial record ServerOptions
{
    /// <summary>
    /// The addresses of the proxies whose word on a client's address is taken; empty, the default, for none. A single
    /// address is a network with a full prefix, as in <c>IPNetwork.Parse("127.0.0.1/32")</c>. What other peers say of
    /// themselves is ignored.
    /// </summary>
    public IReadOnlyList<IPNetwork> TrustedProxies { get; init; } = [];

    /// <summary>
    /// True to trust whoever connects to a Unix socket as a proxy; false by default. Who can connect is a matter of
    /// <see cref="UnixSocketMode"/>.
    /// </summary>
    public bool TrustUnixPeers { get; init; }

    /// <summary>
    /// The header in which the trusted proxies tell a client's address; none by default. It gives
    /// <see cref="ServerConnection.RemoteEndPoint"/>: the nearest address that is not a trusted proxy's.
    /// </summary>
    public ForwardedHeaders ForwardedHeaders { get; init; }

    /// <summary>
    /// True when trusted proxies begin each connection with a header of the PROXY protocol, version 1 or 2, before TLS; one
    /// that doesn't is disconnected. Other peers are served as if this were off. False by default.
    /// </summary>
    public bool ProxyProtocol { get; init; }

    private void ValidateProxies()
    {
        ArgumentNullException.ThrowIfNull(TrustedProxies);
        if (!Enum.IsDefined(ForwardedHeaders))
            throw new ArgumentOutOfRangeException(
                nameof(ForwardedHeaders),
                ForwardedHeaders,
                "ForwardedHeaders is None, XForwardedFor or Forwarded."
            );
        if (IsToldClients && TrustedProxies.Count == 0 && !TrustUnixPeers)
            throw new ArgumentException(
                Invariant(
                    $"{(ProxyProtocol ? nameof(ProxyProtocol) : nameof(ForwardedHeaders))} is set, but nobody is trusted: "
                ) + "it takes TrustedProxies or TrustUnixPeers.",
                nameof(TrustedProxies)
            );
    }

    private bool IsToldClients => ProxyProtocol || ForwardedHeaders != ForwardedHeaders.None;

    /// <summary>True for a peer that stands for clients and tells their addresses.</summary>
    internal bool IsToldClientBy(EndPoint? peer) => IsToldClients && IsTrusted(peer);

    /// <summary>True for a peer whose word on a client's address is taken.</summary>
    internal bool IsTrusted(EndPoint? peer) =>
        peer switch
        {
            IPEndPoint address => IsTrusted(address.Address),
            System.Net.Sockets.UnixDomainSocketEndPoint => TrustUnixPeers,
            _ => false,
        };

    internal bool IsTrusted(IPAddress address)
    {
        var plain = address.IsIPv4MappedToIPv6 ? address.MapToIPv4() : address;
        return TrustedProxies.Any(network => network.Contains(plain));
    }
}

/// <summary>Where a proxy tells the address of the client that it serves.</summary>
public enum ForwardedHeaders
{
    /// <summary>Nowhere: the peer's address counts.</summary>
    None,

    /// <summary>In <c>X-Forwarded-For</c>, a list of addresses to which each proxy adds its peer's.</summary>
    XForwardedFor,

    /// <summary>In the <c>for</c> parameters of <c>Forwarded</c> (RFC 7239).</summary>
    Forwarded,
}
