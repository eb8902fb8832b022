// The frames of what a connection writes (RFC 6455 §5.2), and writers that are objects.
namespace FunctionalWs.Protocol

open System
open System.Buffers

/// A writer that is an object, as a sink.
[<Struct; NoComparison; NoEquality>]
type internal WriterSink(writer: IBufferWriter<byte>) =
    interface IBufferWriter<byte> with
        member _.GetSpan size = writer.GetSpan size
        member _.GetMemory size = writer.GetMemory size
        member _.Advance count = writer.Advance count

module internal Outgoing =

    let write
        (role: Role)
        (key: uint32)
        (payload: ReadOnlySpan<byte>)
        (writer: IBufferWriter<byte>)
        (output: Output)
        : unit =
        let mask = if role.IsClient then ValueSome key else ValueNone

        match output with
        | Output.Data(opcode, fin) -> FrameWriter.write fin opcode payload mask writer
        | Output.Ping payload -> FrameWriter.write true Opcode.Ping payload.Span mask writer
        | Output.Pong payload -> FrameWriter.write true Opcode.Pong payload.Span mask writer
        | Output.Close status ->
            FrameWriter.write true Opcode.Close (ReadOnlySpan(status.ToArray())) mask writer
