// Where rules that redirect send their clients. The scheme and the host are never taken from a value.
namespace FunctionalWs.Protocol

open System

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

    /// What is wrong with a template, as the end of a sentence about its rule.
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
        | Some name, _ -> Some $"redirects to '{text}', but has no value '{name}'"
        | None, Written start :: _ :: _ when
            isAbsolute start && start.IndexOf('/', start.IndexOf "//" + 2) < 0
            ->
            Some $"redirects to '{text}': a host can't come from a value"
        | None, _ -> None

    /// A value as a part of a URL's path.
    let private encode (rule: RouteRule) (values: RouteValues) (name: string) : string =
        let value = values[name]

        RouteRule.placeholders rule
        |> List.tryFind (fun placeholder -> placeholder.Name = name)
        |> Option.map (fun placeholder ->
            RouteConverters.tryFormat placeholder.Converter value
            |> ValueOption.bind (RouteBuild.encodeValue placeholder)
            |> ValueOption.defaultValue "")
        |> Option.defaultWith (fun () -> PercentEncoding.encodeSegment (RouteBuild.plainText value))

    let private expand (rule: RouteRule) (values: RouteValues) (text: string) : string =
        parts text 0 []
        |> List.map (fun part ->
            match part with
            | Written text -> PercentEncoding.encodeTarget text
            | Named name -> encode rule values name)
        |> String.concat ""

    /// Whether a URL is absolute says the author's text, not what a value put into it.
    let location (origin: string) (rule: RouteRule) (values: RouteValues) (redirect: RouteRedirect) : string =
        let written, text =
            match redirect with
            | RouteRedirect.Template text -> text, expand rule values text
            | RouteRedirect.Callback target ->
                let text = PercentEncoding.encodeTarget (target.Invoke values)
                text, text

        if not (isAbsolute written) then
            origin + "/" + text.TrimStart '/'
        elif written.StartsWith "//" then
            origin.Substring(0, origin.IndexOf '/') + text
        else
            text

    /// Rules of the same endpoint and with the same names that have these values as their defaults, in building order.
    let defaultSiblings (rule: RouteRule) (rules: RouteRule list) : RouteRule list =
        let names = RouteRule.names rule |> set

        rules
        |> List.takeWhile (fun other -> not (obj.ReferenceEquals(other, rule)))
        |> List.filter (fun other ->
            not other.IsAlias
            && not other.IsBuildOnly
            && other.Defaults.Count > 0
            && set (RouteRule.names other) = names)
