#pragma warning disable IDE1006, CA1822 // named as the fragments name them

using System.Net;
using System.Net.Sockets;
using System.Net.WebSockets;
using System.Security.Claims;
using FunctionalWs;
using FunctionalWs.Protocol;
using FunctionalWs.Routing;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Logging.Abstractions;

namespace Snippets.Run;

/// <summary>What fragments may use without declaring it.</summary>
internal abstract class Context
{
    private Server? live;
    private ServerConnection? open;

    protected ILogger logger { get; } = NullLogger.Instance;

    protected Action<ServerConnection> handler { get; } =
        connection =>
        {
            foreach (var message in connection)
                connection.Send(message);
        };

    protected ProcessRequest page { get; } = (_, _) => Response.None;

    protected ProcessRequest health { get; } = (_, _) => Response.None;

    protected Users database { get; } = new();

    protected Tokens tokens { get; } = new();

    protected Dictionary<string, string> dictionary { get; } = new() { ["alice"] = "secret" };

    protected string path { get; } = Path.GetTempFileName();

    protected TimeSpan timeout { get; } = TimeSpan.FromSeconds(5);

    protected Message message { get; } = new("hello");

    /// <summary>A server on any free port, with one connection.</summary>
    protected Server server
    {
        get
        {
            _ = connection;
            return live!;
        }
    }

    /// <summary>A connection whose client has said hello and echoes.</summary>
    protected ServerConnection connection
    {
        get
        {
            if (open is null)
                Connect();
            return open!;
        }
    }

    protected Socket socket
    {
        get
        {
            var bound = new Socket(SocketType.Stream, ProtocolType.Tcp);
            bound.Bind(new IPEndPoint(IPAddress.Loopback, 0));
            return bound;
        }
    }

    protected static void Show(ServerConnection connection, RouteValues values) =>
        connection.Send(values.ToString());

    public abstract void Run();

    private void Connect()
    {
        var arrived = new TaskCompletionSource<ServerConnection>();
        live = Server.Serve(
            connection =>
            {
                arrived.SetResult(connection);
                connection.WaitClosed(TimeSpan.FromSeconds(30));
            },
            "localhost",
            0
        );
        live.Start();
        _ = Echo(((IPEndPoint)live.LocalEndPoint!).Port);
        open = arrived.Task.Result;
    }

    private static async Task Echo(int port)
    {
        using var client = new ClientWebSocket();
        await client.ConnectAsync(new Uri($"ws://127.0.0.1:{port}/"), default);
        await client.SendAsync("hello"u8.ToArray(), WebSocketMessageType.Text, true, default);
        var buffer = new byte[65536];
        while (client.State == WebSocketState.Open)
        {
            var received = await client.ReceiveAsync(buffer.AsMemory(), default);
            if (received.MessageType == WebSocketMessageType.Close)
                await client.CloseAsync(WebSocketCloseStatus.NormalClosure, "", default);
            else
                await client.SendAsync(
                    buffer.AsMemory(0, received.Count),
                    received.MessageType,
                    received.EndOfMessage,
                    default
                );
        }
    }

    internal sealed class Users
    {
        public bool Check(string name, string password) => name == "alice" && password == "secret";
    }

    internal sealed class Tokens
    {
        public ClaimsPrincipal? Find(string token) =>
            token == "t0ken" ? new ClaimsPrincipal(new ClaimsIdentity("Bearer")) : null;
    }
}
