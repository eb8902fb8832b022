// Bytes to frames, without copying. Every rule that one header can break is enforced here, before its payload
// arrives; rules that depend on the frames before are Connection's.
namespace FunctionalWs.Protocol

#nowarn "9" // a stack buffer for headers that lie across two segments

open System
open System.Buffers
open System.Buffers.Binary
open System.Runtime.InteropServices
open FSharp.NativeInterop
open type System.FormattableString

[<StructuredFormatDisplay("{Shown}")>]
type ConnectionSettings = {
    Role: Role
    Limits: Limits
    ValidateText: bool
    ReservedBits: ReservedBits
    AllowLongLengths: bool
} with

    static member Server: ConnectionSettings = {
        Role = Role.Server
        Limits = Limits.Default
        ValidateText = true
        ReservedBits = ReservedBits.None
        AllowLongLengths = false
    }

    static member Client: ConnectionSettings = {
        ConnectionSettings.Server with
            Role = Role.Client
    }

    // Who gave no limits is told so where the settings are used.
    member private settings.Shown: string =
        let text =
            if settings.ValidateText then
                "text checked"
            else
                "text not checked"

        let bits =
            match settings.ReservedBits with
            | ReservedBits.None -> ""
            | bits -> Invariant $"; extensions use {bits}"

        let lengths =
            if settings.AllowLongLengths then
                "; long lengths allowed"
            else
                ""

        Invariant $"{settings.Role}; {settings.Limits}; {text}{bits}{lengths}"

    override settings.ToString() : string = settings.Shown

module internal ConnectionSettings =

    /// A record takes what it is given: what it lacks is missed at the door, not by the first frame that needs it.
    let check (settings: ConnectionSettings) : unit =
        ArgumentNullException.ThrowIfNull(settings, nameof settings)

        if isNull (box settings.Limits) then
            raise (ArgumentNullException(nameof settings, "The settings have no limits: Limits is null."))

[<Struct; RequireQualifiedAccess; StructuredFormatDisplay("{Shown}")>]
type HeaderParse =
    | Incomplete
    | Complete of Header: FrameHeader
    | Malformed of Error: ProtocolError

    member private parse.Shown: string =
        match parse with
        | HeaderParse.Incomplete -> "incomplete"
        | HeaderParse.Complete header -> header.ToString()
        | HeaderParse.Malformed error -> Invariant $"malformed: {error}"

    override parse.ToString() : string = parse.Shown

[<Struct; NoComparison; NoEquality; RequireQualifiedAccess; StructuredFormatDisplay("{Shown}")>]
type FrameParse =
    | Incomplete
    | Complete of Frame: Frame
    | Malformed of Error: ProtocolError

    member private parse.Shown: string =
        match parse with
        | FrameParse.Incomplete -> "incomplete"
        | FrameParse.Complete frame -> frame.ToString()
        | FrameParse.Malformed error -> Invariant $"malformed: {error}"

    override parse.ToString() : string = parse.Shown

