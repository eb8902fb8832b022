using FunctionalWs.Protocol;

namespace FunctionalWs;

/// <content>Connections of another server, which has accepted the clients and read their requests.</content>
public sealed partial class Server
{
    /// <summary>Makes a connection of a client; null when there is no room for it: then <see cref="Unavailable"/> is its answer.</summary>
    internal ServerConnection? AdmitUpgrade(StreamTransport transport)
    {
        ServerConnection? admitted = null;
        return TryAdmit(transport, connection => admitted = connection) ? admitted : null;
    }

    /// <summary>The answer to a client for whom there is no room.</summary>
    internal Response Unavailable() => opening.Unavailable();

    /// <summary>
    /// Serves a connection that is open, to its end: on a thread of its own, or, with a handler for messages, in turns on the thread
    /// pool. Never throws.
    /// </summary>
    internal void ServeUpgraded(ServerConnection connection, Action<ServerConnection> handler)
    {
        var isForMessages = handler.HasSingleTarget && handler.Target is MessageFace;
        if (isForMessages && connection.CanPark)
            Park(connection, () => connection.BeginInPool(handler));
        else if (
            !Guard.Run(
                this,
                server => server.threads.Run(() => RunUpgraded(connection, handler)),
                (server, error) =>
                {
                    server.ThreadFailed(error);
                    connection.Fail(error);
                }
            )
        )
            connection.EndOutside();
    }

    private void RunUpgraded(ServerConnection connection, Action<ServerConnection> handler)
    {
        if (connection.Run(handler))
            Ended(connection);
        else
            Park(connection, connection.ParkInPool);
    }

    private static void Park(ServerConnection connection, Action park)
    {
        if (!Guard.Run(park, static step => step(), (_, error) => connection.Fail(error)))
            connection.EndOutside();
    }
}
