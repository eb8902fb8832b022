using FunctionalWs.Protocol;

namespace FunctionalWs;

/// <content>A handler that is called for each message, instead of one that receives.</content>
public partial class ServerConnection
{
    // So many messages and bytes a turn: others have theirs.
    private const int MessagesPerTurn = 256;
    private const int BytesPerTurn = 1024 * 1024;

    private MessageCalls? calls; // null where a handler receives, and until there is one
    private Task? awaited; // what the next message waits for
    private bool isParked; // its life goes on in a loop
    private bool isDone; // nothing more is given: the end is awaited
    private RequestReader? request; // that a loop reads; null before and after that, and where a thread does
    private long discarded; // of a client that was rejected there
    private bool hasMore; // the turn is over, and there are messages
    private bool isTold; // that no more messages come

    /// <summary>True where a loop can tell when there is something to read.</summary>
    internal bool CanPark =>
        options.Scheduler.HasLoops && (transport.CanLoop || transport is StreamTransport);

    /// <summary>True from when messages are given to a handler.</summary>
    internal bool GivesMessages => calls is not null;

    /// <summary>Called once a handler that messages are given to has had its last call; null for nothing.</summary>
    internal Action? HandlerEnded { get; set; }

    internal Message Own(in ReceivedMessage message) => message.ToMessage(driver);

    /// <summary>Messages are given to something from now on.</summary>
    internal void BeginMessages(Func<ServerConnection, MessageCalls> make)
    {
        RequireOpened();
        if (Receiving is { } call)
            throw new ConcurrencyException(
                Invariant($"A message handler was begun while {call} is under way.")
            );
        isGiven = true;
        calls = make(this);
        calls.Opened(this);
        isParked = CanPark;
    }

    /// <summary>Gives messages on this thread, until there are no more, or the handler has ended.</summary>
    internal void PumpMessages()
    {
        if (calls is Conversation)
            RunCallback(Pump); // where its task goes on, so here
        else
            Pump();
    }

    private void Pump()
    {
        var calls = this.calls!;
        while (!HasHandlerEnded())
        {
            if (driver.Receiver.TryReceive(Deadline.Never, calls.Mode, null, out var message))
                Await(calls.Received(this, message));
            else
            {
                Await(calls.NoMore(this));
                return;
            }
        }
    }

    private static void Await(Task? task)
    {
        if (task is not null)
            CallbackContext.Await(task);
    }

    /// <summary>True when the handler's task has ended: nothing more is given to it.</summary>
    private bool HasHandlerEnded()
    {
        if (calls!.TakeEnd() is null)
            return false;
        isDone = true;
        return true;
    }

    /// <summary>
    /// The task of the handler has ended: the connection closes. Why it failed is judged before the closing begins, which it might be
    /// taken for. From any thread.
    /// </summary>
    internal void EndLife(Task life) =>
        Guard.Run<ServerConnection>(this, connection => connection.Close(life), LifeFailed);

    private void Close(Task life)
    {
        var code = Protocol.CloseCode.NormalClosure;
        try
        {
            life.GetAwaiter().GetResult();
        }
        catch (Exception error)
        {
            code = Judge(error, out var own);
            failure ??= own;
        }
        driver.StartClose(CloseStatus.Create(code, ""));
    }

    /// <summary>That is over: a connection in a loop has a turn. From any thread.</summary>
    internal void Recall() => Seat?.Nudge(); // without one a turn comes

    internal void RunCallback(Action action) => driver.Callbacks.Run(action);

    // ---- The opening in a loop

    /// <summary>True while a loop reads its request.</summary>
    internal bool IsOpening => request is not null;

    private static readonly Action<ServerConnection> OpeningTurn = connection =>
        connection.OpenNow();

    /// <summary>The connection's whole life is in a loop, from its first byte on. Before it is there.</summary>
    internal void BeginInLoop(Action<ServerConnection> handler)
    {
        this.handler = handler;
        request = opening.NewReader();
    }

    /// <summary>Goes on with the opening handshake, as far as the request has come.</summary>
    private void OpenNow()
    {
        transport.Rouse();
        if (!RequestInput.TryRead(transport, driver.Input, ref request!, out var parse))
        {
            driver.Input.Shrink();
            return;
        }
        request = null;
        if (Answer(Decide(parse)))
            BeginHandler();
        else
            transport.ShutdownSend();
    }

    private void BeginHandler()
    {
        log.ConnectionOpened(this);
        try
        {
            new HandlerContext(log, options.Scheduler, driver).Run(handler!, this);
        }
        catch (Exception error)
        {
            FailTurn(error);
        }
        Interrupts.Forget(); // it was the handler's
        hasMore = true; // in a turn of its own, on a thread without what the handler has left there
    }

    /// <summary>True when a client that was rejected has left, or the stream was cut before the connection was open.</summary>
    private bool HasLeft()
    {
        if (driver.IsBroken)
            return true;
        if (request is not null)
            return false;
        transport.Rouse();
        return Opening.HasLeft(transport, ref discarded);
    }

    /// <summary>The connection goes on in a loop.</summary>
    internal LoopSeat Park(MessageLoop loop)
    {
        driver.Receiver.Exclusively(transport.StopWaiting);
        var seat = new LoopSeat(loop, this) { Transport = transport };
        Seat = seat;
        return seat;
    }

    /// <summary>What is held back leaves, as far as that goes without waiting.</summary>
    internal void FlushHeld() => driver.TryFlushOutput();

    private static readonly Action<ServerConnection> Turning = connection =>
        connection.GiveMessages();
    private static readonly Action<ServerConnection, Exception> TurnFailed = (connection, error) =>
        connection.FailTurn(error);

