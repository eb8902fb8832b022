using System.Net.WebSockets;
using FunctionalWs;

/// <summary>One client with one server on loopback; what either side throws is thrown.</summary>
internal static class Session
{
    public static void Run(
        Action<ServerConnection> handler,
        Action<PlatformClient> client,
        ServerOptions? options = null,
        Action<ClientWebSocketOptions>? configure = null
    )
    {
        var handled = new TaskCompletionSource();
        using var server = Server.Serve(Reporting(handler, handled), "127.0.0.1", 0, options);
        server.Start();
        var scheme = options?.Ssl is null ? "ws" : "wss";
        using (
            var connected = new PlatformClient(
                PlatformClient.To(server.LocalEndPoint, "/", scheme),
                configure
            )
        )
            client(connected);
        Await(handled);
    }

    public static Action<ServerConnection> Reporting(
        Action<ServerConnection> handler,
        TaskCompletionSource handled
    ) =>
        connection =>
        {
            try
            {
                handler(connection);
                handled.SetResult();
            }
            catch (Exception error)
            {
                handled.SetException(error);
                throw;
            }
        };

    public static void Await(TaskCompletionSource handled)
    {
        Check.True(handled.Task.Wait(Check.Limit));
    }

    public static void Echo(ServerConnection connection)
    {
        foreach (var message in connection)
            connection.Send(message);
    }

    /// <summary>A client says something to a server of any kind and hears it again.</summary>
    public static void Greet(Server server, Func<PlatformClient> connect)
    {
        server.Start();
        using var client = connect();
        client.Send("hello");
        Check.Equal("hello", client.Receive());
        client.Close();
    }
}
