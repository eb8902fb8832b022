module FunctionalWs.Conformance.Main

open System
open System.IO
open System.Text.RegularExpressions
open Microsoft.AspNetCore.Server.Kestrel.Core

let private usage =
    "usage: Conformance [ws://host:port/path | wss://… | --handler connections|messages | --kestrel 1|2 | --client]\n"
    + "                   [--only ID] [--report FILE.html] [--timeout SECONDS] [--strict] [--verbose]\n\n"
    + "Without any of the first line all that is ours is judged: the sample Echo with both kinds of handlers, an echo behind Kestrel over HTTP/1.1 and HTTP/2, and the client.\n"
    + "With --strict, whatever has not passed has failed. An id may be a section's or a group's: --only 6.2; a client's begins with c.\n"
    + "A server has to send every message back as it came, up to 1 MiB."

/// What is judged.
type private Subject =
    | At of Uri
    | OurServer of Handler: string
    | BehindKestrel of Http: string
    | OurClient

type private Arguments = {
    Subjects: Subject list
    Only: string
    Report: string option
    Timeout: TimeSpan
    IsStrict: bool
    IsVerbose: bool
}

let private defaults = {
    Subjects = []
    Only = ""
    Report = None
    Timeout = TimeSpan.FromSeconds 5.0
    IsStrict = false
    IsVerbose = false
}

let private ours = [
    OurServer "messages"
    OurServer "connections"
    BehindKestrel "1"
    BehindKestrel "2"
    OurClient
]

let private add (subject: Subject) (arguments: Arguments) : Arguments = {
    arguments with
        Subjects = arguments.Subjects @ [ subject ]
}

let rec private parse (arguments: Arguments) (words: string list) : Arguments option =
    match words with
    | [] -> Some arguments
    | "--only" :: id :: rest -> parse { arguments with Only = id } rest
    | "--report" :: file :: rest -> parse { arguments with Report = Some file } rest
    | "--timeout" :: seconds :: rest ->
        parse
            {
                arguments with
                    Timeout = TimeSpan.FromSeconds(float seconds)
            }
            rest
    | "--handler" :: handler :: rest -> parse (add (OurServer handler) arguments) rest
    | "--kestrel" :: http :: rest -> parse (add (BehindKestrel http) arguments) rest
    | "--client" :: rest -> parse (add OurClient arguments) rest
    | "--strict" :: rest -> parse { arguments with IsStrict = true } rest
    | "--verbose" :: rest -> parse { arguments with IsVerbose = true } rest
    | address :: rest when Regex.IsMatch(address, "^wss?://") -> parse (add (At(Uri address)) arguments) rest
    | _ -> None

let private isChosen (only: string) (id: string) =
    only = "" || id = only || id.StartsWith(only + ".")

let private tell (isVerbose: bool) (result: Suite.Result) =
    if isVerbose || result.Verdict = Failed || result.Verdict = NonStrict then
        let entry = result.Entry
        printfn $"{Verdict.name result.Verdict}: {entry.Id} {entry.Group}: {entry.Case.Sentence}"
        printfn $"    expected: {entry.Case.Expected}"
        printfn $"    happened: {result.Happened} ({result.Time.TotalMilliseconds:F0} ms)"

let private summarise (results: Suite.Result list) =
    for section, results in results |> List.groupBy _.Entry.Section do
        let count verdict = Suite.count verdict results

        printfn
            $"%-26s{section} %4d{count Passed} passed %3d{count NonStrict} non-strict %3d{count Failed} failed %3d{count Unimplemented} unimplemented"

let private report (arguments: Arguments) (page: string) (name: string) (results: Suite.Result list) =
    let file =
        arguments.Report
        |> Option.defaultValue (Path.Combine(Repository.root, "artifacts", "conformance", page))
        |> Path.GetFullPath

    Directory.CreateDirectory(Path.GetDirectoryName file) |> ignore
    File.WriteAllText(file, ReportPage.write name results)
    printfn $"{Path.GetRelativePath(Directory.GetCurrentDirectory(), file)}"

let private play (passedOver: string list) (arguments: Arguments) (target: Suite.Target) : Suite.Result list = [
    for entry in Suite.entriesFor target do
        if isChosen arguments.Only entry.Id && not (List.contains entry.Section passedOver) then
            let result = Suite.run target entry
            tell arguments.IsVerbose result
            result
]

let private judge
    (passedOver: string list)
    (arguments: Arguments)
    (name: string)
    (page: string)
    (target: Suite.Target)
    =
    let results = play passedOver arguments target

    if not results.IsEmpty then
        printfn $"{name}: {results.Length} cases"
        summarise results
        report arguments page name results

    results

let private judgeServerBut
    (passedOver: string list)
    (arguments: Arguments)
    (address: Uri)
    (name: string)
    (page: string)
    =
    Suite.Server {
        Address = address
        Timeout = arguments.Timeout
    }
    |> judge passedOver arguments name page

let private judgeServer = judgeServerBut []

/// A handler for messages over HTTP/1.1, one that blocks over HTTP/2: its opening handshake is another, and has tests of its own.
let private judgeKestrel (arguments: Arguments) (http: string) =
    if http = "2" then
        use server = new KestrelEcho("connections", HttpProtocols.Http2)
        use bridge = new Http2Bridge(server.Address)

        judgeServerBut
            [ Sections.Opening.section.Name ]
            arguments
            bridge.Address
            "behind Kestrel, HTTP/2"
            "http2.html"
    else
        use server = new KestrelEcho("messages", HttpProtocols.Http1)
        judgeServer arguments server.Address "behind Kestrel, HTTP/1.1" "kestrel.html"

let private judgeSubject (arguments: Arguments) (subject: Subject) : Suite.Result list =
    match subject with
    | At address -> judgeServer arguments address (string address) "index.html"
    | OurServer handler ->
        use server = new OwnServer(handler)

        let page =
            if handler = "messages" then
                "messages.html"
            else
                "index.html"

        judgeServer arguments server.Address $"the sample Echo, {handler}" page
    | BehindKestrel http -> judgeKestrel arguments http
    | OurClient -> Suite.Client arguments.Timeout |> judge [] arguments "the client" "client.html"

/// The totals of all subjects; the exit code.
let private total (isStrict: bool) (results: Suite.Result list) : int =
    let count verdict = Suite.count verdict results
    let other = count NonStrict + count Unimplemented
    let failed = count Failed + (if isStrict then other else 0)
    printfn $"{count NonStrict} non-strict, {count Unimplemented} unimplemented"
    printfn $"{count Passed} passed, {failed} failed"
    if failed = 0 then 0 else 1

[<EntryPoint>]
let main args =
    match parse defaults (List.ofArray args) with
    | None ->
        eprintfn $"{usage}"
        2
    | Some arguments ->
        let subjects =
            if arguments.Subjects.IsEmpty then
                ours
            else
                arguments.Subjects

        subjects |> List.collect (judgeSubject arguments) |> total arguments.IsStrict
