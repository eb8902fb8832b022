// Steps without their data: between which states, after what, and writing what. What drawings show.
namespace FunctionalWs.Explore

open System
open FunctionalWs.Protocol
open type System.FormattableString

/// <summary>A kind of step: all that differ in their data alone are one.</summary>
[<StructuredFormatDisplay("{Shown}")>]
type StateEdge = {
    /// <summary>The state before: <c>Open</c>, <c>CloseSent</c>, <c>Draining</c> or <c>Closed</c>.</summary>
    From: string
    /// <summary>
    /// The kind of the message that is under way in the direction of the step, <c>text</c> or <c>binary</c>; empty when there is none, or
    /// it doesn't matter.
    /// </summary>
    Inside: string
    /// <summary>
    /// What happens, in a few words: <c>data</c>, <c>ping</c>, <c>pong</c>, <c>close</c>, <c>broken rule</c>, <c>end of stream</c>; or
    /// the name of a command.
    /// </summary>
    Kind: string
    /// <summary>What happens, in detail: which frame, which rule, which command.</summary>
    Cause: string
    /// <summary>The state after.</summary>
    To: string
    /// <summary>
    /// The frame that is written: <c>data</c>, <c>ping</c>, <c>pong</c> or <c>close</c>; empty when there is none.
    /// </summary>
    Written: string
    /// <summary>Why a command is refused, the name of a <c>SendError</c>; empty when it isn't.</summary>
    Refusal: string
} with

    /// <summary>True for what comes, false for a command.</summary>
    member edge.IsReceived: bool = edge.Kind <> "" && Char.IsLower edge.Kind[0]

    member private edge.Shown: string =
        let told (before: string) (text: string) (after: string) =
            if text = "" then "" else before + text + after

        let inside = told " (in " edge.Inside ")"
        let written = told ", writing " edge.Written ""
        let refusal = told ", refused: " edge.Refusal ""
        Invariant $"{edge.From}{inside}: {edge.Cause} leads to {edge.To}{written}{refusal}"

    /// <summary>The edge in words: <c>Open: ping leads to Open, writing pong</c>.</summary>
    override edge.ToString() : string = edge.Shown

    /// <summary>True when both are equal, as <c>Equals</c> tells.</summary>
    static member op_Equality(left: StateEdge | null, right: StateEdge | null) : bool =
        obj.Equals(left, right)

    /// <summary>True when they are not equal.</summary>
    static member op_Inequality(left: StateEdge | null, right: StateEdge | null) : bool =
        not (obj.Equals(left, right))

/// The cases by their names, without reflection.
module internal CaseName =

    let ofState (state: State) : string =
        match state with
        | State.Open _ -> nameof State.Open
        | State.CloseSent _ -> nameof State.CloseSent
        | State.Draining _ -> nameof State.Draining
        | State.Closed _ -> nameof State.Closed

    let ofCommand (command: Command) : string =
        match command with
        | Command.Message _ -> nameof Command.Message
        | Command.FirstFragment _ -> nameof Command.FirstFragment
        | Command.NextFragment _ -> nameof Command.NextFragment
        | Command.Ping _ -> nameof Command.Ping
        | Command.Pong _ -> nameof Command.Pong
        | Command.Close _ -> nameof Command.Close
        | Command.Fail _ -> nameof Command.Fail

    let ofError (error: ProtocolError) : string =
        match error with
        | ProtocolError.ReservedOpcode _ -> nameof ProtocolError.ReservedOpcode
        | ProtocolError.ReservedBits _ -> nameof ProtocolError.ReservedBits
        | ProtocolError.MaskMissing -> nameof ProtocolError.MaskMissing
        | ProtocolError.MaskForbidden -> nameof ProtocolError.MaskForbidden
        | ProtocolError.LengthNotMinimal _ -> nameof ProtocolError.LengthNotMinimal
        | ProtocolError.LengthTopBit -> nameof ProtocolError.LengthTopBit
        | ProtocolError.ControlFrameTooLong _ -> nameof ProtocolError.ControlFrameTooLong
        | ProtocolError.ControlFrameFragmented _ -> nameof ProtocolError.ControlFrameFragmented
        | ProtocolError.ContinuationExpected -> nameof ProtocolError.ContinuationExpected
        | ProtocolError.ContinuationUnexpected -> nameof ProtocolError.ContinuationUnexpected
        | ProtocolError.FragmentTooBig _ -> nameof ProtocolError.FragmentTooBig
        | ProtocolError.MessageTooBig _ -> nameof ProtocolError.MessageTooBig
        | ProtocolError.TooManyFragments _ -> nameof ProtocolError.TooManyFragments
        | ProtocolError.TextNotUtf8 _ -> nameof ProtocolError.TextNotUtf8
        | ProtocolError.CompressedDataInvalid -> nameof ProtocolError.CompressedDataInvalid
        | ProtocolError.CompressedDataIncomplete -> nameof ProtocolError.CompressedDataIncomplete
        | ProtocolError.InflateRatioExceeded _ -> nameof ProtocolError.InflateRatioExceeded
        | ProtocolError.ExtensionFailed _ -> nameof ProtocolError.ExtensionFailed
        | ProtocolError.CloseFrameTooShort -> nameof ProtocolError.CloseFrameTooShort
        | ProtocolError.CloseCodeInvalid _ -> nameof ProtocolError.CloseCodeInvalid
        | ProtocolError.CloseReasonNotUtf8 -> nameof ProtocolError.CloseReasonNotUtf8

