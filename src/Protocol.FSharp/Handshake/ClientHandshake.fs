// The client's side of the opening handshake (RFC 6455 §4.1).
namespace FunctionalWs.Protocol

open System
open System.Collections.Generic
open System.Runtime.InteropServices
open System.Security.Cryptography
open System.Text
open type System.FormattableString

[<Sealed; AllowNullLiteral(false); StructuredFormatDisplay("{Text}")>]
type ClientRequest(uri: WebSocketUri, offer: ClientOffer, accept: string, request: Request) =

    member _.Uri: WebSocketUri = uri
    member _.Offer: ClientOffer = offer
    member _.Request: Request = request
    member _.Text: string = Invariant $"{request.Method} {uri} {request.Version}"
    override this.ToString() = this.Text

    /// The answer to its key.
    member _.Accept: string = accept

[<Sealed; AllowNullLiteral(false); StructuredFormatDisplay("{Text}")>]
type ClientAgreement
    internal
    (subprotocol: string | null, terms: DeflateAgreement voption, agreed: EquatableList<ExtensionOffer>) =

    member private _.All: struct (string | null * DeflateAgreement voption * EquatableList<ExtensionOffer>) =
        subprotocol, terms, agreed

    override agreement.Equals(other: obj | null) : bool =
        match other with
        | :? ClientAgreement as other -> agreement.All = other.All
        | _ -> false

    override agreement.GetHashCode() : int = hash agreement.All

    member _.Subprotocol: string | null = subprotocol
    member _.Compression: DeflateAgreement voption = terms

    member _.TryGetCompression([<Out>] agreed: byref<DeflateAgreement>) : bool =
        ValueOption.tryGet terms &agreed

    member _.Extensions: EquatableList<ExtensionOffer> = agreed

    member _.Text: string =
        let subprotocol =
            subprotocol |> ValueOption.ofObj |> ValueOption.defaultValue "none"

        let extensions = HeaderGrammar.renderExtensions agreed
        Invariant $"subprotocol: {subprotocol}; extensions: [{extensions}]"

    override agreement.ToString() = agreement.Text

[<RequireQualifiedAccess; NoComparison>]
type ClientResult =
    | Opened of Agreement: ClientAgreement
    | Redirected of Target: WebSocketUri
    | Refused of Error: ClientHandshakeError

    override result.ToString() =
        match result with
        | Opened agreement -> Invariant $"opened, {agreement}"
        | Redirected target -> Invariant $"redirected to {target}"
        | Refused error -> Invariant $"refused: {error}"

/// What the answers of servers and of proxies have in common.
module internal ClientAnswer =

    let unauthorized (statusCode: int) (header: string) (headers: Headers) : ClientHandshakeError =
        ClientHandshakeError.AuthenticationRequired(statusCode, ChallengeGrammar.ofHeader header headers)

