using System.Net;
using System.Net.Sockets;
using FunctionalWs.Protocol;

namespace FunctionalWs;

/// <summary>
/// One WebSocket connection, as its handler uses it: every call does its work on the calling thread and returns when it is
/// done. All members may be called from any thread; two <c>Receive</c>s at once are refused, sends take turns.
/// </summary>
public sealed partial class ServerConnection : IEnumerable<Message>
{
    private readonly ServerOptions options;
    private readonly Transport transport;
    private readonly Driver driver;
    private volatile bool isOpened;
    private volatile bool isEnded;
    private long abortAt;
    private int isReceiving;
    private int ownThread;

    internal ServerConnection(
        Server server,
        Transport transport,
        ServerOptions options,
        Watcher watcher
    )
    {
        Server = server;
        this.transport = transport;
        this.options = options;
        driver = new Driver(transport, options, watcher);
        abortAt = Deadline.After(options.TimeProvider, options.OpenTimeout).Timestamp;
    }

    /// <summary>A name for this connection, unlike that of every other.</summary>
    public Guid Id { get; } = Guid.NewGuid();

    /// <summary>The server that accepted the connection.</summary>
    public Server Server { get; }

    /// <summary>The server's end; null where the stream has no address. Known after the connection has ended, too.</summary>
    public EndPoint? LocalEndPoint => transport.LocalEndPoint;

    /// <summary>The client's request; null until it has arrived.</summary>
    public Request? Request { get; private set; }

    /// <summary>The server's response; null until it is decided.</summary>
    public Response? Response { get; private set; }

    /// <summary>The subprotocol that both sides agreed on; null when there is none (RFC 6455 §1.9).</summary>
    public string? Subprotocol { get; private set; }

    /// <summary>Where the connection stands.</summary>
    public ConnectionState State =>
        driver.State switch
        {
            _ when isEnded => ConnectionState.Closed,
            _ when !isOpened => ConnectionState.Connecting,
            Protocol.State.Open => ConnectionState.Open,
            Protocol.State.Closed => ConnectionState.Closed,
            _ => ConnectionState.Closing,
        };

    /// <summary>From the last answered ping to its pong; zero before the first.</summary>
    public TimeSpan Latency => driver.Pings.Latency;

    /// <summary>
    /// The code of the peer's close frame; 1005 when the frame had none, 1006 when the connection ended without one. Null
    /// until the connection has closed (RFC 6455 §7.1.5).
    /// </summary>
    public int? CloseCode =>
        State is ConnectionState.Closed ? driver.Ending?.CloseCode ?? 1006 : null;

    /// <summary>
    /// The reason in the peer's close frame, empty when there was none. Null until the connection has closed
    /// (RFC 6455 §7.1.6).
    /// </summary>
    public string? CloseReason =>
        State is ConnectionState.Closed ? driver.Ending?.CloseReason ?? "" : null;

    /// <summary>What the peer's close frame said; null until one came.</summary>
    public CloseStatus? Received => driver.Ending?.Received;

    /// <summary>What this side's close frame said; null until one was sent.</summary>
    public CloseStatus? Sent =>
        driver.State is Protocol.State.CloseSent closing ? closing.Sent : driver.Ending?.Sent;

    /// <summary>What the watcher asks the kernel about; null when the transport must be asked itself.</summary>
    internal Socket? Socket => transport.PollSocket;

    /// <summary>Where the watcher keeps this connection; its own.</summary>
    internal int WatcherIndex { get; set; }

    // ---- Closing

    /// <summary>
    /// Closes the connection: sends a close frame and waits for the peer's, for <see cref="ServerOptions.CloseTimeout"/> at
    /// most. A thread that waits in <c>Receive</c> is told. Does nothing but wait when the closing has begun already.
    /// </summary>
    /// <param name="code">What the peer is told; 1000, normal closure, by default.</param>
    /// <param name="reason">Text for people, at most 123 bytes of UTF-8; empty by default.</param>
    /// <exception cref="ArgumentException">The reason is too long or can't be encoded. The connection stays open.</exception>
    public void Close(CloseCode code = default, string reason = "")
    {
        RequireOpened();
        driver.StartClose(CloseStatus.Create(code, reason));
        if (Environment.CurrentManagedThreadId == ownThread && Volatile.Read(ref isReceiving) == 0)
            driver.ReadUntilClosed();
        else
            driver.WaitClosed(null);
    }

    /// <summary>The client's address and the state, for logs.</summary>
    public override string ToString() => $"{Id} {RemoteEndPoint} {State}";

    // ---- For the server and its watcher

    internal bool IsOpening => !isOpened && !isEnded;

    /// <summary>True on the connection's own thread: a handler that asks.</summary>
    internal bool IsOwnThread => ownThread == Environment.CurrentManagedThreadId;

    /// <summary>All of the connection's life, on its own thread. Never throws.</summary>
    internal void Run(Action<ServerConnection> handler, Opening opening, Log log)
    {
        ownThread = Environment.CurrentManagedThreadId;
        using var scope = log.BeginConnection(this);
        try
        {
            if (TryEstablish(log) && Open(opening))
                Handle(handler, log);
        }
        catch (Exception error)
        {
            log.ConnectionFailed(error);
        }
        finally
        {
            isEnded = true;
            driver.End();
            transport.Dispose();
        }
    }

    private bool Open(Opening opening)
    {
        var decision = opening.Decide(transport, driver.Input);
        Request = decision.Request;
        if (decision.Request is { } request)
            LearnClient(request);
        Response = decision.Response;
        Subprotocol = decision.Subprotocol;
        if (!opening.TryAnswer(transport, decision))
        {
            Volatile.Write(
                ref abortAt,
                Deadline.After(options.TimeProvider, Opening.LingerTime).Timestamp
            );
            opening.Linger(transport);
            return false;
        }

        isOpened = true;
        return true;
    }

    private void Handle(Action<ServerConnection> handler, Log log)
    {
        log.ConnectionOpened(RemoteEndPoint);
        var code = Protocol.CloseCode.NormalClosure;
        try
        {
            handler(this);
        }
        catch (ConnectionClosedException) when (State is not ConnectionState.Open)
        {
            // The usual end of a handler whose peer has left.
        }
        catch (Exception error)
        {
            log.HandlerFailed(error);
            code = Protocol.CloseCode.InternalError;
        }

        driver.StartClose(CloseStatus.Create(code, ""));
        driver.ReadUntilClosed();
        log.ConnectionClosed(driver.Ending);
    }

    internal void StartClose(CloseStatus status) => driver.StartClose(status);

    /// <summary>Ends the connection without a word.</summary>
    internal void Abort(Exception reason) => driver.Break(reason);

    internal Attention Attend(long now)
    {
        if (!isOpened)
        {
            if (now >= Volatile.Read(ref abortAt))
                driver.Break(new TimeoutException("The opening handshake took too long."));
            return Attention.None;
        }

        driver.Attend(now);
        return (driver.IsUrgent ? Attention.Soon : Attention.None)
            | (driver.IsUnattended() ? Attention.ReadAhead : Attention.None);
    }

    internal void ReadAhead(bool isReadable) => driver.ReadAhead(isReadable);

    private void RequireOpened()
    {
        if (!isOpened)
            throw new InvalidOperationException(
                "The connection is not open yet: its opening handshake is under way."
            );
    }
}
