// Bytes to frames, without copying. Every rule that one header can break is enforced here, before its payload
// arrives; rules that depend on the frames before are Connection's.
namespace FunctionalWs.Protocol

#nowarn "9" // a stack buffer for headers that lie across two segments

open System
open System.Buffers
open System.Buffers.Binary
open System.Runtime.InteropServices
open FSharp.NativeInterop

/// <summary>How one end of a connection reads and judges what the other sends.</summary>
type ConnectionSettings = {
    /// <summary>Which side this end is.</summary>
    Role: Role
    /// <summary>The sizes beyond which data is refused.</summary>
    Limits: Limits
    /// <summary>
    /// True to refuse text that is not UTF-8 as its bytes arrive, with 1007; false for relays that pass text on
    /// unread (RFC 6455 §8.1).
    /// </summary>
    ValidateText: bool
    /// <summary>The bits that agreed extensions use; any other is refused with 1002 (RFC 6455 §5.2).</summary>
    ReservedBits: ReservedBits
    /// <summary>False to refuse payload lengths that are not in their shortest form, with 1002 (RFC 6455 §5.2).</summary>
    AllowLongLengths: bool
} with

    /// <summary>A server with default limits, every check on and no extension.</summary>
    static member Server: ConnectionSettings = {
        Role = Role.Server
        Limits = Limits.Default
        ValidateText = true
        ReservedBits = ReservedBits.None
        AllowLongLengths = false
    }

    /// <summary>A client with default limits, every check on and no extension.</summary>
    static member Client: ConnectionSettings = {
        ConnectionSettings.Server with
            Role = Role.Client
    }

/// <summary>Result of looking for a frame header at the start of a buffer.</summary>
[<Struct; RequireQualifiedAccess>]
type HeaderParse =
    /// <summary>More bytes are needed; nothing is consumed.</summary>
    | Incomplete
    /// <summary>A header that keeps the rules. Its <c>Size</c> tells how many bytes it takes.</summary>
    | Complete of Header: FrameHeader
    /// <summary>The peer broke a rule; nothing after this can be read.</summary>
    | Malformed of Error: ProtocolError

/// <summary>Result of looking for a whole frame at the start of a buffer.</summary>
[<Struct; NoComparison; NoEquality; RequireQualifiedAccess>]
type FrameParse =
    /// <summary>More bytes are needed; nothing is consumed.</summary>
    | Incomplete
    /// <summary>A whole frame, on loan from the buffer. <c>Frame.Header.FrameLength</c> bytes are consumed.</summary>
    | Complete of Frame: Frame
    /// <summary>The peer broke a rule; nothing after this can be read.</summary>
    | Malformed of Error: ProtocolError

