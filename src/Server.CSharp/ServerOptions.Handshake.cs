using FunctionalWs.Protocol;
using Microsoft.FSharp.Collections;
using Microsoft.FSharp.Core;

namespace FunctionalWs;

/// <content>Settings of the opening handshake.</content>
public sealed partial record ServerOptions
{
    /// <summary>
    /// Origins that may connect, compared exactly (RFC 6454 §6.2); an empty string stands for a request without one. Null,
    /// the default, lets everyone in. Others are answered with 403 (RFC 6455 §10.2).
    /// </summary>
    public IReadOnlyList<string>? Origins { get; init; }

    /// <summary>
    /// Subprotocols in order of preference, each a token; empty, the default, for none (RFC 6455 §1.9). A client that offers
    /// none of them is answered with 400.
    /// </summary>
    public IReadOnlyList<string> Subprotocols { get; init; } = [];

    /// <summary>
    /// Chooses the subprotocol in place of <see cref="Subprotocols"/>' order of preference; null, the default, to go by that.
    /// When it returns a name that the client doesn't offer, or throws anything but a <see cref="NegotiationException"/>, the
    /// client is answered with 500.
    /// </summary>
    public SelectSubprotocol? SelectSubprotocol { get; init; }

    /// <summary>
    /// The value of the <c>Server</c> header; null or empty to leave it out. <c>FunctionalWs</c> by default.
    /// </summary>
    public string? ServerHeader { get; init; } = "FunctionalWs";

    /// <summary>
    /// Called with each request before it is judged, to answer it in some other way; null, the default, to do without.
    /// </summary>
    public ProcessRequest? ProcessRequest { get; init; }

    /// <summary>
    /// Called with each response before it is sent, to change it; null, the default, to do without.
    /// </summary>
    public ProcessResponse? ProcessResponse { get; init; }

    private void ValidateHandshake()
    {
        ArgumentNullException.ThrowIfNull(Subprotocols);
        foreach (var name in Subprotocols)
        {
            if (!HeaderSyntax.IsToken(name))
                throw new ArgumentException(
                    $"Subprotocols: '{name}' is no token (RFC 9110 §5.6.2).",
                    nameof(Subprotocols)
                );
        }
        if (!HeaderSyntax.IsValue(ServerHeader ?? ""))
            throw new ArgumentException(
                "ServerHeader has a character that no header can have.",
                nameof(ServerHeader)
            );
    }

    internal RequestHeadLimits ToRequestHeadLimits() => RequestHeadLimits.Default;

    internal HandshakePolicy ToHandshakePolicy() =>
        new(
            Origins is null
                ? FSharpValueOption<FSharpList<OriginRule>>.None
                : ListModule.OfSeq(Origins.Select(ToRule)),
            ListModule.OfSeq(Subprotocols),
            ServerHeader is null ? FSharpValueOption<string>.None : ServerHeader
        );

    private static OriginRule ToRule(string origin) =>
        origin.Length == 0 ? OriginRule.Absent : OriginRule.NewExact(origin);
}
