using FunctionalWs.Protocol;

namespace FunctionalWs;

public sealed partial class Server
{
    private bool TryBeginStopping()
    {
        using (gate.HoldMonitor())
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
        using (gate.HoldMonitor())
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
        using (gate.HoldMonitor())
            return [.. connections];
    }

    /// <summary>The connections that are still there, and how many were or will be cut, these included.</summary>
    private (ServerConnection[] Left, int Cut) Uncooperative()
    {
        using (gate.HoldMonitor())
        {
            var left = connections.Where(connection => !connection.IsOwnThread).ToArray();
            return (left, left.Length + overdue);
        }
    }

    /// <summary>
    /// Whatever fails on the way, or interrupts the waiting: everybody is told, what is left is cut, and the server ends.
    /// </summary>
    private int Stop(CloseStatus status, TimeSpan? timeout, CancellationToken hurry)
    {
        var cut = 0;
        try
        {
            var deadline = Deadline.After(options.TimeProvider, timeout);
            forgotten?.Dispose();
            foreach (var listener in listeners)
                Guard.Run(listener.Dispose);
            var told = Snapshot();
            log.ServerClosing(status.ToString(), told.Length);
            foreach (var connection in told)
                Guard.Run(() => connection.Stop(status));
            AwaitHandlers(deadline, hurry);
        }
        finally
        {
            try
            {
                cut = CutRest();
            }
            finally
            {
                End(cut);
            }
        }
        return cut;
    }

    // The clock and the token are the application's: they are asked without the lock.
    private void AwaitHandlers(Deadline deadline, CancellationToken hurry)
    {
        // The deadline may be on another clock than this wait's, so it is looked at now and then.
        while (!deadline.HasPassed && !hurry.IsCancellationRequested && !isHurried)
        {
            using (gate.HoldMonitor())
            {
                if (connections.All(connection => connection.IsOwnThread))
                    return;
                options.Scheduler.Wait(gate, TimeSpan.FromMilliseconds(20));
            }
        }
    }

    private int CutRest()
    {
        var (left, cut) = Uncooperative();
        foreach (var connection in left)
            Guard.Run(() => connection.Abort(new TimeoutException("The server was shut down.")));
        return cut;
    }

    private void End(int forcedConnections)
    {
        try
        {
            loops.Dispose();
            threads.Dispose();
            log.ServerClosed(forcedConnections);
        }
        finally
        {
            using (gate.HoldMonitor())
            {
                forced = forcedConnections;
                phase = Phase.Stopped;
                options.Scheduler.PulseAll(gate);
            }
            meter.Remove(metrics, this);
            watcher.EndWhenEmpty();
        }
    }
}
