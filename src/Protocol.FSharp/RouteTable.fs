// All rules together: which of them takes a request, and what that leads to.
namespace FunctionalWs.Protocol

open System
open System.Collections.Generic

/// <summary>What a request leads to.</summary>
[<RequireQualifiedAccess; NoComparison>]
type RouteMatch =
    /// <summary>An endpoint; the rule is counted from 0 in the order of the table.</summary>
    | Matched of Endpoint: string * Rule: int * Values: RouteValues
    /// <summary>Another URL, absolute and percent-encoded.</summary>
    | Redirect of Location: string
    /// <summary>Nothing: 404.</summary>
    | NotFound
    /// <summary>The path exists, but not for this method: 405.</summary>
    | MethodNotAllowed of Allow: string
    /// <summary>The target or the host can't be read: 400.</summary>
    | BadRequest of Reason: string

/// <summary>A rule that can't be part of a table.</summary>
type RouteTableError = {
    /// <summary>The rule.</summary>
    Rule: string
    /// <summary>What is wrong with it, as the end of a sentence.</summary>
    Reason: string
} with

    /// <summary>A sentence for people.</summary>
    override error.ToString() =
        $"The rule '{error.Rule}' {error.Reason}."

/// Where a search begins: the host is the first segment but where all hosts will do.
[<NoComparison; ReferenceEquality>]
type internal RouteTrees = {
    HostsWithPort: RouteNode
    Hosts: RouteNode
    Subdomains: RouteNode
    AnyHost: RouteNode
}

/// <summary>Rules, ready to match requests and to build URLs. Immutable.</summary>
[<Sealed; AllowNullLiteral(false)>]
type RouteTable internal (rules: RouteRule[], redirectDefaults: bool, trees: RouteTrees) =

    let endpoints =
        rules
        |> List.ofArray
        |> List.filter _.Redirect.IsNone
        |> List.groupBy _.Endpoint
        |> List.map (fun (endpoint, group) -> KeyValuePair(endpoint, RouteBuild.inOrder group))
        |> Dictionary

    /// <summary>The rules, in the order in which they were given.</summary>
    member _.Rules: IReadOnlyList<RouteRule> = rules

    /// <summary>True when a rule belongs to a subdomain, so that the server's name must be known.</summary>
    member _.HasSubdomains: bool = rules |> Array.exists _.Scope.IsSubdomain

    member internal _.RedirectDefaults = redirectDefaults
    member internal _.Trees = trees

    /// The rules of an endpoint, canonical ones first.
    member internal _.RulesOf(endpoint: string) : RouteRule list =
        match endpoints.TryGetValue endpoint with
        | true, rules -> rules
        | _ -> []

    member internal _.EndpointNames: string seq = endpoints.Keys

