namespace FunctionalWs;

/// <summary>
/// What <see cref="System.Net.Security.SslStream"/> reads its records from and writes them to: a transport, with reads
/// that can give up and writes that can be put off. Everything completes on the calling thread.
/// </summary>
internal sealed class CipherStream(Transport transport) : Stream
{
    // A peer that sends records without content must not keep somebody here who has no time.
    private const int MaxReadsInPassing = 8;

    private static readonly TimeSpan Long = TimeSpan.FromDays(1);

    private readonly OutputQueue held = new(transport);
    private readonly RecordReader records = new(); // of whatever has come, ahead included
    private readonly AheadBuffer ahead = new(); // what has come of a record that is not complete yet
    private bool isAheadComplete; // there is the end of a record in it
    private Deadline deadline;
    private bool canGiveUp;
    private bool isKnownReadable;
    private int reads; // since the deadline was set

    /// <summary>True to keep what is written until <see cref="TryDrain"/>; false to write it at once.</summary>
    public bool HoldsOutput { get; set; }

    /// <summary>Makes reads wait for as long as it takes.</summary>
    public void ReadPatiently() => canGiveUp = false;

    /// <summary>The reads that were made in passing: whatever a peer sends, they have a cost.</summary>
    public long Looks { get; private set; }

    /// <summary>Makes reads throw <see cref="NothingToReadException"/> once the deadline has passed.</summary>
    public void ReadUntil(Deadline time)
    {
        canGiveUp = !time.IsNever;
        deadline = time;
        reads = 0;
    }

    /// <summary>
    /// Takes in bytes until a record is complete, or the stream has ended; false when the deadline has passed first. An SslStream
    /// that is asked earlier can only give up by an exception, which a peer could make cost us with every byte it sends.
    /// </summary>
    /// <exception cref="IOException">What came are no records, and an SslStream that was given it waits for more.</exception>
    public bool TryFillRecord()
    {
        if (records.IsLost && ahead.IsEmpty)
            throw new IOException("What came is no record of TLS.");
        while (!isAheadComplete)
        {
            if (!TryWaitReadable())
                return false;
            var room = ahead.Room(records.Missing);
            var size = transport.Read(room);
            if (size == 0)
                return true; // the end: whoever reads on finds it
            isAheadComplete = records.Pass(room[..size]);
            ahead.Add(size);
            Looks++;
            RequireNoHandshake();
        }
        return true;
    }

    /// <summary>
    /// An empty destination asks to wait: that is how an SslStream waits, which rents its buffer only after it. A lent
    /// buffer for each idle connection would be most of its memory.
    /// </summary>
    public override int Read(Span<byte> destination)
    {
        if (!ahead.IsEmpty)
            return TakeAhead(destination);
        if (!isKnownReadable)
            WaitReadable();
        isKnownReadable = destination.IsEmpty;
        if (destination.IsEmpty)
            return 0;
        if (canGiveUp)
            Looks++;
        var size = transport.Read(destination);
        records.Pass(destination[..size]);
        RequireNoHandshake();
        return size;
    }

    /// <summary>
    /// From now on the peer must not begin another handshake: it would be made by whoever reads, amid what others write, and call the
    /// application's code from there.
    /// </summary>
    public void RefuseHandshakes() => records.IsPastHandshake = true;

    private void RequireNoHandshake()
    {
        if (records.IsRenegotiated)
            throw new IOException("The peer has begun to renegotiate TLS in an open connection.");
    }

    private int TakeAhead(Span<byte> destination)
    {
        var size = ahead.Take(destination);
        isAheadComplete &= !ahead.IsEmpty;
        return size;
    }

    private void WaitReadable()
    {
        if (!canGiveUp)
        {
            while (!transport.WaitReadable(Deadline.After(TimeProvider.System, Long)))
                continue;
            return;
        }
        if (!TryWaitReadable())
            throw new NothingToReadException();
    }

    private bool TryWaitReadable()
    {
        reads++;
        var isLate = reads > MaxReadsInPassing && deadline.HasPassed;
        return !isLate && transport.WaitReadable(deadline);
    }

    public override void Write(ReadOnlySpan<byte> source)
    {
        if (HoldsOutput)
            held.Add(source);
        else
            transport.Write(source);
    }

    /// <summary>Writes what was kept, however long that takes.</summary>
    public void Drain() => held.Flush();

    /// <summary>Writes what was kept as far as that goes without waiting; true when nothing is left.</summary>
    public bool TryDrain() => held.TryFlush();

    public override int Read(byte[] buffer, int offset, int count) =>
        Read(buffer.AsSpan(offset, count));

    public override void Write(byte[] buffer, int offset, int count) =>
        Write(buffer.AsSpan(offset, count));

    // Asked for by SslStream.ShutdownAsync alone.
    public override ValueTask WriteAsync(
        ReadOnlyMemory<byte> buffer,
        CancellationToken cancellationToken = default
    )
    {
        Write(buffer.Span);
        return ValueTask.CompletedTask;
    }

    public override Task FlushAsync(CancellationToken cancellationToken) => Task.CompletedTask;

    public override void Flush() { }

    public override bool CanRead => true;

    public override bool CanWrite => true;

    public override bool CanSeek => false;

    public override long Length => throw new NotSupportedException();

    public override long Position
    {
        get => throw new NotSupportedException();
        set => throw new NotSupportedException();
    }

    public override long Seek(long offset, SeekOrigin origin) => throw new NotSupportedException();

    public override void SetLength(long value) => throw new NotSupportedException();

    protected override void Dispose(bool disposing)
    {
        held.Release();
        ahead.Release();
    }
}

/// <summary>A read gave up; nothing is lost, and the next one goes on where this one stopped.</summary>
internal sealed class NothingToReadException() : IOException("Nothing came in time.");
