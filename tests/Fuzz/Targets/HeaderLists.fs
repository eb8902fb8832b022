/// Lists in header values: tokens, protocols, extensions, and what proxies write of clients.
module FunctionalWs.Fuzz.Targets.HeaderLists

open System
open System.Net
open System.Text.RegularExpressions
open FunctionalWs.Fuzz
open FunctionalWs.Protocol

let private token = @"[!#$%&'*+\-.^_`|~0-9A-Za-z]+"

let private parameter =
    token
    + @"(?:[ \t]*=[ \t]*(?:"
    + token
    + @"|""(?:\\?[!#$%&'*+\-.^_`|~0-9A-Za-z])+""))?"

let private extension = token + @"(?:[ \t]*;[ \t]*" + parameter + ")*"

let private list (item: string) =
    Regex(
        @"\A[, \t]*(?:(?<item>"
        + item
        + @")(?:[ \t]*,[, \t]*(?<item>"
        + item
        + @"))*[ \t]*(?:,[, \t]*)?)?\z",
        RegexOptions.CultureInvariant ||| RegexOptions.Compiled
    )

let private tokens = list token
let private protocols = list (token + "(?:/" + token + ")?")
let private extensions = list extension

let private credentials =
    Regex(@"\A(?<item>" + token + @")\x20+(?<item>[A-Za-z0-9\-._~+/]+=*)\z", RegexOptions.CultureInvariant)

let private items (twin: Regex) (text: string) : string list option =
    match twin.Match text with
    | found when found.Success -> Some [ for item in found.Groups["item"].Captures -> item.Value ]
    | _ -> None

let private budget (text: string) = 8_192L + 400L * int64 text.Length

/// Parses, and compares what the twin says.
let private compare
    (trail: Trail)
    (rule: string)
    (twin: Regex)
    (text: string)
    parse
    (namesOf: 'a -> string list option)
    =
    let parsed: Result<'a, GrammarError> =
        Oracle.within (budget text) (fun () -> parse text)

    match parsed, items twin text with
    | Ok found, Some expected ->
        trail.NoteSize expected.Length

        namesOf found
        |> Option.iter (fun names -> Oracle.agree $"twin: {rule}" expected names)
    | Error error, None ->
        trail.Note(error.Expected.Length)

        Oracle.holds $"position: {rule}" (error.Position >= 0 && error.Position <= text.Length) (fun () ->
            $"{error.Position}")
    | Ok found, None -> Oracle.fail $"twin: {rule}" $"accepted as {found}"
    | Error error, Some expected -> Oracle.fail $"twin: {rule}" $"{error}, expected {expected}"

let private checkRendered (text: string) =
    match HeaderGrammar.parseExtensions text with
    | Error _ -> ()
    | Ok offers ->
        let rendered = HeaderGrammar.renderExtensions offers
        Oracle.agree "rendered" (Ok offers) (HeaderGrammar.parseExtensions rendered)

let private checkForwarded (trail: Trail) (text: string) =
    let most = (text |> String.filter ((=) ',')).Length + 1

    for rule, parse in
        [
            "X-Forwarded-For", Forwarded.parseXForwardedFor
            "Forwarded", Forwarded.parseForwarded
        ] do
        let hops = Oracle.within (budget text) (fun () -> parse [| text |])
        Oracle.holds $"hops: {rule}" (hops.Count <= most) (fun () -> $"{hops}")
        trail.NoteSize hops.Count
        trail.NoteSize(hops |> Seq.filter (isNull >> not) |> Seq.length |> int64)

        let isTrusted (address: IPAddress) =
            address.GetAddressBytes()[0] % 2uy = 0uy

        trail.Note(
            if isNull (Forwarded.findClient (Func<_, _> isTrusted) hops) then
                0
            else
                1
        )

    let known =
        Forwarded.parseXForwardedFor [| text |]
        |> Seq.choose Option.ofObj
        |> Seq.filter (fun hop -> hop.Port > 0)
        |> List.ofSeq

    let written =
        known |> List.rev |> List.map (fun hop -> $"{hop}") |> String.concat ", "

    Forwarded.parseXForwardedFor [| written |]
    |> Seq.choose Option.ofObj
    |> List.ofSeq
    |> Oracle.agree "X-Forwarded-For again" known

let private execute (trail: Trail) (data: byte[]) =
    let text = InputText.ofLatin1 data
    compare trail "tokens" tokens text HeaderGrammar.parseTokens (List.ofSeq >> Some)
    compare trail "protocols" protocols text HeaderGrammar.parseProtocols (List.ofSeq >> Some)
    compare trail "extensions" extensions text HeaderGrammar.parseExtensions (fun _ -> None)

    compare trail "credentials" credentials text HeaderGrammar.parseCredentials (fun found ->
        Some [ found.Scheme; found.Token ])

    checkRendered text
    checkForwarded trail text

let private words = [|
    "websocket"
    "keep-alive, Upgrade"
    "h2c/2.0"
    "permessage-deflate; client_max_window_bits"
    "; server_max_window_bits=\"1\\0\""
    "for=192.0.2.60;proto=http"
    "for=\"[2001:db8::1]:4711\""
    "192.0.2.1:80"
    "[2001:db8::1]:443"
    "2001:db8::1"
    "unknown"
    "Basic dXNlcjpwYXNz"
    ", "
    " ; "
    "="
    "\""
    "\\"
    "\t"
|]

let private generate (dice: Dice) : byte[] =
    [
        for _ in 0 .. dice.Size 12 do
            dice.Pick words
            dice.Pick [| ","; ", "; ";"; "; "; ""; " "; "/" |]
    ]
    |> String.concat ""
    |> InputText.latin1

let target: Target = {
    Name = "header-lists"
    About = "a header's value, by all parsers of lists"
    Words = words |> Array.map InputText.latin1
    MaxSize = 8_192
    Generate = generate
    Mutate = fun dice data -> Mutations.one dice (words |> Array.map InputText.latin1) data data
    Execute = execute
}
