using System.Buffers;

namespace FunctionalWs;

/// <summary>
/// Bytes between a stream and its reader, while the reader is not to be asked yet. Has memory only while it holds some; as much as
/// has come, not as a peer has announced.
/// </summary>
internal sealed class AheadBuffer
{
    private const int LeastRoom = 2 * 1024;

    private byte[] bytes = [];
    private int start;
    private int end;

    public bool IsEmpty => start == end;

    /// <summary>Room for some bytes at the end: not more than are missing, if that is little.</summary>
    public Span<byte> Room(int missing)
    {
        if (bytes.Length - end < Math.Min(missing, LeastRoom))
            Grow();
        return bytes.AsSpan(end);
    }

    /// <summary>So many bytes were written there.</summary>
    public void Add(int size) => end += size;

    /// <summary>Takes bytes from the beginning, as many as the destination holds.</summary>
    public int Take(Span<byte> destination)
    {
        var size = Math.Min(destination.Length, end - start);
        bytes.AsSpan(start, size).CopyTo(destination);
        start += size;
        if (IsEmpty)
            Release();
        return size;
    }

    private void Grow()
    {
        var larger = ThreadBuffers.Pool.Rent(Math.Max(end * 2, 2 * LeastRoom));
        bytes.AsSpan(0, end).CopyTo(larger);
        var former = bytes;
        bytes = larger;
        if (former.Length > 0)
            ThreadBuffers.Pool.Return(former);
    }

    /// <summary>Forgets what it holds, and gives the memory back.</summary>
    public void Release()
    {
        var former = bytes;
        (bytes, start, end) = ([], 0, 0);
        if (former.Length > 0)
            ThreadBuffers.Pool.Return(former);
    }
}
