// What a run with coverage says of the libraries:
//   dotnet fsi .ci/coverage.fsx REPORT…
// A report is named for the tests that made it: Protocol.xml is that of tests/Protocol.Tests. Prints how many lines and branches of each
// library were taken, and the branches of those in .ci/cores.txt that their own tests didn't take; exits with 1 when one of these
// isn't explained in .ci/uncovered.txt.
open System
open System.Collections.Generic
open System.IO
open System.Xml.Linq

let root = Path.GetFullPath(Path.Combine(__SOURCE_DIRECTORY__, ".."))

/// The names in a file of .ci; those that begin with "#" are comments.
let linesOf (file: string) : string list =
    File.ReadLines(Path.Combine(__SOURCE_DIRECTORY__, file))
    |> Seq.filter (fun line -> line <> "" && not (line.StartsWith '#'))
    |> List.ofSeq

let cores = linesOf "cores.txt"

let attribute (name: string) (element: XElement) : string =
    match element.Attribute(XName.Get name) with
    | null -> failwith $"{element.Name} has no {name}"
    | found -> found.Value

let under (name: string) (element: XElement) : XElement list =
    List.ofSeq (element.Descendants(XName.Get name))

/// "83.33% (5/6)"
let ofConditions (text: string) : int * int =
    let parts = text.Substring(text.IndexOf '(' + 1).TrimEnd(')').Split '/'
    int parts[0], int parts[1]

type Branches = {
    File: string
    Line: int
    Taken: int
    All: int
}

type Library = {
    Name: string
    Lines: (string * int * bool) list
    Branches: Branches list
}

/// A line may belong to several methods, as closures do; each counts.
let read (report: string) : Library list = [
    for package in under "package" (XDocument.Load(report).Root) do
        let lines = [
            for kind in under "class" package do
                let file = Path.GetFileName(attribute "filename" kind)

                for methods in kind.Elements(XName.Get "methods") do
                    for line in under "line" methods -> file, line
        ]

        {
            Name = attribute "name" package
            Lines = [
                for file, line in lines -> file, int (attribute "number" line), attribute "hits" line <> "0"
            ]
            Branches = [
                for file, line in lines do
                    if attribute "branch" line = "True" then
                        let taken, all = ofConditions (attribute "condition-coverage" line)

                        {
                            File = file
                            Line = int (attribute "number" line)
                            Taken = taken
                            All = all
                        }
            ]
        }
]

let percent taken all =
    if all = 0 then
        100.0
    else
        Math.Floor(10000.0 * float taken / float all) / 100.0

let report (library: Library) =
    let lines = library.Lines |> List.groupBy (fun (file, line, _) -> file, line)

    let hit =
        lines
        |> List.filter (fun (_, group) -> group |> List.exists (fun (_, _, isHit) -> isHit))

    let taken = library.Branches |> List.sumBy _.Taken
    let all = library.Branches |> List.sumBy _.All

    printfn
        "%s: %g %% of lines (%d of %d), %g %% of branches (%d of %d)"
        library.Name
        (percent hit.Length lines.Length)
        hit.Length
        lines.Length
        (percent taken all)
        taken
        all

/// A place is its file and what stands in the line: lines move.
let placeOf (branches: Branches) : string =
    let lines =
        [ "Protocol.FSharp"; "Recording.FSharp"; "Routing.FSharp" ]
        |> Seq.collect (fun core ->
            Directory.GetFiles(Path.Combine(root, "src", core), branches.File, SearchOption.AllDirectories))
        |> Seq.exactlyOne
        |> File.ReadAllLines

    let text (line: int) = lines[line - 1].Trim()
    $"{branches.File}: {text branches.Line}"

let missing (branches: Branches list) : Map<string, int> =
    branches
    |> List.filter (fun branches -> branches.Taken < branches.All)
    |> List.groupBy placeOf
    |> List.map (fun (place, group) ->
        place, group |> List.sumBy (fun branches -> branches.All - branches.Taken))
    |> Map.ofList

/// Lines "2 File.fs: the source", under the reasons, which begin with "#".
let explained: Map<string, int> =
    linesOf "uncovered.txt"
    |> List.map (fun line -> line.Substring(line.IndexOf ' ' + 1), int (line.Substring(0, line.IndexOf ' ')))
    |> Map.ofList

/// Judges the branches of all cores at once: no two files have the same name.
let judge (branches: Branches list) : bool =
    let missing = missing branches

    let reachable =
        missing
        |> Map.filter (fun place n -> n > defaultArg (Map.tryFind place explained) 0)

    let taken =
        explained
        |> Map.filter (fun place n -> n > defaultArg (Map.tryFind place missing) 0)

    let all = branches |> List.sumBy _.All
    let unreachable = explained |> Map.toSeq |> Seq.sumBy snd

    let lacking =
        reachable
        |> Map.toSeq
        |> Seq.sumBy (fun (place, n) -> n - defaultArg (Map.tryFind place explained) 0)

    printfn
        "%s: %g %% of reachable branches; %d in %d lines can't be reached, see .ci/uncovered.txt"
        (String.concat " and " cores)
        (percent (all - unreachable - lacking) (all - unreachable))
        unreachable
        explained.Count

    for KeyValue(place, n) in reachable do
        eprintfn "%d not taken, and not explained in .ci/uncovered.txt: %s" n place

    for KeyValue(place, n) in taken do
        printfn "taken, though explained in .ci/uncovered.txt (%d): %s" n place

    reachable.IsEmpty

let reports = fsi.CommandLineArgs |> List.ofArray |> List.tail

let libraries =
    reports
    |> List.map (fun report -> Path.GetFileNameWithoutExtension report, read report)

// Of each library, the report that knows most of it counts.
for name, same in libraries |> List.collect snd |> List.groupBy _.Name do
    same
    |> List.maxBy (fun library -> library.Branches |> List.sumBy _.Taken)
    |> report

/// A core is judged by its own tests.
let ownBranches (core: string) : Branches list =
    match List.tryFind (fst >> (=) core) libraries with
    | Some(_, found) ->
        found
        |> List.filter (fun library -> library.Name = $"FunctionalWs.{core}")
        |> List.collect _.Branches
    | None -> failwith $"There is no report {core}.xml."

exit (if judge (List.collect ownBranches cores) then 0 else 1)
