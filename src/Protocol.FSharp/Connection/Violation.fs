// A broken rule and where in the peer's bytes it was broken.
namespace FunctionalWs.Protocol

open System
open type System.FormattableString

/// <summary>A rule that the peer broke, and the place in what it sent.</summary>
type Violation = {
    /// <summary>What the peer did.</summary>
    Error: ProtocolError
    /// <summary>
    /// The first byte that breaks the rule, counted from 0 at the first byte after the opening handshake. For a message that
    /// extensions have transformed, the first byte of the frame's header. For a text that ends too early, the byte after its
    /// last one.
    /// </summary>
    Offset: int64
} with

    /// <summary>Where the rule is written down.</summary>
    member violation.Section: RfcSection = ProtocolError.section violation.Error

    /// <summary>The rule itself, as one sentence.</summary>
    member violation.Rule: string = ProtocolError.rule violation.Error

    /// <summary>
    /// What the peer did, where the rule is written down, and the place:
    /// <c>fragmented control frame (RFC 6455 §5.5, at byte 12)</c>.
    /// </summary>
    override violation.ToString() =
        Invariant
            $"{ProtocolError.describe violation.Error} ({violation.Section}, at byte {violation.Offset})"

/// Where an error lies in its frame.
[<Struct>]
type private ErrorPlace =
    | Header of Byte: int64
    | CloseCode
    | CloseReason
    | Text of Position: int64

/// <summary>Finds the byte by which a frame breaks a rule.</summary>
module Violation =

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
    let internal inHeader (offset: int64) (error: ProtocolError) : Violation =
        match placeOf error with
        | Header byte -> at (offset + byte) error
        | CloseCode
        | CloseReason
        | Text _ -> at offset error

    let private inReason (payload: ReadOnlySpan<byte>) : int64 =
        let reason = payload.Slice(min 2 payload.Length)

        match Utf8.validate Utf8.start reason with
        | Invalid position -> int64 position
        | Valid _ -> int64 reason.Length

    /// By a control frame whose header begins at an offset.
    let internal inControl
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

    /// By the data of a frame whose header begins at an offset. No byte of it shows the size of what was decoded; the position that
    /// an error about text tells counts from the start of the message.
    let internal inData
        (offset: int64)
        (header: inref<FrameHeader>)
        (before: inref<PartialMessage>)
        (error: ProtocolError)
        : Violation =
        match placeOf error with
        | Text position when before.ReservedBits = ReservedBits.None ->
            at (offset + int64 header.Size + before.FragmentSize + position - before.Size) error
        | Text _
        | Header _
        | CloseCode
        | CloseReason -> at offset error

    // ---- For those who hand over parts of frames

    let private beforePart (state: State) (header: inref<FrameHeader>) (part: Part) : PartialMessage voption =
        match Connection.receivingOf state with
        | ValueSome message when part.Begins -> ValueSome { message with FragmentSize = 0L }
        | ValueSome message -> ValueSome message
        | ValueNone ->
            ValueSome {
                Kind = MessageKind.Text
                ReservedBits = header.ReservedBits
                Size = 0L
                FragmentSize = 0L
                WireSize = 0L
                Fragments = 0
                Text = Utf8.start
            }

    /// <summary>Where a piece of a data frame broke a rule.</summary>
    /// <param name="state">The state before the piece.</param>
    /// <param name="offset">Where the frame's header begins in the peer's bytes.</param>
    /// <param name="header">The frame's header.</param>
    /// <param name="part">Which part of the payload the piece is.</param>
    /// <param name="error">What <c>Connection.receiveData</c> found.</param>
    [<CompiledName("OfData")>]
    let ofData
        (state: State)
        (offset: int64)
        (header: inref<FrameHeader>)
        (part: Part)
        (error: ProtocolError)
        : Violation =
        match beforePart state &header part with
        | ValueSome before -> inData offset &header &before error
        | ValueNone -> at offset error

    let private ofFrame
        (state: State)
        (offset: int64)
        (frame: inref<Frame>)
        (error: ProtocolError)
        : Violation =
        match placeOf error with
        | Text _ -> ofData state offset &frame.Header Part.Whole error
        | Header _
        | CloseCode
        | CloseReason ->
            let payload =
                if Opcode.isControl frame.Header.Opcode then
                    Frame.toArray &frame
                else
                    [||]

            inControl offset &frame.Header (ReadOnlySpan payload) error

    /// <summary>Where an input broke a rule.</summary>
    /// <param name="state">The state before the input.</param>
    /// <param name="offset">Where the input begins in the peer's bytes.</param>
    /// <param name="input">The input.</param>
    /// <param name="error">What <c>Connection.receive</c> found.</param>
    [<CompiledName("OfInput")>]
    let ofInput (state: State) (offset: int64) (input: Input) (error: ProtocolError) : Violation =
        match input with
        | Input.Received frame -> ofFrame state offset &frame error
        | Input.Broken _
        | Input.EndOfStream -> inHeader offset error
