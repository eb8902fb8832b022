using System.Buffers;

namespace FunctionalWs;

/// <summary>Pooled memory for one payload at a time. Not safe for several threads.</summary>
internal sealed class PooledBuffer : IBufferWriter<byte>
{
    private byte[]? buffer;
    private int length;

    public ReadOnlySpan<byte> Written => buffer.AsSpan(0, length);

    public ReadOnlySequence<byte> Payload => new(buffer ?? [], 0, length);

    /// <exception cref="ArgumentOutOfRangeException">There was less room.</exception>
    public void Advance(int count)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(count);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(count, (buffer?.Length ?? 0) - length);
        length += count;
    }

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
        var needed = checked(length + Math.Max(size, 1));
        if (buffer is not null && needed <= buffer.Length)
            return buffer;
        // Twice as much: who writes byte by byte must not have all of it copied for each.
        var larger = SharedBuffers.Pool.Rent(
            (int)Math.Clamp(2L * (buffer?.Length ?? 0), needed, Array.MaxLength)
        );
        if (buffer is not null)
        {
            buffer.AsSpan(0, length).CopyTo(larger);
            SharedBuffers.Pool.Return(buffer);
        }
        return buffer = larger;
    }
}
