using System.Text;
using FunctionalWs.Protocol;

namespace FunctionalWs;

/// <summary>
/// No connection was opened: the server, or a proxy on the way to it, answered with something else, or in a way that breaks the rules
/// of the opening handshake (RFC 6455 §4.1).
/// </summary>
public sealed class HandshakeRefusedException : Exception
{
    internal HandshakeRefusedException(
        Response response,
        ClientHandshakeError? error,
        bool isFromProxy = false
    )
        : base(Describe(response, error, isFromProxy))
    {
        Response = response;
        Error = error;
        IsFromProxy = isFromProxy;
    }

    /// <summary>The answer: its status, header fields and body, of which the first 65,536 bytes are kept.</summary>
    public Response Response { get; }

    /// <summary>
    /// What is wrong with the answer; null for a redirect that isn't followed: one too many, or one that leads elsewhere than a given
    /// stream.
    /// </summary>
    public ClientHandshakeError? Error { get; }

    /// <summary>True when it was a proxy on the way that answered.</summary>
    public bool IsFromProxy { get; }

    /// <summary>The body of the answer as text in UTF-8. What the server wrote: to be escaped where that matters.</summary>
    public string Body => Encoding.UTF8.GetString(Response.Body.Span);

    private static string Describe(Response response, ClientHandshakeError? error, bool isFromProxy)
    {
        var who = isFromProxy ? "The proxy" : "The server";
        var body = PeerText.Escape(Encoding.UTF8.GetString(response.Body.Span).Trim());
        var phrase = PeerText.Escape(response.ReasonPhrase);
        var why = error is null or { IsStatus: true } ? "" : Invariant($" {error}");
        return Invariant($"{who} answered {response.StatusCode} {phrase}.{why} {body}").TrimEnd();
    }
}
