using System.Diagnostics.Metrics;

namespace FunctionalWs;

/// <summary>
/// The instruments of servers, with name, unit and meaning. What happens seldom is recorded when it happens; what is
/// counted or there anyway is only looked at when a listener asks.
/// </summary>
internal sealed class Instruments
{
    private static readonly InstrumentAdvice<double> Passes = ConnectionInstruments.Boundaries([
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

    /// <param name="meter">What they belong to.</param>
    /// <param name="servers">Those that are measured, a copy.</param>
    public Instruments(Meter meter, Func<ServerMetrics[]> servers)
    {
        IEnumerable<Measurement<T>> Each<T>(Func<ServerMetrics, Measurement<T>> measure)
            where T : struct => servers().Select(measure);

        Connections = new ConnectionInstruments(meter, "functionalws.server", servers);
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
        HandshakeDuration = meter.CreateHistogram(
            "functionalws.server.handshake.duration",
            "s",
            "From the accepting of a client to the answer: TLS, the request and the hooks.",
            advice: ConnectionInstruments.Delays
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

    /// <summary>Those that clients have, too.</summary>
    public ConnectionInstruments Connections { get; }

    public Histogram<double> HandshakeDuration { get; }

    public Histogram<double> WatcherDuration { get; }

    public Counter<long> LoopHandOvers { get; }

    public Counter<long> AcceptErrors { get; }

    public Counter<long> RejectedConnections { get; }
}
