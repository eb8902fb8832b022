namespace FunctionalWs;

/// <content>What metrics ask for.</content>
public sealed partial class Server
{
    /// <summary>Where the server and its connections tell what happens.</summary>
    internal ServerMetrics Metrics => metrics;

    /// <summary>What may wait over all connections; null for no limit.</summary>
    internal BufferBudget? Budget { get; }

    internal int PendingHandshakes
    {
        get
        {
            using (gate.HoldMonitor())
                return admissions.Pending;
        }
    }

    /// <summary>How many connections have output that their peers don't take.</summary>
    internal int CountBlocked() => Snapshot().Count(connection => connection.IsBlocked);

    /// <summary>The bytes that wait in the queues of all connections.</summary>
    internal long SumSendQueues() => Snapshot().Sum(connection => connection.QueueSize);
}
