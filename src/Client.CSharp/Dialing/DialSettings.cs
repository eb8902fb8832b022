using System.Net;
using System.Net.Security;
using FunctionalWs.Protocol;

namespace FunctionalWs;

/// <summary>How the way to a server is made. No record: a text of it could show secrets.</summary>
internal sealed class DialSettings
{
    /// <summary>Asked for the way to each server; null to go there directly.</summary>
    public IWebProxy? Proxy { get; init; }

    /// <summary>For <c>wss</c>; null for the usual. It is copied for each connection.</summary>
    public SslClientAuthenticationOptions? Ssl { get; init; }

    /// <summary>A Unix domain socket to connect to, whatever host the URI names; then no proxy is asked.</summary>
    public string? UnixPath { get; init; }

    /// <summary>Measures everything; its timers end what blocks.</summary>
    public TimeProvider Clock { get; init; } = TimeProvider.System;

    /// <summary>Finds the addresses of a name, the preferred ones first.</summary>
    public Func<string, CancellationToken, Task<IPAddress[]>> Resolve { get; init; } =
        Dns.GetHostAddressesAsync;

    /// <summary>How large a proxy's answer may be, but for its body.</summary>
    public HeadLimits HeadLimits { get; init; } = HeadLimits.Default;

    /// <summary>The most bytes of the body of a refusal that are kept: 0 or more.</summary>
    public int MaxRefusalBody { get; init; } = 64 * 1024;
}
