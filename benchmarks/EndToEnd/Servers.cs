using System.Buffers;
using System.Collections.Concurrent;
using System.Net;
using System.Net.Security;
using System.Net.Sockets;
using System.Net.WebSockets;
using System.Security.Cryptography.X509Certificates;
using FunctionalWs;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Hosting.Server;
using Microsoft.AspNetCore.Hosting.Server.Features;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Server.Kestrel.Core;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;

namespace EndToEnd;

/// <summary>The servers that are compared. Each prints its port and serves until it is killed.</summary>
internal static class Servers
{
    public static readonly string[] Names = ["ours", "kestrel"];

    /// <param name="name">Which one.</param>
    /// <param name="deflate">How it compresses.</param>
    /// <param name="port">Where it listens; 0 for any free port.</param>
    public static void Run(string name, Deflate deflate, int port)
    {
        new Thread(Collect) { IsBackground = true }.Start();
        using var listener = name == "measured" ? MetricsListener.Start() : null;
        var isTls = name.EndsWith("-tls", StringComparison.Ordinal);
        using var certificate = isTls ? Certificates.Create() : null;
        if (name.StartsWith("kestrel", StringComparison.Ordinal))
            RunKestrel(deflate, port, certificate);
        else if (name.StartsWith("aspnet", StringComparison.Ordinal))
            AspNetServers.Run(name.Split('-')[1], Compression(deflate), port, certificate);
        else
            RunOurs(deflate, port, name.Split('-')[0], certificate);
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

    private static void RunOurs(
        Deflate deflate,
        int port,
        string face,
        X509Certificate2? certificate
    )
    {
        var listeners = new ConcurrentDictionary<ServerConnection, bool>();
        Action<ServerConnection> handler = face switch
        {
            "messages" => MessageHandler.ForEach((connection, message) => connection.Send(message)),
            "handler" => MessageHandler.ForEach(connection =>
                IsFanOut(connection) ? new FanOutHandler(listeners) : new EchoHandler()
            ),
            "tasks" => MessageHandler.Converse(EchoAsync),
            _ => connection =>
            {
                if (IsFanOut(connection))
                    FanOut(connection, listeners);
                else if (face == "lent")
                    EchoLent(connection);
                else
                    Echo(connection);
            },
        };
        using var server = Server.Serve(
            handler,
            "127.0.0.1",
            port,
            new ServerOptions
            {
                MaxMessageSize = 16 * 1024 * 1024,
                Compression = Compression(deflate),
                Ssl = certificate is null
                    ? null
                    : new SslServerAuthenticationOptions { ServerCertificate = certificate },
            }
        );
        Console.WriteLine(((IPEndPoint)server.LocalEndPoint!).Port);
        server.ServeForever();
    }

    private static PerMessageDeflate? Compression(Deflate deflate) =>
        deflate is Deflate.None
            ? null
            : new PerMessageDeflate
            {
                ServerNoContextTakeover = deflate is Deflate.NoContext,
                ClientNoContextTakeover = deflate is Deflate.NoContext,
            };

    private static bool IsFanOut(ServerConnection connection) =>
        connection.Request!.Target == "/fanout";

    private static void Echo(ServerConnection connection)
    {
        foreach (var message in connection)
            connection.Send(message);
    }

    private static async Task EchoAsync(ServerConnection connection)
    {
        await foreach (var message in connection)
            await connection.SendAsync(message);
    }

    private static void EchoLent(ServerConnection connection)
    {
        foreach (var message in connection.Lent())
            connection.Send(message);
    }

    private sealed class EchoHandler : MessageHandler
    {
        public override void Received(ServerConnection connection, LentMessage message) =>
            connection.Send(message);
    }

    private sealed class FanOutHandler(ConcurrentDictionary<ServerConnection, bool> listeners)
        : MessageHandler
    {
        public override void Opened(ServerConnection connection) => listeners[connection] = true;

        public override void Received(ServerConnection connection, LentMessage message) =>
            Broadcast.Send(listeners.Select(listener => listener.Key), message.ToMessage());

        public override void Closed(ServerConnection connection) =>
            listeners.TryRemove(connection, out _);
    }

    /// <summary>What one says, all hear.</summary>
    private static void FanOut(
        ServerConnection connection,
        ConcurrentDictionary<ServerConnection, bool> listeners
    )
    {
        listeners[connection] = true;
        try
        {
            foreach (var message in connection)
                Broadcast.Send(listeners.Select(listener => listener.Key), message);
        }
        finally
        {
            listeners.TryRemove(connection, out _);
        }
    }

    private static void RunKestrel(Deflate deflate, int port, X509Certificate2? certificate)
    {
        var listeners = new ConcurrentDictionary<WebSocket, SemaphoreSlim>();
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
            await (
                http.Request.Path == "/fanout" ? FanOutAsync(socket, listeners) : EchoAsync(socket)
            );
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

    // One sender at a time on each: the platform allows no more.
    private static async Task FanOutAsync(
        WebSocket socket,
        ConcurrentDictionary<WebSocket, SemaphoreSlim> listeners
    )
    {
        listeners[socket] = new SemaphoreSlim(1);
        var buffer = new byte[64 * 1024];
        ValueWebSocketReceiveResult result;
        while (
            (result = await socket.ReceiveAsync(buffer.AsMemory(), default)).MessageType
            != WebSocketMessageType.Close
        )
        {
            foreach (var (listener, gate) in listeners)
            {
                await gate.WaitAsync();
                await listener.SendAsync(
                    buffer.AsMemory(0, result.Count),
                    result.MessageType,
                    true,
                    default
                );
                gate.Release();
            }
        }
        listeners.TryRemove(socket, out _);
        await socket.CloseOutputAsync(WebSocketCloseStatus.NormalClosure, null, default);
    }

    private static byte[] Grow(byte[] buffer, int length)
    {
        var larger = ArrayPool<byte>.Shared.Rent(buffer.Length * 2);
        buffer.AsSpan(0, length).CopyTo(larger);
        ArrayPool<byte>.Shared.Return(buffer);
        return larger;
    }
}
