using System.Runtime.InteropServices;

namespace FunctionalWs;

/// <summary>
/// Gives connections their turns, one after the other, on the thread that runs it. When a turn takes long the loop is passed on to another
/// thread, which goes on where this one stands: nothing that a successor needs is on a stack. The thread of the long turn keeps the one
/// connection, and brings it back afterwards.
/// </summary>
internal sealed class MessageLoop : IDisposable
{
    private const int MaxChanges = 256;

    private readonly LoopThreads threads;
    private readonly Readiness readiness;
    private readonly SeatList seats = new();
    private readonly Queue<LoopSeat> more = new(); // that left something
    private int left; // of those, in this round
    private Epoll.Change[] changes = new Epoll.Change[MaxChanges];
    private int next; // among those
    private int count;

    private readonly Lock inboxGate = new();
    private List<Call> inbox = []; // of seats that have come back, or have something that the kernel won't tell
    private List<Call> returned = []; // that were in it
    private int nextReturned;
    private volatile int inboxCount;
    private int isSleeping; // whoever sets it back wakes
    private volatile bool isDisposed;

    // Made once: a turn allocates nothing.
    private readonly Action<LoopSeat> ends;
    private readonly Action<LoopSeat> keeps;
    private readonly Action<LoopSeat> brings;

    // Odd in a turn, even between two. One exchange decides whether the thread of a turn or the watchdog ends it.
    private long word;
    private LoopSeat? current; // whose turn it is, or was

    public MessageLoop(LoopThreads threads)
    {
        this.threads = threads;
        readiness = threads.Scheduler.NewReadiness();
        (ends, keeps, brings) = (End, Keep, Bring);
    }

    /// <summary>True where there are loops: elsewhere each connection has its thread.</summary>
    public static bool IsAvailable { get; } =
        OperatingSystem.IsLinux() && RuntimeInformation.ProcessArchitecture is Architecture.X64;

    /// <summary>How many connections it has.</summary>
    public int Connections => seats.Count;

    /// <summary>Takes a connection in. From any thread.</summary>
    public void Add(ServerConnection connection)
    {
        var seat = connection.Park(this);
        try
        {
            var key = seats.Add(seat);
            try
            {
                Listen(seat, key);
            }
            catch
            {
                seats.Remove(seat);
                throw;
            }
        }
        catch
        {
            seat.Transport.Wait();
            throw;
        }
    }

    private void Listen(LoopSeat seat, long key)
    {
        seat.Socket = seat.Transport.Hold();
        seat.IsAway = !seat.Connection.IsOpening;
        try
        {
            readiness.Listen(seat, key);
            if (seat.IsAway)
                Post(seat); // something may have come with the handshake
        }
        catch
        {
            LetGo(seat);
            throw;
        }
    }

    /// <summary>Before the socket is closed, which would wait for it.</summary>
    private void LetGo(LoopSeat seat)
    {
        seat.IsOver = true;
        readiness.Forget(seat);
        seat.Transport.LetGo();
    }

    /// <summary>Brings a connection back, which has a turn then. From any thread.</summary>
    public void Post(LoopSeat seat) => Post(new Call(seat, IsBack: true));

    /// <summary>
    /// Somebody else has read what the kernel would have told of: the connection has a turn, unless it is away, and has one when it is
    /// back. From any thread.
    /// </summary>
    public void Nudge(LoopSeat seat) => Post(new Call(seat, IsBack: false));

    private void Post(Call call)
    {
        using (inboxGate.Hold())
        {
            inbox.Add(call);
            inboxCount = inbox.Count;
        }
        Wake();
    }

    private void Wake()
    {
        Interlocked.MemoryBarrier(); // the loop writes and reads these two in the other order
        Scheduler.Meet(this, Access.Write);
        if (Volatile.Read(ref isSleeping) == 1 && Interlocked.Exchange(ref isSleeping, 0) == 1)
            readiness.Wake();
    }

    /// <summary>Runs until it is taken away, or over; false when it is over.</summary>
    /// <param name="thread">The thread that runs it, which is clean before each turn.</param>
    public bool Run(CleanThread thread)
    {
        while (!isDisposed || !seats.TryClose())
        {
            while (TryNext(out var seat))
            {
                thread.RestoreButInterrupts();
                if (!TryTurn(seat))
                    return true;
            }
            Interrupts.Forget(); // of all that had a turn
            Await();
        }
        IsOver = true;
        readiness.Dispose();
        return false;
    }

    /// <summary>Whose turn it is: those of whom the kernel told, those that came back, and those that left something.</summary>
    private bool TryNext(out LoopSeat seat)
    {
        while (next < count)
        {
            ref readonly var change = ref changes[next++];
            if (change.IsWakening || seats.Find(change.Key) is not { } changed)
                continue;
            if (change.IsEnding)
                changed.Transport.End();
            seat = changed;
            Scheduler.Meet(seat, Access.Read);
            if (!seat.IsAway && !seat.IsOver) // else it has a turn when it is back
                return true;
        }
        while (nextReturned < returned.Count)
        {
            (seat, var isBack) = returned[nextReturned++];
            Scheduler.Meet(seat, Access.Write);
            if (isBack)
                seat.IsAway = false;
            if (!seat.IsAway && !seat.IsOver)
                return true;
        }
        while (left > 0 && more.TryDequeue(out seat!))
        {
            left--;
            seat.IsInMore = false;
            Scheduler.Meet(seat, Access.Read);
            if (!seat.IsAway && !seat.IsOver)
                return true;
        }
        seat = null!;
        return false;
    }

