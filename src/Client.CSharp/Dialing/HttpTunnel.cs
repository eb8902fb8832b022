using System.Buffers;
using FunctionalWs.Protocol;

namespace FunctionalWs;

/// <summary>A tunnel through a proxy of HTTP (RFC 9110 §9.3.6).</summary>
internal static class HttpTunnel
{
    private const string Protocol = "HTTP/"; // what an answer begins with
    private const int LineRoom = 512;

    /// <summary>Asks a proxy for a tunnel to a server; what follows its answer on the stream is the server's.</summary>
    /// <exception cref="HandshakeRefusedException">The proxy refuses.</exception>
    /// <exception cref="IOException">The stream broke, or what answers is no proxy of HTTP.</exception>
    public static void Open(
        Transport transport,
        ProxyServer proxy,
        WebSocketUri uri,
        DialSettings settings,
        TimeLimit limit
    )
    {
        var request = new ArrayBufferWriter<byte>();
        RequestFor(uri, proxy.Credentials).WriteTo(request);
        transport.Write(request.WrittenSpan);
        var head = ReadHead(new ProxyInput(transport, proxy, limit), settings.HeadLimits);
        if (ProxyTunnel.Check(head) is not TunnelResult.Refused refused)
            return;
        var answer = RefusedAnswer.Read(transport, "CONNECT", head, default, settings, limit);
        throw HandshakeRefusedException.OfProxy(proxy.ToString(), head, answer, refused.Error);
    }

    private static Request RequestFor(WebSocketUri uri, BasicCredentials? credentials) =>
        credentials is null
            ? ProxyTunnel.CreateRequest(uri)
            : ProxyTunnel.CreateAuthorizedRequest(credentials, uri);

    /// <summary>Line by line: a head ends with one.</summary>
    private static ResponseHead ReadHead(ProxyInput input, HeadLimits limits)
    {
        Span<byte> line = stackalloc byte[LineRoom];
        var reader = new ResponseReader(limits);
        // What is something else is known by its first bytes, and may have no lines.
        var size = input.ReadLine(line[..Protocol.Length]);
        while (true)
        {
            switch (reader.Read(line[..size]))
            {
                case ResponseParse.Complete complete:
                    return complete.Head;
                case ResponseParse.Incomplete incomplete:
                    reader = incomplete.Next;
                    break;
                case ResponseParse.Malformed malformed:
                    throw input.Broken(Invariant($"breaks a rule of HTTP. {malformed.Error}"));
                default:
                    throw input.Broken("doesn't speak HTTP.");
            }
            size = input.ReadLine(line);
        }
    }
}
