using System.Buffers;
using System.IO.Pipelines;
using FunctionalWs.Protocol;

namespace FunctionalWs;

/// <summary>
/// Bytes from a transport to messages: the receive buffer, the frame that is arriving and the message that is being put
/// together. A payload is copied once, being unmasked on its way into the message; until its frame is complete it lies
/// in the buffer, so memory grows with the bytes received, whatever was announced. What extensions have transformed goes
/// through <see cref="FrameDecoder"/>. Guarded by the read gate.
/// </summary>
internal sealed partial class FrameInput(Driver driver)
{
    private const int PieceSize = 1024;

    private readonly ReceiveBuffer buffer = new();

    // The frame that is arriving: its header is known, its payload not complete.
    private FrameHeader header;
    private bool isHeaderRead; // and not looked at further
    private bool isFrameBegun;
    private bool isFrameEncoded; // then its header was consumed, and as much of its payload as has come
    private long validated;
    private readonly FrameDecoder decoder = new(driver);

    private readonly FragmentBuffer fragments = new();
    private long scanned; // of what lies in the buffer: whole frames of data

    /// <summary>How often bytes have come. Read by the watcher, to which any byte is a sign of life.</summary>
    public int Reads { get; private set; }

    /// <summary>How many messages are complete. Read by the watcher.</summary>
    public int Messages { get; private set; }

    /// <summary>True while a message has begun and is not complete. Read by the watcher.</summary>
    public bool IsInMessage { get; private set; }

    /// <summary>Where messages are counted; null while nobody wants to know.</summary>
    public MessageFlow? Flow { get; set; }

    /// <summary>The bytes that were received and not consumed yet.</summary>
    public long Buffered => buffer.Length;

    /// <summary>True when a whole frame lies in the buffer, as far as the last look at it told.</summary>
    public bool HasFrame { get; private set; }

    /// <summary>Where the header of the frame that is arriving begins, counted from the end of the opening handshake.</summary>
    public long Offset { get; private set; }

    /// <summary>Where the last frame that has begun ends, or will.</summary>
    public long FrameEnd { get; private set; }

    /// <summary>What was received and not consumed yet: the opening handshake reads its request here.</summary>
    public PipeReader Reader => buffer.Reader;

    /// <summary>The request of the opening handshake is read: drops it from what <see cref="Reader"/> gave.</summary>
    public void SkipRequest(in ReadOnlySequence<byte> given, long size) => buffer.Skip(given, size);

    /// <summary>Waits for bytes and takes them in; false at the end of the stream.</summary>
    /// <param name="transport">Where they come from.</param>
    /// <param name="maxSize">The most room that is made for them, in bytes: 4 KiB or more.</param>
    public bool Fill(Transport transport, int maxSize = ReceiveBuffer.MaxReadSize)
    {
        var size = buffer.Fill(transport, maxSize);
        Reads += size > 0 ? 1 : 0;
        return size > 0;
    }

    /// <summary>Throws away what the buffer holds.</summary>
    public void Discard()
    {
        buffer.Discard();
        scanned = 0;
        HasFrame = false;
    }

    /// <summary>Gives all memory back. Nothing can be read after it.</summary>
    public void Release()
    {
        buffer.Release();
        HasFrame = false;
        fragments.Clear();
        decoder.Clear();
    }

    /// <summary>Takes frames out of the buffer until a message is complete; false when the buffer has none.</summary>
    /// <param name="destination">
    /// Where the payload of a message in one frame goes; null for an array of its own. What it throws loses nothing.
    /// </param>
    /// <param name="message">The message.</param>
    public bool TryReadMessage(IBufferWriter<byte>? destination, out ReceivedMessage message)
    {
        message = default;
        HasFrame = false;
        if (!buffer.TryLend())
            return false;

        var step = FrameStep.Taken;
        try
        {
            if (destination is null)
                step = TakePlain(out message);
            while (step == FrameStep.Taken)
                step = TakeFrame(ref buffer.Unread, destination, out message);
            HasFrame = step == FrameStep.Message && StartsWithFrame();
        }
        finally
        {
            scanned = Math.Max(scanned - buffer.Count(), 0);
            // What was looked at in vain is not looked at again before more has come.
            if (!HasFrame)
                buffer.GiveBack(
                    step == FrameStep.Waiting ? buffer.Unread.End : buffer.Unread.Start
                );
        }
        IsInMessage = step == FrameStep.Waiting && (isFrameBegun || !fragments.IsEmpty);
        return step == FrameStep.Message;
    }