    /// <summary>False when the loop was taken away meanwhile.</summary>
    private bool TryTurn(LoopSeat seat)
    {
        current = seat;
        var turn = Volatile.Read(ref word) + 1;
        Scheduler.Meet(this, Access.Write);
        Volatile.Write(ref word, turn);
        threads.Watch();
        seat.Result = TurnResult.Idle;
        Guard.Run(seat, Turn, Failed);
        if (seat.Result is TurnResult.Ended)
            Guard.Run(seat, ends, Failed);
        if (seat.Result is TurnResult.Away)
        {
            Scheduler.Meet(seat, Access.Write);
            seat.IsAway = true;
        }
        Scheduler.Meet(this, Access.Write);
        var isOwner = Interlocked.CompareExchange(ref word, turn + 1, turn) == turn;
        Guard.Run(seat, isOwner ? keeps : brings, Failed);
        return isOwner;
    }

    /// <summary>The turn was over in time: what the seat waits for now.</summary>
    private void Keep(LoopSeat seat)
    {
        if (seat.Result is TurnResult.Away)
            seat.Connection.OnAwaited(seat.Return);
        if (seat.Result is not TurnResult.More || seat.IsInMore)
            return;
        seat.IsInMore = true;
        more.Enqueue(seat);
    }

    /// <summary>The loop has gone on without this thread, which has only the seat.</summary>
    private void Bring(LoopSeat seat)
    {
        if (seat.Result is TurnResult.Away)
            seat.Connection.OnAwaited(seat.Return);
        else if (seat.Result is not TurnResult.Ended)
            Post(seat); // for whatever has come meanwhile
    }

    private static readonly Action<LoopSeat> Turn = seat => seat.Result = seat.Connection.Turn();

    private static readonly Action<LoopSeat, Exception> Failed = (seat, error) =>
        seat.Connection.Fail(error);

    /// <summary>The connection has ended. In its turn, since that calls the application, which may block.</summary>
    private void End(LoopSeat seat)
    {
        LetGo(seat);
        seat.Connection.EndInLoop();
        seats.Remove(seat);
        if (isDisposed)
            Wake(); // it may have been the last
    }

    private void Await()
    {
        returned.Clear();
        nextReturned = 0;
        next = count = 0;
        Scheduler.Meet(inboxGate, Access.Read);
        var wait = more.Count == 0 && inboxCount == 0;
        if (wait)
        {
            Scheduler.Meet(this, Access.Write);
            Volatile.Write(ref isSleeping, 1);
            Interlocked.MemoryBarrier();
            Scheduler.Meet(inboxGate, Access.Read);
            wait = inboxCount == 0 && !(isDisposed && seats.Count == 0);
        }
        count = readiness.Wait(changes, wait);
        Scheduler.Meet(this, Access.Write);
        Volatile.Write(ref isSleeping, 0);
        left = more.Count;
        if (inboxCount == 0)
            return;
        using (inboxGate.Hold())
        {
            (inbox, returned) = (returned, inbox);
            inboxCount = 0;
        }
    }

    private readonly record struct Call(LoopSeat Seat, bool IsBack);

    /// <summary>True when it has been disposed, and its last connection has gone.</summary>
    public bool IsOver { get; private set; }

    // ---- For the watchdog

    /// <summary>Moves with each turn; odd in one.</summary>
    public long Word
    {
        get
        {
            Scheduler.Meet(this, Access.Read);
            return Volatile.Read(ref word);
        }
    }

    /// <summary>
    /// Takes the loop from the thread that is in a turn, if it is still the same one: then the caller owns the loop, and the thread the
    /// connection.
    /// </summary>
    public bool TryTake(long word)
    {
        Scheduler.Meet(this, Access.Write);
        if (Interlocked.CompareExchange(ref this.word, word + 1, word) != word)
            return false;
        Scheduler.Meet(current!, Access.Write);
        current!.IsAway = true;
        return true;
    }

    /// <summary>What a handler sent before it blocked leaves now. After <see cref="TryTake"/>, before another thread runs it.</summary>
    public void FlushTaken() => current!.Connection.FlushHeld();

    /// <summary>Where the kernel tells of the thread that runs it.</summary>
    public string? ThreadState { get; set; }

    /// <summary>Ends one that no thread has run, nor will.</summary>
    public void Forget() => readiness.Dispose();

    /// <summary>Ends it, once it has no connections.</summary>
    public void Dispose()
    {
        Scheduler.Meet(this, Access.Write);
        isDisposed = true;
        Wake();
    }
}
