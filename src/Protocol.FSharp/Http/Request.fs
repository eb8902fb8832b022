// Heads of HTTP/1.1 requests, read and written (RFC 9112 §3). Bodies are not read.
namespace FunctionalWs.Protocol

open System
open System.Buffers
open System.Text
open type System.FormattableString

/// <summary>
/// A request's head. Immutable (RFC 9112 §3). Its text is method, path and version alone: headers and the query may have secrets.
/// </summary>
[<StructuredFormatDisplay("{Shown}")>]
type Request = {
    /// <summary>The method; case matters.</summary>
    Method: string
    /// <summary>The target as it came, with its query: neither decoded nor normalised.</summary>
    Target: string
    /// <summary><c>HTTP/1.1</c> or <c>HTTP/1.0</c>.</summary>
    Version: string
    /// <summary>The header fields; bytes 0x80–0xFF are the characters of the same numbers.</summary>
    Headers: Headers
} with

    /// What a record takes although no head can hold it: written, it would be another request, or two.
    member private request.Check() : unit =
        ArgumentNullException.ThrowIfNull(request.Method, nameof request.Method)
        ArgumentNullException.ThrowIfNull(request.Target, nameof request.Target)
        ArgumentNullException.ThrowIfNull(request.Version, nameof request.Version)
        ArgumentNullException.ThrowIfNull(request.Headers, nameof request.Headers)

        let refuse (name: string) (value: string) (rule: string) =
            raise (ArgumentException(String.Concat(PeerText.quote value, rule), name))

        if not (HeaderSyntax.isToken request.Method) then
            refuse (nameof request.Method) request.Method " is no method: one is a token (RFC 9110 §9.1)."

        if
            request.Target = ""
            || not (Seq.forall (fun c -> c > ' ' && c <= '~') request.Target)
        then
            refuse
                (nameof request.Target)
                request.Target
                " is no target: one has visible characters of ASCII (RFC 9112 §3.2)."

        if request.Version <> "HTTP/1.1" && request.Version <> "HTTP/1.0" then
            refuse
                (nameof request.Version)
                request.Version
                " is neither HTTP/1.1 nor HTTP/1.0 (RFC 9112 §2.3)."

    /// What follows scheme and host of an absolute form; an origin form is that itself (RFC 9112 §3.2).
    member private request.FromPath: string =
        match request.Target.StartsWith '/', request.Target.IndexOf("://", StringComparison.Ordinal) with
        | false, scheme when scheme > 0 ->
            match request.Target.IndexOfAny([| '/'; '?' |], scheme + 3) with
            | -1 -> ""
            | path -> request.Target.Substring path
        | _, _ -> request.Target

    /// <summary>
    /// The path that is asked for, without scheme, host and query, decoded but for <c>%2F</c>, which is no slash: so
    /// <c>/%68ealth</c> is <c>/health</c>. What is no good percent-encoding stays. Empty for a URL without one. Decoded once: an encoded
    /// percent sign is one here, so don't decode it again. No target that a client sends makes it throw.
    /// </summary>
    member request.Path: string =
        let path = request.FromPath.Split('?')[0]

        if path.Contains '%' then
            path.Split([| "%2F"; "%2f" |], StringSplitOptions.None)
            |> Array.map Uri.UnescapeDataString
            |> String.concat "%2F"
        else
            path

    /// <summary>The parameters that follow the path, decoded; none when there are none. Read at each call, so keep it.</summary>
    member request.Query: Query =
        match request.FromPath.IndexOf '?' with
        | -1 -> Query.Parse ""
        | at -> Query.Parse(request.FromPath.Substring(at + 1))

    member private request.Shown: string =
        let path =
            match request.FromPath with
            | "" -> "/"
            | path ->
                match path.IndexOf '?' with
                | -1 -> path
                | at -> path.Substring(0, at) + "?…"

        PeerText.line (Invariant $"{request.Method} {path} {request.Version}")

    /// <summary>
    /// Method, path and version on one line, such as <c>GET /chat?… HTTP/1.1</c>: without the query and the headers, which may have
    /// secrets.
    /// </summary>
    override request.ToString() : string = request.Shown

    /// <summary>Writes the head as it is sent, so that a reader reads the same.</summary>
    /// <param name="writer">Where it goes.</param>
    /// <exception cref="T:System.ArgumentException">
    /// The method is no token, the target is empty or has another character than 0x21–0x7E, or the version is neither HTTP/1.1 nor
    /// HTTP/1.0: the exception names the field. Nothing was written.
    /// </exception>
    /// <exception cref="T:System.ArgumentNullException">The writer or a field is null.</exception>
    member request.WriteTo(writer: IBufferWriter<byte>) : unit =
        ArgumentNullException.ThrowIfNull(writer, nameof writer)
        request.Check()

        let head =
            Invariant $"{request.Method} {request.Target} {request.Version}\r\n{request.Headers.Lines}\r\n"

        writer.Write(ReadOnlySpan(Encoding.Latin1.GetBytes head))

