/// The codec: compressed messages that somebody damaged, and messages that are compressed and read again.
module FunctionalWs.Fuzz.Targets.Codec

open System
open System.Buffers
open System.IO.Compression
open FunctionalWs
open FunctionalWs.Fuzz
open FunctionalWs.Protocol

/// Data of several kinds: noise, text that repeats itself, runs, and what refers far back.
let data (dice: Dice) : byte[] =
    let size = dice.Size 3_000

    match dice.Below 5 with
    | 0 -> dice.Bytes size
    | 1 -> Array.create size (dice.Byte())
    | 2 ->
        let far = dice.Bytes 600
        Array.concat [ far; Array.create size (byte 'x'); far ]
    | _ ->
        let word = dice.Bytes(1 + dice.Below 20)
        Array.init size (fun at -> word[at % word.Length] + (if dice.OneIn 30 then 1uy else 0uy))

let private compress (deflater: Deflater) (isEnd: bool) (data: byte[]) : byte[] =
    let writer = ArrayBufferWriter<byte>()
    deflater.Compress(ReadOnlySpan data, isEnd, writer, false)
    writer.WrittenSpan.ToArray()

// ---- Inflating. The first byte chooses the window; then messages, each after its length in two bytes.

let private most = 65_536

let rec private unpack (rest: byte[]) : byte[] list =
    if rest.Length < 2 then
        []
    else
        let size = min (int rest[0] + 256 * int rest[1]) (rest.Length - 2)
        rest[2 .. size + 1] :: unpack rest[size + 2 ..]

let private pack (first: byte) (messages: byte[] list) : byte[] =
    Array.concat [
        [| first |]
        for message in messages do
            [| byte message.Length; byte (message.Length / 256) |]
            message
    ]

/// A message that comes in pieces: its data, or none when it is none or too large.
let private inflate (inflater: Inflater) (pieces: byte[] list) : byte[] option =
    let output = ArrayBufferWriter<byte>()
    let buffer = Array.zeroCreate<byte> 4_096

    let rec take (piece: ReadOnlyMemory<byte>) =
        let mutable rest = piece.Span
        let mutable written = 0
        let isValid = inflater.Inflate(&rest, Span buffer, &written)
        output.Write(ReadOnlySpan(buffer, 0, written))

        if not isValid || output.WrittenCount > most then false
        elif rest.IsEmpty && written = 0 then true
        else take (piece.Slice(piece.Length - rest.Length))

    let mutable written = 0

    if
        pieces |> List.forall (fun piece -> take (ReadOnlyMemory piece))
        && inflater.TryEnd(Span buffer, &written)
        && output.WrittenCount + written <= most
    then
        output.Write(ReadOnlySpan(buffer, 0, written))
        Some(output.WrittenSpan.ToArray())
    else
        None

