using System.Collections.Concurrent;
using System.Net;
using System.Net.Sockets;
using FunctionalWs.Protocol;
using Microsoft.Extensions.Logging;
using Microsoft.FSharp.Core;

namespace FunctionalWs;

/// <summary>
/// One WebSocket connection, of a server or a client: every call does its work on the calling thread and returns when it is
/// done. All members may be called from any thread; two <c>Receive</c>s at once are refused, sends take turns.
/// </summary>
[StructuredFormatDisplay("{Description}")] // F#'s %A would show all that it has
public abstract partial class WebSocketConnection
{
    private readonly ConnectionOptions options;
    private readonly ConnectionMetrics metrics;
    private protected readonly Transport transport;
    private protected readonly Driver driver;
    private protected readonly Log log;
    private protected volatile bool isOpened;
    private protected int ownThread;
    private protected bool isGiven; // messages are given to something: nobody receives
    private volatile bool isEnded;
    private object? id; // made for whoever asks: random bytes cost a system call
    private ConcurrentDictionary<object, object?>? items;
    private ILogger? logger;

    private protected WebSocketConnection(
        Transport transport,
        ConnectionOptions options,
        ConnectionRules rules,
        BufferBudget? budget,
        Watcher watcher,
        Log log,
        ConnectionMetrics metrics
    )
    {
        this.transport = transport;
        this.options = options;
        this.log = log;
        this.metrics = metrics;
        driver = new Driver(
            transport,
            options,
            rules,
            budget,
            watcher,
            this,
            log,
            log.Frames(this),
            metrics
        );
    }

    /// <summary>A name for this connection, unlike that of every other.</summary>
    public Guid Id => (Guid)(Volatile.Read(ref id) ?? MakeId());

    /// <summary>This side's end; null where the stream has no address. Known after the connection has ended, too.</summary>
    public EndPoint? LocalEndPoint => transport.LocalEndPoint;

    /// <summary>
    /// The other side's end. Null where the stream has no address. Known after the connection has ended, too.
    /// </summary>
    public virtual EndPoint? RemoteEndPoint => transport.RemoteEndPoint;

    /// <summary>What was agreed on in the TLS handshake; null without TLS.</summary>
    public TlsSession? Tls => (transport as TlsTransport)?.Session;

    /// <summary>The client's request. There is one whenever a hook or a handler has the connection.</summary>
    /// <exception cref="InvalidOperationException">It has not arrived yet.</exception>
    public Request Request =>
        Asked ?? throw new InvalidOperationException("No request has arrived yet.");

    /// <summary>The server's response. There is one whenever a handler has the connection.</summary>
    /// <exception cref="InvalidOperationException">It is not decided yet.</exception>
    public Response Response =>
        Answered ?? throw new InvalidOperationException("The response is not decided yet.");

    /// <summary>The request; null until it has arrived.</summary>
    internal Request? Asked { get; private protected set; }

    private protected Response? Answered { get; set; }

    /// <summary>The subprotocol that both sides agreed on; null when there is none (RFC 6455 §1.9).</summary>
    public string? Subprotocol { get; private protected set; }

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
    /// until it is known how the connection ends (RFC 6455 §7.1.5).
    /// </summary>
    public int? CloseCode =>
        driver.Ending?.CloseCode ?? (State is ConnectionState.Closed ? 1006 : null);

    /// <summary>
    /// The reason in the peer's close frame, empty when there was none. Null until it is known how the connection
    /// ends (RFC 6455 §7.1.6).
    /// </summary>
    public string? CloseReason =>
        driver.Ending?.CloseReason ?? (State is ConnectionState.Closed ? "" : null);

    /// <summary>What the peer's close frame said; null until one came.</summary>
    public CloseStatus? Received => driver.Ending?.Received;

    /// <summary>What this side's close frame said; null until one was sent.</summary>
    public CloseStatus? Sent =>
        driver.State is Protocol.State.CloseSent closing ? closing.Sent : driver.Ending?.Sent;

    /// <summary>
    /// The last steps of the connection so far, or of all of it once it has ended; null unless
    /// <see cref="ConnectionOptions.FlightRecorder"/> is set, and until the opening handshake is decided. What is given doesn't change
    /// any more.
    /// </summary>
    public Recording? Recording => driver.Recording;

    /// <summary>
    /// What the application wants to keep with the connection. Empty at first. May be used from any thread.
    /// </summary>
    public IDictionary<object, object?> Items => LazyInitializer.EnsureInitialized(ref items);

    /// <summary>
    /// For the application's own records about the connection, of the category <c>FunctionalWs.Connection</c>: they have its id and the
    /// client's address in their scope, whichever thread writes them. What a logger throws ends there.
    /// </summary>
    public ILogger Logger =>
        LazyInitializer.EnsureInitialized(
            ref logger,
            () =>
                new ConnectionLogger(
                    new GuardedLogger(
                        options.LoggerFactory.CreateLogger("FunctionalWs.Connection")
                    ),
                    this
                )
        );

