/// Compressed messages for tests, and what is in them.
module FunctionalWs.Server.Tests.Compressed

open System
open System.Buffers
open System.Text
open FunctionalWs
open FunctionalWs.Protocol

let settings (windowBits: int) : DeflaterSettings =
    DeflaterSettings(windowBits, 6, 8, IO.Compression.ZLibCompressionStrategy.Default)

let hex (text: string) : byte[] =
    Convert.FromHexString(text.Replace(" ", ""))

let utf8 (text: string) : byte[] = Encoding.UTF8.GetBytes text

/// Something like what people send: repetitive, but not boring.
let json (seed: int) (size: int) : byte[] =
    let random = Random seed
    let text = StringBuilder "["

    while text.Length < size do
        text.Append(
            $"{{\"id\":{random.Next 100_000},\"name\":\"user{random.Next 50}\",\"online\":{random.Next 2 = 0}}},"
        )
        |> ignore

    Encoding.ASCII.GetBytes(text.ToString(0, size))

/// What doesn't compress.
let noise (seed: int) (size: int) : byte[] =
    let data = Array.zeroCreate<byte> size
    Random(seed).NextBytes data
    data

/// A sender with a history.
type Sender(windowBits: int) =
    let deflater = new Deflater(settings windowBits)

    /// A part of a message.
    member _.Part(data: byte[], isEnd: bool) : byte[] =
        let writer = ArrayBufferWriter<byte>()
        deflater.Compress(ReadOnlySpan data, isEnd, writer, false)
        writer.WrittenSpan.ToArray()

    member sender.Message(data: byte[]) : byte[] = sender.Part(data, true)

    interface IDisposable with
        member _.Dispose() = deflater.Dispose()

/// How a message came out.
type Inflated =
    | Message of byte[]
    | Invalid
    | Incomplete

/// A receiver with a history.
type Receiver(windowBits: int) =
    let inflater = new Inflater(windowBits)
    let buffer = Array.zeroCreate<byte> 8192

    /// Inflates a message that comes in pieces.
    member _.Pieces(pieces: byte[] list) : Inflated =
        let output = ArrayBufferWriter<byte>()

        let rec take (piece: ReadOnlyMemory<byte>) =
            let mutable rest = piece.Span
            let mutable written = 0
            let isValid = inflater.Inflate(&rest, Span buffer, &written)
            output.Write(ReadOnlySpan(buffer, 0, written))

            if not isValid then false
            elif rest.IsEmpty && written = 0 then true
            else take (piece.Slice(piece.Length - rest.Length))

        if not (pieces |> List.forall (fun piece -> take (ReadOnlyMemory piece))) then
            Invalid
        else
            let mutable written = 0

            if inflater.TryEnd(Span buffer, &written) then
                output.Write(ReadOnlySpan(buffer, 0, written))
                Message(output.WrittenSpan.ToArray())
            else
                Incomplete

    member receiver.Message(data: byte[]) : Inflated = receiver.Pieces [ data ]

    interface IDisposable with
        member _.Dispose() = inflater.Dispose()

/// Cuts bytes into pieces of these sizes, over and over.
let cut (sizes: int list) (data: byte[]) : byte[] list =
    let sizes = if sizes.IsEmpty then [| 1 |] else Array.ofList sizes

    let rec next (pieces: byte[] list) at turn =
        if at >= data.Length then
            List.rev pieces
        else
            let size = min (max 1 sizes[turn % sizes.Length]) (data.Length - at)
            next (data[at .. at + size - 1] :: pieces) (at + size) (turn + 1)

    next [] 0 0
