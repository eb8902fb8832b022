// What a peer can do wrong and what a caller can do wrong: two types that never meet.
// Total members map the first to a close code and both to a sentence.
namespace FunctionalWs.Protocol

open System
open type System.FormattableString

/// What an extension's author wrote, made fit for a close frame.
module internal ExtensionText =

    let shorten (text: string) =
        let longest = 40
        // A union's case takes null as well.
        let text = String.Concat(text, "")

        text.Substring(0, min text.Length longest)
        |> String.map (fun character ->
            if character >= ' ' && character <= '~' then
                character
            else
                '?')

[<RequireQualifiedAccess; StructuredFormatDisplay("{Description}")>]
type ProtocolError =
    | ReservedOpcode of Opcode: byte
    | ReservedBits of Bits: byte
    | MaskMissing
    | MaskForbidden
    | LengthNotMinimal of Length: int64
    | LengthTopBit
    | ControlFrameTooLong of Control: Opcode
    | ControlFrameFragmented of Control: Opcode
    | ContinuationExpected
    | ContinuationUnexpected
    | FragmentTooBig of Length: int64 * Limit: int64
    | MessageTooBig of Length: int64 * Limit: int64
    | TooManyFragments of Limit: int
    | TextNotUtf8 of Position: int64
    | CompressedDataInvalid
    | CompressedDataIncomplete
    | InflateRatioExceeded of Limit: int
    | ExtensionFailed of Extension: string * Reason: string
    | CloseFrameTooShort
    | CloseCodeInvalid of Code: int
    | CloseReasonNotUtf8

    member error.Description: string =
        match error with
        | ProtocolError.ReservedOpcode opcode -> Invariant $"invalid opcode 0x{opcode:X}"
        | ProtocolError.ReservedBits bits -> Invariant $"reserved bits must be 0, not 0x{bits:X}"
        | ProtocolError.MaskMissing -> "incorrect masking: a client must mask its frames"
        | ProtocolError.MaskForbidden -> "incorrect masking: a server must not mask its frames"
        | ProtocolError.LengthNotMinimal length -> Invariant $"length {length} is not in its shortest form"
        | ProtocolError.LengthTopBit -> "the top bit of a 64-bit length must be 0"
        | ProtocolError.ControlFrameTooLong _ -> "control frame too long: at most 125 bytes"
        | ProtocolError.ControlFrameFragmented _ -> "fragmented control frame"
        | ProtocolError.ContinuationExpected -> "expected a continuation frame"
        | ProtocolError.ContinuationUnexpected -> "unexpected continuation frame"
        | ProtocolError.FragmentTooBig(length, limit) ->
            Invariant $"frame of {length} bytes exceeds the limit of {limit} bytes"
        | ProtocolError.MessageTooBig(length, limit) ->
            Invariant $"message of at least {length} bytes exceeds the limit of {limit} bytes"
        | ProtocolError.TooManyFragments limit -> Invariant $"message of more than {limit} frames"
        | ProtocolError.TextNotUtf8 position -> Invariant $"invalid UTF-8 at position {position}"
        | ProtocolError.CompressedDataInvalid -> "decompression failed"
        | ProtocolError.CompressedDataIncomplete -> "compressed data ends too early"
        | ProtocolError.InflateRatioExceeded limit ->
            Invariant $"message inflates to more than {limit} times its size"
        | ProtocolError.ExtensionFailed(extension, reason) ->
            Invariant $"extension {ExtensionText.shorten extension} failed: {ExtensionText.shorten reason}"
        | ProtocolError.CloseFrameTooShort -> "close frame too short"
        | ProtocolError.CloseCodeInvalid code -> Invariant $"invalid status code {code}"
        | ProtocolError.CloseReasonNotUtf8 -> "invalid UTF-8 in the reason of a close frame"

    override error.ToString() : string = error.Description

[<Struct; RequireQualifiedAccess>]
type SendError =
    | Closing
    | MessageUnfinished
    | NoMessageBegun

    // Not the compiler's, which formats by reflection: native code has none.
    override error.ToString() : string =
        match error with
        | SendError.Closing -> nameof SendError.Closing
        | SendError.MessageUnfinished -> nameof SendError.MessageUnfinished
        | SendError.NoMessageBegun -> nameof SendError.NoMessageBegun

