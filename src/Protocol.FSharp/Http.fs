// Heads of HTTP/1.1 requests and responses, parsed and written (RFC 9112). No other HTTP: no bodies are read.
namespace FunctionalWs.Protocol

open System
open System.Buffers
open System.Collections.Generic
open System.Text

/// <summary>A request's head. Immutable (RFC 9112 §3).</summary>
type Request = {
    /// <summary>The method; case matters.</summary>
    Method: string
    /// <summary>The target as it came, with its query: neither decoded nor normalised.</summary>
    Target: string
    /// <summary><c>HTTP/1.1</c> or <c>HTTP/1.0</c>.</summary>
    Version: string
    /// <summary>The header fields; bytes 0x80–0xFF are the characters of the same numbers.</summary>
    Headers: Headers
}

/// <summary>How large a request's head may be. Sizes are in bytes.</summary>
type RequestHeadLimits = private {
    RequestLine: int
    HeaderLine: int
    Count: int
    Head: int
} with

    /// <summary>The longest request line with its CR and LF; 8,192 by default. Beyond it: 414.</summary>
    member limits.MaxRequestLineLength = limits.RequestLine

    /// <summary>The longest header line with its CR and LF; 8,192 by default. Beyond it: 431.</summary>
    member limits.MaxHeaderLineLength = limits.HeaderLine

    /// <summary>The most header lines; 128 by default. Beyond it: 431.</summary>
    member limits.MaxHeaderCount = limits.Count

    /// <summary>The largest head; 65,536 by default. Beyond it: 431.</summary>
    member limits.MaxHeadSize = limits.Head

    /// <summary>What a line and a head may be set to at most: 16 MiB.</summary>
    static member Largest: int = 16 * 1024 * 1024

    /// <summary>What a line and a head may be set to at least: 64 bytes.</summary>
    static member Smallest: int = 64

    /// <summary>Lines of 8,192 bytes, 128 headers, 65,536 bytes in all.</summary>
    static member Default: RequestHeadLimits = {
        RequestLine = 8_192
        HeaderLine = 8_192
        Count = 128
        Head = 65_536
    }

    static member private Check(size: int, name: string) =
        ArgumentOutOfRangeException.ThrowIfLessThan(size, RequestHeadLimits.Smallest, name)
        ArgumentOutOfRangeException.ThrowIfGreaterThan(size, RequestHeadLimits.Largest, name)

    /// <summary>Sets limits.</summary>
    /// <param name="maxRequestLineLength">The longest request line with its CR and LF: 64 to 16 MiB.</param>
    /// <param name="maxHeaderLineLength">The longest header line with its CR and LF: 64 to 16 MiB.</param>
    /// <param name="maxHeaderCount">The most header lines: 1 or more.</param>
    /// <param name="maxHeadSize">The largest head: 64 to 16 MiB.</param>
    /// <exception cref="T:System.ArgumentOutOfRangeException">A limit is out of its range.</exception>
    static member Create
        (maxRequestLineLength: int, maxHeaderLineLength: int, maxHeaderCount: int, maxHeadSize: int)
        : RequestHeadLimits =
        RequestHeadLimits.Check(maxRequestLineLength, nameof maxRequestLineLength)
        RequestHeadLimits.Check(maxHeaderLineLength, nameof maxHeaderLineLength)
        ArgumentOutOfRangeException.ThrowIfLessThan(maxHeaderCount, 1, nameof maxHeaderCount)
        RequestHeadLimits.Check(maxHeadSize, nameof maxHeadSize)

        {
            RequestLine = maxRequestLineLength
            HeaderLine = maxHeaderLineLength
            Count = maxHeaderCount
            Head = maxHeadSize
        }

/// <summary>Result of looking for a request's head at the start of a buffer.</summary>
[<RequireQualifiedAccess>]
type RequestParse =
    /// <summary>More bytes are needed; nothing is consumed.</summary>
    | Incomplete
    /// <summary>A head that keeps the rules; what follows it is not touched.</summary>
    | Complete of Request: Request * Consumed: int64
    /// <summary>The bytes are no head that can be answered to; nothing after this can be read.</summary>
    | Malformed of Error: HandshakeError

