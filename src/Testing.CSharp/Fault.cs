namespace FunctionalWs.Testing;

/// <summary>
/// Something that goes wrong on the way between one client and the server, at a byte of one direction; the opening handshake
/// counts. Immutable. To be put into <see cref="NetworkConditions.Faults"/>.
/// </summary>
public sealed record Fault
{
    private Fault(FaultKind kind, StreamDirection direction, long afterBytes, TimeSpan time)
    {
        if (!Enum.IsDefined(direction))
            throw new ArgumentOutOfRangeException(nameof(direction), direction, "No direction.");
        ArgumentOutOfRangeException.ThrowIfNegative(afterBytes);
        Kind = kind;
        Direction = direction;
        AfterBytes = afterBytes;
        Time = time;
    }

    /// <summary>The direction whose bytes are counted.</summary>
    public StreamDirection Direction { get; }

    /// <summary>How many bytes of that direction come through before it: 0 or more.</summary>
    public long AfterBytes { get; }

    internal FaultKind Kind { get; }

    /// <summary>How long a stall lasts.</summary>
    internal TimeSpan Time { get; }

    /// <summary>
    /// The connection is reset, in both directions: what is under way is lost, writing fails, reading ends at once.
    /// </summary>
    /// <param name="direction">The direction whose bytes are counted.</param>
    /// <param name="afterBytes">How many bytes come through before it: 0 or more.</param>
    /// <exception cref="ArgumentOutOfRangeException">An argument is out of its range.</exception>
    public static Fault Reset(StreamDirection direction, long afterBytes) =>
        new(FaultKind.Reset, direction, afterBytes, default);

    /// <summary>
    /// The direction ends, as if its writer had shut it down: its reader reads the end, and what is written later is lost. The
    /// other direction goes on.
    /// </summary>
    /// <param name="direction">The direction that ends.</param>
    /// <param name="afterBytes">How many bytes come through before it: 0 or more.</param>
    /// <exception cref="ArgumentOutOfRangeException">An argument is out of its range.</exception>
    public static Fault End(StreamDirection direction, long afterBytes) =>
        new(FaultKind.End, direction, afterBytes, default);

    /// <summary>
    /// Both directions go silent for ever, as when a cable is pulled: what is written is lost, and nobody is told, not even of
    /// the end.
    /// </summary>
    /// <param name="direction">The direction whose bytes are counted.</param>
    /// <param name="afterBytes">How many bytes come through before it: 0 or more.</param>
    /// <exception cref="ArgumentOutOfRangeException">An argument is out of its range.</exception>
    public static Fault BlackHole(StreamDirection direction, long afterBytes) =>
        new(FaultKind.BlackHole, direction, afterBytes, default);

    /// <summary>
    /// Nothing comes through in this direction for a time; then everything that was written meanwhile arrives. The writer has to
    /// wait once <see cref="TestClientOptions.BufferSize"/> bytes are under way.
    /// </summary>
    /// <param name="direction">The direction that stalls.</param>
    /// <param name="afterBytes">How many bytes come through before it: 0 or more.</param>
    /// <param name="time">How long, in simulated time: zero or more, <see cref="Timeout.InfiniteTimeSpan"/> for ever.</param>
    /// <exception cref="ArgumentOutOfRangeException">An argument is out of its range.</exception>
    public static Fault Stall(StreamDirection direction, long afterBytes, TimeSpan time)
    {
        if (time < TimeSpan.Zero && time != Timeout.InfiniteTimeSpan)
            throw new ArgumentOutOfRangeException(
                nameof(time),
                time,
                "time is zero or more, or infinite."
            );
        return new(FaultKind.Stall, direction, afterBytes, time);
    }

    /// <summary>Kind, place and time, for people.</summary>
    public override string ToString() =>
        Invariant($"{Kind} {Direction} after {AfterBytes} bytes{Lasting}");

    private string Lasting =>
        Kind is not FaultKind.Stall ? ""
        : Time == Timeout.InfiniteTimeSpan ? " for ever"
        : " for " + Trace.Milliseconds(Time.Ticks);
}

/// <summary>What goes wrong.</summary>
internal enum FaultKind
{
    Reset,
    End,
    BlackHole,
    Stall,
}
