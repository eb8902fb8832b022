// Heads of HTTP/1.1, line by line: a first line, header fields, an empty line (RFC 9112 §2.1). A reader goes on where it stopped.
namespace FunctionalWs.Protocol

open System
open System.Collections.Generic
open System.Runtime.InteropServices
open System.Text
open type System.FormattableString

/// <summary>How large the head of a request or a response may be. Sizes are in bytes. Immutable.</summary>
[<Sealed; AllowNullLiteral(false)>]
type HeadLimits
    /// <summary>Sets limits.</summary>
    /// <param name="maxStartLineLength">The longest first line with its CR and LF: 64 to 16 MiB, 8,192 by default.</param>
    /// <param name="maxHeaderLineLength">The longest header line with its CR and LF: 64 to 16 MiB, 8,192 by default.</param>
    /// <param name="maxHeaderCount">The most header lines: 1 or more, 128 by default.</param>
    /// <param name="maxHeadSize">The largest head: 64 to 16 MiB, 65,536 by default.</param>
    /// <exception cref="T:System.ArgumentOutOfRangeException">A limit is out of its range.</exception>
    (
        [<Optional; DefaultParameterValue(8_192)>] maxStartLineLength: int,
        [<Optional; DefaultParameterValue(8_192)>] maxHeaderLineLength: int,
        [<Optional; DefaultParameterValue(128)>] maxHeaderCount: int,
        [<Optional; DefaultParameterValue(65_536)>] maxHeadSize: int
    ) =

    static let smallest = 64
    static let largest = 16 * 1024 * 1024
    static let standard = HeadLimits()

    static let check (size: int) (name: string) =
        ArgumentOutOfRangeException.ThrowIfLessThan(size, smallest, name)
        ArgumentOutOfRangeException.ThrowIfGreaterThan(size, largest, name)

    do
        check maxStartLineLength (nameof maxStartLineLength)
        check maxHeaderLineLength (nameof maxHeaderLineLength)
        ArgumentOutOfRangeException.ThrowIfLessThan(maxHeaderCount, 1, nameof maxHeaderCount)
        check maxHeadSize (nameof maxHeadSize)

    member private _.All: struct (int * int * int * int) =
        maxStartLineLength, maxHeaderLineLength, maxHeaderCount, maxHeadSize

    /// <summary>The longest request line or status line with its CR and LF. Beyond it: 414.</summary>
    member _.MaxStartLineLength: int = maxStartLineLength

    /// <summary>The longest header line with its CR and LF. Beyond it: 431.</summary>
    member _.MaxHeaderLineLength: int = maxHeaderLineLength

    /// <summary>The most header lines. Beyond it: 431.</summary>
    member _.MaxHeaderCount: int = maxHeaderCount

    /// <summary>The largest head, with any empty lines before it. Beyond it: 431.</summary>
    member _.MaxHeadSize: int = maxHeadSize

    /// <summary>What a line and a head may be set to at most: 16 MiB.</summary>
    static member Largest: int = largest

    /// <summary>What a line and a head may be set to at least: 64 bytes.</summary>
    static member Smallest: int = smallest

    /// <summary>Lines of 8,192 bytes, 128 headers, 65,536 bytes in all.</summary>
    static member Default: HeadLimits = standard

    /// <summary>True for the same limits.</summary>
    override limits.Equals(other: obj | null) : bool =
        match other with
        | :? HeadLimits as other -> limits.All = other.All
        | _ -> false

    /// <summary>A hash code of all limits.</summary>
    override limits.GetHashCode() : int = hash limits.All

    /// <summary>The limits in words.</summary>
    override _.ToString() : string =
        let number = PeerText.number

        Invariant $"first line {number maxStartLineLength}, header line {number maxHeaderLineLength}, "
        + Invariant $"{number maxHeaderCount} headers, head {number maxHeadSize} bytes"

/// Whether bytes are the beginning of a first line; `Maybe` when more of them are needed to tell.
[<Struct; RequireQualifiedAccess>]
type internal Likeness =
    | No
    | Maybe
    | Yes

