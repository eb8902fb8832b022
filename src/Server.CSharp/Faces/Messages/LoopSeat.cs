namespace FunctionalWs;

/// <summary>A connection's place in a loop. Whoever runs the loop owns it, but for what is said to be others'.</summary>
internal sealed class LoopSeat(MessageLoop loop, ServerConnection connection) : Seat
{
    public ServerConnection Connection => connection;

    public override void Nudge() => loop.Nudge(this);

    /// <summary>Its transport, to be told what has come.</summary>
    public required Transport Transport { get; init; }

    /// <summary>Where the loop keeps it. Guarded by the loop's list.</summary>
    public int Index { get; set; }

    /// <summary>Tells it from those that had the place before.</summary>
    public int Generation { get; set; }

    /// <summary>What the kernel calls it.</summary>
    public nint Socket { get; set; }

    /// <summary>Made once: a task that ends brings it back.</summary>
    public Action Return => field ??= () => loop.Post(this);

    /// <summary>What its turn has left. Of whoever has the turn.</summary>
    public TurnResult Result { get; set; }

    /// <summary>True while it is among those that left something.</summary>
    public bool IsInMore { get; set; }

    /// <summary>True once the connection has ended.</summary>
    public volatile bool IsOver;
}
