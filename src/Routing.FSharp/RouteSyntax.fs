// The words of the rule language: names, and converters with their arguments.
namespace FunctionalWs.Routing

open System
open System.Collections.Generic

/// A part of a rule's text and where it begins; also what was expected there.
[<Struct>]
type internal RulePart = { Text: string; At: int }

module internal RouteSyntax =

    /// An error: what was expected where a part begins.
    let expected (text: string) (part: RulePart) : Result<'a, RulePart> = Error { part with Text = text }

    let trim (part: RulePart) : RulePart = {
        Text = part.Text.Trim()
        At = part.At + part.Text.Length - part.Text.TrimStart().Length
    }

    let isIdentifier (text: string) =
        text <> ""
        && not (Char.IsAsciiDigit text[0])
        && String.forall (fun character -> Char.IsAsciiLetterOrDigit character || character = '_') text

    let private isBareWord (text: string) =
        text <> ""
        && String.forall
            (fun character -> Char.IsAsciiLetterOrDigit character || "._-".Contains character)
            text

    /// The places of a character, quoted ones and those in parentheses left out.
    let indexesOf (separator: char) (text: string) : int list =
        let mutable quote = ValueNone
        let mutable depth = 0
        let found = List<int>()

        for i in 0 .. text.Length - 1 do
            match text[i], quote with
            | character, ValueSome opening ->
                if character = opening then
                    quote <- ValueNone
            | character, ValueNone when character = separator && depth = 0 -> found.Add i
            | ('"' | '\'') as character, ValueNone -> quote <- ValueSome character
            | '(', ValueNone -> depth <- depth + 1
            | ')', ValueNone -> depth <- depth - 1
            | _, ValueNone -> ()

        List.ofSeq found

    let splitAt (separator: char) (part: RulePart) : RulePart list =
        let ends = indexesOf separator part.Text @ [ part.Text.Length ]
        let starts = 0 :: List.map ((+) 1) ends

        List.map2
            (fun start finish -> {
                Text = part.Text.Substring(start, finish - start)
                At = part.At + start
            })
            (List.take ends.Length starts)
            ends

    let private unquote (part: RulePart) : Result<string, RulePart> =
        let text = part.Text

        if
            text.Length >= 2
            && (text[0] = '"' || text[0] = '\'')
            && text.IndexOf(text[0], 1) = text.Length - 1
        then
            Ok(text.Substring(1, text.Length - 2))
        elif isBareWord text then
            Ok text
        else
            part |> expected "a word, a number or a quoted text"

    let private argument (part: RulePart) : Result<RouteArgument, RulePart> =
        match splitAt '=' part |> List.map trim with
        | [ value ] -> unquote value |> Result.map (fun value -> { Key = ""; Value = value })
        | [ key; value ] when isIdentifier key.Text ->
            unquote value |> Result.map (fun value -> { Key = key.Text; Value = value })
        | _ -> part |> expected "key=value"

    /// All results, or the first error.
    let all (results: Result<'a, 'e> list) : Result<'a list, 'e> =
        List.foldBack
            (fun result rest ->
                match result, rest with
                | Ok value, Ok values -> Ok(value :: values)
                | Error error, _ -> Error error
                | Ok _, Error error -> Error error)
            results
            (Ok [])

    /// What stands in the parentheses. An argument `None` counts as left out, a trailing comma is fine.
    let private arguments (inner: RulePart) : Result<RouteArgument list, RulePart> =
        let parts = splitAt ',' inner |> List.map trim

        let isWritten (index, part: RulePart) =
            part.Text <> "" || index < parts.Length - 1

        let isGiven (argument: RouteArgument) =
            argument.Value <> "None" || argument.Key = ""

        parts
        |> List.indexed
        |> List.filter isWritten
        |> List.map (snd >> argument)
        |> all
        |> Result.map (List.filter isGiven)

    /// `int` or `int(min=1, max=9)`.
    let call (part: RulePart) : Result<string * RouteArgument list, RulePart> =
        let part = trim part
        let opening = part.Text.IndexOf '('

        let name =
            if opening < 0 then
                part.Text
            else
                part.Text.Substring(0, opening)

        if isIdentifier name && opening < 0 then
            Ok(name, [])
        elif isIdentifier name && part.Text.EndsWith ')' then
            arguments {
                Text = part.Text.Substring(opening + 1, part.Text.Length - opening - 2)
                At = part.At + opening + 1
            }
            |> Result.map (fun arguments -> name, arguments)
            |> Result.mapError (fun error ->
                if name = "regex" then
                    {
                        part with
                            Text = RouteConverters.noRegex
                    }
                else
                    error)
        else
            part
            |> expected "the name of a converter, with arguments in parentheses if it takes some,"
