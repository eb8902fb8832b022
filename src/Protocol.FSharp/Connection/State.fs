// The values that a connection's transitions are made of: states, inputs, commands, and what a step leads to.
// The transitions themselves are Connection's.
namespace FunctionalWs.Protocol

open System
open System.Runtime.InteropServices
open type System.FormattableString

/// <summary>What a message consists of (RFC 6455 §5.6).</summary>
[<Struct; RequireQualifiedAccess>]
type DataKind =
    /// <summary>UTF-8 text.</summary>
    | Text
    /// <summary>Bytes.</summary>
    | Binary

    /// <summary>The name of the case.</summary>
    override kind.ToString() : string =
        match kind with
        | DataKind.Text -> nameof DataKind.Text
        | DataKind.Binary -> nameof DataKind.Binary

    /// <summary>True when both are the same kind.</summary>
    static member op_Equality(left: DataKind, right: DataKind) : bool = left.IsText = right.IsText

    /// <summary>True when they are different kinds.</summary>
    static member op_Inequality(left: DataKind, right: DataKind) : bool = left.IsText <> right.IsText

    /// The kind inside a sentence.
    member internal kind.Words: string =
        match kind with
        | DataKind.Text -> "text"
        | DataKind.Binary -> "binary"

/// <summary>A message of which a part has been received (RFC 6455 §5.4).</summary>
[<Struct; StructuredFormatDisplay("{Shown}")>]
type PartialMessage = {
    /// <summary>What the message consists of.</summary>
    Kind: DataKind
    /// <summary>The bits by which extensions marked it.</summary>
    ReservedBits: ReservedBits
    /// <summary>The bytes of data received so far, decoded by the extensions.</summary>
    Size: int64
    /// <summary>Those of them that the last frame brought.</summary>
    FragmentSize: int64
    /// <summary>The bytes of the payloads of the frames begun so far, as they are on the wire.</summary>
    WireSize: int64
    /// <summary>The frames begun so far, 1 or more.</summary>
    Fragments: int
    /// <summary>What the text still owes; unused when text isn't validated.</summary>
    Text: Utf8State
} with

    member private message.Shown: string =
        let owed =
            match message.Text.MissingBytes with
            | 0 -> ""
            | missing -> Invariant $", {Words.bytes (int64 missing)} short of a character"

        let frames = Words.count (int64 message.Fragments) "frame"
        Invariant $"{message.Kind.Words} ({Words.bytes message.Size} in {frames} so far{owed})"

    /// <summary>What has come of it, in words: <c>text (5 bytes in 2 frames so far)</c>.</summary>
    override message.ToString() : string = message.Shown

/// <summary>Which side sent its close frame first.</summary>
[<Struct; RequireQualifiedAccess>]
type Initiator =
    /// <summary>This side.</summary>
    | Local
    /// <summary>The peer.</summary>
    | Remote

    /// <summary>The name of the case.</summary>
    override initiator.ToString() : string =
        match initiator with
        | Initiator.Local -> nameof Initiator.Local
        | Initiator.Remote -> nameof Initiator.Remote

/// <summary>How a connection came to its end (RFC 6455 §7.1.4–§7.1.6).</summary>
[<RequireQualifiedAccess; StructuredFormatDisplay("{Shown}")>]
type Closure =
    /// <summary>Both close frames were exchanged.</summary>
    | Clean of Received: CloseStatus * Sent: CloseStatus * First: Initiator
    /// <summary>The peer broke a rule; <c>Sent</c> is what it was told, at that moment or, if a close was under way, before.</summary>
    | Failed of Error: ProtocolError * Sent: CloseStatus
    /// <summary>This side gave the connection up without waiting for the peer's close frame.</summary>
    | Abandoned of Sent: CloseStatus
    /// <summary>The stream ended without a close frame from the peer; <c>Sent</c> is ours, if there was one.</summary>
    | Lost of Sent: CloseStatus voption

    /// <summary>Tells the close frame that this side has sent; false when it has sent none.</summary>
    /// <param name="status">What it says.</param>
    member closure.TryGetSent([<Out>] status: byref<CloseStatus>) : bool =
        match closure with
        | Clean(_, sent, _)
        | Failed(_, sent)
        | Abandoned sent -> ValueOption.tryGet (ValueSome sent) &status
        | Lost sent -> ValueOption.tryGet sent &status

    member private closure.Shown: string =
        match closure with
        | Closure.Clean(received, sent, Initiator.Local) ->
            Invariant $"clean: sent {sent}, then received {received}"
        | Closure.Clean(received, sent, Initiator.Remote) ->
            Invariant $"clean: received {received}, then sent {sent}"
        | Closure.Failed(error, sent) -> Invariant $"failed: {error}; sent {sent}"
        | Closure.Abandoned sent -> Invariant $"given up: sent {sent}"
        | Closure.Lost ValueNone -> "lost"
        | Closure.Lost(ValueSome sent) -> Invariant $"lost: sent {sent}"

    /// <summary>The end in words, in the order in which it came: <c>clean: sent 1000, then received 1000</c>.</summary>
    override closure.ToString() : string = closure.Shown

