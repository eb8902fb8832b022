using System.Runtime.InteropServices;

namespace FunctionalWs;

/// <summary>
/// The loops of a server, one a processor, and the threads that run them. A watchdog sees when a turn takes long, and gives the loop
/// another thread: what waits behind a handler that blocks waits some milliseconds at most, as long as there are threads.
/// </summary>
internal sealed partial class LoopThreads : IDisposable
{
    // A turn that is seen twice has lasted for this time, and twice of it at most.
    private static readonly TimeSpan Tick = TimeSpan.FromMilliseconds(2);

    // Ticks without a turn until the watchdog sleeps.
    private const int TicksUntilCalm = 50;

    // A thread that runs is not one that blocks; but what computes for long holds up the others, too.
    private const int MostTicksSpared = 3;

    private readonly Scheduler scheduler;
    private readonly ConnectionThreads threads;
    private readonly int most;
    private readonly Log log;
    private readonly CallbackContext callbacks;
    private readonly ServerMetrics metrics;
    private readonly Seldom exhausted;
    private readonly Lock gate = new();
    private readonly Signal wake = new();
    private MessageLoop[] loops = [];
    private int running; // threads, those that a loop was taken from included
    private volatile bool isCalm;
    private volatile bool isDisposed;

    /// <param name="options">The server's.</param>
    /// <param name="threads">Whose threads run the loops.</param>
    /// <param name="log">Told when there are no more threads.</param>
    /// <param name="callbacks">What loggers and listeners run in on the watchdog's thread.</param>
    /// <param name="metrics">Told of each loop that is passed on.</param>
    public LoopThreads(
        ServerOptions options,
        ConnectionThreads threads,
        Log log,
        CallbackContext callbacks,
        ServerMetrics metrics
    )
    {
        scheduler = options.Scheduler;
        most = options.MaxMessageThreads;
        exhausted = new Seldom(options.TimeProvider);
        this.threads = threads;
        this.log = log;
        this.callbacks = callbacks;
        this.metrics = metrics;
    }

    public Scheduler Scheduler => scheduler;

    /// <summary>Gives a connection a place in the loop with the fewest.</summary>
    public void Add(ServerConnection connection)
    {
        Start();
        var chosen = loops[0];
        foreach (var loop in loops)
        {
            if (loop.Connections < chosen.Connections)
                chosen = loop;
        }
        chosen.Add(connection);
    }

    private void Start()
    {
        if (Volatile.Read(ref loops).Length > 0)
            return;
        using (gate.Hold())
        {
            ObjectDisposedException.ThrowIf(isDisposed, this);
            if (loops.Length > 0)
                return;
            // Half of the threads are for those that go on where others block.
            var count = Math.Clamp(Environment.ProcessorCount, 1, Math.Max(most / 2, 1));
            var made = new MessageLoop[count];
            var started = 0;
            try
            {
                for (var index = 0; index < count; index++)
                    made[index] = new MessageLoop(this);
                for (; started < count; started++)
                    Run(made[started]);
                scheduler.Start("FunctionalWs watchdog", () => callbacks.Run(() => Watchdog(made)));
            }
            catch
            {
                // Who asks next makes others.
                foreach (var loop in made[..started])
                    loop.Dispose();
                foreach (var loop in made[started..])
                    loop?.Forget();
                throw;
            }
            Volatile.Write(ref loops, made);
        }
    }

    private void Run(MessageLoop loop)
    {
        Interlocked.Increment(ref running);
        try
        {
            threads.Run(() => RunLoop(loop));
        }
        catch
        {
            Interlocked.Decrement(ref running);
            throw;
        }
    }

    private void RunLoop(MessageLoop loop)
    {
        loop.ThreadState = Invariant($"/proc/self/task/{Call(ThreadId)}/stat");
        var thread = new CleanThread();
        var isTaken = false;
        void RunOn(LoopThreads _) => isTaken = loop.Run(thread);
        while (!isTaken && !loop.IsOver)
            Guard.Run(this, RunOn, Failed);
        Interlocked.Decrement(ref running);
    }

