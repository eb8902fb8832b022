using System.Net;
using System.Net.Sockets;
using FunctionalWs.Protocol;
using Microsoft.Extensions.Logging;

namespace FunctionalWs;

/// <summary>
/// A WebSocket server: accepts connections and runs a handler for each, on a thread of its own. Made by
/// <see cref="Serve(Action{ServerConnection}, string?, int, ServerOptions?)"/>; bound and listening from then on, accepting
/// after <see cref="Start"/> or <see cref="ServeForever"/>. All members may be called from any thread.
/// </summary>
public sealed partial class Server : IDisposable
{
    private const int MaxIdleThreads = 16;
    private const int MaxTurnedAway = 256;

    private readonly Action<ServerConnection> handler;
    private readonly ServerOptions options;
    private readonly Listener[] listeners; // none when streams are handed in
    private readonly Log log;
    private readonly CallbackContext callbacks; // of the threads that serve no single connection
    private readonly ServerMeter meter;
    private readonly ServerMetrics metrics;
    private readonly Watcher watcher;
    private readonly ConnectionThreads threads;
    private readonly LoopThreads loops;
    private readonly Opening opening;

    private readonly object gate = new();
    private readonly HashSet<ServerConnection> connections = [];
    private readonly Admissions admissions;
    private readonly TurnedAway turnedAway;
    private Phase phase = Phase.NotStarted;
    private volatile bool isDisposed;
    private int forced;
    private int overdue; // connections that their own close timeout cut during the shutdown

    private enum Phase
    {
        NotStarted,
        Running,
        Stopping,
        Stopped,
    }

    private Server(
        Action<ServerConnection> handler,
        ServerOptions options,
        params Listener[] listeners
    )
    {
        this.handler = handler;
        this.listeners = listeners;
        this.options = options;
        var logger = options.LoggerFactory.CreateLogger("FunctionalWs.Server");
        log = new Log(new GuardedLogger(logger));
        callbacks = new CallbackContext(log, options.Scheduler);
        threadFailures = new Seldom(options.TimeProvider);
        listenerFailures = new Seldom(options.TimeProvider);
        tlsFailures = new Seldom(options.TimeProvider);
        LocalEndPoints =
        [
            .. listeners.Select(listener => listener.LocalEndPoint).OfType<EndPoint>(),
        ];
        meter = ServerMeter.Of(options.MeterFactory);
        metrics = meter.For(LocalEndPoint);
        Rules = new ConnectionRules(options);
        Budget = options.MaxBufferedBytes is { } most ? new BufferBudget(most) : null;
        MaxConnections = LimitConnections();
        admissions = new Admissions(
            MaxConnections,
            options.MaxPendingHandshakes,
            options.MaxConnectionsPerAddress
        );
        StartThread = run =>
            options.Scheduler.Start("FunctionalWs connection", run, options.ThreadStackSize ?? 0);
        threads = new ConnectionThreads(MaxIdleThreads, options.Scheduler, run => StartThread(run));
        loops = new LoopThreads(options, threads, log, callbacks, metrics);
        turnedAway = new TurnedAway(
            options.TimeProvider,
            options.Scheduler,
            Math.Clamp(MaxConnections / 8, 1, MaxTurnedAway)
        );
        watcher = new Watcher(
            options.TimeProvider,
            options.Scheduler,
            turnedAway,
            error => log.WatcherFailed(error),
            metrics
        );
        opening = new Opening(options, () => IsStopping, log);
        if (
            options.AllExtensions.Any(extension => extension is PerMessageDeflate)
            && !ZLib.IsAvailable
        )
            log.CompressionUnavailable();
        if (options.Ssl is { } ssl && Expired(ssl) is { } expired)
            log.CertificateExpired(
                expired.Subject,
                Invariant($"{expired.NotAfter.ToUniversalTime():yyyy-MM-dd HH:mm:ss}Z")
            );
        meter.Add(metrics, this);
        try
        {
            if (listeners.Length > 0)
                LookForClients();
            watcher.Start(callbacks); // last: nobody would stop the thread of a server that could not be made
        }
        catch
        {
            forgotten?.Dispose();
            meter.Remove(metrics, this);
            throw;
        }
    }

    /// <summary>What the options say of every connection.</summary>
    internal ConnectionRules Rules { get; }

    /// <summary>Starts a connection's thread; replaced by tests of a system that has none to give.</summary>
    internal Action<Action> StartThread { get; set; }

    /// <summary>Makes a server that has no address: streams are handed to <see cref="Admit(Transport)"/>.</summary>
    internal static Server ServeInMemory(Action<ServerConnection> handler, ServerOptions options)
    {
        options.Validate();
        var server = new Server(handler, options);
        server.TryStart();
        return server;
    }

    /// <summary>Where the server listens, the first address if there are several. Known after it has stopped, too.</summary>
    public EndPoint? LocalEndPoint => LocalEndPoints.FirstOrDefault();

    /// <summary>All addresses on which the server listens. Known after it has stopped, too.</summary>
    public IReadOnlyList<EndPoint> LocalEndPoints { get; }

