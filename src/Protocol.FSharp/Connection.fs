// The state of an established connection and everything that can happen to it (RFC 6455 §5.4, §5.5, §7).
//
//                 close sent                       close received
//        Open ───────────────▶ CloseSent ─────────────────────────────▶ Draining ──▶ Closed
//         │ └── close received: answered ───────────────────────────────▲   end of     ▲
//         │ └── rule broken: close sent with its code ──────────────────┘   stream     │
//         └───────────────────────────── end of stream ────────────────────────────────┘
//
// `receive` takes what comes from the peer, `send` what the application wants; both answer with a Transition: the
// next state, what to tell the application, what to write, and whether to shut the sending side down after that.
// One input leads to at most one of each. Nothing is ever written after a close frame.
namespace FunctionalWs.Protocol

#nowarn "9" // a stack buffer for text that is validated on the way

open System
open System.Buffers
open System.Buffers.Binary
open FSharp.NativeInterop

/// <summary>The transitions of a connection. Pure and total: the same arguments give the same answer, without effects.</summary>
module Connection =

    /// <summary>The state right after the opening handshake.</summary>
    [<CompiledName("Start")>]
    let start: State = State.Open(ValueNone, ValueNone)

    let private stay (state: State) : Transition = {
        State = state
        Event = ValueNone
        Output = ValueNone
        HalfClose = false
    }

    /// RFC 6455 §7.1.7: a close frame, if none is out, then the end of our sending side.
    let private fail (state: State) (error: ProtocolError) : Transition =
        match state with
        | State.Open _ ->
            let status =
                CloseStatus.Create(ProtocolError.closeCode error, ProtocolError.describe error)

            {
                State = State.Draining(Closure.Failed(error, status))
                Event = ValueNone
                Output = ValueSome(Output.Close status)
                HalfClose = true
            }
        | State.CloseSent(sent, _) -> {
            stay (State.Draining(Closure.Failed(error, sent))) with
                HalfClose = true
          }
        | State.Draining _
        | State.Closed _ -> stay state

    let private endOfStream (state: State) : Transition =
        match state with
        | State.Open _ -> {
            stay (State.Closed(Closure.Lost ValueNone)) with
                HalfClose = true
          }
        | State.CloseSent(sent, _) -> {
            stay (State.Closed(Closure.Lost(ValueSome sent))) with
                HalfClose = true
          }
        | State.Draining closure -> {
            stay (State.Closed closure) with
                HalfClose = true
          }
        | State.Closed _ -> stay state

    let internal readClose (payload: byte[]) : Result<CloseStatus, ProtocolError> =
        match payload.Length with
        | 0 -> Ok CloseStatus.NoStatus
        | 1 -> Error ProtocolError.CloseFrameTooShort
        | _ ->
            let code = int (BinaryPrimitives.ReadUInt16BigEndian(ReadOnlySpan payload))
            let reason = ReadOnlySpan(payload, 2, payload.Length - 2)

            if not (Text.Unicode.Utf8.IsValid reason) then
                Error ProtocolError.CloseReasonNotUtf8
            elif not (CloseCode.IsValid code) then
                Error(ProtocolError.CloseCodeInvalid code)
            else
                Ok(CloseStatus.Create(CloseCode.Create code, Text.Encoding.UTF8.GetString reason))

    /// The server shuts its side down at once; the client lets the server go first (RFC 6455 §7.1.1).
    let private onClose (settings: ConnectionSettings) (state: State) (received: CloseStatus) : Transition =
        match state with
        | State.Open _ -> {
            State = State.Draining(Closure.Clean(received, received, Initiator.Remote))
            Event = ValueSome(Event.Close received)
            Output = ValueSome(Output.Close received)
            HalfClose = settings.Role.IsServer
          }
        | State.CloseSent(sent, _) -> {
            State = State.Draining(Closure.Clean(received, sent, Initiator.Local))
            Event = ValueSome(Event.Close received)
            Output = ValueNone
            HalfClose = settings.Role.IsServer
          }
        | State.Draining _
        | State.Closed _ -> stay state

    let private onPing (state: State) (payload: ControlPayload) : Transition =
        match state with
        | State.Open _ -> {
            stay state with
                Event = ValueSome(Event.Ping payload)
                Output = ValueSome(Output.Pong payload)
          }
        | State.CloseSent _ -> {
            stay state with
                Event = ValueSome(Event.Ping payload)
          }
        | State.Draining _
        | State.Closed _ -> stay state

    let private onPong (state: State) (payload: ControlPayload) : Transition =
        match state with
        | State.Open _
        | State.CloseSent _ -> {
            stay state with
                Event = ValueSome(Event.Pong payload)
          }
        | State.Draining _
        | State.Closed _ -> stay state

    /// <summary>
    /// What is wrong with a frame of this header in this state, if anything: its place among the frames, or the size of
    /// the message that it would make. Judged before the payload arrives (RFC 6455 §5.4, §10.4).
    /// </summary>
    /// <param name="settings">The side this is, and its limits.</param>
    /// <param name="state">The state before the frame.</param>
    /// <param name="header">The frame's header, as <c>FrameReader</c> gave it.</param>
    [<CompiledName("Check")>]
    let check
        (settings: ConnectionSettings)
        (state: State)
        (header: inref<FrameHeader>)
        : ProtocolError voption =
        match state with
        // Comes to the same as the rest, without making a partial message: the usual frame.
        | State.Open(ValueNone, _) when Fragments.isMessage &header && header.ReservedBits = ReservedBits.None ->
            Fragments.checkPlain settings.Limits 0L header.PayloadLength
        | State.Open _
        | State.CloseSent _ when Opcode.isControl header.Opcode -> ValueNone
        | State.Open(receiving, _)
        | State.CloseSent(_, receiving) -> Fragments.check settings.Limits receiving &header
        | State.Draining _
        | State.Closed _ -> ValueNone

    let private withReceiving (state: State) (receiving: PartialMessage voption) : State =
        match state with
        | State.Open(_, sending) -> State.Open(receiving, sending)
        | State.CloseSent(sent, _) -> State.CloseSent(sent, receiving)
        | State.Draining _
        | State.Closed _ -> state

    /// The state after a piece of data that broke no rule.
    let private advance
        (state: State)
        (receiving: PartialMessage voption)
        (message: inref<PartialMessage>)
        (endOfMessage: bool)
        : State =
        match receiving, endOfMessage with
        // A message in one frame leaves the state as it was.
        | ValueNone, true -> state
        | ValueSome _, true -> withReceiving state ValueNone
        | (ValueNone | ValueSome _), false -> withReceiving state (ValueSome message)

    let private onValidData
        (state: State)
        (receiving: PartialMessage voption)
        (before: inref<PartialMessage>)
        (header: inref<FrameHeader>)
        (part: Part)
        (length: int64)
        (text: Utf8State)
        : Transition =
        let message = {
            before with
                Size = before.Size + length
                FragmentSize = before.FragmentSize + length
                Text = text
        }

        let endOfMessage = Fragments.endsMessage &header part

        {
            State = advance state receiving &message endOfMessage
            Event =
                if part.Ends then
                    Fragments.dataEvent message.Kind endOfMessage
                else
                    ValueNone
            Output = ValueNone
            HalfClose = false
        }

    let private onData
        (settings: ConnectionSettings)
        (state: State)
        (receiving: PartialMessage voption)
        (header: inref<FrameHeader>)
        (part: Part)
        (length: int64)
        (text: Utf8Result)
        : Transition =
        match Fragments.current receiving &header part, text with
        | ValueNone, _ -> fail state ProtocolError.ContinuationUnexpected
        | ValueSome message, text ->
            match Fragments.checkData settings.Limits &message length, text with
            | ValueSome error, _ -> fail state error
            | ValueNone, Invalid position ->
                fail state (ProtocolError.TextNotUtf8(message.Size + int64 position))
            | ValueNone, Valid text -> onValidData state receiving &message &header part length text

    /// True for a frame that is a message by itself and breaks no rule.
    let private isValidMessage
        (settings: ConnectionSettings)
        (header: inref<FrameHeader>)
        (data: ReadOnlySpan<byte>)
        : bool =
        Fragments.isMessage &header
        && (Fragments.checkPlain settings.Limits 0L (int64 data.Length)).IsNone
        && (header.Opcode.IsBinary || not settings.ValidateText || Utf8.isText data)

    /// <summary>
    /// A piece of a data frame's payload has arrived, been unmasked and decoded by the extensions of its message. With
    /// <c>check</c> before it, this equals <c>receive</c> of the whole frame, but bad text is found before the frame is
    /// complete. Allocates nothing for a message in one piece.
    /// </summary>
    /// <param name="settings">The side this is, and its limits.</param>
    /// <param name="state">The state after the piece before.</param>
    /// <param name="header">The header of a data frame that <c>check</c> found nothing wrong with.</param>
    /// <param name="part">Which part of the payload the piece is. Every frame has a first and a last, or a whole.</param>
    /// <param name="data">The piece, unmasked and decoded; may be empty.</param>
    [<CompiledName("ReceiveData")>]
    let receiveData
        (settings: ConnectionSettings)
        (state: State)
        (header: inref<FrameHeader>)
        (part: Part)
        (data: ReadOnlySpan<byte>)
        : Transition =
        match state with
        // Comes to the same as the rest, without making a partial message: the usual frame, when nothing is wrong with it.
        | State.Open(ValueNone, _) when part.IsWhole && isValidMessage settings &header data -> {
            stay state with
                Event = Fragments.dataEvent (Fragments.kindOf &header) true
          }
        | State.Open(receiving, _)
        | State.CloseSent(_, receiving) ->
            let length = int64 data.Length

            match Fragments.textOf settings receiving &header part with
            | ValueSome text ->
                let result =
                    Fragments.checkEnd (Fragments.endsMessage &header part) length (Utf8.validate text data)

                onData settings state receiving &header part length result
            | ValueNone -> onData settings state receiving &header part length (Valid Utf8.start)
        | State.Draining _
        | State.Closed _ -> stay state

    /// A piece of which no more is known than its length and what `Utf8.validate` found, as `receiveData` takes it.
    let internal receiveMeasured
        (settings: ConnectionSettings)
        (state: State)
        (header: inref<FrameHeader>)
        (part: Part)
        (length: int64)
        (found: Utf8Result)
        : Transition =
        match state with
        | State.Open(receiving, _)
        | State.CloseSent(_, receiving) ->
            match Fragments.textOf settings receiving &header part with
            | ValueSome _ -> onData settings state receiving &header part length found
            | ValueNone -> onData settings state receiving &header part length (Valid Utf8.start)
        | State.Draining _
        | State.Closed _ -> stay state

    /// The message that a frame belongs to, before or after its first part.
    let private messageOf
        (state: State)
        (header: inref<FrameHeader>)
        (isBegun: bool)
        : PartialMessage voption =
        match state with
        | State.Open(receiving, _)
        | State.CloseSent(_, receiving) ->
            Fragments.current receiving &header (if isBegun then Part.Middle else Part.First)
        | State.Draining _
        | State.Closed _ -> ValueNone

    /// <summary>
    /// The bits by which extensions marked the message that a frame belongs to: with any, the frame's payload has to be
    /// decoded before it is passed to <c>receiveData</c> (RFC 6455 §9).
    /// </summary>
    /// <param name="state">The state before the frame, or after a part of it.</param>
    /// <param name="header">The header of a data frame that <c>check</c> found nothing wrong with.</param>
    [<CompiledName("MessageBits")>]
    let messageBits (state: State) (header: inref<FrameHeader>) : ReservedBits =
        match state with
        | State.Open(ValueSome message, _)
        | State.CloseSent(_, ValueSome message) when header.Opcode.IsContinuation -> message.ReservedBits
        | State.Open _
        | State.CloseSent _
        | State.Draining _
        | State.Closed _ -> header.ReservedBits

    /// <summary>
    /// The most bytes of data that a frame may still bring, once decoded. More than that needs not be decoded: its
    /// first byte too many is refused.
    /// </summary>
    /// <param name="settings">The side this is, and its limits.</param>
    /// <param name="state">The state before the frame, or after a part of it.</param>
    /// <param name="header">The header of a data frame that <c>check</c> found nothing wrong with.</param>
    /// <param name="isBegun">True after the first part of the frame.</param>
    [<CompiledName("Room")>]
    let room
        (settings: ConnectionSettings)
        (state: State)
        (header: inref<FrameHeader>)
        (isBegun: bool)
        : int64 =
        match messageOf state &header isBegun with
        | ValueSome message ->
            min
                (settings.Limits.MaxMessageSize - message.Size)
                (settings.Limits.MaxFragmentSize - message.FragmentSize)
        | ValueNone -> 0L

    /// <summary>
    /// True when the bytes of a frame of this header are validated as text, so that it pays to pass them to
    /// <c>receiveData</c> before the frame is complete.
    /// </summary>
    /// <param name="settings">The side this is, and its limits.</param>
    /// <param name="state">The state before the frame, or after a part of it.</param>
    /// <param name="header">The header of a data frame that <c>check</c> found nothing wrong with.</param>
    [<CompiledName("IsValidated")>]
    let isValidated (settings: ConnectionSettings) (state: State) (header: inref<FrameHeader>) : bool =
        match state with
        | State.Open(ValueSome message, _)
        | State.CloseSent(_, ValueSome message) -> settings.ValidateText && message.Kind.IsText
        | State.Open(ValueNone, _)
        | State.CloseSent(_, ValueNone) -> settings.ValidateText && header.Opcode.IsText
        | State.Draining _
        | State.Closed _ -> false

    /// Unmasks a payload piece by piece into a small buffer, to validate it without keeping it.
    let private validateFrame (text: Utf8State) (frame: inref<Frame>) : Utf8Result =
        let bufferSize = 1024

        let buffer =
            Span<byte>(NativePtr.toVoidPtr (NativePtr.stackalloc<byte> bufferSize), bufferSize)

        let mutable rest = frame.Payload
        let mutable offset = 0
        let mutable result = Valid text

        while not rest.IsEmpty do
            let piece = rest.Slice(0L, min rest.Length (int64 bufferSize))
            let data = buffer.Slice(0, int piece.Length)
            Frame.copyPayload &frame.Header (int64 offset) &piece data
            rest <- rest.Slice piece.Length

            match result with
            | Valid text ->
                match Utf8.validate text (Span<byte>.op_Implicit data) with
                | Valid next -> result <- Valid next
                | Invalid position -> result <- Invalid(offset + position)
            | Invalid _ -> rest <- ReadOnlySequence.Empty

            offset <- offset + data.Length

        Fragments.checkEnd (Fragments.endsMessage &frame.Header Part.Whole) frame.Payload.Length result

    let private receivePayload
        (settings: ConnectionSettings)
        (state: State)
        (receiving: PartialMessage voption)
        (frame: inref<Frame>)
        : Transition =
        let length = frame.Payload.Length

        match Fragments.textOf settings receiving &frame.Header Part.Whole with
        | ValueSome text ->
            let result = validateFrame text &frame
            onData settings state receiving &frame.Header Part.Whole length result
        | ValueNone -> onData settings state receiving &frame.Header Part.Whole length (Valid Utf8.start)

    let private onControl (settings: ConnectionSettings) (state: State) (frame: inref<Frame>) : Transition =
        let payload = Frame.toArray &frame

        match frame.Header.Opcode with
        | Opcode.Close ->
            match readClose payload with
            | Ok status -> onClose settings state status
            | Error error -> fail state error
        | Opcode.Ping -> onPing state (ControlPayload.Own payload)
        | Opcode.Pong -> onPong state (ControlPayload.Own payload)
        | Opcode.Continuation
        | Opcode.Text
        | Opcode.Binary -> stay state

    let private onFrame
        (settings: ConnectionSettings)
        (state: State)
        (receiving: PartialMessage voption)
        (frame: inref<Frame>)
        : Transition =
        match check settings state &frame.Header with
        | ValueSome error -> fail state error
        | ValueNone when Opcode.isControl frame.Header.Opcode -> onControl settings state &frame
        | ValueNone -> receivePayload settings state receiving &frame

    /// <summary>
    /// The next state after something came from the peer. Total: every input has one answer in every state, and no input
    /// makes it throw. Allocates nothing for an unfragmented data frame.
    /// </summary>
    /// <param name="settings">The side this is, and its limits.</param>
    /// <param name="state">The state before.</param>
    /// <param name="input">
    /// What came. A frame's payload is read, not kept. It is taken as it is: a frame of a message with <c>messageBits</c> is
    /// for <c>receiveData</c>, once it is decoded.
    /// </param>
    [<CompiledName("Receive")>]
    let receive (settings: ConnectionSettings) (state: State) (input: Input) : Transition =
        match state, input with
        | (State.Open(receiving, _) | State.CloseSent(_, receiving)), Input.Received frame ->
            onFrame settings state receiving &frame
        | (State.Draining _ | State.Closed _), Input.Received _ -> stay state
        | _, Input.Broken error -> fail state error
        | _, Input.EndOfStream -> endOfStream state

    let private accept (state: State) (output: Output) : SendResult =
        SendResult.Accepted {
            stay state with
                Output = ValueSome output
        }

    // The four headers of data, made once: sending a message allocates nothing here.
    let private frameOf (opcode: Opcode) (fin: bool) = Output.Data(opcode, fin)
    let private textFrame = frameOf Opcode.Text true
    let private binaryFrame = frameOf Opcode.Binary true

    let private closeWith (next: State) (status: CloseStatus) (halfClose: bool) : SendResult =
        SendResult.Accepted {
            State = next
            Event = ValueNone
            Output = ValueSome(Output.Close status)
            HalfClose = halfClose
        }

    let private sendOpen
        (state: State)
        (receiving: PartialMessage voption)
        (sending: MessageKind voption)
        (command: Command)
        : SendResult =
        match command with
        | Command.Message _ when sending.IsSome -> SendResult.Refused SendError.MessageUnfinished
        | Command.Message MessageKind.Text -> accept state textFrame
        | Command.Message MessageKind.Binary -> accept state binaryFrame
        | Command.FirstFragment _ when sending.IsSome -> SendResult.Refused SendError.MessageUnfinished
        | Command.FirstFragment kind ->
            let opcode = if kind.IsText then Opcode.Text else Opcode.Binary
            accept (State.Open(receiving, ValueSome kind)) (frameOf opcode false)
        | Command.NextFragment _ when sending.IsNone -> SendResult.Refused SendError.NoMessageBegun
        | Command.NextFragment last ->
            let sending = if last then ValueNone else sending
            accept (State.Open(receiving, sending)) (frameOf Opcode.Continuation last)
        | Command.Ping payload -> accept state (Output.Ping payload)
        | Command.Pong payload -> accept state (Output.Pong payload)
        | Command.Close status -> closeWith (State.CloseSent(status, receiving)) status false
        | Command.Fail status -> closeWith (State.Draining(Closure.Abandoned status)) status true

    /// <summary>
    /// The next state after something the application wants, with what to write; or why it can't be had now. Allocates
    /// nothing for an unfragmented message.
    /// </summary>
    /// <param name="state">The state before.</param>
    /// <param name="command">What is wanted.</param>
    [<CompiledName("Send")>]
    let send (state: State) (command: Command) : SendResult =
        match state, command with
        | State.Open(receiving, sending), _ -> sendOpen state receiving sending command
        | State.CloseSent(sent, _), Command.Fail _ ->
            SendResult.Accepted {
                stay (State.Draining(Closure.Abandoned sent)) with
                    HalfClose = true
            }
        | State.CloseSent _, _
        | State.Draining _, _
        | State.Closed _, _ -> SendResult.Refused SendError.Closing
