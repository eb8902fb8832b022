using System.Buffers;
using FunctionalWs.Protocol;

namespace FunctionalWs.Testing;

/// <summary>The requests of a test client.</summary>
internal static class TestRequest
{
    // The nonce needn't be one: nothing lies between the two ends (RFC 6455 §4.1).
    private static readonly byte[] Key = "the sample nonce"u8.ToArray();

    private static readonly WebSocketUri Server = WebSocketUri.Parse("ws://localhost/");

    /// <summary>A request for a WebSocket, as the client's side of the core makes it, with the test's changes to it.</summary>
    public static (ClientRequest Handshake, Request Sent) WebSocket(
        string target,
        TestClientOptions options
    )
    {
        var handshake = ClientHandshake.CreateRequest(Key, Offer(options), Server);
        return (handshake, Create("GET", target, handshake.Request.Headers, options));
    }

    /// <summary>True when the answer has to go with the handshake: the test has changed nothing of it.</summary>
    public static bool IsOwn(TestClientOptions options) =>
        !options.Headers.Any(header =>
            header.Name.StartsWith("Sec-WebSocket-", StringComparison.OrdinalIgnoreCase)
        );

    public static Request Plain(string method, string target, TestClientOptions options) =>
        Create(method, target, Common(options), options);

    public static byte[] ToBytes(Request request)
    {
        var writer = new ArrayBufferWriter<byte>();
        request.WriteTo(writer);
        return writer.WrittenSpan.ToArray();
    }

    private static ClientOffer Offer(TestClientOptions options)
    {
        var offer = ClientOffer
            .Default.WithoutHeader("User-Agent")
            .WithSubprotocols([.. options.Subprotocols]);
        if (options.Origin is { } origin)
            offer = offer.WithOrigin(origin);
        if (options.Credentials is { } credentials)
            offer = offer.WithCredentials(
                new BasicCredentials(credentials.UserName, credentials.Password)
            );
        if (options.Deflate is { } deflate)
            offer = offer.WithCompression(deflate.Offer);
        return offer;
    }

    private static Headers Common(TestClientOptions options)
    {
        var offer = Offer(options);
        var headers = Headers.Empty.Add("Host", "localhost");
        if (options.Origin is { } origin)
            headers = headers.Add("Origin", origin);
        foreach (var (name, value) in offer.Headers)
            headers = headers.Add(name, value);
        return headers;
    }

    private static Request Create(
        string method,
        string target,
        Headers headers,
        TestClientOptions options
    )
    {
        if (!HeaderSyntax.IsToken(method))
            throw new ArgumentException(Invariant($"'{method}' is no method."), nameof(method));
        if (target.Length == 0 || !target.All(character => character is > ' ' and <= '~'))
            throw new ArgumentException(
                Invariant($"'{target}' is no target: it has one or more characters of 0x21-0x7E."),
                nameof(target)
            );
        foreach (var (name, _) in options.Headers)
            headers = headers.Remove(name);
        foreach (var (name, value) in options.Headers)
            headers = headers.Add(name, value);
        return new Request(method, target, "HTTP/1.1", headers);
    }
}
