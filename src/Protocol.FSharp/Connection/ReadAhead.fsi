// How far a connection is read ahead of its application: what waits unread in, what may be read on out.
namespace FunctionalWs.Protocol

/// <summary>What waits for the application: messages that are complete, and what has come of the one that isn't.</summary>
[<Struct; StructuredFormatDisplay("{Shown}")>]
type Unread = {
    /// <summary>Complete messages.</summary>
    Messages: int
    /// <summary>Bytes of data, of all of them.</summary>
    Bytes: int64
    /// <summary>Fragments of which something is kept.</summary>
    Fragments: int
} with

    /// <summary>What that takes, in bytes: a message or a fragment costs something even when it is empty.</summary>
    member Cost: int64

    /// <summary>What waits, in words.</summary>
    override ToString: unit -> string

    member private Shown: string

/// <summary>
/// The marks at which reading ahead pauses and goes on. Immutable. It pauses when so many messages or bytes wait, and goes on when
/// both are down to their low marks: the number that was set, and half the bytes.
/// </summary>
[<Sealed; AllowNullLiteral(false)>]
type ReadAhead =

    /// <summary>No mark.</summary>
    static member Unlimited: ReadAhead

    /// <summary>Sets marks.</summary>
    /// <param name="messages">The messages at which reading on is for control frames only: 1 or more.</param>
    /// <param name="lowMessages">The messages at which it goes on: 0 to <c>messages</c>.</param>
    /// <param name="bytes">The cost (see <c>Unread.Cost</c>) at which reading stops: 1 or more.</param>
    /// <exception cref="T:System.ArgumentOutOfRangeException">A mark is out of its range.</exception>
    static member Create: messages: int * lowMessages: int * bytes: int64 -> ReadAhead

    /// <summary>True for the same marks.</summary>
    override Equals: other: (obj | null) -> bool

    /// <summary>A hash code of all marks.</summary>
    override GetHashCode: unit -> int

    /// <summary>The marks in words.</summary>
    override ToString: unit -> string

    /// <summary>The messages at which reading on is for control frames only.</summary>
    member Messages: int

    /// <summary>The messages at which reading goes on.</summary>
    member LowMessages: int

    /// <summary>The cost at which reading stops.</summary>
    member Bytes: int64

/// <summary>Whether to read on while the application is elsewhere.</summary>
[<Struct; RequireQualifiedAccess>]
type Reading =
    /// <summary>Read on.</summary>
    | On
    /// <summary>Enough messages wait. Read on only to see control frames, as long as there is room for what lies before them.</summary>
    | ControlOnly
    /// <summary>Too much waits: read nothing.</summary>
    | Stop

    /// <summary>The name of the case.</summary>
    override ToString: unit -> string

module internal ReadingRule =

    /// The next step, after the one before: it takes more to pause than to stay paused.
    val next: marks: ReadAhead -> before: Reading -> unread: Unread -> Reading

type Unread with

    /// <summary>True when both are equal, as <c>Equals</c> tells.</summary>
    static member op_Equality: left: Unread * right: Unread -> bool

    /// <summary>True when they are not equal.</summary>
    static member op_Inequality: left: Unread * right: Unread -> bool

type ReadAhead with

    /// <summary>True when both are equal, as <c>Equals</c> tells.</summary>
    static member op_Equality: left: (ReadAhead | null) * right: (ReadAhead | null) -> bool

    /// <summary>True when they are not equal.</summary>
    static member op_Inequality: left: (ReadAhead | null) * right: (ReadAhead | null) -> bool

type Reading with

    /// <summary>True when both are equal, as <c>Equals</c> tells.</summary>
    static member op_Equality: left: Reading * right: Reading -> bool

    /// <summary>True when they are not equal.</summary>
    static member op_Inequality: left: Reading * right: Reading -> bool
