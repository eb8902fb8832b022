// The six frame types of RFC 6455 §5.2 and §11.8. Reserved opcodes are not representable.
namespace FunctionalWs.Protocol

open System.Runtime.InteropServices

/// <summary>The type of a frame (RFC 6455 §5.2, §11.8).</summary>
[<Struct; RequireQualifiedAccess>]
type Opcode =
    /// <summary>A further fragment of the message that is open (0x0).</summary>
    | Continuation
    /// <summary>The first or only frame of a text message (0x1).</summary>
    | Text
    /// <summary>The first or only frame of a binary message (0x2).</summary>
    | Binary
    /// <summary>Starts or answers the closing handshake (0x8).</summary>
    | Close
    /// <summary>Asks for a pong (0x9).</summary>
    | Ping
    /// <summary>Answers a ping, or comes unasked (0xA).</summary>
    | Pong

    /// <summary>The name of the case.</summary>
    override ToString: unit -> string

    /// <summary>True for close, ping and pong (RFC 6455 §5.5).</summary>
    member IsControl: bool

    /// <summary>The four bits that stand for the frame type in a header, 0x0 to 0xA.</summary>
    member ToByte: unit -> byte

    /// <summary>The frame type that four bits stand for, as <c>TryOfByte</c> tells; for F#.</summary>
    /// <param name="bits">The low four bits of a frame's first byte.</param>
    [<CompiledName("OfByte")>]
    static member ofByte: bits: byte -> Opcode voption

    /// <summary>Finds the frame type that four bits stand for; false for the reserved ones, 0x3–0x7 and 0xB–0xF.</summary>
    /// <param name="bits">The low four bits of a frame's first byte.</param>
    /// <param name="opcode">The frame type.</param>
    static member TryOfByte: bits: byte * [<Out>] opcode: byref<Opcode> -> bool

module internal Opcode =

    val toByte: opcode: Opcode -> byte
    val ofByte: bits: byte -> Opcode voption
    val isControl: opcode: Opcode -> bool

type Opcode with

    /// <summary>True when both are equal, as <c>Equals</c> tells.</summary>
    static member op_Equality: left: Opcode * right: Opcode -> bool

    /// <summary>True when they are not equal.</summary>
    static member op_Inequality: left: Opcode * right: Opcode -> bool
