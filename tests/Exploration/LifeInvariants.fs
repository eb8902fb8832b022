/// What must hold at every step of an endpoint, each said by itself; and that the step is the references'.
module FunctionalWs.Exploration.LifeInvariants

open System
open System.Buffers
open FunctionalWs.Protocol
open FunctionalWs.Exploration.Arrivals
open FunctionalWs.Exploration.History
open FunctionalWs.Exploration.Life

let private require (holds: bool) (what: string) =
    if not holds then
        failwith what

// ---- Bytes

let private toldOf (incoming: Incoming) : Result<Event, ProtocolError> =
    match incoming with
    | Incoming.Nothing -> failwith "nothing isn't told"
    | Incoming.Data(kind, endOfMessage) -> Ok(Event.Data(kind, endOfMessage))
    | Incoming.Ping payload -> Ok(Event.Ping payload)
    | Incoming.Pong payload -> Ok(Event.Pong payload)
    | Incoming.Close status -> Ok(Event.Close status)
    | Incoming.Refused violation -> Error violation.Error

let private isRefused (heard: Heard) = heard.Told |> List.exists _.IsRefused

let private checkAnswers (settings: ConnectionSettings) (heard: Heard) (arrival: WireReference.Arrival) =
    let told = List.map toldOf heard.Told

    if told <> arrival.Told then
        failwith $"told %A{told}, and not %A{arrival.Told}"

    let written =
        Array.concat (List.map (WireReference.bytesOf settings.Role) arrival.Outputs)

    require (heard.Answers.AsSpan().SequenceEqual(ReadOnlySpan written)) "another answer than the reference"
    require (heard.HalfCloses = arrival.HalfCloses) "another half-close than the reference"

/// The place of what breaks a rule lies in the frame that is under way.
let private checkOffset (step: Step) (incoming: Incoming) =
    match incoming with
    | Incoming.Refused violation ->
        let from = step.Before.Arrived - int64 step.Before.Wire.Come.Length
        require (violation.Offset >= from) "the broken rule lies before its frame"
        require (violation.Offset <= step.After.Arrived) "the broken rule lies in what hasn't come"
    | Incoming.Nothing
    | Incoming.Data _
    | Incoming.Ping _
    | Incoming.Pong _
    | Incoming.Close _ -> ()

let private checkData
    (settings: ConnectionSettings)
    (step: Step)
    (heard: Heard)
    (arrival: WireReference.Arrival)
    =
    // What came of a message that ends with the connection is void.
    if Reference.isLive step.After.Wire.Model then
        let has = Array.append step.Before.Delivered heard.Data
        let expected = Array.append (Array.concat arrival.Data) step.After.Delivered
        require (has.AsSpan().SequenceEqual(ReadOnlySpan expected)) "other data than came"

    for message in arrival.Data do
        require
            (int64 message.Length <= settings.Limits.MaxMessageSize)
            "a message over the limit was delivered"

    let kinds =
        arrival.Told
        |> List.choose (fun told ->
            match told with
            | Ok(Event.Data(kind, true)) -> Some kind
            | Ok _
            | Error _ -> None)

    for kind, message in List.zip kinds arrival.Data do
        require
            (kind.IsBinary
             || not settings.ValidateText
             || Text.Unicode.Utf8.IsValid(ReadOnlySpan message))
            "text that is not UTF-8 was delivered"

let private checkTwin (heard: Heard) (twin: Heard) =
    require (heard.Told = twin.Told) "single bytes are told otherwise"

    require
        (heard.Answers.AsSpan().SequenceEqual(ReadOnlySpan twin.Answers))
        "single bytes are answered otherwise"

    require (heard.HalfCloses = twin.HalfCloses) "single bytes lead to another half-close"

    if not (isRefused heard) then
        require (heard.Data.AsSpan().SequenceEqual(ReadOnlySpan twin.Data)) "single bytes lead to other data"

// ---- What is written, and how it ends

let private isClosed (state: State) =
    match state with
    | State.Closed _ -> true
    | State.Open _
    | State.CloseSent _
    | State.Draining _ -> false

