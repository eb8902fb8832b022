using System.Diagnostics;
using System.Net.Sockets;

namespace FunctionalWs;

/// <summary>
/// One thread for the whole server: it does what must happen while a handler is elsewhere (reads ahead, answers pings,
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

    private readonly TimeProvider clock;
    private readonly Scheduler scheduler;
    private readonly TurnedAway turnedAway;
    private readonly Action<ServerConnection, Exception> failed;
    private readonly ServerMetrics metrics;
    private readonly Lock gate = new();
    private readonly List<ServerConnection> connections = [];
    private readonly List<ServerConnection> hastened = []; // marked, and not yet among the urgent ones
    private readonly List<ServerConnection> urgent = [];
    private readonly List<ServerConnection> pass = [];
    private readonly List<(ServerConnection Connection, Socket? Socket)> unattended = [];
    private readonly List<Socket> sockets = [];
    private readonly AutoResetEvent wake = new(false);
    private volatile bool isCalm = true;
    private volatile bool isHastened;
    private volatile bool isEnding;
    private int urgentPasses; // since the last one over all connections
    private int looked; // in that one

    /// <param name="clock">What deadlines are measured with.</param>
    /// <param name="scheduler">What its thread runs and waits on.</param>
    /// <param name="turnedAway">Clients to get rid of.</param>
    /// <param name="failed">Told of a connection whose attendance threw, which is a bug; it must not throw.</param>
    /// <param name="metrics">Told how long a pass takes.</param>
    public Watcher(
        TimeProvider clock,
        Scheduler scheduler,
        TurnedAway turnedAway,
        Action<ServerConnection, Exception> failed,
        ServerMetrics metrics
    )
    {
        this.clock = clock;
        this.scheduler = scheduler;
        this.turnedAway = turnedAway;
        this.failed = failed;
        this.metrics = metrics;
        scheduler.Start("FunctionalWs watcher", Run);
    }

    public void Add(ServerConnection connection)
    {
        bool isFirst;
        lock (gate)
        {
            isFirst = connections.Count == 0;
            connection.WatcherIndex = connections.Count;
            connections.Add(connection);
        }
        if (isFirst)
            wake.Set(); // without connections it sleeps
    }

    public void Remove(ServerConnection connection)
    {
        lock (gate)
        {
            var last = connections[^1];
            connections[connection.WatcherIndex] = last;
            last.WatcherIndex = connection.WatcherIndex;
            connections.RemoveAt(connections.Count - 1);
        }
    }

    /// <summary>Asks for looks at a connection in quick succession, as long as there is something urgent about it.</summary>
    public void Hasten(ServerConnection connection) => Hasten(connection, LooksUntilCalm);

    private void Hasten(ServerConnection connection, int looks)
    {
        Interlocked.MemoryBarrier(); // the watcher unmarks it, then looks once more
        if (connection.IsHastened)
            return;
        lock (gate)
        {
            if (connection.IsHastened)
                return;
            connection.IsHastened = true;
            connection.UrgentLooks = looks;
            hastened.Add(connection);
        }
        Hasten();
    }

    /// <summary>Asks for passes in quick succession, as long as there is something urgent.</summary>
    public void Hasten()
    {
        isHastened = true;
        Interlocked.MemoryBarrier(); // the watcher writes and reads these two in the other order
        if (!isCalm)
            return;
        isCalm = false;
        wake.Set();
    }

    /// <summary>Ends the watching once the last connection is gone.</summary>
    public void EndWhenEmpty()
    {
        isEnding = true;
        wake.Set();
    }

    private void Run()
    {
        while (!isEnding || !IsEmpty)
        {
            isCalm = !MeasuredPass();
            turnedAway.Look(isEnding);
            NativeHeap.Trim();
            Interlocked.MemoryBarrier();
            scheduler.Yield();
            scheduler.Wait(wake, NextWait());
        }
    }

    private bool IsEmpty
    {
        get
        {
            if (!turnedAway.IsEmpty)
                return false;
            lock (gate)
                return connections.Count == 0;
        }
    }

    // Without connections it sleeps until there is one; at the end it looks now and then whether the last has gone.
    private TimeSpan NextWait() =>
        !isCalm || isHastened ? Hurry
        : IsEmpty && !isEnding ? Timeout.InfiniteTimeSpan
        : FullWait;

    private TimeSpan FullWait => Calm * Math.Clamp(looked / ConnectionsPerPass, 1, MaxSlowdown);

    private bool MeasuredPass()
    {
        if (!metrics.ArePassesMeasured)
            return Pass();
        var start = clock.GetTimestamp();
        var isUrgent = Pass();
        metrics.WatcherPassed(clock.GetElapsedTime(start));
        return isUrgent;
    }

    /// <summary>Looks at every connection, or at the urgent ones; true when there are such.</summary>
    private bool Pass()
    {
        var isUrgent = isHastened;
        isHastened = false;
        Choose();
        var now = clock.GetTimestamp();
        foreach (var connection in pass)
            Look(connection, now);
        ReadAhead();
        pass.Clear();
        ForgetCalm(now);
        return isUrgent || urgent.Count > 0;
    }

    /// <summary>
    /// Takes over what was hastened, and chooses whom to look at: among thousands of connections a few that are urgent must not
    /// cost a look at all of them every time.
    /// </summary>
    private void Choose()
    {
        var isFull = isCalm || ++urgentPasses >= (int)(FullWait / Hurry);
        lock (gate)
        {
            urgent.AddRange(hastened);
            hastened.Clear();
            pass.AddRange(isFull ? connections : urgent);
        }
        if (!isFull)
            return;
        urgentPasses = 0;
        looked = pass.Count;
    }

    private void Look(ServerConnection connection, long now)
    {
        if (!Guarded(connection, now))
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
            connection.IsHastened = false;
            Interlocked.MemoryBarrier(); // whoever has found it marked has done before what this look finds
            Look(connection, now);
        }
        ReadAhead();
    }

    private bool Guarded(ServerConnection connection, long now)
    {
        try
        {
            var attention = connection.Attend(now);
            if (attention.HasFlag(Attention.ReadAhead))
                unattended.Add((connection, connection.Socket));
            return attention.HasFlag(Attention.Soon);
        }
        catch (Exception error)
        {
            failed(connection, error);
            return false;
        }
    }

    /// <summary>Asks the kernel once which of the unattended connections have input.</summary>
    private void ReadAhead()
    {
        foreach (var (_, socket) in unattended)
        {
            if (socket is not null)
                sockets.Add(socket);
        }
        SelectReadable();
        var next = 0;
        foreach (var (connection, socket) in unattended)
        {
            // What is left in the list are the readable ones, in the order in which they were.
            var isReadable =
                socket is null || next < sockets.Count && ReferenceEquals(sockets[next], socket);
            if (socket is not null && isReadable)
                next++;
            ReadAhead(connection, isReadable);
        }
        sockets.Clear();
        unattended.Clear();
    }

    private void ReadAhead(ServerConnection connection, bool isReadable)
    {
        try
        {
            if (!connection.ReadAhead(isReadable))
                return;
            connection.UrgentLooks = Math.Max(connection.UrgentLooks, LooksAfterInput);
            Hasten(connection, LooksAfterInput);
        }
        catch (Exception error)
        {
            failed(connection, error);
        }
    }

    private void SelectReadable()
    {
        if (sockets.Count == 0)
            return;
        try
        {
            Socket.Select(sockets, null, null, 0);
        }
        catch (Exception error) when (error is SocketException or ObjectDisposedException)
        {
            // One of them was just closed: all count as readable this time, and each is asked again before it is read.
            Debug.Assert(sockets.Count > 0);
        }
    }
}

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
