// How long things may take, what is due at a time, and what is told of a connection to find that out: the contract.
namespace FunctionalWs.Protocol

open System

/// <summary>
/// How long the parts of a connection's life may take. Each is a positive time, or <c>TimeSpan.MaxValue</c> for no limit.
/// Immutable: the <c>With…</c> members give another value.
/// </summary>
[<Sealed; AllowNullLiteral(false)>]
type Timeouts =

    /// <summary>No limit on anything, and no pings.</summary>
    static member Never: Timeouts

    /// <summary>From the beginning of the opening handshake to its end.</summary>
    member Opening: TimeSpan

    /// <summary>From the beginning of the closing to the end of the stream.</summary>
    member Closing: TimeSpan

    /// <summary>Between two pings of the keepalive.</summary>
    member PingInterval: TimeSpan

    /// <summary>From a ping to a sign of life.</summary>
    member Ping: TimeSpan

    /// <summary>From the first byte of a message to its last.</summary>
    member Message: TimeSpan

    /// <summary>From the last byte that the peer took to the next one, while some wait to be taken.</summary>
    member Sending: TimeSpan

    /// <summary>True for the same limits.</summary>
    override Equals: other: (obj | null) -> bool

    /// <summary>A hash code of all limits.</summary>
    override GetHashCode: unit -> int

    /// <summary>The limits that are set, in words, such as <c>opening 00:00:10, closing 00:00:10</c>.</summary>
    override ToString: unit -> string

    /// <summary>With another limit on the opening handshake.</summary>
    /// <param name="value">More than zero.</param>
    /// <exception cref="T:System.ArgumentOutOfRangeException">The time is zero or negative.</exception>
    member WithOpening: value: TimeSpan -> Timeouts

    /// <summary>With another limit on the closing.</summary>
    /// <param name="value">More than zero.</param>
    /// <exception cref="T:System.ArgumentOutOfRangeException">The time is zero or negative.</exception>
    member WithClosing: value: TimeSpan -> Timeouts

    /// <summary>With pings, and a limit on the silence after one.</summary>
    /// <param name="interval">Between two pings: more than zero.</param>
    /// <param name="timeout">From a ping to a sign of life: more than zero.</param>
    /// <exception cref="T:System.ArgumentOutOfRangeException">A time is zero or negative.</exception>
    member WithPing: interval: TimeSpan * timeout: TimeSpan -> Timeouts

    /// <summary>With another limit on a message that is arriving.</summary>
    /// <param name="value">More than zero.</param>
    /// <exception cref="T:System.ArgumentOutOfRangeException">The time is zero or negative.</exception>
    member WithMessage: value: TimeSpan -> Timeouts

    /// <summary>With another limit on a peer that takes nothing.</summary>
    /// <param name="value">More than zero.</param>
    /// <exception cref="T:System.ArgumentOutOfRangeException">The time is zero or negative.</exception>
    member WithSending: value: TimeSpan -> Timeouts

/// <summary>A limit of <c>Timeouts</c> that was passed.</summary>
[<Struct; RequireQualifiedAccess>]
type Overdue =
    /// <summary>The opening handshake has taken too long.</summary>
    | Opening
    /// <summary>The closing has taken too long: end the stream.</summary>
    | Closing
    /// <summary>The peer gave no sign of life since a ping: end the stream.</summary>
    | Ping
    /// <summary>A message has taken too long: fail the connection, with 1008.</summary>
    | Message
    /// <summary>The peer took nothing of what waits for it: end the stream.</summary>
    | Sending

    /// <summary>The name of the case.</summary>
    override ToString: unit -> string

/// <summary>What is to be done at a time. At most one thing: ask again when it is done.</summary>
[<Struct; RequireQualifiedAccess; StructuredFormatDisplay("{Shown}")>]
type Due =
    /// <summary>Nothing.</summary>
    | Nothing
    /// <summary>Send a ping, whose payload is the caller's to choose.</summary>
    | Ping
    /// <summary>A limit was passed. Said again each time until something is done about it.</summary>
    | Passed of Limit: Overdue

    /// <summary>The case as F# writes it: <c>Passed Message</c>.</summary>
    override ToString: unit -> string

    member private Shown: string

/// <summary>What has happened on a connection so far, in counters that its owner keeps.</summary>
[<Struct; StructuredFormatDisplay("{Shown}")>]
type Traffic = {
    /// <summary>The bytes that have come from the peer and were read.</summary>
    Received: int64
    /// <summary>Moves when a message is complete.</summary>
    Messages: int64
    /// <summary>Moves when the peer takes bytes: a sign of life, if they had waited before the ping.</summary>
    Taken: int64
    /// <summary>The bytes that were written and that the peer has not taken, as far as that can be told.</summary>
    Untaken: int64
    /// <summary>Moves when something has left that was to be sent, to wherever it waits then.</summary>
    Sent: int64
    /// <summary>True while bytes wait for the peer to take them.</summary>
    IsSending: bool
    /// <summary>The bytes that the peer has sent and nobody has read, as far as that can be told; its end counts as one.</summary>
    Unread: int64
} with

    /// <summary>The counters in words.</summary>
    override ToString: unit -> string

    member private Shown: string

type Timeouts with

    /// <summary>True when both are equal, as <c>Equals</c> tells.</summary>
    static member op_Equality: left: (Timeouts | null) * right: (Timeouts | null) -> bool

    /// <summary>True when they are not equal.</summary>
    static member op_Inequality: left: (Timeouts | null) * right: (Timeouts | null) -> bool

type Overdue with

    /// <summary>True when both are equal, as <c>Equals</c> tells.</summary>
    static member op_Equality: left: Overdue * right: Overdue -> bool

    /// <summary>True when they are not equal.</summary>
    static member op_Inequality: left: Overdue * right: Overdue -> bool

type Due with

    /// <summary>True when both are equal, as <c>Equals</c> tells.</summary>
    static member op_Equality: left: Due * right: Due -> bool

    /// <summary>True when they are not equal.</summary>
    static member op_Inequality: left: Due * right: Due -> bool

type Traffic with

    /// <summary>True when both are equal, as <c>Equals</c> tells.</summary>
    static member op_Equality: left: Traffic * right: Traffic -> bool

    /// <summary>True when they are not equal.</summary>
    static member op_Inequality: left: Traffic * right: Traffic -> bool
