// What the packages have to hold:
//   dotnet fsi .ci/checkPackages.fsx FOLDER OTHER_FOLDER VERSION COMMIT BUILT_IN
// OTHER_FOLDER has the same packages, built of the same sources in another place: what they bring must not differ.
// COMMIT is empty where the sources are not in git. BUILT_IN is a path that no assembly may tell.
// Prints what is wrong, each on a line, and exits with 1 if anything is.
open System
open System.Collections.Generic
open System.IO
open System.IO.Compression
open System.Reflection.Metadata
open System.Reflection.PortableExecutable
open System.Text
open System.Text.RegularExpressions
open System.Xml.Linq

let folder, otherFolder, version, commit, builtIn =
    match fsi.CommandLineArgs with
    | [| _; folder; other; version; commit; builtIn |] -> folder, other, version, commit, builtIn
    | _ ->
        eprintfn "usage: dotnet fsi .ci/checkPackages.fsx FOLDER OTHER_FOLDER VERSION COMMIT BUILT_IN"
        exit 2

/// The oldest versions that do: a higher floor is a decision, made here.
let fsharpCore = "FSharp.Core", "10.0.111"

let expected =
    Map [
        "FunctionalWs.Protocol", [ fsharpCore ]
        "FunctionalWs.Recording", [ "FunctionalWs.Protocol", version; fsharpCore ]
        "FunctionalWs.Routing", [ "FunctionalWs.Protocol", version; fsharpCore ]
        "FunctionalWs.Explore",
        [
            "FunctionalWs.Protocol", version
            "FunctionalWs.Recording", version
            fsharpCore
        ]
        "FunctionalWs.Generators",
        [
            "FunctionalWs.Protocol", version
            "FunctionalWs.Explore", version
            fsharpCore
            "FsCheck", "3.6.0"
        ]
        "FunctionalWs.Server",
        [
            "FunctionalWs.Protocol", version
            "FunctionalWs.Recording", version
            "FunctionalWs.Routing", version
            fsharpCore
            "Microsoft.Extensions.Logging.Abstractions", "10.0.0"
        ]
        "FunctionalWs.Client", [ "FunctionalWs.Server", version; fsharpCore ]
        "FunctionalWs.Testing",
        [
            "FunctionalWs.Client", version
            "FunctionalWs.Server", version
            fsharpCore
        ]
        "FunctionalWs.FSharp",
        [
            "FunctionalWs.Client", version
            "FunctionalWs.Server", version
            fsharpCore
        ]
        "FunctionalWs.FSharp.Testing",
        [
            "FunctionalWs.FSharp", version
            "FunctionalWs.Testing", version
            fsharpCore
        ]
        "FunctionalWs.Hosting",
        [
            "FunctionalWs.Server", version
            fsharpCore
            "Microsoft.Extensions.Hosting.Abstractions", "10.0.0"
            "Microsoft.Extensions.Options", "10.0.0"
            "Microsoft.Extensions.Diagnostics.HealthChecks", "10.0.0"
        ]
        "FunctionalWs.AspNetCore",
        [
            "FunctionalWs.Server", version
            "FunctionalWs.Hosting", version
            fsharpCore
        ]
    ]

/// A package of no assembly: what `dotnet new` makes.
let templates = "FunctionalWs.Templates"

let problems = List<string>()

let check (package: string) (isSo: bool) (problem: string) =
    if not isSo then
        problems.Add $"{package}: {problem}"

let read (archive: ZipArchive) (name: string) : byte[] =
    match archive.GetEntry name with
    | null -> [||]
    | entry ->
        use stream = entry.Open()
        use memory = new MemoryStream()
        stream.CopyTo memory
        memory.ToArray()

let openPackage (folder: string) (id: string) (extension: string) : ZipArchive =
    ZipFile.OpenRead(Path.Combine(folder, $"{id}.{version}.{extension}"))

/// What NuGet itself puts into each package.
let isPlumbing (name: string) =
    name.StartsWith "_rels/"
    || name.StartsWith "package/"
    || name = "[Content_Types].xml"

let checkEntries (id: string) (archive: ZipArchive) (wanted: string list) =
    let found =
        archive.Entries
        |> Seq.map _.FullName
        |> Seq.filter (isPlumbing >> not)
        |> Set.ofSeq

    for missing in Set.ofList wanted - found do
        check id false $"{missing} is missing"

    for unknown in found - Set.ofList wanted do
        check id false $"{unknown} doesn't belong there"

let attribute (element: XElement) (name: string) =
    match element.Attribute(XName.Get name) with
    | null -> ""
    | attribute -> attribute.Value

