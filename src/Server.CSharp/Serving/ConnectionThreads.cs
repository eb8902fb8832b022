namespace FunctionalWs;

/// <summary>Threads for connections, one each, reused; a few idle ones are kept for a while.</summary>
internal sealed class ConnectionThreads : IDisposable
{
    private static readonly TimeSpan IdleTime = TimeSpan.FromSeconds(5);

    private readonly int maxIdle;
    private readonly Scheduler scheduler;
    private readonly Action<Action> start;
    private readonly Lock gate = new();
    private readonly List<Worker> idle;
    private bool isDisposed;

    /// <param name="maxIdle">How many threads wait for further work at most.</param>
    /// <param name="scheduler">Whose threads they are.</param>
    /// <param name="start">Starts a thread; may throw when the system has none to give.</param>
    public ConnectionThreads(int maxIdle, Scheduler scheduler, Action<Action> start)
    {
        this.maxIdle = maxIdle;
        this.scheduler = scheduler;
        this.start = start;
        idle = new(maxIdle); // resting needs no memory
    }

    /// <summary>Runs work on a thread of its own at once, which is clean. What it throws is lost.</summary>
    /// <exception cref="OutOfMemoryException">The system has no thread to give.</exception>
    public void Run(Action work)
    {
        if (TryTakeIdle() is { } worker)
            worker.Wake(work);
        else
            start(new Worker(this, work).Run);
    }

    public void Dispose()
    {
        using (gate.Hold())
        {
            isDisposed = true;
            idle.ForEach(worker => worker.Wake(null));
            idle.Clear();
        }
    }

    private Worker? TryTakeIdle()
    {
        using (gate.Hold())
        {
            if (idle.Count == 0)
                return null;
            var worker = idle[^1]; // the one with the warmest stack
            idle.RemoveAt(idle.Count - 1);
            return worker;
        }
    }

    private bool TryRest(Worker worker)
    {
        using (gate.Hold())
        {
            if (isDisposed || idle.Count >= maxIdle)
                return false;
            idle.Add(worker);
            return true;
        }
    }

    /// <summary>True when the worker was still idle, and is no more; false when work is on its way to it.</summary>
    private bool TryLeave(Worker worker)
    {
        using (gate.Hold())
            return idle.Remove(worker);
    }

    private sealed class Worker(ConnectionThreads owner, Action first)
    {
        // Without spinning: work comes when a client does, and a core that spins is one that it can't be served on.
        private readonly Signal woken = new();
        private Action? next = first;

        public void Wake(Action? work)
        {
            next = work;
            woken.Set();
        }

        public void Run()
        {
            var thread = new CleanThread();
            while (next is { } work)
            {
                next = null;
                thread.Restore();
                Guard.Run(work);
                if (!owner.TryRest(this) || !AwaitNext())
                    return;
            }
        }

        /// <summary>False when there is nothing more to do for this one.</summary>
        private bool AwaitNext()
        {
            if (HasWoken(IdleTime))
                return true;
            if (owner.TryLeave(this))
                return false;
            while (!HasWoken(Timeout.InfiniteTimeSpan)) // work was given to this one at the last moment
                continue;
            return true;
        }

        /// <summary>False when the time is up, or when somebody interrupts a handler that has long returned.</summary>
        private bool HasWoken(TimeSpan timeout)
        {
            try
            {
                return owner.scheduler.Wait(woken, timeout);
            }
            catch (ThreadInterruptedException)
            {
                return false;
            }
        }
    }
}
