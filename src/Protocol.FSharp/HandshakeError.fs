// Everything that can be wrong with an opening handshake: the status it is answered with, and a sentence about it.
namespace FunctionalWs.Protocol

open System
open System.Globalization
open System.Text

/// <summary>A rule of the opening handshake that a client broke (RFC 6455 §4.2.1, RFC 9112).</summary>
[<RequireQualifiedAccess>]
type HandshakeError =
    /// <summary>The request line is longer than one may be (RFC 9112 §3).</summary>
    | RequestLineTooLong of Size: int * Limit: int
    /// <summary>A header line is longer than one may be (RFC 6585 §5).</summary>
    | HeaderLineTooLong of Size: int * Limit: int
    /// <summary>There are more header lines than there may be (RFC 6585 §5).</summary>
    | TooManyHeaders of Limit: int
    /// <summary>The whole head is larger than one may be (RFC 6585 §5).</summary>
    | HeadTooLarge of Limit: int
    /// <summary>A line ends without CR before its LF (RFC 9112 §2.2).</summary>
    | LineEnding
    /// <summary>The first line is no request line of HTTP/1.0 or HTTP/1.1 (RFC 9112 §3).</summary>
    | RequestLine of Line: string
    /// <summary>A header line has no colon, no proper name or a control character (RFC 9112 §5).</summary>
    | HeaderLine of Line: string
    /// <summary>The request announces a body in chunks (RFC 9112 §6.1).</summary>
    | TransferEncoding of Value: string
    /// <summary>The request announces a body, or its length isn't a number (RFC 9112 §6.2).</summary>
    | ContentLength of Value: string
    /// <summary>The method is not GET (RFC 6455 §4.2.1).</summary>
    | Method of Method: string
    /// <summary>The request is of HTTP/1.0 (RFC 6455 §4.2.1).</summary>
    | HttpVersion of Version: string
    /// <summary>The target is none of an absolute path, an absolute URI or <c>*</c> (RFC 9112 §3.2).</summary>
    | Target of Target: string
    /// <summary>A header that must be there is missing.</summary>
    | HeaderMissing of Name: string
    /// <summary>A header that must be there once comes several times.</summary>
    | HeaderRepeated of Name: string
    /// <summary>A header's value doesn't fit its grammar.</summary>
    | HeaderFormat of Name: string * Value: string * Error: GrammarError
    /// <summary>The value of <c>Host</c> is no host with an optional port (RFC 9110 §7.2).</summary>
    | Host of Value: string
    /// <summary>The target is absolute and names another host than <c>Host</c> (RFC 9112 §3.2.2).</summary>
    | HostMismatch of Target: string * Host: string
    /// <summary><c>Connection</c> or <c>Upgrade</c> don't ask for a WebSocket (RFC 6455 §4.2.1).</summary>
    | NotUpgrade of Name: string * Value: string
    /// <summary>The key is not 16 bytes in Base64 (RFC 6455 §4.2.1).</summary>
    | Key of Value: string
    /// <summary>The version of the protocol is not 13 (RFC 6455 §4.4).</summary>
    | Version of Value: string
    /// <summary>The origin may not connect; null when the request has none (RFC 6455 §10.2).</summary>
    | Origin of Value: (string | null)
    /// <summary>The client offers none of the subprotocols that the server has (RFC 6455 §1.9).</summary>
    | Subprotocol of Supported: string list

