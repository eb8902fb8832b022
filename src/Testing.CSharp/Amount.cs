namespace FunctionalWs.Testing;

/// <summary>How much of something there was, in what it is counted in. The default is nothing to tell.</summary>
internal readonly record struct Amount
{
    private readonly Unit unit;
    private readonly long value;

    private Amount(Unit unit, long value)
    {
        this.unit = unit;
        this.value = value;
    }

    private enum Unit
    {
        None,
        Number,
        Bytes,
        Duration,
        Moment,
    }

    public static Amount Number(long value) => new(Unit.Number, value);

    public static Amount Bytes(long value) => new(Unit.Bytes, value);

    public static Amount Duration(long ticks) => new(Unit.Duration, ticks);

    /// <summary>A time of the simulated clock; the largest for never.</summary>
    public static Amount Moment(long time) => new(Unit.Moment, time);

    /// <summary>It in words, after those that say what happened.</summary>
    public override string ToString() =>
        unit switch
        {
            Unit.None => "",
            Unit.Number => Invariant($" {value}"),
            Unit.Bytes => Invariant($" {value} {(value == 1 ? "byte" : "bytes")}"),
            Unit.Duration => " " + Trace.Milliseconds(value),
            Unit.Moment when value == long.MaxValue => " never",
            Unit.Moment => " at " + Trace.Milliseconds(value),
            _ => throw new InvalidOperationException(Invariant($"{unit} is no unit.")),
        };
}
