using System.Buffers;
using System.Net;
using System.Text;
using FunctionalWs.Protocol;

/// <summary>The opening handshake without a server: bytes of a client to bytes of the answer.</summary>
internal static class ByHand
{
    private const string Head =
        "GET /chat HTTP/1.1\r\nHost: example.com\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
        + "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n"
        + "Sec-WebSocket-Protocol: v1\r\nSec-WebSocket-Extensions: x; a=1\r\nCookie: secret\r\n\r\n";

    /// <summary>In single bytes, as the slowest of clients sends them.</summary>
    private static RequestParse Read(string text, HeadLimits? limits = null)
    {
        var bytes = Encoding.Latin1.GetBytes(text);
        var reader = limits is null ? new RequestReader() : new RequestReader(limits);
        for (var at = 0; at < bytes.Length; at++)
        {
            var parse = reader.Read(bytes.AsSpan(at, 1));
            if (parse is not RequestParse.Incomplete { Next: var next })
                return parse;
            reader = next;
        }
        return reader.Read(ReadOnlySequence<byte>.Empty);
    }

    private static string Text(Response response)
    {
        var bytes = new ArrayBufferWriter<byte>();
        response.WriteTo(bytes);
        return Encoding.Latin1.GetString(bytes.WrittenSpan);
    }

    public static void Heads()
    {
        var complete = (RequestParse.Complete)Read(Head);
        var request = complete.Request;
        Check.Equal(("GET", "/chat"), (request.Method, request.Target));
        Check.True(!request.ToString()!.Contains("secret") && Read("\x16").IsNotHttp);
        Check.True(request.Headers.TryGet("host", out var host) && host == "example.com");
        Check.Equal(null, request.Headers.Get("missing"));

        var limits = new HeadLimits(maxHeadSize: 64);
        Check.True(
            limits.Equals(new HeadLimits(maxHeadSize: 64)) && !limits.Equals(HeadLimits.Default)
        );
        var error = ((RequestParse.Malformed)Read(Head, limits)).Error;
        Check.Equal((431, true), (error.StatusCode, error.IsHeadTooLarge));
        Check.Equal("RFC 6585 §5", error.Section.ToString());
        Check.True(Text(Handshake.RejectHead(error)).Contains(error.Description));
    }

    public static void Handshakes()
    {
        var now = DateTimeOffset.UnixEpoch;
        var request = ((RequestParse.Complete)Read(Head)).Request;
        var policy = new HandshakePolicy(
            [OriginRule.Absent],
            ["v2", "v1"],
            serverHeader: null,
            readsExtensions: true
        );
        Check.True(
            Handshake.Respond(policy, now, request)
                is HandshakeResult.Accepted { Subprotocol: "v1" } accepted
                && accepted.Response.StatusCode == 101
        );
        Check.Equal(101, Handshake.Respond(policy, now, request).Response.StatusCode);

        var kept = (HandshakeExamination.Kept)Handshake.Examine(policy, request);
        Check.Equal("x", kept.Offer.Extensions.Single().Name);
        var agreed = ExtensionOffer.Create("x", [new ExtensionParameter("a", null)]);
        var answer = Answer.Complete(
            "mine",
            now,
            "GET",
            Handshake.Accept(kept.Offer, "v1", [agreed])
        );
        Check.True(Text(answer).Contains("Sec-WebSocket-Extensions: x; a\r\n"));

        var strangers = new HandshakePolicy([OriginRule.NewExact("https://example.com")]);
        var broken = (HandshakeExamination.Broken)Handshake.Examine(strangers, request);
        Check.Equal((403, true), (broken.Error.StatusCode, broken.Error.IsOrigin));
        Check.Equal(
            Answer.Frame("GET", Handshake.Reject(broken.Error)),
            Answer.Frame("GET", Handshake.Reject(broken.Error))
        );
        Check.Equal("Early Hints", StatusCode.ReasonPhrase(103));
    }

    /// <summary>From the first byte to a message and its answer.</summary>
    public static void Sides()
    {
        var (message, output) = (new ArrayBufferWriter<byte>(), new ArrayBufferWriter<byte>());
        var side = ServerSide.Create(HandshakePolicy.Default, ConnectionSettings.Server);
        byte[] bytes = [.. Encoding.Latin1.GetBytes(Head), 0x81, 0x82, 0, 0, 0, 0, 0x68, 0x69];
        var step = side.Receive(bytes, message, output, DateTimeOffset.UnixEpoch);
        Check.True(step.Incoming.IsNothing && step.Consumed == Head.Length && !step.HalfClose);
        Check.True(step.Next.TryGetRequest(out var request) && request.Target == "/chat");
        Check.True(step.Next.Subprotocol is null && step.Next.Endpoint is { IsClosed: false });
        step = step.Next.Receive(
            bytes.AsSpan(Head.Length),
            message,
            output,
            DateTimeOffset.UnixEpoch
        );
        Check.Equal("hi", Encoding.UTF8.GetString(message.WrittenSpan));
        output.ResetWrittenCount();
        side = step.Next.Send(Command.NewMessage(DataKind.Text), "hi"u8, output);
        Check.True(output.WrittenSpan.SequenceEqual<byte>([0x81, 2, 0x68, 0x69]));
        side = side.EndOfStream().Next;
        Check.True(side.IsClosed && side.IsSendingOver && !side.IsRefused);
        Check.True(side.Endpoint!.IsSendingOver);

        var client = WebSocketEndpoint.Create(ConnectionSettings.Client);
        Check.Throws<ArgumentNullException>(() => client.Receive([], message, output));
    }

    public static void Proxies()
    {
        var hops = Forwarded.ParseForwarded(["for=192.0.2.1", "for=\"broken", "for=192.0.2.2"]);
        var client = Forwarded.FindClient(
            address => address.Equals(IPAddress.Parse("192.0.2.2")),
            hops
        );
        Check.Equal(IPEndPoint.Parse("192.0.2.2:0"), client);
        var parse = ProxyProtocol.Parse("PROXY TCP4 192.0.2.1 192.0.2.2 1 2\r\n"u8);
        Check.True(
            parse
                is ProxyParse.Complete
                {
                    Header: ProxyHeader.Proxied { Source.Port: 1 },
                    Consumed: 36
                }
        );
    }
}
