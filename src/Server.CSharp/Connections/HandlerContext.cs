using System.Runtime.ExceptionServices;

namespace FunctionalWs;

/// <summary>
/// What keeps an <c>async void</c> method that a handler is, or calls, from ending the process: the handler counts as returned
/// when it has, and what it throws counts as the handler's. Continuations run on the thread pool, as without a context.
/// </summary>
internal sealed class HandlerContext : SynchronizationContext
{
    private readonly object gate = new();
    private int pending;
    private ExceptionDispatchInfo? failure;

    /// <summary>Runs a handler, and what it has begun, to the end.</summary>
    public static void Run(Action<ServerConnection> handler, ServerConnection connection)
    {
        SetSynchronizationContext(new HandlerContext());
        try
        {
            handler(connection);
            AwaitPending();
        }
        finally
        {
            SetSynchronizationContext(null);
        }
    }

    /// <summary>A handler that waits for the task that it is given by another.</summary>
    public static Action<ServerConnection> Blocking(Func<ServerConnection, Task> handler)
    {
        ArgumentNullException.ThrowIfNull(handler);
        return connection => Await(handler(connection));
    }

    /// <summary>Waits for a handler's task. What the task ends with is thrown, as it was.</summary>
    /// <exception cref="InvalidOperationException">There is none.</exception>
    public static void Await(Task? task) =>
        (task ?? throw new InvalidOperationException("The handler has returned null, not a task."))
            .GetAwaiter()
            .GetResult();

    /// <summary>Waits for the <c>async void</c> methods that the current handler has called. What they threw is thrown.</summary>
    public static void AwaitPending() => (Current as HandlerContext)?.AwaitAll();

    public override SynchronizationContext CreateCopy() => this;

    public override void OperationStarted()
    {
        using (gate.HoldMonitor())
            pending++;
    }

    public override void OperationCompleted()
    {
        using (gate.HoldMonitor())
        {
            pending--;
            Monitor.PulseAll(gate);
        }
    }

    /// <summary>How such a method goes on, and how it throws: it has completed before that, so this counts by itself.</summary>
    public override void Post(SendOrPostCallback callback, object? state)
    {
        OperationStarted();
        ThreadPool.UnsafeQueueUserWorkItem(_ => Call(callback, state), null);
    }

    private void Call(SendOrPostCallback callback, object? state)
    {
        try
        {
            callback(state);
        }
        catch (Exception error)
        {
            using (gate.HoldMonitor())
                failure ??= ExceptionDispatchInfo.Capture(error);
        }
        OperationCompleted();
    }

    private void AwaitAll()
    {
        lock (gate)
        {
            while (pending > 0)
                Monitor.Wait(gate);
        }
        failure?.Throw();
    }
}
