// Do the tests of the pure libraries (.ci/cores.txt) bite? Puts one mistake after the other into a copy of the repository, and tells which ones no test finds.
//
//   dotnet fsi tests/Mutants/mutants.fsx check            fails when a mistake of mutants.txt fits its file not exactly once
//   dotnet fsi tests/Mutants/mutants.fsx run [FOLDER [FIRST LAST]]   tries them all, or those of these numbers: some ten seconds each

#r "FSharp.Compiler.Service.dll"

open System
open System.Diagnostics
open System.IO
open System.Text.Json
open FSharp.Compiler.CodeAnalysis

type Mutant = {
    File: string
    Old: string
    New: string
}

let root = Path.GetFullPath(Path.Combine(__SOURCE_DIRECTORY__, "..", ".."))

/// A library that is tested: its sources, its tests, and where these lie when they are built.
type Core = {
    Sources: string
    Tests: string
    Built: string
    Name: string
}

let cores: Core list = [
    for name in File.ReadLines(Path.Combine(root, ".ci", "cores.txt")) do
        if not (name.StartsWith '#') then
            {
                Sources = Path.Combine("src", $"{name}.FSharp")
                Tests = Path.Combine("tests", $"{name}.Tests")
                Built = Path.Combine("tests", $"{name}.Tests", "bin", "Debug", "net10.0")
                Name = $"FunctionalWs.{name}"
            }
]

/// Whose a file is and where it lies: names are unique, folders may change.
let find (file: string) : Core * string =
    List.exactlyOne [
        for core in cores do
            for path in
                Directory.GetFiles(Path.Combine(root, core.Sources), file, SearchOption.AllDirectories) do
                core, Path.GetRelativePath(root, path)
    ]

let coreOf (file: string) : Core = fst (find file)
let pathOf (file: string) : string = snd (find file)

/// Blocks of a file's name, a piece behind "- " and another behind "+ "; blank lines within a piece stay.
let mutants: Mutant list =
    let text =
        File.ReadAllLines(Path.Combine(__SOURCE_DIRECTORY__, "mutants.txt"))
        |> Seq.skipWhile (fun line -> line.StartsWith '#')
        |> String.concat "\n"

    let isName (line: string) =
        line.EndsWith ".fs" && not (line.Contains ' ')

    let blocks =
        text.Split '\n'
        |> Seq.fold
            (fun blocks line ->
                match blocks with
                | _ when isName line -> [ line ] :: blocks
                | block :: rest -> (line :: block) :: rest
                | [] -> [])
            []
        |> Seq.map List.rev
        |> Seq.rev

    [
        for block in blocks do
            let body = String.concat "\n" block.Tail
            let change = body.IndexOf "\n+ "

            {
                File = block.Head
                Old = body.Substring(2, change - 2)
                New = body.Substring(change + 3).TrimEnd()
            }
    ]

let occurrences (text: string) (piece: string) = text.Split(piece).Length - 1

/// The mistakes that don't fit, each with a reason.
let unfit = [
    for mutant in mutants do
        let text = File.ReadAllText(Path.Combine(root, pathOf mutant.File))

        match occurrences text mutant.Old with
        | 1 -> ()
        | n -> $"{mutant.File}: {n} times: {mutant.Old}"
]

/// Runs a program; its exit code, or none when it took too long, as with a loop that the mistake has made endless.
let run (folder: string) (limit: TimeSpan) (program: string) (arguments: string list) : int option =
    let start =
        ProcessStartInfo(
            program,
            arguments,
            WorkingDirectory = folder,
            RedirectStandardOutput = true,
            RedirectStandardError = true
        )

    start.Environment["FAILFAST"] <- "1"
    use child = Process.Start start
    child.OutputDataReceived.Add ignore
    child.ErrorDataReceived.Add ignore
    child.BeginOutputReadLine()
    child.BeginErrorReadLine()

    if child.WaitForExit limit then
        Some child.ExitCode
    else
        child.Kill true
        child.WaitForExit()
        None

let build folder project =
    run folder (TimeSpan.FromMinutes 10.0) "dotnet" [ "build"; project; "-v"; "q" ] = Some 0

let copy (folder: string) =
    let files =
        ProcessStartInfo("git", [ "ls-files" ], WorkingDirectory = root, RedirectStandardOutput = true)

    use git = Process.Start files

    for file in git.StandardOutput.ReadToEnd().Split('\n', StringSplitOptions.RemoveEmptyEntries) do
        let from, target = Path.Combine(root, file), Path.Combine(folder, file)

        if File.Exists from then
            Directory.CreateDirectory(string (Path.GetDirectoryName target)) |> ignore
            File.Copy(from, target, true)

/// What a library is compiled with; a warning is no reason not to try a mistake.
let compilerArguments (folder: string) (core: Core) : string[] =
    // Nothing is told of what is up to date.
    for project in Directory.GetFiles(Path.Combine(folder, core.Sources), "*.fsproj") do
        File.SetLastWriteTimeUtc(project, DateTime.UtcNow)

    let arguments = [
        "msbuild"
        core.Sources
        "-t:ResolveReferences;GenerateAssemblyInfo;CoreCompile"
        "-p:ProvideCommandLineArgs=true"
        "-p:SkipCompilerExecution=true"
        "-getItem:FscCommandLineArgs,ReferencePath"
    ]

    let start =
        ProcessStartInfo("dotnet", arguments, WorkingDirectory = folder, RedirectStandardOutput = true)

    use child = Process.Start start

    let items =
        JsonDocument.Parse(child.StandardOutput.ReadToEnd()).RootElement.GetProperty "Items"

    let listed (name: string) = [
        for item in items.GetProperty(name).EnumerateArray() -> string (item.GetProperty "Identity")
    ]

    [|
        "fsc"
        for reference in listed "ReferencePath" do
            "-r:" + reference
        for argument in listed "FscCommandLineArgs" do
            match argument with
            | text when text.StartsWith "-o:" || text.StartsWith "--doc:" || text.StartsWith "--warn" -> ()
            | text when text.EndsWith ".fs" || text.EndsWith ".fsi" ->
                Path.Combine(folder, core.Sources, text)
            | text -> text
        "-o:" + Path.Combine(folder, core.Built, core.Name + ".dll")
        "--nowarn:20,26,1182"
    |]

