// Which message a data frame belongs to, and what a piece of it does to that message (RFC 6455 §5.4, §8.1).
namespace FunctionalWs.Protocol

/// The rules of fragmentation, on values alone. Connection puts them into states.
module internal Fragments =

    // The four events of data, made once: a data frame allocates nothing.
    let private wholeText = ValueSome(Event.Data(MessageKind.Text, true))
    let private wholeBinary = ValueSome(Event.Data(MessageKind.Binary, true))
    let private partOfText = ValueSome(Event.Data(MessageKind.Text, false))
    let private partOfBinary = ValueSome(Event.Data(MessageKind.Binary, false))

    let dataEvent (kind: MessageKind) (endOfMessage: bool) : Event voption =
        match kind, endOfMessage with
        | MessageKind.Text, true -> wholeText
        | MessageKind.Text, false -> partOfText
        | MessageKind.Binary, true -> wholeBinary
        | MessageKind.Binary, false -> partOfBinary

    let private newMessage (kind: MessageKind) : PartialMessage = {
        Kind = kind
        Size = 0L
        Fragments = 1
        Text = Utf8.start
    }

    /// The message that a frame belongs to, the frame counted; none when it fits none (RFC 6455 §5.4).
    let messageOf (receiving: PartialMessage voption) (opcode: Opcode) : PartialMessage voption =
        match receiving, opcode with
        | ValueNone, Opcode.Text -> ValueSome(newMessage MessageKind.Text)
        | ValueNone, Opcode.Binary -> ValueSome(newMessage MessageKind.Binary)
        | ValueSome message, Opcode.Continuation ->
            ValueSome {
                message with
                    Fragments = message.Fragments + 1
            }
        | ValueNone, (Opcode.Continuation | Opcode.Close | Opcode.Ping | Opcode.Pong)
        | ValueSome _, (Opcode.Text | Opcode.Binary | Opcode.Close | Opcode.Ping | Opcode.Pong) -> ValueNone

    let check
        (limits: Limits)
        (receiving: PartialMessage voption)
        (header: inref<FrameHeader>)
        : ProtocolError voption =
        match messageOf receiving header.Opcode with
        | ValueNone when receiving.IsSome -> ValueSome ProtocolError.ContinuationExpected
        | ValueNone -> ValueSome ProtocolError.ContinuationUnexpected
        | ValueSome message when message.Fragments > limits.MaxFragments ->
            ValueSome(ProtocolError.TooManyFragments limits.MaxFragments)
        | ValueSome message when header.PayloadLength > limits.MaxMessageSize - message.Size ->
            ValueSome(ProtocolError.MessageTooBig(message.Size + header.PayloadLength, limits.MaxMessageSize))
        | ValueSome _ -> ValueNone

    /// The message as it stands when a part of a frame arrives. Only the first part counts the frame.
    let current (receiving: PartialMessage voption) (opcode: Opcode) (part: Part) : PartialMessage voption =
        if part.Begins then
            messageOf receiving opcode
        else
            receiving

    let endsMessage (header: inref<FrameHeader>) (part: Part) = part.Ends && header.Fin

    /// The text of the message that a piece of data belongs to, if it is to be validated.
    let textOf
        (settings: ConnectionSettings)
        (receiving: PartialMessage voption)
        (opcode: Opcode)
        (part: Part)
        : Utf8State voption =
        match current receiving opcode part with
        | ValueSome message when message.Kind.IsText && settings.ValidateText -> ValueSome message.Text
        | ValueSome _
        | ValueNone -> ValueNone

    /// A text may not end inside a character: that is an error at the end of the data.
    let checkEnd (endOfMessage: bool) (length: int64) (result: Utf8Result) : Utf8Result =
        match result with
        | Valid text when endOfMessage && not text.IsComplete -> Invalid(int length)
        | Valid _
        | Invalid _ -> result
