using System.Net.Sockets;

namespace FunctionalWs;

/// <summary>
/// One thread for all connections of a server, or of clients: it does what must happen while a handler is elsewhere (reads ahead, answers pings,
/// writes what was held back) and is the only clock (all deadlines of all connections). It never waits for a peer.
/// </summary>
internal sealed class Watcher
{
    // The bound on how long output is held back, and on how late a deadline is noticed.
    private static readonly TimeSpan Hurry = TimeSpan.FromMilliseconds(2);
    private static readonly TimeSpan Calm = TimeSpan.FromMilliseconds(20);

    // A look at a connection takes the better part of a microsecond: so many a calm pass, and fewer passes with more of them.
    private const int ConnectionsPerPass = 1_000;
    private const int MaxSlowdown = 10;

    // Looks without anything urgent before a connection counts as calm: waking the watcher costs more than a few looks.
    private const int LooksUntilCalm = 50;

    // What was read ahead may have more behind it.
    private const int LooksAfterInput = 2;

    // What is read ahead in one pass, in bytes: some ten milliseconds of the worst that peers can send. Whoever is left comes first next time.
    private const int MaxWorkPerPass = 256 * 1024;

    private readonly TimeProvider clock;
    private readonly Scheduler scheduler;
    private readonly TurnedAway? turnedAway;
    private readonly Action<Exception> failed;
    private readonly ServerMetrics? metrics;
    private readonly Lock gate = new();
    private readonly List<WebSocketConnection> connections = [];
    private readonly List<WebSocketConnection> hastened = []; // marked, and not yet among the urgent ones
    private readonly List<WebSocketConnection> urgent = [];
    private readonly List<WebSocketConnection> pass = [];
    private readonly List<Unattended> unattended = [];
    private readonly List<Socket> sockets = [];
    private readonly Signal wake = new();
    private volatile bool isCalm = true;
    private volatile bool isHastened;
    private volatile bool isEnding;
    private int urgentPasses; // since the last one over all connections
    private long lastFull; // when that was
    private int firstUnattended; // whose turn it is, among the unattended ones
    private int looked; // in that one
    private bool isFull; // this pass: it has all connections, and their deadlines

    /// <param name="clock">What deadlines are measured with.</param>
    /// <param name="scheduler">What its thread runs and waits on.</param>
    /// <param name="turnedAway">Clients to get rid of; null for a client's own connections.</param>
    /// <param name="failed">Told of a pass that threw.</param>
    /// <param name="metrics">Told how long a pass takes; null for nobody.</param>
    public Watcher(
        TimeProvider clock,
        Scheduler scheduler,
        TurnedAway? turnedAway,
        Action<Exception> failed,
        ServerMetrics? metrics
    )
    {
        this.clock = clock;
        this.scheduler = scheduler;
        this.turnedAway = turnedAway;
        this.failed = failed;
        this.metrics = metrics;
    }

    /// <summary>Starts its thread, which <see cref="EndWhenEmpty"/> ends.</summary>
    /// <param name="callbacks">What loggers and listeners run in.</param>
    public void Start(CallbackContext callbacks) =>
        scheduler.Start("FunctionalWs watcher", () => callbacks.Run(Run));

    public void Add(WebSocketConnection connection)
    {
        bool isFirst;
        using (gate.Hold())
        {
            isFirst = connections.Count == 0;
            connection.WatcherIndex = connections.Count;
            connections.Add(connection);
        }
        if (isFirst)
            wake.Set(); // without connections it sleeps
    }

    public void Remove(WebSocketConnection connection)
    {
        using (gate.Hold())
        {
            if (!IsMember(connection))
                return;
            var last = connections[^1];
            connections[connection.WatcherIndex] = last;
            last.WatcherIndex = connection.WatcherIndex;
            connections.RemoveAt(connections.Count - 1);
        }
    }

    private bool IsMember(WebSocketConnection connection) =>
        connection.WatcherIndex < connections.Count
        && ReferenceEquals(connections[connection.WatcherIndex], connection);

