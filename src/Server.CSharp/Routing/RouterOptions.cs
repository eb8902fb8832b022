using FunctionalWs.Protocol;
using FunctionalWs.Routing;

namespace FunctionalWs;

/// <summary>Settings of a <see cref="Router"/>. Immutable; checked when a router is made with them.</summary>
public sealed record RouterOptions
{
    /// <summary>
    /// The host that clients use, with its port if it isn't the scheme's, such as <c>example.com</c>:
    /// <see cref="Rule.Subdomain"/> is what a request's host has before it, and redirects to rules of another host have its port.
    /// Null, the default, for the host of the request. Redirects within the request's host are a path alone.
    /// </summary>
    public string? ServerName { get; init; }

    /// <summary>
    /// True for <c>wss</c> where a redirect leads to another host than the request's, as behind a proxy that ends TLS; false for
    /// <c>ws</c>. Null, the default, for <c>wss</c> to clients that are connected over TLS themselves. A redirect to the
    /// request's host is a path alone.
    /// </summary>
    public bool? SecureUrls { get; init; }

    /// <summary>
    /// The status of redirects: 301, 302, 303, 307 or 308; 302, found, by default (RFC 9110 §15.4).
    /// </summary>
    public int RedirectStatusCode { get; init; } = 302;

    /// <summary>
    /// Answers requests that no rule takes; null, the default, for 404 with a short text. Also where it returns null.
    /// </summary>
    public ProcessRequest? NotFound { get; init; }

    /// <summary>Checks every value.</summary>
    /// <exception cref="ArgumentException">One is out of its range.</exception>
    internal void Validate()
    {
        if (RedirectStatusCode is not (301 or 302 or 303 or 307 or 308))
            throw new ArgumentOutOfRangeException(
                nameof(RedirectStatusCode),
                RedirectStatusCode,
                "RedirectStatusCode is 301, 302, 303, 307 or 308."
            );
        if (ServerName is not null && !RouteHost.IsName(ServerName))
            throw new ArgumentException(
                Invariant($"ServerName: '{ServerName}' is no host with an optional port."),
                nameof(ServerName)
            );
    }

    internal RouteBase ToRouteBase(bool isSecure) => new(ServerName, SecureUrls ?? isSecure);
}
