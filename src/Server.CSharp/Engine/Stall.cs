namespace FunctionalWs;

/// <summary>
/// How long one and the same activity has lasted, as seen by somebody who looks now and then: the activity itself reads
/// no clock. Used by the watcher's thread only.
/// </summary>
/// <param name="limit">How long it may last, in ticks of the clock; <see cref="long.MaxValue"/> for ever.</param>
internal struct Stall(long limit)
{
    private bool wasActive;
    private int serialSeen;
    private long since;

    /// <summary>Looks at the activity; true when it has lasted for the limit.</summary>
    /// <param name="isActive">Whether it is going on.</param>
    /// <param name="serial">Another number for each time that it goes on.</param>
    /// <param name="now">The clock's timestamp.</param>
    public bool HasLasted(bool isActive, int serial, long now)
    {
        if (!isActive || !wasActive || serial != serialSeen)
            since = now;
        wasActive = isActive;
        serialSeen = serial;
        return isActive && now - since >= limit;
    }
}
