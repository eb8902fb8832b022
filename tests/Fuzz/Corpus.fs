/// The inputs that are kept: a line each, in files that are committed.
module FunctionalWs.Fuzz.Corpus

open System
open System.IO

/// The repository that this program was built in; where it runs, if there is none.
let private repository =
    let isRoot (folder: DirectoryInfo) =
        File.Exists(Path.Combine(folder.FullName, "FunctionalWs.sln"))

    let rec root (folder: DirectoryInfo) =
        if isNull folder then Directory.GetCurrentDirectory()
        elif isRoot folder then folder.FullName
        else root folder.Parent

    root (DirectoryInfo AppContext.BaseDirectory)

let private folder = Path.Combine(repository, "tests", "Fuzz", "Corpus")

let private fileOf (name: string) = Path.Combine(folder, name, "kept.txt")

let load (name: string) : byte[] list =
    if File.Exists(fileOf name) then
        [ for line in File.ReadLines(fileOf name) -> InputText.toBytes line ]
    else
        []

let save (name: string) (inputs: byte[] seq) =
    Directory.CreateDirectory(Path.Combine(folder, name)) |> ignore

    let lines =
        inputs
        |> Seq.sortBy (fun input -> input.Length, input)
        |> Seq.map InputText.ofBytes

    File.WriteAllLines(fileOf name, lines)

/// Writes an input that broke a rule to where it can be replayed from.
let saveFind (name: string) (input: byte[]) : string =
    let finds = Path.Combine(repository, "artifacts", "fuzz")
    Directory.CreateDirectory finds |> ignore
    let file = Path.Combine(finds, $"{name}-{Dice.hash input:X16}.txt")
    File.WriteAllText(file, InputText.ofBytes input + "\n")
    Path.GetRelativePath(Directory.GetCurrentDirectory(), file)
