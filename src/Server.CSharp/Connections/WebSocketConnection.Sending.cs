using System.Buffers;
using FunctionalWs.Protocol;

namespace FunctionalWs;

public abstract partial class WebSocketConnection
{
    // Texts up to this size in UTF-8 are encoded on the stack.
    private const int StackTextSize = 1024;

    private const int StreamPartSize = 16 * 1024;

    /// <summary>Sends a text message; waits while the peer does not read.</summary>
    /// <param name="text">The text; may be empty.</param>
    /// <exception cref="ArgumentException">The text has a lone surrogate. Nothing was sent.</exception>
    /// <include file="Send.xml" path="send/all/* | send/message/*"/>
    public void Send(string text, bool? compress = null) => Send(text, MessageKind.Text, compress);

    /// <summary>Sends a text in UTF-8, as a text or a binary message; waits while the peer does not read.</summary>
    /// <param name="text">The text; may be empty.</param>
    /// <exception cref="ArgumentException">The text has a lone surrogate. Nothing was sent.</exception>
    /// <include file="Send.xml" path="send/kind/* | send/all/* | send/message/*"/>
    public void Send(string text, MessageKind kind, bool? compress = null)
    {
        ArgumentNullException.ThrowIfNull(text);
        RequireOpened();
        var maxLength = Utf8Text.MaxLength(text);
        if (maxLength <= StackTextSize)
        {
            Span<byte> utf8 = stackalloc byte[StackTextSize];
            driver.Sender.Send(kind, utf8[..Utf8Text.Encode(text, utf8)], compress);
            return;
        }

        var rented = ThreadBuffers.Pool.Rent(maxLength);
        try
        {
            driver.Sender.Send(kind, rented.AsSpan(0, Utf8Text.Encode(text, rented)), compress);
        }
        finally
        {
            ThreadBuffers.Pool.Return(rented);
        }
    }

    /// <summary>Sends a binary message; waits while the peer does not read.</summary>
    /// <param name="data">The bytes; may be empty.</param>
    /// <include file="Send.xml" path="send/all/* | send/message/*"/>
    public void Send(ReadOnlySpan<byte> data, bool? compress = null) =>
        Send(data, MessageKind.Binary, compress);

    /// <summary>Sends bytes as a text or a binary message; waits while the peer does not read.</summary>
    /// <param name="data">The bytes; may be empty. As text they have to be UTF-8.</param>
    /// <exception cref="ArgumentException">It is to be text and is not UTF-8. Nothing was sent.</exception>
    /// <include file="Send.xml" path="send/kind/* | send/all/* | send/message/*"/>
    public void Send(ReadOnlySpan<byte> data, MessageKind kind, bool? compress = null)
    {
        RequireOpened();
        if (kind.IsText)
            Utf8Text.Require(data, nameof(data));
        driver.Sender.Send(kind, data, compress);
    }

    /// <summary>Sends a binary message; waits while the peer does not read.</summary>
    /// <param name="data">The bytes; may be empty.</param>
    /// <include file="Send.xml" path="send/all/* | send/message/*"/>
    public void Send(ReadOnlyMemory<byte> data, bool? compress = null) => Send(data.Span, compress);

    /// <summary>Sends bytes as a text or a binary message; waits while the peer does not read.</summary>
    /// <param name="data">The bytes; may be empty. As text they have to be UTF-8.</param>
    /// <exception cref="ArgumentException">It is to be text and is not UTF-8. Nothing was sent.</exception>
    /// <include file="Send.xml" path="send/kind/* | send/all/* | send/message/*"/>
    public void Send(ReadOnlyMemory<byte> data, MessageKind kind, bool? compress = null) =>
        Send(data.Span, kind, compress);

    /// <summary>Sends one message that is written into memory which is kept for that; waits while the peer does not read.</summary>
    /// <param name="write">Called once, on this thread; what it throws is thrown on, and nothing was sent.</param>
    /// <param name="kind">What the peer is told that it is. A text has to be UTF-8.</param>
    /// <exception cref="ArgumentException">It is to be text and is not UTF-8. Nothing was sent.</exception>
    /// <include file="Send.xml" path="send/kind/exception | send/all/* | send/message/*"/>
    public void Send(Action<IBufferWriter<byte>> write, MessageKind kind, bool? compress = null)
    {
        ArgumentNullException.ThrowIfNull(write);
        _ = kind.IsText; // refused before anything is written
        RequireOpened();
        var buffer = new PooledBuffer();
        try
        {
            write(buffer);
            Send(buffer.Written, kind, compress);
        }
        finally
        {
            buffer.Release();
        }
    }

