/// What must hold at every step, each said by itself; and that the step is the reference's.
module FunctionalWs.Exploration.Invariants

open System
open System.Buffers
open FunctionalWs.Explore
open FunctionalWs.Protocol
open FunctionalWs.Exploration.Place

let private require (holds: bool) (what: string) =
    if not holds then
        failwith what

let private isClosed (state: State) =
    match state with
    | State.Closed _ -> true
    | State.Open _
    | State.CloseSent _
    | State.Draining _ -> false

/// The close codes of RFC 6455 §7.4.1 for what a peer can do wrong. One for each, all of which may go on the wire.
let closeCodeOf (error: ProtocolError) : int =
    match error with
    | ProtocolError.ReservedOpcode _
    | ProtocolError.ReservedBits _
    | ProtocolError.MaskMissing
    | ProtocolError.MaskForbidden
    | ProtocolError.LengthNotMinimal _
    | ProtocolError.LengthTopBit
    | ProtocolError.ControlFrameTooLong _
    | ProtocolError.ControlFrameFragmented _
    | ProtocolError.ContinuationExpected
    | ProtocolError.ContinuationUnexpected
    | ProtocolError.CompressedDataInvalid
    | ProtocolError.ExtensionFailed _
    | ProtocolError.CloseFrameTooShort
    | ProtocolError.CloseCodeInvalid _ -> 1002
    | ProtocolError.CompressedDataIncomplete
    | ProtocolError.TextNotUtf8 _
    | ProtocolError.CloseReasonNotUtf8 -> 1007
    | ProtocolError.InflateRatioExceeded _
    | ProtocolError.TooManyFragments _ -> 1008
    | ProtocolError.FragmentTooBig _
    | ProtocolError.MessageTooBig _ -> 1009

let private isPong (output: Output voption) =
    match output with
    | ValueSome(Output.Pong _) -> true
    | ValueSome _
    | ValueNone -> false

/// At most one close frame, and nothing but pongs after it; no closing of ours without one; only the last state doesn't change.
let private checkClosing (before: Place) (transition: Transition) =
    require
        (not before.HasClosed
         || transition.Output.IsNone
         || isPong transition.Output && before.State.IsCloseSent)
        "something was written after the close frame that is no pong to a peer that hasn't closed"

    require (not (isClosed before.State) || transition.State = before.State) "a closed connection changed"

    match transition.State with
    | State.CloseSent _
    | State.Draining _ ->
        let isClose =
            match transition.Output with
            | ValueSome(Output.Close _) -> true
            | ValueSome _
            | ValueNone -> false

        require (before.HasClosed || isClose) "closing without a close frame"
    | State.Open _ -> require (not before.HasClosed) "open after a close frame"
    | State.Closed _ -> ()

let private checkCode (transition: Transition) =
    match transition.State with
    | State.Draining(Closure.Failed(error, sent)) when transition.Output.IsSome ->
        require (sent.Number = closeCodeOf error) "a failure has another close code"
        require (CloseCode.IsValid sent.Number) "the close code may not go on the wire"
        require (sent.ToArray().Length <= 125) "the close frame is too long"
        require (transition.Output = ValueSome(Output.Close sent)) "the peer was told something else"
    | State.Draining _
    | State.Open _
    | State.CloseSent _
    | State.Closed _ -> ()

let private checkSize (settings: ConnectionSettings) (state: State) =
    match state with
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

let private checkMessage (settings: ConnectionSettings) (message: Reference.Message) =
    require
        (int64 message.Data.Length <= settings.Limits.MaxMessageSize)
        "a message over the limit was delivered"

    if message.Kind.IsText && settings.ValidateText then
        require (Text.Unicode.Utf8.IsValid(ReadOnlySpan message.Data)) "text that is not UTF-8 was delivered"

/// A delivered message is whole and valid, and has the bytes that were fed.
let private checkDelivery
    (settings: ConnectionSettings)
    (step: Step)
    (payload: byte[])
    (transition: Transition)
    =
    match transition.Event, step.Explored.Move with
    | ValueSome(Event.Data(kind, true)), Move.Frame(_, bytes, _) ->
        let frame =
            match read settings bytes with
            | FrameParse.Complete frame -> frame
            | FrameParse.Malformed error -> failwith $"data of what is no frame: {error}"
            | FrameParse.Incomplete -> failwith "data of half a frame"

        let bytes = frame.ToArray()
        require (bytes.AsSpan().SequenceEqual(ReadOnlySpan payload)) "a payload came out as another"

        let message = Reference.messageWith settings step.Before.Model frame.Header bytes

        require (message.IsSome && message.Value.Kind = kind) "a message was delivered that is none"
        checkMessage settings message.Value
    | _ -> ()

/// End of input is accepted wherever a connection is, and ends it.
let private checkEnd settings (state: State) =
    let ended = Connection.receive settings state Input.EndOfStream
    require (isClosed ended.State && ended.Output.IsNone) "the end of the stream didn't end it"

let private checkAnswer
    settings
    (step: Step)
    (payload: byte[])
    (transition: Transition)
    (expected: Reference.Expected)
    =
    checkClosing step.Before transition
    checkCode transition
    checkSize settings transition.State
    checkDelivery settings step payload transition
    checkEnd settings transition.State
    require (transition.Event = expected.Event) "another event than the reference"
    require (transition.Output = expected.Output) "another output than the reference"
    require (transition.HalfClose = expected.HalfClose) "another half-close than the reference"
    require (Reference.agrees settings expected.Next transition.State) "another state than the reference"

/// Fails when a step breaks something. The payload is that of the frame, if it is one.
let check (settings: ConnectionSettings) (move: Move) (step: Step) : unit =
    let payload =
        match move with
        | Move.Frame(_, _, payload) -> payload
        | Move.Undecodable _
        | Move.EndOfStream
        | Move.Send _ -> [||]

    match step.Answer, step.Expected with
    | Ok transition, Ok expected -> checkAnswer settings step payload transition expected
    | Error error, Error expected -> require (error = expected) "another refusal than the reference"
    | Ok _, Error _
    | Error _, Ok _ -> failwith "a command was refused that shouldn't be, or the other way round"
