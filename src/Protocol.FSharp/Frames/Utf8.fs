// Validity of UTF-8 that arrives in pieces cut anywhere (RFC 3629; RFC 6455 §8.1).
namespace FunctionalWs.Protocol

open System
open System.Globalization

// Bytes that must follow, and the range of the next one: narrower than 80–BF where that keeps overlong forms,
// surrogates and what lies beyond U+10FFFF out.
[<Struct; StructuredFormatDisplay("{Text}")>]
type Utf8State internal (owed: byte, low: byte, high: byte) =

    member internal _.Owed = owed
    member internal _.Low = low
    member internal _.High = high

    member _.IsComplete: bool = owed = 0uy

    member _.MissingBytes: int = int owed

    member _.Text: string =
        match owed with
        | 0uy -> "complete"
        | 1uy -> "1 byte missing"
        | owed -> owed.ToString CultureInfo.InvariantCulture + " bytes missing"

    override state.ToString() = state.Text

[<Struct; RequireQualifiedAccess>]
type Utf8Result =
    | Valid of State: Utf8State
    | Invalid of Position: int

module Utf8 =

    [<CompiledName("Start")>]
    let start: Utf8State = Utf8State()

    let private owing owed low high : Utf8State voption = ValueSome(Utf8State(owed, low, high))

    /// RFC 3629 §4, one line per production; none for a byte that can't stand here.
    let private step (state: Utf8State) (next: byte) : Utf8State voption =
        if state.Owed > 0uy then
            if next < state.Low || next > state.High then ValueNone
            elif state.Owed = 1uy then ValueSome start
            else owing (state.Owed - 1uy) 0x80uy 0xBFuy
        else
            match next with
            | b when b <= 0x7Fuy -> ValueSome start
            | b when b < 0xC2uy -> ValueNone
            | b when b <= 0xDFuy -> owing 1uy 0x80uy 0xBFuy
            | 0xE0uy -> owing 2uy 0xA0uy 0xBFuy
            | 0xEDuy -> owing 2uy 0x80uy 0x9Fuy
            | b when b <= 0xEFuy -> owing 2uy 0x80uy 0xBFuy
            | 0xF0uy -> owing 3uy 0x90uy 0xBFuy
            | b when b <= 0xF3uy -> owing 3uy 0x80uy 0xBFuy
            | 0xF4uy -> owing 3uy 0x80uy 0x8Fuy
            | _ -> ValueNone

    /// Byte by byte: what the fast way below equals, and what finds the position of an error.
    let private validateSlowly (state: Utf8State) (from: int) (data: ReadOnlySpan<byte>) : Utf8Result =
        let mutable state = state
        let mutable i = from
        let mutable valid = true

        while valid && i < data.Length do
            match step state data[i] with
            | ValueSome next ->
                state <- next
                i <- i + 1
            | ValueNone -> valid <- false

        if valid then
            Utf8Result.Valid state
        else
            Utf8Result.Invalid i

    /// Where the last character of a piece begins, if it may be unfinished: at one of its last three bytes.
    let private lastBoundary (data: ReadOnlySpan<byte>) =
        let mutable i = data.Length - 1
        let earliest = max 0 (data.Length - 3)

        while i > earliest && (data[i] &&& 0xC0uy) = 0x80uy do
            i <- i - 1

        if i >= 0 && data[i] >= 0xC0uy then i else data.Length

    /// How far a piece is known to be right that begins with a character: before its last one, if that may be unfinished. Not
    /// at all when something is wrong.
    let private knownUntil (from: int) (data: ReadOnlySpan<byte>) : int =
        let rest = data.Slice from

        match Utf8Vectors.validPrefix rest with
        | ValueSome size -> from + lastBoundary (rest.Slice(0, size))
        | ValueNone -> from

    [<CompiledName("Validate")>]
    let validate (state: Utf8State) (data: ReadOnlySpan<byte>) : Utf8Result =
        // The bytes that an unfinished character still owes come first, then ASCII at the platform's speed, then whole
        // vectors, and what is left byte by byte.
        let head = min (int state.Owed) data.Length

        match validateSlowly state 0 (data.Slice(0, head)) with
        | Utf8Result.Invalid position -> Utf8Result.Invalid position
        | Utf8Result.Valid owed when not owed.IsComplete -> Utf8Result.Valid owed
        | Utf8Result.Valid _ ->
            match data.Slice(head).IndexOfAnyExceptInRange(0uy, 0x7Fuy) with
            | -1 -> Utf8Result.Valid start
            | ascii -> validateSlowly start (knownUntil (head + ascii) data) data

    /// True for a text that is whole and valid.
    let internal isText (data: ReadOnlySpan<byte>) : bool =
        Text.Ascii.IsValid data
        || match validate start data with
           | Utf8Result.Valid state -> state.IsComplete
           | Utf8Result.Invalid _ -> false

type Utf8State with

    static member op_Equality(left: Utf8State, right: Utf8State) : bool = left.Equals right

    static member op_Inequality(left: Utf8State, right: Utf8State) : bool = not (left.Equals right)

type Utf8Result with

    static member op_Equality(left: Utf8Result, right: Utf8Result) : bool = left.Equals right

    static member op_Inequality(left: Utf8Result, right: Utf8Result) : bool = not (left.Equals right)
