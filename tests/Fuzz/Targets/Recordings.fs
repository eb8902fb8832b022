/// Texts of recordings: each is refused with a reason, or is one that is written as it was read and runs, the same each time.
module FunctionalWs.Fuzz.Targets.Recordings

open System
open FunctionalWs.Fuzz
open FunctionalWs.Protocol

let private head =
    "ws-recording/2 role=server max=1048576,-,65536 text=checked rsv=4 lengths=shortest started=2030-01-02T03:04:05.0000000Z dropped=0 state=open"

let private steps = [|
    "<8182.6869"
    "<8182.#2"
    "<0182.#2~c2"
    "<0081.#1"
    "<8081.#1?0"
    "<c183.616263"
    "<c183.#900.cut"
    "<c183.#3.compressed-data-invalid"
    "<81ff7fffffffffffffff.#9223372036854775807"
    "<8981.01"
    "<8a82.#2"
    "<8882.03e8"
    "<8380.x"
    "<end"
    ">text.5"
    ">binary-.5"
    ">next.5"
    ">ping.#3"
    ">close.03e8"
    ">fail.-"
    ">end"
|]

let private run (trail: Trail) (recording: Recording) : unit =
    let replay = Replay.run recording
    Oracle.holds "as it was" (replay.Differences.Length = 0) (fun () -> $"{replay}")
    Oracle.holds "again" (Replay.run recording = replay) (fun () -> $"{replay}")

    let unchecked = {
        recording.Settings with
            ValidateText = false
    }

    trail.NoteSize (Replay.runWith unchecked recording).Steps.Length

    for step in replay.Steps do
        match step.Violation with
        | ValueSome found -> trail.Note(100 + Oracle.tag found.Error)
        | ValueNone -> trail.Note(Oracle.tag step.Transition.State)

let private execute (trail: Trail) (data: byte[]) : unit =
    match RecordingText.parse (InputText.ofLatin1 data) with
    | RecordingParse.Malformed(step, reason) ->
        Oracle.holds "reason" (step >= 0 && reason <> "") (fun () -> "none")
        trail.Note 0
    | RecordingParse.Complete recording ->
        let written = RecordingText.format recording

        Oracle.holds "round trip" (RecordingText.parse written = RecordingParse.Complete recording) (fun () ->
            written)

        run trail recording

let private generate (dice: Dice) : byte[] =
    head
    :: [
        for _ in 0 .. dice.Size 12 -> $"+{dice.Below 9} @{dice.Below 99} {dice.Pick steps}"
    ]
    |> String.concat " | "
    |> InputText.latin1

/// Drops a step, doubles one, or puts another in.
let private mutate (dice: Dice) (data: byte[]) : byte[] =
    let parts = ResizeArray((InputText.ofLatin1 data).Split " | ")
    let at = dice.Below parts.Count

    match dice.Below 3 with
    | 0 -> parts.RemoveAt at
    | 1 -> parts.Insert(at, parts[at])
    | _ -> parts.Insert(at + 1, $"+0 @0 {dice.Pick steps}")

    InputText.latin1 (String.Join(" | ", parts))

let target: Target = {
    Name = "recordings"
    About = "texts of recordings, read, written and run again"
    Words =
        Array.append (Array.map InputText.latin1 steps) [|
            "state="B
            ",rx=text.0.1.1.1.1."B
            ".cut"B
            "~e2"B
            "?1"B
        |]
    MaxSize = 1_500
    Generate = generate
    Mutate = mutate
    Execute = execute
}