/// <summary>The state of an established connection. Immutable; compare it with <c>=</c>.</summary>
[<RequireQualifiedAccess; StructuredFormatDisplay("{Shown}")>]
type State =
    /// <summary>
    /// Messages flow both ways; <c>Receiving</c> is the message of which fragments have come, <c>Sending</c> the kind of the one
    /// of which fragments have gone.
    /// </summary>
    | Open of Receiving: PartialMessage voption * Sending: DataKind voption
    /// <summary>Our close frame is out; messages still come, and the peer's close frame is awaited.</summary>
    | CloseSent of Sent: CloseStatus * Receiving: PartialMessage voption
    /// <summary>Our part is done: whatever comes is ignored until the end of the stream.</summary>
    | Draining of Closure: Closure
    /// <summary>The end. Nothing leads out of it.</summary>
    | Closed of Closure: Closure

    member private state.Shown: string =
        let receiving (message: PartialMessage voption) : string =
            match message with
            | ValueNone -> ""
            | ValueSome message -> Invariant $", receiving {message}"

        match state with
        | State.Open(message, ValueNone) -> Invariant $"Open{receiving message}"
        | State.Open(message, ValueSome sent) -> Invariant $"Open{receiving message}, sending {sent.Words}"
        | State.CloseSent(sent, message) -> Invariant $"CloseSent {sent}{receiving message}"
        | State.Draining ending -> Invariant $"Draining, {ending}"
        | State.Closed ending -> Invariant $"Closed, {ending}"

    /// <summary>The state in words, such as <c>Open, sending text</c>.</summary>
    override state.ToString() : string = state.Shown

/// <summary>What comes from the peer.</summary>
[<Struct; NoComparison; NoEquality; RequireQualifiedAccess; StructuredFormatDisplay("{Shown}")>]
type Input =
    /// <summary>A whole frame.</summary>
    | Received of Frame: Frame
    /// <summary>Bytes that are not a frame, or a frame whose payload extensions can't decode.</summary>
    | Broken of Error: ProtocolError
    /// <summary>The peer will send nothing more.</summary>
    | EndOfStream

    member private input.Shown: string =
        match input with
        | Input.Received frame -> frame.ToString()
        | Input.Broken error -> Invariant $"broken: {error}"
        | Input.EndOfStream -> "end of stream"

    /// <summary>What came, in words.</summary>
    override input.ToString() : string = input.Shown

/// <summary>What the application wants.</summary>
[<RequireQualifiedAccess; StructuredFormatDisplay("{Shown}")>]
type Command =
    /// <summary>Send a message in one frame.</summary>
    | Message of Kind: DataKind
    /// <summary>Send the first of a message's fragments (RFC 6455 §5.4).</summary>
    | FirstFragment of Kind: DataKind
    /// <summary>Send the next fragment of the message that was begun; <c>Last</c> ends it.</summary>
    | NextFragment of Last: bool
    /// <summary>Send a ping.</summary>
    | Ping of Payload: ControlPayload
    /// <summary>Send a pong that nobody asked for.</summary>
    | Pong of Payload: ControlPayload
    /// <summary>Start the closing handshake (RFC 6455 §7.1.2).</summary>
    | Close of Status: CloseStatus
    /// <summary>Send a close frame and wait for nothing: fail the connection (RFC 6455 §7.1.7).</summary>
    | Fail of Status: CloseStatus

    member private command.Shown: string =
        match command with
        | Command.Message kind -> Invariant $"{kind.Words} message"
        | Command.FirstFragment kind -> Invariant $"first fragment of a {kind.Words} message"
        | Command.NextFragment false -> "next fragment"
        | Command.NextFragment true -> "last fragment"
        | Command.Ping payload -> Words.control "Ping" payload
        | Command.Pong payload -> Words.control "Pong" payload
        | Command.Close sent -> Invariant $"Close {sent}"
        | Command.Fail sent -> Invariant $"Close {sent}, and the end"

    /// <summary>What is wanted, in words: <c>text message</c>, <c>Close 1001 'bye'</c>.</summary>
    override command.ToString() : string = command.Shown

