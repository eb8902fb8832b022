using System.Buffers;
using FunctionalWs.Protocol;

namespace FunctionalWs;

public abstract partial class WebSocketConnection
{
    private string? receiving; // the call that is
    private long receives; // such calls, ever

    /// <summary>
    /// Waits for the next message. Messages that came before the connection closed can still be received after it.
    /// </summary>
    /// <param name="timeout">
    /// How long at most; zero to take only what is there. Null, the default, and <see cref="Timeout.InfiniteTimeSpan"/> wait for
    /// as long as the connection lives. After a timeout nothing is lost: the next call goes on where this one stopped.
    /// </param>
    /// <param name="cancellation">
    /// Ends the waiting; as with the timeout, nothing is lost. It is looked at every 20 ms while nothing comes. A handler that waits without
    /// one is freed by the server's shutdown, too.
    /// </param>
    /// <returns>A complete message.</returns>
    /// <exception cref="ArgumentOutOfRangeException">The timeout is negative, and not infinite.</exception>
    /// <exception cref="TimeoutException">No complete message came in time.</exception>
    /// <exception cref="OperationCanceledException">It was cancelled before a message was there.</exception>
    /// <exception cref="ConnectionClosedOkException">The connection closed normally, and no message is left.</exception>
    /// <exception cref="ConnectionClosedErrorException">The connection ended abnormally, and no message is left.</exception>
    /// <exception cref="ConcurrencyException">Another call is receiving.</exception>
    public Message Receive(TimeSpan? timeout = null, CancellationToken cancellation = default)
    {
        timeout = WaitingTime.Checked(timeout, nameof(timeout));
        BeginReceiving(nameof(Receive));
        try
        {
            return ReceiveCore(timeout, cancellation, ReceiveMode.Message, null).ToMessage(driver);
        }
        finally
        {
            EndReceiving();
        }
    }

    /// <summary>Waits for the next message, and takes the usual ends of the waiting for no exception.</summary>
    /// <param name="message">The message; the default, an empty text, when there is none.</param>
    /// <param name="timeout">How long at most, as for <see cref="Receive(TimeSpan?, CancellationToken)"/>.</param>
    /// <param name="cancellation">Ends the waiting; as with the timeout, nothing is lost.</param>
    /// <returns>
    /// False when no complete message came in time, and when the connection closed normally and none is left. <see cref="State"/> tells
    /// which; when it is no longer open, messages may have come meanwhile, so go on until this is false once more.
    /// </returns>
    /// <exception cref="ArgumentOutOfRangeException">The timeout is negative, and not infinite.</exception>
    /// <exception cref="OperationCanceledException">It was cancelled before a message was there.</exception>
    /// <exception cref="ConnectionClosedErrorException">The connection ended abnormally, and no message is left.</exception>
    /// <exception cref="ConcurrencyException">Another call is receiving.</exception>
    public bool TryReceive(
        out Message message,
        TimeSpan? timeout = null,
        CancellationToken cancellation = default
    )
    {
        timeout = WaitingTime.Checked(timeout, nameof(timeout));
        var deadline = Deadline.After(options.TimeProvider, timeout).Or(cancellation);
        var isReceived = TryReceive(deadline, ReceiveMode.Message, out var received);
        message = isReceived ? received.ToMessage(driver) : default;
        if (!isReceived && !driver.IsReceivingOver)
            cancellation.ThrowIfCancellationRequested();
        return isReceived;
    }

    /// <summary>Waits for the next message, which has to be text.</summary>
    /// <param name="timeout">How long at most, as for <see cref="Receive(TimeSpan?, CancellationToken)"/>.</param>
    /// <param name="cancellation">Ends the waiting; as with the timeout, nothing is lost.</param>
    /// <returns>The text.</returns>
    /// <exception cref="NotTextException">
    /// The message is bytes, or no UTF-8, and is lost. Unless the handler catches this, the peer is told so, with 1003 or 1007.
    /// </exception>
    /// <inheritdoc cref="Receive(TimeSpan?, CancellationToken)"/>
    public string ReceiveText(TimeSpan? timeout = null, CancellationToken cancellation = default)
    {
        var message = Receive(timeout, cancellation);
        return message.IsText ? message.Text : throw new NotTextException(message.Kind, driver);
    }