    // ---- Closing

    /// <summary>
    /// Closes the connection: sends a close frame and waits for the peer's, for <see cref="ConnectionOptions.CloseTimeout"/> at
    /// most. A thread that waits in <c>Receive</c> is told. Does nothing but wait when the closing has begun already.
    /// </summary>
    /// <param name="code">What the peer is told; 1000, normal closure, by default.</param>
    /// <param name="reason">Text for people, at most 123 bytes of UTF-8; empty by default.</param>
    /// <exception cref="ArgumentException">The reason is too long or can't be encoded. The connection stays open.</exception>
    public void Close(CloseCode code = default, string reason = "")
    {
        RequireOpened();
        driver.StartClose(CloseStatus.Create(code, reason));
        if (MayReadToTheEnd && Receiving is null)
            driver.Receiver.ReadUntilClosed();
        else
            driver.WaitClosed(null);
    }

    /// <summary>Closes the connection with a code of one's own, such as <c>Close(4009, "too slow")</c>; the other overload tells more.</summary>
    /// <param name="code">One of 1000–1003, 1007–1014 and 3000–4999 (RFC 6455 §7.4).</param>
    /// <param name="reason">Text for people, at most 123 bytes of UTF-8; empty by default.</param>
    /// <exception cref="ArgumentOutOfRangeException">The code is none that may be sent. The connection stays open.</exception>
    /// <exception cref="ArgumentException">The reason is too long or can't be encoded. The connection stays open.</exception>
    public void Close(int code, string reason = "") =>
        Close(Protocol.CloseCode.Create(code), reason);

    /// <summary>
    /// Begins to close the connection, and doesn't wait: sends a close frame as far as the peer takes it now. The peer has
    /// <see cref="ConnectionOptions.CloseTimeout"/> to answer. A thread that waits in <c>Receive</c> is told. Does nothing when the
    /// closing has begun already. In the middle of a message that is sent in fragments the peer is told 1011 instead: it can't be completed.
    /// </summary>
    /// <param name="code">What the peer is told; 1000, normal closure, by default.</param>
    /// <param name="reason">Text for people, at most 123 bytes of UTF-8; empty by default.</param>
    /// <exception cref="ArgumentException">The reason is too long or can't be encoded. The connection stays open.</exception>
    public void BeginClose(CloseCode code = default, string reason = "")
    {
        RequireOpened();
        driver.StartClose(CloseStatus.Create(code, reason));
    }

    /// <summary>Begins to close the connection with a code of one's own, and doesn't wait; the other overload tells more.</summary>
    /// <param name="code">One of 1000–1003, 1007–1014 and 3000–4999 (RFC 6455 §7.4).</param>
    /// <param name="reason">Text for people, at most 123 bytes of UTF-8; empty by default.</param>
    /// <exception cref="ArgumentOutOfRangeException">The code is none that may be sent. The connection stays open.</exception>
    /// <exception cref="ArgumentException">The reason is too long or can't be encoded. The connection stays open.</exception>
    public void BeginClose(int code, string reason = "") =>
        BeginClose(Protocol.CloseCode.Create(code), reason);

    /// <summary>
    /// Ends the connection at once, without a close frame, and doesn't wait: whoever waits on it is freed, and the peer sees an end that
    /// is abnormal (1006). Messages that have come can still be received. Does nothing when the connection has ended.
    /// </summary>
    public void Abort()
    {
        RequireOpened();
        if (!driver.IsClosed)
            driver.Break(new IOException("The application aborted the connection."));
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
    /// <param name="cancellation">Ends the waiting.</param>
    /// <returns>True when it has closed; false when the time was up first.</returns>
    /// <exception cref="ArgumentOutOfRangeException">The timeout is negative, and not infinite.</exception>
    /// <exception cref="OperationCanceledException">It was cancelled before that.</exception>
    public bool WaitClosed(TimeSpan? timeout = null, CancellationToken cancellation = default)
    {
        timeout = WaitingTime.Checked(timeout, nameof(timeout));
        RequireOpened();
        return driver.WaitClosed(timeout, cancellation);
    }

    /// <summary>Id, the client's address and the state, for logs. What the client chose of it is escaped.</summary>
    public override string ToString() =>
        PeerText.Escape(Invariant($"{Id} {RemoteEndPoint} {State}"));

    private protected string Description => ToString();

    private object MakeId()
    {
        object made = Guid.NewGuid();
        return Interlocked.CompareExchange(ref id, made, null) ?? made;
    }

    /// <summary>True on a thread that may read until the connection has closed: nobody else will.</summary>
    private protected virtual bool MayReadToTheEnd => IsOwnThread;

    private protected void RequireOpened()
    {
        if (!isOpened)
            throw new InvalidOperationException(
                "The connection is not open yet: its opening handshake is under way."
            );
    }
}
