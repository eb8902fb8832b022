// Header fields of HTTP messages: immutable, case-insensitive, several values a name (RFC 9110 §5).
namespace FunctionalWs.Protocol

open System
open System.Buffers
open System.Collections
open System.Collections.Generic
open System.Runtime.InteropServices
open type System.FormattableString

/// <summary>
/// Header fields in their order and spelling. Names are compared without case; a name may have several values. Immutable:
/// every change gives a new collection (RFC 9110 §5). Its text forms hide the values that are secrets.
/// </summary>
[<Sealed; AllowNullLiteral(false); StructuredFormatDisplay("{Shown}")>]
type Headers private (fields: KeyValuePair<string, string>[]) =

    static let empty = Headers [||]

    /// What carries a password, a token or a session (RFC 9110 §11, RFC 6265).
    static let secrets = [ "Authorization"; "Proxy-Authorization"; "Cookie"; "Set-Cookie" ]

    static let same (name: string) (field: KeyValuePair<string, string>) =
        String.Equals(field.Key, name, StringComparison.OrdinalIgnoreCase)

    /// The place of the next field of a name; -1 when there is none.
    let rec next (name: string) (from: int) : int =
        if from = fields.Length then -1
        elif same name fields[from] then from
        else next name (from + 1)

    /// <summary>No fields.</summary>
    static member Empty: Headers = empty

    /// <summary>Fields in the order given.</summary>
    /// <param name="fields">Names and values; a name may come several times.</param>
    /// <exception cref="T:System.ArgumentException">A name or value has a character that it can't have.</exception>
    static member Create(fields: IEnumerable<KeyValuePair<string, string>>) : Headers =
        ArgumentNullException.ThrowIfNull(fields, nameof fields)
        let fields = Array.ofSeq fields

        for field in fields do
            Headers.Check(field.Key, field.Value)

        Headers fields

    /// Takes what a parser has checked, in order. The array is not copied.
    static member internal Parsed(fields: KeyValuePair<string, string>[]) : Headers = Headers fields

    /// Takes the lines that a parser has checked, the latest first. One without a name goes on with the value before it: there is a
    /// blank between the two then (RFC 9112 §5.2).
    static member internal OfLines(latestFirst: KeyValuePair<string, string> list) : Headers =
        let rec inOrder found (folded: string list) (lines: KeyValuePair<string, string> list) =
            match lines, folded with
            | [], _ -> List.toArray found
            | field :: before, _ when field.Key = "" -> inOrder found (field.Value :: folded) before
            | field :: before, [] -> inOrder (field :: found) [] before
            | field :: before, _ ->
                let value = String.Join(' ', List.filter ((<>) "") (field.Value :: folded))
                inOrder (KeyValuePair(field.Key, value) :: found) [] before

        Headers(inOrder [] [] latestFirst)

    static member private Check(name: string, value: string) =
        ArgumentNullException.ThrowIfNull(name, nameof name)
        ArgumentNullException.ThrowIfNull(value, nameof value)

        if not (HeaderSyntax.isToken name) then
            raise (
                ArgumentException(
                    Invariant $"'{name}' is no header name: it takes one or more token characters.",
                    nameof name
                )
            )

        if not (HeaderSyntax.isValue value) then
            raise (
                ArgumentException(
                    Invariant
                        $"The value of '{name}' has a character that no header can have: only TAB, 0x20-0x7E and 0x80-0xFF.",
                    nameof value
                )
            )

    /// <summary>
    /// The value of a name; null when there is none. Several are joined with commas, which means the same (RFC 9110 §5.3): so a
    /// header that may come once, and came twice, is no good value of it. Never throws for what a peer sent.
    /// </summary>
    /// <param name="name">The name, in any case.</param>
    member headers.Get(name: string) : string | null =
        ArgumentNullException.ThrowIfNull(name, nameof name)

        match next name 0 with
        | -1 -> null
        | only when next name (only + 1) = -1 -> fields[only].Value
        | _ -> String.Join(", ", headers.GetAll name)

    /// <summary>The value of a name, as <c>Get</c> gives it; null when there is none.</summary>
    /// <param name="name">The name, in any case.</param>
    member headers.Item
        with get (name: string): string | null = headers.Get name

    /// <summary>Tells the value of a name, as <c>Get</c> gives it; false when there is none.</summary>
    /// <param name="name">The name, in any case.</param>
    /// <param name="value">The value; empty when there is none.</param>
    member headers.TryGet(name: string, [<Out>] value: byref<string>) : bool =
        match headers.Get name with
        | Null ->
            value <- ""
            false
        | NonNull found ->
            value <- found
            true

    /// <summary>The value of a name, as <c>Get</c> gives it; none when there is none. For pipes in F#.</summary>
    /// <param name="name">The name, in any case.</param>
    /// <param name="headers">The fields.</param>
    [<CompiledName("Find")>]
    static member tryGet (name: string) (headers: Headers) : string voption =
        ArgumentNullException.ThrowIfNull(headers, nameof headers)

        match headers.Get name with
        | Null -> ValueNone
        | NonNull value -> ValueSome value

    /// <summary>All values of a name, in order; none when it is missing.</summary>
    /// <param name="name">The name, in any case.</param>
    member _.GetAll(name: string) : IReadOnlyList<string> =
        ArgumentNullException.ThrowIfNull(name, nameof name)
        fields |> Array.filter (same name) |> Array.map _.Value :> _

    /// <summary>True when the name has a value.</summary>
    /// <param name="name">The name, in any case.</param>
    member _.Contains(name: string) : bool =
        ArgumentNullException.ThrowIfNull(name, nameof name)
        next name 0 >= 0

    /// <summary>How many different names there are.</summary>
    member headers.Count: int = headers.Normal.Length

    /// <summary>The fields with one more at their end.</summary>
    /// <param name="name">A token.</param>
    /// <param name="value">Text of TAB, 0x20–0x7E and 0x80–0xFF.</param>
    /// <exception cref="T:System.ArgumentException">Name or value has a character that it can't have.</exception>
    member _.Add(name: string, value: string) : Headers =
        Headers.Check(name, value)
        Headers(Array.append fields [| KeyValuePair(name, value) |])

    /// <summary>The fields without those of this name, and with this one at their end.</summary>
    /// <param name="name">A token.</param>
    /// <param name="value">Text of TAB, 0x20–0x7E and 0x80–0xFF.</param>
    /// <exception cref="T:System.ArgumentException">Name or value has a character that it can't have.</exception>
    member headers.Set(name: string, value: string) : Headers = headers.Remove(name).Add(name, value)

    /// <summary>The fields without those of this name; the same when there are none.</summary>
    /// <param name="name">The name, in any case.</param>
    member headers.Remove(name: string) : Headers =
        if headers.Contains name then
            Headers(Array.filter (same name >> not) fields)
        else
            headers

    /// What two collections are compared by: names without case, each with its values in order.
    member private _.Normal: (string * string[])[] =
        fields
        |> Array.groupBy (fun field -> field.Key.ToUpperInvariant())
        |> Array.map (fun (name, group) -> name, group |> Array.map _.Value)
        |> Array.sortBy fst

    /// <summary>True when all names have the same values in the same order; the spelling of names doesn't matter.</summary>
    override headers.Equals(other: obj | null) : bool =
        match other with
        | :? Headers as other -> headers.Normal = other.Normal
        | _ -> false

    /// <summary>A hash code of names and values.</summary>
    override headers.GetHashCode() : int = hash headers.Normal

    /// The lines as they are sent.
    member internal _.Lines: string =
        fields
        |> Array.map (fun field -> String.Concat(field.Key, ": ", field.Value, "\r\n"))
        |> String.Concat

    member private _.Shown: string =
        let show (field: KeyValuePair<string, string>) =
            let isSecret = List.exists (fun name -> same name field) secrets
            String.Concat(field.Key, ": ", (if isSecret then "***" else field.Value))

        String.Join("\n", Array.map show fields)

    /// <summary>
    /// One line for each field, for people: the values of <c>Authorization</c>, <c>Proxy-Authorization</c>, <c>Cookie</c> and
    /// <c>Set-Cookie</c> are hidden.
    /// </summary>
    override headers.ToString() : string = headers.Shown

    interface IEnumerable<KeyValuePair<string, string>> with
        member _.GetEnumerator() : IEnumerator<KeyValuePair<string, string>> =
            (Seq.ofArray fields).GetEnumerator()

        member _.GetEnumerator() : IEnumerator =
            (Seq.ofArray fields).GetEnumerator() :> IEnumerator

type Headers with

    /// <summary>True when both are equal, as <c>Equals</c> tells.</summary>
    static member op_Equality(left: Headers | null, right: Headers | null) : bool = obj.Equals(left, right)

    /// <summary>True when they are not equal.</summary>
    static member op_Inequality(left: Headers | null, right: Headers | null) : bool =
        not (obj.Equals(left, right))
