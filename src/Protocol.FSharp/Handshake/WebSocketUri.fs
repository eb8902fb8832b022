// Where a client wants to go: ws and wss URIs (RFC 6455 §3), parsed by the platform, and what of them is sent.
namespace FunctionalWs.Protocol

open System
open System.Net
open System.Runtime.InteropServices
open System.Text
open type System.FormattableString

/// <summary>Why a text is no URI of a WebSocket (RFC 6455 §3). It never repeats userinfo.</summary>
[<RequireQualifiedAccess>]
type UriError =
    /// <summary>It is no absolute URI; the platform's sentence about it.</summary>
    | Malformed of Reason: string
    /// <summary>The scheme is neither <c>ws</c> nor <c>wss</c>.</summary>
    | Scheme of Name: string
    /// <summary>The host can't be asked for: it has characters that no host has, or can't be encoded for DNS.</summary>
    | Host of Name: string
    /// <summary>The port is 0.</summary>
    | Port
    /// <summary>There is a fragment, even an empty one: a <c>#</c> in a path is written <c>%23</c>.</summary>
    | Fragment
    /// <summary>Name or password are not encoded UTF-8, or have a control character, or the name a colon (RFC 7617 §2).</summary>
    | UserInfo

    /// <summary>A sentence of one line. What was written is escaped and cut.</summary>
    override error.ToString() =
        match error with
        | Malformed reason -> Invariant $"It is no absolute URI: {reason}"
        | Scheme name -> Invariant $"The scheme {PeerText.quote name} is neither ws nor wss."
        | Host name -> Invariant $"The host {PeerText.quote name} is not valid."
        | Port -> "The port is 0; ports are from 1 to 65535."
        | Fragment -> "There is a fragment; a # in the path or the query is written %23."
        | UserInfo ->
            "The user's name or password can't be sent: no UTF-8, a control character, or a colon in the name."

/// What of a URI can be wrong, apart from the whole.
module internal UriRules =

    /// Text of ASCII whose percent-encoded bytes are UTF-8; none otherwise.
    let decode (text: string) : string voption =
        // The platform's decoder is one for forms: a plus isn't a blank here.
        let encoded =
            Encoding.ASCII.GetBytes(text.Replace("+", "%2B", StringComparison.Ordinal))

        let bytes = nonNull (WebUtility.UrlDecodeToBytes(encoded, 0, encoded.Length))

        if Unicode.Utf8.IsValid(ReadOnlySpan bytes) then
            ValueSome(Encoding.UTF8.GetString bytes)
        else
            ValueNone

    let private isSendable (text: string) = not (Seq.exists Char.IsControl text)

    /// `name` or `name:password`; nothing at all for none.
    let credentials (userInfo: string) : Result<BasicCredentials voption, UriError> =
        if userInfo = "" then
            Ok ValueNone
        else
            let colon = userInfo.IndexOf ':'
            let nameEnd = if colon < 0 then userInfo.Length else colon

            match
                decode (userInfo.Substring(0, nameEnd)),
                decode (userInfo.Substring(min userInfo.Length (nameEnd + 1)))
            with
            | ValueSome name, ValueSome password when
                isSendable name && isSendable password && not (name.Contains ':')
                ->
                Ok(ValueSome { Username = name; Password = password })
            | _, _ -> Error UriError.UserInfo

    /// A host as DNS has it, or an address as `Host` has it: no zone, in brackets (RFC 6874 §4). The platform throws for names
    /// that can't be encoded.
    let host (uri: Uri) : Result<string, UriError> =
        let name =
            match uri.HostNameType with
            | UriHostNameType.IPv6 -> uri.Host
            | _ ->
                try
                    uri.IdnHost
                with :? UriFormatException ->
                    ""

        if name <> "" && RequestRules.isHost name then
            Ok name
        else
            Error(UriError.Host uri.Host)

    /// What to connect to: an address has its zone there, and no brackets.
    let address (uri: Uri) (host: string) : string =
        if uri.HostNameType = UriHostNameType.IPv6 then
            uri.IdnHost.Replace("%25", "%", StringComparison.Ordinal)
        else
            host.ToLowerInvariant()

