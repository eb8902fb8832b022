using System.Diagnostics.Metrics;

namespace FunctionalWs;

/// <summary>
/// Every instrument of a meter, with its name, unit and meaning. What happens seldom is recorded when it happens; what is
/// counted or there anyway is only looked at when a listener asks.
/// </summary>
internal sealed class Instruments
{
    private static readonly InstrumentAdvice<double> Lifetimes = Boundaries([
        0.01,
        0.1,
        0.5,
        1,
        5,
        10,
        30,
        60,
        300,
        900,
        1_800,
        3_600,
        14_400,
        86_400,
    ]);

    private static readonly InstrumentAdvice<double> Delays = Boundaries([
        0.001,
        0.0025,
        0.005,
        0.01,
        0.025,
        0.05,
        0.1,
        0.25,
        0.5,
        1,
        2.5,
        5,
        10,
    ]);

    private static readonly InstrumentAdvice<double> Passes = Boundaries([
        0.00001,
        0.00005,
        0.0001,
        0.0005,
        0.001,
        0.002,
        0.005,
        0.01,
        0.02,
        0.05,
        0.1,
        0.5,
    ]);

    private readonly Instrument messages;
    private readonly Instrument messageIo;
    private readonly Instrument networkIo;

    /// <param name="meter">What they belong to.</param>
    /// <param name="servers">Those that are measured, a copy.</param>
    public Instruments(Meter meter, Func<ServerMetrics[]> servers)
    {
        IEnumerable<Measurement<T>> Each<T>(Func<ServerMetrics, Measurement<T>> measure)
            where T : struct => servers().Select(measure);
        IEnumerable<Measurement<long>> Flows(Func<FlowCount, long> count) =>
            servers().SelectMany(server => server.Measure(count));

        meter.CreateObservableUpDownCounter(
            "functionalws.server.active_connections",
            () => Each(server => server.ActiveConnections),
            "{connection}",
            "Connections that are open: from the end of the opening handshake to the end of the stream."
        );
        meter.CreateObservableUpDownCounter(
            "functionalws.server.pending_handshakes",
            () => Each(server => server.PendingHandshakes),
            "{handshake}",
            "Clients that were accepted and have no answer to their handshake yet."
        );
        meter.CreateObservableUpDownCounter(
            "functionalws.server.blocked_connections",
            () => Each(server => server.BlockedConnections),
            "{connection}",
            "Connections on which output waits since the peer does not read."
        );
        meter.CreateObservableUpDownCounter(
            "functionalws.server.send_queue.size",
            () => Each(server => server.SendQueueSize),
            "By",
            "Bytes of broadcast messages and of held-back answers that have not begun to leave."
        );
        messages = meter.CreateObservableCounter(
            "functionalws.server.messages",
            () => Flows(count => count.Messages),
            "{message}",
            "Messages that were received or sent."
        );
        messageIo = meter.CreateObservableCounter(
            "functionalws.server.message.io",
            () => Flows(count => count.Size),
            "By",
            "Payload of messages as the application sees it: not compressed."
        );
        networkIo = meter.CreateObservableCounter(
            "functionalws.server.network.io",
            () => Flows(count => count.WireSize),
            "By",
            "Frames of messages as they are on the wire: compressed, with their headers."
        );
        ConnectionDuration = meter.CreateHistogram(
            "functionalws.server.connection.duration",
            "s",
            "From the end of the opening handshake to the end of the stream.",
            advice: Lifetimes
        );
        HandshakeDuration = meter.CreateHistogram(
            "functionalws.server.handshake.duration",
            "s",
            "From the accepting of a client to the answer: TLS, the request and the hooks.",
            advice: Delays
        );
        PingDuration = meter.CreateHistogram(
            "functionalws.server.ping.duration",
            "s",
            "From a ping, the keepalive's or the application's, to its pong.",
            advice: Delays
        );
        WatcherDuration = meter.CreateHistogram(
            "functionalws.server.watcher.duration",
            "s",
            "One pass of the watcher over all connections, or over the urgent ones.",
            advice: Passes
        );
        LoopHandOvers = meter.CreateCounter<long>(
            "functionalws.server.loop.hand_overs",
            "{hand_over}",
            "Loops that another thread went on with, since a message handler took long."
        );
        AcceptErrors = meter.CreateCounter<long>(
            "functionalws.server.accept.errors",
            "{error}",
            "Failures to accept a client."
        );
        RejectedConnections = meter.CreateCounter<long>(
            "functionalws.server.rejected_connections",
            "{connection}",
            "Clients that were turned away before their handshake, for want of room."
        );
    }

    public Histogram<double> ConnectionDuration { get; }

    public Histogram<double> HandshakeDuration { get; }

    public Histogram<double> PingDuration { get; }

    public Histogram<double> WatcherDuration { get; }

    public Counter<long> LoopHandOvers { get; }

    public Counter<long> AcceptErrors { get; }

    public Counter<long> RejectedConnections { get; }

    /// <summary>True while somebody listens to what connections have to count themselves.</summary>
    public bool AreMessagesCounted => messages.Enabled || messageIo.Enabled || networkIo.Enabled;

    private static InstrumentAdvice<double> Boundaries(double[] seconds) =>
        new() { HistogramBucketBoundaries = seconds };
}