module FrameReader =

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

    /// What the first byte and the mask bit break.
    let private checkStart
        (settings: ConnectionSettings)
        (opcode: Opcode)
        (first: byte)
        (masked: bool)
        : ProtocolError voption =
        let bits = reservedBits first

        // §5.2: a reserved bit is 0 unless an extension that was agreed on says otherwise.
        if bits &&& ~~~(mayHave settings opcode) <> ReservedBits.None then
            ValueSome(ProtocolError.ReservedBits(byte bits))
        // §5.1: a client masks all its frames.
        elif not masked && settings.Role.IsServer then
            ValueSome ProtocolError.MaskMissing
        // §5.1: a server masks none.
        elif masked && settings.Role.IsClient then
            ValueSome ProtocolError.MaskForbidden
        // §5.5: a control frame is not fragmented.
        elif Opcode.isControl opcode && first &&& 0x80uy = 0uy then
            ValueSome(ProtocolError.ControlFrameFragmented opcode)
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

    let private isMinimal (short: int) (length: int64) : bool =
        match short with
        | 126 -> length > 125L
        | 127 -> length > 65_535L
        | _ -> true

    /// What the length breaks, by itself.
    let private checkLength
        (settings: ConnectionSettings)
        (opcode: Opcode)
        (first: byte)
        (short: int)
        (length: int64)
        : ProtocolError voption =
        let limits = settings.Limits

        // §5.2: the most significant bit of a length of 8 bytes is 0.
        if length < 0L then
            ValueSome ProtocolError.LengthTopBit
        // §5.5: a control frame has a payload of 125 bytes or less.
        elif Opcode.isControl opcode && length > 125L then
            ValueSome(ProtocolError.ControlFrameTooLong opcode)
        // §5.2: a length takes as few bytes as it can.
        elif not (isMinimal short length) && not settings.AllowLongLengths then
            ValueSome(ProtocolError.LengthNotMinimal length)
        // A control frame counts towards no message.
        elif Opcode.isControl opcode then
            ValueNone
        // §10.4: what is too much is refused before it comes.
        elif mayBeEncoded settings first then
            checkSize
                limits
                (limits.Encoded(limits.MaxMessageSize, limits.MaxFragments))
                (limits.Encoded(limits.MaxFragmentSize, 1))
                length
        else
            checkSize limits limits.MaxMessageSize limits.MaxFragmentSize length

    /// §5.2: 7 bits, or the two or eight bytes that follow them, in network byte order.
    let private readLength (short: int) (bytes: ReadOnlySpan<byte>) : int64 =
        match short with
        | 126 -> int64 (BinaryPrimitives.ReadUInt16BigEndian(bytes.Slice 2))
        | 127 -> BinaryPrimitives.ReadInt64BigEndian(bytes.Slice 2)
        | _ -> int64 short

    let private keyOffset (short: int) =
        match short with
        | 126 -> 4
        | 127 -> 10
        | _ -> 2

    let private headerOf
        (opcode: Opcode)
        (length: int64)
        (keyAt: int)
        (size: int)
        (bytes: ReadOnlySpan<byte>)
        : HeaderParse =
        HeaderParse.Complete {
            Fin = bytes[0] &&& 0x80uy <> 0uy
            ReservedBits = reservedBits bytes[0]
            Opcode = opcode
            MaskingKey =
                if size > keyAt then
                    ValueSome(MemoryMarshal.Read<uint32>(bytes.Slice keyAt))
                else
                    ValueNone
            PayloadLength = length
            Size = size
        }

    /// The rest of a header whose first byte breaks no rule.
    let private parseRest
        (settings: ConnectionSettings)
        (opcode: Opcode)
        (masked: bool)
        (bytes: ReadOnlySpan<byte>)
        : HeaderParse =
        let short = int (bytes[1] &&& 0x7Fuy)
        let keyAt = keyOffset short
        let size = if masked then keyAt + 4 else keyAt

        if bytes.Length < keyAt then
            HeaderParse.Incomplete
        else
            let length = readLength short bytes

            match checkLength settings opcode bytes[0] short length with
            | ValueSome error -> HeaderParse.Malformed error
            | ValueNone when bytes.Length < size -> HeaderParse.Incomplete
            | ValueNone -> headerOf opcode length keyAt size bytes

    let private parse (settings: ConnectionSettings) (bytes: ReadOnlySpan<byte>) : HeaderParse =
        if bytes.Length < 2 then
            HeaderParse.Incomplete
        else
            let masked = bytes[1] &&& 0x80uy <> 0uy

            match Opcode.ofByte (bytes[0] &&& 0x0Fuy) with
            // §5.2: an opcode that isn't known fails the connection.
            | ValueNone -> HeaderParse.Malformed(ProtocolError.ReservedOpcode(bytes[0] &&& 0x0Fuy))
            | ValueSome opcode ->
                match checkStart settings opcode bytes[0] masked with
                | ValueSome error -> HeaderParse.Malformed error
                | ValueNone -> parseRest settings opcode masked bytes

    [<CompiledName("ReadHeaderOf")>]
    let readHeaderOf (settings: ConnectionSettings) (bytes: ReadOnlySpan<byte>) : HeaderParse =
        ConnectionSettings.check settings
        parse settings bytes

    [<CompiledName("ReadHeader")>]
    let readHeader (settings: ConnectionSettings) (buffer: inref<ReadOnlySequence<byte>>) : HeaderParse =
        ConnectionSettings.check settings
        let first = buffer.FirstSpan

        if first.Length >= MaxHeaderSize || buffer.IsSingleSegment then
            parse settings first
        else
            let length = int (min buffer.Length (int64 MaxHeaderSize))

            let copy =
                Span<byte>(NativePtr.toVoidPtr (NativePtr.stackalloc<byte> MaxHeaderSize), length)

            buffer.Slice(0L, int64 length).CopyTo copy
            parse settings (Span<byte>.op_Implicit copy)

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

    [<CompiledName("Read")>]
    let readMemory (settings: ConnectionSettings) (bytes: ReadOnlyMemory<byte>) : FrameParse =
        let buffer = ReadOnlySequence bytes
        read settings &buffer

    [<CompiledName("Decode")>]
    let decode (settings: ConnectionSettings) (bytes: byte[]) : FrameParse =
        ArgumentNullException.ThrowIfNull(bytes, nameof bytes)
        readMemory settings (ReadOnlyMemory bytes)

type ConnectionSettings with

    static member op_Equality(left: ConnectionSettings | null, right: ConnectionSettings | null) : bool =
        obj.Equals(left, right)

    static member op_Inequality(left: ConnectionSettings | null, right: ConnectionSettings | null) : bool =
        not (obj.Equals(left, right))

type HeaderParse with

    static member op_Equality(left: HeaderParse, right: HeaderParse) : bool = left.Equals right

    static member op_Inequality(left: HeaderParse, right: HeaderParse) : bool = not (left.Equals right)
