using System.Buffers;
using System.IO.Pipelines;
using System.Runtime.CompilerServices;
using FunctionalWs.Protocol;

namespace FunctionalWs;

/// <summary>
/// Bytes from a transport to messages: what was received and not taken yet, the endpoint that takes it, and the message that is
/// being put together. A payload is copied once, being unmasked on its way into the message; memory grows with the bytes received,
/// whatever was announced. Guarded by the read gate.
/// </summary>
internal sealed class MessageInput(Driver driver, bool takesEmptyLine)
{
    // So many pings of a flood are answered one by one; of the rest the last one of each read is (RFC 6455 §5.5.3).
    private const int MaxPongs = 8;

    // So much of a payload is worth a read of its own.
    private const int MinStraightSize = 4 * 1024;

    private readonly ReceiveBuffer buffer = new();
    private readonly MessageSink sink = new();
    private ChainDecoder? chain;
    private PayloadDecoder? decoder; // that, perhaps watched by the flight recorder
    private bool mayReadStraight; // to where a message is put together: the flight recorder wants bytes as they came
    private bool isPastEmptyLine = !takesEmptyLine; // that may lie before the first frame
    private long frameStart; // where the frame that is arriving begins
    private bool isContinued; // the message that is arriving has a frame already
    private int pings; // answered since the last read
    private ControlPayload? unanswered; // the last ping, of too many

    /// <summary>The bytes that have come. Read by the watcher, to which any byte is a sign of life.</summary>
    public long Received { get; private set; }

    /// <summary>How many messages are complete. Read by the watcher.</summary>
    public int Messages { get; private set; }

    /// <summary>Where messages are counted; null while nobody wants to know.</summary>
    public MessageFlow? Flow { get; set; }

    /// <summary>The bytes that were received and not taken yet.</summary>
    public long Buffered => buffer.Length;

    /// <summary>How many bytes were taken since the end of the opening handshake.</summary>
    public long Offset { get; private set; }

    /// <summary>What was received and not taken yet: the opening handshake reads its request here.</summary>
    public PipeReader Reader => buffer.Reader;

    /// <summary>What is kept of the message that is arriving.</summary>
    public Unread Arriving => sink.Unread;

    /// <summary>The memory that was made for more of it, in bytes.</summary>
    public long Spare => sink.Capacity - sink.Unread.Bytes;

    /// <summary>Gives back what an empty buffer takes.</summary>
    public void Shrink() => buffer.Shrink();

    /// <summary>Drops what was read of the opening handshake's request from what <see cref="Reader"/> gave.</summary>
    public void SkipRequest(in ReadOnlySequence<byte> given, long size, long examined) =>
        buffer.Skip(given, size, examined);

    /// <summary>The handshake has agreed on extensions.</summary>
    public void Use(ExtensionChain extensions, FlightRecorder? recorder)
    {
        buffer.Shrink();
        mayReadStraight = recorder is null;
        if (extensions.Bits == ReservedBits.None)
            return;
        chain = new ChainDecoder(extensions);
        decoder = recorder?.Watch(chain) ?? chain;
    }

    /// <summary>True from now on while messages are put together in memory that is lent.</summary>
    public bool IsLending
    {
        set => sink.IsPooling = value;
    }

    /// <summary>
    /// Waits for bytes and takes them in, to where they belong: the rest of a large payload to its message, a little on the stack, and
    /// what may be many messages to the buffer.
    /// </summary>
    /// <param name="transport">Where they come from.</param>
    /// <param name="maxSize">The most room that is made for them, in bytes: 4 KiB or more.</param>
    /// <param name="message">The message that is complete with them, if it is in none of the buffer's bytes.</param>
    public Filled Fill(Transport transport, int maxSize, out ReceivedMessage message)
    {
        if (buffer.IsEmpty)
        {
            var left = mayReadStraight ? driver.Endpoint.PayloadLeft : 0;
            if (left >= MinStraightSize)
                return FillPayload(transport, left, maxSize, out message);
            if (buffer.ExpectsLittle)
                return FillSmall(transport, out message);
        }
        message = default;
        return FillBuffer(transport, maxSize);
    }

    /// <summary>Waits for bytes and takes them into the buffer.</summary>
    public Filled FillBuffer(Transport transport, int maxSize)
    {
        var size = buffer.Fill(transport, maxSize);
        if (size < 0)
            return Filled.Nothing;
        CountRead(size);
        return size > 0 ? Filled.Bytes : Filled.End;
    }

    /// <summary>
    /// Among a thousand connections the buffer is seldom in the processor's cache: what is no more than a message is taken from the
    /// stack, and the rest is kept.
    /// </summary>
    [SkipLocalsInit]
    private Filled FillSmall(Transport transport, out ReceivedMessage message)
    {
        Span<byte> piece = stackalloc byte[ReceiveBuffer.MinReadSize];
        var size = transport.Read(piece);
        message = default;
        if (size < 0)
            return Filled.Nothing;
        var received = piece[..size];
        if (!isPastEmptyLine && received is [(byte)'\r', ..])
        {
            CountRead(size);
            buffer.Add(received);
            return Filled.Bytes;
        }
        isPastEmptyLine |= size > 0;
        var filled = TakeIn(received, out message, out var taken);
        if (taken < received.Length)
            buffer.Add(received[taken..]);
        return filled;
    }

    /// <summary>The payload is unmasked and judged where it is read to.</summary>
    private Filled FillPayload(
        Transport transport,
        long left,
        int maxSize,
        out ReceivedMessage message
    )
    {
        var room = sink.GetMemory(left, Math.Min(transport.Arrived, maxSize));
        var piece = room[..(int)Math.Min(room.Length, Math.Min(left, maxSize))];
        var size = transport.ReadInto(piece);
        message = default;
        if (size < 0)
            return Filled.Nothing;
        var filled = TakeIn(piece.Span[..size], out message, out _);
        buffer.ExpectLittle();
        return filled;
    }