/// The parts of a URI that has been parsed.
[<NoComparison>]
type internal UriParts = {
    Secure: bool
    HostInUri: string
    Address: string
    PortNumber: int
    PathAndQuery: string
    UserInfo: BasicCredentials voption
}

/// <summary>
/// The URI of a WebSocket: <c>ws</c> or <c>wss</c> (RFC 6455 §3). Parsed, normalised and percent-encoded as
/// <see cref="T:System.Uri" /> does it. Immutable. Its text has no userinfo.
/// </summary>
[<Sealed; AllowNullLiteral(false); StructuredFormatDisplay("{Text}")>]
type WebSocketUri private (parts: UriParts) =

    member private _.Parts = parts

    /// <summary>True when both ask for the same, with the same credentials.</summary>
    override uri.Equals(other: obj | null) : bool =
        match other with
        | :? WebSocketUri as other -> uri.Parts = other.Parts
        | _ -> false

    /// <summary>A hash code of all of it.</summary>
    override uri.GetHashCode() : int = hash uri.Parts

    /// <summary>True for <c>wss</c>: the connection is made through TLS.</summary>
    member uri.IsSecure: bool = parts.Secure

    /// <summary>
    /// What to connect to, and what a certificate has to be for: a name as DNS has it, internationalised ones encoded, or an
    /// address without brackets, with its zone.
    /// </summary>
    member uri.Host: string = parts.Address

    /// <summary>1 to 65535; 80 for <c>ws</c> and 443 for <c>wss</c> unless it was told.</summary>
    member uri.Port: int = parts.PortNumber

    /// <summary>The target of the request: an absolute path, and the query if there is one (RFC 9112 §3.2.1).</summary>
    member uri.Target: string = parts.PathAndQuery

    /// <summary>Host and port, an address in brackets: what a proxy is asked for (RFC 9110 §9.3.6).</summary>
    member uri.Authority: string = parts.HostInUri + ":" + PeerText.number parts.PortNumber

    /// <summary>The value of the header <c>Host</c>: the port is left out when it is the scheme's (RFC 6455 §4.1).</summary>
    member uri.HostHeader: string =
        if parts.PortNumber = (if parts.Secure then 443 else 80) then
            parts.HostInUri
        else
            uri.Authority

    /// <summary>The name and the password that the URI has; none when it has neither.</summary>
    member uri.Credentials: BasicCredentials voption = parts.UserInfo

    /// <summary>Tells the <c>Credentials</c>; false when the URI has none.</summary>
    /// <param name="credentials">Name and password.</param>
    member uri.TryGetCredentials([<Out>] credentials: byref<BasicCredentials>) : bool =
        ValueOption.tryGet parts.UserInfo &credentials

    /// <summary>True when scheme, host and port are the same.</summary>
    /// <param name="other">Another URI.</param>
    member uri.IsSameOrigin(other: WebSocketUri) : bool =
        ArgumentNullException.ThrowIfNull(other, nameof other)

        parts.Secure = other.Parts.Secure
        && parts.HostInUri = other.Parts.HostInUri
        && parts.PortNumber = other.Parts.PortNumber

    member private uri.Text =
        String.Concat((if parts.Secure then "wss://" else "ws://"), uri.HostHeader, parts.PathAndQuery)

    /// <summary>The URI without its userinfo.</summary>
    override uri.ToString() = uri.Text

    /// <summary>Two URIs are equal when they ask for the same, with the same credentials.</summary>
    /// <param name="left">One.</param>
    /// <param name="right">The other.</param>
    static member op_Equality(left: WebSocketUri | null, right: WebSocketUri | null) : bool =
        obj.Equals(left, right)

    /// <summary>The opposite of equality.</summary>
    /// <param name="left">One.</param>
    /// <param name="right">The other.</param>
    static member op_Inequality(left: WebSocketUri | null, right: WebSocketUri | null) : bool =
        not (obj.Equals(left, right))

    static member private Read(isSecure: bool, uri: Uri) : UriParse =
        let userInfo = uri.GetComponents(UriComponents.UserInfo, UriFormat.UriEscaped)

        match UriRules.host uri, UriRules.credentials userInfo with
        | Error error, _
        | Ok _, Error error -> UriParse.Invalid error
        | Ok _, Ok _ when uri.Port = 0 -> UriParse.Invalid UriError.Port
        | Ok _, Ok _ when uri.Fragment <> "" -> UriParse.Invalid UriError.Fragment
        | Ok name, Ok credentials ->
            UriParse.Valid(
                WebSocketUri {
                    Secure = isSecure
                    HostInUri = name.ToLowerInvariant()
                    Address = UriRules.address uri name
                    PortNumber = uri.Port
                    PathAndQuery = uri.PathAndQuery
                    UserInfo = credentials
                }
            )

    /// <summary>Takes a URI that the platform has parsed.</summary>
    /// <param name="uri">The URI.</param>
    static member TryParse(uri: Uri) : UriParse =
        ArgumentNullException.ThrowIfNull(uri, nameof uri)

        if not uri.IsAbsoluteUri then
            UriParse.Invalid(UriError.Malformed "It is relative.")
        else
            match uri.Scheme with
            | "ws" -> WebSocketUri.Read(false, uri)
            | "wss" -> WebSocketUri.Read(true, uri)
            | scheme -> UriParse.Invalid(UriError.Scheme scheme)

    /// <summary>Reads a URI.</summary>
    /// <param name="text">The URI, such as <c>wss://example.com/chat?room=1</c>; white space around it is passed over.</param>
    static member TryParse(text: string) : UriParse =
        ArgumentNullException.ThrowIfNull(text, nameof text)

        try
            WebSocketUri.TryParse(Uri(text, UriKind.Absolute))
        with :? UriFormatException as error ->
            UriParse.Invalid(UriError.Malformed error.Message)

    /// <summary>Reads a URI, or tells what is wrong with it.</summary>
    /// <param name="text">The URI, as for <c>TryParse</c>.</param>
    /// <exception cref="T:System.UriFormatException">It is none of a WebSocket.</exception>
    static member Parse(text: string) : WebSocketUri =
        match WebSocketUri.TryParse text with
        | UriParse.Valid uri -> uri
        | UriParse.Invalid error -> raise (UriFormatException(error.ToString()))

    /// A location that this URI's server sends elsewhere (RFC 9110 §10.2.2). Servers know their WebSockets by `http` and `https`,
    /// too. Credentials stay with the origin that they were given for.
    member internal uri.Resolve(location: string) : UriParse =
        match Uri.TryCreate(Uri(uri.Text, UriKind.Absolute), location) with
        | true, NonNull resolved ->
            let target =
                match resolved.Scheme with
                | "http" -> WebSocketUri.Read(false, resolved)
                | "https" -> WebSocketUri.Read(true, resolved)
                | _ -> WebSocketUri.TryParse resolved

            match target with
            | UriParse.Valid target when target.Parts.UserInfo.IsNone && uri.IsSameOrigin target ->
                UriParse.Valid(
                    WebSocketUri {
                        target.Parts with
                            UserInfo = parts.UserInfo
                    }
                )
            | UriParse.Valid _
            | UriParse.Invalid _ -> target
        | _ -> UriParse.Invalid(UriError.Malformed "It can't be parsed.")

/// <summary>A URI of a WebSocket, or why there is none.</summary>
and [<RequireQualifiedAccess; NoComparison>] UriParse =
    /// <summary>The URI.</summary>
    | Valid of Uri: WebSocketUri
    /// <summary>What is wrong.</summary>
    | Invalid of Error: UriError

type UriError with

    /// <summary>True when both are equal, as <c>Equals</c> tells.</summary>
    static member op_Equality(left: UriError | null, right: UriError | null) : bool = obj.Equals(left, right)

    /// <summary>True when they are not equal.</summary>
    static member op_Inequality(left: UriError | null, right: UriError | null) : bool =
        not (obj.Equals(left, right))

type UriParse with

    /// <summary>True when both are equal, as <c>Equals</c> tells.</summary>
    static member op_Equality(left: UriParse | null, right: UriParse | null) : bool = obj.Equals(left, right)

    /// <summary>True when they are not equal.</summary>
    static member op_Inequality(left: UriParse | null, right: UriParse | null) : bool =
        not (obj.Equals(left, right))
