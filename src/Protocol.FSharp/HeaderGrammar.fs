// Lists in header values, as the opening handshake has them (RFC 9110 §5.6, RFC 6455 §9.1).
// One pass from left to right, no backtracking: the time is linear in the text.
namespace FunctionalWs.Protocol

open System
open System.Text

/// <summary>Where a header value stops being what it should be.</summary>
type GrammarError = {
    /// <summary>What should stand there.</summary>
    Expected: string
    /// <summary>The index of the character, from 0; the length of the text at its end.</summary>
    Position: int
}

/// <summary>A parameter of an extension (RFC 6455 §9.1).</summary>
type ExtensionParameter = {
    /// <summary>The name; case matters.</summary>
    Name: string
    /// <summary>The value, unquoted; null when there is none.</summary>
    Value: string | null
}

/// <summary>An extension that a client offers, or that a server agrees to (RFC 6455 §9.1).</summary>
type ExtensionOffer = {
    /// <summary>The name; case matters.</summary>
    Name: string
    /// <summary>The parameters in order.</summary>
    Parameters: ExtensionParameter list
}

/// <summary>What a client says in <c>Authorization</c>, in the form that most schemes use (RFC 9110 §11.4).</summary>
type SchemeCredentials = {
    /// <summary>The scheme, such as <c>Basic</c>; case doesn't matter.</summary>
    Scheme: string
    /// <summary>Letters, digits and <c>-._~+/</c>, then any <c>=</c>. It may be a secret.</summary>
    Token: string
}

