// The opening handshake: a request and a policy give a response (RFC 6455 §4). The clock's value is an argument.
namespace FunctionalWs.Protocol

open System
open System.Globalization
open System.Security.Cryptography
open System.Text

/// <summary>An origin that may connect (RFC 6455 §10.2).</summary>
[<RequireQualifiedAccess>]
type OriginRule =
    /// <summary>Exactly this origin, such as <c>https://example.com</c>; case matters.</summary>
    | Exact of Origin: string
    /// <summary>A request without an origin, as programs that aren't browsers send it.</summary>
    | Absent

/// <summary>What a server asks of its clients. Immutable.</summary>
type HandshakePolicy = {
    /// <summary>The origins that may connect; none to let everyone in.</summary>
    Origins: OriginRule list voption
    /// <summary>Subprotocols in order of preference; empty for none (RFC 6455 §1.9).</summary>
    Subprotocols: string list
    /// <summary>The value of the <c>Server</c> header; none to leave it out.</summary>
    ServerHeader: string voption
} with

    /// <summary>Everyone may connect, without a subprotocol; the <c>Server</c> header is <c>FunctionalWs</c>.</summary>
    static member Default: HandshakePolicy = {
        Origins = ValueNone
        Subprotocols = []
        ServerHeader = ValueSome "FunctionalWs"
    }

/// <summary>What becomes of a request. Either way the response is to be sent.</summary>
[<RequireQualifiedAccess; NoComparison>]
type HandshakeResult =
    /// <summary>The connection is open once the response is sent.</summary>
    | Accepted of Response: Response * Subprotocol: string voption
    /// <summary>The connection ends once the response is sent.</summary>
    | Rejected of Response: Response * Error: HandshakeError

