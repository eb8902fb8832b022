// The six frame types of RFC 6455 §5.2 and §11.8. Reserved opcodes are not representable.
namespace FunctionalWs.Protocol

open System.Runtime.InteropServices

[<Struct; RequireQualifiedAccess>]
type Opcode =
    | Continuation
    | Text
    | Binary
    | Close
    | Ping
    | Pong

    // Not the compiler's, which formats by reflection: native code has none.
    override opcode.ToString() : string =
        match opcode with
        | Opcode.Continuation -> nameof Opcode.Continuation
        | Opcode.Text -> nameof Opcode.Text
        | Opcode.Binary -> nameof Opcode.Binary
        | Opcode.Close -> nameof Opcode.Close
        | Opcode.Ping -> nameof Opcode.Ping
        | Opcode.Pong -> nameof Opcode.Pong

module internal Opcode =

    let toByte (opcode: Opcode) : byte =
        match opcode with
        | Opcode.Continuation -> 0x0uy
        | Opcode.Text -> 0x1uy
        | Opcode.Binary -> 0x2uy
        | Opcode.Close -> 0x8uy
        | Opcode.Ping -> 0x9uy
        | Opcode.Pong -> 0xAuy

    let ofByte (bits: byte) : Opcode voption =
        match bits with
        | 0x0uy -> ValueSome Opcode.Continuation
        | 0x1uy -> ValueSome Opcode.Text
        | 0x2uy -> ValueSome Opcode.Binary
        | 0x8uy -> ValueSome Opcode.Close
        | 0x9uy -> ValueSome Opcode.Ping
        | 0xAuy -> ValueSome Opcode.Pong
        | _ -> ValueNone

    let isControl (opcode: Opcode) : bool =
        match opcode with
        | Opcode.Close
        | Opcode.Ping
        | Opcode.Pong -> true
        | Opcode.Continuation
        | Opcode.Text
        | Opcode.Binary -> false

type Opcode with

    member opcode.IsControl: bool = Opcode.isControl opcode

    member opcode.ToByte() : byte = Opcode.toByte opcode

    [<CompiledName("OfByte")>]
    static member ofByte(bits: byte) : Opcode voption = Opcode.ofByte bits

    static member TryOfByte(bits: byte, [<Out>] opcode: byref<Opcode>) : bool =
        ValueOption.tryGet (Opcode.ofByte bits) &opcode

type Opcode with

    static member op_Equality(left: Opcode, right: Opcode) : bool = left.Equals right

    static member op_Inequality(left: Opcode, right: Opcode) : bool = not (left.Equals right)
