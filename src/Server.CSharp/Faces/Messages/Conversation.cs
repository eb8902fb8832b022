namespace FunctionalWs;

/// <summary>
/// A handler of one connection that is a task and asks for messages: none is read before it is asked for, but for one. Its turns
/// and its tasks meet here.
/// </summary>
internal sealed class Conversation(Func<ServerConnection, Task> handler)
    : MessageCalls(ReceiveMode.Message)
{
    private readonly Lock gate = new();
    private Task life = Task.CompletedTask;
    private Task end = Task.CompletedTask; // of the life, which is judged then
    private bool isEndTaken;
    private bool isOver; // no message comes any more
    private Message? waiting; // that nobody has asked for
    private TaskCompletionSource? asked; // set when somebody has
    private TaskCompletionSource<Message>? asking;

    public override void Opened(ServerConnection connection)
    {
        connection.RunCallback(() => life = handler(connection) ?? throw HandlerContext.NoTask());
        end = Then(life, () => EndLife(connection));
        Then(end, connection.Recall);
    }

    private static Task Then(Task task, Action act) =>
        task.ContinueWith(
            (_, act) => ((Action)act!)(),
            act,
            CancellationToken.None,
            TaskContinuationOptions.ExecuteSynchronously,
            TaskScheduler.Default
        );

    private void EndLife(ServerConnection connection)
    {
        using (gate.Hold())
            asked?.TrySetResult();
        connection.EndLife(life);
    }

    public override Task? Received(ServerConnection connection, in ReceivedMessage message)
    {
        var owned = connection.Own(message);
        TaskCompletionSource<Message> asking;
        using (gate.Hold())
        {
            if (life.IsCompleted)
                return null; // nobody asks any more
            if (this.asking is not { } first)
            {
                waiting = owned;
                asked = new TaskCompletionSource(
                    TaskCreationOptions.RunContinuationsAsynchronously
                );
                return asked.Task;
            }
            asking = first;
            this.asking = null;
        }
        asking.SetResult(owned); // goes on here, in the turn
        return null;
    }

    /// <summary>The next message. Cancelling loses none.</summary>
    public ValueTask<Message> Receive(ServerConnection connection, CancellationToken cancellation)
    {
        if (cancellation.IsCancellationRequested)
            return ValueTask.FromCanceled<Message>(cancellation);
        TaskCompletionSource<Message> added;
        using (gate.Hold())
        {
            if (asking is not null)
                throw new ConcurrencyException(
                    "ReceiveAsync was called while another call of it waits for a message."
                );
            if (waiting is { } message)
            {
                waiting = null;
                asked!.TrySetResult();
                return new(message);
            }
            if (isOver)
                throw connection.ClosedException();
            added = asking = new TaskCompletionSource<Message>();
        }
        return cancellation.CanBeCanceled ? Cancellable(added, cancellation) : new(added.Task);
    }

    private async ValueTask<Message> Cancellable(
        TaskCompletionSource<Message> added,
        CancellationToken cancellation
    )
    {
        var canceling = cancellation.UnsafeRegister((_, token) => Cancel(added, token), null);
        try
        {
            return await added.Task;
        }
        finally
        {
            canceling.Unregister(); // one that is under way comes too late
        }
    }

    private void Cancel(TaskCompletionSource<Message> added, CancellationToken cancellation)
    {
        using (gate.Hold())
        {
            if (asking != added)
                return; // it has a message, or the end
            asking = null;
        }
        added.SetCanceled(cancellation);
    }

    public override Task? TakeEnd()
    {
        if (isEndTaken || !end.IsCompleted)
            return null;
        isEndTaken = true;
        return end;
    }

    public override Task? NoMore(ServerConnection connection)
    {
        TaskCompletionSource<Message>? asking;
        using (gate.Hold())
        {
            isOver = true;
            (asking, this.asking) = (this.asking, null);
        }
        asking?.SetException(connection.ClosedException());
        if (isEndTaken)
            return null;
        isEndTaken = true;
        return end;
    }

    public override void Closed(ServerConnection connection) => NoMore(connection);
}
