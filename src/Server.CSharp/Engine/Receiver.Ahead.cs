namespace FunctionalWs;

/// <content>Reading ahead, while the application is elsewhere: the watcher's side.</content>
internal sealed partial class Receiver
{
    // What the watcher reads at once, so that no peer can make one of its looks long; and what a read costs beside its bytes.
    private const int MaxReadAhead = 16 * 1024;
    private const int CostOfRead = 1024;
    private const int InflatedPerByte = 4; // bytes that are written for what one that is read costs

    /// <summary>
    /// What the watcher does for a connection that nobody is receiving from: reads what has come, answers what has to be
    /// answered, keeps messages for later. Never waits. Tells how much work that was, in bytes.
    /// </summary>
    /// <param name="isReadable">False when the kernel has just said that there is nothing to read.</param>
    /// <param name="mayHaveMore">True when something came of it: then there may be more.</param>
    public long ReadAhead(bool isReadable, out bool mayHaveMore)
    {
        mayHaveMore = false;
        if (!gate.TryHold())
            return 0;
        transport.Rouse();
        var lookedBefore = transport.Looks;
        try
        {
            var work = ReadOnce(isReadable);
            mayHaveMore = work > 0;
            return work + (transport.Looks - lookedBefore) * CostOfRead;
        }
        finally
        {
            gate.GiveBack();
            driver.WriteFrames();
        }
    }

    private long ReadOnce(bool isReadable)
    {
        var before = input.Offset;
        var work = TakeAhead();
        var mayFill = !driver.ReadOn(Unread).IsStop && !input.HasMore || driver.IsBroken;
        var maxSize = mayFill ? Math.Min(Budgeted, MaxReadAhead) : 0;
        if (maxSize > 0 && isReadable && !driver.IsClosed && transport.IsReadable)
        {
            work += CostOfRead + FillAhead(maxSize) / InflatedPerByte + TakeAhead();
        }
        // What lies behind a full queue is not read any more, and its end would never come.
        else if (driver.IsBroken && driver.ReadOn(Unread).IsStop)
            ReceiveEnd();
        return work + input.Offset - before;
    }

    /// <summary>
    /// Takes what was received, as far as there is room for it. A closing is never held up: then what there is no room for is
    /// dropped.
    /// </summary>
    private long TakeAhead()
    {
        long written = 0;
        while (
            written < MaxReadAhead * InflatedPerByte
            && !driver.ReadOn(Unread).IsStop
            && TryReadMessage(out var message)
        )
        {
            written += Keep(message);
        }
        return written / InflatedPerByte;
    }

    /// <summary>True when nobody has received since the last call, nor waits to receive now.</summary>
    public bool IsUnattended()
    {
        var count = Volatile.Read(ref receiveCount);
        var isUnattended = count == receiveCountSeen && !IsReading;
        receiveCountSeen = count;
        return isUnattended;
    }

    /// <summary>The same while the application is elsewhere. How much data that completed, in bytes.</summary>
    private long FillAhead(int maxSize) => Fill(maxSize, out var message) ? Keep(message) : 0;

    private long Keep(in ReceivedMessage message)
    {
        if (driver.MayKeep(Unread))
            inbox.Add(message);
        return message.Data.Length;
    }
}
