using System.Net;
using FunctionalWs.Protocol;
using Microsoft.Extensions.Logging;

namespace FunctionalWs;

/// <summary>
/// The records of the server, each with an event id that stays. Nothing that a peer can cause is an error; whatever a
/// peer wrote is escaped. All of them are in this class: the generator of their code writes several in an order of its own,
/// and two builds would differ.
/// </summary>
internal sealed partial class Log(ILogger logger)
{
    /// <summary>Puts the connection's id and address into the records that follow on this thread.</summary>
    public IDisposable? BeginConnection(WebSocketConnection connection) =>
        BeginConnection(logger, connection);

    /// <summary>The same for a turn in a loop; nothing where nobody hears.</summary>
    public IDisposable? BeginTurn(WebSocketConnection connection) =>
        logger.IsEnabled(LogLevel.Critical) ? BeginConnection(logger, connection) : null;

    public static IDisposable? BeginConnection(ILogger logger, WebSocketConnection connection) =>
        logger.BeginScope(new ConnectionScope(connection)) is { } scope
            ? new HeldScope(scope, connection)
            : null;

    /// <summary>The log of a connection's frames; null where nobody wants it.</summary>
    public FrameLog? Frames(WebSocketConnection connection) =>
        logger.IsEnabled(LogLevel.Debug) ? new FrameLog(logger, connection) : null;

    public void ConnectionClosed(WebSocketConnection connection, Ending? ending)
    {
        if (logger.IsEnabled(LogLevel.Information))
            ConnectionClosed(
                connection.Id,
                Client(connection),
                Invariant($"{ending}"),
                Message(ending?.Cause)
            );
    }

    public void ConnectionRecorded(Recording recording)
    {
        if (logger.IsEnabled(LogLevel.Information))
            ConnectionRecorded(RecordingText.Format(recording));
    }

    /// <param name="connection">Who asked.</param>
    /// <param name="response">The answer.</param>
    /// <param name="reason">Why the handshake was rejected; empty when a hook gave the answer.</param>
    public void HandshakeAnswered(WebSocketConnection connection, Response response, string reason)
    {
        // A page, or a probe of somebody's health, is nothing that an operator looks for.
        var isPage = reason.Length == 0 && response.StatusCode < 400;
        if (!logger.IsEnabled(isPage ? LogLevel.Debug : LogLevel.Information))
            return;
        var client = Client(connection);
        var path = PeerText.Escape(connection.Asked?.Path ?? "");
        var phrase = PeerText.Escape(response.ReasonPhrase);
        if (isPage)
            PageSent(client, path, response.StatusCode, phrase);
        else if (reason.Length == 0)
            ResponseSent(client, path, response.StatusCode, phrase);
        else
            HandshakeRejected(client, path, response.StatusCode, phrase, PeerText.Escape(reason));
    }

    /// <param name="reason">Why no connection was opened, though nothing was answered.</param>
    /// <param name="cause">What ended the stream. Only its message is told: a peer that leaves deserves no stack trace.</param>
    public void HandshakeIgnored(string reason, Exception? cause) =>
        HandshakeIgnored(PeerText.Escape(reason), Message(cause));

    public void ConnectionOpened(WebSocketConnection connection)
    {
        if (logger.IsEnabled(LogLevel.Information))
            ConnectionOpened(connection.Id, Client(connection));
    }

    public void HandlerFailed(WebSocketConnection connection, Exception error) =>
        HandlerFailed(connection.Id, Client(connection), error);

    /// <param name="proxy">Who is trusted, but has not said whose connection it is.</param>
    /// <param name="cause">What ended the stream; null when it was something else that came.</param>
    public void ProxyHeaderMissing(EndPoint? proxy, Exception? cause) =>
        ProxyHeaderMissing(PeerText.Of(proxy), Message(cause));

    // An exception may quote what the peer sent.
    private static string Message(Exception? cause) =>
        cause is null ? "" : Invariant($": {PeerText.Escape(cause.Message)}");

    private static object Client(WebSocketConnection connection) =>
        PeerText.Of(connection.RemoteEndPoint) ?? "a client without an address";

