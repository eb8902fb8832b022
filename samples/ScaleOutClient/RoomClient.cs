using System.Net.Sockets;
using System.Net.WebSockets;
using System.Text;
using System.Text.Json;

namespace ScaleOutClient;

/// <summary>What somebody said: its id in the stream, the process that took it, and the text.</summary>
internal sealed record Entry(string Id, string Process, string Text);

/// <summary>
/// A client that comes back. It remembers the id of the last entry that it got, and asks for what came after it whenever it connects
/// anew.
/// </summary>
internal sealed class RoomClient : IDisposable
{
    private readonly HttpMessageInvoker proxy;
    private readonly string room;
    private readonly CancellationTokenSource end = new();
    private readonly SemaphoreSlim reading = new(1); // held by who wants the client not to read
    private readonly List<Entry> entries = [];
    private volatile ClientWebSocket? open;
    private volatile string process = "";
    private volatile string lastId;
    private volatile int connects;

    public RoomClient(string proxySocket, string room, string lastId = "")
    {
        this.room = room;
        this.lastId = lastId;
        proxy = new HttpMessageInvoker(
            new SocketsHttpHandler
            {
                ConnectCallback = async (_, cancel) =>
                {
                    var socket = new Socket(
                        AddressFamily.Unix,
                        SocketType.Stream,
                        ProtocolType.Unspecified
                    );
                    await socket.ConnectAsync(new UnixDomainSocketEndPoint(proxySocket), cancel);
                    return new NetworkStream(socket, ownsSocket: true);
                },
            }
        );
        _ = Live();
    }

    /// <summary>The process that serves it; empty while there is none.</summary>
    public string Process => process;

    /// <summary>How often it was let in.</summary>
    public int Connects => connects;

    public string LastId => lastId;

    /// <summary>What the last connection was closed with; null if it was cut.</summary>
    public int? CloseCode { get; private set; }

    public Entry[] Entries
    {
        get
        {
            lock (entries)
                return [.. entries];
        }
    }

    public async Task Say(string text) =>
        await open!.SendAsync(
            Encoding.UTF8.GetBytes(text),
            WebSocketMessageType.Text,
            true,
            end.Token
        );

    /// <summary>Stops reading until the result is disposed, as a client that is slow.</summary>
    public IDisposable Pause()
    {
        reading.Wait();
        return new Paused(reading);
    }

    public void Dispose() => end.Cancel();

    private async Task Live()
    {
        while (!end.IsCancellationRequested)
        {
            try
            {
                await Stay();
            }
            catch (Exception error)
                when (error
                        is WebSocketException
                            or HttpRequestException
                            or IOException
                            or OperationCanceledException
                )
            {
                // Cut, or not let in: in both cases it tries again.
            }
            process = "";
            // Not all at once, when a process that had many is gone.
            await Task.Delay(Random.Shared.Next(50, 200));
        }
    }

    /// <summary>One connection, from its opening to its end.</summary>
    private async Task Stay()
    {
        using var socket = new ClientWebSocket();
        CloseCode = null;
        await socket.ConnectAsync(
            new Uri($"ws://proxy/room/{room}?after={lastId}"),
            proxy,
            end.Token
        );
        open = socket;
        while (await Receive(socket) is { } message)
        {
            using var json = JsonDocument.Parse(message);
            Take(json.RootElement);
        }
        CloseCode = (int?)socket.CloseStatus;
        await socket.CloseOutputAsync(WebSocketCloseStatus.NormalClosure, "", end.Token);
    }

    private void Take(JsonElement message)
    {
        var from = message.GetProperty("process").GetString()!;
        if (!message.TryGetProperty("id", out var id)) // the greeting
        {
            connects++;
            process = from;
            return;
        }
        lock (entries)
            entries.Add(new Entry(id.GetString()!, from, message.GetProperty("text").GetString()!));
        lastId = id.GetString()!;
    }

    /// <summary>A whole message; null for the end.</summary>
    private async Task<string?> Receive(ClientWebSocket socket)
    {
        var buffer = new byte[16 * 1024];
        using var message = new MemoryStream();
        while (true)
        {
            await reading.WaitAsync(end.Token);
            reading.Release();
            var part = await socket.ReceiveAsync(buffer, end.Token);
            if (part.MessageType == WebSocketMessageType.Close)
                return null;
            message.Write(buffer, 0, part.Count);
            if (part.EndOfMessage)
                return Encoding.UTF8.GetString(message.ToArray());
        }
    }

    private sealed class Paused(SemaphoreSlim reading) : IDisposable
    {
        public void Dispose() => reading.Release();
    }
}
