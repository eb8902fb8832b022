// A frame whose payload still lies, masked, in the receive buffer (RFC 6455 §5.2).
namespace FunctionalWs.Protocol

open System
open System.Buffers
open System.Runtime.InteropServices

/// <summary>Which side of the connection this is: it decides who masks (RFC 6455 §5.1) and who closes TCP (§7.1.1).</summary>
[<Struct; RequireQualifiedAccess>]
type Role =
    /// <summary>Accepts connections; receives masked frames and sends unmasked ones.</summary>
    | Server
    /// <summary>Opens connections; receives unmasked frames and sends masked ones.</summary>
    | Client

    /// <summary>The name of the case.</summary>
    override ToString: unit -> string

/// <summary>What stands before a frame's payload (RFC 6455 §5.2).</summary>
[<Struct; StructuredFormatDisplay("{Shown}")>]
type FrameHeader = {
    /// <summary>True on the last frame of a message, and on every control frame.</summary>
    Fin: bool
    /// <summary>The bits by which extensions mark the message; none on control frames and continuations.</summary>
    ReservedBits: ReservedBits
    /// <summary>The frame's type.</summary>
    Opcode: Opcode
    /// <summary>The four bytes of the masking key in memory order; none when the payload is not masked.</summary>
    MaskingKey: uint32 voption
    /// <summary>The size of the payload in bytes, 0 to 2^63-1.</summary>
    PayloadLength: int64
    /// <summary>The size of this header on the wire in bytes, 2 to 14.</summary>
    Size: int
} with

    /// <summary>The bytes of the whole frame: header and payload; at most 2^63-1.</summary>
    member FrameLength: int64

    /// All but the masking key, in words.
    member internal Words: string

    /// <summary>
    /// The header in words, its masking key as the bytes on the wire: <c>Text, 5 bytes, not final, masked with 37FA213D</c>.
    /// </summary>
    override ToString: unit -> string

    member private Shown: string

    /// <summary>Tells the masking key; false when the payload is not masked.</summary>
    /// <param name="key">The <c>MaskingKey</c>.</param>
    member TryGetMaskingKey: [<Out>] key: byref<uint32> -> bool

    /// <summary>Copies a payload, unmasking it on the way.</summary>
    /// <param name="offset">Where the source begins in the payload, in bytes: 0 or more.</param>
    /// <param name="source">The payload, or a part of it, as it came.</param>
    /// <param name="destination">Where it goes: at least as long as the source.</param>
    /// <exception cref="T:System.ArgumentException">The destination is shorter than the source.</exception>
    member CopyPayload:
        offset: int64 * source: inref<ReadOnlySequence<byte>> * destination: Span<byte> -> unit

    /// <summary>Copies a payload that lies together, unmasking it on the way.</summary>
    /// <param name="source">The payload, as it came.</param>
    /// <param name="destination">Where it goes: at least as long as the source.</param>
    /// <exception cref="T:System.ArgumentException">The destination is shorter than the source.</exception>
    member CopyPayload: source: ReadOnlySpan<byte> * destination: Span<byte> -> unit

/// <summary>
/// A complete frame. Its payload is on loan from the receive buffer: it is valid until the buffer is advanced.
/// </summary>
[<Struct; NoComparison; NoEquality; StructuredFormatDisplay("{Header}")>]
type Frame = {
    /// <summary>The header.</summary>
    Header: FrameHeader
    /// <summary>The payload as it came, still masked if the header has a key.</summary>
    Payload: ReadOnlySequence<byte>
} with

    /// <summary>The unmasked payload in an array of its own.</summary>
    member ToArray: unit -> byte[]

    /// <summary>The header in words. The payload is on loan, and is not looked at.</summary>
    override ToString: unit -> string

module internal Frame =

    val copyPayload:
        header: inref<FrameHeader> ->
        offset: int64 ->
        source: inref<ReadOnlySequence<byte>> ->
        destination: Span<byte> ->
            unit

    val copySpan: header: inref<FrameHeader> -> source: ReadOnlySpan<byte> -> destination: Span<byte> -> unit
    val toArray: frame: inref<Frame> -> byte[]

type Role with

    /// <summary>True when both are equal, as <c>Equals</c> tells.</summary>
    static member op_Equality: left: Role * right: Role -> bool

    /// <summary>True when they are not equal.</summary>
    static member op_Inequality: left: Role * right: Role -> bool

type FrameHeader with

    /// <summary>True when both are equal, as <c>Equals</c> tells.</summary>
    static member op_Equality: left: FrameHeader * right: FrameHeader -> bool

    /// <summary>True when they are not equal.</summary>
    static member op_Inequality: left: FrameHeader * right: FrameHeader -> bool
