namespace FunctionalWs;

/// <summary>
/// What a server makes a connection of: for a class of one's own, which gives it to its base,
/// <see cref="ServerConnection(ConnectionStart)"/>. Good for one connection. See <see cref="ServerOptions.CreateConnection"/>.
/// </summary>
public sealed class ConnectionStart
{
    private int isUsed;

    internal ConnectionStart(
        Server server,
        Transport transport,
        ServerOptions options,
        Opening opening,
        Watcher watcher,
        Log log
    )
    {
        Server = server;
        Transport = transport;
        Options = options;
        Opening = opening;
        Watcher = watcher;
        Log = log;
    }

    /// <summary>The server that has accepted the client.</summary>
    public Server Server { get; }

    internal Transport Transport { get; }

    internal ServerOptions Options { get; }

    internal Opening Opening { get; }

    internal Watcher Watcher { get; }

    internal Log Log { get; }

    /// <summary>The same, once.</summary>
    /// <exception cref="InvalidOperationException">A connection was made of it already.</exception>
    internal ConnectionStart Take() =>
        Interlocked.Exchange(ref isUsed, 1) == 0
            ? this
            : throw new InvalidOperationException(
                "A connection was made of this start already: each client has its own."
            );
}