    /// <summary>Asks for looks at a connection in quick succession, as long as there is something urgent about it.</summary>
    public void Hasten(WebSocketConnection connection) => Hasten(connection, LooksUntilCalm);

    private void Hasten(WebSocketConnection connection, int looks)
    {
        Interlocked.MemoryBarrier(); // the watcher unmarks it, then looks once more
        Scheduler.Meet(connection, Access.Read);
        if (connection.IsHastened)
            return;
        using (gate.Hold())
        {
            if (connection.IsHastened)
                return;
            Scheduler.Meet(connection, Access.Write);
            connection.IsHastened = true;
            connection.UrgentLooks = looks;
            hastened.Add(connection);
        }
        Hasten();
    }

    /// <summary>Asks for passes in quick succession, as long as there is something urgent.</summary>
    public void Hasten()
    {
        Scheduler.Meet(this, Access.Write);
        isHastened = true;
        Interlocked.MemoryBarrier(); // the watcher writes and reads these two in the other order
        Scheduler.Meet(this, Access.Write);
        if (!isCalm)
            return;
        isCalm = false;
        wake.Set();
    }

    /// <summary>Ends the watching once the last connection is gone.</summary>
    public void EndWhenEmpty()
    {
        Scheduler.Meet(this, Access.Write);
        isEnding = true;
        wake.Set();
    }

    private void Run()
    {
        while (!isEnding || !IsEmpty)
        {
            Guard.Run(this, Round, Failed);
            Guard.Run(this, Rest, Failed);
        }
        turnedAway?.Close();
    }

    private static readonly Action<Watcher> Round = watcher =>
    {
        var isUrgent = watcher.MeasuredPass();
        Scheduler.Meet(watcher, Access.Write);
        watcher.isCalm = !isUrgent;
        watcher.turnedAway?.Look(watcher.isEnding);
    };

    private static readonly Action<Watcher> Rest = watcher =>
    {
        Interlocked.MemoryBarrier();
        Scheduler.Meet(watcher, Access.Read);
        watcher.scheduler.Yield();
        watcher.scheduler.Wait(watcher.wake, watcher.NextWait());
    };

    private static readonly Action<Watcher, Exception> Failed = (watcher, error) =>
        watcher.failed(error);

    private bool IsEmpty
    {
        get
        {
            if (turnedAway is { IsEmpty: false })
                return false;
            using (gate.Hold())
                return connections.Count == 0;
        }
    }

    // Without connections it sleeps until there is one; at the end it looks now and then whether the last has gone.
    private TimeSpan NextWait() =>
        !isCalm || isHastened ? Hurry
        : IsEmpty && !isEnding ? Timeout.InfiniteTimeSpan
        : isFull ? FullWait
        : Hurry; // some deadlines were looked at a while ago

    private TimeSpan FullWait => Calm * Math.Clamp(looked / ConnectionsPerPass, 1, MaxSlowdown);

    private bool MeasuredPass()
    {
        if (metrics is not { ArePassesMeasured: true })
            return Pass();
        var start = clock.GetTimestamp();
        var isUrgent = Pass();
        metrics.WatcherPassed(clock.GetElapsedTime(start));
        return isUrgent;
    }

    /// <summary>Looks at every connection, or at the urgent ones; true when there are such.</summary>
    private bool Pass()
    {
        Scheduler.Meet(this, Access.Write);
        var isUrgent = isHastened;
        isHastened = false;
        pass.Clear(); // what a pass that failed has left
        sockets.Clear();
        unattended.Clear();
        var now = clock.GetTimestamp();
        Choose(now);
        foreach (var connection in pass)
            Look(connection, now, isFull);
        ReadAhead();
        pass.Clear();
        ForgetCalm(now);
        return isUrgent || urgent.Count > 0;
    }

    /// <summary>
    /// Takes over what was hastened, and chooses whom to look at: among thousands of connections a few that are urgent must not
    /// cost a look at all of them every time.
    /// </summary>
    private void Choose(long now)
    {
        // By the clock, since a calm wait may have ended early; and by their number, since the clock may stand still.
        isFull =
            isCalm
            || ++urgentPasses >= (int)(FullWait / Hurry)
            || clock.GetElapsedTime(lastFull, now) > FullWait - Hurry;
        using (gate.Hold())
        {
            urgent.AddRange(hastened);
            hastened.Clear();
            pass.AddRange(isFull ? connections : urgent);
        }
        if (!isFull)
            return;
        urgentPasses = 0;
        lastFull = now;
        looked = pass.Count;
    }

