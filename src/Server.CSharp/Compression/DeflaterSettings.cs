using System.IO.Compression;

namespace FunctionalWs;

/// <summary>What decides on a deflater's output: messages compressed alike can be shared.</summary>
/// <param name="WindowBits">The window, as a power of two: 9 to 15.</param>
/// <param name="Level">How hard it tries: 0 to 9.</param>
/// <param name="MemoryLevel">How much memory it takes: 1 to 9.</param>
/// <param name="Strategy">What it tries.</param>
internal readonly record struct DeflaterSettings(
    int WindowBits,
    int Level,
    int MemoryLevel,
    ZLibCompressionStrategy Strategy
)
{
    public static readonly DeflaterSettings Smallest = new(9, 1, 1, default);
}