/// What makes heads of requests and of responses differ: their first line.
[<AbstractClass>]
type internal StartLine<'start>() =

    /// Tells from at most 64 bytes whether they begin such a line; it never changes its mind for more bytes, and of 64 it is
    /// sure. What is not like it gets no further look.
    abstract Like: beginning: ReadOnlySpan<byte> -> Likeness

    /// The line without its CR and LF.
    abstract Parse: line: string -> Result<'start, HeadError>

    /// True when empty lines before it are passed over (RFC 9112 §2.2).
    abstract IsAfterEmptyLines: bool

    /// True when a field's value may go on in a line that begins with a blank: servers still write so (RFC 9112 §5.2).
    abstract Unfolds: bool

/// What is known of a head.
[<Struct; NoComparison; NoEquality>]
type internal HeadState<'start> = {
    /// The first line, when it has come.
    Start: 'start voption
    /// The fields of the lines after it, the latest first; a line that goes on with a value has no name.
    Fields: KeyValuePair<string, string> list
    FieldCount: int
    /// The bytes of all lines that have ended.
    Size: int
    /// The pieces of the unfinished line that have come, the latest first, each larger than the next: there is no LF among them.
    Pieces: byte[] list
    /// The bytes of those pieces.
    PieceSize: int
}

/// Where reading has come to.
[<Struct; RequireQualifiedAccess; NoComparison; NoEquality>]
type internal HeadStep<'start> =
    | Incomplete of State: HeadState<'start>
    /// How many of the bytes given last it took, and the bytes of all its lines.
    | Complete of Start: 'start * Headers: Headers * Consumed: int * Size: int
    | Malformed of Error: HeadError
    /// The bytes are not even like a head.
    | Foreign

