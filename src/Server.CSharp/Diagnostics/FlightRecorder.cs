using FunctionalWs.Protocol;

namespace FunctionalWs;

/// <summary>
/// The last steps of a connection, with their times by the server's clock. Told of each in the order of the states, so under their lock;
/// what it has recorded can be looked at from any thread.
/// </summary>
internal sealed class FlightRecorder(
    FlightRecorderOptions options,
    ConnectionSettings settings,
    TimeProvider clock
)
{
    private readonly long startedAt = clock.GetTimestamp();
    private readonly Recorder recorder = new(options.ToLimits(), settings, clock.GetUtcNow());

    public Recording Recording => recorder.ToRecording();

    private TimeSpan Now => clock.GetElapsedTime(startedAt);

    /// <summary>The decoder that the endpoint has to get in the place of another, so that what is decoded is recorded.</summary>
    public PayloadDecoder Watch(PayloadDecoder decoder) => recorder.Watch(decoder);

    /// <summary>The bytes that one call of the endpoint has taken, as they came, and what it answered.</summary>
    public void Received(ReadOnlySpan<byte> bytes, in ReceiveStep step) =>
        recorder.Received(Now, bytes, step);

    /// <summary>The peer's side of the stream has ended.</summary>
    public void EndOfStream() => recorder.EndOfStream(Now);

    /// <summary>A command that was accepted, and the size of its payload.</summary>
    public void Sent(Command command, long length) => recorder.Sent(Now, command, length);

    /// <summary>Our side of the stream has ended, and that has changed the state.</summary>
    public void SendingEnded() => recorder.SendingEnded(Now);
}
