using System.Security.Cryptography;

namespace FunctionalWs;

/// <summary>
/// What differs from one run of a server to the next: which thread goes on, and random bytes. This class is the system's
/// way. A simulation derives from it and lets one thread run at a time, so everything that a thread may wait for goes
/// through here, but for the transport, which is the simulation's own.
/// </summary>
internal class Scheduler
{
    /// <summary>The system's threads.</summary>
    public static readonly Scheduler System = new(isSimulated: false);

    // How many explorations of schedules there are in this process: without any a meeting is a look at this field.
    private static int explorations;

    [ThreadStatic]
    private static Scheduler? exploring;

    /// <summary>True in a simulation, where what is awaited goes on in the context of its threads.</summary>
    public bool IsSimulated { get; }

    /// <summary>Makes a simulation's scheduler.</summary>
    protected Scheduler()
        : this(isSimulated: true) { }

    private Scheduler(bool isSimulated) => IsSimulated = isSimulated;

    /// <summary>
    /// Comes before a lock is taken that may be held while a transport is used. A simulation lets the thread go on when the
    /// lock is free. Otherwise it is a look at a field, so that sending and receiving pay nothing for it.
    /// </summary>
    public void Await(Lock gate)
    {
        if (IsSimulated)
            AwaitFree(gate);
    }

    /// <summary>See <see cref="Await(Lock)"/>.</summary>
    protected virtual void AwaitFree(Lock gate) { }

    /// <summary>What the application's threads share, of which nothing is known: each of its steps may use all of it.</summary>
    public static readonly object Application = new();

    /// <summary>
    /// Comes before a thread uses what others use, too: a lock, or a field that is read without one. Where schedules are explored others
    /// may go first, and whoever enters a lock waits until it is free. Elsewhere it is a look at a field.
    /// </summary>
    /// <param name="place">What is used: the lock, or the object whose fields they are.</param>
    /// <param name="access">What for.</param>
    public static void Meet(object place, Access access)
    {
        if (explorations != 0)
            exploring?.MeetAt(place, access);
    }

    /// <summary>See <see cref="Meet(object, Access)"/>.</summary>
    public static void Meet(Lock gate, Access access)
    {
        if (explorations != 0)
#pragma warning disable CS9216 // only told apart from others
            exploring?.MeetAt(gate, access);
#pragma warning restore CS9216
    }

    /// <summary>See <see cref="Meet(object, Access)"/>.</summary>
    protected virtual void MeetAt(object place, Access access) { }

    /// <summary>This thread's meetings are the scheduler's from now on, until it is <see cref="Leave">left</see>.</summary>
    protected void Explore()
    {
        exploring = this;
        Interlocked.Increment(ref explorations);
    }

    /// <summary>The other end of <see cref="Explore"/>, on the same thread.</summary>
    protected static void Leave()
    {
        Interlocked.Decrement(ref explorations);
        exploring = null;
    }

    /// <summary>A point at which other threads may go first.</summary>
    public virtual void Yield() { }

    /// <summary>Runs something on a thread of its own.</summary>
    /// <exception cref="OutOfMemoryException">The system has no thread to give.</exception>
    public virtual void Start(string name, Action run) => Start(name, run, stackSize: 0);

    /// <summary>
    /// Runs something on a thread of its own with a stack of a size in bytes; 0 for the system's. It has nothing of the
    /// starting thread's context, and whatever it throws ends there.
    /// </summary>
    /// <exception cref="OutOfMemoryException">The system has no thread to give.</exception>
    public void Start(string name, Action run, int stackSize)
    {
        if (IsSimulated)
            Start(name, run);
        else
            new Thread(() => Guard.Run(run), stackSize)
            {
                IsBackground = true,
                Name = name,
            }.UnsafeStart();
    }

    /// <summary>Runs, soon, how something asynchronous goes on.</summary>
    public virtual void Post(Action goOn) =>
        ThreadPool.UnsafeQueueUserWorkItem(static goOn => goOn(), goOn, preferLocal: false);

    /// <summary>Goes on, wherever the task ends; in a simulation on one of its threads.</summary>
    public virtual void OnEnded(Task task, Action goOn) =>
        task.ConfigureAwait(false).GetAwaiter().UnsafeOnCompleted(goOn);

    /// <summary>Cancels; what was registered runs elsewhere, and the task ends when it has.</summary>
    public virtual Task CancelAsync(CancellationTokenSource source) => source.CancelAsync();

    /// <summary>Comes before a thread waits for a task. A simulation lets it go on when the task has ended.</summary>
    public void Await(Task task)
    {
        if (IsSimulated)
            AwaitEnd(task);
    }

    /// <summary>See <see cref="Await(Task)"/>.</summary>
    protected virtual void AwaitEnd(Task task) { }

    /// <summary>Waits for an event; false when the time was up first.</summary>
    /// <exception cref="OperationCanceledException">It was cancelled first.</exception>
    public virtual bool Wait(
        ManualResetEventSlim signal,
        TimeSpan timeout,
        CancellationToken cancellation = default
    ) => signal.IsSet || signal.Wait(timeout, cancellation);

    /// <summary>Waits for a signal and resets it; false when the time was up first, or for no reason at all.</summary>
    public virtual bool Wait(Signal signal, TimeSpan timeout) => signal.Wait(timeout);

    /// <summary>Leaves a monitor, once entered, until <see cref="PulseAll"/> or the end of a time.</summary>
    public virtual bool Wait(object monitor, TimeSpan timeout) => Monitor.Wait(monitor, timeout);

    /// <summary>Wakes all that wait for a monitor, which this thread has entered.</summary>
    public virtual void PulseAll(object monitor) => Monitor.PulseAll(monitor);

    /// <summary>True where connections of message handlers have their turns in loops.</summary>
    public virtual bool HasLoops => !IsSimulated;

    /// <summary>What tells a loop of what has come.</summary>
    public virtual Readiness NewReadiness() => new Epoll();

    /// <summary>The time by which it is seen that a turn takes long, in milliseconds from somewhere.</summary>
    public virtual long Milliseconds => Environment.TickCount64;

    /// <summary>Random bytes.</summary>
    public virtual void Fill(Span<byte> bytes) => Random.Shared.NextBytes(bytes);

    /// <summary>Random bytes that nobody can foresee; a simulation's are its own.</summary>
    public void FillUnpredictably(Span<byte> bytes)
    {
        if (IsSimulated)
            Fill(bytes);
        else
            RandomNumberGenerator.Fill(bytes);
    }
}
