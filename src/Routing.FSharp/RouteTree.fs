// The rules as a tree of segments, and the search for the first that takes a path. Each node lies on one way from the root,
// so a search visits it once at most, whatever the path.
namespace FunctionalWs.Routing

open System
open System.Collections.Generic

/// How a rule comes to a path; of rules that weigh the same, the earlier ways come first.
type internal LeafKind =
    /// As it is written in the rule.
    | Exact
    /// With a slash at the end that the rule doesn't have, or without the one it has: the rule isn't strict.
    | Lenient
    /// Without the slash at the end that the rule has: the client is to be redirected.
    | SlashMissing

/// One of the ways in which a rule comes to paths.
[<NoComparison; ReferenceEquality>]
type internal RouteForm = {
    Segments: Segment list
    /// The rule's place among all rules.
    Rule: int
    Kind: LeafKind
    MergeSlashes: bool
    /// The form's place in the order in which all are tried.
    Rank: int
}

[<NoComparison; ReferenceEquality>]
type internal RouteNode = {
    Literals: Dictionary<string, RouteNode>
    Patterns: RouteEdge[]
    Leaves: RouteForm list
    /// The lowest rank of all forms from here on; literals, patterns and leaves are each in the order of theirs.
    Rank: int
}

/// One segment with values; where it spans several, with the fixed number of segments that come after.
and [<NoComparison; ReferenceEquality>] internal RouteEdge = {
    Segment: Segment
    Spans: bool
    After: Segment list
    Node: RouteNode
}

[<NoComparison; ReferenceEquality>]
type internal RouteFound = { Form: RouteForm; Values: obj list }

module internal RouteTree =

    /// The segments in steps of one; after one that spans several, all that follow are matched at once.
    let rec private steps (segments: Segment list) : Segment list list =
        match segments with
        | [] -> []
        | first :: _ when RouteSegment.spans first -> [ segments ]
        | first :: rest -> [ first ] :: steps rest

    /// Step by step, text before values, then by weight; those that weigh the same stay in their order, but those that take
    /// the path as it is written come first.
    let private inOrder (forms: RouteForm list) : RouteForm list =
        forms
        |> List.sortBy (fun form ->
            steps form.Segments
            |> List.map (fun step ->
                let isPattern = not (List.forall RouteSegment.isLiteral step)

                isPattern,
                (if isPattern then
                     RouteSegment.weight step
                 else
                     RouteSegment.weight [])),
            form.Kind,
            form.Rule)

    let rec private build (forms: (Segment list * RouteForm) list) : RouteNode =
        let behind (count: int) =
            List.map (fun (rest, form) -> List.skip count rest, form)

        let ended, more = forms |> List.partition (fun (rest, _) -> List.isEmpty rest)

        let literals, patterns =
            more
            |> List.partition (fun (rest, _) -> RouteSegment.isLiteral (List.head rest))

        {
            Literals =
                literals
                |> List.groupBy (fun (rest, _) -> (List.head rest).Start)
                |> List.map (fun (text, group) -> KeyValuePair(text, build (behind 1 group)))
                |> Dictionary
            Patterns =
                patterns
                |> List.groupBy (fun (rest, _) -> RouteSegment.shape (List.head (steps rest)))
                |> List.map (fun (_, group) ->
                    let step = group |> List.head |> fst |> steps |> List.head

                    {
                        Segment = step.Head
                        Spans = RouteSegment.spans step.Head
                        After = step.Tail
                        Node = build (behind step.Length group)
                    })
                |> List.toArray
            Leaves = List.map snd ended
            Rank =
                forms
                |> List.tryHead
                |> Option.fold (fun _ (_, form) -> form.Rank) Int32.MaxValue
        }

    /// The tree of some forms, whose ranks are found here.
    let ofForms (forms: RouteForm list) : RouteNode =
        inOrder forms
        |> List.mapi (fun rank form -> form.Segments, { form with Rank = rank })
        |> build

    let rec private matchAll (segments: Segment list) (path: string[]) (at: int) (values: obj list) =
        match segments with
        | [] -> ValueSome values
        | segment :: rest ->
            match RouteSegment.tryMatch segment path[at] values with
            | ValueSome values -> matchAll rest path (at + 1) values
            | ValueNone -> ValueNone

    /// A value that spans segments has the slashes between them; with one inside of them it would be taken for another path's.
    let private tryJoin (path: string[]) (at: int) (count: int) : string voption =
        if Array.exists (fun (segment: string) -> segment.Contains '/') (Array.sub path at count) then
            ValueNone
        else
            ValueSome(String.Join('/', path, at, count))

    /// What comes after the value is looked at first: that is cheaper than to put many segments together.
    let private matchSpanning (edge: RouteEdge) (path: string[]) (at: int) (count: int) (values: obj list) =
        match matchAll edge.After path (at + count) [] with
        | ValueNone -> ValueNone
        | ValueSome after ->
            tryJoin path at count
            |> ValueOption.bind (fun text -> RouteSegment.tryMatch edge.Segment text values)
            |> ValueOption.map (fun values -> after @ values)

    let private matchEdge (edge: RouteEdge) (path: string[]) (at: int) (values: obj list) : obj list voption =
        if not edge.Spans then
            RouteSegment.tryMatch edge.Segment path[at] values
        else
            match path.Length - at - edge.After.Length with
            | count when count > 0 -> matchSpanning edge path at count values
            | _ -> ValueNone

    let private isBefore (best: RouteFound voption) (rank: int) : bool =
        match best with
        | ValueSome found -> rank < found.Form.Rank
        | ValueNone -> true

    /// The first of what was found so far and of what takes the path from here on.
    let rec private search
        (node: RouteNode)
        (isMerged: bool)
        (path: string[])
        (at: int)
        (values: obj list)
        (best: RouteFound voption)
        : RouteFound voption =
        if not (isBefore best node.Rank) then
            best
        elif at = path.Length then
            node.Leaves
            |> List.tryFind (fun form -> form.MergeSlashes || not isMerged)
            |> ValueOption.ofOption
            |> ValueOption.filter (fun form -> isBefore best form.Rank)
            |> ValueOption.map (fun form -> { Form = form; Values = values })
            |> ValueOption.orElse best
        else
            let mutable best =
                match node.Literals.TryGetValue path[at] with
                | true, child -> search child isMerged path (at + 1) values best
                | false, _ -> best

            let mutable index = 0

            while index < node.Patterns.Length && isBefore best node.Patterns[index].Node.Rank do
                let edge = node.Patterns[index]
                index <- index + 1

                match matchEdge edge path at values with
                | ValueSome values ->
                    best <-
                        search
                            edge.Node
                            isMerged
                            path
                            (if edge.Spans then path.Length else at + 1)
                            values
                            best
                | ValueNone -> ()

            best

    /// The first rule that takes a path; values come last first.
    /// <param name="isMerged">True when the path has lost repeated slashes, so that rules that care are left out.</param>
    let find (node: RouteNode) (isMerged: bool) (path: string[]) : RouteFound voption =
        search node isMerged path 0 [] ValueNone
