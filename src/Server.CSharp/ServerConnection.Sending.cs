using System.Buffers;
using FunctionalWs.Protocol;

namespace FunctionalWs;

public sealed partial class ServerConnection
{
    // Texts up to this size in UTF-8 are encoded on the stack.
    private const int StackTextSize = 1024;

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
}
