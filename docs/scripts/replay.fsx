(**
---
title: A connection, recorded and replayed
category: Scripts
categoryindex: 5
index: 4
---
*)
(**
# A connection, recorded and replayed

Something went wrong on a live connection, and nobody was watching. If the server's flight recorder was on, it can be watched now:
the protocol is a function of its input, so the input is all that is recorded: it gives the same states, forwards, backwards, and under settings that the
server didn't have.

This page records a connection and replays it. As a [script]({{root}}{{fsdocs-source-basename}}.fsx) and a
[notebook]({{root}}{{fsdocs-source-basename}}.ipynb).
*)
#r "nuget: FunctionalWs.FSharp, *-*"

(**
The server, the protocol under it, and the client:
*)
open System
open FunctionalWs
open FunctionalWs.FSharp
open FunctionalWs.Protocol

(**
## A server that records

The server below answers each message with its length. `FlightRecorder` makes it keep the last 50 steps of each connection. Payloads
are kept here since they are ours; a server of yours keeps their sizes alone unless you ask for more, and everything on this page
works with that, too.
*)
let options =
    Options.server
    |> Options.flightRecorder (Some(FlightRecorderOptions(MaxSteps = 50, MaxPayloadBytes = 10_000)))

let mutable connections: ServerConnection list = []

let server =
    WebSocket.serveWith options "127.0.0.1" 0 (fun connection ->
        connections <- [ connection ]

        for message in connection do
            connection.Send $"{message.Data.Length} bytes")

server.Start()

(**
## A conversation to record

A client says three things, the last one in fragments, and closes.
*)
let client = WebSocket.connect $"ws://{server.LocalEndPoint}/"

let ask (send: unit -> unit) : string =
    send ()
    client.Receive().Text

let answers =
    List.map ask [
        fun () -> client.Send "hello"
        fun () -> client.Send "a longer message"
        fun () -> client.Send [ "in "; "two parts" ] // a fragment each
    ]

printfn "the server answers %A" answers
(*** include-output ***)

client.Close(CloseCode.NormalClosure, "that's all")
server.Dispose()

(**
## The recording

`ServerConnection.Recording` has it at any time. When a connection ends abnormally, the log has it as well, as one line of text. Here
is the beginning of that line, without the time at which the connection was opened:
*)
let text = RecordingText.format connections.Head.Recording

let shown = text[.. text.IndexOf " started" - 1]
printfn $"{shown}"
(*** include-output ***)

(**
The text is read back, in a script, a test or another program:
*)
let recording = RecordingText.ofText text

let inOrder =
    recording.Steps
    |> Array.pairwise
    |> Array.forall (fun (one, next) -> one.At <= next.At)

printfn $"{recording.Steps.Length} steps, in the order of their times: {inOrder}"
(*** include-output ***)

(**
## Forwards

With the settings that the server had: at which byte of the client's a step begins, what happened, and what it led to.
*)
let replay = Replay.run recording

for line in ReplayText.lines replay do
    printfn $"{line}"
(*** include-output ***)

(**
Each step has led to what it led to then:
*)
let differences = replay.Differences.Length
printfn $"{differences} steps led to something else than then"
(*** include-output ***)

(**
## Backwards

There is no undo, and none is needed: the replay has all the states. Which was the last one in which a message was incomplete, and
how did it come to that?
*)
let isIncomplete (state: State) =
    match state with
    | State.Open(ValueSome _, _)
    | State.CloseSent(_, ValueSome _) -> true
    | State.Open(ValueNone, _)
    | State.CloseSent(_, ValueNone)
    | State.Draining _
    | State.Closed _ -> false

let found =
    Seq.findBack (fun steps -> isIncomplete (replay.StateAfter steps)) [ 0 .. replay.Steps.Length ]

for steps in found .. -1 .. found - 2 do
    printfn $"after {steps} steps: {ReplayText.ofState (replay.StateAfter steps)}"
(*** include-output ***)

(**
## What would that limit have done?

The largest message of the recording has 16 bytes. Would a limit of 12 bytes have hurt this client? The same recording, other
settings:
*)
let withLimit (limit: int64) = {
    recording.Settings with
        Limits = Limits.Create(limit, Limits.Unlimited, 100)
}

let strict = Replay.runWith (withLimit 12L) recording

for line in ReplayText.lines strict do
    printfn $"{line}"
(*** include-output ***)

(**
It would have been disconnected with 1009 at its second message, and everything after it would have gone unread. Why, and at which
byte of what it sent:
*)
let violation = string strict.Violation.Value
printfn $"{violation}"
(*** include-output ***)

(**
With 16 it would have passed. The smallest limit that this client never notices can be searched for:
*)
let passes (limit: int64) =
    (Replay.runWith (withLimit limit) recording).Violation.IsNone

let smallest = Seq.initInfinite int64 |> Seq.find passes
printfn $"{smallest} bytes"
(*** include-output ***)

(*** hide ***)
if
    answers <> [ "5 bytes"; "16 bytes"; "12 bytes" ]
    || smallest <> 16L
    || not inOrder
    || differences <> 0
    || replay.Steps.Length < 9
then
    failwith $"another replay than on the page: {answers} {smallest} {text}"
