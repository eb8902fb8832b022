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
    private Deadline deadline;
    private bool canGiveUp;
    private bool isKnownReadable;
    private int reads;

    /// <summary>True to keep what is written until <see cref="TryDrain"/>; false to write it at once.</summary>
    public bool HoldsOutput { get; set; }

    /// <summary>Makes reads wait for as long as it takes.</summary>
    public void ReadPatiently() => canGiveUp = false;

    /// <summary>Makes reads throw <see cref="NothingToReadException"/> once the deadline has passed.</summary>
    public void ReadUntil(Deadline time)
    {
        canGiveUp = !time.IsNever;
        deadline = time;
        reads = 0;
    }

    /// <summary>
    /// An empty destination asks to wait: that is how an SslStream waits, which rents its buffer only after it. A lent
    /// buffer for each idle connection would be most of its memory.
    /// </summary>
    public override int Read(Span<byte> destination)
    {
        if (!isKnownReadable)
            WaitReadable();
        isKnownReadable = destination.IsEmpty;
        return destination.IsEmpty ? 0 : transport.Read(destination);
    }

    private void WaitReadable()
    {
        if (!canGiveUp)
        {
            while (!transport.WaitReadable(Deadline.After(TimeProvider.System, Long)))
                continue;
            return;
        }
        reads++;
        var isLate = reads > MaxReadsInPassing && deadline.HasPassed;
        if (isLate || !transport.WaitReadable(deadline))
            throw new NothingToReadException();
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

    protected override void Dispose(bool disposing) => held.Release();
}

/// <summary>A read gave up; nothing is lost, and the next one goes on where this one stopped.</summary>
internal sealed class NothingToReadException() : IOException("Nothing came in time.");