/// What edges are made of.
module internal EdgeParts =

    let kindOf (kind: DataKind) : string =
        match kind with
        | DataKind.Text -> "text"
        | DataKind.Binary -> "binary"

    let receivingOf (state: State) : string =
        match state with
        | State.Open(ValueSome message, _)
        | State.CloseSent(_, ValueSome message) -> kindOf message.Kind
        | State.Open(ValueNone, _)
        | State.CloseSent(_, ValueNone)
        | State.Draining _
        | State.Closed _ -> ""

    let sendingOf (state: State) : string =
        match state with
        | State.Open(_, ValueSome kind) -> kindOf kind
        | State.Open(_, ValueNone)
        | State.CloseSent _
        | State.Draining _
        | State.Closed _ -> ""

    let private writtenOf (transition: Transition) : string =
        match transition.Output with
        | ValueNone -> ""
        | ValueSome(Output.Data _) -> "data"
        | ValueSome(Output.Ping _) -> "ping"
        | ValueSome(Output.Pong _) -> "pong"
        | ValueSome(Output.Close _) -> "close"

    let edge
        (state: State)
        (inside: string)
        (kind: string)
        (cause: string)
        (transition: Transition)
        : StateEdge = {
        From = CaseName.ofState state
        Inside = inside
        Kind = kind
        Cause = cause
        To = CaseName.ofState transition.State
        Written = writtenOf transition
        Refusal = ""
    }

    let frameKind (opcode: Opcode) : string =
        match opcode with
        | Opcode.Continuation
        | Opcode.Text
        | Opcode.Binary -> "data"
        | Opcode.Close -> "close"
        | Opcode.Ping -> "ping"
        | Opcode.Pong -> "pong"

    let frameName (header: FrameHeader) : string =
        let name = header.Opcode.ToString().ToLowerInvariant()

        if header.Opcode.IsControl then name
        elif header.Fin then "final " + name
        else name + " not final"

    /// The rule that a step found broken, if it did.
    let brokenBy (state: State) (transition: Transition) : ProtocolError voption =
        match state, transition.State with
        | (State.Open _ | State.CloseSent _), State.Draining(Closure.Failed(error, _)) -> ValueSome error
        | (State.Open _ | State.CloseSent _ | State.Draining _ | State.Closed _), _ -> ValueNone

    let commandCause (command: Command) : string =
        match command with
        | Command.Message kind
        | Command.FirstFragment kind -> Invariant $"{CaseName.ofCommand command} of {kindOf kind}"
        | Command.NextFragment true -> "NextFragment, the last"
        | Command.NextFragment false
        | Command.Ping _
        | Command.Pong _
        | Command.Close _
        | Command.Fail _ -> CaseName.ofCommand command

    let ofFrame (state: State) (header: FrameHeader) (transition: Transition) : StateEdge =
        match state, brokenBy state transition with
        | (State.Open _ | State.CloseSent _), ValueSome error ->
            edge state (receivingOf state) "broken rule" (CaseName.ofError error) transition
        | (State.Open _ | State.CloseSent _), ValueNone ->
            let kind, cause = frameKind header.Opcode, frameName header
            edge state (receivingOf state) kind cause transition
        // Nothing of a frame matters any more.
        | (State.Draining _ | State.Closed _), _ ->
            let kind = frameKind header.Opcode
            edge state "" kind kind transition

type StateEdge with

    /// <summary>The edge of a call of <c>Connection.receive</c>.</summary>
    /// <param name="state">The state before it.</param>
    /// <param name="input">What came.</param>
    /// <param name="transition">What that led to.</param>
    [<CompiledName("OfReceive")>]
    static member ofReceive (state: State) (input: Input) (transition: Transition) : StateEdge =
        ArgumentNullException.ThrowIfNull(state, nameof state)

        match state, input with
        | _, Input.Received frame -> EdgeParts.ofFrame state frame.Header transition
        | (State.Open _ | State.CloseSent _), Input.Broken error ->
            EdgeParts.edge state "" "broken rule" (CaseName.ofError error) transition
        | (State.Draining _ | State.Closed _), Input.Broken _ ->
            EdgeParts.edge state "" "broken rule" "broken rule" transition
        | _, Input.EndOfStream ->
            EdgeParts.edge state (EdgeParts.receivingOf state) "end of stream" "end of stream" transition

    /// <summary>The edge of a call of <c>Connection.send</c>.</summary>
    /// <param name="state">The state before it.</param>
    /// <param name="command">What was wanted.</param>
    /// <param name="result">What that led to.</param>
    [<CompiledName("OfSend")>]
    static member ofSend (state: State) (command: Command) (result: SendResult) : StateEdge =
        ArgumentNullException.ThrowIfNull(state, nameof state)
        ArgumentNullException.ThrowIfNull(command, nameof command)
        let kind, cause = CaseName.ofCommand command, EdgeParts.commandCause command

        match result with
        | SendResult.Accepted transition ->
            EdgeParts.edge state (EdgeParts.sendingOf state) kind cause transition
        | SendResult.Refused error -> {
            From = CaseName.ofState state
            Inside = EdgeParts.sendingOf state
            Kind = kind
            Cause = cause
            To = CaseName.ofState state
            Written = ""
            Refusal = error.ToString()
          }

    /// <summary>The edge of a step that was explored.</summary>
    /// <param name="settings">The settings with which it was explored.</param>
    /// <param name="step">The step.</param>
    [<CompiledName("OfStep")>]
    static member ofStep (settings: ConnectionSettings) (step: ExploredStep) : StateEdge =
        ArgumentNullException.ThrowIfNull(step, nameof step)

        match step.Move, step.Result with
        | Move.Send command, result -> StateEdge.ofSend step.Before command result
        | move, SendResult.Accepted transition ->
            StateEdge.ofReceive step.Before (Explorer.input settings move) transition
        | move, SendResult.Refused _ ->
            raise (ArgumentException(Invariant $"Only a command is refused: {move}.", nameof step))
