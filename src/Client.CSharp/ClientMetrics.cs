using System.Diagnostics;
using System.Diagnostics.Metrics;
using System.Runtime.CompilerServices;

namespace FunctionalWs;

/// <summary>What is measured of the connections of all clients with one meter.</summary>
internal sealed class ClientMetrics : ConnectionMetrics
{
    private static readonly Meter Shared = new(ServerMeter.Name);
    private static readonly ConditionalWeakTable<Meter, ClientMetrics> Known = [];
    private static readonly Lock KnownGate = new();

    private volatile ConnectionInstruments? instruments;
    private volatile Log? log; // of the client that came last

    private ClientMetrics()
        : base(new TagList()) { }

    private protected override ConnectionInstruments? Instruments => instruments;

    /// <summary>Those of a factory; the process's own without one.</summary>
    public static ClientMetrics Of(IMeterFactory? factory, Log log)
    {
        var meter = factory?.Create(ServerMeter.Name) ?? Shared;
        if (!IsKnown(meter, out var found))
        {
            // Outside of the lock: listeners are told of each.
            found.instruments = new ConnectionInstruments(
                meter,
                "functionalws.client",
                () => [found]
            );
        }
        found.log = log;
        return found;
    }

    /// <summary>False for the first who asks, who has to make its instruments.</summary>
    private static bool IsKnown(Meter meter, out ClientMetrics found)
    {
        using (KnownGate.HoldOfProcess())
        {
            if (Known.TryGetValue(meter, out var known))
            {
                found = known;
                return true;
            }
            Known.Add(meter, found = new ClientMetrics());
            return false;
        }
    }

    private protected override void ListenerFailed(Exception error) => log?.ListenerFailed(error);
}
