/// The slow twins: each does what the core does in the simplest way that can be seen to be right.
module FunctionalWs.Protocol.Tests.Reference

open System
open System.Text
open FunctionalWs.Protocol

/// RFC 6455 §5.3, octet by octet.
let mask (key: byte[]) (offset: int) (data: byte[]) : byte[] =
    data |> Array.mapi (fun i octet -> octet ^^^ key[(i + offset) % 4])

let private strict = UTF8Encoding(false, true)

/// What the platform's decoder says of a whole text.
let isText (data: byte[]) : bool =
    try
        strict.GetString data |> ignore
        true
    with :? DecoderFallbackException ->
        false

/// All that may follow some bytes so that they become text: tried out, shortest first.
let private endings =
    let follow = [ 0x80uy; 0x8Fuy; 0x90uy; 0x9Fuy; 0xA0uy; 0xBFuy ]

    [ [||] ]
    @ [ for a in follow -> [| a |] ]
    @ [
        for a in follow do
            for b in follow -> [| a; b |]
    ]
    @ [
        for a in follow do
            for b in follow do
                for c in follow -> [| a; b; c |]
    ]

/// The index of the first byte after which no ending makes a text; none when some ending does.
let firstImpossible (data: byte[]) : int option =
    let isHopeless length =
        let start = Array.truncate length data

        let becomesText ending =
            Unicode.Utf8.IsValid(ReadOnlySpan(Array.append start ending))

        not (List.exists becomesText endings)

    [ 1 .. data.Length ]
    |> List.tryFind isHopeless
    |> Option.map (fun length -> length - 1)

/// What the first two bytes of a frame lead to, in order of the checks: none when they break no rule.
let judge (role: Role) (first: byte) (second: byte) : ProtocolError option =
    let bits = int first
    let opcode = bits % 16
    let isControl = opcode >= 8
    let isMasked = int second >= 128

    if not (List.contains opcode [ 0; 1; 2; 8; 9; 10 ]) then
        Some(ProtocolError.ReservedOpcode(byte opcode))
    elif bits / 16 % 8 <> 0 then
        Some(ProtocolError.ReservedBits(byte (bits / 16 % 8)))
    elif role = Role.Server && not isMasked then
        Some ProtocolError.MaskMissing
    elif role = Role.Client && isMasked then
        Some ProtocolError.MaskForbidden
    elif isControl && bits < 128 then
        Some(ProtocolError.ControlFrameFragmented((Opcode.ofByte (byte opcode)).Value))
    else
        None
