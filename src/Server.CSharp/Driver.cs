using FunctionalWs.Protocol;
using Microsoft.FSharp.Core;

namespace FunctionalWs;

/// <summary>
/// One connection after its opening handshake: its state, and the only place where a transition has an effect. Reading
/// and writing have a gate each; the state has a lock of its own that is never held while waiting for the peer.
/// </summary>
internal sealed class Driver
{
    // Made once: sending a message allocates nothing.
    private static readonly Command TextMessage = Command.NewMessage(MessageKind.Text);
    private static readonly Command BinaryMessage = Command.NewMessage(MessageKind.Binary);

    private readonly Transport transport;
    private readonly ServerOptions options;
    private readonly ConnectionSettings settings;
    private readonly Watcher watcher;

    private readonly Lock stateGate = new();
    private State state = Connection.Start;
    private long closeAt = long.MaxValue;

    private readonly Lock readGate = new();
    private readonly Inbox inbox;
    private int receivingThread; // the thread that was last in TryReceive
    private bool hasMoreInput; // what that call left for the next one
    private volatile bool isReceiving;
    private int receiveCount;
    private int receiveCountSeen; // the watcher's

    private readonly FrameOutput output;
    private readonly ManualResetEventSlim closed = new(false);
    private Exception? cause;
    private volatile bool isBroken;

    /// <summary>Takes over a stream.</summary>
    public Driver(Transport transport, ServerOptions options, Watcher watcher)
    {
        this.transport = transport;
        this.options = options;
        this.watcher = watcher;
        settings = options.ToConnectionSettings();
        inbox = options.ToInbox();
        Input = new FrameInput(this, settings);
        output = new FrameOutput(transport, Begin);
        Pings = new PingLog(options.TimeProvider);
    }

    public FrameInput Input { get; }

    public PingLog Pings { get; }

    public State State => Volatile.Read(ref state);

    /// <summary>True once nothing that comes from the peer matters any more.</summary>
    public bool IsReceivingOver => State is State.Draining or State.Closed;

    /// <summary>How the connection ended; null while it is not known.</summary>
    public Ending? Ending =>
        State switch
        {
            State.Draining draining => FunctionalWs.Ending.Of(draining.Closure, Cause),
            State.Closed closed => FunctionalWs.Ending.Of(closed.Closure, Cause),
            _ => null,
        };

    private Exception? Cause => cause ?? transport.Failure;

    // ---- Receiving

    /// <summary>Waits for a message; false when the deadline passed first.</summary>
    /// <exception cref="ConnectionClosedException">The connection ended, and no message is left.</exception>
    public bool TryReceive(Deadline deadline, out Message message)
    {
        while (true)
        {
            lock (readGate)
            {
                receiveCount++;
                receivingThread = Environment.CurrentManagedThreadId;
                if (TryTake(out message))
                    return true;
                if (TryWaitForMessage(deadline, out message) is { } hasMessage)
                    return hasMessage;
            }
            if (IsReceivingOver)
                throw ClosedException();
            FlushOutput();
        }
    }

    /// <summary>
    /// Reads until there is a message (true) or the deadline has passed (false); gives up (null) when receiving is over, or
    /// when held-back output has to go first, which may take long and must not hold up those who read.
    /// </summary>
    private bool? TryWaitForMessage(Deadline deadline, out Message message)
    {
        message = default;
        while (!IsReceivingOver && !output.IsHolding)
        {
            isReceiving = true;
            var isReadable = transport.WaitReadable(deadline);
            isReceiving = false;
            if (!isReadable)
                return false;
            Fill();
            if (TryTake(out message))
                return true;
            if (deadline.HasPassed) // else a flood of control frames would keep us here
                return false;
        }
        return null;
    }

    private bool TryTake(out Message message)
    {
        if (!inbox.TryTake(out message) && !Input.TryReadMessage(out message))
            return false;
        hasMoreInput = inbox.Count > 0 || Input.HasFrame;
        return true;
    }

