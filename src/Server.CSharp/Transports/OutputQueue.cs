using System.Buffers;

namespace FunctionalWs;

/// <summary>Bytes that wait to be written to a transport. Rented while it holds something. One user at a time.</summary>
internal sealed class OutputQueue(Transport transport)
{
    private byte[]? buffer;
    private int start;
    private int end;

    public void Add(ReadOnlySpan<byte> bytes)
    {
        Reserve(bytes.Length);
        bytes.CopyTo(buffer.AsSpan(end));
        end += bytes.Length;
    }

    /// <summary>Writes everything, however long that takes.</summary>
    /// <exception cref="IOException">The stream is broken.</exception>
    public void Flush()
    {
        if (start < end)
            transport.Write(buffer.AsSpan(start, end - start));
        Release();
    }

    /// <summary>Writes what can be written without waiting; true when nothing is left.</summary>
    /// <exception cref="IOException">The stream is broken.</exception>
    public bool TryFlush()
    {
        if (start < end)
            start += transport.TryWrite(buffer.AsSpan(start, end - start));
        if (start < end)
            return false;
        Release();
        return true;
    }

    /// <summary>Forgets everything.</summary>
    public void Release()
    {
        if (buffer is not null)
            ThreadBuffers.Pool.Return(buffer);
        buffer = null;
        start = end = 0;
    }

    private void Reserve(int size)
    {
        if (buffer is not null && buffer.Length - end >= size)
            return;
        var larger = ThreadBuffers.Pool.Rent(end - start + size);
        if (buffer is not null)
        {
            buffer.AsSpan(start, end - start).CopyTo(larger);
            ThreadBuffers.Pool.Return(buffer);
        }
        (buffer, start, end) = (larger, 0, end - start);
    }
}
