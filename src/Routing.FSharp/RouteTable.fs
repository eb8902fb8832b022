// All rules together: which of them takes a request, and what that leads to.
namespace FunctionalWs.Routing

open System
open System.Collections.Generic
open System.Diagnostics.CodeAnalysis
open System.Runtime.InteropServices
open FunctionalWs.Protocol

[<RequireQualifiedAccess; NoComparison>]
type RouteMatch =
    | Matched of Endpoint: string * Rule: int * Values: RouteValues
    | Redirect of Location: string
    | NotFound
    | MethodNotAllowed of Allow: string
    | BadRequest of Reason: string

type RouteTableError = {
    Rule: string
    Reason: string
} with

    override error.ToString() =
        "The rule '" + error.Rule + "' " + error.Reason + "."

[<Sealed; AllowNullLiteral(false); NoEquality; NoComparison>]
type RouteTable internal (rules: RouteRule[], redirectDefaults: bool, tree: RouteNode) =

    let endpoints =
        rules
        |> List.ofArray
        |> List.filter _.Redirect.IsNone
        |> List.groupBy _.Endpoint
        |> List.map (fun (endpoint, group) -> KeyValuePair(endpoint, RouteBuild.inOrder group))
        |> Dictionary

    member _.Rules: IReadOnlyList<RouteRule> = rules

    member _.HasSubdomains: bool = rules |> Array.exists _.Scope.IsSubdomain

    member internal _.RedirectDefaults = redirectDefaults
    member internal _.Tree = tree

    /// The rules of an endpoint, canonical ones first.
    member internal _.RulesOf(endpoint: string) : RouteRule list =
        match endpoints.TryGetValue endpoint with
        | true, rules -> rules
        | _ -> []

    member internal _.EndpointNames: string seq = endpoints.Keys

