using FunctionalWs.Protocol;

namespace FunctionalWs;

/// <summary>
/// What the watcher looks at in a connection: its deadlines, its keepalive and output that waits. Used by the watcher's
/// thread only, but for <see cref="Start"/> and <see cref="WasOverdue"/>.
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
    private readonly ServerOptions options;
    private readonly Keepalive keepalive;
    private PendingPing? ping; // the keepalive's last one
    private int looksInVain; // since the peer is overdue
    private Stall sending;
    private Stall arriving;
    private DeflateExtension? deflate;
    private Stall quiet;

    public Vitals(Driver driver, FrameOutput output, ServerOptions options)
    {
        this.driver = driver;
        this.output = output;
        this.options = options;
        keepalive = new Keepalive(Ticks(options.PingInterval), Ticks(options.PingTimeout));
        sending = new Stall(Ticks(options.SendTimeout));
        arriving = new Stall(Ticks(options.MessageTimeout));
    }

    /// <summary>Compression was agreed on, or not.</summary>
    public void Watch(DeflateExtension? deflate)
    {
        this.deflate = deflate;
        quiet = new Stall(Ticks(deflate?.QuietTime));
    }

    /// <summary>True once the connection was cut because its closing took too long. Read by its own thread, at its end.</summary>
    public bool WasOverdue { get; private set; }

    /// <summary>The connection opens.</summary>
    public void Start() => keepalive.Start(options.TimeProvider.GetTimestamp());

    /// <summary>Does what is due; never waits. True while the watcher should look again soon.</summary>
    public bool Look(long now)
    {
        if (driver.IsClosed || driver.IsBroken)
            return false;
        if (driver.IsCloseOverdue(now))
            BreakOverdue();
        if (driver.IsOpen)
            LookAtKeepalive(now);
        LookAtSending(now);
        LookAtMessage(now);
        LookAtCompression(now);
        // The end, too, may have been written by a thread that only sends.
        if (output.HasWork || output.IsEnded)
            driver.TryFlushOutput();
        return output.HasWork && !output.IsStuck;
    }

    private void BreakOverdue()
    {
        WasOverdue = true;
        driver.Break(
            new TimeoutException($"The peer did not close within {options.CloseTimeout}.")
        );
    }

    private void LookAtKeepalive(long now)
    {
        var step = keepalive.Look(now, driver.Input.Reads, driver.Receiver.IsHeldUp);
        if (step != KeepaliveStep.GiveUp)
            looksInVain = 0;
        switch (step)
        {
            case KeepaliveStep.Ping:
                SendPing();
                break;
            // What has come and isn't read yet is a sign of life, too: after a pause of this process much may wait.
            case KeepaliveStep.GiveUp when !driver.HasInput && ++looksInVain == LooksInVain:
                driver.Break(
                    new TimeoutException(
                        $"Keepalive: nothing was received within {options.PingTimeout} of a ping."
                    )
                );
                break;
        }
    }

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

    private void LookAtSending(long now)
    {
        var writes = output.Writes;
        if (sending.HasLasted(int.IsOddInteger(writes), writes, now))
            driver.Break(
                new TimeoutException($"The peer did not read within {options.SendTimeout}.")
            );
    }

    private void LookAtMessage(long now)
    {
        var input = driver.Input;
        var isArriving = input.IsInMessage && driver.IsOpen && !driver.Receiver.IsHeldUp;
        if (arriving.HasLasted(isArriving, input.Messages, now))
            driver.Fail(
                CloseStatus.Create(CloseCode.PolicyViolation, "message took too long"),
                new TimeoutException($"A message was not complete within {options.MessageTimeout}.")
            );
    }

    private void LookAtCompression(long now)
    {
        if (deflate is not null && quiet.HasLasted(deflate.HoldsHistory, deflate.Messages, now))
            output.TryDropHistory();
    }

    private long Ticks(TimeSpan? span) => Deadline.Ticks(options.TimeProvider, span);
}
