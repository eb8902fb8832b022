/// Where an exploration is, and one step from there: the core's and the reference's, side by side.
module FunctionalWs.Exploration.Place

open System
open FunctionalWs.Protocol
open FunctionalWs.Exploration.Moves

type Place = {
    State: State
    Model: Reference.Model
    /// True once a close frame was written.
    HasClosed: bool
}

/// What the core was called with.
[<NoComparison; NoEquality>]
type Call =
    | Received of Input
    | Sent of Command

/// What a call was answered with, and what the reference says it has to be.
[<NoComparison; NoEquality>]
type Step = {
    Before: Place
    Call: Call
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

let private isClose (output: Output voption) =
    match output with
    | ValueSome(Output.Close _) -> true
    | ValueSome _
    | ValueNone -> false

let private stepOf (place: Place) call answer expected : Step = {
    Before = place
    Call = call
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

let private receive settings (place: Place) (input: Input) (expected: Reference.Expected) : Step =
    let transition = Connection.receive settings place.State input
    stepOf place (Received input) (Ok transition) (Ok expected)

let private broken settings (place: Place) (error: ProtocolError) : Step =
    receive settings place (Input.Broken error) (Reference.broken place.Model error)

let private readWhole
    settings
    (place: Place)
    (bytes: Buffers.ReadOnlySequence<byte>)
    (payload: byte[])
    : Step =
    let buffer = bytes

    match FrameReader.read settings &buffer with
    | FrameParse.Complete frame ->
        receive
            settings
            place
            (Input.Received frame)
            (Reference.frame settings place.Model frame.Header payload)
    | FrameParse.Malformed error -> broken settings place error
    | FrameParse.Incomplete -> failwith "the alphabet has whole frames"

let private send (place: Place) (command: Command) : Step =
    let answer =
        match Connection.send place.State command with
        | SendResult.Accepted transition -> Ok transition
        | SendResult.Refused error -> Error error

    stepOf place (Sent command) answer (Reference.send place.Model command)

let take (settings: ConnectionSettings) (place: Place) (move: Move) : Step =
    match move with
    | Frame(_, bytes, payload) -> readWhole settings place bytes payload
    | Refuse error -> broken settings place error
    | EndOfStream -> receive settings place Input.EndOfStream (Reference.endOfStream settings place.Model)
    | Send command -> send place command
