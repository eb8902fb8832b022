using System.Buffers;
using System.Net;
using FunctionalWs;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Logging.Abstractions;

/// <summary>What a program types first, and daily.</summary>
internal static class Daily
{
    public static void Received() =>
        Session.Run(
            connection =>
            {
                using var never = new CancellationTokenSource();
                Check.Equal("a", connection.ReceiveText(Check.Limit, never.Token));
                Check.True(connection.TryReceive(out var message, Check.Limit, never.Token));
                Check.Equal("b", message.Text);
                Check.True(!connection.TryReceive(out _, TimeSpan.Zero));
                using var stream = connection.ReceiveStreaming(Check.Limit, never.Token).AsStream();
                connection.Send("go on");
                using var reader = new StreamReader(stream);
                Check.Equal("c", reader.ReadToEnd());
                Check.True(connection.Ping().Wait(TimeSpan.Zero, never.Token) is false);
                Check.True(!connection.WaitClosed(TimeSpan.Zero, never.Token));
                connection.Close(4009, "x");
                Check.Throws<ConnectionClosedErrorException>(() => connection.TryReceive(out _));
                Check.Equal(4009, connection.Sent?.Number);
            },
            client =>
            {
                client.Send("a");
                client.Send("b");
                Check.Equal("go on", client.Receive());
                client.Send("c");
                Check.Equal("closed 4009", client.Receive());
                client.Close();
            }
        );

    public static void Sent() =>
        Session.Run(
            connection =>
            {
                connection.Send(new ReadOnlyMemory<byte>([1]));
                connection.Send("array"u8.ToArray(), MessageKind.Text);
                connection.Send("text"u8.ToArray().AsMemory(), MessageKind.Text);
                connection.Send(writer => writer.Write("written"u8), MessageKind.Text);
                connection.Send(new MemoryStream([2, 3]), MessageKind.Binary);
                connection.Send(new Message("kept"u8.ToArray(), MessageKind.Text));
                var all = new[] { connection };
                Check.Equal(1, Broadcast.Send(all, "all"u8, MessageKind.Text).Sent);
                connection.BeginClose(CloseCode.GoingAway, "bye");
                connection.Close();
                Check.True(connection.CloseCode == CloseCode.NormalClosure);
            },
            client =>
            {
                foreach (
                    var expected in new[]
                    {
                        "01",
                        "array",
                        "text",
                        "written",
                        "0203",
                        "kept",
                        "all",
                    }
                )
                    Check.Equal(expected, client.Receive());
                Check.Equal("closed 1001", client.Receive());
                client.Close();
            }
        );

    public static void Begun() =>
        Session.Run(
            connection =>
            {
                connection.BeginClose(1001, "later");
                Check.True(!connection.TryReceive(out _, Check.Limit));
            },
            client =>
            {
                Check.Equal("closed 1001", client.Receive());
                client.Close();
            }
        );

    public static void Aborted()
    {
        using var server = Server.Serve(
            connection => connection.Abort(),
            "127.0.0.1",
            0,
            new ServerOptions { LoggerFactory = NullLoggerFactory.Instance }
        );
        server.Start();
        Check.Equal(((IPEndPoint)server.LocalEndPoint!).Port, server.Port);
        using var client = new PlatformClient(PlatformClient.To(server.LocalEndPoint));
        Check.Throws<System.Net.WebSockets.WebSocketException>(() => client.Receive());
    }

    public static void Asked()
    {
        using var server = Server.Serve(
            connection =>
            {
                var request = connection.Request;
                var query = request.Query;
                connection.Send($"{request.Path} {query["x"]} {request.Headers["X-None"] is null}");
                connection.Send($"{query.Count} {query.Contains("y")} {query.GetAll("x").Count}");
                connection.Send($"{query.TryGet("z", out _)} {query} {query.First().Value}");
                connection.Send(Query.Parse("a=b")["a"]!);
            },
            "127.0.0.1",
            0,
            new ServerOptions { LoggerFactory = ConsoleLog.Warnings }
        );
        server.Start();
        using var client = new PlatformClient(
            PlatformClient.To(server.LocalEndPoint, "/a%20b?x=1+2&x=3&y")
        );
        Check.Equal("/a b 1 2 True", client.Receive());
        Check.Equal("3 True 2", client.Receive());
        Check.Equal("False 'x', 'x', 'y' 1 2", client.Receive());
        Check.Equal("b", client.Receive());
        Check.True(ConsoleLog.Information != ConsoleLog.Everything);
    }

    /// <summary>Ends with somebody's shutdown as it does with a signal.</summary>
    public static void Run()
    {
        using var server = Server.Serve(connection => { }, "127.0.0.1", 0);
        var ended = Task.Run(() => server.Run(TimeSpan.FromSeconds(1)));
        Check.Eventually(() =>
        {
            server.Shutdown();
            return ended.IsCompleted;
        });
        Check.Equal(0, ended.Result);
    }

    public static void Streamed()
    {
        using var server = Server.Serve(Session.Echo, "127.0.0.1", 0);
        server.Start();
        var tcp = new System.Net.Sockets.TcpClient("127.0.0.1", server.Port);
        using var client = Client.Connect(tcp.GetStream(), $"ws://{server.LocalEndPoint}/");
        client.Send("over a stream");
        Check.Equal("over a stream", client.ReceiveText(Check.Limit));
    }

    private sealed class Player : ServerConnection
    {
        private readonly bool isOfServer;

        public Player(ConnectionStart start)
            : base(start) => isOfServer = start.Server == Server;

        public void Play()
        {
            Logger.LogInformation("playing");
            foreach (var message in this)
                Send($"played {message.Text} {ValidUntil is null} {isOfServer}");
        }
    }

    public static void OwnConnections()
    {
        var login = BasicAuth
            .Create("bob", "1")
            .Or(BearerAuth.Create(_ => null))
            .Then(
                (connection, _) =>
                {
                    connection.Renew(connection.User, DateTimeOffset.UtcNow.AddHours(1));
                    return null;
                }
            );
        using var server = Server.ServeAs(
            start => new Player(start),
            player => player.Play(),
            "127.0.0.1",
            0,
            new ServerOptions { ProcessRequest = login, MaxLifetime = TimeSpan.FromHours(1) }
        );
        server.Start();
        var options = new ClientOptions { Proxy = null, Credentials = new("bob", "1") };
        using var client = Client.Connect($"ws://{server.LocalEndPoint}/", options);
        client.Send("e4");
        Check.Equal("played e4 False True", client.ReceiveText(Check.Limit));
    }

    public static void OfOneRule()
    {
        UrlMap map =
        [
            new Rule("/", Session.Echo)
            {
                ProcessRequest = (connection, _) => connection.Respond(403, "not here"),
                MaxMessageSize = 10,
                Origins = ["https://example.com", Origin.None],
            },
        ];
        Check.Equal(10, map[0].MaxMessageSize);
        Check.Equal(2, map[0].Origins!.Count);
        var options = new ServerOptions { CreateConnection = start => new Player(start) };
        using var server = Router.Route(map, "127.0.0.1", 0, options: options);
        server.Start();
        var refused = Check.Throws<HandshakeRefusedException>(() =>
            Client.Connect($"ws://{server.LocalEndPoint}/", new ClientOptions { Proxy = null })
        );
        Check.Equal("not here", refused.Body);
        Check.True(options.CreateConnection is not null && map[0].ProcessRequest is not null);
    }
}
