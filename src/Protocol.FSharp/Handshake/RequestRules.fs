// The rules that one request has to keep, one by one: none looks at more than it needs (RFC 6455 §4.2.1, RFC 9112 §3.2).
module internal FunctionalWs.Protocol.RequestRules

open System
open System.Globalization

/// A header that must be there once.
let single (name: string) (headers: Headers) : Result<string, HandshakeError> =
    match List.ofSeq (headers.GetAll name) with
    | [ value ] -> Ok value
    | [] -> Error(HandshakeError.HeaderMissing name)
    | _ -> Error(HandshakeError.HeaderRepeated name)

/// All items of a list header, over all its lines; empty when it is missing.
let items
    (parse: string -> Result<EquatableList<'item>, GrammarError>)
    (name: string)
    (headers: Headers)
    : Result<'item list, HandshakeError> =
    let rec next (parsed: 'item list list) (values: string list) =
        match values with
        | [] -> Ok(parsed |> List.rev |> List.concat)
        | value :: rest ->
            match parse value with
            | Ok items -> next (List.ofSeq items :: parsed) rest
            | Error error -> Error(HandshakeError.HeaderFormat(name, value, error))

    next [] (List.ofSeq (headers.GetAll name))

let private same (expected: string) (value: string) =
    String.Equals(expected, value, StringComparison.OrdinalIgnoreCase)

let checkMethod (request: Request) =
    if request.Method = "GET" then
        Ok()
    else
        Error(HandshakeError.Method request.Method)

let checkVersion (request: Request) =
    if request.Version = "HTTP/1.1" then
        Ok()
    else
        Error(HandshakeError.HttpVersion request.Version)

/// A path, or an absolute URI, of visible characters and without a fragment (RFC 9112 §3.2, RFC 6455 §3, §4.2.1). Some clients
/// write `ws` where HTTP has `http`; `*` is for OPTIONS. Whether a URI has a host is `host`'s to say.
let checkTarget (request: Request) =
    let target = request.Target

    let isVisible = not (target.AsSpan().ContainsAnyExceptInRange('!', '~'))

    let isAbsolute =
        [ "http://"; "https://"; "ws://"; "wss://" ]
        |> List.exists (fun scheme -> target.StartsWith(scheme, StringComparison.OrdinalIgnoreCase))

    if isVisible && not (target.Contains '#') && (target.StartsWith '/' || isAbsolute) then
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
let isHost (value: string) =
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

/// What stands between the scheme and the path of an absolute target; none in the other forms.
let private authority (target: string) : string voption =
    match target.StartsWith '/', target.IndexOf("://", StringComparison.Ordinal) with
    | false, index when index > 0 -> ValueSome(target.Substring(index + 3).Split([| '/'; '?'; '#' |], 2)[0])
    | _, _ -> ValueNone

/// A request without a Host, with two or with an invalid one is refused even when its target is absolute (RFC 9112 §3.2). The
/// host that counts is then the target's, whatever Host says (RFC 9112 §3.2.2).
let host (request: Request) : Result<string, HandshakeError> =
    match single "Host" request.Headers, authority request.Target with
    | Error error, _ -> Error error
    | Ok value, _ when not (isHost value) -> Error(HandshakeError.Host value)
    | Ok _, ValueSome authority when not (isHost authority) -> Error(HandshakeError.Host authority)
    | Ok _, ValueSome authority -> Ok authority
    | Ok value, ValueNone -> Ok value

let checkConnection (policy: HandshakePolicy) (request: Request) =
    match items HeaderGrammar.parseTokens "Connection" request.Headers with
    | Error error -> Error error
    | Ok _ when not policy.NeedsConnectionUpgrade -> Ok()
    | Ok [] -> Error(HandshakeError.Connection null)
    | Ok tokens when List.exists (same "upgrade") tokens -> Ok()
    | Ok tokens -> Error(HandshakeError.Connection(String.concat ", " tokens))

let checkUpgrade (request: Request) =
    match items HeaderGrammar.parseProtocols "Upgrade" request.Headers with
    | Error error -> Error error
    | Ok [] -> Error(HandshakeError.Upgrade null)
    | Ok protocols when List.exists (same "websocket") protocols -> Ok()
    | Ok protocols -> Error(HandshakeError.Upgrade(String.concat ", " protocols))

/// 16 bytes are 22 characters of Base64 and two of padding. The platform's decoder would take blanks too.
let private isKey (value: string) =
    value.Length = 24
    && value.EndsWith("==", StringComparison.Ordinal)
    && value.Substring(0, 22)
       |> Seq.forall (fun character ->
           Char.IsAsciiLetterOrDigit character || character = '+' || character = '/')

let key (request: Request) : Result<string, HandshakeError> =
    match single "Sec-WebSocket-Key" request.Headers with
    | Ok value when isKey value -> Ok value
    | Ok value -> Error(HandshakeError.Key value)
    | Error error -> Error error

let checkWebSocketVersion (request: Request) =
    match single "Sec-WebSocket-Version" request.Headers with
    | Ok "13" -> Ok()
    | Ok value -> Error(HandshakeError.Version value)
    | Error(HandshakeError.HeaderMissing _) -> Error(HandshakeError.Version null)
    | Error error -> Error error

let private isAllowed (origin: string | null) (rule: OriginRule) =
    match rule, origin with
    | OriginRule.Absent, null -> true
    | OriginRule.Exact allowed, origin -> String.Equals(allowed, origin, StringComparison.Ordinal)
    | OriginRule.Matching isMatch, NonNull origin -> isMatch.Invoke origin
    | OriginRule.Matching _, Null
    | OriginRule.Absent, _ -> false

let checkOrigin (policy: HandshakePolicy) (request: Request) =
    match List.ofSeq (request.Headers.GetAll "Origin"), policy.Origins with
    | _ :: _ :: _, _ -> Error(HandshakeError.HeaderRepeated "Origin")
    | _, ValueNone -> Ok()
    | [ origin ], ValueSome rules when List.exists (isAllowed origin) rules -> Ok()
    | [], ValueSome rules when List.exists (isAllowed null) rules -> Ok()
    | [ origin ], ValueSome _ -> Error(HandshakeError.Origin origin)
    | [], ValueSome _ -> Error(HandshakeError.Origin null)
