// All edges of a connection, and drawings of them.
namespace FunctionalWs.Explore

open System
open System.Collections.Generic
open FunctionalWs.Protocol
open type System.FormattableString

/// <summary>Edges between two states that a drawing tells in one line: they come of like things, and write the same.</summary>
[<Sealed; AllowNullLiteral(false); NoComparison; NoEquality>]
type EdgeGroup internal (label: string, edges: StateEdge[]) =

    /// <summary>The state before.</summary>
    member _.From: string = edges[0].From

    /// <summary>The state after.</summary>
    member _.To: string = edges[0].To

    /// <summary>What happens, and what is written: <c>close received → close</c>.</summary>
    member _.Label: string = label

    /// <summary>The edges, one or more.</summary>
    member _.Edges: IReadOnlyList<StateEdge> = Array.AsReadOnly edges

    /// <summary>The states and the label.</summary>
    override group.ToString() : string =
        Invariant $"{group.From} -> {group.To}: {label}"

/// <summary>
/// The states of a connection and the edges between them: each once, what comes before what is sent, frames before other things.
/// Immutable.
/// </summary>
[<Sealed; AllowNullLiteral(false); NoComparison; NoEquality>]
type StateGraph private (edges: StateEdge[]) =

    // As labels have them.
    static let order = [|
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
    |]

    static let key (edge: StateEdge) =
        edge.From, edge.To, Array.IndexOf(order, edge.Kind), edge.Cause, edge.Inside

    static let isFrame (edge: StateEdge) =
        Array.IndexOf(order, edge.Kind, 0, 4) >= 0

    static let familyOf (edge: StateEdge) : string =
        if isFrame edge then "frame"
        elif edge.IsReceived then edge.Kind
        else "command"

    static let labelOf (edges: StateEdge[]) : string =
        let causes = edges |> Array.map (fun edge -> edge.Kind) |> Array.distinct
        let all = String.Join(", ", causes)

        let what =
            if not (isFrame edges[0]) then all
            elif causes.Length = 4 then "any frame"
            else all + " received"

        match edges[0].Written with
        | "" -> what
        | written -> what + " → " + written

    static let groups (edges: StateEdge[]) : EdgeGroup[] =
        edges
        |> Array.filter (fun edge -> edge.Refusal = "")
        |> Array.groupBy (fun edge -> edge.From, edge.To, familyOf edge, edge.Written)
        |> Array.map (fun (_, edges) -> EdgeGroup(labelOf edges, edges))

    /// Lines of one arrow: where it leads, and its label.
    static let arrows
        (groups: EdgeGroup[])
        (line: string -> string -> string -> string)
        (join: string)
        : string[] =
        groups
        |> Array.groupBy (fun group -> group.From, group.To)
        |> Array.map (fun ((before, after), groups) ->
            line before after (String.Join(join, groups |> Array.map (fun group -> group.Label))))

    /// <summary>Some edges, each once, in order.</summary>
    /// <param name="edges">The edges.</param>
    static member Create(edges: StateEdge seq) : StateGraph =
        ArgumentNullException.ThrowIfNull(edges, nameof edges)
        StateGraph(edges |> Seq.distinct |> Seq.sortBy key |> Array.ofSeq)

    /// <summary>The edges that any sequence of moves takes.</summary>
    /// <param name="settings">The side this is, and its limits: keep them small.</param>
    /// <param name="moves">What may happen.</param>
    /// <exception cref="T:System.ArgumentException">The bytes of a move are less than a frame.</exception>
    /// <exception cref="T:System.InvalidOperationException">There are more than <c>Explorer.MaxStates</c> states.</exception>
    static member Explore(settings: ConnectionSettings, moves: Move[]) : StateGraph =
        Explorer.steps settings moves
        |> Seq.map (StateEdge.ofStep settings)
        |> StateGraph.Create

    /// <summary>The edges.</summary>
    member _.Edges: IReadOnlyList<StateEdge> = Array.AsReadOnly edges

    /// <summary>The edges that change or write something, by the lines that a drawing has for them.</summary>
    member _.Groups: IReadOnlyList<EdgeGroup> = Array.AsReadOnly(groups edges)

    /// <summary>The graph as Mermaid draws it: a <c>stateDiagram-v2</c>.</summary>
    member _.ToMermaid() : string =
        let line before after label =
            Invariant $"    {before} --> {after}: {label}"

        String.Join(
            '\n',
            [|
                "stateDiagram-v2"
                "    [*] --> Open"
                yield! arrows (groups edges) line "<br/>"
                "    Closed --> [*]"
            |]
        )

    /// <summary>The graph in the language of Graphviz.</summary>
    member _.ToGraphviz() : string =
        let line before after label =
            "    " + before + " -> " + after + " [label=\"" + label + "\"]"

        String.Join(
            '\n',
            [|
                "digraph connection {"
                "    node [shape=box]"
                "    begin [shape=point]"
                "    begin -> Open"
                yield! arrows (groups edges) line "\\n"
                "}"
            |]
        )

    /// <summary>An edge in each line, in words.</summary>
    override _.ToString() : string = String.Join('\n', edges)
