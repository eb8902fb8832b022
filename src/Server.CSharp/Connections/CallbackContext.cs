namespace FunctionalWs;

/// <summary>
/// What an <c>async void</c> method runs in that the application's code is, or calls, on a thread of ours: it goes on on the
/// thread pool, as without a context, but what it throws is told there instead of ending the process. Also of those that it
/// calls itself after an <c>await</c>, since it goes on with this context.
/// </summary>
/// <param name="log">Where failures are told.</param>
/// <param name="scheduler">Where it goes on.</param>
/// <param name="driver">The connection that the thread works for; null for none.</param>
internal class CallbackContext(Log log, Scheduler scheduler, Driver? driver = null)
    : SynchronizationContext
{
    protected Scheduler Scheduler => scheduler;

    /// <summary>Waits for a task of the application's. What the task ends with is thrown, as it was.</summary>
    public static void Await(Task task)
    {
        (Current as CallbackContext)?.Scheduler.Await(task);
        task.GetAwaiter().GetResult();
    }

    /// <summary>Runs something in the context, on this thread.</summary>
    public void Run(Action action)
    {
        var before = Current;
        SetSynchronizationContext(this);
        try
        {
            action();
        }
        finally
        {
            SetSynchronizationContext(before);
        }
    }

    public override SynchronizationContext CreateCopy() => this;

    /// <summary>How such a method goes on, and how it throws.</summary>
    public override void Post(SendOrPostCallback callback, object? state) =>
        scheduler.Post(() => Call(callback, state));

    private void Call(SendOrPostCallback callback, object? state)
    {
        try
        {
            Run(() => callback(state));
        }
        catch (Exception error)
        {
            Failed(error);
        }
    }

    /// <summary>What was posted has thrown, on the thread pool. Must not throw.</summary>
    protected virtual void Failed(Exception error) => Tell(error);

    /// <summary>Tells what nobody is left to be thrown at.</summary>
    protected void Tell(Exception error) => Guard.Run(this, _ => TellOf(error), (_, _) => { });

    private void TellOf(Exception error)
    {
        if (driver is not null && ClientsDoing.Of(error, driver) is { } doing)
            log.HandlerEnded(error, doing); // it used the connection that has ended
        else
            log.AsyncVoidFailed(error);
    }
}
