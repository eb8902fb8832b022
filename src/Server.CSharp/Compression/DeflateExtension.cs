using System.Buffers;
using FunctionalWs.Protocol;
using Microsoft.FSharp.Collections;

namespace FunctionalWs;

/// <summary>
/// <c>permessage-deflate</c> on one connection (RFC 7692 §7.2). Memory for it is taken at the first compressed message of
/// each direction, and given back when it isn't needed: after each message where the history was given up in the
/// handshake, and else, for sending, when the connection is quiet. The peer never notices that.
/// </summary>
internal sealed class DeflateExtension(
    PerMessageDeflate settings,
    DeflateAgreement agreement,
    WebSocketConnection connection
) : Extension(DeflateNegotiation.Name, [.. agreement.Parameters], ReservedBits.Rsv1)
{
    // Up to here a high ratio costs nobody anything.
    private const int FreeInflation = 64 * 1024;

    private Deflater? deflater;
    private int messages;

    private Inflater? inflater;
    private long wireSize;
    private long dataSize;

    /// <summary>What its messages are compressed with.</summary>
    public DeflaterSettings Deflating { get; } =
        new(agreement.ServerMaxWindowBits, settings.Level, settings.MemoryLevel, settings.Strategy);

    /// <summary>False when the window that was agreed on is one that zlib can't make: then messages go as they are (RFC 7692 §6).</summary>
    private bool CanCompress => Deflating.WindowBits >= DeflaterSettings.Smallest.WindowBits;

    /// <summary>How long the history is kept without use; null for ever.</summary>
    public TimeSpan? QuietTime => settings.QuietTime;

    /// <summary>True while there is a history of sent messages. Read by the watcher.</summary>
    public bool HoldsHistory
    {
        get
        {
            Scheduler.Meet(this, Access.Read);
            return Volatile.Read(ref deflater) is not null;
        }
    }

    /// <summary>How many messages were compressed. Read by the watcher.</summary>
    public int Messages => Volatile.Read(ref messages);

    public override bool Wants(OutgoingMessage message) =>
        CanCompress
        && (
            message.Compress
            ?? (
                (message.IsFragmented || message.Data.Length >= settings.MinSize)
                && settings.Filter?.Invoke(connection, message.Kind, message.Data) != false
            )
        );

    public override void Encode(
        ReadOnlySpan<byte> data,
        bool isLast,
        IBufferWriter<byte> destination
    )
    {
        Scheduler.Meet(this, Access.Write);
        deflater ??= Deflater.Rent(Deflating);
        var isForgotten = isLast && agreement.ServerNoContextTakeover;
        deflater.Compress(data, isLast, destination, isForgotten);
        Volatile.Write(ref messages, messages + 1);
        if (isForgotten)
            DropHistory();
    }

    /// <summary>
    /// Gives the memory for sending back, at a message's boundary: the next message refers to none before. Under the write
    /// gate.
    /// </summary>
    public void DropHistory()
    {
        if (deflater is { IsInMessage: false })
            ReturnDeflater();
    }

    // Taken by one alone: the end of the connection may meet a broadcast that finds out too late.
    private void ReturnDeflater()
    {
        Scheduler.Meet(this, Access.Write);
        if (Interlocked.Exchange(ref deflater, null) is { } returned)
            Deflater.Return(returned);
    }

    public override ProtocolError? Decode(
        ReadOnlySpan<byte> data,
        bool isLast,
        DecodedData destination
    )
    {
        inflater ??= Inflater.Rent(agreement.ClientMaxWindowBits);
        wireSize += data.Length;
        var error = Inflate(inflater, data, destination);
        if (error is not null || !isLast || destination.IsFull)
            return error;
        if (!TryEnd(inflater, destination))
            return ProtocolError.CompressedDataIncomplete;
        wireSize = dataSize = 0;
        if (agreement.ClientNoContextTakeover)
            ReturnInflater();
        return null;
    }

    private ProtocolError? Inflate(
        Inflater inflater,
        ReadOnlySpan<byte> data,
        DecodedData destination
    )
    {
        while (true)
        {
            var span = destination.GetSpan();
            if (span.IsEmpty)
                return null; // too large: that is for the connection to say
            var isValid = inflater.Inflate(ref data, span, out var written);
            destination.Advance(written);
            dataSize += written;
            if (!isValid)
                return ProtocolError.CompressedDataInvalid;
            if (IsBomb)
                return ProtocolError.NewInflateRatioExceeded(settings.MaxInflateRatio!.Value);
            if (data.IsEmpty && written == 0)
                return null;
        }
    }

    private bool IsBomb =>
        settings.MaxInflateRatio is { } ratio
        && dataSize > FreeInflation
        && dataSize / ratio >= wireSize;

    private static bool TryEnd(Inflater inflater, DecodedData destination)
    {
        var isEnd = inflater.TryEnd(destination.GetSpan(), out var written);
        destination.Advance(written);
        return isEnd;
    }

    private void ReturnInflater()
    {
        var returned = inflater;
        inflater = null;
        if (returned is not null)
            Inflater.Return(returned);
    }

    /// <summary>Gives all memory back. What was begun is not completed any more.</summary>
    public override void Dispose()
    {
        ReturnDeflater();
        ReturnInflater();
    }
}
