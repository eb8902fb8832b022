/// Inputs as lines of text, for files that people read and that git compares.
module FunctionalWs.Fuzz.InputText

open System
open System.Globalization
open System.Text

let private isPlain (value: byte) =
    value >= 32uy && value <= 126uy && value <> byte '\\'

let private escape (value: byte) =
    match char value with
    | '\r' -> "\\r"
    | '\n' -> "\\n"
    | '\t' -> "\\t"
    | '\\' -> "\\\\"
    | other when isPlain value -> string other
    | _ -> $"\\x%02X{value}"

/// Text in quotes where most bytes are characters, Base64 otherwise.
let ofBytes (data: byte[]) : string =
    let plain = data |> Array.filter isPlain |> Array.length

    if plain * 3 >= data.Length * 2 then
        "\"" + (data |> Array.map escape |> String.concat "") + "\""
    else
        "base64 " + Convert.ToBase64String data

let rec private unescape (bytes: byte list) (text: char list) : byte[] =
    match text with
    | [] -> bytes |> List.rev |> Array.ofList
    | '\\' :: 'r' :: rest -> unescape (13uy :: bytes) rest
    | '\\' :: 'n' :: rest -> unescape (10uy :: bytes) rest
    | '\\' :: 't' :: rest -> unescape (9uy :: bytes) rest
    | '\\' :: '\\' :: rest -> unescape (byte '\\' :: bytes) rest
    | '\\' :: 'x' :: high :: low :: rest ->
        unescape (Byte.Parse(String [| high; low |], NumberStyles.HexNumber) :: bytes) rest
    | other :: rest -> unescape (byte other :: bytes) rest

let toBytes (line: string) : byte[] =
    if line.StartsWith "base64 " then
        Convert.FromBase64String(line.Substring 7)
    elif line.Length >= 2 && line.StartsWith '"' && line.EndsWith '"' then
        unescape [] (List.ofSeq (line.Substring(1, line.Length - 2)))
    else
        failwith $"neither text in quotes nor Base64: {line}"

let latin1 (text: string) : byte[] = Encoding.Latin1.GetBytes text
let ofLatin1 (data: byte[]) : string = Encoding.Latin1.GetString data
