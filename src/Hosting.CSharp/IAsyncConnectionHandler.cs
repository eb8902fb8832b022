namespace FunctionalWs.Hosting;

/// <summary>
/// Handles connections in a class whose constructor takes services, as a task that has no thread while it waits, as with
/// <see cref="MessageHandler.Converse"/>: see
/// <see cref="WebSocketServerServiceCollectionExtensions.AddWebSocketAsyncServer{THandler}"/> and
/// <see cref="HandlerRule.ToAsync{THandler}"/>.
/// </summary>
/// <example>
/// <code>
/// sealed class Echo(ILogger&lt;Echo&gt; log) : IAsyncConnectionHandler
/// {
///     public async Task HandleAsync(ServerConnection connection, CancellationToken closed)
///     {
///         await foreach (var message in connection)
///             await connection.SendAsync(message, closed);
///     }
/// }
/// </code>
/// </example>
public interface IAsyncConnectionHandler
{
    /// <summary>
    /// Called for one connection. When its task has ended, the connection is closed with 1000, when it has failed with 1011; the
    /// scope of its services ends after it. It asks for messages by <c>await foreach</c> or <see cref="ServerConnection.ReceiveAsync"/>.
    /// </summary>
    /// <param name="connection">The connection, open.</param>
    /// <param name="closed">
    /// Cancelled when the connection is no longer open: <see cref="WebSocketConnection.Closed"/>, for what else is awaited for the client.
    /// </param>
    Task HandleAsync(ServerConnection connection, CancellationToken closed);
}
