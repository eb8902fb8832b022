using FunctionalWs.Protocol;

namespace FunctionalWs;

/// <summary>
/// Frames to a transport, one writer at a time. A writer may wait as long as the peer takes to read. Others never wait
/// here: what readers have to answer, and what is broadcast, is posted and sent by the next one to hold the gate.
/// </summary>
internal sealed class FrameOutput(
    Transport transport,
    ConnectionOptions options,
    Driver driver,
    FrameLog? log
)
{
    private readonly Lock gate = new();
    private readonly Scheduler scheduler = options.Scheduler;
    private readonly OutputBuffer buffer = new(
        transport,
        log,
        options.Role.IsClient ? new MaskingKeys(options.Scheduler) : null
    );
    private readonly PostedOutput posted = new();
    private ExtensionChain extensions = ExtensionChain.Empty;
    private volatile bool isHolding;
    private volatile bool isLeft;
    private int writes;

    /// <summary>True while bytes wait for a flush.</summary>
    public bool IsHolding
    {
        get
        {
            Scheduler.Meet(this, Access.Read);
            return isHolding;
        }
        private set
        {
            Scheduler.Meet(this, Access.Write);
            isHolding = value;
        }
    }

    /// <summary>True while something waits that <see cref="TryFlush"/> could write.</summary>
    public bool HasWork => IsHolding || posted.HasWork;

    /// <summary>True when something waits because the peer doesn't read. What was stuck may have left with a later write.</summary>
    public bool IsStuck => (IsLeft && HasWork) || int.IsOddInteger(Writes);

    /// <summary>True when the last flush left something.</summary>
    private bool IsLeft
    {
        get
        {
            Scheduler.Meet(this, Access.Read);
            return isLeft;
        }
        set
        {
            Scheduler.Meet(this, Access.Write);
            isLeft = value;
        }
    }

    /// <summary>True once the sending side was shut down.</summary>
    public bool IsEnded { get; private set; }

    /// <summary>Odd while a writer may be waiting for the peer; another number for each time.</summary>
    public int Writes
    {
        get
        {
            Scheduler.Meet(this, Access.Read);
            return Volatile.Read(ref writes);
        }
    }

    /// <summary>Before and after what may wait. Under the gate.</summary>
    private void CountWriting()
    {
        Scheduler.Meet(this, Access.Write);
        Volatile.Write(ref writes, writes + 1);
    }

    /// <summary>True on a thread that is writing already: in the code of an extension.</summary>
    public bool IsHeldByCurrentThread => gate.IsHeldByCurrentThread;

    /// <summary>Where messages are counted; null while nobody wants to know.</summary>
    public MessageFlow? Flow
    {
        get => buffer.Flow;
        set => buffer.Flow = value;
    }

    /// <summary>The bytes that are held back, or posted and not taken yet; as far as can be told without a lock.</summary>
    public long QueueSize => buffer.Size + posted.Bytes;

    /// <summary>The memory that posted messages take which have not begun to leave.</summary>
    public long PostedCost => posted.Cost;

    /// <summary>
    /// Writes a frame if the state allows it. The command goes to the state machine inside the gate, so that the order of
    /// the states is the order of the frames.
    /// </summary>
    /// <param name="command">What is to be sent.</param>
    /// <param name="bits">The extensions that are to transform the message; none for other commands.</param>
    /// <param name="payload">The payload of a message or fragment; empty for other commands.</param>
    /// <param name="hold">True to leave small frames in the buffer until a flush.</param>
    /// <returns>Why the command was refused; none when it was carried out.</returns>
    /// <exception cref="IOException">The stream is broken.</exception>
    /// <exception cref="ExtensionFailedException">
    /// An extension has thrown, now or before: the message could not be made, and no other may follow it.
    /// </exception>
    public SendError? Write(
        Command command,
        ReservedBits bits,
        ReadOnlySpan<byte> payload,
        bool hold
    )
    {
        SendError? refusal;
        scheduler.Await(gate);
        try
        {
            using (gate.HoldUnlessInterrupted())
            {
                if (extensions.Failure is { } failure)
                    throw failure;
                var result = driver.Begin(command, payload.Length);
                refusal = result.Refused.IsSome ? result.Refused.Value : null;
                if (refusal is null)
                    WriteNow(result.Output.Value, bits, payload, hold);
            }
        }
        catch
        {
            ReleaseIfOver();
            throw;
        }
        FlushPosted();
        return refusal;
    }

    private void WriteNow(Output output, ReservedBits bits, ReadOnlySpan<byte> payload, bool hold)
    {
        CountWriting();
        try
        {
            // With the last fragment's step messages may be posted again: they come after its frame.
            if (output is not Output.Data { Opcode.IsContinuation: true })
                AddPosted();
            AddOrWrite(output, bits, payload, hold);
        }
        finally
        {
            CountWriting();
        }
    }

    private void AddOrWrite(Output output, ReservedBits bits, ReadOnlySpan<byte> payload, bool hold)
    {
        var isPlain = !hold && bits == ReservedBits.None;
        if (isPlain && output is Output.Data data && buffer.IsSmall(payload.Length))
        {
            buffer.WriteSmall(data, payload);
            return;
        }
        Add(output, bits, payload);
        if (!hold)
            buffer.Flush();
        IsHolding = !buffer.IsEmpty;
    }

    private void Add(Output output, ReservedBits bits, ReadOnlySpan<byte> payload)
    {
        if (bits == ReservedBits.None || output is not Output.Data data)
        {
            buffer.Add(output, ReservedBits.None, payload, payload.Length);
            return;
        }

        try
        {
            var encoded = extensions.Encode(bits, payload, data.Fin);
            // The first frame tells for the others.
            var marked = data.Opcode.IsContinuation ? ReservedBits.None : bits;
            buffer.Add(data, marked, encoded, payload.Length);
        }
        catch (ExtensionFailedException)
        {
            // Other fragments of the message may have left: nothing but the close frame fits now.
            posted.Refuse();
            throw;
        }
        finally
        {
            extensions.ReleaseEncoded();
        }
    }

    /// <summary>The handshake has agreed on extensions.</summary>
    public void Use(ExtensionChain extensions)
    {
        this.extensions = extensions;
        posted.Use(extensions.Deflate);
    }

    /// <summary>Does something while nobody writes; waits for whoever does.</summary>
    public void Exclusively(Action action)
    {
        scheduler.Await(gate);
        using (gate.Hold())
            action();
    }

    /// <summary>Gives the memory for compressing back, unless somebody writes.</summary>
    public void TryDropHistory()
    {
        if (!gate.TryHold())
            return;
        try
        {
            extensions.Deflate?.DropHistory();
        }
        finally
        {
            gate.GiveBack();
        }
        FlushPosted(); // whoever came meanwhile left it to this thread
    }

    /// <summary>Takes what a transition writes and never waits; <see cref="TryFlush"/> sends it.</summary>
    public void Post(Output? output, bool halfClose) => posted.Add(output, halfClose);

    /// <summary>Takes a whole frame of a message and never waits; <see cref="TryFlush"/> sends it.</summary>
    public void Post(PostedFrame frame) => posted.Add(frame);

    /// <summary>
    /// Writes a whole frame of a message at once, as far as that goes without waiting, if nobody writes and nothing waits; false when
    /// it has to be posted. What is left of it leaves before everything else.
    /// </summary>
    /// <param name="command">What is sent.</param>
    /// <param name="frame">The frame.</param>
    /// <param name="refused">Why the state doesn't allow it; then nothing was written.</param>
    /// <exception cref="IOException">The stream is broken.</exception>
    public bool TryWrite(Command command, PostedFrame frame, out SendError? refused)
    {
        refused = null;
        if (HasWork || gate.IsHeldByCurrentThread || !gate.TryHold())
            return false;
        try
        {
            if (!buffer.IsEmpty || posted.HasWork || extensions.Failure is not null)
                return false;
            var step = driver.Begin(command, frame.Bytes.Length);
            if (step.Refused.IsSome)
                refused = step.Refused.Value;
            else
                posted.AddRest(frame, transport.TryWrite(posted.Begin(frame, buffer.Flow).Span));
        }
        finally
        {
            gate.GiveBack();
        }
        FlushPosted();
        return true;
    }

    /// <summary>Forgets the oldest posted messages that have not begun to leave; tells how many.</summary>
    public int DropPosted(long untilCost) => posted.Drop(untilCost);

    /// <summary>Writes everything that is held back, however long that takes.</summary>
    /// <exception cref="IOException">The stream is broken.</exception>
    public void Flush()
    {
        scheduler.Await(gate);
        using (gate.HoldUnlessInterrupted())
        {
            CountWriting();
            try
            {
                buffer.Flush(); // which gives its memory back, whatever becomes of it
                IsHolding = false;
            }
            finally
            {
                CountWriting();
            }
        }
        FlushPosted();
    }

    /// <summary>
    /// Writes what waits, as far as that goes without waiting. When another writer holds the gate, that writer does it.
    /// </summary>
    /// <exception cref="IOException">The stream is broken.</exception>
    public void TryFlush()
    {
        // Whoever leaves the gate looks again, so that nothing posted meanwhile is left behind.
        try
        {
            while (HasWork && !gate.IsHeldByCurrentThread && gate.TryHold())
            {
                try
                {
                    IsLeft = !TryFlushAll();
                    IsHolding = !buffer.IsEmpty;
                }
                finally
                {
                    gate.GiveBack();
                }
                if (IsLeft)
                    break; // the watcher comes back to it
            }
        }
        finally
        {
            ReleaseIfOver();
        }
    }

    /// <summary>
    /// The connection may have ended while this thread held the gate: then whoever ended it has left the buffer to it, and nobody
    /// comes back.
    /// </summary>
    private void ReleaseIfOver()
    {
        if (!buffer.IsEmpty && driver.Endpoint.IsClosed && !IsHeldByCurrentThread)
            TryRelease();
    }

    /// <summary>
    /// Forgets everything: the stream has ended. False when there is a writer, who has to be freed by the end of the stream,
    /// and is done with its buffer then.
    /// </summary>
    public bool TryRelease()
    {
        posted.Clear();
        if (!gate.TryHold())
            return false;
        try
        {
            buffer.Release();
            IsHolding = false;
            return true;
        }
        finally
        {
            gate.GiveBack();
        }
    }

    private void FlushPosted()
    {
        if (posted.HasWork)
            TryFlush();
        else
            ReleaseIfOver();
    }

    /// <summary>What was posted before a frame leaves before it: nothing may come between the fragments of a message.</summary>
    private void AddPosted()
    {
        while (posted.HasFrames)
        {
            if (!posted.TryTakeFrames(buffer))
                buffer.Flush();
        }
    }

    private bool TryFlushAll()
    {
        while (buffer.TryFlush())
        {
            if (!posted.TryTake(buffer, out var isEnd))
                return true;
            if (isEnd)
                return TryEnd();
        }
        return false;
    }

    /// <summary>The last frame, if there is one, then the end of the sending side.</summary>
    private bool TryEnd()
    {
        if (!buffer.TryFlush())
        {
            posted.Add(null, halfClose: true);
            return false;
        }
        IsEnded = IsEnded || transport.TryShutdownSend();
        if (!IsEnded)
            posted.Add(null, halfClose: true);
        return IsEnded;
    }
}
