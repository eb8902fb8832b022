// Everything that keeps bytes from being the head of a request or a response, with its status, its section and a sentence.
namespace FunctionalWs.Protocol

open System
open System.Globalization
open type System.FormattableString

/// What a peer wrote, made fit for one line of a body or a log.
module internal PeerText =

    [<Literal>]
    let private Longest = 200

    let private escape (character: char) : string =
        if Char.IsControl character then
            String.Format(CultureInfo.InvariantCulture, "\\u{0:X4}", int character)
        else
            Char.ToString character

    /// On one line, and not too long.
    let line (text: string) : string =
        let shown = text.Substring(0, min text.Length Longest) |> String.collect escape
        if text.Length > Longest then shown + "…" else shown

    /// The same in quotes.
    let quote (text: string) : string = Invariant $"'{line text}'"

    let number (value: int) : string =
        value.ToString CultureInfo.InvariantCulture

/// <summary>
/// A rule of HTTP/1.1 that the head of a request or a response breaks, so that it can't be parsed (RFC 9112). Its text forms
/// show no header's value, which may be a secret, but those of <c>Content-Length</c> and <c>Transfer-Encoding</c>.
/// </summary>
[<RequireQualifiedAccess; StructuredFormatDisplay("{Description}")>]
type HeadError =
    /// <summary>The request line or status line is longer than one may be (RFC 9112 §3).</summary>
    | StartLineTooLong of Limit: int
    /// <summary>A header line is longer than one may be (RFC 6585 §5).</summary>
    | HeaderLineTooLong of Limit: int
    /// <summary>There are more header lines than there may be (RFC 6585 §5).</summary>
    | TooManyHeaders of Limit: int
    /// <summary>The whole head is larger than one may be (RFC 6585 §5).</summary>
    | HeadTooLarge of Limit: int
    /// <summary>A line ends without CR before its LF (RFC 9112 §2.2).</summary>
    | LineEnding
    /// <summary>The first line is neither a request line nor a status line, whichever is awaited (RFC 9112 §3, §4).</summary>
    | StartLine of Line: string
    /// <summary>The version is neither HTTP/1.1 nor HTTP/1.0 (RFC 9112 §2.3).</summary>
    | HttpVersion of Version: string
    /// <summary>A header line has no colon, no proper name or a control character (RFC 9112 §5).</summary>
    | HeaderLine of Line: string
    /// <summary>The length of the body isn't a number, or told twice (RFC 9112 §6.3).</summary>
    | ContentLength of Value: string
    /// <summary>The request has a body (RFC 9110 §15.5.14).</summary>
    | Body of Length: string
    /// <summary>
    /// The request has a body in chunks or another coding (RFC 9112 §6.1). Where the last coding is not <c>chunked</c>, nobody can
    /// tell where it ends (RFC 9112 §6.3).
    /// </summary>
    | TransferEncoding of Value: string

    /// A line's value is not shown: it may be a secret.
    static member private NameOf(line: string) : string =
        match line.IndexOf ':' with
        | colon when colon > 0 && HeaderSyntax.isToken (line.Substring(0, colon)) ->
            Invariant $": the value of {PeerText.quote (line.Substring(0, colon))} has a control character"
        | _ -> ""

    /// The last coding tells where a body ends.
    static member private IsChunked(codings: string) : bool =
        let last = codings.Substring(codings.LastIndexOf ',' + 1).Trim(' ', '\t')
        String.Equals(last, "chunked", StringComparison.OrdinalIgnoreCase)

    /// One line for each error: status, section, sentence.
    member private error.Facts: struct (int * RfcSection * string) =
        let of9110 section = { Rfc = 9110; Section = section }
        let of9112 section = { Rfc = 9112; Section = section }
        let tooLarge = { Rfc = 6585; Section = "5" }
        let number = PeerText.number
        let quote = PeerText.quote

        match error with
        | StartLineTooLong limit ->
            414, of9112 "3", Invariant $"The first line takes more than {number limit} bytes."
        | HeaderLineTooLong limit ->
            431, tooLarge, Invariant $"A header line takes more than {number limit} bytes."
        | TooManyHeaders limit -> 431, tooLarge, Invariant $"There are more than {number limit} header lines."
        | HeadTooLarge limit -> 431, tooLarge, Invariant $"The head takes more than {number limit} bytes."
        | LineEnding -> 400, of9112 "2.2", "A line doesn't end with CR and LF."
        | StartLine line -> 400, of9112 "3", Invariant $"The first line {quote line} is not one of HTTP/1.1."
        | HttpVersion version ->
            505, of9112 "2.3", Invariant $"The version is {quote version}; HTTP/1.1 is needed."
        | HeaderLine line ->
            400,
            of9112 "5",
            Invariant $"A line of {number line.Length} characters is no header{HeadError.NameOf line}."
        | ContentLength value -> 400, of9112 "6.3", Invariant $"Content-Length is no number: {quote value}."
        | Body length ->
            413, of9110 "15.5.14", Invariant $"A body can't be sent: Content-Length is {quote length}."
        | TransferEncoding value when HeadError.IsChunked value ->
            501, of9112 "6.1", Invariant $"A body can't be sent: Transfer-Encoding is {quote value}."
        | TransferEncoding value ->
            400, of9112 "6.3", Invariant $"A body has no end: Transfer-Encoding is {quote value}."

    /// <summary>The status that a request with this error is answered with.</summary>
    member error.StatusCode: int =
        let struct (status, _, _) = error.Facts
        status

    /// <summary>Where the rule is written down.</summary>
    member error.Section: RfcSection =
        let struct (_, section, _) = error.Facts
        section

    /// <summary>A sentence of one line; what the peer wrote is escaped and cut, and no header's value is told but a length or a coding.</summary>
    member error.Description: string =
        let struct (_, _, description) = error.Facts
        description

    /// <summary>The <c>Description</c>.</summary>
    override error.ToString() : string = error.Description

type HeadError with

    /// <summary>True when both are equal, as <c>Equals</c> tells.</summary>
    static member op_Equality(left: HeadError | null, right: HeadError | null) : bool =
        obj.Equals(left, right)

    /// <summary>True when they are not equal.</summary>
    static member op_Inequality(left: HeadError | null, right: HeadError | null) : bool =
        not (obj.Equals(left, right))
