// Whom a chain of proxies is serving, as its members write into requests: X-Forwarded-For, and Forwarded (RFC 7239).
namespace FunctionalWs.Protocol

open System
open System.Collections.Generic
open System.Net
open System.Text

/// <summary>
/// Reads the headers in which proxies tell for whom they forward. Total: no text makes it throw; what is not understood
/// counts as an unknown hop.
/// </summary>
module Forwarded =

    /// A node without quotes: `192.0.2.1`, `192.0.2.1:80`, `[2001:db8::1]`, `[2001:db8::1]:80` (RFC 7239 §6).
    let private node (text: string) : IPEndPoint voption =
        let withPort (address: IPAddress voption) (port: int voption) =
            match address, port with
            | ValueSome address, ValueSome port -> ValueSome(IPEndPoint(address, port))
            | _ -> ValueNone

        let port (text: string) =
            match text with
            | "" -> ValueSome 0
            | _ when text[0] = ':' -> AddressText.tryPort (text.Substring 1)
            | _ -> ValueNone

        let split (at: int) (address: string -> IPAddress voption) (first: int) (after: int) =
            withPort (address (text.Substring(first, at - first))) (port (text.Substring after))

        if text.StartsWith '[' then
            match text.IndexOf ']' with
            | -1 -> ValueNone
            | close -> split close AddressText.tryIPv6 1 (close + 1)
        else
            match text.IndexOf ':' with
            | -1 -> split text.Length AddressText.tryIPv4 0 text.Length
            | colon -> split colon AddressText.tryIPv4 0 colon

    /// X-Forwarded-For has no rules: an IPv6 address stands there without brackets, too.
    let private looseNode (text: string) : IPEndPoint voption =
        match AddressText.tryIPv6 text with
        | ValueSome address -> ValueSome(IPEndPoint(address, 0))
        | ValueNone -> node text

    /// <summary>The hops that <c>X-Forwarded-For</c> names, the nearest first; none for an unknown one.</summary>
    /// <param name="values">The values of all its fields, in order.</param>
    [<CompiledName("ParseXForwardedFor")>]
    let parseXForwardedFor (values: IReadOnlyList<string>) : IPEndPoint voption list =
        String.Join(",", values).Split ','
        |> List.ofArray
        |> List.map _.Trim(' ', '\t')
        |> List.filter (fun item -> item <> "")
        |> List.map looseNode
        |> List.rev

    // ---- Forwarded: elements with commas between them, each of pairs with semicolons between them (RFC 7239 §4)

    /// What stands before a separator, without quotes, and where the separator is.
    [<Struct>]
    type private Piece = { Text: string; After: int }

    /// A quoted string; `at` is after the opening quote. None when it does not end.
    let private quoted (text: string) (at: int) : Piece voption =
        let content = StringBuilder()
        let mutable i = at

        while i < text.Length && text[i] <> '"' do
            if text[i] = '\\' && i + 1 < text.Length then
                i <- i + 1

            content.Append text[i] |> ignore
            i <- i + 1

        if i < text.Length then
            ValueSome {
                Text = content.ToString()
                After = i + 1
            }
        else
            ValueNone

    let private isPlain (character: char) =
        HeaderSyntax.isTokenCharacter character || "[]:".Contains character // some don't quote these

    let private skip (isSkipped: char -> bool) (text: string) (at: int) : int =
        let mutable i = at

        while i < text.Length && isSkipped text[i] do
            i <- i + 1

        i

    let private plain (isPart: char -> bool) (text: string) (at: int) : Piece voption =
        match skip isPart text at with
        | after when after > at ->
            ValueSome {
                Text = text.Substring(at, after - at)
                After = after
            }
        | _ -> ValueNone

    let private value (text: string) (at: int) : Piece voption =
        if at < text.Length && text[at] = '"' then
            quoted text (at + 1)
        else
            plain isPlain text at

    let private skipBlanks = skip (fun character -> character = ' ' || character = '\t')

    let private isSeparator (text: string) (at: int) =
        at = text.Length || text[at] = ';' || text[at] = ','

    /// Elements and pairs may be empty; an empty element is no hop (RFC 9110 §5.6.1).
    let private add (hops: IPEndPoint voption list) (hop: IPEndPoint voption voption) =
        match hop with
        | ValueSome hop -> hop :: hops
        | ValueNone -> hops

    /// Reads the whole text. `hop` is what the current element has told so far, `hops` are those before it.
    let rec private pairs
        (hops: IPEndPoint voption list)
        (hop: IPEndPoint voption voption)
        (text: string)
        (at: int)
        : IPEndPoint voption list voption =
        match plain HeaderSyntax.isTokenCharacter text at with
        | ValueNone when isSeparator text at -> next hops hop text at
        | ValueSome name when name.After < text.Length && text[name.After] = '=' ->
            match value text (name.After + 1) with
            | ValueNone -> ValueNone
            | ValueSome pair ->
                let isFor = name.Text.Equals("for", StringComparison.OrdinalIgnoreCase)

                let told =
                    if isFor then
                        node pair.Text
                    else
                        ValueOption.defaultValue ValueNone hop

                next hops (ValueSome told) text (skipBlanks text pair.After)
        | _ -> ValueNone

    and private next hops hop text at =
        if at = text.Length then
            ValueSome(add hops hop)
        else
            match text[at] with
            | ';' -> pairs hops hop text (skipBlanks text (at + 1))
            | ',' -> pairs (add hops hop) ValueNone text (skipBlanks text (at + 1))
            | _ -> ValueNone

    /// <summary>
    /// The hops that <c>Forwarded</c> names in its <c>for</c> parameters, the nearest first; none for an unknown one. Where
    /// the text breaks the grammar, all of it is left aside: a client that writes a part of it could shift the rest.
    /// </summary>
    /// <param name="values">The values of all its fields, in order.</param>
    [<CompiledName("ParseForwarded")>]
    let parseForwarded (values: IReadOnlyList<string>) : IPEndPoint voption list =
        let text = String.Join(",", values)

        match pairs [] ValueNone text (skipBlanks text 0) with
        | ValueSome hops -> hops
        | ValueNone -> []

    /// <summary>
    /// The client: the nearest hop that is not trusted, since everything before it may be its invention. When all are
    /// trusted it is the farthest; an unknown hop ends the search at the one before it.
    /// </summary>
    /// <param name="isTrusted">Tells the addresses of proxies whose word is taken.</param>
    /// <param name="hops">The hops, the nearest first; the peer itself is trusted and not among them.</param>
    [<CompiledName("FindClient")>]
    let findClient (isTrusted: Func<IPAddress, bool>) (hops: IPEndPoint voption list) : IPEndPoint voption =
        let rec search found hops =
            match hops with
            | ValueSome(hop: IPEndPoint) :: farther when isTrusted.Invoke hop.Address ->
                search (ValueSome hop) farther
            | ValueSome hop :: _ -> ValueSome hop
            | ValueNone :: _
            | [] -> found

        search ValueNone hops
