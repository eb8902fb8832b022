/// The rules of a connection once more, on lists of bytes and without regard to speed: what every step is compared with.
module FunctionalWs.Exploration.Reference

open System.Collections.Concurrent
open FunctionalWs.Protocol

/// A message of which something has come: all its data, and what its frames took.
type Message = {
    Kind: DataKind
    Bits: ReservedBits
    Data: byte[]
    /// How much of the data its last frame has brought.
    InFrame: int
    Frames: int
    OnWire: int64
}

[<RequireQualifiedAccess>]
type Phase =
    | Open
    | CloseSent of CloseStatus
    | Draining of Closure
    | Closed of Closure

type Model = {
    Phase: Phase
    Receiving: Message option
    Sending: DataKind option
}

/// What a step has to lead to.
type Expected = {
    Next: Model
    Event: Event voption
    Output: Output voption
    HalfClose: bool
}

let start: Model = {
    Phase = Phase.Open
    Receiving = None
    Sending = None
}

let private stay (model: Model) : Expected = {
    Next = model
    Event = ValueNone
    Output = ValueNone
    HalfClose = false
}

let private enter (phase: Phase) : Expected = {
    stay { start with Phase = phase } with
        HalfClose = true
}

let isLive (model: Model) =
    match model.Phase with
    | Phase.Open
    | Phase.CloseSent _ -> true
    | Phase.Draining _
    | Phase.Closed _ -> false

/// The text of the alphabet has two characters, A (41) and é (C3 A9). Where the first byte is that fits neither, and
/// whether the last character is whole.
let private readText (data: byte[]) : int option * bool =
    let fits i =
        match data[i] with
        | 0x41uy
        | 0xC3uy -> i = 0 || data[i - 1] <> 0xC3uy
        | 0xA9uy -> i > 0 && data[i - 1] = 0xC3uy
        | _ -> false

    let wrong = seq { 0 .. data.Length - 1 } |> Seq.tryFind (fun i -> not (fits i))
    wrong, data.Length = 0 || data[data.Length - 1] <> 0xC3uy

// Made once for each error: there are few, and they come often.
let private statuses = ConcurrentDictionary<ProtocolError, CloseStatus>()

let private statusOf (error: ProtocolError) : CloseStatus =
    statuses.GetOrAdd(error, fun error -> CloseStatus.Create(error.CloseCode, error.Description))

let private fail (model: Model) (error: ProtocolError) : Expected =
    match model.Phase with
    | Phase.Open ->
        let status = statusOf error

        {
            enter (Phase.Draining(Closure.Failed(error, status))) with
                Output = ValueSome(Output.Close status)
        }
    | Phase.CloseSent sent -> enter (Phase.Draining(Closure.Failed(error, sent)))
    | Phase.Draining _
    | Phase.Closed _ -> stay model

let broken (model: Model) (error: ProtocolError) : Expected = fail model error

let endOfStream (settings: ConnectionSettings) (model: Model) : Expected =
    match model.Phase with
    | Phase.Open -> enter (Phase.Closed(Closure.Lost ValueNone))
    | Phase.CloseSent sent -> enter (Phase.Closed(Closure.Lost(ValueSome sent)))
    | Phase.Draining closure -> {
        enter (Phase.Closed closure) with
            // A server has ended its side before; so has whoever failed. A client waits for the server after both close frames.
            HalfClose = settings.Role.IsClient && closure.IsClean
      }
    | Phase.Closed _ -> stay model

