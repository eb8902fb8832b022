using System.Buffers;
using System.Collections.Concurrent;
using FunctionalWs.Protocol;
using Microsoft.Extensions.Logging;

namespace FunctionalWs;

/// <summary>
/// One record for each frame of a connection, at Debug. Sizes and kinds only: payloads are nobody's business. Frames are told under
/// the gates of the connection, where no logger may be called: records wait until <see cref="Write"/>. Safe from any thread.
/// </summary>
internal sealed class FrameLog(ILogger logger, WebSocketConnection connection)
{
    // What is told while a slow logger writes; more is counted, and left out.
    private const int MaxWaiting = 1024;

    private readonly ConcurrentQueue<Action<ILogger>> waiting = new();
    private int leftOut;
    private int isWriting;

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
        Tell(log => Log.FrameReceived(log, Invariant($"{opcode}"), size, notes));
    }

    /// <summary>The stream of the peer has ended.</summary>
    public void EndOfStream() => Ended("end of stream");

    /// <summary>Nothing more is received since a rule was broken.</summary>
    public void Refused(Violation violation) => Ended(Invariant($"{violation}"));

    public void Sent(Opcode opcode, bool fin, ReservedBits bits, int size)
    {
        Tell(log => Log.FrameSent(log, Invariant($"{opcode}"), size, Notes(fin, bits)));
    }

    /// <param name="frame">A whole frame of a message.</param>
    public void Sent(ReadOnlyMemory<byte> frame)
    {
        var parse = FrameReader.ReadHeader(AnyFrame, new ReadOnlySequence<byte>(frame));
        var header = parse.Header;
        Sent(header.Opcode, header.Fin, header.ReservedBits, (int)header.PayloadLength);
    }

    private void Ended(string reason) => Tell(log => Log.ReceivingEnded(log, reason));

    private void Tell(Action<ILogger> record)
    {
        if (waiting.Count < MaxWaiting)
            waiting.Enqueue(record);
        else
            Interlocked.Increment(ref leftOut);
    }

    /// <summary>Writes what waits, unless another thread does: then that one does it. Under none of the connection's gates.</summary>
    public void Write()
    {
        while (!waiting.IsEmpty && Interlocked.Exchange(ref isWriting, 1) == 0)
        {
            try
            {
                using var scope = Log.BeginConnection(logger, connection);
                while (waiting.TryDequeue(out var record))
                    record(logger);
                if (Interlocked.Exchange(ref leftOut, 0) is > 0 and var count)
                    Log.FramesLeftOut(logger, count);
            }
            finally
            {
                Interlocked.Exchange(ref isWriting, 0); // then looks again: who came meanwhile has left it to this thread
            }
        }
    }

    private static string Notes(bool fin, ReservedBits bits) =>
        (fin ? "" : ", continued") + (bits == ReservedBits.None ? "" : Invariant($", {bits}"));
}