// One compiler for all of them: it is warm after the first.
let checker = FSharpChecker.Create()

let compile (arguments: string[]) : bool =
    let findings, failure = checker.Compile(arguments) |> Async.RunSynchronously

    if failure.IsSome then
        findings |> Seq.truncate 3 |> Seq.iter (printfn "    %O")

    failure.IsNone

/// The lists of tests that are tried first, since they are about the file; then come all.
let near (file: string) : string =
    if (coreOf file).Name <> "FunctionalWs.Protocol" then
        "/**"
    elif
        List.contains file [
            "Connection.fs"
            "Fragments.fs"
            "Limits.fs"
            "CloseCode.fs"
            "Errors.fs"
            "ControlPayload.fs"
        ]
    then
        "/(messages*|control*|closing*|commands|parts*|a%20*|the%20end|reserved*|equality|what*|values)/**"
    elif
        List.contains file [
            "Endpoint.fs"
            "Receiving.fs"
            "Payload.fs"
            "PayloadDecoder.fs"
            "Outgoing.fs"
            "ReadAhead.fs"
            "Timing.fs"
        ]
    then
        "/(an%20endpoint*|a%20step*|the%20end*|reading%20ahead|the%20keepalive|the%20next*|timeouts|going*|messages*)/**"
    elif
        List.contains file [
            "FrameReader.fs"
            "FrameWriter.fs"
            "Frame.fs"
            "Opcode.fs"
            "Masking.fs"
            "Utf8.fs"
        ]
    then
        "/(masking*|UTF*|the%20examples*|what*|however*|writing*|values|reserved*)/**"
    else
        "/(lists*|header*|reading*|limits*|writing*|accepting*|rejecting*|origins*|subprotocols*|negotiating*|credentials*|name*|challenges|refusals*|the%20PROXY*|making*|completing*|errors*)/**"

let passes (folder: string) (core: Core) (filter: string) : bool =
    let suite = Path.Combine(core.Built, core.Name + ".Tests.dll")
    run folder (TimeSpan.FromMinutes 10.0) "dotnet" [ suite; "--treenode-filter"; filter ] = Some 0

/// Whether the tests pass with what lies in the copy; none when it can't be compiled. Only the library is compiled again.
let survives (folder: string) (arguments: string[]) (file: string) : bool option =
    if not (compile arguments) then
        None
    else
        Some(List.distinct [ near file; "/**" ] |> List.forall (passes folder (coreOf file)))

let tryOut (folder: string) (arguments: string[]) (mutant: Mutant) : bool option =
    let path = Path.Combine(folder, pathOf mutant.File)
    let original = File.ReadAllText path
    File.WriteAllText(path, original.Replace(mutant.Old, mutant.New))
    let result = survives folder arguments mutant.File
    File.WriteAllText(path, original)
    result

let runAll (folder: string) (first: int) (last: int) =
    copy folder

    let chosen = List.indexed mutants |> List.truncate last |> List.skip (first - 1)
    let filesOf = List.map (snd >> _.File) >> List.distinct

    let arguments =
        Map [
            for core in chosen |> filesOf |> List.map coreOf |> List.distinct do
                if not (build folder core.Tests) then
                    failwith $"The tests of {core.Name} don't build."

                core, compilerArguments folder core
        ]

    for KeyValue(core, arguments) in arguments do
        let files = chosen |> filesOf |> List.filter (coreOf >> (=) core)

        if
            not (
                compile arguments
                && "/**" :: List.map near files
                   |> List.distinct
                   |> List.forall (passes folder core)
            )
        then
            failwith $"The tests of {core.Name} don't pass without a mistake."

    let results = [
        for number, mutant in chosen do
            let clock = Stopwatch.StartNew()
            let result = tryOut folder arguments[coreOf mutant.File] mutant

            let word =
                match result with
                | None -> "DOES NOT BUILD"
                | Some true -> "SURVIVED"
                | Some false -> "killed"

            printfn
                "%3d %-14s %3.0f s  %s: %s"
                (number + 1)
                word
                clock.Elapsed.TotalSeconds
                mutant.File
                (mutant.New.ReplaceLineEndings " ")

            result
    ]

    let count result =
        results |> Seq.filter ((=) result) |> Seq.length

    printfn
        "%d mutants: %d killed, %d survived, %d don't build"
        results.Length
        (count (Some false))
        (count (Some true))
        (count None)

    if count (Some false) = results.Length then 0 else 1

let exitCode =
    match List.ofArray fsi.CommandLineArgs |> List.tail, unfit with
    | _, _ :: _ ->
        unfit |> List.iter (eprintfn "%s")
        1
    | [ "check" ], [] ->
        printfn "%d mutants, each fits its file once" mutants.Length
        0
    | [ "run" ], [] -> runAll (Path.Combine(Path.GetTempPath(), "functionalws-mutants")) 1 mutants.Length
    | [ "run"; folder ], [] -> runAll folder 1 mutants.Length
    | [ "run"; folder; first; last ], [] -> runAll folder (int first) (int last)
    | _ ->
        eprintfn "check, or run [FOLDER [FIRST LAST]]"
        1

exit exitCode