/// RFC 6455 §5.5.2: nothing after a close frame but pongs, and those until the peer's has come.
let private checkWritten (before: Place) (outputs: Output list) =
    let mutable hasClosed = before.HasClosed

    let mutable isAwaited =
        before.Endpoint.State.IsOpen || before.Endpoint.State.IsCloseSent

    for output in outputs do
        match output with
        | Output.Pong _ -> require (not hasClosed || isAwaited) "a pong to a peer that has closed"
        | Output.Close _ ->
            require (not hasClosed) "a second close frame"
            hasClosed <- true
            isAwaited <- false
        | Output.Data _
        | Output.Ping _ -> require (not hasClosed) "something was written after the close frame"

let private outputsOf (answer: Answer) : Output list =
    match answer with
    | Answer.Received(_, _, arrival) -> arrival.Outputs
    | Answer.Sent(step, _) -> ValueOption.toList step.Output
    | Answer.Ended _
    | Answer.Looked _
    | Answer.Other -> []

let private checkEnds (step: Step) =
    let before, after = step.Before, step.After
    require (after.HalfCloses <= 1) "our side was ended twice"
    require (not after.Endpoint.IsClosed || after.HalfCloses = 1) "closed, and our side was never ended"

    require
        (not (isClosed before.Endpoint.State)
         || after.Endpoint.State = before.Endpoint.State)
        "a closed connection changed"

    match after.Endpoint.State with
    | State.Open _ -> require (not after.HasClosed) "open after a close frame"
    | State.CloseSent _
    | State.Draining _ -> require after.HasClosed "closing without a close frame"
    | State.Closed _ -> ()

let private checkState (settings: ConnectionSettings) (place: Place) (endpoint: WebSocketEndpoint) =
    let model = {
        place.Wire.Model with
            Receiving = place.Wire.Message
    }

    if not (Reference.agrees settings model endpoint.State) then
        failwith $"another state than the reference: {endpoint.State}"

    require
        (endpoint.IsUnfinished = WireReference.isUnfinished place.Wire)
        "unfinished or not, and the reference not"

    require (endpoint.IsReceivingOver = not (Reference.isLive model)) "receiving is over or not"
    require (endpoint.IsClosed = isClosed endpoint.State) "closed or not"
    require (endpoint.Reading.Equals(History.reading place.Asked)) "other reading than the history says"

    match endpoint.State with
    | State.Open(ValueSome message, _)
    | State.CloseSent(_, ValueSome message) ->
        require (message.Size <= settings.Limits.MaxMessageSize) "a message is over its limit"
        require (message.FragmentSize <= settings.Limits.MaxFragmentSize) "a frame is over its limit"
        require (message.Fragments <= settings.Limits.MaxFragments) "there are too many frames"
        require (message.Text.MissingBytes <= 3) "a character owes too much"
    | State.Open(ValueNone, _)
    | State.CloseSent(_, ValueNone)
    | State.Draining _
    | State.Closed _ -> ()

let private checkCode (state: State) =
    match state with
    | State.Draining(Closure.Failed(error, sent)) when sent.Number <> 1001 ->
        require (sent.Number = Invariants.closeCodeOf error) "a failure has another close code"
        require (CloseCode.IsValid sent.Number) "the close code may not go on the wire"
        require (sent.ToArray().Length <= 125) "the close frame is too long"
    | State.Draining _
    | State.Open _
    | State.CloseSent _
    | State.Closed _ -> ()

// ---- Waiting

/// What waits stays within the marks: from a full one on nothing is read, until half of it is gone.
let private checkReading (place: Place) (unread: Unread) =
    let reading = place.Endpoint.Reading

    if place.Endpoint.State.IsOpen then
        require (unread.Cost < 1_000L || reading.IsStop) "reads on over the mark"
        require (unread.Messages < 4 || not reading.IsOn) "reads messages on over the mark"
        require (unread.Cost > 500L || not reading.IsStop) "stops below half"
        require (unread.Messages > 1 || unread.Cost > 500L || reading.IsOn) "pauses below the low marks"
    else
        require reading.IsOn "a closing is held up"

// ---- Time

let private wasAt (now: TimeSpan) (limit: TimeSpan) (at: TimeSpan) = now - at >= limit