    /// <summary>
    /// Waits for the next message and writes its payload to a destination: without an array of its own, and for a message
    /// in one frame without another copy.
    /// </summary>
    /// <param name="destination">Where the payload goes. What it throws is thrown on, and the message is not lost.</param>
    /// <param name="timeout">How long at most, as for <see cref="Receive(TimeSpan?, CancellationToken)"/>.</param>
    /// <param name="cancellation">Ends the waiting; as with the timeout, nothing is lost.</param>
    /// <returns>What the message consists of.</returns>
    /// <exception cref="ArgumentOutOfRangeException">The timeout is negative, and not infinite.</exception>
    /// <exception cref="TimeoutException">No complete message came in time; nothing was written.</exception>
    /// <exception cref="OperationCanceledException">It was cancelled before a message was there.</exception>
    /// <exception cref="ConnectionClosedException">The connection ended, and no message is left.</exception>
    /// <exception cref="ConcurrencyException">Another call is receiving.</exception>
    public MessageKind Receive(
        IBufferWriter<byte> destination,
        TimeSpan? timeout = null,
        CancellationToken cancellation = default
    )
    {
        ArgumentNullException.ThrowIfNull(destination);
        timeout = WaitingTime.Checked(timeout, nameof(timeout));
        BeginReceiving(nameof(Receive));
        try
        {
            return ReceiveCore(timeout, cancellation, ReceiveMode.Message, destination).Kind;
        }
        finally
        {
            EndReceiving();
        }
    }

    /// <summary>
    /// Waits for the next message and lends its payload to a callback: no memory is allocated for it.
    /// </summary>
    /// <param name="read">
    /// Called on this thread with the kind and the payload, which is valid until it returns. It may send on the connection,
    /// the payload too; receiving in it is refused. What it throws is thrown on.
    /// </param>
    /// <param name="timeout">How long at most, as for <see cref="Receive(TimeSpan?, CancellationToken)"/>.</param>
    /// <param name="cancellation">Ends the waiting; as with the timeout, nothing is lost.</param>
    /// <exception cref="ArgumentOutOfRangeException">The timeout is negative, and not infinite.</exception>
    /// <exception cref="TimeoutException">No complete message came in time.</exception>
    /// <exception cref="OperationCanceledException">It was cancelled before a message was there.</exception>
    /// <exception cref="ConnectionClosedException">The connection ended, and no message is left.</exception>
    /// <exception cref="ConcurrencyException">Another call is receiving.</exception>
    public void ReceiveBorrowed(
        Action<MessageKind, ReadOnlySequence<byte>> read,
        TimeSpan? timeout = null,
        CancellationToken cancellation = default
    )
    {
        ArgumentNullException.ThrowIfNull(read);
        timeout = WaitingTime.Checked(timeout, nameof(timeout));
        BeginReceiving(nameof(ReceiveBorrowed));
        var message = default(ReceivedMessage);
        try
        {
            message = ReceiveCore(timeout, cancellation, ReceiveMode.Lent, null);
            read(message.Kind, new ReadOnlySequence<byte>(message.Data));
        }
        finally
        {
            message.GiveBack();
            EndReceiving();
        }
    }

    /// <summary>
    /// Receives the next message as a stream of its fragments, as they arrive: for messages too large to wait for, or to
    /// keep. Text is cut between characters only.
    /// </summary>
    /// <param name="timeout">
    /// How long each step waits at most; zero to take only what is there. Null, the default, and
    /// <see cref="Timeout.InfiniteTimeSpan"/> wait for as long as the connection lives.
    /// </param>
    /// <param name="cancellation">Ends the waiting of a step; as with the timeout, nothing is lost.</param>
    /// <returns>The stream; nothing is received before its first step.</returns>
    /// <exception cref="ArgumentOutOfRangeException">The timeout is negative, and not infinite.</exception>
    public MessageStream ReceiveStreaming(
        TimeSpan? timeout = null,
        CancellationToken cancellation = default
    ) => new(this, WaitingTime.Checked(timeout, nameof(timeout)), cancellation);

    /// <summary>
    /// Receives one message after another: for LINQ, and for whatever wants a sequence. Each time it is enumerated it goes on
    /// with what comes next; ends when the connection closes normally. A connection itself is none, so that nothing which finds
    /// it, a log for one, takes its messages.
    /// </summary>
    /// <exception cref="ConnectionClosedErrorException">The connection ended abnormally: when it is enumerated.</exception>
    /// <exception cref="ConcurrencyException">Another call is receiving: when it is enumerated.</exception>
    public IEnumerable<Message> Messages
    {
        get
        {
            foreach (var message in this)
                yield return message;
        }
    }

