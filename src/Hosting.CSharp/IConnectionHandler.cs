namespace FunctionalWs.Hosting;

/// <summary>
/// Handles connections in a class whose constructor takes services: see
/// <see cref="WebSocketServerServiceCollectionExtensions.AddWebSocketServer{THandler}"/>.
/// </summary>
public interface IConnectionHandler
{
    /// <summary>
    /// Called for one connection, on its own thread. When it returns, the connection is closed with 1000, when it throws with
    /// 1011.
    /// </summary>
    /// <param name="connection">The connection, open.</param>
    void Handle(ServerConnection connection);
}
