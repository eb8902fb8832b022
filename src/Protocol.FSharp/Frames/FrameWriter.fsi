// Frames to bytes (RFC 6455 §5.2). Lengths are always in their shortest form.
namespace FunctionalWs.Protocol

open System
open System.Buffers

/// <summary>Writes frames.</summary>
module FrameWriter =

    /// <summary>The size of a frame's header.</summary>
    /// <param name="payloadLength">The size of the payload in bytes: 0 or more.</param>
    /// <param name="masked">True for a client's frame.</param>
    [<CompiledName("HeaderSize")>]
    val headerSize: payloadLength: int64 -> masked: bool -> int

    /// <summary>Writes a frame's header and tells its size.</summary>
    /// <param name="fin">True on the last frame of a message and on control frames.</param>
    /// <param name="bits">The bits of extensions that have transformed the message, on its first frame (RFC 6455 §9).</param>
    /// <param name="opcode">The frame's type.</param>
    /// <param name="payloadLength">The size of the payload in bytes: 0 or more, at most 125 for control frames.</param>
    /// <param name="maskingKey">The four bytes of a client's key in memory order; none from a server (RFC 6455 §5.3).</param>
    /// <param name="destination">Where it goes: 14 bytes are always enough.</param>
    /// <exception cref="T:System.ArgumentException">
    /// The destination is too short, a control frame is fragmented (RFC 6455 §5.5), or a frame that begins no message has reserved
    /// bits (RFC 6455 §5.2, §9).
    /// </exception>
    /// <exception cref="T:System.ArgumentOutOfRangeException">
    /// The size is negative, or over 125 for a control frame (RFC 6455 §5.5); or the bits are more than the three that there are.
    /// </exception>
    [<CompiledName("WriteHeader")>]
    val writeHeader:
        fin: bool ->
        bits: ReservedBits ->
        opcode: Opcode ->
        payloadLength: int64 ->
        maskingKey: uint32 voption ->
        destination: Span<byte> ->
            int

    /// <summary>Writes the header of a server's frame and tells its size.</summary>
    /// <param name="fin">As for frames with a key.</param>
    /// <param name="bits">As for frames with a key.</param>
    /// <param name="opcode">The frame's type.</param>
    /// <param name="payloadLength">The size of the payload in bytes: 0 or more, at most 125 for control frames.</param>
    /// <param name="destination">Where it goes: 10 bytes are always enough.</param>
    [<CompiledName("WriteHeader")>]
    val writeUnmaskedHeader:
        fin: bool ->
        bits: ReservedBits ->
        opcode: Opcode ->
        payloadLength: int64 ->
        destination: Span<byte> ->
            int

    /// <summary>Writes the header of a client's frame and tells its size.</summary>
    /// <param name="fin">As for frames without a key.</param>
    /// <param name="bits">As for frames without a key.</param>
    /// <param name="opcode">The frame's type.</param>
    /// <param name="payloadLength">The size of the payload in bytes: 0 or more, at most 125 for control frames.</param>
    /// <param name="maskingKey">The four bytes of the key in memory order (RFC 6455 §5.3).</param>
    /// <param name="destination">Where it goes: 14 bytes are always enough.</param>
    [<CompiledName("WriteHeader")>]
    val writeMaskedHeader:
        fin: bool ->
        bits: ReservedBits ->
        opcode: Opcode ->
        payloadLength: int64 ->
        maskingKey: uint32 ->
        destination: Span<byte> ->
            int

    /// <summary>Writes a whole frame of a message that no extension has transformed, or a control frame.</summary>
    /// <param name="fin">True on the last frame of a message and on control frames.</param>
    /// <param name="opcode">The frame's type.</param>
    /// <param name="payload">The payload, not masked; at most 125 bytes for control frames.</param>
    /// <param name="maskingKey">The four bytes of a client's key in memory order; none from a server (RFC 6455 §5.3).</param>
    /// <param name="writer">Where the frame goes.</param>
    /// <exception cref="T:System.ArgumentException">A control frame is fragmented (RFC 6455 §5.5).</exception>
    /// <exception cref="T:System.ArgumentOutOfRangeException">A control frame's payload is over 125 bytes (RFC 6455 §5.5).</exception>
    [<CompiledName("Write")>]
    val write:
        fin: bool ->
        opcode: Opcode ->
        payload: ReadOnlySpan<byte> ->
        maskingKey: uint32 voption ->
        writer: IBufferWriter<byte> ->
            unit

    /// <summary>A whole frame as an array: for scripts and tests. <c>FrameReader.decode</c> reads it.</summary>
    /// <param name="fin">True on the last frame of a message and on control frames.</param>
    /// <param name="opcode">The frame's type.</param>
    /// <param name="maskingKey">The four bytes of the key in memory order, on a client's frame; none on a server's (RFC 6455 §5.3).</param>
    /// <param name="payload">The payload, not masked; at most 125 bytes for control frames.</param>
    /// <exception cref="T:System.ArgumentException">A control frame isn't fragmented (RFC 6455 §5.5).</exception>
    /// <exception cref="T:System.ArgumentOutOfRangeException">A control frame's payload is over 125 bytes (RFC 6455 §5.5).</exception>
    [<CompiledName("Encode")>]
    val encode: fin: bool -> opcode: Opcode -> maskingKey: uint32 voption -> payload: byte[] -> byte[]

    /// <summary>Writes a whole frame of a server: of a message that no extension has transformed, or a control frame.</summary>
    /// <param name="fin">True on the last frame of a message and on control frames.</param>
    /// <param name="opcode">The frame's type.</param>
    /// <param name="payload">The payload; at most 125 bytes for control frames.</param>
    /// <param name="writer">Where the frame goes.</param>
    [<CompiledName("Write")>]
    val writeUnmasked:
        fin: bool -> opcode: Opcode -> payload: ReadOnlySpan<byte> -> writer: IBufferWriter<byte> -> unit

    /// <summary>Writes a whole frame of a client: of a message that no extension has transformed, or a control frame.</summary>
    /// <param name="fin">True on the last frame of a message and on control frames.</param>
    /// <param name="opcode">The frame's type.</param>
    /// <param name="payload">The payload, not masked; at most 125 bytes for control frames.</param>
    /// <param name="maskingKey">The four bytes of the key in memory order (RFC 6455 §5.3).</param>
    /// <param name="writer">Where the frame goes.</param>
    [<CompiledName("Write")>]
    val writeMasked:
        fin: bool ->
        opcode: Opcode ->
        payload: ReadOnlySpan<byte> ->
        maskingKey: uint32 ->
        writer: IBufferWriter<byte> ->
            unit
