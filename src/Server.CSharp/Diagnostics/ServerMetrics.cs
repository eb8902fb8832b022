using System.Diagnostics;
using System.Diagnostics.Metrics;
using System.Net.Sockets;

namespace FunctionalWs;

/// <summary>What is measured of the servers with one address.</summary>
internal sealed class ServerMetrics(ServerMeter meter, ServerAddress address)
    : ConnectionMetrics(ToTags(address))
{
    private readonly Lock gate = new();
    private readonly List<Server> servers = [];

    private protected override ConnectionInstruments? Instruments => meter.Instruments?.Connections;

    /// <summary>Whose address it is.</summary>
    public ServerAddress Address => address;

    /// <summary>True while there is a server.</summary>
    public bool HasServers => Servers.Length > 0;

    // ---- What happens

    /// <summary>A server runs.</summary>
    public void Add(Server server)
    {
        using (gate.HoldOfProcess())
            servers.Add(server);
    }

    /// <summary>A server has ended.</summary>
    public void Remove(Server server)
    {
        using (gate.HoldOfProcess())
            servers.Remove(server);
    }

    /// <summary>An opening handshake has ended, in whatever way.</summary>
    public void HandshakeEnded(TimeSpan duration, HandshakeOutcome outcome)
    {
        if (meter.Instruments is not { HandshakeDuration.Enabled: true })
            return;
        var tags = this.tags;
        tags.Add("functionalws.handshake.outcome", outcome.Name);
        if (outcome.StatusCode is { } status)
            tags.Add("http.response.status_code", status);
        if (outcome.Error is { } error)
            tags.Add("error.type", error.GetType().FullName);
        Record(meter.Instruments?.HandshakeDuration, duration, tags);
    }

    /// <summary>True while the watcher's passes are measured.</summary>
    public bool ArePassesMeasured => meter.Instruments is { WatcherDuration.Enabled: true };

    /// <summary>The watcher has looked at all connections.</summary>
    public void WatcherPassed(TimeSpan duration) =>
        Record(meter.Instruments?.WatcherDuration, duration, tags);

    /// <summary>A message handler has held a loop up, which another thread goes on with.</summary>
    public void LoopPassedOn() => Add(meter.Instruments?.LoopHandOvers, tags);

    /// <summary>A client could not be accepted.</summary>
    public void AcceptFailed(Exception error)
    {
        var kind = error is SocketException { SocketErrorCode: var code }
            ? Invariant($"{code}")
            : error.GetType().FullName;
        Add(meter.Instruments?.AcceptErrors, WithError(kind));
    }

    /// <summary>A client was turned away.</summary>
    /// <param name="reason">Why: one of the reasons of <see cref="Admissions"/>, or none for want of a thread.</param>
    public void TurnedAway(string? reason)
    {
        var kind = reason switch
        {
            Admissions.Full => "connections",
            Admissions.ManyPending => "pending_handshakes",
            Admissions.ManyOfAddress => "connections_per_address",
            null => "threads",
            _ => ConnectionOutcome.Other,
        };
        Add(meter.Instruments?.RejectedConnections, WithError(kind));
    }

    private protected override void ListenerFailed(Exception error)
    {
        foreach (var server in Servers.Take(1))
            server.ListenerFailed(error);
    }

    // ---- What a listener asks for

    public Measurement<int> PendingHandshakes =>
        new(Servers.Sum(server => server.PendingHandshakes), tags);

    public Measurement<int> BlockedConnections =>
        new(Servers.Sum(server => server.CountBlocked()), tags);

    public Measurement<long> SendQueueSize =>
        new(Servers.Sum(server => server.SumSendQueues()), tags);

    private Server[] Servers
    {
        get
        {
            using (gate.HoldOfProcess())
                return [.. servers];
        }
    }

    private static TagList ToTags(ServerAddress address)
    {
        var tags = new TagList();
        if (address.Address is { } text)
            tags.Add("server.address", text);
        if (address.Port is { } port)
            tags.Add("server.port", port);
        return tags;
    }
}
