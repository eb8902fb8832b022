module FunctionalWs.Fuzz.Main

open System
open System.Diagnostics
open System.IO
open FunctionalWs.Fuzz.Targets

let private targets: Target list = [
    RequestHead.target
    HeaderLists.target
    DeflateOffers.target
    ServerAnswers.target
    Authorizations.authorization
    Authorizations.proxy
    RoutePatterns.patterns
    RoutePatterns.paths
    Recordings.target
    Frames.target
    Texts.utf8
    Texts.close
    Connections.target
    Codec.inflating
    Codec.deflating
    Servers.target
]

let private usage =
    "usage: Fuzz [--target NAME]... [--executions 20000] [--seconds S] [--seed 1] [--save]\n"
    + "       Fuzz replay NAME FILE   runs the inputs of a file, a line each\n"
    + "       Fuzz minimise           makes the kept inputs smaller and fewer\n\n"
    + "Executions and seconds are those of each target.\n\ntargets:\n"
    + String.Join("\n", [ for target in targets -> $"  %-16s{target.Name}{target.About}" ])

type private Arguments = {
    Names: string list
    Budget: Budget
    Save: bool
}

let private defaults = {
    Names = []
    Budget = {
        Executions = 20_000L
        Time = TimeSpan.MaxValue
        Seed = 1UL
    }
    Save = false
}

let rec private parse (arguments: Arguments) (words: string list) : Arguments option =
    let budget = arguments.Budget

    match words with
    | [] -> Some arguments
    | "--save" :: rest -> parse { arguments with Save = true } rest
    | "--target" :: name :: rest when targets |> List.exists (fun target -> target.Name = name) ->
        parse
            {
                arguments with
                    Names = name :: arguments.Names
            }
            rest
    | "--executions" :: count :: rest ->
        parse
            {
                arguments with
                    Budget = {
                        budget with
                            Executions = Int64.Parse count
                    }
            }
            rest
    | "--seconds" :: seconds :: rest ->
        let time = TimeSpan.FromSeconds(float seconds)

        parse
            {
                arguments with
                    Budget = {
                        budget with
                            Time = time
                            Executions = Int64.MaxValue
                    }
            }
            rest
    | "--seed" :: seed :: rest ->
        parse
            {
                arguments with
                    Budget = { budget with Seed = UInt64.Parse seed }
            }
            rest
    | _ -> None

let private watchdog () = new Watchdog(TimeSpan.FromSeconds 30.0)

let private tell (report: Report) =
    let rate = float report.Executions / max 0.001 report.Time.TotalSeconds

    let verdict =
        match report.Find with
        | None -> "ok"
        | Some find -> $"BROKEN: {find.Rule}"

    printfn
        $"%-16s{report.Target}%12d{report.Executions} executions %6.1f{report.Time.TotalSeconds} s %8.0f{rate}/s %5d{report.Kept.Length} kept  {verdict}"

    match report.Find with
    | None -> ()
    | Some find ->
        let file = Corpus.saveFind report.Target find.Input
        printfn $"  {InputText.ofBytes find.Input}\n  {find.Detail}"
        printfn $"  dotnet run --project tests/Fuzz -- replay {report.Target} {file}"

let private fuzz (arguments: Arguments) : int =
    use watchdog = watchdog ()

    let chosen =
        targets
        |> List.filter (fun target -> arguments.Names.IsEmpty || List.contains target.Name arguments.Names)

    printfn $"seed {arguments.Budget.Seed}"

    let reports = [
        for target in chosen do
            let report = Session(target, arguments.Budget, watchdog).Run()
            tell report

            if arguments.Save then
                Corpus.save target.Name report.Kept

            report
    ]

    let failed =
        reports |> List.filter (fun report -> report.Find.IsSome) |> List.length

    let executions = reports |> List.sumBy _.Executions
    printfn $"{executions} executions"
    printfn $"{reports.Length - failed} passed, {failed} failed"
    if failed = 0 then 0 else 1

let private replay (name: string) (file: string) : int =
    let target = targets |> List.find (fun target -> target.Name = name)
    let trail = Trail()

    for line in File.ReadLines file do
        trail.Clear()
        let from = Stopwatch.GetTimestamp()
        target.Execute trail (InputText.toBytes line)
        let time = Stopwatch.GetElapsedTime from
        printfn $"%016X{trail.Signature} {time.TotalMilliseconds:F2} ms {line}"

    0

/// Small ones and large ones of many.
let private sample (most: int) (inputs: byte[] list) : byte[] list =
    let step = (inputs.Length + most - 1) / most |> max 1

    inputs
    |> List.sortBy _.Length
    |> List.indexed
    |> List.filter (fun (index, _) -> index % step = 0)
    |> List.map snd

/// Keeps one input for each signature, as small as may be; a file holds what people can still look through.
let private minimise () : int =
    use watchdog = watchdog ()
    let mostInputs = 120
    let tries = 300
    let mostBytes = 1_200

    for target in targets do
        let session = Session(target, defaults.Budget, watchdog)
        let inputs = Corpus.load target.Name

        let signed =
            inputs
            |> List.choose (fun input ->
                session.TrySignature input |> Option.map (fun signature -> signature, input))
            |> List.sortBy (fun (_, input) -> input.Length)
            |> List.distinctBy fst

        let shrink (signature, input) =
            Minimise.shrink tries (fun other -> session.TrySignature other = Some signature) input

        let chosen = sample mostInputs (List.map snd signed)

        let isChosen (_, input) =
            List.exists (fun other -> obj.ReferenceEquals(other, input)) chosen

        let kept =
            signed
            |> List.filter isChosen
            |> List.map shrink
            |> List.filter (fun input -> input.Length <= mostBytes)

        Corpus.save target.Name kept

        printfn
            $"%-16s{target.Name} %d{inputs.Length} -> %d{kept.Length}, %d{List.sumBy Array.length kept} bytes"

    0

[<EntryPoint>]
let main args =
    match List.ofArray args with
    | [ "replay"; name; file ] -> replay name file
    | [ "minimise" ] -> minimise ()
    | words ->
        match parse defaults words with
        | Some arguments -> fuzz arguments
        | None ->
            eprintfn $"{usage}"
            2
