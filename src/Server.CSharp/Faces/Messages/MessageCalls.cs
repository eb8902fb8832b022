namespace FunctionalWs;

/// <summary>What is called for the messages of one connection, in whichever form the application gave it.</summary>
internal abstract class MessageCalls(ReceiveMode mode)
{
    /// <summary>How messages are taken.</summary>
    public ReceiveMode Mode => mode;

    public virtual void Opened(ServerConnection connection) { }

    /// <summary>Gives a message; the task that the next one has to wait for, null for none.</summary>
    public abstract Task? Received(ServerConnection connection, in ReceivedMessage message);

    public virtual void Closed(ServerConnection connection) { }

    /// <summary>The end of a handler that is a task, whatever may still come: once. Null for a handler that is none, or goes on.</summary>
    public virtual Task? TakeEnd() => null;

    /// <summary>All messages were given, and the connection has ended: what is left of the handler, to be waited for; null for nothing.</summary>
    public virtual Task? NoMore(ServerConnection connection) => null;
}

/// <summary>A delegate that gets messages to keep.</summary>
internal sealed class OwnedMessages(Action<ServerConnection, Message> received)
    : MessageCalls(ReceiveMode.Message)
{
    public override Task? Received(ServerConnection connection, in ReceivedMessage message)
    {
        received(connection, connection.Own(message));
        return null;
    }
}

/// <summary>A delegate that gets messages to keep, and returns when it is done with one.</summary>
internal sealed class AwaitedMessages(Func<ServerConnection, Message, Task> received)
    : MessageCalls(ReceiveMode.Message)
{
    public override Task Received(ServerConnection connection, in ReceivedMessage message) =>
        received(connection, connection.Own(message)) ?? throw HandlerContext.NoTask();
}

/// <summary>A handler that has messages lent to it.</summary>
internal sealed class LentToHandler(MessageHandler? handler) : MessageCalls(ReceiveMode.Lent)
{
    private readonly MessageHandler handler =
        handler ?? throw new InvalidOperationException("There is no handler: null was made.");

    public override void Opened(ServerConnection connection) => handler.Opened(connection);

    public override Task? Received(ServerConnection connection, in ReceivedMessage message)
    {
        try
        {
            handler.Received(connection, connection.Lend(message.Kind, message.Data.Span));
            return null;
        }
        finally
        {
            message.GiveBack();
        }
    }

    public override void Closed(ServerConnection connection) => handler.Closed(connection);
}
