using FunctionalWs.Protocol;
using Microsoft.FSharp.Collections;
using Microsoft.FSharp.Core;

namespace FunctionalWs;

/// <summary>
/// What is answered to a request: the hook for requests, the core's rules, the choice of a subprotocol and of extensions,
/// the hook for responses, in this order. What user code throws becomes a 500 without details and one ERROR record.
/// </summary>
internal sealed class OpeningPolicy(ServerOptions options, Func<bool> isStopping, Log log)
{
    private readonly HandshakePolicy policy = options.ToHandshakePolicy();
    private readonly ExtensionNegotiation negotiation = new(options);

    private DateTimeOffset Now => options.TimeProvider.GetUtcNow();

    /// <summary>Decides on a request. Never throws.</summary>
    public OpeningDecision Decide(ServerConnection connection, Request request)
    {
        var decision = AskRequestHook(connection, request) ?? Judge(connection, request);
        var response = Answer.Complete(
            policy.ServerHeader,
            Now,
            request.Method,
            decision.Response!
        );
        var reviewed = AskResponseHook(connection, request, decision with { Response = response });
        return reviewed.IsAccepted && isStopping()
            ? reviewed.Reject(Unavailable(), "the server is shutting down")
            : reviewed;
    }

    /// <summary>Decides on bytes that are no request.</summary>
    public OpeningDecision Decide(HandshakeError error) => Rejected(error);

    /// <summary>The answer to a client for whom there is no room.</summary>
    public Response Unavailable() =>
        Plain(503, "The server takes no further connections at the moment.\n")
            .WithHeader("Retry-After", "5");

    /// <summary>A complete response with a plain text.</summary>
    public Response Plain(int statusCode, string text) =>
        Answer.Complete(policy.ServerHeader, Now, "GET", Response.Text(statusCode, text));

    private OpeningDecision? AskRequestHook(ServerConnection connection, Request request)
    {
        try
        {
            if (options.ProcessRequest?.Invoke(connection, request) is not { } response)
                return null;
            if (response.StatusCode == 101)
                throw new InvalidOperationException(
                    "ProcessRequest returned a response with status 101: return null to let the handshake go on."
                );
            return OpeningDecision.Answered(response);
        }
        catch (Exception error)
        {
            log.ProcessRequestFailed(error);
            return Failed(error);
        }
    }

    private OpeningDecision Judge(ServerConnection connection, Request request)
    {
        var examined = Handshake.Examine(policy, request);
        if (examined.IsError)
            return Rejected(examined.ErrorValue);
        var extensions = OfferedExtensions(request);
        if (extensions.IsError)
            return Rejected(extensions.ErrorValue);
        var terms = new Terms(connection, examined.ResultValue, extensions.ResultValue);
        if (options.SelectSubprotocol is { } select)
            return AskSelector(select, terms);

        var selected = Handshake.SelectSubprotocol(policy, terms.Offer);
        return selected.IsError
            ? Rejected(selected.ErrorValue)
            : Accepted(terms, selected.ResultValue.IsSome ? selected.ResultValue.Value : null);
    }

    private FSharpResult<FSharpList<ExtensionOffer>, HandshakeError> OfferedExtensions(
        Request request
    ) =>
        negotiation.HasExtensions
            ? Handshake.OfferedExtensions(request)
            : FSharpResult<FSharpList<ExtensionOffer>, HandshakeError>.NewOk(
                FSharpList<ExtensionOffer>.Empty // what [] calls, the FSharp.Core of scripts doesn't have
            );

    /// <summary>What a client that keeps the rules offers.</summary>
    private readonly record struct Terms(
        ServerConnection Connection,
        HandshakeOffer Offer,
        FSharpList<ExtensionOffer> Extensions
    );

    private OpeningDecision AskSelector(SelectSubprotocol select, Terms terms)
    {
        try
        {
            var offered = terms.Offer.Subprotocols;
            var selected = select(terms.Connection, [.. offered]);
            if (selected is not null && !offered.Contains(selected))
                throw new InvalidOperationException(
                    $"SelectSubprotocol returned '{PeerText.Escape(selected)}', which the client doesn't offer."
                );
            return Accepted(terms, selected);
        }
        catch (NegotiationException error)
        {
            return OpeningDecision.Rejected(
                Response.Text(400, error.Message + "\n"),
                error.Message
            );
        }
        catch (Exception error)
        {
            log.SelectSubprotocolFailed(error);
            return Failed(error);
        }
    }

    private OpeningDecision AskResponseHook(
        ServerConnection connection,
        Request request,
        OpeningDecision decision
    )
    {
        var response = decision.Response!;
        try
        {
            var sent = options.ProcessResponse?.Invoke(connection, request, response) ?? response;
            if (sent.StatusCode == 101)
                RequireSameUpgrade(decision, sent);
            return decision with
            {
                Response = Answer.Frame(request.Method, sent),
                IsAccepted = sent.StatusCode == 101,
            };
        }
        catch (Exception error)
        {
            log.ProcessResponseFailed(error);
            return Failed(error, request.Method) with { Extensions = decision.Extensions };
        }
    }

    /// <summary>A connection can't be opened by a hook, nor on other terms than those that were agreed on.</summary>
    private static void RequireSameUpgrade(OpeningDecision decision, Response sent)
    {
        if (!decision.IsAccepted)
            throw new InvalidOperationException(
                "ProcessResponse turned a rejection into a response with status 101, which would open a connection that was not agreed on."
            );
        foreach (var name in AgreedHeaders)
        {
            if (!sent.Headers.GetAll(name).SequenceEqual(decision.Response!.Headers.GetAll(name)))
                throw new InvalidOperationException(
                    $"ProcessResponse changed the header {name}, which the handshake has agreed on."
                );
        }
    }

    private static readonly string[] AgreedHeaders =
    [
        "Upgrade",
        "Connection",
        "Sec-WebSocket-Accept",
        "Sec-WebSocket-Protocol",
        "Sec-WebSocket-Extensions",
        "Content-Length",
        "Transfer-Encoding",
    ];

    private OpeningDecision Accepted(Terms terms, string? subprotocol)
    {
        ExtensionChain chain;
        try
        {
            chain = negotiation.Negotiate(terms.Connection, terms.Extensions);
        }
        catch (Exception error)
        {
            log.NegotiateFailed(error);
            return Failed(error);
        }

        var response = Handshake.Accept(
            policy,
            Now,
            terms.Offer,
            subprotocol is null ? FSharpValueOption<string>.None : subprotocol,
            ListModule.OfSeq(
                chain.Extensions.Select(extension => new ExtensionOffer(
                    extension.Name,
                    ListModule.OfSeq(extension.Parameters)
                ))
            )
        );
        return OpeningDecision.Accepted(response, subprotocol, chain);
    }

    private OpeningDecision Rejected(HandshakeError error)
    {
        var response = Handshake.Reject(policy, Now, error);
        return OpeningDecision.Rejected(
            response.IsSome ? response.Value : null,
            $"{HandshakeErrorModule.Describe(error)} ({HandshakeErrorModule.Section(error)})"
        );
    }

    private OpeningDecision Failed(Exception error, string method = "GET") =>
        OpeningDecision.Rejected(
            Answer.Frame(
                method,
                Plain(500, "The server failed to answer. Its log has the details.\n")
            ),
            "the server's own code failed"
        ) with
        {
            Failure = error,
        };
}
