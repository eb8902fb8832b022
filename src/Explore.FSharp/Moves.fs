// The alphabet of an exploration: what may come from a peer and what an application may want, one move for every rule.
namespace FunctionalWs.Explore

open System
open System.Runtime.InteropServices
open FunctionalWs.Protocol

/// <summary>Something that may happen to a connection. Compared by reference.</summary>
[<RequireQualifiedAccess; ReferenceEquality; StructuredFormatDisplay("{Shown}")>]
type Move =
    /// <summary>
    /// A frame comes: its name, its bytes as they are on the wire, all of them, and its payload, unmasked, if it can be read. Not to be
    /// changed.
    /// </summary>
    | Frame of Name: string * Bytes: byte[] * Payload: byte[]
    /// <summary>A frame comes whose payload the extensions can't decode.</summary>
    | Undecodable of Error: ProtocolError
    /// <summary>The peer sends nothing more.</summary>
    | EndOfStream
    /// <summary>The application wants something.</summary>
    | Send of Command: Command

    member private move.Shown: string =
        match move with
        | Move.Frame(name, _, _) -> name
        | Move.Undecodable error -> error.ToString()
        | Move.EndOfStream -> "end of stream"
        | Move.Send command -> command.ToString()

    /// <summary>The frame's name, the command or the error in words.</summary>
    override move.ToString() : string = move.Shown

    /// <summary>True when both are the same object.</summary>
    static member op_Equality(left: Move | null, right: Move | null) : bool = obj.ReferenceEquals(left, right)

    /// <summary>True when they are not the same object.</summary>
    static member op_Inequality(left: Move | null, right: Move | null) : bool =
        not (obj.ReferenceEquals(left, right))

