/// Rules of a router, and the paths that they are asked for.
module FunctionalWs.Fuzz.Targets.RoutePatterns

open System
open System.Collections.Generic
open System.Text.RegularExpressions
open FunctionalWs.Fuzz
open FunctionalWs.Protocol
open FunctionalWs.Routing

let private plain: RouteBase = { ServerName = null; IsSecure = false }

let private request (host: string) (target: string) : Request = {
    Method = "GET"
    Target = target
    Version = "HTTP/1.1"
    Headers = Headers.Empty.Add("Host", host)
}

let private values (route: RouteValues) =
    let pairs: IReadOnlyDictionary<string, obj> = route
    [ for pair in pairs -> $"{pair.Key}={pair.Value}" ] |> List.sort

/// A path that is built of what was found leads to the same again.
let private checkBuilt (table: RouteTable) (at: RouteBase) (host: string) endpoint (found: RouteValues) =
    match table.BuildPath(endpoint, found) with
    | Error _ -> ()
    | Ok path ->
        match table.Match(at, request host path) with
        | RouteMatch.Matched(again, _, other) when again = endpoint ->
            Oracle.agree "built: values" (values found) (values other)
        // Another rule may take what was `%2F` and is a slash now; of one rule there is no other.
        | RouteMatch.Matched _ when table.Rules.Count > 1 -> ()
        | other -> Oracle.fail "built" $"{endpoint} {found} gave {path}, which leads to {other}"

let private pathOf (location: string) : string =
    let authority = location.IndexOf("://", StringComparison.Ordinal) + 3

    match location.IndexOfAny([| '/'; '?' |], authority) with
    | -1 -> "/"
    | at -> location.Substring at

/// Follows redirects: they end, and no peer can put a line into them.
let rec private follow (trail: Trail) (table: RouteTable) at (given: string) (left: int) (target: string) =
    // That of an absolute target, whatever the header says.
    let host = Handshake.hostOf (request given target) |> Result.defaultValue given
    let found = table.Match(at, request host target)
    trail.Note(Oracle.tag found)

    match found with
    | RouteMatch.Redirect location ->
        let isClean =
            location |> Seq.forall (fun character -> character > ' ' && character <= '~')

        Oracle.holds "location" isClean (fun () -> location)
        Oracle.holds "redirects end" (left > 0) (fun () -> location)

        if location.StartsWith '/' then
            Oracle.holds
                "the host stays"
                (not (location.StartsWith("//", StringComparison.Ordinal)))
                (fun () -> location)

            follow trail table at host (left - 1) location
        elif location.StartsWith($"ws://{host}", StringComparison.Ordinal) then
            follow trail table at host (left - 1) (pathOf location)
    | RouteMatch.Matched(endpoint, rule, found) ->
        trail.Note rule
        trail.NoteSize found.Count
        checkBuilt table at host endpoint found
    | RouteMatch.NotFound
    | RouteMatch.MethodNotAllowed _
    | RouteMatch.BadRequest _ -> ()

// ---- Patterns

let private placeholders =
    Regex(@"<[^>]*>|\{[^}]*\}", RegexOptions.CultureInvariant)

let private samples = [
    "1"
    "-7"
    "abc"
    "a/b/c"
    "2.5"
    "0b8e7a0a-3d1c-4f0b-9d0e-0123456789ab"
    "%C3%A9"
    "00"
]

let private checkPosition (text: string) (error: RouteSyntaxError) =
    Oracle.agree "rule" text error.Rule

    Oracle.holds "position" (error.Position >= 0 && error.Position <= text.Length) (fun () ->
        $"{error.Position} of {text.Length}")

let private matchSamples (trail: Trail) (text: string) (pattern: RoutePattern) =
    match RouteTable.create true [ RouteRule.Create("e", pattern) ] with
    | Error error -> trail.Note(error.Reason.Length)
    | Ok table ->
        trail.NoteSize pattern.Names.Count
        trail.Note pattern.ValueTypes.Count

        for sample in samples do
            follow trail table plain "example.com" 4 (placeholders.Replace(text, sample))

let private executePattern (trail: Trail) (data: byte[]) =
    let text = InputText.ofLatin1 data
    let budget = 65_536L + 2_000L * int64 data.Length

    match Oracle.within budget (fun () -> RoutePattern.parse text) with
    | Ok pattern -> matchSamples trail text pattern
    | Error error ->
        checkPosition text error
        trail.Note(error.Expected.Length)

    match RoutePattern.parseHost (Dictionary<string, RouteConverter>()) text with
    | Ok pattern -> trail.Note(1_000 + pattern.Names.Count)
    | Error error ->
        checkPosition text error
        trail.Note(2_000 + min 20 error.Expected.Length)

let private rules = [|
    "/"
    "/chat"
    "/channel/<uuid:channel_id>"
    "/channel/{channelId:guid}"
    "/<int:a>/<float:b>"
    "/<int(min=1,max=10):n>/x"
    "/<int(fixed_digits=3):n>"
    "/<any(a,b,'c d'):which>/"
    "/<path:rest>"
    "/a/{*rest}/b"
    "/{name:length(2,5)}"
    "/{n:int:range(1,9)}"
    "/<string(minlength=2):s>-<string:t>.txt"
    "/<float(signed=True):f>"
    "/files//<name>"
    "<sub>.example.com"
    "example.com:8080"
|]

