// The body of a response that a client can't use as a WebSocket: where it ends, and its bytes (RFC 9112 §6, §7.1).
namespace FunctionalWs.Protocol

open System
open System.Buffers
open System.Globalization
open type System.FormattableString

/// <summary>How the end of a body is told (RFC 9112 §6.3).</summary>
[<RequireQualifiedAccess>]
type BodyFraming =
    /// <summary>There is no body.</summary>
    | None
    /// <summary>So many bytes: 0 or more.</summary>
    | Length of Bytes: int64
    /// <summary>Chunks, the last of which is empty.</summary>
    | Chunked
    /// <summary>Everything until the end of the stream.</summary>
    | UntilEnd

/// <summary>Why a body can't be read.</summary>
[<RequireQualifiedAccess>]
type BodyError =
    /// <summary><c>Content-Length</c> is no number, or several that differ (RFC 9112 §6.3).</summary>
    | ContentLength of Value: string
    /// <summary>A chunk's line has no size in hexadecimal digits, or one beyond 2^63-1 (RFC 9112 §7.1).</summary>
    | ChunkSize
    /// <summary>A line of the chunks, or a chunk, doesn't end with CR and LF (RFC 9112 §7.1).</summary>
    | ChunkEnding
    /// <summary>Extensions of chunks and trailers take more than 16 KiB and 16 bytes for each byte of the body.</summary>
    | ChunkOverhead
    /// <summary>The stream ended before the body did (RFC 9112 §8).</summary>
    | EndOfStream

    /// <summary>A sentence of one line; what the server wrote is escaped and cut.</summary>
    override error.ToString() =
        match error with
        | ContentLength value -> Invariant $"The header Content-Length is no length: {PeerText.quote value}."
        | ChunkSize -> "A chunk has no valid size."
        | ChunkEnding -> "A chunk doesn't end with CR and LF."
        | ChunkOverhead -> "The chunks have more around them than in them."
        | EndOfStream -> "The stream ended before the body did."

/// What the next byte between chunks belongs to (RFC 9112 §7.1).
[<RequireQualifiedAccess; Struct>]
type internal ChunkPlace =
    | FirstDigit
    | Size
    | Extension
    | SizeLf
    | DataCr
    | DataLf
    | TrailerStart
    | Trailer
    | TrailerLf
    | LastLf

[<RequireQualifiedAccess; Struct>]
type internal BodyPlace =
    /// So many bytes follow, of a chunk or of the whole body.
    | Data of Left: int64 * IsChunk: bool
    /// Between the data; the size of the chunk is what was read of it.
    | Between of Place: ChunkPlace * Size: int64
    | End
    | Broken of Error: BodyError

/// How the end of a body is told, by its head.
module internal BodyFraming =

    let private isSame (expected: string) (value: string) =
        String.Equals(expected, value, StringComparison.OrdinalIgnoreCase)

    let private items (values: string seq) : string seq =
        values
        |> Seq.collect (fun value -> value.Split ',')
        |> Seq.map (fun value -> value.Trim(' ', '\t'))

    /// Repeated alike, as some servers do it, a length is a length (RFC 9112 §6.3).
    let private lengthOf (values: string seq) : Result<BodyFraming, BodyError> =
        match items values |> Seq.distinct |> List.ofSeq with
        | [ length ] ->
            match Int64.TryParse(length, NumberStyles.None, CultureInfo.InvariantCulture) with
            | true, size -> Ok(BodyFraming.Length size)
            | _ -> Error(BodyError.ContentLength length)
        | _ -> Error(BodyError.ContentLength(String.Join(", ", values)))

    /// RFC 9112 §6.3, in its order.
    let ofHead (method: string) (head: ResponseHead) : Result<BodyFraming, BodyError> =
        let codings = head.Headers.GetAll "Transfer-Encoding"
        let lengths = head.Headers.GetAll "Content-Length"
        let isTunnel = method = "CONNECT" && head.StatusCode / 100 = 2

        if method = "HEAD" || isTunnel || StatusCode.isBodiless head.StatusCode then
            Ok BodyFraming.None
        elif codings.Count = 0 && lengths.Count > 0 then
            lengthOf lengths
        elif
            codings.Count > 0
            && head.Version = "HTTP/1.1"
            && isSame "chunked" (Seq.last (items codings))
        then
            Ok BodyFraming.Chunked
        else
            Ok BodyFraming.UntilEnd

