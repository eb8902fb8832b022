using System.Text.Json.Serialization.Metadata;
using FunctionalWs.Protocol;

namespace FunctionalWs.Testing;

/// <summary>
/// A client of an <see cref="InMemoryServer"/>: the one of <c>FunctionalWs.Client</c>, none of whose calls waits for longer than its
/// timeout. It does nothing in the background: pings are answered and bytes are taken while one of its calls waits. For one
/// thread at a time; several clients may be used by several threads. Disposing it cuts the connection without a close frame.
/// </summary>
public sealed class TestClient : IDisposable
{
    // What has come is taken after the time is up, too, but a flood must not keep a call.
    private const int MaxLateSteps = 10_000;

    private readonly ClientConnection connection;
    private readonly PingCounter pings;
    private readonly ObservedTransport atServer;
    private readonly Medium medium;
    private readonly TimeSpan patience;

    internal TestClient(
        ClientConnection connection,
        PingCounter pings,
        ObservedTransport atServer,
        Medium medium,
        TimeSpan patience
    )
    {
        this.connection = connection;
        this.pings = pings;
        this.atServer = atServer;
        this.medium = medium;
        this.patience = patience;
    }

    /// <summary>The server's answer to the opening handshake, with status 101.</summary>
    public Response Response => connection.Response!;

    /// <summary>The subprotocol that the server chose; null when there is none (RFC 6455 §1.9).</summary>
    public string? Subprotocol => Response.Headers.Get("Sec-WebSocket-Protocol");

    /// <summary>
    /// What the server's close frame said; null as long as the client hasn't come across one, and when the connection ended
    /// without.
    /// </summary>
    public CloseStatus? CloseStatus => connection.Received;

    /// <summary>How many pings the client has come across: those of the keepalive, and those of the handler.</summary>
    public int PingCount => pings.Total;

    // ---- Sending

    /// <summary>Sends a text message.</summary>
    /// <param name="text">The text; may be empty.</param>
    /// <exception cref="ArgumentException">The text has a lone surrogate. Nothing was sent.</exception>
    /// <exception cref="ConcurrencyException">A message in fragments is being sent: between two of them.</exception>
    /// <exception cref="ConnectionClosedException">The connection is closing or closed.</exception>
    /// <exception cref="TimeoutException">The server didn't read in time; the connection is of no use any more.</exception>
    public void Send(string text) => Write(() => connection.Send(text));

    /// <summary>Sends a binary message.</summary>
    /// <param name="data">The bytes; may be empty.</param>
    /// <exception cref="ConcurrencyException">A message in fragments is being sent: between two of them.</exception>
    /// <exception cref="ConnectionClosedException">The connection is closing or closed.</exception>
    /// <exception cref="TimeoutException">The server didn't read in time; the connection is of no use any more.</exception>
    public void Send(ReadOnlySpan<byte> data) => Send(new Message(data.ToArray()));

    /// <summary>Sends a message as it is: text as text, bytes as bytes.</summary>
    /// <param name="message">The message.</param>
    /// <exception cref="ConcurrencyException">A message in fragments is being sent: between two of them.</exception>
    /// <exception cref="ConnectionClosedException">The connection is closing or closed.</exception>
    /// <exception cref="TimeoutException">The server didn't read in time; the connection is of no use any more.</exception>
    public void Send(Message message) => Write(() => connection.Send(message));

    /// <summary>Sends a value as a text message in JSON.</summary>
    /// <param name="value">The value; null is sent as <c>null</c>.</param>
    /// <param name="type">How it is written, its options too.</param>
    /// <exception cref="NotSupportedException">The type can't be written. Nothing was sent.</exception>
    /// <exception cref="System.Text.Json.JsonException">The value can't be, such as one in a cycle. Nothing was sent.</exception>
    /// <exception cref="ConcurrencyException">A message in fragments is being sent: between two of them.</exception>
    /// <exception cref="ConnectionClosedException">The connection is closing or closed.</exception>
    /// <exception cref="TimeoutException">The server didn't read in time; the connection is of no use any more.</exception>
    public void Send<T>(T value, JsonTypeInfo<T> type) => Write(() => connection.Send(value, type));

