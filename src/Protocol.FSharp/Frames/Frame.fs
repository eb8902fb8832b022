// A frame whose payload still lies, masked, in the receive buffer (RFC 6455 §5.2).
namespace FunctionalWs.Protocol

open System
open System.Buffers
open System.Runtime.InteropServices
open type System.FormattableString

[<Struct; RequireQualifiedAccess>]
type Role =
    | Server
    | Client

    // Not the compiler's, which formats by reflection: native code has none.
    override role.ToString() : string =
        match role with
        | Role.Server -> nameof Role.Server
        | Role.Client -> nameof Role.Client

[<Struct; StructuredFormatDisplay("{Shown}")>]
type FrameHeader = {
    Fin: bool
    ReservedBits: ReservedBits
    Opcode: Opcode
    MaskingKey: uint32 voption
    PayloadLength: int64
    Size: int
} with

    member header.FrameLength: int64 =
        Saturating.sum (int64 header.Size) header.PayloadLength

    member internal header.Words: string =
        let final = if header.Fin then "" else ", not final"

        let bits =
            match header.ReservedBits with
            | ReservedBits.None -> ""
            | bits -> Invariant $", {bits}"

        Invariant $"{header.Opcode}, {Words.bytes header.PayloadLength}{final}{bits}"

    member private header.Shown: string =
        match header.MaskingKey with
        | ValueNone -> header.Words
        | ValueSome key -> Invariant $"{header.Words}, masked with {Words.key key}"

    override header.ToString() : string = header.Shown

[<Struct; NoComparison; NoEquality; StructuredFormatDisplay("{Header}")>]
type Frame = {
    Header: FrameHeader
    Payload: ReadOnlySequence<byte>
} with

    override frame.ToString() : string = frame.Header.ToString()

module internal Frame =

    let copyPayload
        (header: inref<FrameHeader>)
        (offset: int64)
        (source: inref<ReadOnlySequence<byte>>)
        (destination: Span<byte>)
        : unit =
        match header.MaskingKey with
        | ValueNone -> source.CopyTo destination
        | ValueSome key when source.IsSingleSegment -> Masking.apply key offset source.FirstSpan destination
        | ValueSome key ->
            let mutable copied = 0

            for segment in source do
                Masking.apply key (offset + int64 copied) segment.Span (destination.Slice copied)
                copied <- copied + segment.Length

    let copySpan (header: inref<FrameHeader>) (source: ReadOnlySpan<byte>) (destination: Span<byte>) : unit =
        match header.MaskingKey with
        | ValueNone -> source.CopyTo destination
        | ValueSome key -> Masking.apply key 0L source destination

    let toArray (frame: inref<Frame>) : byte[] =
        let payload = GC.AllocateUninitializedArray<byte>(int frame.Payload.Length)
        copyPayload &frame.Header 0L &frame.Payload (Span payload)
        payload

type FrameHeader with

    member header.TryGetMaskingKey([<Out>] key: byref<uint32>) : bool =
        ValueOption.tryGet header.MaskingKey &key

    member header.CopyPayload
        (offset: int64, source: inref<ReadOnlySequence<byte>>, destination: Span<byte>)
        : unit =
        Frame.copyPayload &header offset &source destination

    member header.CopyPayload(source: ReadOnlySpan<byte>, destination: Span<byte>) : unit =
        Frame.copySpan &header source destination

type Frame with

    member frame.ToArray() : byte[] = Frame.toArray &frame

type Role with

    static member op_Equality(left: Role, right: Role) : bool = left.Equals right

    static member op_Inequality(left: Role, right: Role) : bool = not (left.Equals right)

type FrameHeader with

    static member op_Equality(left: FrameHeader, right: FrameHeader) : bool = left.Equals right

    static member op_Inequality(left: FrameHeader, right: FrameHeader) : bool = not (left.Equals right)