    private void Fill()
    {
        isReceiving = true;
        var hasInput = Input.Fill(transport);
        isReceiving = false;
        if (!hasInput)
            Receive(Protocol.Input.EndOfStream);
        else if (IsReceivingOver)
            Input.Discard();
    }

    /// <summary>
    /// What the watcher does for a connection that nobody is receiving from: reads what has come, answers what has to be
    /// answered, keeps messages for later. Never waits.
    /// </summary>
    /// <param name="isReadable">False when the kernel has just said that there is nothing to read.</param>
    public void ReadAhead(bool isReadable)
    {
        if (!readGate.TryEnter())
            return;
        try
        {
            TakeAhead();
            var mayRead =
                isReadable && !closed.IsSet && (!inbox.IsPaused || State is not State.Open);
            if (mayRead && transport.IsReadable)
            {
                Fill();
                TakeAhead();
            }
        }
        finally
        {
            readGate.Exit();
        }
    }

    /// <summary>A full inbox ends the reading ahead, but never a closing: then what doesn't fit is dropped.</summary>
    private void TakeAhead()
    {
        while (
            (!inbox.IsPaused || State is not State.Open) && Input.TryReadMessage(out var message)
        )
        {
            if (!inbox.IsPaused)
                inbox.Add(message);
        }
    }

    /// <summary>True when nobody has received since the last call, nor waits to receive now.</summary>
    public bool IsUnattended()
    {
        var count = Volatile.Read(ref receiveCount);
        var isUnattended = count == receiveCountSeen && !isReceiving;
        receiveCountSeen = count;
        return isUnattended;
    }

    // ---- What FrameInput finds, under the read gate

    /// <summary>What is wrong with a frame of this header, if anything.</summary>
    public FSharpValueOption<ProtocolError> Check(in FrameHeader header) =>
        Connection.Check(settings, State, header);

    /// <summary>True when a frame's bytes are validated before it is complete.</summary>
    public bool IsValidated(in FrameHeader header) =>
        Connection.IsValidated(settings, State, header);

    /// <summary>Takes a control frame, a broken rule or the end of the stream.</summary>
    public void Receive(in Input input)
    {
        Transition transition;
        lock (stateGate)
        {
            transition = Connection.Receive(settings, state, input);
            Enter(transition);
        }
        Carry(transition);
    }

    /// <summary>Takes a part of a data frame; the event tells that the frame is complete.</summary>
    public FSharpValueOption<Event> ReceiveData(
        in FrameHeader header,
        Part part,
        ReadOnlySpan<byte> data
    )
    {
        Transition transition;
        lock (stateGate)
        {
            transition = Connection.ReceiveData(settings, state, header, part, data);
            Enter(transition);
        }
        if (transition.HalfClose)
            Carry(transition);
        return transition.Event;
    }

    // ---- Transitions

    private SendResult Begin(Command command)
    {
        lock (stateGate)
        {
            var result = Connection.Send(state, command);
            if (result.IsAccepted)
                state = result.Transition.State;
            return result;
        }
    }

    /// <summary>Under the state's lock, so that what is posted is in the order of the states.</summary>
    private void Enter(in Transition transition)
    {
        if (state is State.Open && transition.State is not State.Open)
            closeAt = Deadline.After(options.TimeProvider, options.CloseTimeout).Timestamp;
        state = transition.State;
        if (transition.Output.IsSome || transition.HalfClose)
            output.Post(transition.Output, transition.HalfClose);
    }

    /// <summary>The effects of a transition that was entered.</summary>
    private void Carry(in Transition transition)
    {
        if (transition.Event.IsSome && transition.Event.Value is Event.Pong pong)
            Pings.Answer(pong.Payload);
        TryFlushOutput();
        if (State is not State.Closed)
            return;
        Pings.Close();
        output.Release();
        closed.Set();
    }

    // ---- Sending

