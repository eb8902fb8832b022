// The rule language: `/channel/<uuid:channel_id>` and `/channel/{channelId:guid}` to one immutable pattern. What a rule
// leads to is not here.
namespace FunctionalWs.Routing

open System
open System.Collections.Generic
open System.Diagnostics.CodeAnalysis
open System.Runtime.InteropServices
open System.Globalization
open FunctionalWs.Protocol

type RouteSyntaxError = {
    Rule: string
    Position: int
    Expected: string
} with

    override error.ToString() =
        let position = error.Position.ToString CultureInfo.InvariantCulture

        "The rule '"
        + error.Rule
        + "' needs "
        + error.Expected
        + " at position "
        + position
        + "."

[<NoComparison; ReferenceEquality>]
type internal Placeholder = {
    Name: string
    Type: string
    Converter: RouteConverter
}

[<NoComparison; ReferenceEquality>]
type internal SegmentValue = {
    Placeholder: Placeholder
    Behind: string
}

[<NoComparison; ReferenceEquality>]
type internal Segment = {
    Start: string
    Values: SegmentValue list
}

[<Sealed; AllowNullLiteral(false); NoEquality; NoComparison>]
type RoutePattern internal (text: string, segments: Segment list) =

    let placeholders = segments |> List.collect _.Values |> List.map _.Placeholder

    member internal _.Segments = segments
    member internal _.Placeholders = placeholders

    member _.Names: IReadOnlyList<string> =
        placeholders |> List.map _.Name |> List.toArray :> _

    member _.ValueTypes: IReadOnlyList<Type> =
        placeholders |> List.map _.Converter.ValueType |> List.toArray :> _

    override _.ToString() = text

