namespace FunctionalWs.Testing;

/// <summary>What a loop in a simulation is told of: streams on which something has come since the last time.</summary>
internal sealed class SimulatedReadiness(SimulatedScheduler scheduler) : Readiness
{
    private const uint Readable = 1;
    private const uint PeerHangUp = 0x2000;
    private const long Wakening = -1;

    private readonly List<Listened> listened = [];
    private bool isWoken;

    public override void Listen(LoopSeat seat, long key)
    {
        Scheduler.Meet(this, Access.Write);
        listened.Add(new Listened(seat, key));
    }

    public override void Forget(LoopSeat seat)
    {
        Scheduler.Meet(this, Access.Write);
        listened.RemoveAll(each => each.Seat == seat);
    }

    public override int Wait(Span<Epoll.Change> changes, bool waits)
    {
        scheduler.Block(
            () => isWoken || listened.Exists(each => each.HasNews),
            waits ? long.MaxValue : scheduler.Now,
            "changes",
            new(this, Access.Write)
        );
        var count = 0;
        if (isWoken)
            changes[count++] = Epoll.Change.Of(Readable, Wakening);
        isWoken = false;
        foreach (var each in listened)
        {
            if (count < changes.Length && each.HasNews)
                changes[count++] = each.Take();
        }
        return count;
    }

    public override void Wake()
    {
        Scheduler.Meet(this, Access.Write);
        isWoken = true;
    }

    public override void Dispose() { }

    private sealed class Listened(LoopSeat seat, long key)
    {
        private readonly SimulatedTransport transport = Of(seat.Transport);
        private long seen;

        public LoopSeat Seat => seat;

        public bool HasNews => transport.News > seen;

        public Epoll.Change Take()
        {
            seen = transport.News;
            return Epoll.Change.Of(Readable | (transport.IsEnding ? PeerHangUp : 0), key);
        }

        private static SimulatedTransport Of(Transport transport) =>
            transport is ObservedTransport observed
                ? Of(observed.Inner)
                : (SimulatedTransport)transport;
    }
}
