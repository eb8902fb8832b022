namespace FunctionalWs.Routing

open System
open System.Collections.Generic
open System.Runtime.InteropServices

/// <summary>The values that a path and the defaults of its rule gave, in their order. Immutable.</summary>
[<Sealed; AllowNullLiteral(false)>]
type RouteValues =

    internal new: names: string[] * values: obj[] -> RouteValues

    /// <summary>No values.</summary>
    static member Empty: RouteValues

    /// <summary>Makes a collection of values.</summary>
    /// <param name="values">Names and values; no name twice.</param>
    /// <exception cref="T:System.ArgumentException">A name comes twice.</exception>
    static member Create: values: IEnumerable<KeyValuePair<string, obj>> -> RouteValues

    /// <summary>The value of a name.</summary>
    /// <param name="name">A name of the rule's, in the same case.</param>
    /// <exception cref="T:System.Collections.Generic.KeyNotFoundException">There is no such value.</exception>
    member Item: name: string -> obj with get

    /// <summary>The value of a name, as the type that its converter gives: <c>int</c>, <c>Guid</c>, <c>string</c> …</summary>
    /// <param name="name">A name of the rule's, in the same case.</param>
    /// <exception cref="T:System.Collections.Generic.KeyNotFoundException">There is no such value.</exception>
    /// <exception cref="T:System.InvalidCastException">The value is of another type.</exception>
    member Get<'T> : name: string -> 'T

    /// <summary>Finds the value of a name; false when there is none, or one of another type.</summary>
    /// <param name="name">A name of the rule's, in the same case.</param>
    /// <param name="value">The value.</param>
    member TryGet<'T> : name: string * [<Out>] value: byref<'T> -> bool

    member internal TryFind: name: string -> obj voption

    /// The values with others behind them.
    member internal Add: others: RouteValues -> RouteValues

    /// <summary>How many values there are.</summary>
    member Count: int

    /// <summary>The names, in their order.</summary>
    member Keys: IEnumerable<string>

    /// <summary>The values, in the order of their names.</summary>
    member Values: IEnumerable<obj>

    /// <summary>True when both have the same names with the same values, in any order.</summary>
    override Equals: other: (obj | null) -> bool

    /// <summary>A hash code of the names and values.</summary>
    override GetHashCode: unit -> int

    /// <summary>Names and values, for people.</summary>
    override ToString: unit -> string

    interface IReadOnlyDictionary<string, obj>

/// <summary>The hosts on which a rule is to be had.</summary>
[<RequireQualifiedAccess; NoComparison; ReferenceEquality>]
type RouteScope =
    /// <summary>All hosts.</summary>
    | AnyHost
    /// <summary>Hosts of this pattern; with a port only where the pattern has one.</summary>
    | Host of Pattern: RoutePattern
    /// <summary>Subdomains of the server's name; an empty pattern for the name itself.</summary>
    | Subdomain of Pattern: RoutePattern

/// <summary>Where a rule sends its clients instead of being an endpoint.</summary>
[<RequireQualifiedAccess; NoComparison; ReferenceEquality>]
type RouteRedirect =
    /// <summary>A path or a URL with values in the form <c>&lt;name&gt;</c> or <c>{name}</c>, which are percent-encoded.</summary>
    | Template of Text: string
    /// <summary>A function of the values that gives a path or a URL. What no URL can carry in it becomes U+FFFD.</summary>
    | Callback of Target: Func<RouteValues, string>

/// <summary>A rule of a route table. Immutable.</summary>
[<NoComparison; ReferenceEquality>]
type RouteRule = {
    /// <summary>The paths of the rule.</summary>
    Pattern: RoutePattern
    /// <summary>The hosts of the rule.</summary>
    Scope: RouteScope
    /// <summary>What the rule leads to; several rules may lead to one endpoint.</summary>
    Endpoint: string
    /// <summary>Fixed values; the rule is the canonical URL for them.</summary>
    Defaults: RouteValues
    /// <summary>True when the slash at the end matters: without it, a client is redirected to the path with it.</summary>
    StrictSlashes: bool
    /// <summary>True when repeated slashes count as one: a client is redirected to the path without them.</summary>
    MergeSlashes: bool
    /// <summary>True to redirect to the canonical rule of the endpoint.</summary>
    IsAlias: bool
    /// <summary>True when the rule matches nothing, and only builds URLs.</summary>
    IsBuildOnly: bool
    /// <summary>Where to redirect instead of matching; none for an endpoint.</summary>
    Redirect: RouteRedirect voption
} with

    /// <summary>A rule for all hosts, with strict slashes and merged ones.</summary>
    /// <param name="endpoint">What the rule leads to.</param>
    /// <param name="pattern">The paths of the rule.</param>
    static member Create: endpoint: string * pattern: RoutePattern -> RouteRule

    /// <summary>The rule, redirecting instead of matching.</summary>
    /// <param name="redirect">Where it sends clients.</param>
    member WithRedirect: redirect: RouteRedirect -> RouteRule

    /// <summary>The rule on other hosts.</summary>
    /// <param name="scope">The hosts.</param>
    member WithScope: scope: RouteScope -> RouteRule

    /// <summary>The rule with fixed values.</summary>
    /// <param name="defaults">The values.</param>
    member WithDefaults: defaults: RouteValues -> RouteRule

    /// <summary>The rule with other manners about slashes.</summary>
    /// <param name="strict">True when the slash at the end matters.</param>
    /// <param name="merge">True when repeated slashes count as one.</param>
    member WithSlashes: strict: bool * merge: bool -> RouteRule

    /// <summary>The rule as an alias: it redirects to the canonical rule of the endpoint.</summary>
    member AsAlias: unit -> RouteRule

    /// <summary>The rule as one that matches nothing, and only builds URLs.</summary>
    member AsBuildOnly: unit -> RouteRule

module internal RouteRule =

    val host: rule: RouteRule -> RoutePattern voption

    /// All placeholders, the host's first, as their values are found.
    val placeholders: rule: RouteRule -> Placeholder list

    /// The names of all values that the rule has, defaults included.
    val names: rule: RouteRule -> string list

    /// The segments of the path; an empty one at the end for a slash there.
    val segments: rule: RouteRule -> Segment list
