namespace FunctionalWs;

/// <summary>
/// What a thread of ours is before each piece of work, whatever the one before has made of it: a handler finds nothing of
/// another client's. Made on the thread itself, before it has done anything.
/// </summary>
internal sealed class CleanThread
{
    private readonly Thread thread = Thread.CurrentThread;
    private readonly string? name = Thread.CurrentThread.Name;

    // Its AsyncLocals: among them are culture and UI culture, the principal and the activity.
    private readonly ExecutionContext? context = ExecutionContext.Capture();

    /// <summary>Makes it so again.</summary>
    public void Restore()
    {
        Interrupts.Forget();
        RestoreButInterrupts();
    }

    /// <summary>The same but for an interrupt that is pending: to look for one costs more than all the rest.</summary>
    public void RestoreButInterrupts()
    {
        SynchronizationContext.SetSynchronizationContext(null);
        if (context is not null)
            ExecutionContext.Restore(context);
        if (thread.Priority != ThreadPriority.Normal)
            thread.Priority = ThreadPriority.Normal;
        if (!thread.IsBackground)
            thread.IsBackground = true;
        if (thread.Name != name)
            thread.Name = name;
    }
}
