/// Random bytes of a client: frames, most of them right, some of them wrong.
module FunctionalWs.Protocol.Tests.RandomFrames

open System
open FunctionalWs.Protocol
open FunctionalWs.Protocol.Tests.Bytes

let private texts = [ "a"; "é"; "€uro"; "😀"; "plain text"; "" ]

let private payloadOf (random: Random) : byte[] =
    match random.Next 8 with
    | 0 -> Array.init (random.Next 300) (fun _ -> byte (random.Next 256))
    | 1 -> [| 0xE2uy; 0x82uy |]
    | 2 -> Array.append (utf8 "ok") [| 0xFFuy |]
    | _ ->
        utf8 (
            String.concat "" [
                for _ in 0 .. random.Next 4 do
                    texts[random.Next texts.Length]
            ]
        )

let private controlOf (random: Random) : byte[] =
    Array.init (random.Next 6) (fun _ -> byte (random.Next 256))

let private closeOf (random: Random) : byte[] =
    match random.Next 3 with
    | 0 -> [||]
    | 1 -> close (4_000 + random.Next 3) texts[random.Next texts.Length]
    | _ -> Array.truncate 125 (payloadOf random)

let private dataOf (random: Random) : byte[] =
    let opcode =
        match random.Next 3 with
        | 0 -> Opcode.Text
        | 1 -> Opcode.Binary
        | _ -> Opcode.Continuation

    let bytes = frame (random.Next 3 > 0) opcode (payloadOf random)

    // Now and then a reserved bit or opcode, or no mask.
    match random.Next 40 with
    | 0 -> bytes[0] <- bytes[0] ^^^ 0x40uy
    | 1 -> bytes[0] <- bytes[0] ^^^ 0x08uy
    | 2 -> bytes[1] <- bytes[1] &&& 0x7Fuy
    | _ -> ()

    bytes

let private frameOf (random: Random) : byte[] =
    match random.Next 20 with
    | 0 -> frame true Opcode.Close (closeOf random)
    | 1
    | 2 -> frame true Opcode.Ping (controlOf random)
    | 3 -> frame true Opcode.Pong [||]
    | _ -> dataOf random

/// The frames of a seed, one behind the other.
let bytes (seed: int) : byte[] =
    let random = Random seed

    Array.concat [
        for _ in 0 .. random.Next 30 do
            frameOf random
    ]

/// The settings of a seed, without extensions.
let settings (seed: int) : ConnectionSettings =
    let random = Random(seed + 1_000_003)
    let either a b = if random.Next 2 = 0 then a else b

    {
        Role = Role.Server
        Limits =
            Limits.Create(
                either 100L Limits.Default.MaxMessageSize,
                either 60L Limits.Unlimited,
                either 3 1_000
            )
        ValidateText = random.Next 3 > 0
        ReservedBits = ReservedBits.None
        AllowLongLengths = either true false
    }
