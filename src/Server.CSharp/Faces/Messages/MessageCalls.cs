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
        received(connection, connection.Own(message))
        ?? throw new InvalidOperationException("The handler has returned null, not a task.");
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
