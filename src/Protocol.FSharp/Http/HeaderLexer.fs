// The pieces that header values are made of (RFC 9110 §5.6). One pass from left to right, no backtracking.
module internal FunctionalWs.Protocol.HeaderLexer

open System
open System.Text

/// A piece of a text, and the place after it.
[<Struct>]
type Piece = { Text: string; After: int }

/// The first place from here on at which another character stands, or the end.
let skip (isSkipped: char -> bool) (text: string) (at: int) : int =
    let mutable i = at

    while i < text.Length && isSkipped text[i] do
        i <- i + 1

    i

let isBlank (character: char) = character = ' ' || character = '\t'

let skipBlanks = skip isBlank

let startsWith (character: char) (text: string) (at: int) =
    at < text.Length && text[at] = character

/// One or more of some characters.
let run (isPart: char -> bool) (text: string) (at: int) : Piece voption =
    match skip isPart text at with
    | after when after > at ->
        ValueSome {
            Text = text.Substring(at, after - at)
            After = after
        }
    | _ -> ValueNone

let token = run HeaderSyntax.isTokenCharacter

/// What a quoted string says (RFC 9110 §5.6.4). Its opening quote stands at the place; none when it does not end.
let quoted (text: string) (at: int) : Piece voption =
    let content = StringBuilder()
    let mutable i = at + 1

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

/// A quoted string that says this.
let quote (content: string) : string =
    "\""
    + content.Replace("\\", "\\\\", StringComparison.Ordinal).Replace("\"", "\\\"", StringComparison.Ordinal)
    + "\""
