// One segment of a path, or the text of a value that spans several, against one segment of a rule.
namespace FunctionalWs.Routing

open System

/// Parts a text among two values or more. From left to right each is as long as it can be while the rest fits. What was found
/// out about a place isn't looked at again, and a converter's room says how far its value may reach, so that the steps are about
/// as many as the characters, whatever they are.
[<Sealed>]
type private RouteParting(values: SegmentValue[], text: string, start: int) =

    let last = values.Length - 1

    /// Where the last value ends.
    let finish = text.Length - values[last].Behind.Length

    /// How many characters converters may refuse, in all; then the text counts as no match. Those that every rule can use say
    /// how far their values reach, and don't get there.
    let mutable patience = 64 * text.Length

    let mutable steps = 0

    let rooms =
        values
        |> Array.map (fun value -> RouteConverters.room value.Placeholder.Converter)

    /// For each place where the characters end that a value may have there.
    let reaches =
        rooms
        |> Array.map (fun room ->
            match room.Takes with
            | ValueNone -> [||]
            | ValueSome takes ->
                steps <- steps + text.Length
                let ends = Array.create (text.Length + 1) text.Length

                for at in text.Length - 1 .. -1 .. 0 do
                    ends[at] <- if takes text[at] then ends[at + 1] else at

                ends)

    /// For each place the last one up to it where the text behind a value begins, but for those where the rest doesn't fit.
    let places =
        Array.init last (fun index ->
            let behind = values[index].Behind
            steps <- steps + text.Length
            let found = Array.create (text.Length + 1) -1

            for at in 0 .. text.Length do
                found[at] <-
                    if String.CompareOrdinal(text, at, behind, 0, behind.Length) = 0 then
                        at
                    elif at = 0 then
                        -1
                    else
                        found[at - 1]

            found)

    /// What the values from one on are, the first first, for each place where they have been found.
    let known: obj list[][] =
        Array.init values.Length (fun _ -> Array.create (text.Length + 1) [])

    /// The last place that is left, up to one.
    let previous (index: int) (limit: int) : int =
        let places = places[index]
        let mutable at = limit

        while at >= 0 && places[at] <> at do
            steps <- steps + 1
            let next = places[at]

            if next >= 0 then
                places[at] <- places[next]

            at <- next

        at

    let furthest (index: int) (at: int) : int =
        let most = at + Math.Min(rooms[index].Most, text.Length - at)

        match rooms[index].Takes with
        | ValueSome _ -> Math.Min(most, reaches[index][at])
        | ValueNone -> most

    let tryValue (index: int) (at: int) (until: int) : obj voption =
        let length = until - at
        steps <- steps + length

        match RouteConverters.tryParse values[index].Placeholder.Converter (text.Substring(at, length)) with
        | ValueSome value -> ValueSome value
        | ValueNone ->
            patience <- patience - length
            ValueNone

    /// How many steps it took.
    member _.Steps: int = steps

    /// The values from one on, which begins at a place; empty when the rest doesn't fit.
    member parting.From (index: int) (at: int) : obj list =
        steps <- steps + 1
        let known = known[index]

        if known[at].IsEmpty then
            known[at] <-
                if index = last then
                    parting.Last at
                else
                    parting.Until index at (previous index (furthest index at))

        known[at]

    member private _.Last(at: int) : obj list =
        if at + rooms[last].Least <= finish && finish <= furthest last at then
            tryValue last at finish |> ValueOption.toList
        else
            []

    /// A value and those behind it, which ends at a place at most.
    member private parting.Until (index: int) (at: int) (limit: int) : obj list =
        let mutable until = limit
        let mutable found = []

        while found.IsEmpty && until >= at + rooms[index].Least && patience >= 0 do
            match parting.From (index + 1) (until + values[index].Behind.Length) with
            | [] ->
                places[index][until] <- until - 1
                until <- previous index until
            | rest ->
                match tryValue index at until with
                | ValueSome value -> found <- value :: rest
                | ValueNone -> until <- previous index (until - 1)

        found

    /// All values.
    member parting.All: obj list = parting.From 0 start

