/// Where an exploration is, and one step from there: the core's and the reference's, side by side.
module FunctionalWs.Exploration.Place

open System
open FunctionalWs.Explore
open FunctionalWs.Protocol

type Place = {
    State: State
    Model: Reference.Model
    /// True once a close frame was written.
    HasClosed: bool
}

/// What a move was answered with, and what the reference says it has to be.
[<NoComparison; NoEquality>]
type Step = {
    Before: Place
    Explored: ExploredStep
    /// None when a command was refused.
    Answer: Result<Transition, SendError>
    Expected: Result<Reference.Expected, SendError>
    After: Place
}

let start: Place = {
    State = Connection.start
    Model = Reference.start
    HasClosed = false
}

/// The commands of the alphabet.
let commands: Command list = [
    for move in Moves.all Role.Server do
        match move with
        | Move.Send command -> command
        | Move.Frame _
        | Move.Undecodable _
        | Move.EndOfStream -> ()
]

let private isClose (output: Output voption) =
    match output with
    | ValueSome(Output.Close _) -> true
    | ValueSome _
    | ValueNone -> false

let private stepOf (place: Place) (explored: ExploredStep) expected : Step =
    let answer =
        match explored.Result with
        | SendResult.Accepted transition -> Ok transition
        | SendResult.Refused error -> Error error

    {
        Before = place
        Explored = explored
        Answer = answer
        Expected = expected
        After =
            match answer, expected with
            | Ok transition, Ok(expected: Reference.Expected) -> {
                State = transition.State
                Model = expected.Next
                HasClosed = place.HasClosed || isClose transition.Output
              }
            | Error _, Error _ -> place
            | Ok transition, Error error -> failwith $"{place.State}: {transition}, and not {error}"
            | Error error, Ok expected -> failwith $"{place.State}: {error}, and not {expected}"
    }

/// What a frame's bytes are to a reader.
let read (settings: ConnectionSettings) (bytes: byte[]) : FrameParse =
    FrameReader.readMemory settings (ReadOnlyMemory bytes)

let private expected settings (place: Place) (move: Move) : Result<Reference.Expected, SendError> =
    match move with
    | Move.Frame(_, bytes, payload) ->
        match read settings bytes with
        | FrameParse.Complete frame -> Ok(Reference.frame settings place.Model frame.Header payload)
        | FrameParse.Malformed error -> Ok(Reference.broken place.Model error)
        | FrameParse.Incomplete -> failwith "the alphabet has whole frames"
    | Move.Undecodable error -> Ok(Reference.broken place.Model error)
    | Move.EndOfStream -> Ok(Reference.endOfStream settings place.Model)
    | Move.Send command -> Reference.send place.Model command

let take (settings: ConnectionSettings) (place: Place) (move: Move) : Step =
    stepOf place (Explorer.step settings place.State move) (expected settings place move)
