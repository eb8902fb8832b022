/// All states, and drawings of them.
module FunctionalWs.Explore.Tests.StateGraphTests

open System
open Expecto
open Swensen.Unquote
open FunctionalWs.Explore
open FunctionalWs.Protocol

let private graph =
    lazy (StateGraph.Explore(Moves.settings Role.Server, Moves.all Role.Server))

/// A connection that only sends and hears the end.
let private small =
    lazy
        (StateGraph.Explore(
            ConnectionSettings.Server,
            [|
                Moves.frame Role.Server "hello" true Opcode.Text "hello"B
                Move.EndOfStream
                Move.Send(Command.Close(CloseStatus.Create(CloseCode.GoingAway, "")))
            |]
        ))

[<Tests>]
let tests =
    testList "an exploration" [
        testCase "finds every step from every state that moves lead to" (fun () ->
            let steps = Explorer.steps (Moves.settings Role.Server) (Moves.all Role.Server)
            let states = steps |> Array.map (fun step -> step.Before) |> Array.distinct
            states[0] =! Connection.start
            steps.Length =! 41 * states.Length
            test <@ steps |> Array.forall (fun step -> Array.contains step.After states) @>)

        testCase "says which steps there are in words" (fun () ->
            let first = Moves.frame Role.Server "hello" true Opcode.Text "hello"B
            let step = Explorer.step ConnectionSettings.Server Connection.start first
            step.ToString() =! "Open -- hello -> Open; tells: text message complete"

            let refused =
                Explorer.step
                    ConnectionSettings.Server
                    Connection.start
                    (Move.Send(Command.NextFragment true))

            (refused.ToString(), refused.After)
            =! ("Open -- last fragment -> refused: NoMessageBegun", Connection.start))

        testCase "refuses bytes that are no whole frame by their name" (fun () ->
            let half = Move.Frame("half", [| 0x81uy |], [||])

            raisesWith<ArgumentException>
                <@ Explorer.steps ConnectionSettings.Server [| half |] @>
                (fun error -> <@ error.Message.StartsWith "The bytes are no whole frame: half." @>))

        testCase "has a drawing for Mermaid" (fun () ->
            small.Value.ToMermaid().Split '\n'
            =! [|
                "stateDiagram-v2"
                "    [*] --> Open"
                "    CloseSent --> CloseSent: data received"
                "    CloseSent --> Closed: end of stream"
                "    Closed --> Closed: data received<br/>end of stream"
                "    Open --> CloseSent: Close → close"
                "    Open --> Closed: end of stream"
                "    Open --> Open: data received"
                "    Closed --> [*]"
            |])

        testCase "has a drawing for Graphviz" (fun () ->
            small.Value.ToGraphviz().Split '\n'
            =! [|
                "digraph connection {"
                "    node [shape=box]"
                "    begin [shape=point]"
                "    begin -> Open"
                "    CloseSent -> CloseSent [label=\"data received\"]"
                "    CloseSent -> Closed [label=\"end of stream\"]"
                "    Closed -> Closed [label=\"data received\\nend of stream\"]"
                "    Open -> CloseSent [label=\"Close → close\"]"
                "    Open -> Closed [label=\"end of stream\"]"
                "    Open -> Open [label=\"data received\"]"
                "}"
            |])

        testCase "groups what a drawing tells in one line" (fun () ->
            let groups = graph.Value.Groups
            test <@ groups |> Seq.forall (fun group -> group.Edges.Count > 0) @>

            let drawn = groups |> Seq.sumBy (fun group -> group.Edges.Count)

            let refused =
                graph.Value.Edges |> Seq.filter (fun edge -> edge.Refusal <> "") |> Seq.length

            drawn + refused =! graph.Value.Edges.Count

            let all = groups |> Seq.map string |> Set.ofSeq
            test <@ all.Contains "Closed -> Closed: any frame" @>
            test <@ all.Contains "Open -> Draining: broken rule → close" @>)

        testCase "tells edges in words" (fun () ->
            let lines = graph.Value.ToString().Split '\n' |> Set.ofArray
            test <@ lines.Contains "Open: ping leads to Open, writing pong" @>
            test <@ lines.Contains "Open (in text): NextFragment, the last leads to Open, writing data" @>
            test <@ lines.Contains "Closed: Ping leads to Closed, refused: Closing" @>)
    ]
