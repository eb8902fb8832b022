using System.Net;
using System.Net.Sockets;
using System.Security.Authentication;
using FunctionalWs.Protocol;

namespace FunctionalWs;

/// <summary>
/// The way to a server, up to where the opening handshake begins: a name, an address, a proxy, TLS. It all happens on the calling
/// thread.
/// </summary>
internal static class Dialing
{
    /// <summary>Opens a stream to a server, on which the request for a WebSocket can be written.</summary>
    /// <param name="uri">Where to.</param>
    /// <param name="settings">How.</param>
    /// <param name="deadline">When it has taken too long, all steps together.</param>
    /// <param name="cancellation">Ends it early.</param>
    /// <exception cref="ArgumentException">A setting can't be used.</exception>
    /// <exception cref="NotSupportedException">The proxy is neither of HTTP nor of SOCKS 5.</exception>
    /// <exception cref="HandshakeRefusedException">A proxy of HTTP refuses.</exception>
    /// <exception cref="SocketException">
    /// The name can't be resolved, or nobody answers at any of its addresses, each of which the message names; or a proxy of SOCKS
    /// can't reach the server.
    /// </exception>
    /// <exception cref="AuthenticationException">
    /// TLS can't be agreed on, the certificate is not trusted, or a proxy of SOCKS wants another login.
    /// </exception>
    /// <exception cref="IOException">The stream broke.</exception>
    /// <exception cref="TimeoutException">The deadline has passed; the message tells what has not happened until then.</exception>
    /// <exception cref="OperationCanceledException">It was cancelled.</exception>
    public static Transport Open(
        WebSocketUri uri,
        DialSettings settings,
        Deadline deadline,
        CancellationToken cancellation
    )
    {
        if (uri.IsSecure)
            _ = ClientTls.Options(uri.Host, settings.Ssl); // tells what is wrong before anybody is asked
        if (settings.UnixPath is { } path)
        {
            var unixLimit = new TimeLimit(UnixDialer.Describe(path), deadline, cancellation);
            var socket = UnixDialer.Connect(path, unixLimit);
            return Complete(socket, uri, null, settings, unixLimit);
        }
        var proxy = ProxyServer.For(uri, settings.Proxy);
        var limit = new TimeLimit(Describe(uri, proxy), deadline, cancellation);
        var transport = Connect(uri, proxy, settings, limit);
        return Complete(transport, uri, proxy, settings, limit);
    }

    /// <summary>Does over a stream that is there what comes after it is connected; ends it when that fails.</summary>
    public static Transport Over(
        Transport transport,
        WebSocketUri uri,
        DialSettings settings,
        Deadline deadline,
        CancellationToken cancellation
    )
    {
        var limit = new TimeLimit(uri.Authority, deadline, cancellation);
        return Complete(transport, uri, null, settings, limit);
    }

    private static SocketTransport Connect(
        WebSocketUri uri,
        ProxyServer? proxy,
        DialSettings settings,
        TimeLimit limit
    )
    {
        limit.Check(() => "nobody was asked");
        var (host, port) = proxy is null ? (uri.Host, uri.Port) : (proxy.Host, proxy.Port);
        var addresses = HostAddresses.Of(host, settings, limit);
        using var race = new ConnectRace(
            proxy is null ? uri.Authority : Invariant($"the proxy {proxy}"),
            addresses.Select(address => new IPEndPoint(address, port)),
            settings.Clock,
            limit
        );
        return race.Run();
    }

    /// <summary>What is between a stream and the opening handshake: a tunnel, then TLS.</summary>
    private static Transport Complete(
        Transport transport,
        WebSocketUri uri,
        ProxyServer? proxy,
        DialSettings settings,
        TimeLimit limit
    )
    {
        using var guard = new TransportGuard(transport, settings.Clock, limit);
        var complete = transport;
        var missing = "it came too late";
        try
        {
            limit.Check(() => missing);
            if (proxy is not null)
            {
                missing = Invariant($"the proxy {proxy} has not answered");
                OpenTunnel(transport, uri, proxy, settings, limit);
            }
            if (uri.IsSecure)
            {
                missing = "the handshake of TLS was not done";
                complete = ClientTls.Open(transport, uri, settings.Ssl, limit);
            }
            return guard.TryRelease() ? complete : throw new IOException("It was ended.");
        }
        catch (Exception error)
        {
            complete.Dispose();
            limit.Cancellation.ThrowIfCancellationRequested();
            if (IsForLackOfTime(error, guard.HasEnded, limit))
                throw limit.Exceeded(missing, error);
            throw;
        }
    }

    /// <summary>A stream that was ended amid TLS may look like anything; an answer that came is one.</summary>
    private static bool IsForLackOfTime(Exception error, bool hasEnded, TimeLimit limit) =>
        hasEnded && error is (IOException or AuthenticationException)
        || limit.Deadline.HasPassed && error is IOException;

    private static void OpenTunnel(
        Transport transport,
        WebSocketUri uri,
        ProxyServer proxy,
        DialSettings settings,
        TimeLimit limit
    )
    {
        if (proxy.IsSocks)
            Socks5.Open(transport, proxy, uri, limit);
        else
            HttpTunnel.Open(transport, proxy, uri, settings, limit);
    }

    private static string Describe(WebSocketUri uri, ProxyServer? proxy) =>
        proxy is null ? uri.Authority : Invariant($"{uri.Authority} through the proxy {proxy}");
}
