/// Changes to bytes that know nothing of what the bytes mean, but for the words of a target's language.
module FunctionalWs.Fuzz.Mutations

open System

let private interesting = [|
    0uy
    1uy
    9uy
    10uy
    13uy
    31uy
    32uy
    34uy
    47uy
    58uy
    59uy
    61uy
    64uy
    91uy
    92uy
    125uy
    126uy
    127uy
    128uy
    0x81uy
    0x88uy
    0xBFuy
    0xC0uy
    0xEDuy
    0xF4uy
    0xFEuy
    0xFFuy
|]

/// A range within the data, not empty unless the data is.
let range (dice: Dice) (data: byte[]) : struct (int * int) =
    let start = dice.Below(data.Length + 1)
    struct (start, min (data.Length - start) (1 + dice.Size data.Length))

let insertAt (at: int) (piece: byte[]) (data: byte[]) : byte[] =
    Array.concat [ data[.. at - 1]; piece; data[at..] ]

let removeAt (at: int) (count: int) (data: byte[]) : byte[] =
    Array.append data[.. at - 1] data[at + count ..]

let private overwrite (at: int) (piece: byte[]) (data: byte[]) : byte[] =
    let changed = Array.copy data
    Array.blit piece 0 changed at (min piece.Length (data.Length - at))
    changed

let private change (dice: Dice) (data: byte[]) (f: byte -> byte) : byte[] =
    if data.Length = 0 then
        [| f 0uy |]
    else
        let changed = Array.copy data
        let at = dice.Below data.Length
        changed[at] <- f changed[at]
        changed

let private repeat (dice: Dice) (piece: byte[]) : byte[] =
    Array.concat (List.replicate (1 + dice.Size 200) piece)

/// One change. `other` is another input of the corpus.
let one (dice: Dice) (words: byte[][]) (other: byte[]) (data: byte[]) : byte[] =
    let struct (start, count) = range dice data
    let place = dice.Below(data.Length + 1)
    let piece = data[start .. start + count - 1]

    match dice.Below 14 with
    | 0 -> change dice data (fun value -> value ^^^ (1uy <<< dice.Below 8))
    | 1 -> change dice data (fun _ -> dice.Byte())
    | 2 -> change dice data (fun _ -> dice.Pick interesting)
    | 3 -> change dice data (fun value -> value + byte (dice.Between(-16, 16)))
    | 4 -> insertAt place [| dice.Pick interesting |] data
    | 5 -> insertAt place (dice.Bytes(1 + dice.Size 64)) data
    | 6
    | 7 -> removeAt start count data
    | 8 -> insertAt place piece data
    | 9 -> overwrite place piece data
    | 10 when dice.OneIn 4 -> insertAt place (repeat dice piece) data
    | 11 ->
        let struct (from, size) = range dice other
        insertAt place other[from .. from + size - 1] data
    | 12 when data.Length > 0 -> data[.. dice.Below data.Length - 1]
    | _ when words.Length > 0 ->
        let word = dice.Pick words

        if dice.OneIn 3 then
            overwrite place word data
        else
            insertAt place word data
    | _ -> change dice data (fun _ -> dice.Pick interesting)

/// Several changes, and never more bytes than the limit.
let several (dice: Dice) (words: byte[][]) (limit: int) (other: byte[]) (data: byte[]) : byte[] =
    let mutable changed = data

    for _ in 0 .. dice.Size 12 do
        changed <- one dice words other changed

    Array.truncate limit changed