/// <summary>What handshake errors lead to.</summary>
module HandshakeError =

    /// <summary>The status that the client is answered with; none when the stream is closed without an answer.</summary>
    /// <param name="error">What the client did.</param>
    [<CompiledName("Status")>]
    let status (error: HandshakeError) : int voption =
        match error with
        | HandshakeError.RequestLineTooLong _ -> ValueSome 414
        | HandshakeError.HeaderLineTooLong _
        | HandshakeError.TooManyHeaders _
        | HandshakeError.HeadTooLarge _ -> ValueSome 431
        | HandshakeError.LineEnding
        | HandshakeError.RequestLine _
        | HandshakeError.HeaderLine _
        | HandshakeError.TransferEncoding _
        | HandshakeError.ContentLength _ -> ValueNone
        | HandshakeError.Method _ -> ValueSome 405
        | HandshakeError.HttpVersion _ -> ValueSome 505
        | HandshakeError.NotUpgrade _ -> ValueSome 426
        | HandshakeError.Origin _ -> ValueSome 403
        | HandshakeError.HeaderMissing("Connection" | "Upgrade") -> ValueSome 426
        | HandshakeError.Target _
        | HandshakeError.HeaderMissing _
        | HandshakeError.HeaderRepeated _
        | HandshakeError.HeaderFormat _
        | HandshakeError.Host _
        | HandshakeError.HostMismatch _
        | HandshakeError.Key _
        | HandshakeError.Version _
        | HandshakeError.Subprotocol _ -> ValueSome 400

    let private escape (character: char) =
        if character >= ' ' && character <> '\u007F' && not (Char.IsControl character) then
            string character
        else
            String.Format(CultureInfo.InvariantCulture, "\\u{0:X4}", int character)

    /// A client's text, made fit for one line of a body or a log.
    let private quote (text: string) =
        let longest = 200
        let shown = text.Substring(0, min text.Length longest) |> String.collect escape

        if text.Length > longest then
            $"'{shown}…'"
        else
            $"'{shown}'"

    /// A line's value is not shown: it may be a secret.
    let private headerName (line: string) =
        match line.IndexOf ':' with
        | colon when colon > 0 && HeaderSyntax.isToken (line.Substring(0, colon)) ->
            $": the value of {quote (line.Substring(0, colon))} has a control character"
        | _ -> ""

    /// <summary>A sentence of one line; what the client wrote is escaped and cut.</summary>
    /// <param name="error">What the client did.</param>
    [<CompiledName("Describe")>]
    let describe (error: HandshakeError) : string =
        match error with
        | HandshakeError.RequestLineTooLong(size, limit) ->
            $"The request line takes {size} bytes or more; at most {limit} are allowed."
        | HandshakeError.HeaderLineTooLong(size, limit) ->
            $"A header line takes {size} bytes or more; at most {limit} are allowed."
        | HandshakeError.TooManyHeaders limit -> $"There are more than {limit} header lines."
        | HandshakeError.HeadTooLarge limit -> $"The request's head takes more than {limit} bytes."
        | HandshakeError.LineEnding -> "A line doesn't end with CR and LF."
        | HandshakeError.RequestLine line -> $"The request line {quote line} is not one of HTTP/1.1."
        | HandshakeError.HeaderLine line ->
            $"A line of {line.Length} characters is no header{headerName line}."
        | HandshakeError.TransferEncoding value ->
            $"A body can't be sent: Transfer-Encoding is {quote value}."
        | HandshakeError.ContentLength value -> $"A body can't be sent: Content-Length is {quote value}."
        | HandshakeError.Method name -> $"The method is {quote name}; a WebSocket is opened with GET."
        | HandshakeError.HttpVersion version -> $"The version is {quote version}; a WebSocket needs HTTP/1.1."
        | HandshakeError.Target target -> $"The target {quote target} is not valid."
        | HandshakeError.HeaderMissing name -> $"The header {name} is missing."
        | HandshakeError.HeaderRepeated name -> $"The header {name} comes more than once."
        | HandshakeError.HeaderFormat(name, value, error) ->
            $"The header {name} needs {error.Expected} at position {error.Position} of {quote value}."
        | HandshakeError.Host value -> $"The header Host has no valid host: {quote value}."
        | HandshakeError.HostMismatch(target, host) ->
            $"The target {quote target} names another host than the header Host, {quote host}."
        | HandshakeError.NotUpgrade(name, value) ->
            $"The header {name} doesn't ask for a WebSocket: {quote value}."
        | HandshakeError.Key value ->
            $"The header Sec-WebSocket-Key is not 16 bytes in Base64: {quote value}."
        | HandshakeError.Version value -> $"The header Sec-WebSocket-Version is not 13: {quote value}."
        | HandshakeError.Origin Null -> "A request without Origin is not allowed."
        | HandshakeError.Origin(NonNull origin) -> $"The origin {quote origin} is not allowed."
        | HandshakeError.Subprotocol supported ->
            let names = String.concat ", " supported
            $"One of these subprotocols is needed: {names}."

    let private of6455 section = { Rfc = 6455; Section = section }
    let private of9112 section = { Rfc = 9112; Section = section }

    let private ofHeader (name: string) : RfcSection =
        match name with
        | "Host" -> of9112 "3.2"
        | "Origin" -> of6455 "10.2"
        | "Sec-WebSocket-Extensions" -> of6455 "9.1"
        | "Sec-WebSocket-Protocol" -> of6455 "1.9"
        | _ -> of6455 "4.2.1"

    /// <summary>Where the rule is written down.</summary>
    /// <param name="error">What the client did.</param>
    [<CompiledName("Section")>]
    let section (error: HandshakeError) : RfcSection =
        match error with
        | HandshakeError.RequestLineTooLong _
        | HandshakeError.RequestLine _ -> of9112 "3"
        | HandshakeError.HeaderLineTooLong _
        | HandshakeError.TooManyHeaders _
        | HandshakeError.HeadTooLarge _ -> { Rfc = 6585; Section = "5" }
        | HandshakeError.LineEnding -> of9112 "2.2"
        | HandshakeError.HeaderLine _ -> of9112 "5"
        | HandshakeError.TransferEncoding _ -> of9112 "6.1"
        | HandshakeError.ContentLength _ -> of9112 "6.2"
        | HandshakeError.Target _ -> of9112 "3.2"
        | HandshakeError.HostMismatch _ -> of9112 "3.2.2"
        | HandshakeError.Host _ -> { Rfc = 9110; Section = "7.2" }
        | HandshakeError.HeaderMissing name
        | HandshakeError.HeaderRepeated name
        | HandshakeError.HeaderFormat(name, _, _) -> ofHeader name
        | HandshakeError.Method _
        | HandshakeError.HttpVersion _
        | HandshakeError.NotUpgrade _
        | HandshakeError.Key _ -> of6455 "4.2.1"
        | HandshakeError.Version _ -> of6455 "4.4"
        | HandshakeError.Origin _ -> of6455 "10.2"
        | HandshakeError.Subprotocol _ -> of6455 "1.9"
