// A broken rule and where in the peer's bytes it was broken.
namespace FunctionalWs.Protocol

open System
open type System.FormattableString

[<StructuredFormatDisplay("{Text}")>]
type Violation = {
    Error: ProtocolError
    Offset: int64
} with

    member violation.Section: RfcSection = ProtocolError.section violation.Error

    member violation.Rule: string = ProtocolError.rule violation.Error

    override violation.ToString() = violation.Text

    member private violation.Text: string =
        Invariant $"{violation.Error} ({violation.Section}, at byte {violation.Offset})"

/// Where an error lies in its frame.
[<Struct>]
type private ErrorPlace =
    | Header of Byte: int64
    | CloseCode
    | CloseReason
    | Text of Position: int64

module internal Violation =

    /// The first byte of the header stands for what no single byte tells.
    let private placeOf (error: ProtocolError) : ErrorPlace =
        match error with
        | ProtocolError.MaskMissing
        | ProtocolError.MaskForbidden
        | ProtocolError.ControlFrameTooLong _
        | ProtocolError.FragmentTooBig _
        | ProtocolError.MessageTooBig _ -> Header 1L
        | ProtocolError.LengthNotMinimal _
        | ProtocolError.LengthTopBit -> Header 2L
        | ProtocolError.ReservedOpcode _
        | ProtocolError.ReservedBits _
        | ProtocolError.ControlFrameFragmented _
        | ProtocolError.ContinuationExpected
        | ProtocolError.ContinuationUnexpected
        | ProtocolError.TooManyFragments _
        | ProtocolError.CompressedDataInvalid
        | ProtocolError.CompressedDataIncomplete
        | ProtocolError.InflateRatioExceeded _
        | ProtocolError.ExtensionFailed _ -> Header 0L
        | ProtocolError.TextNotUtf8 position -> Text position
        | ProtocolError.CloseFrameTooShort
        | ProtocolError.CloseCodeInvalid _ -> CloseCode
        | ProtocolError.CloseReasonNotUtf8 -> CloseReason

    let private at (offset: int64) (error: ProtocolError) : Violation = { Error = error; Offset = offset }

    /// By a header that begins at an offset.
    let inHeader (offset: int64) (error: ProtocolError) : Violation =
        match placeOf error with
        | Header byte -> at (offset + byte) error
        | CloseCode
        | CloseReason
        | Text _ -> at offset error

    let private inReason (payload: ReadOnlySpan<byte>) : int64 =
        let reason = payload.Slice(min 2 payload.Length)

        match Utf8.validate Utf8.start reason with
        | Utf8Result.Invalid position -> int64 position
        | Utf8Result.Valid _ -> int64 reason.Length

    /// By a control frame whose header begins at an offset.
    let inControl
        (offset: int64)
        (header: inref<FrameHeader>)
        (payload: ReadOnlySpan<byte>)
        (error: ProtocolError)
        : Violation =
        let data = offset + int64 header.Size

        match placeOf error with
        | Header byte -> at (offset + byte) error
        | CloseCode -> at data error
        | CloseReason -> at (data + 2L + inReason payload) error
        | Text _ -> at offset error

    /// By a text of which so many bytes came in the frames before. The position that the error tells counts from the start of the
    /// message. No byte shows what was decoded.
    let private inText
        (offset: int64)
        (header: inref<FrameHeader>)
        (bits: ReservedBits)
        (before: int64)
        (position: int64)
        (error: ProtocolError)
        : Violation =
        if bits = ReservedBits.None then
            at (offset + int64 header.Size + position - before) error
        else
            at offset error

    /// By the data of a frame whose header begins at an offset, and of which a part was taken before. No byte of it shows the size of
    /// what was decoded.
    let inData
        (offset: int64)
        (header: inref<FrameHeader>)
        (message: inref<PartialMessage>)
        (error: ProtocolError)
        : Violation =
        match placeOf error with
        | Text position ->
            inText offset &header message.ReservedBits (message.Size - message.FragmentSize) position error
        | Header _
        | CloseCode
        | CloseReason -> at offset error

    let private ofFrame
        (state: State)
        (offset: int64)
        (frame: inref<Frame>)
        (error: ProtocolError)
        : Violation =
        match placeOf error, Connection.receivingOf state with
        | Text position, ValueSome message ->
            inText offset &frame.Header message.ReservedBits message.Size position error
        | Text position, ValueNone -> inText offset &frame.Header frame.Header.ReservedBits 0L position error
        | (Header _ | CloseCode | CloseReason), _ ->
            let payload =
                if Opcode.isControl frame.Header.Opcode then
                    Frame.toArray &frame
                else
                    [||]

            inControl offset &frame.Header (ReadOnlySpan payload) error

    let ofInput (state: State) (offset: int64) (input: Input) (error: ProtocolError) : Violation =
        match input with
        | Input.Received frame -> ofFrame state offset &frame error
        | Input.Broken _
        | Input.EndOfStream -> inHeader offset error

type Violation with

    static member OfInput(state: State, offset: int64, input: Input, error: ProtocolError) : Violation =
        ArgumentNullException.ThrowIfNull(state, nameof state)
        ArgumentNullException.ThrowIfNull(error, nameof error)

        Violation.ofInput state offset input error

type Violation with

    static member op_Equality(left: Violation | null, right: Violation | null) : bool =
        obj.Equals(left, right)

    static member op_Inequality(left: Violation | null, right: Violation | null) : bool =
        not (obj.Equals(left, right))