/// <summary>Makes tables of rules, matches requests with them, and builds URLs.</summary>
module RouteTable =

    /// Whether a port is written after the host, be it a number or a placeholder.
    let private hasPort (pattern: RoutePattern) : bool =
        let written =
            List.collect RouteSegment.piecesOf pattern.Segments
            |> List.map RouteSegment.textOf

        RouteHost.port (String.concat "" written) <> ""

    /// The paths of a rule: its own, and without or with a slash at the end as its strictness says.
    let private paths (rule: RouteRule) : (LeafKind * Segment list) list =
        let own = RouteRule.segments rule

        match List.rev own, rule.StrictSlashes with
        | [ Segment.Literal "" ], _ -> [ Exact, own ]
        | Segment.Literal "" :: rest, true -> [ Exact, own; SlashMissing, List.rev rest ]
        | Segment.Literal "" :: rest, false -> [ Exact, own; Lenient, List.rev rest ]
        | _, true -> [ Exact, own ]
        | _, false -> [ Lenient, own @ [ Segment.Literal "" ]; Exact, own ]

    let private normalizeHost (segment: Segment) : Segment =
        match segment with
        | Segment.Literal text -> Segment.Literal(RouteHost.normalize text)
        | Segment.Pattern pieces ->
            pieces
            |> List.map (fun piece ->
                match piece with
                | Piece.Text text -> Piece.Text(RouteHost.normalize text)
                | Piece.Value _ -> piece)
            |> Segment.Pattern

    let private forms (index: int) (rule: RouteRule) : RouteTree.Form list =
        let host =
            match RouteRule.host rule with
            | ValueSome pattern -> List.map normalizeHost pattern.Segments
            | ValueNone -> []

        paths rule
        |> List.map (fun (kind, segments) -> {
            Segments = host @ segments
            Leaf = {
                Rule = index
                Kind = kind
                MergeSlashes = rule.MergeSlashes
            }
        })

    let private toTrees (rules: RouteRule list) : RouteTrees =
        let indexed =
            List.indexed rules |> List.filter (fun (_, rule) -> not rule.IsBuildOnly)

        let tree accept =
            indexed
            |> List.filter (fun (_, rule) -> accept rule.Scope)
            |> List.collect (fun (index, rule) -> forms index rule)
            |> RouteTree.build

        let isHost (withPort: bool) scope =
            match scope with
            | RouteScope.Host pattern -> hasPort pattern = withPort
            | RouteScope.AnyHost
            | RouteScope.Subdomain _ -> false

        {
            HostsWithPort = tree (isHost true)
            Hosts = tree (isHost false)
            Subdomains = tree _.IsSubdomain
            AnyHost = tree _.IsAnyHost
        }

    let private duplicateName (rule: RouteRule) : string option =
        RouteRule.names rule
        |> List.countBy id
        |> List.tryFind (fun (_, count) -> count > 1)
        |> Option.map (fun (name, _) -> $"has the value '{name}' twice")

    let private lostAlias (rules: RouteRule list) : RouteRule -> string option =
        let canonical =
            rules
            |> List.filter (fun rule -> not rule.IsAlias)
            |> List.map _.Endpoint
            |> set

        fun rule ->
            if rule.IsAlias && not (canonical.Contains rule.Endpoint) then
                Some $"is an alias, but there is no other rule for '{rule.Endpoint}'"
            else
                None

    let private wrongRedirect (rule: RouteRule) : string option =
        match rule.Redirect with
        | ValueSome(RouteRedirect.Template text) -> RouteRedirection.check rule text
        | ValueSome(RouteRedirect.Callback _)
        | ValueNone -> None

    /// A rule with the very paths of one before it would never be reached.
    let private shadowed (rules: RouteRule list) : RouteTableError option =
        let scopeOf (rule: RouteRule) =
            let host =
                RouteRule.host rule
                |> ValueOption.map (fun pattern -> List.map normalizeHost pattern.Segments)

            ValueOption.map RouteSegment.shape host, rule.Scope.IsSubdomain

        rules
        |> List.filter (fun rule -> not rule.IsBuildOnly)
        |> List.groupBy (fun rule -> scopeOf rule, RouteSegment.shape (RouteRule.segments rule))
        |> List.tryPick (fun (_, group) ->
            match group with
            | first :: second :: _ ->
                Some {
                    Rule = second.Pattern.ToString()
                    Reason = $"is never reached: '{first.Pattern}' takes the same paths"
                }
            | _ -> None)

    /// <summary>Makes a table.</summary>
    /// <param name="redirectDefaults">
    /// True to redirect from a rule whose values are the defaults of another rule of the endpoint to that one.
    /// </param>
    /// <param name="rules">The rules. Which is tried first doesn't depend on their order, unless they weigh the same.</param>
    [<CompiledName("Create")>]
    let create (redirectDefaults: bool) (rules: RouteRule seq) : Result<RouteTable, RouteTableError> =
        let rules = List.ofSeq rules
        let checks = [ duplicateName; lostAlias rules; wrongRedirect ]

        let wrong =
            rules
            |> List.tryPick (fun rule ->
                checks
                |> List.tryPick (fun check -> check rule)
                |> Option.map (fun reason -> {
                    Rule = rule.Pattern.ToString()
                    Reason = reason
                }))

        match wrong |> Option.orElseWith (fun () -> shadowed rules) with
        | Some error -> Error error
        | None -> Ok(RouteTable(Array.ofList rules, redirectDefaults, toTrees rules))

    let private canonicalOf (table: RouteTable) (endpoint: string) build : Result<string, RouteBuildError> =
        match table.RulesOf endpoint with
        | [] ->
            Error(RouteBuildError.UnknownEndpoint(endpoint, RouteBuild.closest endpoint table.EndpointNames))
        | rules -> RouteBuild.first build rules

    /// <summary>The path of an endpoint, with the values that no rule has a place for as its query.</summary>
    /// <param name="table">The rules.</param>
    /// <param name="endpoint">The endpoint.</param>
    /// <param name="values">The values of the placeholders, typed as they are matched, and of the query.</param>
    [<CompiledName("BuildPath")>]
    let buildPath
        (table: RouteTable)
        (endpoint: string)
        (values: RouteValues)
        : Result<string, RouteBuildError> =
        canonicalOf table endpoint (fun rule -> RouteBuild.path rule values)

    /// <summary>The absolute URL of an endpoint.</summary>
    /// <param name="table">The rules.</param>
    /// <param name="at">Scheme and host.</param>
    /// <param name="endpoint">The endpoint.</param>
    /// <param name="values">The values of the placeholders, typed as they are matched, and of the query.</param>
    [<CompiledName("BuildUrl")>]
    let buildUrl
        (table: RouteTable)
        (at: RouteBase)
        (endpoint: string)
        (values: RouteValues)
        : Result<string, RouteBuildError> =
        canonicalOf table endpoint (fun rule -> RouteBuild.url "localhost" at rule values)

    /// The request's host in lower case; an error says what is wrong.
    let private hostOf (request: Request) : Result<string, string> =
        match RequestRules.checkHost request, request.Headers.GetAll "Host" with
        | Error error, _ -> Error(HandshakeError.describe error)
        | Ok(), hosts when RouteHost.isName hosts[0] -> Ok(hosts[0].ToLowerInvariant())
        | Ok(), hosts -> Error(HandshakeError.describe (HandshakeError.Host hosts[0]))

    /// The first rule for the host and the path, from the most particular hosts to all.
    let private find (table: RouteTable) (at: RouteBase) (host: string) (isMerged: bool) (path: string[]) =
        let trees = table.Trees

        let under (name: string) (tree: RouteNode) () =
            if RouteTree.isEmpty tree then
                ValueNone
            else
                RouteTree.find tree isMerged (Array.append [| name |] path)

        let subdomain () =
            at.ServerName
            |> ValueOption.bind (RouteHost.trySubdomain host)
            |> ValueOption.bind (fun name -> under name trees.Subdomains ())

        under host trees.HostsWithPort ()
        |> ValueOption.orElseWith (under (RouteHost.withoutPort host) trees.Hosts)
        |> ValueOption.orElseWith subdomain
        |> ValueOption.orElseWith (fun () -> RouteTree.find trees.AnyHost isMerged path)

    /// A path without empty segments but the last; none when it has none.
    let private merge (path: string[]) : string[] voption =
        let last = path.Length - 1
        let first = Array.IndexOf(path, "")

        if first >= 0 && first < last then
            path
            |> Array.indexed
            |> Array.filter (fun (index, segment) -> segment <> "" || index = last)
            |> Array.map snd
            |> ValueSome
        else
            ValueNone

    let private valuesOf (rule: RouteRule) (found: RouteFound) : RouteValues =
        match found.Values, rule.Defaults.Count with
        | [], 0 -> RouteValues.Empty
        | values, _ ->
            let names = RouteRule.placeholders rule |> List.map _.Name |> Array.ofList
            RouteValues(names, List.rev values |> Array.ofList).Add rule.Defaults

    /// Where redirects within a rule lead: a rule for some hosts keeps the host.
    let private originOf (at: RouteBase) (host: string) (rule: RouteRule) : string =
        if rule.Scope.IsAnyHost then
            ValueOption.defaultValue host at.ServerName
        else
            host
        |> RouteBuild.origin at.IsSecure

    let private join (url: string) (query: string) =
        if query <> "" && url.Contains '?' then
            url + "&" + query.Substring 1
        else
            url + query

    /// What the rule itself says about other URLs for its values.
    let private otherUrl
        (table: RouteTable)
        (at: RouteBase)
        host
        query
        (rule: RouteRule)
        values
        : string voption =
        let built (others: RouteRule list) =
            others
            |> List.tryPick (fun other -> RouteBuild.url host at other values |> Result.toOption)
            |> ValueOption.ofOption
            |> ValueOption.map (fun url -> join url query)

        match rule.Redirect with
        | ValueSome redirect ->
            ValueSome(RouteRedirection.location (originOf at host rule) rule values redirect)
        | ValueNone when rule.IsAlias ->
            built (table.RulesOf rule.Endpoint |> List.filter (fun other -> not other.IsAlias))
        | ValueNone when table.RedirectDefaults ->
            built (RouteRedirection.defaultSiblings rule (table.RulesOf rule.Endpoint))
        | ValueNone -> ValueNone

    let private resolve
        (table: RouteTable)
        at
        host
        (target: RouteTarget)
        isMerged
        path
        (found: RouteFound)
        : RouteMatch =
        let rule = table.Rules[found.Leaf.Rule]
        let values = valuesOf rule found

        if isMerged || found.Leaf.Kind = SlashMissing then
            let slash = if found.Leaf.Kind = SlashMissing then "/" else ""
            let path = path |> Array.map PercentEncoding.encodeSegment |> String.concat "/"
            RouteMatch.Redirect $"{originOf at host rule}/{path}{slash}{target.Query}"
        else
            match otherUrl table at host target.Query rule values with
            | ValueSome location -> RouteMatch.Redirect location
            | ValueNone -> RouteMatch.Matched(rule.Endpoint, found.Leaf.Rule, values)

    let private matchPath (table: RouteTable) at host (target: RouteTarget) : RouteMatch =
        let search isMerged path =
            find table at host isMerged path
            |> ValueOption.map (resolve table at host target isMerged path)

        match target.Segments with
        | [||] ->
            let authority = ValueOption.defaultValue host at.ServerName
            RouteMatch.Redirect $"{RouteBuild.origin at.IsSecure authority}/{target.Query}"
        | path ->
            search false path
            |> ValueOption.orElseWith (fun () -> merge path |> ValueOption.bind (search true))
            |> ValueOption.defaultValue RouteMatch.NotFound

    /// <summary>Finds what a request leads to. Total: nothing that a client sends raises an exception.</summary>
    /// <param name="table">The rules.</param>
    /// <param name="at">Scheme and host of redirects; the host is the name to which subdomains belong, too.</param>
    /// <param name="request">The request: its method, its target and its <c>Host</c>.</param>
    [<CompiledName("Match")>]
    let matchRequest (table: RouteTable) (at: RouteBase) (request: Request) : RouteMatch =
        if request.Target = "*" then
            RouteMatch.NotFound
        else
            match RouteTarget.parse request.Target with
            | Error reason -> RouteMatch.BadRequest reason
            | Ok target ->
                match hostOf request with
                | Error reason -> RouteMatch.BadRequest reason
                | Ok host ->
                    match matchPath table at host target with
                    | RouteMatch.Matched _
                    | RouteMatch.Redirect _ when request.Method <> "GET" -> RouteMatch.MethodNotAllowed "GET"
                    | found -> found
