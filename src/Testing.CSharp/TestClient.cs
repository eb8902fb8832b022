using System.Text;
using FunctionalWs.Protocol;

namespace FunctionalWs.Testing;

/// <summary>
/// A client of an <see cref="InMemoryServer"/> that blocks, and never for longer than its timeout. It does nothing in the
/// background: pings are answered and bytes are taken while one of its calls waits. For one thread at a time; several
/// clients may be used by several threads. Disposing it cuts the connection without a close frame.
/// </summary>
public sealed class TestClient : IDisposable
{
    private readonly ClientLink link;
    private readonly ObservedTransport atServer;
    private readonly ClientProtocol protocol;

    internal TestClient(
        ClientLink link,
        ObservedTransport atServer,
        Response response,
        ClientProtocol protocol
    )
    {
        this.link = link;
        this.atServer = atServer;
        this.protocol = protocol;
        Response = response;
    }

    /// <summary>The server's answer to the opening handshake, with status 101.</summary>
    public Response Response { get; }

    /// <summary>The subprotocol that the server chose; null when there is none (RFC 6455 §1.9).</summary>
    public string? Subprotocol => Response.Headers.Get("Sec-WebSocket-Protocol");

    /// <summary>
    /// What the server's close frame said; null as long as the client hasn't come across one, and when the connection ended
    /// without.
    /// </summary>
    public CloseStatus? CloseStatus => protocol.CloseStatus;

    /// <summary>How many pings the client has come across: those of the keepalive, and those of the handler.</summary>
    public int PingCount => protocol.Pings;

    // ---- Sending

    /// <summary>Sends a text message.</summary>
    /// <param name="text">The text; may be empty.</param>
    /// <exception cref="ArgumentException">The text has a lone surrogate. Nothing was sent.</exception>
    /// <exception cref="IOException">The connection is closing or closed.</exception>
    /// <exception cref="TimeoutException">The server didn't read in time; the connection is of no use any more.</exception>
    public void Send(string text) =>
        protocol.Send(Command.NewMessage(MessageKind.Text), Utf8Text.Encode(text));

    /// <summary>Sends a binary message.</summary>
    /// <param name="data">The bytes; may be empty.</param>
    /// <exception cref="IOException">The connection is closing or closed.</exception>
    /// <exception cref="TimeoutException">The server didn't read in time; the connection is of no use any more.</exception>
    public void Send(ReadOnlySpan<byte> data) =>
        protocol.Send(Command.NewMessage(MessageKind.Binary), data);

    /// <summary>Sends a message as it is: text as text, bytes as bytes.</summary>
    /// <param name="message">The message.</param>
    /// <exception cref="IOException">The connection is closing or closed.</exception>
    /// <exception cref="TimeoutException">The server didn't read in time; the connection is of no use any more.</exception>
    public void Send(Message message) =>
        protocol.Send(Command.NewMessage(message.Kind), message.Data.Span);

    /// <summary>Sends a text message in fragments: one for each part, and an empty last one (RFC 6455 §5.4).</summary>
    /// <param name="parts">The parts. What the client does between them comes between the fragments.</param>
    /// <exception cref="ArgumentException">A part has a lone surrogate.</exception>
    /// <exception cref="IOException">The connection is closing or closed.</exception>
    /// <exception cref="TimeoutException">The server didn't read in time; the connection is of no use any more.</exception>
    public void Send(IEnumerable<string> parts)
    {
        ArgumentNullException.ThrowIfNull(parts);
        SendFragments(MessageKind.Text, parts.Select(Utf8Text.Encode));
    }

    /// <summary>Sends a binary message in fragments: one for each part, and an empty last one (RFC 6455 §5.4).</summary>
    /// <param name="parts">The parts. What the client does between them comes between the fragments.</param>
    /// <exception cref="IOException">The connection is closing or closed.</exception>
    /// <exception cref="TimeoutException">The server didn't read in time; the connection is of no use any more.</exception>
    public void Send(IEnumerable<byte[]> parts)
    {
        ArgumentNullException.ThrowIfNull(parts);
        SendFragments(MessageKind.Binary, parts);
    }

    /// <summary>Sends a ping and waits for its pong. Messages that come before it can be received afterwards.</summary>
    /// <param name="data">At most 125 bytes; none by default.</param>
    /// <exception cref="ArgumentException">There are more than 125 bytes.</exception>
    /// <exception cref="IOException">The connection is closing, or ended before the pong.</exception>
    /// <exception cref="TimeoutException">No pong came in time.</exception>
    public void Ping(ReadOnlySpan<byte> data = default)
    {
        var payload = ControlPayload.Create(data);
        protocol.Send(Command.NewPing(payload));
        var deadline = link.Deadline(null);
        while (!protocol.TryTakePong(payload))
        {
            if (protocol.IsClosed)
                throw new IOException(Invariant($"No pong came: {protocol.Ending}."));
            protocol.Step(deadline, "a pong");
        }
    }

    // ---- Receiving

    /// <summary>Waits for the next message. Those that came before the connection closed can still be received after it.</summary>
    /// <param name="timeout">
    /// How long at most, in real time, zero to take only what is there, <see cref="Timeout.InfiniteTimeSpan"/> for as long as it
    /// takes; null, the default, for <see cref="TestClientOptions.Timeout"/>.
    /// </param>
    /// <exception cref="TimeoutException">No message came in time.</exception>
    /// <exception cref="ArgumentOutOfRangeException">The timeout is negative, and not infinite.</exception>
    /// <exception cref="IOException">The connection has closed, and no message is left.</exception>
    public Message Receive(TimeSpan? timeout = null)
    {
        var deadline = link.Deadline(timeout);
        Message message;
        while (!protocol.TryTakeMessage(out message))
        {
            if (protocol.IsClosed || protocol.CloseStatus is not null)
                throw new IOException(Invariant($"No message is left: {protocol.Ending}."));
            protocol.Step(deadline, "a message");
        }
        return message;
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
        var deadline = link.Deadline(timeout);
        while (!protocol.IsClosed)
            protocol.Step(deadline, "the end of the connection");
        return protocol.CloseStatus;
    }

    /// <summary>
    /// Waits until the handler has taken everything that was sent and waits for more, in <c>Receive</c> or an iteration. After
    /// that the clock can be told to go on: the time of a <c>Receive</c> with a timeout counts from here.
    /// </summary>
    /// <exception cref="TimeoutException">The handler doesn't receive in time, or has returned.</exception>
    public void WaitUntilReceiving()
    {
        var deadline = link.Deadline(null);
        if (!link.WaitUntil(() => atServer.IsWaiting, deadline))
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
        var status = Protocol.CloseStatus.Create(code, reason);
        if (protocol.IsOpen)
            protocol.Send(Command.NewClose(status));
        return WaitClosed();
    }

    /// <summary>Cuts the connection without a close frame, as when a machine is switched off.</summary>
    public void Dispose() => link.Dispose();

    private void SendFragments(MessageKind kind, IEnumerable<byte[]> parts)
    {
        var isFirst = true;
        foreach (var part in parts)
        {
            protocol.Send(
                isFirst ? Command.NewFirstFragment(kind) : Command.NewNextFragment(false),
                part
            );
            isFirst = false;
        }
        protocol.Send(isFirst ? Command.NewMessage(kind) : Command.NewNextFragment(true));
    }
}
