/// Every sequence of moves of an endpoint to a depth, each walked by itself; and every place that any sequence without time leads to.
module FunctionalWs.Exploration.LifeWalk

open System.Collections.Generic
open System.Threading
open FunctionalWs.Protocol
open FunctionalWs.Exploration.Arrivals
open FunctionalWs.Exploration.Life

let private takeChecked settings (path: Move list) (place: Place) (move: Move) : Step =
    try
        let step = take settings place move
        LifeInvariants.check settings step
        step
    with error ->
        let path = List.rev (move :: path) |> List.map string
        raise (Walk.BrokenInvariant(error.Message, path))

/// What is asked of a place that more moves lead on from.
let private checkOnTheWay (path: Move list) (step: Step) =
    try
        LifeInvariants.checkCuts step
        LifeInvariants.checkAdopted step
        LifeInvariants.checkFollowed step.After
    with error ->
        raise (Walk.BrokenInvariant(error.Message, List.rev path |> List.map string))

/// A command that was refused changes nothing: what follows is what follows without it.
let private leadsOn (step: Step) =
    match step.Answer with
    | Answer.Sent(_, Error _) -> false
    | Answer.Sent(_, Ok _)
    | Answer.Received _
    | Answer.Ended _
    | Answer.Looked _
    | Answer.Other -> true

let rec private from settings (moves: Move[]) (depth: int) (path: Move list) (place: Place) : int64 =
    let mutable steps = 0L

    for move in moves do
        if isPossible place move then
            let step = takeChecked settings path place move
            steps <- steps + 1L

            if depth > 1 && leadsOn step then
                checkOnTheWay (move :: path) step
                steps <- steps + from settings moves (depth - 1) (move :: path) step.After

    steps

/// Walks every sequence of moves to this depth, and tells how many steps that took.
let walk (alphabet: Alphabet) (role: Role) (start: ConnectionSettings -> Place) (depth: int) : int64 =
    let settings = settingsOf role
    let moves = alphabet role
    let steps = ref 0L
    let first = moves |> Array.filter (isPossible (start settings))

    first
    |> Array.Parallel.iter (fun move ->
        let step = takeChecked settings [] (start settings) move
        let mutable count = 1L

        if depth > 1 && leadsOn step then
            checkOnTheWay [ move ] step
            count <- count + from settings moves (depth - 1) [ move ] step.After

        Interlocked.Add(steps, count) |> ignore)

    steps.Value

/// All that matters of a place without time: the reference's part of it, which the endpoint's agrees with.
let private keyOf (place: Place) =
    struct ({ place.Wire with Units = 0 }, place.Rest, place.HasClosed, place.HalfCloses)

/// How many places there are that bytes, commands and ends lead to, however long the way, and how many steps from them. Each is checked
/// in every way.
let everyPlace (settings: ConnectionSettings) : int * int =
    let moves = bytes settings.Role
    let first = start settings
    let known = HashSet(HashIdentity.Structural)
    let waiting = Queue<Place>([ first ])
    let mutable steps = 0
    known.Add(keyOf first) |> ignore

    while waiting.Count > 0 do
        let place = waiting.Dequeue()

        for move in moves do
            if isPossible place move then
                let step = takeChecked settings [] place move
                checkOnTheWay [ move ] step
                steps <- steps + 1

                if known.Add(keyOf step.After) then
                    waiting.Enqueue step.After

    known.Count, steps