/// The bytes between chunks.
module internal Chunks =

    let private hexDigit (byte: byte) : int64 voption =
        match char byte with
        | digit when digit >= '0' && digit <= '9' -> ValueSome(int64 digit - int64 '0')
        | digit when digit >= 'a' && digit <= 'f' -> ValueSome(int64 digit - int64 'a' + 10L)
        | digit when digit >= 'A' && digit <= 'F' -> ValueSome(int64 digit - int64 'A' + 10L)
        | _ -> ValueNone

    let private addDigit (size: int64) (digit: int64) : BodyPlace =
        if size > (Int64.MaxValue - digit) / 16L then
            BodyPlace.Broken BodyError.ChunkSize
        else
            BodyPlace.Between(ChunkPlace.Size, size * 16L + digit)

    let private afterSize (size: int64) (byte: byte) : BodyPlace =
        match byte with
        | 13uy -> BodyPlace.Between(ChunkPlace.SizeLf, size)
        | 9uy
        | 32uy
        | 59uy -> BodyPlace.Between(ChunkPlace.Extension, size)
        | _ -> BodyPlace.Broken BodyError.ChunkSize

    let private go (place: ChunkPlace) = BodyPlace.Between(place, 0L)

    let next (place: ChunkPlace) (size: int64) (byte: byte) : BodyPlace =
        match place, byte with
        | ChunkPlace.FirstDigit, _ ->
            match hexDigit byte with
            | ValueSome digit -> addDigit 0L digit
            | ValueNone -> BodyPlace.Broken BodyError.ChunkSize
        | ChunkPlace.Size, _ ->
            match hexDigit byte with
            | ValueSome digit -> addDigit size digit
            | ValueNone -> afterSize size byte
        | ChunkPlace.Extension, 13uy -> BodyPlace.Between(ChunkPlace.SizeLf, size)
        | (ChunkPlace.Extension | ChunkPlace.TrailerStart | ChunkPlace.Trailer), 10uy ->
            BodyPlace.Broken BodyError.ChunkEnding
        | ChunkPlace.Extension, _ -> BodyPlace.Between(ChunkPlace.Extension, size)
        | ChunkPlace.SizeLf, 10uy when size = 0L -> go ChunkPlace.TrailerStart
        | ChunkPlace.SizeLf, 10uy -> BodyPlace.Data(size, true)
        | ChunkPlace.DataCr, 13uy -> go ChunkPlace.DataLf
        | ChunkPlace.DataLf, 10uy -> go ChunkPlace.FirstDigit
        | ChunkPlace.TrailerStart, 13uy -> go ChunkPlace.LastLf
        | ChunkPlace.Trailer, 13uy -> go ChunkPlace.TrailerLf
        | (ChunkPlace.TrailerStart | ChunkPlace.Trailer), _ -> go ChunkPlace.Trailer
        | ChunkPlace.TrailerLf, 10uy -> go ChunkPlace.TrailerStart
        | ChunkPlace.LastLf, 10uy -> BodyPlace.End
        | (ChunkPlace.SizeLf | ChunkPlace.DataCr | ChunkPlace.DataLf | ChunkPlace.TrailerLf | ChunkPlace.LastLf),
          _ -> BodyPlace.Broken BodyError.ChunkEnding

