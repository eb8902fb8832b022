// One end of a connection as one immutable value: bytes in, at most one event and its answer out. Which step follows which (header,
// place in the message, size, pieces, decoding, text) is decided here; a caller can't get it wrong.
namespace FunctionalWs.Protocol

#nowarn "9" // stack buffers: for a head that was cut, and for what is decoded

open System
open System.Buffers
open System.Runtime.InteropServices
open FSharp.NativeInterop

/// <summary>What a step tells of the peer. The data itself is where the caller wanted it.</summary>
[<RequireQualifiedAccess>]
type Incoming =
    /// <summary>Nothing yet: all bytes are taken, and more are needed.</summary>
    | Nothing
    /// <summary>A frame of a message is complete; <c>EndOfMessage</c> when it was the last.</summary>
    | Data of Kind: MessageKind * EndOfMessage: bool
    /// <summary>A ping; it is answered, unless nothing may be written any more.</summary>
    | Ping of Payload: ControlPayload
    /// <summary>A pong.</summary>
    | Pong of Payload: ControlPayload
    /// <summary>The peer's close frame; it is answered, unless ours is out.</summary>
    | Close of Status: CloseStatus
    /// <summary>
    /// The peer broke a rule, and was told so, unless our close frame is out. The offset counts from the first byte of the call: it
    /// is negative when the rule was broken by a byte that came earlier. What came of the message is void.
    /// </summary>
    | Refused of Violation: Violation

/// Where in a frame the bytes so far end.
[<RequireQualifiedAccess; NoComparison; NoEquality>]
type internal Place =
    | Between
    /// A header that isn't whole, or a control frame that isn't: at most 138 bytes.
    | InHead of Bytes: byte[]
    | InData of Header: FrameHeader * Taken: int64

/// What doesn't change in the life of an endpoint.
[<NoComparison; ReferenceEquality>]
type internal Terms = {
    Settings: ConnectionSettings
    Timeouts: Timeouts
    ReadAhead: ReadAhead
}

/// <summary>
/// One end of a connection, client or server: its state, its place in a half-arrived frame, what is being timed and whether it is
/// read ahead. Immutable, and so safe from any thread: each step gives the next value, the same object where nothing changed, as after
/// a message in one frame. Does nothing by itself: whoever owns the stream steps it, writes what it answers and asks what is due.
/// </summary>
[<Sealed; AllowNullLiteral(false)>]
type WebSocketEndpoint internal (terms: Terms, state: State, place: Place, watch: Watch, reading: Reading) =

    let isBetweenMessages =
        match place, state with
        | Place.Between, State.Open(ValueNone, _) -> true
        | (Place.Between | Place.InHead _ | Place.InData _),
          (State.Open _ | State.CloseSent _ | State.Draining _ | State.Closed _) -> false

    /// <summary>What is asked of the peer's frames.</summary>
    member _.Settings: ConnectionSettings = terms.Settings

    /// <summary>The state of the connection.</summary>
    member _.State: State = state

    /// <summary>
    /// Whether to read on while the application is elsewhere, as <c>ReadOn</c> last said.
    /// </summary>
    member _.Reading: Reading = reading

    /// <summary>True while a header, a frame or a message has begun and isn't whole.</summary>
    member _.IsUnfinished: bool =
        not (obj.ReferenceEquals(place, Place.Between))
        || (Connection.receivingOf state).IsSome

    /// <summary>True once nothing that comes from the peer matters any more.</summary>
    member _.IsReceivingOver: bool = not (Connection.isLive state)

    /// <summary>True while a ping of the keepalive waits for a sign of life.</summary>
    member _.IsPinged: bool = watch.Pinged.IsSome

    /// <summary>True once the connection has ended: the stream can be closed.</summary>
    member _.IsClosed: bool =
        match state with
        | State.Closed _ -> true
        | State.Open _
        | State.CloseSent _
        | State.Draining _ -> false

    /// <summary>The side and the state, such as <c>Server, Open (ValueNone, ValueNone)</c>.</summary>
    override _.ToString() : string =
        String.Concat(terms.Settings.Role.ToString(), ", ", state.ToString())

    member internal _.Terms = terms
    member internal _.Place = place
    member internal _.Watch = watch
    /// True where a frame may begin that is a message by itself, and nothing but messages matters.
    member internal _.IsBetweenMessages = isBetweenMessages

    /// The value itself when nothing changed: what keeps a whole frame at 0 bytes. Once nothing that comes matters, no frame is
    /// under way; and what is whole is timed no more, so that the next that is unfinished is timed by itself.
    member internal endpoint.With(nextState: State, nextPlace: Place) : WebSocketEndpoint =
        let nextPlace =
            if Connection.isLive nextState then
                nextPlace
            else
                Place.Between

        if obj.ReferenceEquals(nextState, state) && obj.ReferenceEquals(nextPlace, place) then
            endpoint
        else
            let isUnfinished =
                not (obj.ReferenceEquals(nextPlace, Place.Between))
                || (Connection.receivingOf nextState).IsSome

            let nextWatch = if isUnfinished then watch else Watch.withoutMessage watch
            WebSocketEndpoint(terms, nextState, nextPlace, nextWatch, reading)

    member internal endpoint.With(nextWatch: Watch) : WebSocketEndpoint =
        if obj.ReferenceEquals(nextWatch, watch) then
            endpoint
        else
            WebSocketEndpoint(terms, state, place, nextWatch, reading)

    member internal endpoint.With(nextReading: Reading) : WebSocketEndpoint =
        match reading, nextReading with
        | Reading.On, Reading.On
        | Reading.ControlOnly, Reading.ControlOnly
        | Reading.Stop, Reading.Stop -> endpoint
        | (Reading.On | Reading.ControlOnly | Reading.Stop), _ ->
            WebSocketEndpoint(terms, state, place, watch, nextReading)

    member internal _.Condition: Condition = {
        IsOpen = state.IsOpen
        IsClosed = state.IsClosed
        IsUnfinished =
            not (obj.ReferenceEquals(place, Place.Between))
            || (Connection.receivingOf state).IsSome
        IsPaused = reading.IsStop
    }