    /// <summary>Gives what has come to the handler. Never throws, and waits for nobody but the handler.</summary>
    internal TurnResult Turn()
    {
        ownThread = Environment.CurrentManagedThreadId;
        SynchronizationContext.SetSynchronizationContext(driver.Callbacks);
        hasMore = false;
        using (log.BeginTurn(this))
        {
            if (request is not null)
                Guard.Run(this, OpeningTurn, LifeFailed);
            else if (isToBegin)
                Guard.Run(this, BeginningTurn, LifeFailed);
            else if (isOpened)
                TakeTurn();
        }
        var result =
            awaited is not null ? TurnResult.Away
            : hasMore ? TurnResult.More
            : isOpened ? AfterTurn()
            : HasLeft() ? TurnResult.Ended
            : TurnResult.Idle;
        ownThread = 0;
        return result;
    }

    /// <summary>The handler is told of the end before the connection goes; the stream may have ended at this moment.</summary>
    private TurnResult AfterTurn() =>
        !driver.IsClosed ? TurnResult.Idle
        : isTold ? TurnResult.Ended
        : TurnResult.More;

    private void TakeTurn()
    {
        // What somebody else reads from now on has a turn of its own.
        var isOver = driver.IsReceivingOver;
        if (awaited is not null)
            Guard.Run(this, Returning, TurnFailed);
        if (!isDone)
            Guard.Run(this, Turning, TurnFailed);
        if (awaited is null && !hasMore && (isDone || isOver))
            Guard.Run(this, Closing, LifeFailed);
        if (awaited is null && !hasMore && driver.IsClosed)
            Guard.Run(this, Ending, TurnFailed);
        if (driver.Sender.IsHolding)
            driver.TryFlushOutput();
    }

    private void EndAwaited()
    {
        var task = awaited!;
        awaited = null;
        task.GetAwaiter().GetResult();
    }

    /// <summary>Tells the handler that no more messages come, and waits for what is left of it.</summary>
    private void AwaitHandler()
    {
        if (isTold)
            return;
        isTold = true;
        if (calls?.NoMore(this) is not { } life)
            return;
        awaited = life;
        if (life.IsCompleted)
            EndAwaited();
    }

    private void GiveMessages()
    {
        var begin = driver.Input.Received;
        for (var given = 0; given < MessagesPerTurn; given++)
        {
            if (HasHandlerEnded())
                return;
            if (driver.Input.Received - begin > BytesPerTurn)
                break;
            // No thread of the pool waits for a peer that doesn't read what the last message was answered with.
            if ((transport as StreamTransport)?.Untaken() is { } untaken)
            {
                awaited = untaken;
                return;
            }
            if (!driver.Receiver.TryReceiveNow(isFirst: given == 0, calls!.Mode, out var message))
            {
                hasMore = driver.Receiver.MayHaveMore;
                return;
            }
            var next = calls.Received(this, message);
            if (next is { IsCompleted: false })
            {
                awaited = next;
                return;
            }
            next?.GetAwaiter().GetResult();
        }
        hasMore = true;
    }

    /// <summary>The handler has thrown: nothing more is given to it, and the connection is closed.</summary>
    private void FailTurn(Exception error)
    {
        awaited = null;
        isDone = true;
        driver.StartClose(CloseStatus.Create(Judge(error, out var own), ""));
        failure ??= own;
    }

    private static readonly Action<ServerConnection> Returning = connection =>
        connection.EndAwaited();
    private static readonly Action<ServerConnection> Closing = connection =>
        connection.ReadToTheEnd();
    private static readonly Action<ServerConnection> Ending = connection =>
        connection.AwaitHandler();

    private void ReadToTheEnd()
    {
        isDone = true;
        driver.StartClose(CloseStatus.Create(Protocol.CloseCode.NormalClosure, ""));
        driver.Receiver.ReadWhatHasCome();
        hasMore = driver.Receiver.MayHaveMore;
    }

    /// <summary>Calls something once the task of the last turn has ended.</summary>
    internal void OnAwaited(Action returned) => options.Scheduler.OnEnded(awaited!, returned);

    private void TellClosed()
    {
        if (calls is not { } told)
            return;
        try
        {
            try
            {
                told.Closed(this);
            }
            finally
            {
                HandlerEnded?.Invoke();
            }
        }
        catch (Exception error)
        {
            Judge(error, out var own);
            failure ??= own;
        }
    }

    /// <summary>The connection has ended in a loop. Never throws.</summary>
    internal void EndInLoop()
    {
        ownThread = Environment.CurrentManagedThreadId;
        SynchronizationContext.SetSynchronizationContext(driver.Callbacks);
        scope = log.BeginTurn(this);
        Guard.Run(this, Told, LifeFailed);
        EndHere();
        Server.Ended(this);
    }

    /// <summary>No loop takes the connection, which was cut for that. Never throws.</summary>
    internal void EndOutside()
    {
        Guard.Run<ServerConnection>(
            this,
            connection => connection.driver.Receiver.ReadUntilClosed(),
            LifeFailed
        );
        EndInLoop();
    }

    private static readonly Action<ServerConnection> Told = connection =>
    {
        if (connection.isOpened)
            connection.TellEnd();
    };
}

/// <summary>What a turn of a connection leaves.</summary>
internal enum TurnResult
{
    /// <summary>Nothing; what comes next is told by the system.</summary>
    Idle,

    /// <summary>More messages that are there.</summary>
    More,

    /// <summary>A task, before which nothing more is given.</summary>
    Away,

    /// <summary>The end.</summary>
    Ended,
}
