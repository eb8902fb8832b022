namespace FunctionalWs.Conformance

open System
open System.Collections.Generic
open System.Diagnostics

type Direction =
    | Sent
    | Received
    | Noted

/// What went over the wire, or what was seen of the connection.
type Entry = {
    Time: TimeSpan
    Direction: Direction
    Text: string
    /// The first bytes, as they were.
    Bytes: byte[]
    Size: int
}

/// What happened on the connections of one case, in order.
[<Sealed>]
type Transcript() =
    let keptBytes = 128
    let maxEntries = 40

    let clock = Stopwatch.StartNew()
    let entries = List<Entry>()
    let mutable left = 0

    let add entry =
        lock entries (fun () ->
            if entries.Count < maxEntries then
                entries.Add entry
            else
                left <- left + 1)

    member _.Add(direction: Direction, text: string, bytes: byte[]) =
        add {
            Time = clock.Elapsed
            Direction = direction
            Text = text
            Bytes = Array.truncate keptBytes bytes
            Size = bytes.Length
        }

    member transcript.Note(text: string) = transcript.Add(Noted, text, [||])

    member _.Elapsed = clock.Elapsed
    member _.Entries = List.ofSeq entries

    /// How many entries were left out.
    member _.Left = left
