using System.Buffers;
using FunctionalWs.Protocol;

namespace FunctionalWs;

/// <summary>
/// The last steps of a connection, with their times. Told of each under the state's lock; what it has recorded can be looked at
/// from any thread.
/// </summary>
internal sealed class FlightRecorder(
    FlightRecorderOptions options,
    ConnectionSettings settings,
    TimeProvider clock
)
{
    private readonly long startedAt = clock.GetTimestamp();
    private Recorder recorder = RecorderModule.Start(
        options.ToLimits(),
        settings,
        clock.GetUtcNow()
    );

    public Recording Recording => RecorderModule.ToRecording(Volatile.Read(ref recorder));

    private TimeSpan Now => clock.GetElapsedTime(startedAt);

    /// <summary>Bytes of the peer that were taken, from an offset on; under the state's lock.</summary>
    public void Received(long offset, ReadOnlySpan<byte> bytes, in ReceiveStep step) { }

    /// <summary>The peer's side of the stream has ended.</summary>
    public void EndOfStream(long offset) { }

    /// <summary>A command that was accepted, and the size of its payload.</summary>
    public void Sent(long offset, Command command, long length) { }
}
