/// A change of the public surface shows in a text file of the same commit.
module FunctionalWs.Api.Tests.PublicApiTests

open System
open System.IO
open Expecto
open Swensen.Unquote

/// The longest common subsequence, as a table of lengths from each pair of places to the ends.
let private common (before: string[]) (after: string[]) =
    let lengths = Array2D.zeroCreate (before.Length + 1) (after.Length + 1)

    for i in before.Length - 1 .. -1 .. 0 do
        for j in after.Length - 1 .. -1 .. 0 do
            lengths[i, j] <-
                if before[i] = after[j] then
                    lengths[i + 1, j + 1] + 1
                else
                    max lengths[i + 1, j] lengths[i, j + 1]

    lengths

/// Lines that went and lines that came, each under the last line without indentation before it.
let diff (before: string) (after: string) : string list =
    let before = before.Split '\n'
    let after = after.Split '\n'
    let lengths = common before after

    let heading (lines: string[]) (index: int) =
        Seq.init (index + 1) (fun back -> lines[index - back])
        |> Seq.tryFind (fun line -> line <> "" && not (line.StartsWith ' '))
        |> Option.defaultValue ""

    let rec go i j =
        if i < before.Length && j < after.Length && before[i] = after[j] then
            go (i + 1) (j + 1)
        elif
            i < before.Length
            && (j = after.Length || lengths[i + 1, j] >= lengths[i, j + 1])
        then
            ('-', before[i], heading before i) :: go (i + 1) j
        elif j < after.Length then
            ('+', after[j], heading after j) :: go i (j + 1)
        else
            []

    go 0 0
    |> List.filter (fun (_, line, _) -> line <> "")
    |> List.map (fun (sign, line, heading) ->
        if line = heading then
            $"{sign} {line}"
        else
            $"{sign} {line}      in: {heading}")

let private compare (package: Packages.Package) =
    let file = Packages.surfaceFile package
    let written = if File.Exists file then File.ReadAllText file else ""

    match diff (written.ReplaceLineEndings "\n") (Packages.surface package) with
    | [] -> ()
    | changes ->
        let shown = String.concat "\n" changes

        failwith
            $"The public surface of {Packages.name package} is not what {package.Folder}/PublicAPI.txt says:\n\
              {shown}\n\
              If that is meant, update the files and commit them with the change:\n\
              dotnet run --project tests/Api.Tests -- update"

[<Tests>]
let publicApi =
    testList "public API" [
        for package in Packages.all do
            testCase $"the surface of {Packages.name package} is the one that is written down" (fun () ->
                compare package)

        testCase "a difference names the type it is in" (fun () ->
            let before =
                "namespace N\n\nclass A\n    int X { get; }\n\nclass B\n    int X { get; }\n"

            let after =
                "namespace N\n\nclass A\n    int X { get; }\n\nclass B\n    long X { get; }\n"

            diff before after
            =! [
                "-     int X { get; }      in: class B"
                "+     long X { get; }      in: class B"
            ])

        testCase "equal texts have no difference" (fun () -> diff "a\n b\n" "a\n b\n" =! [])
    ]
