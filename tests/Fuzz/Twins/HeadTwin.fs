/// A request's head by regular expressions: slow, and easily seen to be what RFC 9112 says.
module FunctionalWs.Fuzz.HeadTwin

open System
open System.Text.RegularExpressions
open FunctionalWs.Protocol

let private tokenCharacter = @"[!#$%&'*+\-.^_`|~0-9A-Za-z]"
let private valueCharacter = @"[\t\x20-\x7E\x80-\xFF]"

let private head =
    Regex(
        @"\A(?:\r\n)*(?<method>"
        + tokenCharacter
        + @"{1,63})\x20(?<target>[\x00-\x09\x0B-\x1F\x21-\x7F]*)\x20"
        + @"(?<version>HTTP/1\.[01])\r\n(?:(?<name>"
        + tokenCharacter
        + "+):(?<value>"
        + valueCharacter
        + @"*)\r\n)*\r\n",
        RegexOptions.CultureInvariant ||| RegexOptions.Compiled
    )

let private captures (found: Match) (name: string) : string list = [
    for capture in found.Groups[name].Captures -> capture.Value
]

let private isBodiless (fields: (string * string) list) =
    let named (name: string) =
        fields
        |> List.filter (fun (field, _) -> String.Equals(field, name, StringComparison.OrdinalIgnoreCase))
        |> List.map snd

    named "Transfer-Encoding" = []
    && match named "Content-Length" with
       | [] -> true
       | [ length ] -> Regex.IsMatch(length, @"\A0+\z")
       | _ -> false

let private fits (limits: HeadLimits) (text: string) =
    let lines = [ for line in text.TrimStart('\r', '\n').Split "\r\n" -> line.Length + 2 ]

    let headers = List.tail lines |> List.filter (fun size -> size > 2)

    lines.Head <= limits.MaxStartLineLength
    && List.forall (fun size -> size <= limits.MaxHeaderLineLength) headers
    && headers.Length <= limits.MaxHeaderCount
    && text.Length <= limits.MaxHeadSize

/// The request and how much of the text it takes; none when it isn't complete, or not what it should be.
let read (limits: HeadLimits) (text: string) : (string list * (string * string) list * int) option =
    let found = head.Match text

    let fields =
        List.zip (captures found "name") (captures found "value" |> List.map _.Trim(' ', '\t'))

    if found.Success && isBodiless fields && fits limits found.Value then
        let line = [ for name in [ "method"; "target"; "version" ] -> found.Groups[name].Value ]
        Some(line, fields, found.Length)
    else
        None
