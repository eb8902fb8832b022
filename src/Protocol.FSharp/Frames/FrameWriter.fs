// Frames to bytes (RFC 6455 §5.2). Lengths are always in their shortest form.
namespace FunctionalWs.Protocol

open System
open System.Buffers
open System.Buffers.Binary
open System.Runtime.InteropServices

module FrameWriter =

    [<CompiledName("HeaderSize")>]
    let headerSize (payloadLength: int64) (masked: bool) : int =
        let key = if masked then 4 else 0

        if payloadLength < 126L then 2 + key
        elif payloadLength < 65_536L then 4 + key
        else 10 + key

    let private writeLength (payloadLength: int64) (destination: Span<byte>) : byte =
        if payloadLength < 126L then
            byte payloadLength
        elif payloadLength < 65_536L then
            BinaryPrimitives.WriteUInt16BigEndian(destination.Slice 2, uint16 payloadLength)
            126uy
        else
            BinaryPrimitives.WriteInt64BigEndian(destination.Slice 2, payloadLength)
            127uy

    /// What a reader would refuse isn't written: it is the caller's mistake.
    let private checkControl (fin: bool) (payloadLength: int64) : unit =
        // §5.5: 125 bytes or less, and not fragmented.
        ArgumentOutOfRangeException.ThrowIfGreaterThan(payloadLength, 125L, nameof payloadLength)

        if not fin then
            raise (ArgumentException("A control frame isn't fragmented: it takes true.", nameof fin))

    /// §5.2, §9: there are three bits, and an extension marks messages on their first frame.
    let private checkBits (bits: ReservedBits) (opcode: Opcode) : unit =
        if byte bits > 7uy then
            raise (
                ArgumentOutOfRangeException(
                    nameof bits,
                    bits,
                    "There are three reserved bits: they make 0 to 7 together."
                )
            )

        if bits <> ReservedBits.None && (Opcode.isControl opcode || opcode.IsContinuation) then
            let what =
                "A frame of the type "
                + opcode.ToString()
                + " has no reserved bits: it takes None, not "
                + bits.ToString()
                + "."

            raise (ArgumentException(what, nameof bits))

    let private checkHeader (fin: bool) (bits: ReservedBits) (opcode: Opcode) (payloadLength: int64) : unit =
        ArgumentOutOfRangeException.ThrowIfNegative(payloadLength, nameof payloadLength)
        checkBits bits opcode

        if Opcode.isControl opcode then
            checkControl fin payloadLength

    [<CompiledName("WriteHeader")>]
    let writeHeader
        (fin: bool)
        (bits: ReservedBits)
        (opcode: Opcode)
        (payloadLength: int64)
        (maskingKey: uint32 voption)
        (destination: Span<byte>)
        : int =
        checkHeader fin bits opcode payloadLength
        let size = headerSize payloadLength maskingKey.IsSome
        let short = writeLength payloadLength destination
        destination[0] <- Opcode.toByte opcode ||| (byte bits <<< 4) ||| (if fin then 0x80uy else 0uy)

        match maskingKey with
        | ValueNone -> destination[1] <- short
        | ValueSome key ->
            destination[1] <- short ||| 0x80uy
            MemoryMarshal.Write(destination.Slice(size - 4), &key)

        size

    [<CompiledName("Write")>]
    let write
        (fin: bool)
        (opcode: Opcode)
        (payload: ReadOnlySpan<byte>)
        (maskingKey: uint32 voption)
        (writer: IBufferWriter<byte>)
        : unit =
        ArgumentNullException.ThrowIfNull(writer, nameof writer)

        let span = writer.GetSpan(FrameReader.MaxHeaderSize + payload.Length)

        let size =
            writeHeader fin ReservedBits.None opcode (int64 payload.Length) maskingKey span

        match maskingKey with
        | ValueNone -> payload.CopyTo(span.Slice size)
        | ValueSome key -> Masking.apply key 0L payload (span.Slice size)

        writer.Advance(size + payload.Length)

    [<CompiledName("Encode")>]
    let encode (fin: bool) (opcode: Opcode) (maskingKey: uint32 voption) (payload: byte[]) : byte[] =
        ArgumentNullException.ThrowIfNull(payload, nameof payload)
        let writer = ArrayBufferWriter<byte>(FrameReader.MaxHeaderSize + payload.Length)
        write fin opcode (ReadOnlySpan payload) maskingKey writer
        writer.WrittenSpan.ToArray()

    [<CompiledName("WriteHeader")>]
    let writeUnmaskedHeader fin bits opcode payloadLength destination =
        writeHeader fin bits opcode payloadLength ValueNone destination

    [<CompiledName("WriteHeader")>]
    let writeMaskedHeader fin bits opcode payloadLength maskingKey destination =
        writeHeader fin bits opcode payloadLength (ValueSome maskingKey) destination

    [<CompiledName("Write")>]
    let writeUnmasked fin opcode payload writer =
        write fin opcode payload ValueNone writer

    [<CompiledName("Write")>]
    let writeMasked fin opcode payload maskingKey writer =
        write fin opcode payload (ValueSome maskingKey) writer
