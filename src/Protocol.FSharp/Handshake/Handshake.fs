// The opening handshake: a request and a policy give a response (RFC 6455 §4). The clock's value is an argument.
namespace FunctionalWs.Protocol

open System
open System.Diagnostics.CodeAnalysis
open System.Runtime.InteropServices
open System.Security.Cryptography
open System.Text
open type System.FormattableString

[<RequireQualifiedAccess>]
type HandshakeExamination =
    | Kept of Offer: HandshakeOffer
    | Broken of Error: HandshakeError

[<RequireQualifiedAccess; NoComparison>]
type HandshakeResult =
    | Accepted of Response: Response * Subprotocol: (string | null)
    | Rejected of Response: Response * Error: HandshakeError

    member result.Response =
        match result with
        | Accepted(response, _)
        | Rejected(response, _) -> response

module Handshake =

    /// RFC 6455 §1.3.
    let private guid = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11"

    [<CompiledName("AcceptKey")>]
    let acceptKey (key: string) : string =
        ArgumentNullException.ThrowIfNull(key, nameof key)

        Encoding.Latin1.GetBytes(key + guid) |> SHA1.HashData |> Convert.ToBase64String

    [<CompiledName("IsHost")>]
    let isHost (text: string) : bool =
        ArgumentNullException.ThrowIfNull(text, nameof text)
        RequestRules.isHost text

    [<CompiledName("HostOf")>]
    let hostOf (request: Request) : Result<string, HandshakeError> =
        ArgumentNullException.ThrowIfNull(request, nameof request)
        RequestRules.host request

    [<CompiledName("TryHostOf")>]
    let tryHostOf
        (
            request: Request,
            [<Out; NotNullWhen(true)>] host: byref<string | null>,
            [<Out>] error: byref<HandshakeError>
        ) : bool =
        Result.tryGet (hostOf request) &host &error


    [<CompiledName("OfferedExtensions")>]
    let offeredExtensions (request: Request) : Result<EquatableList<ExtensionOffer>, HandshakeError> =
        ArgumentNullException.ThrowIfNull(request, nameof request)

        RequestRules.items HeaderGrammar.parseExtensions "Sec-WebSocket-Extensions" request.Headers
        |> Result.map EquatableList.Create

    [<CompiledName("TryOfferedExtensions")>]
    let tryOfferedExtensions
        (
            request: Request,
            [<Out; NotNullWhen(true)>] extensions: byref<EquatableList<ExtensionOffer> | null>,
            [<Out>] error: byref<HandshakeError>
        ) : bool =
        Result.tryGet (offeredExtensions request) &extensions &error


    let private extensions (policy: HandshakePolicy) (request: Request) =
        if policy.ReadsExtensions then
            offeredExtensions request
        else
            Ok(EquatableList.Create [])

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
        | names, None -> Error(HandshakeError.Subprotocol(EquatableList.Create names))

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
                        Subprotocols = EquatableList.Create offered
                        Subprotocol = chosen
                        Extensions = extensions
                    }))))

    [<CompiledName("Examine")>]
    let examine (policy: HandshakePolicy) (request: Request) : HandshakeExamination =
        ArgumentNullException.ThrowIfNull(policy, nameof policy)
        ArgumentNullException.ThrowIfNull(request, nameof request)

        match offer policy request with
        | Ok offer -> HandshakeExamination.Kept offer
        | Error error -> HandshakeExamination.Broken error

    [<CompiledName("Accept")>]
    let accept
        (offer: HandshakeOffer)
        (subprotocol: string | null)
        (extensions: ExtensionOffer seq)
        : Response =
        ArgumentNullException.ThrowIfNull(offer, nameof offer)
        ArgumentNullException.ThrowIfNull(extensions, nameof extensions)

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

    [<CompiledName("Reject")>]
    let reject (error: HandshakeError) : Response =
        ArgumentNullException.ThrowIfNull(error, nameof error)

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

    [<CompiledName("RejectHead")>]
    let rejectHead (error: HeadError) : Response =
        ArgumentNullException.ThrowIfNull(error, nameof error)

        explain error.StatusCode error.Description

    [<CompiledName("Respond")>]
    let respond (policy: HandshakePolicy) (now: DateTimeOffset) (request: Request) : HandshakeResult =
        ArgumentNullException.ThrowIfNull(policy, nameof policy)
        ArgumentNullException.ThrowIfNull(request, nameof request)

        let complete = Answer.complete policy.ServerHeader now request.Method

        match examine policy request with
        | HandshakeExamination.Kept offer ->
            HandshakeResult.Accepted(complete (accept offer offer.Subprotocol []), offer.Subprotocol)
        | HandshakeExamination.Broken error -> HandshakeResult.Rejected(complete (reject error), error)

type HandshakeExamination with

    static member op_Equality(left: HandshakeExamination | null, right: HandshakeExamination | null) : bool =
        obj.Equals(left, right)

    static member op_Inequality
        (left: HandshakeExamination | null, right: HandshakeExamination | null)
        : bool =
        not (obj.Equals(left, right))

type HandshakeResult with

    static member op_Equality(left: HandshakeResult | null, right: HandshakeResult | null) : bool =
        obj.Equals(left, right)

    static member op_Inequality(left: HandshakeResult | null, right: HandshakeResult | null) : bool =
        not (obj.Equals(left, right))
