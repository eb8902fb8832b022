// What a server or a proxy asks a client to prove itself with (RFC 9110 §11.6.1, §11.7.1).
namespace FunctionalWs.Protocol

open System
open System.Collections
open System.Collections.Generic
open System.Text
open type System.FormattableString

/// <summary>A challenge: a scheme with its parameters, or with a token (RFC 9110 §11.3).</summary>
[<Sealed; AllowNullLiteral(false); StructuredFormatDisplay("{Text}")>]
type AuthChallenge internal (scheme: string, token: string | null, pairs: (struct (string * string)) list) =

    member private _.All: struct (string * (string | null) * (struct (string * string)) list) =
        scheme, token, pairs

    /// <summary>True when both ask for the same.</summary>
    override challenge.Equals(other: obj | null) : bool =
        match other with
        | :? AuthChallenge as other -> challenge.All = other.All
        | _ -> false

    /// <summary>A hash code of all of it.</summary>
    override challenge.GetHashCode() : int = hash challenge.All

    /// <summary>The scheme, such as <c>Basic</c>; case doesn't matter.</summary>
    member _.Scheme: string = scheme

    /// <summary>The token, as <c>Negotiate</c> has one; null when there are parameters or nothing.</summary>
    member _.Token: string | null = token

    /// <summary>The parameters in order, unquoted; names are compared without case.</summary>
    member _.Parameters: IReadOnlyList<KeyValuePair<string, string>> =
        [| for struct (name, value) in pairs -> KeyValuePair(name, value) |] :> _

    /// <summary>The first value of a parameter, such as <c>realm</c>; null when it is missing.</summary>
    /// <param name="name">The name, in any case.</param>
    member _.Find(name: string) : string | null =
        ArgumentNullException.ThrowIfNull(name, nameof name)

        let isNamed (struct (key: string, _)) =
            String.Equals(key, name, StringComparison.OrdinalIgnoreCase)

        match List.tryFind isNamed pairs with
        | Some(struct (_, value)) -> value
        | None -> null

    member private challenge.Text =
        match challenge.Find "realm" with
        | NonNull realm -> Invariant $"{scheme} {PeerText.quote realm}"
        | Null -> scheme

    /// <summary>The scheme, and the realm if there is one.</summary>
    override challenge.ToString() = challenge.Text

/// <summary>The challenges of an answer, in order. Immutable.</summary>
[<Sealed; AllowNullLiteral(false); StructuredFormatDisplay("{Text}")>]
type AuthChallenges internal (found: AuthChallenge list) =

    member private _.Found = found

    /// <summary>True when both have the same, in the same order.</summary>
    override challenges.Equals(other: obj | null) : bool =
        match other with
        | :? AuthChallenges as other -> found = other.Found
        | _ -> false

    /// <summary>A hash code of all of it.</summary>
    override challenges.GetHashCode() : int = hash found

    member private _.Text = found |> List.map _.ToString() |> String.concat ", "

    /// <summary>Schemes and realms.</summary>
    override challenges.ToString() = challenges.Text

    interface IReadOnlyList<AuthChallenge> with
        member challenges.Count: int = found.Length

        member challenges.Item
            with get (index: int): AuthChallenge = found[index]

        member challenges.GetEnumerator() : IEnumerator<AuthChallenge> = (Seq.ofList found).GetEnumerator()

        member challenges.GetEnumerator() : IEnumerator =
            (Seq.ofList found).GetEnumerator() :> IEnumerator

