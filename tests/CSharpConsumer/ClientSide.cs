using System.Buffers;
using System.Text;
using FunctionalWs.Protocol;

/// <summary>The client's side of the opening handshake, by hand: no socket is needed to see what it does.</summary>
internal static class ClientSide
{
    private static readonly byte[] Key = "the sample nonce"u8.ToArray();

    private const string Accepted =
        "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
        + "Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\nSec-WebSocket-Protocol: chat\r\n"
        + "Sec-WebSocket-Extensions: permessage-deflate; client_max_window_bits=12\r\n\r\n";

    public static void Uris()
    {
        var uri = WebSocketUri.Parse("wss://bob:secret@example.com:8443/chat?room=1");
        Check.True(uri.IsSecure && uri.Port == 8443 && uri.Host == "example.com");
        Check.Equal("/chat?room=1", uri.Target);
        Check.Equal("example.com:8443", uri.HostHeader);
        Check.Equal("example.com:8443", uri.Authority);
        Check.True(uri.TryGetCredentials(out var user) && user.Username == "bob");
        Check.Equal("wss://example.com:8443/chat?room=1", uri.ToString());
        Check.True(uri == WebSocketUri.Parse("wss://bob:secret@EXAMPLE.com:8443/chat?room=1"));
        Check.True(uri != WebSocketUri.Parse("ws://example.com/"));
        Check.True(uri.IsSameOrigin(WebSocketUri.Parse("wss://example.com:8443/")));
        Check.True(WebSocketUri.TryParse(new Uri("ws://h/")) is UriParse.Valid { Uri.Port: 80 });
        Check.True(
            WebSocketUri.TryParse("http://h/")
                is UriParse.Invalid { Error: UriError.Scheme { Name: "http" } }
        );
        Check.Throws<UriFormatException>(() => WebSocketUri.Parse("ws://h/#fragment"));
    }

    public static void Opened()
    {
        var offer = ClientOffer
            .Default.WithOrigin("https://example.com")
            .WithSubprotocols("chat", "superchat")
            .WithCompression(DeflateOffer.Create(false, false, null, 15, false))
            .WithExtension("x-a", new ExtensionParameter("level", "9"))
            .WithHeader("X-A", "1")
            .WithAddedHeader("X-A", "2")
            .WithCredentials(new BasicCredentials("bob", "secret"))
            .WithoutHeader("User-Agent");
        Check.Equal("https://example.com", offer.Origin);
        Check.True(offer.Subprotocols.SequenceEqual(["chat", "superchat"]));
        Check.Equal("x-a", offer.Extensions.Single().Name);
        Check.True(offer.TryGetCompression(out _));
        Check.True(!offer.WithoutCompression().TryGetCompression(out _));
        Check.True(offer.Headers.Contains("Authorization"));
        Check.True(!offer.WithoutSecrets().Headers.Contains("Authorization"));
        Check.Throws<ArgumentException>(() => offer.WithHeader("Host", "x"));

        var request = ClientHandshake.CreateRequest(Key, offer, WebSocketUri.Parse("ws://h/chat"));
        Check.Equal("GET ws://h/chat HTTP/1.1", request.ToString());
        Check.True(request.Uri.Host == "h" && request.Offer == offer);
        // By content: two that were made apart are the same.
        var one = ClientOffer.Default.WithOrigin("https://example.com");
        var two = ClientOffer.Default.WithOrigin("https://example.com");
        Check.True(!ReferenceEquals(one, two) && one == two && two != offer);
        Check.Equal("dGhlIHNhbXBsZSBub25jZQ==", request.Request.Headers.Get("Sec-WebSocket-Key"));

        var opened = (ClientResult.Opened)ClientHandshake.Check(request, Head(Accepted + "frames"));
        Check.Equal("chat", opened.Agreement.Subprotocol);
        Check.True(opened.Agreement.TryGetCompression(out var terms));
        Check.Equal((12, 1), (terms.ClientMaxWindowBits, terms.Parameters.Count));
        Check.Equal("permessage-deflate", opened.Agreement.Extensions.Single().Name);
    }

