module FunctionalWs.Conformance.Main

open System
open System.IO
open System.Text.RegularExpressions

let private usage =
    "usage: Conformance [ws://host:port/path | wss://…] [--only ID] [--report FILE.html] [--timeout SECONDS] [--handler connections|messages] [--strict] [--verbose]\n\n"
    + "Without an address our sample Echo is started and judged. With --strict, whatever has not passed has failed. An id may be a section's or a group's: --only 6.2\n"
    + "The server has to send every message back as it came, up to 1 MiB."

type private Arguments = {
    Address: Uri option
    Only: string
    Report: string
    Timeout: TimeSpan
    Handler: string
    IsStrict: bool
    IsVerbose: bool
}

let private defaults = {
    Address = None
    Only = ""
    Report = Path.Combine(Repository.root, "artifacts", "conformance", "index.html")
    Timeout = TimeSpan.FromSeconds 5.0
    Handler = "connections"
    IsStrict = false
    IsVerbose = false
}

let rec private parse (arguments: Arguments) (words: string list) : Arguments option =
    match words with
    | [] -> Some arguments
    | "--only" :: id :: rest -> parse { arguments with Only = id } rest
    | "--report" :: file :: rest -> parse { arguments with Report = file } rest
    | "--timeout" :: seconds :: rest ->
        parse
            {
                arguments with
                    Timeout = TimeSpan.FromSeconds(float seconds)
            }
            rest
    | "--handler" :: handler :: rest -> parse { arguments with Handler = handler } rest
    | "--strict" :: rest -> parse { arguments with IsStrict = true } rest
    | "--verbose" :: rest -> parse { arguments with IsVerbose = true } rest
    | address :: rest when Regex.IsMatch(address, "^wss?://") ->
        parse
            {
                arguments with
                    Address = Some(Uri address)
            }
            rest
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

let private judge (arguments: Arguments) (address: Uri) : int =
    let destination = {
        Address = address
        Timeout = arguments.Timeout
    }

    let results = [
        for entry in Suite.entries do
            if isChosen arguments.Only entry.Id then
                let result = Suite.run destination entry
                tell arguments.IsVerbose result
                result
    ]

    summarise results
    let report = Path.GetFullPath arguments.Report
    Directory.CreateDirectory(Path.GetDirectoryName report) |> ignore
    File.WriteAllText(report, ReportPage.write address results)
    printfn $"{Path.GetRelativePath(Directory.GetCurrentDirectory(), report)}"

    let count verdict = Suite.count verdict results

    let failed =
        count Failed
        + (if arguments.IsStrict then
               count NonStrict + count Unimplemented
           else
               0)

    printfn $"{count NonStrict} non-strict, {count Unimplemented} unimplemented"
    printfn $"{count Passed} passed, {failed} failed"
    if failed = 0 then 0 else 1

[<EntryPoint>]
let main args =
    match parse defaults (List.ofArray args) with
    | None ->
        eprintfn $"{usage}"
        2
    | Some { Address = Some address } & Some arguments -> judge arguments address
    | Some arguments ->
        use server = new OwnServer(arguments.Handler)
        judge arguments server.Address
