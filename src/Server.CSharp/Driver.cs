using System.Buffers;
using FunctionalWs.Protocol;
using Microsoft.FSharp.Core;

namespace FunctionalWs;

/// <summary>
/// One connection after its opening handshake: its state, and the only place where a transition has an effect. Reading
/// and writing have a gate each; the state has a lock of its own that is never held while waiting for the peer.
/// </summary>
internal sealed partial class Driver
{
    private readonly Transport transport;
    private readonly ServerOptions options;
    private readonly Watcher watcher;
    private readonly ServerConnection connection; // for the watcher
    private readonly FrameOutput output;
    private readonly FrameLog? frames;
    private readonly ServerMetrics metrics;
    private FlightRecorder? recorder;

    private readonly Lock stateGate = new();
    private State state = Connection.Start;
    private long closeAt = long.MaxValue;

    private readonly ManualResetEventSlim closed = new(false);
    private readonly NotOpenToken notOpen;
    private Exception? cause;
    private Violation? violation;
    private volatile bool isBroken;

    /// <summary>Takes over a stream.</summary>
    public Driver(
        Transport transport,
        ServerOptions options,
        Watcher watcher,
        ServerConnection connection,
        Log log,
        FrameLog? frames,
        ServerMetrics metrics
    )
    {
        this.transport = transport;
        this.options = options;
        this.watcher = watcher;
        this.connection = connection;
        notOpen = new NotOpenToken(log);
        this.frames = frames;
        this.metrics = metrics;
        Settings = options.ToConnectionSettings();
        Input = new FrameInput(this);
        output = new FrameOutput(transport, options.Scheduler, Begin, frames);
        Receiver = new Receiver(this, transport, options.Scheduler, Input, options.ToInbox());
        Sender = new Sender(this, output, options);
        Pings = new PingLog(options.TimeProvider, options.Scheduler);
        Vitals = new Vitals(this, output, options);
    }

    /// <summary>What is asked of the peer's frames. Set before the connection opens.</summary>
    public ConnectionSettings Settings { get; private set; }

    /// <summary>The extensions that were agreed on. Set before the connection opens.</summary>
    public ExtensionChain Extensions { get; private set; } = ExtensionChain.Empty;

    public FrameInput Input { get; }

    public Receiver Receiver { get; }

    public Sender Sender { get; }

    public PingLog Pings { get; }

    public Vitals Vitals { get; }

    public State State => Volatile.Read(ref state);

    public bool IsOpen => State is State.Open;

    /// <summary>True once nothing that comes from the peer matters any more.</summary>
    public bool IsReceivingOver => State is State.Draining or State.Closed;

    public bool IsClosed => closed.IsSet;

    /// <summary>True while bytes of the peer, or its end, wait to be read.</summary>
    public bool HasInput => transport.Bottom.IsReadable;

    /// <summary>True once the stream was given up.</summary>
    public bool IsBroken => isBroken;

    /// <summary>How the connection ended; null while it is not known.</summary>
    public Ending? Ending =>
        State switch
        {
            State.Draining draining => FunctionalWs.Ending.Of(draining.Closure, Cause, violation),
            State.Closed closed => FunctionalWs.Ending.Of(closed.Closure, Cause, violation),
            _ => null,
        };

    private Exception? Cause => cause ?? transport.Failure;

    public ConnectionClosedException ClosedException() =>
        (Ending ?? new Ending(null, null, null, Cause)).ToException(this);

    /// <summary>Cancelled when the connection is no longer open.</summary>
    public CancellationToken NotOpen
    {
        get
        {
            lock (stateGate)
                return notOpen.Get(state is State.Open);
        }
    }

    /// <summary>The handshake has agreed on extensions.</summary>
    public void Use(ExtensionChain extensions)
    {
        Extensions = extensions;
        Settings = options.ToConnectionSettings(extensions.Bits);
        if (options.FlightRecorder is { } recording)
            recorder = new FlightRecorder(recording, Settings, options.TimeProvider);
        output.Use(extensions);
        Vitals.Watch(extensions.Deflate);
    }

    /// <summary>The last steps; null when they are not recorded.</summary>
    public Recording? Recording => recorder?.Recording;

    /// <summary>The connection has ended, and nobody uses it any more: gives back what extensions hold.</summary>
    public void ReleaseExtensions() =>
        Receiver.Exclusively(() => output.Exclusively(Extensions.Dispose));

    // ---- Transitions

    /// <summary>The rule by whose breaking a transition fails the connection; null when it doesn't.</summary>
    private static ProtocolError? BrokenRule(in Transition transition) =>
        transition is { HalfClose: true, State: State.Draining { Closure: Closure.Failed failed } }
            ? failed.Error
            : null;

    /// <summary>Before the state tells that there is one: others read the state without its lock.</summary>
    private void Note(Violation found)
    {
        violation ??= found;
        Interlocked.MemoryBarrier();
    }

    private SendResult Begin(Command command, int length)
    {
        // A message in one frame leaves the state as it was, and needs no lock: a close frame that is decided on meanwhile is
        // written by whoever holds the write gate next.
        var before = State;
        var result = Connection.Send(before, command);
        var isDone = result.IsAccepted && ReferenceEquals(result.Transition.State, before);
        return isDone && recorder is null ? result : BeginLocked(command, length);
    }

    private SendResult BeginLocked(Command command, int length)
    {
        lock (stateGate)
        {
            var result = Connection.Send(state, command);
            if (result.IsAccepted)
            {
                recorder?.Send(Input.Offset, command, length, result.Transition);
                state = result.Transition.State;
            }
            return result;
        }
    }

