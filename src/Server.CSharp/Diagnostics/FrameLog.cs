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

    /// <summary>A control frame.</summary>
    public void Received(Opcode opcode, int size) =>
        Received(opcode, size, Notes(fin: true, ReservedBits.None));

    /// <summary>A frame of a message; its size is that on the wire, with a header in the shortest form.</summary>
    public void Received(Opcode opcode, bool fin, ReservedBits bits, long wireSize)
    {
        var isLarge = wireSize > FrameReader.MaxHeaderSize + ushort.MaxValue;
        var headerSize =
            isLarge ? FrameWriter.HeaderSize(ushort.MaxValue + 1, masked: true)
            : wireSize > FrameWriter.HeaderSize(125, masked: true) + 125
                ? FrameWriter.HeaderSize(126, masked: true)
            : FrameWriter.HeaderSize(125, masked: true);
        Received(opcode, wireSize - headerSize, Notes(fin, bits));
    }

    private void Received(Opcode opcode, long size, string notes)
    {
        using var scope = Log.BeginConnection(logger, connection);
        Log.FrameReceived(logger, Invariant($"{opcode}"), size, notes);
    }

    /// <summary>The stream of the peer has ended.</summary>
    public void EndOfStream() => Ended("end of stream");

    /// <summary>Nothing more is received since a rule was broken.</summary>
    public void Refused(Violation violation) => Ended(Invariant($"{violation}"));

    public void Sent(Opcode opcode, bool fin, ReservedBits bits, int size)
    {
        using var scope = Log.BeginConnection(logger, connection);
        Log.FrameSent(logger, Invariant($"{opcode}"), size, Notes(fin, bits));
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
        (fin ? "" : ", continued") + (bits == ReservedBits.None ? "" : Invariant($", {bits}"));
}
