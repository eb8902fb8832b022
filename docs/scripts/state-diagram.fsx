(**
---
title: The state diagram, drawn by the code
category: Scripts
categoryindex: 5
index: 3
---
*)
(**
# The state diagram, drawn by the code

A diagram in a document is somebody's memory of the code. This one is not: it is found by asking the transition function about
every step from every state, until no new state turns up, and then drawn.

As a [script]({{root}}{{fsdocs-source-basename}}.fsx) and a [notebook]({{root}}{{fsdocs-source-basename}}.ipynb).
*)
#r "nuget: FunctionalWs.Protocol, *-*"

(**
The types of the protocol, and a few collections of .NET:
*)
open System.Collections.Generic
open FunctionalWs.Protocol

(**
## Every step

A step is something that comes from the peer, or something that the application wants. A small alphabet is enough, as long as it
has one of each kind. Messages may have three bytes at most, so that there are not too many states to visit.
*)
let settings = {
    ConnectionSettings.Server with
        Limits = Limits.Create(maxMessageSize = 3L, maxFragmentSize = 2L, maxFragments = 3)
}

type Step =
    | Receive of byte[]
    | EndOfStream
    | Send of Command

let frame (fin: bool) (opcode: Opcode) (payload: byte[]) : Step =
    Receive(FrameWriter.encode fin opcode (ValueSome 0x3d21fa37u) payload)

let status = CloseStatus.Create(CloseCode.GoingAway, "")

let alphabet = [
    "text", frame true Opcode.Text "a"B
    "first fragment", frame false Opcode.Text "a"B
    "next fragment", frame false Opcode.Continuation "b"B
    "last fragment", frame true Opcode.Continuation "c"B
    "ping", frame true Opcode.Ping "?"B
    "pong", frame true Opcode.Pong "!"B
    "close frame", frame true Opcode.Close (status.ToArray())
    "reserved opcode", Receive [| 0x83uy; 0x80uy; 0uy; 0uy; 0uy; 0uy |]
    "end of stream", EndOfStream
    "send a text", Send(Command.Message DataKind.Text)
    "send a first fragment", Send(Command.FirstFragment DataKind.Text)
    "send a last fragment", Send(Command.NextFragment true)
    "send a ping", Send(Command.Ping ControlPayload.Empty)
    "close", Send(Command.Close status)
    "fail", Send(Command.Fail status)
]

(**
What the step leads to; none when the state doesn't allow it:
*)
let step (state: State) (what: Step) : State voption =
    match what with
    | EndOfStream -> ValueSome (Connection.receive settings state Input.EndOfStream).State
    | Send command ->
        match Connection.send state command with
        | SendResult.Accepted transition -> ValueSome transition.State
        | SendResult.Refused _ -> ValueNone
    | Receive bytes ->
        match FrameReader.decode settings bytes with
        | FrameParse.Complete frame ->
            ValueSome (Connection.receive settings state (Input.Received frame)).State
        | FrameParse.Malformed error ->
            ValueSome (Connection.receive settings state (Input.Broken error)).State
        | FrameParse.Incomplete -> failwith "the alphabet has whole frames"

(**
## Every state

From the first state, all steps; from the states that they lead to, all steps again; until there is nothing new. States are
values with an equality, so a set of them is all the bookkeeping.
*)
type Edge = {
    From: State
    Label: string
    To: State
}

let explore (start: State) : State list * Edge list =
    let known = HashSet [ start ]
    let waiting = Queue [ start ]
    let edges = List<Edge>()

    while waiting.Count > 0 do
        let state = waiting.Dequeue()

        for label, what in alphabet do
            match step state what with
            | ValueNone -> ()
            | ValueSome next ->
                edges.Add {
                    From = state
                    Label = label
                    To = next
                }

                if known.Add next then
                    waiting.Enqueue next

    List.ofSeq known, List.ofSeq edges

let states, edges = explore Connection.start
printfn $"{states.Length} states, {edges.Length} steps between them"
(*** include-output ***)

(**
Most of those differ in numbers only: how many bytes of a message have come, or which error ended it. What a drawing needs is
their names.
*)
let name (state: State) : string =
    match state with
    | State.Open _ -> "Open"
    | State.CloseSent _ -> "CloseSent"
    | State.Draining _ -> "Draining"
    | State.Closed _ -> "Closed"

/// The step, or what is the same in all those that fail the connection.
let cause (edge: Edge) : string =
    match edge.To with
    | State.Draining(Closure.Failed _) -> "a rule is broken"
    | State.Draining _
    | State.Open _
    | State.CloseSent _
    | State.Closed _ -> edge.Label

/// What leads from one name to another: each pair once, in the order of discovery.
let connections (name: State -> string) : ((string * string) * string list) list =
    edges
    |> List.filter (fun edge -> name edge.From <> name edge.To)
    |> List.groupBy (fun edge -> name edge.From, name edge.To)
    |> List.map (fun (pair, edges) -> pair, edges |> List.map cause |> List.distinct)