    [LoggerMessage(1, LogLevel.Information, "Server listening on {EndPoint}")]
    public partial void ServerListening(EndPoint? endPoint);

    [LoggerMessage(
        2,
        LogLevel.Information,
        "Server closing. Connections that are told {Status}: {Connections}"
    )]
    public partial void ServerClosing(string status, int connections);

    [LoggerMessage(
        3,
        LogLevel.Information,
        "Server closed. Connections that had to be cut: {Forced}"
    )]
    public partial void ServerClosed(int forced);

    [LoggerMessage(
        4,
        LogLevel.Warning,
        "At most {Effective} connections instead of {Wanted}: the machine's {Limit} allows no more"
    )]
    public partial void ConnectionsLimited(int effective, int wanted, string limit);

    [LoggerMessage(5, LogLevel.Warning, "Can't accept connections for now; trying again")]
    public partial void AcceptFailed(Exception error);

    [LoggerMessage(6, LogLevel.Information, "Accepting connections again")]
    public partial void AcceptRecovered();

    [LoggerMessage(
        7,
        LogLevel.Information,
        "A client was turned away: {Reason}. Connections: {Connections}"
    )]
    public partial void TurnedAway(string reason, int connections);

    [LoggerMessage(8, LogLevel.Warning, "A client was turned away: no thread could be started")]
    public partial void ThreadFailed(Exception error);

    [LoggerMessage(
        17,
        LogLevel.Warning,
        "The certificate of {Subject} has expired on {NotAfter}: clients refuse it"
    )]
    public partial void CertificateExpired(string subject, string notAfter);

    [LoggerMessage(
        20,
        LogLevel.Information,
        "Connection {ConnectionId} open with {RemoteEndPoint}"
    )]
    private partial void ConnectionOpened(Guid connectionId, object? remoteEndPoint);

    [LoggerMessage(9, LogLevel.Error, "A callback of a connection's Closed token failed")]
    public partial void CallbackFailed(Exception error);

    [LoggerMessage(
        13,
        LogLevel.Error,
        "An async void method failed that a hook, a handler or a callback has called"
    )]
    public partial void AsyncVoidFailed(Exception error);

    /// <param name="error">What a handler or a hook has thrown.</param>
    /// <param name="doing">How its client has brought that about.</param>
    public void HandlerEnded(Exception error, ClientsDoing doing)
    {
        if (doing.Reason is { } reason)
            ClientRefused(doing.Code.Value, PeerText.Escape(reason));
        else
            HandlerEnded(error);
    }

    [LoggerMessage(43, LogLevel.Debug, "The connection's handler ended with its connection")]
    private partial void HandlerEnded(Exception error);

    [LoggerMessage(44, LogLevel.Information, "The client is told {Code}: {Reason}")]
    private partial void ClientRefused(int code, string reason);

    [LoggerMessage(
        24,
        LogLevel.Error,
        "The handler of connection {ConnectionId} with {RemoteEndPoint} failed"
    )]
    private partial void HandlerFailed(Guid connectionId, object? remoteEndPoint, Exception error);

    [LoggerMessage(25, LogLevel.Error, "Unexpected error; the connection is cut")]
    public partial void ConnectionFailed(Exception error);

    [LoggerMessage(11, LogLevel.Error, "The watcher's look at connections failed; it goes on")]
    public partial void WatcherFailed(Exception error);

    [LoggerMessage(
        14,
        LogLevel.Warning,
        "All {Count} threads for message handlers are in use: messages wait for one that returns (MaxMessageThreads)"
    )]
    public partial void MessageThreadsExhausted(int count);

    [LoggerMessage(15, LogLevel.Error, "A loop of message handlers failed; it goes on")]
    public partial void LoopFailed(Exception error);

    [LoggerMessage(12, LogLevel.Error, "A listener of metrics or traces failed")]
    public partial void ListenerFailed(Exception error);

    /// <param name="reason">Escaped. The exception has a stack of the platform's own, and may quote the peer.</param>
    [LoggerMessage(60, LogLevel.Debug, "No TLS: {Reason}")]
    public partial void TlsFailed(string reason);

    [LoggerMessage(
        61,
        LogLevel.Error,
        "No TLS: a callback of the application, or its certificate, failed"
    )]
    public partial void TlsCallbackFailed(Exception error);