/// <summary>What a step tells the application.</summary>
[<RequireQualifiedAccess; StructuredFormatDisplay("{Shown}")>]
type Event =
    /// <summary>The frame carried data of a message of this kind; <c>EndOfMessage</c> when it was the last frame.</summary>
    | Data of Kind: DataKind * EndOfMessage: bool
    /// <summary>A ping came.</summary>
    | Ping of Payload: ControlPayload
    /// <summary>A pong came.</summary>
    | Pong of Payload: ControlPayload
    /// <summary>The peer's close frame came.</summary>
    | Close of Status: CloseStatus

    /// Without what a ping or a pong carries, of which a recording knows only the length.
    member internal event.Words: string =
        match event with
        | Event.Data(received, true) -> Invariant $"{received.Words} message complete"
        | Event.Data(received, false) -> Invariant $"part of a {received.Words} message"
        | Event.Ping _ -> "ping"
        | Event.Pong _ -> "pong"
        | Event.Close received -> Invariant $"close {received}"

    member private event.Shown: string =
        match event with
        | Event.Ping payload
        | Event.Pong payload -> Words.control event.Words payload
        | Event.Data _
        | Event.Close _ -> event.Words

    /// <summary>What is told, in words: <c>text message complete</c>, <c>ping 01</c>.</summary>
    override event.ToString() : string = event.Shown

/// <summary>What a step writes to the peer.</summary>
[<RequireQualifiedAccess; StructuredFormatDisplay("{Shown}")>]
type Output =
    /// <summary>A frame of a message, with the payload that the caller has.</summary>
    | Data of Opcode: Opcode * Fin: bool
    /// <summary>A ping.</summary>
    | Ping of Payload: ControlPayload
    /// <summary>A pong.</summary>
    | Pong of Payload: ControlPayload
    /// <summary>The close frame: nothing but pongs follows it, until the peer's has come (RFC 6455 §5.5.1, §5.5.2).</summary>
    | Close of Status: CloseStatus

    member private output.Shown: string =
        match output with
        | Output.Data(opcode, true) -> opcode.ToString()
        | Output.Data(opcode, false) -> Invariant $"{opcode}, not final"
        | Output.Ping payload -> Words.control "Ping" payload
        | Output.Pong payload -> Words.control "Pong" payload
        | Output.Close sent -> Invariant $"Close {sent}"

    /// <summary>The frame in words: <c>Text, not final</c>, <c>Close 1000</c>.</summary>
    override output.ToString() : string = output.Shown

/// <summary>What one step leads to. It is carried out in this order: event, output, half-close.</summary>
[<Struct; CustomEquality; NoComparison; StructuredFormatDisplay("{Shown}")>]
type Transition = {
    /// <summary>The next state; the same object when nothing changed.</summary>
    State: State
    /// <summary>What to tell the application.</summary>
    Event: Event voption
    /// <summary>What to write.</summary>
    Output: Output voption
    /// <summary>True to shut the sending side of the stream down, after the output (RFC 6455 §7.1.1).</summary>
    HalfClose: bool
} with

    /// <summary>Tells the <c>Event</c>; false when there is none.</summary>
    /// <param name="value">What to tell the application.</param>
    member transition.TryGetEvent([<Out>] value: byref<Event>) : bool =
        ValueOption.tryGet transition.Event &value

    /// <summary>Tells the <c>Output</c>; false when there is none.</summary>
    /// <param name="value">What to write.</param>
    member transition.TryGetOutput([<Out>] value: byref<Output>) : bool =
        ValueOption.tryGet transition.Output &value

    /// <summary>True when both lead to the same. The default value is no outcome, and equals itself alone.</summary>
    /// <param name="other">Another outcome.</param>
    member transition.Equals(other: Transition) : bool =
        Object.Equals(transition.State, other.State)
        && transition.Event = other.Event
        && transition.Output = other.Output
        && transition.HalfClose = other.HalfClose

    /// <summary>True when both lead to the same.</summary>
    override transition.Equals(other: obj | null) : bool =
        match other with
        | :? Transition as other -> transition.Equals other
        | _ -> false

    member private transition.Shown: string =
        let told =
            Words.following "tells" (ValueOption.map (fun (told: Event) -> told.Words) transition.Event)

        let written = Words.following "writes" transition.Output
        Invariant $"{transition.State}{told}{written}{Words.halfClose transition.HalfClose}"

    /// <summary>The state, what is told, what is written, and the half-close, in words: <c>Open; writes: Pong 01</c>.</summary>
    override transition.ToString() : string = transition.Shown

    /// <summary>A hash code of the next state and what is told of it.</summary>
    override transition.GetHashCode() : int =
        HashCode.Combine(transition.State, transition.Event, transition.Output, transition.HalfClose)

    interface IEquatable<Transition> with
        member transition.Equals(other: Transition) : bool = transition.Equals other