let checkNuspec (id: string) (document: XDocument) =
    let element (name: string) =
        document.Descendants()
        |> Seq.tryFind (fun element -> element.Name.LocalName = name)
        |> Option.defaultValue (XElement(XName.Get name))

    check id ((element "id").Value = id) "the id in the nuspec is another"
    check id ((element "version").Value = version) $"the version is not {version}"
    check id ((element "license").Value = "MIT") "the licence is not MIT"
    check id ((element "readme").Value = "README.md") "no readme is named"
    check id ((element "icon").Value = "icon.png") "no icon is named"

    for name in [ "description"; "authors"; "tags"; "projectUrl"; "releaseNotes" ] do
        check id ((element name).Value <> "") $"the nuspec has no {name}"

    let found = attribute (element "repository") "commit"
    check id (found = commit) $"the commit is '{found}', not '{commit}'"

let checkDependencies (id: string) (document: XDocument) =
    let dependencies =
        document.Descendants()
        |> Seq.filter (fun element -> element.Name.LocalName = "dependency")
        |> Seq.map (fun element -> attribute element "id", attribute element "version")
        |> Set.ofSeq

    let wanted = Set.ofList expected[id]
    check id (dependencies = wanted) $"depends on %A{Set.toList dependencies}, not on %A{Set.toList wanted}"

    let frameworks =
        document.Descendants()
        |> Seq.filter (fun element ->
            element.Name.LocalName = "group" && element.Parent.Name.LocalName = "dependencies")
        |> Seq.map (fun element -> attribute element "targetFramework")
        |> List.ofSeq

    check id (frameworks = [ "net10.0" ]) $"is for %A{frameworks}"

let checkReadme (id: string) (readme: byte[]) =
    let text = Encoding.UTF8.GetString readme

    for link in Regex.Matches(text, @"\]\((?!https?:|#)[^)]*\)") do
        check id false $"README.md has a link that leads nowhere from a package: {link.Value}"

    for picture in Regex.Matches(text, @"!\[[^\]]*\]\([^)]*/blob/[^)]*\)") do
        check id false $"README.md shows a page about a picture instead of it: {picture.Value}"

    check id (not (text.Contains "aren't published")) "README.md tells how to get along without the package"

/// What is shown in lists of packages: a square PNG of 128 pixels, as its header says.
let checkIcon (id: string) (icon: byte[]) =
    let isPng = icon.Length > 24 && icon[1..3] = "PNG"B

    let side (offset: int) =
        Buffers.Binary.BinaryPrimitives.ReadInt32BigEndian(ReadOnlySpan(icon, offset, 4))

    check id (isPng && side 16 = 128 && side 20 = 128) "icon.png is no PNG of 128×128"

let checkComments (id: string) (xml: byte[]) =
    let members =
        XDocument.Load(new MemoryStream(xml)).Descendants(XName.Get "member")
        |> Seq.length

    check id (members > 0) "the documentation has no members"

/// The symbols say where the sources are to be had, file by file (SourceLink).
let sourceLinkKind = Guid "CC110556-A091-4D38-9FEC-25AB9A351A6A"

let sourceLink (pdb: MetadataReader) : string =
    pdb.CustomDebugInformation
    |> Seq.map pdb.GetCustomDebugInformation
    |> Seq.tryFind (fun information -> pdb.GetGuid information.Kind = sourceLinkKind)
    |> Option.map (fun information -> Encoding.UTF8.GetString(pdb.GetBlobBytes information.Value))
    |> Option.defaultValue ""

/// What an assembly says of its symbols has to be what the symbols say.
let checkSymbols (id: string) (dll: byte[]) (pdb: byte[]) =
    use assembly = new PEReader(new MemoryStream(dll))

    use symbols = MetadataReaderProvider.FromPortablePdbStream(new MemoryStream(pdb))

    let reader = symbols.GetMetadataReader()

    let codeView =
        assembly.ReadDebugDirectory()
        |> Seq.find (fun entry -> entry.Type = DebugDirectoryEntryType.CodeView)
        |> assembly.ReadCodeViewDebugDirectoryData

    let pdbId = BlobContentId(reader.DebugMetadataHeader.Id).Guid
    check id (codeView.Guid = pdbId) "the symbols belong to another assembly"

    let isDeterministic =
        assembly.ReadDebugDirectory()
        |> Seq.exists (fun entry -> entry.Type = DebugDirectoryEntryType.Reproducible)

    check id isDeterministic "the assembly was not built deterministically"

    if commit <> "" then
        check id ((sourceLink reader).Contains commit) "the symbols don't say where the sources are"