module internal RouteMatching =

    /// Where searches for a rule begin in the tree, in their order: on the most particular hosts first.
    let private withPort, host, subdomain, anyHost =
        "host:port", "host", "subdomain", ""

    let private literal (text: string) : Segment = { Start = text; Values = [] }

    /// A port counts where one is written after the host, be it a number or a placeholder.
    let private beginning (rule: RouteRule) : string =
        let written (segment: Segment) =
            segment.Start + String.Concat(segment.Values |> List.map _.Behind)

        match rule.Scope with
        | RouteScope.AnyHost -> anyHost
        | RouteScope.Subdomain _ -> subdomain
        | RouteScope.Host pattern when RouteHost.port (written pattern.Segments.Head) <> "" -> withPort
        | RouteScope.Host _ -> host

    /// The paths of a rule: its own, and without or with a slash at the end as its strictness says.
    let private paths (rule: RouteRule) : (LeafKind * Segment list) list =
        let isSlash (segment: Segment) =
            segment.Start = "" && segment.Values.IsEmpty

        let own = RouteRule.segments rule

        match List.rev own, rule.StrictSlashes with
        | last :: (_ :: _ as rest), true when isSlash last -> [ Exact, own; SlashMissing, List.rev rest ]
        | last :: (_ :: _ as rest), false when isSlash last -> [ Exact, own; Lenient, List.rev rest ]
        | [ last ], _ when isSlash last -> [ Exact, own ]
        | _, true -> [ Exact, own ]
        | _, false -> [ Lenient, own @ [ literal "" ]; Exact, own ]

    let private normalizeHost (segment: Segment) : Segment = {
        Start = RouteHost.normalize segment.Start
        Values =
            segment.Values
            |> List.map (fun value -> {
                value with
                    Behind = RouteHost.normalize value.Behind
            })
    }

    let private hostSegments (rule: RouteRule) : Segment list =
        match RouteRule.host rule with
        | ValueSome pattern -> List.map normalizeHost pattern.Segments
        | ValueNone -> []

    let private forms (index: int) (rule: RouteRule) : RouteForm list =
        paths rule
        |> List.map (fun (kind, segments) -> {
            Segments = literal (beginning rule) :: hostSegments rule @ segments
            Rule = index
            Kind = kind
            MergeSlashes = rule.MergeSlashes
            Rank = 0
        })

    let private duplicateName (rule: RouteRule) : string option =
        RouteRule.names rule
        |> List.countBy id
        |> List.tryFind (fun (_, count) -> count > 1)
        |> Option.map (fun (name, _) -> "has the value '" + name + "' twice")

    let private lostAlias (rules: RouteRule list) : RouteRule -> string option =
        let canonical =
            rules
            |> List.filter (fun rule -> not rule.IsAlias)
            |> List.map _.Endpoint
            |> set

        fun rule ->
            if rule.IsAlias && not (canonical.Contains rule.Endpoint) then
                Some("is an alias, but there is no other rule for '" + rule.Endpoint + "'")
            else
                None

    let private wrongRedirect (rule: RouteRule) : string option =
        match rule.Redirect with
        | ValueSome(RouteRedirect.Template text) -> RouteRedirection.check rule text
        | ValueSome(RouteRedirect.Callback _)
        | ValueNone -> None

    /// A rule with the very paths of one before it would never be reached.
    let private shadowed (rules: RouteRule list) : RouteTableError option =
        rules
        |> List.filter (fun rule -> not rule.IsBuildOnly)
        |> List.groupBy (fun rule ->
            RouteSegment.shape (literal (beginning rule) :: hostSegments rule @ RouteRule.segments rule))
        |> List.tryPick (fun (_, group) ->
            match group with
            | first :: second :: _ ->
                Some {
                    Rule = second.Pattern.ToString()
                    Reason = "is never reached: '" + first.Pattern.ToString() + "' takes the same paths"
                }
            | _ -> None)

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
        | None ->
            List.indexed rules
            |> List.filter (fun (_, rule) -> not rule.IsBuildOnly)
            |> List.collect (fun (index, rule) -> forms index rule)
            |> RouteTree.ofForms
            |> fun tree -> Ok(RouteTable(Array.ofList rules, redirectDefaults, tree))

    /// What the first rule of an endpoint builds that can; what is wrong with the first when none can.
    let private build
        (table: RouteTable)
        (endpoint: string)
        (ofRule: RouteRule -> Result<string, RouteBuildError>)
        =
        match table.RulesOf endpoint with
        | [] ->
            Error(RouteBuildError.UnknownEndpoint(endpoint, RouteBuild.closest endpoint table.EndpointNames))
        | first :: _ as rules ->
            rules
            |> List.tryPick (ofRule >> Result.toOption)
            |> Option.map Ok
            |> Option.defaultWith (fun () -> ofRule first)

    let buildPath
        (table: RouteTable)
        (endpoint: string)
        (values: RouteValues)
        : Result<string, RouteBuildError> =
        build table endpoint (fun rule -> RouteBuild.path rule values)

    let buildUrl
        (table: RouteTable)
        (at: RouteBase)
        (endpoint: string)
        (values: RouteValues)
        : Result<string, RouteBuildError> =
        build table endpoint (fun rule -> RouteBuild.url at rule values)

    /// The request's host in lower case; an error says what is wrong.
    let private hostOf (request: Request) : Result<string, string> =
        match Handshake.hostOf request with
        | Ok host when RouteHost.isName host -> Ok(host.ToLowerInvariant())
        | Ok host -> Error((HandshakeError.Host host).Description)
        | Error error -> Error(error.Description)

    /// The first rule for the host and the path.
    let private find (table: RouteTable) (at: RouteBase) (given: string) (isMerged: bool) (path: string[]) =
        let under (beginning: string) (name: string voption) =
            match table.Tree.Literals.TryGetValue beginning, name with
            | (true, node), ValueSome name -> RouteTree.find node isMerged (Array.append [| name |] path)
            | (true, _), ValueNone
            | (false, _), _ -> ValueNone

        let onAnyHost () =
            match table.Tree.Literals.TryGetValue anyHost with
            | true, node -> RouteTree.find node isMerged path
            | false, _ -> ValueNone

        under withPort (ValueSome given)
        |> ValueOption.orElseWith (fun () -> under host (ValueSome(RouteHost.withoutPort given)))
        |> ValueOption.orElseWith (fun () ->
            under
                subdomain
                (at.ServerName
                 |> ValueOption.ofObj
                 |> ValueOption.bind (RouteHost.trySubdomain given)))
        |> ValueOption.orElseWith onAnyHost

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

    let private join (url: string) (query: string) =
        if query <> "" && url.Contains '?' then
            url + "&" + query.Substring 1
        else
            url + query

    /// Rules of the same endpoint and with the same names that have these values as their defaults, in building order.
    let private defaultSiblings (rule: RouteRule) (rules: RouteRule list) : RouteRule list =
        let names = RouteRule.names rule |> set

        rules
        |> List.takeWhile (fun other -> not (obj.ReferenceEquals(other, rule)))
        |> List.filter (fun other ->
            not other.IsAlias
            && not other.IsBuildOnly
            && other.Defaults.Count > 0
            && set (RouteRule.names other) = names)

    /// What the rule itself says about other URLs for its values.
    let private otherUrl (table: RouteTable) at host query (rule: RouteRule) values : string voption =
        let built (others: RouteRule list) =
            others
            |> List.tryPick (fun other -> RouteBuild.urlFrom at host other values |> Result.toOption)
            |> ValueOption.ofOption
            |> ValueOption.map (fun url -> join url query)

        match rule.Redirect with
        | ValueSome redirect -> ValueSome(RouteRedirection.location at host rule values redirect)
        | ValueNone when rule.IsAlias ->
            built (table.RulesOf rule.Endpoint |> List.filter (fun other -> not other.IsAlias))
        | ValueNone when table.RedirectDefaults -> built (defaultSiblings rule (table.RulesOf rule.Endpoint))
        | ValueNone -> ValueNone

    let private resolve table at host (target: RouteTarget) isMerged path (found: RouteFound) : RouteMatch =
        let rule = (table: RouteTable).Rules[found.Form.Rule]
        let values = valuesOf rule found
        let isSlashMissing = found.Form.Kind = SlashMissing

        if isMerged || isSlashMissing then
            let encode = PercentEncoding.encode PercentEncoding.inSegment
            let path = path |> Array.map encode |> String.concat "/"
            let slash = if isSlashMissing then "/" else ""
            RouteMatch.Redirect(RouteBuild.onHost at host ("/" + path + slash + target.Query))
        else
            match otherUrl table at host target.Query rule values with
            | ValueSome location -> RouteMatch.Redirect location
            | ValueNone -> RouteMatch.Matched(rule.Endpoint, found.Form.Rule, values)

    let private matchPath (table: RouteTable) at host (target: RouteTarget) : RouteMatch =
        let search isMerged path =
            find table at host isMerged path
            |> ValueOption.map (resolve table at host target isMerged path)

        match target.Segments with
        | [||] -> RouteMatch.Redirect("/" + target.Query)
        | path ->
            search false path
            |> ValueOption.orElseWith (fun () -> merge path |> ValueOption.bind (search true))
            |> ValueOption.defaultValue RouteMatch.NotFound

    let matchRequest (table: RouteTable) (at: RouteBase) (request: Request) : RouteMatch =
        match RouteTarget.parse request.Target, hostOf request with
        | _ when request.Target = "*" -> RouteMatch.NotFound
        | Error reason, _
        | Ok _, Error reason -> RouteMatch.BadRequest reason
        | Ok target, Ok host ->
            match matchPath table at host target with
            | RouteMatch.Matched _
            | RouteMatch.Redirect _ when request.Method <> "GET" -> RouteMatch.MethodNotAllowed "GET"
            | found -> found