    private void Look(WebSocketConnection connection, long now, bool isTimed)
    {
        if (!Guarded(connection, now, isTimed))
            return;
        connection.UrgentLooks = LooksUntilCalm;
        Hasten(connection);
    }

    /// <summary>Unmarks those about which nothing has been urgent for some looks.</summary>
    private void ForgetCalm(long now)
    {
        for (var index = urgent.Count - 1; index >= 0; index--)
        {
            var connection = urgent[index];
            if (--connection.UrgentLooks > 0)
                continue;
            urgent[index] = urgent[^1];
            urgent.RemoveAt(urgent.Count - 1);
            Scheduler.Meet(connection, Access.Write);
            connection.IsHastened = false;
            Interlocked.MemoryBarrier(); // whoever has found it marked has done before what this look finds
            Look(connection, now, isTimed: false);
        }
        ReadAhead();
    }

    private bool Guarded(WebSocketConnection connection, long now, bool isTimed)
    {
        try
        {
            var attention = connection.Attend(now, isTimed);
            if (attention.HasFlag(Attention.ReadAhead))
                unattended.Add(new(connection, connection.Socket, IsReadable: false));
            return attention.HasFlag(Attention.Soon);
        }
        catch (Exception error)
        {
            connection.Fail(error);
            return false;
        }
    }

    /// <summary>Asks the kernel once which of the unattended connections have input.</summary>
    private void ReadAhead()
    {
        foreach (var (_, socket, _) in unattended)
        {
            if (socket is not null)
                sockets.Add(socket);
        }
        ReadableSockets.Select(sockets);
        var next = 0;
        for (var index = 0; index < unattended.Count; index++)
        {
            // What is left in the list are the readable ones, in the order in which they were.
            var (_, socket, _) = unattended[index];
            var isReadable =
                socket is null || next < sockets.Count && ReferenceEquals(sockets[next], socket);
            if (socket is not null && isReadable)
                next++;
            unattended[index] = unattended[index] with { IsReadable = isReadable };
        }
        ReadAheadInTurn();
        sockets.Clear();
        unattended.Clear();
    }

    private void ReadAheadInTurn()
    {
        var count = unattended.Count;
        long work = 0;
        var looked = 0;
        for (; looked < count && work < MaxWorkPerPass; looked++)
        {
            var index = (firstUnattended + looked) % count;
            work += ReadAhead(unattended[index]);
        }
        for (var left = looked; left < count; left++)
        {
            var index = (firstUnattended + left) % count;
            if (unattended[index].IsReadable)
                Hasten(unattended[index].Connection, LooksAfterInput);
        }
        firstUnattended = count == 0 ? 0 : (firstUnattended + looked) % count;
    }

    private long ReadAhead(in Unattended unattended)
    {
        var connection = unattended.Connection;
        try
        {
            var work = connection.ReadAhead(unattended.IsReadable, out var mayHaveMore);
            if (!mayHaveMore)
                return work;
            connection.UrgentLooks = Math.Max(connection.UrgentLooks, LooksAfterInput);
            Hasten(connection, LooksAfterInput);
            return work;
        }
        catch (Exception error)
        {
            connection.Fail(error);
            return 0;
        }
    }
}

/// <summary>A connection that nobody receives from, and whether the kernel says that its socket has something, or there is none.</summary>
internal readonly record struct Unattended(
    WebSocketConnection Connection,
    Socket? Socket,
    bool IsReadable
);

/// <summary>What a connection needs of the watcher.</summary>
[Flags]
internal enum Attention
{
    None = 0,

    /// <summary>Another look soon.</summary>
    Soon = 1,

    /// <summary>Nobody is receiving from it: its input should be looked at.</summary>
    ReadAhead = 2,
}