/// <summary>Moves that exercise every rule of the protocol, and how to make others.</summary>
[<RequireQualifiedAccess>]
module Moves =

    /// The bytes of RFC 6455 §5.7.
    let private key =
        MemoryMarshal.Read<uint32>(ReadOnlySpan [| 0x37uy; 0xFAuy; 0x21uy; 0x3Duy |])

    /// A header as it stands on the wire, masked or not, followed by its payload.
    let private wire
        (masked: bool)
        (bits: ReservedBits)
        (fin: bool)
        (opcode: Opcode)
        (payload: byte[])
        : byte[] =
        let bytes = Array.zeroCreate<byte>(FrameReader.MaxHeaderSize + payload.Length)
        let key = if masked then ValueSome key else ValueNone

        let size =
            FrameWriter.writeHeader fin bits opcode payload.LongLength key (Span bytes)

        let body = Span(bytes, size, payload.Length)

        match key with
        | ValueSome key -> Masking.apply key 0L (ReadOnlySpan payload) body
        | ValueNone -> ReadOnlySpan(payload).CopyTo body

        bytes[.. size + payload.Length - 1]

    /// <summary>A frame that comes to one side, masked if that is a server.</summary>
    /// <param name="receiver">The side to which it comes.</param>
    /// <param name="name">What it is called in texts.</param>
    /// <param name="fin">True for the last frame of a message, and for a control frame.</param>
    /// <param name="opcode">The frame's type.</param>
    /// <param name="payload">The payload, not masked; at most 125 bytes for a control frame.</param>
    [<CompiledName("Frame")>]
    let frame (receiver: Role) (name: string) (fin: bool) (opcode: Opcode) (payload: byte[]) : Move =
        ArgumentNullException.ThrowIfNull(name, nameof name)
        ArgumentNullException.ThrowIfNull(payload, nameof payload)
        Move.Frame(name, wire receiver.IsServer ReservedBits.None fin opcode payload, payload)

    /// The first bytes of a frame that no writer writes, its masking bit right for its sender.
    let private malformed (masked: bool) (name: string) (bytes: byte list) : Move =
        let bytes = Array.ofList bytes

        if masked then
            bytes[1] <- bytes[1] ||| 0x80uy

        Move.Frame(name, Array.append bytes (Array.zeroCreate 4), [||])

    let private closeCode (code: int) : byte[] = [| byte (code >>> 8); byte code |]

    let private frames (receiver: Role) : Move list =
        let marked name bits fin opcode payload =
            Move.Frame(name, wire receiver.IsServer bits fin opcode payload, payload)

        let frame name = frame receiver name

        [
            frame "text A" true Opcode.Text [| 0x41uy |]
            frame "text C3…" false Opcode.Text [| 0xC3uy |]
            frame "text FF" true Opcode.Text [| 0xFFuy |]
            frame "text of 3 bytes" true Opcode.Text "AAA"B
            frame "binary 0102…" false Opcode.Binary [| 1uy; 2uy |]
            frame "empty binary" true Opcode.Binary [||]
            frame "continuation A9…" false Opcode.Continuation [| 0xA9uy |]
            frame "continuation of 2 bytes" true Opcode.Continuation "AA"B
            frame "continuation of 3 bytes" true Opcode.Continuation "AAA"B
            frame "empty continuation" true Opcode.Continuation [||]
            marked "marked text A" ReservedBits.Rsv1 true Opcode.Text "A"B
            marked "marked binary 01…" ReservedBits.Rsv1 false Opcode.Binary [| 1uy |]
            frame "ping" true Opcode.Ping [| 1uy |]
            frame "pong" true Opcode.Pong [||]
            frame "close 1000" true Opcode.Close (closeCode 1000)
            frame "close" true Opcode.Close [||]
            frame "half a close code" true Opcode.Close [| 3uy |]
            frame "close 1005" true Opcode.Close (closeCode 1005)
            frame "close 1000 FF" true Opcode.Close (Array.append (closeCode 1000) [| 0xFFuy |])
        ]

    let private malformedFrames (masked: bool) : Move list = [
        Move.Frame("wrong mask", wire (not masked) ReservedBits.None true Opcode.Text [||], [||])
        malformed masked "reserved opcode" [ 0x83uy; 0uy ]
        malformed masked "reserved bit" [ 0xA1uy; 0uy ]
        malformed masked "long length" [ 0x81uy; 126uy; 0uy; 1uy ]
        malformed masked "top bit" [ 0x82uy; 127uy; 0x80uy; 0uy; 0uy; 0uy; 0uy; 0uy; 0uy; 0uy ]
        malformed masked "ping of 126 bytes" [ 0x89uy; 126uy; 0uy; 126uy ]
        malformed masked "fragmented ping" [ 0x09uy; 0uy ]
    ]

    let private others: Move list = [
        Move.Undecodable ProtocolError.CompressedDataInvalid
        Move.Undecodable ProtocolError.CompressedDataIncomplete
        Move.Undecodable(ProtocolError.InflateRatioExceeded 10)
        Move.Undecodable(ProtocolError.ExtensionFailed("x", "y"))
        Move.EndOfStream
    ]

    let private bye = CloseStatus.Create(CloseCode.GoingAway, "bye")

    let private commands: Move list =
        List.map Move.Send [
            Command.Message DataKind.Text
            Command.Message DataKind.Binary
            Command.FirstFragment DataKind.Text
            Command.FirstFragment DataKind.Binary
            Command.NextFragment false
            Command.NextFragment true
            Command.Ping ControlPayload.Empty
            Command.Pong ControlPayload.Empty
            Command.Close bye
            Command.Fail bye
        ]

    /// <summary>
    /// Settings whose limits are small enough for four frames of these moves to reach each: 3 bytes and 3 frames a message, 2 bytes a
    /// frame. One extension is agreed on, so that messages may be marked.
    /// </summary>
    /// <param name="role">The side that is explored.</param>
    [<CompiledName("Settings")>]
    let settings (role: Role) : ConnectionSettings = {
        Role = role
        Limits = Limits.Create(3L, 2L, 3)
        ValidateText = true
        ReservedBits = ReservedBits.Rsv1
        AllowLongLengths = false
    }

    /// <summary>
    /// Frames that keep the rules and one that breaks each, what extensions refuse, the end of the stream, and a command of each kind: 41
    /// moves.
    /// </summary>
    /// <param name="role">The side that meets them.</param>
    [<CompiledName("All")>]
    let all (role: Role) : Move[] = [|
        yield! frames role
        yield! malformedFrames role.IsServer
        yield! others
        yield! commands
    |]
