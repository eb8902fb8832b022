using System.Diagnostics;
using System.Diagnostics.Metrics;
using System.Net.Sockets;

namespace FunctionalWs;

/// <summary>
/// What is measured of the servers with one address. Safe from any thread. Without a listener each call is a look at a
/// field, or an addition. No value of a tag is a peer's free choice.
/// </summary>
internal sealed class ServerMetrics(ServerMeter meter, ServerAddress address)
{
    private readonly TagList tags = ToTags(address);
    private readonly Lock gate = new();
    private readonly List<Server> servers = [];
    private int active;

    /// <summary>Whose address it is.</summary>
    public ServerAddress Address => address;

    /// <summary>True while there is a server.</summary>
    public bool HasServers => Servers.Length > 0;

    public FlowTotals Received { get; } = new();

    public FlowTotals Sent { get; } = new();

    /// <summary>True while connections have to count their messages.</summary>
    public bool AreMessagesCounted => meter.Instruments is { AreMessagesCounted: true };

    // ---- What happens

    /// <summary>A server runs.</summary>
    public void Add(Server server)
    {
        using (gate.Hold())
            servers.Add(server);
    }

    /// <summary>A server has ended.</summary>
    public void Remove(Server server)
    {
        using (gate.Hold())
            servers.Remove(server);
    }

    /// <summary>A connection is open.</summary>
    public void ConnectionOpened() => Interlocked.Increment(ref active);

    /// <summary>A connection that was open has ended.</summary>
    public void ConnectionEnded(TimeSpan duration, ConnectionOutcome outcome)
    {
        Interlocked.Decrement(ref active);
        if (meter.Instruments is not { ConnectionDuration.Enabled: true })
            return;
        var tags = this.tags;
        tags.Add("functionalws.close.code", outcome.CloseCode);
        if (outcome.Initiator is { } initiator)
            tags.Add("functionalws.close.initiator", initiator);
        if (outcome.ErrorType is { } error)
            tags.Add("error.type", error);
        Record(meter.Instruments?.ConnectionDuration, duration, tags);
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

    /// <summary>A pong has come.</summary>
    public void PingAnswered(TimeSpan duration) =>
        Record(meter.Instruments?.PingDuration, duration, tags);

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

    // Listeners run on the thread that measures, and are the application's code.
    private void Record(Histogram<double>? histogram, TimeSpan duration, in TagList tags)
    {
        try
        {
            histogram?.Record(duration.TotalSeconds, tags);
        }
        catch (Exception error)
        {
            ListenerFailed(error);
        }
    }

    private void Add(Counter<long>? counter, in TagList tags)
    {
        try
        {
            counter?.Add(1, tags);
        }
        catch (Exception error)
        {
            ListenerFailed(error);
        }
    }

    private void ListenerFailed(Exception error)
    {
        foreach (var server in Servers.Take(1))
            server.ListenerFailed(error);
    }

    private TagList WithError(string? kind)
    {
        var tags = this.tags;
        tags.Add("error.type", kind);
        return tags;
    }

    // ---- What a listener asks for

    public Measurement<int> ActiveConnections => new(Volatile.Read(ref active), tags);

    public Measurement<int> PendingHandshakes =>
        new(Servers.Sum(server => server.PendingHandshakes), tags);

    public Measurement<int> BlockedConnections =>
        new(Servers.Sum(server => server.CountBlocked()), tags);

    public Measurement<long> SendQueueSize =>
        new(Servers.Sum(server => server.SumSendQueues()), tags);

    /// <summary>One of the counts of messages, in both directions and of both types.</summary>
    public IEnumerable<Measurement<long>> Measure(Func<FlowCount, long> count)
    {
        var (received, sent) = (Received.Sum(), Sent.Sum());
        yield return new(count(received.Text), Flow("receive", "text"));
        yield return new(count(received.Binary), Flow("receive", "binary"));
        yield return new(count(sent.Text), Flow("transmit", "text"));
        yield return new(count(sent.Binary), Flow("transmit", "binary"));
    }

    private TagList Flow(string direction, string type)
    {
        var tags = this.tags;
        tags.Add("network.io.direction", direction);
        tags.Add("functionalws.message.type", type);
        return tags;
    }

    private Server[] Servers
    {
        get
        {
            using (gate.Hold())
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
