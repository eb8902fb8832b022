using System.Buffers;
using System.Runtime.ConstrainedExecution;
using FunctionalWs.Protocol;

namespace FunctionalWs;

/// <summary>
/// A stream of compressed messages. Takes some 150 KiB outside the managed heap, so that those that aren't needed right
/// now are shared. Not safe for several threads.
/// </summary>
internal sealed unsafe class Deflater : CriticalFinalizerObject, IDisposable
{
    // About what zlib takes for one.
    private const int Size = 160 * 1024;

    private const int MinSpan = 64;
    private const int MaxSpan = 64 * 1024;

    private static readonly StreamPool<DeflaterSettings, Deflater> Pool = new();

    private readonly DeflaterSettings settings;
    private ZLib.Stream stream;
    private bool isEnded;
    private bool isBlank = true; // nothing that comes will refer to what was
    private bool isInStep; // or a step has failed: there may be output of it that nobody has taken

    public Deflater(DeflaterSettings settings)
    {
        this.settings = settings;
        NativeHeap.Taken(Size);
        var result = ZLib.DeflateInit(ref stream, settings);
        if (result == ZLib.Ok)
            return;
        Dispose();
        throw new IOException(Invariant($"zlib refused {settings}: error {result}."));
    }

    ~Deflater() => Dispose();

    /// <summary>One without history.</summary>
    public static Deflater Rent(DeflaterSettings settings) =>
        Pool.TryTake(settings) ?? new Deflater(settings);

    /// <summary>
    /// Gives one back, which forgets its history. One that has not finished its message, or has failed, still has output for
    /// somebody else: it ends.
    /// </summary>
    public static void Return(Deflater deflater)
    {
        if (!deflater.IsInMessage && deflater.TryForget())
            Pool.Add(deflater.settings, deflater);
        else
            deflater.Dispose();
    }

    /// <summary>Gives back those that nobody has needed for a while; true when others are ready.</summary>
    public static bool Trim() => Pool.Trim();

    /// <summary>How many of a kind are ready.</summary>
    public static int CountIdle(DeflaterSettings settings) => Pool.Count(settings);

    /// <summary>True while a message has begun and is not finished, or never will be.</summary>
    public bool IsInMessage { get; private set; }

    /// <summary>Compresses a part of a message, so that the peer can inflate it at once.</summary>
    /// <param name="data">The part.</param>
    /// <param name="isEnd">True for the last one. Its tail is left out, as the peer adds it (RFC 7692 §7.2.1).</param>
    /// <param name="destination">Where it goes.</param>
    /// <param name="forget">True to forget it: no later message refers to it.</param>
    /// <exception cref="Exception">What the destination throws. It can't be used again after it.</exception>
    public void Compress(
        ReadOnlySpan<byte> data,
        bool isEnd,
        IBufferWriter<byte> destination,
        bool forget = false
    )
    {
        if (isInStep)
            throw new InvalidOperationException("A step of this compressor has failed.");
        isInStep = IsInMessage = true;
        if (!data.IsEmpty)
            Flush(data, isEnd, destination, forget ? ZLib.Flush.Full : ZLib.Flush.Sync);
        else if (isEnd)
            destination.Write<byte>([0]); // the empty block that every message ends with
        isInStep = false;
        IsInMessage = !isEnd;
    }

    // The last four bytes stay behind until it is known whether they are the tail.
    private void Flush(
        ReadOnlySpan<byte> data,
        bool isEnd,
        IBufferWriter<byte> destination,
        ZLib.Flush flush
    )
    {
        Span<byte> kept = stackalloc byte[DeflateNegotiation.tail.Length];
        var keptSize = 0;
        while (true)
        {
            var span = destination.GetSpan(Math.Clamp(data.Length / 2, MinSpan, MaxSpan));
            kept[..keptSize].CopyTo(span);
            Step(ref data, span[keptSize..], flush, out var written);
            written += keptSize;
            if (written < span.Length)
            {
                destination.Advance(isEnd ? written - kept.Length : written);
                break;
            }
            keptSize = kept.Length;
            span[(written - keptSize)..written].CopyTo(kept);
            destination.Advance(written - keptSize);
        }
        isBlank = flush == ZLib.Flush.Full;
    }

    private bool TryForget()
    {
        if (isBlank)
            return true;
        Span<byte> ignored = stackalloc byte[MinSpan];
        ReadOnlySpan<byte> nothing = default;
        isBlank = TryStep(ref nothing, ignored, ZLib.Flush.Full, out var written) == ZLib.Ok;
        return isBlank && written < ignored.Length; // else there is more of it
    }

    private void Step(
        ref ReadOnlySpan<byte> source,
        scoped Span<byte> destination,
        ZLib.Flush flush,
        out int written
    )
    {
        var result = TryStep(ref source, destination, flush, out written);
        if (result is not (ZLib.Ok or ZLib.NoProgress))
            throw new IOException(Invariant($"zlib failed to compress: error {result}."));
    }

    private int TryStep(
        ref ReadOnlySpan<byte> source,
        scoped Span<byte> destination,
        ZLib.Flush flush,
        out int written
    )
    {
        ObjectDisposedException.ThrowIf(isEnded, this);
        var result = ZLib.Step(
            &ZLib.Deflate,
            ref stream,
            ref source,
            destination,
            flush,
            out written
        );
        GC.KeepAlive(this);
        return result;
    }

    /// <summary>Gives its memory back. More than once does no harm.</summary>
    public void Dispose()
    {
        if (!isEnded)
        {
            if (stream.State is not null)
                ZLib.DeflateEnd(ref stream);
            NativeHeap.Released(Size);
        }
        isEnded = true;
        GC.SuppressFinalize(this);
    }
}
