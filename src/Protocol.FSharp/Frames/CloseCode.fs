// Close codes and the body of a close frame, both ways (RFC 6455 §5.5.1, §7.4).
// Codes that may not go on the wire (1004–1006, 1015, below 1000, 1016–2999, above 4999) are not representable.
namespace FunctionalWs.Protocol

open System
open System.Globalization
open System.Buffers.Binary
open System.Text
open type System.FormattableString

/// <summary>
/// A close code that may be sent and received: 1000–1003, 1007–1014 and 3000–4999. The default value is 1000
/// (RFC 6455 §7.4).
/// </summary>
// It holds the distance from 1000, so that the zeroed value is a legal code too.
[<Struct; StructuralEquality; NoComparison>]
type CloseCode = private {
    Offset: int
} with

    /// <summary>The number on the wire, 1000 to 4999.</summary>
    member code.Value = code.Offset + 1000

    /// <summary>1000: the purpose of the connection is fulfilled.</summary>
    static member NormalClosure: CloseCode = { Offset = 0 }

    /// <summary>1001: a server goes down, or a browser leaves the page.</summary>
    static member GoingAway: CloseCode = { Offset = 1 }

    /// <summary>1002: the peer broke the protocol.</summary>
    static member ProtocolError: CloseCode = { Offset = 2 }

    /// <summary>1003: a kind of data that can't be accepted.</summary>
    static member UnsupportedData: CloseCode = { Offset = 3 }

    /// <summary>1007: data that doesn't fit its type, such as text that is not UTF-8.</summary>
    static member InvalidFramePayloadData: CloseCode = { Offset = 7 }

    /// <summary>1008: a message that breaks the receiver's policy.</summary>
    static member PolicyViolation: CloseCode = { Offset = 8 }

    /// <summary>1009: a message that is too big to process.</summary>
    static member MessageTooBig: CloseCode = { Offset = 9 }

    /// <summary>1010: the client needed an extension that the server didn't agree to.</summary>
    static member MandatoryExtension: CloseCode = { Offset = 10 }

    /// <summary>1011: the server met a condition that it didn't expect.</summary>
    static member InternalError: CloseCode = { Offset = 11 }

    /// <summary>1012: the server restarts.</summary>
    static member ServiceRestart: CloseCode = { Offset = 12 }

    /// <summary>1013: the server is overloaded; try again later.</summary>
    static member TryAgainLater: CloseCode = { Offset = 13 }

    /// <summary>1014: a gateway got an invalid answer from the server behind it.</summary>
    static member BadGateway: CloseCode = { Offset = 14 }

    /// <summary>True for the numbers that may stand in a close frame: 1000–1003, 1007–1014, 3000–4999.</summary>
    /// <param name="value">Any number.</param>
    static member IsValid(value: int) : bool =
        (value >= 1000 && value <= 1003)
        || (value >= 1007 && value <= 1014)
        || (value >= 3000 && value <= 4999)

    /// <summary>Makes a close code of a number, such as one of an application's own, 4000–4999.</summary>
    /// <param name="value">1000–1003, 1007–1014 or 3000–4999.</param>
    /// <exception cref="T:System.ArgumentOutOfRangeException">The number may not be sent.</exception>
    static member Create(value: int) : CloseCode =
        if not (CloseCode.IsValid value) then
            raise (
                ArgumentOutOfRangeException(
                    nameof value,
                    value,
                    "A close code is one of 1000-1003, 1007-1014 or 3000-4999."
                )
            )

        { Offset = value - 1000 }

    /// <summary>The number, invariant.</summary>
    override code.ToString() =
        code.Value.ToString CultureInfo.InvariantCulture

    /// <summary>True when both are the same number.</summary>
    static member op_Equality(left: CloseCode, right: CloseCode) : bool = left.Offset = right.Offset

    /// <summary>True when they are different numbers.</summary>
    static member op_Inequality(left: CloseCode, right: CloseCode) : bool = left.Offset <> right.Offset

    /// <summary>Makes a close code of a number, as <c>Create</c> does.</summary>
    /// <param name="value">1000–1003, 1007–1014 or 3000–4999.</param>
    static member op_Explicit(value: int) : CloseCode = CloseCode.Create value

/// <summary>What a close frame says: a code with a reason, or nothing at all (RFC 6455 §5.5.1).</summary>
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

    /// <summary>The longest reason, in bytes of UTF-8: what fits a control frame beside the code.</summary>
    static member MaxReasonLength = 123

    /// <summary>A close frame without a code.</summary>
    static member NoStatus = noStatus

    /// <summary>Makes the status of a close frame with a code.</summary>
    /// <param name="code">The close code.</param>
    /// <param name="reason">Text for people, at most 123 bytes of UTF-8; may be empty.</param>
    /// <exception cref="T:System.ArgumentException">The reason is too long, or can't be encoded.</exception>
    static member Create(code: CloseCode, reason: string) : CloseStatus =
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

    /// <summary>The code, if the frame has one.</summary>
    member internal _.Code: CloseCode voption = code

    /// <summary>The number of the code; 1005 when the frame has none (RFC 6455 §7.1.5).</summary>
    member _.Number: int =
        match code with
        | ValueSome code -> code.Value
        | ValueNone -> 1005

    /// <summary>The reason; empty when there is none. A peer's text: escape it where it is shown.</summary>
    member _.Reason: string = reason

    /// <summary>True when both say the same.</summary>
    override _.Equals(other: obj | null) : bool =
        match other with
        | :? CloseStatus as other -> code = other.Code && String.Equals(reason, other.Reason)
        | _ -> false

    /// <summary>A hash code of code and reason.</summary>
    override status.GetHashCode() : int = HashCode.Combine(status.Number, reason)

    /// <summary>The number and the reason, such as <c>1001 bye</c>.</summary>
    override status.ToString() : string =
        if reason = "" then
            status.Number.ToString CultureInfo.InvariantCulture
        else
            Invariant $"{status.Number} {reason}"

    /// <summary>The bytes of the close frame's payload.</summary>
    member _.ToArray() : byte[] =
        match code with
        | ValueNone -> [||]
        | ValueSome code ->
            let payload = Array.zeroCreate (2 + utf8.GetByteCount reason)
            BinaryPrimitives.WriteUInt16BigEndian(Span payload, uint16 code.Value)
            utf8.GetBytes(reason, Span(payload, 2, payload.Length - 2)) |> ignore
            payload

/// <summary>Patterns for what a close frame says.</summary>
[<AutoOpen>]
module CloseStatusPatterns =

    /// <summary>Tells a close status with a code from one without.</summary>
    /// <param name="status">The status to look at.</param>
    let (|NoStatus|Status|) (status: CloseStatus) =
        match status.Code with
        | ValueNone -> NoStatus
        | ValueSome code -> Status(code, status.Reason)
