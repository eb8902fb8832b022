using System.Buffers;
using System.Text;
using BenchmarkDotNet.Attributes;
using FunctionalWs.Protocol;
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

    private readonly RequestHeadLimits limits = RequestHeadLimits.Default;
    private readonly HandshakePolicy policy = HandshakePolicy.Default;
    private readonly RouteBase anywhere = new(FSharpValueOption<string>.None, false);
    private readonly Request request;
    private readonly RouteTable routes;

    public Requests()
    {
        request = ((RequestParse.Complete)Http.ReadRequest(limits, Head)).Request;
        var rules = Enumerable
            .Range(0, 100)
            .Select(index => $"/page{index}/<int:id>")
            .Append("/room/<name>")
            .Select(text => RouteRule.Create(text, RoutePatternModule.Parse(text).ResultValue));
        routes = RouteTableModule.Create(true, rules).ResultValue;
    }

    [Benchmark]
    public RequestParse ReadRequest() => Http.ReadRequest(limits, Head);

    [Benchmark]
    public FSharpResult<HandshakeOffer, HandshakeError> Examine() =>
        Handshake.Examine(policy, request);

    [Benchmark]
    public Response Accept() =>
        Handshake.Accept(
            policy,
            DateTimeOffset.UnixEpoch,
            Handshake.Examine(policy, request).ResultValue,
            FSharpValueOption<string>.None,
            FSharpList<ExtensionOffer>.Empty
        );

    /// <summary>Among a hundred rules.</summary>
    [Benchmark]
    public RouteMatch Match() => RouteTableModule.Match(routes, anywhere, request);
}
