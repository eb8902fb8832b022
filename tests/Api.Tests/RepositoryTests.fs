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
    ]
