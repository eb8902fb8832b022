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
    }

/// <summary>Result of reading a response's head.</summary>
[<RequireQualifiedAccess; NoComparison; NoEquality>]
type ResponseParse =
    /// <summary>More bytes are needed.</summary>
    /// <param name="Next">Goes on with the bytes that were not consumed, which are kept, and more after them.</param>
    /// <param name="Consumed">How many bytes were taken: all of each line that has ended.</param>
    | Incomplete of Next: ResponseReader * Consumed: int64
    /// <summary>A head that keeps the rules; what follows it is not touched.</summary>
    /// <param name="Head">The head.</param>
    /// <param name="Consumed">How many of the bytes given last belong to it, or to interim responses before it.</param>
    | Complete of Head: ResponseHead * Consumed: int64
    /// <summary>A server of HTTP breaks a rule: nothing after this can be read.</summary>
    | Malformed of Error: HeadError
    /// <summary>The bytes don't begin as an answer of HTTP does: something else listens there, or TLS is awaited.</summary>
    | NotHttp

/// <summary>
/// Reads a response's head as its bytes come, and goes on where it stopped. Interim responses, 1xx but 101, are passed over; together
/// with the head that counts they may be as large as a head (RFC 9110 §15.2). Immutable: a reader may be used again, from any thread.
/// </summary>
and [<Sealed; AllowNullLiteral(false)>] ResponseReader
    internal (limits: HeadLimits, state: HeadState<StatusLine.Parts>) =

    let conclude (before: int64) (step: HeadStep<StatusLine.Parts>) : ResponseParse =
        match step with
        | HeadStep.Incomplete(next, consumed) ->
            ResponseParse.Incomplete(ResponseReader(limits, next), before + consumed)
        | HeadStep.Malformed error -> ResponseParse.Malformed error
        | HeadStep.Foreign -> ResponseParse.NotHttp
        | HeadStep.Complete(line, headers, consumed) ->
            let head: ResponseHead = {
                Version = line.Version
                StatusCode = line.StatusCode
                ReasonPhrase = line.ReasonPhrase
                Headers = headers
            }

            ResponseParse.Complete(head, before + consumed)

    /// The bytes that an interim response took; none for what counts.
    let interimSize (step: HeadStep<StatusLine.Parts>) : int voption =
        match step with
        | HeadStep.Complete(line, _, consumed) when line.StatusCode < 200 && line.StatusCode <> 101 ->
            ValueSome(int consumed)
        | HeadStep.Complete _
        | HeadStep.Incomplete _
        | HeadStep.Malformed _
        | HeadStep.Foreign -> ValueNone

    /// The head after an interim response has less room.
    let after (before: HeadState<StatusLine.Parts>) (size: int) : HeadState<StatusLine.Parts> = {
        HeadReader.start with
            Size = before.Size + size
    }

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
    /// <param name="bytes">The bytes that the reading before did not consume, if any, and what has come after them.</param>
    /// <exception cref="T:System.ArgumentException">Bytes that were not consumed are missing.</exception>
    member _.Read(bytes: ReadOnlySpan<byte>) : ResponseParse =
        let mutable at = 0
        let mutable state = state
        let mutable step = HeadReader.readSpan StatusLine.kind limits state bytes
        let mutable interim = interimSize step

        while interim.IsSome do
            at <- at + interim.Value
            state <- after state interim.Value
            step <- HeadReader.readSpan StatusLine.kind limits state (bytes.Slice at)
            interim <- interimSize step

        conclude (int64 at) step

    /// <summary>Reads on. Total: no bytes of a peer make it throw.</summary>
    /// <param name="bytes">The bytes that the reading before did not consume, if any, and what has come after them.</param>
    /// <exception cref="T:System.ArgumentException">Bytes that were not consumed are missing.</exception>
    member _.Read(bytes: inref<ReadOnlySequence<byte>>) : ResponseParse =
        let mutable at = 0L
        let mutable state = state
        let mutable step = HeadReader.readSequence StatusLine.kind limits state bytes
        let mutable interim = interimSize step

        while interim.IsSome do
            at <- at + int64 interim.Value
            state <- after state interim.Value
            step <- HeadReader.readSequence StatusLine.kind limits state (bytes.Slice at)
            interim <- interimSize step

        conclude at step
