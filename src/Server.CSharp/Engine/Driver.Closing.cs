using FunctionalWs.Protocol;

namespace FunctionalWs;

// Closing, and giving up.
internal sealed partial class Driver
{
    /// <summary>
    /// Begins the closing handshake, if it has not begun; never waits. A fragmented message that is being sent can't be
    /// completed any more: then the connection fails with 1011.
    /// </summary>
    public void StartClose(CloseStatus status)
    {
        var now = Now;
        using (stateGate.Hold())
        {
            var isSendingFragments = State is State.Open { Sending.IsSome: true };
            var command = isSendingFragments
                ? Command.NewFail(
                    CloseStatus.Create(
                        CloseCode.InternalError,
                        "closed during a fragmented message"
                    )
                )
                : Command.NewClose(status);
            if (!TryEnter(command, now))
                return;
        }
        TryFlushOutput();
        Hasten();
    }

    /// <summary>Tells the peer and gives the connection up, without waiting for its answer (RFC 6455 §7.1.7).</summary>
    public void Fail(CloseStatus status, Exception reason)
    {
        var now = Now;
        using (stateGate.Hold())
        {
            var before = cause;
            // Before the state tells that there is one: others read the state without its lock.
            cause ??= reason;
            Interlocked.MemoryBarrier();
            if (!TryEnter(Command.NewFail(status), now))
            {
                cause = before;
                return;
            }
        }
        TryFlushOutput();
        Hasten();
    }

    /// <summary>Tells the peer that an extension threw, if one has; false when none has.</summary>
    public bool FailForExtension()
    {
        if (Extensions.Failure is not { } failure)
            return false;
        Fail(CloseStatus.Create(CloseCode.InternalError, "extension failed"), failure.Error);
        return true;
    }

    private bool TryEnter(Command command, TimeSpan now)
    {
        // No frame leaves on a broken stream, and callers have been told of an end without one.
        if (isBroken)
            return false;
        var step = Send(command, out var before);
        if (step.Refused.IsSome)
            return false;
        recorder?.Sent(now, command, 0);
        Entered(
            before,
            step.Next,
            step.Output.IsSome ? step.Output.Value : null,
            step.HalfClose,
            now
        );
        return true;
    }

    /// <summary>Waits for the end while others read: the receiving thread, or the watcher.</summary>
    public bool WaitClosed(TimeSpan? timeout, CancellationToken cancellation = default) =>
        options.Scheduler.Wait(closed, WaitingTime.ToWait(timeout), cancellation);

    /// <summary>The connection has ended: whoever waits for that goes on, even if the telling has failed.</summary>
    public void EndWaiting()
    {
        Pings.Close();
        SetClosed();
    }

    private void SetClosed()
    {
        Scheduler.Meet(closed, Access.Write);
        closed.Set();
    }

    /// <summary>Ends the stream at once; whoever waits for it is freed.</summary>
    public void Break(Exception reason)
    {
        using (stateGate.Hold())
        {
            cause ??= reason;
            isBroken = true;
        }
        transport.Abort();
    }
}
