namespace FunctionalWs.Testing;

/// <summary>Bytes on their way in one direction: cut into pieces, each with a time of arrival.</summary>
internal sealed class SimulatedPipe
{
    private readonly SimulatedLink link;
    private readonly string name;
    private readonly Queue<Fault> faults;
    private readonly Queue<(byte[] Data, long At)> pieces = new();
    private int consumed; // bytes of the first piece
    private long held;
    private long taken; // of the pieces that are gone
    private long written;
    private long lastArrival;
    private bool isEnded;
    private long endAt;
    private bool isBroken;
    private long brokenFrom; // when its writer can know
    private bool isCutOff; // its writer doesn't know of the end

    public SimulatedPipe(SimulatedLink link, StreamDirection direction, string name)
    {
        this.link = link;
        this.name = name;
        faults = new Queue<Fault>(
            link.Conditions.Faults.Where(fault => fault.Direction == direction)
                .OrderBy(fault => fault.AfterBytes)
        );
    }

    /// <summary>When its writer ended it; null as long as it didn't.</summary>
    public long? EndedByWriter { get; private set; }

    /// <summary>When its reader comes to its end; never, as long as it has none.</summary>
    public long EndAt => isEnded ? endAt : long.MaxValue;

    private SimulatedScheduler Scheduler => link.Scheduler;

    /// <summary>True when reading would not wait.</summary>
    public bool IsReadable =>
        isBroken
        || (
            pieces.TryPeek(out var piece)
                ? piece.At <= Scheduler.Now
                : isEnded && endAt <= Scheduler.Now
        );

    /// <summary>Grows with all that comes to be read, and with the end.</summary>
    public long News =>
        taken
        + pieces.Where(piece => piece.At <= Scheduler.Now).Sum(piece => piece.Data.Length)
        + (IsEnding ? 1 : 0);

    /// <summary>True when the end has come, or is behind what has come.</summary>
    public bool IsEnding => isBroken || isEnded && endAt <= Scheduler.Now;

    /// <summary>True when writing would not wait.</summary>
    public bool IsWritable => isEnded || isBroken || held < link.Capacity;

    /// <summary>True when all of so many bytes can be written without waiting.</summary>
    public bool HasRoom(int size) => held + size <= link.Capacity;

    /// <summary>Takes what has arrived, some of it at least; 0 at the end.</summary>
    public int Read(Span<byte> destination)
    {
        var takesAll = link.Conditions.MaxPieceSize == int.MaxValue || link.Random.Next(2) == 0;
        var total = 0;
        while (
            total < destination.Length
            && pieces.TryPeek(out var piece)
            && piece.At <= Scheduler.Now
            && (total == 0 || takesAll)
        )
            total += Take(piece.Data, destination[total..]);
        Scheduler.Note(name, "gives", Amount.Bytes(total));
        return total;
    }

    /// <summary>Takes bytes over, as far as there is room, and tells how many.</summary>
    /// <exception cref="IOException">The direction has ended.</exception>
    public int Write(ReadOnlySpan<byte> source)
    {
        var isOver = isEnded && !isCutOff;
        if (isOver || isBroken && !link.IsBlackHole && Scheduler.Now >= brokenFrom)
            throw new IOException("The connection is broken.");
        if (isCutOff || isBroken)
            return source.Length; // lost
        var total = 0;
        while (total < source.Length && held < link.Capacity && !isBroken && !isEnded)
        {
            var size = PieceSize(source.Length - total);
            Add(source.Slice(total, size).ToArray());
            total += size;
            Strike();
        }
        return total;
    }

    /// <summary>Nothing more is written.</summary>
    public void End()
    {
        isCutOff = false;
        EndedByWriter ??= Scheduler.Now;
        EndOnce();
    }

    private void EndOnce()
    {
        if (isEnded)
            return;
        isEnded = true;
        endAt = link.IsBlackHole ? long.MaxValue : NextArrival();
        Scheduler.Expect(endAt);
        Scheduler.Note(name, "ends, which is seen", Amount.Moment(endAt));
    }

    /// <summary>Nothing more arrives, nor what is under way.</summary>
    public void Break()
    {
        taken += pieces.Sum(piece => piece.Data.Length);
        pieces.Clear();
        Leave(knownAt: Scheduler.Now);
    }

    /// <summary>
    /// Its reader is gone. What is written is lost, and its writer is told no sooner than what the reader has sent has come to it,
    /// as with TCP: the answer to the first bytes that nobody takes comes behind that.
    /// </summary>
    public void Leave(long knownAt)
    {
        brokenFrom = isBroken ? Math.Min(brokenFrom, knownAt) : knownAt;
        isBroken = true;
        Scheduler.Note(name, "is broken");
    }

    /// <summary>What goes wrong before the first byte.</summary>
    public void Strike()
    {
        while (faults.TryPeek(out var fault) && fault.AfterBytes <= written)
        {
            faults.Dequeue();
            Scheduler.Note(name, fault.ToString());
            Strike(fault);
        }
    }

    private void Strike(Fault fault)
    {
        switch (fault.Kind)
        {
            case FaultKind.Reset:
                link.Reset();
                break;
            case FaultKind.BlackHole:
                link.GoSilent();
                break;
            case FaultKind.End:
                isCutOff = !isEnded;
                EndOnce();
                break;
            case FaultKind.Stall:
                var isForEver = fault.Time == Timeout.InfiniteTimeSpan;
                lastArrival = isForEver ? long.MaxValue : Scheduler.Now + fault.Time.Ticks;
                break;
        }
    }

    private int Take(byte[] piece, Span<byte> destination)
    {
        var size = Math.Min(piece.Length - consumed, destination.Length);
        piece.AsSpan(consumed, size).CopyTo(destination);
        consumed += size;
        held -= size;
        if (consumed == piece.Length)
        {
            pieces.Dequeue();
            taken += piece.Length;
            consumed = 0;
        }
        return size;
    }

    /// <summary>Up to the next fault, the size of a piece and the room.</summary>
    private int PieceSize(int wanted)
    {
        var size = Math.Min(wanted, link.Capacity - held);
        if (faults.TryPeek(out var fault))
            size = Math.Min(size, fault.AfterBytes - written);
        var max = link.Conditions.MaxPieceSize;
        return (int)(max == int.MaxValue ? size : Math.Min(size, link.Random.Next(1, max + 1)));
    }

    private void Add(byte[] piece)
    {
        written += piece.Length;
        if (link.IsBlackHole)
        {
            Scheduler.Note(name, "loses", Amount.Bytes(piece.Length), piece);
            return;
        }
        var at = NextArrival();
        pieces.Enqueue((piece, at));
        held += piece.Length;
        Scheduler.Expect(at);
        Scheduler.Note(name, "carries what arrives", Amount.Moment(at), piece);
    }

    private long NextArrival()
    {
        var maxDelay = link.Conditions.MaxDelay.Ticks;
        var at = Scheduler.Now + (maxDelay == 0 ? 0 : link.Random.NextInt64(maxDelay + 1));
        return lastArrival = Math.Max(lastArrival, at);
    }
}
