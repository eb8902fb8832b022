using System.Net;
using System.Text;
using FunctionalWs.Protocol;

namespace FunctionalWs;

/// <summary>A proxy on the way to a server. Immutable. Its text has no credentials.</summary>
internal sealed class ProxyServer
{
    private const int DefaultSocksPort = 1080;

    private ProxyServer(bool isSocks, Uri uri, BasicCredentials? credentials)
    {
        IsSocks = isSocks;
        // An address without brackets, with its zone.
        Host = uri.IdnHost.Trim('[', ']').Replace("%25", "%", StringComparison.Ordinal);
        Port = uri.Port < 0 ? DefaultSocksPort : uri.Port;
        Credentials = credentials;
        Text = Invariant($"{(isSocks ? "socks5" : "http")}://{uri.Host}:{Port}");
    }

    /// <summary>True for SOCKS 5, false for HTTP.</summary>
    public bool IsSocks { get; }

    public string Host { get; }

    public int Port { get; }

    /// <summary>Name and password; null when there is none.</summary>
    public BasicCredentials? Credentials { get; }

    private string Text { get; }

    /// <summary>Scheme, host and port.</summary>
    public override string ToString() => Text;

    /// <summary>
    /// The proxy for a URI, as <c>HttpClient</c> would choose it for the same with <c>http</c> or <c>https</c>; null when it is to
    /// be reached directly.
    /// </summary>
    /// <exception cref="NotSupportedException">The proxy is of another kind.</exception>
    /// <exception cref="ArgumentException">The proxy's name and password can't be sent.</exception>
    public static ProxyServer? For(WebSocketUri uri, IWebProxy? proxy)
    {
        var scheme = uri.IsSecure ? "https://" : "http://";
        var destination = new Uri(scheme + uri.Authority + uri.Target);
        if (proxy is null || proxy.IsBypassed(destination))
            return null;
        // WebProxy gives the destination for what needs no proxy.
        return proxy.GetProxy(destination) is { } way && way != destination
            ? Of(way, proxy.Credentials)
            : null;
    }

    private static ProxyServer Of(Uri way, ICredentials? credentials)
    {
        if (!way.IsAbsoluteUri || way.Host.Length == 0)
            throw new NotSupportedException("The proxy's URI names no host.");
        var isSocks = way.Scheme is "socks5" or "socks5h";
        if (!isSocks && way.Scheme != Uri.UriSchemeHttp)
            throw new NotSupportedException(
                Invariant(
                    $"The proxy's scheme is '{way.Scheme}'; it can be http, socks5 or socks5h."
                )
            );
        var login = OfUserInfo(way.UserInfo) ?? OfNetwork(credentials?.GetCredential(way, "Basic"));
        var server = new ProxyServer(isSocks, way, login);
        if (login is not null && !(isSocks ? IsForSocks(login) : IsForHttp(login)))
            throw new ArgumentException(
                Invariant($"The login of the proxy {server} {Rule(isSocks)}")
            );
        return server;
    }

    private static BasicCredentials? OfUserInfo(string userInfo)
    {
        if (userInfo.Length == 0)
            return null;
        var parts = userInfo.Split(':', 2);
        return new BasicCredentials(
            Uri.UnescapeDataString(parts[0]),
            Uri.UnescapeDataString(parts.ElementAtOrDefault(1) ?? "")
        );
    }

    /// <summary>The system's own credentials, of which nobody is told, have no name.</summary>
    private static BasicCredentials? OfNetwork(NetworkCredential? credential)
    {
        if (credential is null || credential.UserName.Length == 0)
            return null;
        var domain = credential.Domain.Length == 0 ? "" : credential.Domain + '\\';
        return new BasicCredentials(domain + credential.UserName, credential.Password);
    }

    // RFC 7617 §2
    private static bool IsForHttp(BasicCredentials login) =>
        !login.Username.Contains(':') && !(login.Username + login.Password).Any(char.IsControl);

    // RFC 1929 §2; an empty password is usual all the same.
    private static bool IsForSocks(BasicCredentials login) =>
        Encoding.UTF8.GetByteCount(login.Username) is >= 1 and <= byte.MaxValue
        && Encoding.UTF8.GetByteCount(login.Password) <= byte.MaxValue;

    private static string Rule(bool isSocks) =>
        isSocks
            ? "doesn't fit into SOCKS: 1 to 255 bytes for the name, 0 to 255 for the password."
            : "can't be sent: there is a colon in the name, or a control character in one of them.";
}
