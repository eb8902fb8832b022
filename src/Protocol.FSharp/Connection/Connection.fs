// The state of an established connection and everything that can happen to it (RFC 6455 §5.4, §5.5, §7).
//
//                 close sent                       close received
//        Open ───────────────▶ CloseSent ─────────────────────────────▶ Draining ──▶ Closed
//         │ ├── close received: answered ───────────────────────────────▲   end of     ▲
//         │ ├── rule broken: close sent with its code ──────────────────┤   stream     │
//         │ ├── fail: close sent, and no answer waited for ─────────────┘              │
//         │ └─────────────────────────── end of stream ────────────────────────────────┤
//         CloseSent: rule broken or fail lead to Draining, the end of the stream to Closed
//
// `receive` takes what comes from the peer, `send` what the application wants; both answer with a Transition: the
// next state, what to tell the application, what to write, and whether to shut the sending side down after that.
// One input leads to at most one of each. After a close frame nothing is written but pongs (RFC 6455 §5.5.2), and those only
// until the peer's close frame has come.
namespace FunctionalWs.Protocol

#nowarn "9" // a stack buffer for payloads that are looked at on the way

open System
open System.Buffers
open System.Buffers.Binary
open FSharp.NativeInterop

module Connection =

    [<CompiledName("Start")>]
    let start: State = State.Open(ValueNone, ValueNone)

    let private stay (state: State) : Transition = {
        State = state
        Event = ValueNone
        Output = ValueNone
        HalfClose = false
    }

    /// RFC 6455 §7.1.7: a close frame, if none is out, then the end of our sending side.
    let internal fail (state: State) (error: ProtocolError) : Transition =
        match state with
        | State.Open _ ->
            let status = CloseStatus.Create(ProtocolError.closeCode error, error.Description)

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

    /// True when our sending side is still up although nothing more is to be written: a client that lets the server go first.
    let private isHalfOpen (settings: ConnectionSettings) (closure: Closure) : bool =
        match closure with
        | Closure.Clean _ -> settings.Role.IsClient
        | Closure.Failed _
        | Closure.Abandoned _
        | Closure.Lost _ -> false

    /// The peer's side has ended. Ours follows, unless it has ended already.
    let internal endOfStream (settings: ConnectionSettings) (state: State) : Transition =
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
                HalfClose = isHalfOpen settings closure
          }
        | State.Closed _ -> stay state

    let internal isSendingOver (settings: ConnectionSettings) (state: State) : bool =
        match state with
        | State.Open _
        | State.CloseSent _ -> false
        | State.Draining closure -> not (isHalfOpen settings closure)
        | State.Closed _ -> true

    /// Our side has ended: all that was to be written has left. Both close frames were exchanged, and it is the server that
    /// ends the stream then, without waiting for the client (RFC 6455 §7.1.1). All others wait for the peer's end.
    let internal sendingEnded (settings: ConnectionSettings) (state: State) : State =
        match state with
        | State.Draining(Closure.Clean _ as closure) when settings.Role.IsServer -> State.Closed closure
        | State.Draining _
        | State.Open _
        | State.CloseSent _
        | State.Closed _ -> state

    /// RFC 6455 §5.5.1, §7.4: nothing, or a code that may be sent and a reason in UTF-8.
    let internal readClose (payload: ReadOnlySpan<byte>) : Result<CloseStatus, ProtocolError> =
        match payload.Length with
        | 0 -> Ok CloseStatus.NoStatus
        // §5.5.1: a body begins with a code of two bytes.
        | 1 -> Error ProtocolError.CloseFrameTooShort
        | _ ->
            let code = int (BinaryPrimitives.ReadUInt16BigEndian payload)
            let reason = payload.Slice 2

            // §5.5.1: what follows the code is UTF-8.
            if not (Text.Unicode.Utf8.IsValid reason) then
                Error ProtocolError.CloseReasonNotUtf8
            // §7.4: codes that are reserved, or that nobody has defined, aren't sent.
            elif not (CloseCode.IsValid code) then
                Error(ProtocolError.CloseCodeInvalid code)
            else
                Ok(CloseStatus.Create(CloseCode.Create code, Text.Encoding.UTF8.GetString reason))

    /// The server shuts its side down at once; the client lets the server go first (RFC 6455 §7.1.1).
    let internal onClose (settings: ConnectionSettings) (state: State) (received: CloseStatus) : Transition =
        match state with
        // §5.5.1: a close frame MUST be answered with one, unless one was sent; the answer has its code.
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

    /// Answered until a close frame has been received (RFC 6455 §5.5.2).
    let internal onPing (state: State) (payload: ControlPayload) : Transition =
        match state with
        | State.Open _
        | State.CloseSent _ -> {
            stay state with
                Event = ValueSome(Event.Ping payload)
                Output = ValueSome(Output.Pong payload)
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

    /// A whole control frame (RFC 6455 §5.5).
    let internal onControl
        (settings: ConnectionSettings)
        (state: State)
        (opcode: Opcode)
        (payload: ReadOnlySpan<byte>)
        : Transition =
        match opcode with
        | Opcode.Close ->
            match readClose payload with
            | Ok status -> onClose settings state status
            | Error error -> fail state error
        | Opcode.Ping -> onPing state (ControlPayload.Create payload)
        | Opcode.Pong -> onPong state (ControlPayload.Create payload)
        | Opcode.Continuation
        | Opcode.Text
        | Opcode.Binary -> stay state

    /// The message of which fragments have come; none outside of one.
    let internal receivingOf (state: State) : PartialMessage voption =
        match state with
        | State.Open(receiving, _)
        | State.CloseSent(_, receiving) -> receiving
        | State.Draining _
        | State.Closed _ -> ValueNone

    let internal withReceiving (state: State) (receiving: PartialMessage voption) : State =
        match state with
        | State.Open(_, sending) -> State.Open(receiving, sending)
        | State.CloseSent(sent, _) -> State.CloseSent(sent, receiving)
        | State.Draining _
        | State.Closed _ -> state

    /// True while what comes from the peer matters.
    let internal isLive (state: State) : bool =
        match state with
        | State.Open _
        | State.CloseSent _ -> true
        | State.Draining _
        | State.Closed _ -> false

    /// A data frame is complete. A message in one frame leaves the state as it was.
    let internal endFrame
        (state: State)
        (receiving: PartialMessage voption)
        (message: inref<PartialMessage>)
        (fin: bool)
        : Transition =
        match Fragments.endFrame &message fin with
        | ValueSome error -> fail state error
        | ValueNone -> {
            State =
                match receiving, fin with
                | ValueNone, true -> state
                | ValueSome _, true -> withReceiving state ValueNone
                | (ValueNone | ValueSome _), false -> withReceiving state (ValueSome message)
            Event = ValueSome(Fragments.dataEvent message.Kind fin)
            Output = ValueNone
            HalfClose = false
          }

    /// Hands a payload over piece by piece, unmasked in a small buffer, without keeping it.
    let private addPayload
        (settings: ConnectionSettings)
        (message: inref<PartialMessage>)
        (frame: inref<Frame>)
        : Judged =
        let bufferSize = 1024

        let buffer =
            Span<byte>(NativePtr.toVoidPtr (NativePtr.stackalloc<byte> bufferSize), bufferSize)

        let mutable rest = frame.Payload
        let mutable offset = 0L
        let mutable result = Good message

        while not rest.IsEmpty do
            let piece = rest.Slice(0L, min rest.Length (int64 bufferSize))
            let data = buffer.Slice(0, int piece.Length)
            Frame.copyPayload &frame.Header offset &piece data
            rest <- rest.Slice piece.Length
            offset <- offset + piece.Length

            match result with
            | Good before -> result <- Fragments.add settings &before (Span<byte>.op_Implicit data)
            | Bad _ -> rest <- ReadOnlySequence.Empty

        result

    let private onData
        (settings: ConnectionSettings)
        (state: State)
        (receiving: PartialMessage voption)
        (frame: inref<Frame>)
        : Transition =
        match Fragments.beginFrame settings.Limits receiving &frame.Header with
        | Bad error -> fail state error
        // RFC 6455 §5.2, §9: what an extension has transformed is no data yet. WebSocketEndpoint has it decoded.
        | Good begun when begun.ReservedBits <> ReservedBits.None ->
            fail state (ProtocolError.ReservedBits(byte begun.ReservedBits))
        | Good begun ->
            match addPayload settings &begun &frame with
            | Bad error -> fail state error
            | Good message -> endFrame state receiving &message frame.Header.Fin

    let private onFrame
        (settings: ConnectionSettings)
        (state: State)
        (receiving: PartialMessage voption)
        (frame: inref<Frame>)
        : Transition =
        let opcode = frame.Header.Opcode

        // A reader lets none of the first two through; a caller may make a frame by hand.
        // §5.5: a control frame is not fragmented.
        if Opcode.isControl opcode && not frame.Header.Fin then
            fail state (ProtocolError.ControlFrameFragmented opcode)
        // §5.5: a control frame has a payload of 125 bytes or less.
        elif Opcode.isControl opcode && frame.Payload.Length > int64 ControlPayload.MaxLength then
            fail state (ProtocolError.ControlFrameTooLong opcode)
        elif Opcode.isControl opcode then
            let payload = Frame.toArray &frame
            onControl settings state opcode (ReadOnlySpan payload)
        else
            onData settings state receiving &frame

    // ---- What unions take although it is null, missed at the door

    let private checkState (state: State) : unit =
        ArgumentNullException.ThrowIfNull(state, nameof state)

        match state with
        | State.Open _ -> ()
        | State.CloseSent(sent, _) -> ArgumentNullException.ThrowIfNull(sent, nameof state)
        | State.Draining closure
        | State.Closed closure -> ArgumentNullException.ThrowIfNull(closure, nameof state)

    let private checkInput (input: Input) : unit =
        match input with
        | Input.Broken error -> ArgumentNullException.ThrowIfNull(error, nameof input)
        | Input.Received _
        | Input.EndOfStream -> ()

    let private checkCommand (command: Command) : unit =
        ArgumentNullException.ThrowIfNull(command, nameof command)

        match command with
        | Command.Ping payload
        | Command.Pong payload -> ArgumentNullException.ThrowIfNull(payload, nameof command)
        | Command.Close status
        | Command.Fail status -> ArgumentNullException.ThrowIfNull(status, nameof command)
        | Command.Message _
        | Command.FirstFragment _
        | Command.NextFragment _ -> ()

    [<CompiledName("Receive")>]
    let receive (settings: ConnectionSettings) (state: State) (input: Input) : Transition =
        ConnectionSettings.check settings
        checkState state
        checkInput input

        match state, input with
        | (State.Open(receiving, _) | State.CloseSent(_, receiving)), Input.Received frame ->
            onFrame settings state receiving &frame
        | (State.Draining _ | State.Closed _), Input.Received _ -> stay state
        | _, Input.Broken error -> fail state error
        | _, Input.EndOfStream -> endOfStream settings state

    // ---- Sending

    let private accept (state: State) (output: Output) : SendResult =
        SendResult.Accepted {
            stay state with
                Output = ValueSome output
        }

    // The four headers of data, made once: sending a message allocates nothing here.
    let private frameOf (opcode: Opcode) (fin: bool) = Output.Data(opcode, fin)
    let private textFrame = frameOf Opcode.Text true
    let private binaryFrame = frameOf Opcode.Binary true

    /// A whole message can be sent, which leaves the state as it is.
    let internal maySendMessage (state: State) : bool =
        match state with
        | State.Open(_, sending) -> sending.IsNone
        | State.CloseSent _
        | State.Draining _
        | State.Closed _ -> false

    /// The frame of a whole message.
    let internal wholeMessage (kind: DataKind) : Output =
        match kind with
        | DataKind.Text -> textFrame
        | DataKind.Binary -> binaryFrame

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
        (sending: DataKind voption)
        (command: Command)
        : SendResult =
        match command with
        | Command.Message _ when sending.IsSome -> SendResult.Refused SendError.MessageUnfinished
        | Command.Message kind -> accept state (wholeMessage kind)
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

    [<CompiledName("Send")>]
    let send (state: State) (command: Command) : SendResult =
        checkState state
        checkCommand command

        match state, command with
        | State.Open(receiving, sending), _ -> sendOpen state receiving sending command
        | State.CloseSent(sent, _), Command.Fail _ ->
            SendResult.Accepted {
                stay (State.Draining(Closure.Abandoned sent)) with
                    HalfClose = true
            }
        // §5.5.1: nothing of an application's MUST follow its close frame.
        | State.CloseSent _, _
        | State.Draining _, _
        | State.Closed _, _ -> SendResult.Refused SendError.Closing
