using System.Runtime.InteropServices;

namespace FunctionalWs;

/// <summary>
/// The platform's zlib, as the runtime itself calls it. The runtime's own classes give no choice of the window, nor do
/// they tell where a compressed message ends, and a WebSocket needs both (RFC 7692 §7).
/// </summary>
internal static unsafe partial class ZLib
{
    private const string Library = "libSystem.IO.Compression.Native";
    private const int Deflated = 8;

    public const int Ok = 0;
    public const int StreamEnd = 1;
    public const int NoProgress = -5;
    public const int NoMemory = -4;

    private static readonly Lazy<bool> Available = new(CanRoundTrip);

    /// <summary>
    /// True when it is there and does what it should. What is called is no public interface: it may be missing.
    /// </summary>
    public static bool IsAvailable => Available.Value;

    /// <summary>Asked before each call; true to have it fail for want of memory. Null but in tests.</summary>
    internal static Func<bool>? IsRefused { get; set; }

    /// <summary>How much of what was put in has to come out at once.</summary>
    public enum Flush
    {
        /// <summary>All, up to a byte's end (Z_SYNC_FLUSH).</summary>
        Sync = 2,

        /// <summary>All, and nothing later refers to it (Z_FULL_FLUSH).</summary>
        Full = 3,

        /// <summary>When inflating: stops at the end of a block (Z_BLOCK).</summary>
        Block = 5,
    }

    /// <summary>A stream's input and output. Its real state lies elsewhere, so it may be moved.</summary>
    [StructLayout(LayoutKind.Sequential)]
    public struct Stream
    {
        public byte* NextIn;
        public byte* NextOut;
        public byte* Message;
        public void* State;
        public uint AvailableIn;
        public uint AvailableOut;
    }

    /// <summary>A step of either kind: advances the input, and tells how much output there is.</summary>
    public static int Step(
        delegate* <ref Stream, Flush, int> function,
        ref Stream stream,
        ref ReadOnlySpan<byte> source,
        scoped Span<byte> destination,
        Flush flush,
        out int written
    )
    {
        written = 0;
        if (IsRefused?.Invoke() == true)
            return NoMemory;
        fixed (byte* input = source)
        fixed (byte* output = destination)
        {
            stream.NextIn = input;
            stream.AvailableIn = (uint)source.Length;
            stream.NextOut = output;
            stream.AvailableOut = (uint)destination.Length;
            var result = function(ref stream, flush);
            source = source[^(int)stream.AvailableIn..];
            written = destination.Length - (int)stream.AvailableOut;
            return result;
        }
    }

    public static int DeflateInit(ref Stream stream, DeflaterSettings settings) =>
        IsRefused?.Invoke() == true
            ? NoMemory
            : DeflateInit2(
                ref stream,
                settings.Level,
                Deflated,
                -settings.WindowBits,
                settings.MemoryLevel,
                (int)settings.Strategy
            );

    public static int InflateInit(ref Stream stream, int windowBits) =>
        IsRefused?.Invoke() == true ? NoMemory : InflateInit2(ref stream, -windowBits);

    public static int InflateReset(ref Stream stream, int windowBits) =>
        IsRefused?.Invoke() == true ? NoMemory : InflateReset2(ref stream, -windowBits);

    [LibraryImport(Library, EntryPoint = "CompressionNative_Deflate")]
    public static partial int Deflate(ref Stream stream, Flush flush);

    [LibraryImport(Library, EntryPoint = "CompressionNative_DeflateEnd")]
    public static partial int DeflateEnd(ref Stream stream);

    [LibraryImport(Library, EntryPoint = "CompressionNative_Inflate")]
    public static partial int Inflate(ref Stream stream, Flush flush);

    [LibraryImport(Library, EntryPoint = "CompressionNative_InflateEnd")]
    public static partial int InflateEnd(ref Stream stream);

    [LibraryImport(Library, EntryPoint = "CompressionNative_DeflateInit2_")]
    private static partial int DeflateInit2(
        ref Stream stream,
        int level,
        int method,
        int windowBits,
        int memoryLevel,
        int strategy
    );

    [LibraryImport(Library, EntryPoint = "CompressionNative_InflateInit2_")]
    private static partial int InflateInit2(ref Stream stream, int windowBits);

    [LibraryImport(Library, EntryPoint = "CompressionNative_InflateReset2_")]
    private static partial int InflateReset2(ref Stream stream, int windowBits);

    private static bool CanRoundTrip()
    {
        try
        {
            using var deflater = new Deflater(DeflaterSettings.Smallest);
            using var inflater = new Inflater(DeflaterSettings.Smallest.WindowBits);
            var compressed = new PooledBuffer();
            deflater.Compress("round trip"u8, isEnd: true, compressed);
            Span<byte> text = stackalloc byte[64];
            var source = compressed.Written;
            inflater.Inflate(ref source, text, out var size);
            compressed.Release();
            return text[..size].SequenceEqual("round trip"u8) && inflater.TryEnd(text, out _);
        }
        catch (Exception error)
            when (error is DllNotFoundException or EntryPointNotFoundException or IOException)
        {
            return false;
        }
    }
}
