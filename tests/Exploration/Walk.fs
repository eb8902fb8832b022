/// Every sequence of moves to a depth, each walked by itself; and every place that any sequence leads to.
module FunctionalWs.Exploration.Walk

open System.Collections.Generic
open FunctionalWs.Explore
open FunctionalWs.Protocol
open FunctionalWs.Exploration.Place

exception BrokenInvariant of What: string * Path: string list with
    override this.Message = sprintf "%s, after: %s" this.What (String.concat "; " this.Path)

let private takeChecked settings (path: Move list) (place: Place) (move: Move) : Step =
    try
        let step = take settings place move
        Invariants.check settings move step
        step
    with error ->
        let path = List.rev (move :: path) |> List.map string
        raise (BrokenInvariant(error.Message, path))

/// The places that a sequence leads to from the start, once more and by itself.
let private replay settings (path: Move list) : Place =
    List.rev path
    |> List.fold (fun place move -> (take settings place move).After) start

let rec private from settings (moves: Move[]) (depth: int) (path: Move list) (place: Place) : int64 =
    let mutable steps = 0L

    for move in moves do
        let step = takeChecked settings path place move
        steps <- steps + 1L

        // A refused command changes nothing: what follows is what follows without it.
        if depth > 1 && step.Answer.IsOk then
            steps <- steps + from settings moves (depth - 1) (move :: path) step.After

        if depth = 2 && replay settings (move :: path) <> step.After then
            raise (BrokenInvariant("again, it led elsewhere", path |> List.rev |> List.map string))

    steps

/// Walks every sequence of moves to this depth, and tells how many steps that took.
let walk (settings: ConnectionSettings) (depth: int) : int64 =
    from settings (Moves.all settings.Role) depth [] start

/// Every step from every place that can be reached, however long the way: there are finitely many.
let everyStep (settings: ConnectionSettings) : Step list =
    let moves = Moves.all settings.Role
    let known = HashSet<Place>([ start ])
    let waiting = Queue<Place>([ start ])
    let steps = List<Step>()

    while waiting.Count > 0 do
        let place = waiting.Dequeue()

        for move in moves do
            let step = takeChecked settings [] place move
            steps.Add step

            if known.Add step.After then
                waiting.Enqueue step.After

    List.ofSeq steps

/// How many places the steps lead from.
let placesOf (steps: Step list) : int =
    steps |> Seq.map (fun step -> step.Before) |> Seq.distinct |> Seq.length
