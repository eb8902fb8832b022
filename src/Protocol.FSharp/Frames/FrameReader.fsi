// Bytes to frames, without copying. Every rule that one header can break is enforced here, before its payload
// arrives; rules that depend on the frames before are Connection's.
namespace FunctionalWs.Protocol

open System
open System.Buffers

/// <summary>How one end of a connection reads and judges what the other sends.</summary>
[<StructuredFormatDisplay("{Shown}")>]
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
    static member Server: ConnectionSettings

    /// <summary>A client with default limits, every check on and no extension.</summary>
    static member Client: ConnectionSettings

    /// <summary>The settings in words.</summary>
    override ToString: unit -> string

    member private Shown: string

module internal ConnectionSettings =

    /// Refuses null, and settings without limits, by the name `settings`.
    val check: settings: ConnectionSettings -> unit

/// <summary>Result of looking for a frame header at the start of a buffer.</summary>
[<Struct; RequireQualifiedAccess; StructuredFormatDisplay("{Shown}")>]
type HeaderParse =
    /// <summary>More bytes are needed; nothing is consumed.</summary>
    | Incomplete
    /// <summary>A header that keeps the rules. Its <c>Size</c> tells how many bytes it takes.</summary>
    | Complete of Header: FrameHeader
    /// <summary>The peer broke a rule; nothing after this can be read.</summary>
    | Malformed of Error: ProtocolError

    /// <summary>The header in words, or what is wrong with it.</summary>
    override ToString: unit -> string

    member private Shown: string

/// <summary>Result of looking for a whole frame at the start of a buffer.</summary>
[<Struct; NoComparison; NoEquality; RequireQualifiedAccess; StructuredFormatDisplay("{Shown}")>]
type FrameParse =
    /// <summary>More bytes are needed; nothing is consumed.</summary>
    | Incomplete
    /// <summary>A whole frame, on loan from the buffer. <c>Frame.Header.FrameLength</c> bytes are consumed.</summary>
    | Complete of Frame: Frame
    /// <summary>The peer broke a rule; nothing after this can be read.</summary>
    | Malformed of Error: ProtocolError

    /// <summary>The frame in words, or what is wrong with it.</summary>
    override ToString: unit -> string

    member private Shown: string

/// <summary>Finds frames at the start of a buffer (RFC 6455 §5.2).</summary>
module FrameReader =

    /// <summary>The size of the longest header, in bytes.</summary>
    [<Literal>]
    val MaxHeaderSize: int = 14

    /// <summary>Reads the header at the start of some bytes that lie together; see <c>readHeader</c>.</summary>
    /// <param name="settings">The side this is, and its limits.</param>
    /// <param name="bytes">The bytes received and not yet consumed.</param>
    [<CompiledName("ReadHeaderOf")>]
    val readHeaderOf: settings: ConnectionSettings -> bytes: ReadOnlySpan<byte> -> HeaderParse

    /// <summary>
    /// Reads the header at the start of a buffer and judges it by itself. Allocates nothing unless the header breaks a
    /// rule, which is reported as soon as the bytes that break it are there.
    /// </summary>
    /// <param name="settings">The side this is, and its limits.</param>
    /// <param name="buffer">The bytes received and not yet consumed.</param>
    [<CompiledName("ReadHeader")>]
    val readHeader: settings: ConnectionSettings -> buffer: inref<ReadOnlySequence<byte>> -> HeaderParse

    /// <summary>
    /// Reads the frame at the start of a buffer, judged by its header alone. Allocates nothing unless it breaks a rule.
    /// </summary>
    /// <param name="settings">The side this is, and its limits.</param>
    /// <param name="buffer">The bytes received and not yet consumed.</param>
    [<CompiledName("Read")>]
    val read: settings: ConnectionSettings -> buffer: inref<ReadOnlySequence<byte>> -> FrameParse

    /// <summary>
    /// Reads the frame at the start of some bytes that lie together; see <c>read</c>. An array will do: the frame's payload is a
    /// part of it.
    /// </summary>
    /// <param name="settings">The side this is, and its limits.</param>
    /// <param name="bytes">The bytes received and not yet consumed.</param>
    [<CompiledName("Read")>]
    val readMemory: settings: ConnectionSettings -> bytes: ReadOnlyMemory<byte> -> FrameParse

    /// <summary>Reads the frame at the start of an array, as <c>FrameWriter.encode</c> gives one: for scripts and tests.</summary>
    /// <param name="settings">The side this is, and its limits.</param>
    /// <param name="bytes">The bytes. The frame's payload is a part of them.</param>
    [<CompiledName("Decode")>]
    val decode: settings: ConnectionSettings -> bytes: byte[] -> FrameParse

type ConnectionSettings with

    /// <summary>True when both are equal, as <c>Equals</c> tells.</summary>
    static member op_Equality: left: (ConnectionSettings | null) * right: (ConnectionSettings | null) -> bool

    /// <summary>True when they are not equal.</summary>
    static member op_Inequality:
        left: (ConnectionSettings | null) * right: (ConnectionSettings | null) -> bool

type HeaderParse with

    /// <summary>True when both are equal, as <c>Equals</c> tells.</summary>
    static member op_Equality: left: HeaderParse * right: HeaderParse -> bool

    /// <summary>True when they are not equal.</summary>
    static member op_Inequality: left: HeaderParse * right: HeaderParse -> bool