    /// <summary>Under the state's lock, so that what is posted is in the order of the states.</summary>
    private void Enter(in Transition transition)
    {
        var ends = state is State.Open && transition.State is not State.Open;
        state = transition.State;
        if (ends)
        {
            closeAt = Deadline.After(options.TimeProvider, options.CloseTimeout).Timestamp;
            notOpen.Cancel();
        }
        if (transition.Output.IsSome || transition.HalfClose)
            output.Post(transition.Output, transition.HalfClose);
    }

    /// <summary>The effects of a transition that was entered.</summary>
    private void Carry(in Transition transition)
    {
        if (transition.Event.IsSome && transition.Event.Value is Event.Pong pong)
            Answer(pong);
        TryFlushOutput();
        if (State is not State.Closed)
            return;
        Pings.Close();
        var isWriterFree = output.TryRelease();
        closed.Set();
        // Whoever still reads or writes would wait for a peer that has nothing more to say, and perhaps never leaves. Where
        // nobody does, the end of the stream is left to its disposal: ending it twice costs an exception.
        if (!isWriterFree || !Receiver.IsHeldByCurrentThread)
            transport.Abort();
    }

    private void Answer(Event.Pong pong)
    {
        if (Pings.Answer(pong.Payload) is { } latency)
            metrics.PingAnswered(latency);
    }

    // ---- Counting messages, for metrics

    public bool IsCounting => Input.Flow is not null;

    /// <summary>Counts from now on. Not again: it may be called by one thread at a time.</summary>
    public void BeginCounting()
    {
        output.Flow = metrics.Sent.Begin();
        Input.Flow = metrics.Received.Begin();
    }

    /// <summary>The connection has ended. May be called twice, and from any thread.</summary>
    public void EndCounting()
    {
        metrics.Sent.End(output.Flow);
        metrics.Received.End(Input.Flow);
    }

    // ---- Sending without waiting

    /// <summary>
    /// Gives a frame of a message to whoever can write next, if the state allows a message now; says why not otherwise.
    /// </summary>
    public SendError? Post(Command command, PostedFrame frame)
    {
        lock (stateGate)
        {
            // A message in one frame leaves the state as it is.
            var result = Connection.Send(state, command);
            if (result.IsRefused)
                return result.Error;
            recorder?.Send(Input.Offset, command, frame.Bytes.Span, result.Transition);
            output.Post(frame);
            frames?.Sent(frame.Bytes);
            return null;
        }
    }

    /// <summary>True while output waits since the peer doesn't read.</summary>
    public bool IsBlocked => output.IsStuck;

    /// <summary>The bytes of messages that were held back, or posted and have not begun to leave.</summary>
    public long QueueSize => output.QueueSize;

    /// <summary>The bytes of messages that were posted and have not begun to leave.</summary>
    public long PostedBytes => output.PostedBytes;

    /// <summary>Forgets the oldest of the posted messages that have not begun to leave; tells how many.</summary>
    public int DropPosted(long untilBytes) => output.DropPosted(untilBytes);

    /// <summary>Sends a ping that nobody waits for, while the connection is open.</summary>
    public void PostPing(ControlPayload payload)
    {
        // Another thread may have begun to close: nothing follows a close frame.
        lock (stateGate)
            TryEnter(Command.NewPing(payload));
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
        if ((output.IsEnded || isBroken) && State is State.Draining { Closure: Closure.Clean })
            Receive(Protocol.Input.EndOfStream);
    }

    /// <summary>Asks the watcher to look soon, and again and again while something is urgent.</summary>
    public void Hasten() => watcher.Hasten(connection);

    // ---- Closing

    /// <summary>
    /// Begins the closing handshake, if it has not begun; never waits. A fragmented message that is being sent can't be
    /// completed any more: then the connection fails with 1011.
    /// </summary>
    public void StartClose(CloseStatus status)
    {
        lock (stateGate)
        {
            var isSendingFragments = state is State.Open { Sending.IsSome: true };
            var command = isSendingFragments
                ? Command.NewFail(
                    CloseStatus.Create(
                        CloseCode.InternalError,
                        "closed during a fragmented message"
                    )
                )
                : Command.NewClose(status);
            if (!TryEnter(command))
                return;
        }
        TryFlushOutput();
        Hasten();
    }

    /// <summary>Tells the peer and gives the connection up, without waiting for its answer (RFC 6455 §7.1.7).</summary>
    public void Fail(CloseStatus status, Exception reason)
    {
        lock (stateGate)
        {
            if (!TryEnter(Command.NewFail(status)))
                return;
            cause ??= reason;
        }
        TryFlushOutput();
        Hasten();
    }

    private bool TryEnter(Command command)
    {
        // No frame leaves on a broken stream, and callers have been told of an end without one.
        if (isBroken)
            return false;
        var result = Connection.Send(state, command);
        if (result.IsRefused)
            return false;
        recorder?.Send(Input.Offset, command, 0, result.Transition);
        Enter(result.Transition);
        return true;
    }

    /// <summary>Waits for the end while others read: the receiving thread, or the watcher.</summary>
    public bool WaitClosed(TimeSpan? timeout) =>
        options.Scheduler.Wait(closed, timeout ?? Timeout.InfiniteTimeSpan);

    /// <summary>True when the closing has taken too long.</summary>
    public bool IsCloseOverdue(long now) => now >= Volatile.Read(ref closeAt);

    /// <summary>Ends the stream at once; whoever waits for it is freed.</summary>
    public void Break(Exception reason)
    {
        lock (stateGate)
        {
            cause ??= reason;
            isBroken = true;
        }
        transport.Abort();
    }
}
