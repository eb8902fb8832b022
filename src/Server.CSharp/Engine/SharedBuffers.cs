using System.Buffers;

namespace FunctionalWs;

/// <summary>
/// Memory that is needed only while a message is transformed. Unlike the runtime's shared pool this one keeps none for each
/// thread: there are as many threads as connections, and few transform at a time. Nor does it keep any for long.
/// </summary>
internal sealed class SharedBuffers : ArrayPool<byte>
{
    private const int LargestKept = 1024 * 1024;

    // Before the pool, which asks for it.
    private static volatile Func<ArrayPool<byte>> source = NewPool;

    public static readonly SharedBuffers Pool = new();

    private volatile ArrayPool<byte> kept = source();

    private SharedBuffers() { }

    public override byte[] Rent(int minimumLength) => kept.Rent(minimumLength);

    public override void Return(byte[] array, bool clearArray = false)
    {
        // Whichever pool it is from: one takes all arrays of its sizes.
        kept.Return(array, clearArray);
        IdleMemory.Expect();
    }

    /// <summary>Leaves what is kept to the garbage collector.</summary>
    public void Trim() => kept = source();

    /// <summary>Rents from pools of another kind from now on; null for those of always. For tests, which count and refuse.</summary>
    internal void RentFrom(Func<ArrayPool<byte>>? other)
    {
        source = other ?? NewPool;
        Trim();
    }

    public static ArrayPool<byte> NewPool() =>
        Create(LargestKept, maxArraysPerBucket: 4 * Environment.ProcessorCount);
}
