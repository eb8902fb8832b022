using System.Net;
using FunctionalWs.Protocol;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.Features;

namespace FunctionalWs.AspNetCore;

/// <summary>What a web server has read, as the core judges it.</summary>
internal static class HttpRequests
{
    // On HTTP/2 there is none, since nothing has to prove that it understood (RFC 8441 §5): any will do.
    private const string NoKey = "AAAAAAAAAAAAAAAAAAAAAA==";

    /// <summary>The request as it came.</summary>
    public static Request Of(HttpContext context) =>
        new(context.Request.Method, Target(context), Version(context), Headers(context));

    /// <summary>
    /// An extended CONNECT as the GET that it stands for, so that one set of rules judges both: what HTTP/2 leaves out is filled in
    /// (RFC 8441 §5).
    /// </summary>
    public static Request OfConnect(HttpContext context)
    {
        var headers = Headers(context)
            .Remove("Connection")
            .Remove("Upgrade")
            .Remove("Sec-WebSocket-Key")
            .Add("Connection", "Upgrade")
            .Add("Upgrade", "websocket")
            .Add("Sec-WebSocket-Key", NoKey);
        return new Request("GET", Target(context), "HTTP/1.1", headers);
    }

    public static EndPoint? EndPoint(IPAddress? address, int port) =>
        address is null ? null
        : address.IsIPv4MappedToIPv6 ? new IPEndPoint(address.MapToIPv4(), port)
        : new IPEndPoint(address, port);

    private static string Target(HttpContext context) =>
        context.Features.Get<IHttpRequestFeature>()?.RawTarget is { Length: > 0 } raw
            ? raw
            : Invariant(
                $"{context.Request.PathBase}{context.Request.Path}{context.Request.QueryString}"
            );

    private static string Version(HttpContext context) =>
        HttpProtocol.IsHttp10(context.Request.Protocol) ? "HTTP/1.0" : "HTTP/1.1";

    private static Headers Headers(HttpContext context) =>
        Protocol.Headers.Create(
            from field in context.Request.Headers
            where !field.Key.StartsWith(':')
            from value in field.Value
            select KeyValuePair.Create(field.Key, value ?? "")
        );
}
