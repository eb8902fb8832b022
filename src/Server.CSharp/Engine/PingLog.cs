using FunctionalWs.Protocol;

namespace FunctionalWs;

/// <summary>Pings that wait for their pongs, in the order in which they were sent. Safe from any thread.</summary>
internal sealed class PingLog(TimeProvider clock, Scheduler scheduler)
{
    private readonly List<PendingPing> pending = [];
    private bool isClosed;
    private long latencyTicks;

    /// <summary>From the last ping answered to its pong; zero before the first.</summary>
    public TimeSpan Latency => new(Interlocked.Read(ref latencyTicks));

    /// <summary>Notes a ping before it is sent.</summary>
    /// <exception cref="ConcurrencyException">A ping with the same payload is not answered yet.</exception>
    public PendingPing Add(ControlPayload payload)
    {
        var sentAt = clock.GetTimestamp(); // the clock is the application's: not under the lock
        using (pending.HoldMonitor())
        {
            if (pending.Exists(ping => ping.Payload.Equals(payload)))
                throw new ConcurrencyException(
                    "A ping with the same payload is still waiting for its pong."
                );
            var ping = new PendingPing(payload, sentAt, scheduler);
            if (isClosed)
                ping.Complete(isAnswered: false);
            else
                pending.Add(ping);
            return ping;
        }
    }

    /// <summary>Forgets a ping that could not be sent.</summary>
    public void Remove(PendingPing ping)
    {
        using (pending.HoldMonitor())
        {
            if (pending.Remove(ping))
                ping.Complete(isAnswered: false);
        }
    }

    /// <summary>
    /// Takes a pong: it answers the ping with its payload and all sent before that (RFC 6455 §5.5.3). Tells how long that took;
    /// null when nobody asked.
    /// </summary>
    public TimeSpan? Answer(ControlPayload payload)
    {
        var now = clock.GetTimestamp();
        var answered = TakeUntil(payload);
        if (answered.Count == 0)
            return null; // nobody asked
        var latency = clock.GetElapsedTime(answered[^1].SentAt, now);
        latency = latency > TimeSpan.Zero ? latency : TimeSpan.Zero;
        Interlocked.Exchange(ref latencyTicks, latency.Ticks);
        answered.ForEach(ping => ping.Complete(isAnswered: true));
        return latency;
    }

    private List<PendingPing> TakeUntil(ControlPayload payload)
    {
        using (pending.HoldMonitor())
        {
            var count = pending.FindIndex(ping => ping.Payload.Equals(payload)) + 1;
            var taken = pending.GetRange(0, count);
            pending.RemoveRange(0, count);
            return taken;
        }
    }

    /// <summary>Completes all that wait, unanswered.</summary>
    public void Close()
    {
        using (pending.HoldMonitor())
        {
            isClosed = true;
            pending.ForEach(ping => ping.Complete(isAnswered: false));
            pending.Clear();
        }
    }
}