/// <summary>Parsers of header values. A peer's mistake is a result, never an exception.</summary>
module HeaderGrammar =

    // A parser takes a text and the place where it begins, and gives a value and the place after it.

    let private expected (what: string) (position: int) : Result<'a, GrammarError> =
        Error { Expected = what; Position = position }

    let rec private skip (isSkipped: char -> bool) (text: string) (at: int) : int =
        if at < text.Length && isSkipped text[at] then
            skip isSkipped text (at + 1)
        else
            at

    let private isBlank (character: char) = character = ' ' || character = '\t'

    let private skipBlanks = skip isBlank

    let private startsWith (character: char) (text: string) (at: int) =
        at < text.Length && text[at] = character

    let private token (text: string) (at: int) : Result<struct (string * int), GrammarError> =
        let after = skip HeaderSyntax.isTokenCharacter text at

        if after = at then
            expected "a token" at
        else
            Ok(struct (text.Substring(at, after - at), after))

    /// `token` or `token/token` (RFC 9110 §7.8).
    let private protocol (text: string) (at: int) : Result<struct (string * int), GrammarError> =
        match token text at with
        | Ok(struct (_, slash)) when startsWith '/' text slash ->
            token text (slash + 1)
            |> Result.map (fun (struct (_, after)) -> struct (text.Substring(at, after - at), after))
        | result -> result

    /// A quoted string whose content, unquoted, is a token (RFC 6455 §9.1). `at` is after the opening quote.
    let private quotedToken (text: string) (at: int) : Result<struct (string * int), GrammarError> =
        let content = StringBuilder()
        let mutable i = at

        while i < text.Length && text[i] <> '"' do
            if text[i] = '\\' && i + 1 < text.Length then
                i <- i + 1

            content.Append text[i] |> ignore
            i <- i + 1

        let value = content.ToString()

        if i = text.Length then
            expected "a closing quote" i
        elif not (HeaderSyntax.isToken value) then
            expected "a token in quotes" at
        else
            Ok(struct (value, i + 1))

    let private parameterValue (text: string) (at: int) : Result<struct (string * int), GrammarError> =
        if startsWith '"' text at then
            quotedToken text (at + 1)
        else
            token text at

    /// `name`, or `name=value`, with blanks around the equals sign.
    let private parameter (text: string) (at: int) : Result<struct (ExtensionParameter * int), GrammarError> =
        match token text at with
        | Error error -> Error error
        | Ok(struct (name, after)) ->
            let equals = skipBlanks text after

            if startsWith '=' text equals then
                parameterValue text (skipBlanks text (equals + 1))
                |> Result.map (fun (struct (value, after)) -> struct ({ Name = name; Value = value }, after))
            else
                Ok(struct ({ Name = name; Value = null }, after))

    let rec private parameters
        (parsed: ExtensionParameter list)
        (text: string)
        (at: int)
        : Result<struct (ExtensionParameter list * int), GrammarError> =
        let semicolon = skipBlanks text at

        if not (startsWith ';' text semicolon) then
            Ok(struct (List.rev parsed, at))
        else
            match parameter text (skipBlanks text (semicolon + 1)) with
            | Error error -> Error error
            | Ok(struct (next, after)) -> parameters (next :: parsed) text after

    let private extension (text: string) (at: int) : Result<struct (ExtensionOffer * int), GrammarError> =
        match token text at with
        | Error error -> Error error
        | Ok(struct (name, after)) ->
            parameters [] text after
            |> Result.map (fun (struct (parameters, after)) ->
                struct ({ Name = name; Parameters = parameters }, after))

    let private isSeparator (character: char) = character = ',' || isBlank character

    /// Items between commas; empty ones are skipped, but one must be there (RFC 9110 §5.6.1).
    let private list
        (item: string -> int -> Result<struct ('a * int), GrammarError>)
        (text: string)
        : Result<'a list, GrammarError> =
        let rec next parsed at =
            match item text at with
            | Error error -> Error error
            | Ok(struct (value, after)) ->
                let comma = skipBlanks text after
                let start = skip isSeparator text comma

                if comma = text.Length || start = text.Length && startsWith ',' text comma then
                    Ok(List.rev (value :: parsed))
                elif startsWith ',' text comma then
                    next (value :: parsed) start
                else
                    expected "a comma" comma

        next [] (skip isSeparator text 0)

    /// <summary>A list of tokens, as in <c>Connection</c> and <c>Sec-WebSocket-Protocol</c>.</summary>
    /// <param name="text">The value of the header.</param>
    [<CompiledName("ParseTokens")>]
    let parseTokens (text: string) : Result<string list, GrammarError> = list token text

    /// <summary>A list of protocols, <c>token</c> or <c>token/token</c>, as in <c>Upgrade</c> (RFC 9110 §7.8).</summary>
    /// <param name="text">The value of the header.</param>
    [<CompiledName("ParseProtocols")>]
    let parseProtocols (text: string) : Result<string list, GrammarError> = list protocol text

    /// <summary>A list of extensions, as in <c>Sec-WebSocket-Extensions</c> (RFC 6455 §9.1).</summary>
    /// <param name="text">The value of the header.</param>
    [<CompiledName("ParseExtensions")>]
    let parseExtensions (text: string) : Result<ExtensionOffer list, GrammarError> = list extension text

    let private renderParameter (parameter: ExtensionParameter) =
        match parameter.Value with
        | Null -> parameter.Name
        | NonNull value -> $"{parameter.Name}={value}"

    /// <summary>Extensions as the value of a header (RFC 6455 §9.1).</summary>
    /// <param name="extensions">Names and values are tokens.</param>
    [<CompiledName("RenderExtensions")>]
    let renderExtensions (extensions: ExtensionOffer seq) : string =
        let render (extension: ExtensionOffer) =
            extension.Name :: List.map renderParameter extension.Parameters
            |> String.concat "; "

        extensions |> Seq.map render |> String.concat ", "

    let private isToken68Character (character: char) =
        Char.IsAsciiLetterOrDigit character || "-._~+/".Contains character

    /// <summary>A scheme, blanks and a <c>token68</c>, as <c>Authorization</c> has them (RFC 9110 §11.4).</summary>
    /// <param name="text">The value of the header.</param>
    [<CompiledName("ParseCredentials")>]
    let parseCredentials (text: string) : Result<SchemeCredentials, GrammarError> =
        match token text 0 with
        | Error error -> Error error
        | Ok(struct (scheme, after)) ->
            let start = skip ((=) ' ') text after
            let padding = skip isToken68Character text start
            let length = skip ((=) '=') text padding

            if start = after then
                expected "a space" after
            elif padding = start then
                expected "a token68" start
            elif length < text.Length then
                expected "the end" length
            else
                Ok {
                    Scheme = scheme
                    Token = text.Substring start
                }
