using FunctionalWs.Protocol;

namespace FunctionalWs;

public sealed partial class Server
{
    private bool TryBeginStopping()
    {
        lock (gate)
        {
            if (phase is Phase.Stopping or Phase.Stopped)
                return false;
            phase = Phase.Stopping;
            return true;
        }
    }

    /// <summary>A handler can't wait for a shutdown that waits for it.</summary>
    private int AwaitStopped()
    {
        lock (gate)
        {
            while (phase != Phase.Stopped && Current is null)
                options.Scheduler.Wait(gate, Timeout.InfiniteTimeSpan);
            return forced;
        }
    }

    private ServerConnection? Current =>
        connections.FirstOrDefault(connection => connection.IsOwnThread);

    private ServerConnection[] Snapshot()
    {
        lock (gate)
            return [.. connections];
    }

    /// <summary>The connections that are still there, and how many were or will be cut, these included.</summary>
    private (ServerConnection[] Left, int Cut) Uncooperative()
    {
        lock (gate)
        {
            var left = connections.Where(connection => !connection.IsOwnThread).ToArray();
            return (left, left.Length + overdue);
        }
    }

    private void AwaitHandlers(Deadline deadline, CancellationToken hurry)
    {
        // The deadline may be on another clock than this wait's, so it is looked at now and then.
        lock (gate)
        {
            while (
                connections.Any(connection => !connection.IsOwnThread)
                && !deadline.HasPassed
                && !hurry.IsCancellationRequested
            )
                options.Scheduler.Wait(gate, TimeSpan.FromMilliseconds(20));
        }
    }

    private void End(int forcedConnections)
    {
        threads.Dispose();
        log.ServerClosed(forcedConnections);
        lock (gate)
        {
            forced = forcedConnections;
            phase = Phase.Stopped;
            options.Scheduler.PulseAll(gate);
        }
        metrics.Remove(this);
        watcher.EndWhenEmpty();
    }
}
