using System.Net;
using FunctionalWs;
using FunctionalWs.Routing;

/// <summary>Every way in which C# writes a handler: none ends the process, and each one is awaited.</summary>
internal static class Handlers
{
    private static void Blocking(ServerConnection connection) => connection.Send("hello");

    private static async Task Awaiting(ServerConnection connection)
    {
        await Task.Yield();
        connection.Send("hello");
    }

    private static async void Nothing(ServerConnection connection)
    {
        await Task.Yield();
        connection.Send("hello");
        throw new InvalidOperationException("too bad");
    }

    private static async void Fails()
    {
        await Task.Yield();
        throw new InvalidOperationException("too bad");
    }

    private static async Task Named(ServerConnection connection, string name)
    {
        await Task.Yield();
        connection.Send(name);
    }

    private static async Task Valued(ServerConnection connection, RouteValues values)
    {
        await Task.Yield();
        connection.Send($"{values["name"]}");
    }

    private static Server On(Func<string, int, Server> serve) => serve("127.0.0.1", 0);

    private static void Hear(Server server, string expected, string path = "/")
    {
        using (server)
        {
            server.Start();
            using var client = new PlatformClient(PlatformClient.To(server.LocalEndPoint, path));
            foreach (var message in expected.Split(", "))
                Check.Equal(message, client.Receive());
        }
    }

    public static void Bound()
    {
        const string Closed = "hello, closed 1000";
        Hear(On((host, port) => Server.Serve(Blocking, host, port)), Closed);
        Hear(On((host, port) => Server.Serve(Awaiting, host, port)), Closed);
        Hear(On((host, port) => Server.Serve(c => c.Send("hello"), host, port)), Closed);
        Hear(On((host, port) => Server.Serve(c => Awaiting(c), host, port)), Closed);
        Hear(
            On(
                (host, port) =>
                    Server.Serve(
                        async c =>
                        {
                            await Task.Yield();
                            c.Send("hello");
                        },
                        host,
                        port
                    )
            ),
            Closed
        );
        Hear(On((host, port) => Server.Serve(Nothing, host, port)), "hello, closed 1011");
        Hear(
            On(
                (host, port) =>
                    Server.Serve(
                        async c =>
                        {
                            await Task.Yield();
                            Fails();
                            c.Send("hello");
                        },
                        host,
                        port
                    )
            ),
            "hello, closed 1011"
        );
        // Nobody waits for these: the program would end.
        ServerOptions hooked = new()
        {
            ProcessRequest = (_, _) =>
            {
                Fails();
                return null;
            },
        };
        Hear(On((host, port) => Server.Serve(Awaiting, host, port, hooked)), Closed);
        Hear(
            On(
                (host, port) =>
                    Server.Serve(
                        c =>
                        {
                            c.Closed.Register(Fails);
                            c.Send("hello");
                        },
                        host,
                        port
                    )
            ),
            Closed
        );
        Hear(
            On((host, port) => Server.Serve(_ => throw new Exception(), host, port)),
            "closed 1011"
        );
        Hear(On((_, _) => Server.Serve(Awaiting, Listening.Bound())), Closed);
        IPEndPoint any = new(IPAddress.Loopback, 0);
        Hear(On((_, _) => Server.Serve(Awaiting, [any])), Closed);
        var path = Listening.TemporaryPath();
        using (var server = Server.UnixServe(Awaiting, path))
            Check.Equal(path, $"{server.LocalEndPoint}");
        Check.Throws<InvalidOperationException>(() => Server.SystemdServe(Awaiting));
    }

    public static void Routed()
    {
        UrlMap map =
        [
            new Rule("/a", Awaiting),
            new Rule("/b/<name>", Valued),
            Rule.For<string>("/c/<name>", Named),
            Rule.For<int, string>(
                "/d/<int:n>/<name>",
                async (connection, n, name) =>
                {
                    await Task.Yield();
                    connection.Send($"{n}{name}");
                }
            ),
        ];
        Hear(On((host, port) => Router.Route(map, host, port)), "hello, closed 1000", "/a");
        Hear(On((host, port) => Router.Route(map, host, port)), "x, closed 1000", "/b/x");
        Hear(On((host, port) => Router.Route(map, host, port)), "x, closed 1000", "/c/x");
        Hear(On((host, port) => Router.Route(map, host, port)), "1x, closed 1000", "/d/1/x");
    }

    public static void Enumerated() =>
        Session.Run(
            connection =>
            {
                Check.True((object)connection is not System.Collections.IEnumerable);
                Check.Equal(
                    "a,b",
                    string.Join(',', connection.Messages.Take(2).Select(m => m.Text))
                );
                Check.Throws<ArgumentOutOfRangeException>(() =>
                    connection.Receive(TimeSpan.FromSeconds(-1))
                );
                Check.Equal("c", connection.Receive(Timeout.InfiniteTimeSpan).Text);
            },
            client =>
            {
                client.Send("a");
                client.Send("b");
                client.Send("c");
                Check.Equal("closed 1000", client.Receive());
            }
        );
}
