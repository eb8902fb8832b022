namespace FunctionalWs;

/// <summary>
/// The messages of a connection for <c>await foreach</c>. Not an async iterator: whoever awaits one is posted to its context for each
/// message, and this goes on in the turn that has brought it, as <see cref="ServerConnection.ReceiveAsync"/> does.
/// </summary>
internal sealed class AsyncMessages(ServerConnection connection, CancellationToken cancellation)
    : IAsyncEnumerable<Message>,
        IAsyncEnumerator<Message>
{
    private CancellationTokenSource? both;

    public Message Current { get; private set; }

    /// <summary>Each walk is one of its own; messages come to one of them.</summary>
    public IAsyncEnumerator<Message> GetAsyncEnumerator(CancellationToken second = default)
    {
        if (!second.CanBeCanceled)
            return new AsyncMessages(connection, cancellation);
        if (!cancellation.CanBeCanceled)
            return new AsyncMessages(connection, second);
        var linked = CancellationTokenSource.CreateLinkedTokenSource(cancellation, second);
        return new AsyncMessages(connection, linked.Token) { both = linked };
    }

    public async ValueTask<bool> MoveNextAsync()
    {
        try
        {
            Current = await connection.ReceiveAsync(cancellation);
            return true;
        }
        catch (ConnectionClosedOkException)
        {
            return false;
        }
    }

    public ValueTask DisposeAsync()
    {
        both?.Dispose();
        return default;
    }
}
