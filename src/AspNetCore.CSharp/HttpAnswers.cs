using FunctionalWs.Protocol;
using Microsoft.AspNetCore.Http;

namespace FunctionalWs.AspNetCore;

/// <summary>Answers of ours through a web server, which adds its own date and name, and frames the body.</summary>
internal static class HttpAnswers
{
    /// <summary>Sends an answer that opens nothing.</summary>
    public static async Task Send(HttpContext context, Response response)
    {
        var isHttp1 = IsHttp1(context);
        context.Response.StatusCode = response.StatusCode;
        SetHeaders(context, response, isHttp1);
        if (isHttp1 && response.Headers.Contains("Upgrade"))
            context.Response.Headers.Connection = "close, Upgrade"; // RFC 9110 §7.8
        if (response.Body.IsEmpty)
            return;
        context.Response.ContentLength = response.Body.Length;
        await context.Response.Body.WriteAsync(response.Body, context.RequestAborted);
    }

    /// <summary>Puts the headers of an answer that opens a connection where the web server sends them.</summary>
    public static void SetHeaders(HttpContext context, Response response, bool isHttp1)
    {
        foreach (var (name, value) in response.Headers)
        {
            if (!IsWebServers(name) && (isHttp1 || !IsOfHttp1(name)))
                context.Response.Headers.Append(name, value);
        }
    }

    /// <summary>Takes them back: something else is answered.</summary>
    public static void RemoveHeaders(HttpContext context, Response response)
    {
        foreach (var (name, _) in response.Headers)
            context.Response.Headers.Remove(name);
    }

    public static bool IsHttp1(HttpContext context) =>
        HttpProtocol.IsHttp11(context.Request.Protocol)
        || HttpProtocol.IsHttp10(context.Request.Protocol);

    private static bool IsWebServers(string name) =>
        Is(name, "Date")
        || Is(name, "Server")
        || Is(name, "Connection")
        || Is(name, "Content-Length");

    private static bool IsOfHttp1(string name) =>
        Is(name, "Upgrade") || Is(name, "Sec-WebSocket-Accept");

    private static bool Is(string name, string other) =>
        string.Equals(name, other, StringComparison.OrdinalIgnoreCase);
}
