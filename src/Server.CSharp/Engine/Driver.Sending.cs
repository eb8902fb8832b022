using FunctionalWs.Protocol;

namespace FunctionalWs;

// Sending without waiting.
internal sealed partial class Driver
{
    /// <summary>A pong has come.</summary>
    public void Answer(ControlPayload pong)
    {
        if (Pings.Answer(pong) is { } latency)
            metrics.PingAnswered(latency);
    }

    /// <summary>A ping has come; false when it is not to be answered: a client of tests that seems dead.</summary>
    public bool MayAnswerPing() => options.PingReceived?.Invoke() ?? true;

    /// <summary>Answers a ping. The last one is answered, when there are more than leave.</summary>
    public void PostPong(ControlPayload payload)
    {
        output.Post(Output.NewPong(payload), halfClose: false);
        TryFlushOutput();
    }

    /// <summary>
    /// Writes a frame of a message, or what can't be written now gives to whoever can write next, if the state allows a message now; says
    /// why not otherwise.
    /// </summary>
    public SendError? Post(Command command, PostedFrame frame)
    {
        if (recorder is null && TryWrite(command, frame, out var refused))
        {
            if (refused is null)
                frames?.Sent(frame.Bytes);
            WriteFrames();
            return refused;
        }
        var now = recorder is null ? default : Now;
        using (stateGate.Hold())
        {
            // A message in one frame leaves the state as it is.
            var step = Endpoint.Send(command);
            if (step.Refused.IsSome)
                return step.Refused.Value;
            recorder?.Sent(now, command, frame.Bytes.Length);
            output.Post(frame);
        }
        frames?.Sent(frame.Bytes);
        WriteFrames();
        return null;
    }

    private bool TryWrite(Command command, PostedFrame frame, out SendError? refused)
    {
        try
        {
            return output.TryWrite(command, frame, out refused);
        }
        catch (Exception error)
        {
            Break(error);
            refused = null;
            return true;
        }
    }

    /// <summary>True while output waits since the peer doesn't read.</summary>
    public bool IsBlocked => output.IsStuck;

    /// <summary>Waits without a thread until output may leave again, or the connection is no longer open.</summary>
    public async Task Unblocked(CancellationToken cancellation)
    {
        var wait = blockedSenders.Add();
        try
        {
            Hasten();
            ReleaseSenders(); // it may have become free before this one was there
            using (cancellation.UnsafeRegister((_, token) => wait.TrySetCanceled(token), null))
                await wait.Task;
        }
        finally
        {
            blockedSenders.Remove(wait);
        }
    }

    /// <summary>Whoever waits for output to leave goes on, if it does.</summary>
    public void ReleaseSenders()
    {
        if (!IsBlocked || !IsOpen)
            blockedSenders.Release();
    }

    /// <summary>The bytes of messages that were held back, or posted and have not begun to leave.</summary>
    public long QueueSize => output.QueueSize;

    /// <summary>The memory that posted messages take which have not begun to leave.</summary>
    public long PostedCost => output.PostedCost;

    /// <summary>Forgets the oldest of the posted messages that have not begun to leave; tells how many.</summary>
    public int DropPosted(long untilCost) => output.DropPosted(untilCost);

    /// <summary>What this connection has of the server's budget; null without one, and before the handshake is decided.</summary>
    public BufferShare? Share { get; private set; }

    /// <summary>Sends a ping that nobody waits for, while the connection is open.</summary>
    public void PostPing(ControlPayload payload)
    {
        var now = Now;
        // Another thread may have begun to close: no ping follows a close frame.
        using (stateGate.Hold())
            TryEnter(Command.NewPing(payload), now);
        TryFlushOutput();
    }

    /// <summary>Writes what can be written without waiting: held-back frames, pongs, the close frame.</summary>
    public void TryFlushOutput()
    {
        try
        {
            output.TryFlush();
        }
        catch (Exception error)
        {
            Break(error);
        }

        // Both close frames are exchanged and ours is out: it is the server that ends the stream (RFC 6455 §7.1.1).
        if ((output.IsEnded || IsBroken) && State is State.Draining { Closure: Closure.Clean })
            EndSending();
        WriteFrames();
        ReleaseSenders();
    }

    /// <summary>Writes the records of frames, which wait until this thread has left the gates under which they were told.</summary>
    public void WriteFrames()
    {
        if (
            frames is not null
            && !Receiver.IsHeldByCurrentThread
            && !output.IsHeldByCurrentThread
            && !stateGate.IsHeldByCurrentThread
        )
            frames.Write();
    }

    /// <summary>Asks the watcher to look soon, and again and again while something is urgent.</summary>
    public void Hasten() => watcher.Hasten(connection);
}
