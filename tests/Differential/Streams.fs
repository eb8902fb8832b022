/// Streams from seeds: the same seed makes the same stream everywhere.
module FunctionalWs.Differential.Streams

open FsCheck
open FsCheck.FSharp
open FunctionalWs.Fuzz
open FunctionalWs.Generators
open FunctionalWs.Protocol

let private sample (dice: Dice) (size: int) (generator: Gen<'a>) : 'a =
    let seed = dice.Next()
    // The second number of FsCheck's seeds has to be odd.
    Gen.sampleWithSeed (Rnd(seed, seed ||| 1UL)) size 1 generator |> Seq.head

/// What comes to a stream's frames: a name and the frames.
let private chunks (dice: Dice) (isCompressed: bool) : string * byte[] list =
    let compressor =
        if isCompressed then
            Some(Compressor(not (dice.OneIn 3)))
        else
            None

    let conversation () = Conversation.make dice compressor

    match dice.Below 20 with
    | 0
    | 1
    | 2
    | 3 -> "right", conversation ()
    | 4
    | 5
    | 6 ->
        let frames = sample dice 12 (Gen.listOf (ProtocolValues.WireFrame().Generator))

        "wire frames", [ for frame in frames -> frame.ToBytes Role.Client ]
    | 7
    | 8
    | 9 ->
        let bytes = Array.concat (conversation ())
        "changed bytes", [ Mutations.several dice [||] 200_000 bytes bytes ]
    | 10 -> "any bytes", [ dice.Bytes(dice.Size 300) ]
    | _ ->
        let name, frames = Faults.make dice isCompressed
        let right = conversation ()
        let at = dice.Below(right.Length + 1)
        name, right[.. at - 1] @ frames @ right[at..]

let private cuts (dice: Dice) (length: int) : Cuts =
    if dice.OneIn 6 && length < 200 then
        // Each byte for itself.
        {
            Places = [
                for at in 1 .. length - 1 -> uint16 ((int64 at * 65_535L + int64 length - 1L) / int64 length)
            ]
        }
    elif dice.OneIn 3 then
        { Places = [] }
    else
        sample dice 10 (ProtocolValues.Cuts().Generator)

let private withHead (dice: Dice) (seed: uint64) (isCompressed: bool) (name: string) (chunks: byte[] list) = {
    Seed = seed
    Name = name
    IsOpened = true
    Head = Heads.right (seed.ToString "x16") isCompressed
    Chunks = chunks
    Ending = if dice.OneIn 12 then Ending.Cut else Ending.Marked
    Cuts = cuts dice (chunks |> List.sumBy Array.length)
}

/// The stream of a seed.
let ofSeed (seed: uint64) : ByteStream =
    let dice = Dice seed

    if dice.OneIn 12 then
        let name, head = Heads.other dice (seed.ToString "x16")

        {
            withHead dice seed false $"head: {name}" (Conversation.make dice None) with
                IsOpened = false
                Head = head
        }
    else
        let isCompressed = dice.OneIn 3
        let name, chunks = chunks dice isCompressed

        withHead dice seed isCompressed (if isCompressed then $"deflate, {name}" else name) chunks

/// The seeds of a run's streams.
let seeds (seed: uint64) (count: int) : uint64 seq =
    let dice = Dice seed
    Seq.init count (fun _ -> dice.Next())
