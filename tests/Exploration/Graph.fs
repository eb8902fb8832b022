/// The edges that there are: every one that any sequence of moves takes, with any of these settings.
module FunctionalWs.Exploration.Graph

open System.Collections.Generic
open FunctionalWs.Protocol
open FunctionalWs.Exploration.Edges

/// Settings that make a difference for which step there is.
let settings: ConnectionSettings list =
    let server = Moves.settingsOf Role.Server

    [
        server
        Moves.settingsOf Role.Client
        // Text that nobody looks at.
        { server with ValidateText = false }
        // A frame may be larger than a message.
        {
            server with
                Limits = Limits.Create(2L, 9L, 3)
        }
        // A message may have one frame.
        {
            server with
                Limits = Limits.Create(3L, 2L, 1)
        }
        // No extension.
        {
            server with
                ReservedBits = ReservedBits.None
        }
    ]

// What comes before what goes, frames before other things, as labels have them.
let private order = [
    "data"
    "ping"
    "pong"
    "close"
    "broken rule"
    "end of stream"
    "Message"
    "FirstFragment"
    "NextFragment"
    "Ping"
    "Pong"
    "Close"
    "Fail"
]

let private sorted (edges: Edge seq) : IReadOnlyList<Edge> =
    edges
    |> Seq.distinct
    |> Seq.sortBy (fun edge ->
        edge.From, edge.To, List.findIndex ((=) edge.Kind) order, edge.Cause, edge.Inside)
    |> Array.ofSeq
    :> IReadOnlyList<Edge>

let edgesOf (steps: Place.Step seq) : IReadOnlyList<Edge> = sorted (Seq.map ofStep steps)

/// All edges.
let edges () : IReadOnlyList<Edge> =
    settings |> Seq.collect Walk.everyStep |> edgesOf