/// Something had come that no one has read since.
let private hasUnread (place: Place) =
    place.Looks
    |> List.exists (fun look ->
        look.Traffic.Unread > 0L
        && look.Traffic.Received + look.Traffic.Unread > place.Traffic.Received)

/// Each by what happened, not by what was seen of it.
let private checkPassed (place: Place) (overdue: Overdue) =
    let now = place.Now
    let isPaused = (History.reading place.Asked).IsStop

    match overdue with
    | Overdue.Opening -> require (place.OpenedAt.IsNone && now >= History.opening) "opening late too soon"
    | Overdue.Closing ->
        require (place.ClosingAt |> ValueOption.exists (wasAt now History.closing)) "closing late too soon"
    | Overdue.Ping ->
        require (wasAt now History.ping place.LifeAt) "an active peer was called silent"
        require (not (isExcused (lookOf place))) "a peer that isn't read was called silent"
    | Overdue.Message ->
        require (WireReference.isUnfinished place.Wire) "late, and nothing is unfinished"
        require (wasAt now History.message place.BegunAt) "a message was late before its time"
        require (not isPaused) "a message that isn't read was called late"

        require
            (place.StoppedAt |> ValueOption.forall (wasAt now History.message))
            "pausing has made a message late"
    | Overdue.Sending ->
        require place.Traffic.IsSending "stuck, and nothing waits"

        let taken =
            place.Looks |> List.filter (fun look -> wasAt now History.sending look.At)

        require
            (taken |> List.exists (fun look -> look.Traffic.Taken = place.Traffic.Taken))
            "stuck, and the peer has taken something"

/// A limit that has been running, at every look, for as long as it is, is passed.
let private checkForgotten (place: Place) (due: Due) =
    let now = place.Now

    let runs limit (holds: Look -> bool) =
        let run = List.takeWhile holds place.Looks
        not run.IsEmpty && wasAt now limit (List.last run).At

    if place.OpenedAt.IsNone then
        require (now < History.opening || due.IsPassed) "the opening's deadline was forgotten"
    elif not place.Endpoint.IsClosed then
        let traffic = place.Traffic

        let isStuck (look: Look) =
            look.Traffic.IsSending
            && look.Traffic.Taken = traffic.Taken
            && look.Traffic.Sent = traffic.Sent

        let isLate (look: Look) =
            isArriving look && look.Unit = place.Wire.Units && look.Stops = place.Stops

        let isOpen = place.Endpoint.State.IsOpen

        require
            (not isOpen || not (runs History.sending isStuck) || due.IsPassed)
            "sending's deadline was forgotten"

        require
            (not isOpen
             || hasUnread place
             || not (runs History.message isLate)
             || due.IsPassed)
            "a message's deadline was forgotten"

        require
            (isOpen
             || not (runs History.closing (fun look -> not look.IsOpen))
             || due.IsPassed)
            "closing's deadline was forgotten"

let private isSaid (endpoint: WebSocketEndpoint) (at: TimeSpan) (traffic: Traffic) =
    match endpoint.Tick(at, traffic).Due with
    | Due.Nothing -> false
    | Due.Ping
    | Due.Passed _ -> true

/// A message's time was up while something was unread: it is late once that is read, which may be at any time.
let private isBeingRead (place: Place) =
    place.Looks
    |> List.exists (fun look -> look.IsUnfinished && look.Traffic.Unread > 0L)

/// Before the deadline there is nothing to say, whatever happens on the stream.
let private checkDeadline (place: Place) =
    let deadline = place.Endpoint.Deadline place.Now
    let traffic = place.Traffic

    let others = [
        traffic
        {
            traffic with
                Received = traffic.Received + 1L
        }
        {
            traffic with
                IsSending = not traffic.IsSending
        }
        {
            traffic with
                Unread = 1L - traffic.Unread
        }
    ]

    let mutable at = place.Now

    while at < deadline && at < place.Now + TimeSpan.FromSeconds 8.0 do
        for traffic in others do
            require (not (isSaid place.Endpoint at traffic)) "the deadline lies after what there is to say"

        at <- at + TimeSpan.FromSeconds 1.0

    if deadline < TimeSpan.MaxValue && deadline > place.Now then
        for traffic in others do
            require
                (not (isSaid place.Endpoint (deadline - TimeSpan.FromTicks 1L) traffic))
                "the deadline lies after what there is to say"

