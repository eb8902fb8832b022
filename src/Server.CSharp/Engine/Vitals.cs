using FunctionalWs.Protocol;

namespace FunctionalWs;

/// <summary>
/// What the watcher looks at in a connection: its deadlines, its keepalive and output that waits. Used by the watcher's
/// thread only, or by whoever does its work, but for <see cref="WasOverdue"/>.
/// </summary>
internal sealed class Vitals
{
    /// <summary>
    /// How often nothing is found of a peer that is overdue until it is given up. A thread that the kernel has given bytes to may
    /// take a while until it can say so: on a busy machine, after a pause of the process, or while garbage is collected.
    /// </summary>
    public const int LooksInVain = 5;

    private readonly Driver driver;
    private readonly FrameOutput output;
    private readonly ConnectionOptions options;
    private PendingPing? ping; // the keepalive's last one
    private int looksInVain; // since the peer is overdue
    private DeflateExtension? deflate;
    private Stall quiet;

    public Vitals(Driver driver, FrameOutput output, ConnectionOptions options)
    {
        this.driver = driver;
        this.output = output;
        this.options = options;
    }

    /// <summary>Compression was agreed on, or not.</summary>
    public void Watch(DeflateExtension? deflate)
    {
        this.deflate = deflate;
        quiet = new Stall(Ticks(deflate?.QuietTime));
    }

    /// <summary>True once the connection was cut because its closing took too long. Read by its own thread, at its end.</summary>
    public bool WasOverdue { get; private set; }

    /// <summary>Does what is due; never waits.</summary>
    public void Look(long now)
    {
        if (driver.IsClosed || driver.IsBroken)
            return;
        Do(DueAt(now));
        LookAtCompression(now);
    }

    /// <summary>Writes what waits, as far as that goes without waiting. True while the watcher should look again soon.</summary>
    public bool Flush()
    {
        if (driver.IsClosed || driver.IsBroken)
            return false;
        // The end, too, may have been written by a thread that only sends.
        if (output.HasWork || output.IsEnded)
            driver.TryFlushOutput();
        else
            driver.ReleaseSenders(); // another call may have written the last of it
        return output.HasWork && !output.IsStuck;
    }

    /// <summary>What is due. What has come and isn't read yet is a sign of life, too: after a pause of this process much may wait.</summary>
    private Due DueAt(long now)
    {
        var due = driver.Tick(now, unread: 0);
        var isPeers = due is { IsPassed: true, Limit: { IsPing: true } or { IsMessage: true } };
        return isPeers && driver.Unread is > 0 and var unread ? driver.Tick(now, unread) : due;
    }

    private void Do(Due due)
    {
        if (due is not { IsPassed: true, Limit.IsPing: true })
            looksInVain = 0;
        if (due.IsPing)
            SendPing();
        else if (due.IsPassed)
            GiveUp(due.Limit);
    }

    private void GiveUp(Overdue limit)
    {
        if (limit.IsClosing)
        {
            WasOverdue = true;
            Break(Invariant($"The peer did not close within {options.CloseTimeout}."));
        }
        else if (limit.IsSending)
            Break(Invariant($"The peer did not read within {options.SendTimeout}."));
        else if (limit.IsMessage)
            driver.Fail(
                CloseStatus.Create(CloseCode.PolicyViolation, "message took too long"),
                new TimeoutException(
                    Invariant($"A message was not complete within {options.MessageTimeout}.")
                )
            );
        else if (limit.IsPing && ++looksInVain == LooksInVain)
            Break(
                Invariant(
                    $"Keepalive: nothing was received within {options.PingTimeout} of a ping."
                )
            );
    }

    private void Break(string why) => driver.Break(new TimeoutException(why));

    private void SendPing()
    {
        // At most one waits, so that a peer that never answers costs nothing.
        if (ping is not null)
            driver.Pings.Remove(ping);
        Span<byte> payload = stackalloc byte[8];
        options.Scheduler.Fill(payload);
        ping = driver.Pings.Add(ControlPayload.Create(payload));
        driver.PostPing(ping.Payload);
    }

    private void LookAtCompression(long now)
    {
        if (deflate is not null && quiet.HasLasted(deflate.HoldsHistory, deflate.Messages, now))
            output.TryDropHistory();
    }

    private long Ticks(TimeSpan? span) => Deadline.Ticks(options.TimeProvider, span);
}
