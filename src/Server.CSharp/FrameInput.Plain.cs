using System.Runtime.CompilerServices;
using FunctionalWs.Protocol;

namespace FunctionalWs;

/// <content>The short way of the usual message: in one frame that lies together, and that no extension has transformed.</content>
internal sealed partial class FrameInput
{
    /// <summary>True when what comes next may be a message that <see cref="FillSmall"/> takes.</summary>
    public bool ExpectsSmall => buffer.ExpectsLittle && !isFrameBegun && !isHeaderRead;

    /// <summary>
    /// Waits for bytes; takes them in, but for a message in one frame at their beginning, which it gives. It comes to the same
    /// as <see cref="Fill"/> and <see cref="TryReadMessage"/>, but on the stack: among a thousand connections the buffer is
    /// seldom in the processor's cache.
    /// </summary>
    [SkipLocalsInit]
    public Filled FillSmall(Transport transport, out ReceivedMessage message)
    {
        message = default;
        Span<byte> piece = stackalloc byte[ReceiveBuffer.MinReadSize];
        var received = piece[..transport.Read(piece)];
        if (received.IsEmpty)
            return Filled.End;
        Reads++;
        HasFrame = false;
        var taken = TakePlain(received, out message, out var isMessage);
        if (taken < received.Length)
            Keep(received[taken..], isMessage);
        return isMessage ? Filled.Message : Filled.Bytes;
    }

    private void Keep(ReadOnlySpan<byte> rest, bool isMessageBefore)
    {
        buffer.Add(rest);
        if (!isMessageBefore || !buffer.TryLend())
            return;
        HasFrame = StartsWithFrame();
        if (!HasFrame)
            buffer.GiveBack(buffer.Unread.Start);
    }

    /// <summary>
    /// Takes a message whose one frame lies together: the same as <see cref="TakeFrame"/> does, but by fewer steps. Whatever is
    /// anything else is left to that.
    /// </summary>
    private FrameStep TakePlain(out ReceivedMessage message)
    {
        message = default;
        if (isFrameBegun)
            return FrameStep.Taken;
        buffer.Take(TakePlain(buffer.FirstUnread, out message, out var isMessage));
        return isMessage ? FrameStep.Message : FrameStep.Taken;
    }

    /// <summary>Takes a message that begins some bytes, if it is whole and plain; how many bytes, 0 for anything else.</summary>
    private int TakePlain(
        ReadOnlySpan<byte> received,
        out ReceivedMessage message,
        out bool isMessage
    )
    {
        message = default;
        isMessage = false;
        if (!isHeaderRead)
        {
            var parse = FrameReader.ReadHeaderOf(driver.Settings, received);
            if (!parse.IsComplete)
                return 0;
            header = parse.Header;
            isHeaderRead = true;
        }
        if (received.Length < header.FrameLength || !IsPlainMessage || driver.IsReceivingOver)
            return 0;
        if (driver.Check(header).IsSome)
            return 0;

        isHeaderRead = false;
        validated = 0;
        var size = (int)header.FrameLength;
        FrameEnd = Offset + size;
        var data = NewArray((int)header.PayloadLength);
        FrameModule.CopySpan(header, received[header.Size..size], data);
        isMessage = Deliver(data) is not null;
        EndFrame();
        if (!isMessage)
            return size;
        Flow?.Add(header.Opcode, fin: true, data.Length, size);
        message = MessageOf(data);
        return size;
    }

    private bool IsPlainMessage =>
        header.Fin
        && (header.Opcode.IsText || header.Opcode.IsBinary)
        && header.ReservedBits == ReservedBits.None;
}

/// <summary>What a wait for bytes has brought.</summary>
internal enum Filled
{
    /// <summary>The end of the stream.</summary>
    End,

    /// <summary>Bytes, which are taken in.</summary>
    Bytes,

    /// <summary>A message, and perhaps bytes behind it.</summary>
    Message,
}
