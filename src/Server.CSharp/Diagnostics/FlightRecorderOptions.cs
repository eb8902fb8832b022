using FunctionalWs.Protocol;

namespace FunctionalWs;

/// <summary>
/// How much a server keeps of each connection's last steps, see <see cref="ConnectionOptions.FlightRecorder"/>. Immutable. A
/// connection takes at most about 1 KiB for each step, and <see cref="MaxPayloadBytes"/>.
/// </summary>
public sealed record FlightRecorderOptions
{
    private const int MostSteps = 65_536;
    private const int MostBytes = 16 * 1024 * 1024;

    /// <summary>
    /// The most steps that are kept of a connection, the last ones: 1 to 65,536, 100 by default. A step is a frame received, a
    /// message or a control frame sent, or the end of either side of the stream.
    /// </summary>
    public int MaxSteps { get; init; } = 100;

    /// <summary>
    /// The most bytes of received payloads that are kept of a connection: 0 to 16,777,216. 0, the default, keeps none: of
    /// messages, pings and pongs their sizes alone. Payloads are what people write to each other: think before you keep them.
    /// </summary>
    public int MaxPayloadBytes { get; init; }

    /// <exception cref="ArgumentOutOfRangeException">A value is out of its range.</exception>
    internal void Validate()
    {
        Check(MaxSteps, 1, MostSteps, nameof(MaxSteps));
        Check(MaxPayloadBytes, 0, MostBytes, nameof(MaxPayloadBytes));
    }

    internal RecorderLimits ToLimits() => RecorderLimits.Create(MaxSteps, MaxPayloadBytes);

    private static void Check(int value, int min, int max, string name)
    {
        if (value < min || value > max)
            throw new ArgumentOutOfRangeException(
                name,
                value,
                Invariant($"{nameof(ServerOptions.FlightRecorder)}.{name} is from {min} to {max}.")
            );
    }
}
