// How long things may take, as rules on values: what a time leads to, and when to ask again. No clock is read here, and a message
// costs none: traffic comes in as counters, which are compared when somebody asks.
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

/// <summary>What is to be done at a time. At most one thing: ask again when it is done.</summary>
[<Struct; RequireQualifiedAccess>]
type Due =
    /// <summary>Nothing.</summary>
    | Nothing
    /// <summary>Send a ping, whose payload is the caller's to choose.</summary>
    | Ping
    /// <summary>A limit was passed. Said again each time until something is done about it.</summary>
    | Passed of Limit: Overdue

/// <summary>What has happened on a connection so far, in counters that its owner keeps.</summary>
[<Struct>]
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
}

/// Since when something lasts, and the count of that moment.
[<Struct>]
type internal Since = { At: TimeSpan; Count: int64 }

/// Since when a message arrives, and how many were complete then.
[<Struct>]
type internal Arriving = {
    At: TimeSpan
    Count: int64
    /// What has to be read before it is late: what had come when its time was up. What comes later is late, however much it is.
    Until: int64 voption
}

/// Since when a ping is unanswered, and how things stood then.
[<Struct>]
type internal Pinged = {
    At: TimeSpan
    Received: int64
    Taken: int64
    /// Something waited for the peer. What is written from then on proves nothing: its system takes the ping, too.
    HasWaited: bool
}

[<Struct; RequireQualifiedAccess>]
type internal Phase =
    | Opening of Since: TimeSpan
    | Open of Since: TimeSpan
    | Closing of At: TimeSpan

/// What is being timed. It changes at marks only: when something begins, ends or is due.
type internal Watch = {
    Phase: Phase
    /// The pings that were due so far.
    Pings: int64
    Pinged: Pinged voption
    Message: Arriving voption
    Sending: Since voption
}

/// What the watch has to know of the connection.
[<Struct>]
type internal Condition = {
    IsOpen: bool
    IsClosed: bool
    /// A message, a frame or a header has begun and isn't whole.
    IsUnfinished: bool
    /// Nothing is read, since too much waits unread.
    IsPaused: bool
}

module internal Watch =

    val start: now: TimeSpan -> Watch

    /// What was unfinished is whole, or isn't read: the same object when nothing was timed.
    val withoutMessage: watch: Watch -> Watch
    val opened: now: TimeSpan -> watch: Watch -> Watch

    /// What is due at a time, and what is timed from then on.
    val look:
        now: TimeSpan ->
        timeouts: Timeouts ->
        condition: Condition ->
        traffic: Traffic ->
        watch: Watch ->
            struct (Watch * Due)

    /// When to look again, if nothing happens before; `TimeSpan.MaxValue` for never.
    val deadline: now: TimeSpan -> timeouts: Timeouts -> condition: Condition -> watch: Watch -> TimeSpan