module internal RouteSegment =

    let private areInOrder (values: SegmentValue list) (text: string) (start: int) : bool =
        let next (at: int) (value: SegmentValue) =
            if at < 0 || at >= text.Length then
                -1
            else
                match text.IndexOf(value.Behind, at + 1, StringComparison.Ordinal) with
                | -1 -> -1
                | found -> found + value.Behind.Length

        List.fold next start values >= 0

    let private tryPart (segment: Segment) (text: string) : RouteParting voption =
        let ending = (List.last segment.Values).Behind

        if
            text.EndsWith(ending, StringComparison.Ordinal)
            && areInOrder segment.Values text segment.Start.Length
        then
            ValueSome(RouteParting(List.toArray segment.Values, text, segment.Start.Length))
        else
            ValueNone

    let private tryOne (segment: Segment) (value: SegmentValue) (text: string) : obj voption =
        let length = text.Length - segment.Start.Length - value.Behind.Length

        if length > 0 && text.EndsWith(value.Behind, StringComparison.Ordinal) then
            RouteConverters.tryParse
                value.Placeholder.Converter
                (text.Substring(segment.Start.Length, length))
        else
            ValueNone

    /// The values of a text, the last first, before those that were found already.
    let tryMatch (segment: Segment) (text: string) (values: obj list) : obj list voption =
        if not (text.StartsWith(segment.Start, StringComparison.Ordinal)) then
            ValueNone
        else
            match segment.Values with
            | [] when text.Length = segment.Start.Length -> ValueSome values
            | [] -> ValueNone
            | [ value ] -> tryOne segment value text |> ValueOption.map (fun found -> found :: values)
            | _ :: _ ->
                match tryPart segment text |> ValueOption.map _.All with
                | ValueSome(_ :: _ as found) ->
                    ValueSome(List.fold (fun all value -> value :: all) values found)
                | ValueSome []
                | ValueNone -> ValueNone

    /// How many steps it takes to part a text among two values or more.
    let steps (segment: Segment) (text: string) : int =
        match tryPart segment text with
        | ValueSome parting ->
            parting.All |> ignore
            parting.Steps
        | ValueNone -> 0

    let isLiteral (segment: Segment) : bool = segment.Values.IsEmpty

    let spans (segment: Segment) : bool =
        segment.Values |> List.exists _.Placeholder.Converter.SpansSegments

    /// A piece of a rule: text, or the weight of a value's converter.
    type private Piece =
        | Text of length: int
        | Value of weight: int

    let private piecesOf (segment: Segment) : Piece list =
        let text (text: string) =
            if text = "" then [] else [ Text text.Length ]

        text segment.Start
        @ (segment.Values
           |> List.collect (fun value -> Value value.Placeholder.Converter.Weight :: text value.Behind))

    /// The smaller, the earlier it is tried: more text, longer text further left, more values, lighter converters, more slashes.
    let weight (segments: Segment list) : int * (int * int) list * int * int list * int =
        let pieces = segments |> List.collect piecesOf |> List.indexed

        let texts =
            pieces
            |> List.choose (fun (index, piece) ->
                match piece with
                | Text length -> Some(index, -length)
                | Value _ -> None)

        let weights =
            pieces
            |> List.choose (fun (_, piece) ->
                match piece with
                | Text _ -> None
                | Value weight -> Some weight)

        -texts.Length, texts, -weights.Length, weights, -segments.Length

    /// Equal for segments that take the same texts, whatever their values are called.
    let shape (segments: Segment list) : (string * (string * obj * string) list) list =
        segments
        |> List.map (fun segment ->
            segment.Start,
            segment.Values
            |> List.map (fun value ->
                value.Placeholder.Type, RouteConverters.identity value.Placeholder.Converter, value.Behind))