/// <summary>Parses and writes heads.</summary>
module Http =

    let private carriageReturn = 13uy
    let private lineFeed = 10uy

    let private text (bytes: ReadOnlySpan<byte>) : string = Encoding.Latin1.GetString bytes

    /// Where the lines of a head lie, without their CR and LF, up to the empty one.
    [<Struct>]
    type private Lines =
        | Missing
        | Found of Ranges: Range list * Length: int
        | Wrong of Error: HandshakeError

    /// The first line is the request line. One that has not ended is judged by what is there of it.
    let private lengthError (limits: RequestHeadLimits) (isFirst: bool) (size: int) : HandshakeError voption =
        if isFirst && size > limits.MaxRequestLineLength then
            ValueSome(HandshakeError.RequestLineTooLong(size, limits.MaxRequestLineLength))
        elif not isFirst && size > limits.MaxHeaderLineLength then
            ValueSome(HandshakeError.HeaderLineTooLong(size, limits.MaxHeaderLineLength))
        else
            ValueNone

    let private isAscii (line: string) = Seq.forall Char.IsAscii line

    let private parseRequestLine (line: string) : Result<struct (string * string * string), HandshakeError> =
        match line.Split(' ', 3) with
        | [| method; target; ("HTTP/1.1" | "HTTP/1.0") as version |] when method <> "" && isAscii line ->
            Ok(struct (method, target, version))
        | _ -> Error(HandshakeError.RequestLine line)

    /// The first line alone can show that this is no HTTP: then no other line matters.
    let private firstLineError (isFirst: bool) (line: ReadOnlySpan<byte>) : HandshakeError voption =
        if isFirst then
            match parseRequestLine (text line) with
            | Ok _ -> ValueNone
            | Error error -> ValueSome error
        else
            ValueNone

    /// Limits are judged as soon as the bytes that break them are there.
    let rec private findLines
        (limits: RequestHeadLimits)
        (found: Range list)
        (count: int)
        (at: int)
        (head: ReadOnlySpan<byte>)
        =
        let rest = head.Slice at
        let length = rest.IndexOf lineFeed + 1
        let size = if length = 0 then rest.Length else length

        match lengthError limits (count = 0) size with
        | ValueSome error -> Wrong error
        | ValueNone when count - 1 > limits.MaxHeaderCount ->
            Wrong(HandshakeError.TooManyHeaders limits.MaxHeaderCount)
        | ValueNone when at + size > limits.MaxHeadSize ->
            Wrong(HandshakeError.HeadTooLarge limits.MaxHeadSize)
        | ValueNone when length = 0 -> Missing
        | ValueNone when length = 1 || rest[length - 2] <> carriageReturn -> Wrong HandshakeError.LineEnding
        | ValueNone when length = 2 && count > 0 -> Found(List.rev found, at + 2)
        | ValueNone ->
            let line = Range(Index at, Index(at + length - 2))

            match firstLineError (count = 0) (rest.Slice(0, length - 2)) with
            | ValueSome error -> Wrong error
            | ValueNone -> findLines limits (line :: found) (count + 1) (at + length) head

    let private parseHeader (line: string) : Result<KeyValuePair<string, string>, HandshakeError> =
        match line.IndexOf ':' with
        | colon when colon > 0 ->
            let name = line.Substring(0, colon)
            let value = line.Substring(colon + 1).Trim(' ', '\t')

            if HeaderSyntax.isToken name && HeaderSyntax.isValue value then
                Ok(KeyValuePair(name, value))
            else
                Error(HandshakeError.HeaderLine line)
        | _ -> Error(HandshakeError.HeaderLine line)

    let rec private parseHeaders (parsed: KeyValuePair<string, string> list) (lines: string list) =
        match lines with
        | [] -> Ok(Headers.Parsed(List.rev parsed))
        | line :: rest ->
            match parseHeader line with
            | Ok field -> parseHeaders (field :: parsed) rest
            | Error error -> Error error

    /// A request with a body could hide another one in it (RFC 9112 §11.2).
    let private checkBody (headers: Headers) : Result<Headers, HandshakeError> =
        let lengths = headers.GetAll "Content-Length"
        let codings = headers.GetAll "Transfer-Encoding"

        if codings.Count > 0 then
            Error(HandshakeError.TransferEncoding codings[0])
        elif
            lengths.Count > 1
            || lengths.Count = 1 && lengths[0].Trim '0' <> ""
            || Seq.contains "" lengths
        then
            Error(HandshakeError.ContentLength(String.concat ", " lengths))
        else
            Ok headers

    let private parseRequest (lines: string list) : Result<Request, HandshakeError> =
        match parseRequestLine (List.head lines) with
        | Error error -> Error error
        | Ok(struct (method, target, version)) ->
            parseHeaders [] (List.tail lines)
            |> Result.bind checkBody
            |> Result.map (fun headers -> {
                Method = method
                Target = target
                Version = version
                Headers = headers
            })

    let private parseLines (ranges: Range list) (head: ReadOnlySpan<byte>) : string list =
        let lines = List<string>()

        for range in ranges do
            lines.Add(text (head.Slice(range.Start.Value, range.End.Value - range.Start.Value)))

        List.ofSeq lines

    let private readHead (limits: RequestHeadLimits) (head: ReadOnlySpan<byte>) : RequestParse =
        match findLines limits [] 0 0 head with
        | Missing -> RequestParse.Incomplete
        | Wrong error -> RequestParse.Malformed error
        | Found(ranges, length) ->
            match parseRequest (parseLines ranges head) with
            | Ok request -> RequestParse.Complete(request, int64 length)
            | Error error -> RequestParse.Malformed error

    /// <summary>Reads the request's head at the start of a buffer. Total: no bytes make it throw.</summary>
    /// <param name="limits">How large the head may be.</param>
    /// <param name="buffer">The bytes received.</param>
    [<CompiledName("ReadRequest")>]
    let readRequest (limits: RequestHeadLimits) (buffer: inref<ReadOnlySequence<byte>>) : RequestParse =
        let size = min buffer.Length (int64 limits.MaxHeadSize + 1L)

        if buffer.FirstSpan.Length >= int size then
            readHead limits (buffer.FirstSpan.Slice(0, int size))
        else
            readHead limits (ReadOnlySpan(buffer.Slice(0L, size).ToArray()))

    let private write (writer: IBufferWriter<byte>) (head: string) =
        writer.Write(ReadOnlySpan(Encoding.Latin1.GetBytes head))

    /// <summary>Writes a response: its head, then its body as it is.</summary>
    /// <param name="response">The response.</param>
    /// <param name="writer">Where it goes.</param>
    [<CompiledName("WriteResponse")>]
    let writeResponse (response: Response) (writer: IBufferWriter<byte>) : unit =
        write writer $"HTTP/1.1 {response.StatusCode} {response.ReasonPhrase}\r\n{response.Headers}\r\n"
        writer.Write response.Body.Span

    /// <summary>Writes a request's head.</summary>
    /// <param name="request">The request.</param>
    /// <param name="writer">Where it goes.</param>
    [<CompiledName("WriteRequest")>]
    let writeRequest (request: Request) (writer: IBufferWriter<byte>) : unit =
        write writer $"{request.Method} {request.Target} {request.Version}\r\n{request.Headers}\r\n"
