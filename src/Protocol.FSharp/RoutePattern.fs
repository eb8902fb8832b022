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
            Error {
                name with
                    Text = "a name of letters, digits and underscores"
            }
        else
            match RouteConverters.create custom converter arguments with
            | Error expected ->
                Error {
                    At = at
                    Text = $"{expected} for '{converter}'"
                }
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
        | _ ->
            Error {
                inner with
                    Text = "<name> or <converter:name>"
            }

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
            Error {
                inner with
                    Text = "one converter, and otherwise min, max, range, length, minlength or maxlength,"
            }
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
            Error {
                inner with
                    Text = "no optional or default value (write a second, shorter rule with Defaults)"
            }
        | [ name ] when name.Text.StartsWith '*' ->
            placeholder
                custom
                inner.At
                {
                    name with
                        Text = name.Text.TrimStart '*'
                }
                "path"
                []
        | name :: constraints ->
            constraints
            |> List.map call
            |> all
            |> Result.bind (constrained custom inner (trim name))
        | [] -> Error { inner with Text = "a name" }

    /// What the new placeholder may not be beside: none where the pieces before it leave it room.
    let private conflict (before: Piece list) (next: Placeholder) : string option =
        let isValue accept piece =
            match piece with
            | Piece.Value placeholder -> accept placeholder
            | Piece.Text _ -> false

        let isInSegment piece =
            match piece with
            | Piece.Text text -> not (text.Contains '/')
            | Piece.Value _ -> true

        let spans placeholder = placeholder.Converter.SpansSegments

        let beside =
            before
            |> List.takeWhile isInSegment
            |> List.exists (isValue (fun other -> spans next || spans other))

        match before with
        | Piece.Value _ :: _ -> Some "some text between two placeholders"
        | _ when List.exists (isValue (fun other -> other.Name = next.Name)) before ->
            Some $"another name than '{next.Name}', which is taken,"
        | _ when spans next && List.exists (isValue spans) before ->
            Some "no second placeholder that takes slashes"
        | _ when beside -> Some "a slash between a placeholder that takes slashes and another"
        | _ -> None

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
        | next when text[next] = '?' -> Error { At = next; Text = "no query" }
        | next ->
            let isAngle = text[next] = '<'

            let rest = {
                Text = text.Substring(next + 1)
                At = next + 1
            }

            match indexesOf (if isAngle then '>' else '}') rest.Text with
            | _ when text[next] = '>' || text[next] = '}' ->
                Error {
                    At = next
                    Text = "an opening bracket before it"
                }
            | _ when isAngle && text.Contains '{' || not isAngle && text.Contains '<' ->
                Error {
                    At = next
                    Text = "one notation, <…> or {…}, in all its placeholders"
                }
            | [] ->
                Error {
                    At = text.Length
                    Text =
                        if isAngle then
                            "a closing '>', outside of parentheses and quotes,"
                        else
                            "a closing '}', outside of parentheses and quotes,"
                }
            | finish :: _ ->
                (if isAngle then angle else brace) custom {
                    rest with
                        Text = rest.Text.Substring(0, finish)
                }
                |> Result.bind (fun found ->
                    match conflict before found with
                    | Some expected -> Error { At = next; Text = expected }
                    | None -> pieces custom text (next + 1 + finish + 1) (Piece.Value found :: before))

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

    let private read custom (text: string) : Result<Segment list, RouteSyntaxError> =
        match pieces custom text 0 [] with
        | Ok found -> Ok(segments (List.rev found))
        | Error wrong ->
            Error {
                Rule = text
                Position = wrong.At
                Expected = wrong.Text
            }

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
        if text.StartsWith '/' then
            read converters text
            |> Result.map (fun found -> RoutePattern(text, List.tail found))
        else
            Error {
                Rule = text
                Position = 0
                Expected = "a slash"
            }

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
        match read converters text with
        | Ok [ segment ] ->
            let pattern = RoutePattern(text, [ segment ])

            if List.exists (fun placeholder -> placeholder.Converter.SpansSegments) pattern.Placeholders then
                Error {
                    Rule = text
                    Position = 0
                    Expected = "no placeholder that takes slashes"
                }
            else
                Ok pattern
        | Ok _ ->
            Error {
                Rule = text
                Position = text.IndexOf '/'
                Expected = "no slash"
            }
        | Error error -> Error error