module internal RouteParsing =

    open RouteSyntax

    let private placeholder
        custom
        (at: int)
        (name: RulePart)
        (converter: string)
        arguments
        : Result<Placeholder, RulePart> =
        if not (isIdentifier name.Text) then
            name |> expected "a name of letters, digits and underscores"
        else
            match RouteConverters.create custom converter arguments with
            | Error wanted -> { Text = ""; At = at } |> expected (wanted + " for '" + converter + "'")
            | Ok found ->
                let text =
                    arguments |> List.map (fun argument -> argument.Key + "=" + argument.Value)

                Ok {
                    Name = name.Text
                    Type = converter + "(" + String.Join(',', text) + ")"
                    Converter = found
                }

    /// What stands between `<` and `>`: the converter comes first.
    let private angle custom (inner: RulePart) : Result<Placeholder, RulePart> =
        match splitAt ':' inner with
        | [ name ] -> placeholder custom inner.At (trim name) "string" []
        | [ converter; name ] ->
            call converter
            |> Result.bind (fun (converter, arguments) ->
                placeholder custom inner.At (trim name) converter arguments)
        | _ -> inner |> expected "<name> or <converter:name>"

    let private bounds =
        dict [
            "min", [ "min" ]
            "max", [ "max" ]
            "range", [ "min"; "max" ]
            "minlength", [ "minlength" ]
            "maxlength", [ "maxlength" ]
        ]

    /// ASP.NET writes bounds as constraints of their own; here they are arguments of the converter.
    let private asArguments
        (constraintName: string, arguments: RouteArgument list)
        : RouteArgument list option =
        let named keys =
            List.map2
                (fun key (argument: RouteArgument) -> {
                    argument with
                        RouteArgument.Key = key
                })
                keys
                arguments

        match constraintName, bounds.TryGetValue constraintName with
        | "length", _ when arguments.Length = 2 -> Some(named [ "minlength"; "maxlength" ])
        | "length", _ when arguments.Length = 1 -> Some(named [ "length" ])
        | _, (true, keys) when keys.Length = arguments.Length -> Some(named keys)
        | _ -> None

    let private signed: RouteArgument = { Key = "signed"; Value = "True" }

    /// Numbers may have a sign in ASP.NET's notation.
    let private withSign (converter: string) (arguments: RouteArgument list) =
        match converter with
        | "int"
        | "long"
        | "float"
        | "double" -> signed :: arguments
        | _ -> arguments

    let private constrained
        custom
        (inner: RulePart)
        (name: RulePart)
        constraints
        : Result<Placeholder, RulePart> =
        match constraints |> List.partition (asArguments >> Option.isSome) with
        | _, _ :: _ :: _ ->
            inner
            |> expected "one converter, and otherwise min, max, range, length, minlength or maxlength,"
        | limits, converters ->
            let converter, own =
                converters |> List.tryHead |> Option.defaultValue ("string", [])
            // In ASP.NET both accept a number without a point.
            let converter = if converter = "float" then "double" else converter

            placeholder
                custom
                inner.At
                name
                converter
                (withSign converter own @ List.collect (asArguments >> Option.get) limits)

    /// What stands between `{` and `}`: the name comes first, then constraints.
    let private brace custom (inner: RulePart) : Result<Placeholder, RulePart> =
        match splitAt ':' inner with
        | name :: _ when name.Text.EndsWith '?' || name.Text.Contains '=' || inner.Text.EndsWith '?' ->
            inner
            |> expected "no optional or default value (write a second, shorter rule with Defaults)"
        | [ name ] when name.Text.StartsWith '*' ->
            let name = {
                name with
                    Text = name.Text.TrimStart '*'
            }

            placeholder custom inner.At name "path" []
        | name :: constraints ->
            constraints
            |> List.map call
            |> all
            |> Result.bind (constrained custom inner (trim name))
        | [] -> inner |> expected "a name"

    let private spans (value: SegmentValue) =
        value.Placeholder.Converter.SpansSegments

    /// What a placeholder would need after the segments before it, the last of which comes first; none when it has room.
    let private conflict (current: Segment) (before: Segment list) (next: Placeholder) : string option =
        let others = List.collect _.Values (current :: before)
        let isPath = next.Converter.SpansSegments

        match List.tryLast current.Values with
        | Some { Behind = "" } -> Some "some text between two placeholders"
        | Some _
        | None when others |> List.exists (fun other -> other.Placeholder.Name = next.Name) ->
            Some("another name than '" + next.Name + "', which is taken,")
        | Some _
        | None when isPath && List.exists spans others -> Some "no second placeholder that takes slashes"
        | Some _ when isPath || List.exists spans current.Values ->
            Some "a slash between a placeholder that takes slashes and another"
        | Some _
        | None -> None

    /// The placeholder whose bracket opens here, and where it ends.
    let private bracket custom (text: string) (at: int) : Result<Placeholder * int, RulePart> =
        let isAngle = text[at] = '<'
        let rest = text.Substring(at + 1)
        let here = { Text = rest; At = at }

        match indexesOf (if isAngle then '>' else '}') rest with
        | _ when text[at] = '?' -> here |> expected "no query"
        | _ when text[at] = '>' || text[at] = '}' -> here |> expected "an opening bracket before it"
        | _ when text.Contains(if isAngle then '{' else '<') ->
            here |> expected "one notation, <…> or {…}, in all its placeholders"
        | [] ->
            let closing = if isAngle then ">" else "}"

            { here with At = text.Length }
            |> expected ("a closing '" + closing + "', outside of parentheses and quotes,")
        | finish :: _ ->
            (if isAngle then angle else brace) custom {
                Text = rest.Substring(0, finish)
                At = at + 1
            }
            |> Result.map (fun found -> found, at + finish + 2)

    /// A segment with text, which has no slash, at its end.
    let private withText (text: string) (segment: Segment) : Segment =
        match List.rev segment.Values with
        | [] -> {
            segment with
                Start = segment.Start + text
          }
        | last :: before -> {
            segment with
                Values =
                    List.rev (
                        {
                            last with
                                Behind = last.Behind + text
                        }
                        :: before
                    )
          }

    let private empty = { Start = ""; Values = [] }

    /// The segments of a text, the last first; those before it have been read.
    let rec private segments
        custom
        (text: string)
        (at: int)
        (current: Segment)
        (before: Segment list)
        : Result<Segment list, RulePart> =
        let next = text.IndexOfAny([| '<'; '>'; '{'; '}'; '?'; '/' |], at)

        if next < 0 then
            Ok(withText (text.Substring at) current :: before)
        elif next > at then
            segments custom text next (withText (text.Substring(at, next - at)) current) before
        elif text[at] = '/' then
            segments custom text (at + 1) empty (current :: before)
        else
            bracket custom text at
            |> Result.bind (fun (found, rest) ->
                match conflict current before found with
                | Some wanted -> { Text = ""; At = at } |> expected wanted
                | None ->
                    let value = { Placeholder = found; Behind = "" }

                    let current = {
                        current with
                            Values = current.Values @ [ value ]
                    }

                    segments custom text rest current before)

    let private failure (text: string) (wrong: RulePart) : RouteSyntaxError = {
        Rule = text
        Position = wrong.At
        Expected = wrong.Text
    }

    let private read custom (text: string) : Result<Segment list, RulePart> =
        if PercentEncoding.isEncodable text then
            segments custom text 0 empty [] |> Result.map List.rev
        else
            { Text = text; At = 0 } |> expected "text without NUL and half surrogate pairs"

    /// No converters but those that every rule can use.
    let private noConverters: IReadOnlyDictionary<string, RouteConverter> =
        Dictionary<string, RouteConverter>()

    let parseWith
        (converters: IReadOnlyDictionary<string, RouteConverter>)
        (text: string)
        : Result<RoutePattern, RouteSyntaxError> =
        let parsed =
            if text.StartsWith '/' then
                read converters text
                |> Result.map (fun found -> RoutePattern(text, List.tail found))
            else
                { Text = text; At = 0 } |> expected "a slash"

        Result.mapError (failure text) parsed

    let parse (text: string) : Result<RoutePattern, RouteSyntaxError> = parseWith noConverters text

    let parseHost
        (converters: IReadOnlyDictionary<string, RouteConverter>)
        (text: string)
        : Result<RoutePattern, RouteSyntaxError> =
        let toPattern found =
            match RoutePattern(text, found) with
            | _ when List.length found > 1 -> { Text = text; At = text.IndexOf '/' } |> expected "no slash"
            | pattern when List.exists spans (List.collect _.Values pattern.Segments) ->
                { Text = text; At = 0 } |> expected "no placeholder that takes slashes"
            | pattern -> Ok pattern

        read converters text |> Result.bind toPattern |> Result.mapError (failure text)

