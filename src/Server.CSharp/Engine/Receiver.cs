using System.Buffers;
using FunctionalWs.Protocol;

namespace FunctionalWs;

/// <summary>
/// The receiving side of a connection. A thread in <c>Receive</c> reads the stream itself; the watcher reads ahead while
/// nobody does. One of them at a time, by the gate.
/// </summary>
internal sealed partial class Receiver(
    Driver driver,
    Transport transport,
    Scheduler scheduler,
    MessageInput input
)
{
    // How long a call waits for the gate without a look at the clock, which may be one of the application's own.
    private static readonly TimeSpan Moment = TimeSpan.FromMilliseconds(20);

    // After its deadline a call goes on while there is something to read, but a flood must not keep it.
    private const int MaxLateReads = 64;

    private readonly Lock gate = new();
    private readonly Inbox inbox = new();
    private int receivingThread; // the thread that was last in TryReceive
    private bool hasMoreInput; // what that call left for the next one
    private volatile bool isReadingNow;
    private int receiveCount;
    private int receiveCountSeen; // the watcher's

    private bool IsReading
    {
        get
        {
            Scheduler.Meet(this, Access.Read);
            return isReadingNow;
        }
        set
        {
            Scheduler.Meet(this, Access.Write);
            isReadingNow = value;
        }
    }

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
        try
        {
            message = default;
            if (!TryEnter(deadline))
                return false;
            try
            {
                Begin(mode);
                return TryTake(mode, destination, out message)
                    || TryWait(deadline, mode, destination, out message);
            }
            finally
            {
                input.IsLending = false;
                gate.GiveBack();
            }
        }
        finally
        {
            driver.WriteFrames();
        }
    }

    /// <summary>Waits for the gate, which a thread that closes holds while it waits for the peer; false when the deadline passed first.</summary>
    private bool TryEnter(Deadline deadline)
    {
        scheduler.Await(gate);
        if (deadline.IsNever)
        {
            gate.Enter();
            return true;
        }
        while (!gate.TryEnter(Moment))
        {
            if (deadline.HasPassed)
                return false;
        }
        return true;
    }

    private void Begin(ReceiveMode mode)
    {
        receiveCount++;
        receivingThread = Environment.CurrentManagedThreadId;
        input.IsLending = mode is ReceiveMode.Lent;
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
        driver.ReadOn(default); // who waits for a message reads by itself, however much has come of it
        while (!driver.IsReceivingOver)
        {
            // Held-back output goes first. What the peer doesn't take now is left to the watcher: it must not outlast the
            // deadline, nor hold up reading.
            if (driver.Sender.IsHolding)
                driver.TryFlushOutput();
            if (!deadline.IsNever)
                _ = Budgeted; // what came last counts while this waits
            IsReading = true;
            var isReadable = transport.WaitReadable(deadline);
            IsReading = false;
            if (!isReadable)
                return false;
            // Whoever waits for a message gets it, however much others hold: a little at a time then.
            if (Fill(Math.Max(Budgeted, ReceiveBuffer.MinReadSize), out message))
            {
                if (destination is null)
                    return true;
                inbox.Add(message); // from where a destination that throws can't lose it
            }
            if (TryTake(mode, destination, out message))
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
            || TryTakeAhead(destination, out message)
            || mode is ReceiveMode.Fragments && TryTakeFragments(out message);
        if (isTaken)
            hasMoreInput = inbox.Count > 0 || input.HasMore;
        return isTaken;
    }

    /// <summary>Takes a message that nobody read ahead.</summary>
    private bool TryRead(IBufferWriter<byte>? destination, out ReceivedMessage message)
    {
        message = default;
        if (inbox.Count > 0 || !TryReadMessage(out message))
            return false;
        if (destination is null)
            return true;
        inbox.Add(message); // from where a destination that throws can't lose it
        return false;
    }

    /// <summary>Takes the next message of what was received; false when there is none, or the connection was lost over it.</summary>
    private bool TryReadMessage(out ReceivedMessage message)
    {
        try
        {
            return input.TryReadMessage(out message);
        }
        catch (Exception error)
        {
            message = default;
            Spoil(error);
            return false;
        }
    }

    private bool TryTakeFragments(out ReceivedMessage fragments)
    {
        try
        {
            return input.TryTakeFragments(out fragments);
        }
        catch (Exception error)
        {
            fragments = default;
            Spoil(error);
            return false;
        }
    }

    /// <summary>
    /// What was received could not be taken, for want of memory: some of a message may be here twice, or not at all. Who receives
    /// once more must not get that: the connection is lost, and its handler learns why.
    /// </summary>
    private void Spoil(Exception error)
    {
        driver.Break(error);
        try
        {
            input.Release();
        }
        finally
        {
            driver.EndOfStream();
        }
    }

    private bool TryTakeAhead(IBufferWriter<byte>? destination, out ReceivedMessage message)
    {
        if (!inbox.TryTake(destination, out message))
            return false;
        driver.ReadOn(Unread);
        return true;
    }

    /// <summary>How much may be read now, as far as what all connections hold allows it; 0 to wait.</summary>
    private int Budgeted =>
        driver.Share?.MayRead(Unread.Cost + input.Spare + input.Buffered)
        ?? ReceiveBuffer.MaxReadSize;

    /// <summary>What waits for the application, complete or not.</summary>
    private Unread Unread
    {
        get
        {
            var waiting = inbox.Unread;
            var arriving = input.Arriving;
            return new(
                waiting.Messages,
                waiting.Bytes + arriving.Bytes,
                waiting.Fragments + arriving.Fragments
            );
        }
    }

    /// <summary>Reads once; true when that completed a message, which is not in the buffer.</summary>
    private bool Fill(int maxSize, out ReceivedMessage message)
    {
        var filled = Filled.Nothing;
        return Fill(maxSize, out message, ref filled);
    }

    private bool Fill(int maxSize, out ReceivedMessage message, ref Filled filled)
    {
        filled = TryFill(maxSize, out message);
        if (filled is Filled.Message)
            hasMoreInput = input.HasMore;
        else if (filled is Filled.End)
            ReceiveEnd();
        return filled is Filled.Message;
    }

    private Filled TryFill(int maxSize, out ReceivedMessage message)
    {
        message = default;
        IsReading = true;
        try
        {
            return input.Fill(transport, maxSize, out message);
        }
        catch (Exception error)
        {
            // Nothing that a transport documents; the connection is lost all the same, and its handler learns why.
            driver.Break(error);
            return Filled.End;
        }
        finally
        {
            IsReading = false;
        }
    }

    /// <summary>The end comes after what lies in the buffer, however full the inbox is in number.</summary>
    private void ReceiveEnd()
    {
        TakeLast();
        driver.EndOfStream();
    }

    private void TakeLast()
    {
        while (!driver.ReadOn(Unread).IsStop && TryReadMessage(out var message))
            inbox.Add(message);
    }

    /// <summary>Drops what was not received of a message that was received in part.</summary>
    public void DiscardRest()
    {
        scheduler.Await(gate);
        using (gate.Hold())
        {
            if (!inbox.TryDiscardRest())
                input.DiscardRest();
        }
    }

    /// <summary>Waits for the end, reading on this thread: for the connection's own one, and where the stream is broken.</summary>
    public void ReadUntilClosed()
    {
        while (!driver.IsClosed)
        {
            scheduler.Await(gate);
            using (gate.Hold())
            {
                transport.Wait();
                while (TakeAhead() > 0)
                    continue;
                if (!driver.IsClosed)
                    FillAhead(ReceiveBuffer.MaxReadSize);
            }
            driver.WriteFrames();
        }
    }

    /// <summary>True on the thread that holds the reading side: then no other waits for the peer there.</summary>
    public bool IsHeldByCurrentThread => gate.IsHeldByCurrentThread;

    /// <summary>Does something while nobody reads.</summary>
    public void Exclusively(Action action)
    {
        scheduler.Await(gate);
        using (gate.Hold())
            action();
    }

    /// <summary>The stream is given up: keeps the messages that came before that.</summary>
    /// <param name="isOpened">False when the bytes received are no frames.</param>
    public void TakeRest(bool isOpened)
    {
        scheduler.Await(gate);
        using (gate.Hold())
        {
            if (isOpened)
                TakeLast();
        }
        driver.WriteFrames();
    }

    /// <summary>Gives everything back but the messages that are complete.</summary>
    public void End()
    {
        scheduler.Await(gate);
        using (gate.Hold())
        {
            try
            {
                driver.EndOfStream();
            }
            finally
            {
                input.Release();
            }
        }
        driver.WriteFrames();
    }
}