/// The message that a frame belongs to, the frame counted.
let beginFrame (settings: ConnectionSettings) (model: Model) (header: FrameHeader) =
    let limits = settings.Limits

    let placed =
        match model.Receiving, header.Opcode with
        | None, Opcode.Continuation -> Error ProtocolError.ContinuationUnexpected
        | Some message, Opcode.Continuation ->
            Ok {
                message with
                    InFrame = 0
                    Frames = message.Frames + 1
                    OnWire = message.OnWire + header.PayloadLength
            }
        | Some _, _ -> Error ProtocolError.ContinuationExpected
        | None, opcode ->
            Ok {
                Kind = if opcode.IsText then DataKind.Text else DataKind.Binary
                Bits = header.ReservedBits
                Data = [||]
                InFrame = 0
                Frames = 1
                OnWire = header.PayloadLength
            }

    let measure message =
        let size = int64 message.Data.Length + header.PayloadLength

        let onWire =
            limits.MaxMessageSize + limits.MaxMessageSize / 8L + 64L * int64 message.Frames

        if message.Frames > limits.MaxFragments then
            Error(ProtocolError.TooManyFragments limits.MaxFragments)
        elif message.Bits <> ReservedBits.None then
            if message.OnWire > onWire then
                Error(ProtocolError.MessageTooBig(message.OnWire, limits.MaxMessageSize))
            else
                Ok message
        elif header.PayloadLength > limits.MaxFragmentSize then
            Error(ProtocolError.FragmentTooBig(header.PayloadLength, limits.MaxFragmentSize))
        elif size > limits.MaxMessageSize then
            Error(ProtocolError.MessageTooBig(size, limits.MaxMessageSize))
        else
            Ok message

    Result.bind measure placed

/// The message with one more piece of its data.
let feed (settings: ConnectionSettings) (message: Message) (ends: bool) (piece: byte[]) =
    let limits = settings.Limits

    let message = {
        message with
            Data = Array.append message.Data piece
            InFrame = message.InFrame + piece.Length
    }

    let size = int64 message.Data.Length

    let text =
        if message.Kind.IsText && settings.ValidateText then
            readText message.Data
        else
            None, true

    match text with
    | _ when int64 message.InFrame > limits.MaxFragmentSize ->
        Error(ProtocolError.FragmentTooBig(int64 message.InFrame, limits.MaxFragmentSize))
    | _ when size > limits.MaxMessageSize -> Error(ProtocolError.MessageTooBig(size, limits.MaxMessageSize))
    | Some position, _ -> Error(ProtocolError.TextNotUtf8(int64 position))
    | None, false when ends -> Error(ProtocolError.TextNotUtf8 size)
    | None, _ -> Ok message

let deliver (model: Model) (message: Message) (endsFrame: bool) (endsMessage: bool) : Expected = {
    stay {
        model with
            Receiving = if endsMessage then None else Some message
    } with
        Event =
            if endsFrame then
                ValueSome(Event.Data(message.Kind, endsMessage))
            else
                ValueNone
}

/// A whole data frame.
let private data settings (model: Model) (header: FrameHeader) (payload: byte[]) : Expected =
    match beginFrame settings model header with
    // What is marked is no data yet.
    | Ok message when message.Bits <> ReservedBits.None ->
        fail model (ProtocolError.ReservedBits(byte message.Bits))
    | begun ->
        match Result.bind (fun message -> feed settings message header.Fin payload) begun with
        | Ok message -> deliver model message true header.Fin
        | Error error -> fail model error

/// The message after a data frame, before it is handed over: what is delivered at the end of one.
let messageWith settings (model: Model) (header: FrameHeader) (payload: byte[]) : Message option =
    match beginFrame settings model header with
    | Ok message ->
        Some {
            message with
                Data = Array.append message.Data payload
        }
    | Error _ -> None

let private readClose (payload: byte[]) : Result<CloseStatus, ProtocolError> =
    match payload with
    | [||] -> Ok CloseStatus.NoStatus
    | [| _ |] -> Error ProtocolError.CloseFrameTooShort
    | [| 3uy; 0xE8uy |] -> Ok(CloseStatus.Create(CloseCode.NormalClosure, ""))
    | [| 3uy; 0xEDuy |] -> Error(ProtocolError.CloseCodeInvalid 1005)
    // The alphabet's only reason.
    | _ -> Error ProtocolError.CloseReasonNotUtf8

let private closeReceived (settings: ConnectionSettings) (model: Model) (received: CloseStatus) : Expected =
    match model.Phase with
    | Phase.Open -> {
        Next = {
            start with
                Phase = Phase.Draining(Closure.Clean(received, received, Initiator.Remote))
        }
        Event = ValueSome(Event.Close received)
        Output = ValueSome(Output.Close received)
        HalfClose = settings.Role.IsServer
      }
    | Phase.CloseSent sent -> {
        Next = {
            start with
                Phase = Phase.Draining(Closure.Clean(received, sent, Initiator.Local))
        }
        Event = ValueSome(Event.Close received)
        Output = ValueNone
        HalfClose = settings.Role.IsServer
      }
    | Phase.Draining _
    | Phase.Closed _ -> stay model

