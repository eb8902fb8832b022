// The rules as a tree of segments, and the search for the first that takes a path. Each node lies on one way from the root,
// so a search visits it once at most, whatever the path.
namespace FunctionalWs.Protocol

open System
open System.Collections.Generic

module internal RouteSegment =

    /// How often one segment may be parted in another way before it counts as no match.
    let private maxTries = 32

    let private matchValue (value: Placeholder) (text: string) (at: int) (finish: int) (values: obj list) =
        if finish <= at then
            ValueNone
        else
            RouteConverters.tryParse value.Converter (text.Substring(at, finish - at))
            |> ValueOption.map (fun parsed -> parsed :: values)

    /// Values are found from left to right, each as long as possible, and shorter when the rest doesn't fit. The end has been
    /// looked at already.
    let rec private matchFrom
        (tries: int ref)
        (pieces: Piece list)
        (text: string)
        (at: int)
        (values: obj list)
        =
        match pieces with
        | [] -> if at = text.Length then ValueSome values else ValueNone
        | Piece.Text literal :: rest ->
            if String.CompareOrdinal(text, at, literal, 0, literal.Length) = 0 then
                matchFrom tries rest text (at + literal.Length) values
            else
                ValueNone
        | [ Piece.Value last ] -> matchValue last text at text.Length values
        | [ Piece.Value last; Piece.Text ending ] ->
            matchValue last text at (text.Length - ending.Length) values
        | Piece.Value value :: (Piece.Text separator :: _ as rest) ->
            matchBefore tries value separator rest text at text.Length values
        | Piece.Value _ :: Piece.Value _ :: _ -> ValueNone // no pattern has this

    /// A value that ends before a separator, which ends at the limit at most.
    and private matchBefore tries value separator rest text at limit values =
        let from = at + 1

        let index =
            if limit < from then
                -1
            else
                text.AsSpan(from, limit - from).LastIndexOf(separator.AsSpan())

        if index < 0 || tries.Value = 0 then
            ValueNone
        else
            tries.Value <- tries.Value - 1
            let finish = from + index

            let found =
                matchValue value text at finish values
                |> ValueOption.bind (fun values -> matchFrom tries rest text finish values)

            if found.IsSome then
                found
            else
                matchBefore tries value separator rest text at (finish + separator.Length - 1) values

    let rec private hasEnding (pieces: Piece list) (text: string) : bool =
        match pieces with
        | [] -> text = ""
        | [ Piece.Text ending ] -> text.EndsWith(ending, StringComparison.Ordinal)
        | [ Piece.Value _ ] -> true
        | _ :: rest -> hasEnding rest text

    /// The values of a text, the last first, before those that were found already.
    let tryMatch (pieces: Piece list) (text: string) (values: obj list) : obj list voption =
        if hasEnding pieces text then
            matchFrom (ref maxTries) pieces text 0 values
        else
            ValueNone

    /// The written text of a piece.
    let textOf (piece: Piece) : string =
        match piece with
        | Piece.Text text -> text
        | Piece.Value _ -> ""

    let piecesOf (segment: Segment) : Piece list =
        match segment with
        | Segment.Literal "" -> []
        | Segment.Literal text -> [ Piece.Text text ]
        | Segment.Pattern pieces -> pieces

    /// The smaller, the earlier it is tried: more text, longer text further left, more values, lighter converters.
    let weight (segments: Segment list) =
        let pieces = segments |> List.collect piecesOf |> List.indexed

        let texts =
            pieces
            |> List.choose (fun (index, piece) ->
                match piece with
                | Piece.Text text -> Some(index, -text.Length)
                | Piece.Value _ -> None)

        let weights =
            pieces
            |> List.choose (fun (_, piece) ->
                match piece with
                | Piece.Text _ -> None
                | Piece.Value value -> Some value.Converter.Weight)

        -texts.Length, texts, -weights.Length, weights

    let spans (pieces: Piece list) : bool =
        pieces
        |> List.exists (fun piece ->
            match piece with
            | Piece.Text _ -> false
            | Piece.Value value -> value.Converter.SpansSegments)

    /// Equal for segments that take the same texts, whatever their values are called.
    let shape (segments: Segment list) : string list list =
        segments
        |> List.map (
            piecesOf
            >> List.map (fun piece ->
                match piece with
                | Piece.Text text -> text
                | Piece.Value value -> $"<{value.Type}>")
        )

/// How a rule comes to a path.
type internal LeafKind =
    /// The path as it is written in the rule.
    | Exact
    /// With a slash at the end that the rule doesn't have, or without the one it has: the rule isn't strict.
    | Lenient
    /// Without the slash at the end that the rule has: the client is to be redirected.
    | SlashMissing

[<Struct>]
type internal RouteLeaf = {
    Rule: int
    Kind: LeafKind
    MergeSlashes: bool
}

[<NoComparison; ReferenceEquality>]
type internal RouteNode = {
    Literals: Dictionary<string, RouteNode>
    /// In the order in which they are tried.
    Patterns: RouteEdge[]
    Leaves: RouteLeaf list
}

/// One segment with values; where it spans several, with the fixed number of segments that come after.
and [<NoComparison; ReferenceEquality>] internal RouteEdge = {
    Pieces: Piece list
    Spans: bool
    After: Segment list
    Node: RouteNode
}

