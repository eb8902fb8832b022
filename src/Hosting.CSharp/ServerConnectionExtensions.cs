namespace FunctionalWs.Hosting;

/// <summary>What a handler can ask its connection for when its server is one of a host.</summary>
public static class ServerConnectionExtensions
{
    /// <summary>
    /// The services of the connection's scope, for handlers of a router's rules. The scope ends with the handler, that of a handler
    /// for messages after its last call.
    /// </summary>
    /// <param name="connection">The connection.</param>
    /// <exception cref="InvalidOperationException">
    /// No handler with a scope is running: this is a hook of the handshake, or the handler is a delegate that takes the connection
    /// alone.
    /// </exception>
    public static IServiceProvider Services(this ServerConnection connection)
    {
        ArgumentNullException.ThrowIfNull(connection);
        return Scope(connection).Services;
    }

    internal static HandlerScope Scope(ServerConnection connection) =>
        HandlerScope.Of(connection)
        ?? throw new InvalidOperationException(
            "The connection has no services: they are there while a router's or a class's handler runs, in a server that was added by AddWebSocketServer."
        );
}
