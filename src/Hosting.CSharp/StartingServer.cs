namespace FunctionalWs.Hosting;

/// <summary>A server before it listens: what it answers with, and its settings.</summary>
internal sealed record StartingServer(ServedHandler Served, WebSocketServerOptions Options)
{
    public TimeSpan? ShutdownTimeout => Options.ShutdownTimeout;

    /// <exception cref="System.Net.Sockets.SocketException">The address, which the text names, is not to be had.</exception>
    public Server Listen()
    {
        var handler = Served.Handler;
        var settings = Served.Router?.WithRouting(Options.ServerOptions) ?? Options.ServerOptions;
        if (Options.IsInMemory)
            return Server.ServeInMemory(handler, settings);
        if (Options.SystemdSockets)
            return Server.SystemdServe(handler, settings);
        if (Options.UnixSocketPath is { } path)
            return Server.UnixServe(handler, path, settings);
        return Server.Serve(handler, Options.Address, Options.Port!.Value, settings);
    }
}
