using System.Diagnostics.Metrics;
using System.Net;
using System.Runtime.CompilerServices;

namespace FunctionalWs;

/// <summary>
/// The meter of a process, or of an <see cref="IMeterFactory"/>: its instruments exist once, whatever number of servers
/// there is, and tell these apart by their addresses.
/// </summary>
internal sealed class ServerMeter
{
    public const string Name = "FunctionalWs";

    /// <summary>
    /// How many addresses stay known at which no server is any more: a process that makes servers on free ports over and over
    /// has another address each time.
    /// </summary>
    public const int MaxEnded = 64;

    private static readonly Meter Shared = new(Name);
    private static readonly ConditionalWeakTable<Meter, ServerMeter> Known = [];

    private static readonly Lock KnownGate = new();

    private readonly Lock gate = new();
    private readonly Dictionary<ServerAddress, ServerMetrics> servers = [];
    private readonly LinkedList<ServerAddress> ended = new(); // those without a server, the last one last
    private volatile Instruments? instruments;

    private ServerMeter() { }

    /// <summary>The meter of a factory; the process's own without one.</summary>
    public static ServerMeter Of(IMeterFactory? factory)
    {
        var meter = factory?.Create(Name) ?? Shared;
        if (IsKnown(meter, out var found))
            return found;
        // Outside of the lock: listeners are told of each.
        found.instruments = new Instruments(meter, found.Snapshot);
        return found;
    }

    /// <summary>False for the first who asks, who has to make its instruments: those made twice would stay.</summary>
    private static bool IsKnown(Meter meter, out ServerMeter found)
    {
        using (KnownGate.HoldOfProcess())
        {
            if (Known.TryGetValue(meter, out var known))
            {
                found = known;
                return true;
            }
            Known.Add(meter, found = new ServerMeter());
            return false;
        }
    }

    /// <summary>The instruments; null while they are being made.</summary>
    public Instruments? Instruments => instruments;

    /// <summary>
    /// What is measured of the servers with an address. It stays when they have ended: what was counted must not vanish before
    /// it was read. Of those without a server only the last <see cref="MaxEnded"/> stay.
    /// </summary>
    public ServerMetrics For(EndPoint? endPoint)
    {
        var address = ServerAddress.Of(endPoint);
        using (gate.HoldOfProcess())
        {
            if (!servers.TryGetValue(address, out var metrics))
                servers.Add(address, metrics = new ServerMetrics(this, address));
            Rest(metrics);
            return metrics;
        }
    }

    /// <summary>A server can be measured.</summary>
    public void Add(ServerMetrics metrics, Server server)
    {
        using (gate.HoldOfProcess())
        {
            metrics.Add(server);
            ended.Remove(metrics.Address);
            servers[metrics.Address] = metrics;
        }
    }

    /// <summary>A server has ended.</summary>
    public void Remove(ServerMetrics metrics, Server server)
    {
        using (gate.HoldOfProcess())
        {
            metrics.Remove(server);
            Rest(metrics);
        }
    }

    private void Rest(ServerMetrics metrics)
    {
        if (metrics.HasServers)
            return;
        ended.Remove(metrics.Address);
        ended.AddLast(metrics.Address);
        if (ended.Count <= MaxEnded)
            return;
        servers.Remove(ended.First!.Value);
        ended.RemoveFirst();
    }

    /// <summary>How many addresses are known.</summary>
    internal int Count
    {
        get
        {
            using (gate.HoldOfProcess())
                return servers.Count;
        }
    }

    private ServerMetrics[] Snapshot()
    {
        using (gate.HoldOfProcess())
            return [.. servers.Values];
    }
}