/// <summary>The answer to a command.</summary>
[<Struct; RequireQualifiedAccess; StructuredFormatDisplay("{Shown}")>]
type SendResult =
    /// <summary>The state doesn't allow the command; nothing changed.</summary>
    | Refused of Error: SendError
    /// <summary>The command is carried out by carrying out the transition.</summary>
    | Accepted of Transition: Transition

    member private result.Shown: string =
        match result with
        | SendResult.Refused error -> Invariant $"refused: {error}"
        | SendResult.Accepted transition -> transition.ToString()

    /// <summary>What it leads to, or why not, in words.</summary>
    override result.ToString() : string = result.Shown

type PartialMessage with

    /// <summary>True when both are equal, as <c>Equals</c> tells.</summary>
    static member op_Equality(left: PartialMessage, right: PartialMessage) : bool = left.Equals right

    /// <summary>True when they are not equal.</summary>
    static member op_Inequality(left: PartialMessage, right: PartialMessage) : bool = not (left.Equals right)

type Initiator with

    /// <summary>True when both are equal, as <c>Equals</c> tells.</summary>
    static member op_Equality(left: Initiator, right: Initiator) : bool = left.Equals right

    /// <summary>True when they are not equal.</summary>
    static member op_Inequality(left: Initiator, right: Initiator) : bool = not (left.Equals right)

type Closure with

    /// <summary>True when both are equal, as <c>Equals</c> tells.</summary>
    static member op_Equality(left: Closure | null, right: Closure | null) : bool = obj.Equals(left, right)

    /// <summary>True when they are not equal.</summary>
    static member op_Inequality(left: Closure | null, right: Closure | null) : bool =
        not (obj.Equals(left, right))

type State with

    /// <summary>True when both are equal, as <c>Equals</c> tells.</summary>
    static member op_Equality(left: State | null, right: State | null) : bool = obj.Equals(left, right)

    /// <summary>True when they are not equal.</summary>
    static member op_Inequality(left: State | null, right: State | null) : bool =
        not (obj.Equals(left, right))

type Command with

    /// <summary>True when both are equal, as <c>Equals</c> tells.</summary>
    static member op_Equality(left: Command | null, right: Command | null) : bool = obj.Equals(left, right)

    /// <summary>True when they are not equal.</summary>
    static member op_Inequality(left: Command | null, right: Command | null) : bool =
        not (obj.Equals(left, right))

type Event with

    /// <summary>True when both are equal, as <c>Equals</c> tells.</summary>
    static member op_Equality(left: Event | null, right: Event | null) : bool = obj.Equals(left, right)

    /// <summary>True when they are not equal.</summary>
    static member op_Inequality(left: Event | null, right: Event | null) : bool =
        not (obj.Equals(left, right))

type Output with

    /// <summary>True when both are equal, as <c>Equals</c> tells.</summary>
    static member op_Equality(left: Output | null, right: Output | null) : bool = obj.Equals(left, right)

    /// <summary>True when they are not equal.</summary>
    static member op_Inequality(left: Output | null, right: Output | null) : bool =
        not (obj.Equals(left, right))

type Transition with

    /// <summary>True when both are equal, as <c>Equals</c> tells.</summary>
    static member op_Equality(left: Transition, right: Transition) : bool = left.Equals right

    /// <summary>True when they are not equal.</summary>
    static member op_Inequality(left: Transition, right: Transition) : bool = not (left.Equals right)

type SendResult with

    /// <summary>True when both are equal, as <c>Equals</c> tells.</summary>
    static member op_Equality(left: SendResult, right: SendResult) : bool = left.Equals right

    /// <summary>True when they are not equal.</summary>
    static member op_Inequality(left: SendResult, right: SendResult) : bool = not (left.Equals right)