let checkPaths (id: string) (name: string) (bytes: byte[]) =
    for encoding in [ Encoding.UTF8; Encoding.Unicode ] do
        let hasPath =
            MemoryExtensions.IndexOf(ReadOnlySpan bytes, ReadOnlySpan(encoding.GetBytes builtIn))
            >= 0

        check id (not hasPath) $"{name} tells the folder that it was built in"

/// A script brings its own FSharp.Core, whose public types are not all those of the package: what isn't there fails in a
/// running script, with an exception.
let checkScripts (id: string) (dll: byte[]) =
    use assembly = new PEReader(new MemoryStream(dll))
    let reader = assembly.GetMetadataReader()
    let scripts = typeof<list<int>>.Assembly

    for handle in reader.TypeReferences do
        let reference = reader.GetTypeReference handle
        let space = reader.GetString reference.Namespace

        if space.StartsWith "Microsoft.FSharp" then
            let name = $"{space}.{reader.GetString reference.Name}"
            check id (not (isNull (scripts.GetType name))) $"scripts don't have the type {name}"

/// The same sources give the same bytes, wherever they are built.
let checkSame (id: string) (extension: string) (names: string list) =
    use one = openPackage folder id extension
    use other = openPackage otherFolder id extension

    for name in names do
        check
            id
            (read one name = read other name)
            $"{name} is another when it is built once more in another folder"

let checkPackage (id: string) =
    let library extension = $"lib/net10.0/{id}.{extension}"
    use package = openPackage folder id "nupkg"
    use symbols = openPackage folder id "snupkg"

    /// What a project that uses the package gets into its build.
    let build = [
        if id = "FunctionalWs.Server" then
            $"buildTransitive/{id}.props"
            $"buildTransitive/{id}.targets"
    ]

    checkEntries id package ([ $"{id}.nuspec"; "README.md"; "icon.png"; library "dll"; library "xml" ] @ build)
    checkEntries id symbols [ $"{id}.nuspec"; library "pdb" ]
    let nuspec = XDocument.Load(new MemoryStream(read package $"{id}.nuspec"))
    checkNuspec id nuspec
    checkDependencies id nuspec
    checkReadme id (read package "README.md")
    checkIcon id (read package "icon.png")
    checkComments id (read package (library "xml"))
    let dll, pdb = read package (library "dll"), read symbols (library "pdb")
    checkSymbols id dll pdb
    checkScripts id dll
    checkPaths id (library "dll") dll
    checkPaths id (library "pdb") pdb
    checkSame id "nupkg" ([ library "dll"; library "xml"; "README.md"; "icon.png" ] @ build)
    checkSame id "snupkg" [ library "pdb" ]

/// No problem of the packages, which are whole; but from them nobody finds the repository.
let tellOwner () =
    let id = "FunctionalWs.Protocol"
    use package = openPackage folder id "nupkg"

    if (Encoding.UTF8.GetString(read package $"{id}.nuspec")).Contains "/OWNER/" then
        printfn "NOTICE: RepositoryOwner in Directory.Build.props is not set: do that before you publish"

/// Its projects refer to the packages that were made with it.
let checkTemplates () =
    use package = openPackage folder templates "nupkg"
    checkNuspec templates (XDocument.Load(new MemoryStream(read package $"{templates}.nuspec")))
    checkReadme templates (read package "README.md")

    for entry in package.Entries do
        let text = Encoding.UTF8.GetString(read package entry.FullName)

        for reference in Regex.Matches(text, "\"FunctionalWs\\.\\w+\" Version=\"(.*?)\"") do
            check templates (reference.Groups[1].Value = version) $"{entry.FullName} has {reference.Value}"

let found =
    Directory.GetFiles(folder, $"*.{version}.*nupkg")
    |> Array.map Path.GetFileName
    |> Set.ofArray

let wanted =
    set [
        for id in expected.Keys do
            $"{id}.{version}.nupkg"
            $"{id}.{version}.snupkg"

        $"{templates}.{version}.nupkg"
    ]

for missing in wanted - found do
    problems.Add $"{missing} was not made"

for unknown in found - wanted do
    problems.Add $"{unknown} is not in the table of .ci/checkPackages.fsx: say what it depends on"

if Set.isSubset wanted found then
    expected.Keys |> Seq.iter checkPackage
    tellOwner ()
    checkTemplates ()

for problem in problems do
    printfn $"{problem}"

if problems.Count = 0 then
    printfn $"{expected.Count + 1} packages are as they should be"

exit (min 1 problems.Count)
