/// What is legal about a stream and yet taken in more than one way.
module FunctionalWs.Differential.Peculiarity

open FunctionalWs.Fuzz

/// A frame as it lies in a stream, unmasked.
[<Struct>]
type private Frame = {
    Opcode: byte
    IsMarked: bool
    IsFinal: bool
    Payload: byte[]
}

let private length (bytes: byte[]) (at: int) (size: int) : uint64 =
    (0UL, bytes[at .. at + size - 1])
    ||> Array.fold (fun length value -> (length <<< 8) ||| uint64 value)

/// The whole frames, as far as all of them are masked.
let rec private frames (bytes: byte[]) (at: int) : Frame list =
    if at + 6 > bytes.Length || bytes[at + 1] < 0x80uy then
        []
    else
        let extended =
            match bytes[at + 1] &&& 0x7Fuy with
            | 126uy -> 2
            | 127uy -> 8
            | _ -> 0

        let start = at + 6 + extended

        let length =
            if extended = 0 then uint64 (bytes[at + 1] &&& 0x7Fuy)
            elif start > bytes.Length then System.UInt64.MaxValue
            else length bytes (at + 2) extended

        if start > bytes.Length || length > uint64 (bytes.Length - start) then
            []
        else
            let stop = start + int length

            {
                Opcode = bytes[at] &&& 0x0Fuy
                IsMarked = bytes[at] &&& 0x40uy <> 0uy
                IsFinal = bytes[at] >= 0x80uy
                Payload =
                    Array.init (int length) (fun index ->
                        bytes[start + index] ^^^ bytes[start - 4 + index % 4])
            }
            :: frames bytes stop

/// The frames of each message that is whole, with the control frames in between, until the client closes.
let rec private messages (rest: Frame list) : Frame list list =
    let isLast (frame: Frame) = frame.Opcode < 8uy && frame.IsFinal

    match List.tryFindIndex isLast rest with
    | None -> []
    | Some last -> List.take (last + 1) rest :: messages (List.skip (last + 1) rest)

let private isData (frame: Frame) = frame.Opcode < 8uy

/// A control frame that would make its message too long, were it a part of it.
let private hasControlAtLimit (message: Frame list) : bool =
    let add (size, isBeyond) (frame: Frame) =
        let size' = size + frame.Payload.Length

        if isData frame then
            size', isBeyond
        else
            size, isBeyond || size > 0 && size' > Limits.maxMessageSize

    List.fold add (0, false) message |> snd

let private ofMessage (inflater: InflateTwin.Stream) (message: byte[]) : string list =
    let data = inflater.TryMessage(message, Limits.maxMessageSize)

    [
        if message.Length = 0 then
            "compressed-empty"

        if message.Length > Limits.maxMessageSize then
            "compressed-grows"

        if inflater.HasEnded then
            "compressed-final-block"

        if data.IsSome && inflater.IsRagged then
            "compressed-ragged"
    ]

let private manyPings = 50

/// All there is.
let find (stream: ByteStream) : string list =
    let inflater = InflateTwin.Stream()
    let bytes, _ = ByteStream.bytes stream

    let all = frames bytes 0
    let frames = all |> List.takeWhile (fun frame -> frame.Opcode <> 8uy)
    let pings = frames |> List.filter (fun frame -> frame.Opcode = 9uy)

    [
        if all.Length > frames.Length + 1 then
            "data-behind-close"

        if pings.Length >= manyPings then
            "many-pings"

        for message in messages frames do
            let data = List.filter isData message

            if hasControlAtLimit message then
                "control-at-limit"

            if data.Head.IsMarked then
                yield! data |> List.map _.Payload |> Array.concat |> ofMessage inflater
    ]
    |> List.distinct
