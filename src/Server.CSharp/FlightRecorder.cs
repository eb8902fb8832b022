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

    /// <summary>What happens after the end changes nothing.</summary>
    private bool IsOver => recorder.State is State.Closed;

    /// <param name="offset">Where the frame begins.</param>
    /// <param name="input">What was received.</param>
    /// <param name="header">The bytes at that place, when the input is a header that was refused; else empty.</param>
    /// <param name="transition">What it led to.</param>
    public void Receive(
        long offset,
        in Input input,
        in ReadOnlySequence<byte> header,
        in Transition transition
    )
    {
        if (!IsOver)
            Volatile.Write(
                ref recorder,
                header.IsEmpty
                    ? RecorderModule.Receive(recorder, Now, offset, input, transition)
                    : ReceiveRefused(offset, header, transition)
            );
    }

    private Recorder ReceiveRefused(
        long offset,
        in ReadOnlySequence<byte> header,
        in Transition transition
    )
    {
        Span<byte> bytes = stackalloc byte[FrameReader.MaxHeaderSize];
        var size = (int)Math.Min(header.Length, bytes.Length);
        header.Slice(0, size).CopyTo(bytes);
        return RecorderModule.ReceiveRefused(recorder, Now, offset, bytes[..size], transition);
    }

    public void ReceiveData(
        long offset,
        in FrameHeader header,
        Part part,
        ReadOnlySpan<byte> data,
        in Transition transition
    )
    {
        if (!IsOver)
            Volatile.Write(
                ref recorder,
                RecorderModule.ReceiveData(recorder, Now, offset, header, part, data, transition)
            );
    }

    public void Send(long offset, Command command, long length, in Transition transition)
    {
        if (!IsOver)
            Volatile.Write(
                ref recorder,
                RecorderModule.Send(recorder, Now, offset, command, length, transition)
            );
    }

    /// <summary>Sends a frame that was made for many, of which only its bytes are known.</summary>
    public void Send(
        long offset,
        Command command,
        ReadOnlySpan<byte> frame,
        in Transition transition
    ) => Send(offset, command, frame.Length - HeaderSize(frame), transition);

    private static int HeaderSize(ReadOnlySpan<byte> frame) =>
        frame[1] switch
        {
            126 => 4,
            127 => 10,
            _ => 2,
        };
}
