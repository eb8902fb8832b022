using System.Net;
using System.Net.Sockets;

namespace FunctionalWs;

/// <summary>
/// A stream of bytes both ways. One thread may read while another writes; <see cref="Abort"/> may come from any thread.
/// A failed or aborted stream reads as ended and throws <see cref="IOException"/> on writing.
/// </summary>
internal abstract class Transport : IDisposable
{
    // A record of TLS takes as much (RFC 8446 §5.1).
    private const int Joined = 16 * 1024;

    public abstract EndPoint? LocalEndPoint { get; }

    public abstract EndPoint? RemoteEndPoint { get; }

    /// <summary>
    /// The socket that becomes readable when this does; null when there is none, or when it would say nothing of bytes that
    /// wait already.
    /// </summary>
    public virtual Socket? PollSocket => null;

    /// <summary>The transport that this one is a layer over; itself when it is none.</summary>
    public virtual Transport Bottom => this;

    /// <summary>
    /// What moves when the peer takes bytes, and how many it has not taken, as far as that can be told: its own system has them
    /// then. Read from any thread.
    /// </summary>
    public virtual (long Taken, long Untaken) Progress => default;

    /// <summary>True while bytes that it has taken itself wait for the peer to read.</summary>
    public virtual bool IsHeldUp => false;

    /// <summary>
    /// The bytes that <see cref="Read"/> would give without waiting, as far as that can be told; the end counts as one.
    /// </summary>
    public virtual long Unread => IsReadable ? 1 : 0;

    /// <summary>So many bytes have come for certain, and will be read; 0 where nobody knows. Asked by whoever reads.</summary>
    public virtual int Arrived => 0;

    /// <summary>What ended the stream, if it was neither the peer nor this side.</summary>
    public Exception? Failure { get; protected set; }

    /// <summary>
    /// Waits for at least one byte; 0 at the end of the stream, also of a broken one; -1 from one that doesn't wait, for nothing now.
    /// </summary>
    public abstract int Read(Span<byte> destination);

    /// <summary>The same, to memory that stays where it is: what reads asynchronously below reads to it without a copy.</summary>
    public virtual int ReadInto(Memory<byte> destination) => Read(destination.Span);

    /// <summary>True where a loop of message handlers can be told when there is something to read.</summary>
    public virtual bool CanLoop => false;

    /// <summary>From now on reading doesn't wait. Where <see cref="CanLoop"/> says so; under the read gate.</summary>
    public virtual void StopWaiting() { }

    /// <summary>What the system calls it, which isn't given to another one until <see cref="LetGo"/>.</summary>
    public virtual nint Hold() => 0;

    /// <summary>Ends <see cref="Hold"/>.</summary>
    public virtual void LetGo() { }

    /// <summary>The peer's end has come, or is behind what has come: a loop was told of it.</summary>
    public virtual void End() { }

    /// <summary>Reading waits, also if it did not. Under the read gate.</summary>
    public virtual void Wait() { }

    /// <summary>Something may have come: one that doesn't wait looks again. Under the read gate.</summary>
    public virtual void Rouse() { }

    /// <summary>True when one that doesn't wait would find nothing: it has not been told of anything since it found the end of it.</summary>
    public virtual bool IsDrained => false;

    /// <summary>True when <see cref="Read"/> would not wait. Never waits itself.</summary>
    public abstract bool IsReadable { get; }

    /// <summary>
    /// Moves by one with each read of another transport that <see cref="IsReadable"/> and <see cref="WaitReadable"/> have made: what
    /// a peer can make them cost. Read by whoever reads.
    /// </summary>
    public virtual long Looks => 0;

    /// <summary>Waits until <see cref="Read"/> would not wait; false when the deadline passed first.</summary>
    public abstract bool WaitReadable(Deadline deadline);

    /// <summary>Writes everything, however long that takes.</summary>
    /// <exception cref="IOException">The stream is broken or was aborted.</exception>
    public abstract void Write(ReadOnlySpan<byte> source);

    /// <summary>Writes a few bytes and many behind them, together as far as that goes without copying all.</summary>
    /// <exception cref="IOException">The stream is broken or was aborted.</exception>
    public virtual void Write(ReadOnlySpan<byte> head, ReadOnlySpan<byte> rest)
    {
        var buffer = SharedBuffers.Pool.Rent(Joined);
        try
        {
            head.CopyTo(buffer);
            var copied = Math.Min(rest.Length, Joined - head.Length);
            rest[..copied].CopyTo(buffer.AsSpan(head.Length));
            Write(buffer.AsSpan(0, head.Length + copied));
            if (copied < rest.Length)
                Write(rest[copied..]);
        }
        finally
        {
            SharedBuffers.Pool.Return(buffer);
        }
    }

    /// <summary>
    /// Writes what can be written without waiting, and tells how much that was. The rest, if it is to be written, must come
    /// with the next write: a part of it may be under way.
    /// </summary>
    /// <exception cref="IOException">The stream is broken or was aborted.</exception>
    public abstract int TryWrite(ReadOnlySpan<byte> source);

    /// <summary>Tells the peer that nothing more comes, as well as that goes without waiting. Never throws.</summary>
    public abstract void ShutdownSend();

    /// <summary>
    /// The same, but false while a part of the telling waits for the peer to read: then it is to be called again. Never
    /// throws.
    /// </summary>
    public virtual bool TryShutdownSend()
    {
        ShutdownSend();
        return true;
    }

    /// <summary>Ends both directions at once; a blocked read or write returns. Never throws.</summary>
    public abstract void Abort();

    public abstract void Dispose();
}