    /// <summary>
    /// Receives one message after another, for <c>foreach</c>; ends when the connection closes normally. For LINQ there is
    /// <see cref="Messages"/>.
    /// </summary>
    /// <exception cref="ConnectionClosedErrorException">The connection ended abnormally.</exception>
    /// <exception cref="ConcurrencyException">Another call is receiving.</exception>
    public IEnumerator<Message> GetEnumerator()
    {
        while (TryReceiveNext(ReceiveMode.Message, out var message))
            yield return message.ToMessage(driver);
    }

    /// <summary>
    /// Receives one message after another, for <c>foreach</c>, in memory that is lent until the next step: no array is made for a
    /// message, and a large one is as cheap as the bytes of it. Ends when the connection closes normally.
    /// </summary>
    /// <returns>The messages; nothing is received before the first step.</returns>
    /// <example>
    /// <code>
    /// foreach (var message in connection.Lent())
    ///     connection.Send(message);
    /// </code>
    /// </example>
    public LentMessages Lent() => new(this);

    internal LentMessage Lend(MessageKind kind, ReadOnlySpan<byte> data) => new(kind, data, driver);

    /// <summary>The call to which the receiving side belongs; null while it is free.</summary>
    internal string? Receiving => Volatile.Read(ref receiving);

    /// <summary>Claims the receiving side for a call.</summary>
    internal void BeginReceiving(string call)
    {
        RequireOpened();
        if (isGiven)
            throw new InvalidOperationException(
                Invariant(
                    $"{call} is for handlers of connections: this one's messages are given to its message handler."
                )
            );
        Scheduler.Meet(this, Access.Write);
        if (Interlocked.CompareExchange(ref receiving, call, null) is { } other)
            throw new ConcurrencyException(
                Invariant($"{call} was called while {other} is under way.")
            );
        Volatile.Write(ref receives, receives + 1); // one at a time
    }

    internal void EndReceiving()
    {
        Scheduler.Meet(this, Access.Write);
        Volatile.Write(ref receiving, null);
        Scheduler.Meet(Scheduler.Application, Access.Write);
    }

    internal ReceivedMessage ReceiveFragments(TimeSpan? timeout, CancellationToken cancellation) =>
        ReceiveCore(timeout, cancellation, ReceiveMode.Fragments, null).Owned();

    internal Fragment ToFragment(MessageKind kind, ReadOnlyMemory<byte> data, bool isLast) =>
        new(kind, data, isLast, driver);

    internal void DiscardRest() => driver.Receiver.DiscardRest();

    private ReceivedMessage ReceiveCore(
        TimeSpan? timeout,
        CancellationToken cancellation,
        ReceiveMode mode,
        IBufferWriter<byte>? destination
    )
    {
        var deadline = Deadline.After(options.TimeProvider, timeout).Or(cancellation);
        if (TryTake(deadline, mode, destination, out var message))
            return message;
        if (!driver.IsReceivingOver)
            cancellation.ThrowIfCancellationRequested();
        throw driver.IsReceivingOver
            ? driver.ClosedException()
            : new NoMessageException(
                Invariant($"No message was received within {timeout}."),
                driver
            );
    }

    /// <summary>Waits for the next message; false when the connection closed normally: no exception for a usual end.</summary>
    internal bool TryReceiveNext(ReceiveMode mode, out ReceivedMessage message) =>
        TryReceive(Deadline.Never, mode, out message);

    /// <summary>Waits; what was read ahead with the end, just as the time was up, is taken, too.</summary>
    private bool TryTake(
        Deadline deadline,
        ReceiveMode mode,
        IBufferWriter<byte>? destination,
        out ReceivedMessage message
    ) =>
        driver.Receiver.TryReceive(deadline, mode, destination, out message)
        || driver.IsReceivingOver
            && driver.Receiver.TryReceive(
                Deadline.After(options.TimeProvider, TimeSpan.Zero),
                mode,
                destination,
                out message
            );

    private bool TryReceive(Deadline deadline, ReceiveMode mode, out ReceivedMessage message)
    {
        BeginReceiving(nameof(Receive));
        try
        {
            if (TryTake(deadline, mode, null, out message))
                return true;
        }
        finally
        {
            EndReceiving();
        }
        return driver.IsReceivingOver && driver.Ending is not { IsOk: true }
            ? throw driver.ClosedException()
            : false;
    }
}
