/// A frame read byte by byte, without a thought for speed.
module FunctionalWs.Fuzz.FrameTwin

open System
open FunctionalWs.Protocol
open FunctionalWs.Protocol.Tests

let private number (bytes: byte[]) : bigint =
    bytes |> Array.fold (fun sum value -> sum * 256I + bigint (int value)) 0I

let private isControl (first: byte) = first &&& 0x0Fuy >= 8uy

/// The size that a limit leaves to what extensions have transformed.
let private encoded (size: int64) (frames: int) =
    bigint size + bigint size / 8I + 64I * bigint frames

let private judgeLength (settings: ConnectionSettings) (first: byte) (short: int) (length: bigint) =
    let limits = settings.Limits

    let isTransformed =
        settings.ReservedBits <> ReservedBits.None
        && (first &&& 0x70uy <> 0uy || first &&& 0x0Fuy = 0uy)

    let message, fragment =
        if isTransformed then
            encoded limits.MaxMessageSize limits.MaxFragments, encoded limits.MaxFragmentSize 1
        else
            bigint limits.MaxMessageSize, bigint limits.MaxFragmentSize

    if length >= bigint.Pow(2I, 63) then
        Some ProtocolError.LengthTopBit
    elif isControl first && length > 125I then
        Some(ProtocolError.ControlFrameTooLong (Opcode.ofByte (first &&& 0x0Fuy)).Value)
    elif
        not settings.AllowLongLengths
        && (short = 126 && length <= 125I || short = 127 && length <= 65_535I)
    then
        Some(ProtocolError.LengthNotMinimal(int64 length))
    elif isControl first then
        None
    elif length > fragment then
        Some(ProtocolError.FragmentTooBig(int64 length, limits.MaxFragmentSize))
    elif length > message then
        Some(ProtocolError.MessageTooBig(int64 length, limits.MaxMessageSize))
    else
        None

/// What may stand in the reserved bits is left out of the first byte, the rest is judged by its twin.
let private judgeStart (settings: ConnectionSettings) (first: byte) (second: byte) =
    let allowed =
        if first &&& 0x0Fuy = 1uy || first &&& 0x0Fuy = 2uy then
            byte settings.ReservedBits <<< 4
        else
            0uy

    match Reference.judge settings.Role (first &&& ~~~allowed) second with
    | Some(ProtocolError.ReservedBits _) -> Some(ProtocolError.ReservedBits(first >>> 4 &&& 7uy))
    | judged -> judged

let private readFrame (data: byte[]) (keyAt: int) (length: int) : Bytes.Read =
    let isMasked = data[1] >= 128uy
    let payloadAt = if isMasked then keyAt + 4 else keyAt
    let payload = data[payloadAt .. payloadAt + length - 1]

    Bytes.Frame(
        {
            Fin = data[0] >= 128uy
            ReservedBits = LanguagePrimitives.EnumOfValue(data[0] >>> 4 &&& 7uy)
            Opcode = (Opcode.ofByte (data[0] &&& 15uy)).Value
            MaskingKey =
                if isMasked then
                    ValueSome(BitConverter.ToUInt32(data, keyAt))
                else
                    ValueNone
            PayloadLength = int64 length
            Size = payloadAt
        },
        if isMasked then
            Reference.mask data[keyAt .. keyAt + 3] 0 payload
        else
            payload
    )

let read (settings: ConnectionSettings) (data: byte[]) : Bytes.Read =
    let judged =
        if data.Length < 2 then
            None
        else
            judgeStart settings data[0] data[1]

    if data.Length < 2 then
        Bytes.Incomplete
    elif judged.IsSome then
        Bytes.Malformed judged.Value
    else
        let short = int data[1] % 128

        let keyAt =
            match short with
            | 126 -> 4
            | 127 -> 10
            | _ -> 2

        let length =
            if keyAt = 2 then
                bigint short
            else
                number data[2 .. keyAt - 1]

        let key = if data[1] >= 128uy then 4 else 0

        if data.Length < keyAt then
            Bytes.Incomplete
        else
            match judgeLength settings data[0] short length with
            | Some error -> Bytes.Malformed error
            | None when bigint data.Length < bigint (keyAt + key) + length -> Bytes.Incomplete
            | None -> readFrame data keyAt (int length)