    /// <summary>Takes the fragments that have come of a message that is not complete; false when there are none.</summary>
    public bool TryTakeFragments(out ReceivedMessage received)
    {
        received = default;
        return !fragments.IsEmpty && fragments.TryTake(isLast: false, out received);
    }

    /// <summary>Drops the rest of a message of which fragments were taken.</summary>
    public void DiscardRest() => fragments.DiscardRest();

    /// <summary>
    /// True when behind whole frames of data lies a whole control frame, or one that breaks a rule: something that must
    /// not wait until the data before it is wanted.
    /// </summary>
    public bool HasControlFrame()
    {
        if (!buffer.TryLend())
            return false;
        scanned = Math.Max(scanned, RestOfEncodedFrame);
        var isFound =
            scanned <= buffer.Unread.Length && ScanForControlFrame(buffer.Unread.Slice(scanned));
        buffer.GiveBack(buffer.Unread.Start);
        return isFound;
    }

    private long RestOfEncodedFrame =>
        isFrameBegun && isFrameEncoded ? header.PayloadLength - decoder.Taken : 0;

    private bool ScanForControlFrame(ReadOnlySequence<byte> rest)
    {
        while (!rest.IsEmpty)
        {
            var parse = FrameReader.ReadHeader(driver.Settings, rest);
            if (parse.IsMalformed)
                return true;
            if (parse.IsIncomplete || rest.Length < parse.Header.FrameLength)
                return false;
            if (OpcodeModule.IsControl(parse.Header.Opcode))
                return true;
            rest = rest.Slice(parse.Header.FrameLength);
            scanned += parse.Header.FrameLength;
        }
        return false;
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

    /// <summary>True when what lies in the buffer begins with a whole frame; its header is read then.</summary>
    private bool StartsWithFrame()
    {
        var first = buffer.FirstUnread;
        if (first.IsEmpty && buffer.Unread.IsEmpty)
            return false;
        var parse = FrameReader.ReadHeaderOf(driver.Settings, first);
        if (!parse.IsComplete)
            parse = FrameReader.ReadHeader(driver.Settings, buffer.Unread);
        if (!parse.IsComplete)
            return false;
        header = parse.Header;
        isHeaderRead = true;
        return first.Length >= header.FrameLength || buffer.Unread.Length >= header.FrameLength;
    }

    private FrameStep TakeFrame(
        ref ReadOnlySequence<byte> rest,
        IBufferWriter<byte>? destination,
        out ReceivedMessage message
    )
    {
        message = default;
        if (driver.IsReceivingOver)
        {
            rest = rest.Slice(rest.End);
            return FrameStep.Waiting;
        }

        if (!isFrameBegun && !TryBeginFrame(ref rest))
            return FrameStep.Waiting;
        if (isFrameEncoded)
            return TakeEncoded(ref rest, out message);
        if (rest.Length < header.FrameLength)
        {
            ValidateAhead(rest);
            return FrameStep.Waiting;
        }

        var payload = rest.Slice(header.Size, header.PayloadLength);
        var step = TakePayload(payload, destination, out message);
        rest = rest.Slice(header.FrameLength);
        EndFrame();
        return step;
    }

    private void EndFrame()
    {
        isFrameBegun = false;
        Offset += header.FrameLength;
    }

    private FrameStep TakePayload(
        in ReadOnlySequence<byte> payload,
        IBufferWriter<byte>? destination,
        out ReceivedMessage message
    )
    {
        message = default;
        if (OpcodeModule.IsControl(header.Opcode))
        {
            driver.Receive(Input.NewReceived(new Frame(header, payload)));
            return FrameStep.Taken;
        }
        return header.Fin && !header.Opcode.IsContinuation
            ? TakeWhole(payload, destination, out message)
            : TakeFragment(payload, out message);
    }

    private bool TryBeginFrame(ref ReadOnlySequence<byte> rest)
    {
        if (!isHeaderRead && !TryReadHeader(rest))
            return false;
        isHeaderRead = false;
        var error = driver.Check(header);
        if (error.IsSome)
        {
            driver.Refuse(error.Value, rest);
            return false;
        }

        isFrameBegun = true;
        FrameEnd = Offset + header.FrameLength;
        validated = 0;
        BeginEncoded(ref rest);
        return true;
    }

    private bool TryReadHeader(in ReadOnlySequence<byte> rest)
    {
        var parse = FrameReader.ReadHeader(driver.Settings, rest);
        if (parse.IsMalformed)
            driver.Refuse(parse.Error, rest);
        else if (parse.IsComplete)
            header = parse.Header;
        return parse.IsComplete;
    }

    private void BeginEncoded(ref ReadOnlySequence<byte> rest)
    {
        isFrameEncoded = false;
        if (
            driver.Settings.ReservedBits == ReservedBits.None
            || OpcodeModule.IsControl(header.Opcode)
        )
            return;
        var bits = driver.MessageBits(header);
        if (bits == ReservedBits.None)
            return;
        isFrameEncoded = true;
        decoder.Begin(header, bits);
        rest = rest.Slice(header.Size);
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

    /// <summary>A message in one frame: unmasked straight into where it goes.</summary>
    private FrameStep TakeWhole(
        in ReadOnlySequence<byte> payload,
        IBufferWriter<byte>? destination,
        out ReceivedMessage message
    )
    {
        message = default;
        var length = (int)payload.Length;
        var array = destination is null ? NewArray(length) : [];
        var data = destination is null ? array : destination.GetSpan(length)[..length];
        FrameModule.CopyPayload(header, 0, payload, data);
        if (Deliver(data) is null)
            return FrameStep.Taken; // refused: the next step sees that receiving is over

        destination?.Advance(length);
        Flow?.Add(header.Opcode, fin: true, length, header.FrameLength);
        message = MessageOf(array) with { IsWritten = destination is not null };
        return FrameStep.Message;
    }

    private ReceivedMessage MessageOf(byte[] data)
    {
        Messages++;
        return new(header.Opcode.IsText ? MessageKind.Text : MessageKind.Binary, data);
    }

    /// <summary>What has come of a frame that extensions have transformed.</summary>
    private FrameStep TakeEncoded(ref ReadOnlySequence<byte> rest, out ReceivedMessage message)
    {
        message = default;
        var end = decoder.Take(header, ref rest);
        if (end is null)
            return driver.IsReceivingOver ? FrameStep.Taken : FrameStep.Waiting;

        EndFrame();
        var isWhole = header.Fin && !header.Opcode.IsContinuation;
        var array = isWhole ? NewArray(decoder.Size) : [];
        var data = isWhole ? array : fragments.Reserve(decoder.Size);
        decoder.MoveTo(data);
        if (!isWhole)
            return AddFragment(end, data.Length, out message);
        Flow?.Add(header.Opcode, fin: true, array.Length, header.FrameLength);
        message = new(end.Kind, array);
        Messages++;
        return FrameStep.Message;
    }

    private FrameStep TakeFragment(in ReadOnlySequence<byte> payload, out ReceivedMessage message)
    {
        message = default;
        var data = fragments.Reserve((int)payload.Length);
        FrameModule.CopyPayload(header, 0, payload, data);
        return Deliver(data) is { } end
            ? AddFragment(end, data.Length, out message)
            : FrameStep.Taken;
    }

    private FrameStep AddFragment(Event.Data end, int size, out ReceivedMessage message)
    {
        message = default;
        Flow?.Add(header.Opcode, header.Fin, size, header.FrameLength);
        fragments.Add(end.Kind, size);
        if (!end.EndOfMessage)
            return FrameStep.Taken;
        Messages++;
        return fragments.TryTake(isLast: true, out message) ? FrameStep.Message : FrameStep.Taken;
    }

    /// <summary>Passes the rest of a frame's payload to the state machine; null when it was refused.</summary>
    private Event.Data? Deliver(Span<byte> data)
    {
        var part = validated == 0 ? Part.Whole : Part.Last;
        var received = driver.ReceiveData(header, part, data[(int)validated..]);
        return received.IsSome ? (Event.Data)received.Value : null;
    }

    private static byte[] NewArray(int length) =>
        length == 0 ? [] : GC.AllocateUninitializedArray<byte>(length);
}
