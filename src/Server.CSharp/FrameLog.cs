using System.Buffers;
using FunctionalWs.Protocol;
using Microsoft.Extensions.Logging;

namespace FunctionalWs;

/// <summary>One record for each frame of a connection, at Debug. Sizes and kinds only: payloads are nobody's business.</summary>
internal sealed class FrameLog(ILogger logger, ServerConnection connection)
{
    private static readonly ConnectionSettings AnyFrame = new(
        Role.Client,
        Limits.Create(Limits.Unlimited, Limits.Unlimited, int.MaxValue),
        validateText: false,
        reservedBits: ReservedBits.Rsv1,
        allowLongLengths: true
    );

    public void Received(in FrameHeader header)
    {
        using var scope = Log.BeginConnection(logger, connection);
        Log.FrameReceived(
            logger,
            $"{header.Opcode}",
            header.PayloadLength,
            Notes(header.Fin, header.ReservedBits)
        );
    }

    /// <param name="input">What was received.</param>
    /// <param name="violation">The rule that the peer has broken; null when it has not.</param>
    public void Received(in Input input, Violation? violation)
    {
        if (input.IsReceived)
            Received(input.Frame.Header);
        if (input.IsEndOfStream)
            Ended("end of stream");
        else
            Refused(violation);
    }

    /// <summary>Nothing more is received since a rule was broken, if there is one.</summary>
    public void Refused(Violation? violation)
    {
        if (violation is not null)
            Ended($"{violation}");
    }

    public void Sent(Opcode opcode, bool fin, ReservedBits bits, int size)
    {
        using var scope = Log.BeginConnection(logger, connection);
        Log.FrameSent(logger, $"{opcode}", size, Notes(fin, bits));
    }

    /// <param name="frame">A whole frame of a message.</param>
    public void Sent(ReadOnlyMemory<byte> frame)
    {
        var parse = FrameReader.ReadHeader(AnyFrame, new ReadOnlySequence<byte>(frame));
        var header = parse.Header;
        Sent(header.Opcode, header.Fin, header.ReservedBits, (int)header.PayloadLength);
    }

    private void Ended(string reason)
    {
        using var scope = Log.BeginConnection(logger, connection);
        Log.ReceivingEnded(logger, reason);
    }

    private static string Notes(bool fin, ReservedBits bits) =>
        (fin ? "" : ", continued") + (bits == ReservedBits.None ? "" : $", {bits}");
}