    /// <summary>Sends a message; waits while the peer doesn't read.</summary>
    public void Send(MessageKind kind, ReadOnlySpan<byte> payload)
    {
        var hold =
            options.CoalesceOutput
            && hasMoreInput
            && receivingThread == Environment.CurrentManagedThreadId;
        Write(kind.IsText ? TextMessage : BinaryMessage, payload, hold);
        if (hold)
            watcher.Hasten();
    }

    /// <summary>Sends a ping or a pong.</summary>
    public void SendControl(Command command) => Write(command, default, hold: false);

    /// <summary>Writes everything that is held back; waits while the peer doesn't read.</summary>
    public void FlushOutput()
    {
        try
        {
            output.Flush();
        }
        catch (IOException error)
        {
            Break(error);
        }
    }

    private void Write(Command command, ReadOnlySpan<byte> payload, bool hold)
    {
        try
        {
            if (isBroken)
                throw ClosedException();
            if (output.Write(command, payload, hold) is { } refusal)
                throw Refused(refusal);
        }
        catch (IOException error) when (error is not ConnectionClosedException)
        {
            Break(error);
            throw ClosedException();
        }
    }

    private Exception Refused(SendError refusal)
    {
        if (!refusal.IsClosing)
            return new ConcurrencyException(
                "A fragmented message is being sent: only its fragments can be."
            );
        closed.Wait();
        return ClosedException();
    }

    /// <summary>Writes what can be written without waiting: held-back frames, pongs, the close frame.</summary>
    public void TryFlushOutput()
    {
        try
        {
            output.TryFlush();
        }
        catch (IOException error)
        {
            Break(error);
        }

        // Both close frames are exchanged and ours is out: it is the server that ends the stream (RFC 6455 §7.1.1).
        if ((output.IsEnded || isBroken) && State is State.Draining { Closure: Closure.Clean })
            Receive(Protocol.Input.EndOfStream);
    }

    // ---- Closing

    /// <summary>Begins the closing handshake, if it has not begun; never waits.</summary>
    public void StartClose(CloseStatus status)
    {
        lock (stateGate)
        {
            var result = Connection.Send(state, Command.NewClose(status));
            if (result.IsRefused)
                return;
            Enter(result.Transition);
        }
        TryFlushOutput();
        watcher.Hasten();
    }

    /// <summary>Waits for the end, reading on this thread: for the connection's own one.</summary>
    public void ReadUntilClosed()
    {
        while (!closed.IsSet)
        {
            lock (readGate)
            {
                TakeAhead();
                if (!closed.IsSet)
                    Fill();
            }
        }
    }

    /// <summary>Waits for the end while others read: the receiving thread, or the watcher.</summary>
    public bool WaitClosed(TimeSpan? timeout) => closed.Wait(timeout ?? Timeout.InfiniteTimeSpan);

    /// <summary>Ends the stream at once; whoever waits for it is freed.</summary>
    public void Break(Exception reason)
    {
        cause ??= reason;
        isBroken = true;
        transport.Abort();
    }

    /// <summary>The stream is given up, and nobody waits for it any more.</summary>
    public void End()
    {
        lock (readGate)
        {
            TakeAhead();
            Receive(Protocol.Input.EndOfStream);
            Input.Release();
        }
    }

    /// <summary>The watcher's look at the close deadline and at held-back output.</summary>
    public void Attend(long now)
    {
        if (now >= Volatile.Read(ref closeAt) && !isBroken && !closed.IsSet)
            Break(new TimeoutException($"The peer did not close within {options.CloseTimeout}."));
        if (output.HasWork && !isBroken)
            TryFlushOutput();
    }

    /// <summary>True while the watcher should look again soon.</summary>
    public bool IsUrgent => output.HasWork || State is not State.Open && !closed.IsSet;

    private ConnectionClosedException ClosedException() =>
        (Ending ?? new Ending(null, null, null, Cause)).ToException();
}
