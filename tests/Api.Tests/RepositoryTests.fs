/// Who has the repository is written down in one place.
module FunctionalWs.Api.Tests.RepositoryTests

open System
open System.IO
open System.Text.RegularExpressions
open Expecto
open Swensen.Unquote

/// What isn't ours, or was made here.
let private foreign =
    set [
        ".git"
        ".fsdocs"
        ".paket"
        "artifacts"
        "bin"
        "obj"
        "node_modules"
        "paket-files"
        "TestResults"
    ]

let rec private filesIn (folder: string) : string seq =
    seq {
        yield! Directory.GetFiles folder

        for inner in Directory.GetDirectories folder do
            if not (foreign.Contains(Path.GetFileName inner)) then
                yield! filesIn inner
    }

let private isText (file: string) =
    match Path.GetExtension file with
    | ".png"
    | ".bin"
    | ".pfx"
    | ".gz" -> false
    | _ -> FileInfo(file).Length < 2_000_000L

/// An address of the repository, or of its site, that names an owner.
let private address =
    Regex(@"github\.com/(?!\$)[\w-]+/FunctionalWs\b|\b[\w-]+\.github\.io\b", RegexOptions.Compiled)

[<Tests>]
let repository =
    testList "the repository" [
        testCase "its owner is named by a property, and by nothing else" (fun () ->
            let naming = [
                for file in filesIn Packages.root do
                    if isText file then
                        for found in address.Matches(File.ReadAllText file) do
                            $"{Path.GetRelativePath(Packages.root, file)}: {found.Value}"
            ]

            naming =! [])

        testCase "the address of each package is made of that property" (fun () ->
            let props = File.ReadAllText(Path.Combine(Packages.root, "Directory.Build.props"))

            test <@ props.Contains("github.com/$(RepositoryOwner)/FunctionalWs", StringComparison.Ordinal) @>
            test <@ props.Contains("$(RepositoryOwner).github.io", StringComparison.Ordinal) @>)

        testCase
            "the page on its architecture names each file of the core, in the order in which they are compiled"
            (fun () ->
                let read (path: string) =
                    File.ReadAllText(Path.Combine(Packages.root, path))

                let compiled = [
                    for file in
                        Regex.Matches(
                            read "src/Protocol.FSharp/FunctionalWs.Protocol.fsproj",
                            @"Include=""(\w+/)(\w+)\.fs"""
                        ) -> file.Groups[1].Value, file.Groups[2].Value
                ]

                let page = read "docs/architecture.md"
                let from = page.IndexOf("| folder, in compile order", StringComparison.Ordinal)

                let table =
                    page.Substring(from, page.IndexOf("\n\n", from, StringComparison.Ordinal) - from)

                let mutable folder = ""

                let named = [
                    for row in table.Split('\n', StringSplitOptions.RemoveEmptyEntries) |> Array.skip 2 do
                        let cells = row.Split '|'

                        if cells[1].Trim() <> "" then
                            folder <- cells[1].Trim().Trim '`'

                        for file in Regex.Matches(cells[2], @"`(\w+)`") do
                            folder, file.Groups[1].Value
                ]

                named =! compiled)
    ]
