/// Compressed data read bit by bit, as RFC 1951 tells it, with all of the history kept.
module FunctionalWs.Fuzz.InflateTwin

open System.Collections.Generic

/// The data ends too early, or is none.
exception private Bad

/// How many codes there are of each length, and the symbols in the order of their codes (RFC 1951 §3.2.2).
type private Code = { Counts: int[]; Symbols: int[] }

let private lengthBase = [|
    3
    4
    5
    6
    7
    8
    9
    10
    11
    13
    15
    17
    19
    23
    27
    31
    35
    43
    51
    59
    67
    83
    99
    115
    131
    163
    195
    227
    258
|]

let private lengthExtra = [|
    0
    0
    0
    0
    0
    0
    0
    0
    1
    1
    1
    1
    2
    2
    2
    2
    3
    3
    3
    3
    4
    4
    4
    4
    5
    5
    5
    5
    0
|]

let private distanceBase = [|
    1
    2
    3
    4
    5
    7
    9
    13
    17
    25
    33
    49
    65
    97
    129
    193
    257
    385
    513
    769
    1025
    1537
    2049
    3073
    4097
    6145
    8193
    12289
    16385
    24577
|]

let private distanceExtra = [| for i in 0..29 -> max 0 (i / 2 - 1) |]
let private order = [| 16; 17; 18; 0; 8; 7; 9; 6; 10; 5; 11; 4; 12; 3; 13; 2; 14; 1; 15 |]

/// A code of lengths; it is bad when it has more codes than bits allow, or leaves some unused without need.
let private code (mayBeIncomplete: bool) (lengths: int[]) : Code =
    let counts =
        Array.init 16 (fun length -> lengths |> Array.filter ((=) length) |> Array.length)

    let left =
        (1, counts[1..])
        ||> Array.fold (fun left count -> if left < 0 then left else left * 2 - count)

    let used = lengths.Length - counts[0]
    let isSingle = mayBeIncomplete && (used = 0 || used = 1 && counts[1] = 1)

    if left < 0 || left > 0 && not isSingle then
        raise Bad

    {
        Counts = counts
        Symbols =
            [| 0 .. lengths.Length - 1 |]
            |> Array.filter (fun symbol -> lengths[symbol] > 0)
            |> Array.sortBy (fun symbol -> lengths[symbol], symbol)
    }

let private fixedLengths =
    code
        true
        (Array.init 288 (fun symbol ->
            if symbol < 144 then 8
            elif symbol < 256 then 9
            elif symbol < 280 then 7
            else 8))

let private fixedDistances = {
    Counts = Array.init 16 (fun length -> if length = 5 then 32 else 0)
    Symbols = [| 0..31 |]
}

/// A stream of compressed messages. Once a message was bad, so is everything.
[<Sealed>]
type Stream() =
    let history = List<byte>()
    let mutable streamStart = 0
    let mutable farthest = 0
    let mutable isRagged = false
    let mutable hasEnded = false

    let mutable data: byte[] = [||]
    let mutable at = 0 // in bits
    let mutable limit = 0 // the most bytes that are written

    let bit () =
        if at / 8 >= data.Length then
            raise Bad

        let value = int data[at / 8] >>> (at % 8) &&& 1
        at <- at + 1
        value

    let bits (count: int) =
        let mutable value = 0

        for i in 0 .. count - 1 do
            value <- value ||| (bit () <<< i)

        value

    let symbol (code: Code) =
        let mutable value, first, index, found = 0, 0, 0, -1

        for length in 1..15 do
            if found < 0 then
                value <- value ||| bit ()
                let count = code.Counts[length]

                if value - first < count then
                    found <- code.Symbols[index + value - first]

                index <- index + count
                first <- (first + count) <<< 1
                value <- value <<< 1

        if found < 0 then raise Bad else found

    let write (value: byte) =
        if history.Count >= limit then
            raise Bad

        history.Add value

    let copy (length: int) (distance: int) =
        if distance > history.Count - streamStart then
            raise Bad

        farthest <- max farthest distance

        for _ in 1..length do
            write history[history.Count - distance]

    let rec codes (lengths: Code) (distances: Code) =
        match symbol lengths with
        | 256 -> ()
        | literal when literal < 256 ->
            write (byte literal)
            codes lengths distances
        | length when length > 285 -> raise Bad
        | length ->
            let size = lengthBase[length - 257] + bits lengthExtra[length - 257]
            let distance = symbol distances

            if distance > 29 then
                raise Bad

            copy size (distanceBase[distance] + bits distanceExtra[distance])
            codes lengths distances

    let stored () =
        at <- (at + 7) / 8 * 8
        let length = bits 16

        if bits 16 <> (length ^^^ 0xFFFF) then
            raise Bad

        for _ in 1..length do
            write (byte (bits 8))

    let readLengths (count: int) (code: Code) : int[] =
        let lengths = List<int>()

        let repeat (value: int) (times: int) =
            for _ in 1..times do
                lengths.Add value

        while lengths.Count < count do
            match symbol code with
            | 16 when lengths.Count = 0 -> raise Bad
            | 16 -> repeat lengths[lengths.Count - 1] (3 + bits 2)
            | 17 -> repeat 0 (3 + bits 3)
            | 18 -> repeat 0 (11 + bits 7)
            | length -> lengths.Add length

        if lengths.Count > count then
            raise Bad

        lengths.ToArray()

    let dynamic () =
        let literals, distances, count = bits 5 + 257, bits 5 + 1, bits 4 + 4

        if literals > 286 || distances > 30 then
            raise Bad

        let lengths = Array.zeroCreate<int> 19

        for i in 0 .. count - 1 do
            lengths[order[i]] <- bits 3

        let all = readLengths (literals + distances) (code false lengths)

        if all[256] = 0 then
            raise Bad

        codes (code true all[.. literals - 1]) (code true all[literals..])

    /// One block; true when it was its stream's last.
    let block () : bool =
        let isFinal = bit () = 1

        match bits 2 with
        | 0 -> stored ()
        | 1 -> codes fixedLengths fixedDistances
        | 2 -> dynamic ()
        | _ -> raise Bad

        isFinal

    /// Blocks up to where the sender's part ends; the tail may complete the last one.
    let rec blocks (own: int) =
        if block () then
            hasEnded <- true
            at <- (at + 7) / 8 * 8
            streamStart <- history.Count

            // Where the sender's part has ended nothing is left to be completed. Or the tail has completed this block.
            if at < own then
                blocks own
            elif at > own && at < data.Length * 8 then
                raise Bad
        else
            // A block may end within the tail's last byte: then the message was cut, which zlib can't tell.
            isRagged <- at > data.Length * 8 - 8 && at < data.Length * 8

            if at < data.Length * 8 && not isRagged then
                blocks own

    /// The data of a message, if it is one of at most so many bytes; whatever is wrong, the answer is none.
    member _.TryMessage(message: byte[], most: int) : byte[] option =
        let from = history.Count
        limit <- from + most
        data <- Array.append message [| 0uy; 0uy; 0xFFuy; 0xFFuy |]
        at <- 0

        try
            if message.Length > 0 then
                blocks (message.Length * 8)

            Some(history.GetRange(from, history.Count - from).ToArray())
        with Bad ->
            None

    /// True when a message ended between two bytes: what follows makes no sense.
    member _.IsRagged = isRagged

    /// True when a message had a block that ends its stream (RFC 7692 §7.2.3.4).
    member _.HasEnded = hasEnded

    /// The longest distance to what was referred to.
    member _.Farthest = farthest
