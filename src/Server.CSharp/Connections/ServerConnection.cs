using System.Net;
using System.Net.Sockets;
using FunctionalWs.Protocol;
using Microsoft.FSharp.Core;

namespace FunctionalWs;

/// <summary>
/// One WebSocket connection, as its handler uses it: every call does its work on the calling thread and returns when it is
/// done. All members may be called from any thread; two <c>Receive</c>s at once are refused, sends take turns.
/// </summary>
[StructuredFormatDisplay("{Description}")] // F#'s %A would show all that it has
public sealed partial class ServerConnection
{
    private readonly ServerOptions options;
    private readonly Transport transport;
    private readonly Driver driver;
    private volatile bool isOpened;
    private volatile bool isEnded;
    private long abortAt;
    private int ownThread;
    private object? id; // made for whoever asks: random bytes cost a system call
    private readonly Log log;

    internal ServerConnection(
        Server server,
        Transport transport,
        ServerOptions options,
        Opening opening,
        Watcher watcher,
        Log log
    )
    {
        Server = server;
        this.opening = opening;
        this.transport = transport;
        this.options = options;
        this.log = log;
        driver = new Driver(
            transport,
            options,
            watcher,
            this,
            log,
            log.Frames(this),
            server.Metrics
        );
        since = options.TimeProvider.GetTimestamp();
        abortAt = Deadline.After(options.TimeProvider, options.OpenTimeout).Timestamp;
    }

    /// <summary>A name for this connection, unlike that of every other.</summary>
    public Guid Id => (Guid)(Volatile.Read(ref id) ?? MakeId());

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

    /// <summary>
    /// The extensions that both sides agreed on, in the order in which messages go through them; empty until the response is
    /// decided, and where there are none (RFC 6455 §9).
    /// </summary>
    public IReadOnlyList<Extension> Extensions => driver.Extensions.Extensions;

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

    /// <summary>
    /// The last steps of the connection so far, or of all of it once it has ended; null unless
    /// <see cref="ServerOptions.FlightRecorder"/> is set, and until the opening handshake is decided. What is given doesn't change
    /// any more.
    /// </summary>
    public Recording? Recording => driver.Recording;

    /// <summary>What the watcher asks the kernel about; null when the transport must be asked itself.</summary>
    internal Socket? Socket => transport.PollSocket;

    /// <summary>Where the watcher keeps this connection; its own.</summary>
    internal int WatcherIndex { get; set; }

    /// <summary>True while it is among those at which the watcher looks in quick succession.</summary>
    internal volatile bool IsHastened;