let private checkLook (step: Step) (due: Due) (expected: Due) =
    if not (due.Equals expected) then
        failwith $"%A{due} is due, and %A{expected} by the history"

    match due with
    | Due.Passed overdue -> checkPassed step.After overdue
    | Due.Ping -> require step.After.Endpoint.State.IsOpen "a ping while closing"
    | Due.Nothing ->
        let now = step.After.Now
        require (step.After.Endpoint.Deadline now > now) "nothing is due, and the deadline is over"

    checkForgotten step.After due

// ---- All

let private checkExpected (expected: Reference.Expected) output halfClose =
    require (output = expected.Output) "another output than the reference"
    require (halfClose = expected.HalfClose) "another half-close than the reference"

let private checkAnswer settings (step: Step) =
    match step.Answer with
    | Answer.Received(heard, twin, arrival) ->
        checkAnswers settings heard arrival
        checkTwin heard twin
        checkData settings step heard arrival
        List.iter (checkOffset step) heard.Told
    | Answer.Ended(ended, expected) ->
        checkExpected expected ValueNone ended.HalfClose
        require step.After.Endpoint.IsClosed "the end of the stream didn't end it"
    | Answer.Sent(sent, Ok expected) ->
        require sent.Refused.IsNone "a command was refused that shouldn't be"
        checkExpected expected sent.Output sent.HalfClose
    | Answer.Sent(sent, Error error) ->
        require (sent.Refused = ValueSome error) "another refusal than the reference"
        require (obj.ReferenceEquals(sent.Next, step.Before.Endpoint)) "a refusal changed something"
    | Answer.Looked(due, twin, expected) ->
        require (due.Equals twin) "single bytes lead to another deadline"
        checkLook step due expected
    | Answer.Other -> ()

let check (settings: ConnectionSettings) (step: Step) : unit =
    checkAnswer settings step
    checkWritten step.Before (outputsOf step.Answer)
    checkEnds step
    checkState settings step.After step.After.Endpoint
    checkState settings step.After step.After.Twin
    checkCode step.After.Endpoint.State

    if not (isBeingRead step.After) then
        checkDeadline step.After

    match step.Move with
    | ReadOn unread -> checkReading step.After unread
    | Frames _
    | Begin _
    | OneMore
    | TheRest _
    | EndOfStream
    | SendingEnded
    | Send _
    | Opened
    | Look _
    | Wait _
    | Traffic _ -> ()

// ---- What costs more, and is asked of the places on the way

let private asHeard (place: Place) (pieces: byte[] list) (whole: Heard) =
    let heard = hear true place.Endpoint place.Arrived pieces
    checkTwin whole heard
    require (heard.Next.State = whole.Next.State) "bytes that are cut lead to another state"
    require (heard.Next.IsUnfinished = whole.Next.IsUnfinished) "bytes that are cut end elsewhere"

/// Cut in two anywhere, bytes lead where they lead together.
let checkCuts (step: Step) : unit =
    match step.Move, step.Answer with
    | Frames(_, bytes), Answer.Received(heard, _, _) ->
        for at in 1 .. bytes.Length - 1 do
            asHeard step.Before [ bytes[.. at - 1]; bytes[at..] ] heard
    | _ -> ()

/// What may happen on other threads while bytes are taken.
let private crossings (place: Place) : WebSocketEndpoint list = [
    let endpoint = place.Endpoint
    let soon = place.Now + TimeSpan.FromSeconds 1.0

    for command in Place.commands do
        endpoint.Send(command).Next

    endpoint.SendingEnded()
    endpoint.Tick(place.Now, place.Traffic).Next
    endpoint.Tick(soon, { place.Traffic with IsSending = true }).Next

    endpoint.ReadOn {
        Messages = 4
        Bytes = 0L
        Fragments = 0
    }

    endpoint.ReadOn {
        Messages = 0
        Bytes = 2_000L
        Fragments = 0
    }

    endpoint.ReadOn {
        Messages = 0
        Bytes = 0L
        Fragments = 0
    }
]

