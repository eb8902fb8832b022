/// Time and reading ahead once more, from the list of all that was asked: nothing is carried along, so nothing can be forgotten.
module FunctionalWs.Exploration.History

open System
open FunctionalWs.Protocol

/// One call of `Tick`, and how things stood.
type Look = {
    At: TimeSpan
    IsOpen: bool
    IsPaused: bool
    IsUnfinished: bool
    /// Which message or frame it is that is unfinished.
    Unit: int
    /// How often reading has stopped until then.
    Stops: int
    Traffic: Traffic
    Due: Due
}

let opening = TimeSpan.FromSeconds 5.0
let closing = TimeSpan.FromSeconds 3.0
let interval = TimeSpan.FromSeconds 4.0
let ping = TimeSpan.FromSeconds 3.0
let message = TimeSpan.FromSeconds 6.0
let sending = TimeSpan.FromSeconds 5.0

let timeouts =
    Timeouts.Never
        .WithOpening(opening)
        .WithClosing(closing)
        .WithPing(interval, ping)
        .WithMessage(message)
        .WithSending(sending)

let isExcused (look: Look) : bool =
    if look.IsPaused then
        not look.Traffic.IsSending
    else
        look.Traffic.Unread > 0L

let isArriving (look: Look) : bool = look.IsUnfinished && not look.IsPaused

let private isSame (measure: Look -> 'measure) (now: Look) (look: Look) = measure look = measure now

/// The looks since when all has been the same, the last first; none when it isn't so now.
let private since (holds: Look -> bool) (measure: Look -> 'measure) (looks: Look list) : Look list =
    match looks with
    | [] -> []
    | now :: _ -> List.takeWhile (fun look -> holds look && isSame measure now look) looks

/// The look at which the ping was sent that is unanswered at the last one.
let pinged (looks: Look list) : Look option =
    let isAlive (ping: Look) (look: Look) =
        isExcused look
        || look.Traffic.Received <> ping.Traffic.Received
        || ping.Traffic.Untaken > 0L && look.Traffic.Taken <> ping.Traffic.Taken

    let step (look: Look) (ping: Look option) =
        match ping |> Option.filter (fun ping -> not (isAlive ping look)) with
        | None when look.Due.IsPing && not (isExcused look) -> Some look
        | ping -> ping

    List.foldBack step looks None

let late (looks: Look list) : Look list =
    since isArriving (fun look -> look.Unit, look.Stops) looks

let stuck (looks: Look list) : Look list =
    since (fun look -> look.Traffic.IsSending) (fun look -> look.Traffic.Taken, look.Traffic.Sent) looks

let private lasts (now: TimeSpan) (limit: TimeSpan) (looks: Look list) : bool =
    match List.tryLast looks with
    | Some first -> now - first.At >= limit
    | None -> false

let private isSilent (now: TimeSpan) (looks: Look list) : bool =
    pinged looks |> Option.exists (fun look -> now - look.At >= ping)

/// What had come unread when its time was up is read first.
let private isLate (now: Look) (looks: Look list) : bool =
    let arriving = late looks

    match List.tryLast arriving with
    | None -> false
    | Some first ->
        let isUp (look: Look) = look.At - first.At >= message

        let unread =
            arriving
            |> List.filter (fun look -> isUp look && look.Traffic.Unread > 0L)
            |> List.tryLast

        isUp now
        && unread
           |> Option.forall (fun look -> now.Traffic.Received >= look.Traffic.Received + look.Traffic.Unread)

/// A mark of the keepalive lies between the last ping and now.
let private isPingDue (now: TimeSpan) (opened: TimeSpan) (looks: Look list) : bool =
    let last =
        looks
        |> List.tryFind (fun look -> look.Due.IsPing)
        |> Option.map (fun look -> look.At)
        |> Option.defaultValue opened

    Seq.initInfinite (fun i -> opened + interval * float (i + 1))
    |> Seq.takeWhile (fun mark -> mark <= now)
    |> Seq.exists (fun mark -> mark > last)

/// What is due at a look. `before` are the looks since the opening handshake, the last one first.
let due
    (created: TimeSpan)
    (opened: TimeSpan voption)
    (isClosed: bool)
    (before: Look list)
    (now: Look)
    : Due =
    match opened with
    | _ when isClosed -> Due.Nothing
    | ValueNone when now.At - created >= opening -> Due.Passed Overdue.Opening
    | ValueNone -> Due.Nothing
    | ValueSome _ when not now.IsOpen ->
        let closes = List.takeWhile (fun look -> not look.IsOpen) (now :: before)

        if lasts now.At closing closes then
            Due.Passed Overdue.Closing
        else
            Due.Nothing
    | ValueSome opened ->
        let looks = now :: before

        if isSilent now.At looks then
            Due.Passed Overdue.Ping
        elif lasts now.At sending (stuck looks) then
            Due.Passed Overdue.Sending
        elif isLate now looks then
            Due.Passed Overdue.Message
        elif isPingDue now.At opened before then
            Due.Ping
        else
            Due.Nothing

// ---- Reading ahead

/// One call of `ReadOn`, and whether the connection was open.
type Asked = { IsOpen: bool; Unread: Unread }

let marks = ReadAhead.Create(4, 1, 1_000L)

let private cost (unread: Unread) =
    unread.Bytes + 64L * int64 unread.Messages + 8L * int64 unread.Fragments

let private isFull (asked: Asked) = cost asked.Unread >= 1_000L
let private isHalf (asked: Asked) = cost asked.Unread > 500L
let private isHigh (asked: Asked) = asked.Unread.Messages >= 4

let private isLow (asked: Asked) =
    asked.Unread.Messages <= 1 && not (isHalf asked)

/// The calls up to the last of this kind, if all since then have been of that one.
let private hasLasted (began: Asked -> bool) (stays: Asked -> bool) (asked: Asked list) : bool =
    let after = List.takeWhile (began >> not) asked
    after.Length < asked.Length && List.forall stays after

/// What the last of these calls answers, the last first.
let reading (asked: Asked list) : Reading =
    match asked with
    | [] -> Reading.On
    | last :: _ when not last.IsOpen -> Reading.On
    | _ when hasLasted isFull isHalf asked -> Reading.Stop
    | _ when hasLasted (fun asked -> isFull asked || isHigh asked) (isLow >> not) asked -> Reading.ControlOnly
    | _ -> Reading.On
