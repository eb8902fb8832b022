using System.Buffers;
using System.Collections;
using System.Net;
using System.Net.Sockets;
using FunctionalWs.Protocol;

namespace FunctionalWs;

/// <summary>
/// One WebSocket connection, as its handler uses it: every call does its work on the calling thread and returns when it is
/// done. All members may be called from any thread; two <c>Receive</c>s at once are refused, sends take turns.
/// </summary>
public sealed class ServerConnection : IEnumerable<Message>
{
    // Texts up to this size in UTF-8 are encoded on the stack.
    private const int StackTextSize = 1024;

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

    /// <summary>The client's end; null where the stream has no address. Known after the connection has ended, too.</summary>
    public EndPoint? RemoteEndPoint => transport.RemoteEndPoint;

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

    internal Socket? Socket => (transport as SocketTransport)?.Socket;

    /// <summary>Where the watcher keeps this connection; its own.</summary>
    internal int WatcherIndex { get; set; }

    // ---- Receiving

    /// <summary>
    /// Waits for the next message. Messages that came before the connection closed can still be received after it.
    /// </summary>
    /// <param name="timeout">
    /// How long at most; zero or less to take only what is there. Null, the default, waits for as long as the connection
    /// lives. After a timeout nothing is lost: the next call goes on where this one stopped.
    /// </param>
    /// <returns>A complete message.</returns>
    /// <exception cref="TimeoutException">No complete message came in time.</exception>
    /// <exception cref="ConnectionClosedOkException">The connection closed normally, and no message is left.</exception>
    /// <exception cref="ConnectionClosedErrorException">The connection ended abnormally, and no message is left.</exception>
    /// <exception cref="ConcurrencyException">Another thread is receiving.</exception>
    public Message Receive(TimeSpan? timeout = null)
    {
        RequireOpened();
        if (Interlocked.Exchange(ref isReceiving, 1) != 0)
            throw new ConcurrencyException(
                "Receive was called while another thread is in Receive."
            );
        try
        {
            if (driver.TryReceive(Deadline.After(options.TimeProvider, timeout), out var message))
                return message;
            throw new TimeoutException($"No message was received within {timeout}.");
        }
        finally
        {
            Volatile.Write(ref isReceiving, 0);
        }
    }

    /// <summary>Receives one message after another; ends when the connection closes normally.</summary>
    /// <exception cref="ConnectionClosedErrorException">The connection ended abnormally.</exception>
    /// <exception cref="ConcurrencyException">Another thread is receiving.</exception>
    public IEnumerator<Message> GetEnumerator()
    {
        while (true)
        {
            Message message;
            try
            {
                message = Receive();
            }
            catch (ConnectionClosedOkException)
            {
                yield break;
            }
            yield return message;
        }
    }

    IEnumerator IEnumerable.GetEnumerator() => GetEnumerator();

    // ---- Sending

    /// <summary>Sends a text message; waits while the peer does not read.</summary>
    /// <param name="text">The text; may be empty.</param>
    /// <exception cref="ArgumentException">The text has a lone surrogate. Nothing was sent.</exception>
    /// <exception cref="ConnectionClosedException">The connection is closing or closed.</exception>
    public void Send(string text)
    {
        ArgumentNullException.ThrowIfNull(text);
        RequireOpened();
        var maxLength = Utf8Text.MaxLength(text);
        if (maxLength <= StackTextSize)
        {
            Span<byte> utf8 = stackalloc byte[StackTextSize];
            driver.Send(MessageKind.Text, utf8[..Utf8Text.Encode(text, utf8)]);
            return;
        }

        var rented = ArrayPool<byte>.Shared.Rent(maxLength);
        try
        {
            driver.Send(MessageKind.Text, rented.AsSpan(0, Utf8Text.Encode(text, rented)));
        }
        finally
        {
            ArrayPool<byte>.Shared.Return(rented);
        }
    }

    /// <summary>Sends a binary message; waits while the peer does not read.</summary>
    /// <param name="data">The bytes; may be empty.</param>
    /// <exception cref="ConnectionClosedException">The connection is closing or closed.</exception>
    public void Send(ReadOnlySpan<byte> data)
    {
        RequireOpened();
        driver.Send(MessageKind.Binary, data);
    }

    /// <summary>Sends a binary message; waits while the peer does not read.</summary>
    /// <param name="data">The bytes; may be empty.</param>
    /// <exception cref="ConnectionClosedException">The connection is closing or closed.</exception>
    public void Send(byte[] data)
    {
        ArgumentNullException.ThrowIfNull(data);
        Send(data.AsSpan());
    }

    /// <summary>Sends a message as it is: text as text, bytes as bytes; waits while the peer does not read.</summary>
    /// <param name="message">The message. Text is sent as the bytes it is made of, which are not validated.</param>
    /// <exception cref="ConnectionClosedException">The connection is closing or closed.</exception>
    public void Send(Message message)
    {
        RequireOpened();
        driver.Send(message.Kind, message.Data.Span);
    }

    /// <summary>
    /// Sends what <see cref="ServerOptions.CoalesceOutput"/> holds back; waits while the peer does not read. Needed only by a
    /// handler that wants its answers out before it goes on computing.
    /// </summary>
    public void Flush()
    {
        RequireOpened();
        driver.FlushOutput();
    }

    /// <summary>Sends a ping (RFC 6455 §5.5.2).</summary>
    /// <param name="data">At most 125 bytes, unlike those of the pings that are not answered yet.</param>
    /// <returns>What to wait on for the pong.</returns>
    /// <exception cref="ArgumentException">There are more than 125 bytes.</exception>
    /// <exception cref="ConcurrencyException">A ping with the same bytes is not answered yet.</exception>
    /// <exception cref="ConnectionClosedException">The connection is closing or closed.</exception>
    public PendingPing Ping(ReadOnlySpan<byte> data)
    {
        RequireOpened();
        var payload = ControlPayload.Create(data);
        var ping = driver.Pings.Add(payload);
        try
        {
            driver.SendControl(Command.NewPing(payload));
            return ping;
        }
        catch (IOException)
        {
            driver.Pings.Remove(ping);
            throw;
        }
    }

    /// <summary>Sends a ping with a payload of its own making (RFC 6455 §5.5.2).</summary>
    /// <returns>What to wait on for the pong.</returns>
    /// <exception cref="ConnectionClosedException">The connection is closing or closed.</exception>
    public PendingPing Ping()
    {
        Span<byte> payload = stackalloc byte[8];
        Random.Shared.NextBytes(payload);
        return Ping(payload);
    }

    /// <summary>Sends a pong that nobody asked for: a sign of life (RFC 6455 §5.5.3). Pings are answered without it.</summary>
    /// <param name="data">At most 125 bytes; none by default.</param>
    /// <exception cref="ArgumentException">There are more than 125 bytes.</exception>
    /// <exception cref="ConnectionClosedException">The connection is closing or closed.</exception>
    public void Pong(ReadOnlySpan<byte> data = default)
    {
        RequireOpened();
        driver.SendControl(Command.NewPong(ControlPayload.Create(data)));
    }

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
            if (Open(opening))
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
