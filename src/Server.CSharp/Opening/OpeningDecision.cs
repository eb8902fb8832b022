using FunctionalWs.Protocol;

namespace FunctionalWs;

/// <summary>What becomes of an opening handshake: the answer, if there is one, and why.</summary>
/// <param name="Response">What is sent; null to close the stream without an answer.</param>
/// <param name="Subprotocol">The subprotocol of an accepted handshake; null for none.</param>
/// <param name="Extensions">The extensions that were agreed on, to be disposed of in any case.</param>
/// <param name="IsAccepted">True when sending the answer opens the connection.</param>
/// <param name="Reason">Why it is not accepted, for the log; empty when a hook gave the answer.</param>
internal sealed record OpeningDecision(
    Response? Response,
    string? Subprotocol,
    ExtensionChain Extensions,
    bool IsAccepted,
    string Reason
)
{
    /// <summary>What the application's code threw; null for nothing.</summary>
    public Exception? Failure { get; init; }

    public static OpeningDecision Ignored(string reason) =>
        new(null, null, ExtensionChain.Empty, false, reason);

    public static OpeningDecision Answered(Response response) =>
        new(response, null, ExtensionChain.Empty, false, "");

    public static OpeningDecision Rejected(Response? response, string reason) =>
        new(response, null, ExtensionChain.Empty, false, reason);

    /// <summary>Takes an acceptance back.</summary>
    public OpeningDecision Reject(Response response, string reason) =>
        Rejected(response, reason) with
        {
            Extensions = Extensions,
        };

    public static OpeningDecision Accepted(
        Response response,
        string? subprotocol,
        ExtensionChain extensions
    ) => new(response, subprotocol, extensions, true, "");
}
