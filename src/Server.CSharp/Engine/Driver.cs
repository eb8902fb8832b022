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
    private readonly ConnectionOptions options;
    private readonly Watcher watcher;
    private readonly WebSocketConnection connection; // for the watcher
    private readonly FrameOutput output;
    private readonly BlockedSenders blockedSenders;
    private readonly FrameLog? frames;
    private readonly ConnectionMetrics metrics;
    private readonly BufferBudget? budget;
    private FlightRecorder? recorder;

    private readonly Lock stateGate = new();
    private readonly long started;
    private readonly ConnectionRules rules;
    private WebSocketEndpoint endpoint;

    private readonly ManualResetEventSlim closed = new(false);
    private readonly NotOpenToken notOpen;
    private Exception? cause;
    private Violation? violation;
    private volatile bool isBroken;

    /// <summary>Takes over a stream.</summary>
    public Driver(
        Transport transport,
        ConnectionOptions options,
        ConnectionRules rules,
        BufferBudget? budget,
        Watcher watcher,
        WebSocketConnection connection,
        Log log,
        FrameLog? frames,
        ConnectionMetrics metrics
    )
    {
        this.transport = transport;
        this.options = options;
        this.watcher = watcher;
        this.connection = connection;
        blockedSenders = new BlockedSenders(options.Scheduler);
        Callbacks = new CallbackContext(log, options.Scheduler, this);
        notOpen = new NotOpenToken(this, options.Scheduler, log);
        this.frames = frames;
        this.metrics = metrics;
        started = options.TimeProvider.GetTimestamp();
        this.rules = rules;
        this.budget = budget;
        endpoint = rules.Endpoint;
        Input = new MessageInput(this, takesEmptyLine: options.Role.IsServer);
        output = new FrameOutput(transport, options, this, frames);
        Receiver = new Receiver(this, transport, options.Scheduler, Input);
        Sender = new Sender(this, output, options);
        Pings = new PingLog(options.TimeProvider, options.Scheduler);
        Vitals = new Vitals(this, output, options);
    }

    /// <summary>The extensions that were agreed on. Set before the connection opens.</summary>
    public ExtensionChain Extensions { get; private set; } = ExtensionChain.Empty;

    /// <summary>What the application's code runs in on the connection's thread, and what is registered for its end.</summary>
    public CallbackContext Callbacks { get; }

    public MessageInput Input { get; }

    public Receiver Receiver { get; }

    public Sender Sender { get; }

    public PingLog Pings { get; }

    public Vitals Vitals { get; }

    /// <summary>The protocol's side of the connection, as it is now.</summary>
    public WebSocketEndpoint Endpoint
    {
        get
        {
            Scheduler.Meet(this, Access.Read);
            return Volatile.Read(ref endpoint);
        }
    }

    public State State => Endpoint.State;

    public bool IsOpen => State is State.Open;

    /// <summary>True once nothing that comes from the peer matters any more.</summary>
    public bool IsReceivingOver => Endpoint.IsReceivingOver;

    /// <summary>Where each frame is logged; null while nobody wants to know.</summary>
    public FrameLog? Frames => frames;

    public bool IsClosed
    {
        get
        {
            Scheduler.Meet(closed, Access.Read);
            return closed.IsSet;
        }
    }

    /// <summary>The bytes of the peer that wait to be read, as far as that can be told; its end counts as one.</summary>
    public long Unread => transport.Bottom.Unread;

    /// <summary>True in a turn of a loop on this thread, which ends with what is held back.</summary>
    public bool IsInTurn => connection is { IsOwnThread: true, Seat.IsAway: false };

    /// <summary>True once the stream was given up.</summary>
    public bool IsBroken
    {
        get
        {
            Scheduler.Meet(stateGate, Access.Read);
            return isBroken;
        }
    }

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
    public void Open(ExtensionChain extensions, int? maxMessageSize = null)
    {
        Extensions = extensions;
        var settings = maxMessageSize is { } size
            ? options.ToConnectionSettings(extensions.Bits, size)
            : rules.Settings(extensions.Bits);
        var opened = Now;
        endpoint = endpoint.Opened(settings, opened);
        if (options.FlightRecorder is { } recording)
            recorder = new FlightRecorder(
                recording,
                settings,
                opened,
                options.TimeProvider.GetUtcNow()
            );
        Share = budget?.Open();
        Input.Use(extensions, recorder);
        output.Use(extensions);
        Vitals.Watch(extensions.Deflate);
    }

    /// <summary>The endpoint's time. The clock is the application's: it is not asked under a lock.</summary>
    private TimeSpan Now => TimeAt(options.TimeProvider.GetTimestamp());

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
}
