using System.Net;

namespace FunctionalWs;

/// <summary>
/// One end of a stream in memory. What one end writes, the other reads; each direction holds a limited number of
/// bytes, as a socket's buffers do. As with a socket, <see cref="Thread.Interrupt"/> doesn't end a wait.
/// </summary>
internal sealed class MemoryTransport : Transport
{
    // How long a wait on another clock lasts before that clock is looked at again.
    private static readonly TimeSpan Look = TimeSpan.FromMilliseconds(5);

    private readonly Channel incoming;
    private readonly Channel outgoing;
    private long continued; // what was written since it had to wait
    private bool isWaiting; // the last write without waiting left something

    private MemoryTransport(Channel incoming, Channel outgoing)
    {
        this.incoming = incoming;
        this.outgoing = outgoing;
    }

    /// <summary>Makes both ends of a stream.</summary>
    /// <param name="capacity">The bytes that each direction holds before a writer waits.</param>
    public static (MemoryTransport Server, MemoryTransport Client) CreatePair(
        int capacity = 1 << 20
    )
    {
        var (toServer, toClient) = (new Channel(capacity), new Channel(capacity));
        return (new MemoryTransport(toServer, toClient), new MemoryTransport(toClient, toServer));
    }

    public override EndPoint? LocalEndPoint => null;

    public override EndPoint? RemoteEndPoint => null;

    public override bool IsReadable => incoming.IsReadable;

    public override int Read(Span<byte> destination) => incoming.Read(destination);

    public override bool WaitReadable(Deadline deadline)
    {
        var look = deadline.IsNever ? Timeout.InfiniteTimeSpan : Look;
        while (!incoming.WaitReadable(look))
        {
            if (deadline.HasPassed)
                return incoming.IsReadable;
        }
        return true;
    }

    /// <summary>What was written when there was room again.</summary>
    public override (long Taken, long Untaken) Progress => (Volatile.Read(ref continued), 0);

    public override long Unread => incoming.Unread;

    public override void Write(ReadOnlySpan<byte> source)
    {
        source = source[TryWrite(source)..];
        while (!source.IsEmpty)
        {
            var size = outgoing.Write(source, wait: true);
            source = source[size..];
            Volatile.Write(ref continued, continued + size);
        }
    }

    public override int TryWrite(ReadOnlySpan<byte> source)
    {
        var size = outgoing.Write(source, wait: false);
        if (isWaiting)
            Volatile.Write(ref continued, continued + size);
        isWaiting = size < source.Length;
        return size;
    }

    public override void ShutdownSend() => outgoing.End();

    /// <summary>Tells what ended the stream, before that is seen.</summary>
    public void Fail(Exception error) => Failure ??= error;

    /// <summary>Called with each <see cref="Abort"/> of this end.</summary>
    public Action? Aborted { get; set; }

    /// <summary>Ends both directions; what either end has not read yet is still there for it.</summary>
    public override void Abort()
    {
        incoming.Break(); // first: who has seen the end can't write any more
        outgoing.End();
        Aborted?.Invoke();
    }

    public override void Dispose() => Abort();

    /// <summary>Bytes on their way in one direction.</summary>
    private sealed class Channel(int capacity)
    {
        private readonly object gate = new();
        private readonly Queue<byte[]> chunks = new();
        private int consumed; // bytes of the first chunk
        private int held;
        private bool ended;
        private bool broken;

        public bool IsReadable
        {
            get
            {
                using (gate.HoldMonitor())
                    return HasInput;
            }
        }

        public long Unread
        {
            get
            {
                using (gate.HoldMonitor())
                    return HasInput ? Math.Max(held, 1) : 0;
            }
        }

        private bool HasInput => held > 0 || ended || broken;

        public bool WaitReadable(TimeSpan timeout)
        {
            using (gate.HoldMonitor())
                return HasInput || Interrupts.WaitPatiently(gate, timeout) && HasInput;
        }

        public int Read(Span<byte> destination)
        {
            using (gate.HoldMonitor())
            {
                while (!HasInput)
                    Interrupts.WaitPatiently(gate, Timeout.InfiniteTimeSpan);
                if (held == 0)
                    return 0; // what came before the end is still there, as with a socket
                var chunk = chunks.Peek().AsSpan(consumed);
                var size = Math.Min(chunk.Length, destination.Length);
                chunk[..size].CopyTo(destination);
                consumed += size;
                if (size == chunk.Length)
                {
                    chunks.Dequeue();
                    consumed = 0;
                }
                held -= size;
                Monitor.PulseAll(gate);
                return size;
            }
        }

        public int Write(ReadOnlySpan<byte> source, bool wait)
        {
            using (gate.HoldMonitor())
            {
                while (wait && held >= capacity && !ended && !broken)
                    Interrupts.WaitPatiently(gate, Timeout.InfiniteTimeSpan);
                if (ended || broken)
                    throw new IOException("The connection is broken.");
                var size = Math.Min(source.Length, capacity - held);
                if (size == 0)
                    return 0;
                chunks.Enqueue(source[..size].ToArray());
                held += size;
                Monitor.PulseAll(gate);
                return size;
            }
        }

        public void End()
        {
            using (gate.HoldMonitor())
            {
                ended = true;
                Monitor.PulseAll(gate);
            }
        }

        public void Break()
        {
            using (gate.HoldMonitor())
            {
                broken = true;
                Monitor.PulseAll(gate);
            }
        }
    }
}
