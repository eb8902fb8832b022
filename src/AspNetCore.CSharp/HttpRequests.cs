using System.Net;
using System.Text;
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
    public static RequestParse Of(HttpContext context) =>
        Parse(
            context,
            headers => new(context.Request.Method, Target(context), Version(context), headers)
        );

    /// <summary>
    /// An extended CONNECT as the GET that it stands for, so that one set of rules judges both: what HTTP/2 leaves out is filled in
    /// (RFC 8441 §5).
    /// </summary>
    public static RequestParse OfConnect(HttpContext context) =>
        Parse(
            context,
            headers => new("GET", Target(context), "HTTP/1.1", HeadersOfUpgrade(headers))
        );

    private static Headers HeadersOfUpgrade(Headers headers) =>
        headers
            .Remove("Connection")
            .Remove("Upgrade")
            .Remove("Sec-WebSocket-Key")
            .Add("Connection", "Upgrade")
            .Add("Upgrade", "websocket")
            .Add("Sec-WebSocket-Key", NoKey);

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

    /// <summary>A web server lets headers through that are none by our rules: that is the client's mistake.</summary>
    private static RequestParse Parse(HttpContext context, Func<Headers, Request> make)
    {
        KeyValuePair<string, string>[] fields =
        [
            .. from field in context.Request.Headers
            where !field.Key.StartsWith(':')
            from value in field.Value
            select KeyValuePair.Create(field.Key, AsBytes(value ?? "")),
        ];
        if (TryCreate(fields) is { } headers)
            return RequestParse.NewComplete(make(headers), 0);
        var (name, text) = fields.First(field => TryCreate([field]) is null);
        return RequestParse.NewMalformed(HeadError.NewHeaderLine(Invariant($"{name}: {text}")));
    }

    private static Headers? TryCreate(KeyValuePair<string, string>[] fields)
    {
        try
        {
            return Headers.Create(fields);
        }
        catch (ArgumentException)
        {
            return null;
        }
    }

    /// <summary>
    /// A character for each byte, as the core has values. Kestrel decodes them as UTF-8, or as the application tells it: what it has
    /// taken as Latin-1 is as it should be.
    /// </summary>
    private static string AsBytes(string value) =>
        value.Any(letter => letter > 0xFF)
            ? Encoding.Latin1.GetString(Encoding.UTF8.GetBytes(value))
            : value;
}
