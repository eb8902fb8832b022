using System.Diagnostics.Metrics;
using Microsoft.Extensions.Logging;

namespace FunctionalWs;

/// <summary>
/// Copies of options with another value, for F#, which has no <c>with</c> for records of C#. What they give is of the same type as what
/// they are given.
/// </summary>
internal static class ConnectionOptionsCopy
{
    public static ConnectionOptions CloseTimeout(ConnectionOptions options, TimeSpan? value) =>
        options with
        {
            CloseTimeout = value,
        };

    public static ConnectionOptions CoalesceOutput(ConnectionOptions options, bool value) =>
        options with
        {
            CoalesceOutput = value,
        };

    public static ConnectionOptions Compression(
        ConnectionOptions options,
        PerMessageDeflate? value
    ) => options with { Compression = value };

    public static ConnectionOptions FlightRecorder(
        ConnectionOptions options,
        FlightRecorderOptions? value
    ) => options with { FlightRecorder = value };

    public static ConnectionOptions LoggerFactory(
        ConnectionOptions options,
        ILoggerFactory value
    ) => options with { LoggerFactory = value };

    public static ConnectionOptions MaxFragmentSize(ConnectionOptions options, int? value) =>
        options with
        {
            MaxFragmentSize = value,
        };

    public static ConnectionOptions MaxFragments(ConnectionOptions options, int value) =>
        options with
        {
            MaxFragments = value,
        };

    public static ConnectionOptions MaxMessageSize(ConnectionOptions options, int? value) =>
        options with
        {
            MaxMessageSize = value,
        };

    public static ConnectionOptions MaxQueue(ConnectionOptions options, int? value) =>
        options with
        {
            MaxQueue = value,
        };

    public static ConnectionOptions MaxQueueLow(ConnectionOptions options, int? value) =>
        options with
        {
            MaxQueueLow = value,
        };

    public static ConnectionOptions MessageTimeout(ConnectionOptions options, TimeSpan? value) =>
        options with
        {
            MessageTimeout = value,
        };

    public static ConnectionOptions MeterFactory(ConnectionOptions options, IMeterFactory? value) =>
        options with
        {
            MeterFactory = value,
        };

    public static ConnectionOptions PingInterval(ConnectionOptions options, TimeSpan? value) =>
        options with
        {
            PingInterval = value,
        };

    public static ConnectionOptions PingTimeout(ConnectionOptions options, TimeSpan? value) =>
        options with
        {
            PingTimeout = value,
        };

    public static ConnectionOptions SendTimeout(ConnectionOptions options, TimeSpan? value) =>
        options with
        {
            SendTimeout = value,
        };

    public static ConnectionOptions TimeProvider(ConnectionOptions options, TimeProvider value) =>
        options with
        {
            TimeProvider = value,
        };

    public static ConnectionOptions ValidateText(ConnectionOptions options, bool value) =>
        options with
        {
            ValidateText = value,
        };

    public static ConnectionOptions OpenTimeout(ConnectionOptions options, TimeSpan? value) =>
        options.WithOpenTimeout(value);

    public static ConnectionOptions Subprotocols(
        ConnectionOptions options,
        IReadOnlyList<string> value
    ) => options.WithSubprotocols(value);
}
