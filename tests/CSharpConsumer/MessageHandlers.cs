using System.Net;
using FunctionalWs;
using FunctionalWs.Routing;
using FunctionalWs.Testing;

/// <summary>Handlers that are called for each message, in each form.</summary>
internal static class MessageHandlers
{
    private sealed class Counting(TaskCompletionSource<int> closed) : MessageHandler
    {
        private int count;

        public override void Opened(ServerConnection connection) => connection.Send("welcome");

        public override void Received(ServerConnection connection, LentMessage message) =>
            connection.Send($"{++count}: {message.Text}");

        public override void Closed(ServerConnection connection) => closed.SetResult(count);
    }

    private sealed class Echoing : MessageHandler
    {
        public override void Received(ServerConnection connection, LentMessage message) =>
            connection.Send(message);
    }

    /// <summary>A handler around another.</summary>
    private sealed class Around(MessageHandler inner) : MessageHandler
    {
        public override void Opened(ServerConnection connection) => inner.Opened(connection);

        public override void Received(ServerConnection connection, LentMessage message) =>
            inner.Received(connection, message);

        public override void Closed(ServerConnection connection) => inner.Closed(connection);
    }

    private static async Task EchoAsync(ServerConnection connection, Message message)
    {
        await Task.Yield();
        connection.Send(message);
    }

    private static void Talk(Server server, string greeting = "", string answer = "a")
    {
        using (server)
        {
            server.Start();
            using var client = new PlatformClient(PlatformClient.To(server.LocalEndPoint));
            if (greeting != "")
                Check.Equal(greeting, client.Receive());
            client.Send("a");
            Check.Equal(answer, client.Receive());
            client.Close();
        }
    }

    private static async Task ConverseAsync(ServerConnection connection)
    {
        using var stop = new CancellationTokenSource(Check.Limit);
        var first = await connection.ReceiveAsync(stop.Token);
        await connection.SendAsync(first, stop.Token);
        await foreach (var message in connection)
            await connection.SendAsync(message.Text);
        await foreach (var message in connection.MessagesAsync(stop.Token))
        {
            await connection.SendAsync(message.Data);
            await connection.SendAsync(message.Data, message.Kind);
        }
    }

    public static void Called()
    {
        Talk(Server.Serve((connection, message) => connection.Send(message), "127.0.0.1", 0));
        Talk(
            Server.Serve(
                async (connection, message) => await EchoAsync(connection, message),
                "127.0.0.1",
                0
            )
        );
        var closed = new TaskCompletionSource<int>();
        Talk(Server.Serve(_ => new Counting(closed), "127.0.0.1", 0), "welcome", "1: a");
        Check.True(closed.Task.Wait(Check.Limit));
        Check.Equal(1, closed.Task.Result);
        Action<ServerConnection>[] handlers =
        [
            MessageHandler.ForEach((connection, message) => connection.Send(message)),
            MessageHandler.ForEach(EchoAsync),
            MessageHandler.ForEach(_ => new Around(new Echoing())),
            MessageHandler.Converse(ConverseAsync),
        ];
        foreach (var handler in handlers)
            Talk(Server.Serve(handler, Listening.Bound()));
        Talk(Server.Serve(_ => new Echoing(), Listening.Bound()));
        Talk(Server.Serve(_ => new Echoing(), [new IPEndPoint(IPAddress.Loopback, 0)]));
        var path = Listening.TemporaryPath();
        using (var server = Server.UnixServe(_ => new Echoing(), path))
            Check.Equal(path, $"{server.LocalEndPoint}");
        Check.Throws<InvalidOperationException>(() => Server.SystemdServe(_ => new Echoing()));
    }

    /// <summary>Beginning to count where the path says.</summary>
    private sealed class From(int count) : MessageHandler
    {
        private int count = count;

        public override void Received(ServerConnection connection, LentMessage message) =>
            connection.Send($"{count++}: {message.Text}");
    }

    public static void Made()
    {
        UrlMap map =
        [
            new Rule("/", _ => new Echoing()),
            new Rule("/values/<int:n>", (_, values) => new From(values.Get<int>("n"))),
            Rule.For<int>("/one/<int:n>", (_, n) => new From(n)),
            Rule.For<int, int>("/two/<int:a>/<int:b>", (_, a, b) => new From(a + b)),
            new Rule("/throws", _ => throw new InvalidOperationException()),
        ];
        using var server = InMemoryServer.Route(map);
        Check.Equal("a", Ask(server, "/"));
        Check.Equal("7: a", Ask(server, "/values/7"));
        Check.Equal("7: a", Ask(server, "/one/7"));
        Check.Equal("7: a", Ask(server, "/two/3/4"));
        using (var client = server.Connect("/throws"))
            Check.Equal(1011, client.WaitClosed()!.Number);
        using (var made = InMemoryServer.Serve(_ => new Echoing()))
            Check.Equal("a", Ask(made));
        using (var each = InMemoryServer.Serve((c, message) => c.Send(message)))
            Check.Equal("a", Ask(each));
        using (var later = InMemoryServer.Serve(async (c, message) => await EchoAsync(c, message)))
            Check.Equal("a", Ask(later));
        Simulation.Run(
            simulation =>
            {
                Check.Equal("a", Ask(simulation.Serve(_ => new Echoing())));
                Check.Equal("a", Ask(simulation.Serve((c, message) => c.Send(message))));
                Check.Equal("a", Ask(simulation.Serve(EchoAsync)));
            },
            seeds: 1
        );
    }

    private static string Ask(InMemoryServer server, string path = "/")
    {
        using var client = server.Connect(path);
        client.Send("a");
        return client.Receive().Text;
    }
}
