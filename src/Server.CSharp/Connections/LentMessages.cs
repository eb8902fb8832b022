namespace FunctionalWs;

/// <summary>
/// One message after another in memory that is lent: see <see cref="WebSocketConnection.Lent"/>. For <c>foreach</c>.
/// </summary>
public readonly struct LentMessages
{
    private readonly WebSocketConnection? connection;

    internal LentMessages(WebSocketConnection connection) => this.connection = connection;

    /// <summary>Begins to receive: with what comes next, each time.</summary>
    /// <exception cref="InvalidOperationException">It is a default, which belongs to no connection.</exception>
    public Enumerator GetEnumerator() =>
        new(
            connection
                ?? throw new InvalidOperationException("A connection's Lent() gives its messages.")
        );

    /// <summary>The place in the messages. For one thread.</summary>
    public ref struct Enumerator
    {
        private readonly WebSocketConnection connection;
        private readonly Loan loan = new();
        private ReceivedMessage lent;

        internal Enumerator(WebSocketConnection connection) => this.connection = connection;

        /// <summary>The message of the last step; valid until the next one.</summary>
        public readonly LentMessage Current => connection.Lend(lent.Kind, lent.Data.Span);

        /// <summary>Takes the last message back, and waits for the next.</summary>
        /// <returns>False when the connection has closed normally.</returns>
        /// <exception cref="ConnectionClosedErrorException">The connection ended abnormally.</exception>
        /// <exception cref="ConcurrencyException">Another call is receiving.</exception>
        public bool MoveNext()
        {
            Dispose();
            var isReceived = connection.TryReceiveNext(ReceiveMode.Lent, out lent);
            loan.Memory = lent.Pooled;
            return isReceived;
        }

        /// <summary>Takes the last message back. May be called twice.</summary>
        public void Dispose()
        {
            loan.GiveBack();
            lent = default;
        }
    }

    /// <summary>What copies of an enumerator share: memory that is given back once.</summary>
    private sealed class Loan
    {
        public byte[]? Memory;

        public void GiveBack()
        {
            if (Interlocked.Exchange(ref Memory, null) is { } memory)
                SharedBuffers.Pool.Return(memory);
        }
    }
}
