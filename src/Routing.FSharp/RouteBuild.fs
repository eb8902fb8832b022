// From an endpoint and values back to a URL, and where redirects lead.
namespace FunctionalWs.Routing

open System
open FunctionalWs.Protocol

type RouteBase = {
    ServerName: string | null
    IsSecure: bool
}

[<RequireQualifiedAccess; NoComparison>]
type RouteBuildError =
    | UnknownEndpoint of Endpoint: string * Closest: (string | null)
    | MissingValues of Rule: string * Names: EquatableList<string>
    | OtherDefault of Rule: string * Name: string * Default: obj
    | UnsuitableValue of Rule: string * Name: string * Value: obj
    | ServerNameMissing of Rule: string

    override error.ToString() =
        match error with
        | UnknownEndpoint(endpoint, Null) -> "No rule leads to '" + endpoint + "'."
        | UnknownEndpoint(endpoint, NonNull closest) ->
            "No rule leads to '" + endpoint + "'. Did you mean '" + closest + "'?"
        | MissingValues(rule, names) ->
            let names = String.Join(", ", names)
            "The rule '" + rule + "' needs further values: " + names + "."
        | OtherDefault(rule, name, value) ->
            "The rule '"
            + rule
            + "' is for the value '"
            + RouteConverters.plainText value
            + "' of '"
            + name
            + "' alone."
        | UnsuitableValue(rule, name, value) ->
            "The rule '"
            + rule
            + "' can't have the value '"
            + RouteConverters.plainText value
            + "' for '"
            + name
            + "'."
        | ServerNameMissing rule ->
            "The rule '"
            + rule
            + "' needs the server's name, to which its subdomain belongs."

