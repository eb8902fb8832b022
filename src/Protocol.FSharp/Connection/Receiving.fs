// What bytes lead to: which step follows which (header, place in the message, size, pieces, text) is decided here, on values alone but for
// the sink that takes the data.
namespace FunctionalWs.Protocol

#nowarn "9" // stack buffers for a head that was cut

open System
open System.Buffers
open FSharp.NativeInterop
open type System.FormattableString

/// <summary>What a step tells of the peer. The data itself is where the caller wanted it.</summary>
[<RequireQualifiedAccess; StructuredFormatDisplay("{Shown}")>]
type Incoming =
    /// <summary>Nothing yet: all bytes are taken, and more are needed.</summary>
    | Nothing
    /// <summary>A frame of a message is complete; <c>EndOfMessage</c> when it was the last.</summary>
    | Data of Kind: DataKind * EndOfMessage: bool
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

    member private incoming.Shown: string =
        match incoming with
        | Incoming.Nothing -> "nothing yet"
        | Incoming.Data(kind, endOfMessage) -> (Event.Data(kind, endOfMessage)).ToString()
        | Incoming.Ping payload -> (Event.Ping payload).ToString()
        | Incoming.Pong payload -> (Event.Pong payload).ToString()
        | Incoming.Close status -> (Event.Close status).ToString()
        | Incoming.Refused violation -> Invariant $"refused: {violation}"

    /// <summary>What is told, in words: <c>text message complete</c>.</summary>
    override incoming.ToString() : string = incoming.Shown

/// Where in a frame the bytes so far end.
[<RequireQualifiedAccess; NoComparison; NoEquality>]
type internal Place =
    | Between
    /// A header that isn't whole, or a control frame that isn't: at most 138 bytes.
    | InHead of Bytes: byte[]
    | InData of Header: FrameHeader * Taken: int64

/// What bytes have led to.
[<Struct; NoComparison; NoEquality>]
type internal Taken = {
    State: State
    Place: Place
    Consumed: int
    Incoming: Incoming
    /// The answer, if there is one.
    Output: Output voption
    HalfClose: bool
    /// Those of the header of the frame that is complete.
    ReservedBits: ReservedBits
}

