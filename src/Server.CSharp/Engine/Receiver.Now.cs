namespace FunctionalWs;

/// <content>Reading without waiting, in a turn of a loop. For a transport that doesn't wait.</content>
internal sealed partial class Receiver
{
    // What is read without waiting, in a turn of many connections.
    private const int MaxReadsNow = 16;

    /// <summary>True when the last call gave nothing, and yet there may be more.</summary>
    public bool MayHaveMore { get; private set; }

    /// <summary>Takes the next message of what has come; false when there is none, or receiving is over.</summary>
    /// <param name="isFirst">True when something may have come since the last call.</param>
    /// <param name="mode">What is wanted.</param>
    /// <param name="message">The message.</param>
    public bool TryReceiveNow(bool isFirst, ReceiveMode mode, out ReceivedMessage message)
    {
        try
        {
            using (gate.HoldUnlessInterrupted())
            {
                Begin(mode);
                if (isFirst)
                    transport.Rouse();
                MayHaveMore = false;
                try
                {
                    var isTaken = TryTake(mode, null, out message) || TryReadNow(mode, out message);
                    hasMoreInput &= isTaken;
                    return isTaken;
                }
                finally
                {
                    input.IsLending = false;
                }
            }
        }
        finally
        {
            driver.WriteFrames();
        }
    }

    private bool TryReadNow(ReceiveMode mode, out ReceivedMessage message)
    {
        message = default;
        driver.ReadOn(default); // whoever has taken all there was reads on
        for (var reads = 0; !driver.IsReceivingOver; reads++)
        {
            MayHaveMore = reads == MaxReadsNow;
            if (MayHaveMore)
                return false;
            var filled = Filled.Nothing;
            if (Fill(Math.Max(Budgeted, ReceiveBuffer.MinReadSize), out message, ref filled))
                return true;
            if (TryTake(mode, null, out message))
                return true;
            if (filled is Filled.Nothing)
                return false;
        }
        return false;
    }

    /// <summary>The end is awaited: drops what has come, and doesn't wait.</summary>
    public void ReadWhatHasCome()
    {
        using (gate.Hold())
        {
            transport.Rouse();
            var filled = Filled.Nothing;
            MayHaveMore = true;
            for (var reads = 0; reads < MaxReadsNow && MayHaveMore; reads++)
            {
                while (TakeAhead() > 0)
                    continue;
                if (
                    !driver.IsClosed && Fill(ReceiveBuffer.MaxReadSize, out var message, ref filled)
                )
                    Keep(message);
                MayHaveMore = !driver.IsClosed && filled is not (Filled.Nothing or Filled.End);
            }
        }
        driver.WriteFrames();
    }
}
