// A rule: a pattern, what it leads to, and how its URL is written from values.
namespace FunctionalWs.Protocol

open System
open System.Collections
open System.Collections.Generic
open System.Runtime.InteropServices

/// <summary>The values that a path and the defaults of its rule gave, in their order. Immutable.</summary>
[<Sealed; AllowNullLiteral(false)>]
type RouteValues internal (names: string[], values: obj[]) =

    static let empty = RouteValues([||], [||])

    let find (name: string) = Array.IndexOf(names, name)

    /// <summary>No values.</summary>
    static member Empty: RouteValues = empty

    /// <summary>Makes a collection of values.</summary>
    /// <param name="values">Names and values; no name twice.</param>
    /// <exception cref="T:System.ArgumentException">A name comes twice.</exception>
    static member Create(values: IEnumerable<KeyValuePair<string, obj>>) : RouteValues =
        let all = Dictionary<string, obj>(values)
        RouteValues(Array.ofSeq all.Keys, Array.ofSeq all.Values)

    member private _.Missing(name: string) =
        let known = String.Join(", ", names)
        KeyNotFoundException $"The route has no value '{name}'; it has: {known}."

    /// <summary>The value of a name.</summary>
    /// <param name="name">A name of the rule's, in the same case.</param>
    /// <exception cref="T:System.Collections.Generic.KeyNotFoundException">There is no such value.</exception>
    member route.Item
        with get (name: string): obj =
            match find name with
            | -1 -> raise (route.Missing name)
            | at -> values[at]

    /// <summary>The value of a name, as the type that its converter gives: <c>int</c>, <c>Guid</c>, <c>string</c> …</summary>
    /// <param name="name">A name of the rule's, in the same case.</param>
    /// <exception cref="T:System.Collections.Generic.KeyNotFoundException">There is no such value.</exception>
    /// <exception cref="T:System.InvalidCastException">The value is of another type.</exception>
    member route.Get<'T>(name: string) : 'T =
        match route[name] with
        | :? 'T as value -> value
        | other ->
            raise (InvalidCastException $"The value '{name}' is of type {other.GetType()}, not {typeof<'T>}.")

    /// <summary>Finds the value of a name; false when there is none, or one of another type.</summary>
    /// <param name="name">A name of the rule's, in the same case.</param>
    /// <param name="value">The value.</param>
    member _.TryGet<'T>(name: string, [<Out>] value: byref<'T>) : bool =
        match find name with
        | -1 -> false
        | at ->
            match values[at] with
            | :? 'T as found ->
                value <- found
                true
            | _ -> false

    /// <summary>How many values there are.</summary>
    member _.Count: int = names.Length

    /// The values with others behind them.
    member internal _.Add(others: RouteValues) : RouteValues =
        if others.Count = 0 then
            RouteValues(names, values)
        else
            RouteValues(
                Seq.append names others.Keys |> Array.ofSeq,
                Seq.append values others.Values |> Array.ofSeq
            )

    /// <summary>The names, in their order.</summary>
    member _.Keys: IEnumerable<string> = Seq.ofArray names

    /// <summary>The values, in the order of their names.</summary>
    member _.Values: IEnumerable<obj> = Seq.ofArray values

    member private _.Pairs: IEnumerable<KeyValuePair<string, obj>> =
        Seq.map2 (fun name value -> KeyValuePair(name, value)) names values

    /// <summary>True when both have the same names with the same values, in any order.</summary>
    override route.Equals(other: obj | null) : bool =
        match other with
        | :? RouteValues as other when other.Count = route.Count ->
            Seq.forall (fun name -> other.TryFind name = ValueSome route[name]) names
        | _ -> false

    member internal _.TryFind(name: string) : obj voption =
        match find name with
        | -1 -> ValueNone
        | at -> ValueSome values[at]

    /// <summary>A hash code of the names and values.</summary>
    override _.GetHashCode() : int =
        Array.fold2 (fun code (name: string) value -> code ^^^ HashCode.Combine(name, value)) 0 names values

    /// <summary>Names and values, for people.</summary>
    override route.ToString() : string =
        route.Pairs
        |> Seq.map (fun pair -> $"{pair.Key}={pair.Value}")
        |> String.concat ", "

    interface IReadOnlyDictionary<string, obj> with
        member route.Item
            with get name = route[name]

        member route.Keys = route.Keys
        member route.Values = route.Values
        member route.Count = route.Count
        member _.ContainsKey name = find name >= 0
        member route.TryGetValue(name, value) = route.TryGet(name, &value)
        member route.GetEnumerator() : IEnumerator<KeyValuePair<string, obj>> = route.Pairs.GetEnumerator()

        member route.GetEnumerator() : IEnumerator =
            route.Pairs.GetEnumerator() :> IEnumerator

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
    /// <summary>A function of the values that gives a path or a URL.</summary>
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
    static member Create(endpoint: string, pattern: RoutePattern) : RouteRule = {
        Pattern = pattern
        Scope = RouteScope.AnyHost
        Endpoint = endpoint
        Defaults = RouteValues.Empty
        StrictSlashes = true
        MergeSlashes = true
        IsAlias = false
        IsBuildOnly = false
        Redirect = ValueNone
    }

module internal RouteRule =

    let host (rule: RouteRule) : RoutePattern voption =
        match rule.Scope with
        | RouteScope.AnyHost -> ValueNone
        | RouteScope.Host pattern
        | RouteScope.Subdomain pattern -> ValueSome pattern

    /// All placeholders, the host's first, as their values are found.
    let placeholders (rule: RouteRule) : Placeholder list =
        match host rule with
        | ValueSome pattern -> pattern.Placeholders @ rule.Pattern.Placeholders
        | ValueNone -> rule.Pattern.Placeholders

    /// The names of all values that the rule has, defaults included.
    let names (rule: RouteRule) : string list =
        List.map _.Name (placeholders rule) @ List.ofSeq rule.Defaults.Keys

    /// The segments of the path; an empty one at the end for a slash there.
    let segments (rule: RouteRule) : Segment list =
        let all = rule.Pattern.Segments

        let isKept (index, segment) =
            match segment with
            | Segment.Literal "" -> index = all.Length - 1 || not rule.MergeSlashes
            | Segment.Literal _
            | Segment.Pattern _ -> true

        all |> List.indexed |> List.filter isKept |> List.map snd
