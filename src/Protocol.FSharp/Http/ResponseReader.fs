// Heads of HTTP/1.1 responses, read as a client receives them (RFC 9112 §4). Bodies are `BodyReader`'s.
namespace FunctionalWs.Protocol

open System
open System.Buffers
open System.Globalization
open type System.FormattableString

/// <summary>A response's head, as a client receives it. Immutable. Its text is the status line alone (RFC 9112 §4).</summary>
[<NoComparison; StructuredFormatDisplay("{Text}")>]
type ResponseHead = {
    /// <summary><c>HTTP/1.1</c> or <c>HTTP/1.0</c>.</summary>
    Version: string
    /// <summary>100 to 999: what is beyond 599 is to be taken for 500 (RFC 9110 §15).</summary>
    StatusCode: int
    /// <summary>The text after the status code; may be empty.</summary>
    ReasonPhrase: string
    /// <summary>The header fields; bytes 0x80–0xFF are the characters of the same numbers.</summary>
    Headers: Headers
} with

    member private head.Text =
        (Invariant $"{head.Version} {PeerText.number head.StatusCode} {head.ReasonPhrase}").TrimEnd()

    /// <summary>The status line. Header fields may be secrets.</summary>
    override head.ToString() = head.Text

/// A status line (RFC 9112 §4): a version, a status code, a phrase.
module internal StatusLine =

    [<Struct>]
    type Parts = {
        Version: string
        StatusCode: int
        ReasonPhrase: string
    }

    let private like (beginning: ReadOnlySpan<byte>) : Likeness =
        if beginning.StartsWith "HTTP/"B then
            Likeness.Yes
        elif "HTTP/"B.AsSpan().StartsWith beginning then
            Likeness.Maybe
        else
            Likeness.No

    let private isVersion (text: string) =
        text = "HTTP/1.1 " || text = "HTTP/1.0 "

    let private isStatus (digits: string) =
        digits[0] <> '0' && Seq.forall Char.IsAsciiDigit digits

    /// The blank before an empty phrase is often left out.
    let private parse (line: string) : Result<Parts, HeadError> =
        if
            line.Length >= 12
            && isVersion (line.Substring(0, 9))
            && isStatus (line.Substring(9, 3))
            && (line.Length = 12 || line[12] = ' ')
            && HeaderSyntax.isValue line
        then
            Ok {
                Version = line.Substring(0, 8)
                StatusCode = Int32.Parse(line.AsSpan(9, 3), NumberStyles.None, CultureInfo.InvariantCulture)
                ReasonPhrase = line.Substring(12).Trim ' '
            }
        else
            Error(HeadError.StartLine line)

    let kind = {
        new StartLine<Parts>() with
            override _.Like beginning = like beginning
            override _.Parse line = parse line
            override _.IsAfterEmptyLines = false
            override _.Unfolds = true
    }

/// <summary>Result of reading a response's head.</summary>
[<RequireQualifiedAccess; NoComparison; NoEquality>]
type ResponseParse =
    /// <summary>All bytes were taken, and more are needed.</summary>
    /// <param name="Next">Goes on with what comes next.</param>
    | Incomplete of Next: ResponseReader
    /// <summary>A head that keeps the rules; what follows it is not touched.</summary>
    /// <param name="Head">The head.</param>
    /// <param name="Consumed">How many of the bytes given last belong to it, or to interim responses before it.</param>
    | Complete of Head: ResponseHead * Consumed: int
    /// <summary>A server of HTTP breaks a rule: nothing after this can be read.</summary>
    | Malformed of Error: HeadError
    /// <summary>The bytes don't begin as an answer of HTTP does: something else listens there, or TLS is awaited.</summary>
    | NotHttp

/// <summary>
/// Reads a response's head as its bytes come, cut anywhere, and goes on where it stopped. Interim responses, 1xx but 101, are passed over;
/// together with the head that counts they may be as large as a head (RFC 9110 §15.2). It keeps the bytes of a line that has not ended.
/// Immutable: a reader may be used again, from any thread.
/// </summary>
and [<Sealed; AllowNullLiteral(false); NoEquality; NoComparison>] ResponseReader
    internal (limits: HeadLimits, state: HeadState<StatusLine.Parts>) =

    /// A head counts unless it is an interim one: the head after that has less room.
    let rec next
        (before: int)
        (state: HeadState<StatusLine.Parts>)
        (bytes: ReadOnlySpan<byte>)
        : ResponseParse =
        match HeadReader.read StatusLine.kind limits state (bytes.Slice before) with
        | HeadStep.Incomplete state -> ResponseParse.Incomplete(ResponseReader(limits, state))
        | HeadStep.Malformed error -> ResponseParse.Malformed error
        | HeadStep.Foreign -> ResponseParse.NotHttp
        | HeadStep.Complete(line, _, consumed, size) when line.StatusCode < 200 && line.StatusCode <> 101 ->
            next (before + consumed) { HeadReader.start with Size = size } bytes
        | HeadStep.Complete(line, headers, consumed, _) ->
            let head: ResponseHead = {
                Version = line.Version
                StatusCode = line.StatusCode
                ReasonPhrase = line.ReasonPhrase
                Headers = headers
            }

            ResponseParse.Complete(head, before + consumed)

    /// <summary>How far it has come, in words.</summary>
    override _.ToString() : string = HeadReader.describe state

    /// <summary>A reader at the beginning of a head.</summary>
    /// <param name="limits">How large the head may be.</param>
    new(limits: HeadLimits) =
        ArgumentNullException.ThrowIfNull(limits, nameof limits)
        ResponseReader(limits, HeadReader.start)

    /// <summary>A reader at the beginning of a head, with the usual limits.</summary>
    new() = ResponseReader(HeadLimits.Default, HeadReader.start)

    /// <summary>Reads on. Total: no bytes of a peer make it throw.</summary>
    /// <param name="bytes">What has come since the reading before.</param>
    member _.Read(bytes: ReadOnlySpan<byte>) : ResponseParse = next 0 state bytes

    /// <summary>Reads on, from segments as a pipe has them. Total: no bytes of a peer make it throw.</summary>
    /// <param name="bytes">What has come since the reading before.</param>
    member reader.Read(bytes: inref<ReadOnlySequence<byte>>) : ResponseParse =
        let mutable segments = bytes.GetEnumerator()
        let mutable next = reader
        let mutable before = 0
        let mutable found = ValueNone

        while found.IsNone && segments.MoveNext() do
            let segment = segments.Current.Span

            match next.Read segment with
            | ResponseParse.Incomplete after ->
                next <- after
                before <- before + segment.Length
            | ResponseParse.Complete(head, consumed) ->
                found <- ValueSome(ResponseParse.Complete(head, before + consumed))
            | ResponseParse.Malformed _
            | ResponseParse.NotHttp as other -> found <- ValueSome other

        ValueOption.defaultValue (ResponseParse.Incomplete next) found

type ResponseHead with

    /// <summary>True when both are equal, as <c>Equals</c> tells.</summary>
    static member op_Equality(left: ResponseHead | null, right: ResponseHead | null) : bool =
        obj.Equals(left, right)

    /// <summary>True when they are not equal.</summary>
    static member op_Inequality(left: ResponseHead | null, right: ResponseHead | null) : bool =
        not (obj.Equals(left, right))
