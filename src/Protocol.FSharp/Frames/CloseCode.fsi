// Close codes and the body of a close frame, both ways (RFC 6455 §5.5.1, §7.4).
// Codes that may not go on the wire (1004–1006, 1015, below 1000, 1016–2999, above 4999) are not representable.
namespace FunctionalWs.Protocol

/// <summary>
/// A close code that may be sent and received: 1000–1003, 1007–1014 and 3000–4999. The default value is 1000
/// (RFC 6455 §7.4).
/// </summary>
[<Struct; StructuralEquality; NoComparison; StructuredFormatDisplay("{Value}")>]
type CloseCode =

    val private Offset: int

    /// <summary>The number on the wire, 1000 to 4999.</summary>
    member Value: int

    /// <summary>1000: the purpose of the connection is fulfilled.</summary>
    static member NormalClosure: CloseCode

    /// <summary>1001: a server goes down, or a browser leaves the page.</summary>
    static member GoingAway: CloseCode

    /// <summary>1002: the peer broke the protocol.</summary>
    static member ProtocolError: CloseCode

    /// <summary>1003: a kind of data that can't be accepted.</summary>
    static member UnsupportedData: CloseCode

    /// <summary>1007: data that doesn't fit its type, such as text that is not UTF-8.</summary>
    static member InvalidFramePayloadData: CloseCode

    /// <summary>1008: a message that breaks the receiver's policy.</summary>
    static member PolicyViolation: CloseCode

    /// <summary>1009: a message that is too big to process.</summary>
    static member MessageTooBig: CloseCode

    /// <summary>1010: the client needed an extension that the server didn't agree to.</summary>
    static member MandatoryExtension: CloseCode

    /// <summary>1011: the server met a condition that it didn't expect.</summary>
    static member InternalError: CloseCode

    /// <summary>1012: the server restarts.</summary>
    static member ServiceRestart: CloseCode

    /// <summary>1013: the server is overloaded; try again later.</summary>
    static member TryAgainLater: CloseCode

    /// <summary>1014: a gateway got an invalid answer from the server behind it.</summary>
    static member BadGateway: CloseCode

    /// <summary>True for the numbers that may stand in a close frame: 1000–1003, 1007–1014, 3000–4999.</summary>
    /// <param name="value">Any number.</param>
    static member IsValid: value: int -> bool

    /// <summary>Makes a close code of a number, such as one of an application's own, 4000–4999.</summary>
    /// <param name="value">1000–1003, 1007–1014 or 3000–4999.</param>
    /// <exception cref="T:System.ArgumentOutOfRangeException">The number may not be sent.</exception>
    static member Create: value: int -> CloseCode

    /// <summary>The number, invariant.</summary>
    override ToString: unit -> string

    /// <summary>True when both are the same number.</summary>
    static member op_Equality: left: CloseCode * right: CloseCode -> bool

    /// <summary>True when they are different numbers.</summary>
    static member op_Inequality: left: CloseCode * right: CloseCode -> bool

    /// <summary>Makes a close code of a number, as <c>Create</c> does.</summary>
    /// <param name="value">1000–1003, 1007–1014 or 3000–4999.</param>
    static member op_Explicit: value: int -> CloseCode

    /// <summary>The number: <c>connection.CloseCode == CloseCode.NormalClosure</c> compares it.</summary>
    /// <param name="code">The code.</param>
    static member op_Implicit: code: CloseCode -> int

/// <summary>What a close frame says: a code with a reason, or nothing at all (RFC 6455 §5.5.1).</summary>
[<Sealed; AllowNullLiteral(false)>]
type CloseStatus =

    /// <summary>The longest reason, in bytes of UTF-8: what fits a control frame beside the code.</summary>
    static member MaxReasonLength: int

    /// <summary>A close frame without a code.</summary>
    static member NoStatus: CloseStatus

    /// <summary>Makes the status of a close frame with a code.</summary>
    /// <param name="code">The close code.</param>
    /// <param name="reason">Text for people, at most 123 bytes of UTF-8; may be empty.</param>
    /// <exception cref="T:System.ArgumentException">The reason is too long, or can't be encoded.</exception>
    static member Create: code: CloseCode * reason: string -> CloseStatus

    /// <summary>The code, if the frame has one.</summary>
    member internal Code: CloseCode voption

    /// <summary>The number of the code; 1005 when the frame has none (RFC 6455 §7.1.5).</summary>
    member Number: int

    /// <summary>The reason; empty when there is none. A peer's text: escape it where it is shown.</summary>
    member Reason: string

    /// <summary>True when both say the same.</summary>
    override Equals: other: (obj | null) -> bool

    /// <summary>A hash code of code and reason.</summary>
    override GetHashCode: unit -> int

    /// <summary>The number and the reason on one line, fit for a log: <c>1001 'bye'</c>, <c>1001</c> or <c>no code</c>. What isn't printable
    /// ASCII in the reason, which a peer may have written, is shown as its code.</summary>
    override ToString: unit -> string

    /// <summary>The bytes of the close frame's payload.</summary>
    member ToArray: unit -> byte[]

/// <summary>Patterns for what a close frame says.</summary>
[<AutoOpen>]
module CloseStatusPatterns =

    /// <summary>Tells a close status with a code from one without.</summary>
    /// <param name="status">The status to look at.</param>
    val (|NoStatus|Status|): status: CloseStatus -> Choice<unit, CloseCode * string>

type CloseStatus with

    /// <summary>True when both are equal, as <c>Equals</c> tells.</summary>
    static member op_Equality: left: (CloseStatus | null) * right: (CloseStatus | null) -> bool

    /// <summary>True when they are not equal.</summary>
    static member op_Inequality: left: (CloseStatus | null) * right: (CloseStatus | null) -> bool
