/// All cases with their ids, and what becomes of them.
module FunctionalWs.Conformance.Suite

open System
open System.Diagnostics
open FunctionalWs.Conformance.Judging
open FunctionalWs.Conformance.Sections

/// A case with its place: section, group, number.
type Entry = {
    Id: string
    Section: string
    Group: string
    Case: Case
}

type Result = {
    Entry: Entry
    Verdict: Verdict
    Happened: string
    Time: TimeSpan
    Transcript: Transcript
}

let private sections: Section list = [
    Framing.section
    Pings.section
    ReservedParts.bits
    ReservedParts.opcodesSection
    Fragmentation.section
    Utf8Handling.section
    Closing.section
    Volume.section
    Opening.section
    Negotiation.section
    Compressed.vectors
    Compressed.roundTrips
    Compressed.refusals
]

let entries: Entry list = [
    for s, section in List.indexed sections do
        for g, group in List.indexed section.Groups do
            for c, case in List.indexed group.Cases do
                {
                    Id = $"{s + 1}.{g + 1}.{c + 1}"
                    Section = section.Name
                    Group = group.Title
                    Case = case
                }
]

let private judge (destination: Destination) (transcript: Transcript) (case: Case) : Verdict * string =
    try
        use peer = new Peer(destination, transcript)
        case.Run peer
        Passed, "As expected."
    with
    | Judged(verdict, happened) -> verdict, happened
    | error -> Failed, $"{error.GetType().Name}: {error.Message}"

let run (destination: Destination) (entry: Entry) : Result =
    let transcript = Transcript()
    let started = Stopwatch.GetTimestamp()
    let verdict, happened = judge destination transcript entry.Case

    {
        Entry = entry
        Verdict = verdict
        Happened = happened
        Time = Stopwatch.GetElapsedTime started
        Transcript = transcript
    }

let count (verdict: Verdict) (results: Result list) : int =
    results |> List.filter (fun result -> result.Verdict = verdict) |> List.length
