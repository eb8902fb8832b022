// Which message a data frame belongs to, and what a piece of it does to that message (RFC 6455 §5.4, §8.1).
namespace FunctionalWs.Protocol

open System

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

    let private newMessage (kind: MessageKind) (header: inref<FrameHeader>) : PartialMessage = {
        Kind = kind
        ReservedBits = header.ReservedBits
        Size = 0L
        FragmentSize = 0L
        WireSize = header.PayloadLength
        Fragments = 1
        Text = Utf8.start
    }

    let private sum (left: int64) (right: int64) : int64 =
        if left > Int64.MaxValue - right then
            Int64.MaxValue
        else
            left + right

    let private continued (message: inref<PartialMessage>) (header: inref<FrameHeader>) : PartialMessage = {
        message with
            FragmentSize = 0L
            WireSize = sum message.WireSize header.PayloadLength
            Fragments = message.Fragments + 1
    }

    /// The message that a frame belongs to, the frame counted; none when it fits none (RFC 6455 §5.4).
    let messageOf (receiving: PartialMessage voption) (header: inref<FrameHeader>) : PartialMessage voption =
        match receiving, header.Opcode with
        | ValueNone, Opcode.Text -> ValueSome(newMessage MessageKind.Text &header)
        | ValueNone, Opcode.Binary -> ValueSome(newMessage MessageKind.Binary &header)
        | ValueSome message, Opcode.Continuation -> ValueSome(continued &message &header)
        | ValueNone, (Opcode.Continuation | Opcode.Close | Opcode.Ping | Opcode.Pong)
        | ValueSome _, (Opcode.Text | Opcode.Binary | Opcode.Close | Opcode.Ping | Opcode.Pong) -> ValueNone

    /// What is wrong with a frame of so much data, after so much of its message.
    let checkPlain (limits: Limits) (before: int64) (length: int64) : ProtocolError voption =
        if length > limits.MaxFragmentSize then
            ValueSome(ProtocolError.FragmentTooBig(length, limits.MaxFragmentSize))
        elif length > limits.MaxMessageSize - before then
            ValueSome(ProtocolError.MessageTooBig(before + length, limits.MaxMessageSize))
        else
            ValueNone

    /// What the payloads bring is counted as they are decoded. Until then they may take little more than that.
    let private checkEncoded (limits: Limits) (message: inref<PartialMessage>) : ProtocolError voption =
        if message.WireSize > limits.Encoded(limits.MaxMessageSize, message.Fragments) then
            ValueSome(ProtocolError.MessageTooBig(message.WireSize, limits.MaxMessageSize))
        else
            ValueNone

    let check
        (limits: Limits)
        (receiving: PartialMessage voption)
        (header: inref<FrameHeader>)
        : ProtocolError voption =
        match messageOf receiving &header with
        | ValueNone when receiving.IsSome -> ValueSome ProtocolError.ContinuationExpected
        | ValueNone -> ValueSome ProtocolError.ContinuationUnexpected
        | ValueSome message when message.Fragments > limits.MaxFragments ->
            ValueSome(ProtocolError.TooManyFragments limits.MaxFragments)
        | ValueSome message when message.ReservedBits = ReservedBits.None ->
            checkPlain limits message.Size header.PayloadLength
        | ValueSome message -> checkEncoded limits &message

    /// What is wrong with so much more data of the frame that a message last had, decoded.
    let checkData (limits: Limits) (message: inref<PartialMessage>) (length: int64) : ProtocolError voption =
        if length > limits.MaxFragmentSize - message.FragmentSize then
            ValueSome(ProtocolError.FragmentTooBig(message.FragmentSize + length, limits.MaxFragmentSize))
        elif length > limits.MaxMessageSize - message.Size then
            ValueSome(ProtocolError.MessageTooBig(message.Size + length, limits.MaxMessageSize))
        else
            ValueNone

    /// The message as it stands when a part of a frame arrives. Only the first part counts the frame.
    let current
        (receiving: PartialMessage voption)
        (header: inref<FrameHeader>)
        (part: Part)
        : PartialMessage voption =
        if part.Begins then
            messageOf receiving &header
        else
            receiving

    /// True for a frame that is a message by itself, when none is open.
    let isMessage (header: inref<FrameHeader>) : bool =
        match header.Opcode with
        | Opcode.Text
        | Opcode.Binary -> header.Fin
        | Opcode.Continuation
        | Opcode.Close
        | Opcode.Ping
        | Opcode.Pong -> false

    /// What a frame that begins a message consists of.
    let kindOf (header: inref<FrameHeader>) : MessageKind =
        if header.Opcode.IsText then
            MessageKind.Text
        else
            MessageKind.Binary

    let endsMessage (header: inref<FrameHeader>) (part: Part) = part.Ends && header.Fin

    /// The text of the message that a piece of data belongs to, if it is to be validated.
    let textOf
        (settings: ConnectionSettings)
        (receiving: PartialMessage voption)
        (header: inref<FrameHeader>)
        (part: Part)
        : Utf8State voption =
        match current receiving &header part with
        | ValueSome message when message.Kind.IsText && settings.ValidateText -> ValueSome message.Text
        | ValueSome _
        | ValueNone -> ValueNone

    /// A text may not end inside a character: that is an error at the end of the data.
    let checkEnd (endOfMessage: bool) (length: int64) (result: Utf8Result) : Utf8Result =
        match result with
        | Valid text when endOfMessage && not text.IsComplete -> Invalid(int length)
        | Valid _
        | Invalid _ -> result