    /// <summary>Sends a binary message; waits while the peer does not read.</summary>
    /// <param name="data">The bytes; may be empty.</param>
    /// <include file="Send.xml" path="send/all/* | send/message/*"/>
    public void Send(byte[] data, bool? compress = null)
    {
        ArgumentNullException.ThrowIfNull(data);
        Send(data.AsSpan(), compress);
    }

    /// <summary>Sends bytes as a text or a binary message; waits while the peer does not read.</summary>
    /// <param name="data">The bytes; may be empty. As text they have to be UTF-8.</param>
    /// <exception cref="ArgumentException">It is to be text and is not UTF-8. Nothing was sent.</exception>
    /// <include file="Send.xml" path="send/kind/* | send/all/* | send/message/*"/>
    public void Send(byte[] data, MessageKind kind, bool? compress = null)
    {
        ArgumentNullException.ThrowIfNull(data);
        Send(data.AsSpan(), kind, compress);
    }

    /// <summary>
    /// Sends a message as it is, text as text and bytes as bytes; waits while the peer does not read. Nothing is decoded.
    /// </summary>
    /// <param name="message">The message.</param>
    /// <include file="Send.xml" path="send/all/* | send/message/*"/>
    public void Send(Message message, bool? compress = null)
    {
        RequireOpened();
        driver.Sender.Send(message.Kind, message.Data.Span, compress);
    }

    /// <summary>Sends a lent message as it is, text as text and bytes as bytes; waits while the peer does not read.</summary>
    /// <param name="message">The message.</param>
    /// <include file="Send.xml" path="send/all/* | send/message/*"/>
    public void Send(LentMessage message, bool? compress = null)
    {
        RequireOpened();
        driver.Sender.Send(message.Kind, message.Data, compress);
    }

    /// <summary>
    /// Sends bytes that lie in several pieces, such as a borrowed payload; waits while the peer does not read.
    /// </summary>
    /// <param name="data">The bytes; may be empty. As text they have to be UTF-8.</param>
    /// <exception cref="ArgumentException">It is to be text and is not UTF-8. Nothing was sent.</exception>
    /// <include file="Send.xml" path="send/kind/* | send/all/* | send/message/*"/>
    public void Send(ReadOnlySequence<byte> data, MessageKind kind, bool? compress = null)
    {
        if (data.IsSingleSegment)
        {
            Send(data.FirstSpan, kind, compress);
            return;
        }

        var length = checked((int)data.Length);
        var rented = ThreadBuffers.Pool.Rent(length);
        try
        {
            data.CopyTo(rented);
            Send(rented.AsSpan(0, length), kind, compress);
        }
        finally
        {
            ThreadBuffers.Pool.Return(rented);
        }
    }

    /// <summary>
    /// Sends a text message in fragments: a frame for each part as it comes, then an empty one that ends the message
    /// (RFC 6455 §5.4). Meanwhile pings and pongs can be sent, other messages can't. Without parts nothing is sent.
    /// </summary>
    /// <param name="parts">The parts of one text: a character may lie in two of them. What they throw is thrown on.</param>
    /// <exception cref="ArgumentException">The text has a lone surrogate.</exception>
    /// <include file="Send.xml" path="send/all/* | send/fragments/*"/>
    /// <remarks>
    /// An exception before the first part leaves the connection as it was. After it the message can't be completed, and the
    /// connection is failed with 1011.
    /// </remarks>
    public void Send(IEnumerable<string> parts, bool? compress = null) =>
        Send(parts, MessageKind.Text, compress);

    /// <summary>Sends a text or binary message in fragments of UTF-8, as <see cref="Send(IEnumerable{string}, bool?)"/> does.</summary>
    /// <param name="parts">The parts of one text: a character may lie in two of them. What they throw is thrown on.</param>
    /// <exception cref="ArgumentException">The text has a lone surrogate.</exception>
    /// <include file="Send.xml" path="send/kind/* | send/all/* | send/fragments/*"/>
    public void Send(IEnumerable<string> parts, MessageKind kind, bool? compress = null)
    {
        ArgumentNullException.ThrowIfNull(parts);
        RequireOpened();
        driver.Sender.SendFragments(kind, Utf8Text.EncodeParts(parts), compress);
    }