module internal RouteBuild =

    let private unsuitable (rule: RouteRule) (name: string) (values: RouteValues) =
        Error(RouteBuildError.UnsuitableValue(rule.Pattern.ToString(), name, values[name]))

    let private encodeText = PercentEncoding.encode PercentEncoding.inSegment

    /// The text of a value, plain and encoded; a value that spans segments keeps its slashes.
    let formatValue (rule: RouteRule) (values: RouteValues) (placeholder: Placeholder) =
        match RouteConverters.tryFormat placeholder.Converter values[placeholder.Name] with
        | ValueSome text when not (PercentEncoding.isEncodable text) ->
            unsuitable rule placeholder.Name values
        | ValueSome text when placeholder.Converter.SpansSegments ->
            Ok(text, text.Split '/' |> Array.map encodeText |> String.concat "/")
        | ValueSome text -> Ok(text, encodeText text)
        | ValueNone -> unsuitable rule placeholder.Name values

    /// Whether a segment's text is read as the very values it was made of: `<a>.<b>` can't say "x" and "y.z".
    let private isReadBack (segment: Segment) (values: RouteValues) (text: string) : bool =
        let isSame (value: SegmentValue) found =
            let converter = value.Placeholder.Converter

            RouteConverters.tryFormat converter found =
                RouteConverters.tryFormat converter values[value.Placeholder.Name]

        match RouteSegment.tryMatch segment text [] with
        | ValueSome found -> List.forall2 isSame segment.Values (List.rev found)
        | ValueNone -> false

    /// A segment, plain and encoded.
    let private formatSegment (rule: RouteRule) (values: RouteValues) (segment: Segment) =
        segment.Values
        |> List.map (fun value ->
            formatValue rule values value.Placeholder
            |> Result.map (fun (text, encoded) -> text + value.Behind, encoded + encodeText value.Behind))
        |> RouteSyntax.all
        |> Result.bind (fun parts ->
            let texts, encoded = List.unzip parts
            let text = segment.Start + String.concat "" texts

            if isReadBack segment values text then
                Ok(text, encodeText segment.Start + String.concat "" encoded)
            else
                unsuitable rule segment.Values.Head.Placeholder.Name values)

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
        | _ :: _, _ ->
            Error(RouteBuildError.MissingValues(rule.Pattern.ToString(), EquatableList.Create missing))
        | [], Some name ->
            Error(RouteBuildError.OtherDefault(rule.Pattern.ToString(), name, rule.Defaults[name]))
        | [], None -> Ok()

    /// Values that the rule has no place for.
    let private query (rule: RouteRule) (values: RouteValues) : Result<string, RouteBuildError> =
        let encode = PercentEncoding.tryEncode PercentEncoding.inQuery

        values.Keys
        |> Seq.except (RouteRule.names rule)
        |> Seq.map (fun name ->
            match encode name, encode (RouteConverters.plainText values[name]) with
            | ValueSome name, ValueSome text -> Ok(name + "=" + text)
            | ValueSome _, ValueNone
            | ValueNone, _ -> unsuitable rule name values)
        |> List.ofSeq
        |> RouteSyntax.all
        |> Result.map (fun pairs -> if pairs.IsEmpty then "" else "?" + String.concat "&" pairs)

    let path (rule: RouteRule) (values: RouteValues) : Result<string, RouteBuildError> =
        check rule values
        |> Result.bind (fun () ->
            RouteRule.segments rule
            |> List.map (formatSegment rule values)
            |> RouteSyntax.all)
        |> Result.bind (fun segments ->
            query rule values
            |> Result.map (fun query -> "/" + String.concat "/" (List.map snd segments) + query))

    /// The text of a host's pattern. What a client wrote in a path may end up here: it must be a host.
    let private hostText (rule: RouteRule) (pattern: RoutePattern) (values: RouteValues) =
        formatSegment rule values pattern.Segments.Head
        |> Result.bind (fun (text, _) ->
            match RouteHost.normalize text with
            | host when host = "" || RouteHost.isName host -> Ok host
            | _ -> unsuitable rule pattern.Placeholders.Head.Name values)

    /// The host that a rule has for itself; none where all hosts do.
    let private ownHost (at: RouteBase) (rule: RouteRule) values : Result<string voption, RouteBuildError> =
        match rule.Scope, at.ServerName with
        | RouteScope.AnyHost, _ -> Ok ValueNone
        | RouteScope.Host pattern, _ -> hostText rule pattern values |> Result.map ValueSome
        | RouteScope.Subdomain _, Null -> Error(RouteBuildError.ServerNameMissing(rule.Pattern.ToString()))
        | RouteScope.Subdomain pattern, NonNull server ->
            hostText rule pattern values
            |> Result.map (fun host -> ValueSome(if host = "" then server else host + "." + server))

    let private pathAndHost at rule values =
        path rule values
        |> Result.bind (fun path -> ownHost at rule values |> Result.map (fun own -> path, own))

    let scheme (at: RouteBase) : string = if at.IsSecure then "wss:" else "ws:"

    let private absolute (at: RouteBase) (usual: string) (own: string voption) (path: string) : string =
        let host =
            match own with
            | ValueNone -> usual
            | ValueSome host when RouteHost.port host = "" -> host + RouteHost.port usual
            | ValueSome host -> host

        scheme at + "//" + host + path

    /// The host that clients use.
    let private serverName (usual: string) (at: RouteBase) : string =
        at.ServerName |> ValueOption.ofObj |> ValueOption.defaultValue usual

    let url (at: RouteBase) (rule: RouteRule) (values: RouteValues) : Result<string, RouteBuildError> =
        pathAndHost at rule values
        |> Result.map (fun (path, own) -> absolute at (serverName "localhost" at) own path)

    let onHost (at: RouteBase) (host: string) (path: string) : string =
        if path.StartsWith("//", StringComparison.Ordinal) then
            absolute at host ValueNone path // alone it would be another host
        else
            path

    let urlFrom at (host: string) (rule: RouteRule) values : Result<string, RouteBuildError> =
        let isHere (own: string) =
            own = host
            || RouteHost.withoutPort own = RouteHost.withoutPort host
               && (rule.Scope.IsSubdomain || RouteHost.port own = "")

        pathAndHost at rule values
        |> Result.map (fun (path, own) ->
            match own with
            | ValueSome other when not (isHere other) -> absolute at (serverName host at) own path
            | ValueSome _
            | ValueNone -> onHost at host path)

    let inOrder (rules: RouteRule list) : RouteRule list =
        rules
        |> List.sortBy (fun rule -> rule.IsAlias, -(RouteRule.names rule).Length, -rule.Defaults.Count)

    /// How many letters are to be changed, added or taken out (Levenshtein).
    let private distance (a: string) (b: string) : int =
        let next (above: int[]) (letter: char) =
            let row = Array.create above.Length (above[0] + 1)

            for j in 1 .. b.Length do
                let cost = if b[j - 1] = letter then 0 else 1
                row[j] <- Math.Min(Math.Min(above[j], row[j - 1]) + 1, above[j - 1] + cost)

            row

        Seq.fold next (Array.init (b.Length + 1) id) a |> Array.last

    let closest (name: string) (known: string seq) : string | null =
        if Seq.isEmpty known then
            null
        else
            Seq.minBy (distance name) known