/// A request line (RFC 9112 §3): a method, a target, a version, with one space between them.
module internal RequestLine =

    type Parts = {
        Method: string
        Target: string
        Version: string
    }

    /// HTTP begins with a method, which is a token, and a space; a TLS hello or a frame doesn't.
    let private like (beginning: ReadOnlySpan<byte>) : Likeness =
        let mutable size = 0

        while size < beginning.Length && HeaderSyntax.isTokenCharacter (char beginning[size]) do
            size <- size + 1

        if "\r\n"B.AsSpan().StartsWith beginning || beginning.StartsWith "\r\n"B then
            Likeness.Maybe
        elif size = beginning.Length && size < 64 then
            Likeness.Maybe
        elif size > 0 && size < beginning.Length && beginning[size] = byte ' ' then
            Likeness.Yes
        else
            Likeness.No

    /// A version that there is, of HTTP (RFC 9112 §2.3).
    let private isVersion (text: string) =
        text.Length = 8
        && text.StartsWith("HTTP/", StringComparison.Ordinal)
        && Char.IsAsciiDigit text[5]
        && text[6] = '.'
        && Char.IsAsciiDigit text[7]

    let private parse (line: string) : Result<Parts, HeadError> =
        match line.Split(' ', 3) with
        | [| method; target; version |] when Ascii.IsValid line && isVersion version ->
            match version with
            | "HTTP/1.1"
            | "HTTP/1.0" ->
                Ok {
                    Method = method
                    Target = target
                    Version = version
                }
            | _ -> Error(HeadError.HttpVersion version)
        | _ -> Error(HeadError.StartLine line)

    let kind = {
        new StartLine<Parts>() with
            override _.Like beginning = like beginning
            override _.Parse line = parse line
            override _.IsAfterEmptyLines = true
            override _.Unfolds = false
    }

    let private isZero (length: string) = length <> "" && length.Trim '0' = ""

    let private isNumber (length: string) =
        length <> "" && Seq.forall Char.IsAsciiDigit length

    /// A request with a body could hide another one in it (RFC 9112 §11.2).
    let bodyError (headers: Headers) : HeadError voption =
        match
            List.ofSeq (headers.GetAll "Transfer-Encoding"), List.ofSeq (headers.GetAll "Content-Length")
        with
        | [], [] -> ValueNone
        | [], [ length ] when isZero length -> ValueNone
        | [], [ length ] when isNumber length -> ValueSome(HeadError.Body length)
        | [], lengths -> ValueSome(HeadError.ContentLength(String.Join(", ", lengths)))
        | codings, _ -> ValueSome(HeadError.TransferEncoding(String.Join(", ", codings)))

