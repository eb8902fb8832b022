// From an endpoint and values back to a URL.
namespace FunctionalWs.Protocol

open System

/// <summary>Where absolute URLs begin. Immutable.</summary>
type RouteBase = {
    /// <summary>The host that clients use, with its port if it isn't the scheme's; none for that of the request.</summary>
    ServerName: string voption
    /// <summary>True for <c>wss</c>, false for <c>ws</c>.</summary>
    IsSecure: bool
}

/// <summary>Why no URL could be built.</summary>
[<RequireQualifiedAccess; NoComparison>]
type RouteBuildError =
    /// <summary>No rule leads to the endpoint; the closest name is one that exists, or null.</summary>
    | UnknownEndpoint of Endpoint: string * Closest: (string | null)
    /// <summary>The rule that fits best needs further values.</summary>
    | MissingValues of Rule: string * Names: string list
    /// <summary>The rule has a fixed value of this name, which is another.</summary>
    | OtherDefault of Rule: string * Name: string * Default: obj
    /// <summary>The value is none of the placeholder's, or couldn't be told from the text around it.</summary>
    | UnsuitableValue of Rule: string * Name: string * Value: obj
    /// <summary>The rule belongs to a subdomain, and the server's name isn't known.</summary>
    | ServerNameMissing of Rule: string

    /// <summary>A sentence for people.</summary>
    override error.ToString() =
        match error with
        | UnknownEndpoint(endpoint, Null) -> $"No rule leads to '{endpoint}'."
        | UnknownEndpoint(endpoint, NonNull closest) ->
            $"No rule leads to '{endpoint}'. Did you mean '{closest}'?"
        | MissingValues(rule, names) ->
            let names = String.Join(", ", names)
            $"The rule '{rule}' needs further values: {names}."
        | OtherDefault(rule, name, value) ->
            $"The rule '{rule}' is for the value '{value}' of '{name}' alone."
        | UnsuitableValue(rule, name, value) ->
            $"The rule '{rule}' can't have the value '{value}' for '{name}'."
        | ServerNameMissing rule ->
            $"The rule '{rule}' needs the server's name, to which its subdomain belongs."

