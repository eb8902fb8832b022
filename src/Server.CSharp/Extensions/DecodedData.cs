using System.Buffers;

namespace FunctionalWs;

/// <summary>
/// What extensions make of a frame's payload. It grows as it is written to, up to a limit, so that memory goes with what
/// was received. Not safe for several threads.
/// </summary>
public sealed class DecodedData
{
    private const int FirstSegmentSize = 4 * 1024;
    private const int SegmentSize = 64 * 1024;

    private readonly List<(byte[] Bytes, int Size)> segments = [];
    private long limit;

    internal DecodedData() { }

    /// <summary>True when nothing more can be written: the message is larger than it may be.</summary>
    public bool IsFull => Size == limit;

    /// <summary>The bytes that can still be written without filling it.</summary>
    internal long Room => limit - Size - 1;

    /// <summary>The bytes written so far.</summary>
    internal long Size { get; private set; }

    /// <summary>Room for what comes next: at least a byte, and none only when it is full.</summary>
    public Span<byte> GetSpan()
    {
        if (IsFull)
            return default;
        if (segments.Count == 0 || segments[^1].Size == segments[^1].Bytes.Length)
            segments.Add((SharedBuffers.Pool.Rent(NextSize), 0));
        var (bytes, size) = segments[^1];
        return bytes.AsSpan(size, (int)Math.Min(bytes.Length - size, limit - Size));
    }

    /// <summary>Counts what was written to the span.</summary>
    /// <param name="count">How many bytes: not more than the span has.</param>
    /// <exception cref="ArgumentOutOfRangeException">The span had less.</exception>
    public void Advance(int count)
    {
        if (count == 0)
            return;
        var (bytes, size) = segments.Count > 0 ? segments[^1] : ([], 0);
        ArgumentOutOfRangeException.ThrowIfNegative(count);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(count, bytes.Length - size);
        segments[^1] = (bytes, size + count);
        Size += count;
    }

    /// <summary>Writes bytes, as far as there is room; false when there was not enough.</summary>
    /// <param name="data">The bytes.</param>
    public bool Write(ReadOnlySpan<byte> data)
    {
        while (!data.IsEmpty && !IsFull)
        {
            var span = GetSpan();
            var size = Math.Min(span.Length, data.Length);
            data[..size].CopyTo(span);
            Advance(size);
            data = data[size..];
        }
        return data.IsEmpty;
    }

    private int NextSize =>
        (int)Math.Min(segments.Count == 0 ? FirstSegmentSize : SegmentSize, limit - Size);

    /// <summary>Begins anew.</summary>
    /// <param name="room">The bytes that may come; one more can be written, to be refused.</param>
    internal void Begin(long room)
    {
        Clear();
        limit = Math.Min(room, long.MaxValue / 2) + 1;
    }

    /// <summary>The next bytes from an offset on, as they lie together; none at the end.</summary>
    internal ReadOnlySpan<byte> From(long offset)
    {
        foreach (var (bytes, size) in segments)
        {
            if (offset < size)
                return bytes.AsSpan((int)offset, size - (int)offset);
            offset -= size;
        }
        return default;
    }

    /// <summary>Copies everything.</summary>
    internal void CopyTo(Span<byte> destination)
    {
        foreach (var (bytes, size) in segments)
        {
            bytes.AsSpan(0, size).CopyTo(destination);
            destination = destination[size..];
        }
    }

    /// <summary>Gives the memory back.</summary>
    internal void Clear()
    {
        foreach (var (bytes, _) in segments)
            SharedBuffers.Pool.Return(bytes);
        segments.Clear();
        Size = 0;
    }
}