module internal ProtocolError =

    let closeCode (error: ProtocolError) : CloseCode =
        match error with
        | ProtocolError.ReservedOpcode _
        | ProtocolError.ReservedBits _
        | ProtocolError.MaskMissing
        | ProtocolError.MaskForbidden
        | ProtocolError.LengthNotMinimal _
        | ProtocolError.LengthTopBit
        | ProtocolError.ControlFrameTooLong _
        | ProtocolError.ControlFrameFragmented _
        | ProtocolError.ContinuationExpected
        | ProtocolError.ContinuationUnexpected
        | ProtocolError.CompressedDataInvalid
        | ProtocolError.ExtensionFailed _
        | ProtocolError.CloseFrameTooShort
        | ProtocolError.CloseCodeInvalid _ -> CloseCode.ProtocolError
        | ProtocolError.TextNotUtf8 _
        | ProtocolError.CompressedDataIncomplete
        | ProtocolError.CloseReasonNotUtf8 -> CloseCode.InvalidFramePayloadData
        | ProtocolError.InflateRatioExceeded _
        | ProtocolError.TooManyFragments _ -> CloseCode.PolicyViolation
        | ProtocolError.FragmentTooBig _
        | ProtocolError.MessageTooBig _ -> CloseCode.MessageTooBig

    let private of6455 section = { Rfc = 6455; Section = section }
    let private of7692 section = { Rfc = 7692; Section = section }

    let section (error: ProtocolError) : RfcSection =
        match error with
        | ProtocolError.MaskMissing
        | ProtocolError.MaskForbidden -> of6455 "5.1"
        | ProtocolError.ReservedOpcode _
        | ProtocolError.ReservedBits _
        | ProtocolError.LengthNotMinimal _
        | ProtocolError.LengthTopBit -> of6455 "5.2"
        | ProtocolError.ContinuationExpected
        | ProtocolError.ContinuationUnexpected -> of6455 "5.4"
        | ProtocolError.ControlFrameTooLong _
        | ProtocolError.ControlFrameFragmented _ -> of6455 "5.5"
        | ProtocolError.CloseFrameTooShort
        | ProtocolError.CloseReasonNotUtf8 -> of6455 "5.5.1"
        | ProtocolError.CloseCodeInvalid _ -> of6455 "7.4"
        | ProtocolError.TextNotUtf8 _ -> of6455 "8.1"
        | ProtocolError.ExtensionFailed _ -> of6455 "9"
        | ProtocolError.FragmentTooBig _
        | ProtocolError.MessageTooBig _
        | ProtocolError.TooManyFragments _
        | ProtocolError.InflateRatioExceeded _ -> of6455 "10.4"
        | ProtocolError.CompressedDataInvalid
        | ProtocolError.CompressedDataIncomplete -> of7692 "7.2.2"

    let rule (error: ProtocolError) : string =
        match error with
        | ProtocolError.ReservedOpcode _ -> "The opcodes 3 to 7 and B to F are reserved."
        | ProtocolError.ReservedBits _ ->
            "A reserved bit is 0 unless an extension that was agreed on uses it, on the first frame of a message."
        | ProtocolError.MaskMissing -> "A client masks every frame that it sends."
        | ProtocolError.MaskForbidden -> "A server masks no frame that it sends."
        | ProtocolError.LengthNotMinimal _ -> "A payload length takes as few bytes as it can."
        | ProtocolError.LengthTopBit -> "The top bit of a 64-bit payload length is 0."
        | ProtocolError.ControlFrameTooLong _ -> "A control frame has at most 125 bytes of payload."
        | ProtocolError.ControlFrameFragmented _ -> "A control frame is not fragmented."
        | ProtocolError.ContinuationExpected ->
            "While a message is unfinished, a data frame continues that message."
        | ProtocolError.ContinuationUnexpected -> "A continuation frame continues a message that has begun."
        | ProtocolError.FragmentTooBig _ -> "A frame is no larger than the receiver allows."
        | ProtocolError.MessageTooBig _ -> "A message is no larger than the receiver allows."
        | ProtocolError.TooManyFragments _ -> "A message has no more frames than the receiver allows."
        | ProtocolError.TextNotUtf8 _ -> "A text message is valid UTF-8 as a whole."
        | ProtocolError.CompressedDataInvalid -> "A message marked as compressed holds DEFLATE data."
        | ProtocolError.CompressedDataIncomplete ->
            "A compressed message ends where its DEFLATE data ends, but for the four bytes that are left out."
        | ProtocolError.InflateRatioExceeded _ ->
            "A compressed message inflates no further than the receiver allows."
        | ProtocolError.ExtensionFailed _ ->
            "A message marked with an extension's bit is as this extension makes it."
        | ProtocolError.CloseFrameTooShort ->
            "The payload of a close frame is empty, or begins with a code of two bytes."
        | ProtocolError.CloseCodeInvalid _ ->
            "A close frame has one of the codes 1000 to 1003, 1007 to 1014 and 3000 to 4999."
        | ProtocolError.CloseReasonNotUtf8 -> "The reason in a close frame is valid UTF-8."

type ProtocolError with

    member error.CloseCode: CloseCode = ProtocolError.closeCode error

    member error.Section: RfcSection = ProtocolError.section error

    member error.Rule: string = ProtocolError.rule error

type ProtocolError with

    static member op_Equality(left: ProtocolError | null, right: ProtocolError | null) : bool =
        obj.Equals(left, right)

    static member op_Inequality(left: ProtocolError | null, right: ProtocolError | null) : bool =
        not (obj.Equals(left, right))

type SendError with

    static member op_Equality(left: SendError, right: SendError) : bool = left.Equals right

    static member op_Inequality(left: SendError, right: SendError) : bool = not (left.Equals right)
