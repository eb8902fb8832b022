using FunctionalWs;
using FunctionalWs.Hosting;
using FunctionalWs.Testing;
using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Diagnostics.HealthChecks;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;

/// <summary>The packages for hosts and for tests, as far as what they do by reflection may be lost in a trimmed or native program.</summary>
internal static class OtherPackages
{
    private static readonly Dictionary<string, string?> HostSettings = new()
    {
        ["WebSocket:Address"] = "127.0.0.1",
        ["WebSocket:Port"] = "0",
        ["WebSocket:ShutdownTimeout"] = "00:00:10",
        ["WebSocket:MaxMessageSize"] = "65536",
        ["WebSocket:PingTimeout"] = null,
        ["WebSocket:TrustedProxies:0"] = "10.0.0.0/8",
        ["WebSocket:ForwardedHeaders"] = "XForwardedFor",
        ["WebSocket:Compression:Level"] = "1",
        ["WebSocket:UnixSocketMode"] = "0660",
    };

    public static void Hosted()
    {
        var builder = Host.CreateApplicationBuilder();
        builder.Logging.ClearProviders();
        builder.Configuration.AddInMemoryCollection(HostSettings);
        builder.Services.AddSingleton<Shouting>();
        builder.Services.AddWebSocketServer<Shouter>().Bind("WebSocket");
        builder.Services.AddHealthChecks().AddWebSocketServer();
        using var host = builder.Build();
        host.Start();
        var server = host.Services.GetRequiredService<HostedServer>();
        using (var client = new PlatformClient(PlatformClient.To(server.EndPoint, "/", "ws")))
        {
            client.Send("hello");
            Check.Equal("HELLO", client.Receive());
            client.Close();
        }
        var health = host.Services.GetRequiredService<HealthCheckService>();
        Check.Equal(
            HealthStatus.Healthy,
            health.CheckHealthAsync().GetAwaiter().GetResult().Status
        );
        host.StopAsync().GetAwaiter().GetResult();
    }

    public static void Routed()
    {
        var builder = Host.CreateApplicationBuilder();
        builder.Logging.ClearProviders();
        builder.Services.AddSingleton<Shouting>();
        builder.Services.UseInMemoryWebSocketServers().AddSystemdNotification();
        builder
            .Services.AddWebSocketServer(
                new Router([
                    HandlerRule.To<Shouter>("/shout"),
                    HandlerRule.ToMessages<Counting>("/count/{first:int}"),
                    HandlerRule.ToAsync<Awaiting>("/await"),
                ])
            )
            .Configure(options => options.MaxQueue = 4);
        builder.Services.AddWebSocketMessageServer<Counting>("count");
        builder.Services.AddWebSocketAsyncServer<Awaiting>("await");
        builder.Services.AddWebSocketServer(_ => new Counting(new Shouting()), "made");
        using var host = builder.Build();
        host.Start();
        var hosted = host.Services.GetRequiredService<HostedServer>();
        using (var server = InMemoryServer.For(hosted.Server))
        {
            Check.Equal("HELLO", Ask(server, "/shout"));
            Check.Equal("8: HELLO", Ask(server, "/count/7"));
            Check.Equal("HELLO", Ask(server, "/await"));
        }
        (string Name, string Answer)[] others =
        [
            ("count", "1: HELLO"),
            ("await", "HELLO"),
            ("made", "1: HELLO"),
        ];
        foreach (var (name, answer) in others)
        {
            var other = host.Services.GetRequiredKeyedService<HostedServer>(name);
            using var server = InMemoryServer.For(other.Server);
            Check.Equal(answer, Ask(server, "/"));
        }
        host.StopAsync().GetAwaiter().GetResult();
    }

    private static string Ask(InMemoryServer server, string target)
    {
        using var client = server.Connect(target);
        client.Send("hello");
        return client.Receive().Text;
    }

    public static void InMemory()
    {
        using var server = InMemoryServer.Serve(Session.Echo);
        using var client = server.Connect();
        client.Send("hello");
        Check.Equal("hello", client.Receive().Text);
        Check.Equal(1000, client.Close()!.Number);
        Check.Equal(0, server.HandlerExceptions.Count);

        var options = new TestClientOptions
        {
            Compression = new PerMessageDeflate { MinSize = 0 },
            Credentials = new("alice", "secret"),
        };
        using var bearing = server.Connect("/", new TestClientOptions { BearerToken = "t0ken" });
        bearing.Send("hello");
        Check.Equal("hello", bearing.Receive().Text);
        using var compressing = server.Connect("/", options);
        compressing.Send("hello");
        Check.Equal("hello", compressing.Receive().Text);
    }

    public static void Simulated() =>
        Simulation.Run(
            simulation =>
            {
                var server = simulation.Serve(Session.Echo);
                var one = simulation.Start(() => Converse(server), "one");
                var two = simulation.Start(() => Converse(server), "two");
                Check.True(simulation.Wait(Task.Delay(TimeSpan.FromSeconds(1), simulation.Clock)));
                one.Join();
                two.Join();
            },
            seeds: 3
        );

    public static void Explored()
    {
        ExploredSchedules explored = Simulation.Explore(
            simulation =>
            {
                var server = simulation.Serve(Session.Echo);
                using var client = server.Connect();
                simulation.Interleave(() => client.Send("hello"));
                Check.Equal("hello", client.Receive().Text);
            },
            preemptions: 1,
            maxSchedules: 1_000
        );
        Check.True(explored.IsComplete && explored.Count > 0);
    }

    private static void Converse(InMemoryServer server)
    {
        using var client = server.Connect();
        client.Send("hello");
        Check.Equal("hello", client.Receive().Text);
        Check.Equal(1000, client.Close()!.Number);
    }

    internal sealed class Shouting
    {
        public string Shout(string text) => text.ToUpperInvariant();
    }

    private sealed class Counting(Shouting shouting) : MessageHandler
    {
        private int count;

        public override void Opened(ServerConnection connection) =>
            connection.RouteValues.TryGet("first", out count);

        public override void Received(ServerConnection connection, LentMessage message) =>
            connection.Send($"{++count}: {shouting.Shout(message.Text)}");
    }

    private sealed class Awaiting(Shouting shouting) : IAsyncConnectionHandler
    {
        public async Task HandleAsync(ServerConnection connection, CancellationToken closed)
        {
            await foreach (var message in connection)
                await connection.SendAsync(shouting.Shout(message.Text), closed);
        }
    }

    internal sealed class Shouter(Shouting shouting) : IConnectionHandler
    {
        public void Handle(ServerConnection connection)
        {
            foreach (var message in connection)
                connection.Send(shouting.Shout(message.Text));
        }
    }
}
