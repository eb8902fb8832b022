// How long things may take, as rules on values: what a time leads to, and when to ask again. No clock is read here, and a message
// costs none: traffic comes in as counters, which are compared when somebody asks.
namespace FunctionalWs.Protocol

open System

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
