// What a run with coverage says of the libraries:
//   dotnet fsi .ci/coverage.fsx REPORT…
// Prints how many lines and branches of each library were taken, and the branches of the core that weren't; exits with 1 when one of
// those isn't explained in .ci/uncovered.txt.
open System
open System.Collections.Generic
open System.IO
open System.Xml.Linq

let root = Path.GetFullPath(Path.Combine(__SOURCE_DIRECTORY__, ".."))
let core = "FunctionalWs.Protocol"

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
        File.ReadAllLines(Path.Combine(root, "src", "Protocol.FSharp", branches.File))

    let text (line: int) = lines[line - 1].Trim()
    $"{branches.File}: {text branches.Line}"

let missing (library: Library) : Map<string, int> =
    library.Branches
    |> List.filter (fun branches -> branches.Taken < branches.All)
    |> List.groupBy placeOf
    |> List.map (fun (place, group) ->
        place, group |> List.sumBy (fun branches -> branches.All - branches.Taken))
    |> Map.ofList

/// Lines "2 File.fs: the source", under the reasons, which begin with "#".
let explained: Map<string, int> =
    File.ReadLines(Path.Combine(__SOURCE_DIRECTORY__, "uncovered.txt"))
    |> Seq.filter (fun line -> line <> "" && not (line.StartsWith '#'))
    |> Seq.map (fun line -> line.Substring(line.IndexOf ' ' + 1), int (line.Substring(0, line.IndexOf ' ')))
    |> Map.ofSeq

let judge (library: Library) : bool =
    let missing = missing library

    let reachable =
        missing
        |> Map.filter (fun place n -> n > defaultArg (Map.tryFind place explained) 0)

    let taken =
        explained
        |> Map.filter (fun place n -> n > defaultArg (Map.tryFind place missing) 0)

    let all = library.Branches |> List.sumBy _.All
    let unreachable = explained |> Map.toSeq |> Seq.sumBy snd

    let lacking =
        reachable
        |> Map.toSeq
        |> Seq.sumBy (fun (place, n) -> n - defaultArg (Map.tryFind place explained) 0)

    printfn
        "%s: %g %% of reachable branches; %d in %d lines can't be reached, see .ci/uncovered.txt"
        core
        (percent (all - unreachable - lacking) (all - unreachable))
        unreachable
        explained.Count

    for KeyValue(place, n) in reachable do
        eprintfn "%d not taken, and not explained in .ci/uncovered.txt: %s" n place

    for KeyValue(place, n) in taken do
        printfn "taken, though explained in .ci/uncovered.txt (%d): %s" n place

    reachable.IsEmpty

let reports = fsi.CommandLineArgs |> List.ofArray |> List.tail
let libraries = reports |> List.map read

// The first report is of the core's own tests. Of each library, the report that knows most of it counts.
for name, same in List.concat libraries |> List.groupBy _.Name do
    same
    |> List.maxBy (fun library -> library.Branches |> List.sumBy _.Taken)
    |> report

exit (
    if
        libraries.Head
        |> List.filter (fun library -> library.Name = core)
        |> List.forall judge
    then
        0
    else
        1
)