/// <summary>What bytes of the peer have led to. It is carried out in this order: what is told, the answer, the half-close.</summary>
[<Struct; NoComparison; NoEquality>]
type ReceiveStep = {
    /// <summary>The next value.</summary>
    Next: WebSocketEndpoint
    /// <summary>How many of the bytes are done with: all of them, up to the end of what is told.</summary>
    Consumed: int
    /// <summary>What is told.</summary>
    Incoming: Incoming
    /// <summary>True to shut the sending side of the stream down, after the answer (RFC 6455 §7.1.1). Said once.</summary>
    HalfClose: bool
    /// <summary>The bits by which extensions have marked the frame that is complete (RFC 6455 §5.2).</summary>
    ReservedBits: ReservedBits
}

/// <summary>What a command has led to.</summary>
[<Struct; NoComparison; NoEquality>]
type SendStep = {
    /// <summary>The next value.</summary>
    Next: WebSocketEndpoint
    /// <summary>What is to be written; none when the command was refused, or writes nothing.</summary>
    Output: Output voption
    /// <summary>Why the command was refused; nothing changed then.</summary>
    Refused: SendError voption
    /// <summary>True to shut the sending side of the stream down, after the output (RFC 6455 §7.1.1). Said once.</summary>
    HalfClose: bool
}

/// <summary>What a time has led to.</summary>
[<Struct; NoComparison; NoEquality>]
type TickStep = {
    /// <summary>The next value.</summary>
    Next: WebSocketEndpoint
    /// <summary>What is due.</summary>
    Due: Due
}

/// A writer that is an object, as a sink.
[<Struct; NoComparison; NoEquality>]
type internal WriterSink(writer: IBufferWriter<byte>) =
    interface IBufferWriter<byte> with
        member _.GetSpan size = writer.GetSpan size
        member _.GetMemory size = writer.GetMemory size
        member _.Advance count = writer.Advance count

