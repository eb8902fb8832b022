using FunctionalWs.Protocol;

namespace FunctionalWs;

/// <summary>What spans tell of a request: escaped and cut, without the query, in which secrets may be.</summary>
internal static class SpanText
{
    private static readonly HashSet<string> Methods =
    [
        "CONNECT",
        "DELETE",
        "GET",
        "HEAD",
        "OPTIONS",
        "PATCH",
        "POST",
        "PUT",
        "TRACE",
    ];

    /// <summary>The method; null for one that no standard defines.</summary>
    public static string? Method(Request request) =>
        Methods.Contains(request.Method) ? request.Method : null;

    public static string Path(Request request)
    {
        var target = request.Target;
        var query = target.IndexOf('?');
        return PeerText.Escape(query < 0 ? target : target[..query]);
    }

    public static string? UserAgent(Request request) =>
        request.Headers.GetAll("User-Agent") is [var agent] ? PeerText.Escape(agent) : null;
}