/// The bad message ends a connection.
let private takeGood (messages: 'a option list) : 'a list =
    messages |> List.takeWhile _.IsSome |> List.map _.Value

let private run (windowBits: int) (cut: byte[] -> byte[] list) (messages: byte[] list) : byte[] list =
    let inflater = Inflater.Rent windowBits
    let mutable isGood = true

    let found = [
        for message in messages do
            if isGood then
                let result = inflate inflater (cut message)
                isGood <- result.IsSome
                result
    ]

    // What was broken is thrown away, as a connection does with it; the pool takes both.
    Inflater.Return inflater
    takeGood found

let private runTwin (messages: byte[] list) : byte[] list * InflateTwin.Stream =
    let stream = InflateTwin.Stream()
    let mutable isGood = true

    let found = [
        for message in messages do
            if isGood then
                let result = stream.TryMessage(message, most)
                isGood <- result.IsSome && not stream.IsRagged
                result
    ]

    takeGood found, stream

let private executeInflate (trail: Trail) (input: byte[]) =
    if input.Length > 0 then
        let windowBits = 8 + int input[0] % 8
        let messages = unpack input[1..]
        let dice = Dice.ofInput input
        let whole = run windowBits List.singleton messages
        let cut = run windowBits (Cuts.pieces dice) messages
        let twin, stream = runTwin messages
        let farthest = stream.Farthest

        if farthest <= (1 <<< windowBits) && not stream.IsRagged then
            Oracle.agree "twin" twin whole
            Oracle.agree "cuts" whole cut
        else
            // Beyond the window some is still there, depending on how the bytes came.
            for found in [ whole; cut ] do
                let common = min twin.Length found.Length

                Oracle.agree
                    "twin, as far as it goes"
                    (List.truncate common twin)
                    (List.truncate common found)

        trail.Note(if windowBits < 15 then 0 else 1)
        trail.Note(min 3 whole.Length)
        trail.Note(if messages.Length = whole.Length then 1 else 0)
        trail.NoteSize(Array.concat(whole).Length)
        trail.Note(if farthest <= (1 <<< windowBits) then 1 else 0)

        for message in List.truncate 1 (List.skip (min whole.Length (messages.Length - 1) |> max 0) messages) do
            // The first block's kind.
            trail.Note(if message.Length = 0 then -1 else int message[0] &&& 7)

let private settings (dice: Dice) (windowBits: int) =
    let strategy: ZLibCompressionStrategy = enum (dice.Below 5)
    DeflaterSettings(windowBits, dice.Below 10, 1 + dice.Below 9, strategy)

let private crafted = [|
    "F248CDC9C90700"
    "000500FAFF48656C6C6F00"
    "F348CDC9C9070000"
    "F248050000 00FFFFCAC9C90700"
    "F200110000"
    "00"
    "0300"
    "01000000FFFF"
    "05E0810800000000209FEA08"
    "ECC000000000000090FF6B3F00"
|]

let private words =
    crafted |> Array.map (fun hex -> Convert.FromHexString(hex.Replace(" ", "")))

let private generateInflate (dice: Dice) : byte[] =
    let bits = dice.Between(9, 15)
    use deflater = new Deflater(settings dice bits)

    [
        for _ in 0 .. dice.Below 4 do
            if dice.OneIn 6 then
                dice.Pick words
            elif dice.OneIn 4 then
                Array.append (compress deflater false (data dice)) (compress deflater true (data dice))
            else
                compress deflater true (data dice)
    ]
    |> pack (if dice.OneIn 4 then dice.Byte() else byte (bits - 8))

/// Changes one message and keeps the lengths true.
let private mutateInflate (dice: Dice) (input: byte[]) : byte[] =
    match (if input.Length > 0 then unpack input[1..] else []) with
    | [] -> generateInflate dice
    | messages ->
        let at = dice.Below messages.Length
        let changed = Mutations.several dice words 5_000 (dice.Pick words) messages[at]

        match dice.Below 6 with
        | 0 -> pack (dice.Byte()) messages
        | 1 -> pack input[0] (messages @ [ messages[at] ])
        | 2 -> pack input[0] (List.removeAt at messages)
        | _ -> pack input[0] (List.updateAt at changed messages)

let inflating: Target = {
    Name = "inflate"
    About = "compressed messages, after a byte that chooses the window"
    Words = words
    MaxSize = 12_000
    Generate = generateInflate
    Mutate = mutateInflate
    Execute = executeInflate
}

// ---- The extension: the first three bytes choose the agreement, the level and the room; the rest is data.

let private agreement (choice: byte) (bits: int) : DeflateAgreement = {
    ServerNoContextTakeover = choice &&& 1uy <> 0uy
    ClientNoContextTakeover = choice &&& 1uy <> 0uy
    ServerMaxWindowBits = bits
    ClientMaxWindowBits = bits
    Parameters = EquatableList.Create []
}

let private encode (extension: DeflateExtension) (parts: byte[] list) : byte[] list =
    parts
    |> List.mapi (fun index part ->
        let writer = ArrayBufferWriter<byte>()
        extension.Encode(ReadOnlySpan part, (index = parts.Length - 1), writer)
        writer.WrittenSpan.ToArray())

let private decode (extension: DeflateExtension) (room: int) (parts: byte[] list) =
    let decoded = DecodedData()
    decoded.Begin(int64 room)

    let error =
        parts
        |> List.indexed
        |> List.tryPick (fun (index, part) ->
            if decoded.IsFull then
                None
            else
                extension.Decode(ReadOnlySpan part, (index = parts.Length - 1), decoded)
                |> Option.ofObj)

    let found = Array.zeroCreate<byte>(int decoded.Size)
    decoded.CopyTo(Span found)
    decoded.Clear()
    found, error

let private executeDeflate (trail: Trail) (input: byte[]) =
    if input.Length > 3 then
        let bits = 9 + int input[0] / 2 % 7

        let settings =
            PerMessageDeflate(
                Level = int input[1] % 10,
                MemoryLevel = 1 + int input[1] / 10 % 9,
                MaxInflateRatio = (if input[2] &&& 1uy = 0uy then Nullable() else Nullable 20)
            )

        use sender = new DeflateExtension(settings, agreement input[0] bits, null)
        use receiver = new DeflateExtension(settings, agreement input[0] bits, null)
        let dice = Dice.ofInput input
        let payload = input[3..]

        for round in 0..1 do
            let room =
                if input[2] &&& 2uy = 0uy || round = 0 then
                    100_000
                else
                    int input[2] * 4

            let wire = encode sender (Cuts.pieces dice payload)
            let parts = Cuts.pieces dice (Array.concat wire)
            let found, error = decode receiver room parts
            Oracle.holds "room" (found.Length <= room + 1) (fun () -> $"{found.Length} of {room}")
            trail.NoteSize(Array.concat(wire).Length)
            trail.Note(if isNull (box error) then 0 else 1)

            match error with
            | Some error -> Oracle.holds "ratio" error.IsInflateRatioExceeded (fun () -> $"{error}")
            | None when found.Length = room + 1 -> Oracle.agree "full" payload[..room] found
            | None -> Oracle.agree "round trip" payload found

let private generateDeflate (dice: Dice) : byte[] = Array.append (dice.Bytes 3) (data dice)

let deflating: Target = {
    Name = "deflate"
    About = "data that is compressed and read again, after three bytes of settings"
    Words = [||]
    MaxSize = 6_000
    Generate = generateDeflate
    Mutate =
        fun dice input ->
            Array.append
                (dice.Bytes 3)
                (Mutations.one dice [||] (data dice) (Array.skip (min 3 input.Length) input))
    Execute = executeDeflate
}