/// <summary>Result of reading a request's head.</summary>
[<RequireQualifiedAccess; NoComparison; NoEquality>]
type RequestParse =
    /// <summary>All bytes were taken, and more are needed.</summary>
    /// <param name="Next">Goes on with what comes next.</param>
    | Incomplete of Next: RequestReader
    /// <summary>A head that keeps the rules; what follows it is not touched.</summary>
    /// <param name="Request">The request.</param>
    /// <param name="Consumed">How many of the bytes given last belong to its head.</param>
    | Complete of Request: Request * Consumed: int
    /// <summary>A client of HTTP breaks a rule: it is answered, and nothing after this can be read.</summary>
    | Malformed of Error: HeadError
    /// <summary>
    /// The bytes don't begin as HTTP does, with a method and a space: a hello of TLS, say. Whoever sent them doesn't expect an
    /// answer of HTTP.
    /// </summary>
    | NotHttp

/// <summary>
/// Reads a request's head as its bytes come, cut anywhere, and goes on where it stopped. Immutable: a reader may be used again, from
/// any thread. It keeps the bytes of a line that has not ended. Empty lines before the request are passed over (RFC 9112 §2.2).
/// </summary>
and [<Sealed; AllowNullLiteral(false); NoEquality; NoComparison>] RequestReader
    internal (limits: HeadLimits, state: HeadState<RequestLine.Parts>) =

    let conclude (step: HeadStep<RequestLine.Parts>) : RequestParse =
        match step with
        | HeadStep.Incomplete state -> RequestParse.Incomplete(RequestReader(limits, state))
        | HeadStep.Malformed error -> RequestParse.Malformed error
        | HeadStep.Foreign -> RequestParse.NotHttp
        | HeadStep.Complete(line, headers, consumed, _) ->
            match RequestLine.bodyError headers with
            | ValueSome error -> RequestParse.Malformed error
            | ValueNone ->
                let request: Request = {
                    Method = line.Method
                    Target = line.Target
                    Version = line.Version
                    Headers = headers
                }

                RequestParse.Complete(request, consumed)

    /// <summary>A reader at the beginning of a head.</summary>
    /// <param name="limits">How large the head may be.</param>
    new(limits: HeadLimits) =
        ArgumentNullException.ThrowIfNull(limits, nameof limits)
        RequestReader(limits, HeadReader.start)

    /// <summary>A reader at the beginning of a head, with the usual limits.</summary>
    new() = RequestReader(HeadLimits.Default, HeadReader.start)

    /// <summary>How far it has come, in words.</summary>
    override _.ToString() : string = HeadReader.describe state

    /// <summary>Reads on. Total: no bytes of a peer make it throw.</summary>
    /// <param name="bytes">What has come since the reading before.</param>
    member _.Read(bytes: ReadOnlySpan<byte>) : RequestParse =
        conclude (HeadReader.read RequestLine.kind limits state bytes)

    /// <summary>Reads on, from segments as a pipe has them. Total: no bytes of a peer make it throw.</summary>
    /// <param name="bytes">What has come since the reading before.</param>
    member reader.Read(bytes: inref<ReadOnlySequence<byte>>) : RequestParse =
        let mutable segments = bytes.GetEnumerator()
        let mutable next = reader
        let mutable before = 0
        let mutable found = ValueNone

        while found.IsNone && segments.MoveNext() do
            let segment = segments.Current.Span

            match next.Read segment with
            | RequestParse.Incomplete after ->
                next <- after
                before <- before + segment.Length
            | RequestParse.Complete(request, consumed) ->
                found <- ValueSome(RequestParse.Complete(request, before + consumed))
            | RequestParse.Malformed _
            | RequestParse.NotHttp as other -> found <- ValueSome other

        ValueOption.defaultValue (RequestParse.Incomplete next) found

type Request with

    /// <summary>True when both are equal, as <c>Equals</c> tells.</summary>
    static member op_Equality(left: Request | null, right: Request | null) : bool = obj.Equals(left, right)

    /// <summary>True when they are not equal.</summary>
    static member op_Inequality(left: Request | null, right: Request | null) : bool =
        not (obj.Equals(left, right))
