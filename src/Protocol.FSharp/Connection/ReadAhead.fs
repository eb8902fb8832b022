// How far a connection is read ahead of its application: what waits unread in, what may be read on out.
namespace FunctionalWs.Protocol

open System
open type System.FormattableString

[<Struct; StructuredFormatDisplay("{Shown}")>]
type Unread = {
    Messages: int
    Bytes: int64
    Fragments: int
} with

    member unread.Cost: int64 =
        Saturating.sum unread.Bytes (64L * int64 unread.Messages + 8L * int64 unread.Fragments)

    member private unread.Shown: string =
        let messages = Words.count (int64 unread.Messages) "message"
        let fragments = Words.count (int64 unread.Fragments) "fragment"
        Invariant $"{messages} and {fragments} unread, {Words.bytes unread.Bytes}"

    override unread.ToString() : string = unread.Shown

[<Sealed; AllowNullLiteral(false)>]
type ReadAhead private (high: int, low: int, bytes: int64) =

    static let unlimited = ReadAhead(Int32.MaxValue, Int32.MaxValue, Int64.MaxValue)

    static member Unlimited: ReadAhead = unlimited

    static member Create(messages: int, lowMessages: int, bytes: int64) : ReadAhead =
        ArgumentOutOfRangeException.ThrowIfLessThan(messages, 1, nameof messages)
        ArgumentOutOfRangeException.ThrowIfNegative(lowMessages, nameof lowMessages)
        ArgumentOutOfRangeException.ThrowIfGreaterThan(lowMessages, messages, nameof lowMessages)
        ArgumentOutOfRangeException.ThrowIfLessThan(bytes, 1L, nameof bytes)
        ReadAhead(messages, lowMessages, bytes)

    member private _.All: struct (int * int * int64) = high, low, bytes

    override marks.Equals(other: obj | null) : bool =
        match other with
        | :? ReadAhead as other -> marks.All = other.All
        | _ -> false

    override marks.GetHashCode() : int = hash marks.All

    override _.ToString() : string =
        let size =
            if bytes = Int64.MaxValue then
                "unlimited bytes"
            else
                Words.bytes bytes

        if high = Int32.MaxValue then
            Invariant $"unlimited messages; {size}"
        else
            let messages = Words.count (int64 high) "message"
            Invariant $"{messages}, on at {low}; {size}"

    member _.Messages: int = high

    member _.LowMessages: int = low

    member _.Bytes: int64 = bytes

[<Struct; RequireQualifiedAccess>]
type Reading =
    | On
    | ControlOnly
    | Stop

    // Not the compiler's, which formats by reflection: native code has none.
    override reading.ToString() : string =
        match reading with
        | Reading.On -> nameof Reading.On
        | Reading.ControlOnly -> nameof Reading.ControlOnly
        | Reading.Stop -> nameof Reading.Stop

module internal ReadingRule =

    /// The next step, after the one before: it takes more to pause than to stay paused.
    let next (marks: ReadAhead) (before: Reading) (unread: Unread) : Reading =
        let cost = unread.Cost
        let isLow = unread.Messages <= marks.LowMessages && cost <= marks.Bytes / 2L

        match before with
        | _ when cost >= marks.Bytes -> Reading.Stop
        | Reading.Stop when cost > marks.Bytes / 2L -> Reading.Stop
        | _ when unread.Messages >= marks.Messages -> Reading.ControlOnly
        | Reading.ControlOnly
        | Reading.Stop when not isLow -> Reading.ControlOnly
        | Reading.On
        | Reading.ControlOnly
        | Reading.Stop -> Reading.On

type Unread with

    static member op_Equality(left: Unread, right: Unread) : bool = left.Equals right

    static member op_Inequality(left: Unread, right: Unread) : bool = not (left.Equals right)

type ReadAhead with

    static member op_Equality(left: ReadAhead | null, right: ReadAhead | null) : bool =
        obj.Equals(left, right)

    static member op_Inequality(left: ReadAhead | null, right: ReadAhead | null) : bool =
        not (obj.Equals(left, right))

type Reading with

    static member op_Equality(left: Reading, right: Reading) : bool = left.Equals right

    static member op_Inequality(left: Reading, right: Reading) : bool = not (left.Equals right)