module internal RouteRedirection =

    /// Text, or the name of a value.
    type private TemplatePart =
        | Written of string
        | Named of string

    let rec private parts (text: string) (at: int) (found: TemplatePart list) : TemplatePart list =
        match text.IndexOfAny([| '<'; '{' |], at) with
        | -1 -> List.rev (Written(text.Substring at) :: found)
        | opening ->
            match text.IndexOf((if text[opening] = '<' then '>' else '}'), opening) with
            | -1 -> List.rev (Written(text.Substring at) :: found)
            | closing ->
                let name = text.Substring(opening + 1, closing - opening - 1)
                parts text (closing + 1) (Named name :: Written(text.Substring(at, opening - at)) :: found)

    let private isAbsolute (text: string) =
        [ "ws://"; "wss://"; "http://"; "https://"; "//" ]
        |> List.exists (fun start -> text.StartsWith(start, StringComparison.OrdinalIgnoreCase))

    let private hasPath (absolute: string) =
        absolute.IndexOf('/', absolute.IndexOf("//", StringComparison.Ordinal) + 2) >= 0

    let check (rule: RouteRule) (text: string) : string option =
        let all = parts text 0 []
        let known = RouteRule.names rule

        let unknown =
            all
            |> List.tryPick (fun part ->
                match part with
                | Named name when not (List.contains name known) -> Some name
                | Named _
                | Written _ -> None)

        match unknown, all with
        | Some name, _ -> Some("redirects to '" + text + "', but has no value '" + name + "'")
        | None, Written start :: _ :: _ when isAbsolute start && not (hasPath start) ->
            Some("redirects to '" + text + "': a host can't come from a value")
        | None, _ when not (PercentEncoding.isEncodable text) ->
            Some("redirects to '" + text + "', which has a NUL or half a surrogate pair")
        | None, _ -> None

    /// A value as a part of a URL's path.
    let private encode (rule: RouteRule) (values: RouteValues) (name: string) : string =
        let plain = RouteConverters.plainText values[name]

        RouteRule.placeholders rule
        |> List.tryFind (fun placeholder -> placeholder.Name = name)
        |> Option.map (RouteBuild.formatValue rule values >> Result.map snd)
        |> Option.bind Result.toOption
        |> Option.defaultWith (fun () -> PercentEncoding.encode PercentEncoding.inSegment plain)

    let private expand (rule: RouteRule) (values: RouteValues) (text: string) : string =
        parts text 0 []
        |> List.map (fun part ->
            match part with
            | Written text -> PercentEncoding.encode PercentEncoding.inTarget text
            | Named name -> encode rule values name)
        |> String.concat ""

    let location
        at
        (host: string)
        (rule: RouteRule)
        (values: RouteValues)
        (redirect: RouteRedirect)
        : string =
        let written, text =
            match redirect with
            | RouteRedirect.Template text -> text, expand rule values text
            | RouteRedirect.Callback target ->
                let text = PercentEncoding.encode PercentEncoding.inTarget (target.Invoke values)
                text, text

        if not (isAbsolute written) then
            RouteBuild.onHost at host ("/" + text.TrimStart '/')
        elif written.StartsWith("//", StringComparison.Ordinal) then
            RouteBuild.scheme at + text
        else
            text
