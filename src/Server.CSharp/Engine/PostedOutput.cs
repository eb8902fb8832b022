using System.Diagnostics.CodeAnalysis;
using FunctionalWs.Protocol;

namespace FunctionalWs;

/// <summary>
/// What is to be sent by whoever can write next: the latest ping, pong and close frame, and frames of messages in their
/// order. Safe from any thread; what is taken is taken by the holder of the write gate.
/// </summary>
internal sealed class PostedOutput
{
    // Above this a queue that has emptied gives its room back.
    private const int KeptPlaces = 64;

    private readonly Lock gate = new();
    private readonly Queue<PostedFrame> frames = new();
    private PostedFrame? begun; // a frame that has begun to leave
    private ReadOnlyMemory<byte> current; // the rest of it
    private long bytes;
    private long cost;
    private DeflateExtension? deflate;

    // A later pong makes an earlier one needless (RFC 6455 §5.5.3).
    private Output.Ping? ping;
    private Output.Pong? pong;
    private Output.Close? close;
    private bool isEnd;
    private bool isOver; // the end was taken
    private volatile bool hasWork;
    private bool isRefusing;

    /// <summary>True while there is something to take.</summary>
    public bool HasWork
    {
        get
        {
            Scheduler.Meet(gate, Access.Read);
            return hasWork;
        }
    }

    /// <summary>The bytes of the frames of messages, without what has begun to leave.</summary>
    public long Bytes
    {
        get
        {
            Scheduler.Meet(gate, Access.Read);
            return Interlocked.Read(ref bytes);
        }
    }

    /// <summary>The memory that they take, in bytes, as if they waited for this peer alone.</summary>
    public long Cost
    {
        get
        {
            Scheduler.Meet(gate, Access.Read);
            return Interlocked.Read(ref cost);
        }
    }

    /// <summary>True while frames of messages wait, or a part of one.</summary>
    public bool HasFrames
    {
        get
        {
            if (!HasWork)
                return false;
            using (gate.Hold())
                return begun is not null || frames.Count > 0;
        }
    }

    /// <summary>The handshake has agreed on compression, or not.</summary>
    public void Use(DeflateExtension? deflate) => this.deflate = deflate;

    /// <summary>Adds a control frame, or the end of the sending side.</summary>
    public void Add(Output? output, bool halfClose)
    {
        using (gate.Hold())
        {
            // An answer to a ping that comes late: the sending side has ended.
            if (isOver && !halfClose)
                return;
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
        using (gate.Hold())
        {
            if (isRefusing)
                return;
            frames.Enqueue(frame);
            Count(frame, +1);
            frame.Hold();
            hasWork = true;
        }
    }

    /// <summary>Adds what is left of a frame that has begun to leave, if anything: nothing else had.</summary>
    public void AddRest(PostedFrame frame, int written)
    {
        if (written == frame.Bytes.Length)
            return;
        using (gate.Hold())
        {
            if (isRefusing)
                return; // the stream has ended meanwhile
            frame.Hold();
            (begun, current) = (frame, frame.Bytes[written..]);
            hasWork = true;
        }
    }

    /// <summary>Drops the oldest frames of messages until the others take no more memory than so many bytes.</summary>
    public int Drop(long untilCost)
    {
        using (gate.Hold())
        {
            var dropped = 0;
            while (cost > untilCost && TryDequeue(out var frame))
            {
                frame.Release();
                dropped++;
            }
            return dropped;
        }
    }

    /// <summary>Drops the frames of messages that have not begun to leave, and all that are still to be added.</summary>
    public void Refuse()
    {
        using (gate.Hold())
        {
            isRefusing = true;
            Drop(untilCost: 0);
        }
    }

    /// <summary>Moves frames of messages to a buffer, as far as it has room; true when none is left.</summary>
    public bool TryTakeFrames(OutputBuffer buffer)
    {
        using (gate.Hold())
            return MoveFrames(buffer);
    }

    /// <summary>
    /// Moves to an empty buffer what comes next; false when there is nothing. The close frame comes after everything else,
    /// and then the end.
    /// </summary>
    public bool TryTake(OutputBuffer buffer, out bool isLast)
    {
        isLast = false;
        Output.Ping? nextPing;
        Output.Pong? nextPong;
        using (gate.Hold())
        {
            if (!hasWork)
                return false;
            // Nothing may come within a frame, and the close frame not before what was posted before it.
            if (!MoveCurrent(buffer) || !buffer.HasRoomForControls(2))
                return true;
            (nextPing, nextPong) = (ping, pong);
            (ping, pong) = (null, null);
        }
        Add(buffer, nextPing);
        Add(buffer, nextPong);
        Add(buffer, TakeClose(buffer, ref isLast));
        return true;
    }

    /// <summary>
    /// Moves frames of messages, and if none is left takes the close frame, if there is one. It waits for an empty buffer when
    /// the frames before it have filled this one, and for a pong that was posted meanwhile.
    /// </summary>
    private Output.Close? TakeClose(OutputBuffer buffer, ref bool isLast)
    {
        using (gate.Hold())
        {
            var isRest = MoveFrames(buffer) && (buffer.HasRoomForControls(1) || close is null);
            if (!isRest || ping is not null || pong is not null)
                return null;
            var taken = close;
            close = null;
            isLast = isEnd;
            isOver |= isEnd;
            isEnd = hasWork = false;
            return taken;
        }
    }

    // Not under the lock: frames are logged as they are added.
    private static void Add(OutputBuffer buffer, Output? output)
    {
        if (output is not null)
            buffer.Add(output, default, default, 0);
    }

    /// <summary>Forgets everything: the stream has ended.</summary>
    public void Clear()
    {
        using (gate.Hold())
        {
            Refuse();
            EndCurrent();
            (ping, pong, close) = (null, null, null);
            hasWork = false;
        }
    }

    private bool MoveFrames(OutputBuffer buffer)
    {
        while (begun is not null || TryBeginFrame(buffer))
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
        if (!current.IsEmpty)
            return false;
        EndCurrent();
        return true;
    }

    private void EndCurrent()
    {
        begun?.Release();
        (begun, current) = (null, default);
    }

    private bool TryBeginFrame(OutputBuffer buffer)
    {
        if (!TryDequeue(out var frame))
            return false;
        (begun, current) = (frame, Begin(frame, buffer.Flow));
        return true;
    }

    /// <summary>The bytes of a frame that leaves now.</summary>
    public ReadOnlyMemory<byte> Begin(PostedFrame frame, MessageFlow? flow)
    {
        flow?.Add(frame.Opcode, fin: true, frame.Size, frame.Bytes.Length);
        // One that was compressed by itself: what this side has compressed before is no longer what the peer saw last.
        if (IsCompressed(frame.Bytes.Span))
            deflate?.DropHistory();
        return frame.Bytes;
    }

    private bool TryDequeue([MaybeNullWhen(false)] out PostedFrame frame)
    {
        if (!frames.TryDequeue(out frame))
            return false;
        Count(frame, -1);
        if (frames.Count == 0 && frames.Capacity > KeptPlaces)
            frames.TrimExcess();
        return true;
    }

    private void Count(PostedFrame frame, int sign)
    {
        bytes += sign * frame.Bytes.Length;
        cost += sign * frame.Cost;
    }

    private static bool IsCompressed(ReadOnlySpan<byte> frame) =>
        (frame[0] & (byte)ReservedBits.Rsv1 << 4) != 0;
}
