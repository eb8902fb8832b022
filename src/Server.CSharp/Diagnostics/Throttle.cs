namespace FunctionalWs;

/// <summary>Lets one record a second through: clients who bring about the same one may be many. Safe from any thread.</summary>
internal sealed class Throttle(TimeProvider clock)
{
    private static readonly TimeSpan Pause = TimeSpan.FromSeconds(1);

    private long? last; // guarded by the lock
    private readonly Lock gate = new();

    /// <summary>True when there was none within a second; the caller writes it then.</summary>
    public bool IsDue()
    {
        var now = clock.GetTimestamp();
        lock (gate)
        {
            if (last is { } before && clock.GetElapsedTime(before, now) < Pause)
                return false;
            last = now;
            return true;
        }
    }
}
