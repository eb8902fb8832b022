using FunctionalWs.Protocol;

namespace FunctionalWs;

/// <summary>
/// The extensions that a connection uses, in the order in which they were agreed on: outgoing messages go through them in
/// this order, incoming ones in the opposite (RFC 6455 §9.1). Its sending side is guarded by the write gate, its
/// receiving side by the read gate.
/// </summary>
internal sealed class ExtensionChain
{
    /// <summary>No extension.</summary>
    public static readonly ExtensionChain Empty = new([]);

    // What an extension may make of a message for the next one, beyond the size of its data.
    private const long Slack = 64 * 1024;

    private readonly Extension[] extensions;
    private PooledBuffer encoded = new();
    private PooledBuffer next = new();
    private volatile ExtensionFailedException? failure;

    public ExtensionChain(IReadOnlyList<Extension> extensions)
    {
        this.extensions = [.. extensions];
        foreach (var extension in extensions)
            Bits |= extension.ReservedBit;
        Deflate = extensions.OfType<DeflateExtension>().FirstOrDefault();
    }

    public IReadOnlyList<Extension> Extensions => extensions;

    /// <summary>The bits by which messages can be marked.</summary>
    public ReservedBits Bits { get; }

    /// <summary>The compression that is part of it; null for none.</summary>
    public DeflateExtension? Deflate { get; }

    /// <summary>
    /// What one of them threw, the first of all; null for nothing. What it has half done can't be told: none of them is asked
    /// to transform anything after it.
    /// </summary>
    public ExtensionFailedException? Failure => failure;

    /// <summary>The bits of the extensions that are to transform a message.</summary>
    /// <exception cref="Exception">What one of them throws; nothing has changed then.</exception>
    public ReservedBits Wanted(OutgoingMessage message)
    {
        var bits = ReservedBits.None;
        foreach (var extension in extensions)
        {
            if (extension.ReservedBit != ReservedBits.None && extension.Wants(message))
                bits |= extension.ReservedBit;
        }
        return bits;
    }

    /// <summary>Transforms a part of a message. What it gives is on loan until <see cref="ReleaseEncoded"/>.</summary>
    /// <exception cref="ExtensionFailedException">One of them has thrown, now or before.</exception>
    public ReadOnlySpan<byte> Encode(ReservedBits bits, ReadOnlySpan<byte> data, bool isLast)
    {
        if (failure is { } earlier)
            throw earlier;
        foreach (var extension in extensions)
        {
            if (!IsMarked(extension, bits))
                continue;
            (encoded, next) = (next, encoded);
            encoded.Release();
            Encode(extension, data, isLast);
            data = encoded.Written;
        }
        return data;
    }

    private void Encode(Extension extension, ReadOnlySpan<byte> data, bool isLast)
    {
        try
        {
            extension.Encode(data, isLast, encoded);
        }
        catch (Exception error)
        {
            throw Note(extension, nameof(Extension.Encode), error);
        }
    }

    private ExtensionFailedException Note(Extension extension, string method, Exception error)
    {
        var found = new ExtensionFailedException(extension.Name, method, error);
        return Interlocked.CompareExchange(ref failure, found, null) ?? found;
    }

    /// <summary>Gives the memory for what was transformed back.</summary>
    public void ReleaseEncoded()
    {
        encoded.Release();
        next.Release();
    }

    /// <summary>Transforms a part of a message back. Never throws what they throw: see <see cref="Failure"/>.</summary>
    /// <returns>What is wrong with it; null for nothing.</returns>
    public ProtocolError? Decode(
        ReservedBits bits,
        ReadOnlySpan<byte> data,
        bool isLast,
        DecodedData destination
    ) =>
        failure is { } earlier
            ? Undecodable(earlier)
            : Decode(LastMarked(bits, extensions.Length), bits, data, isLast, destination);

    // What ends the receiving where the state can't say that it was this side's fault: it is closing already.
    private static ProtocolError Undecodable(ExtensionFailedException failure) =>
        ProtocolError.NewExtensionFailed(failure.Extension, "internal error");

    private ProtocolError? Decode(
        int index,
        ReservedBits bits,
        ReadOnlySpan<byte> data,
        bool isLast,
        DecodedData destination
    )
    {
        var before = LastMarked(bits, index);
        if (before < 0)
            return Decode(extensions[index], data, isLast, destination);

        var between = new DecodedData();
        between.Begin(destination.Room + destination.Room / 8 + Slack);
        try
        {
            if (Decode(extensions[index], data, isLast, between) is { } error)
                return error;
            return between.IsFull
                ? ProtocolError.NewMessageTooBig(between.Size, destination.Room)
                : DecodeAll(before, bits, between, isLast, destination);
        }
        finally
        {
            between.Clear();
        }
    }

    private ProtocolError? Decode(
        Extension extension,
        ReadOnlySpan<byte> data,
        bool isLast,
        DecodedData destination
    )
    {
        try
        {
            return extension.Decode(data, isLast, destination);
        }
        catch (Exception error)
        {
            return Undecodable(Note(extension, nameof(Extension.Decode), error));
        }
    }

    private ProtocolError? DecodeAll(
        int index,
        ReservedBits bits,
        DecodedData source,
        bool isLast,
        DecodedData destination
    )
    {
        long taken = 0;
        do
        {
            var data = source.From(taken);
            taken += data.Length;
            var isEnd = isLast && taken == source.Size;
            if (Decode(index, bits, data, isEnd, destination) is { } error)
                return error;
        } while (taken < source.Size && !destination.IsFull);
        return null;
    }

    private int LastMarked(ReservedBits bits, int end)
    {
        do end--;
        while (end >= 0 && !IsMarked(extensions[end], bits));
        return end;
    }

    private static bool IsMarked(Extension extension, ReservedBits bits) =>
        (extension.ReservedBit & bits) != ReservedBits.None;

    /// <summary>The connection has ended, and nobody transforms anything any more: disposes of each.</summary>
    /// <returns>What they threw; usually nothing.</returns>
    public IReadOnlyList<ExtensionFailedException> Dispose() => Dispose(extensions);

    /// <summary>Disposes of each extension, whatever another one throws.</summary>
    /// <returns>What they threw; usually nothing.</returns>
    public static IReadOnlyList<ExtensionFailedException> Dispose(
        IReadOnlyList<Extension> extensions
    )
    {
        List<ExtensionFailedException>? failures = null;
        foreach (var extension in extensions)
        {
            try
            {
                extension.Dispose();
            }
            catch (Exception error)
            {
                (failures ??= []).Add(new(extension.Name, nameof(Extension.Dispose), error));
            }
        }
        return failures ?? [];
    }
}
