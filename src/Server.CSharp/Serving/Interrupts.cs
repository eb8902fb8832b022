namespace FunctionalWs;

/// <summary>
/// What becomes of <see cref="Thread.Interrupt"/>. A call of the application that waits is ended by it, before it has changed
/// anything. Inside, where half of a step would be left, it is put off: it stays pending until the thread waits elsewhere.
/// </summary>
internal static class Interrupts
{
    private static readonly ManualResetEvent Signaled = new(true);
    private static readonly TimeSpan Moment = TimeSpan.FromMilliseconds(10);

    /// <summary>Forgets an interrupt that is pending on this thread: it was meant for what has ended.</summary>
    public static void Forget()
    {
        try
        {
            Signaled.WaitOne(0);
        }
        catch (ThreadInterruptedException)
        {
            // That was it.
        }
    }

    /// <summary>Takes a lock, for a moment, however often this thread is interrupted. To be disposed of.</summary>
    public static HeldLock Hold(this Lock gate)
    {
        Scheduler.Meet(gate, Access.Enter);
        if (!gate.TryEnter())
            EnterPatiently(gate);
        return new HeldLock(gate);
    }

    /// <summary>
    /// The same for a lock of the whole process, under which nobody meets anybody: its holder may be no thread of a simulation, which would wait for
    /// it in vain.
    /// </summary>
    public static HeldProcessLock HoldOfProcess(this Lock gate)
    {
        if (!gate.TryEnter())
            EnterPatiently(gate);
        return new HeldProcessLock(gate);
    }

    /// <summary>Takes a lock that may be held for long, unless this thread is interrupted first. To be disposed of.</summary>
    /// <exception cref="ThreadInterruptedException">It was; then the lock wasn't taken.</exception>
    public static HeldLock HoldUnlessInterrupted(this Lock gate)
    {
        Scheduler.Meet(gate, Access.Enter);
        gate.Enter();
        return new HeldLock(gate);
    }

    /// <summary>Takes a lock if it is free. Given back by <see cref="GiveBack"/>.</summary>
    public static bool TryHold(this Lock gate)
    {
        Scheduler.Meet(gate, Access.Write);
        return gate.TryEnter();
    }

    /// <summary>Gives a lock back that isn't held until the end of a block.</summary>
    public static void GiveBack(this Lock gate)
    {
        Scheduler.Meet(gate, Access.Leave);
        gate.Exit();
    }

    /// <summary>Takes a monitor, for a moment, however often this thread is interrupted. To be disposed of.</summary>
    public static HeldMonitor HoldMonitor(this object gate)
    {
        Scheduler.Meet(gate, Access.Enter);
        if (!Monitor.TryEnter(gate))
            EnterPatiently(gate);
        return new HeldMonitor(gate);
    }

    /// <summary>
    /// Waits for a monitor that this thread holds, however often it is interrupted. Then it may be for a moment only: whoever
    /// waits for something looks whether it has come.
    /// </summary>
    public static bool WaitPatiently(object gate, TimeSpan timeout)
    {
        try
        {
            return Monitor.Wait(gate, timeout);
        }
        catch (ThreadInterruptedException)
        {
            var isMoment = timeout == Timeout.InfiniteTimeSpan || timeout > Moment;
            var isPulsed = WaitPatiently(gate, isMoment ? Moment : timeout);
            Thread.CurrentThread.Interrupt();
            return isPulsed;
        }
    }

    private static void EnterPatiently(Lock gate)
    {
        try
        {
            gate.Enter();
        }
        catch (ThreadInterruptedException)
        {
            EnterPatiently(gate);
            Thread.CurrentThread.Interrupt();
        }
    }

    private static void EnterPatiently(object gate)
    {
        try
        {
            Monitor.Enter(gate);
        }
        catch (ThreadInterruptedException)
        {
            EnterPatiently(gate);
            Thread.CurrentThread.Interrupt();
        }
    }
}

/// <summary>A lock that is held until the end of a block.</summary>
internal readonly ref struct HeldLock(Lock gate)
{
    public void Dispose()
    {
        Scheduler.Meet(gate, Access.Leave);
        gate.Exit();
    }
}

/// <summary>The same of <see cref="Interrupts.HoldOfProcess"/>.</summary>
internal readonly ref struct HeldProcessLock(Lock gate)
{
    public void Dispose() => gate.Exit();
}

/// <summary>A monitor that is held until the end of a block.</summary>
internal readonly ref struct HeldMonitor(object gate)
{
    public void Dispose()
    {
        Scheduler.Meet(gate, Access.Leave);
        Monitor.Exit(gate);
    }
}
