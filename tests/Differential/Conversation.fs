/// What a client says that keeps the rules: each item is a frame, as bytes.
module FunctionalWs.Differential.Conversation

open System.Text
open FunctionalWs.Fuzz

let frame (dice: Dice) (fin: bool) (opcode: byte) (payload: byte[]) : RawFrame = {
    Fin = fin
    Reserved = 0uy
    Opcode = opcode
    Key = Some(dice.Bytes 4)
    Announced = None
    Form = LengthForm.Shortest
    Payload = payload
}

let private words = [| "a"; "é"; "€uro"; "😀"; "plain text "; "\u0000"; "\uFFFD"; "\U0010FFFF" |]

/// At most so many bytes of text.
let rec text (dice: Dice) (limit: int) : byte[] =
    let builder = StringBuilder()

    while Encoding.UTF8.GetByteCount(builder.ToString()) + 12 <= limit
          && not (dice.OneIn 40) do
        builder.Append(dice.Pick words) |> ignore

    Encoding.UTF8.GetBytes(builder.ToString())

let private sizes = [| 0; 1; 125; 126; 127; 1_000; 4_096; 65_535; 65_536 |]

let private size (dice: Dice) : int =
    if dice.OneIn 6 then dice.Pick sizes else dice.Size 300

/// The kind, as an opcode, and the data.
let private content (dice: Dice) : byte * byte[] =
    if dice.OneIn 2 then
        2uy, dice.Bytes(size dice)
    elif dice.OneIn 12 then
        1uy, Array.create (size dice) (byte 'x')
    else
        1uy, text dice (12 + dice.Size 300)

/// In so many parts, empty ones among them.
let cut (dice: Dice) (parts: int) (data: byte[]) : byte[] list =
    let places = [ for _ in 2..parts -> dice.Below(data.Length + 1) ] |> List.sort

    List.zip (0 :: places) (places @ [ data.Length ])
    |> List.map (fun (start, stop) -> data[start .. stop - 1])

let control (dice: Dice) : byte[] =
    let opcode = if dice.OneIn 4 then 10uy else 9uy
    let length = if dice.OneIn 8 then 125 else dice.Below 12
    RawFrame.toBytes (frame dice true opcode (dice.Bytes length))

let private partCount (dice: Dice) : int =
    match dice.Below 12 with
    | 0 -> dice.Between(30, 300)
    | 1
    | 2
    | 3 -> dice.Between(2, 5)
    | _ -> 1

/// The frames of a message of these bytes, pings between them; RSV1 on the first says that it is compressed.
let framesOf (dice: Dice) (opcode: byte) (isCompressed: bool) (parts: int) (data: byte[]) : byte[] list = [
    let pieces = cut dice parts data

    for index, piece in List.indexed pieces do
        let isFirst = index = 0
        let opcode = if isFirst then opcode else 0uy

        RawFrame.toBytes {
            frame dice (index = pieces.Length - 1) opcode piece with
                Reserved = if isFirst && isCompressed then 4uy else 0uy
        }

        if dice.OneIn 10 then
            control dice
]

let message (dice: Dice) (compressor: Compressor option) : byte[] list =
    let opcode, data = content dice

    match compressor with
    | Some compressor when not (dice.OneIn 4) ->
        framesOf dice opcode true (partCount dice) (compressor.Compress data)
    | _ -> framesOf dice opcode false (partCount dice) data

let private codes = [|
    1000
    1001
    1002
    1003
    1007
    1008
    1009
    1010
    1011
    1012
    1013
    1014
    3000
    3999
    4000
    4999
|]

let closePayload (code: int) (reason: byte[]) : byte[] =
    Array.append [| byte (code >>> 8); byte code |] reason

let close (dice: Dice) : byte[] =
    let payload =
        if dice.OneIn 4 then
            [||]
        else
            closePayload (dice.Pick codes) (text dice (dice.Below 100))

    RawFrame.toBytes (frame dice true 8uy payload)

/// Some messages, pings and pongs; now and then a close frame at the end.
let make (dice: Dice) (compressor: Compressor option) : byte[] list = [
    for _ in 1 .. dice.Between(1, 4) do
        if dice.OneIn 3 then
            control dice

        yield! message dice compressor

    if dice.OneIn 4 then
        close dice
]
