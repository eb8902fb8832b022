// Lists in header values, as the opening handshake has them (RFC 9110 §5.6, RFC 6455 §9.1).
// One pass from left to right, no backtracking: the time is linear in the text.
namespace FunctionalWs.Protocol

open System
open System.Diagnostics.CodeAnalysis
open System.Runtime.InteropServices
open type System.FormattableString

type GrammarError = { Expected: string; Position: int }

type ExtensionParameter = { Name: string; Value: string | null }

type ExtensionOffer = {
    Name: string
    Parameters: EquatableList<ExtensionParameter>
} with

    static member Create(name: string, parameters: ExtensionParameter seq) : ExtensionOffer =
        ArgumentNullException.ThrowIfNull(name, nameof name)
        ArgumentNullException.ThrowIfNull(parameters, nameof parameters)

        {
            Name = name
            Parameters = EquatableList.Create parameters
        }

[<StructuredFormatDisplay("{Shown}")>]
type SchemeCredentials = {
    Scheme: string
    Token: string
} with

    member private credentials.Shown = Invariant $"{credentials.Scheme} ***"

    override credentials.ToString() = credentials.Shown

module HeaderGrammar =

    // A parser takes a text and the place where it begins, and gives a value and the place after it.

    open HeaderLexer

    let private expected (what: string) (position: int) : Result<'a, GrammarError> =
        Error { Expected = what; Position = position }

    let private token (text: string) (at: int) : Result<struct (string * int), GrammarError> =
        match HeaderLexer.token text at with
        | ValueSome piece -> Ok(struct (piece.Text, piece.After))
        | ValueNone -> expected "a token" at

    /// `token` or `token/token` (RFC 9110 §7.8).
    let private protocol (text: string) (at: int) : Result<struct (string * int), GrammarError> =
        match token text at with
        | Ok(struct (_, slash)) when startsWith '/' text slash ->
            token text (slash + 1)
            |> Result.map (fun (struct (_, after)) -> struct (text.Substring(at, after - at), after))
        | result -> result

    /// A quoted string whose content, unquoted, is a token (RFC 6455 §9.1).
    let private quotedToken (text: string) (at: int) : Result<struct (string * int), GrammarError> =
        match quoted text at with
        | ValueNone -> expected "a closing quote" text.Length
        | ValueSome piece when HeaderSyntax.isToken piece.Text -> Ok(struct (piece.Text, piece.After))
        | ValueSome _ -> expected "a token in quotes" (at + 1)

    let private parameterValue (text: string) (at: int) : Result<struct (string * int), GrammarError> =
        if startsWith '"' text at then
            quotedToken text at
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
                struct (ExtensionOffer.Create(name, parameters), after))

    let private isSeparator (character: char) = character = ',' || isBlank character

    /// Items between commas; empty ones are skipped, and there may be none (RFC 9110 §5.6.1).
    let private list
        (item: string -> int -> Result<struct ('a * int), GrammarError>)
        (text: string)
        : Result<EquatableList<'a>, GrammarError> =
        let rec next parsed at =
            match item text at with
            | Error error -> Error error
            | Ok(struct (value, after)) ->
                let comma = skipBlanks text after
                let start = skip isSeparator text comma

                if comma = text.Length || start = text.Length && startsWith ',' text comma then
                    Ok(EquatableList.Create(List.rev (value :: parsed)))
                elif startsWith ',' text comma then
                    next (value :: parsed) start
                else
                    expected "a comma" comma

        match skip isSeparator text 0 with
        | first when first = text.Length -> Ok(EquatableList.Create [])
        | first -> next [] first

    [<CompiledName("ParseTokens")>]
    let parseTokens (text: string) : Result<EquatableList<string>, GrammarError> =
        ArgumentNullException.ThrowIfNull(text, nameof text)
        list token text

    [<CompiledName("TryParseTokens")>]
    let tryParseTokens
        (
            text: string,
            [<Out; NotNullWhen(true)>] tokens: byref<EquatableList<string> | null>,
            [<Out>] error: byref<GrammarError>
        ) : bool =
        Result.tryGet (parseTokens text) &tokens &error


    [<CompiledName("ParseProtocols")>]
    let parseProtocols (text: string) : Result<EquatableList<string>, GrammarError> =
        ArgumentNullException.ThrowIfNull(text, nameof text)
        list protocol text

    [<CompiledName("TryParseProtocols")>]
    let tryParseProtocols
        (
            text: string,
            [<Out; NotNullWhen(true)>] protocols: byref<EquatableList<string> | null>,
            [<Out>] error: byref<GrammarError>
        ) : bool =
        Result.tryGet (parseProtocols text) &protocols &error


    [<CompiledName("ParseExtensions")>]
    let parseExtensions (text: string) : Result<EquatableList<ExtensionOffer>, GrammarError> =
        ArgumentNullException.ThrowIfNull(text, nameof text)

        list extension text

    [<CompiledName("TryParseExtensions")>]
    let tryParseExtensions
        (
            text: string,
            [<Out; NotNullWhen(true)>] extensions: byref<EquatableList<ExtensionOffer> | null>,
            [<Out>] error: byref<GrammarError>
        ) : bool =
        Result.tryGet (parseExtensions text) &extensions &error


    let private renderParameter (parameter: ExtensionParameter) =
        match parameter.Value with
        | Null -> parameter.Name
        | NonNull value -> Invariant $"{parameter.Name}={value}"

    [<CompiledName("RenderExtensions")>]
    let renderExtensions (extensions: ExtensionOffer seq) : string =
        ArgumentNullException.ThrowIfNull(extensions, nameof extensions)

        let render (extension: ExtensionOffer) =
            extension.Name
            :: [ for parameter in extension.Parameters -> renderParameter parameter ]
            |> String.concat "; "

        extensions |> Seq.map render |> String.concat ", "

    let private isToken68Character (character: char) =
        Char.IsAsciiLetterOrDigit character || "-._~+/".Contains character

    [<CompiledName("ParseCredentials")>]
    let parseCredentials (text: string) : Result<SchemeCredentials, GrammarError> =
        ArgumentNullException.ThrowIfNull(text, nameof text)

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

    [<CompiledName("TryParseCredentials")>]
    let tryParseCredentials
        (
            text: string,
            [<Out; NotNullWhen(true)>] credentials: byref<SchemeCredentials | null>,
            [<Out>] error: byref<GrammarError>
        ) : bool =
        Result.tryGet (parseCredentials text) &credentials &error

type GrammarError with

    static member op_Equality(left: GrammarError | null, right: GrammarError | null) : bool =
        obj.Equals(left, right)

    static member op_Inequality(left: GrammarError | null, right: GrammarError | null) : bool =
        not (obj.Equals(left, right))

type ExtensionParameter with

    static member op_Equality(left: ExtensionParameter | null, right: ExtensionParameter | null) : bool =
        obj.Equals(left, right)

    static member op_Inequality(left: ExtensionParameter | null, right: ExtensionParameter | null) : bool =
        not (obj.Equals(left, right))

type ExtensionOffer with

    static member op_Equality(left: ExtensionOffer | null, right: ExtensionOffer | null) : bool =
        obj.Equals(left, right)

    static member op_Inequality(left: ExtensionOffer | null, right: ExtensionOffer | null) : bool =
        not (obj.Equals(left, right))

type SchemeCredentials with

    static member op_Equality(left: SchemeCredentials | null, right: SchemeCredentials | null) : bool =
        obj.Equals(left, right)

    static member op_Inequality(left: SchemeCredentials | null, right: SchemeCredentials | null) : bool =
        not (obj.Equals(left, right))
