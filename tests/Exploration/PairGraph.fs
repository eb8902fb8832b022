/// All schedules of two joined endpoints: walked to a depth, and every place that any of them leads to.
module FunctionalWs.Exploration.PairGraph

open System.Collections.Generic
open FunctionalWs.Explore
open FunctionalWs.Protocol

let private closureOf (side: JoinedEnd) : Closure option =
    match side.State with
    | State.Draining closure
    | State.Closed closure -> Some closure
    | State.Open _
    | State.CloseSent _ -> None

/// The ends right after their opening handshake.
let start: JoinedEnds =
    JoinedEnds.Create(ConnectionSettings.Server, ConnectionSettings.Client)

let private require (holds: bool) (what: string) =
    if not holds then
        failwith what

/// What one side says of its end is what it and the other have said.
let private checkSide (pair: JoinedEnds) (side: JoinedEnd) (peer: JoinedEnd) =
    match closureOf side with
    | Some(Closure.Clean(received, sent, _)) ->
        require (peer.Said = ValueSome received) "a close frame came that nobody sent"
        require (side.Said = ValueSome sent) "another close frame was sent than it says"
        require (side.Heard = ValueSome received) "the application was told of another close frame"
    | Some(Closure.Failed(_, sent)) ->
        require pair.IsSpoiled "two endpoints broke a rule between them"
        require (side.Said = ValueSome sent) "another close frame was sent than it says"
    | Some(Closure.Abandoned sent) ->
        require (side.Said = ValueSome sent) "another close frame was sent than it says"
    | Some(Closure.Lost sent) ->
        require (side.Said = sent) "another close frame was sent than it says"
        require (pair.IsCut || pair.IsSpoiled) "lost, and nothing broke"
    | None -> ()

let private checkBoth (pair: JoinedEnds) =
    match closureOf pair.Server, closureOf pair.Client with
    | Some(Closure.Clean(received, sent, first)), Some(Closure.Clean(otherReceived, otherSent, otherFirst)) ->
        require (received = otherSent && sent = otherReceived) "they disagree about what was said"
        // Both may have been first, when the frames crossed; not neither.
        require (first.IsLocal || otherFirst.IsLocal) "each says that the other was first"
    | _ -> ()

let check (pair: JoinedEnds) : unit =
    checkSide pair pair.Server pair.Client
    checkSide pair pair.Client pair.Server
    checkBoth pair

    for side in [ pair.Server; pair.Client ] do
        require (Array.forall ((=) 0x41uy) side.Data) "other data than were sent"

    require
        // The end of the stream needs no room.
        ((pair.Waiting Role.Server).Length <= 5 && (pair.Waiting Role.Client).Length <= 5)
        "the wire fills up"

/// Once either side has begun to close, delivering is enough for both to end.
let private checkEnds (pair: JoinedEnds) =
    let isClosing (side: JoinedEnd) = not side.State.IsOpen

    if isClosing pair.Server || isClosing pair.Client || pair.IsCut then
        require ((pair.Settle()).IsOver) "they wait for each other"

let private moves = JoinedEnds.Moves

let private next (pair: JoinedEnds) (move: JoinedMove) : JoinedEnds option =
    match pair.TryTake move with
    | true, after ->
        check after
        Some after
    | false, _ -> None

/// Walks every schedule to this depth, and tells how many steps that took.
let rec walk (depth: int) (pair: JoinedEnds) : int64 =
    if depth = 0 then
        0L
    else
        let mutable steps = 0L

        for move in moves do
            match next pair move with
            | Some after -> steps <- steps + 1L + walk (depth - 1) after
            | None -> ()

        steps

/// Every place that any schedule leads to, and from where.
let everyPlace () : Dictionary<JoinedEnds, List<JoinedEnds>> =
    let from = Dictionary<JoinedEnds, List<JoinedEnds>>()
    let waiting = Queue<JoinedEnds>([ start ])
    from[start] <- List()

    while waiting.Count > 0 do
        let pair = waiting.Dequeue()
        checkEnds pair

        for move in moves do
            match next pair move with
            | None -> ()
            | Some after ->
                match from.TryGetValue after with
                | true, before -> before.Add pair
                | false, _ ->
                    from[after] <- List [ pair ]
                    waiting.Enqueue after

    from

/// How many places there are from which no schedule leads to both being closed.
let deadEnds (places: Dictionary<JoinedEnds, List<JoinedEnds>>) : int =
    let ends = HashSet<JoinedEnds>(places.Keys |> Seq.filter (fun pair -> pair.IsOver))
    let waiting = Queue<JoinedEnds>(ends)

    while waiting.Count > 0 do
        for before in places[waiting.Dequeue()] do
            if ends.Add before then
                waiting.Enqueue before

    places.Count - ends.Count
