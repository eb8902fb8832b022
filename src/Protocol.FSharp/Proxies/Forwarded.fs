// Whom a chain of proxies is serving, as its members write into requests: X-Forwarded-For, and Forwarded (RFC 7239).
namespace FunctionalWs.Protocol

open System
open System.Collections.Generic
open System.Net

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

    let private toHops (hops: IPEndPoint voption list) : IReadOnlyList<IPEndPoint | null> =
        [| for hop in hops -> ValueOption.toObj hop |] :> _

    [<CompiledName("ParseXForwardedFor")>]
    let parseXForwardedFor (values: IReadOnlyList<string>) : IReadOnlyList<IPEndPoint | null> =
        ArgumentNullException.ThrowIfNull(values, nameof values)

        String.Join(",", values).Split ','
        |> List.ofArray
        |> List.map _.Trim(' ', '\t')
        |> List.filter (fun item -> item <> "")
        |> List.rev
        |> List.map looseNode
        |> toHops

    // ---- Forwarded: elements with commas between them, each of pairs with semicolons between them (RFC 7239 §4)

    let private isPlain (character: char) =
        HeaderSyntax.isTokenCharacter character || "[]:".Contains character // some don't quote these

    let private value (text: string) (at: int) : HeaderLexer.Piece voption =
        if at < text.Length && text[at] = '"' then
            HeaderLexer.quoted text at
        else
            HeaderLexer.run isPlain text at

    let private isSeparator (text: string) (at: int) =
        at = text.Length || text[at] = ';' || text[at] = ','

    /// Elements and pairs may be empty; an empty element is no hop (RFC 9110 §5.6.1).
    let private add (hops: IPEndPoint voption list) (hop: IPEndPoint voption voption) =
        match hop with
        | ValueSome hop -> hop :: hops
        | ValueNone -> hops

    /// Reads a line. `hop` is what the current element has told so far, `hops` are those before it.
    let rec private pairs
        (hops: IPEndPoint voption list)
        (hop: IPEndPoint voption voption)
        (text: string)
        (at: int)
        : IPEndPoint voption list voption =
        match HeaderLexer.token text at with
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

                next hops (ValueSome told) text (HeaderLexer.skipBlanks text pair.After)
        | _ -> ValueNone

    and private next hops hop text at =
        if at = text.Length then
            ValueSome(add hops hop)
        else
            match text[at] with
            | ';' -> pairs hops hop text (HeaderLexer.skipBlanks text (at + 1))
            | ',' -> pairs (add hops hop) ValueNone text (HeaderLexer.skipBlanks text (at + 1))
            | _ -> ValueNone

    [<CompiledName("ParseForwarded")>]
    let parseForwarded (values: IReadOnlyList<string>) : IReadOnlyList<IPEndPoint | null> =
        ArgumentNullException.ThrowIfNull(values, nameof values)

        toHops [
            for line in Seq.rev values do
                match pairs [] ValueNone line (HeaderLexer.skipBlanks line 0) with
                | ValueSome hops -> yield! hops
                | ValueNone -> ValueNone
        ]

    [<CompiledName("FindClient")>]
    let findClient
        (isTrusted: Func<IPAddress, bool>)
        (hops: IReadOnlyList<IPEndPoint | null>)
        : IPEndPoint | null =
        ArgumentNullException.ThrowIfNull(isTrusted, nameof isTrusted)
        ArgumentNullException.ThrowIfNull(hops, nameof hops)

        let rec search (found: IPEndPoint | null) (hops: (IPEndPoint | null) list) =
            match hops with
            | [] -> found
            | nearest :: farther ->
                match nearest with
                | null -> found
                | hop when isTrusted.Invoke hop.Address -> search hop farther
                | hop -> hop

        search null (List.ofSeq hops)
