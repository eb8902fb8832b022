using System.Diagnostics.Metrics;

namespace FunctionalWs;

/// <summary>
/// The instruments that servers and clients have in common, with name, unit and meaning. What happens seldom is recorded when it
/// happens; what is counted or there anyway is only looked at when a listener asks.
/// </summary>
internal sealed class ConnectionInstruments
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

    /// <summary>Boundaries for what should take less than a second.</summary>
    public static readonly InstrumentAdvice<double> Delays = Boundaries([
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

    private readonly Instrument messages;
    private readonly Instrument messageIo;
    private readonly Instrument networkIo;

    /// <param name="meter">What they belong to.</param>
    /// <param name="prefix">How their names begin.</param>
    /// <param name="measured">Those that are measured, a copy.</param>
    public ConnectionInstruments(
        Meter meter,
        string prefix,
        Func<IEnumerable<ConnectionMetrics>> measured
    )
    {
        IEnumerable<Measurement<long>> Flows(Func<FlowCount, long> count) =>
            measured().SelectMany(each => each.Measure(count));

        meter.CreateObservableUpDownCounter(
            prefix + ".active_connections",
            () => measured().Select(each => each.ActiveConnections),
            "{connection}",
            "Connections that are open: from the end of the opening handshake to the end of the stream."
        );
        messages = meter.CreateObservableCounter(
            prefix + ".messages",
            () => Flows(count => count.Messages),
            "{message}",
            "Messages that were received or sent."
        );
        messageIo = meter.CreateObservableCounter(
            prefix + ".message.io",
            () => Flows(count => count.Size),
            "By",
            "Payload of messages as the application sees it: not compressed."
        );
        networkIo = meter.CreateObservableCounter(
            prefix + ".network.io",
            () => Flows(count => count.WireSize),
            "By",
            "Frames of messages as they are on the wire: compressed, with their headers."
        );
        ConnectionDuration = meter.CreateHistogram(
            prefix + ".connection.duration",
            "s",
            "From the end of the opening handshake to the end of the stream.",
            advice: Lifetimes
        );
        PingDuration = meter.CreateHistogram(
            prefix + ".ping.duration",
            "s",
            "From a ping, the keepalive's or the application's, to its pong.",
            advice: Delays
        );
    }

    public Histogram<double> ConnectionDuration { get; }

    public Histogram<double> PingDuration { get; }

    /// <summary>True while somebody listens to what connections have to count themselves.</summary>
    public bool AreMessagesCounted => messages.Enabled || messageIo.Enabled || networkIo.Enabled;

    /// <summary>Boundaries of a histogram.</summary>
    public static InstrumentAdvice<double> Boundaries(double[] seconds) =>
        new() { HistogramBucketBoundaries = seconds };
}
