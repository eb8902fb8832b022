using System.Buffers;
using FunctionalWs.Protocol;

/// <summary>A connection that is stepped by hand, recorded and run again.</summary>
internal static class Recordings
{
    public static void RecordedAndReplayed()
    {
        var settings = ConnectionSettings.Server;
        var recorder = new Recorder(
            RecorderLimits.Create(10, 100),
            settings,
            DateTimeOffset.UnixEpoch
        );
        var endpoint = WebSocketEndpoint.Create(settings);
        recorder.Sent(TimeSpan.FromSeconds(1), Command.NewPing(ControlPayload.Empty), 0);
        byte[] bytes = [0x81, 0x82, 0, 0, 0, 0, 0x68, 0x69, 0x83, 0x80];
        var taken = 0;
        while (taken < bytes.Length)
        {
            var nowhere = new ArrayBufferWriter<byte>();
            var rest = bytes.AsSpan(taken);
            var step = endpoint.Receive(rest, nowhere, nowhere);
            recorder.Received(TimeSpan.FromSeconds(1), rest[..step.Consumed], step);
            endpoint = step.Next;
            taken += step.Consumed;
        }
        recorder.SendingEnded(TimeSpan.FromSeconds(2));
        recorder.EndOfStream(TimeSpan.FromSeconds(2));

        var recording = recorder.ToRecording();
        Check.True(!recording.IsCut && recording.Steps.Length == 4);
        var frame = (Recorded.Received)recording.Steps[1].What;
        Check.True(frame.Ending.IsWhole && frame.Header.PayloadLength == 2);
        Check.Equal(2, ((RecordedPayload.Bytes)frame.Payload).Bytes.Length);
        Check.True(recording.Steps[2].What is Recorded.Refused { Header: [0x83, 0x80] });

        var text = RecordingText.Format(recording);
        Check.True(
            RecordingText.Parse(text) is RecordingParse.Complete { Recording: var read }
                && read.Equals(recording)
        );
        Replay replay = Replay.Run(RecordingText.OfText(text));
        Check.True(replay.IsComplete && replay.Differences.Length == 0);
        Check.True(replay.TryGetViolation(out var violation) && violation.Offset == 8);
        Check.Equal(1002, violation.Error.CloseCode.Value);
        ReplayedStep first = replay.Steps[1];
        Check.True(first.IsAsRecorded && first.Transition.State is State.Open);
        Check.True(ReplayText.Lines(replay)[1].StartsWith("@0 < Text, 2 bytes -> Open"));
    }
}
