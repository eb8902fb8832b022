using System.Net;
using System.Net.Sockets;
using System.Net.WebSockets;
using System.Text;

/// <summary>.NET's own WebSocket client, with calls that block for a bounded time.</summary>
internal sealed class PlatformClient : IDisposable
{
    private readonly CancellationTokenSource timeout = new(Check.Limit);
    private readonly ClientWebSocket socket = new();

    public PlatformClient(Uri server, Action<ClientWebSocketOptions>? configure = null)
    {
        configure?.Invoke(socket.Options);
        var handler = new SocketsHttpHandler
        {
            SslOptions = { RemoteCertificateValidationCallback = (_, _, _, _) => true },
        };
        using var invoker = new HttpMessageInvoker(handler, disposeHandler: false);
        socket.ConnectAsync(server, invoker, timeout.Token).GetAwaiter().GetResult();
    }

    public static Uri To(EndPoint? server, string path = "/", string scheme = "ws") =>
        new($"{scheme}://127.0.0.1:{((IPEndPoint)server!).Port}{path}");

    public string? Subprotocol => socket.SubProtocol;

    public WebSocketCloseStatus? CloseStatus => socket.CloseStatus;

    public void Send(string text, bool isLast = true) =>
        Send(Encoding.UTF8.GetBytes(text), WebSocketMessageType.Text, isLast);

    public void Send(params byte[] data) => Send(data, WebSocketMessageType.Binary, true);

    /// <summary>The next message: its text, its bytes in hexadecimal, or the code of the closing.</summary>
    public string Receive()
    {
        var buffer = new byte[10_000];
        var size = 0;
        ValueWebSocketReceiveResult received;
        do
        {
            received = Await(socket.ReceiveAsync(buffer.AsMemory(size), timeout.Token));
            size += received.Count;
        } while (!received.EndOfMessage);

        return received.MessageType switch
        {
            WebSocketMessageType.Text => Encoding.UTF8.GetString(buffer, 0, size),
            WebSocketMessageType.Binary => Convert.ToHexString(buffer, 0, size),
            _ => $"closed {(int?)socket.CloseStatus}",
        };
    }

    public void Close(WebSocketCloseStatus status = WebSocketCloseStatus.NormalClosure) =>
        socket.CloseAsync(status, "", timeout.Token).GetAwaiter().GetResult();

    public void Dispose()
    {
        socket.Dispose();
        timeout.Dispose();
    }

    /// <summary>The status and the text of an answer to a plain request.</summary>
    public static (HttpStatusCode Status, string Text) Get(Uri url, string? authorization = null)
    {
        using var handler = new HttpClientHandler { AllowAutoRedirect = false };
        using var http = new HttpClient(handler) { Timeout = Check.Limit };
        using var request = new HttpRequestMessage(
            HttpMethod.Get,
            new UriBuilder(url) { Scheme = "http" }.Uri
        );
        if (authorization is not null)
            request.Headers.Add("Authorization", authorization);
        using var response = http.Send(request);
        using var reader = new StreamReader(response.Content.ReadAsStream());
        var location = response.Headers.Location;
        return (response.StatusCode, location?.ToString() ?? reader.ReadToEnd());
    }

    /// <summary>A raw connection, past its handshake, for what no client library sends.</summary>
    public static Socket ConnectRaw(EndPoint server)
    {
        var socket = new Socket(server.AddressFamily, SocketType.Stream, ProtocolType.Unspecified);
        socket.Connect(server);
        socket.ReceiveTimeout = (int)Check.Limit.TotalMilliseconds;
        socket.Send(
            "GET / HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"u8
        );
        var answer = "";
        var one = new byte[1];
        while (!answer.EndsWith("\r\n\r\n", StringComparison.Ordinal))
        {
            Check.Equal(1, socket.Receive(one));
            answer += (char)one[0];
        }

        Check.True(answer.StartsWith("HTTP/1.1 101 ", StringComparison.Ordinal));
        return socket;
    }

    private void Send(byte[] data, WebSocketMessageType type, bool isLast) =>
        Await(socket.SendAsync(data, type, isLast, timeout.Token));

    private static void Await(ValueTask task) => task.AsTask().GetAwaiter().GetResult();

    private static void Await(Task task) => task.GetAwaiter().GetResult();

    private static T Await<T>(ValueTask<T> task) => task.AsTask().GetAwaiter().GetResult();
}