/// The steps of receiving. Those with a sink are made anew for each kind of it.
module internal Receiving =

    /// The longest control frame: a header of a long length with a key, and 125 bytes.
    [<Literal>]
    let private MaxHead = 139

    let private wholeText = Incoming.Data(DataKind.Text, true)
    let private wholeBinary = Incoming.Data(DataKind.Binary, true)
    let private partOfText = Incoming.Data(DataKind.Text, false)
    let private partOfBinary = Incoming.Data(DataKind.Binary, false)

    let private data (kind: DataKind) (endOfMessage: bool) : Incoming =
        match kind, endOfMessage with
        | DataKind.Text, true -> wholeText
        | DataKind.Text, false -> partOfText
        | DataKind.Binary, true -> wholeBinary
        | DataKind.Binary, false -> partOfBinary

    let private told (event: Event voption) : Incoming =
        match event with
        | ValueNone -> Incoming.Nothing
        | ValueSome(Event.Data(kind, endOfMessage)) -> data kind endOfMessage
        | ValueSome(Event.Ping payload) -> Incoming.Ping payload
        | ValueSome(Event.Pong payload) -> Incoming.Pong payload
        | ValueSome(Event.Close status) -> Incoming.Close status

    /// A whole message in one frame of this opcode.
    let wholeMessage (opcode: Opcode) : Incoming =
        if opcode.IsText then wholeText else wholeBinary

    /// What is told by bytes before which so many others came in the same call.
    let shifted (before: int64) (incoming: Incoming) : Incoming =
        match incoming with
        | Incoming.Refused violation ->
            Incoming.Refused {
                violation with
                    Offset = violation.Offset + before
            }
        | Incoming.Nothing
        | Incoming.Data _
        | Incoming.Ping _
        | Incoming.Pong _
        | Incoming.Close _ -> incoming

    /// True while a header, a frame or a message has begun and isn't whole.
    let isUnfinished (state: State) (place: Place) : bool =
        not (obj.ReferenceEquals(place, Place.Between))
        || (Connection.receivingOf state).IsSome

    /// The bytes to come of a payload that no extension has transformed.
    let payloadLeft (state: State) (place: Place) : int64 =
        match place, Connection.receivingOf state with
        | Place.InData(header, taken), ValueSome message when message.ReservedBits = ReservedBits.None ->
            header.PayloadLength - taken
        | (Place.Between | Place.InHead _ | Place.InData _), (ValueNone | ValueSome _) -> 0L

    /// All bytes are taken, and more are needed.
    let waiting (state: State) (place: Place) (consumed: int) : Taken = {
        State = state
        Place = place
        Consumed = consumed
        Incoming = Incoming.Nothing
        Output = ValueNone
        HalfClose = false
        ReservedBits = ReservedBits.None
    }

    /// A frame is done with.
    let private ended (transition: inref<Transition>) (incoming: Incoming) (consumed: int) : Taken = {
        State = transition.State
        Place = Place.Between
        Consumed = consumed
        Incoming = incoming
        Output = transition.Output
        HalfClose = transition.HalfClose
        ReservedBits = ReservedBits.None
    }

    /// The rest of the bytes doesn't matter: nothing after a broken rule can be read (RFC 6455 §7.1.7).
    let private refuse (state: State) (violation: Violation) (consumed: int) : Taken =
        let transition = Connection.fail state violation.Error
        ended &transition (Incoming.Refused violation) consumed

    /// A whole control frame whose header begins at an offset.
    let private control
        (settings: ConnectionSettings)
        (state: State)
        (offset: int64)
        (header: inref<FrameHeader>)
        (payload: Span<byte>)
        (consumed: int)
        : Taken =
        match header.MaskingKey with
        | ValueSome mask -> Masking.apply mask 0L (Span<byte>.op_Implicit payload) payload
        | ValueNone -> ()

        let data = Span<byte>.op_Implicit payload
        let transition = Connection.onControl settings state header.Opcode data

        match transition.State with
        | State.Draining(Closure.Failed(error, _)) ->
            ended &transition (Incoming.Refused(Violation.inControl offset &header data error)) consumed
        | State.Draining _
        | State.Open _
        | State.CloseSent _
        | State.Closed _ -> ended &transition (told transition.Event) consumed

    /// A piece of a frame's payload, which begins at the start of `bytes`; `before` is how much of the call's bytes lies before them.
    let private payload<'Sink when 'Sink: struct and 'Sink :> IBufferWriter<byte>>
        (settings: ConnectionSettings)
        (state: State)
        (receiving: PartialMessage voption)
        (message: inref<PartialMessage>)
        (header: inref<FrameHeader>)
        (taken: int64)
        (bytes: ReadOnlySpan<byte>)
        (before: int)
        (decoder: PayloadDecoder | null)
        (sink: byref<'Sink>)
        : Taken =
        let size = int (min (header.PayloadLength - taken) (int64 bytes.Length))
        let offset = int64 before - taken - int64 header.Size
        let all = before + bytes.Length

        match Payload.add settings &message &header taken (bytes.Slice(0, size)) decoder &sink with
        | Bad error -> refuse state (Violation.inData offset &header &message error) all
        | Good added when taken + int64 size = header.PayloadLength ->
            let transition = Connection.endFrame state receiving &added header.Fin

            match transition.State with
            | State.Draining(Closure.Failed(error, _)) ->
                refuse state (Violation.inData offset &header &added error) all
            | State.Draining _
            | State.Open _
            | State.CloseSent _
            | State.Closed _ -> {
                ended &transition (told transition.Event) (before + size) with
                    ReservedBits = header.ReservedBits
              }
        | Good added ->
            let next = Connection.withReceiving state (ValueSome added)
            waiting next (Place.InData(header, taken + int64 size)) all

    /// A data frame begins: its payload begins at the start of `bytes`.
    let private beginData<'Sink when 'Sink: struct and 'Sink :> IBufferWriter<byte>>
        (settings: ConnectionSettings)
        (state: State)
        (header: inref<FrameHeader>)
        (bytes: ReadOnlySpan<byte>)
        (before: int)
        (decoder: PayloadDecoder | null)
        (sink: byref<'Sink>)
        : Taken =
        let receiving = Connection.receivingOf state

        match Fragments.beginFrame settings.Limits receiving &header with
        | Bad error ->
            let offset = int64 (before - header.Size)
            refuse state (Violation.inHeader offset error) (before + bytes.Length)
        | Good message -> payload settings state receiving &message &header 0L bytes before decoder &sink

    /// `head` has a header, of which `held` bytes came before this call, and perhaps what follows it.
    let private headed<'Sink when 'Sink: struct and 'Sink :> IBufferWriter<byte>>
        (settings: ConnectionSettings)
        (state: State)
        (header: inref<FrameHeader>)
        (head: ReadOnlySpan<byte>)
        (held: int)
        (bytes: ReadOnlySpan<byte>)
        (decoder: PayloadDecoder | null)
        (sink: byref<'Sink>)
        : Taken =
        if not (Opcode.isControl header.Opcode) then
            let before = header.Size - held
            beginData settings state &header (bytes.Slice before) before decoder &sink
        elif int64 head.Length < header.FrameLength then
            waiting state (Place.InHead(head.ToArray())) (head.Length - held)
        else
            let payload = Span<byte>(NativePtr.toVoidPtr (NativePtr.stackalloc<byte> 125), 125)
            let size = int header.PayloadLength
            head.Slice(header.Size, size).CopyTo payload
            let consumed = header.Size + size - held
            control settings state (int64 -held) &header (payload.Slice(0, size)) consumed

    /// A frame begins at the start of `bytes`.
    let private frame<'Sink when 'Sink: struct and 'Sink :> IBufferWriter<byte>>
        (settings: ConnectionSettings)
        (state: State)
        (bytes: ReadOnlySpan<byte>)
        (decoder: PayloadDecoder | null)
        (sink: byref<'Sink>)
        : Taken =
        match FrameReader.readHeaderOf settings bytes with
        | HeaderParse.Malformed error -> refuse state (Violation.inHeader 0L error) bytes.Length
        | HeaderParse.Incomplete -> waiting state (Place.InHead(bytes.ToArray())) bytes.Length
        | HeaderParse.Complete header -> headed settings state &header bytes 0 bytes decoder &sink

    /// What was held of a head, and what follows it.
    let private head<'Sink when 'Sink: struct and 'Sink :> IBufferWriter<byte>>
        (settings: ConnectionSettings)
        (state: State)
        (held: byte[])
        (bytes: ReadOnlySpan<byte>)
        (decoder: PayloadDecoder | null)
        (sink: byref<'Sink>)
        : Taken =
        let room =
            Span<byte>(NativePtr.toVoidPtr (NativePtr.stackalloc<byte> MaxHead), MaxHead)

        Span(held).CopyTo room
        let added = min bytes.Length (MaxHead - held.Length)
        bytes.Slice(0, added).CopyTo(room.Slice held.Length)
        let joined = Span<byte>.op_Implicit(room.Slice(0, held.Length + added))

        match FrameReader.readHeaderOf settings joined with
        | HeaderParse.Malformed error ->
            refuse state (Violation.inHeader (int64 -held.Length) error) bytes.Length
        | HeaderParse.Incomplete -> waiting state (Place.InHead(joined.ToArray())) added
        | HeaderParse.Complete header -> headed settings state &header joined held.Length bytes decoder &sink

    /// Every way but the usual one.
    let receive<'Sink when 'Sink: struct and 'Sink :> IBufferWriter<byte>>
        (settings: ConnectionSettings)
        (state: State)
        (place: Place)
        (bytes: ReadOnlySpan<byte>)
        (decoder: PayloadDecoder | null)
        (sink: byref<'Sink>)
        : Taken =
        match place with
        | _ when bytes.IsEmpty -> waiting state place 0
        | _ when not (Connection.isLive state) -> waiting state Place.Between bytes.Length
        | Place.Between -> frame settings state bytes decoder &sink
        | Place.InHead held -> head settings state held bytes decoder &sink
        | Place.InData(header, taken) ->
            match Connection.receivingOf state with
            | ValueNone -> waiting state place bytes.Length // a frame that has begun has its message in the state
            | ValueSome message ->
                payload settings state (ValueSome message) &message &header taken bytes 0 decoder &sink

    /// A frame that is a message by itself, whole and plain.
    let isUsual (header: inref<FrameHeader>) (available: int) : bool =
        header.FrameLength <= int64 available
        && header.Fin
        && header.ReservedBits = ReservedBits.None
        && (header.Opcode.IsText || header.Opcode.IsBinary)

    /// The peer's side of the stream has ended, after so many bytes of a call.
    let endOfStream (settings: ConnectionSettings) (state: State) (consumed: int) : Taken =
        let transition = Connection.endOfStream settings state
        ended &transition Incoming.Nothing consumed

    /// What was taken of an earlier state, as if it came after what has happened since: what goes on from there. The next state of the
    /// earlier step tells what came of the message that is under way.
    let adopt (settings: ConnectionSettings) (state: State) (early: inref<Taken>) : Taken =
        match early.Incoming with
        | Incoming.Refused violation -> refuse state violation early.Consumed
        | Incoming.Close status ->
            let transition = Connection.onClose settings state status
            ended &transition early.Incoming early.Consumed
        | Incoming.Ping payload ->
            let transition = Connection.onPing state payload
            ended &transition early.Incoming early.Consumed
        | Incoming.Nothing
        | Incoming.Data _
        | Incoming.Pong _ ->
            // No bytes lead there: it was the end of the stream, which comes now.
            if early.State.IsClosed && early.Incoming.IsNothing then
                endOfStream settings state early.Consumed
            elif not (Connection.isLive state) then
                {
                    early with
                        State = state
                        Place = Place.Between
                }
            else
                match Connection.receivingOf state, Connection.receivingOf early.State with
                | ValueNone, ValueNone -> { early with State = state }
                | (ValueNone | ValueSome _), receiving -> {
                    early with
                        State = Connection.withReceiving state receiving
                  }

type Incoming with

    /// <summary>True when both are equal, as <c>Equals</c> tells.</summary>
    static member op_Equality(left: Incoming | null, right: Incoming | null) : bool = obj.Equals(left, right)

    /// <summary>True when they are not equal.</summary>
    static member op_Inequality(left: Incoming | null, right: Incoming | null) : bool =
        not (obj.Equals(left, right))