/// <summary>Finds frames at the start of a buffer (RFC 6455 §5.2).</summary>
module FrameReader =

    /// <summary>The size of the longest header, in bytes.</summary>
    [<Literal>]
    let MaxHeaderSize = 14

    let private reservedBits (first: byte) : ReservedBits =
        LanguagePrimitives.EnumOfValue((first >>> 4) &&& 0x7uy)

    /// A message is marked on its first frame (RFC 7692 §6).
    let private mayHave (settings: ConnectionSettings) (opcode: Opcode) : ReservedBits =
        match opcode with
        | Opcode.Text
        | Opcode.Binary -> settings.ReservedBits
        | Opcode.Continuation
        | Opcode.Close
        | Opcode.Ping
        | Opcode.Pong -> ReservedBits.None

    /// What the first two bytes alone tell.
    let private checkFirstBytes
        (settings: ConnectionSettings)
        (opcode: Opcode)
        (first: byte)
        (second: byte)
        : ProtocolError voption =
        let masked = second &&& 0x80uy <> 0uy

        let bits = reservedBits first

        if bits &&& ~~~(mayHave settings opcode) <> ReservedBits.None then
            ValueSome(ProtocolError.ReservedBits(byte bits))
        elif not masked && settings.Role.IsServer then
            ValueSome ProtocolError.MaskMissing
        elif masked && settings.Role.IsClient then
            ValueSome ProtocolError.MaskForbidden
        elif Opcode.isControl opcode && first &&& 0x80uy = 0uy then
            ValueSome(ProtocolError.ControlFrameFragmented opcode)
        elif Opcode.isControl opcode && second &&& 0x7Fuy > 125uy then
            ValueSome(ProtocolError.ControlFrameTooLong opcode)
        else
            ValueNone

    /// True when the payload may have been transformed: its length on the wire is not yet that of its data.
    let private mayBeEncoded (settings: ConnectionSettings) (first: byte) : bool =
        settings.ReservedBits <> ReservedBits.None
        && (reservedBits first <> ReservedBits.None || first &&& 0x0Fuy = 0uy)

    let private checkSize
        (limits: Limits)
        (messageSize: int64)
        (fragmentSize: int64)
        (length: int64)
        : ProtocolError voption =
        if length > fragmentSize then
            ValueSome(ProtocolError.FragmentTooBig(length, limits.MaxFragmentSize))
        elif length > messageSize then
            ValueSome(ProtocolError.MessageTooBig(length, limits.MaxMessageSize))
        else
            ValueNone

    let private checkLength
        (settings: ConnectionSettings)
        (first: byte)
        (short: int)
        (length: int64)
        : ProtocolError voption =
        let limits = settings.Limits

        let isMinimal =
            match short with
            | 126 -> length > 125L
            | 127 -> length > 65_535L
            | _ -> true

        if length < 0L then
            ValueSome ProtocolError.LengthTopBit
        elif not isMinimal && not settings.AllowLongLengths then
            ValueSome(ProtocolError.LengthNotMinimal length)
        elif mayBeEncoded settings first then
            checkSize
                limits
                (limits.Encoded(limits.MaxMessageSize, limits.MaxFragments))
                (limits.Encoded(limits.MaxFragmentSize, 1))
                length
        else
            checkSize limits limits.MaxMessageSize limits.MaxFragmentSize length

    let private readLength (short: int) (bytes: ReadOnlySpan<byte>) : int64 =
        match short with
        | 126 -> int64 (BinaryPrimitives.ReadUInt16BigEndian(bytes.Slice 2))
        | 127 -> BinaryPrimitives.ReadInt64BigEndian(bytes.Slice 2)
        | _ -> int64 short

    let private lengthSize (short: int) =
        match short with
        | 126 -> 2
        | 127 -> 8
        | _ -> 0

    let private complete
        (opcode: Opcode)
        (length: int64)
        (keyAt: int)
        (bytes: ReadOnlySpan<byte>)
        : HeaderParse =
        let masked = bytes[1] &&& 0x80uy <> 0uy
        let size = if masked then keyAt + 4 else keyAt

        if bytes.Length < size then
            HeaderParse.Incomplete
        else
            HeaderParse.Complete {
                Fin = bytes[0] &&& 0x80uy <> 0uy
                ReservedBits = reservedBits bytes[0]
                Opcode = opcode
                MaskingKey =
                    if masked then
                        ValueSome(MemoryMarshal.Read<uint32>(bytes.Slice keyAt))
                    else
                        ValueNone
                PayloadLength = length
                Size = size
            }

    /// The length of a control frame is judged with the first two bytes, and counts towards no message.
    let private parseLength
        (settings: ConnectionSettings)
        (opcode: Opcode)
        (bytes: ReadOnlySpan<byte>)
        : HeaderParse =
        let short = int (bytes[1] &&& 0x7Fuy)
        let keyAt = 2 + lengthSize short

        if bytes.Length < keyAt then
            HeaderParse.Incomplete
        else
            let length = readLength short bytes

            match checkLength settings bytes[0] short length with
            | ValueSome error when not (Opcode.isControl opcode) -> HeaderParse.Malformed error
            | ValueSome _
            | ValueNone -> complete opcode length keyAt bytes

    let private parse (settings: ConnectionSettings) (bytes: ReadOnlySpan<byte>) : HeaderParse =
        if bytes.Length < 2 then
            HeaderParse.Incomplete
        else
            match Opcode.ofByte (bytes[0] &&& 0x0Fuy) with
            | ValueNone -> HeaderParse.Malformed(ProtocolError.ReservedOpcode(bytes[0] &&& 0x0Fuy))
            | ValueSome opcode ->
                match checkFirstBytes settings opcode bytes[0] bytes[1] with
                | ValueSome error -> HeaderParse.Malformed error
                | ValueNone -> parseLength settings opcode bytes

    /// <summary>Reads the header at the start of some bytes that lie together; see <c>readHeader</c>.</summary>
    /// <param name="settings">The side this is, and its limits.</param>
    /// <param name="bytes">The bytes received and not yet consumed.</param>
    [<CompiledName("ReadHeaderOf")>]
    let readHeaderOf (settings: ConnectionSettings) (bytes: ReadOnlySpan<byte>) : HeaderParse =
        parse settings bytes

    /// <summary>
    /// Reads the header at the start of a buffer and judges it by itself. Allocates nothing unless the header breaks a
    /// rule, which is reported as soon as the bytes that break it are there.
    /// </summary>
    /// <param name="settings">The side this is, and its limits.</param>
    /// <param name="buffer">The bytes received and not yet consumed.</param>
    [<CompiledName("ReadHeader")>]
    let readHeader (settings: ConnectionSettings) (buffer: inref<ReadOnlySequence<byte>>) : HeaderParse =
        let first = buffer.FirstSpan

        if first.Length >= MaxHeaderSize || buffer.IsSingleSegment then
            parse settings first
        else
            let length = int (min buffer.Length (int64 MaxHeaderSize))

            let copy =
                Span<byte>(NativePtr.toVoidPtr (NativePtr.stackalloc<byte> MaxHeaderSize), length)

            buffer.Slice(0L, int64 length).CopyTo copy
            parse settings (Span<byte>.op_Implicit copy)

    /// <summary>
    /// Reads the frame at the start of a buffer, judged by its header alone. Allocates nothing unless it breaks a rule.
    /// </summary>
    /// <param name="settings">The side this is, and its limits.</param>
    /// <param name="buffer">The bytes received and not yet consumed.</param>
    [<CompiledName("Read")>]
    let read (settings: ConnectionSettings) (buffer: inref<ReadOnlySequence<byte>>) : FrameParse =
        match readHeader settings &buffer with
        | HeaderParse.Incomplete -> FrameParse.Incomplete
        | HeaderParse.Malformed error -> FrameParse.Malformed error
        | HeaderParse.Complete header when buffer.Length < header.FrameLength -> FrameParse.Incomplete
        | HeaderParse.Complete header ->
            FrameParse.Complete {
                Header = header
                Payload = buffer.Slice(int64 header.Size, header.PayloadLength)
            }
