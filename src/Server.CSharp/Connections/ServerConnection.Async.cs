using System.Buffers;
using System.ComponentModel;
using FunctionalWs.Protocol;

namespace FunctionalWs;

/// <content>For a handler that is a task: see <see cref="MessageHandler.Converse"/>.</content>
public partial class ServerConnection
{
    private readonly SemaphoreSlim sendingGate = new(1, 1);

    /// <summary>Waits for the next message without a thread. Messages that came before the connection closed are still given after it.</summary>
    /// <param name="cancellation">Ends the waiting. No message is lost, and the connection stays as it is.</param>
    /// <exception cref="InvalidOperationException">The handler is none of <see cref="MessageHandler.Converse"/>.</exception>
    /// <exception cref="ConcurrencyException">Another call of it waits.</exception>
    /// <exception cref="ConnectionClosedException">The connection ended, and no message is left.</exception>
    /// <exception cref="OperationCanceledException">It was cancelled.</exception>
    public ValueTask<Message> ReceiveAsync(CancellationToken cancellation = default) =>
        calls is Conversation conversation
            ? conversation.Receive(this, cancellation)
            : throw new InvalidOperationException(
                "ReceiveAsync is for a handler of MessageHandler.Converse. Elsewhere Receive waits, or messages are given to the handler."
            );

    /// <summary>
    /// The messages as they come, for LINQ; <c>await foreach</c> takes the connection itself. They end when the connection is closed
    /// normally, by 1000 or 1001, and throw <see cref="ConnectionClosedErrorException"/> on another end.
    /// </summary>
    /// <param name="cancellation">Ends the waiting, as for <see cref="ReceiveAsync"/>.</param>
    public IAsyncEnumerable<Message> MessagesAsync(CancellationToken cancellation = default) =>
        new AsyncMessages(this, cancellation);

    /// <summary>For <c>await foreach</c>: <see cref="MessagesAsync"/>.</summary>
    /// <param name="cancellation">Ends the waiting.</param>
    [EditorBrowsable(EditorBrowsableState.Never)]
    public IAsyncEnumerator<Message> GetAsyncEnumerator(CancellationToken cancellation = default) =>
        new AsyncMessages(this, cancellation);

    /// <summary>Sends a text message; waits without a thread while the peer does not read.</summary>
    /// <param name="text">The text; may be empty.</param>
    /// <param name="cancellation">Ends the waiting; nothing was sent then.</param>
    /// <exception cref="ArgumentException">The text has a lone surrogate. Nothing was sent.</exception>
    /// <exception cref="ConnectionClosedException">The connection is closing or closed.</exception>
    /// <exception cref="OperationCanceledException">It was cancelled.</exception>
    /// <remarks>
    /// A message of more than 16 KiB is written at once, once the peer has taken what was before it: the thread waits while the peer
    /// takes that one message.
    /// </remarks>
    public async ValueTask SendAsync(string text, CancellationToken cancellation = default)
    {
        ArgumentNullException.ThrowIfNull(text);
        var rented = ThreadBuffers.Pool.Rent(Utf8Text.MaxLength(text));
        try
        {
            var size = Utf8Text.Encode(text, rented);
            await SendWhole(rented.AsMemory(0, size), MessageKind.Text, cancellation);
        }
        finally
        {
            ThreadBuffers.Pool.Return(rented);
        }
    }

    /// <summary>Sends a binary message, as <see cref="SendAsync(string, CancellationToken)"/> does a text.</summary>
    /// <param name="data">The bytes; may be empty. They are not to be changed before the task has ended.</param>
    /// <param name="cancellation">Ends the waiting; nothing was sent then.</param>
    public ValueTask SendAsync(
        ReadOnlyMemory<byte> data,
        CancellationToken cancellation = default
    ) => SendWhole(data, MessageKind.Binary, cancellation);

    /// <summary>Sends bytes as a text or a binary message, as <see cref="SendAsync(string, CancellationToken)"/> does a text.</summary>
    /// <param name="data">The bytes; may be empty. As text they have to be UTF-8.</param>
    /// <param name="kind">What the peer is told that it is.</param>
    /// <exception cref="ArgumentOutOfRangeException">The kind is no value of <see cref="MessageKind"/>.</exception>
    /// <param name="cancellation">Ends the waiting; nothing was sent then.</param>
    /// <exception cref="ArgumentException">It is to be text and is not UTF-8. Nothing was sent.</exception>
    public ValueTask SendAsync(
        ReadOnlyMemory<byte> data,
        MessageKind kind,
        CancellationToken cancellation = default
    )
    {
        if (kind.IsText)
            Utf8Text.Require(data.Span, nameof(data));
        return SendWhole(data, kind, cancellation);
    }

    /// <summary>Sends a message as it is, as <see cref="SendAsync(string, CancellationToken)"/> does a text.</summary>
    /// <param name="message">The message.</param>
    /// <param name="cancellation">Ends the waiting; nothing was sent then.</param>
    public ValueTask SendAsync(Message message, CancellationToken cancellation = default) =>
        SendWhole(message.Data, message.Kind, cancellation);

    private async ValueTask SendWhole(
        ReadOnlyMemory<byte> data,
        MessageKind kind,
        CancellationToken cancellation
    )
    {
        RequireOpened();
        // One after the other, in the order of the calls.
        await sendingGate.WaitAsync(cancellation);
        try
        {
            await HasRoom(data.Length, cancellation);
            driver.Sender.SendSoon(kind, data.Span);
        }
        finally
        {
            sendingGate.Release();
        }
    }

    /// <summary>Waits until a message of so many bytes can be sent without waiting, or the connection is no longer open.</summary>
    private async ValueTask HasRoom(int size, CancellationToken cancellation)
    {
        if (!driver.Sender.HasRoom(size))
            driver.TryFlushOutput();
        while (driver.IsOpen && (driver.IsBlocked || !driver.Sender.HasRoom(size)))
        {
            await driver.Unblocked(cancellation);
            driver.TryFlushOutput();
        }
    }
}