/// What is due later on, and when: all that there is to see of what is timed.
let private times (place: Place) (endpoint: WebSocketEndpoint) = [
    endpoint.Deadline place.Now, Due.Nothing

    for second in 1..8 do
        let at = place.Now + TimeSpan.FromSeconds(float second)
        endpoint.Deadline at, endpoint.Tick(at, place.Traffic).Due
]

let private receive (endpoint: WebSocketEndpoint) (bytes: byte[]) =
    let answers = Sink false

    let step =
        endpoint.Receive(ReadOnlySpan bytes, Sink false, answers, WireReference.key, decoder ())

    step, answers.Written

let private checkCrossing (place: Place) (bytes: byte[]) (early: ReceiveStep) (later: WebSocketEndpoint) =
    if not later.IsReceivingOver then
        let late, written = receive later bytes
        let answers = Sink false
        let adopted = later.Adopt(early, answers, WireReference.key)
        require (adopted.Next.State = late.Next.State) "taken over, it leads to another state"
        require (adopted.Incoming = late.Incoming) "taken over, it tells something else"
        require (adopted.Consumed = late.Consumed) "taken over, it takes another count of bytes"
        require (adopted.HalfClose = late.HalfClose) "taken over, it ends our side otherwise"

        require
            (answers.Written.AsSpan().SequenceEqual(ReadOnlySpan written))
            "taken over, it is answered otherwise"

        require (adopted.Next.IsUnfinished = late.Next.IsUnfinished) "taken over, it is unfinished or not"
        require (adopted.Next.Reading.Equals late.Next.Reading) "taken over, it reads on otherwise"
        require (times place adopted.Next = times place late.Next) "taken over, it is timed otherwise"

let private checkEndCrossing (place: Place) (early: ReceiveStep) (later: WebSocketEndpoint) =
    let late = later.EndOfStream()
    let answers = Sink false
    let adopted = later.Adopt(early, answers, WireReference.key)
    require (adopted.Next.State = late.Next.State) "taken over, the end leads to another state"
    require (adopted.HalfClose = late.HalfClose) "taken over, the end ends our side otherwise"
    require (adopted.Next.IsClosed && answers.Written.Length = 0) "taken over, the end isn't one"
    require (times place adopted.Next = times place late.Next) "taken over, the end is timed otherwise"

/// A step that was made while another was, is taken over as if it came after that one.
let checkAdopted (step: Step) : unit =
    match step.Move with
    | Frames(_, bytes)
    | Begin(_, bytes, _) ->
        let early, _ = receive step.Before.Endpoint bytes
        List.iter (checkCrossing step.Before bytes early) (crossings step.Before)
    | EndOfStream ->
        let early = step.Before.Endpoint.EndOfStream()
        List.iter (checkEndCrossing step.Before early) (crossings step.Before)
    | _ -> ()

/// Whoever only looks when told to finds a limit that runs, within two of its times and an eighth.
let checkFollowed (place: Place) : unit =
    let endpoint = place.Endpoint
    let traffic = place.Traffic
    let look = lookOf place

    let limit =
        if endpoint.IsClosed then
            TimeSpan.MaxValue
        elif place.OpenedAt.IsNone then
            History.opening
        elif not endpoint.State.IsOpen then
            History.closing
        elif traffic.IsSending then
            History.sending
        elif isArriving look && traffic.Unread = 0L then
            History.message
        else
            TimeSpan.MaxValue

    let rec follow (endpoint: WebSocketEndpoint) (now: TimeSpan) (looks: int) : TimeSpan =
        let deadline = endpoint.Deadline now

        if deadline = TimeSpan.MaxValue || looks = 200 then
            TimeSpan.MaxValue
        else
            let now = max now deadline
            let step = endpoint.Tick(now, traffic)

            match step.Due with
            | Due.Passed _ -> now
            | Due.Nothing
            | Due.Ping -> follow step.Next now (looks + 1)

    if limit < TimeSpan.MaxValue then
        // A look that finds that something has moved starts anew, and until it no look was due.
        require
            (follow endpoint place.Now 0 <= place.Now + limit + limit + limit / 8.0)
            "a limit that runs is forgotten"