    /// <summary>Sends a text message in fragments: one for each part, and an empty last one (RFC 6455 §5.4).</summary>
    /// <param name="parts">
    /// The parts. What the client does between them comes between the fragments. What they throw is thrown on, and fails the connection.
    /// </param>
    /// <exception cref="ArgumentException">A part has a lone surrogate.</exception>
    /// <exception cref="ConcurrencyException">A message in fragments is being sent: between two of them.</exception>
    /// <exception cref="ConnectionClosedException">The connection is closing or closed.</exception>
    /// <exception cref="TimeoutException">The server didn't read in time; the connection is of no use any more.</exception>
    public void Send(IEnumerable<string> parts) => Write(() => connection.Send(WhileOpen(parts)));

    /// <summary>Sends a binary message in fragments: one for each part, and an empty last one (RFC 6455 §5.4).</summary>
    /// <param name="parts">As for a text.</param>
    /// <exception cref="ConcurrencyException">A message in fragments is being sent: between two of them.</exception>
    /// <exception cref="ConnectionClosedException">The connection is closing or closed.</exception>
    /// <exception cref="TimeoutException">The server didn't read in time; the connection is of no use any more.</exception>
    public void Send(IEnumerable<byte[]> parts) => Write(() => connection.Send(WhileOpen(parts)));

    /// <summary>Sends a ping and waits for its pong. Messages that come before it can be received afterwards.</summary>
    /// <param name="data">At most 125 bytes; none by default.</param>
    /// <exception cref="ArgumentException">There are more than 125 bytes.</exception>
    /// <exception cref="ConcurrencyException">A ping with the same bytes is not answered yet.</exception>
    /// <exception cref="ConnectionClosedException">The connection is closing, or ended before the pong.</exception>
    /// <exception cref="TimeoutException">No pong came in time.</exception>
    public void Ping(ReadOnlySpan<byte> data = default)
    {
        PendingPing? ping = null;
        var payload = data.ToArray();
        Write(() => ping = connection.Ping(payload));
        WaitUntil(() => ping!.IsAnswered || IsClosed, null, "a pong");
        if (!ping!.IsAnswered)
            throw connection.ClosedException();
    }

    // ---- Receiving

    /// <summary>Waits for the next message. Those that came before the connection closed can still be received after it.</summary>
    /// <param name="timeout">
    /// How long at most, in real time, zero to take only what is there, <see cref="Timeout.InfiniteTimeSpan"/> for as long as it
    /// takes; null, the default, for <see cref="TestClientOptions.Timeout"/>.
    /// </param>
    /// <exception cref="TimeoutException">No message came in time.</exception>
    /// <exception cref="ArgumentOutOfRangeException">The timeout is negative, and not infinite.</exception>
    /// <exception cref="ConnectionClosedException">The connection has closed, and no message is left.</exception>
    public Message Receive(TimeSpan? timeout = null)
    {
        Message? message = null;
        WaitUntil(
            () => (message = connection.TryReceive()) is not null || connection.IsReceivingOver,
            timeout,
            "a message"
        );
        return message ?? throw connection.ClosedException();
    }

    /// <summary>Waits for the next message and reads a value in JSON from it.</summary>
    /// <param name="type">How it is read, its options too.</param>
    /// <param name="timeout">How long at most, as for <see cref="Receive(TimeSpan?)"/>.</param>
    /// <returns>The value, never null.</returns>
    /// <exception cref="NotJsonException">The message is no JSON of that shape.</exception>
    /// <exception cref="TimeoutException">No message came in time.</exception>
    /// <exception cref="ArgumentOutOfRangeException">The timeout is negative, and not infinite.</exception>
    /// <exception cref="ConnectionClosedException">The connection has closed, and no message is left.</exception>
    public T Receive<T>(JsonTypeInfo<T> type, TimeSpan? timeout = null)
        where T : notnull
    {
        ArgumentNullException.ThrowIfNull(type);
        return Receive(timeout).Json(type);
    }

