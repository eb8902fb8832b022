// A frame as it may come from a peer: most of them right.
namespace FunctionalWs.Generators

open System
open FunctionalWs.Protocol
open type System.FormattableString

/// <summary>What is wrong with a frame.</summary>
[<Struct; RequireQualifiedAccess>]
type FrameFault =
    /// <summary>Nothing.</summary>
    | None
    /// <summary>RSV1 is the other way round.</summary>
    | ReservedBit
    /// <summary>The opcode is another, most often one that there isn't.</summary>
    | OtherOpcode
    /// <summary>It says that it isn't masked, or that it is, against what its sender has to do.</summary>
    | WrongMask

    /// <summary>The name of the case.</summary>
    override fault.ToString() : string =
        match fault with
        | FrameFault.None -> nameof FrameFault.None
        | FrameFault.ReservedBit -> nameof FrameFault.ReservedBit
        | FrameFault.OtherOpcode -> nameof FrameFault.OtherOpcode
        | FrameFault.WrongMask -> nameof FrameFault.WrongMask

/// <summary>A frame, and what is wrong with it. Immutable.</summary>
[<StructuredFormatDisplay("{Shown}")>]
type WireFrame = {
    /// <summary>True for the last frame of a message; a control frame is final, whatever this says.</summary>
    Fin: bool
    /// <summary>The frame's type.</summary>
    Opcode: Opcode
    /// <summary>The payload, not masked; what is beyond 125 bytes of a control frame's is left out. Not to be changed.</summary>
    Payload: byte[]
    /// <summary>What is wrong with it.</summary>
    Fault: FrameFault
} with

    /// <summary>The masking key of all frames of a client, the bytes 37 FA 21 3D of RFC 6455 §5.7.</summary>
    static member Key: uint32 =
        BitConverter.ToUInt32(ReadOnlySpan [| 0x37uy; 0xFAuy; 0x21uy; 0x3Duy |])

    /// <summary>The bytes on the wire.</summary>
    /// <param name="sender">Who sends it: a client masks.</param>
    member frame.ToBytes(sender: Role) : byte[] =
        let payload =
            if frame.Opcode.IsControl then
                Array.truncate ControlPayload.MaxLength frame.Payload
            else
                frame.Payload

        let writer = Buffers.ArrayBufferWriter<byte>()

        let key =
            if sender.IsClient then
                ValueSome WireFrame.Key
            else
                ValueNone

        let fin = frame.Fin || frame.Opcode.IsControl
        FrameWriter.write fin frame.Opcode (ReadOnlySpan payload) key writer
        let bytes = writer.WrittenSpan.ToArray()

        match frame.Fault with
        | FrameFault.None -> ()
        | FrameFault.ReservedBit -> bytes[0] <- bytes[0] ^^^ 0x40uy
        | FrameFault.OtherOpcode -> bytes[0] <- bytes[0] ^^^ 0x08uy
        | FrameFault.WrongMask -> bytes[1] <- bytes[1] ^^^ 0x80uy

        bytes

    /// <summary>The bytes of some frames, one behind the other.</summary>
    /// <param name="sender">Who sends them.</param>
    /// <param name="frames">The frames.</param>
    static member ToBytes(sender: Role, frames: WireFrame seq) : byte[] =
        ArgumentNullException.ThrowIfNull(frames, nameof frames)
        frames |> Seq.map (fun frame -> frame.ToBytes sender) |> Array.concat

    member private frame.Shown: string =
        let final =
            if frame.Fin || frame.Opcode.IsControl then
                ""
            else
                ", not final"

        let fault =
            if frame.Fault.IsNone then
                ""
            else
                Invariant $", {frame.Fault}"

        Invariant $"{frame.Opcode} {Convert.ToHexString frame.Payload}{final}{fault}"

    /// <summary>The frame in words: <c>Text 6869, not final</c>.</summary>
    override frame.ToString() : string = frame.Shown
