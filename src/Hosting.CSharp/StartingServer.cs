namespace FunctionalWs.Hosting;

/// <summary>A server before it listens: what it answers with, and its settings.</summary>
internal sealed record StartingServer(
    Action<ServerConnection> Handler,
    Router? Router,
    WebSocketServerOptions Options
)
{
    public TimeSpan? ShutdownTimeout => Options.ShutdownTimeout;

    /// <exception cref="System.Net.Sockets.SocketException">The address, which the text names, is not to be had.</exception>
    public Server Listen()
    {
        var settings = Router?.WithRouting(Options.ServerOptions) ?? Options.ServerOptions;
        if (Options.SystemdSockets)
            return Server.SystemdServe(Handler, settings);
        if (Options.UnixSocketPath is { } path)
            return Server.UnixServe(Handler, path, settings);
        return Server.Serve(Handler, Options.Address, Options.Port!.Value, settings);
    }
}