type RouteTable with

    [<CompiledName("Create")>]
    static member create
        (redirectDefaults: bool)
        (rules: RouteRule seq)
        : Result<RouteTable, RouteTableError> =
        ArgumentNullException.ThrowIfNull(rules, nameof rules)
        RouteMatching.create redirectDefaults rules

    static member TryCreate
        (
            redirectDefaults: bool,
            rules: RouteRule seq,
            [<Out; NotNullWhen(true)>] table: byref<RouteTable | null>,
            [<Out>] error: byref<RouteTableError>
        ) : bool =
        Result.tryGet (RouteTable.create redirectDefaults rules) &table &error

    member table.BuildPath(endpoint: string, values: RouteValues) : Result<string, RouteBuildError> =
        ArgumentNullException.ThrowIfNull(endpoint, nameof endpoint)
        ArgumentNullException.ThrowIfNull(values, nameof values)
        RouteMatching.buildPath table endpoint values

    member table.BuildUrl
        (at: RouteBase, endpoint: string, values: RouteValues)
        : Result<string, RouteBuildError> =
        ArgumentNullException.ThrowIfNull(at, nameof at)
        ArgumentNullException.ThrowIfNull(endpoint, nameof endpoint)
        ArgumentNullException.ThrowIfNull(values, nameof values)
        RouteMatching.buildUrl table at endpoint values

    member table.TryBuildPath
        (
            endpoint: string,
            values: RouteValues,
            [<Out; NotNullWhen(true)>] path: byref<string | null>,
            [<Out>] error: byref<RouteBuildError>
        ) : bool =
        Result.tryGet (table.BuildPath(endpoint, values)) &path &error

    member table.TryBuildUrl
        (
            at: RouteBase,
            endpoint: string,
            values: RouteValues,
            [<Out; NotNullWhen(true)>] url: byref<string | null>,
            [<Out>] error: byref<RouteBuildError>
        ) : bool =
        Result.tryGet (table.BuildUrl(at, endpoint, values)) &url &error

    member table.Match(at: RouteBase, request: Request) : RouteMatch =
        ArgumentNullException.ThrowIfNull(at, nameof at)
        ArgumentNullException.ThrowIfNull(request, nameof request)
        RouteMatching.matchRequest table at request
