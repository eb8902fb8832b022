using System.Runtime.ConstrainedExecution;

namespace FunctionalWs;

/// <summary>
/// A stream of compressed messages, read. Takes some 43 KiB outside the managed heap. Not safe for several threads.
/// </summary>
internal sealed unsafe class Inflater : CriticalFinalizerObject, IDisposable
{
    // About what zlib takes for one.
    private const int Size = 43 * 1024;

    private const int LargestWindow = 15;

    private static readonly StreamPool<ValueTuple, Inflater> Pool = new();

    // What a sender leaves out at the end of a message (RFC 7692 §7.2.2), then a byte that must not be taken.
    private static ReadOnlySpan<byte> TailAndProbe => [0x00, 0x00, 0xFF, 0xFF, 0x00];

    private ZLib.Stream stream;
    private int windowBits;
    private bool isAtStart = true; // of a compressed stream
    private bool isMessageEmpty = true;
    private bool hasFailed;
    private bool isEnded;

    /// <summary>Makes one.</summary>
    /// <param name="windowBits">The sender's window, as a power of two: 8 to 15.</param>
    public Inflater(int windowBits)
    {
        this.windowBits = windowBits;
        NativeHeap.Taken(Size);
        var result = ZLib.InflateInit(ref stream, windowBits);
        if (result == ZLib.Ok)
            return;
        Dispose();
        throw new IOException(
            Invariant($"zlib refused to inflate {windowBits} bits: error {result}.")
        );
    }

    ~Inflater() => Dispose();

    /// <summary>One without history.</summary>
    public static Inflater Rent(int windowBits)
    {
        if (Pool.TryTake(default) is not { } inflater)
            return new Inflater(windowBits);
        inflater.windowBits = windowBits;
        if (inflater.Restart())
            return inflater;
        inflater.Dispose();
        return new Inflater(windowBits);
    }

    /// <summary>Gives one back. One that is in the middle of a message, or has failed, ends.</summary>
    public static void Return(Inflater inflater)
    {
        if (inflater.hasFailed || !inflater.isMessageEmpty)
            inflater.Dispose();
        else
            Pool.Add(default, inflater);
    }

    /// <summary>Gives back those that nobody has needed for a while; true when others are ready.</summary>
    public static bool Trim() => Pool.Trim();

    /// <summary>Inflates what comes next.</summary>
    /// <param name="source">The compressed bytes; what was taken is cut off.</param>
    /// <param name="destination">Where the data goes. When it is filled there may be more.</param>
    /// <param name="written">How much there was.</param>
    /// <returns>False when the bytes are no compressed data.</returns>
    public bool Inflate(
        ref ReadOnlySpan<byte> source,
        scoped Span<byte> destination,
        out int written
    )
    {
        isAtStart &= source.IsEmpty;
        isMessageEmpty &= source.IsEmpty;
        var result = Step(ref source, Limit(destination), ZLib.Flush.Sync, out written);
        // A stream may end inside a message, and another begins with the next byte (RFC 7692 §7.2.3.4).
        hasFailed = !(result == ZLib.StreamEnd ? Restart() : result is ZLib.Ok or ZLib.NoProgress);
        return !hasFailed;
    }

    /// <summary>
    /// Inflates the end of a message that the sender left out. It has to end a block: otherwise the message was cut. Where
    /// the message ended its stream, or the sender left out the last byte of an empty one, there is nothing to be added.
    /// </summary>
    /// <param name="destination">Where the data goes that is still to come; not empty.</param>
    /// <param name="written">How much there was.</param>
    public bool TryEnd(scoped Span<byte> destination, out int written)
    {
        written = 0;
        if (isAtStart || isMessageEmpty)
            return true;
        var source = TailAndProbe;
        while (source.Length > 1 && written < destination.Length)
        {
            var before = source.Length;
            var result = Step(ref source, destination[written..], ZLib.Flush.Block, out var size);
            written += size;
            if (result != ZLib.Ok || source.Length == before && size == 0)
                return false; // in the middle of a message for good
        }
        isMessageEmpty = source.Length == 1;
        return isMessageEmpty;
    }

    // Within one step zlib allows any distance up to 32 KiB: the smaller the step, the sooner one beyond the window shows.
    private Span<byte> Limit(Span<byte> destination) =>
        windowBits < LargestWindow && destination.Length > 1 << windowBits
            ? destination[..(1 << windowBits)]
            : destination;

    private bool Restart()
    {
        isAtStart = isMessageEmpty = true;
        return ZLib.InflateReset(ref stream, windowBits) == ZLib.Ok;
    }

    private int Step(
        ref ReadOnlySpan<byte> source,
        scoped Span<byte> destination,
        ZLib.Flush flush,
        out int written
    )
    {
        ObjectDisposedException.ThrowIf(isEnded, this);
        var result = ZLib.Step(
            &ZLib.Inflate,
            ref stream,
            ref source,
            destination,
            flush,
            out written
        );
        GC.KeepAlive(this);
        if (result != ZLib.NoMemory)
            return result;
        hasFailed = true;
        throw new OutOfMemoryException("zlib had no memory to inflate."); // which is no fault of the peer's
    }

    /// <summary>Gives its memory back. More than once does no harm.</summary>
    public void Dispose()
    {
        if (!isEnded)
        {
            if (stream.State is not null)
                ZLib.InflateEnd(ref stream);
            NativeHeap.Released(Size);
        }
        isEnded = true;
        GC.SuppressFinalize(this);
    }
}
