// The opening handshake: a request and a policy give a response (RFC 6455 §4). The clock's value is an argument.
namespace FunctionalWs.Protocol

open System
open System.Security.Cryptography
open System.Text
open type System.FormattableString

/// <summary>What the rules make of a request.</summary>
[<RequireQualifiedAccess>]
type HandshakeExamination =
    /// <summary>It keeps all rules.</summary>
    | Kept of Offer: HandshakeOffer
    /// <summary>It breaks one.</summary>
    | Broken of Error: HandshakeError

/// <summary>What becomes of a request. Either way the response is to be sent; it is complete.</summary>
[<RequireQualifiedAccess; NoComparison>]
type HandshakeResult =
    /// <summary>The connection is open once the response is sent. The subprotocol is null when there is none.</summary>
    | Accepted of Response: Response * Subprotocol: (string | null)
    /// <summary>The connection ends once the response is sent.</summary>
    | Rejected of Response: Response * Error: HandshakeError

/// <summary>
/// The server's side of the opening handshake (RFC 6455 §4.2): <c>Respond</c> as a whole, or step by step, for servers that
/// choose subprotocols and extensions themselves: <c>Examine</c>, then <c>Accept</c> or <c>Reject</c>, then
/// <c>Answer.Complete</c>.
/// </summary>
module Handshake =

    /// RFC 6455 §1.3.
    let private guid = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11"

    /// <summary>The value of <c>Sec-WebSocket-Accept</c> that answers a key (RFC 6455 §4.2.2).</summary>
    /// <param name="key">The value of <c>Sec-WebSocket-Key</c> as received.</param>
    [<CompiledName("AcceptKey")>]
    let acceptKey (key: string) : string =
        Encoding.Latin1.GetBytes(key + guid) |> SHA1.HashData |> Convert.ToBase64String

    /// <summary>True for a name, an IPv4 address or an IPv6 address in brackets, with an optional port (RFC 9110 §7.2).</summary>
    /// <param name="text">Any text.</param>
    [<CompiledName("IsHost")>]
    let isHost (text: string) : bool = RequestRules.isHost text

    /// <summary>
    /// The host that a request is for, with its port if it tells one, as the client wrote it: that of an absolute target,
    /// whatever <c>Host</c> says, else that of <c>Host</c> (RFC 9112 §3.2).
    /// </summary>
    /// <param name="request">The request.</param>
    [<CompiledName("HostOf")>]
    let hostOf (request: Request) : Result<string, HandshakeError> = RequestRules.host request

    /// <summary>
    /// The extensions that a client offers, in its order of preference; may be empty. For servers that have some: others
    /// need not look (RFC 6455 §9.1).
    /// </summary>
    /// <param name="request">The request.</param>
    [<CompiledName("OfferedExtensions")>]
    let offeredExtensions (request: Request) : Result<ExtensionOffer list, HandshakeError> =
        RequestRules.items HeaderGrammar.parseExtensions "Sec-WebSocket-Extensions" request.Headers

    let private extensions (policy: HandshakePolicy) (request: Request) =
        if policy.ReadsExtensions then
            offeredExtensions request
        else
            Ok []

    /// Every check of the request itself, in order; the first that fails decides. What is left of it is the key.
    let private check (policy: HandshakePolicy) (request: Request) : Result<string, HandshakeError> =
        RequestRules.checkMethod request
        |> Result.bind (fun () -> RequestRules.checkVersion request)
        |> Result.bind (fun () -> RequestRules.checkTarget request)
        |> Result.bind (fun () -> RequestRules.host request)
        |> Result.bind (fun _ -> RequestRules.checkConnection policy request)
        |> Result.bind (fun () -> RequestRules.checkUpgrade request)
        |> Result.bind (fun () -> RequestRules.key request)
        |> Result.bind (fun key ->
            RequestRules.checkWebSocketVersion request
            |> Result.bind (fun () -> RequestRules.checkOrigin policy request)
            |> Result.map (fun () -> key))

    /// The server's first subprotocol that the client offers (RFC 6455 §1.9).
    let private choose
        (policy: HandshakePolicy)
        (offered: string list)
        : Result<string | null, HandshakeError> =
        match policy.Names, List.tryFind (fun name -> List.contains name offered) policy.Names with
        | _, Some name -> Ok name
        | [], None -> Ok null
        | names, None -> Error(HandshakeError.Subprotocol names)

    let private offer (policy: HandshakePolicy) (request: Request) : Result<HandshakeOffer, HandshakeError> =
        check policy request
        |> Result.bind (fun key ->
            RequestRules.items HeaderGrammar.parseTokens "Sec-WebSocket-Protocol" request.Headers
            |> Result.bind (fun offered ->
                choose policy offered
                |> Result.bind (fun chosen ->
                    extensions policy request
                    |> Result.map (fun extensions -> {
                        Key = key
                        Subprotocols = offered
                        Subprotocol = chosen
                        Extensions = extensions
                    }))))

    /// <summary>
    /// Checks a request by every rule of RFC 6455 §4.2.1 in order, then its origin, its subprotocols and, where the policy
    /// reads them, its extensions.
    /// </summary>
    /// <param name="policy">What the server asks for.</param>
    /// <param name="request">The request.</param>
    [<CompiledName("Examine")>]
    let examine (policy: HandshakePolicy) (request: Request) : HandshakeExamination =
        match offer policy request with
        | Ok offer -> HandshakeExamination.Kept offer
        | Error error -> HandshakeExamination.Broken error

    /// <summary>The response that opens the connection, to be completed (RFC 6455 §4.2.2).</summary>
    /// <param name="offer">What the client offered.</param>
    /// <param name="subprotocol">The subprotocol that was chosen, a token; null to choose none.</param>
    /// <param name="extensions">The extensions that were agreed on, with their parameters, in the order of the offers.</param>
    /// <exception cref="T:System.ArgumentException">The subprotocol or an extension can't be a header's value.</exception>
    [<CompiledName("Accept")>]
    let accept
        (offer: HandshakeOffer)
        (subprotocol: string | null)
        (extensions: ExtensionOffer seq)
        : Response =
        let response =
            Response
                .Empty(101)
                .WithHeader("Upgrade", "websocket")
                .WithHeader("Connection", "Upgrade")
                .WithHeader("Sec-WebSocket-Accept", acceptKey offer.Key)

        let extended =
            if Seq.isEmpty extensions then
                response
            else
                response.WithHeader("Sec-WebSocket-Extensions", HeaderGrammar.renderExtensions extensions)

        match subprotocol with
        | NonNull name -> extended.WithHeader("Sec-WebSocket-Protocol", name)
        | Null -> extended

    let private explain (statusCode: int) (description: string) : Response =
        let hint =
            if statusCode = 426 then
                "This is a WebSocket server: a WebSocket client is needed.\n"
            else
                ""

        Response.Text(
            statusCode,
            Invariant $"The WebSocket connection could not be opened. {description}\n{hint}"
        )

    /// <summary>The response to a request that can't be accepted, to be completed. It has what a client needs to do better.</summary>
    /// <param name="error">What is wrong with the request.</param>
    [<CompiledName("Reject")>]
    let reject (error: HandshakeError) : Response =
        let response = explain error.StatusCode error.Description

        match error with
        | HandshakeError.Method _ -> response.WithHeader("Allow", "GET")
        | HandshakeError.Version _ -> response.WithHeader("Sec-WebSocket-Version", "13")
        | HandshakeError.Connection _
        | HandshakeError.Upgrade _ -> response.WithHeader("Upgrade", "websocket")
        | HandshakeError.HttpVersion _
        | HandshakeError.Target _
        | HandshakeError.HeaderMissing _
        | HandshakeError.HeaderRepeated _
        | HandshakeError.HeaderFormat _
        | HandshakeError.Host _
        | HandshakeError.Key _
        | HandshakeError.Origin _
        | HandshakeError.Subprotocol _ -> response

    /// <summary>The response to what is like a request, but can't be parsed, to be completed.</summary>
    /// <param name="error">What is wrong with the head.</param>
    [<CompiledName("RejectHead")>]
    let rejectHead (error: HeadError) : Response =
        explain error.StatusCode error.Description

    /// <summary>
    /// Decides on a request: every check of RFC 6455 §4.2.1 in order, then origin and subprotocol. No extension is agreed
    /// on: that takes the steps one by one, with <c>DeflateNegotiation</c>.
    /// </summary>
    /// <param name="policy">What the server asks for.</param>
    /// <param name="now">The clock's value, for the <c>Date</c> header.</param>
    /// <param name="request">The request.</param>
    [<CompiledName("Respond")>]
    let respond (policy: HandshakePolicy) (now: DateTimeOffset) (request: Request) : HandshakeResult =
        let complete = Answer.complete policy.ServerHeader now request.Method

        match examine policy request with
        | HandshakeExamination.Kept offer ->
            HandshakeResult.Accepted(complete (accept offer offer.Subprotocol []), offer.Subprotocol)
        | HandshakeExamination.Broken error -> HandshakeResult.Rejected(complete (reject error), error)
