using System.Buffers;
using System.IO.Pipelines;
using FunctionalWs.Protocol;

namespace FunctionalWs;

/// <summary>
/// Bytes from a transport to messages: the receive buffer, the frame that is arriving and the message that is being put
/// together. A payload is copied once, being unmasked on its way into the message; until its frame is complete it lies
/// in the buffer, so memory grows with the bytes received, whatever was announced. Guarded by the read gate.
/// </summary>
internal sealed class FrameInput(Driver driver, ConnectionSettings settings)
{
    private const int MinReadSize = 4 * 1024;
    private const int MaxReadSize = 64 * 1024;
    private const int PieceSize = 1024;

    // Never a pause of the writer: the read gate's holder fills and parses in turn, on one thread.
    private static readonly PipeOptions BufferOptions = new(
        pauseWriterThreshold: 0,
        minimumSegmentSize: MinReadSize,
        useSynchronizationContext: false
    );

    private readonly Pipe buffer = new(BufferOptions);
    private int readSize = MinReadSize;
    private bool isReleased;

    // The frame that is arriving: its header is known, its payload not complete.
    private FrameHeader header;
    private bool isFrameBegun;
    private long validated;

    // The fragments of the message that is arriving.
    private byte[] fragments = [];
    private int fragmentsLength;

    /// <summary>True when a whole frame lies in the buffer, as far as the last look at it told.</summary>
    public bool HasFrame { get; private set; }

    /// <summary>What was received and not consumed yet: the opening handshake reads its request here.</summary>
    public PipeReader Reader => buffer.Reader;

    /// <summary>Waits for bytes and takes them in; false at the end of the stream.</summary>
    public bool Fill(Transport transport)
    {
        var memory = buffer.Writer.GetMemory(readSize);
        var size = transport.Read(memory.Span);
        buffer.Writer.Advance(size);
        // Completes at once: nothing pauses this pipe's writer.
        _ = buffer.Writer.FlushAsync();
        if (size == memory.Length)
            readSize = Math.Min(readSize * 2, MaxReadSize);
        else if (size < readSize / 4)
            readSize = Math.Max(readSize / 2, MinReadSize);
        return size > 0;
    }

    /// <summary>Throws away what the buffer holds.</summary>
    public void Discard()
    {
        if (buffer.Reader.TryRead(out var result))
            buffer.Reader.AdvanceTo(result.Buffer.End);
        HasFrame = false;
    }

    /// <summary>Gives all memory back. Nothing can be read after it.</summary>
    public void Release()
    {
        isReleased = true;
        buffer.Writer.Complete();
        buffer.Reader.Complete();
        fragments = [];
    }

    /// <summary>Takes frames out of the buffer until a message is complete; false when the buffer has none.</summary>
    public bool TryReadMessage(out Message message)
    {
        message = default;
        HasFrame = false;
        if (isReleased || !buffer.Reader.TryRead(out var result))
            return false;

        var rest = result.Buffer;
        var step = FrameStep.Taken;
        while (step == FrameStep.Taken)
            step = TakeFrame(ref rest, out message);

        var isMessage = step == FrameStep.Message;
        HasFrame = isMessage && StartsWithFrame(rest);
        buffer.Reader.AdvanceTo(rest.Start, isMessage ? rest.Start : rest.End);
        return isMessage;
    }

    private enum FrameStep
    {
        /// <summary>The frame is not complete.</summary>
        Waiting,

        /// <summary>A frame is done with; there may be another.</summary>
        Taken,

        /// <summary>A frame was the last of a message.</summary>
        Message,
    }

    private bool StartsWithFrame(in ReadOnlySequence<byte> rest)
    {
        if (rest.IsEmpty)
            return false;
        var parse = FrameReader.ReadHeader(settings, rest);
        return parse.IsComplete && rest.Length >= parse.Header.FrameLength;
    }

    private FrameStep TakeFrame(ref ReadOnlySequence<byte> rest, out Message message)
    {
        message = default;
        if (driver.IsReceivingOver)
        {
            rest = rest.Slice(rest.End);
            return FrameStep.Waiting;
        }

        if (!isFrameBegun && !TryBeginFrame(ref rest))
            return FrameStep.Waiting;
        if (rest.Length < header.FrameLength)
        {
            ValidateAhead(rest);
            return FrameStep.Waiting;
        }

        var payload = rest.Slice(header.Size, header.PayloadLength);
        rest = rest.Slice(payload.End);
        isFrameBegun = false;
        if (!OpcodeModule.IsControl(header.Opcode))
            return TakeData(payload, out message);
        driver.Receive(Input.NewReceived(new Frame(header, payload)));
        return FrameStep.Taken;
    }

    private bool TryBeginFrame(ref ReadOnlySequence<byte> rest)
    {
        var parse = FrameReader.ReadHeader(settings, rest);
        if (parse.IsIncomplete)
            return false;
        if (parse.IsMalformed)
        {
            driver.Receive(Input.NewBroken(parse.Error));
            return false;
        }

        header = parse.Header;
        var error = driver.Check(header);
        if (error.IsSome)
        {
            driver.Receive(Input.NewBroken(error.Value));
            return false;
        }

        isFrameBegun = true;
        validated = 0;
        return true;
    }

    /// <summary>Looks at the text that has arrived of a frame that is not complete, to refuse bad text at once.</summary>
    private void ValidateAhead(in ReadOnlySequence<byte> rest)
    {
        if (OpcodeModule.IsControl(header.Opcode) || !driver.IsValidated(header))
            return;

        Span<byte> piece = stackalloc byte[PieceSize];
        var arrived = rest.Slice(header.Size);
        while (validated < arrived.Length && !driver.IsReceivingOver)
        {
            var size = (int)Math.Min(arrived.Length - validated, PieceSize);
            var masked = arrived.Slice(validated, size);
            FrameModule.CopyPayload(header, validated, masked, piece);
            driver.ReceiveData(header, validated == 0 ? Part.First : Part.Middle, piece[..size]);
            validated += size;
        }
    }

    private FrameStep TakeData(in ReadOnlySequence<byte> payload, out Message message)
    {
        var length = (int)payload.Length;
        var isWholeMessage = header.Fin && fragmentsLength == 0;
        var destination = isWholeMessage ? NewArray(length) : GrowFragments(length);
        var offset = isWholeMessage ? 0 : fragmentsLength;
        var data = destination.AsSpan(offset, length);
        FrameModule.CopyPayload(header, 0, payload, data);

        var part = validated == 0 ? Part.Whole : Part.Last;
        var received = driver.ReceiveData(header, part, data[(int)validated..]);
        fragmentsLength = offset + length;
        message = default;
        if (!received.IsSome)
            return FrameStep.Taken; // refused: the next step sees that receiving is over

        var end = (Event.Data)received.Value;
        if (!end.EndOfMessage)
            return FrameStep.Taken;
        message = new Message(end.Kind, new ReadOnlyMemory<byte>(destination, 0, fragmentsLength));
        fragments = [];
        fragmentsLength = 0;
        return FrameStep.Message;
    }

    private static byte[] NewArray(int length) =>
        length == 0 ? [] : GC.AllocateUninitializedArray<byte>(length);

    private byte[] GrowFragments(int length)
    {
        var needed = fragmentsLength + length;
        if (needed > fragments.Length)
            Array.Resize(
                ref fragments,
                Math.Max(needed, Math.Min(fragments.Length * 2, Array.MaxLength))
            );
        return fragments;
    }
}
