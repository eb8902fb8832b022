/// Steps without their data: between which states, after what, and writing what. What the drawings show.
module FunctionalWs.Exploration.Edges

open Microsoft.FSharp.Reflection
open FunctionalWs.Protocol

type Edge = {
    /// The state before: Open, CloseSent, Draining or Closed.
    From: string
    /// The kind of the message that is under way in the direction of the step; empty when there is none, or it doesn't matter.
    Inside: string
    /// What happens, in words of a few: data, ping, pong, close, broken rule, end of stream; or the command.
    Kind: string
    /// What happens, in detail: which frame, which rule, which command.
    Cause: string
    /// The state after.
    To: string
    /// The frame that is written: data, ping, pong or close; empty when there is none.
    Written: string
    /// Why a command is refused; empty when it isn't.
    Refusal: string
} with

    member edge.IsReceived = System.Char.IsLower edge.Kind[0]

    override edge.ToString() =
        let inside = if edge.Inside = "" then "" else $" (in {edge.Inside})"

        let written =
            if edge.Written = "" then
                ""
            else
                $", writing {edge.Written}"

        let refusal =
            if edge.Refusal = "" then
                ""
            else
                $", refused: {edge.Refusal}"

        $"{edge.From}{inside}: {edge.Cause} leads to {edge.To}{written}{refusal}"

let private nameOf (state: State) =
    match state with
    | State.Open _ -> "Open"
    | State.CloseSent _ -> "CloseSent"
    | State.Draining _ -> "Draining"
    | State.Closed _ -> "Closed"

let private caseOf (value: 'union) : string =
    (fst (FSharpValue.GetUnionFields(value, typeof<'union>))).Name

let private kindOf (kind: MessageKind) =
    if kind.IsText then "text" else "binary"

let private receivingOf (state: State) =
    match state with
    | State.Open(ValueSome message, _)
    | State.CloseSent(_, ValueSome message) -> kindOf message.Kind
    | State.Open(ValueNone, _)
    | State.CloseSent(_, ValueNone)
    | State.Draining _
    | State.Closed _ -> ""

let private sendingOf (state: State) =
    match state with
    | State.Open(_, ValueSome kind) -> kindOf kind
    | State.Open(_, ValueNone)
    | State.CloseSent _
    | State.Draining _
    | State.Closed _ -> ""

let private writtenOf (transition: Transition) =
    match transition.Output with
    | ValueNone -> ""
    | ValueSome(Output.Data _) -> "data"
    | ValueSome(Output.Ping _) -> "ping"
    | ValueSome(Output.Pong _) -> "pong"
    | ValueSome(Output.Close _) -> "close"

let private edge (state: State) inside kind cause (transition: Transition) : Edge = {
    From = nameOf state
    Inside = inside
    Kind = kind
    Cause = cause
    To = nameOf transition.State
    Written = writtenOf transition
    Refusal = ""
}

let private frameKind (opcode: Opcode) =
    match opcode with
    | Opcode.Continuation
    | Opcode.Text
    | Opcode.Binary -> "data"
    | Opcode.Close -> "close"
    | Opcode.Ping -> "ping"
    | Opcode.Pong -> "pong"

let private frameName (header: FrameHeader) =
    let name = (caseOf header.Opcode).ToLowerInvariant()

    if header.Opcode.IsControl then name
    elif header.Fin then $"final {name}"
    else $"{name} not final"

/// The rule that a step found broken, if it did.
let private brokenBy (state: State) (transition: Transition) : ProtocolError voption =
    match state, transition.State with
    | (State.Open _ | State.CloseSent _), State.Draining(Closure.Failed(error, _)) -> ValueSome error
    | (State.Open _ | State.CloseSent _ | State.Draining _ | State.Closed _), _ -> ValueNone

let private ofFrame (state: State) (header: FrameHeader) (transition: Transition) : Edge =
    match state, brokenBy state transition with
    | (State.Open _ | State.CloseSent _), ValueSome error ->
        edge state (receivingOf state) "broken rule" (caseOf error) transition
    | (State.Open _ | State.CloseSent _), ValueNone ->
        edge state (receivingOf state) (frameKind header.Opcode) (frameName header) transition
    // Nothing of a frame matters any more.
    | (State.Draining _ | State.Closed _), _ ->
        edge state "" (frameKind header.Opcode) (frameKind header.Opcode) transition

/// The edge of a call of `Connection.receive`.
let ofReceive (state: State) (input: Input) (transition: Transition) : Edge =
    match state, input with
    | _, Input.Received frame -> ofFrame state frame.Header transition
    | (State.Open _ | State.CloseSent _), Input.Broken error ->
        edge state "" "broken rule" (caseOf error) transition
    | (State.Draining _ | State.Closed _), Input.Broken _ ->
        edge state "" "broken rule" "broken rule" transition
    | _, Input.EndOfStream -> edge state (receivingOf state) "end of stream" "end of stream" transition

let private commandName (command: Command) =
    match command with
    | Command.Message kind -> $"Message of {kindOf kind}"
    | Command.FirstFragment kind -> $"FirstFragment of {kindOf kind}"
    | Command.NextFragment last -> if last then "NextFragment, the last" else "NextFragment"
    | Command.Ping _
    | Command.Pong _
    | Command.Close _
    | Command.Fail _ -> caseOf command

/// The edge of a call of `Connection.send`.
let ofSend (state: State) (command: Command) (answer: Result<Transition, SendError>) : Edge =
    match answer with
    | Ok transition -> edge state (sendingOf state) (caseOf command) (commandName command) transition
    | Error error -> {
        From = nameOf state
        Inside = sendingOf state
        Kind = caseOf command
        Cause = commandName command
        To = nameOf state
        Written = ""
        Refusal = caseOf error
      }

let ofStep (step: Place.Step) : Edge =
    match step.Call, step.Answer with
    | Place.Received input, Ok transition -> ofReceive step.Before.State input transition
    | Place.Sent command, answer -> ofSend step.Before.State command answer
    | Place.Received _, Error error -> failwith $"only a command can be refused: {error}"
