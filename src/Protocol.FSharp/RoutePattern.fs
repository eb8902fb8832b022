// The rule language: `/channel/<uuid:channel_id>` and `/channel/{channelId:guid}` to one immutable pattern. What a rule
// leads to is not here.
namespace FunctionalWs.Protocol

open System
open System.Collections.Generic

/// A named part of a path. Two with the same `Type` take the same texts.
[<NoComparison; ReferenceEquality>]
type internal Placeholder = {
    Name: string
    Type: string
    Converter: RouteConverter
}

[<NoComparison; RequireQualifiedAccess>]
type internal Piece =
    | Text of string
    | Value of Placeholder

/// What lies between two slashes; `Pattern` has at least one value.
[<NoComparison; RequireQualifiedAccess>]
type internal Segment =
    | Literal of string
    | Pattern of Piece list

/// <summary>The parsed text of a rule. Immutable.</summary>
[<Sealed; AllowNullLiteral(false)>]
type RoutePattern internal (text: string, segments: Segment list) =

    let placeholders =
        segments
        |> List.collect (function
            | Segment.Literal _ -> []
            | Segment.Pattern pieces -> pieces)
        |> List.choose (function
            | Piece.Text _ -> None
            | Piece.Value placeholder -> Some placeholder)

    /// The parts between slashes, without the one before the first slash.
    member internal _.Segments = segments
    member internal _.Placeholders = placeholders

    /// <summary>The names of the values, in their order.</summary>
    member _.Names: IReadOnlyList<string> =
        placeholders |> List.map _.Name |> List.toArray :> _

    /// <summary>The types of the values, in their order.</summary>
    member _.ValueTypes: IReadOnlyList<Type> =
        placeholders |> List.map _.Converter.ValueType |> List.toArray :> _

    /// <summary>The text as it was written.</summary>
    override _.ToString() = text

/// <summary>Parses the text of rules.</summary>
module RoutePattern =

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
            | Error wanted -> { Text = ""; At = at } |> expected $"{wanted} for '{converter}'"
            | Ok found ->
                let text =
                    arguments |> List.map (fun argument -> $"{argument.Key}={argument.Value}")

                Ok {
                    Name = name.Text
                    Type = $"""{converter}({String.Join(',', text)})"""
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

    let private spans (placeholder: Placeholder) = placeholder.Converter.SpansSegments

    let private hasValue (accept: Placeholder -> bool) (pieces: Piece list) : bool =
        pieces
        |> List.exists (fun piece ->
            match piece with
            | Piece.Value placeholder -> accept placeholder
            | Piece.Text _ -> false)

    /// What a placeholder would need after the pieces before it, the last of which comes first; none when it has room.
    let private conflict (before: Piece list) (next: Placeholder) : string option =
        let isInSegment piece =
            match piece with
            | Piece.Text text -> not (text.Contains '/')
            | Piece.Value _ -> true

        let beside = List.takeWhile isInSegment before

        match before with
        | Piece.Value _ :: _ -> Some "some text between two placeholders"
        | _ when hasValue (fun other -> other.Name = next.Name) before ->
            Some $"another name than '{next.Name}', which is taken,"
        | _ when spans next && hasValue spans before -> Some "no second placeholder that takes slashes"
        | _ when hasValue (fun other -> spans next || spans other) beside ->
            Some "a slash between a placeholder that takes slashes and another"
        | _ -> None

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
            let closing = if isAngle then '>' else '}'

            { here with At = text.Length }
            |> expected $"a closing '{closing}', outside of parentheses and quotes,"
        | finish :: _ ->
            (if isAngle then angle else brace) custom {
                Text = rest.Substring(0, finish)
                At = at + 1
            }
            |> Result.map (fun found -> found, at + finish + 2)

    /// The pieces of a text, the last first.
    let rec private pieces
        custom
        (text: string)
        (at: int)
        (before: Piece list)
        : Result<Piece list, RulePart> =
        match text.IndexOfAny([| '<'; '>'; '{'; '}'; '?' |], at) with
        | _ when at = text.Length -> Ok before
        | -1 -> Ok(Piece.Text(text.Substring at) :: before)
        | next when next > at -> pieces custom text next (Piece.Text(text.Substring(at, next - at)) :: before)
        | next ->
            bracket custom text next
            |> Result.bind (fun (found, rest) ->
                match conflict before found with
                | Some wanted -> { Text = ""; At = next } |> expected wanted
                | None -> pieces custom text rest (Piece.Value found :: before))

    let private toSegment (pieces: Piece list) : Segment =
        match pieces with
        | [] -> Segment.Literal ""
        | [ Piece.Text text ] -> Segment.Literal text
        | pieces -> Segment.Pattern pieces

    /// Parts pieces at their slashes.
    let private segments (pieces: Piece list) : Segment list =
        let add piece (current: Piece list, rest: Piece list list) =
            match piece with
            | Piece.Value _ -> piece :: current, rest
            | Piece.Text text ->
                let parts =
                    text.Split '/'
                    |> Array.map (fun part -> if part = "" then [] else [ Piece.Text part ])

                let last = parts[parts.Length - 1] @ current

                if parts.Length = 1 then
                    last, rest
                else
                    parts[0], List.ofArray parts[1 .. parts.Length - 2] @ last :: rest

        let first, rest = List.foldBack add pieces ([], [])
        List.map toSegment (first :: rest)

    let private failure (text: string) (wrong: RulePart) : RouteSyntaxError = {
        Rule = text
        Position = wrong.At
        Expected = wrong.Text
    }

    let private read custom (text: string) : Result<Segment list, RulePart> =
        pieces custom text 0 [] |> Result.map (List.rev >> segments)

    /// No converters but those that every rule can use.
    let private noConverters: IReadOnlyDictionary<string, RouteConverter> =
        Dictionary<string, RouteConverter>()

    /// <summary>Parses a rule that may use converters of the caller's.</summary>
    /// <param name="converters">Further converters by their names; they take no arguments.</param>
    /// <param name="text">A rule in either notation; it begins with a slash.</param>
    [<CompiledName("ParseWith")>]
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

    /// <summary>Parses a rule.</summary>
    /// <param name="text">A rule in either notation; it begins with a slash.</param>
    [<CompiledName("Parse")>]
    let parse (text: string) : Result<RoutePattern, RouteSyntaxError> = parseWith noConverters text

    /// <summary>Parses the host of a rule, such as <c>&lt;name&gt;.example.com</c> or <c>example.com:8080</c>.</summary>
    /// <param name="converters">Further converters by their names; they take no arguments.</param>
    /// <param name="text">A host in either notation.</param>
    [<CompiledName("ParseHost")>]
    let parseHost
        (converters: IReadOnlyDictionary<string, RouteConverter>)
        (text: string)
        : Result<RoutePattern, RouteSyntaxError> =
        let toPattern found =
            match RoutePattern(text, found) with
            | _ when List.length found > 1 -> { Text = text; At = text.IndexOf '/' } |> expected "no slash"
            | pattern when List.exists spans pattern.Placeholders ->
                { Text = text; At = 0 } |> expected "no placeholder that takes slashes"
            | pattern -> Ok pattern

        read converters text |> Result.bind toPattern |> Result.mapError (failure text)
