/// The edges that there are: every one that any sequence of moves takes, with any of these settings.
module FunctionalWs.Exploration.Graph

open FunctionalWs.Explore
open FunctionalWs.Protocol

/// Settings that make a difference for which step there is.
let settings: ConnectionSettings list =
    let server = Moves.settings Role.Server

    [
        server
        Moves.settings Role.Client
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

/// All edges, each step of which keeps the invariants.
let all () : StateGraph =
    StateGraph.Create(
        seq {
            for settings in settings do
                for step in Walk.everyStep settings do
                    StateEdge.ofStep settings step.Explored
        }
    )
