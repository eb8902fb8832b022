namespace FunctionalWs.Routing

open System.Collections.Generic
open System.Diagnostics.CodeAnalysis
open System.Runtime.InteropServices
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

    /// <summary>Makes a table.</summary>
    /// <param name="redirectDefaults">
    /// True to redirect from a rule whose values are the defaults of another rule of the endpoint to that one.
    /// </param>
    /// <param name="rules">
    /// The rules. Which is tried first doesn't depend on their order, unless they weigh the same, and never on other rules.
    /// </param>
    [<CompiledName("Create")>]
    static member create:
        redirectDefaults: bool -> rules: RouteRule seq -> Result<RouteTable, RouteTableError>

    /// <summary>Makes a table, as <c>Create</c> does; false when a rule can't be part of it.</summary>
    /// <param name="redirectDefaults">As with <c>Create</c>.</param>
    /// <param name="rules">The rules.</param>
    /// <param name="table">The table; null when there is an error.</param>
    /// <param name="error">What is wrong; null when nothing is.</param>
    static member TryCreate:
        redirectDefaults: bool *
        rules: RouteRule seq *
        [<Out; NotNullWhen(true)>] table: byref<RouteTable | null> *
        [<Out>] error: byref<RouteTableError> ->
            bool

    /// <summary>The rules, in the order in which they were given.</summary>
    member Rules: IReadOnlyList<RouteRule>

    /// <summary>True when a rule belongs to a subdomain, so that the server's name must be known.</summary>
    member HasSubdomains: bool

    /// <summary>The path of an endpoint, with the values that no rule has a place for as its query.</summary>
    /// <param name="endpoint">The endpoint.</param>
    /// <param name="values">The values of the placeholders, typed as they are matched, and of the query.</param>
    member BuildPath: endpoint: string * values: RouteValues -> Result<string, RouteBuildError>

    /// <summary>Builds a path, as <c>BuildPath</c> does; false when it can't be built.</summary>
    /// <param name="endpoint">The endpoint.</param>
    /// <param name="values">The values.</param>
    /// <param name="path">The path; null when there is an error.</param>
    /// <param name="error">Why there is none; null when there is one.</param>
    member TryBuildPath:
        endpoint: string *
        values: RouteValues *
        [<Out; NotNullWhen(true)>] path: byref<string | null> *
        [<Out>] error: byref<RouteBuildError> ->
            bool

    /// <summary>The absolute URL of an endpoint.</summary>
    /// <param name="at">Scheme and host.</param>
    /// <param name="endpoint">The endpoint.</param>
    /// <param name="values">The values of the placeholders, typed as they are matched, and of the query.</param>
    member BuildUrl: at: RouteBase * endpoint: string * values: RouteValues -> Result<string, RouteBuildError>

    /// <summary>Builds a URL, as <c>BuildUrl</c> does; false when it can't be built.</summary>
    /// <param name="at">Scheme and host.</param>
    /// <param name="endpoint">The endpoint.</param>
    /// <param name="values">The values.</param>
    /// <param name="url">The URL; null when there is an error.</param>
    /// <param name="error">Why there is none; null when there is one.</param>
    member TryBuildUrl:
        at: RouteBase *
        endpoint: string *
        values: RouteValues *
        [<Out; NotNullWhen(true)>] url: byref<string | null> *
        [<Out>] error: byref<RouteBuildError> ->
            bool

    /// <summary>Finds what a request leads to. Total: nothing that a client sends raises an exception.</summary>
    /// <param name="at">
    /// The name to which subdomains belong; it and the scheme are also those of redirects that leave the request's host.
    /// </param>
    /// <param name="request">The request: its method, its target and its <c>Host</c>.</param>
    member Match: at: RouteBase * request: Request -> RouteMatch