    /// <summary>Waits until the server has closed the connection or ended the stream; answers its close frame.</summary>
    /// <param name="timeout">
    /// How long at most, in real time, zero to take only what is there, <see cref="Timeout.InfiniteTimeSpan"/> for as long as it
    /// takes; null, the default, for <see cref="TestClientOptions.Timeout"/>.
    /// </param>
    /// <returns>What the server's close frame said; null when it ended the stream without one.</returns>
    /// <exception cref="TimeoutException">The server hasn't ended the stream in time.</exception>
    /// <exception cref="ArgumentOutOfRangeException">The timeout is negative, and not infinite.</exception>
    public CloseStatus? WaitClosed(TimeSpan? timeout = null)
    {
        WaitUntil(() => IsClosed, timeout, "the end of the connection");
        return CloseStatus;
    }

    /// <summary>
    /// Waits until the handler has taken everything that was sent and waits for more, in <c>Receive</c> or an iteration. After
    /// that the clock can be told to go on: the time of a <c>Receive</c> with a timeout counts from here.
    /// </summary>
    /// <exception cref="TimeoutException">The handler doesn't receive in time, or has returned.</exception>
    public void WaitUntilReceiving()
    {
        if (!medium.WaitUntil(() => atServer.IsWaiting, After(null)))
            throw new TimeoutException("The handler has not come to wait for a message in time.");
    }

    // ---- Closing

    /// <summary>
    /// Closes the connection: sends a close frame and waits until the server has answered it and ended the stream. Only waits
    /// when the closing has begun already. Messages that come meanwhile can be received afterwards.
    /// </summary>
    /// <param name="code">What the server is told; 1000, normal closure, by default.</param>
    /// <param name="reason">Text for people, at most 123 bytes of UTF-8; empty by default.</param>
    /// <returns>What the server's close frame said; null when it ended the stream without one.</returns>
    /// <exception cref="ArgumentException">The reason is too long or can't be encoded. Nothing was sent.</exception>
    /// <exception cref="TimeoutException">The server hasn't ended the stream in time.</exception>
    public CloseStatus? Close(CloseCode code = default, string reason = "")
    {
        connection.StartClose(Protocol.CloseStatus.Create(code, reason));
        return WaitClosed();
    }

    /// <summary>Cuts the connection without a close frame, as when a machine is switched off.</summary>
    public void Dispose()
    {
        connection.Abort(new ObjectDisposedException(nameof(TestClient)));
        connection.Dispose();
    }

    // ---- Waiting

    private bool IsClosed => connection.State is ConnectionState.Closed;

    private Deadline After(TimeSpan? timeout) =>
        Deadline.After(
            medium.Clock,
            timeout is null ? patience : WaitingTime.Checked(timeout, nameof(timeout))
        );

    /// <summary>Sending on a connection that isn't open any more would wait for a watcher.</summary>
    private void RequireOpen()
    {
        if (connection.State is not ConnectionState.Open)
            throw connection.ClosedException();
    }

    /// <summary>Between two fragments the test may have come across the end.</summary>
    private IEnumerable<T> WhileOpen<T>(IEnumerable<T> parts)
    {
        ArgumentNullException.ThrowIfNull(parts);
        foreach (var part in parts)
        {
            RequireOpen();
            yield return part;
        }
        RequireOpen();
    }

    private void Write(Action send)
    {
        RequireOpen();
        try
        {
            send();
        }
        catch (ConnectionClosedException error) when (error.InnerException is TimeoutException late)
        {
            throw new TimeoutException(late.Message, error);
        }
    }

    /// <summary>Does what the server's bytes ask for, until there is what a call waits for.</summary>
    private void WaitUntil(Func<bool> isThere, TimeSpan? timeout, string awaited)
    {
        var deadline = After(timeout);
        var lateSteps = 0;
        while (!isThere())
        {
            if (connection.Step(deadline) && (!deadline.HasPassed || ++lateSteps < MaxLateSteps))
                continue;
            throw new TimeoutException(Invariant($"The time was up while {awaited} was awaited."));
        }
    }
}

/// <summary>Counts the pings that a client comes across, and says whether they are answered.</summary>
internal sealed class PingCounter(bool answers)
{
    public int Total { get; private set; }

    public bool Count()
    {
        Total++;
        return answers;
    }
}