    private Filled TakeIn(ReadOnlySpan<byte> received, out ReceivedMessage message, out int taken)
    {
        CountRead(received.Length);
        taken = Take(received, out message, out var isMessage);
        AnswerLastPing();
        return received.IsEmpty ? Filled.End
            : isMessage ? Filled.Message
            : Filled.Bytes;
    }

    private void CountRead(int size)
    {
        Received += size;
        pings = 0;
    }

    /// <summary>Takes bytes out of the buffer until a message is complete; false when the buffer has none.</summary>
    public bool TryReadMessage(out ReceivedMessage message)
    {
        message = default;
        var isMessage = false;
        while (!isMessage && TryLend())
        {
            try
            {
                var bytes = buffer.FirstUnread;
                buffer.Take(Take(bytes, out message, out isMessage));
            }
            finally
            {
                if (buffer.FirstUnread.IsEmpty)
                    buffer.GiveBack(buffer.Unread.Start);
            }
        }
        AnswerLastPing();
        return isMessage;
    }

    private bool TryLend() => buffer.TryLend() && (isPastEmptyLine || TryPassEmptyLine());

    /// <summary>
    /// Some clients send an empty line behind the head of their request (RFC 9112 §2.2). No frame of a client begins so: its
    /// opcode is reserved, and it is not masked. Nor does a request: behind an upgrade there is none. False while half of it has come.
    /// </summary>
    private bool TryPassEmptyLine()
    {
        ref var rest = ref buffer.Unread;
        var start = new SequenceReader<byte>(rest);
        if (start.IsNext((byte)'\r') && rest.Length == 1)
        {
            buffer.GiveBack(rest.End);
            return false;
        }
        if (start.IsNext("\r\n"u8, advancePast: true))
            rest = rest.Slice(start.Position);
        return isPastEmptyLine = true;
    }

    /// <summary>True when there may be another message in the buffer.</summary>
    public bool HasMore => buffer.Length > 0;

    /// <summary>Takes the fragments that have come of a message that is not complete; false when there are none.</summary>
    public bool TryTakeFragments(out ReceivedMessage fragments) =>
        sink.TryTakeFragments(out fragments);

    /// <summary>Drops the rest of a message of which fragments were taken.</summary>
    public void DiscardRest() => sink.DiscardRest();

    /// <summary>Gives all memory back. Nothing can be read after it.</summary>
    public void Release()
    {
        sink.Clear();
        chain?.Clear();
        buffer.Release();
    }

    /// <summary>Takes bytes until a message is complete; how many.</summary>
    private int Take(ReadOnlySpan<byte> bytes, out ReceivedMessage message, out bool isMessage)
    {
        message = default;
        isMessage = false;
        var taken = 0;
        var writer = new MessageWriter(sink);
        while (taken < bytes.Length && !isMessage)
        {
            var step = driver.Receive(bytes[taken..], ref writer, decoder);
            taken += step.Consumed;
            Offset += step.Consumed;
            if (!step.Incoming.IsNothing)
                isMessage = Told(step, out message);
        }
        return taken;
    }

    /// <summary>Something is complete that lies between <see cref="frameStart"/> and <see cref="Offset"/>.</summary>
    private bool Told(in ReceiveStep step, out ReceivedMessage message)
    {
        message = default;
        var wireSize = Offset - frameStart;
        frameStart = Offset;
        switch (step.Incoming)
        {
            case Incoming.Data data:
                return EndFrame(data, step.ReservedBits, wireSize, out message);
            case Incoming.Ping ping:
                driver.Frames?.Received(Opcode.Ping, ping.Payload.Length);
                Answer(ping.Payload);
                return false;
            case Incoming.Pong pong:
                driver.Frames?.Received(Opcode.Pong, pong.Payload.Length);
                driver.Answer(pong.Payload);
                return false;
            case Incoming.Close close:
                driver.Frames?.Received(Opcode.Close, close.Status.ToArray().Length);
                return false;
            case Incoming.Refused:
                sink.EndEarly();
                return false;
            default:
                return false;
        }
    }

    private bool EndFrame(
        Incoming.Data data,
        ReservedBits bits,
        long wireSize,
        out ReceivedMessage message
    )
    {
        var opcode =
            isContinued ? Opcode.Continuation
            : data.Kind.IsText ? Opcode.Text
            : Opcode.Binary;
        isContinued = !data.EndOfMessage;
        Messages += data.EndOfMessage ? 1 : 0;
        sink.FirstSize = wireSize >= MinStraightSize ? MinStraightSize : 0;
        Flow?.Add(opcode, data.EndOfMessage, sink.FrameSize, wireSize);
        driver.Frames?.Received(opcode, data.EndOfMessage, bits, wireSize);
        return sink.EndFrame(data.Kind.ForMessage, data.EndOfMessage, out message);
    }

    private void Answer(ControlPayload ping)
    {
        if (!driver.MayAnswerPing())
            return;
        if (++pings <= MaxPongs)
            driver.PostPong(ping);
        else
            unanswered = ping;
    }

    private void AnswerLastPing()
    {
        if (TakeUnanswered() is { } ping)
            driver.PostPong(ping);
    }

    /// <summary>The last ping of too many, to be answered; null when every one has its answer.</summary>
    public ControlPayload? TakeUnanswered()
    {
        var ping = unanswered;
        unanswered = null;
        return ping;
    }
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

    /// <summary>Nothing: the transport doesn't wait.</summary>
    Nothing,
}