    /// <summary>The watcher's own: how many of those looks are left.</summary>
    internal int UrgentLooks { get; set; }

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
        if (IsOwnThread && Receiving is null)
            driver.Receiver.ReadUntilClosed();
        else
            driver.WaitClosed(null);
    }

    /// <summary>
    /// Cancelled as soon as the connection is no longer open: either side has begun to close it, the server is shutting
    /// down, or it was lost. For work that is of no use after that. What is registered runs on the thread pool.
    /// </summary>
    public CancellationToken Closed => driver.NotOpen;

    /// <summary>Waits until the connection has closed, whoever closes it. Does not close it.</summary>
    /// <param name="timeout">
    /// How long at most, zero to ask only; null, the default, and <see cref="Timeout.InfiniteTimeSpan"/> for as long as it takes.
    /// </param>
    /// <returns>True when it has closed; false when the time was up first.</returns>
    /// <exception cref="ArgumentOutOfRangeException">The timeout is negative, and not infinite.</exception>
    public bool WaitClosed(TimeSpan? timeout = null)
    {
        timeout = WaitingTime.Checked(timeout, nameof(timeout));
        RequireOpened();
        return driver.WaitClosed(timeout);
    }

    /// <summary>Id, the client's address and the state, for logs. What the client chose of it is escaped.</summary>
    public override string ToString() =>
        PeerText.Escape(Invariant($"{Id} {RemoteEndPoint} {State}"));

    private string Description => ToString();

    private object MakeId()
    {
        object made = Guid.NewGuid();
        return Interlocked.CompareExchange(ref id, made, null) ?? made;
    }

    // ---- For the server and its watcher

    /// <summary>True on the connection's own thread: a handler that asks.</summary>
    internal bool IsOwnThread => ownThread == Environment.CurrentManagedThreadId;

    // Made once, so that they need no memory when there may be none left: see Guard.
    private static readonly Action<ServerConnection> Life = connection => connection.Live();

    private static readonly Action<ServerConnection, Exception> LifeFailed = (connection, error) =>
        connection.Fail(error);

    /// <summary>How a connection ends: each step, whatever becomes of those before it.</summary>
    private static readonly Action<ServerConnection>[] Ends =
    [
        connection => connection.driver.Receiver.TakeRest(connection.isOpened),
        connection => connection.driver.Receiver.End(),
        connection => connection.driver.EndWaiting(),
        connection => connection.EndMeasuring(connection.failure),
        connection => connection.transport.Dispose(),
        connection => connection.ReleaseExtensions(connection.log),
        connection => connection.scope?.Dispose(),
    ];

    private Action<ServerConnection>? handler;
    private Exception? failure; // what the handler threw, or else went wrong
    private IDisposable? scope;

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
            End();
        return !isParked;
    }

    private void Leave()
    {
        scope?.Dispose();
        scope = null;
        ownThread = 0;
        SynchronizationContext.SetSynchronizationContext(null);
    }

    private void End()
    {
        isEnded = true;
        foreach (var step in Ends)
            Guard.Run(this, step, LifeFailed);
        SynchronizationContext.SetSynchronizationContext(null);
    }

    private void Live()
    {
        scope = log.BeginConnection(this);
        if (TryEstablish(log) && Open())
            failure = Handle(handler!, log);
    }

    /// <summary>What nothing accounts for, whoever met with it: the connection is cut. Told once.</summary>
    internal void Fail(Exception error)
    {
        if (Interlocked.CompareExchange(ref failure, error, null) is not null && driver.IsBroken)
            return;
        Abort(error);
        log.ConnectionFailed(error);
    }

    private void ReleaseExtensions(Log log)
    {
        try
        {
            foreach (var failure in driver.ReleaseExtensions())
                log.ExtensionNotReleased(failure.Extension, failure.Error);
        }
        catch (Exception error)
        {
            log.ConnectionFailed(error);
        }
    }

    /// <summary>Runs the handler and closes the connection; gives what the handler threw for reasons of its own.</summary>
    private Exception? Handle(Action<ServerConnection> handler, Log log)
    {
        log.ConnectionOpened(RemoteEndPoint);
        Exception? failure = null;
        var code = Protocol.CloseCode.NormalClosure;
        try
        {
            new HandlerContext(log, driver).Run(handler, this);
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
        log.HandlerFailed(error);
        failure = error;
        return Protocol.CloseCode.InternalError;
    }

    private void TellEnd()
    {
        TellClosed();
        if (driver.Extensions.Failure is { } failure)
            log.ExtensionFailed(failure.Method, failure.Extension, failure.Error);
        var ending = driver.Ending;
        log.ConnectionClosed(ending);
        if (ending is not { IsOk: true } && Recording is { } recording)
            log.ConnectionRecorded(recording);
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

    /// <summary>True once it was cut because its closing took too long.</summary>
    internal bool WasOverdue => driver.Vitals.WasOverdue;

    /// <summary>The compression that was agreed on; null for none.</summary>
    internal DeflateExtension? Deflate => driver.Extensions.Deflate;

    /// <summary>Ends the connection without a word.</summary>
    internal void Abort(Exception reason)
    {
        abortReason = reason;
        driver.Break(reason);
    }

    /// <summary>What the watcher does for the connection, without waiting.</summary>
    /// <param name="now">The clock's time.</param>
    /// <param name="isTimed">False in a look between two others that are timed: deadlines needn't be looked at so often.</param>
    internal Attention Attend(long now, bool isTimed)
    {
        if (!isOpened)
        {
            if (now >= Volatile.Read(ref abortAt) && !driver.IsBroken)
                Abort(new TimeoutException("The opening handshake took too long."));
            return Attention.None;
        }

        if (isTimed)
        {
            CountMessages();
            driver.Vitals.Look(now);
        }
        // In a long turn of a loop, too, as long as that has no other thread.
        var isUnattended =
            (Seat is null or { IsAway: true } || Volatile.Read(ref ownThread) != 0)
            && driver.Receiver.IsUnattended();
        return (driver.Vitals.Flush() ? Attention.Soon : Attention.None)
            | (isUnattended ? Attention.ReadAhead : Attention.None);
    }

    /// <summary>See <see cref="Receiver.ReadAhead"/>.</summary>
    internal long ReadAhead(bool isReadable, out bool mayHaveMore)
    {
        var work = driver.Receiver.ReadAhead(isReadable, out mayHaveMore);
        if (work > 0 && Seat is { } seat)
            seat.Loop.Nudge(seat);
        return work;
    }

    private void RequireOpened()
    {
        if (!isOpened)
            throw new InvalidOperationException(
                "The connection is not open yet: its opening handshake is under way."
            );
    }
}
