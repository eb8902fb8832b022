using System.Text;
using FunctionalWs.Protocol;

namespace FunctionalWs;

/// <summary>
/// A server, or a proxy on the way to it, gave an answer that opens no WebSocket (RFC 6455 §4.1, RFC 9110 §9.3.6). Immutable.
/// </summary>
public sealed class HandshakeRefusedException : Exception
{
    private HandshakeRefusedException(
        string message,
        Response response,
        ClientHandshakeError? error,
        bool isFromProxy
    )
        : base(message)
    {
        Response = response;
        Error = error;
        IsFromProxy = isFromProxy;
    }

    /// <summary>
    /// The answer: its status, header fields and as much of its body as is kept. A status beyond 599, which stands for 500 (RFC 9110
    /// §15), is 500 here and as it came in <see cref="Exception.Message"/>.
    /// </summary>
    public Response Response { get; }

    /// <summary>The body of the answer, as much of it as is kept, as UTF-8; what is none is replaced by U+FFFD.</summary>
    public string Body => Encoding.UTF8.GetString(Response.Body.Span);

    /// <summary>What is wrong with the answer; null for a redirect that isn't followed.</summary>
    public ClientHandshakeError? Error { get; }

    /// <summary>True when a proxy gave the answer, and the server was not reached; false when it was the server's.</summary>
    public bool IsFromProxy { get; }

    /// <param name="head">The answer's head.</param>
    /// <param name="response">The answer.</param>
    /// <param name="error">What is wrong with it.</param>
    internal static HandshakeRefusedException OfServer(
        ResponseHead head,
        Response response,
        ClientHandshakeError? error
    ) => new(Describe("The server", head, response, error), response, error, isFromProxy: false);

    /// <param name="proxy">The proxy, without its credentials.</param>
    /// <param name="head">The answer's head.</param>
    /// <param name="response">The answer.</param>
    /// <param name="error">What is wrong with it.</param>
    internal static HandshakeRefusedException OfProxy(
        string proxy,
        ResponseHead head,
        Response response,
        ClientHandshakeError? error
    ) =>
        new(
            Describe(Invariant($"The proxy {proxy}"), head, response, error),
            response,
            error,
            isFromProxy: true
        );

    private static string Describe(
        string who,
        ResponseHead head,
        Response response,
        ClientHandshakeError? error
    )
    {
        var status = Invariant($"{head.StatusCode} {PeerText.Escape(head.ReasonPhrase)}").TrimEnd();
        var reason = error is null or ClientHandshakeError.Status ? "" : Invariant($" {error}");
        var body = Encoding.UTF8.GetString(response.Body.Span).Trim();
        var quoted = body.Length == 0 ? "" : Invariant($" {PeerText.Escape(body)}");
        return Invariant($"{who} answered {status}.{reason}{quoted}");
    }
}
