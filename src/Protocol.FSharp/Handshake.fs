// The opening handshake: a request and a policy give a response (RFC 6455 §4). The clock's value is an argument.
namespace FunctionalWs.Protocol

open System
open System.Security.Cryptography
open System.Text

/// <summary>What becomes of a request. Either way the response is to be sent.</summary>
[<RequireQualifiedAccess; NoComparison>]
type HandshakeResult =
    /// <summary>The connection is open once the response is sent.</summary>
    | Accepted of Response: Response * Subprotocol: string voption
    /// <summary>The connection ends once the response is sent.</summary>
    | Rejected of Response: Response * Error: HandshakeError

/// <summary>
/// The server's side of the opening handshake (RFC 6455 §4.2): <c>Respond</c> as a whole, or step by step, for servers that
/// choose the subprotocol themselves: <c>Examine</c>, <c>SelectSubprotocol</c>, <c>Accept</c> or <c>Reject</c>.
/// </summary>
module Handshake =

    /// RFC 6455 §1.3.
    let private guid = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11"

    /// <summary>The value of <c>Sec-WebSocket-Accept</c> that answers a key (RFC 6455 §4.2.2).</summary>
    /// <param name="key">The value of <c>Sec-WebSocket-Key</c> as received.</param>
    [<CompiledName("AcceptKey")>]
    let acceptKey (key: string) : string =
        Encoding.Latin1.GetBytes(key + guid) |> SHA1.HashData |> Convert.ToBase64String

    /// Every check, in order; the first that fails decides.
    let private firstError (policy: HandshakePolicy) (request: Request) : HandshakeError option =
        [
            RequestRules.checkMethod
            RequestRules.checkVersion
            RequestRules.checkTarget
            RequestRules.checkHost
            RequestRules.checkConnection
            RequestRules.checkUpgrade
            RequestRules.checkKey
            RequestRules.checkWebSocketVersion
            RequestRules.checkOrigin policy
        ]
        |> List.tryPick (fun check ->
            match check request with
            | Ok() -> None
            | Error error -> Some error)

    /// <summary>Checks a request by every rule of RFC 6455 §4.2.1 in order, then its origin.</summary>
    /// <param name="policy">What the server asks for.</param>
    /// <param name="request">The request.</param>
    [<CompiledName("Examine")>]
    let examine (policy: HandshakePolicy) (request: Request) : Result<HandshakeOffer, HandshakeError> =
        match
            firstError policy request,
            RequestRules.single "Sec-WebSocket-Key" request.Headers,
            RequestRules.items HeaderGrammar.parseTokens "Sec-WebSocket-Protocol" request.Headers
        with
        | Some error, _, _
        | None, Error error, _
        | None, Ok _, Error error -> Error error
        | None, Ok key, Ok subprotocols ->
            Ok {
                Key = key
                Subprotocols = subprotocols
            }

    /// <summary>
    /// The extensions that a client offers, in its order of preference; may be empty. For servers that have some: others
    /// need not look (RFC 6455 §9.1).
    /// </summary>
    /// <param name="request">The request.</param>
    [<CompiledName("OfferedExtensions")>]
    let offeredExtensions (request: Request) : Result<ExtensionOffer list, HandshakeError> =
        RequestRules.items HeaderGrammar.parseExtensions "Sec-WebSocket-Extensions" request.Headers

    /// <summary>The server's first subprotocol that the client offers; none when the server has none (RFC 6455 §1.9).</summary>
    /// <param name="policy">The server's subprotocols.</param>
    /// <param name="offer">The client's.</param>
    [<CompiledName("SelectSubprotocol")>]
    let selectSubprotocol
        (policy: HandshakePolicy)
        (offer: HandshakeOffer)
        : Result<string voption, HandshakeError> =
        match List.tryFind (fun name -> List.contains name offer.Subprotocols) policy.Subprotocols with
        | Some name -> Ok(ValueSome name)
        | None when policy.Subprotocols.IsEmpty -> Ok ValueNone
        | None -> Error(HandshakeError.Subprotocol policy.Subprotocols)

    /// <summary>The response that opens the connection (RFC 6455 §4.2.2).</summary>
    /// <param name="policy">The policy: it names the server.</param>
    /// <param name="now">The clock's value, for the <c>Date</c> header.</param>
    /// <param name="offer">What the client offered.</param>
    /// <param name="subprotocol">The subprotocol that was chosen, a token; none to choose none.</param>
    /// <param name="extensions">The extensions that were agreed on, with their parameters, in the order of the offers.</param>
    /// <exception cref="T:System.ArgumentException">The subprotocol or an extension can't be a header's value.</exception>
    [<CompiledName("Accept")>]
    let accept
        (policy: HandshakePolicy)
        (now: DateTimeOffset)
        (offer: HandshakeOffer)
        (subprotocol: string voption)
        (extensions: ExtensionOffer list)
        : Response =
        let response =
            Response
                .Empty(101)
                .WithHeader("Upgrade", "websocket")
                .WithHeader("Connection", "Upgrade")
                .WithHeader("Sec-WebSocket-Accept", acceptKey offer.Key)

        let extended =
            match extensions with
            | [] -> response
            | _ -> response.WithHeader("Sec-WebSocket-Extensions", HeaderGrammar.renderExtensions extensions)

        let chosen =
            match subprotocol with
            | ValueSome name -> extended.WithHeader("Sec-WebSocket-Protocol", name)
            | ValueNone -> extended

        Answer.complete policy.ServerHeader now "GET" chosen

    /// What a client needs to know to do better.
    let private withHints (error: HandshakeError) (response: Response) : Response =
        match error, response.StatusCode with
        | HandshakeError.Method _, _ -> response.WithHeader("Allow", "GET")
        | HandshakeError.Version _, _
        | HandshakeError.HeaderMissing "Sec-WebSocket-Version", _ ->
            response.WithHeader("Sec-WebSocket-Version", "13")
        | _, 426 -> response.WithHeader("Upgrade", "websocket")
        | _, _ -> response

    let private explain (error: HandshakeError) (statusCode: int) : string =
        let hint =
            if statusCode = 426 then
                "This is a WebSocket server: a WebSocket client is needed.\n"
            else
                ""

        $"The WebSocket connection could not be opened. {HandshakeError.describe error}\n{hint}"

    /// <summary>The response to a request that can't be accepted; none when the stream is closed without one.</summary>
    /// <param name="policy">The policy: it names the server.</param>
    /// <param name="now">The clock's value, for the <c>Date</c> header.</param>
    /// <param name="error">What is wrong with the request.</param>
    [<CompiledName("Reject")>]
    let reject (policy: HandshakePolicy) (now: DateTimeOffset) (error: HandshakeError) : Response voption =
        let respondWith statusCode =
            Response.Text(statusCode, explain error statusCode)
            |> withHints error
            |> Answer.complete policy.ServerHeader now "GET"

        ValueOption.map respondWith (HandshakeError.status error)

    /// <summary>
    /// Decides on a request: every check of RFC 6455 §4.2.1 in order, then origin and subprotocol. No extension is agreed
    /// on: that takes the steps one by one, with <c>OfferedExtensions</c> and <c>DeflateNegotiation</c>.
    /// </summary>
    /// <param name="policy">What the server asks for.</param>
    /// <param name="now">The clock's value, for the <c>Date</c> header.</param>
    /// <param name="request">The request.</param>
    [<CompiledName("Respond")>]
    let respond (policy: HandshakePolicy) (now: DateTimeOffset) (request: Request) : HandshakeResult =
        let choose offer =
            selectSubprotocol policy offer
            |> Result.map (fun subprotocol -> struct (offer, subprotocol))

        match Result.bind choose (examine policy request) with
        | Ok(struct (offer, subprotocol)) ->
            HandshakeResult.Accepted(accept policy now offer subprotocol [], subprotocol)
        | Error error ->
            match reject policy now error with
            | ValueSome response -> HandshakeResult.Rejected(Answer.frame request.Method response, error)
            | ValueNone ->
                HandshakeResult.Rejected(
                    Answer.complete
                        policy.ServerHeader
                        now
                        request.Method
                        (Response.Text(400, explain error 400)),
                    error
                )