/// The steps of `Receive`. Those with a sink are made anew for each kind of it.
module internal ReceiveSteps =

    /// The longest control frame: a header of a long length with a key, and 125 bytes.
    [<Literal>]
    let private MaxHead = 139

    [<Literal>]
    let private DecodedAtOnce = 2048

    let private wholeText = Incoming.Data(MessageKind.Text, true)
    let private wholeBinary = Incoming.Data(MessageKind.Binary, true)
    let private partOfText = Incoming.Data(MessageKind.Text, false)
    let private partOfBinary = Incoming.Data(MessageKind.Binary, false)

    let data (kind: MessageKind) (endOfMessage: bool) : Incoming =
        match kind, endOfMessage with
        | MessageKind.Text, true -> wholeText
        | MessageKind.Text, false -> partOfText
        | MessageKind.Binary, true -> wholeBinary
        | MessageKind.Binary, false -> partOfBinary

    let write
        (role: Role)
        (key: uint32)
        (payload: ReadOnlySpan<byte>)
        (writer: IBufferWriter<byte>)
        (output: Output)
        : unit =
        let mask = if role.IsClient then ValueSome key else ValueNone

        match output with
        | Output.Data(opcode, fin) -> FrameWriter.write fin opcode payload mask writer
        | Output.Ping payload -> FrameWriter.write true Opcode.Ping payload.Span mask writer
        | Output.Pong payload -> FrameWriter.write true Opcode.Pong payload.Span mask writer
        | Output.Close status ->
            FrameWriter.write true Opcode.Close (ReadOnlySpan(status.ToArray())) mask writer

    let private told (event: Event voption) : Incoming =
        match event with
        | ValueNone -> Incoming.Nothing
        | ValueSome(Event.Data(kind, endOfMessage)) -> data kind endOfMessage
        | ValueSome(Event.Ping payload) -> Incoming.Ping payload
        | ValueSome(Event.Pong payload) -> Incoming.Pong payload
        | ValueSome(Event.Close status) -> Incoming.Close status

    let nothing (next: WebSocketEndpoint) (consumed: int) : ReceiveStep = {
        Next = next
        Consumed = consumed
        Incoming = Incoming.Nothing
        HalfClose = false
        ReservedBits = ReservedBits.None
    }

    /// A frame is done with.
    let carryOut
        (endpoint: WebSocketEndpoint)
        (transition: inref<Transition>)
        (incoming: Incoming)
        (consumed: int)
        (key: uint32)
        (answers: IBufferWriter<byte>)
        : ReceiveStep =
        match transition.Output with
        | ValueSome output -> write endpoint.Settings.Role key ReadOnlySpan.Empty answers output
        | ValueNone -> ()

        {
            Next = endpoint.With(transition.State, Place.Between)
            Consumed = consumed
            Incoming = incoming
            HalfClose = transition.HalfClose
            ReservedBits = ReservedBits.None
        }

    /// The rest of the bytes doesn't matter: nothing after a broken rule can be read (RFC 6455 §7.1.7).
    let refuse
        (endpoint: WebSocketEndpoint)
        (violation: Violation)
        (consumed: int)
        (key: uint32)
        (answers: IBufferWriter<byte>)
        : ReceiveStep =
        let transition = Connection.fail endpoint.State violation.Error
        carryOut endpoint &transition (Incoming.Refused violation) consumed key answers

    /// A whole control frame whose header begins at an offset.
    let private control
        (endpoint: WebSocketEndpoint)
        (offset: int64)
        (header: inref<FrameHeader>)
        (payload: Span<byte>)
        (consumed: int)
        (key: uint32)
        (answers: IBufferWriter<byte>)
        : ReceiveStep =
        match header.MaskingKey with
        | ValueSome mask -> Masking.apply mask 0L (Span<byte>.op_Implicit payload) payload
        | ValueNone -> ()

        let data = Span<byte>.op_Implicit payload

        let transition =
            Connection.onControl endpoint.Settings endpoint.State header.Opcode data

        match transition.State with
        | State.Draining(Closure.Failed(error, _)) ->
            let violation = Violation.inControl offset &header data error
            carryOut endpoint &transition (Incoming.Refused violation) consumed key answers
        | State.Draining _
        | State.Open _
        | State.CloseSent _
        | State.Closed _ -> carryOut endpoint &transition (told transition.Event) consumed key answers

    let private bitsOf (receiving: PartialMessage voption) (header: inref<FrameHeader>) : ReservedBits =
        match receiving with
        | ValueSome message when header.Opcode.IsContinuation -> message.ReservedBits
        | ValueSome _
        | ValueNone -> header.ReservedBits

    /// Unmasks a piece of a plain payload on its way to the sink, as the sink has room, and judges it.
    let private addPlain<'Sink when 'Sink: struct and 'Sink :> IBufferWriter<byte>>
        (settings: ConnectionSettings)
        (message: inref<PartialMessage>)
        (header: inref<FrameHeader>)
        (taken: int64)
        (bytes: ReadOnlySpan<byte>)
        (sink: byref<'Sink>)
        : Judged =
        let mutable result = Good message
        let mutable next = 0

        while next < bytes.Length do
            match result with
            | Bad _ -> next <- bytes.Length
            | Good before ->
                let room = sink.GetSpan 1
                let size = min room.Length (bytes.Length - next)
                let target = room.Slice(0, size)

                match header.MaskingKey with
                | ValueSome mask -> Masking.apply mask (taken + int64 next) (bytes.Slice(next, size)) target
                | ValueNone -> bytes.Slice(next, size).CopyTo target

                result <- Fragments.add settings &before (Span<byte>.op_Implicit target)
                sink.Advance size
                next <- next + size

        result

    /// Copies as the sink has room.
    let private copyTo<'Sink when 'Sink: struct and 'Sink :> IBufferWriter<byte>>
        (data: ReadOnlySpan<byte>)
        (sink: byref<'Sink>)
        : unit =
        let mutable next = 0

        while next < data.Length do
            let room = sink.GetSpan 1
            let size = min room.Length (data.Length - next)
            data.Slice(next, size).CopyTo room
            sink.Advance size
            next <- next + size

    /// Moves what was decoded to the sink, and judges it. The byte that is too many comes alone: bad text before it is found first,
    /// however the bytes have arrived.
    let private addDecoded<'Sink when 'Sink: struct and 'Sink :> IBufferWriter<byte>>
        (settings: ConnectionSettings)
        (message: inref<PartialMessage>)
        (decoder: PayloadDecoder)
        (sink: byref<'Sink>)
        : Judged =
        let mutable result = Good message

        while not decoder.Decoded.IsEmpty do
            match result with
            | Bad _ -> decoder.Skip decoder.Decoded.Length
            | Good before ->
                let decoded = decoder.Decoded
                let room = Fragments.room settings.Limits &before

                let size =
                    if room = 0L then
                        1
                    else
                        int (min room (int64 decoded.Length))

                let data = decoded.Slice(0, size)
                result <- Fragments.add settings &before data

                match result with
                | Good _ -> copyTo data &sink
                | Bad _ -> ()

                decoder.Skip size

        result

    /// Decodes a piece of a payload, a stack buffer at a time.
    let private addEncoded<'Sink when 'Sink: struct and 'Sink :> IBufferWriter<byte>>
        (settings: ConnectionSettings)
        (message: inref<PartialMessage>)
        (header: inref<FrameHeader>)
        (taken: int64)
        (bytes: ReadOnlySpan<byte>)
        (decoder: PayloadDecoder)
        (sink: byref<'Sink>)
        : Judged =
        let buffer =
            Span<byte>(NativePtr.toVoidPtr (NativePtr.stackalloc<byte> DecodedAtOnce), DecodedAtOnce)

        let mutable result = Good message
        let mutable next = 0
        let mutable isDone = false

        while not isDone do
            match result with
            | Bad _ -> isDone <- true
            | Good before ->
                let size = min (bytes.Length - next) DecodedAtOnce
                let piece = buffer.Slice(0, size)
                let source = bytes.Slice(next, size)

                match header.MaskingKey with
                | ValueSome mask -> Masking.apply mask (taken + int64 next) source piece
                | ValueNone -> source.CopyTo piece

                next <- next + size
                isDone <- next = bytes.Length
                let isEnd = header.Fin && taken + int64 next = header.PayloadLength

                if size > 0 || isEnd then
                    let room = Fragments.room settings.Limits &before

                    let error =
                        decoder.Decode(before.ReservedBits, Span<byte>.op_Implicit piece, isEnd, room)

                    // Bad text before bad bytes comes first.
                    match addDecoded settings &before decoder &sink, error with
                    | Bad error, _
                    | Good _, ValueSome error -> result <- Bad error
                    | Good message, ValueNone -> result <- Good message

        result

    let private add<'Sink when 'Sink: struct and 'Sink :> IBufferWriter<byte>>
        (settings: ConnectionSettings)
        (message: inref<PartialMessage>)
        (header: inref<FrameHeader>)
        (taken: int64)
        (bytes: ReadOnlySpan<byte>)
        (decoder: PayloadDecoder | null)
        (sink: byref<'Sink>)
        : Judged =
        if message.ReservedBits = ReservedBits.None then
            addPlain settings &message &header taken bytes &sink
        else
            match decoder with
            | null -> Bad(ProtocolError.ReservedBits(byte message.ReservedBits))
            | decoder -> addEncoded settings &message &header taken bytes decoder &sink

    /// A piece of a frame's payload, which begins at the start of `bytes`; `before` is how much of the call's bytes lies before them.
    let private payload<'Sink when 'Sink: struct and 'Sink :> IBufferWriter<byte>>
        (endpoint: WebSocketEndpoint)
        (receiving: PartialMessage voption)
        (message: inref<PartialMessage>)
        (header: inref<FrameHeader>)
        (taken: int64)
        (bytes: ReadOnlySpan<byte>)
        (before: int)
        (sink: byref<'Sink>)
        (answers: IBufferWriter<byte>)
        (key: uint32)
        (decoder: PayloadDecoder | null)
        : ReceiveStep =
        let size = int (min (header.PayloadLength - taken) (int64 bytes.Length))
        let offset = int64 before - taken - int64 header.Size
        let all = before + bytes.Length

        match add endpoint.Settings &message &header taken (bytes.Slice(0, size)) decoder &sink with
        | Bad error -> refuse endpoint (Violation.inData offset &header &message error) all key answers
        | Good added when taken + int64 size = header.PayloadLength ->
            let transition = Connection.endFrame endpoint.State receiving &added header.Fin

            match transition.State with
            | State.Draining(Closure.Failed(error, _)) ->
                refuse endpoint (Violation.inData offset &header &added error) all key answers
            | State.Draining _
            | State.Open _
            | State.CloseSent _
            | State.Closed _ ->
                carryOut endpoint &transition (told transition.Event) (before + size) key answers
        | Good added ->
            let state = Connection.withReceiving endpoint.State (ValueSome added)
            nothing (endpoint.With(state, Place.InData(header, taken + int64 size))) all

    /// A data frame begins: its payload begins at the start of `bytes`.
    let private beginData<'Sink when 'Sink: struct and 'Sink :> IBufferWriter<byte>>
        (endpoint: WebSocketEndpoint)
        (header: inref<FrameHeader>)
        (bytes: ReadOnlySpan<byte>)
        (before: int)
        (sink: byref<'Sink>)
        (answers: IBufferWriter<byte>)
        (key: uint32)
        (decoder: PayloadDecoder | null)
        : ReceiveStep =
        let receiving = Connection.receivingOf endpoint.State

        match Fragments.beginFrame endpoint.Settings.Limits receiving &header with
        | Bad error ->
            let offset = int64 (before - header.Size)
            refuse endpoint (Violation.inHeader offset error) (before + bytes.Length) key answers
        | Good message ->
            payload endpoint receiving &message &header 0L bytes before &sink answers key decoder

    /// `head` has a header, of which `held` bytes came before this call, and perhaps what follows it.
    let private headed<'Sink when 'Sink: struct and 'Sink :> IBufferWriter<byte>>
        (endpoint: WebSocketEndpoint)
        (header: inref<FrameHeader>)
        (head: ReadOnlySpan<byte>)
        (held: int)
        (bytes: ReadOnlySpan<byte>)
        (sink: byref<'Sink>)
        (answers: IBufferWriter<byte>)
        (key: uint32)
        (decoder: PayloadDecoder | null)
        : ReceiveStep =
        if not (Opcode.isControl header.Opcode) then
            let before = header.Size - held
            beginData endpoint &header (bytes.Slice before) before &sink answers key decoder
        elif int64 head.Length < header.FrameLength then
            nothing (endpoint.With(endpoint.State, Place.InHead(head.ToArray()))) (head.Length - held)
        else
            let payload = Span<byte>(NativePtr.toVoidPtr (NativePtr.stackalloc<byte> 125), 125)
            let size = int header.PayloadLength
            head.Slice(header.Size, size).CopyTo payload

            control
                endpoint
                (int64 -held)
                &header
                (payload.Slice(0, size))
                (header.Size + size - held)
                key
                answers

    /// A frame begins at the start of `bytes`.
    let frame<'Sink when 'Sink: struct and 'Sink :> IBufferWriter<byte>>
        (endpoint: WebSocketEndpoint)
        (bytes: ReadOnlySpan<byte>)
        (sink: byref<'Sink>)
        (answers: IBufferWriter<byte>)
        (key: uint32)
        (decoder: PayloadDecoder | null)
        : ReceiveStep =
        match FrameReader.readHeaderOf endpoint.Settings bytes with
        | HeaderParse.Malformed error ->
            refuse endpoint (Violation.inHeader 0L error) bytes.Length key answers
        | HeaderParse.Incomplete ->
            nothing (endpoint.With(endpoint.State, Place.InHead(bytes.ToArray()))) bytes.Length
        | HeaderParse.Complete header -> headed endpoint &header bytes 0 bytes &sink answers key decoder

    /// What was held of a head, and what follows it.
    let private head<'Sink when 'Sink: struct and 'Sink :> IBufferWriter<byte>>
        (endpoint: WebSocketEndpoint)
        (held: byte[])
        (bytes: ReadOnlySpan<byte>)
        (sink: byref<'Sink>)
        (answers: IBufferWriter<byte>)
        (key: uint32)
        (decoder: PayloadDecoder | null)
        : ReceiveStep =
        let room =
            Span<byte>(NativePtr.toVoidPtr (NativePtr.stackalloc<byte> MaxHead), MaxHead)

        Span(held).CopyTo room
        let added = min bytes.Length (MaxHead - held.Length)
        bytes.Slice(0, added).CopyTo(room.Slice held.Length)
        let joined = Span<byte>.op_Implicit(room.Slice(0, held.Length + added))

        match FrameReader.readHeaderOf endpoint.Settings joined with
        | HeaderParse.Malformed error ->
            refuse endpoint (Violation.inHeader (int64 -held.Length) error) bytes.Length key answers
        | HeaderParse.Incomplete ->
            nothing (endpoint.With(endpoint.State, Place.InHead(joined.ToArray()))) added
        | HeaderParse.Complete header ->
            headed endpoint &header joined held.Length bytes &sink answers key decoder

    /// Every way but the usual one.
    let receive<'Sink when 'Sink: struct and 'Sink :> IBufferWriter<byte>>
        (endpoint: WebSocketEndpoint)
        (bytes: ReadOnlySpan<byte>)
        (sink: byref<'Sink>)
        (answers: IBufferWriter<byte>)
        (key: uint32)
        (decoder: PayloadDecoder | null)
        : ReceiveStep =
        match endpoint.Place with
        | _ when bytes.IsEmpty -> nothing endpoint 0
        | _ when endpoint.IsReceivingOver ->
            nothing (endpoint.With(endpoint.State, Place.Between)) bytes.Length
        | Place.Between -> frame endpoint bytes &sink answers key decoder
        | Place.InHead held -> head endpoint held bytes &sink answers key decoder
        | Place.InData(header, taken) ->
            match Connection.receivingOf endpoint.State with
            | ValueNone -> nothing endpoint bytes.Length // a frame that has begun has its message in the state
            | ValueSome message ->
                let receiving = ValueSome message
                payload endpoint receiving &message &header taken bytes 0 &sink answers key decoder

    /// A frame that is a message by itself, whole and plain.
    let isUsual (header: inref<FrameHeader>) (available: int) : bool =
        header.FrameLength <= int64 available
        && header.Fin
        && header.ReservedBits = ReservedBits.None
        && (header.Opcode.IsText || header.Opcode.IsBinary)

// ---- What callers see

type WebSocketEndpoint with

    /// <summary>An endpoint right after its opening handshake, without limits on time or on what waits unread.</summary>
    /// <param name="settings">The side this is, and what is asked of the peer's frames.</param>
    static member Create(settings: ConnectionSettings) : WebSocketEndpoint =
        let terms = {
            Settings = settings
            Timeouts = Timeouts.Never
            ReadAhead = ReadAhead.Unlimited
        }

        let watch = Watch.opened TimeSpan.Zero (Watch.start TimeSpan.Zero)
        WebSocketEndpoint(terms, Connection.start, Place.Between, watch, Reading.On)

    /// <summary>An endpoint whose opening handshake begins; <c>Opened</c> says when it is over.</summary>
    /// <param name="settings">The side this is, and what is asked of the peer's frames.</param>
    /// <param name="timeouts">How long things may take.</param>
    /// <param name="readAhead">How far it may be read ahead of its application.</param>
    /// <param name="now">The time, since any moment: all times of this connection count from it.</param>
    static member Create
        (settings: ConnectionSettings, timeouts: Timeouts, readAhead: ReadAhead, now: TimeSpan)
        : WebSocketEndpoint =
        let terms = {
            Settings = settings
            Timeouts = timeouts
            ReadAhead = readAhead
        }

        WebSocketEndpoint(terms, Connection.start, Place.Between, Watch.start now, Reading.On)

    /// <summary>The opening handshake has agreed: frames may come, and pings are counted from now on.</summary>
    /// <param name="settings">What is asked of the peer's frames, extensions included.</param>
    /// <param name="now">The time.</param>
    member endpoint.Opened(settings: ConnectionSettings, now: TimeSpan) : WebSocketEndpoint =
        WebSocketEndpoint(
            {
                endpoint.Terms with
                    Settings = settings
            },
            endpoint.State,
            endpoint.Place,
            Watch.opened now endpoint.Watch,
            endpoint.Reading
        )

    // ---- Receiving

    /// <summary>
    /// Takes what has come, up to the first thing that is told. Data go to a sink as they come: room is asked for what is there, never
    /// for what was announced. The same call on the same value has the same result. Allocates nothing for a frame that is a message
    /// by itself, whole and not transformed by an extension.
    /// </summary>
    /// <param name="bytes">What has come of the stream and was not taken, cut anywhere.</param>
    /// <param name="sink">Where data go. What it throws leaves this value as it was.</param>
    /// <param name="answers">Where the answer goes: at most one frame, of 131 bytes at most.</param>
    /// <param name="key">The masking key of a client's answer: another, unpredictable one for each call (RFC 6455 §5.3, §10.3).</param>
    /// <param name="decoder">What decodes messages marked by extensions; null where none was agreed on.</param>
    /// <returns>What that led to. When not all was taken, call the next value with the rest.</returns>
    member endpoint.Receive<'Sink when 'Sink: struct and 'Sink :> IBufferWriter<byte>>
        (
            bytes: ReadOnlySpan<byte>,
            sink: byref<'Sink>,
            answers: IBufferWriter<byte>,
            key: uint32,
            decoder: PayloadDecoder | null
        ) : ReceiveStep =
        if not endpoint.IsBetweenMessages || bytes.IsEmpty then
            ReceiveSteps.receive endpoint bytes &sink answers key decoder
        else
            match FrameReader.readHeaderOf endpoint.Settings bytes with
            | HeaderParse.Complete header when ReceiveSteps.isUsual &header bytes.Length ->
                // The reader has held the size of a frame without bits against both limits: only its text can be wrong.
                let length = int header.PayloadLength
                let target = sink.GetSpan(length).Slice(0, length)
                Frame.copySpan &header (bytes.Slice(header.Size, length)) target

                if
                    header.Opcode.IsBinary
                    || not endpoint.Settings.ValidateText
                    || Utf8.isText (Span<byte>.op_Implicit target)
                then
                    sink.Advance length

                    {
                        Next = endpoint
                        Consumed = header.Size + length
                        Incoming =
                            ReceiveSteps.data
                                (if header.Opcode.IsText then
                                     MessageKind.Text
                                 else
                                     MessageKind.Binary)
                                true
                        HalfClose = false
                        ReservedBits = ReservedBits.None
                    }
                else
                    // Again, the long way: it finds where the text is wrong.
                    ReceiveSteps.frame endpoint bytes &sink answers key decoder
            | HeaderParse.Complete _
            | HeaderParse.Incomplete
            | HeaderParse.Malformed _ -> ReceiveSteps.frame endpoint bytes &sink answers key decoder

    /// <summary>Takes what has come, up to the first thing that is told, with a sink that is an object.</summary>
    /// <param name="bytes">What has come of the stream and was not taken, cut anywhere.</param>
    /// <param name="sink">Where data go. What it throws leaves this value as it was.</param>
    /// <param name="answers">Where the answer goes: at most one frame, of 131 bytes at most.</param>
    /// <param name="key">The masking key of a client's answer: another, unpredictable one for each call (RFC 6455 §5.3, §10.3).</param>
    /// <param name="decoder">What decodes messages marked by extensions; null where none was agreed on.</param>
    /// <returns>What that led to. When not all was taken, call the next value with the rest.</returns>
    member endpoint.Receive
        (
            bytes: ReadOnlySpan<byte>,
            sink: IBufferWriter<byte>,
            answers: IBufferWriter<byte>,
            [<Optional; DefaultParameterValue(0u)>] key: uint32,
            [<Optional; DefaultParameterValue(null: PayloadDecoder | null)>] decoder: PayloadDecoder | null
        ) : ReceiveStep =
        let mutable target = WriterSink sink
        endpoint.Receive(bytes, &target, answers, key, decoder)

    /// <summary>Takes what has come, as a pipe has it: in segments.</summary>
    /// <param name="bytes">What has come of the stream and was not taken, cut anywhere.</param>
    /// <param name="sink">Where data go. What it throws leaves this value as it was.</param>
    /// <param name="answers">Where the answer goes: at most one frame, of 131 bytes at most.</param>
    /// <param name="key">The masking key of a client's answer: another, unpredictable one for each call (RFC 6455 §5.3, §10.3).</param>
    /// <param name="decoder">What decodes messages marked by extensions; null where none was agreed on.</param>
    /// <returns>What that led to. When not all was taken, call the next value with the rest.</returns>
    member endpoint.Receive
        (
            bytes: inref<ReadOnlySequence<byte>>,
            sink: IBufferWriter<byte>,
            answers: IBufferWriter<byte>,
            [<Optional; DefaultParameterValue(0u)>] key: uint32,
            [<Optional; DefaultParameterValue(null: PayloadDecoder | null)>] decoder: PayloadDecoder | null
        ) : ReceiveStep =
        let mutable segments = bytes.GetEnumerator()
        let mutable step = ReceiveSteps.nothing endpoint 0
        let mutable consumed = 0L

        while step.Incoming.IsNothing
              && consumed < int64 Int32.MaxValue
              && segments.MoveNext() do
            let segment = segments.Current.Span
            let room = int (min (int64 segment.Length) (int64 Int32.MaxValue - consumed))
            step <- step.Next.Receive(segment.Slice(0, room), sink, answers, key, decoder)

            match step.Incoming with
            | Incoming.Refused violation ->
                step <- {
                    step with
                        Incoming =
                            Incoming.Refused {
                                violation with
                                    Offset = violation.Offset + consumed
                            }
                }
            | Incoming.Nothing
            | Incoming.Data _
            | Incoming.Ping _
            | Incoming.Pong _
            | Incoming.Close _ -> ()

            consumed <- consumed + int64 step.Consumed

        { step with Consumed = int consumed }

    /// <summary>
    /// Takes over a step that was made from an earlier value of this endpoint, since when only other calls than <c>Receive</c> have been
    /// made: what one thread has received while another sent, closed or looked at the time. As if the step came after those.
    /// </summary>
    /// <param name="step">The step. Its answer, if it has written one, is void.</param>
    /// <param name="answers">Where the answer goes.</param>
    /// <param name="key">The masking key of a client's answer.</param>
    member endpoint.Adopt
        (step: ReceiveStep, answers: IBufferWriter<byte>, [<Optional; DefaultParameterValue(0u)>] key: uint32)
        : ReceiveStep =
        let next = step.Next

        match step.Incoming with
        | Incoming.Refused violation -> ReceiveSteps.refuse endpoint violation step.Consumed key answers
        | Incoming.Close status ->
            let transition = Connection.onClose endpoint.Settings endpoint.State status

            ReceiveSteps.carryOut endpoint &transition step.Incoming step.Consumed key answers
        | Incoming.Ping payload ->
            let transition = Connection.onPing endpoint.State payload
            ReceiveSteps.carryOut endpoint &transition step.Incoming step.Consumed key answers
        | Incoming.Nothing
        | Incoming.Data _
        | Incoming.Pong _ when endpoint.IsReceivingOver -> {
            step with
                Next = endpoint.With(endpoint.State, Place.Between)
          }
        | Incoming.Nothing
        | Incoming.Data _
        | Incoming.Pong _ ->
            let state =
                match Connection.receivingOf endpoint.State, Connection.receivingOf next.State with
                | ValueNone, ValueNone -> endpoint.State
                | (ValueNone | ValueSome _), receiving -> Connection.withReceiving endpoint.State receiving

            {
                step with
                    Next = endpoint.With(state, next.Place)
            }

    /// <summary>The peer's side of the stream has ended. Ours follows, unless it has ended already.</summary>
    member endpoint.EndOfStream() : ReceiveStep =
        let transition = Connection.endOfStream endpoint.Settings endpoint.State

        {
            Next = endpoint.With(transition.State, Place.Between)
            Consumed = 0
            Incoming = Incoming.Nothing
            HalfClose = transition.HalfClose
            ReservedBits = ReservedBits.None
        }

    /// <summary>
    /// Our side of the stream has ended: everything has left that was to be written before a half-close. After both close frames it is
    /// the server that ends the stream then, without waiting for the client (RFC 6455 §7.1.1): the next value is closed.
    /// </summary>
    member endpoint.SendingEnded() : WebSocketEndpoint =
        endpoint.With(Connection.sendingEnded endpoint.Settings endpoint.State, endpoint.Place)

    // ---- Sending

    /// <summary>What a command leads to, without its bytes: for callers who write frames by themselves.</summary>
    /// <param name="command">What is wanted.</param>
    member endpoint.Send(command: Command) : SendStep =
        match Connection.send endpoint.State command with
        | SendResult.Refused error -> {
            Next = endpoint
            Output = ValueNone
            Refused = ValueSome error
            HalfClose = false
          }
        | SendResult.Accepted transition -> {
            Next = endpoint.With(transition.State, endpoint.Place)
            Output = transition.Output
            Refused = ValueNone
            HalfClose = transition.HalfClose
          }

    /// <summary>Sends: writes the frame, unless the state refuses the command; then nothing is written.</summary>
    /// <param name="command">What is wanted.</param>
    /// <param name="payload">The payload of a message or fragment, not masked; not looked at for other commands.</param>
    /// <param name="output">Where the frame goes.</param>
    /// <param name="key">The masking key of a client's frame: another, unpredictable one for each call (RFC 6455 §5.3, §10.3).</param>
    member endpoint.Send
        (
            command: Command,
            payload: ReadOnlySpan<byte>,
            output: IBufferWriter<byte>,
            [<Optional; DefaultParameterValue(0u)>] key: uint32
        ) : SendStep =
        let step = endpoint.Send command

        match step.Output with
        | ValueSome written -> ReceiveSteps.write endpoint.Settings.Role key payload output written
        | ValueNone -> ()

        step

    // ---- Time, and reading ahead

    /// <summary>
    /// What is due at a time. It may be asked early, late or twice. A limit that was passed is said again until something is done about
    /// it; a ping is said once.
    /// </summary>
    /// <param name="now">The time, on the same scale as at the beginning.</param>
    /// <param name="traffic">What has happened so far.</param>
    member endpoint.Tick(now: TimeSpan, traffic: Traffic) : TickStep =
        let struct (watch, due) =
            Watch.look now endpoint.Terms.Timeouts endpoint.Condition traffic endpoint.Watch

        {
            Next = endpoint.With watch
            Due = due
        }

    /// <summary>
    /// When to call <c>Tick</c> again, if nothing else happens before: what is not timed yet may begin at any moment, and is looked for
    /// eight times in its limit. <c>TimeSpan.MaxValue</c> for never.
    /// </summary>
    /// <param name="now">The time.</param>
    member endpoint.Deadline(now: TimeSpan) : TimeSpan =
        Watch.deadline now endpoint.Terms.Timeouts endpoint.Condition endpoint.Watch

    /// <summary>
    /// Whether to read on while the application is elsewhere: see <c>Reading</c> of the next value. A closing is never held up. While
    /// nothing is read, the peer isn't called silent or late.
    /// </summary>
    /// <param name="unread">What waits for the application.</param>
    member endpoint.ReadOn(unread: Unread) : WebSocketEndpoint =
        match endpoint.State with
        | State.Open _ ->
            let next =
                endpoint.With(ReadingRule.next endpoint.Terms.ReadAhead endpoint.Reading unread)

            // Nobody may look before it is read again: a message is timed anew from then on.
            if next.Reading.IsStop then
                next.With(Watch.withoutMessage next.Watch)
            else
                next
        | State.CloseSent _
        | State.Draining _
        | State.Closed _ -> endpoint.With Reading.On