    /// <summary>A turn begins.</summary>
    public void Watch()
    {
        Scheduler.Meet(this, Access.Write);
        if (!isCalm)
            return;
        isCalm = false;
        wake.Set();
    }

    private void Watchdog(MessageLoop[] loops)
    {
        var calmTicks = 0;
        var seen = new long[loops.Length];
        var spared = new int[loops.Length];
        var last = scheduler.Milliseconds;
        void LookAtAll(LoopThreads _)
        {
            var now = scheduler.Milliseconds;
            // Having slept too long itself, for want of a processor or since garbage was collected, it looks once more first.
            var isLate = now - last > 3 * Tick.TotalMilliseconds;
            last = now;
            var isBusy = false;
            for (var index = 0; index < loops.Length; index++)
                isBusy |= Look(loops[index], ref seen[index], ref spared[index], isLate);
            calmTicks = isBusy ? 0 : calmTicks + 1;
        }
        while (!Array.TrueForAll(loops, loop => loop.IsOver))
        {
            scheduler.Wait(wake, Tick);
            Guard.Run(this, LookAtAll, Failed);
            if (calmTicks < TicksUntilCalm)
                continue;
            calmTicks = 0;
            Rest(loops, seen);
            last = scheduler.Milliseconds;
        }
    }

    private static readonly Action<LoopThreads, Exception> Failed = (threads, error) =>
        threads.log.LoopFailed(error);

    private void Rest(MessageLoop[] loops, long[] seen)
    {
        Scheduler.Meet(this, Access.Write);
        isCalm = true;
        Interlocked.MemoryBarrierProcessWide(); // a turn moves the word, then looks whether it has to wake
        var isStill = true;
        for (var index = 0; index < loops.Length; index++)
            isStill &= loops[index].Word == seen[index];
        // What a turn has written to isCalm meanwhile stays.
        while (isStill && isCalm && !isDisposed)
            scheduler.Wait(wake, Timeout.InfiniteTimeSpan);
        isCalm = false;
    }

    /// <summary>True when the loop has had turns since the last look, or is in one.</summary>
    private bool Look(MessageLoop loop, ref long seen, ref int spared, bool isLate)
    {
        var word = loop.Word;
        var isInTurn = word % 2 != 0;
        if (word != seen)
        {
            seen = word;
            spared = 0;
            return true;
        }
        if (
            isInTurn
            && !isLate
            && (++spared > MostTicksSpared || scheduler.IsSimulated || !IsRunnable(loop))
        )
            PassOn(loop, word);
        return isInTurn;
    }

    private void PassOn(MessageLoop loop, long word)
    {
        if (Volatile.Read(ref running) >= most)
        {
            if (exhausted.IsDue())
                log.MessageThreadsExhausted(most);
            return;
        }
        if (!loop.TryTake(word))
            return;
        Guard.Run(loop.FlushTaken);
        // Without a thread to be had the loop stands still: it is tried again, and again.
        while (!Guard.Run(() => Run(loop)))
            scheduler.Wait(wake, Tick);
        metrics.LoopPassedOn(); // which calls listeners
    }

    /// <summary>True when the thread of a turn is at work, or waits for a processor.</summary>
    private static bool IsRunnable(MessageLoop loop)
    {
        try
        {
            Span<byte> state = stackalloc byte[128];
            using var file = File.OpenHandle(loop.ThreadState!);
            var size = RandomAccess.Read(file, state, 0);
            var afterName = state[..size].LastIndexOf((byte)')');
            return state[afterName + 2] == 'R';
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException)
        {
            return false;
        }
    }

    /// <summary>Ends the loops, each once its last connection has gone.</summary>
    public void Dispose()
    {
        using (gate.Hold())
        {
            isDisposed = true;
            foreach (var loop in loops)
                loop.Dispose();
        }
        wake.Set();
    }

    // The number of the call that tells the thread's (SYS_gettid) on x86-64: older systems have no function for it.
    private const nint ThreadId = 186;

    [LibraryImport("libc", EntryPoint = "syscall")]
    private static partial nint Call(nint number);
}
