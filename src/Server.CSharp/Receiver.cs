using System.Buffers;
using FunctionalWs.Protocol;

namespace FunctionalWs;

/// <summary>
/// The receiving side of a connection. A thread in <c>Receive</c> reads the stream itself; the watcher reads ahead while
/// nobody does. One of them at a time, by the gate.
/// </summary>
internal sealed class Receiver(
    Driver driver,
    Transport transport,
    Scheduler scheduler,
    FrameInput input,
    Inbox inbox
)
{
    // After its deadline a call goes on while there is something to read, but a flood must not keep it.
    private const int MaxLateReads = 64;

    private readonly Lock gate = new();
    private int receivingThread; // the thread that was last in TryReceive
    private bool hasMoreInput; // what that call left for the next one
    private volatile bool isReading;
    private int receiveCount;
    private int receiveCountSeen; // the watcher's

    /// <summary>True when the peer has sent something that isn't read, since too much was read ahead already.</summary>
    public bool IsHeldUp { get; private set; }

    /// <summary>True on the thread that received last while it left complete messages for its next call.</summary>
    public bool HasMoreForThisThread =>
        hasMoreInput && receivingThread == Environment.CurrentManagedThreadId;

    /// <summary>
    /// Waits for a message; false when the deadline passed first, or receiving is over and no message is left.
    /// </summary>
    public bool TryReceive(
        Deadline deadline,
        ReceiveMode mode,
        IBufferWriter<byte>? destination,
        out ReceivedMessage message
    )
    {
        scheduler.Await(gate);
        lock (gate)
        {
            receiveCount++;
            receivingThread = Environment.CurrentManagedThreadId;
            return TryTake(mode, destination, out message)
                || TryWait(deadline, mode, destination, out message);
        }
    }

    /// <summary>Reads until there is a message, or the deadline has passed, or receiving is over.</summary>
    private bool TryWait(
        Deadline deadline,
        ReceiveMode mode,
        IBufferWriter<byte>? destination,
        out ReceivedMessage message
    )
    {
        message = default;
        var lateReads = 0;
        while (!driver.IsReceivingOver)
        {
            // Held-back output goes first. What the peer doesn't take now is left to the watcher: it must not outlast the
            // deadline, nor hold up reading.
            if (driver.Sender.IsHolding)
                driver.TryFlushOutput();
            isReading = true;
            var isReadable = transport.WaitReadable(deadline);
            isReading = false;
            if (!isReadable)
                return false;
            var mayBeSmall = destination is null && inbox.Count == 0;
            if (Fill(mayBeSmall, out message) || TryTake(mode, destination, out message))
                return true;
            if (deadline.HasPassed && ++lateReads > MaxLateReads)
                return false;
        }
        return false;
    }

    private bool TryTake(
        ReceiveMode mode,
        IBufferWriter<byte>? destination,
        out ReceivedMessage message
    )
    {
        var isTaken =
            TryRead(destination, out message)
            || inbox.TryTake(destination, out message)
            || mode is ReceiveMode.Fragments && input.TryTakeFragments(out message);
        if (isTaken)
            hasMoreInput = inbox.Count > 0 || input.HasFrame;
        return isTaken;
    }

    /// <summary>Takes a message that nobody read ahead.</summary>
    private bool TryRead(IBufferWriter<byte>? destination, out ReceivedMessage message)
    {
        message = default;
        if (inbox.Count > 0 || !input.TryReadMessage(destination, out message))
            return false;
        if (destination is null || message.IsWritten)
            return true;
        inbox.Add(message); // from where a destination that throws can't lose it
        return false;
    }

    private void Fill() => Fill(mayBeSmall: false, out _);

    /// <summary>Reads once; true when that brought a message in the usual form, which is taken.</summary>
    private bool Fill(bool mayBeSmall, out ReceivedMessage message)
    {
        var filled = TryFill(mayBeSmall && input.ExpectsSmall, out message);
        if (filled is Filled.Message)
            hasMoreInput = input.HasFrame;
        else if (filled is Filled.End)
            ReceiveEnd();
        else if (driver.IsReceivingOver)
            input.Discard();
        return filled is Filled.Message;
    }

    private Filled TryFill(bool isSmall, out ReceivedMessage message)
    {
        message = default;
        isReading = true;
        try
        {
            if (isSmall)
                return input.FillSmall(transport, out message);
            return input.Fill(transport) ? Filled.Bytes : Filled.End;
        }
        catch (Exception error)
        {
            // Nothing that a transport documents; the connection is lost all the same, and its handler learns why.
            driver.Break(error);
            return Filled.End;
        }
        finally
        {
            isReading = false;
        }
    }

    /// <summary>The end comes after what lies in the buffer, however full the inbox is in number.</summary>
    private void ReceiveEnd()
    {
        while (!inbox.IsFull && input.TryReadMessage(null, out var message))
            inbox.Add(message);
        driver.Receive(Input.EndOfStream);
    }

    /// <summary>Drops what was not received of a message that was received in part.</summary>
    public void DiscardRest()
    {
        scheduler.Await(gate);
        lock (gate)
        {
            if (!inbox.TryDiscardRest())
                input.DiscardRest();
        }
    }

    /// <summary>
    /// What the watcher does for a connection that nobody is receiving from: reads what has come, answers what has to be
    /// answered, keeps messages for later. Never waits. True when it has read: there may be more.
    /// </summary>
    /// <param name="isReadable">False when the kernel has just said that there is nothing to read.</param>
    public bool ReadAhead(bool isReadable)
    {
        if (!gate.TryEnter())
            return false;
        try
        {
            TakeAhead();
            var mayFill = !driver.IsOpen || driver.IsBroken || inbox.HasRoomBeside(input.Buffered);
            var isWaiting = isReadable && !driver.IsClosed && transport.IsReadable;
            IsHeldUp = isWaiting && !mayFill;
            if (isWaiting && mayFill)
            {
                Fill();
                TakeAhead();
                return true;
            }
            // What lies behind a full queue is not read any more, and its end would never come.
            if (!mayFill && driver.IsBroken)
                ReceiveEnd();
            return false;
        }
        finally
        {
            gate.Exit();
        }
    }

    /// <summary>
    /// A full inbox ends the taking, unless a control frame waits behind: what lies before it is taken all the same, as far
    /// as the byte bound allows. A closing is never held up: then what doesn't fit into that bound is dropped.
    /// </summary>
    private void TakeAhead()
    {
        while (MayTake && input.TryReadMessage(null, out var message))
        {
            if (!inbox.IsFull)
                inbox.Add(message);
        }
    }

    private bool MayTake =>
        !inbox.IsPaused || !driver.IsOpen || !inbox.IsFull && input.HasControlFrame();

    /// <summary>True when nobody has received since the last call, nor waits to receive now.</summary>
    public bool IsUnattended()
    {
        var count = Volatile.Read(ref receiveCount);
        var isUnattended = count == receiveCountSeen && !isReading;
        receiveCountSeen = count;
        return isUnattended;
    }

    /// <summary>Waits for the end, reading on this thread: for the connection's own one, and where the stream is broken.</summary>
    public void ReadUntilClosed()
    {
        while (!driver.IsClosed)
        {
            scheduler.Await(gate);
            lock (gate)
            {
                TakeAhead();
                if (!driver.IsClosed)
                    Fill();
            }
        }
    }

    /// <summary>True on the thread that holds the reading side: then no other waits for the peer there.</summary>
    public bool IsHeldByCurrentThread => gate.IsHeldByCurrentThread;

    /// <summary>Does something while nobody reads.</summary>
    public void Exclusively(Action action)
    {
        scheduler.Await(gate);
        lock (gate)
            action();
    }

    /// <summary>The stream is given up: gives everything back but the messages that are complete.</summary>
    /// <param name="isOpened">False when the bytes received are no frames.</param>
    public void End(bool isOpened)
    {
        scheduler.Await(gate);
        lock (gate)
        {
            if (isOpened)
                ReceiveEnd();
            else
                driver.Receive(Input.EndOfStream);
            input.Release();
        }
    }
}

/// <summary>What a receiver wants.</summary>
internal enum ReceiveMode
{
    /// <summary>Complete messages.</summary>
    Message,

    /// <summary>The fragments of messages, as they come.</summary>
    Fragments,
}
