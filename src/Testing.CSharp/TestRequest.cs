using System.Buffers;
using System.Text;
using FunctionalWs.Protocol;

namespace FunctionalWs.Testing;

/// <summary>The requests of a test client.</summary>
internal static class TestRequest
{
    // The nonce needn't be one: nothing lies between the two ends (RFC 6455 §4.1).
    private const string Key = "dGhlIHNhbXBsZSBub25jZQ==";

    public static Request WebSocket(string target, TestClientOptions options)
    {
        var headers = Common(options)
            .Add("Upgrade", "websocket")
            .Add("Connection", "Upgrade")
            .Add("Sec-WebSocket-Key", Key)
            .Add("Sec-WebSocket-Version", "13");
        if (options.Subprotocols.Count > 0)
            headers = headers.Add(
                "Sec-WebSocket-Protocol",
                string.Join(", ", options.Subprotocols)
            );
        return Create("GET", target, headers, options);
    }

    public static Request Plain(string method, string target, TestClientOptions options) =>
        Create(method, target, Common(options), options);

    public static byte[] ToBytes(Request request)
    {
        var writer = new ArrayBufferWriter<byte>();
        Http.WriteRequest(request, writer);
        return writer.WrittenSpan.ToArray();
    }

    private static Headers Common(TestClientOptions options)
    {
        var headers = Headers.Empty.Add("Host", "localhost");
        if (options.Origin is { } origin)
            headers = headers.Add("Origin", origin);
        if (options.Credentials is { } credentials)
            headers = headers.Add(
                "Authorization",
                "Basic "
                    + Convert.ToBase64String(
                        Encoding.UTF8.GetBytes($"{credentials.UserName}:{credentials.Password}")
                    )
            );
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
            throw new ArgumentException($"'{method}' is no method.", nameof(method));
        if (target.Length == 0 || !target.All(character => character is > ' ' and <= '~'))
            throw new ArgumentException(
                $"'{target}' is no target: it has one or more characters of 0x21-0x7E.",
                nameof(target)
            );
        foreach (var (name, _) in options.Headers)
            headers = headers.Remove(name);
        foreach (var (name, value) in options.Headers)
            headers = headers.Add(name, value);
        return new Request(method, target, "HTTP/1.1", headers);
    }
}
