using System.Buffers;
using FunctionalWs.Protocol;

namespace FunctionalWs;

/// <summary>
/// The frame that is arriving of a message that extensions have transformed. Its payload is decoded as it comes, so that
/// what is too large or wrong shows at once and memory goes with what was received. Guarded by the read gate.
/// </summary>
internal sealed class FrameDecoder(Driver driver)
{
    private const int PieceSize = 4 * 1024;

    private readonly DecodedData decoded = new();
    private ReservedBits bits;
    private long taken;
    private long delivered;
    private bool isDelivered; // in part

    /// <summary>The bytes of the payload that were taken.</summary>
    public long Taken => taken;

    /// <summary>The size of what they were decoded to.</summary>
    public int Size => (int)decoded.Size;

    /// <summary>A frame begins.</summary>
    public void Begin(in FrameHeader header, ReservedBits bits)
    {
        this.bits = bits;
        taken = delivered = 0;
        isDelivered = false;
        decoded.Begin(driver.Room(header));
    }

    /// <summary>Takes what has come of the payload; the event tells that the frame is complete.</summary>
    public Event.Data? Take(in FrameHeader header, ref ReadOnlySequence<byte> rest)
    {
        // Not on the stack: a thread keeps for good what its stack has once reached.
        var piece = SharedBuffers.Pool.Rent(PieceSize);
        try
        {
            return Take(header, ref rest, piece.AsSpan(0, PieceSize));
        }
        finally
        {
            SharedBuffers.Pool.Return(piece);
        }
    }

    private Event.Data? Take(
        in FrameHeader header,
        ref ReadOnlySequence<byte> rest,
        Span<byte> piece
    )
    {
        do
        {
            var left = Math.Min(rest.Length, header.PayloadLength - taken);
            var masked = rest.Slice(0, Math.Min(left, PieceSize));
            var data = piece[..(int)masked.Length];
            FrameModule.CopyPayload(header, taken, masked, data);
            rest = rest.Slice(masked.End);
            taken += data.Length;
            if (!TryDecode(header, data))
                return null;
        } while (taken < header.PayloadLength && !rest.IsEmpty);
        return Deliver(header, isEnd: taken == header.PayloadLength);
    }

    /// <summary>Copies what the frame was decoded to, and forgets it.</summary>
    public void MoveTo(Span<byte> destination)
    {
        decoded.CopyTo(destination);
        decoded.Clear();
    }

    /// <summary>Gives the memory back.</summary>
    public void Clear() => decoded.Clear();

    /// <summary>Decodes a piece; false when that ended the connection.</summary>
    private bool TryDecode(in FrameHeader header, ReadOnlySpan<byte> data)
    {
        var isEnd = taken == header.PayloadLength;
        if (data.IsEmpty && !(header.Fin && isEnd))
            return true;
        if (driver.Extensions.Decode(bits, data, header.Fin && isEnd, decoded) is { } error)
        {
            // Bad text before the bad bytes comes first, however they have arrived.
            Deliver(header, isEnd: false);
            if (!driver.IsReceivingOver)
                driver.Receive(Input.NewBroken(error));
            return false;
        }
        if (decoded.IsFull)
            Deliver(header, isEnd: false); // it is refused
        return !driver.IsReceivingOver;
    }

    private Event.Data? Deliver(in FrameHeader header, bool isEnd)
    {
        while (delivered < decoded.Size || isEnd)
        {
            var data = WithoutExcess(decoded.From(delivered));
            delivered += data.Length;
            var isLast = isEnd && delivered == decoded.Size;
            var received = driver.ReceiveData(header, PartOf(isLast), data);
            isDelivered = true;
            if (driver.IsReceivingOver)
                return null;
            if (isLast)
                return (Event.Data)received.Value;
        }
        return null;
    }

    // The byte that is too many comes alone: bad text before it is found first, however the bytes have arrived.
    private ReadOnlySpan<byte> WithoutExcess(ReadOnlySpan<byte> data) =>
        decoded.IsFull && data.Length > 1 && delivered + data.Length == decoded.Size
            ? data[..^1]
            : data;

    private Part PartOf(bool isLast) =>
        (isDelivered, isLast) switch
        {
            (false, true) => Part.Whole,
            (false, false) => Part.First,
            (true, false) => Part.Middle,
            (true, true) => Part.Last,
        };
}
