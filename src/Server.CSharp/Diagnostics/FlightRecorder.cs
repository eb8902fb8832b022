using FunctionalWs.Protocol;

namespace FunctionalWs;

/// <summary>
/// The last steps of a connection. Told of each in the order of the states, so under their lock; what it has recorded can be looked at
/// from any thread.
/// </summary>
/// <param name="options">How much is kept.</param>
/// <param name="settings">What is asked of the peer's frames.</param>
/// <param name="opened">When the connection was opened, by its own clock, as all times that follow.</param>
/// <param name="startedAt">The same by the calendar.</param>
internal sealed class FlightRecorder(
    FlightRecorderOptions options,
    ConnectionSettings settings,
    TimeSpan opened,
    DateTimeOffset startedAt
)
{
    private readonly Recorder recorder = new(options.ToLimits(), settings, startedAt);

    public Recording Recording => recorder.ToRecording();

    /// <summary>The decoder that the endpoint has to get in the place of another, so that what is decoded is recorded.</summary>
    public PayloadDecoder Watch(PayloadDecoder decoder) => recorder.Watch(decoder);

    /// <summary>The bytes that one call of the endpoint has taken, as they came, and what it answered.</summary>
    public void Received(TimeSpan now, ReadOnlySpan<byte> bytes, in ReceiveStep step) =>
        recorder.Received(now - opened, bytes, step);

    /// <summary>The peer's side of the stream has ended.</summary>
    public void EndOfStream(TimeSpan now) => recorder.EndOfStream(now - opened);

    /// <summary>A command that was accepted, and the size of its payload.</summary>
    public void Sent(TimeSpan now, Command command, long length) =>
        recorder.Sent(now - opened, command, length);

    /// <summary>Our side of the stream has ended, and that has changed the state.</summary>
    public void SendingEnded(TimeSpan now) => recorder.SendingEnded(now - opened);
}
