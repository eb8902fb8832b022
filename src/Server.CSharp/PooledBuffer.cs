using System.Buffers;

namespace FunctionalWs;

/// <summary>Pooled memory for one payload at a time. Not safe for several threads.</summary>
internal sealed class PooledBuffer : IBufferWriter<byte>
{
    private byte[]? buffer;
    private int length;

    public ReadOnlySpan<byte> Written => buffer.AsSpan(0, length);

    public ReadOnlySequence<byte> Payload => new(buffer ?? [], 0, length);

    public void Advance(int count) => length += count;

    public Memory<byte> GetMemory(int sizeHint = 0) => Reserve(sizeHint).AsMemory(length);

    public Span<byte> GetSpan(int sizeHint = 0) => Reserve(sizeHint).AsSpan(length);

    /// <summary>Gives the memory back.</summary>
    public void Release()
    {
        if (buffer is not null)
            SharedBuffers.Pool.Return(buffer);
        buffer = null;
        length = 0;
    }

    private byte[] Reserve(int size)
    {
        var needed = length + Math.Max(size, 1);
        if (buffer is not null && needed <= buffer.Length)
            return buffer;
        var larger = SharedBuffers.Pool.Rent(needed);
        if (buffer is not null)
        {
            buffer.AsSpan(0, length).CopyTo(larger);
            SharedBuffers.Pool.Return(buffer);
        }
        return buffer = larger;
    }
}
