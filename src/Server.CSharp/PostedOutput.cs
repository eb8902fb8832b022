using FunctionalWs.Protocol;

namespace FunctionalWs;

/// <summary>
/// What is to be sent by whoever can write next: the latest ping, pong and close frame, and frames of messages in their
/// order. Safe from any thread; what is taken is taken by the holder of the write gate.
/// </summary>
internal sealed class PostedOutput
{
    private readonly Lock gate = new();
    private readonly Queue<PostedFrame> frames = new();
    private ReadOnlyMemory<byte> current; // the rest of a frame that has begun to leave
    private long bytes;
    private DeflateExtension? deflate;

    // A later pong makes an earlier one needless (RFC 6455 §5.5.3).
    private Output.Ping? ping;
    private Output.Pong? pong;
    private Output.Close? close;
    private bool isEnd;
    private volatile bool hasWork;

    /// <summary>True while there is something to take.</summary>
    public bool HasWork => hasWork;

    /// <summary>The bytes of the frames of messages, without what has begun to leave.</summary>
    public long Bytes => Interlocked.Read(ref bytes);

    /// <summary>True while frames of messages wait, or a part of one.</summary>
    public bool HasFrames
    {
        get
        {
            if (!hasWork)
                return false;
            lock (gate)
                return !current.IsEmpty || frames.Count > 0;
        }
    }

    /// <summary>Adds a control frame, or the end of the sending side.</summary>
    public void Add(Output? output, bool halfClose)
    {
        lock (gate)
        {
            switch (output)
            {
                case Output.Ping next:
                    ping = next;
                    break;
                case Output.Pong next:
                    pong = next;
                    break;
                case Output.Close next:
                    close = next;
                    break;
            }
            isEnd |= halfClose;
            hasWork = true;
        }
    }

    /// <summary>Adds a frame of a message, which is not copied.</summary>
    public void Add(PostedFrame frame)
    {
        lock (gate)
        {
            frames.Enqueue(frame);
            bytes += frame.Bytes.Length;
            hasWork = true;
        }
    }

    /// <summary>Drops the oldest frames of messages until the others take no more than so many bytes.</summary>
    public int Drop(long untilBytes)
    {
        lock (gate)
        {
            var dropped = 0;
            while (bytes > untilBytes && frames.TryDequeue(out var frame))
            {
                bytes -= frame.Bytes.Length;
                dropped++;
            }
            return dropped;
        }
    }

    /// <summary>Moves frames of messages to a buffer, as far as it has room; true when none is left.</summary>
    public bool TryTakeFrames(OutputBuffer buffer)
    {
        lock (gate)
            return MoveFrames(buffer);
    }

    /// <summary>
    /// Moves to an empty buffer what comes next; false when there is nothing. The close frame comes after everything else,
    /// and then the end.
    /// </summary>
    public bool TryTake(OutputBuffer buffer, out bool isLast)
    {
        isLast = false;
        lock (gate)
        {
            if (!hasWork)
                return false;
            // Nothing may come within a frame, and the close frame not before what was posted before it.
            if (!MoveCurrent(buffer) || !buffer.HasRoomForControls(2))
                return true;
            MovePingAndPong(buffer);
            // The close frame waits for an empty buffer when the frames before it have filled this one.
            if (MoveFrames(buffer) && (buffer.HasRoomForControls(1) || close is null))
            {
                MoveClose(buffer);
                isLast = isEnd;
                isEnd = hasWork = false;
            }
            return true;
        }
    }

    /// <summary>Forgets everything.</summary>
    public void Clear()
    {
        lock (gate)
        {
            (ping, pong, close, current) = (null, null, null, default);
            frames.Clear();
            bytes = 0;
            hasWork = false;
        }
    }

    private void MovePingAndPong(OutputBuffer buffer)
    {
        if (ping is not null)
            buffer.Add(ping, default, default, 0);
        if (pong is not null)
            buffer.Add(pong, default, default, 0);
        (ping, pong) = (null, null);
    }

    private void MoveClose(OutputBuffer buffer)
    {
        if (close is not null)
            buffer.Add(close, default, default, 0);
        close = null;
    }

    private bool MoveFrames(OutputBuffer buffer)
    {
        while (!current.IsEmpty || TryBeginFrame(buffer))
        {
            if (!MoveCurrent(buffer))
                return false;
        }
        return true;
    }

    /// <summary>Moves the rest of a frame that has begun to leave; false when the buffer has no room for all of it.</summary>
    private bool MoveCurrent(OutputBuffer buffer)
    {
        current = current[buffer.AddPart(current.Span)..];
        return current.IsEmpty;
    }

    private bool TryBeginFrame(OutputBuffer buffer)
    {
        if (!frames.TryDequeue(out var frame))
            return false;
        current = frame.Bytes;
        bytes -= current.Length;
        buffer.Flow?.Add(frame.Opcode, fin: true, frame.Size, current.Length);
        // One that was compressed by itself: what this side has compressed before is no longer what the peer saw last.
        if (IsCompressed(current.Span))
            deflate?.DropHistory();
        return true;
    }

    private static bool IsCompressed(ReadOnlySpan<byte> frame) =>
        (frame[0] & (byte)ReservedBits.Rsv1 << 4) != 0;

    /// <summary>The handshake has agreed on compression, or not.</summary>
    public void Use(DeflateExtension? deflate) => this.deflate = deflate;
}
