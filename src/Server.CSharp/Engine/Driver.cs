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
    private readonly long started;
    private readonly long maxUnread;
    private WebSocketEndpoint endpoint;

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
        notOpen = new NotOpenToken(this, log);
        this.frames = frames;
        this.metrics = metrics;
        started = options.TimeProvider.GetTimestamp();
        maxUnread = options.ToReadAhead().Bytes;
        endpoint = WebSocketEndpoint.Create(
            options.ToConnectionSettings(),
            options.ToTimeouts(),
            options.ToReadAhead(),
            TimeSpan.Zero
        );
        Input = new MessageInput(this);
        output = new FrameOutput(transport, options.Scheduler, Begin, frames);
        Receiver = new Receiver(this, transport, options.Scheduler, Input);
        Sender = new Sender(this, output, options);
        Pings = new PingLog(options.TimeProvider, options.Scheduler);
        Vitals = new Vitals(this, output, options);
    }

    /// <summary>The extensions that were agreed on. Set before the connection opens.</summary>
    public ExtensionChain Extensions { get; private set; } = ExtensionChain.Empty;

    public MessageInput Input { get; }

    public Receiver Receiver { get; }

    public Sender Sender { get; }

    public PingLog Pings { get; }

    public Vitals Vitals { get; }

    /// <summary>The protocol's side of the connection, as it is now.</summary>
    public WebSocketEndpoint Endpoint => Volatile.Read(ref endpoint);

    public State State => Endpoint.State;

    public bool IsOpen => State is State.Open;

    /// <summary>True once nothing that comes from the peer matters any more.</summary>
    public bool IsReceivingOver => Endpoint.IsReceivingOver;

    /// <summary>Where each frame is logged; null while nobody wants to know.</summary>
    public FrameLog? Frames => frames;

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
            using (stateGate.Hold())
                return notOpen.Get(IsOpen);
        }
    }

    /// <summary>The handshake is over, and has agreed on extensions.</summary>
    public void Open(ExtensionChain extensions)
    {
        Extensions = extensions;
        var settings = options.ToConnectionSettings(extensions.Bits);
        endpoint = endpoint.Opened(settings, Now);
        if (options.FlightRecorder is { } recording)
            recorder = new FlightRecorder(recording, settings, options.TimeProvider);
        Share = connection.Server.Budget?.Open();
        Input.Use(extensions, recorder);
        output.Use(extensions);
        Vitals.Watch(extensions.Deflate);
    }

    private TimeSpan Now => TimeAt(options.TimeProvider.GetTimestamp());

    /// <summary>The endpoint's time at one of the clock.</summary>
    private TimeSpan TimeAt(long timestamp) =>
        options.TimeProvider.GetElapsedTime(started, timestamp);

    /// <summary>The last steps; null when they are not recorded.</summary>
    public Recording? Recording => recorder?.Recording;

    /// <summary>The connection has ended: gives back what extensions hold, and tells what they threw.</summary>
    public IReadOnlyList<ExtensionFailedException> ReleaseExtensions()
    {
        // Whoever still uses them is done after that, and the state lets nobody begin. They are not called under the gates.
        Receiver.Exclusively(() => output.Exclusively(() => Share?.Dispose()));
        return Extensions.Dispose();
    }

    // ---- Steps
    //
    // The endpoint is replaced as a whole, by whoever made a step from it first. What changes the state is made under the state's
    // lock, so that what is posted is in the order of the states; data, pongs and looks at the time never take it: a peer that
    // floods holds up nobody who wants it.

    /// <summary>Replaces the endpoint, if it is still the one that a step was made from.</summary>
    private bool TryReplace(WebSocketEndpoint before, WebSocketEndpoint next) =>
        ReferenceEquals(before, next)
        || ReferenceEquals(Interlocked.CompareExchange(ref endpoint, next, before), before);

    /// <summary>Takes bytes of the peer, up to the first thing that is told. Under the read gate.</summary>
    public ReceiveStep Receive(
        ReadOnlySpan<byte> bytes,
        ref MessageWriter sink,
        PayloadDecoder? decoder
    )
    {
        if (recorder is not null)
            return ReceiveRecorded(bytes, ref sink, decoder);
        var before = Endpoint;
        var step = before.Receive(bytes, ref sink, NoAnswers.Instance, 0, decoder);
        if (ReferenceEquals(step.Next, before))
            return step; // a message in one frame: as if it had come before whatever changes the state meanwhile
        // Bytes that an extension could not decode since it threw are not the peer's fault.
        if (step.Incoming.IsRefused && FailForExtension())
            return Endpoint.Receive(bytes, ref sink, NoAnswers.Instance, 0, decoder);
        return step.Incoming is Incoming.Close or Incoming.Refused
            ? End(before, step)
            : Enter(before, step);
    }

    private ReceiveStep ReceiveRecorded(
        ReadOnlySpan<byte> bytes,
        ref MessageWriter sink,
        PayloadDecoder? decoder
    )
    {
        var now = options.TimeProvider.GetTimestamp();
        ReceiveStep step;
        bool isEnd;
        using (stateGate.Hold())
        {
            var before = Endpoint;
            step = before.Receive(bytes, ref sink, NoAnswers.Instance, 0, decoder);
            isEnd = step.Incoming is Incoming.Close or Incoming.Refused;
            if (!step.Incoming.IsRefused || Extensions.Failure is null)
            {
                recorder?.Received(bytes[..step.Consumed], step);
                step = isEnd ? Commit(before, step, now) : Enter(before, step);
            }
        }
        if (step.Incoming.IsRefused && FailForExtension())
            return Endpoint.Receive(bytes, ref sink, NoAnswers.Instance, 0, decoder);
        if (isEnd)
            Ended();
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
    private ReceiveStep End(WebSocketEndpoint before, ReceiveStep step)
    {
        var now = options.TimeProvider.GetTimestamp();
        using (stateGate.Hold())
            step = Commit(before, step, now);
        Ended();
        return step;
    }

    /// <summary>The part of it under the state's lock.</summary>
    private ReceiveStep Commit(WebSocketEndpoint before, ReceiveStep step, long now)
    {
        if (step.Incoming is Incoming.Refused refused)
            Note(new Violation(refused.Violation.Error, Input.Offset + refused.Violation.Offset));
        while (!TryReplace(before, step.Next))
        {
            before = Endpoint;
            step = before.Adopt(step, NoAnswers.Instance, 0);
        }
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
        var now = options.TimeProvider.GetTimestamp();
        using (stateGate.Hold())
        {
            ReceiveStep step;
            WebSocketEndpoint before;
            do
            {
                before = Endpoint;
                step = before.EndOfStream();
            } while (!TryReplace(before, step.Next));
            recorder?.EndOfStream();
            Entered(before, step.Next, null, step.HalfClose, now);
        }
        frames?.EndOfStream();
        Carry();
    }

    /// <summary>Our side of the stream has ended, or can't be written to any more.</summary>
    private void EndSending()
    {
        WebSocketEndpoint before;
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
            recorder?.SendingEnded();
        }
        Carry();
    }

    private SendStep Begin(Command command, int length)
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
        using (stateGate.Hold())
        {
            var step = Send(command, out _);
            recorder?.Sent(command, length);
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
        long now
    )
    {
        var ends = before.State is State.Open && next.State is not State.Open;
        if (ends)
            Tick(now, isUnread: false); // the closing is timed from now on
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
        closed.Set();
        // Whoever still reads or writes would wait for a peer that has nothing more to say, and perhaps never leaves. Where
        // nobody does, the end of the stream is left to its disposal: ending it twice costs an exception.
        if (!isWriterFree || !Receiver.IsHeldByCurrentThread)
            transport.Abort();
    }

    /// <summary>A pong has come.</summary>
    public void Answer(ControlPayload pong)
    {
        if (Pings.Answer(pong) is { } latency)
            metrics.PingAnswered(latency);
    }

    /// <summary>Answers a ping. The last one is answered, when there are more than leave.</summary>
    public void PostPong(ControlPayload payload)
    {
        output.Post(Output.NewPong(payload), halfClose: false);
        TryFlushOutput();
    }

    // ---- Time, and reading ahead

    /// <summary>What is due; never waits.</summary>
    /// <param name="timestamp">The clock's.</param>
    /// <param name="isUnread">True when bytes of the peer wait to be read.</param>
    public Due Tick(long timestamp, bool isUnread)
    {
        TickStep step;
        WebSocketEndpoint before;
        do
        {
            before = Endpoint;
            step = before.Tick(TimeAt(timestamp), Traffic(isUnread));
        } while (!TryReplace(before, step.Next));
        return step.Due;
    }

    private Traffic Traffic(bool isUnread) =>
        new(
            received: Input.Reads,
            messages: Input.Messages,
            taken: transport.Bottom.Taken,
            sent: output.Writes,
            isSending: output.IsStuck,
            isUnread
        );

    /// <summary>Whether to read on while the application is elsewhere. Under the read gate.</summary>
    public Reading ReadOn(Unread unread)
    {
        WebSocketEndpoint before,
            next;
        do
        {
            before = Endpoint;
            next = before.ReadOn(unread);
        } while (!TryReplace(before, next));
        return next.Reading;
    }

    /// <summary>True when a message may be kept for the application beside those that wait.</summary>
    public bool MayKeep(Unread unread) => IsOpen || unread.Cost < maxUnread;

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
        using (stateGate.Hold())
        {
            // A message in one frame leaves the state as it is.
            var step = Endpoint.Send(command);
            if (step.Refused.IsSome)
                return step.Refused.Value;
            recorder?.Sent(command, frame.Bytes.Length);
            output.Post(frame);
        }
        frames?.Sent(frame.Bytes);
        return null;
    }

    /// <summary>True while output waits since the peer doesn't read.</summary>
    public bool IsBlocked => output.IsStuck;

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
        var now = options.TimeProvider.GetTimestamp();
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
        if ((output.IsEnded || isBroken) && State is State.Draining { Closure: Closure.Clean })
            EndSending();
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
        var now = options.TimeProvider.GetTimestamp();
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
        var now = options.TimeProvider.GetTimestamp();
        using (stateGate.Hold())
        {
            if (!TryEnter(Command.NewFail(status), now))
                return;
            cause ??= reason;
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

    private bool TryEnter(Command command, long now)
    {
        // No frame leaves on a broken stream, and callers have been told of an end without one.
        if (isBroken)
            return false;
        var step = Send(command, out var before);
        if (step.Refused.IsSome)
            return false;
        recorder?.Sent(command, 0);
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
    public bool WaitClosed(TimeSpan? timeout) =>
        options.Scheduler.Wait(closed, WaitingTime.ToWait(timeout));

    /// <summary>The connection has ended: whoever waits for that goes on, even if the telling has failed.</summary>
    public void EndWaiting()
    {
        Pings.Close();
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