    /// <summary>The (first) listening socket's handle; null for a server without one.</summary>
    public SafeSocketHandle? Handle => listeners.FirstOrDefault()?.Socket.SafeHandle;

    /// <summary>
    /// The most connections at a time: <see cref="ServerOptions.MaxConnections"/>, or less where the machine's limits on
    /// memory mappings, threads and descriptors need it.
    /// </summary>
    public int MaxConnections { get; }

    /// <summary>
    /// The connections that are open now: a copy. A connection is among them a moment after its client has the answer, and
    /// before its handler runs.
    /// </summary>
    public IReadOnlyCollection<ServerConnection> Connections
    {
        get
        {
            using (gate.HoldMonitor())
                return connections
                    .Where(connection => connection.State is ConnectionState.Open)
                    .ToArray();
        }
    }

    /// <summary>The connections that count against <see cref="MaxConnections"/>: those in their handshake or closing, too.</summary>
    internal int Occupied
    {
        get
        {
            using (gate.HoldMonitor())
                return connections.Count;
        }
    }

    /// <summary>All that <see cref="Occupied"/> counts: a copy.</summary>
    internal ServerConnection[] Everybody
    {
        get
        {
            using (gate.HoldMonitor())
                return [.. connections];
        }
    }

    internal bool IsStopping
    {
        get
        {
            using (gate.HoldMonitor())
                return phase is Phase.Stopping or Phase.Stopped;
        }
    }

    /// <summary>Accepts connections in the background. Does nothing when the server has been started, or was shut down.</summary>
    /// <exception cref="ObjectDisposedException">The server was disposed of: it accepts nobody any more.</exception>
    public void Start()
    {
        ObjectDisposedException.ThrowIf(isDisposed, this);
        Begin();
    }

    private void Begin()
    {
        if (!TryStart())
            return;
        forgotten?.Dispose();
        foreach (var listener in listeners)
        {
            var acceptor = new Acceptor(this, listener);
            Scheduler.System.Start("FunctionalWs accept", () => callbacks.Run(acceptor.Run));
        }
    }

    /// <summary>
    /// Accepts connections until the server has been shut down, and waits for that; when it has been started already, only
    /// waits. <see cref="Thread.Interrupt"/> ends the waiting, not the server.
    /// </summary>
    public void ServeForever()
    {
        Begin();
        using (gate.HoldMonitor())
        {
            while (phase != Phase.Stopped)
                options.Scheduler.Wait(gate, Timeout.InfiniteTimeSpan);
        }
    }

    /// <summary>
    /// Stops the server: no client is accepted any more, all connections are told at once, and their handlers have until the
    /// deadline to return; then what is left is cut. May be called in any state, by any thread, a handler included (it then
    /// doesn't wait for that handler); further calls wait for the first.
    /// </summary>
    /// <param name="code">What the clients are told; 1001, going away, by default.</param>
    /// <param name="reason">Text for people, at most 123 bytes of UTF-8; empty by default.</param>
    /// <param name="timeout">
    /// How long to wait before cutting, zero to cut at once, <see cref="Timeout.InfiniteTimeSpan"/> for as long as it takes; null,
    /// the default, for <see cref="ConnectionOptions.CloseTimeout"/>.
    /// </param>
    /// <param name="hurry">Ends the waiting: what is left is cut at once.</param>
    /// <returns>How many connections had to be cut.</returns>
    /// <exception cref="ArgumentException">The reason is too long or can't be encoded. Nothing happened.</exception>
    /// <exception cref="ArgumentOutOfRangeException">The timeout is negative, and not infinite. Nothing happened.</exception>
    /// <exception cref="ThreadInterruptedException">The waiting was interrupted: what was left is cut, and the server has stopped.</exception>
    public int Shutdown(
        CloseCode? code = null,
        string reason = "",
        TimeSpan? timeout = null,
        CancellationToken hurry = default
    )
    {
        var status = CloseStatus.Create(code ?? CloseCode.GoingAway, reason);
        var time = timeout is null
            ? options.CloseTimeout
            : WaitingTime.Checked(timeout, nameof(timeout));
        if (!TryBeginStopping())
            return AwaitStopped();

        return Stop(status, time, hurry);
    }

    /// <summary>Shuts the server down as <see cref="Shutdown"/> does without arguments.</summary>
    public void Dispose()
    {
        isDisposed = true;
        Shutdown();
    }

    /// <summary>False when connections give their thread back once they are open.</summary>
    private bool HaveThreads =>
        !GivesMessages
        || !MessageLoop.IsAvailable
        || options.Ssl is not null
        || listeners.Length == 0;

    /// <summary>True when the handler is one for messages, and nothing else.</summary>
    private bool GivesMessages => handler.HasSingleTarget && handler.Target is MessageFace;

    private int LimitConnections()
    {
        if (
            options.Scheduler.IsSimulated // on no machine
            || MachineLimits.MaxConnections(HaveThreads) is not { } machine
            || machine.Connections >= options.MaxConnections
        )
            return options.MaxConnections;
        log.ConnectionsLimited(machine.Connections, options.MaxConnections, machine.Limit);
        return machine.Connections;
    }
}
