namespace FunctionalWs;

/// <summary>
/// Clients that got an answer and nothing else. They have a moment to read it: closing a stream with unread input would
/// take the answer back. At most so many at a time; further ones are closed at once.
/// </summary>
/// <param name="clock">What the moment is measured with.</param>
/// <param name="scheduler">How threads wait.</param>
/// <param name="maxCount">How many may be here: each takes a descriptor beside those of the connections.</param>
internal sealed class TurnedAway(TimeProvider clock, Scheduler scheduler, int maxCount)
{
    private const int MaxBytes = 64 * 1024;

    private readonly Lock gate = new();
    private readonly List<Visitor> visitors = [];
    private readonly byte[] discarded = new byte[4096]; // the watcher's
    private bool isClosed;

    public bool IsEmpty
    {
        get
        {
            scheduler.Await(gate);
            using (gate.Hold())
                return visitors.Count == 0;
        }
    }

    /// <summary>Takes over a stream whose sending side was shut down.</summary>
    public void Add(Transport transport)
    {
        var until = Deadline.After(clock, Opening.LingerTime);
        scheduler.Await(gate);
        using (gate.Hold())
        {
            if (visitors.Count < maxCount && !isClosed)
            {
                visitors.Add(new Visitor(transport, until));
                return;
            }
        }
        transport.Dispose();
    }

    /// <summary>Closes those that have left and those whose time is up. For the watcher; never waits.</summary>
    public void Look(bool isEnding)
    {
        var left = Here().FindAll(visitor => isEnding && visitor.Close() || HasLeft(visitor));
        if (left.Count == 0)
            return;
        scheduler.Await(gate);
        using (gate.Hold())
            visitors.RemoveAll(left.Contains);
    }

    // Neither the clock nor transports are called under the lock.
    private List<Visitor> Here()
    {
        scheduler.Await(gate);
        using (gate.Hold())
            return [.. visitors];
    }

    /// <summary>There is no watcher any more: closes them all, and who comes later at once.</summary>
    public void Close()
    {
        List<Visitor> here;
        scheduler.Await(gate);
        using (gate.Hold())
        {
            isClosed = true;
            here = [.. visitors];
            visitors.Clear();
        }
        here.ForEach(visitor => visitor.Close());
    }

    private bool HasLeft(Visitor visitor)
    {
        var transport = visitor.Transport;
        while (transport.IsReadable)
        {
            var size = transport.Read(discarded);
            visitor.Discarded += size;
            if (size <= 0 || visitor.Discarded > MaxBytes)
                return visitor.Close();
        }
        return visitor.Until.HasPassed && visitor.Close();
    }

    private sealed class Visitor(Transport transport, Deadline until)
    {
        public Transport Transport => transport;

        public Deadline Until => until;

        public int Discarded { get; set; }

        public bool Close()
        {
            transport.Dispose();
            return true;
        }
    }
}