/// A whole frame.
let frame (settings: ConnectionSettings) (model: Model) (header: FrameHeader) (payload: byte[]) : Expected =
    let told event output = {
        stay model with
            Event = ValueSome event
            Output = output
    }

    match header.Opcode with
    | _ when not (isLive model) -> stay model
    | Opcode.Close ->
        match readClose payload with
        | Ok status -> closeReceived settings model status
        | Error error -> fail model error
    | Opcode.Ping ->
        let payload = ControlPayload.Create payload
        let pong = ValueSome(Output.Pong payload)
        told (Event.Ping payload) pong
    | Opcode.Pong -> told (Event.Pong(ControlPayload.Create payload)) ValueNone
    | Opcode.Continuation
    | Opcode.Text
    | Opcode.Binary -> data settings model header payload

let private write (model: Model) (output: Output) : Result<Expected, SendError> =
    Ok {
        stay model with
            Output = ValueSome output
    }

let private opcodeOf (kind: DataKind) =
    if kind.IsText then Opcode.Text else Opcode.Binary

let send (model: Model) (command: Command) : Result<Expected, SendError> =
    match model.Phase, command, model.Sending with
    | Phase.Open, (Command.Message _ | Command.FirstFragment _), Some _ -> Error SendError.MessageUnfinished
    | Phase.Open, Command.NextFragment _, None -> Error SendError.NoMessageBegun
    | Phase.Open, Command.Message kind, None -> write model (Output.Data(opcodeOf kind, true))
    | Phase.Open, Command.FirstFragment kind, None ->
        write { model with Sending = Some kind } (Output.Data(opcodeOf kind, false))
    | Phase.Open, Command.NextFragment last, Some _ ->
        let next = if last then { model with Sending = None } else model
        write next (Output.Data(Opcode.Continuation, last))
    | Phase.Open, Command.Ping payload, _ -> write model (Output.Ping payload)
    | Phase.Open, Command.Pong payload, _ -> write model (Output.Pong payload)
    | Phase.Open, Command.Close status, _ ->
        write
            {
                model with
                    Phase = Phase.CloseSent status
                    Sending = None
            }
            (Output.Close status)
    | Phase.Open, Command.Fail status, _ ->
        Ok {
            enter (Phase.Draining(Closure.Abandoned status)) with
                Output = ValueSome(Output.Close status)
        }
    | Phase.CloseSent sent, Command.Fail _, _ -> Ok(enter (Phase.Draining(Closure.Abandoned sent)))
    | (Phase.CloseSent _ | Phase.Draining _ | Phase.Closed _), _, _ -> Error SendError.Closing

let private agreesOnMessage (message: Message option) (partial: PartialMessage voption) (validate: bool) =
    match message, partial with
    | None, ValueNone -> true
    | Some message, ValueSome partial ->
        message.Kind = partial.Kind
        && message.Bits = partial.ReservedBits
        && int64 message.Data.Length = partial.Size
        && int64 message.InFrame = partial.FragmentSize
        && message.OnWire = partial.WireSize
        && message.Frames = partial.Fragments
        && (not validate
            || not message.Kind.IsText
            || snd (readText message.Data) = partial.Text.IsComplete)
    | None, ValueSome _
    | Some _, ValueNone -> false

/// True when a state says what the model says.
let agrees (settings: ConnectionSettings) (model: Model) (state: State) : bool =
    match model.Phase, state with
    | Phase.Open, State.Open(receiving, sending) ->
        agreesOnMessage model.Receiving receiving settings.ValidateText
        && (match model.Sending, sending with
            | None, ValueNone -> true
            | Some kind, ValueSome other -> kind = other
            | None, ValueSome _
            | Some _, ValueNone -> false)
    | Phase.CloseSent sent, State.CloseSent(other, receiving) ->
        sent = other && agreesOnMessage model.Receiving receiving settings.ValidateText
    | Phase.Draining closure, State.Draining other
    | Phase.Closed closure, State.Closed other -> closure = other
    | (Phase.Open | Phase.CloseSent _ | Phase.Draining _ | Phase.Closed _), _ -> false
