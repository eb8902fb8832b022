namespace FunctionalWs;

/// <summary>
/// A transport of a stream: a <see cref="Stream"/> can only be read by who waits, so a thread reads it, and another writes it. What it
/// throws ends the transport.
/// </summary>
internal sealed class StreamPumps
{
    // In each direction: how far the stream may be ahead of the connection, and the connection of the stream.
    private const int Capacity = 64 * 1024;

    private static readonly TimeSpan Grace = TimeSpan.FromSeconds(1);

    private readonly Stream stream;
    private readonly MemoryTransport outer;
    private readonly MemoryTransport inner;
    private readonly Thread reader;
    private readonly Thread writer;
    private int isEnding;

    private StreamPumps(Stream stream)
    {
        this.stream = stream;
        (outer, inner) = MemoryTransport.CreatePair(Capacity);
        reader = Carrying("FunctionalWs stream reader", ReadAll);
        writer = Carrying("FunctionalWs stream writer", WriteAll);
    }

    /// <summary>Begins to carry; the stream is disposed of once the transport has ended.</summary>
    public static Transport Start(Stream stream)
    {
        var pumps = new StreamPumps(stream);
        pumps.outer.Aborted = pumps.End;
        try
        {
            pumps.reader.UnsafeStart();
            pumps.writer.UnsafeStart();
        }
        catch
        {
            pumps.outer.Dispose(); // one thread that was begun ends
            throw;
        }
        return pumps.outer;
    }

    private static Thread Carrying(string name, Action<byte[]> carry) =>
        new(() => Guard.Run(() => carry(new byte[Capacity / 4])))
        {
            IsBackground = true,
            Name = name,
        };

    private void ReadAll(byte[] buffer)
    {
        try
        {
            while (stream.Read(buffer) is var size and > 0)
                inner.Write(buffer.AsSpan(0, size));
        }
        catch (Exception error)
        {
            outer.Fail(error);
            throw;
        }
        finally
        {
            inner.ShutdownSend();
        }
    }

    private void WriteAll(byte[] buffer)
    {
        try
        {
            while (inner.Read(buffer) is var size and > 0)
            {
                stream.Write(buffer.AsSpan(0, size));
                if (!inner.IsReadable)
                    stream.Flush();
            }
            stream.Flush(); // what came with the end
        }
        catch (Exception error)
        {
            outer.Fail(error);
            inner.Abort();
            throw;
        }
    }

    /// <summary>Disposes of the stream, on another thread: it may block there, and is not ours.</summary>
    private void End()
    {
        if (Interlocked.Exchange(ref isEnding, 1) == 0)
            ThreadPool.UnsafeQueueUserWorkItem(
                static pumps => Guard.Run(pumps.EndStream),
                this,
                preferLocal: false
            );
    }

    private void EndStream()
    {
        if (writer.ThreadState.HasFlag(ThreadState.Unstarted) || !writer.Join(Grace))
            inner.Abort(); // nobody takes what is left
        stream.Dispose(); // a read ends with it, as far as it is one that can be ended
    }
}
