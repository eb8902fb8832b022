/// Makes inputs smaller as long as they still show what they are kept for.
module FunctionalWs.Fuzz.Minimise

/// Takes pieces away, from half of the input down to single bytes. Gives up after so many tries.
let shrink (tries: int) (isStill: byte[] -> bool) (input: byte[]) : byte[] =
    let mutable best = input
    let mutable left = tries
    let mutable size = max 1 (input.Length / 2)
    let mutable isDone = input.Length = 0

    while not isDone && left > 0 do
        let mutable at = 0
        let mutable isShorter = false

        while at < best.Length && left > 0 do
            let candidate = Mutations.removeAt at (min size (best.Length - at)) best
            left <- left - 1

            if isStill candidate then
                best <- candidate
                isShorter <- true
            else
                at <- at + size

        if not isShorter then
            isDone <- size = 1
            size <- max 1 (size / 2)

    best

/// Bytes that don't matter become the letter a.
let private plain (tries: int) (isStill: byte[] -> bool) (input: byte[]) : byte[] =
    let mutable best = input

    for at in 0 .. min (input.Length - 1) tries do
        let candidate = Array.copy best
        candidate[at] <- byte 'a'

        if candidate[at] <> best[at] && isStill candidate then
            best <- candidate

    best

/// For a find: as small and plain as it gets.
let find (isStill: byte[] -> bool) (input: byte[]) : byte[] =
    shrink 20_000 isStill input |> plain 2_000 isStill