    public static void Refused()
    {
        var plain = ClientOffer.Default;
        var request = ClientHandshake.CreateRequest(Key, plain, WebSocketUri.Parse("ws://h/"));

        var moved = ClientHandshake.Check(
            request,
            Head("HTTP/1.1 302 Found\r\nLocation: /b\r\n\r\n")
        );
        Check.Equal("ws://h/b", ((ClientResult.Redirected)moved).Target.ToString());

        var head = Head("HTTP/1.1 401 No\r\nWWW-Authenticate: Basic realm=r\r\n\r\n");
        var refused = (ClientResult.Refused)ClientHandshake.Check(request, head);
        var asked = (ClientHandshakeError.AuthenticationRequired)refused.Error;
        var challenge = asked.Challenges.Single();
        Check.True(challenge.Scheme == "Basic" && challenge.Token is null);
        Check.Equal("r", challenge.Find("Realm"));
        Check.Equal("realm", challenge.Parameters.Single().Key);

        var wrong = (ClientResult.Refused)ClientHandshake.Check(request, Head(Accepted));
        Check.True(wrong.Error is ClientHandshakeError.Subprotocol { Name: "chat" });
        Check.Equal("The subprotocol 'chat' was not offered.", wrong.Error.ToString());
    }

    public static void Bodies()
    {
        var head = Head("HTTP/1.1 503 Busy\r\nTransfer-Encoding: chunked\r\n\r\n");
        Check.True(head.Version == "HTTP/1.1" && head.ReasonPhrase == "Busy");
        Check.True(head.Headers.Contains("Transfer-Encoding"));
        var body = new ArrayBufferWriter<byte>();
        var reader = BodyReader.Create(1_000, "GET", head);
        Check.True(reader.Framing.IsChunked);
        var parse = reader.Receive("5\r\nhello\r\n0\r\n"u8, body);
        Check.True(((BodyParse.Incomplete)parse).Next.ReceiveEndOfStream() is BodyParse.Malformed);
        var end = ((BodyParse.Incomplete)parse).Next.Receive("\r\n"u8, body);
        Check.Equal(2, ((BodyParse.Complete)end).Consumed);
        Check.Equal("hello", Encoding.UTF8.GetString(body.WrittenSpan));
        var small = BodyReader.Create(2, "GET", head).Receive("5\r\nhello\r\n"u8, body);
        Check.True(small is BodyParse.Cut);

        Check.True(new ResponseReader().Read("SSH-2.0-x\r\n"u8).IsNotHttp);
        var broken = new ResponseReader(new HeadLimits(64)).Read("HTTP/2 200 OK\r\n"u8);
        Check.True(((ResponseParse.Malformed)broken).Error.IsStartLine);
    }

    public static void Tunnels()
    {
        var uri = WebSocketUri.Parse("wss://example.com/");
        var request = ProxyTunnel.CreateAuthorizedRequest(
            new BasicCredentials("bob", "secret"),
            uri
        );
        Check.Equal("CONNECT example.com:443", $"{request.Method} {request.Target}");
        Check.True(request.Headers.Contains("Proxy-Authorization"));
        Check.True(!ProxyTunnel.CreateRequest(uri).Headers.Contains("Proxy-Authorization"));
        Check.True(ProxyTunnel.Check(Head("HTTP/1.1 200 Connection established\r\n\r\n")).IsOpened);
        Check.True(
            ProxyTunnel.Check(Head("HTTP/1.1 407 Proxy Authentication Required\r\n\r\n"))
                is TunnelResult.Refused { Error: ClientHandshakeError.AuthenticationRequired }
        );
    }

    private static ResponseHead Head(string text)
    {
        var bytes = Encoding.Latin1.GetBytes(text);
        var first = (ResponseParse.Incomplete)new ResponseReader().Read(bytes.AsSpan(0, 20));
        var rest = new ReadOnlySequence<byte>(bytes.AsMemory(20));
        return ((ResponseParse.Complete)first.Next.Read(rest)).Head;
    }
}
