using System.Net.Sockets;
using FunctionalWs.Protocol;

namespace FunctionalWs;

/// <content>For whoever watches over the connection, and its end.</content>
public abstract partial class WebSocketConnection
{
    // What has become of the opening handshake: null while it is under way, an exception when it was given up, and this when it is over.
    private static readonly object IsOver = new();

    private object? openingEnd;
    private protected long abortAt = long.MaxValue; // of the opening handshake
    private protected volatile Exception? abortReason;
    private protected Exception? failure; // what the handler threw, or else went wrong
    private protected IDisposable? scope;

    /// <summary>What the watcher asks the kernel about; null when the transport must be asked itself.</summary>
    internal Socket? Socket => transport.PollSocket;

    /// <summary>Where the watcher keeps this connection; its own.</summary>
    internal int WatcherIndex { get; set; }

    /// <summary>True while it is among those at which the watcher looks in quick succession.</summary>
    internal volatile bool IsHastened;

    /// <summary>The watcher's own: how many of those looks are left.</summary>
    internal int UrgentLooks { get; set; }

    /// <summary>True on the connection's own thread: a handler that asks.</summary>
    internal bool IsOwnThread => ownThread == Environment.CurrentManagedThreadId;

    /// <summary>Where it has its turns; null while a thread of its own serves it.</summary>
    internal Seat? Seat { get; private protected set; }

    /// <summary>True once it was cut because its closing took too long.</summary>
    internal bool WasOverdue => driver.Vitals.WasOverdue;

    /// <summary>Ends the connection without a word.</summary>
    internal void Abort(Exception reason)
    {
        abortReason = reason;
        driver.Break(reason);
    }

    /// <summary>Why the stream ended before the connection was open; null when the peer ended it.</summary>
    internal Exception? OpeningFailure =>
        Volatile.Read(ref openingEnd) as Exception ?? abortReason ?? transport.Failure;

    /// <summary>
    /// Gives the opening handshake up, unless it is over: a connection that somebody was told is open doesn't end for having been
    /// late, or no longer wanted, a moment before.
    /// </summary>
    internal void AbortOpening(Exception reason)
    {
        Scheduler.Meet(this, Access.Write);
        if (Interlocked.CompareExchange(ref openingEnd, reason, null) is null)
            Abort(reason);
    }

    /// <summary>The opening handshake is over; false when it was given up before that.</summary>
    private protected bool TryEndOpening()
    {
        Scheduler.Meet(this, Access.Write);
        if (Interlocked.CompareExchange(ref openingEnd, IsOver, null) is not null)
            return false;
        (transport as TlsTransport)?.RefuseHandshakes();
        return true;
    }

    /// <summary>What the watcher does for the connection, without waiting.</summary>
    /// <param name="now">The clock's time.</param>
    /// <param name="isTimed">False in a look between two others that are timed: deadlines needn't be looked at so often.</param>
    internal Attention Attend(long now, bool isTimed)
    {
        Scheduler.Meet(this, Access.Read);
        if (!isOpened)
        {
            if (now >= Volatile.Read(ref abortAt) && !driver.IsBroken)
                AbortOpening(new TimeoutException("The opening handshake took too long."));
            return Attention.None;
        }
        if (isEnded)
            return Attention.None; // it is among the urgent ones for some looks more

        if (isTimed)
        {
            CountMessages();
            driver.Vitals.Look(now);
            Age(now);
        }
        // In a long turn of a loop, too, as long as that has no other thread.
        if (Seat is { } seat)
            Scheduler.Meet(seat, Access.Read);
        var isUnattended =
            (Seat is null or { IsAway: true } || Volatile.Read(ref ownThread) != 0)
            && driver.Receiver.IsUnattended();
        return (driver.Vitals.Flush() ? Attention.Soon : Attention.None)
            | (isUnattended ? Attention.ReadAhead : Attention.None);
    }

    /// <summary>Closes a connection that has lived long enough. By the watcher; never waits.</summary>
    private protected virtual void Age(long now) { }

    /// <summary>See <see cref="Receiver.ReadAhead"/>.</summary>
    internal long ReadAhead(bool isReadable, out bool mayHaveMore)
    {
        var work = driver.Receiver.ReadAhead(isReadable, out mayHaveMore);
        if (work > 0 && Seat is { } seat)
            seat.Nudge();
        return work;
    }

    // ---- The end

    // Made once, so that they need no memory when there may be none left: see Guard.
    private protected static readonly Action<WebSocketConnection, Exception> LifeFailed = (
        connection,
        error
    ) => connection.Fail(error);

    /// <summary>How a connection ends: each step, whatever becomes of those before it.</summary>
    private static readonly Action<WebSocketConnection>[] Ends =
    [
        connection => connection.driver.Receiver.TakeRest(connection.isOpened),
        connection => connection.driver.Receiver.End(),
        connection => connection.driver.EndWaiting(),
        connection => connection.EndMeasuring(connection.failure),
        connection => connection.transport.Dispose(),
        connection => connection.ReleaseExtensions(),
        connection => connection.scope?.Dispose(),
    ];

    /// <summary>Gives back all that the connection holds. Never throws.</summary>
    private protected void End()
    {
        Scheduler.Meet(this, Access.Write);
        isEnded = true;
        foreach (var step in Ends)
            Guard.Run(this, step, LifeFailed);
    }

    /// <summary>What nothing accounts for, whoever met with it: the connection is cut. Told once.</summary>
    internal void Fail(Exception error)
    {
        if (Interlocked.CompareExchange(ref failure, error, null) is not null && driver.IsBroken)
            return;
        Abort(error);
        log.ConnectionFailed(error);
    }

    private void ReleaseExtensions()
    {
        try
        {
            foreach (var failure in driver.ReleaseExtensions())
                log.ExtensionNotReleased(failure.Extension, failure.Error);
        }
        catch (Exception error)
        {
            log.ConnectionFailed(error);
        }
    }

    /// <summary>Tells the log how it has ended.</summary>
    private protected void LogEnd()
    {
        if (driver.Extensions.Failure is { } failure)
            log.ExtensionFailed(failure.Method, failure.Extension, failure.Error);
        var ending = driver.Ending;
        log.ConnectionClosed(this, ending);
        if (ending is not { IsOk: true } && Recording is { } recording)
            log.ConnectionRecorded(recording);
    }

    // ---- What is measured

    /// <summary>True while its messages are counted.</summary>
    internal bool IsCountingMessages => driver.IsCounting;

    /// <summary>
    /// Begins to count messages when somebody has begun to listen: when the connection opens, and for the watcher later on.
    /// </summary>
    private protected void CountMessages()
    {
        if (driver.IsCounting || !metrics.AreMessagesCounted)
            return;
        driver.BeginCounting();
        Interlocked.MemoryBarrier(); // either this sees the connection's end, or the end sees the counting
        Scheduler.Meet(this, Access.Read);
        if (isEnded)
            driver.EndCounting();
    }

    /// <param name="failure">What the handler threw; null for nothing.</param>
    private protected abstract void EndMeasuring(Exception? failure);
}
