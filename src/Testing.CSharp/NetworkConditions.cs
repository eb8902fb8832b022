namespace FunctionalWs.Testing;

/// <summary>
/// How the way between one client and the server is, in a <see cref="Simulation"/>. By default nothing happens on it: bytes
/// arrive at once, as they were written. Immutable.
/// </summary>
public sealed record NetworkConditions
{
    /// <summary>
    /// How long bytes are under way at most, in simulated time: zero, the default, or more. Each piece takes a time of its own,
    /// chosen by the seed; pieces of one direction stay in their order, those of different connections don't.
    /// </summary>
    public TimeSpan MaxDelay { get; init; } = TimeSpan.Zero;

    /// <summary>
    /// The most bytes that arrive in one piece: 1 or more, <see cref="int.MaxValue"/> by default. The size of each piece is
    /// chosen by the seed. Whether pieces that have arrived are read one by one or together, too.
    /// </summary>
    public int MaxPieceSize { get; init; } = int.MaxValue;

    /// <summary>What goes wrong; nothing by default.</summary>
    public IReadOnlyList<Fault> Faults { get; init; } = [];

    /// <summary>Conditions under which everything arrives: some delay, some cutting.</summary>
    /// <param name="random">Where the choice comes from, such as <see cref="Simulation.Random"/>.</param>
    public static NetworkConditions Reliable(Random random)
    {
        ArgumentNullException.ThrowIfNull(random);
        return new NetworkConditions
        {
            MaxDelay = TimeSpan.FromMilliseconds(
                random.Next(4) switch
                {
                    0 => 0,
                    1 => 1,
                    2 => 30,
                    _ => 200,
                }
            ),
            MaxPieceSize = random.Next(4) switch
            {
                0 => random.Next(1, 20),
                1 => random.Next(20, 2_000),
                _ => int.MaxValue,
            },
        };
    }

    /// <summary>The same with one fault of any kind, somewhere in what a short conversation writes.</summary>
    /// <param name="random">Where the choice comes from, such as <see cref="Simulation.Random"/>.</param>
    public static NetworkConditions Unreliable(Random random)
    {
        var conditions = Reliable(random);
        return conditions with { Faults = [AnyFault(random)] };
    }

    private static Fault AnyFault(Random random)
    {
        var direction = random.Next(2) == 0 ? StreamDirection.ToServer : StreamDirection.ToClient;
        // A handshake is some 200 bytes each way.
        var afterBytes = random.Next(random.Next(2) == 0 ? 400 : 3_000);
        return random.Next(5) switch
        {
            0 => Fault.Reset(direction, afterBytes),
            1 => Fault.End(direction, afterBytes),
            2 => Fault.BlackHole(direction, afterBytes),
            3 => Fault.Stall(direction, afterBytes, Timeout.InfiniteTimeSpan),
            _ => Fault.Stall(direction, afterBytes, TimeSpan.FromMilliseconds(random.Next(3_000))),
        };
    }

    internal void Validate()
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(MaxDelay, TimeSpan.Zero);
        ArgumentOutOfRangeException.ThrowIfLessThan(MaxPieceSize, 1);
        ArgumentNullException.ThrowIfNull(Faults);
    }
}
