using System.Net.Sockets;
using FunctionalWs;
using FunctionalWs.Protocol;

/// <summary>The client of the packages, against the server of the packages.</summary>
internal static class Connected
{
    private static readonly ClientOptions Direct = new() { Proxy = null };

    private static Server Echo()
    {
        var server = Server.Serve(
            (connection, message) => connection.Send(message),
            "127.0.0.1",
            0
        );
        server.Start();
        return server;
    }

    private static string UriOf(Server server) => $"ws://{server.LocalEndPoint}/";

    public static void Opened()
    {
        using var server = Echo();
        using var connection = Client.Connect(UriOf(server), Direct);
        connection.Send("hello");
        Check.Equal("hello", connection.Receive(Check.Limit).Text);
        Check.Equal(UriOf(server), $"{connection.Uri}");
        connection.Close();
        connection.Dispose();
        Check.Equal(1000, connection.CloseCode);

        using var other = Client.Connect(new Uri(UriOf(server)), Direct);
        WebSocketConnection either = other;
        Check.Equal(ConnectionState.Open, either.State);

        var socket = new Socket(SocketType.Stream, ProtocolType.Tcp);
        socket.Connect(server.LocalEndPoint!);
        using var given = Client.Connect(socket, UriOf(server), Direct);
        Check.Equal(ConnectionState.Open, given.State);
    }

    public static void ByPath()
    {
        var path = Path.Combine(Path.GetTempPath(), Path.GetRandomFileName());
        using var server = Server.UnixServe(connection => connection.Send("here"), path);
        server.Start();
        using var connection = Client.UnixConnect(path);
        Check.Equal("here", connection.Receive(Check.Limit).Text);
    }

    public static void Asked()
    {
        using var server = Server.Serve(
            connection =>
                connection.Send(
                    string.Join(
                        ' ',
                        connection.Subprotocol,
                        connection.Request.Headers.Get("X-Tenant"),
                        connection.Request.Headers.Get("User-Agent"),
                        connection.Request.Headers.Get("Origin"),
                        connection.Request.Headers.Get("Authorization")
                    )
                ),
            "127.0.0.1",
            0,
            new ServerOptions { Subprotocols = ["v2"] }
        );
        server.Start();
        var options = new ClientOptions
        {
            Proxy = null,
            OpenTimeout = Check.Limit,
            Subprotocols = ["v2", "v1"],
            Headers = new Dictionary<string, string> { ["X-Tenant"] = "7" },
            UserAgent = "Consumer",
            Origin = "https://example.com",
            BearerToken = "token",
            Ssl = null,
            MaxRedirects = 0,
        };
        using var connection = Client.Connect(UriOf(server), options);
        Check.Equal(
            "v2 7 Consumer https://example.com Bearer token",
            connection.Receive(Check.Limit).Text
        );
        Check.Throws<ArgumentException>(() =>
            Client.Connect(
                UriOf(server),
                options with
                {
                    Credentials = new BasicCredentials("name", "password"),
                }
            )
        );
    }

    public static void Settings()
    {
        var options = new ClientOptions();
        Check.Equal(TimeSpan.FromSeconds(10), options.OpenTimeout);
        Check.Equal(10, options.MaxRedirects);
        Check.Equal("FunctionalWs", options.UserAgent);
        Check.Equal(0, options.Subprotocols.Count + options.Headers.Count);
        Check.True(options is { Origin: null, Credentials: null, BearerToken: null, Ssl: null });
        Check.True(options.Proxy is not null);
        var waits = new ReconnectOptions();
        Check.True(waits.InitialDelay < waits.MaxDelay && waits.Jitter is 0.5);
        Check.True(waits.ShouldRetry is null);
    }

    public static void Refused()
    {
        using var server = Server.Serve(
            connection => { },
            "127.0.0.1",
            0,
            new ServerOptions
            {
                ProcessRequest = (connection, request) => connection.Respond(403, "Not you.\n"),
            }
        );
        server.Start();
        var error = Check.Throws<HandshakeRefusedException>(() =>
            Client.Connect(UriOf(server), Direct)
        );
        Check.Equal(403, error.Response.StatusCode);
        Check.Equal("Not you.\n", error.Body);
        Check.True(error.Error is ClientHandshakeError.Status);
        Check.True(!error.IsFromProxy);
    }

    public static void Again()
    {
        using var server = Server.Serve(connection => connection.Send("once"), "127.0.0.1", 0);
        server.Start();
        var waits = new ReconnectOptions
        {
            InitialDelay = TimeSpan.FromMilliseconds(1),
            MaxDelay = TimeSpan.FromMilliseconds(2),
            Jitter = 0,
            ShouldRetry = error => error is IOException,
        };
        var texts = Client
            .ConnectForever(UriOf(server), Direct, waits)
            .Take(2)
            .Select(connection => connection.Receive(Check.Limit).Text);
        Check.Equal("once once", string.Join(' ', texts));
    }
}
