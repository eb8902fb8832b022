using System.Buffers;

namespace FunctionalWs;

/// <summary>
/// Memory that is needed only while a message is transformed. Unlike the runtime's shared pool this one keeps none for each
/// thread: there are as many threads as connections, and few transform at a time.
/// </summary>
internal static class SharedBuffers
{
    private const int LargestKept = 1024 * 1024;

    public static readonly ArrayPool<byte> Pool = ArrayPool<byte>.Create(
        LargestKept,
        maxArraysPerBucket: 4 * Environment.ProcessorCount
    );
}
