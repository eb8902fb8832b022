using System.Diagnostics;
using System.Diagnostics.Metrics;
using System.Net.Sockets;

namespace FunctionalWs;

/// <summary>
/// What is measured of the servers with one address. Safe from any thread. Without a listener each call is a look at a
/// field, or an addition. No value of a tag is a peer's free choice.
/// </summary>
internal sealed class ServerMetrics(Instruments instruments, ServerAddress address)
{
    private readonly TagList tags = ToTags(address);
    private readonly Lock gate = new();
    private readonly List<Server> servers = [];
    private int active;

    public FlowTotals Received { get; } = new();

    public FlowTotals Sent { get; } = new();

    /// <summary>True while connections have to count their messages.</summary>
    public bool AreMessagesCounted => instruments.AreMessagesCounted;

    // ---- What happens

    /// <summary>A server runs.</summary>
    public void Add(Server server)
    {
        lock (gate)
            servers.Add(server);
    }

    /// <summary>A server has ended.</summary>
    public void Remove(Server server)
    {
        lock (gate)
            servers.Remove(server);
    }

    /// <summary>A connection is open.</summary>
    public void ConnectionOpened() => Interlocked.Increment(ref active);

    /// <summary>A connection that was open has ended.</summary>
    public void ConnectionEnded(TimeSpan duration, ConnectionOutcome outcome)
    {
        Interlocked.Decrement(ref active);
        if (!instruments.ConnectionDuration.Enabled)
            return;
        var tags = this.tags;
        tags.Add("functionalws.close.code", outcome.CloseCode);
        if (outcome.Initiator is { } initiator)
            tags.Add("functionalws.close.initiator", initiator);
        if (outcome.ErrorType is { } error)
            tags.Add("error.type", error);
        instruments.ConnectionDuration.Record(duration.TotalSeconds, tags);
    }

    /// <summary>An opening handshake has ended, in whatever way.</summary>
    public void HandshakeEnded(TimeSpan duration, HandshakeOutcome outcome)
    {
        if (!instruments.HandshakeDuration.Enabled)
            return;
        var tags = this.tags;
        tags.Add("functionalws.handshake.outcome", outcome.Name);
        if (outcome.StatusCode is { } status)
            tags.Add("http.response.status_code", status);
        if (outcome.Error is { } error)
            tags.Add("error.type", error.GetType().FullName);
        instruments.HandshakeDuration.Record(duration.TotalSeconds, tags);
    }

    /// <summary>A pong has come.</summary>
    public void PingAnswered(TimeSpan duration) =>
        instruments.PingDuration.Record(duration.TotalSeconds, tags);

    /// <summary>True while the watcher's passes are measured.</summary>
    public bool ArePassesMeasured => instruments.WatcherDuration.Enabled;

    /// <summary>The watcher has looked at all connections.</summary>
    public void WatcherPassed(TimeSpan duration) =>
        instruments.WatcherDuration.Record(duration.TotalSeconds, tags);

    /// <summary>A client could not be accepted.</summary>
    public void AcceptFailed(Exception error)
    {
        var kind = error is SocketException { SocketErrorCode: var code }
            ? $"{code}"
            : error.GetType().FullName;
        instruments.AcceptErrors.Add(1, WithError(kind));
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
        instruments.RejectedConnections.Add(1, WithError(kind));
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
            lock (gate)
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
