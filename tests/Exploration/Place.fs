/// Where an exploration is, and one step from there: the core's and the reference's, side by side.
module FunctionalWs.Exploration.Place

open System
open FunctionalWs.Protocol
open FunctionalWs.Exploration.Moves

type Place = {
    State: State
    /// The frame of which parts have come.
    Frame: FrameHeader voption
    Model: Reference.Model
    /// True once a close frame was written.
    HasClosed: bool
}

/// What the core was called with.
[<NoComparison; NoEquality>]
type Call =
    | Received of Input
    | Data of FrameHeader * Part * byte[]
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
    Frame = ValueNone
    Model = Reference.start
    HasClosed = false
}

let isLive (state: State) =
    match state with
    | State.Open _
    | State.CloseSent _ -> true
    | State.Draining _
    | State.Closed _ -> false

/// The parts of a frame come one after the other, between them what is no frame.
let isPossible (place: Place) (move: Move) : bool =
    match move with
    | Frame _
    | Begin _ -> place.Frame.IsNone
    | Continue _ -> place.Frame.IsSome
    | Refuse _
    | EndOfStream
    | Send _ -> true

let private isClose (output: Output voption) =
    match output with
    | ValueSome(Output.Close _) -> true
    | ValueSome _
    | ValueNone -> false

let private stepOf (place: Place) (frame: FrameHeader voption) call answer expected : Step = {
    Before = place
    Call = call
    Answer = answer
    Expected = expected
    After =
        match answer, expected with
        | Ok transition, Ok(expected: Reference.Expected) -> {
            State = transition.State
            Frame = if isLive transition.State then frame else ValueNone
            Model = expected.Next
            HasClosed = place.HasClosed || isClose transition.Output
          }
        | Error _, Error _ -> place
        | Ok transition, Error error -> failwith $"{place.State}: {transition}, and not {error}"
        | Error error, Ok expected -> failwith $"{place.State}: {error}, and not {expected}"
}

let private receive settings (place: Place) (input: Input) (expected: Reference.Expected) : Step =
    let transition = Connection.receive settings place.State input
    stepOf place ValueNone (Received input) (Ok transition) (Ok expected)

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

let private hand settings (place: Place) (header: FrameHeader) (part: Part) (data: byte[]) : Step =
    let transition =
        Connection.receiveData settings place.State &header part (ReadOnlySpan data)

    let frame = if part.IsLast then ValueNone else ValueSome header

    stepOf
        place
        frame
        (Data(header, part, data))
        (Ok transition)
        (Ok(Reference.data settings place.Model header part data))

let private beginFrame settings (place: Place) (beginning: Beginning) : Step =
    let buffer = beginning.Wire

    match FrameReader.readHeader settings &buffer with
    | HeaderParse.Complete header ->
        match Connection.check settings place.State &header with
        | ValueSome error -> broken settings place error
        | ValueNone -> hand settings place header Part.First beginning.Data
    | HeaderParse.Malformed error -> broken settings place error
    | HeaderParse.Incomplete -> failwith "the alphabet has whole headers"

let private send (place: Place) (command: Command) : Step =
    let answer =
        match Connection.send place.State command with
        | SendResult.Accepted transition -> Ok transition
        | SendResult.Refused error -> Error error

    stepOf place place.Frame (Sent command) answer (Reference.send place.Model command)

/// Takes a move that is possible.
let take (settings: ConnectionSettings) (place: Place) (move: Move) : Step =
    match move, place.Frame with
    | Frame(_, bytes, payload), _ -> readWhole settings place bytes payload
    | Begin(_, beginning), _ -> beginFrame settings place beginning
    | Continue(part, data), ValueSome header -> hand settings place header part data
    | Continue _, ValueNone -> failwith "no frame is under way"
    | Refuse error, _ -> broken settings place error
    | EndOfStream, _ -> receive settings place Input.EndOfStream (Reference.endOfStream settings place.Model)
    | Send command, _ -> send place command