type RoutePattern with

    [<CompiledName("Parse")>]
    static member parse(text: string) : Result<RoutePattern, RouteSyntaxError> =
        ArgumentNullException.ThrowIfNull(text, nameof text)
        RouteParsing.parse text

    static member TryParse
        (
            text: string,
            [<Out; NotNullWhen(true)>] pattern: byref<RoutePattern | null>,
            [<Out>] error: byref<RouteSyntaxError>
        ) : bool =
        Result.tryGet (RoutePattern.parse text) &pattern &error

    static member TryParseWith
        (
            converters: IReadOnlyDictionary<string, RouteConverter>,
            text: string,
            [<Out; NotNullWhen(true)>] pattern: byref<RoutePattern | null>,
            [<Out>] error: byref<RouteSyntaxError>
        ) : bool =
        Result.tryGet (RoutePattern.parseWith converters text) &pattern &error

    static member TryParseHost
        (
            converters: IReadOnlyDictionary<string, RouteConverter>,
            text: string,
            [<Out; NotNullWhen(true)>] pattern: byref<RoutePattern | null>,
            [<Out>] error: byref<RouteSyntaxError>
        ) : bool =
        Result.tryGet (RoutePattern.parseHost converters text) &pattern &error

    [<CompiledName("ParseWith")>]
    static member parseWith
        (converters: IReadOnlyDictionary<string, RouteConverter>)
        (text: string)
        : Result<RoutePattern, RouteSyntaxError> =
        ArgumentNullException.ThrowIfNull(converters, nameof converters)
        ArgumentNullException.ThrowIfNull(text, nameof text)
        RouteParsing.parseWith converters text

    [<CompiledName("ParseHost")>]
    static member parseHost
        (converters: IReadOnlyDictionary<string, RouteConverter>)
        (text: string)
        : Result<RoutePattern, RouteSyntaxError> =
        ArgumentNullException.ThrowIfNull(converters, nameof converters)
        ArgumentNullException.ThrowIfNull(text, nameof text)
        RouteParsing.parseHost converters text
