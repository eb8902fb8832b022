namespace FunctionalWs;

/// <summary>
/// A connection's places in all groups, from when it has the first until it has none: one callback for the connection's end,
/// however many there are.
/// </summary>
internal sealed class Membership(Groups groups, ServerConnection connection)
{
    public ServerConnection Connection => connection;

    /// <summary>Where it is. Guarded by the lock of the groups.</summary>
    public HashSet<Members> Groups { get; } = [];

    /// <summary>How it is told of the end. Guarded by the lock of the groups.</summary>
    public CancellationTokenRegistration Registration { get; set; }

    /// <summary>
    /// Waits for the connection's end. Not under the lock: when it has come already, the callback runs here. Until this returns
    /// others may have added the connection to more groups, or taken it out of all.
    /// </summary>
    public void Watch(CancellationToken closed)
    {
        try
        {
            var registration = closed.UnsafeRegister(
                static membership => ((Membership)membership!).Leave(),
                this
            );
            if (!groups.Keep(this, registration))
                registration.Unregister();
        }
        catch
        {
            Leave(); // nobody would tell
            throw;
        }
    }

    /// <summary>It is over before the connection is: nothing of it stays with the connection. Not under the lock.</summary>
    public void Unwatch() => Registration.Unregister();

    private void Leave() => groups.Leave(this);
}
