// A rule: a pattern, what it leads to, and how its URL is written from values.
namespace FunctionalWs.Routing

open System
open System.Collections
open System.Collections.Generic
open System.Runtime.InteropServices

[<Sealed; AllowNullLiteral(false)>]
type RouteValues internal (names: string[], values: obj[]) =

    static let empty = RouteValues([||], [||])

    let find (name: string) =
        ArgumentNullException.ThrowIfNull(name, nameof name)
        Array.IndexOf(names, name)

    static member Empty: RouteValues = empty

    static member Create(values: IEnumerable<KeyValuePair<string, obj>>) : RouteValues =
        ArgumentNullException.ThrowIfNull(values, nameof values)

        let all = Dictionary<string, obj>(values)
        RouteValues(Array.ofSeq all.Keys, Array.ofSeq all.Values)

    member private _.Missing(name: string) =
        let known = String.Join(", ", names)
        KeyNotFoundException("The route has no value '" + name + "'; it has: " + known + ".")

    member route.Item
        with get (name: string): obj =
            match find name with
            | -1 -> raise (route.Missing name)
            | at -> values[at]

    member route.Get<'T>(name: string) : 'T =
        match route[name] with
        | :? 'T as value -> value
        | other ->
            let found, wanted = other.GetType().ToString(), typeof<'T>.ToString()

            raise (
                InvalidCastException("The value '" + name + "' is of type " + found + ", not " + wanted + ".")
            )

    member _.TryGet<'T>(name: string, [<Out>] value: byref<'T>) : bool =
        match find name with
        | -1 -> false
        | at ->
            match values[at] with
            | :? 'T as found ->
                value <- found
                true
            | _ -> false

    member _.Count: int = names.Length

    member internal _.Add(others: RouteValues) : RouteValues =
        if others.Count = 0 then
            RouteValues(names, values)
        else
            RouteValues(
                Seq.append names others.Keys |> Array.ofSeq,
                Seq.append values others.Values |> Array.ofSeq
            )

    member _.Keys: IEnumerable<string> = Seq.ofArray names

    member _.Values: IEnumerable<obj> = Seq.ofArray values

    member private _.Pairs: IEnumerable<KeyValuePair<string, obj>> =
        Seq.map2 (fun name value -> KeyValuePair(name, value)) names values

    override route.Equals(other: obj | null) : bool =
        match other with
        | :? RouteValues as other when other.Count = route.Count ->
            Seq.forall (fun name -> other.TryFind name = ValueSome route[name]) names
        | _ -> false

    member internal _.TryFind(name: string) : obj voption =
        match find name with
        | -1 -> ValueNone
        | at -> ValueSome values[at]

    override _.GetHashCode() : int =
        Array.fold2 (fun code (name: string) value -> code ^^^ HashCode.Combine(name, value)) 0 names values

    override route.ToString() : string =
        route.Pairs
        |> Seq.map (fun pair -> pair.Key + "=" + RouteConverters.plainText pair.Value)
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

[<RequireQualifiedAccess; NoComparison; ReferenceEquality>]
type RouteScope =
    | AnyHost
    | Host of Pattern: RoutePattern
    | Subdomain of Pattern: RoutePattern

[<RequireQualifiedAccess; NoComparison; ReferenceEquality>]
type RouteRedirect =
    | Template of Text: string
    | Callback of Target: Func<RouteValues, string>

[<NoComparison; ReferenceEquality>]
type RouteRule = {
    Pattern: RoutePattern
    Scope: RouteScope
    Endpoint: string
    Defaults: RouteValues
    StrictSlashes: bool
    MergeSlashes: bool
    IsAlias: bool
    IsBuildOnly: bool
    Redirect: RouteRedirect voption
} with

    static member Create(endpoint: string, pattern: RoutePattern) : RouteRule =
        ArgumentNullException.ThrowIfNull(endpoint, nameof endpoint)
        ArgumentNullException.ThrowIfNull(pattern, nameof pattern)

        {
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

    member rule.WithRedirect(redirect: RouteRedirect) : RouteRule =
        ArgumentNullException.ThrowIfNull(redirect, nameof redirect)

        {
            rule with
                Redirect = ValueSome redirect
        }

    member rule.WithScope(scope: RouteScope) : RouteRule =
        ArgumentNullException.ThrowIfNull(scope, nameof scope)
        { rule with Scope = scope }

    member rule.WithDefaults(defaults: RouteValues) : RouteRule =
        ArgumentNullException.ThrowIfNull(defaults, nameof defaults)
        { rule with Defaults = defaults }

    member rule.WithSlashes(strict: bool, merge: bool) : RouteRule = {
        rule with
            StrictSlashes = strict
            MergeSlashes = merge
    }

    member rule.AsAlias() : RouteRule = { rule with IsAlias = true }

    member rule.AsBuildOnly() : RouteRule = { rule with IsBuildOnly = true }

module internal RouteRule =

    let host (rule: RouteRule) : RoutePattern voption =
        match rule.Scope with
        | RouteScope.AnyHost -> ValueNone
        | RouteScope.Host pattern
        | RouteScope.Subdomain pattern -> ValueSome pattern

    let placeholders (rule: RouteRule) : Placeholder list =
        match host rule with
        | ValueSome pattern -> pattern.Placeholders @ rule.Pattern.Placeholders
        | ValueNone -> rule.Pattern.Placeholders

    let names (rule: RouteRule) : string list =
        List.map _.Name (placeholders rule) @ List.ofSeq rule.Defaults.Keys

    let segments (rule: RouteRule) : Segment list =
        let all = rule.Pattern.Segments

        let isEmpty segment =
            segment.Start = "" && segment.Values.IsEmpty

        all
        |> List.indexed
        |> List.filter (fun (index, segment) ->
            index = all.Length - 1 || not rule.MergeSlashes || not (isEmpty segment))
        |> List.map snd