/// Reads lists of challenges: from left to right, and what can't be read ends the list.
module internal ChallengeGrammar =

    let rec private skip (isSkipped: char -> bool) (text: string) (at: int) : int =
        if at < text.Length && isSkipped text[at] then
            skip isSkipped text (at + 1)
        else
            at

    let private isBlank (character: char) = character = ' ' || character = '\t'
    let private isSeparator (character: char) = isBlank character || character = ','

    let private isAt (character: char) (text: string) (at: int) =
        at < text.Length && text[at] = character

    let private skipToken = skip HeaderSyntax.isTokenCharacter

    /// Letters, digits and `-._~+/`, then any `=`, and nothing more before a comma or the end (RFC 9110 §11.2).
    let private token68 (text: string) (at: int) : int voption =
        let isCharacter (character: char) =
            Char.IsAsciiLetterOrDigit character || "-._~+/".Contains character

        let letters = skip isCharacter text at
        let padded = skip ((=) '=') text letters
        let after = skip isBlank text padded

        if letters > at && (after = text.Length || text[after] = ',') then
            ValueSome padded
        else
            ValueNone

    /// `at` is after the opening quote.
    let private quoted (text: string) (at: int) : struct (string * int) voption =
        let content = StringBuilder()
        let mutable i = at

        while i < text.Length && text[i] <> '"' do
            if text[i] = '\\' && i + 1 < text.Length then
                i <- i + 1

            content.Append text[i] |> ignore
            i <- i + 1

        if i < text.Length then
            ValueSome(struct (content.ToString(), i + 1))
        else
            ValueNone

    let private value (text: string) (at: int) : struct (string * int) voption =
        let after = skipToken text at

        if isAt '"' text at then
            quoted text (at + 1)
        elif after > at then
            ValueSome(struct (text.Substring(at, after - at), after))
        else
            ValueNone

    /// `name=value`, with blanks around the equals sign.
    let private parameter (text: string) (at: int) : struct (struct (string * string) * int) voption =
        let nameEnd = skipToken text at
        let equals = skip isBlank text nameEnd

        if nameEnd = at || not (isAt '=' text equals) then
            ValueNone
        else
            match value text (skip isBlank text (equals + 1)) with
            | ValueSome(struct (value, after)) ->
                ValueSome(struct (struct (text.Substring(at, nameEnd - at), value), after))
            | ValueNone -> ValueNone

    /// Parameters between commas; what follows the last comma may be the next challenge.
    let rec private parameters
        (found: (struct (string * string)) list)
        (last: int)
        (text: string)
        (at: int)
        : struct ((struct (string * string)) list * int) =
        match parameter text at with
        | ValueNone -> struct (List.rev found, last)
        | ValueSome(struct (pair, after)) ->
            let comma = skip isBlank text after

            if isAt ',' text comma then
                parameters (pair :: found) comma text (skip isSeparator text comma)
            else
                struct (List.rev (pair :: found), comma)

    let private challenge (text: string) (at: int) : struct (AuthChallenge * int) voption =
        let schemeEnd = skipToken text at
        let rest = skip isBlank text schemeEnd

        let scheme = text.Substring(at, schemeEnd - at)

        if schemeEnd = at then
            ValueNone
        elif rest = schemeEnd then
            ValueSome(struct (AuthChallenge(scheme, null, []), rest))
        else
            match token68 text rest with
            | ValueSome after ->
                let token = text.Substring(rest, after - rest)
                ValueSome(struct (AuthChallenge(scheme, token, []), skip isBlank text after))
            | ValueNone ->
                let struct (pairs, after) = parameters [] rest text rest
                ValueSome(struct (AuthChallenge(scheme, null, pairs), after))

    /// What follows a challenge is a comma, or can't be read.
    let rec private list (found: AuthChallenge list) (text: string) (at: int) : AuthChallenge list =
        match challenge text (skip isSeparator text at) with
        | ValueSome(struct (next, after)) when isAt ',' text after -> list (next :: found) text after
        | ValueSome(struct (next, _)) -> List.rev (next :: found)
        | ValueNone -> List.rev found

    /// All challenges in all lines of a header.
    let ofHeader (name: string) (headers: Headers) : AuthChallenges =
        AuthChallenges(headers.GetAll name |> Seq.collect (fun text -> list [] text 0) |> List.ofSeq)

type AuthChallenge with

    /// <summary>True when both are equal, as <c>Equals</c> tells.</summary>
    static member op_Equality(left: AuthChallenge | null, right: AuthChallenge | null) : bool =
        obj.Equals(left, right)

    /// <summary>True when they are not equal.</summary>
    static member op_Inequality(left: AuthChallenge | null, right: AuthChallenge | null) : bool =
        not (obj.Equals(left, right))

type AuthChallenges with

    /// <summary>True when both are equal, as <c>Equals</c> tells.</summary>
    static member op_Equality(left: AuthChallenges | null, right: AuthChallenges | null) : bool =
        obj.Equals(left, right)

    /// <summary>True when they are not equal.</summary>
    static member op_Inequality(left: AuthChallenges | null, right: AuthChallenges | null) : bool =
        not (obj.Equals(left, right))
