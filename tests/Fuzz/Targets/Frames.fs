/// One frame at the start of a buffer. The first byte of an input chooses the settings.
module FunctionalWs.Fuzz.Targets.Frames

open System
open System.Buffers
open FunctionalWs.Fuzz
open FunctionalWs.Protocol
open FunctionalWs.Protocol.Tests

let private limits = [|
    Limits.Default
    Limits.Create(1_000L, 200L, 5)
    Limits.Create(Limits.Unlimited, Limits.Unlimited, Int32.MaxValue)
    Limits.Create(0L, 0L, 1)
|]

let settingsOf (choice: byte) : ConnectionSettings = {
    Role = if choice &&& 1uy = 0uy then Role.Server else Role.Client
    Limits = limits[int (choice >>> 1 &&& 3uy)]
    ValidateText = choice &&& 8uy = 0uy
    ReservedBits =
        (if choice &&& 16uy = 0uy then
             ReservedBits.None
         else
             ReservedBits.Rsv1)
    AllowLongLengths = choice &&& 32uy <> 0uy
}

let private opcodes = [| 0uy; 1uy; 2uy; 8uy; 9uy; 10uy |]

/// A frame's length, perhaps in a longer form than it needs.
let private lengthBytes (dice: Dice) (length: uint64) : int * byte[] =
    let bytes = BitConverter.GetBytes length |> Array.rev

    match dice.Below 8 with
    | 0 -> 127, bytes
    | 1 when length < 65_536UL -> 126, bytes[6..]
    | _ when length < 126UL -> int length, [||]
    | _ when length < 65_536UL -> 126, bytes[6..]
    | _ -> 127, bytes

/// The bytes of a frame that keeps the rules, or nearly.
let frame (dice: Dice) (isMasked: bool) (opcode: byte) (payload: byte[]) : byte[] =
    let announced =
        match dice.Below 20 with
        | 0 -> dice.Next()
        | 1 -> uint64 payload.Length + uint64 (dice.Below 5)
        | _ -> uint64 payload.Length

    let short, length = lengthBytes dice announced
    let fin = if dice.OneIn 4 then 0uy else 0x80uy
    let bits = if dice.OneIn 6 then byte (dice.Below 8) <<< 4 else 0uy
    let key = if isMasked then dice.Bytes 4 else [||]
    let masked = if isMasked then Reference.mask key 0 payload else payload

    Array.concat [
        [| fin ||| bits ||| opcode; (if isMasked then 0x80uy else 0uy) ||| byte short |]
        length
        key
        masked
    ]

let private generate (dice: Dice) : byte[] =
    let choice = dice.Byte()
    let isMasked = (choice &&& 1uy = 0uy) <> dice.OneIn 10
    let size = dice.Pick [| 0; 1; 125; 126; 127; dice.Size 400; dice.Size 70_000 |]

    Array.append [| choice |] (frame dice isMasked (dice.Pick opcodes) (dice.Bytes size))

/// Changes what stands in the header.
let private mutate (dice: Dice) (data: byte[]) : byte[] =
    let changed = if data.Length < 3 then generate dice else Array.copy data

    match dice.Below 5 with
    | 0 -> changed[0] <- dice.Byte()
    | 1 -> changed[1] <- (changed[1] &&& 0xF0uy) ||| dice.Pick opcodes
    | 2 -> changed[1] <- changed[1] ^^^ (0x10uy <<< dice.Below 4)
    | 3 -> changed[2] <- (changed[2] &&& 0x80uy) ||| byte (dice.Pick [| 0; 1; 125; 126; 127 |])
    | _ -> changed[2] <- changed[2] ^^^ 0x80uy

    changed

let private parse settings (buffer: ReadOnlySequence<byte>) = FrameReader.readHeader settings &buffer

/// Every strict prefix of a frame waits for more, unless the rule was broken already.
let private checkPrefixes (dice: Dice) settings (wire: byte[]) (whole: Bytes.Read) =
    for _ in 0..2 do
        let length = dice.Below(min wire.Length 40 + 1)

        match Bytes.read settings (Array.truncate length wire), whole with
        | Bytes.Incomplete, _ -> ()
        | early, _ -> Oracle.agree "prefix" whole early

let private checkWritten (header: FrameHeader) (wire: byte[]) =
    let bytes = Array.zeroCreate<byte> FrameReader.MaxHeaderSize

    let size =
        FrameWriter.writeHeader
            header.Fin
            header.ReservedBits
            header.Opcode
            header.PayloadLength
            header.MaskingKey
            (Span bytes)

    if size = header.Size then
        Oracle.agree "written again" (Array.truncate size wire) (Array.truncate size bytes)
    else
        Oracle.holds "written again, shorter" (size < header.Size) (fun () -> $"{size}, was {header.Size}")

let private execute (trail: Trail) (data: byte[]) =
    if data.Length > 0 then
        let settings, wire, dice = settingsOf data[0], data[1..], Dice.ofInput data

        let header = Oracle.within 512L (fun () -> parse settings (ReadOnlySequence wire))

        let whole = Bytes.read settings wire
        Oracle.agree "twin" (FrameTwin.read settings wire) whole
        Oracle.agree "cuts" whole (Bytes.readFrom settings (Cuts.sequence dice wire))
        checkPrefixes dice settings wire whole

        trail.Note(int data[0] &&& 0x11)
        trail.Note(Oracle.tag header)

        match whole with
        | Bytes.Incomplete -> trail.NoteSize(min wire.Length 14)
        | Bytes.Malformed error ->
            trail.Note(Oracle.tag error)
            error.Description |> ignore
        | Bytes.Frame(header, _) ->
            trail.Note(Oracle.tag header.Opcode)
            trail.Note header.Size
            checkWritten header wire

let target: Target = {
    Name = "frames"
    About = "one frame; the first byte chooses the settings"
    Words = [|
        [| 0x81uy; 0xFEuy; 0uy; 126uy |]
        [| 0x82uy; 0xFFuy; 0uy; 0uy; 0uy; 0uy; 0uy; 1uy; 0uy; 0uy |]
        [| 0xFFuy; 0x80uy; 0uy; 0uy; 0uy; 0uy; 0uy; 0uy; 0uy |]
        [| 0xFFuy; 0x7Fuy; 0xFFuy; 0xFFuy; 0xFFuy; 0xFFuy; 0xFFuy; 0xFFuy; 0xFFuy |]
        [| 0x88uy; 0x82uy |]
    |]
    MaxSize = 70_000
    Generate = generate
    Mutate = mutate
    Execute = execute
}