let private pieces = [|
    "<"
    ">"
    "{"
    "}"
    "("
    ")"
    ":"
    ","
    "="
    "'"
    "\""
    "/"
    "//"
    "<int:x>"
    "{y:int}"
    "<path:p>"
    "{*z}"
    "min=1"
    "max=99999999999999999999"
    "fixed_digits=400"
    "signed=True"
    "any(a,b)"
    "?"
    "%2F"
    "-"
    "é"
|]

let private words = Array.append rules pieces |> Array.map InputText.latin1

let private generateRule (dice: Dice) : byte[] =
    if dice.OneIn 2 then
        InputText.latin1 (dice.Pick rules)
    else
        "/" + String.Join("", [ for _ in 0 .. dice.Size 10 -> dice.Pick pieces ])
        |> InputText.latin1

let patterns: Target = {
    Name = "route-patterns"
    About = "a rule of the router, and paths that it could take"
    Words = words
    MaxSize = 1_000
    Generate = generateRule
    Mutate = fun dice data -> Mutations.one dice words (generateRule dice) data
    Execute = executePattern
}

// ---- Paths

let private parsed (text: string) =
    match RoutePattern.parse text with
    | Ok pattern -> pattern
    | Error error -> failwith $"{error}"

let private hostOf (text: string) =
    match RoutePattern.parseHost (Dictionary<string, RouteConverter>()) text with
    | Ok pattern -> pattern
    | Error error -> failwith $"{error}"

let private rule (text: string) = RouteRule.Create(text, parsed text)

let private table: RouteTable =
    let one: obj = box 1

    let all = [
        yield! List.map rule [ "/"; "/chat"; "/chat/"; "/<int:id>"; "/<float:x>/y"; "/u/<uuid:id>/" ]
        yield!
            List.map rule [
                "/f/<path:rest>"
                "/f/<path:rest>/end"
                "/<a>-<b>.txt"
                "/<any(in,out):way>/<n>"
            ]
        {
            rule "/page/" with
                Endpoint = "page"
                Defaults = RouteValues.Create [ KeyValuePair("n", one) ]
        }
        {
            rule "/page/<int:n>" with
                Endpoint = "page"
        }
        {
            rule "/old/<name>" with
                Redirect = ValueSome(RouteRedirect.Template "/new/<name>")
        }
        rule "/new/<name>"
        {
            rule "/alias/<int:n>" with
                Endpoint = "page"
                IsAlias = true
        }
        {
            rule "/loose/<x>/" with
                StrictSlashes = false
        }
        {
            rule "/exact//<x>" with
                MergeSlashes = false
        }
        {
            rule "/h" with
                Scope = RouteScope.Host(hostOf "<name>.example.org")
        }
        {
            rule "/s/<v>" with
                Scope = RouteScope.Subdomain(hostOf "<sub>")
        }
        {
            rule "/p" with
                Scope = RouteScope.Host(hostOf "example.org:8080")
        }
    ]

    match RouteTable.create true all with
    | Ok table -> table
    | Error error -> failwith $"{error}"

let private named: RouteBase = {
    ServerName = "example.com"
    IsSecure = true
}

/// The host is what stands before the first line feed.
let private executePath (trail: Trail) (data: byte[]) =
    let host, target =
        match (InputText.ofLatin1 data).Split('\n', 2) with
        | [| host; target |] when HeaderSyntax.isValue host -> host, target
        | parts -> "example.com", Array.last parts

    for at in [ plain; named ] do
        let budget = 65_536L + 600L * int64 data.Length

        Oracle.within budget (fun () -> table.Match(at, request host target)) |> ignore

        follow trail table at host 6 target

let private targets = [|
    "/"
    "/chat"
    "/chat/"
    "//chat"
    "/17"
    "/1.50/y"
    "/u/0B8E7A0A-3d1c-4f0b-9d0e-0123456789ab/"
    "/f/a/b//c/end"
    "/a-b-c.txt"
    "/in/x"
    "/page/1?x=y"
    "/page/2"
    "/old/n%20m"
    "/old/%2F"
    "/alias/1"
    "/loose/a"
    "/exact//b"
    "/h"
    "/s/1"
    "/p"
    "/%E2%82%AC"
    "/%ff"
    "/%00"
    "*"
    "ws://example.com/17"
    "http://example.com?x"
    "/..;/a#b"
|]

let private hosts = [|
    "example.com"
    "a.example.com"
    "A.Example.ORG"
    "example.org:8080"
    "[::1]:80"
    "example.com."
    "x..y"
    "127.0.0.1:99999"
|]

let private generatePath (dice: Dice) : byte[] =
    let further = if dice.OneIn 3 then dice.Pick targets else ""

    InputText.latin1 (dice.Pick hosts + "\n" + dice.Pick targets + further)

let private pathWords =
    Array.concat [ targets; hosts; [| "%2e"; "%"; "?"; "//"; "&"; ";"; "\\"; "%0d%0a" |] ]
    |> Array.map InputText.latin1

let paths: Target = {
    Name = "router-paths"
    About = "a host, a line feed, and the target of a request"
    Words = pathWords
    MaxSize = 4_000
    Generate = generatePath
    Mutate = fun dice data -> Mutations.one dice pathWords (generatePath dice) data
    Execute = executePath
}
