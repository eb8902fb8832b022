using System.Text;
using FunctionalWs.Protocol;

namespace FunctionalWs.Testing;

/// <summary>The server answered a request for a WebSocket with something else than 101.</summary>
public sealed class HandshakeRefusedException : Exception
{
    private const int MaxQuoted = 200;

    internal HandshakeRefusedException(Response response)
        : base(Describe(response)) => Response = response;

    /// <summary>The answer: its status, header fields and body.</summary>
    public Response Response { get; }

    /// <summary>The body of the answer as UTF-8.</summary>
    public string Body => Encoding.UTF8.GetString(Response.Body.Span);

    private static string Describe(Response response)
    {
        var body = Encoding.UTF8.GetString(response.Body.Span).Trim();
        var quoted = body.Length > MaxQuoted ? body[..MaxQuoted] + "…" : body;
        return Invariant(
                $"The server answered {response.StatusCode} {response.ReasonPhrase}. {quoted}"
            )
            .TrimEnd();
    }
}
