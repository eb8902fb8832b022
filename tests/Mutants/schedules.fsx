// Do the explored schedules bite? Puts one mistake of schedules.txt after the other into a copy of the repository, and tells which ones no schedule finds.
//
//   dotnet fsi tests/Mutants/schedules.fsx check                        fails when a mistake fits its file not exactly once, or names no scenario
//   dotnet fsi tests/Mutants/schedules.fsx run FOLDER [FIRST LAST]     tries them all in a copy in that folder, or those of these numbers
//
// The scenarios that a mistake names come first: most are found within seconds. Then they come once more with all preemptions, then all others.

open System
open System.Diagnostics
open System.IO

type Mistake = {
    Name: string
    File: string
    Scenarios: string list
    Old: string
    New: string
}

let root = Path.GetFullPath(Path.Combine(__SOURCE_DIRECTORY__, "..", ".."))
let sources = Path.Combine("src", "Server.CSharp")

let pathOf (file: string) =
    Directory.GetFiles(Path.Combine(root, sources), file, SearchOption.AllDirectories)
    |> Array.filter (fun path ->
        not (path.Contains $"{Path.DirectorySeparatorChar}obj{Path.DirectorySeparatorChar}"))
    |> Array.exactlyOne
    |> fun path -> Path.GetRelativePath(root, path)

let mistakes: Mistake list =
    let lines =
        File.ReadAllLines(Path.Combine(__SOURCE_DIRECTORY__, "schedules.txt"))
        |> Array.filter (fun line -> not (line.StartsWith '#'))

    // A mistake begins two lines above that of its scenarios.
    let starts = [
        for index in 1 .. lines.Length - 1 do
            if lines[index].StartsWith "~ " && lines[index - 1].EndsWith ".cs" then
                index - 2
    ]

    [
        for start, next in List.pairwise (starts @ [ lines.Length ]) do
            let body = String.concat "\n" lines[start + 3 .. next - 1]
            let change = body.IndexOf "\n+ "

            {
                Name = lines[start]
                File = lines[start + 1]
                Scenarios = List.ofArray (lines[start + 2].Substring(2).Split "; ")
                Old = body.Substring(2, change - 2)
                New = body.Substring(change + 3).TrimEnd()
            }
    ]

let tests = Path.Combine("tests", "Simulation.Tests")

let unfit = [
    let scenarios = File.ReadAllText(Path.Combine(root, tests, "ScheduleTests.fs"))

    for mistake in mistakes do
        for scenario in mistake.Scenarios do
            if not (scenarios.Contains $"\"{scenario}\",\n    fun") then
                $"no scenario: {scenario}: {mistake.Name}"

        let text = File.ReadAllText(Path.Combine(root, pathOf mistake.File))

        match text.Split(mistake.Old).Length - 1 with
        | 1 -> ()
        | n -> $"{mistake.File}: {n} times: {mistake.Name}"
]

let runWith
    (variables: (string * string) list)
    (folder: string)
    (limit: TimeSpan)
    (program: string)
    (arguments: string list)
    : int option =
    let start =
        ProcessStartInfo(program, arguments, WorkingDirectory = folder, RedirectStandardOutput = true)

    for name, value in variables do
        start.Environment[name] <- value

    use child = Process.Start start

    child.OutputDataReceived.Add(fun line ->
        if line.Data <> null && line.Data.Contains "failed" then
            printfn $"    {line.Data}")

    child.BeginOutputReadLine()

    if child.WaitForExit limit then
        Some child.ExitCode
    else
        child.Kill true
        child.WaitForExit()
        None

let run = runWith []

let copy (folder: string) =
    let files =
        ProcessStartInfo("git", [ "ls-files" ], WorkingDirectory = root, RedirectStandardOutput = true)

    use git = Process.Start files

    for file in git.StandardOutput.ReadToEnd().Split('\n', StringSplitOptions.RemoveEmptyEntries) do
        let from, target = Path.Combine(root, file), Path.Combine(folder, file)

        if File.Exists from then
            Directory.CreateDirectory(string (Path.GetDirectoryName target)) |> ignore
            File.Copy(from, target, true)

