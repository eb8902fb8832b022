using System.Buffers;
using System.Net;
using System.Net.Sockets;
using System.Net.WebSockets;
using FunctionalWs;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Hosting.Server;
using Microsoft.AspNetCore.Hosting.Server.Features;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;

namespace EndToEnd;

/// <summary>The servers that are compared. Each prints its port and serves until it is killed.</summary>
internal static class Servers
{
    public static readonly string[] Names = ["ours", "kestrel"];

    public static void Run(string name, Deflate deflate)
    {
        new Thread(Collect) { IsBackground = true }.Start();
        if (name == "ours")
            RunOurs(deflate);
        else
            RunKestrel(deflate);
    }

    /// <summary>Collects all garbage whenever a line comes.</summary>
    private static void Collect()
    {
        while (Console.ReadLine() is not null)
        {
            GC.Collect(2, GCCollectionMode.Aggressive, blocking: true, compacting: true);
            Console.WriteLine();
        }
    }

    private static void RunOurs(Deflate deflate)
    {
        var compression = new PerMessageDeflate
        {
            ServerNoContextTakeover = deflate is Deflate.NoContext,
            ClientNoContextTakeover = deflate is Deflate.NoContext,
        };
        using var server = Server.Serve(
            connection =>
            {
                foreach (var message in connection)
                    connection.Send(message);
            },
            "127.0.0.1",
            0,
            new ServerOptions
            {
                MaxMessageSize = 16 * 1024 * 1024,
                Compression = deflate is Deflate.None ? null : compression,
            }
        );
        Console.WriteLine(((IPEndPoint)server.LocalEndPoint!).Port);
        server.ServeForever();
    }

    private static void RunKestrel(Deflate deflate)
    {
        var builder = WebApplication.CreateSlimBuilder([]);
        builder.Logging.ClearProviders();
        builder.WebHost.ConfigureKestrel(kestrel =>
        {
            kestrel.Listen(IPAddress.Loopback, 0);
            kestrel.Limits.MaxConcurrentUpgradedConnections = null;
        });
        var app = builder.Build();
        app.UseWebSockets(new WebSocketOptions { KeepAliveInterval = TimeSpan.Zero });
        app.Run(async http =>
        {
            using var socket = await http.WebSockets.AcceptWebSocketAsync(
                new WebSocketAcceptContext
                {
                    DangerousEnableCompression = deflate is not Deflate.None,
                    DisableServerContextTakeover = deflate is Deflate.NoContext,
                }
            );
            await EchoAsync(socket);
        });
        app.StartAsync().GetAwaiter().GetResult();
        var address = app
            .Services.GetRequiredService<IServer>()
            .Features.Get<IServerAddressesFeature>()!
            .Addresses.First();
        Console.WriteLine(new Uri(address).Port);
        Thread.Sleep(Timeout.Infinite);
    }

    // Whole messages, as our handler gets them.
    private static async Task EchoAsync(WebSocket socket)
    {
        var buffer = ArrayPool<byte>.Shared.Rent(4096);
        while (true)
        {
            var length = 0;
            ValueWebSocketReceiveResult result;
            do
            {
                if (length == buffer.Length)
                    buffer = Grow(buffer, length);
                result = await socket.ReceiveAsync(buffer.AsMemory(length), CancellationToken.None);
                length += result.Count;
            } while (!result.EndOfMessage);
            if (result.MessageType == WebSocketMessageType.Close)
                break;
            await socket.SendAsync(
                buffer.AsMemory(0, length),
                result.MessageType,
                true,
                CancellationToken.None
            );
        }
        await socket.CloseOutputAsync(
            WebSocketCloseStatus.NormalClosure,
            null,
            CancellationToken.None
        );
        ArrayPool<byte>.Shared.Return(buffer);
    }

    private static byte[] Grow(byte[] buffer, int length)
    {
        var larger = ArrayPool<byte>.Shared.Rent(buffer.Length * 2);
        buffer.AsSpan(0, length).CopyTo(larger);
        ArrayPool<byte>.Shared.Return(buffer);
        return larger;
    }
}
