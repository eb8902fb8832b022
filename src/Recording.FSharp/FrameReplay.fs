// One recorded frame, taken again by an endpoint: its header as it was, and bytes for its payload, but for those that make no
// difference, which are jumped over.
namespace FunctionalWs.Protocol

open System
open System.Buffers

/// A writer that forgets what is written, but for how much it was.
[<Sealed>]
type internal Forgetting() =
    let mutable buffer: byte[] = Array.zeroCreate 256
    let mutable count = 0L

    let room (size: int) =
        if size > buffer.Length then
            buffer <- Array.zeroCreate size

    /// How many bytes were written.
    member _.Count: int64 = count

    interface IBufferWriter<byte> with
        member _.Advance written = count <- count + int64 written

        member _.GetMemory size =
            room size
            Memory buffer

        member _.GetSpan size =
            room size
            Span buffer

/// What a step has led to now: the endpoint, what is said of it, why a command is refused, and the rule that the peer breaks.
[<Struct; NoComparison; NoEquality>]
type internal Outcome = {
    Next: WebSocketEndpoint
    Transition: Transition
    Refusal: SendError voption
    Violation: Violation voption
}

module internal FrameReplay =

    let private told (incoming: Incoming) : Event voption =
        match incoming with
        | Incoming.Nothing
        | Incoming.Refused _ -> ValueNone
        | Incoming.Data(kind, endOfMessage) -> ValueSome(Event.Data(kind, endOfMessage))
        | Incoming.Ping payload -> ValueSome(Event.Ping payload)
        | Incoming.Pong payload -> ValueSome(Event.Pong payload)
        | Incoming.Close status -> ValueSome(Event.Close status)

    /// What an answer says: it is a pong, or the close frame.
    let private answer (incoming: Incoming) (state: State) : Output voption =
        match incoming with
        | Incoming.Ping payload -> ValueSome(Output.Pong payload)
        | Incoming.Nothing
        | Incoming.Refused _
        | Incoming.Data _
        | Incoming.Pong _
        | Incoming.Close _ ->
            match state with
            | State.Draining(Closure.Clean(_, sent, _) | Closure.Failed(_, sent)) ->
                ValueSome(Output.Close sent)
            | State.Draining(Closure.Abandoned _ | Closure.Lost _)
            | State.Open _
            | State.CloseSent _
            | State.Closed _ -> ValueNone

    /// What came of a step, whose first byte lies at a place of the peer's bytes.
    let outcome (place: int64) (isAnswered: bool) (step: ReceiveStep) : Outcome = {
        Next = step.Next.With(step.Next.State, Place.Between)
        Transition = {
            State = step.Next.State
            Event = told step.Incoming
            Output =
                if isAnswered then
                    answer step.Incoming step.Next.State
                else
                    ValueNone
            HalfClose = step.HalfClose
        }
        Refusal = ValueNone
        Violation =
            match step.Incoming with
            | Incoming.Refused found ->
                ValueSome {
                    found with
                        Offset = place + found.Offset
                }
            | Incoming.Nothing
            | Incoming.Data _
            | Incoming.Ping _
            | Incoming.Pong _
            | Incoming.Close _ -> ValueNone
    }

    let private take
        (endpoint: WebSocketEndpoint)
        (place: int64)
        (bytes: byte[])
        decoder
        : struct (ReceiveStep * Outcome) =
        let answers = Forgetting()
        let step = endpoint.Receive(ReadOnlySpan bytes, Forgetting(), answers, 0u, decoder)
        struct (step, outcome place (answers.Count > 0L) step)

    /// Goes on in a frame as if so many plain bytes had come, of a text that owes nothing.
    let private jump (endpoint: WebSocketEndpoint) (header: FrameHeader) (wire: int64) (data: int64) =
        match StateParts.receiving endpoint.State with
        | ValueSome message ->
            let message = {
                message with
                    Size = message.Size + data
                    FragmentSize = message.FragmentSize + data
            }

            let state = StateParts.withReceiving (ValueSome message) endpoint.State
            endpoint.With(state, Place.InData(header, wire))
        | ValueNone -> endpoint

    /// The rest of a frame that is not encoded: its size was held against the limits already.
    let private plain
        (endpoint: WebSocketEndpoint)
        (place: int64)
        (header: FrameHeader)
        (stuffing: Stuffing)
        =
        // One byte at least, so that the frame ends.
        let one = if stuffing.Filler > 0L then [| Stuffing.filler |] else [||]
        let bytes = Array.concat [ stuffing.First; one; stuffing.Last ]

        let skipped =
            min (stuffing.Filler - int64 one.Length) (header.PayloadLength - int64 bytes.Length)
            |> max 0L

        let struct (_, outcome) =
            take (jump endpoint header skipped skipped) (place + skipped) bytes null

        outcome

    /// The data that may still come.
    let private room (endpoint: WebSocketEndpoint) : int64 =
        let limits = endpoint.Settings.Limits

        match StateParts.receiving endpoint.State with
        | ValueSome message ->
            min (limits.MaxMessageSize - message.Size) (limits.MaxFragmentSize - message.FragmentSize)
        | ValueNone -> 0L

    /// The rest of a frame that is encoded: what it brings comes with its last byte, or with its first if that is missing.
    let private encoded
        (endpoint: WebSocketEndpoint)
        (place: int64)
        (header: FrameHeader)
        isWhole
        stuffing
        error
        =
        let wire = if isWhole then header.PayloadLength - 1L else 0L
        let skipped = min stuffing.Filler (room endpoint)
        // One byte too many is enough.
        let rest = {
            stuffing with
                Filler = min 1L (stuffing.Filler - skipped)
        }

        let struct (_, outcome) =
            take (jump endpoint header wire skipped) (place + wire) [| 0uy |] (StuffedDecoder(rest, error))

        outcome

    // A frame without payload brings what its extensions have held back: no more than so much of it is made up.
    [<Literal>]
    let private MostHeldBack = 16_777_216L

    let private data
        (endpoint: WebSocketEndpoint)
        (place: int64)
        (header: FrameHeader)
        payload
        (ending: FrameEnding)
        =
        let receiving = StateParts.receiving endpoint.State

        let text =
            match receiving with
            | ValueSome message -> message.Text
            | ValueNone -> Utf8.start

        let error =
            match ending with
            | FrameEnding.Undecodable error -> ValueSome error
            | FrameEnding.Whole
            | FrameEnding.Cut -> ValueNone

        let stuffing = Stuffing.ofPayload text payload
        let isEncoded = HeaderBytes.messageBits receiving &header <> ReservedBits.None

        let heldBack = {
            stuffing with
                Filler = min stuffing.Filler MostHeldBack
        }

        let struct (step, outcome) =
            take
                endpoint
                place
                (HeaderBytes.withKey (HeaderBytes.ofHeader &header))
                (StuffedDecoder(heldBack, error))

        let place = place + int64 header.Size

        if not step.Incoming.IsNothing || step.Next.IsReceivingOver then
            outcome
        elif not isEncoded then
            plain step.Next place header stuffing
        elif not ending.IsCut || header.PayloadLength > 1L then
            encoded step.Next place header (not ending.IsCut) stuffing error
        else
            outcome

    let private control
        (endpoint: WebSocketEndpoint)
        (place: int64)
        (header: FrameHeader)
        (payload: RecordedPayload)
        =
        let bytes =
            match payload with
            | RecordedPayload.Bytes bytes -> bytes
            | RecordedPayload.Measured(length, _, _) ->
                Array.zeroCreate (int (min length (int64 ControlPayload.MaxLength)))

        let head = HeaderBytes.withKey (HeaderBytes.ofHeader &header)
        let struct (_, outcome) = take endpoint place (Array.append head bytes) null
        outcome

    /// A frame whose header begins at a place of the peer's bytes.
    let frame (endpoint: WebSocketEndpoint) (place: int64) (header: FrameHeader) payload ending : Outcome =
        if Opcode.isControl header.Opcode then
            control endpoint place header payload
        else
            data endpoint place header payload ending

    /// A header that was refused.
    let refused (endpoint: WebSocketEndpoint) (place: int64) (header: byte[]) : Outcome =
        let struct (_, outcome) = take endpoint place (HeaderBytes.withKey header) null
        outcome
