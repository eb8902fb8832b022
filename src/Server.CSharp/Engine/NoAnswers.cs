using System.Buffers;

namespace FunctionalWs;

/// <summary>
/// Where answers go that are written otherwise: by whoever holds the write gate, the last of several pongs alone. What is written here is
/// never read, so all connections share it.
/// </summary>
internal sealed class NoAnswers : IBufferWriter<byte>
{
    public static readonly NoAnswers Instance = new();

    private readonly byte[] nowhere = new byte[256];

    private NoAnswers() { }

    public void Advance(int count) { }

    public Memory<byte> GetMemory(int sizeHint = 0) => nowhere;

    public Span<byte> GetSpan(int sizeHint = 0) => nowhere;
}
