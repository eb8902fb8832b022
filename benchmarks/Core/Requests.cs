using System.Buffers;
using System.Text;
using BenchmarkDotNet.Attributes;
using FunctionalWs.Protocol;
using FunctionalWs.Routing;
using Microsoft.FSharp.Collections;
using Microsoft.FSharp.Core;

namespace Core;

/// <summary>The opening handshake of a browser, and the choice of a handler by its path.</summary>
public class Requests
{
    private static readonly ReadOnlySequence<byte> Head = new(
        Encoding.ASCII.GetBytes(
            """
            GET /room/kitchen?name=Ada HTTP/1.1
            Host: chat.example.com
            Connection: Upgrade
            Pragma: no-cache
            Cache-Control: no-cache
            User-Agent: Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/142.0.0.0 Safari/537.36
            Upgrade: websocket
            Origin: https://chat.example.com
            Sec-WebSocket-Version: 13
            Accept-Encoding: gzip, deflate, br, zstd
            Accept-Language: en-US,en;q=0.9
            Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==
            Sec-WebSocket-Extensions: permessage-deflate; client_max_window_bits


            """.ReplaceLineEndings("\r\n")
        )
    );

    private static readonly byte[] LargeHead = Encoding.ASCII.GetBytes(
        "GET / HTTP/1.1\r\n"
            + string.Concat(Enumerable.Repeat($"A: {new string('x', 995)}\r\n", 58))
            + "\r\n"
    );

    private readonly HandshakePolicy policy = HandshakePolicy.Default;
    private readonly RouteBase anywhere = new(null, false);
    private readonly Request request;
    private readonly RouteTable routes;

    public Requests()
    {
        request = ((RequestParse.Complete)ReadRequest()).Request;
        var rules = Enumerable
            .Range(0, 100)
            .Select(index => $"/page{index}/<int:id>")
            .Append("/room/<name>")
            .Select(text => RouteRule.Create(text, RoutePattern.Parse(text).ResultValue));
        routes = RouteTable.Create(true, rules).ResultValue;
    }

    [Benchmark]
    public RequestParse ReadRequest() => new RequestReader().Read(Head);

    /// <summary>A head of 58 KB that comes whole.</summary>
    [Benchmark]
    public RequestParse ReadLargeHead() => new RequestReader().Read(LargeHead);

    /// <summary>The same in single bytes.</summary>
    [Benchmark]
    public RequestParse ReadSingleBytes()
    {
        var reader = new RequestReader();
        for (var at = 0; ; at++)
        {
            var parse = reader.Read(LargeHead.AsSpan(at, 1));
            if (parse is not RequestParse.Incomplete incomplete)
                return parse;
            reader = incomplete.Next;
        }
    }

    [Benchmark]
    public HandshakeExamination Examine() => Handshake.Examine(policy, request);

    [Benchmark]
    public HandshakeResult Respond() =>
        Handshake.Respond(policy, DateTimeOffset.UnixEpoch, request);

    /// <summary>Among a hundred rules.</summary>
    [Benchmark]
    public RouteMatch Match() => routes.Match(anywhere, request);
}
