using System.Net;

namespace FunctionalWs.Testing;

/// <summary>
/// One end of a simulated connection that holds bytes back as TLS does: what was read can be used only when a whole record of it is
/// there; what was opened may wait here while the stream below has nothing; and a piece counts as written only when all of its
/// record has left.
/// </summary>
internal sealed class RecordTransport(SimulatedTransport lower, SimulatedLink link) : Transport
{
    // As for TLS.
    private const int MaxPieceInPassing = 4 * 1024;

    private const int ReadSize = 8 * 1024;

    private readonly Queue<byte[]> opened = new(); // none of them empty
    private int consumed; // bytes of the first one
    private byte[] arriving = []; // of a record that isn't whole
    private byte[] leaving = [];
    private int leavingSize; // what the piece says that leaves, and that the next write begins with
    private long looks;
    private bool isReadingOver;
    private bool isWritingOver;

    public override EndPoint? LocalEndPoint => null;

    public override EndPoint? RemoteEndPoint => null;

    public override Transport Bottom => lower;

    /// <summary>Reads, if there is something to read below. Not for conditions that other threads ask for.</summary>
    public override bool IsReadable =>
        HasInput || lower.IsReadable && TryFill(Deadline.After(Clock, TimeSpan.Zero));

    public override long Looks => looks;

    private bool HasInput => isReadingOver || opened.Count > 0;

    private TimeProvider Clock => link.Scheduler.Clock;

    public override bool WaitReadable(Deadline deadline) => TryFill(deadline);

    public override int Read(Span<byte> destination)
    {
        TryFill(Deadline.Never);
        var total = 0;
        while (total < destination.Length && opened.Count > 0 && (total == 0 || TakesAnother))
            total += Take(destination[total..]);
        return total;
    }

    public override void Write(ReadOnlySpan<byte> source)
    {
        RequireWritable();
        lower.Write(leaving);
        leaving = [];
        source = source[leavingSize..];
        leavingSize = 0;
        while (!source.IsEmpty)
        {
            var piece = source[..Math.Min(source.Length, SealedRecord.MaxSize)];
            lower.Write(Sealed(piece));
            source = source[piece.Length..];
        }
    }

    public override int TryWrite(ReadOnlySpan<byte> source)
    {
        RequireWritable();
        var total = 0;
        while (total < source.Length && TryWritePiece(source[total..]) is var size and > 0)
            total += size;
        return total;
    }

    public override void ShutdownSend()
    {
        if (!TryShutdownSend())
            lower.ShutdownSend();
    }

    /// <summary>Says that nothing more comes, then ends the stream below.</summary>
    public override bool TryShutdownSend()
    {
        if (!TrySayGoodbye())
            return false;
        lower.ShutdownSend();
        return true;
    }

    public override void Abort() => lower.Abort();

    public override void Dispose()
    {
        isWritingOver = true;
        lower.Dispose();
    }

    private bool TakesAnother =>
        link.Conditions.MaxPieceSize == int.MaxValue || link.Random.Next(2) == 0;

    private int Take(Span<byte> destination)
    {
        var plain = opened.Peek().AsSpan(consumed);
        var size = Math.Min(plain.Length, destination.Length);
        plain[..size].CopyTo(destination);
        consumed += size;
        if (size < plain.Length)
            return size;
        opened.Dequeue();
        consumed = 0;
        return size;
    }

    /// <summary>Takes in bytes until a record with content is whole, or the stream has ended.</summary>
    private bool TryFill(Deadline deadline)
    {
        while (!HasInput)
        {
            if (!lower.WaitReadable(deadline))
                return false;
            looks++;
            Open();
        }
        return true;
    }

    private void Open()
    {
        var buffer = new byte[ReadSize];
        var size = lower.Read(buffer);
        Failure ??= lower.Failure;
        isReadingOver = size == 0;
        arriving = [.. arriving, .. buffer.AsSpan(0, size)];
        ReadOnlySpan<byte> rest = arriving;
        while (!isReadingOver && SealedRecord.TryOpen(ref rest, out var plain))
        {
            isReadingOver = plain is null;
            if (plain is { Length: > 0 })
                opened.Enqueue(plain);
        }
        arriving = rest.ToArray();
    }

    private int TryWritePiece(ReadOnlySpan<byte> source)
    {
        if (leavingSize == 0)
        {
            leavingSize = Math.Min(source.Length, MaxPieceInPassing);
            leaving = Sealed(source[..leavingSize]);
        }
        if (!TryDrain())
            return 0;
        var size = leavingSize;
        leavingSize = 0;
        return size;
    }

    /// <summary>A record, and now and then one without content before it, as TLS may have them.</summary>
    private byte[] Sealed(ReadOnlySpan<byte> piece) =>
        link.Random.Next(8) == 0
            ? [.. SealedRecord.Seal([]), .. SealedRecord.Seal(piece)]
            : SealedRecord.Seal(piece);

    private bool TryDrain()
    {
        leaving = leaving[lower.TryWrite(leaving)..];
        return leaving.Length == 0;
    }

    private bool TrySayGoodbye()
    {
        try
        {
            if (!isWritingOver)
                leaving = [.. leaving, .. SealedRecord.Goodbye];
            isWritingOver = true;
            return TryDrain();
        }
        catch (IOException)
        {
            Failure ??= lower.Failure;
            return true; // a stream that is broken takes none
        }
    }

    private void RequireWritable()
    {
        if (isWritingOver)
            throw new IOException("The connection is broken.", Failure);
    }
}
