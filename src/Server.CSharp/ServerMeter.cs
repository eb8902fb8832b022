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

    private static readonly Meter Shared = new(Name);
    private static readonly ConditionalWeakTable<Meter, ServerMeter> Known = [];

    private readonly Lock gate = new();
    private readonly Dictionary<string, ServerMetrics> servers = [];
    private readonly Instruments instruments;

    private ServerMeter(Meter meter) => instruments = new Instruments(meter, Snapshot);

    /// <summary>The meter of a factory; the process's own without one.</summary>
    public static ServerMeter Of(IMeterFactory? factory)
    {
        var meter = factory?.Create(Name) ?? Shared;
        // Under a lock: instruments that were made in vain would stay.
        lock (Known)
        {
            if (!Known.TryGetValue(meter, out var known))
                Known.Add(meter, known = new ServerMeter(meter));
            return known;
        }
    }

    /// <summary>
    /// What is measured of the servers with an address. It stays when they have ended: what was counted must not vanish
    /// before it was read.
    /// </summary>
    public ServerMetrics For(EndPoint? endPoint)
    {
        var address = ServerAddress.Of(endPoint);
        lock (gate)
        {
            if (!servers.TryGetValue($"{address}", out var metrics))
                servers.Add($"{address}", metrics = new ServerMetrics(instruments, address));
            return metrics;
        }
    }

    private ServerMetrics[] Snapshot()
    {
        lock (gate)
            return [.. servers.Values];
    }
}
