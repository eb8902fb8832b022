namespace FunctionalWs;

/// <summary>
/// Where the records of TLS end in a stream (RFC 8446 §5.1), by their headers. What is no header that a record may have counts as
/// the end of one, so that it is refused where records are read.
/// </summary>
internal sealed class RecordReader
{
    private const int HeaderSize = 5;
    private const byte Handshake = 22; // told openly up to TLS 1.2 alone
    private const int MaxSize = 16 * 1024 + 2048; // RFC 5246 §6.2.3; less in TLS 1.3

    private int header; // bytes of a header that have come
    private int length; // what it says, as far as it has come
    private int left; // bytes of the record behind the header

    /// <summary>True once what has come are no records.</summary>
    public bool IsLost { get; private set; }

    /// <summary>True when a handshake was over, and another one has begun.</summary>
    public bool IsRenegotiated { get; private set; }

    /// <summary>From now on no record is expected to be of a handshake.</summary>
    public bool IsPastHandshake { get; set; }

    /// <summary>The bytes that the record needs at least; of a record whose header is not complete, those of the header.</summary>
    public int Missing => left > 0 ? left : HeaderSize - header;

    /// <summary>Bytes have come; true when there is the end of a record among them.</summary>
    public bool Pass(ReadOnlySpan<byte> bytes)
    {
        var hasEnd = false;
        while (!bytes.IsEmpty && !IsLost)
        {
            var size = left > 0 ? Math.Min(left, bytes.Length) : 1;
            if (left > 0)
                left -= size;
            else
                PassHeader(bytes[0]);
            bytes = bytes[size..];
            hasEnd |= header == 0 && left == 0;
        }
        return hasEnd || IsLost;
    }

    private void PassHeader(byte next)
    {
        IsRenegotiated |= IsPastHandshake && header == 0 && next == Handshake;
        IsLost = header switch
        {
            0 => next is < 20 or > 24, // its content
            1 => next != 3, // its version
            _ => false,
        };
        length = (length << 8 | next) & 0xFFFF; // its last two bytes, in the end
        header = (header + 1) % HeaderSize;
        if (header > 0)
            return;
        left = length;
        IsLost = length > MaxSize;
    }
}