module internal RouteBuild =

    let plainText (value: obj) : string =
        match value with
        | :? string as text -> text
        | :? bool as flag -> if flag then "true" else "false"
        | :? IFormattable as value -> value.ToString(null, Globalization.CultureInfo.InvariantCulture)
        | other -> string other

    /// The text of a placeholder's value in a path: a value that spans segments keeps its slashes.
    let encodeValue (placeholder: Placeholder) (text: string) : string voption =
        if placeholder.Converter.SpansSegments then
            let parts =
                text.Split '/'
                |> Array.map (PercentEncoding.tryEncode PercentEncoding.inSegment)

            if Array.forall ValueOption.isSome parts then
                ValueSome(String.Join('/', Array.map ValueOption.get parts))
            else
                ValueNone
        else
            PercentEncoding.tryEncode PercentEncoding.inSegment text

    let private unsuitable (rule: RouteRule) (placeholder: Placeholder) (value: obj) =
        RouteBuildError.UnsuitableValue(rule.Pattern.ToString(), placeholder.Name, value)

    /// What a piece says, decoded and encoded.
    let private formatPiece (rule: RouteRule) (values: RouteValues) (piece: Piece) =
        match piece with
        | Piece.Text text -> Ok(text, PercentEncoding.encodeSegment text)
        | Piece.Value placeholder ->
            let value = values[placeholder.Name]

            match RouteConverters.tryFormat placeholder.Converter value with
            | ValueNone -> Error(unsuitable rule placeholder value)
            | ValueSome text ->
                match encodeValue placeholder text with
                | ValueSome encoded -> Ok(text, encoded)
                | ValueNone -> Error(unsuitable rule placeholder value)

    /// Whether the whole is read as the very parts it was made of: `<a>.<b>` can't say "x" and "y.z".
    let private isReadBack (pieces: Piece list) (texts: string list) : bool =
        let written =
            List.zip pieces texts
            |> List.choose (fun (piece, text) ->
                match piece with
                | Piece.Value placeholder -> Some(placeholder, text)
                | Piece.Text _ -> None)

        let isSame (placeholder: Placeholder, text) value =
            RouteConverters.tryFormat placeholder.Converter value = ValueSome text

        match RouteSegment.tryMatch pieces (String.Concat texts) [] with
        | ValueSome found -> List.forall2 isSame written (List.rev found)
        | ValueNone -> false

    let private firstPlaceholder (pieces: Piece list) =
        pieces
        |> List.pick (fun piece ->
            match piece with
            | Piece.Value placeholder -> Some placeholder
            | Piece.Text _ -> None)

    /// A segment, decoded and encoded.
    let private formatSegment (rule: RouteRule) (values: RouteValues) (segment: Segment) =
        match segment with
        | Segment.Literal text -> Ok(text, PercentEncoding.encodeSegment text)
        | Segment.Pattern pieces ->
            match pieces |> List.map (formatPiece rule values) |> RouteSyntax.all with
            | Ok parts when isReadBack pieces (List.map fst parts) ->
                let texts, encoded = List.unzip parts
                Ok(String.concat "" texts, String.concat "" encoded)
            | Ok _ ->
                let first = firstPlaceholder pieces
                Error(unsuitable rule first values[first.Name])
            | Error error -> Error error

    /// Whether a rule has room for the values: all it needs are there, and those that it fixes are the same.
    let private check (rule: RouteRule) (values: RouteValues) : Result<unit, RouteBuildError> =
        let isMissing (placeholder: Placeholder) =
            (values.TryFind placeholder.Name).IsNone

        let missing =
            RouteRule.placeholders rule |> List.filter isMissing |> List.map _.Name

        let isOther name =
            match values.TryFind name with
            | ValueSome value -> value <> rule.Defaults[name]
            | ValueNone -> false

        match missing, Seq.tryFind isOther rule.Defaults.Keys with
        | _ :: _, _ -> Error(RouteBuildError.MissingValues(rule.Pattern.ToString(), missing))
        | [], Some name ->
            Error(RouteBuildError.OtherDefault(rule.Pattern.ToString(), name, rule.Defaults[name]))
        | [], None -> Ok()

    /// Values that the rule has no place for.
    let private query (rule: RouteRule) (values: RouteValues) : string =
        let known = RouteRule.names rule

        let encode text =
            PercentEncoding.tryEncode PercentEncoding.inQuery text
            |> ValueOption.defaultValue ""

        let pairs =
            values.Keys
            |> Seq.except known
            |> Seq.map (fun name -> $"{encode name}={encode (plainText values[name])}")

        if Seq.isEmpty pairs then
            ""
        else
            "?" + String.concat "&" pairs

    /// The path of a rule with its query.
    let path (rule: RouteRule) (values: RouteValues) : Result<string, RouteBuildError> =
        check rule values
        |> Result.bind (fun () ->
            RouteRule.segments rule
            |> List.map (formatSegment rule values)
            |> RouteSyntax.all)
        |> Result.map (fun segments -> "/" + String.concat "/" (List.map snd segments) + query rule values)

    /// The text of a host's pattern. What a client wrote in a path may end up here: it must be a host.
    let private hostText (rule: RouteRule) (pattern: RoutePattern) (values: RouteValues) =
        formatSegment rule values pattern.Segments.Head
        |> Result.bind (fun (text, _) ->
            let host = RouteHost.normalize text

            if host = "" || RouteHost.isName host then
                Ok host
            else
                let first = pattern.Placeholders.Head
                Error(unsuitable rule first values[first.Name]))

    /// Host and port of a rule's URLs, where all hosts would do the given one.
    let authority
        (given: string)
        (serverName: string voption)
        (rule: RouteRule)
        values
        : Result<string, RouteBuildError> =
        let usual = ValueOption.defaultValue given serverName

        match rule.Scope, serverName with
        | RouteScope.AnyHost, _ -> Ok usual
        | RouteScope.Host pattern, _ ->
            hostText rule pattern values
            |> Result.map (fun host ->
                if RouteHost.port host = "" then
                    host + RouteHost.port usual
                else
                    host)
        | RouteScope.Subdomain _, ValueNone ->
            Error(RouteBuildError.ServerNameMissing(rule.Pattern.ToString()))
        | RouteScope.Subdomain pattern, ValueSome server ->
            hostText rule pattern values
            |> Result.map (fun host -> if host = "" then server else $"{host}.{server}")

    let origin (isSecure: bool) (authority: string) : string =
        (if isSecure then "wss://" else "ws://") + authority

    /// An absolute URL.
    let url
        (given: string)
        (at: RouteBase)
        (rule: RouteRule)
        (values: RouteValues)
        : Result<string, RouteBuildError> =
        path rule values
        |> Result.bind (fun path ->
            authority given at.ServerName rule values
            |> Result.map (fun authority -> origin at.IsSecure authority + path))

    /// Canonical rules first: no aliases, then more values, then more of them fixed.
    let inOrder (rules: RouteRule list) : RouteRule list =
        rules
        |> List.sortBy (fun rule -> rule.IsAlias, -(RouteRule.names rule).Length, -rule.Defaults.Count)

    /// What the first rule builds that can; what is wrong with the first when none can.
    let first
        (build: RouteRule -> Result<string, RouteBuildError>)
        (rules: RouteRule list)
        : Result<string, RouteBuildError> =
        rules
        |> List.map build
        |> List.tryFind Result.isOk
        |> Option.defaultWith (fun () -> build rules.Head)

    /// How many letters are to be changed, added or taken out (Levenshtein).
    let private distance (a: string) (b: string) : int =
        let next (row: int[]) (letter: char) =
            let folder (above: int, left: int) j =
                let cost = if b[j] = letter then 0 else 1
                row[j + 1], Math.Min(Math.Min(row[j + 1], left) + 1, above + cost)

            Array.scan folder (row[0], row[0] + 1) [| 0 .. b.Length - 1 |] |> Array.map snd

        Seq.fold next [| 0 .. b.Length |] a |> Array.last

    /// The name that is nearest to another; null when there is none.
    let closest (name: string) (known: string seq) : string | null =
        if Seq.isEmpty known then
            null
        else
            Seq.minBy (distance name) known
