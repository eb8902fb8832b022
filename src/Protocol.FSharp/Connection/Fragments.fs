// Which message a data frame belongs to, and what each piece of its payload does to that message (RFC 6455 §5.4, §8.1, §10.4):
// `beginFrame`, `add` as often as pieces come, `endFrame`. A frame in one piece takes the same three steps.
namespace FunctionalWs.Protocol

open System

/// What a step leads to: the message with the frame or the piece, or the rule that it breaks.
[<Struct; NoComparison; NoEquality>]
type internal Judged =
    | Good of Message: PartialMessage
    | Bad of Error: ProtocolError

/// The rules of fragmentation, on values alone. Connection puts them into states.
module internal Fragments =

    let private newMessage (kind: DataKind) (header: inref<FrameHeader>) : PartialMessage = {
        Kind = kind
        ReservedBits = header.ReservedBits
        Size = 0L
        FragmentSize = 0L
        WireSize = header.PayloadLength
        Fragments = 1
        Text = Utf8.start
    }

    let private continued (message: inref<PartialMessage>) (header: inref<FrameHeader>) : PartialMessage = {
        message with
            FragmentSize = 0L
            WireSize = Saturating.sum message.WireSize header.PayloadLength
            Fragments = message.Fragments + 1
    }

    /// The message that a frame belongs to, the frame counted (RFC 6455 §5.4).
    let private messageOf (receiving: PartialMessage voption) (header: inref<FrameHeader>) : Judged =
        match receiving, header.Opcode with
        // §5.4: a message begins with a frame of its kind…
        | ValueNone, Opcode.Text -> Good(newMessage DataKind.Text &header)
        | ValueNone, Opcode.Binary -> Good(newMessage DataKind.Binary &header)
        // …and goes on with continuations…
        | ValueSome message, Opcode.Continuation -> Good(continued &message &header)
        // …which there are none of without it, as there is no other beginning until its end.
        | ValueNone, (Opcode.Continuation | Opcode.Close | Opcode.Ping | Opcode.Pong) ->
            Bad ProtocolError.ContinuationUnexpected
        | ValueSome _, (Opcode.Text | Opcode.Binary | Opcode.Close | Opcode.Ping | Opcode.Pong) ->
            Bad ProtocolError.ContinuationExpected

    /// A message may bring so much more, and this frame so much of it.
    let private checkData
        (limits: Limits)
        (message: inref<PartialMessage>)
        (length: int64)
        : ProtocolError voption =
        if length > limits.MaxFragmentSize - message.FragmentSize then
            ValueSome(
                ProtocolError.FragmentTooBig(
                    Saturating.sum message.FragmentSize length,
                    limits.MaxFragmentSize
                )
            )
        elif length > limits.MaxMessageSize - message.Size then
            ValueSome(ProtocolError.MessageTooBig(Saturating.sum message.Size length, limits.MaxMessageSize))
        else
            ValueNone

    /// What payloads bring is counted as they are decoded. Until then they may take little more than that.
    let private checkEncoded (limits: Limits) (message: inref<PartialMessage>) : ProtocolError voption =
        if message.WireSize > limits.Encoded(limits.MaxMessageSize, message.Fragments) then
            ValueSome(ProtocolError.MessageTooBig(message.WireSize, limits.MaxMessageSize))
        else
            ValueNone

    let private checkSize
        (limits: Limits)
        (message: inref<PartialMessage>)
        (header: inref<FrameHeader>)
        : ProtocolError voption =
        if message.Fragments > limits.MaxFragments then
            ValueSome(ProtocolError.TooManyFragments limits.MaxFragments)
        elif message.ReservedBits = ReservedBits.None then
            checkData limits &message header.PayloadLength
        else
            checkEncoded limits &message

    /// A data frame begins: judged by its header, before its payload has arrived.
    let beginFrame
        (limits: Limits)
        (receiving: PartialMessage voption)
        (header: inref<FrameHeader>)
        : Judged =
        match messageOf receiving &header with
        | Bad error -> Bad error
        | Good message ->
            match checkSize limits &message &header with
            | ValueSome error -> Bad error
            | ValueNone -> Good message

    /// The most bytes of data that the frame may still bring, once decoded.
    let room (limits: Limits) (message: inref<PartialMessage>) : int64 =
        min (limits.MaxMessageSize - message.Size) (limits.MaxFragmentSize - message.FragmentSize)

    let private validate
        (settings: ConnectionSettings)
        (message: inref<PartialMessage>)
        (data: ReadOnlySpan<byte>)
        : Utf8Result =
        // §8.1: text that isn't UTF-8 fails the connection.
        if settings.ValidateText && message.Kind.IsText then
            Utf8.validate message.Text data
        else
            Utf8Result.Valid message.Text

    /// A piece of the frame's payload has come, unmasked and decoded.
    let add
        (settings: ConnectionSettings)
        (message: inref<PartialMessage>)
        (data: ReadOnlySpan<byte>)
        : Judged =
        let length = int64 data.Length

        match checkData settings.Limits &message length, validate settings &message data with
        | ValueSome error, _ -> Bad error
        | ValueNone, Utf8Result.Invalid position ->
            Bad(ProtocolError.TextNotUtf8(message.Size + int64 position))
        | ValueNone, Utf8Result.Valid text ->
            Good {
                message with
                    Size = message.Size + length
                    FragmentSize = message.FragmentSize + length
                    Text = text
            }

    /// The frame is complete. A text may not end inside a character (RFC 6455 §8.1).
    let endFrame (message: inref<PartialMessage>) (fin: bool) : ProtocolError voption =
        // §8.1: over all its fragments, so a character may be cut between two of them, but not by the end.
        if fin && not message.Text.IsComplete then
            ValueSome(ProtocolError.TextNotUtf8 message.Size)
        else
            ValueNone

    // The four events of data, made once: a data frame allocates nothing.
    let private wholeText = Event.Data(DataKind.Text, true)
    let private wholeBinary = Event.Data(DataKind.Binary, true)
    let private partOfText = Event.Data(DataKind.Text, false)
    let private partOfBinary = Event.Data(DataKind.Binary, false)

    /// A frame of a message is complete.
    let dataEvent (kind: DataKind) (endOfMessage: bool) : Event =
        match kind, endOfMessage with
        | DataKind.Text, true -> wholeText
        | DataKind.Text, false -> partOfText
        | DataKind.Binary, true -> wholeBinary
        | DataKind.Binary, false -> partOfBinary