/// Reads heads. All results are those of reading byte by byte: where the bytes are cut changes nothing.
module internal HeadReader =

    /// So much of a first line tells whether it is one. No limit is smaller.
    [<Literal>]
    let private Beginning = 64

    let start<'start> : HeadState<'start> = {
        Start = ValueNone
        Fields = []
        FieldCount = 0
        Size = 0
        Pieces = []
        PieceSize = 0
    }

    /// How far reading has come, in words.
    let describe (state: HeadState<'start>) : string =
        let lines = state.FieldCount + (if state.Start.IsSome then 1 else 0)
        Invariant $"a head of which {lines} lines have been read, {state.Size} bytes"

    /// What becomes of the head with a line, or with what has come of it.
    [<Struct; RequireQualifiedAccess; NoComparison; NoEquality>]
    type private LineStep<'start> =
        | Next of State: HeadState<'start>
        | End
        | Wrong of Error: HeadError
        | Foreign

    let private text (bytes: ReadOnlySpan<byte>) : string = Encoding.Latin1.GetString bytes

    /// What most requests for a WebSocket have, by its length: it is kept once, not for each connection.
    let private usual: string[][] =
        let texts = [|
            "Host"
            "Upgrade"
            "websocket"
            "Connection"
            "keep-alive, Upgrade"
            "Sec-WebSocket-Key"
            "Sec-WebSocket-Version"
            "13"
            "Sec-WebSocket-Extensions"
            "permessage-deflate"
            "permessage-deflate; client_max_window_bits"
            "Sec-WebSocket-Protocol"
            "Origin"
            "User-Agent"
            "Pragma"
            "Cache-Control"
            "no-cache"
            "Accept"
            "*/*"
            "Accept-Encoding"
            "gzip, deflate, br, zstd"
            "gzip, deflate, br"
            "Accept-Language"
            "Cookie"
            "Authorization"
        |]

        Array.init 48 (fun length -> texts |> Array.filter (fun text -> text.Length = length))

    let private blanks = " \t"B

    let private shared (bytes: ReadOnlySpan<byte>) : string =
        let alike =
            if bytes.Length < usual.Length then
                usual[bytes.Length]
            else
                [||]

        let mutable index = 0

        while index < alike.Length && not (Ascii.Equals(bytes, alike[index].AsSpan())) do
            index <- index + 1

        if index < alike.Length then alike[index] else text bytes

    let private maxLine (limits: HeadLimits) (state: HeadState<'start>) : int =
        if state.Start.IsNone then
            limits.MaxStartLineLength
        else
            limits.MaxHeaderLineLength

    /// One byte more than a line may have here: nobody looks further.
    let private horizon (limits: HeadLimits) (state: HeadState<'start>) : int =
        1 + min (maxLine limits state) (limits.MaxHeadSize - state.Size)

    let private tooLarge (limits: HeadLimits) (state: HeadState<'start>) : HeadError =
        if maxLine limits state > limits.MaxHeadSize - state.Size then
            HeadError.HeadTooLarge limits.MaxHeadSize
        elif state.Start.IsNone then
            HeadError.StartLineTooLong limits.MaxStartLineLength
        else
            HeadError.HeaderLineTooLong limits.MaxHeaderLineLength

    let private isForeign (kind: StartLine<'start>) (state: HeadState<'start>) (line: ReadOnlySpan<byte>) =
        state.Start.IsNone && (kind.Like(line.Slice(0, min line.Length Beginning))).IsNo

    /// A line that goes on with the value before it has no name.
    let private parseField (goesOn: bool) (line: ReadOnlySpan<byte>) =
        let colon = if goesOn then -1 else max 0 (line.IndexOf(byte ':'))
        let name = shared (line.Slice(0, max 0 colon))

        let value =
            shared (line.Slice(min line.Length (colon + 1)).Trim(ReadOnlySpan blanks))

        if (goesOn || HeaderSyntax.isToken name) && HeaderSyntax.isValue value then
            Ok(KeyValuePair(name, value))
        else
            Error(HeadError.HeaderLine(text line))

    let private addStart (kind: StartLine<'start>) (state: HeadState<'start>) (line: ReadOnlySpan<byte>) =
        match kind.Parse(text line) with
        | Ok start -> LineStep.Next { state with Start = ValueSome start }
        | Error error -> LineStep.Wrong error

    let private addField (kind: StartLine<'start>) (limits: HeadLimits) state (line: ReadOnlySpan<byte>) =
        let isBlank = line[0] = byte ' ' || line[0] = byte '\t'
        let goesOn = kind.Unfolds && isBlank && state.FieldCount > 0

        if state.FieldCount = limits.MaxHeaderCount then
            LineStep.Wrong(HeadError.TooManyHeaders limits.MaxHeaderCount)
        else
            match parseField goesOn line with
            | Error error -> LineStep.Wrong error
            | Ok field ->
                LineStep.Next {
                    state with
                        Fields = field :: state.Fields
                        FieldCount = state.FieldCount + 1
                }

    /// A line without its CR and LF; an empty one ends the head.
    let private add (kind: StartLine<'start>) limits (state: HeadState<'start>) (line: ReadOnlySpan<byte>) =
        match line.IsEmpty, state.Start.IsNone with
        | true, false -> LineStep.End
        | true, true when kind.IsAfterEmptyLines -> LineStep.Next state
        | _, true -> addStart kind state line
        | false, false -> addField kind limits state line

    /// A line with its LF.
    let private finish kind limits (state: HeadState<'start>) (line: ReadOnlySpan<byte>) : LineStep<'start> =
        let after = {
            state with
                Size = state.Size + line.Length
                Pieces = []
                PieceSize = 0
        }

        if isForeign kind state line then
            LineStep.Foreign
        elif line.Length = horizon limits state then
            LineStep.Wrong(tooLarge limits state)
        elif line.EndsWith "\r\n"B then
            add kind limits after (line.Slice(0, line.Length - 2))
        else
            LineStep.Wrong HeadError.LineEnding

    let rec private fill (joined: byte[]) (stop: int) (pieces: byte[] list) : unit =
        match pieces with
        | piece :: older when stop > 0 ->
            piece.CopyTo(joined, stop - piece.Length)
            fill joined (stop - piece.Length) older
        | _ -> ()

    /// The last bytes of some pieces, and those that have come after them.
    let private join (size: int) (pieces: byte[] list) (bytes: ReadOnlySpan<byte>) : byte[] =
        let joined = Array.zeroCreate size
        let stop = size - bytes.Length
        bytes.CopyTo(joined.AsSpan stop)
        fill joined stop pieces
        joined

    /// The bytes of the unfinished line, and what has come after them.
    let private together (state: HeadState<'start>) (bytes: ReadOnlySpan<byte>) : byte[] =
        join (state.PieceSize + bytes.Length) state.Pieces bytes

    /// The pieces that are larger than what it makes with those that aren't, and its size.
    let rec private larger (size: int) (pieces: byte[] list) : struct (int * byte[] list) =
        match pieces with
        | latest :: older when latest.Length <= size -> larger (size + latest.Length) older
        | _ -> struct (size, pieces)

    /// Pieces of one byte would take sixty each. Like the digits of a binary counter, each is larger than all that came after it
    /// when it was made: there are few, and a byte is copied as often as its piece doubles.
    let private keep (pieces: byte[] list) (bytes: ReadOnlySpan<byte>) : byte[] list =
        let struct (size, before) = larger bytes.Length pieces
        join size pieces bytes :: before

    /// Judges and keeps what has come of a line that has not ended. Of a first line the beginning tells whether it is one.
    let private pause kind limits (state: HeadState<'start>) (bytes: ReadOnlySpan<byte>) =
        let size = state.PieceSize + bytes.Length

        let isForeign =
            state.Start.IsNone
            && state.PieceSize < Beginning
            && isForeign
                kind
                state
                (ReadOnlySpan(together state (bytes.Slice(0, min bytes.Length Beginning))))

        if isForeign then
            LineStep.Foreign
        elif size = horizon limits state then
            LineStep.Wrong(tooLarge limits state)
        elif bytes.IsEmpty then
            LineStep.Next state
        else
            LineStep.Next {
                state with
                    Pieces = keep state.Pieces bytes
                    PieceSize = size
            }

    /// The rest of a line, with its LF. A line that comes in one piece is not copied.
    let private conclude kind limits (state: HeadState<'start>) (rest: ReadOnlySpan<byte>) =
        if state.PieceSize = 0 then
            finish kind limits state rest
        else
            finish kind limits state (ReadOnlySpan(together state rest))

    let rec private next
        kind
        limits
        (state: HeadState<'start>)
        (consumed: int)
        (bytes: ReadOnlySpan<byte>)
        : HeadStep<'start> =
        let seen = bytes.Slice(0, min bytes.Length (horizon limits state - state.PieceSize))

        let lineFeed = seen.IndexOf(byte '\n')
        let size = lineFeed + 1

        let step =
            if lineFeed < 0 then
                pause kind limits state seen
            else
                conclude kind limits state (seen.Slice(0, size))

        match step with
        | LineStep.Next after when lineFeed < 0 -> HeadStep.Incomplete after
        | LineStep.Next after -> next kind limits after (consumed + size) (bytes.Slice size)
        | LineStep.End ->
            let headers = Headers.OfLines state.Fields
            let total = state.Size + state.PieceSize + size
            HeadStep.Complete(state.Start.Value, headers, consumed + size, total)
        | LineStep.Wrong error -> HeadStep.Malformed error
        | LineStep.Foreign -> HeadStep.Foreign

    let read kind limits (state: HeadState<'start>) (bytes: ReadOnlySpan<byte>) : HeadStep<'start> =
        next kind limits state 0 bytes

type HeadLimits with

    /// <summary>True when both are equal, as <c>Equals</c> tells.</summary>
    static member op_Equality(left: HeadLimits | null, right: HeadLimits | null) : bool =
        obj.Equals(left, right)

    /// <summary>True when they are not equal.</summary>
    static member op_Inequality(left: HeadLimits | null, right: HeadLimits | null) : bool =
        not (obj.Equals(left, right))
