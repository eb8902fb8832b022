using FunctionalWs.Protocol;

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
        var reviewed = AskResponseHook(connection, request, Complete(decision, request.Method));
        return reviewed.IsAccepted && isStopping()
            ? reviewed.Reject(Unavailable(), "the server is shutting down")
            : reviewed;
    }

    /// <summary>Decides on bytes that are no request.</summary>
    public OpeningDecision Decide(HeadError error) =>
        Complete(
            OpeningDecision.Rejected(
                Handshake.RejectHead(error),
                Reason(error.Description, error.Section)
            )
        );

    /// <summary>The answer to a client for whom there is no room.</summary>
    public Response Unavailable() =>
        Plain(503, "The server takes no further connections at the moment.\n")
            .WithHeader("Retry-After", "5");

    /// <summary>A complete response with a plain text.</summary>
    public Response Plain(int statusCode, string text) => Complete(Response.Text(statusCode, text));

    private Response Complete(Response response, string method = "GET") =>
        Answer.Complete(policy.ServerHeader, Now, method, response);

    private OpeningDecision Complete(OpeningDecision decision, string method = "GET") =>
        decision with
        {
            Response = Complete(decision.Response!, method),
        };

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

    private OpeningDecision Judge(ServerConnection connection, Request request) =>
        Handshake.Examine(PolicyOf(connection), request) switch
        {
            HandshakeExamination.Broken { Error: var error } => Rejected(error),
            HandshakeExamination.Kept { Offer: var offer } => options.SelectSubprotocol
                is { } select
                ? AskSelector(select, connection, offer)
                : Accepted(connection, offer, offer.Subprotocol),
            _ => throw new System.Diagnostics.UnreachableException(),
        };

    /// <summary>A rule may have origins of its own.</summary>
    private HandshakePolicy PolicyOf(ServerConnection connection) =>
        connection.Rule?.Origins is { } origins ? options.ToHandshakePolicy(origins) : policy;

    private OpeningDecision AskSelector(
        SelectSubprotocol select,
        ServerConnection connection,
        HandshakeOffer offer
    )
    {
        try
        {
            var offered = offer.Subprotocols;
            var selected = select(connection, [.. offered]);
            if (selected is not null && !offered.Contains(selected))
                throw new InvalidOperationException(
                    Invariant(
                        $"SelectSubprotocol returned '{PeerText.Escape(selected)}', which the client doesn't offer."
                    )
                );
            return Accepted(connection, offer, selected);
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
                Response = sent == response ? sent : Answer.Frame(request.Method, sent),
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
                    Invariant(
                        $"ProcessResponse changed the header {name}, which the handshake has agreed on."
                    )
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

    private OpeningDecision Accepted(
        ServerConnection connection,
        HandshakeOffer offer,
        string? subprotocol
    )
    {
        ExtensionChain chain;
        try
        {
            chain = negotiation.Negotiate(connection, offer.Extensions);
        }
        catch (Exception error)
        {
            log.NegotiateFailed(error);
            return Failed(error);
        }

        var response = Handshake.Accept(
            offer,
            subprotocol,
            chain.Extensions.Select(extension =>
                ExtensionOffer.Create(extension.Name, extension.Parameters)
            )
        );
        return OpeningDecision.Accepted(response, subprotocol, chain);
    }

    private OpeningDecision Rejected(HandshakeError error) =>
        OpeningDecision.Rejected(Handshake.Reject(error), Reason(error.Description, error.Section));

    private static string Reason(string description, RfcSection section) =>
        Invariant($"{description} ({section})");

    private OpeningDecision Failed(Exception error, string method = "GET") =>
        OpeningDecision.Rejected(
            Complete(
                Response.Text(500, "The server failed to answer. Its log has the details.\n"),
                method
            ),
            "the server's own code failed"
        ) with
        {
            Failure = error,
        };
}