/// <summary>
/// Reads the body of a response, however its bytes are cut: each call gives a reader for what comes next. What a transfer coding
/// but <c>chunked</c> or a content coding has done to the body is left as it is. Immutable.
/// </summary>
[<Sealed; AllowNullLiteral(false); NoEquality; NoComparison>]
type BodyReader
    private (framing: BodyFraming, maxSize: int64, place: BodyPlace, written: int64, overhead: int64) =

    static let freeOverhead = 16_384L

    let afterData (left: int64) (isChunk: bool) (size: int) : BodyPlace =
        if framing.IsUntilEnd then
            BodyPlace.Data(left, false)
        elif int64 size < left then
            BodyPlace.Data(left - int64 size, isChunk)
        elif isChunk then
            BodyPlace.Between(ChunkPlace.DataCr, 0L)
        else
            BodyPlace.End

    /// <summary>A reader for the body that follows a head.</summary>
    /// <param name="maxSize">The most bytes of the body to be read: 0 or more.</param>
    /// <param name="method">The method of the request that is answered, such as <c>GET</c> or <c>CONNECT</c>.</param>
    /// <param name="head">The head. A length in it that is none shows when the body is read.</param>
    /// <exception cref="T:System.ArgumentOutOfRangeException">The size is negative.</exception>
    static member Create(maxSize: int64, method: string, head: ResponseHead) : BodyReader =
        ArgumentNullException.ThrowIfNull(method, nameof method)
        ArgumentNullException.ThrowIfNull(head, nameof head)

        ArgumentOutOfRangeException.ThrowIfNegative(maxSize, nameof maxSize)

        match BodyFraming.ofHead method head with
        | Ok framing ->
            let place =
                match framing with
                | BodyFraming.None
                | BodyFraming.Length 0L -> BodyPlace.End
                | BodyFraming.Length size -> BodyPlace.Data(size, false)
                | BodyFraming.Chunked -> BodyPlace.Between(ChunkPlace.FirstDigit, 0L)
                | BodyFraming.UntilEnd -> BodyPlace.Data(Int64.MaxValue, false)

            BodyReader(framing, maxSize, place, 0L, 0L)
        | Error error -> BodyReader(BodyFraming.UntilEnd, maxSize, BodyPlace.Broken error, 0L, 0L)

    /// <summary>How the end of the body is told; <c>UntilEnd</c>, too, when its length can't be read.</summary>
    member _.Framing: BodyFraming = framing

    /// <summary>How far it has come, in words.</summary>
    override _.ToString() : string =
        Invariant $"a body ({framing}) of which {written} bytes have been read, at most {maxSize}"

    /// <summary>Takes what has arrived.</summary>
    /// <param name="bytes">What came after that which earlier calls consumed.</param>
    /// <param name="destination">Where the body's bytes are written to, without what frames them.</param>
    /// <exception cref="T:System.ArgumentNullException">There is no destination.</exception>
    member _.Receive(bytes: ReadOnlySpan<byte>, destination: IBufferWriter<byte>) : BodyParse =
        ArgumentNullException.ThrowIfNull(destination, nameof destination)
        let mutable place = place
        let mutable written = written
        let mutable overhead = overhead
        let mutable consumed = 0
        let mutable result = ValueNone

        while result.IsNone do
            match place with
            | BodyPlace.Broken error -> result <- ValueSome(BodyParse.Malformed error)
            | BodyPlace.End -> result <- ValueSome(BodyParse.Complete consumed)
            | BodyPlace.Between _ when overhead - freeOverhead > 16L * written ->
                place <- BodyPlace.Broken BodyError.ChunkOverhead
            | _ when consumed = bytes.Length ->
                result <-
                    ValueSome(BodyParse.Incomplete(BodyReader(framing, maxSize, place, written, overhead)))
            | BodyPlace.Between(between, size) ->
                place <- Chunks.next between size bytes[consumed]
                consumed <- consumed + 1
                overhead <- overhead + 1L
            | BodyPlace.Data(left, isChunk) ->
                let size = int (min left (int64 (bytes.Length - consumed)))
                let taken = int (min (int64 size) (maxSize - written))
                destination.Write(bytes.Slice(consumed, taken))
                consumed <- consumed + taken
                written <- written + int64 taken

                if taken < size then
                    result <- ValueSome(BodyParse.Cut consumed)
                else
                    place <- afterData left isChunk size

        result.Value

    /// <summary>What the end of the stream means: that the body is complete, or why it isn't.</summary>
    member _.ReceiveEndOfStream() : BodyParse =
        match place with
        | BodyPlace.Broken error -> BodyParse.Malformed error
        | BodyPlace.End -> BodyParse.Complete 0
        | BodyPlace.Data _ when framing.IsUntilEnd -> BodyParse.Complete 0
        | BodyPlace.Data _
        | BodyPlace.Between _ -> BodyParse.Malformed BodyError.EndOfStream

/// <summary>What has become of a body.</summary>
and [<RequireQualifiedAccess; NoComparison; NoEquality>] BodyParse =
    /// <summary>More bytes are needed; all that were given are consumed.</summary>
    | Incomplete of Next: BodyReader
    /// <summary>The body is complete; of the bytes last given so many belong to it.</summary>
    | Complete of Consumed: int
    /// <summary>The body is larger than what is to be read of it, which was written; the rest is left.</summary>
    | Cut of Consumed: int
    /// <summary>The rest of the body can't be read. What came of it before was written.</summary>
    | Malformed of Error: BodyError

type BodyFraming with

    /// <summary>True when both are equal, as <c>Equals</c> tells.</summary>
    static member op_Equality(left: BodyFraming | null, right: BodyFraming | null) : bool =
        obj.Equals(left, right)

    /// <summary>True when they are not equal.</summary>
    static member op_Inequality(left: BodyFraming | null, right: BodyFraming | null) : bool =
        not (obj.Equals(left, right))

type BodyError with

    /// <summary>True when both are equal, as <c>Equals</c> tells.</summary>
    static member op_Equality(left: BodyError | null, right: BodyError | null) : bool =
        obj.Equals(left, right)

    /// <summary>True when they are not equal.</summary>
    static member op_Inequality(left: BodyError | null, right: BodyError | null) : bool =
        not (obj.Equals(left, right))
