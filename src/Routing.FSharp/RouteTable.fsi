namespace FunctionalWs.Routing

open System.Collections.Generic
open FunctionalWs.Protocol

/// <summary>What a request leads to.</summary>
[<RequireQualifiedAccess; NoComparison>]
type RouteMatch =
    /// <summary>An endpoint; the rule is counted from 0 in the order of the table.</summary>
    | Matched of Endpoint: string * Rule: int * Values: RouteValues
    /// <summary>
    /// Another URL, percent-encoded: a path alone where it is on the request's host (RFC 9110 §10.2.2), an absolute one elsewhere.
    /// </summary>
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
    override ToString: unit -> string

/// <summary>Rules, ready to match requests and to build URLs. Immutable.</summary>
[<Sealed; AllowNullLiteral(false)>]
type RouteTable =

    internal new: rules: RouteRule[] * redirectDefaults: bool * tree: RouteNode -> RouteTable

    /// <summary>The rules, in the order in which they were given.</summary>
    member Rules: IReadOnlyList<RouteRule>

    /// <summary>True when a rule belongs to a subdomain, so that the server's name must be known.</summary>
    member HasSubdomains: bool

/// <summary>Makes tables of rules, matches requests with them, and builds URLs.</summary>
module RouteTable =

    /// <summary>Makes a table.</summary>
    /// <param name="redirectDefaults">
    /// True to redirect from a rule whose values are the defaults of another rule of the endpoint to that one.
    /// </param>
    /// <param name="rules">
    /// The rules. Which is tried first doesn't depend on their order, unless they weigh the same, and never on other rules.
    /// </param>
    [<CompiledName("Create")>]
    val create: redirectDefaults: bool -> rules: RouteRule seq -> Result<RouteTable, RouteTableError>

    /// <summary>The path of an endpoint, with the values that no rule has a place for as its query.</summary>
    /// <param name="table">The rules.</param>
    /// <param name="endpoint">The endpoint.</param>
    /// <param name="values">The values of the placeholders, typed as they are matched, and of the query.</param>
    [<CompiledName("BuildPath")>]
    val buildPath:
        table: RouteTable -> endpoint: string -> values: RouteValues -> Result<string, RouteBuildError>

    /// <summary>The absolute URL of an endpoint.</summary>
    /// <param name="table">The rules.</param>
    /// <param name="at">Scheme and host.</param>
    /// <param name="endpoint">The endpoint.</param>
    /// <param name="values">The values of the placeholders, typed as they are matched, and of the query.</param>
    [<CompiledName("BuildUrl")>]
    val buildUrl:
        table: RouteTable ->
        at: RouteBase ->
        endpoint: string ->
        values: RouteValues ->
            Result<string, RouteBuildError>

    /// <summary>Finds what a request leads to. Total: nothing that a client sends raises an exception.</summary>
    /// <param name="table">The rules.</param>
    /// <param name="at">
    /// The name to which subdomains belong; it and the scheme are also those of redirects that leave the request's host.
    /// </param>
    /// <param name="request">The request: its method, its target and its <c>Host</c>.</param>
    [<CompiledName("Match")>]
    val matchRequest: table: RouteTable -> at: RouteBase -> request: Request -> RouteMatch