    [LoggerMessage(62, LogLevel.Debug, "No PROXY protocol header came from {Proxy}{Cause}")]
    private partial void ProxyHeaderMissing(object? proxy, string cause);

    [LoggerMessage(
        21,
        LogLevel.Information,
        "Connection {ConnectionId} with {RemoteEndPoint} closed: {Ending}{Cause}"
    )]
    private partial void ConnectionClosed(
        Guid connectionId,
        object? remoteEndPoint,
        string ending,
        string cause
    );

    [LoggerMessage(31, LogLevel.Information, "Last steps of the connection: {Recording}")]
    private partial void ConnectionRecorded(string recording);

    [LoggerMessage(26, LogLevel.Error, "ProcessRequest failed; the client is answered with 500")]
    public partial void ProcessRequestFailed(Exception error);

    [LoggerMessage(27, LogLevel.Error, "ProcessResponse failed; the client is answered with 500")]
    public partial void ProcessResponseFailed(Exception error);

    [LoggerMessage(28, LogLevel.Error, "SelectSubprotocol failed; the client is answered with 500")]
    public partial void SelectSubprotocolFailed(Exception error);

    [LoggerMessage(
        30,
        LogLevel.Error,
        "An extension's Negotiate failed; the client is answered with 500"
    )]
    public partial void NegotiateFailed(Exception error);

    [LoggerMessage(
        32,
        LogLevel.Error,
        "The {Method} of extension {Extension} failed; the connection is closed with 1011"
    )]
    public partial void ExtensionFailed(string method, string extension, Exception error);

    [LoggerMessage(33, LogLevel.Error, "The Dispose of extension {Extension} failed")]
    public partial void ExtensionNotReleased(string extension, Exception error);

    [LoggerMessage(
        10,
        LogLevel.Warning,
        "No compression: this platform's zlib can't be used; every offer is declined"
    )]
    public partial void CompressionUnavailable();

    [LoggerMessage(22, LogLevel.Debug, "No opening handshake: {Reason}{Cause}")]
    private partial void HandshakeIgnored(string reason, string cause);

    [LoggerMessage(
        23,
        LogLevel.Information,
        "Handshake of {RemoteEndPoint} for {Path} rejected with {Status} {Phrase}: {Reason}"
    )]
    private partial void HandshakeRejected(
        object? remoteEndPoint,
        string path,
        int status,
        string phrase,
        string reason
    );

    [LoggerMessage(
        29,
        LogLevel.Information,
        "HTTP response sent to {RemoteEndPoint} for {Path}: {Status} {Phrase}"
    )]
    private partial void ResponseSent(
        object? remoteEndPoint,
        string path,
        int status,
        string phrase
    );

    [LoggerMessage(
        34,
        LogLevel.Debug,
        "HTTP response sent to {RemoteEndPoint} for {Path}: {Status} {Phrase}"
    )]
    private partial void PageSent(object? remoteEndPoint, string path, int status, string phrase);

    [LoggerMessage(18, LogLevel.Error, "CreateConnection failed; the client is answered with 503")]
    public partial void CreateConnectionFailed(Exception error);

    [LoggerMessage(
        16,
        LogLevel.Warning,
        "A client waits on {EndPoint}, but the server has not been started: it accepts after Start, ServeForever or Run"
    )]
    public partial void NotStarted(EndPoint? endPoint);

    [LoggerMessage(40, LogLevel.Debug, "< {Opcode}, {Size} bytes{Notes}")]
    public static partial void FrameReceived(
        ILogger logger,
        string opcode,
        long size,
        string notes
    );

    [LoggerMessage(41, LogLevel.Debug, "> {Opcode}, {Size} bytes{Notes}")]
    public static partial void FrameSent(ILogger logger, string opcode, int size, string notes);

    [LoggerMessage(42, LogLevel.Debug, "< {Reason}")]
    public static partial void ReceivingEnded(ILogger logger, string reason);

    [LoggerMessage(
        45,
        LogLevel.Debug,
        "{Count} frames are left out here: they came faster than the log took them"
    )]
    public static partial void FramesLeftOut(ILogger logger, int count);
}
