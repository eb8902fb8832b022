namespace FunctionalWs;

/// <summary>The connections of a loop by number. Added and removed from any thread, found by the loop's.</summary>
internal sealed class SeatList
{
    private readonly Lock gate = new();
    private readonly Stack<int> free = new();
    private LoopSeat?[] seats = [];
    private int used;
    private int generation;
    private bool isClosed;

    /// <summary>How many there are.</summary>
    public int Count { get; private set; }

    /// <summary>Lets nobody in any more, unless somebody is in.</summary>
    public bool TryClose()
    {
        using (gate.Hold())
            return isClosed |= Count == 0;
    }

    /// <summary>Gives a connection a number, and the key that is its own for ever.</summary>
    /// <exception cref="ObjectDisposedException">Nobody is let in any more.</exception>
    public long Add(LoopSeat seat)
    {
        using (gate.Hold())
        {
            ObjectDisposedException.ThrowIf(isClosed, this);
            if (free.Count == 0 && used == seats.Length)
                Array.Resize(ref seats, Math.Max(16, used * 2));
            if (!free.TryPop(out var index))
                index = used++;
            seat.Index = index;
            seat.Generation = generation = generation + 1 & int.MaxValue;
            seats[index] = seat;
            Count++;
            return (long)seat.Generation << 32 | (uint)index;
        }
    }

    /// <summary>The connection of a key; null when it has left.</summary>
    public LoopSeat? Find(long key)
    {
        var all = Volatile.Read(ref seats);
        var index = (int)(uint)key;
        return index < all.Length && all[index] is { } seat && seat.Generation == key >> 32
            ? seat
            : null;
    }

    public void Remove(LoopSeat seat)
    {
        using (gate.Hold())
        {
            seats[seat.Index] = null;
            free.Push(seat.Index);
            Count--;
        }
    }
}
