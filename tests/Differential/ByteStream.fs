namespace FunctionalWs.Differential

open System
open System.Buffers.Binary

/// How a client's bytes end.
[<RequireQualifiedAccess>]
type Ending =
    /// With a ping and a close frame, which show whether the server still takes frames.
    | Marked
    /// Just so; the rest of a frame may be missing.
    | Cut

/// What a client sends: all of it made from the seed.
type ByteStream = {
    Seed: uint64
    /// What kind it is, with the fault that is in it.
    Name: string
    /// True when the opening handshake is right.
    IsOpened: bool
    /// The opening handshake.
    Head: byte[]
    /// Frames for the most part, one behind the other.
    Chunks: byte[] list
    Ending: Ending
    /// Where the bytes after the head are cut.
    Cuts: FunctionalWs.Generators.Cuts
} with

    /// As it stands in the request's target.
    member stream.Id: string = stream.Seed.ToString "x16"

module ByteStream =

    let private marker = "marker"B

    /// The code of the close frame at the end.
    let lastCode = 4321

    /// The server's answer to the last ping.
    let markPong = "x" + Convert.ToHexString marker

    let private key = Some [| 1uy; 2uy; 3uy; 4uy |]

    let private control (opcode: byte) (payload: byte[]) : byte[] =
        RawFrame.toBytes {
            Fin = true
            Reserved = 0uy
            Opcode = opcode
            Key = key
            Announced = None
            Form = LengthForm.Shortest
            Payload = payload
        }

    let private mark =
        Array.append (control 9uy marker) (control 8uy [| byte (lastCode >>> 8); byte lastCode |])

    /// The bytes that are missing of the last frame: what its header says, whether or not anybody would take it.
    let missing (bytes: byte[]) : uint64 =
        let rec walk (at: int) : uint64 =
            let left = bytes.Length - at

            if left = 0 then
                0UL
            elif left = 1 then
                1UL
            else
                let short = bytes[at + 1] &&& 0x7Fuy

                let extended =
                    match short with
                    | 126uy -> 2
                    | 127uy -> 8
                    | _ -> 0

                let mask = if bytes[at + 1] &&& 0x80uy = 0uy then 0 else 4
                let header = 2 + extended + mask

                if left < header then
                    uint64 (header - left)
                else
                    let length =
                        match extended with
                        | 2 ->
                            uint64 (
                                BinaryPrimitives.ReadUInt16BigEndian(ReadOnlySpan(bytes, at + 2, extended))
                            )
                        | 8 -> BinaryPrimitives.ReadUInt64BigEndian(ReadOnlySpan(bytes, at + 2, extended))
                        | _ -> uint64 short

                    let rest = uint64 (left - header)

                    if length > rest then
                        length - rest
                    else
                        walk (at + header + int length)

        walk 0

    let private mostFilled = 80_000UL

    /// Complete frames, so that a mark is understood; None when too much would be missing.
    let rec private filled (bytes: byte[]) : byte[] option =
        match missing bytes with
        | 0UL -> Some bytes
        | count when count > mostFilled -> None
        | count -> filled (Array.append bytes (Array.zeroCreate (int count)))

    /// Everything after the head, and how it really ends.
    let bytes (stream: ByteStream) : byte[] * Ending =
        let bytes = Array.concat stream.Chunks

        match stream.Ending with
        | Ending.Cut -> bytes, Ending.Cut
        | Ending.Marked ->
            match filled bytes with
            | Some bytes -> Array.append bytes mark, Ending.Marked
            | None -> bytes, Ending.Cut
