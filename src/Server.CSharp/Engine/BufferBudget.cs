namespace FunctionalWs;

/// <summary>
/// The bytes that wait in a server, over all its connections: received and not taken by a handler, broadcast and not sent.
/// When they are too many, reading pauses, the newest connections first. Safe from any thread; counting takes no lock.
/// </summary>
/// <param name="limit">The most bytes that may wait; each connection may have a little more.</param>
internal sealed class BufferBudget(long limit)
{
    // Ranks are renewed when so many of the connections have changed: one in eight.
    private const int Staleness = 8;

    private readonly Lock gate = new();
    private readonly List<BufferShare?> shares = []; // the oldest first; null for those that have ended
    private int changes; // since they were ranked
    private long used;
    private volatile BufferShare? favoured;

    /// <summary>The bytes that wait.</summary>
    public long Used
    {
        get
        {
            Scheduler.Meet(this, Access.Read);
            return Interlocked.Read(ref used);
        }
    }

    /// <summary>True when nothing more should wait that need not.</summary>
    public bool IsExceeded => Used > limit;

    /// <summary>So many bytes more wait; less, if negative.</summary>
    public void Add(long bytes)
    {
        Scheduler.Meet(this, Access.Write);
        Interlocked.Add(ref used, bytes);
    }

    /// <summary>A connection begins.</summary>
    public BufferShare Open()
    {
        using (gate.Hold())
        {
            var share = new BufferShare(this) { Rank = shares.Count };
            shares.Add(share);
            Changed();
            return share;
        }
    }

    /// <summary>A connection has ended.</summary>
    public void Close(BufferShare share)
    {
        using (gate.Hold())
        {
            shares[share.Rank] = null;
            if (ReferenceEquals(favoured, share))
                favoured = null;
            Changed();
        }
    }

    /// <summary>
    /// True when a connection that holds much may read on. From half of the limit on the newest may not, then older ones; at the
    /// limit only the oldest of those that hold much, so that one can always complete its message.
    /// </summary>
    public bool MayGrow(BufferShare share)
    {
        var half = limit / 2;
        var excess = Used - half;
        return excess <= 0 || excess <= (limit - half) * share.Seniority || IsFavoured(share);
    }

    private bool IsFavoured(BufferShare share)
    {
        if (!share.HoldsMuch)
            return false; // nor is anybody looked for: each read of all connections would look through all of them
        var first = favoured;
        if (first is null || !first.HoldsMuch)
            first = FindFavoured();
        return ReferenceEquals(first, share);
    }

    private BufferShare? FindFavoured()
    {
        using (gate.Hold())
            return favoured = shares.Find(share => share is { HoldsMuch: true });
    }

    private void Changed()
    {
        if (++changes <= shares.Count / Staleness)
            return;
        shares.RemoveAll(share => share is null);
        for (var rank = 0; rank < shares.Count; rank++)
            shares[rank]!.Rank = rank;
        foreach (var share in shares)
            share!.Seniority = (double)(shares.Count - share.Rank) / (shares.Count + 1);
        changes = 0;
    }
}

/// <summary>What one connection has of a <see cref="BufferBudget"/>.</summary>
internal sealed class BufferShare(BufferBudget budget) : IDisposable
{
    /// <summary>
    /// What a connection may have unread whatever others have, in bytes: enough for small messages, so that who sends no others
    /// is served while others hold too much.
    /// </summary>
    public const int Floor = 16 * 1024;

    private long unread;
    private bool isClosed;

    /// <summary>Its place among all, the oldest first. The budget's.</summary>
    internal int Rank { get; set; }

    /// <summary>From 0 for one that is too new to have been counted, to nearly 1 for the oldest. The budget's.</summary>
    internal double Seniority { get; set; }

    /// <summary>True while it has more than <see cref="Floor"/>.</summary>
    internal bool HoldsMuch => Volatile.Read(ref unread) > Floor;

    /// <summary>
    /// Tells how much of the connection waits unread, and asks how much may be read on top of it. One call at a time: by the
    /// holder of the read gate, before each read.
    /// </summary>
    /// <param name="waiting">The bytes that wait: messages, fragments, and what lies in the receive buffer, with what they cost.</param>
    /// <returns>The most bytes that may be read now; 0 to pause until a later call allows it.</returns>
    public int MayRead(long waiting)
    {
        if (isClosed)
            return 0; // what is left is the application's, and nobody would give it back
        Set(waiting);
        if (budget.MayGrow(this))
            return ReceiveBuffer.MaxReadSize;
        return HoldsMuch ? 0 : ReceiveBuffer.MinReadSize;
    }

    /// <summary>The connection has ended. Not while <see cref="MayRead"/> is called; more than once does no harm.</summary>
    public void Dispose()
    {
        if (isClosed)
            return;
        isClosed = true;
        Set(0);
        budget.Close(this);
    }

    private void Set(long waiting)
    {
        budget.Add(waiting - unread);
        Volatile.Write(ref unread, waiting);
    }
}
