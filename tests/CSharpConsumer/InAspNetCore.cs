using System.Net;
using FunctionalWs;
using FunctionalWs.AspNetCore;
using FunctionalWs.Hosting;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Hosting.Server;
using Microsoft.AspNetCore.Hosting.Server.Features;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;

/// <summary>Endpoints of ASP.NET Core, in every way to map one.</summary>
internal static class InAspNetCore
{
    public static void Served()
    {
        var builder = WebApplication.CreateSlimBuilder();
        builder.Logging.ClearProviders();
        builder.WebHost.UseUrls("http://127.0.0.1:0");
        builder.Services.AddSingleton<OtherPackages.Shouting>();
        builder.Services.AddWebSocketEndpoints();
        builder
            .Services.AddWebSocketEndpoints("small")
            .Configure(options => options.MaxMessageSize = 100);
        var app = builder.Build();
        Map(app);
        app.StartAsync().GetAwaiter().GetResult();
        var port = new Uri(
            app.Services.GetRequiredService<IServer>()
                .Features.Get<IServerAddressesFeature>()!
                .Addresses.First()
        ).Port;
        foreach (var path in (string[])["/blocks", "/messages", "/tasks", "/later", "/class"])
        {
            using var client = Connect(port, path);
            client.Send("hello");
            Check.Equal("HELLO", client.Receive());
            client.Close();
        }
        using (var driver = Connect(port, "/driver/7"))
        {
            Check.Equal("8 /driver/7", driver.Receive());
        }
        Check.Equal(true, app.Services.GetRequiredKeyedService<HostedServer>("small").IsAccepting);
        app.StopAsync().GetAwaiter().GetResult();
        app.DisposeAsync().AsTask().GetAwaiter().GetResult();
    }

    private static PlatformClient Connect(int port, string path) =>
        new(PlatformClient.To(new IPEndPoint(IPAddress.Loopback, port), path));

    private static void Map(WebApplication app)
    {
        app.MapWebSocket(
            "/blocks",
            (ServerConnection connection) =>
            {
                foreach (var message in connection)
                    connection.Send(message.Text.ToUpperInvariant());
            }
        );
        app.MapWebSocket(
            "/messages",
            (connection, message) => connection.Send(message.Text.ToUpperInvariant()),
            server: "small"
        );
        app.MapWebSocket(
            "/tasks",
            async connection =>
            {
                await foreach (var message in connection)
                    await connection.SendAsync(message.Text.ToUpperInvariant());
            }
        );
        app.MapWebSocket(
            "/later",
            async (connection, message) =>
            {
                await Task.Yield();
                connection.Send(message.Text.ToUpperInvariant());
            }
        );
        app.MapWebSocket<OtherPackages.Shouter>("/class");
        app.MapWebSocketMessages<Driver>("/driver/{id:int}");
    }

    private sealed class Driver : MessageHandler
    {
        public override void Opened(ServerConnection connection) =>
            connection.Send(
                $"{connection.RouteValues.Get<int>("id") + 1} {connection.HttpContext().Request.Path}"
            );

        public override void Received(ServerConnection connection, LentMessage message) { }
    }
}
