using System.Diagnostics.Metrics;

/// <summary>Makes meters, and disposes of them.</summary>
internal sealed class Meters : IMeterFactory
{
    private readonly Dictionary<string, Meter> made = [];

    public IReadOnlyCollection<string> Names => made.Keys;

    public Meter Create(MeterOptions options)
    {
        options.Scope = this;
        return made.TryGetValue(options.Name, out var meter)
            ? meter
            : made[options.Name] = new Meter(options);
    }

    public void Dispose()
    {
        foreach (var meter in made.Values)
            meter.Dispose();
    }
}
