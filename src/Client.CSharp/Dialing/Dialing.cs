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
    /// <exception cref="SocketException">
    /// The name can't be resolved, or nobody answers at any of its addresses; the message names each of them.
    /// </exception>
    /// <exception cref="AuthenticationException">TLS can't be agreed on, or the certificate is not trusted.</exception>
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
        var limit = new TimeLimit(Describe(uri, settings), deadline, cancellation);
        if (uri.IsSecure)
            _ = ClientTls.Options(uri.Host, settings.Ssl); // tells what is wrong before anybody is asked
        var transport = settings.UnixPath is { } path
            ? UnixDialer.Connect(path, limit)
            : Connect(uri.Host, uri.Port, settings, limit);
        return Complete(transport, uri, settings, limit);
    }

    /// <summary>Does over a stream that is there what comes after it is connected; ends it when that fails.</summary>
    public static Transport Over(
        Transport transport,
        WebSocketUri uri,
        DialSettings settings,
        Deadline deadline,
        CancellationToken cancellation
    ) => Complete(transport, uri, settings, new TimeLimit(uri.Authority, deadline, cancellation));

    private static SocketTransport Connect(
        string host,
        int port,
        DialSettings settings,
        TimeLimit limit
    )
    {
        limit.Check(() => "nobody was asked");
        var addresses = HostAddresses.Of(host, settings, limit);
        using var race = new ConnectRace(
            Invariant($"{host} at port {port}"),
            addresses.Select(address => new IPEndPoint(address, port)),
            settings.Clock,
            limit
        );
        return race.Run();
    }

    private static Transport Complete(
        Transport transport,
        WebSocketUri uri,
        DialSettings settings,
        TimeLimit limit
    )
    {
        using var guard = new TransportGuard(transport, settings.Clock, limit);
        var complete = transport;
        var missing = "the handshake of TLS was not done";
        try
        {
            if (uri.IsSecure)
                complete = ClientTls.Open(complete, uri, settings.Ssl, limit);
            return guard.TryRelease() ? complete : throw new IOException("The stream was ended.");
        }
        catch (Exception error)
        {
            complete.Dispose();
            limit.Cancellation.ThrowIfCancellationRequested();
            if (error is IOException && (guard.HasEnded || limit.Deadline.HasPassed))
                throw limit.Exceeded(missing, error);
            throw;
        }
    }

    private static string Describe(WebSocketUri uri, DialSettings settings) =>
        settings.UnixPath is { } path
            ? Invariant($"the Unix socket {UnixDialer.Describe(path)}")
            : uri.Authority;
}
