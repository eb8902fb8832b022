using System.Net.WebSockets;
using System.Text;
using FunctionalWs;

namespace Clients;

/// <summary>Connections that each send a text of 125 bytes and wait for it to come back, again and again.</summary>
internal abstract class Echoes
{
    protected static readonly string Text = new('x', 125);

    /// <summary>Goes on for a time; how many messages came back.</summary>
    public abstract Task<long> Run(TimeSpan time);
}

/// <summary>With a thread for each connection.</summary>
internal sealed class OurEchoes(string address, int count) : Echoes
{
    private readonly ClientConnection[] connections =
    [
        .. Enumerable
            .Range(0, count)
            .Select(_ =>
                Client.Connect(address, new ClientOptions { Proxy = null, Compression = null })
            ),
    ];

    public override Task<long> Run(TimeSpan time)
    {
        var total = 0L;
        var end = Environment.TickCount64 + (long)time.TotalMilliseconds;
        var threads = connections
            .Select(connection => new Thread(() =>
                Interlocked.Add(ref total, Echo(connection, end))
            ))
            .ToArray();
        foreach (var thread in threads)
            thread.Start();
        foreach (var thread in threads)
            thread.Join();
        return Task.FromResult(total);
    }

    private static long Echo(ClientConnection connection, long end)
    {
        var messages = 0L;
        for (; Environment.TickCount64 < end; messages++)
        {
            connection.Send(Text);
            if (connection.Receive().Text.Length != Text.Length)
                throw new InvalidDataException("Something else came back.");
        }
        return messages;
    }
}

/// <summary>With a task for each connection.</summary>
internal sealed class PlatformEchoes(string address, int count) : Echoes
{
    private readonly List<ClientWebSocket> sockets = [];

    public override async Task<long> Run(TimeSpan time)
    {
        while (sockets.Count < count)
        {
            var socket = new ClientWebSocket();
            socket.Options.Proxy = null;
            await socket.ConnectAsync(new Uri(address), default);
            sockets.Add(socket);
        }
        var end = Environment.TickCount64 + (long)time.TotalMilliseconds;
        var totals = await Task.WhenAll(
            sockets.Select(socket => Task.Run(() => Echo(socket, end)))
        );
        return totals.Sum();
    }

    private static async Task<long> Echo(ClientWebSocket socket, long end)
    {
        var buffer = new byte[4096];
        var messages = 0L;
        for (; Environment.TickCount64 < end; messages++)
        {
            await socket.SendAsync(
                Encoding.UTF8.GetBytes(Text).AsMemory(),
                WebSocketMessageType.Text,
                endOfMessage: true,
                default
            );
            var received = await socket.ReceiveAsync(buffer.AsMemory(), default);
            if (Encoding.UTF8.GetString(buffer, 0, received.Count).Length != Text.Length)
                throw new InvalidDataException("Something else came back.");
        }
        return messages;
    }
}
