/// Bytes cut into pieces, as a network would.
module FunctionalWs.Fuzz.Cuts

open System.Buffers
open FunctionalWs.Protocol.Tests

/// Places to cut, which depend on the bytes alone.
let places (dice: Dice) (length: int) : int list =
    if length < 2 then
        []
    else
        match dice.Below 4 with
        | 0 when length <= 200 -> [ 1 .. length - 1 ]
        | 1 -> [ dice.Between(1, length - 1) ]
        | _ -> [ for _ in 0 .. dice.Size 12 -> dice.Between(1, length - 1) ]

let pieces (dice: Dice) (data: byte[]) : byte[] list =
    Bytes.cut (places dice data.Length) data

let sequence (dice: Dice) (data: byte[]) : ReadOnlySequence<byte> =
    Bytes.segments (places dice data.Length) data
