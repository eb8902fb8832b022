using System.Net;
using FunctionalWs.Protocol;

namespace FunctionalWs;

/// <content>What comes before the opening handshake: the proxy's word on the client, and TLS.</content>
public partial class ServerConnection
{
    private EndPoint? client; // as a trusted proxy tells it

    /// <summary>
    /// The client's end: the peer's address, or behind a trusted proxy the address that this one tells (see
    /// <see cref="ServerOptions.TrustedProxies"/>). Null where the stream has no address. Known after the connection has
    /// ended, too.
    /// </summary>
    public override EndPoint? RemoteEndPoint => client ?? transport.RemoteEndPoint;

    /// <summary>
    /// The end of the stream itself, which is the nearest proxy's if there is one. Null where the stream has no address.
    /// Known after the connection has ended, too.
    /// </summary>
    public EndPoint? PeerEndPoint => transport.RemoteEndPoint;

    /// <summary>The part of the open timeout that ends where the request begins; false when the stream is to be dropped.</summary>
    private bool TryEstablish(Log log)
    {
        if (options.ProxyProtocol && options.IsTrusted(PeerEndPoint) && !TryEstablishProxied(log))
            return false;
        return transport is not TlsTransport tls || TryAuthenticate(tls, log);
    }

    private bool TryEstablishProxied(Log log)
    {
        if (!TryReadProxyHeader(log))
        {
            HandshakeEnded(HandshakeOutcome.Unanswered(OpeningFailure));
            return false;
        }
        if (Server.RefuseClient(this) is not { } reason)
            return true;
        // Before its handshake nothing can be said in TLS.
        return TryAnswer(
            transport is TlsTransport ? OpeningDecision.Ignored(reason) : opening.Busy(reason)
        );
    }

    private bool TryReadProxyHeader(Log log)
    {
        var isRead = ProxyHeaderReader.TryRead(transport.Bottom, out var header);
        if (!isRead)
            log.ProxyHeaderMissing(PeerEndPoint, transport.Bottom.Failure);
        if (header is ProxyHeader.Proxied proxied)
            client = proxied.Source;
        return isRead;
    }

    private bool TryAuthenticate(TlsTransport tls, Log log)
    {
        var callbacks = new TlsCallbacks(options.Ssl!);
        try
        {
            tls.Authenticate(callbacks.ToOptions());
            return true;
        }
        catch (Exception error)
        {
            // Told by where it comes from: all types of exceptions come from either.
            if (callbacks.Failure is { } failure)
                Server.TlsCallbackFailed(failure);
            else
                log.TlsFailed(Reason(error));
        }
        HandshakeEnded(HandshakeOutcome.NoTls);
        return false;
    }

    private string Reason(Exception error)
    {
        if (options.TimeProvider.GetTimestamp() >= Volatile.Read(ref abortAt))
            return Invariant($"it took longer than {options.OpenTimeout}");
        var cause = error.GetBaseException();
        return PeerText.Escape(
            cause == error ? error.Message : Invariant($"{error.Message} {cause.Message}")
        );
    }

    /// <summary>Takes the client's address from what trusted proxies wrote into the request.</summary>
    private void LearnClient(Request request)
    {
        var header = options.ForwardedHeaders;
        if (header == ForwardedHeaders.None || !options.IsTrusted(RemoteEndPoint))
            return;
        var isX = header == ForwardedHeaders.XForwardedFor;
        var values = request.Headers.GetAll(isX ? "X-Forwarded-For" : "Forwarded");
        var hops = isX ? Forwarded.ParseXForwardedFor(values) : Forwarded.ParseForwarded(values);
        client = Forwarded.FindClient(options.IsTrusted, hops) ?? client;
    }
}
