namespace FunctionalWs.Fuzz

open System

/// Random numbers that are the same everywhere for the same seed (the generator SplitMix64).
[<Sealed>]
type Dice(seed: uint64) =
    let mutable state = seed

    member _.Next() : uint64 =
        state <- state + 0x9E3779B97F4A7C15UL
        let a = (state ^^^ (state >>> 30)) * 0xBF58476D1CE4E5B9UL
        let b = (a ^^^ (a >>> 27)) * 0x94D049BB133111EBUL
        b ^^^ (b >>> 31)

    /// 0 to one less than the limit.
    member dice.Below(limit: int) : int =
        int (dice.Next() % uint64 (max 1 limit))

    /// Both ends included.
    member dice.Between(low: int, high: int) : int = low + dice.Below(high - low + 1)

    /// True once in so many times.
    member dice.OneIn(count: int) : bool = dice.Below count = 0

    member dice.Byte() : byte = byte (dice.Next() >>> 32)

    member dice.Bytes(count: int) : byte[] = Array.init count (fun _ -> dice.Byte())

    member dice.Pick(items: 'a[]) : 'a = items[dice.Below items.Length]

    /// Mostly small, now and then up to the limit.
    member dice.Size(limit: int) : int =
        match dice.Below 8 with
        | 0 -> dice.Between(0, limit)
        | 1
        | 2 -> dice.Between(0, min limit 300)
        | _ -> dice.Between(0, min limit 20)

module Dice =

    /// A number that bytes lead to, the same every time.
    let hash (data: byte[]) : uint64 =
        let mutable hash = 0xCBF29CE484222325UL

        for value in data do
            hash <- (hash ^^^ uint64 value) * 0x100000001B3UL

        hash

    /// Dice that depend on nothing but an input: what they decide is the same when it is replayed.
    let ofInput (data: byte[]) : Dice = Dice(hash data)

    /// Dice for a target within a run.
    let ofName (seed: uint64) (name: string) : Dice =
        Dice(seed ^^^ hash (Text.Encoding.UTF8.GetBytes name))
