using System.Net;
using System.Security.Cryptography.X509Certificates;
using FunctionalWs;
using FunctionalWs.AspNetCore;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Hosting.Server;
using Microsoft.AspNetCore.Hosting.Server.Features;
using Microsoft.AspNetCore.Server.Kestrel.Core;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;

namespace EndToEnd;

/// <summary>Our handlers behind Kestrel, set up as Kestrel's own WebSockets are in <see cref="Servers"/>.</summary>
internal static class AspNetServers
{
    public static void Run(
        string face,
        PerMessageDeflate? compression,
        int port,
        X509Certificate2? certificate
    )
    {
        var builder = WebApplication.CreateSlimBuilder([]);
        builder.Logging.ClearProviders();
        builder.WebHost.ConfigureKestrel(kestrel =>
        {
            kestrel.Listen(
                IPAddress.Loopback,
                port,
                listen =>
                {
                    listen.Protocols = HttpProtocols.Http1;
                    if (certificate is not null)
                        listen.UseHttps(certificate);
                }
            );
            kestrel.Limits.MaxConcurrentUpgradedConnections = null;
        });
        builder
            .Services.AddWebSocketEndpoints()
            .Configure(options =>
            {
                options.MaxMessageSize = 16 * 1024 * 1024;
                options.Compression = compression;
            });
        var app = builder.Build();
        Map(app, face);
        app.StartAsync().GetAwaiter().GetResult();
        var address = app
            .Services.GetRequiredService<IServer>()
            .Features.Get<IServerAddressesFeature>()!
            .Addresses.First();
        Console.WriteLine(new Uri(address).Port);
        Thread.Sleep(Timeout.Infinite);
    }

    private static void Map(WebApplication app, string face)
    {
        const string any = "/{**path}";
        switch (face)
        {
            case "messages":
                app.MapWebSocket(any, (connection, message) => connection.Send(message));
                break;
            case "handler":
                app.MapWebSocket(any, MessageHandler.ForEach(_ => new Echo()));
                break;
            case "tasks":
                app.MapWebSocket(
                    any,
                    async connection =>
                    {
                        await foreach (var message in connection)
                            await connection.SendAsync(message);
                    }
                );
                break;
            default:
                app.MapWebSocket(
                    any,
                    (ServerConnection connection) =>
                    {
                        foreach (var message in connection)
                            connection.Send(message);
                    }
                );
                break;
        }
    }

    private sealed class Echo : MessageHandler
    {
        public override void Received(ServerConnection connection, LentMessage message) =>
            connection.Send(message);
    }
}