    /// <summary>Sends a binary message in fragments, as <see cref="Send(IEnumerable{string}, bool?)"/> does a text.</summary>
    /// <param name="parts">The parts. What they throw is thrown on.</param>
    /// <include file="Send.xml" path="send/all/* | send/fragments/*"/>
    public void Send(IEnumerable<ReadOnlyMemory<byte>> parts, bool? compress = null) =>
        Send(parts, MessageKind.Binary, compress);

    /// <summary>
    /// Sends a text or binary message in fragments of bytes, as <see cref="Send(IEnumerable{string}, bool?)"/> does. The bytes of
    /// a text are not validated, since a character may lie in two parts.
    /// </summary>
    /// <param name="parts">The parts. What they throw is thrown on.</param>
    /// <include file="Send.xml" path="send/kind/* | send/all/* | send/fragments/*"/>
    public void Send(
        IEnumerable<ReadOnlyMemory<byte>> parts,
        MessageKind kind,
        bool? compress = null
    )
    {
        ArgumentNullException.ThrowIfNull(parts);
        RequireOpened();
        driver.Sender.SendFragments(kind, parts, compress);
    }

    /// <summary>Sends a binary message in fragments, as <see cref="Send(IEnumerable{string}, bool?)"/> does a text.</summary>
    /// <param name="parts">The parts. What they throw is thrown on.</param>
    /// <include file="Send.xml" path="send/all/* | send/fragments/*"/>
    public void Send(IEnumerable<byte[]> parts, bool? compress = null)
    {
        ArgumentNullException.ThrowIfNull(parts);
        Send(parts.Select(part => new ReadOnlyMemory<byte>(part)), compress);
    }

    /// <summary>
    /// Sends what a stream has left as one message, in fragments of 16 KiB, as <see cref="Send(IEnumerable{string}, bool?)"/> does: a
    /// large one is never in memory as a whole. An empty stream is an empty message. The bytes of a text are not validated.
    /// </summary>
    /// <param name="data">Read to its end, not disposed of. What it throws is thrown on.</param>
    /// <include file="Send.xml" path="send/kind/* | send/all/* | send/fragments/*"/>
    public void Send(Stream data, MessageKind kind, bool? compress = null)
    {
        ArgumentNullException.ThrowIfNull(data);
        RequireOpened();
        var rented = ThreadBuffers.Pool.Rent(StreamPartSize);
        try
        {
            driver.Sender.SendFragments(kind, Parts(data, rented), compress);
        }
        finally
        {
            ThreadBuffers.Pool.Return(rented);
        }
    }

    private static IEnumerable<ReadOnlyMemory<byte>> Parts(Stream data, byte[] buffer)
    {
        var size = data.ReadAtLeast(buffer, StreamPartSize, throwOnEndOfStream: false);
        do
        {
            yield return buffer.AsMemory(0, size);
            size = data.ReadAtLeast(buffer, StreamPartSize, throwOnEndOfStream: false);
        } while (size > 0);
    }

    /// <summary>
    /// Sends what <see cref="ConnectionOptions.CoalesceOutput"/> holds back; waits while the peer does not read. Needed only by a
    /// handler that wants its answers out before it goes on computing.
    /// </summary>
    public void Flush()
    {
        RequireOpened();
        driver.Sender.Flush();
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
            driver.Sender.SendControl(Command.NewPing(payload));
            return ping;
        }
        catch
        {
            driver.Pings.Remove(ping); // it was not sent
            throw;
        }
    }

    /// <summary>Sends a ping with a payload of its own making (RFC 6455 §5.5.2).</summary>
    /// <returns>What to wait on for the pong.</returns>
    /// <exception cref="ConnectionClosedException">The connection is closing or closed.</exception>
    public PendingPing Ping()
    {
        Span<byte> payload = stackalloc byte[8];
        options.Scheduler.Fill(payload);
        return Ping(payload);
    }

    /// <summary>Sends a pong that nobody asked for: a sign of life (RFC 6455 §5.5.3). Pings are answered without it.</summary>
    /// <param name="data">At most 125 bytes; none by default.</param>
    /// <exception cref="ArgumentException">There are more than 125 bytes.</exception>
    /// <exception cref="ConnectionClosedException">The connection is closing or closed.</exception>
    public void Pong(ReadOnlySpan<byte> data = default)
    {
        RequireOpened();
        driver.Sender.SendControl(Command.NewPong(ControlPayload.Create(data)));
    }
}
