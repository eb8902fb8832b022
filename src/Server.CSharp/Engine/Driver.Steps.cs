using FunctionalWs.Protocol;

namespace FunctionalWs;

// The endpoint is replaced as a whole, by whoever made a step from it first. What changes the state is made under the state's
// lock, so that what is posted is in the order of the states; data, pongs and looks at the time never take it: a peer that
// floods holds up nobody who wants it.
internal sealed partial class Driver
{
    /// <summary>Replaces the endpoint, if it is still the one that a step was made from.</summary>
    private bool TryReplace(WebSocketEndpoint before, WebSocketEndpoint next)
    {
        if (ReferenceEquals(before, next))
            return true;
        Scheduler.Meet(this, Access.Write);
        return ReferenceEquals(Interlocked.CompareExchange(ref endpoint, next, before), before);
    }

    /// <summary>Takes bytes of the peer, up to the first thing that is told. Under the read gate.</summary>
    public ReceiveStep Receive(
        ReadOnlySpan<byte> bytes,
        ref MessageWriter sink,
        PayloadDecoder? decoder
    )
    {
        var before = Endpoint;
        var step = before.Receive(bytes, ref sink, NoAnswers.Instance, 0, decoder);
        if (recorder is null && ReferenceEquals(step.Next, before))
            return step; // a message in one frame: as if it had come before whatever changes the state meanwhile
        // Bytes that an extension could not decode since it threw are not the peer's fault.
        if (step.Incoming.IsRefused && FailForExtension() && IsReceivingOver)
            return Endpoint.Receive(bytes, ref sink, NoAnswers.Instance, 0, decoder);
        if (step.Incoming is Incoming.Close or Incoming.Refused)
            return End(before, step, bytes);
        return recorder is null ? Enter(before, step) : EnterRecorded(before, step, bytes);
    }

    private ReceiveStep EnterRecorded(
        WebSocketEndpoint before,
        ReceiveStep step,
        ReadOnlySpan<byte> bytes
    )
    {
        var now = Now;
        using (stateGate.Hold())
        {
            step = Enter(before, step);
            recorder?.Received(now, bytes[..step.Consumed], step);
        }
        return step;
    }

    private ReceiveStep Enter(WebSocketEndpoint before, ReceiveStep step)
    {
        while (!TryReplace(before, step.Next))
        {
            before = Endpoint;
            step = before.Adopt(step, NoAnswers.Instance, 0);
        }
        return step;
    }

    /// <summary>The peer closes, or has broken a rule.</summary>
    private ReceiveStep End(WebSocketEndpoint before, ReceiveStep step, ReadOnlySpan<byte> bytes)
    {
        var now = Now;
        using (stateGate.Hold())
        {
            step = Commit(before, step, now);
            recorder?.Received(now, bytes[..step.Consumed], step);
        }
        Ended();
        return step;
    }

    /// <summary>The part of it under the state's lock.</summary>
    private ReceiveStep Commit(WebSocketEndpoint before, ReceiveStep step, TimeSpan now)
    {
        if (step.Incoming is Incoming.Refused refused)
            Note(new Violation(refused.Violation.Error, Input.Offset + refused.Violation.Offset));
        while (!TryReplace(before, step.Next))
        {
            before = Endpoint;
            step = before.Adopt(step, NoAnswers.Instance, 0);
        }
        // The last ping of too many came before this: its pong leaves before the close frame (RFC 6455 §5.5.2).
        if (Input.TakeUnanswered() is { } ping)
            output.Post(Output.NewPong(ping), halfClose: false);
        Entered(before, step.Next, AnswerOf(before, step.Next), step.HalfClose, now);
        return step;
    }

    private void Ended()
    {
        if (violation is not null)
            frames?.Refused(violation);
        Carry();
    }

    /// <summary>The close frame that answers the peer's, or its mistake; null when ours is out already.</summary>
    private static Output? AnswerOf(WebSocketEndpoint before, WebSocketEndpoint next) =>
        (before.State, next.State) switch
        {
            (State.Open, State.Draining { Closure: Closure.Clean clean }) => Output.NewClose(
                clean.Sent
            ),
            (State.Open, State.Draining { Closure: Closure.Failed failed }) => Output.NewClose(
                failed.Sent
            ),
            _ => null,
        };

    /// <summary>Before the state tells that there is one: others read the state without its lock.</summary>
    private void Note(Violation found)
    {
        violation ??= found;
        Interlocked.MemoryBarrier();
    }

    /// <summary>The peer's side of the stream has ended.</summary>
    public void EndOfStream()
    {
        var now = Now;
        using (stateGate.Hold())
        {
            ReceiveStep step;
            WebSocketEndpoint before;
            do
            {
                before = Endpoint;
                step = before.EndOfStream();
            } while (!TryReplace(before, step.Next));
            recorder?.EndOfStream(now);
            Entered(before, step.Next, null, step.HalfClose, now);
        }
        frames?.EndOfStream();
        Carry();
    }

    /// <summary>Our side of the stream has ended, or can't be written to any more.</summary>
    private void EndSending()
    {
        WebSocketEndpoint before;
        var now = Now;
        using (stateGate.Hold())
        {
            WebSocketEndpoint next;
            do
            {
                before = Endpoint;
                next = before.SendingEnded();
            } while (!TryReplace(before, next));
            if (ReferenceEquals(before, next))
                return;
            recorder?.SendingEnded(now);
        }
        Carry();
    }

    /// <summary>A step of ours that is to be written now. Under the write gate.</summary>
    public SendStep Begin(Command command, int length)
    {
        // A message in one frame leaves the state as it was, and needs no lock: a close frame that is decided on meanwhile is
        // written by whoever holds the write gate next.
        var before = Endpoint;
        var step = before.Send(command);
        var isDone = step.Refused.IsNone && ReferenceEquals(step.Next, before);
        return isDone && recorder is null ? step : BeginLocked(command, length);
    }

    private SendStep BeginLocked(Command command, int length)
    {
        var now = recorder is null ? default : Now;
        using (stateGate.Hold())
        {
            var step = Send(command, out _);
            recorder?.Sent(now, command, length);
            return step;
        }
    }

    /// <summary>A step of ours, under the state's lock.</summary>
    private SendStep Send(Command command, out WebSocketEndpoint before)
    {
        SendStep step;
        do
        {
            before = Endpoint;
            step = before.Send(command);
        } while (!TryReplace(before, step.Next));
        return step;
    }

    /// <summary>Under the state's lock, so that what is posted is in the order of the states.</summary>
    private void Entered(
        WebSocketEndpoint before,
        WebSocketEndpoint next,
        Output? posted,
        bool halfClose,
        TimeSpan now
    )
    {
        var ends = before.State is State.Open && next.State is not State.Open;
        if (ends)
            Tick(now, unread: 0); // the closing is timed from now on
        if (posted is not null || halfClose)
            output.Post(posted, halfClose);
        if (ends)
            notOpen.Cancel();
    }

    /// <summary>The effects of a step that was entered.</summary>
    private void Carry()
    {
        TryFlushOutput();
        if (State is not State.Closed)
            return;
        Pings.Close();
        var isWriterFree = output.TryRelease();
        SetClosed();
        // Whoever still reads or writes would wait for a peer that has nothing more to say, and perhaps never leaves. Where
        // nobody does, the end of the stream is left to its disposal: ending it twice costs an exception.
        // What it has not taken is waited for as well, and nobody looks at the time any more.
        if (!isWriterFree || !Receiver.IsHeldByCurrentThread || transport.IsHeldUp)
            transport.Abort();
    }
}