let built = Path.Combine(tests, "bin", "Debug", "net10.0")
let library = Path.Combine(sources, "FunctionalWs.Server.csproj")
let minutes (count: float) = TimeSpan.FromMinutes count

type Outcome =
    /// By a scenario of those that it names, or by another.
    | Found of Scenario: string
    | NotFound
    | OutOfTime
    /// Neither as where a schedule has failed nor as where none has: it has crashed, say.
    | Ended of Code: int

let explore
    (variables: (string * string) list)
    (folder: string)
    (limit: TimeSpan)
    (scenario: string)
    : Outcome =
    let outcome =
        runWith variables folder limit "dotnet" [
            "exec"
            Path.Combine(built, "FunctionalWs.Simulation.Tests.dll")
            "explore"
            scenario
        ]

    match outcome with
    | Some 0 -> NotFound
    | Some 2 -> Found(if scenario = "" then "another" else scenario)
    | Some code -> Ended code
    | None -> OutOfTime

/// What the schedules say of a mistake.
let tried (folder: string) (mistake: Mistake) : Outcome =
    let path = pathOf mistake.File
    let target = Path.Combine(folder, path)
    let text = File.ReadAllText(Path.Combine(root, path))

    try
        File.WriteAllText(target, text.Replace(mistake.Old, mistake.New))

        if
            run folder (minutes 5.0) "dotnet" [
                "build"
                library
                "--no-restore"
                "--no-dependencies"
                "-v"
                "q"
                "-p:TreatWarningsAsErrors=false"
                "-p:RunAnalyzers=false"
            ]
            <> Some 0
        then
            failwith $"{mistake.Name}: does not compile"

        File.Copy(
            Path.Combine(folder, sources, "bin", "Debug", "net10.0", "FunctionalWs.Server.dll"),
            Path.Combine(folder, built, "FunctionalWs.Server.dll"),
            true
        )

        let full = [ ("FUNCTIONALWS_SCALE", "full") ]

        let outcomes =
            seq {
                for scenario in mistake.Scenarios do
                    explore [] folder (minutes 5.0) scenario

                for scenario in mistake.Scenarios do
                    explore full folder (minutes 10.0) scenario
            }

        match outcomes |> Seq.tryFind _.IsFound with
        | Some found -> found
        | None -> explore [] folder (minutes 15.0) ""
    finally
        File.WriteAllText(target, text)

match List.ofArray fsi.CommandLineArgs |> List.tail with
| [ "check" ] ->
    for text in unfit do
        printfn $"{text}"

    printfn $"{mistakes.Length - unfit.Length} passed, {unfit.Length} failed"
    exit (if unfit.IsEmpty then 0 else 1)
| "run" :: folder :: range ->
    let first, last =
        match range with
        | [ first; last ] -> int first, int last
        | _ -> 1, mistakes.Length

    copy folder

    if
        run folder (minutes 10.0) "dotnet" [ "msbuild"; "build/packages.proj"; "-t:Install"; "-v:q" ]
        <> Some 0
    then
        failwith "packages"

    if run folder (minutes 20.0) "dotnet" [ "build"; tests; "-v"; "q" ] <> Some 0 then
        failwith "the tests don't build"

    let chosen =
        mistakes
        |> List.mapi (fun index mistake -> index + 1, mistake)
        |> List.filter (fun (number, _) -> number >= first && number <= last)

    let found = ResizeArray()

    for number, mistake in chosen do
        let watch = Stopwatch.StartNew()

        let word =
            match tried folder mistake with
            | Found scenario ->
                found.Add mistake
                $"found by {scenario}"
            | NotFound -> "NOT FOUND"
            | OutOfTime -> "NOT FOUND, and not all schedules were tried"
            | Ended code -> $"NOT FOUND, ended with {code}"

        printfn $"{number}: {word}: {mistake.Name} ({watch.Elapsed.TotalSeconds:F0} s)"

    printfn $"{found.Count} of {chosen.Length} found"
| _ -> failwith "check, or run FOLDER [FIRST LAST]"
