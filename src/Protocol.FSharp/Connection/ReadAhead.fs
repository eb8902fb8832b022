// How far a connection is read ahead of its application: what waits unread in, what may be read on out.
namespace FunctionalWs.Protocol

open System
open type System.FormattableString

/// <summary>What waits for the application: messages that are complete, and what has come of the one that isn't.</summary>
[<Struct>]
type Unread = {
    /// <summary>Complete messages.</summary>
    Messages: int
    /// <summary>Bytes of data, of all of them.</summary>
    Bytes: int64
    /// <summary>Fragments of which something is kept.</summary>
    Fragments: int
} with

    /// <summary>What that takes, in bytes: a message or a fragment costs something even when it is empty.</summary>
    member unread.Cost: int64 =
        unread.Bytes + 64L * int64 unread.Messages + 8L * int64 unread.Fragments

/// <summary>
/// The marks at which reading ahead pauses and goes on. Immutable. It pauses when so many messages or bytes wait, and goes on when
/// both are down to their low marks: the number that was set, and half the bytes.
/// </summary>
[<Sealed; AllowNullLiteral(false)>]
type ReadAhead private (high: int, low: int, bytes: int64) =

    static let unlimited = ReadAhead(Int32.MaxValue, Int32.MaxValue, Int64.MaxValue)

    /// <summary>No mark.</summary>
    static member Unlimited: ReadAhead = unlimited

    /// <summary>Sets marks.</summary>
    /// <param name="messages">The messages at which reading on is for control frames only: 1 or more.</param>
    /// <param name="lowMessages">The messages at which it goes on: 0 to <c>messages</c>.</param>
    /// <param name="bytes">The cost (see <c>Unread.Cost</c>) at which reading stops: 1 or more.</param>
    /// <exception cref="T:System.ArgumentOutOfRangeException">A mark is out of its range.</exception>
    static member Create(messages: int, lowMessages: int, bytes: int64) : ReadAhead =
        ArgumentOutOfRangeException.ThrowIfLessThan(messages, 1, nameof messages)
        ArgumentOutOfRangeException.ThrowIfNegative(lowMessages, nameof lowMessages)
        ArgumentOutOfRangeException.ThrowIfGreaterThan(lowMessages, messages, nameof lowMessages)
        ArgumentOutOfRangeException.ThrowIfLessThan(bytes, 1L, nameof bytes)
        ReadAhead(messages, lowMessages, bytes)

    /// <summary>The marks in words.</summary>
    override _.ToString() : string =
        if bytes = Int64.MaxValue && high = Int32.MaxValue then
            "no marks"
        else
            Invariant $"{high} messages, on at {low}; {bytes} bytes"

    /// <summary>The messages at which reading on is for control frames only.</summary>
    member _.Messages: int = high

    /// <summary>The messages at which reading goes on.</summary>
    member _.LowMessages: int = low

    /// <summary>The cost at which reading stops.</summary>
    member _.Bytes: int64 = bytes

/// <summary>Whether to read on while the application is elsewhere.</summary>
[<Struct; RequireQualifiedAccess>]
type Reading =
    /// <summary>Read on.</summary>
    | On
    /// <summary>Enough messages wait. Read on only to see control frames, as long as there is room for what lies before them.</summary>
    | ControlOnly
    /// <summary>Too much waits: read nothing.</summary>
    | Stop

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
