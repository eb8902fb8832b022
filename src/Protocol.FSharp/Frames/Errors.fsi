// What a peer can do wrong and what a caller can do wrong: two types that never meet.
// Total members map the first to a close code and both to a sentence.
namespace FunctionalWs.Protocol

/// <summary>A rule of the protocol that the peer broke. Each leads to one close code, see <c>CloseCode</c>.</summary>
[<RequireQualifiedAccess; StructuredFormatDisplay("{Description}")>]
type ProtocolError =
    /// <summary>A frame has an opcode that is reserved, 0x3–0x7 or 0xB–0xF (RFC 6455 §5.2).</summary>
    | ReservedOpcode of Opcode: byte
    /// <summary>A frame sets RSV1, RSV2 or RSV3, which no agreed extension uses (RFC 6455 §5.2).</summary>
    | ReservedBits of Bits: byte
    /// <summary>A client sent a frame without a masking key (RFC 6455 §5.1).</summary>
    | MaskMissing
    /// <summary>A server sent a frame with a masking key (RFC 6455 §5.1).</summary>
    | MaskForbidden
    /// <summary>A payload length is not in its shortest form (RFC 6455 §5.2).</summary>
    | LengthNotMinimal of Length: int64
    /// <summary>A 64-bit payload length has its top bit set (RFC 6455 §5.2).</summary>
    | LengthTopBit
    /// <summary>A control frame announces more than 125 bytes (RFC 6455 §5.5).</summary>
    | ControlFrameTooLong of Control: Opcode
    /// <summary>A control frame is not final (RFC 6455 §5.5).</summary>
    | ControlFrameFragmented of Control: Opcode
    /// <summary>A new message starts before the last frame of the one that is open (RFC 6455 §5.4).</summary>
    | ContinuationExpected
    /// <summary>A continuation comes while no message is open (RFC 6455 §5.4).</summary>
    | ContinuationUnexpected
    /// <summary>A frame of a message is larger than one may be (RFC 6455 §10.4).</summary>
    | FragmentTooBig of Length: int64 * Limit: int64
    /// <summary>A message is larger than one may be (RFC 6455 §10.4).</summary>
    | MessageTooBig of Length: int64 * Limit: int64
    /// <summary>A message has more frames than one may have (RFC 6455 §10.4).</summary>
    | TooManyFragments of Limit: int
    /// <summary>A text message has a byte that can't stand there in UTF-8, or ends inside a character (RFC 6455 §8.1).</summary>
    | TextNotUtf8 of Position: int64
    /// <summary>A compressed message holds what is no compressed data (RFC 7692 §7.2.2).</summary>
    | CompressedDataInvalid
    /// <summary>A compressed message ends inside its compressed data (RFC 7692 §7.2.2).</summary>
    | CompressedDataIncomplete
    /// <summary>A compressed message holds more than so many times its size on the wire.</summary>
    | InflateRatioExceeded of Limit: int
    /// <summary>An extension could not decode a message (RFC 6455 §9).</summary>
    | ExtensionFailed of Extension: string * Reason: string
    /// <summary>A close frame has one byte of payload: half a code (RFC 6455 §5.5.1).</summary>
    | CloseFrameTooShort
    /// <summary>A close frame has a code that may not be sent (RFC 6455 §7.4).</summary>
    | CloseCodeInvalid of Code: int
    /// <summary>The reason in a close frame is not UTF-8 (RFC 6455 §5.5.1).</summary>
    | CloseReasonNotUtf8

    /// <summary>The close code with which the connection is failed (RFC 6455 §7.1.7, §7.4.1).</summary>
    member CloseCode: CloseCode

    /// <summary>A sentence for logs and for the reason of the close frame, at most 123 bytes of ASCII.</summary>
    member Description: string

    /// <summary>Where the rule is written down.</summary>
    member Section: RfcSection

    /// <summary>The rule itself, as one sentence.</summary>
    member Rule: string

    /// <summary>The <c>Description</c>.</summary>
    override ToString: unit -> string

/// <summary>A call that the state of the connection doesn't allow. The peer did nothing wrong.</summary>
[<Struct; RequireQualifiedAccess>]
type SendError =
    /// <summary>The closing handshake has begun, or the connection is closed (RFC 6455 §5.5.1, §7.1).</summary>
    | Closing
    /// <summary>A fragmented message is being sent; nothing but its next fragment fits (RFC 6455 §5.4).</summary>
    | MessageUnfinished
    /// <summary>There is no fragmented message whose next fragment could be sent (RFC 6455 §5.4).</summary>
    | NoMessageBegun

    /// <summary>The name of the case.</summary>
    override ToString: unit -> string

module internal ProtocolError =

    val closeCode: error: ProtocolError -> CloseCode
    val section: error: ProtocolError -> RfcSection
    val rule: error: ProtocolError -> string

type ProtocolError with

    /// <summary>True when both are equal, as <c>Equals</c> tells.</summary>
    static member op_Equality: left: (ProtocolError | null) * right: (ProtocolError | null) -> bool

    /// <summary>True when they are not equal.</summary>
    static member op_Inequality: left: (ProtocolError | null) * right: (ProtocolError | null) -> bool

type SendError with

    /// <summary>True when both are equal, as <c>Equals</c> tells.</summary>
    static member op_Equality: left: SendError * right: SendError -> bool

    /// <summary>True when they are not equal.</summary>
    static member op_Inequality: left: SendError * right: SendError -> bool
