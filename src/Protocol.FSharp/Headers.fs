// Header fields of HTTP messages: immutable, case-insensitive, several values a name (RFC 9110 §5).
namespace FunctionalWs.Protocol

open System
open System.Buffers
open System.Collections
open System.Collections.Generic

/// <summary>What header fields are made of (RFC 9110 §5.1, §5.5, §5.6.2).</summary>
module HeaderSyntax =

    // Sets of characters with a search of their own: a head is looked at with each byte that arrives of it.

    let private tokenCharacters =
        SearchValues.Create(
            "!#$%&'*+-.^_`|~0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz".AsSpan()
        )

    let private valueCharacters =
        SearchValues.Create(
            ReadOnlySpan [| '\t'; yield! [| ' ' .. '~' |]; yield! [| '\u0080' .. '\u00FF' |] |]
        )

    /// <summary>True for the characters of a token: letters, digits and <c>!#$%&amp;'*+-.^_`|~</c> (RFC 9110 §5.6.2).</summary>
    /// <param name="character">Any character.</param>
    [<CompiledName("IsTokenCharacter")>]
    let isTokenCharacter (character: char) : bool = tokenCharacters.Contains character

    /// <summary>True for one or more token characters (RFC 9110 §5.6.2).</summary>
    /// <param name="text">Any text.</param>
    [<CompiledName("IsToken")>]
    let isToken (text: string) : bool =
        text.Length > 0 && text.AsSpan().IndexOfAnyExcept tokenCharacters < 0

    /// <summary>True for the characters of a field value: TAB, 0x20–0x7E and 0x80–0xFF (RFC 9110 §5.5).</summary>
    /// <param name="character">Any character.</param>
    [<CompiledName("IsValueCharacter")>]
    let isValueCharacter (character: char) : bool = valueCharacters.Contains character

    /// <summary>True for text that can be a field's value; it may be empty (RFC 9110 §5.5).</summary>
    /// <param name="text">Any text.</param>
    [<CompiledName("IsValue")>]
    let isValue (text: string) : bool =
        text.AsSpan().IndexOfAnyExcept valueCharacters < 0

/// <summary>
/// Header fields in their order and spelling. Names are compared without case; a name may have several values. Immutable:
/// every change gives a new collection (RFC 9110 §5).
/// </summary>
[<Sealed; AllowNullLiteral(false)>]
type Headers private (fields: KeyValuePair<string, string> list) =

    static let empty = Headers []

    static let same (name: string) (field: KeyValuePair<string, string>) =
        String.Equals(field.Key, name, StringComparison.OrdinalIgnoreCase)

    /// What two collections are compared by: names without case, each with its values in order.
    let normal =
        lazy
            (fields
             |> List.groupBy (fun field -> field.Key.ToUpperInvariant())
             |> List.map (fun (name, group) -> name, group |> List.map _.Value)
             |> List.sortBy fst)

    /// <summary>No fields.</summary>
    static member Empty: Headers = empty

    /// <summary>Fields in the order given.</summary>
    /// <param name="fields">Names and values; a name may come several times.</param>
    /// <exception cref="T:System.ArgumentException">A name or value has a character that it can't have.</exception>
    static member Create(fields: IEnumerable<KeyValuePair<string, string>>) : Headers =
        let fields = List.ofSeq fields

        for field in fields do
            Headers.Check(field.Key, field.Value)

        Headers fields

    /// Takes what a parser has checked, in order.
    static member internal Parsed(fields: KeyValuePair<string, string> list) : Headers = Headers fields

    static member private Check(name: string, value: string) =
        if not (HeaderSyntax.isToken name) then
            raise (
                ArgumentException(
                    $"'{name}' is no header name: it takes one or more token characters.",
                    nameof name
                )
            )

        if not (HeaderSyntax.isValue value) then
            raise (
                ArgumentException(
                    $"The value of '{name}' has a character that no header can have: only TAB, 0x20-0x7E and 0x80-0xFF.",
                    nameof value
                )
            )

    /// <summary>The value of a name that has one; null when there is none.</summary>
    /// <param name="name">The name, in any case.</param>
    /// <exception cref="T:System.InvalidOperationException">The name has several values: ask with <c>GetAll</c>.</exception>
    member headers.Get(name: string) : string | null =
        match headers.GetAll name with
        | values when values.Count = 0 -> null
        | values when values.Count = 1 -> values[0]
        | values -> raise (InvalidOperationException $"The header '{name}' has {values.Count} values.")

    /// <summary>All values of a name, in order; none when it is missing.</summary>
    /// <param name="name">The name, in any case.</param>
    member _.GetAll(name: string) : IReadOnlyList<string> =
        fields |> List.filter (same name) |> List.map _.Value |> List.toArray :> _

    /// <summary>True when the name has a value.</summary>
    /// <param name="name">The name, in any case.</param>
    member _.Contains(name: string) : bool = List.exists (same name) fields

    /// <summary>How many different names there are.</summary>
    member _.Count: int = normal.Value.Length

    /// <summary>The fields with one more at their end.</summary>
    /// <param name="name">A token.</param>
    /// <param name="value">Text of TAB, 0x20–0x7E and 0x80–0xFF.</param>
    /// <exception cref="T:System.ArgumentException">Name or value has a character that it can't have.</exception>
    member _.Add(name: string, value: string) : Headers =
        Headers.Check(name, value)
        Headers(fields @ [ KeyValuePair(name, value) ])

    /// <summary>The fields without those of this name, and with this one at their end.</summary>
    /// <param name="name">A token.</param>
    /// <param name="value">Text of TAB, 0x20–0x7E and 0x80–0xFF.</param>
    /// <exception cref="T:System.ArgumentException">Name or value has a character that it can't have.</exception>
    member headers.Set(name: string, value: string) : Headers = headers.Remove(name).Add(name, value)

    /// <summary>The fields without those of this name; the same when there are none.</summary>
    /// <param name="name">The name, in any case.</param>
    member headers.Remove(name: string) : Headers =
        if headers.Contains name then
            Headers(List.filter (same name >> not) fields)
        else
            headers

    member private _.Normal = normal.Value

    /// <summary>True when all names have the same values in the same order; the spelling of names doesn't matter.</summary>
    override headers.Equals(other: obj | null) : bool =
        match other with
        | :? Headers as other -> headers.Normal = other.Normal
        | _ -> false

    /// <summary>A hash code of names and values.</summary>
    override headers.GetHashCode() : int = hash headers.Normal

    /// <summary>One line for each field, as in a message.</summary>
    override _.ToString() : string =
        fields
        |> List.map (fun field -> $"{field.Key}: {field.Value}\r\n")
        |> String.concat ""

    interface IEnumerable<KeyValuePair<string, string>> with
        member _.GetEnumerator() : IEnumerator<KeyValuePair<string, string>> =
            (Seq.ofList fields).GetEnumerator()

        member _.GetEnumerator() : IEnumerator =
            (Seq.ofList fields).GetEnumerator() :> IEnumerator
