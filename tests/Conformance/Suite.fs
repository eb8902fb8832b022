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

/// What is judged: a server somewhere, or our client.
type Target =
    | Server of Destination
    | Client of Timeout: TimeSpan

type Result = {
    Entry: Entry
    Verdict: Verdict
    Happened: string
    Time: TimeSpan
    Transcript: Transcript
}

/// Cases for servers, and for clients.
let private ofServers: Section list = [
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

let private ofClients: Section list = [
    Framing.ofClients
    Pings.section
    ReservedParts.bits
    ReservedParts.opcodesSection
    Fragmentation.section
    Utf8Handling.section
    Closing.section
    Volume.section
    Answers.section
    Refusals.section
    NoAnswers.section
    Terms.section
    Compressed.vectors
    Compressed.roundTrips
    Compressed.refusals
    Bounds.section
    Told.section
    Leaving.section
    Masks.section
]

let private entries (prefix: string) (sections: Section list) : Entry list = [
    for s, section in List.indexed sections do
        for g, group in List.indexed section.Groups do
            for c, case in List.indexed group.Cases do
                {
                    Id = $"{prefix}{s + 1}.{g + 1}.{c + 1}"
                    Section = section.Name
                    Group = group.Title
                    Case = case
                }
]

let entriesFor (target: Target) : Entry list =
    match target with
    | Server _ -> entries "" ofServers
    | Client _ -> entries "c" ofClients

let private play (subject: Subject) (transcript: Transcript) (case: Case) : Peer =
    use peer = new Peer(subject, transcript)
    case.Run peer
    peer

let private playWith (target: Target) (transcript: Transcript) (case: Case) =
    match target with
    | Server destination -> play (EchoServer destination) transcript case |> ignore
    | Client timeout ->
        use caller = new Caller(timeout)
        play (EchoClient caller) transcript case |> Telling.check

let private judge (target: Target) (transcript: Transcript) (case: Case) : Verdict * string =
    try
        playWith target transcript case
        Passed, "As expected."
    with
    | Judged(verdict, happened) -> verdict, happened
    | error -> Failed, $"{error.GetType().Name}: {error.Message}"

let run (target: Target) (entry: Entry) : Result =
    let transcript = Transcript()
    let started = Stopwatch.GetTimestamp()
    let verdict, happened = judge target transcript entry.Case

    {
        Entry = entry
        Verdict = verdict
        Happened = happened
        Time = Stopwatch.GetElapsedTime started
        Transcript = transcript
    }

let count (verdict: Verdict) (results: Result list) : int =
    results |> List.filter (fun result -> result.Verdict = verdict) |> List.length