module ClientHandshake =

    [<Literal>]
    let private KeySize = 16

    let private field (name: string) (value: string) = KeyValuePair(name, value)

    /// What was offered; a header with nothing in it says nothing.
    let private list (name: string) (value: string) =
        if value = "" then [] else [ field name value ]

    let private authorization (offer: ClientOffer) (uri: WebSocketUri) =
        match uri.Credentials with
        | ValueSome credentials when not (offer.Headers.Contains "Authorization") -> [
            field "Authorization" (BasicAuthorization.ofCredentials credentials)
          ]
        | ValueSome _
        | ValueNone -> []

    [<CompiledName("CreateRequest")>]
    let request (key: ReadOnlySpan<byte>) (offer: ClientOffer) (uri: WebSocketUri) : ClientRequest =
        ArgumentNullException.ThrowIfNull(offer, nameof offer)
        ArgumentNullException.ThrowIfNull(uri, nameof uri)

        if key.Length <> KeySize then
            raise (
                ArgumentException(
                    Invariant $"The key has {PeerText.number key.Length} bytes; it takes 16.",
                    nameof key
                )
            )

        let key = Convert.ToBase64String key

        let headers =
            [
                field "Host" uri.HostHeader
                field "Upgrade" "websocket"
                field "Connection" "Upgrade"
                field "Sec-WebSocket-Key" key
                field "Sec-WebSocket-Version" "13"
            ]
            @ list "Origin" (offer.Origin |> ValueOption.ofObj |> ValueOption.defaultValue "")
            @ list "Sec-WebSocket-Protocol" (String.concat ", " offer.Subprotocols)
            @ list "Sec-WebSocket-Extensions" (HeaderGrammar.renderExtensions offer.AllExtensions)
            @ authorization offer uri
            @ List.ofSeq offer.Headers

        ClientRequest(
            uri,
            offer,
            Handshake.acceptKey key,
            {
                Method = "GET"
                Target = uri.Target
                Version = "HTTP/1.1"
                Headers = Headers.Parsed(List.toArray headers)
            }
        )

    let private isSame (expected: string) (value: string) =
        String.Equals(expected, value, StringComparison.OrdinalIgnoreCase)

    /// A header that must be there once.
    let private single (name: string) (head: ResponseHead) : Result<string, ClientHandshakeError> =
        match List.ofSeq (head.Headers.GetAll name) with
        | [ value ] -> Ok value
        | [] -> Error(ClientHandshakeError.HeaderMissing name)
        | _ -> Error(ClientHandshakeError.HeaderRepeated name)

    /// All items of a list header, over all its lines; empty when it is missing.
    let private items
        (parse: string -> Result<EquatableList<'item>, GrammarError>)
        (name: string)
        (values: string seq)
        : Result<'item list, ClientHandshakeError> =
        let add value parsed =
            match parse value with
            | Ok items -> Ok(parsed @ List.ofSeq items)
            | Error error -> Error(ClientHandshakeError.HeaderFormat(name, value, error))

        (Ok [], values)
        ||> Seq.fold (fun parsed value -> Result.bind (add value) parsed)

    let private checkVersion (head: ResponseHead) =
        if head.Version = "HTTP/1.1" then
            Ok()
        else
            Error(ClientHandshakeError.HttpVersion head.Version)

    let private checkUpgrade (head: ResponseHead) =
        match single "Upgrade" head with
        | Ok value when isSame "websocket" value -> Ok()
        | Ok value -> Error(ClientHandshakeError.NotUpgrade("Upgrade", value))
        | Error error -> Error error

    let private checkConnection (head: ResponseHead) =
        let values = head.Headers.GetAll "Connection"

        match items HeaderGrammar.parseTokens "Connection" values with
        | Error error -> Error error
        | Ok [] -> Error(ClientHandshakeError.HeaderMissing "Connection")
        | Ok tokens when List.exists (isSame "upgrade") tokens -> Ok()
        | Ok _ -> Error(ClientHandshakeError.NotUpgrade("Connection", String.concat ", " values))

    let private checkAccept (request: ClientRequest) (head: ResponseHead) =
        match single "Sec-WebSocket-Accept" head with
        | Error error -> Error error
        | Ok value ->
            let expected, found =
                Encoding.Latin1.GetBytes request.Accept, Encoding.Latin1.GetBytes value

            if CryptographicOperations.FixedTimeEquals(ReadOnlySpan expected, ReadOnlySpan found) then
                Ok()
            else
                Error(ClientHandshakeError.Accept value)

    /// A server chooses one that was offered, or none (RFC 6455 §1.9, §11.3.4).
    let private subprotocol
        (request: ClientRequest)
        (head: ResponseHead)
        : Result<string | null, ClientHandshakeError> =
        match List.ofSeq (head.Headers.GetAll "Sec-WebSocket-Protocol") with
        | [] -> Ok null
        | [ name ] when Seq.contains name request.Offer.Subprotocols -> Ok name
        | [ name ] -> Error(ClientHandshakeError.Subprotocol name)
        | _ -> Error(ClientHandshakeError.HeaderRepeated "Sec-WebSocket-Protocol")

    /// Each at most once, and offered (RFC 6455 §9.1).
    let rec private checkExtensions (offered: string list) (seen: string list) (agreed: ExtensionOffer list) =
        match agreed with
        | [] -> Ok()
        | extension :: _ when not (List.contains extension.Name offered) ->
            Error(ClientHandshakeError.Extension extension.Name)
        | extension :: _ when List.contains extension.Name seen ->
            Error(ClientHandshakeError.ExtensionRepeated extension.Name)
        | extension :: rest -> checkExtensions offered (extension.Name :: seen) rest

    let private extensions (request: ClientRequest) (head: ResponseHead) =
        let offered =
            request.Offer.AllExtensions
            |> List.map (fun (extension: ExtensionOffer) -> extension.Name)

        head.Headers.GetAll "Sec-WebSocket-Extensions"
        |> Seq.filter ((<>) "")
        |> items HeaderGrammar.parseExtensions "Sec-WebSocket-Extensions"
        |> Result.bind (fun agreed -> checkExtensions offered [] agreed |> Result.map (fun () -> agreed))

    let private deflate (request: ClientRequest) (agreed: ExtensionOffer list) =
        match
            request.Offer.Compression,
            List.tryFind (fun (extension: ExtensionOffer) -> extension.Name = DeflateNegotiation.Name) agreed
        with
        | ValueSome offer, Some answer ->
            DeflateNegotiation.confirm offer answer.Parameters
            |> Result.map ValueSome
            |> Result.mapError ClientHandshakeError.Deflate
        | _, _ -> Ok ValueNone

    let private agree
        (request: ClientRequest)
        (head: ResponseHead)
        : Result<ClientAgreement, ClientHandshakeError> =
        match subprotocol request head, extensions request head with
        | Error error, _
        | Ok _, Error error -> Error error
        | Ok subprotocol, Ok agreed ->
            deflate request agreed
            |> Result.map (fun terms -> ClientAgreement(subprotocol, terms, EquatableList.Create agreed))

    /// Every check of RFC 6455 §4.1, in order.
    let private switch (request: ClientRequest) (head: ResponseHead) : ClientResult =
        checkVersion head
        |> Result.bind (fun () -> checkUpgrade head)
        |> Result.bind (fun () -> checkConnection head)
        |> Result.bind (fun () -> checkAccept request head)
        |> Result.bind (fun () -> agree request head)
        |> function
            | Ok agreement -> ClientResult.Opened agreement
            | Error error -> ClientResult.Refused error

    let private redirect (request: ClientRequest) (head: ResponseHead) : ClientResult =
        match single "Location" head with
        | Error error -> ClientResult.Refused error
        | Ok location ->
            match request.Uri.Resolve location with
            | UriParse.Invalid error ->
                ClientResult.Refused(ClientHandshakeError.Location(head.StatusCode, error))
            | UriParse.Valid target when request.Uri.IsSecure && not target.IsSecure ->
                ClientResult.Refused(ClientHandshakeError.InsecureLocation target)
            | UriParse.Valid target -> ClientResult.Redirected target

    [<CompiledName("Check")>]
    let check (request: ClientRequest) (head: ResponseHead) : ClientResult =
        ArgumentNullException.ThrowIfNull(request, nameof request)
        ArgumentNullException.ThrowIfNull(head, nameof head)

        match head.StatusCode with
        | 101 -> switch request head
        | 301
        | 302
        | 303
        | 307
        | 308 -> redirect request head
        | 401 -> ClientResult.Refused(ClientAnswer.unauthorized 401 "WWW-Authenticate" head.Headers)
        | 407 -> ClientResult.Refused(ClientAnswer.unauthorized 407 "Proxy-Authenticate" head.Headers)
        | statusCode -> ClientResult.Refused(ClientHandshakeError.Status statusCode)

[<RequireQualifiedAccess; NoComparison>]
type TunnelResult =
    | Opened
    | Refused of Error: ClientHandshakeError

module ProxyTunnel =

    [<CompiledName("CreateRequest")>]
    let request (uri: WebSocketUri) : Request =
        ArgumentNullException.ThrowIfNull(uri, nameof uri)

        {
            Method = "CONNECT"
            Target = uri.Authority
            Version = "HTTP/1.1"
            Headers = Headers.Empty.Add("Host", uri.Authority).Add("User-Agent", "FunctionalWs")
        }

    [<CompiledName("CreateAuthorizedRequest")>]
    let authorizedRequest (credentials: BasicCredentials) (uri: WebSocketUri) : Request =
        ArgumentNullException.ThrowIfNull(credentials, nameof credentials)
        ArgumentNullException.ThrowIfNull(uri, nameof uri)

        let plain = request uri

        {
            plain with
                Headers =
                    plain.Headers.Add("Proxy-Authorization", BasicAuthorization.ofCredentials credentials)
        }

    [<CompiledName("Check")>]
    let check (head: ResponseHead) : TunnelResult =
        ArgumentNullException.ThrowIfNull(head, nameof head)

        match head.StatusCode with
        | 407 -> TunnelResult.Refused(ClientAnswer.unauthorized 407 "Proxy-Authenticate" head.Headers)
        | statusCode when statusCode / 100 = 2 -> TunnelResult.Opened
        | statusCode -> TunnelResult.Refused(ClientHandshakeError.Status statusCode)

type ClientAgreement with

    static member op_Equality(left: ClientAgreement | null, right: ClientAgreement | null) : bool =
        obj.Equals(left, right)

    static member op_Inequality(left: ClientAgreement | null, right: ClientAgreement | null) : bool =
        not (obj.Equals(left, right))

type ClientResult with

    static member op_Equality(left: ClientResult | null, right: ClientResult | null) : bool =
        obj.Equals(left, right)

    static member op_Inequality(left: ClientResult | null, right: ClientResult | null) : bool =
        not (obj.Equals(left, right))

type TunnelResult with

    static member op_Equality(left: TunnelResult | null, right: TunnelResult | null) : bool =
        obj.Equals(left, right)

    static member op_Inequality(left: TunnelResult | null, right: TunnelResult | null) : bool =
        not (obj.Equals(left, right))
