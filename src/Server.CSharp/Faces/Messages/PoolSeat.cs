namespace FunctionalWs;

/// <summary>
/// A place of turns on the thread pool, for a connection whose transport tells by itself when there is something to read. One turn at a
/// time: who wants one while there is one has the next.
/// </summary>
internal sealed class PoolSeat : Seat, IThreadPoolWorkItem
{
    // Made where nothing is left of anybody: what a turn runs in.
    private static readonly ExecutionContext? Clean = CaptureClean();

    // A thread goes on with others then: what comes little by little would keep it for ever.
    private const int MostTurns = 16;

    private const int Idle = 0;
    private const int Busy = 1; // in a turn, or before one; or away
    private const int Wanted = 2; // another one is wanted after it

    private readonly ServerConnection connection;
    private readonly Action returned;
    private int state = Busy;
    private TurnResult result;
    private bool hasMore; // to read, after a turn

    public PoolSeat(ServerConnection connection)
    {
        this.connection = connection;
        returned = Queue;
    }

    /// <summary>The first turn.</summary>
    public void Begin() => Queue();

    public override void Nudge()
    {
        if (TryBegin())
            Queue();
    }

    /// <summary>There is something to read, which the calling thread of the pool has brought.</summary>
    public void BeReadable()
    {
        if (TryBegin())
            Execute();
    }

    private bool TryBegin()
    {
        while (true)
        {
            var before = Volatile.Read(ref state);
            if (before == Wanted)
                return false;
            if (Interlocked.CompareExchange(ref state, before + 1, before) == before)
                return before == Idle;
        }
    }

    private void Queue() => ThreadPool.UnsafeQueueUserWorkItem(this, preferLocal: false);

    private static readonly Action<PoolSeat> Turn = seat => seat.result = seat.connection.Turn();
    private static readonly Action<PoolSeat> End = seat => seat.connection.EndInLoop();
    private static readonly Action<PoolSeat> Waiting = seat =>
        seat.connection.OnAwaited(seat.returned);
    private static readonly Action<PoolSeat> Asking = seat =>
        seat.hasMore = seat.connection.HasMoreToRead();
    private static readonly Action<PoolSeat, Exception> Failed = (seat, error) =>
        seat.connection.Fail(error);

    public void Execute()
    {
        var context = ExecutionContext.Capture();
        var synchronization = SynchronizationContext.Current;
        try
        {
            var turns = 1;
            while (TakeTurn())
            {
                if (turns++ < MostTurns)
                    continue;
                Queue();
                break;
            }
        }
        finally
        {
            if (context is not null)
                ExecutionContext.Restore(context);
            SynchronizationContext.SetSynchronizationContext(synchronization);
        }
    }

    /// <summary>False when this thread has no more to do.</summary>
    private bool TakeTurn()
    {
        if (Clean is not null)
            ExecutionContext.Restore(Clean);
        IsAway = false;
        result = TurnResult.Idle;
        Guard.Run(this, Turn, Failed);
        switch (result)
        {
            case TurnResult.Ended:
                Guard.Run(this, End, Failed); // nobody begins a turn after it
                return false;
            case TurnResult.Away:
                IsAway = true;
                if (!Guard.Run(this, Waiting, Failed))
                    Queue(); // nobody else comes back
                return false;
            case TurnResult.More:
                Queue(); // behind those of others
                return false;
            default:
                hasMore = true; // where asking fails: the connection was cut for that
                Guard.Run(this, Asking, Failed);
                if (!hasMore && Interlocked.CompareExchange(ref state, Idle, Busy) == Busy)
                    return false;
                Volatile.Write(ref state, Busy);
                return true;
        }
    }

    private static ExecutionContext? CaptureClean()
    {
        ExecutionContext? captured = null;
        var thread = new Thread(() => captured = ExecutionContext.Capture());
        thread.UnsafeStart();
        thread.Join();
        return captured;
    }
}
