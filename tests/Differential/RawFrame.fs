namespace FunctionalWs.Differential

open System.Buffers.Binary

/// How the header of a frame writes its payload's length.
[<RequireQualifiedAccess>]
type LengthForm =
    | Shortest
    /// In 16 bits, however short.
    | Word
    /// In 64 bits, however short.
    | Long

/// A client's frame of which everything can be wrong.
type RawFrame = {
    Fin: bool
    /// RSV1 is 4, RSV2 is 2, RSV3 is 1.
    Reserved: byte
    Opcode: byte
    /// None for a frame that isn't masked.
    Key: byte[] option
    /// What the header says; the payload's own length if None.
    Announced: uint64 option
    Form: LengthForm
    Payload: byte[]
}

module RawFrame =

    let private lengthBytes (form: LengthForm) (length: uint64) : byte * byte[] =
        let word () =
            let bytes = Array.zeroCreate<byte> 2
            BinaryPrimitives.WriteUInt16BigEndian(System.Span bytes, uint16 length)
            126uy, bytes

        let long () =
            let bytes = Array.zeroCreate<byte> 8
            BinaryPrimitives.WriteUInt64BigEndian(System.Span bytes, length)
            127uy, bytes

        match form with
        | LengthForm.Shortest when length < 126UL -> byte length, [||]
        | LengthForm.Shortest
        | LengthForm.Word when length <= 65_535UL -> word ()
        | LengthForm.Shortest
        | LengthForm.Word
        | LengthForm.Long -> long ()

    let toBytes (frame: RawFrame) : byte[] =
        let fin = if frame.Fin then 0x80uy else 0uy
        let mask = if frame.Key.IsSome then 0x80uy else 0uy
        let length = frame.Announced |> Option.defaultValue (uint64 frame.Payload.Length)
        let short, rest = lengthBytes frame.Form length

        let masked =
            match frame.Key with
            | None -> frame.Payload
            | Some key -> frame.Payload |> Array.mapi (fun at value -> value ^^^ key[at % 4])

        Array.concat [
            [| fin ||| (frame.Reserved <<< 4) ||| frame.Opcode; mask ||| short |]
            rest
            Option.defaultValue [||] frame.Key
            masked
        ]
