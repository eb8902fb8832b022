using System.Runtime.ExceptionServices;

namespace FunctionalWs;

/// <summary>
/// What a handler runs in: it counts as returned when the <c>async void</c> methods that it is, or has called, have, and what they
/// throw counts as the handler's.
/// </summary>
internal sealed class HandlerContext(Log log, Scheduler scheduler, Driver driver)
    : CallbackContext(log, scheduler, driver)
{
    private readonly object gate = new();
    private readonly int[] posts = new int[2]; // that have not run yet, of this turn and the one before
    private int turn;
    private int pending; // methods that are async void
    private ExceptionDispatchInfo? failure;
    private bool isOver;

    /// <summary>Runs a handler, and what it has begun, to the end.</summary>
    public void Run(Action<ServerConnection> handler, ServerConnection connection)
    {
        try
        {
            Run(() =>
            {
                handler(connection);
                AwaitAll();
            });
        }
        finally
        {
            // From now on nobody waits for what may still fail; and a handler that threw itself has not waited.
            if (Take(isLast: true) is { } untold)
                Tell(untold.SourceException);
        }
    }

    /// <summary>A handler that waits for the task that it is given by another.</summary>
    public static Action<ServerConnection> Blocking(Func<ServerConnection, Task> handler)
    {
        ArgumentNullException.ThrowIfNull(handler);
        return connection => AwaitHandler(handler(connection));
    }

    /// <summary>Waits for a handler's task. What the task ends with is thrown, as it was.</summary>
    /// <exception cref="InvalidOperationException">There is none.</exception>
    public static void AwaitHandler(Task? task) => Await(task ?? throw NoTask());

    /// <summary>What a handler is told that gives null where a task is waited for.</summary>
    public static InvalidOperationException NoTask() =>
        new("The handler has returned null, not a task.");

    /// <summary>Waits for the <c>async void</c> methods that the current handler has called. What they threw is thrown.</summary>
    public static void AwaitPending() => (Current as HandlerContext)?.AwaitAll();

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
            Scheduler.PulseAll(gate);
        }
    }

    // How a method throws is posted before it has completed, and may run after that, so this counts by itself.
    public override void Post(SendOrPostCallback callback, object? state)
    {
        int turn;
        using (gate.HoldMonitor())
        {
            turn = this.turn;
            posts[turn]++;
        }
        base.Post(
            _ =>
            {
                try
                {
                    callback(state);
                }
                catch (Exception error)
                {
                    Failed(error);
                }
                Called(turn);
            },
            null
        );
    }

    private void Called(int turn)
    {
        using (gate.HoldMonitor())
        {
            posts[turn]--;
            Scheduler.PulseAll(gate);
        }
    }

    protected override void Failed(Exception error)
    {
        using (gate.HoldMonitor())
        {
            if (!isOver && failure is null)
            {
                failure = ExceptionDispatchInfo.Capture(error);
                return;
            }
        }
        Tell(error);
    }

    /// <summary>
    /// Waits for the methods, then for what was posted until then, but not for what follows: a task that nobody waits for goes on by
    /// posts, too, and may do so without end.
    /// </summary>
    private void AwaitAll()
    {
        using (gate.HoldMonitor())
        {
            do
            {
                while (pending > 0)
                    Scheduler.Wait(gate, Timeout.InfiniteTimeSpan);
                var last = turn;
                turn = 1 - turn;
                while (posts[last] > 0)
                    Scheduler.Wait(gate, Timeout.InfiniteTimeSpan);
            } while (pending > 0);
        }
        Take(isLast: false)?.Throw();
    }

    private ExceptionDispatchInfo? Take(bool isLast)
    {
        using (gate.HoldMonitor())
        {
            var taken = failure;
            failure = null;
            isOver |= isLast;
            return taken;
        }
    }
}
