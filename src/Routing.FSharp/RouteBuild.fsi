namespace FunctionalWs.Routing

open FunctionalWs.Protocol

/// <summary>Where absolute URLs begin. Immutable.</summary>
type RouteBase = {
    /// <summary>
    /// The host that clients use, with its port if it isn't the scheme's; subdomains belong to it. Null for that of the request.
    /// </summary>
    ServerName: string | null
    /// <summary>True for <c>wss</c>, false for <c>ws</c>.</summary>
    IsSecure: bool
}

/// <summary>Why no URL could be built.</summary>
[<RequireQualifiedAccess; NoComparison>]
type RouteBuildError =
    /// <summary>No rule leads to the endpoint; the closest name is one that exists, or null.</summary>
    | UnknownEndpoint of Endpoint: string * Closest: (string | null)
    /// <summary>The rule that fits best needs further values.</summary>
    | MissingValues of Rule: string * Names: EquatableList<string>
    /// <summary>The rule has a fixed value of this name, which is another.</summary>
    | OtherDefault of Rule: string * Name: string * Default: obj
    /// <summary>
    /// The value is none of the placeholder's, couldn't be told from the text around it, or can't stand in a URL: its text, or its
    /// name in a query, has a NUL or half a surrogate pair.
    /// </summary>
    | UnsuitableValue of Rule: string * Name: string * Value: obj
    /// <summary>The rule belongs to a subdomain, and the server's name isn't known.</summary>
    | ServerNameMissing of Rule: string

    /// <summary>A sentence for people.</summary>
    override ToString: unit -> string

/// From an endpoint and values to a URL, and where a client is redirected.
module internal RouteBuild =

    /// The path of a rule with its query.
    val path: rule: RouteRule -> values: RouteValues -> Result<string, RouteBuildError>

    /// An absolute URL.
    val url: at: RouteBase -> rule: RouteRule -> values: RouteValues -> Result<string, RouteBuildError>

    /// A path on the host that a client asked, for a redirect: it alone, since the client knows scheme and host best.
    val onHost: at: RouteBase -> host: string -> path: string -> string

    /// The URL of a rule for a redirect from a host: a path alone when the rule is on that host, too.
    val urlFrom:
        at: RouteBase ->
        host: string ->
        rule: RouteRule ->
        values: RouteValues ->
            Result<string, RouteBuildError>

    /// Canonical rules first: no aliases, then more values, then more of them fixed.
    val inOrder: rules: RouteRule list -> RouteRule list

    /// The name that is nearest to another; null when there is none.
    val closest: name: string -> known: string seq -> string | null

/// Rules that redirect. The scheme and the host are never taken from a value.
module internal RouteRedirection =

    /// What is wrong with a template, as the end of a sentence about its rule.
    val check: rule: RouteRule -> text: string -> string option

    /// Where a client that asked a host is sent. Whether that is absolute says the author's text, not what a value put into it.
    val location:
        at: RouteBase ->
        host: string ->
        rule: RouteRule ->
        values: RouteValues ->
        redirect: RouteRedirect ->
            string
