namespace FunctionalWs;

/// <summary>
/// The messages of a connection for <c>await foreach</c>. Not an async iterator: whoever awaits one is posted to its context for each
/// message, and this goes on where the message was read, as <see cref="ServerConnection.ReceiveAsync"/> does.
/// </summary>
internal sealed class AsyncMessages(ServerConnection connection, CancellationToken cancellation)
    : IAsyncEnumerable<Message>,
        IAsyncEnumerator<Message>
{
    private CancellationTokenSource? both;
    private bool isOver;

    public Message Current { get; private set; }

    /// <summary>Each walk is one of its own; a message comes to one of them.</summary>
    public IAsyncEnumerator<Message> GetAsyncEnumerator(CancellationToken second = default)
    {
        if (!second.CanBeCanceled || second == cancellation)
            return new AsyncMessages(connection, cancellation);
        if (!cancellation.CanBeCanceled)
            return new AsyncMessages(connection, second);
        var linked = CancellationTokenSource.CreateLinkedTokenSource(cancellation, second);
        return new AsyncMessages(connection, linked.Token) { both = linked };
    }

    public async ValueTask<bool> MoveNextAsync()
    {
        if (isOver)
            return false;
        isOver = true; // unless there is one
        Current = default;
        try
        {
            Current = await connection.ReceiveAsync(cancellation);
        }
        catch (ConnectionClosedOkException)
        {
            return false;
        }
        isOver = false;
        return true;
    }

    public ValueTask DisposeAsync()
    {
        isOver = true;
        both?.Dispose();
        return default;
    }
}
