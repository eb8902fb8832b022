using System.Diagnostics;
using System.Diagnostics.Metrics;

namespace FunctionalWs;

/// <summary>
/// What is measured of the connections of a server or a client. Safe from any thread. Without a listener each call is a look at a
/// field, or an addition. No value of a tag is a peer's free choice.
/// </summary>
internal abstract class ConnectionMetrics(TagList tags)
{
    private protected readonly TagList tags = tags;
    private int active;

    /// <summary>Where they are told; null while nobody can listen.</summary>
    private protected abstract ConnectionInstruments? Instruments { get; }

    public FlowTotals Received { get; } = new();

    public FlowTotals Sent { get; } = new();

    /// <summary>True while connections have to count their messages.</summary>
    public bool AreMessagesCounted => Instruments is { AreMessagesCounted: true };

    // ---- What happens

    /// <summary>A connection is open.</summary>
    public void ConnectionOpened() => Interlocked.Increment(ref active);

    /// <summary>A connection that was open has ended.</summary>
    public void ConnectionEnded(TimeSpan duration, ConnectionOutcome outcome)
    {
        Interlocked.Decrement(ref active);
        if (Instruments is not { ConnectionDuration.Enabled: true } instruments)
            return;
        var tags = this.tags;
        tags.Add("functionalws.close.code", outcome.CloseCode);
        if (outcome.Initiator is { } initiator)
            tags.Add("functionalws.close.initiator", initiator);
        if (outcome.ErrorType is { } error)
            tags.Add("error.type", error);
        Record(instruments.ConnectionDuration, duration, tags);
    }

    /// <summary>A pong has come.</summary>
    public void PingAnswered(TimeSpan duration) =>
        Record(Instruments?.PingDuration, duration, tags);

    // Listeners run on the thread that measures, and are the application's code.
    private protected void Record(Histogram<double>? histogram, TimeSpan duration, in TagList tags)
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

    private protected void Add(Counter<long>? counter, in TagList tags)
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

    /// <summary>A listener has thrown.</summary>
    private protected abstract void ListenerFailed(Exception error);

    private protected TagList WithError(string? kind)
    {
        var tags = this.tags;
        tags.Add("error.type", kind);
        return tags;
    }

    // ---- What a listener asks for

    public Measurement<int> ActiveConnections => new(Volatile.Read(ref active), tags);

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
}