/// <summary>The server's side of the opening handshake (RFC 6455 §4.2).</summary>
module Handshake =

    /// RFC 6455 §1.3.
    let private guid = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11"

    /// <summary>The value of <c>Sec-WebSocket-Accept</c> that answers a key (RFC 6455 §4.2.2).</summary>
    /// <param name="key">The value of <c>Sec-WebSocket-Key</c> as received.</param>
    [<CompiledName("AcceptKey")>]
    let acceptKey (key: string) : string =
        Encoding.Latin1.GetBytes(key + guid) |> SHA1.HashData |> Convert.ToBase64String

    let private date (now: DateTimeOffset) : string =
        now.ToUniversalTime().ToString("R", CultureInfo.InvariantCulture)

    /// A header that must be there once.
    let private single (name: string) (headers: Headers) : Result<string, HandshakeError> =
        match List.ofSeq (headers.GetAll name) with
        | [ value ] -> Ok value
        | [] -> Error(HandshakeError.HeaderMissing name)
        | _ -> Error(HandshakeError.HeaderRepeated name)

    /// All items of a list header, over all its lines; empty when it is missing.
    let private items
        (parse: string -> Result<string list, GrammarError>)
        (name: string)
        (headers: Headers)
        : Result<string list, HandshakeError> =
        let folder parsed value =
            match parsed, parse value with
            | Error error, _ -> Error error
            | Ok _, Error error -> Error(HandshakeError.HeaderFormat(name, value, error))
            | Ok before, Ok next -> Ok(before @ next)

        Seq.fold folder (Ok []) (headers.GetAll name)

    let private same (expected: string) (value: string) =
        String.Equals(expected, value, StringComparison.OrdinalIgnoreCase)

    let private checkMethod (request: Request) =
        if request.Method = "GET" then
            Ok()
        else
            Error(HandshakeError.Method request.Method)

    let private checkVersion (request: Request) =
        if request.Version = "HTTP/1.1" then
            Ok()
        else
            Error(HandshakeError.HttpVersion request.Version)

    /// Origin form, absolute form or `*`, of visible characters (RFC 9112 §3.2).
    let private checkTarget (request: Request) =
        let target = request.Target

        let isVisible =
            Seq.forall (fun character -> character > ' ' && character < '\u007F') target

        let isAbsolute =
            match target.IndexOf "://" with
            | index when index > 0 ->
                target.Substring(0, index) |> Seq.forall Char.IsAsciiLetterOrDigit
                && target.Length > index + 3
            | _ -> false

        if isVisible && (target.StartsWith '/' || target = "*" || isAbsolute) then
            Ok()
        else
            Error(HandshakeError.Target target)

    let private isHostCharacter (character: char) =
        Char.IsAsciiLetterOrDigit character || "-._~!$&'()*+,;=%".Contains character

    let private isPort (text: string) =
        text.Length <= 5
        && Seq.forall Char.IsAsciiDigit text
        && (text = "" || Int32.Parse(text, CultureInfo.InvariantCulture) <= 65_535)

    /// A name, an IPv4 address or an IPv6 address in brackets, with an optional port (RFC 9110 §7.2, RFC 3986 §3.2).
    let private isHost (value: string) =
        let isLiteral = value.StartsWith '['

        let nameEnd =
            if isLiteral then
                value.IndexOf ']' + 1
            else
                value.IndexOf ':'

        let nameEnd = if nameEnd < 0 then value.Length else nameEnd
        let name = value.Substring(0, nameEnd)
        let rest = value.Substring nameEnd

        let isName =
            if isLiteral then
                name.Length > 2
                && name.Substring(1, name.Length - 2)
                   |> Seq.forall (fun character ->
                       Char.IsAsciiHexDigit character || character = ':' || character = '.')
            else
                name <> "" && Seq.forall isHostCharacter name

        isName && (rest = "" || rest.StartsWith ':' && isPort (rest.Substring 1))

    let private checkHost (request: Request) =
        match single "Host" request.Headers with
        | Ok value when isHost value -> Ok()
        | Ok value -> Error(HandshakeError.Host value)
        | Error error -> Error error

    let private checkConnection (request: Request) =
        match items HeaderGrammar.parseTokens "Connection" request.Headers with
        | Error error -> Error error
        | Ok [] -> Error(HandshakeError.HeaderMissing "Connection")
        | Ok tokens when List.exists (same "upgrade") tokens -> Ok()
        | Ok tokens -> Error(HandshakeError.NotUpgrade("Connection", String.concat ", " tokens))

    let private checkUpgrade (request: Request) =
        match items HeaderGrammar.parseProtocols "Upgrade" request.Headers with
        | Error error -> Error error
        | Ok [] -> Error(HandshakeError.HeaderMissing "Upgrade")
        | Ok [ protocol ] when same "websocket" protocol -> Ok()
        | Ok protocols -> Error(HandshakeError.NotUpgrade("Upgrade", String.concat ", " protocols))

    /// 16 bytes are 22 characters of Base64 and two of padding. The platform's decoder would take blanks too.
    let private isKey (value: string) =
        value.Length = 24
        && value.EndsWith "=="
        && value.Substring(0, 22)
           |> Seq.forall (fun character ->
               Char.IsAsciiLetterOrDigit character || character = '+' || character = '/')

    let private checkKey (request: Request) =
        match single "Sec-WebSocket-Key" request.Headers with
        | Ok value when isKey value -> Ok()
        | Ok value -> Error(HandshakeError.Key value)
        | Error error -> Error error

    let private checkWebSocketVersion (request: Request) =
        match single "Sec-WebSocket-Version" request.Headers with
        | Ok "13" -> Ok()
        | Ok value -> Error(HandshakeError.Version value)
        | Error error -> Error error

    let private isAllowed (origin: string | null) (rule: OriginRule) =
        match rule, origin with
        | OriginRule.Absent, null -> true
        | OriginRule.Exact allowed, origin -> String.Equals(allowed, origin, StringComparison.Ordinal)
        | OriginRule.Absent, _ -> false

    let private checkOrigin (policy: HandshakePolicy) (request: Request) =
        match List.ofSeq (request.Headers.GetAll "Origin"), policy.Origins with
        | _ :: _ :: _, _ -> Error(HandshakeError.HeaderRepeated "Origin")
        | _, ValueNone -> Ok()
        | [ origin ], ValueSome rules when List.exists (isAllowed origin) rules -> Ok()
        | [], ValueSome rules when List.exists (isAllowed null) rules -> Ok()
        | [ origin ], ValueSome _ -> Error(HandshakeError.Origin origin)
        | [], ValueSome _ -> Error(HandshakeError.Origin null)

    let private selectSubprotocol (policy: HandshakePolicy) (request: Request) =
        match
            items HeaderGrammar.parseTokens "Sec-WebSocket-Protocol" request.Headers, policy.Subprotocols
        with
        | Error error, _ -> Error error
        | Ok _, [] -> Ok ValueNone
        | Ok offered, supported ->
            match List.tryFind (fun name -> List.contains name offered) supported with
            | Some name -> Ok(ValueSome name)
            | None -> Error(HandshakeError.Subprotocol supported)

    /// Every check, in order; the first that fails decides.
    let private examine
        (policy: HandshakePolicy)
        (request: Request)
        : Result<string voption, HandshakeError> =
        [
            checkMethod
            checkVersion
            checkTarget
            checkHost
            checkConnection
            checkUpgrade
            checkKey
            checkWebSocketVersion
            checkOrigin policy
        ]
        |> List.tryPick (fun check ->
            match check request with
            | Ok() -> None
            | Error error -> Some error)
        |> function
            | Some error -> Error error
            | None -> selectSubprotocol policy request

    let private withServer (policy: HandshakePolicy) (headers: Headers) : Headers =
        match policy.ServerHeader with
        | ValueSome value when value <> "" && not (headers.Contains "Server") -> headers.Add("Server", value)
        | ValueSome _
        | ValueNone -> headers

    let private accept
        (policy: HandshakePolicy)
        (now: DateTimeOffset)
        (key: string)
        (subprotocol: string voption)
        =
        let headers =
            Headers.Empty
                .Add("Date", date now)
                .Add("Upgrade", "websocket")
                .Add("Connection", "Upgrade")
                .Add("Sec-WebSocket-Accept", acceptKey key)

        let headers =
            match subprotocol with
            | ValueSome name -> headers.Add("Sec-WebSocket-Protocol", name)
            | ValueNone -> headers

        {
            StatusCode = 101
            ReasonPhrase = Http.reasonPhrase 101
            Headers = withServer policy headers
            Body = ReadOnlyMemory.Empty
        }

    /// <summary>A plain response that ends the connection: text in UTF-8, with its length (RFC 6455 §4.2.2).</summary>
    /// <param name="policy">The policy: it names the server.</param>
    /// <param name="now">The clock's value, for the <c>Date</c> header.</param>
    /// <param name="statusCode">A status code.</param>
    /// <param name="extra">Further header fields.</param>
    /// <param name="body">The text of the body.</param>
    [<CompiledName("Reject")>]
    let reject
        (policy: HandshakePolicy)
        (now: DateTimeOffset)
        (statusCode: int)
        (extra: Headers)
        (body: string)
        : Response =
        let bytes = Encoding.UTF8.GetBytes body

        let headers =
            Headers.Empty
                .Add("Date", date now)
                .Add("Connection", "close")
                .Add("Content-Length", bytes.Length.ToString CultureInfo.InvariantCulture)
                .Add("Content-Type", "text/plain; charset=utf-8")

        let headers =
            Seq.fold (fun (all: Headers) field -> all.Add(fst field, snd field)) headers [
                for field in extra -> field.Key, field.Value
            ]

        {
            StatusCode = statusCode
            ReasonPhrase = Http.reasonPhrase statusCode
            Headers = withServer policy headers
            Body = ReadOnlyMemory bytes
        }

    /// What a client needs to know to do better.
    let private hints (error: HandshakeError) (statusCode: int) : Headers =
        match error, statusCode with
        | HandshakeError.Method _, _ -> Headers.Empty.Add("Allow", "GET")
        | HandshakeError.Version _, _
        | HandshakeError.HeaderMissing "Sec-WebSocket-Version", _ ->
            Headers.Empty.Add("Sec-WebSocket-Version", "13")
        | _, 426 -> Headers.Empty.Add("Upgrade", "websocket")
        | _, _ -> Headers.Empty

    /// <summary>The response to a request that can't be accepted; none when the stream is closed without one.</summary>
    /// <param name="policy">The policy: it names the server.</param>
    /// <param name="now">The clock's value, for the <c>Date</c> header.</param>
    /// <param name="error">What is wrong with the request.</param>
    [<CompiledName("RejectError")>]
    let rejectError
        (policy: HandshakePolicy)
        (now: DateTimeOffset)
        (error: HandshakeError)
        : Response voption =
        match HandshakeError.status error with
        | ValueNone -> ValueNone
        | ValueSome statusCode ->
            let hint =
                if statusCode = 426 then
                    "This is a WebSocket server: a WebSocket client is needed.\n"
                else
                    ""

            let body =
                $"The WebSocket connection could not be opened. {HandshakeError.describe error}\n{hint}"

            ValueSome(reject policy now statusCode (hints error statusCode) body)

    /// <summary>Decides on a request: every check of RFC 6455 §4.2.1 in order, then origin and subprotocol.</summary>
    /// <param name="policy">What the server asks for.</param>
    /// <param name="now">The clock's value, for the <c>Date</c> header.</param>
    /// <param name="request">The request.</param>
    [<CompiledName("Respond")>]
    let respond (policy: HandshakePolicy) (now: DateTimeOffset) (request: Request) : HandshakeResult =
        match examine policy request, single "Sec-WebSocket-Key" request.Headers with
        | Ok subprotocol, Ok key -> HandshakeResult.Accepted(accept policy now key subprotocol, subprotocol)
        | Error error, _
        | _, Error error ->
            match rejectError policy now error with
            | ValueSome response -> HandshakeResult.Rejected(response, error)
            | ValueNone ->
                HandshakeResult.Rejected(
                    reject policy now 400 Headers.Empty (HandshakeError.describe error),
                    error
                )
