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

    let start (now: TimeSpan) : Watch = {
        Phase = Phase.Opening now
        Pings = 0L
        Pinged = ValueNone
        Message = ValueNone
        Sending = ValueNone
    }

    /// What was unfinished is whole, or isn't read: the same object when nothing was timed.
    let withoutMessage (watch: Watch) : Watch =
        match watch.Message with
        | ValueSome _ -> { watch with Message = ValueNone }
        | ValueNone -> watch

    let opened (now: TimeSpan) (watch: Watch) : Watch = { watch with Phase = Phase.Open now }

    let private hasPassed (now: TimeSpan) (since: TimeSpan) (limit: TimeSpan) =
        limit < TimeSpan.MaxValue && Saturating.between since now >= limit

    /// What the peer has said or would say isn't read: it can't be called silent. But one that takes nothing either, so that
    /// we can't read on, isn't excused by what it once sent.
    let private isExcused (condition: Condition) (traffic: Traffic) : bool =
        if condition.IsPaused then
            not traffic.IsSending
        else
            traffic.Unread > 0L

    // ---- One limit each: the watch as it is after a look, the same object when nothing has begun or ended

    let private lookAtPing (condition: Condition) (traffic: Traffic) (watch: Watch) : Watch =
        match watch.Pinged with
        | ValueSome pinged when
            isExcused condition traffic
            || pinged.Received <> traffic.Received
            || pinged.HasWaited && pinged.Taken <> traffic.Taken
              ->
              { watch with Pinged = ValueNone }
        | ValueSome _
        | ValueNone -> watch

    let private lookAtMessage
        (now: TimeSpan)
        (timeouts: Timeouts)
        (condition: Condition)
        (traffic: Traffic)
        (watch: Watch)
        : Watch =
        let isArriving =
            condition.IsUnfinished
            && not condition.IsPaused
            && timeouts.Message < TimeSpan.MaxValue

        match watch.Message with
        | _ when not isArriving -> withoutMessage watch
        | ValueSome since when since.Count = traffic.Messages -> watch
        | ValueSome _
        | ValueNone -> {
            watch with
                Message =
                    ValueSome {
                        At = now
                        Count = traffic.Messages
                        Until = ValueNone
                    }
          }

    /// When its time is up, what has come by then may be the rest of it: that is read first, and what comes later isn't waited for.
    let private lookAtRest (now: TimeSpan) (timeouts: Timeouts) (traffic: Traffic) (watch: Watch) : Watch =
        match watch.Message with
        | ValueSome since when
            since.Until.IsNone
            && traffic.Unread > 0L
            && hasPassed now since.At timeouts.Message
              ->
              {
                  watch with
                      Message =
                          ValueSome {
                              since with
                                  Until = ValueSome(Saturating.sum traffic.Received traffic.Unread)
                          }
              }
        | ValueSome _
        | ValueNone -> watch

    let private lookAtSending (now: TimeSpan) (timeouts: Timeouts) (traffic: Traffic) (watch: Watch) : Watch =
        let isWaiting = traffic.IsSending && timeouts.Sending < TimeSpan.MaxValue

        match watch.Sending with
        | ValueSome _ when not isWaiting -> { watch with Sending = ValueNone }
        | ValueSome since when since.Count = traffic.Taken + traffic.Sent -> watch
        | ValueNone when not isWaiting -> watch
        | ValueSome _
        | ValueNone -> {
            watch with
                Sending =
                    ValueSome {
                        At = now
                        Count = traffic.Taken + traffic.Sent
                    }
          }

    // ---- What is due

    /// Fixed points in time: a late look delays one ping, not all that follow.
    let private pingsUntil (now: TimeSpan) (timeouts: Timeouts) (since: TimeSpan) : int64 =
        if timeouts.PingInterval = TimeSpan.MaxValue then
            0L
        else
            (Saturating.between since now).Ticks / timeouts.PingInterval.Ticks

    let private ping
        (now: TimeSpan)
        (timeouts: Timeouts)
        (condition: Condition)
        (traffic: Traffic)
        (since: TimeSpan)
        (watch: Watch)
        : struct (Watch * Due) =
        let pings = pingsUntil now timeouts since

        if pings <= watch.Pings then
            struct (watch, Due.Nothing)
        else
            let pinged =
                match watch.Pinged with
                // No answer is awaited that would not be read.
                | ValueNone when isExcused condition traffic -> ValueNone
                | ValueSome pinged -> ValueSome pinged
                | ValueNone ->
                    ValueSome {
                        At = now
                        Received = traffic.Received
                        Taken = traffic.Taken
                        HasWaited = traffic.Untaken > 0L
                    }

            struct ({
                        watch with
                            Pings = pings
                            Pinged = pinged
                    },
                    Due.Ping)

    let private isOver (now: TimeSpan) (since: Since voption) (limit: TimeSpan) : bool =
        match since with
        | ValueSome since -> hasPassed now since.At limit
        | ValueNone -> false

    let private isLate (now: TimeSpan) (timeouts: Timeouts) (traffic: Traffic) (watch: Watch) : bool =
        match watch.Message with
        | ValueSome since ->
            hasPassed now since.At timeouts.Message
            && ValueOption.forall (fun until -> traffic.Received >= until) since.Until
        | ValueNone -> false

    let private isSilent (now: TimeSpan) (timeouts: Timeouts) (watch: Watch) : bool =
        match watch.Pinged with
        | ValueSome pinged -> hasPassed now pinged.At timeouts.Ping
        | ValueNone -> false

    let private lookOpen
        (now: TimeSpan)
        (timeouts: Timeouts)
        (condition: Condition)
        (traffic: Traffic)
        (since: TimeSpan)
        (watch: Watch)
        : struct (Watch * Due) =
        let watch =
            watch
            |> lookAtPing condition traffic
            |> lookAtMessage now timeouts condition traffic
            |> lookAtRest now timeouts traffic
            |> lookAtSending now timeouts traffic

        if isSilent now timeouts watch then
            struct (watch, Due.Passed Overdue.Ping)
        elif isOver now watch.Sending timeouts.Sending then
            struct (watch, Due.Passed Overdue.Sending)
        elif isLate now timeouts traffic watch then
            struct (watch, Due.Passed Overdue.Message)
        else
            ping now timeouts condition traffic since watch

    let private passed (now: TimeSpan) (since: TimeSpan) (limit: TimeSpan) (overdue: Overdue) : Due =
        if hasPassed now since limit then
            Due.Passed overdue
        else
            Due.Nothing

    /// What is due at a time, and what is timed from then on.
    let look
        (now: TimeSpan)
        (timeouts: Timeouts)
        (condition: Condition)
        (traffic: Traffic)
        (watch: Watch)
        : struct (Watch * Due) =
        match watch.Phase with
        | _ when condition.IsClosed -> struct (watch, Due.Nothing)
        | Phase.Opening since -> struct (watch, passed now since timeouts.Opening Overdue.Opening)
        | Phase.Open since when condition.IsOpen -> lookOpen now timeouts condition traffic since watch
        | Phase.Open _ -> struct ({ watch with Phase = Phase.Closing now }, Due.Nothing)
        | Phase.Closing since -> struct (watch, passed now since timeouts.Closing Overdue.Closing)

    // ---- When to ask again

    /// What is being timed ends then; what isn't yet is looked for eight times a limit.
    let private until (now: TimeSpan) (since: TimeSpan voption) (limit: TimeSpan) : TimeSpan =
        match since with
        | ValueSome since -> Saturating.later since limit
        | ValueNone when limit = TimeSpan.MaxValue -> TimeSpan.MaxValue
        | ValueNone -> Saturating.later now (limit / 8.0)

    let private nextPing (timeouts: Timeouts) (since: TimeSpan) (watch: Watch) : TimeSpan =
        if timeouts.PingInterval = TimeSpan.MaxValue then
            TimeSpan.MaxValue
        else
            Saturating.laterBy since timeouts.PingInterval (watch.Pings + 1L)

    /// When to look again, if nothing happens before; `TimeSpan.MaxValue` for never.
    let deadline (now: TimeSpan) (timeouts: Timeouts) (condition: Condition) (watch: Watch) : TimeSpan =
        match watch.Phase with
        | _ when condition.IsClosed -> TimeSpan.MaxValue
        | Phase.Opening since -> Saturating.later since timeouts.Opening
        | Phase.Open _ when not condition.IsOpen -> now
        | Phase.Open since ->
            let ping =
                match watch.Pinged with
                | ValueSome pinged ->
                    min (Saturating.later pinged.At timeouts.Ping) (nextPing timeouts since watch)
                | ValueNone -> nextPing timeouts since watch

            // What had come when its time was up is being read: then there is nothing to wait for but that.
            let begun =
                match watch.Message with
                | ValueSome since when since.Until.IsNone -> ValueSome since.At
                | ValueSome _
                | ValueNone -> ValueNone

            let stuck = watch.Sending |> ValueOption.map (fun (since: Since) -> since.At)
            let sending = until now stuck timeouts.Sending

            if condition.IsUnfinished then
                min (min ping sending) (until now begun timeouts.Message)
            else
                min ping sending
        | Phase.Closing since -> Saturating.later since timeouts.Closing
