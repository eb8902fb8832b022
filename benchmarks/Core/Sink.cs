using System.Buffers;

namespace Core;

/// <summary>Where data go: the same array each time.</summary>
internal sealed class Sink(int size) : IBufferWriter<byte>
{
    private readonly byte[] buffer = new byte[size];
    private int count;

    public void Clear() => count = 0;

    public void Advance(int size) => count += size;

    public Memory<byte> GetMemory(int sizeHint = 0) => buffer.AsMemory(count);

    public Span<byte> GetSpan(int sizeHint = 0) => buffer.AsSpan(count);
}
