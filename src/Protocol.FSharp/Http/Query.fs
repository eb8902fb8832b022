// What follows the question mark of a target, as HTML forms and browsers write it.
namespace FunctionalWs.Protocol

open System
open System.Collections
open System.Collections.Generic
open System.Net
open System.Runtime.InteropServices

/// <summary>
/// The parameters of a target's query, in order and decoded: <c>+</c> is a blank, and what is no good percent-encoding stays or becomes
/// U+FFFD. Names are compared with their case; one may have several values. Immutable. Its text has names alone: values may be secrets.
/// </summary>
[<Sealed; AllowNullLiteral(false); StructuredFormatDisplay("{Shown}")>]
type Query private (parameters: KeyValuePair<string, string>[]) =
    static let decode (text: string) : string =
        match WebUtility.UrlDecode text with
        | Null -> ""
        | NonNull decoded -> decoded

    static let parameter (text: string) : KeyValuePair<string, string> =
        match text.IndexOf '=' with
        | -1 -> KeyValuePair(decode text, "")
        | at -> KeyValuePair(decode (text.Substring(0, at)), decode (text.Substring(at + 1)))

    member private _.Parameters = parameters

    /// <summary>Reads a query.</summary>
    /// <param name="text">Without its question mark; may be empty. Any text is a query.</param>
    static member Parse(text: string) : Query =
        ArgumentNullException.ThrowIfNull(text, nameof text)
        Query(text.Split('&', StringSplitOptions.RemoveEmptyEntries) |> Array.map parameter)

    /// <summary>The first value of a name; null when there is none.</summary>
    /// <param name="name">The name.</param>
    member query.Item
        with get (name: string): string | null =
            match query.GetAll name with
            | values when values.Count = 0 -> null
            | values -> values[0]

    /// <summary>Tells the first value of a name; false when there is none.</summary>
    /// <param name="name">The name.</param>
    /// <param name="value">The value; empty when there is none.</param>
    member query.TryGet(name: string, [<Out>] value: byref<string>) : bool =
        match query[name] with
        | Null ->
            value <- ""
            false
        | NonNull found ->
            value <- found
            true

    /// <summary>The first value of a name; none when there is none. For pipes in F#.</summary>
    /// <param name="name">The name.</param>
    /// <param name="query">The parameters.</param>
    [<CompiledName("Find")>]
    static member tryGet (name: string) (query: Query) : string voption =
        ArgumentNullException.ThrowIfNull(query, nameof query)

        match query[name] with
        | Null -> ValueNone
        | NonNull value -> ValueSome value

    /// <summary>All values of a name, in order; none when it is missing.</summary>
    /// <param name="name">The name.</param>
    member _.GetAll(name: string) : IReadOnlyList<string> =
        ArgumentNullException.ThrowIfNull(name, nameof name)

        parameters
        |> Array.filter (fun parameter -> String.Equals(parameter.Key, name, StringComparison.Ordinal))
        |> Array.map _.Value
        :> _

    /// <summary>True when the name has a value, be it empty.</summary>
    /// <param name="name">The name.</param>
    member query.Contains(name: string) : bool = query.GetAll(name).Count > 0

    /// <summary>How many parameters there are.</summary>
    member _.Count: int = parameters.Length

    /// <summary>The names, such as <c>room, token</c>.</summary>
    override _.ToString() =
        String.Join(", ", parameters |> Array.map (fun parameter -> PeerText.quote parameter.Key))

    member private query.Shown = query.ToString()

    /// <summary>True for the same parameters in the same order.</summary>
    override _.Equals(other: obj | null) =
        match other with
        | :? Query as other -> parameters.AsSpan().SequenceEqual(other.Parameters.AsSpan())
        | _ -> false

    /// <summary>Equal for equal parameters.</summary>
    override _.GetHashCode() = hash parameters

    interface IEnumerable<KeyValuePair<string, string>> with
        member _.GetEnumerator() : IEnumerator<KeyValuePair<string, string>> =
            (parameters :> IEnumerable<KeyValuePair<string, string>>).GetEnumerator()

        member _.GetEnumerator() : IEnumerator = parameters.GetEnumerator()

type Query with

    /// <summary>True when both are equal, as <c>Equals</c> tells.</summary>
    static member op_Equality(left: Query | null, right: Query | null) : bool = obj.Equals(left, right)

    /// <summary>True when they are not equal.</summary>
    static member op_Inequality(left: Query | null, right: Query | null) : bool =
        not (obj.Equals(left, right))
