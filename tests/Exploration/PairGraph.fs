/// All schedules of two joined endpoints: walked to a depth, and every place that any of them leads to.
module FunctionalWs.Exploration.PairGraph

open System.Collections.Generic
open FunctionalWs.Protocol
open FunctionalWs.Exploration.Pair

let private closureOf (side: Side) : Closure option =
    match side.State with
    | State.Draining closure
    | State.Closed closure -> Some closure
    | State.Open _
    | State.CloseSent _ -> None

let private isClosed (side: Side) =
    match side.State with
    | State.Closed _ -> true
    | State.Open _
    | State.CloseSent _
    | State.Draining _ -> false

let isOver (pair: Pair) =
    isClosed pair.Server && isClosed pair.Client

let private require (holds: bool) (what: string) =
    if not holds then
        failwith what

/// What one side says of its end is what it and the other have said.
let private checkSide (pair: Pair) (side: Side) (peer: Side) =
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

let private checkBoth (pair: Pair) =
    match closureOf pair.Server, closureOf pair.Client with
    | Some(Closure.Clean(received, sent, first)), Some(Closure.Clean(otherReceived, otherSent, otherFirst)) ->
        require (received = otherSent && sent = otherReceived) "they disagree about what was said"
        // Both may have been first, when the frames crossed; not neither.
        require (first.IsLocal || otherFirst.IsLocal) "each says that the other was first"
    | _ -> ()

let check (pair: Pair) : unit =
    checkSide pair pair.Server pair.Client
    checkSide pair pair.Client pair.Server
    checkBoth pair

    require
        // The end of the stream needs no room.
        (List.length pair.ToServer <= longest + 1
         && List.length pair.ToClient <= longest + 1)
        "the wire fills up"

/// Delivers everything until nothing is on its way.
let rec settle (pair: Pair) : Pair =
    match take pair (Deliver(Role.Server, Much.Next)) with
    | Some next -> settle next
    | None ->
        match take pair (Deliver(Role.Client, Much.Next)) with
        | Some next -> settle next
        | None -> pair

/// Once either side has begun to close, delivering is enough for both to end.
let private checkEnds (pair: Pair) =
    let isClosing (side: Side) = not side.State.IsOpen

    if isClosing pair.Server || isClosing pair.Client || pair.IsCut then
        require (isOver (settle pair)) "they wait for each other"

let private next (pair: Pair) (move: Move) : Pair option =
    let after = take pair move
    Option.iter check after
    after

/// Walks every schedule to this depth, and tells how many steps that took.
let rec walk (depth: int) (pair: Pair) : int64 =
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
let everyPlace () : Dictionary<Pair, List<Pair>> =
    let from = Dictionary<Pair, List<Pair>>()
    let waiting = Queue<Pair>([ start ])
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
let deadEnds (places: Dictionary<Pair, List<Pair>>) : int =
    let ends = HashSet<Pair>(Seq.filter isOver places.Keys)
    let waiting = Queue<Pair>(ends)

    while waiting.Count > 0 do
        for before in places[waiting.Dequeue()] do
            if ends.Add before then
                waiting.Enqueue before

    places.Count - ends.Count
