// Close codes and the body of a close frame, both ways (RFC 6455 §5.5.1, §7.4).
// Codes that may not go on the wire (1004–1006, 1015, below 1000, 1016–2999, above 4999) are not representable.
namespace FunctionalWs.Protocol

open System
open System.Globalization
open System.Buffers.Binary
open System.Text
open type System.FormattableString

// It holds the distance from 1000, so that the zeroed value is a legal code too.
[<Struct; StructuralEquality; NoComparison; StructuredFormatDisplay("{Value}")>]
type CloseCode =
    val private Offset: int

    private new(offset: int) = { Offset = offset }

    member code.Value = code.Offset + 1000

    static member NormalClosure: CloseCode = CloseCode 0

    static member GoingAway: CloseCode = CloseCode 1

    static member ProtocolError: CloseCode = CloseCode 2

    static member UnsupportedData: CloseCode = CloseCode 3

    static member InvalidFramePayloadData: CloseCode = CloseCode 7

    static member PolicyViolation: CloseCode = CloseCode 8

    static member MessageTooBig: CloseCode = CloseCode 9

    static member MandatoryExtension: CloseCode = CloseCode 10

    static member InternalError: CloseCode = CloseCode 11

    static member ServiceRestart: CloseCode = CloseCode 12

    static member TryAgainLater: CloseCode = CloseCode 13

    static member BadGateway: CloseCode = CloseCode 14

    static member IsValid(value: int) : bool =
        (value >= 1000 && value <= 1003)
        || (value >= 1007 && value <= 1014)
        || (value >= 3000 && value <= 4999)

    static member Create(value: int) : CloseCode =
        if not (CloseCode.IsValid value) then
            raise (
                ArgumentOutOfRangeException(
                    nameof value,
                    value,
                    "A close code is one of 1000-1003, 1007-1014 or 3000-4999."
                )
            )

        CloseCode(value - 1000)

    override code.ToString() =
        code.Value.ToString CultureInfo.InvariantCulture

    static member op_Equality(left: CloseCode, right: CloseCode) : bool = left.Offset = right.Offset

    static member op_Inequality(left: CloseCode, right: CloseCode) : bool = left.Offset <> right.Offset

    static member op_Explicit(value: int) : CloseCode = CloseCode.Create value

    static member op_Implicit(code: CloseCode) : int = code.Value

module private Reason =

    /// Printable ASCII as it is, all else as its code: a peer may have written it.
    let escape (character: char) : string =
        if character >= ' ' && character <= '~' then
            Char.ToString character
        else
            Invariant $"\\u{int character:X4}"

[<Sealed; AllowNullLiteral(false)>]
type CloseStatus private (code: CloseCode voption, reason: string) =

    static let utf8 = UTF8Encoding(false, true)
    static let noStatus = CloseStatus(ValueNone, "")

    static let encode (reason: string) =
        try
            utf8.GetBytes reason
        with :? EncoderFallbackException as lone ->
            raise (
                ArgumentException(
                    "The reason has a lone surrogate: it can't be encoded.",
                    nameof reason,
                    lone
                )
            )

    static member MaxReasonLength = 123

    static member NoStatus = noStatus

    static member Create(code: CloseCode, reason: string) : CloseStatus =
        ArgumentNullException.ThrowIfNull(reason, nameof reason)

        let length = (encode reason).Length

        if length > CloseStatus.MaxReasonLength then
            raise (
                ArgumentException(
                    Invariant
                        $"The reason takes {length} bytes of UTF-8; at most {CloseStatus.MaxReasonLength} fit a close frame.",
                    nameof reason
                )
            )

        CloseStatus(ValueSome code, reason)

    member internal _.Code: CloseCode voption = code

    member _.Number: int =
        match code with
        | ValueSome code -> code.Value
        | ValueNone -> 1005

    member _.Reason: string = reason

    override _.Equals(other: obj | null) : bool =
        match other with
        | :? CloseStatus as other -> code = other.Code && String.Equals(reason, other.Reason)
        | _ -> false

    override status.GetHashCode() : int = HashCode.Combine(status.Number, reason)

    override _.ToString() : string =
        match code with
        | ValueNone -> "no code"
        | ValueSome code ->
            if reason = "" then
                code.ToString()
            else
                Invariant $"{code} '{String.collect Reason.escape reason}'"

    member _.ToArray() : byte[] =
        match code with
        | ValueNone -> [||]
        | ValueSome code ->
            let payload = Array.zeroCreate (2 + utf8.GetByteCount reason)
            BinaryPrimitives.WriteUInt16BigEndian(Span payload, uint16 code.Value)
            utf8.GetBytes(reason, Span(payload, 2, payload.Length - 2)) |> ignore
            payload

[<AutoOpen>]
module CloseStatusPatterns =

    let (|NoStatus|Status|) (status: CloseStatus) =
        match status.Code with
        | ValueNone -> NoStatus
        | ValueSome code -> Status(code, status.Reason)

type CloseStatus with

    static member op_Equality(left: CloseStatus | null, right: CloseStatus | null) : bool =
        obj.Equals(left, right)

    static member op_Inequality(left: CloseStatus | null, right: CloseStatus | null) : bool =
        not (obj.Equals(left, right))