[<Struct; NoComparison; NoEquality>]
type internal RouteFound = { Leaf: RouteLeaf; Values: obj list }

module internal RouteTree =

    /// One of the ways in which a rule comes to paths.
    [<NoComparison; ReferenceEquality>]
    type Form = {
        Segments: Segment list
        Leaf: RouteLeaf
    }

    /// A pattern, and after one that spans segments all that follow: they are matched at once.
    let private edgeOf (segment: Segment) (rest: Segment list) : Segment list =
        match segment with
        | Segment.Pattern pieces when RouteSegment.spans pieces -> segment :: rest
        | Segment.Pattern _
        | Segment.Literal _ -> [ segment ]

    let private literals (forms: Form list) =
        forms
        |> List.choose (fun form ->
            match form.Segments with
            | Segment.Literal text :: rest -> Some(text, { form with Segments = rest })
            | Segment.Pattern _ :: _
            | [] -> None)
        |> List.groupBy fst

    let private patterns (forms: Form list) =
        forms
        |> List.choose (fun form ->
            match form.Segments with
            | Segment.Pattern _ as segment :: rest ->
                let edge = edgeOf segment rest

                Some(
                    edge,
                    {
                        form with
                            Segments = List.skip edge.Length form.Segments
                    }
                )
            | Segment.Literal _ :: _
            | [] -> None)
        |> List.groupBy (fst >> RouteSegment.shape)
        |> List.map snd
        |> List.sortBy (List.head >> fst >> RouteSegment.weight)

    /// The tree of some forms; those that are alike stay in their order.
    let rec build (forms: Form list) : RouteNode = {
        Literals =
            Dictionary(
                literals forms
                |> Seq.map (fun (text, group) -> KeyValuePair(text, build (List.map snd group)))
            )
        Patterns = patterns forms |> List.map toEdge |> List.toArray
        Leaves = forms |> List.filter _.Segments.IsEmpty |> List.map _.Leaf |> List.sortBy _.Kind
    }

    and private toEdge (group: (Segment list * Form) list) : RouteEdge =
        let edge = fst (List.head group)

        let pieces =
            match List.head edge with
            | Segment.Pattern pieces -> pieces
            | Segment.Literal text -> [ Piece.Text text ]

        {
            Pieces = pieces
            Spans = RouteSegment.spans pieces
            After = List.tail edge
            Node = build (List.map snd group)
        }

    let rec private matchAll
        (segments: Segment list)
        (path: string[])
        (at: int)
        (values: obj list)
        : obj list voption =
        match segments with
        | [] -> ValueSome values
        | Segment.Literal text :: rest ->
            if path[at] = text then
                matchAll rest path (at + 1) values
            else
                ValueNone
        | Segment.Pattern pieces :: rest ->
            match RouteSegment.tryMatch pieces path[at] values with
            | ValueSome values -> matchAll rest path (at + 1) values
            | ValueNone -> ValueNone

    let private matchEdge (edge: RouteEdge) (path: string[]) (at: int) (values: obj list) : obj list voption =
        if not edge.Spans then
            RouteSegment.tryMatch edge.Pieces path[at] values
        else
            let count = path.Length - at - edge.After.Length

            if count < 1 then
                ValueNone
            else
                // What comes after is looked at first: that is cheaper than to put many segments together.
                matchAll edge.After path (at + count) []
                |> ValueOption.bind (fun after ->
                    RouteSegment.tryMatch edge.Pieces (String.Join('/', path, at, count)) values
                    |> ValueOption.map (fun values -> after @ values))

    let rec private tryLeaf
        (isMerged: bool)
        (leaves: RouteLeaf list)
        (values: obj list)
        : RouteFound voption =
        match leaves with
        | [] -> ValueNone
        | leaf :: _ when leaf.MergeSlashes || not isMerged -> ValueSome { Leaf = leaf; Values = values }
        | _ :: rest -> tryLeaf isMerged rest values

    /// The first rule that takes the path from here on: literals first, then patterns in their order.
    let rec private findFrom
        (node: RouteNode)
        isMerged
        (path: string[])
        (at: int)
        values
        : RouteFound voption =
        if at = path.Length then
            tryLeaf isMerged node.Leaves values
        else
            let literal =
                match node.Literals.TryGetValue path[at] with
                | true, child -> findFrom child isMerged path (at + 1) values
                | _ -> ValueNone

            if literal.IsSome then
                literal
            else
                findPattern node.Patterns 0 isMerged path at values

    and private findPattern (edges: RouteEdge[]) (index: int) isMerged path at values : RouteFound voption =
        if index = edges.Length then
            ValueNone
        else
            let edge = edges[index]

            let found =
                match matchEdge edge path at values with
                | ValueSome values ->
                    findFrom edge.Node isMerged path (if edge.Spans then path.Length else at + 1) values
                | ValueNone -> ValueNone

            if found.IsSome then
                found
            else
                findPattern edges (index + 1) isMerged path at values

    let isEmpty (node: RouteNode) : bool =
        node.Literals.Count = 0 && node.Patterns.Length = 0

    /// The first rule that takes a path; values come last first.
    /// <param name="isMerged">True when the path has lost repeated slashes, so that rules that care are left out.</param>
    let find (node: RouteNode) (isMerged: bool) (path: string[]) : RouteFound voption =
        findFrom node isMerged path 0 []