for (source, target), labels in connections name do
    printfn "%-9s -> %-9s %s" source target (String.concat ", " labels)
(*** include-output ***)

(**
Which steps break a rule? That depends on the state: a last fragment does when no message is open.
*)
let breaking =
    edges
    |> List.filter (fun edge -> name edge.From = "Open" && cause edge <> edge.Label)
    |> List.map (fun edge ->
        match edge.To with
        | State.Draining(Closure.Failed(error, _)) -> $"{edge.Label}: {error.Description}"
        | _ -> edge.Label)
    |> List.distinct
    |> List.sort

for line in breaking do
    printfn $"{line}"
(*** include-output ***)

(**
## A drawing

Four boxes, and a curve for each connection. The places are chosen by hand; what is drawn comes from above.
*)
let places =
    dict [
        "Open", (90, 190)
        "CloseSent", (350, 70)
        "Draining", (610, 190)
        "Closed", (860, 190)
    ]

/// How far a curve's middle lies below the straight line.
let bend (source: string, target: string) : int =
    match source, target with
    | "Open", "Closed" -> 240
    | "CloseSent", "Closed" -> -130
    | _, _ -> 0

let box (name: string) : string =
    let x, y = places[name]

    $"""<rect x="{x - 60}" y="{y - 22}" width="120" height="44" rx="8" fill="Canvas" stroke="currentColor"/>"""
    + $"""<text x="{x}" y="{y + 5}" font-weight="bold">{name}</text>"""

/// Where a line from a box's middle towards a point leaves the box.
let edgeOf (x: int, y: int) (towardsX: int, towardsY: int) : int * int =
    let dx, dy = float (towardsX - x), float (towardsY - y)
    let scale = min (60.0 / max 0.001 (abs dx)) (22.0 / max 0.001 (abs dy))
    x + int (dx * scale), y + int (dy * scale)

let curve ((source: string, target: string), labels: string list) : string =
    let (x1, y1), (x2, y2) = places[source], places[target]
    let control = (x1 + x2) / 2, (y1 + y2) / 2 + bend (source, target)
    let startX, startY = edgeOf (x1, y1) control
    let endX, endY = edgeOf (x2, y2) control
    let middleX = (startX + 2 * fst control + endX) / 4
    let middleY = (startY + 2 * snd control + endY) / 4

    let lines =
        labels
        |> List.mapi (fun index label ->
            $"""<text x="{middleX}" y="{middleY + 13 * index + 14}" font-size="11" paint-order="stroke" stroke="Canvas" stroke-width="4">{label}</text>""")
        |> String.concat ""

    $"""<path d="M{startX},{startY} Q{fst control},{snd control} {endX},{endY}" fill="none" stroke="currentColor" marker-end="url(#tip)"/>"""
    + lines

let svg =
    let shown = connections name

    [
        """<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 940 350" font-family="sans-serif" text-anchor="middle" fill="currentColor" role="img" aria-label="The states of a connection">"""
        """<defs><marker id="tip" viewBox="0 0 8 8" refX="7" refY="4" markerWidth="8" markerHeight="8" orient="auto"><path d="M0,0 L8,4 L0,8 z" /></marker></defs>"""
        yield! List.map curve shown
        yield! places.Keys |> Seq.map box
        "</svg>"
    ]
    |> String.concat "\n"
(*** hide ***)
svg
(*** include-it-raw ***)

(**
`File.WriteAllText("states.svg", svg)` keeps it. For a page that renders [Mermaid](https://mermaid.js.org), the same as text; here
with a finer naming, which tells whether the peer is in the middle of a message:
*)
let finerName (state: State) : string =
    match state with
    | State.Open(ValueSome _, _)
    | State.CloseSent(_, ValueSome _) -> name state + "_InMessage"
    | State.Open(ValueNone, _)
    | State.CloseSent(_, ValueNone)
    | State.Draining _
    | State.Closed _ -> name state

printfn "stateDiagram-v2"
printfn "    [*] --> %s" (finerName Connection.start)

for (source, target), labels in connections finerName do
    printfn "    %s --> %s : %s" source target (String.concat ", " labels)
(*** include-output ***)

(**
## What holds everywhere

With all states at hand, a claim about the protocol is one line. Nothing leads out of `Closed`:
*)
let closedIsTheEnd =
    edges
    |> List.filter (fun edge -> name edge.From = "Closed")
    |> List.forall (fun edge -> edge.To = edge.From)

printfn $"nothing leads out of Closed: {closedIsTheEnd}"
(*** include-output ***)

(**
And from everywhere, the end of the stream leads there:
*)
let alwaysEnds =
    edges
    |> List.filter (fun edge -> edge.Label = "end of stream")
    |> List.forall (fun edge -> name edge.To = "Closed")

printfn $"the end of the stream leads there from everywhere: {alwaysEnds}"
(*** include-output ***)

(**
Next: [a connection that was recorded, replayed](replay.html).
*)
(*** hide ***)
if not closedIsTheEnd || not alwaysEnds || (connections name).Length <> 6 then
    failwith "another diagram than on the page"
