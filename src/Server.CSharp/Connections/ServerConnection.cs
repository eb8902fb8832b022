using System.Net;
using FunctionalWs.Protocol;

namespace FunctionalWs;

/// <summary>
/// One WebSocket connection of a server, as its handler uses it. All members may be called from any thread. An application may derive
/// a class with members of its own: see <see cref="ServerOptions.CreateConnection"/>.
/// </summary>
public partial class ServerConnection : WebSocketConnection
{
    private readonly ServerOptions options;
    private readonly ConnectionStart start;

    /// <summary>Makes a connection of what the server has accepted.</summary>
    /// <param name="start">What <see cref="ServerOptions.CreateConnection"/> was given.</param>
    /// <exception cref="InvalidOperationException">A connection was made of it already.</exception>
    protected internal ServerConnection(ConnectionStart start)
        : base(
            Taken(start).Transport,
            start.Options,
            start.Server.Rules,
            start.Server.Budget,
            start.Watcher,
            start.Log,
            start.Server.Metrics
        )
    {
        this.start = start;
        Server = start.Server;
        opening = start.Opening;
        options = start.Options;
        since = options.TimeProvider.GetTimestamp();
        abortAt = Deadline.After(options.TimeProvider, options.OpenTimeout).Timestamp;
    }

    /// <summary>The server that accepted the connection.</summary>
    public Server Server { get; }

    /// <summary>True for the connection that was made of a start.</summary>
    internal bool IsOf(ConnectionStart other) => ReferenceEquals(start, other);

    private static ConnectionStart Taken(ConnectionStart start)
    {
        ArgumentNullException.ThrowIfNull(start);
        return start.Take();
    }

    // ---- For the server and its watcher

    // Made once, so that they need no memory when there may be none left: see Guard.
    private static readonly Action<ServerConnection> Life = connection => connection.Live();

    private Action<ServerConnection>? handler;

    /// <summary>
    /// All of the connection's life, on its own thread; or its beginning, with a handler for messages that a loop goes on with: then
    /// false. Never throws.
    /// </summary>
    internal bool Run(Action<ServerConnection> handler)
    {
        ownThread = Environment.CurrentManagedThreadId;
        this.handler = handler;
        SynchronizationContext.SetSynchronizationContext(driver.Callbacks);
        var isWhole = Guard.Run(this, Life, LifeFailed);
        isParked = isParked && isWhole;
        if (isParked)
            Leave();
        else
            EndHere();
        return !isParked;
    }

    private void Leave()
    {
        scope?.Dispose();
        scope = null;
        ownThread = 0;
        SynchronizationContext.SetSynchronizationContext(null);
    }

    private void EndHere()
    {
        End();
        SynchronizationContext.SetSynchronizationContext(null);
    }

    private void Live()
    {
        scope = log.BeginConnection(this);
        if (isOpened || TryEstablish(log) && Open())
            failure = Handle(handler!, log);
    }

    /// <summary>Runs the handler and closes the connection; gives what the handler threw for reasons of its own.</summary>
    private Exception? Handle(Action<ServerConnection> handler, Log log)
    {
        log.ConnectionOpened(this);
        Exception? failure = null;
        var code = Protocol.CloseCode.NormalClosure;
        try
        {
            new HandlerContext(log, options.Scheduler, driver).Run(handler, this);
        }
        catch (Exception error)
        {
            isParked = false;
            code = Judge(error, out failure);
        }

        Interrupts.Forget(); // it was the handler's
        if (isParked)
            return null;
        driver.StartClose(CloseStatus.Create(code, ""));
        driver.Receiver.ReadUntilClosed();
        TellEnd();
        return failure ?? this.failure;
    }

    /// <summary>What the peer is told of what a handler threw, and whether that was for reasons of its own.</summary>
    private CloseCode Judge(Exception error, out Exception? failure)
    {
        failure = null;
        if (ClientsDoing.Of(error, driver) is { } doing)
        {
            // The usual end of a handler whose peer has left.
            log.HandlerEnded(error, doing);
            return doing.Code;
        }
        log.HandlerFailed(this, error);
        failure = error;
        return Protocol.CloseCode.InternalError;
    }

    private void TellEnd()
    {
        TellClosed();
        LogEnd();
    }

    /// <summary>The address by which the server counts the client; null for none yet. Guarded by the server's lock.</summary>
    internal IPAddress? CountedBy { get; set; }

    /// <summary>True while the server counts the handshake as pending. Guarded by the server's lock.</summary>
    internal bool IsPending { get; set; } = true;

    /// <summary>The memory that broadcast messages take which wait for the peer.</summary>
    internal long BroadcastCost => driver.PostedCost;

    /// <summary>Sends a message without waiting for the peer.</summary>
    internal PostOutcome Post(Command command, PostedFrame frame) =>
        isOpened ? Broadcast.Post(driver, options, command, frame) : default;

    /// <summary>The compression that was agreed on; null for none.</summary>
    internal DeflateExtension? Deflate => driver.Extensions.Deflate;
}
