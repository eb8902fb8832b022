// What a ping or a pong carries: at most 125 bytes, kept as a value (RFC 6455 §5.5).
namespace FunctionalWs.Protocol

open System

/// <summary>The payload of a ping or a pong: 0 to 125 bytes, immutable, compared by content (RFC 6455 §5.5).</summary>
[<Sealed; AllowNullLiteral(false)>]
type ControlPayload =

    /// <summary>The most bytes that a control frame can carry.</summary>
    static member MaxLength: int

    /// <summary>No bytes.</summary>
    static member Empty: ControlPayload

    /// <summary>Copies bytes into a payload.</summary>
    /// <param name="bytes">At most 125 bytes.</param>
    /// <exception cref="T:System.ArgumentException">There are more than 125 bytes.</exception>
    static member Create: bytes: ReadOnlySpan<byte> -> ControlPayload

    /// Takes over what a frame was unmasked into; a frame's header has shown that it is not too long.
    static member internal Own: bytes: byte[] -> ControlPayload

    /// <summary>The bytes.</summary>
    member Span: ReadOnlySpan<byte>

    /// <summary>How many bytes there are, 0 to 125.</summary>
    member Length: int

    /// <summary>True when both have the same bytes.</summary>
    override Equals: other: (obj | null) -> bool

    /// <summary>A hash code of the bytes.</summary>
    override GetHashCode: unit -> int

    /// <summary>The bytes in hexadecimal.</summary>
    override ToString: unit -> string

type ControlPayload with

    /// <summary>True when both are equal, as <c>Equals</c> tells.</summary>
    static member op_Equality: left: (ControlPayload | null) * right: (ControlPayload | null) -> bool

    /// <summary>True when they are not equal.</summary>
    static member op_Inequality: left: (ControlPayload | null) * right: (ControlPayload | null) -> bool
