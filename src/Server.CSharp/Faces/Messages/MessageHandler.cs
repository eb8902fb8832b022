namespace FunctionalWs;

/// <summary>
/// A handler for messages that keeps a connection's state: one is made for each connection, and called for each of its messages.
/// Calls for one connection never overlap, and come in the order of the messages; no thread waits while nothing comes. A call may
/// block: others are served by another thread then.
/// </summary>
/// <example>
/// <code>
/// sealed class Counting : MessageHandler
/// {
///     private int count;
///
///     public override void Received(ServerConnection connection, LentMessage message) =>
///         connection.Send($"{++count}: {message.Text}");
/// }
/// </code>
/// </example>
public abstract class MessageHandler
{
    /// <summary>The connection is open, and no message of it has been given. What it throws closes the connection with 1011.</summary>
    /// <param name="connection">The connection.</param>
    public virtual void Opened(ServerConnection connection) { }

    /// <summary>A message has come. What it throws closes the connection with 1011.</summary>
    /// <param name="connection">The connection.</param>
    /// <param name="message">
    /// The message, in memory that is lent until the call returns: <see cref="LentMessage.ToMessage"/> copies what is to be kept.
    /// </param>
    public abstract void Received(ServerConnection connection, LentMessage message);

    /// <summary>
    /// The connection has closed: the last call, also after one that threw. Sending throws
    /// <see cref="ConnectionClosedException"/>. What it throws is logged.
    /// </summary>
    /// <param name="connection">The connection; its <see cref="WebSocketConnection.CloseCode"/> tells how it ended.</param>
    public virtual void Closed(ServerConnection connection) { }

    /// <summary>
    /// A handler that is called for each message, for wherever a handler of connections is taken: routes, Unix sockets, hosting, tests.
    /// </summary>
    /// <param name="received">
    /// Called with the connection and a message of its own memory. What it throws closes the connection with 1011.
    /// </param>
    public static Action<ServerConnection> ForEach(Action<ServerConnection, Message> received)
    {
        ArgumentNullException.ThrowIfNull(received);
        var calls = new OwnedMessages(received);
        return new MessageFace(_ => calls).Serve;
    }

    /// <summary>The same with a handler that is asynchronous: the next message of its connection waits for the task, others don't.</summary>
    /// <param name="received">Called with the connection and a message of its own memory.</param>
    public static Action<ServerConnection> ForEach(Func<ServerConnection, Message, Task> received)
    {
        ArgumentNullException.ThrowIfNull(received);
        var calls = new AwaitedMessages(received);
        return new MessageFace(_ => calls).Serve;
    }

    /// <summary>
    /// A handler of connections that is a task and has no thread while it waits, for wherever a handler of connections is taken: it
    /// asks for messages by <c>await foreach</c> or <see cref="ServerConnection.ReceiveAsync"/>, and sends by
    /// <see cref="ServerConnection.SendAsync(string, CancellationToken)"/>. No message is read ahead of it but one. The connection closes
    /// when its task has ended (1000) or failed (1011), and lives on for the application until then.
    /// </summary>
    /// <param name="handler">Called once for each connection.</param>
    /// <example>
    /// <code>
    /// using var server = Server.Serve(
    ///     MessageHandler.Converse(async connection =>
    ///     {
    ///         await foreach (var message in connection)
    ///             await connection.SendAsync(message);
    ///     }),
    ///     "localhost",
    ///     8765
    /// );
    /// </code>
    /// </example>
    public static Action<ServerConnection> Converse(Func<ServerConnection, Task> handler)
    {
        ArgumentNullException.ThrowIfNull(handler);
        return new MessageFace(_ => new Conversation(handler)).Serve;
    }

    /// <summary>The same with a handler for each connection, which keeps its state.</summary>
    /// <param name="make">Makes a connection's handler. What it throws closes the connection with 1011.</param>
    public static Action<ServerConnection> ForEach(Func<ServerConnection, MessageHandler> make)
    {
        ArgumentNullException.ThrowIfNull(make);
        return new MessageFace(connection => new LentToHandler(make(connection))).Serve;
    }
}
