// The ledger of requirements: what each standard requires, where it is built, which tests show it. The entries are in rfc*.txt beside
// this script, one for each requirement; sections.txt says how many each section has, and is written without looking at them.
//
//   dotnet fsi tests/Requirements/requirements.fsx check    fails when a requirement has no entry, an entry's code or test is gone, one that
//                                                           is built has no test, or docs/requirements.md isn't what is written here
//   dotnet fsi tests/Requirements/requirements.fsx write    writes docs/requirements.md
//
// An entry is a block: its section, its level, who it binds; the rule in our own words; then lines of two spaces and a word:
//
//   5.1 MUST client                                  a level that the standard writes small or implies is `must`; `MUST x2` stands for two
//   A client masks every frame that it sends.        who: server, client, both, or others, such as proxies
//     built Connection/Outgoing.fs: write            the end of a path below src/, and what is defined there
//     test Protocol.Tests/EndpointTests.fs: writes … the end of a path below tests/, and the whole sentence of a test or a list of tests
//     note what else is to be said
//     not why it doesn't apply                       instead of `built`
//     left why it is left to the application         instead of `built`
//     open what is missing                           instead of `built`; for the client alone, which isn't complete
//     differs why it is not done                     for a SHOULD alone; beside `built` and `test`, which show what is done instead

open System
open System.Collections.Generic
open System.IO
open System.Text
open System.Text.RegularExpressions

let root = Path.GetFullPath(Path.Combine(__SOURCE_DIRECTORY__, "..", ".."))
let page = Path.Combine(root, "docs", "requirements.md")
let mistakes = List<string>()

// ---- What is read

/// A section of a standard, and how often it requires and recommends something.
type Section = {
    Number: string
    Musts: int
    Shoulds: int
}

type Standard = {
    Name: string
    Title: string
    /// What of it is listed, in a sentence.
    Scope: string
    Chapters: (string * string) list
    Sections: Section list
}

type Line = { Word: string; Text: string }

type Entry = {
    Place: string
    Id: string
    Section: string
    Level: string
    Times: int
    Role: string
    Rule: string
    Lines: Line list
} with

    member entry.Has(word: string) =
        entry.Lines |> List.exists (fun line -> line.Word = word)

    member entry.All(word: string) =
        entry.Lines |> List.filter (fun line -> line.Word = word) |> List.map _.Text

    member entry.State =
        [ "differs"; "built"; "not"; "left"; "open" ]
        |> List.tryFind entry.Has
        |> Option.defaultValue ""

/// Lines with their numbers, without comments, in blocks between blank lines.
let blocks (file: string) : (int * string list) list =
    let lines =
        File.ReadAllLines(Path.Combine(__SOURCE_DIRECTORY__, file))
        |> Array.indexed
        |> Array.filter (fun (_, line) -> not (line.StartsWith '#'))

    ([ (0, []) ], lines)
    ||> Array.fold (fun blocks (index, line) ->
        match blocks with
        | (_, []) :: earlier when line <> "" -> (index + 1, [ line ]) :: earlier
        | (start, block) :: earlier when line <> "" -> (start, line :: block) :: earlier
        | _ -> (0, []) :: blocks)
    |> List.filter (fun (_, block) -> block <> [])
    |> List.map (fun (start, block) -> start, List.rev block)
    |> List.rev

/// Of sections.txt: blocks of a name with a title, a sentence, then chapters (`4 Opening handshake`) and sections (`4.1: 39 3`).
let standards: Standard list = [
    for _, block in blocks "sections.txt" do
        let name, title = block[0].Split(": ", 2) |> fun parts -> parts[0], parts[1]
        let rest = List.skip 2 block

        {
            Name = name
            Title = title
            Scope = block[1]
            Chapters = [
                for line in rest do
                    let found = Regex.Match(line, @"^(\d+) (.+)$")

                    if found.Success then
                        found.Groups[1].Value, found.Groups[2].Value
            ]
            Sections = [
                for line in rest do
                    let found = Regex.Match(line, @"^([\d.]+): (\d+) (\d+)$")

                    if found.Success then
                        {
                            Number = found.Groups[1].Value
                            Musts = int found.Groups[2].Value
                            Shoulds = int found.Groups[3].Value
                        }
                    elif not (Regex.IsMatch(line, @"^\d+ .+$")) then
                        mistakes.Add $"sections.txt: what is \"{line}\"?"
            ]
        }
]

let fileOf (standard: Standard) =
    standard.Name.Replace(" ", "").ToLowerInvariant() + ".txt"

let head =
    Regex
        @"^([\d.]+) (MUST NOT|MUST|SHALL NOT|SHALL|REQUIRED|SHOULD NOT|SHOULD|RECOMMENDED|must)(?: x(\d+))? (server|client|both|others)$"

let entry (place: string) (block: string list) : Entry voption =
    let found = head.Match block[0]

    if not found.Success then
        mistakes.Add $"{place}: \"{block[0]}\" is no section, level and role"
        ValueNone
    else
        let rule, lines =
            List.tail block |> List.partition (fun line -> not (line.StartsWith "  "))

        ValueSome {
            Place = place
            Id = ""
            Section = found.Groups[1].Value
            Level = found.Groups[2].Value
            Times =
                if found.Groups[3].Success then
                    int found.Groups[3].Value
                else
                    1
            Role = found.Groups[4].Value
            Rule = String.concat " " rule
            Lines = [
                for line in lines do
                    match line.Trim().Split(' ', 2) with
                    | [| word; text |] -> { Word = word; Text = text }
                    | _ -> mistakes.Add $"{place}: a line of one word: \"{line}\""
            ]
        }

/// Entries are numbered within their section.
let entries: Map<string, Entry list> =
    Map [
        for standard in standards do
            let numbers = Dictionary<string, int>()
            let file = fileOf standard

            standard.Name,
            [
                for start, block in blocks file do
                    match entry $"{file}, block of line {start}" block with
                    | ValueSome entry ->
                        let number = numbers.GetValueOrDefault entry.Section + 1
                        numbers[entry.Section] <- number

                        {
                            entry with
                                Id = $"{entry.Section}-{number}"
                        }
                    | ValueNone -> ()
            ]
    ]

// ---- Whether code and tests are there

let private sources (folder: string) : string list =
    Directory.GetFiles(Path.Combine(root, folder), "*", SearchOption.AllDirectories)
    |> Array.map (fun path -> Path.GetRelativePath(root, path).Replace('\\', '/'))
    |> Array.filter (fun path ->
        (path.EndsWith ".fs" || path.EndsWith ".cs")
        && not (path.Contains "/obj/" || path.Contains "/bin/"))
    |> List.ofArray

let code = sources "src"
let tests = sources "tests"

let texts = Dictionary<string, string>()

let textOf (path: string) : string =
    match texts.TryGetValue path with
    | true, text -> text
    | _ ->
        texts[path] <- File.ReadAllText(Path.Combine(root, path))
        texts[path]

/// The one file whose path ends so.
let find (files: string list) (ending: string) : Result<string, string> =
    match files |> List.filter (fun path -> path.EndsWith("/" + ending)) with
    | [ path ] -> Ok path
    | [] -> Error $"there is no file {ending}"
    | _ -> Error $"there are several files {ending}"

/// True when a line of the file defines the name, as F# or C# do it.
let isDefined (path: string) (name: string) : bool =
    let name = Regex.Escape name

    let pattern =
        if path.EndsWith ".fs" then
            $@"^\s*(?:(?:let|and|member|static member|override|val|type|module|abstract|new|rec|inline|private|internal|mutable|\|)\s+)+(?:\w+\.)?{name}\b"
        else
            $@"^\s*(?:(?:public|internal|private|protected|static|sealed|partial|override|abstract|readonly|const|ref|async|class|struct|record|enum|interface)\s+)+[^=;(]*?\b{name}\b"

    Regex.IsMatch(textOf path, pattern, RegexOptions.Multiline)

/// A project has to name a file of F#, or it isn't compiled.
let isCompiled (path: string) : bool =
    let rec projects (folder: string) =
        match Directory.GetFiles(Path.Combine(root, folder), "*.fsproj") with
        | [||] -> projects (Path.GetDirectoryName folder)
        | found -> folder, (File.ReadAllText found[0]).Replace('\\', '/')

    let folder, project = projects (Path.GetDirectoryName path)
    project.Contains $"\"{path.Substring(folder.Length + 1)}\""

/// What stands before a sentence: the call that it names something for, or that call and its first argument.
let callers (before: string) : string list =
    [
        @"(\w+)[\s(]*\$?$"
        @"(\w+) +[\w.]+[\s(]*\$?$"
        @"(\w+)\s+\{[^{}]*\}\s*\$?$"
        @"(Title) = \$?$"
    ]
    |> List.map (fun pattern -> Regex.Match(before, pattern).Groups[1].Value)

/// A file without its texts and comments.
let bare (text: string) : string =
    Regex.Replace(text, @"""(?:[^""\\]|\\.)*""|//[^\n]*", "")

/// Why a test that stands at a place doesn't run; none when it does.
let idle (path: string) (at: int) : string voption =
    let text = textOf path
    let before = text.Substring(0, at)
    let lineOf (place: int) = text.LastIndexOf('\n', place - 1) + 1

    let indent (place: int) =
        let line = text.Substring(lineOf place)
        line.Length - line.TrimStart(' ').Length

    let isTest =
        callers (before.Substring(max 0 (before.Length - 200)))
        |> List.exists (fun name ->
            [ "test"; "case"; "property"; "opens"; "Title" ]
            |> List.exists (fun start -> name.StartsWith(start, StringComparison.Ordinal)))

    // A pending list reaches down to the next line that is indented no further than it.
    let pending =
        Regex.Matches(before, @"^ *(?:.*\b)?p(?:testList|testCase|testProperty)\b", RegexOptions.Multiline)
        |> Seq.exists (fun found ->
            let level = indent (found.Index + 1)

            before.Substring(found.Index + found.Length).Split('\n')
            |> Seq.skip 1
            |> Seq.forall (fun line -> line.Trim() = "" || line.Length - line.TrimStart(' ').Length > level))

    let top =
        Regex.Matches(
            before,
            @"(?<tests>^\[<Tests>\]\n)?^let (?:private |rec |inline )*(?<name>\w+)",
            RegexOptions.Multiline
        )
        |> Seq.tryLast

    let isReached =
        match top with
        | Some found when found.Groups["tests"].Success -> true
        | Some found ->
            let name = found.Groups["name"].Value

            let uses (pattern: string) (path: string) =
                Regex.Matches(bare (textOf path), pattern).Count

            let others = Path.GetDirectoryName path + "/"

            uses $@"\b{name}\b" path > 1
            || tests
               |> List.filter (fun other -> other <> path && other.StartsWith others)
               |> List.exists (fun other -> uses $@"\.{name}\b" other > 0)
        | None -> false

    if not isTest then
        ValueSome "is no test's"
    elif pending then
        ValueSome "is pending"
    elif not isReached then
        ValueSome "is in no list of tests"
    elif not (isCompiled path) then
        ValueSome "is in a file that no project has"
    else
        ValueNone

let checkTest (ending: string) (sentence: string) : string voption =
    match find tests ending with
    | Error mistake -> ValueSome mistake
    | Ok path ->
        let literal = "\"" + sentence.Replace("\"", "\\\"") + "\""

        let places =
            textOf path
            |> Seq.unfold (fun text ->
                match text.IndexOf(literal, StringComparison.Ordinal) with
                | -1 -> None
                | at ->
                    Some(
                        at,
                        text.Substring(0, at)
                        + String(' ', literal.Length)
                        + text.Substring(at + literal.Length)
                    ))
            |> List.ofSeq

        match places, places |> List.map (idle path) with
        | [], _ -> ValueSome $"{path} has no test \"{sentence}\""
        | _, reasons when List.contains ValueNone reasons -> ValueNone
        | _, reasons -> ValueSome $"{path}: \"{sentence}\" {(List.head reasons).Value}"

let checkCode (ending: string) (name: string) : string voption =
    match find code ending with
    | Error mistake -> ValueSome mistake
    | Ok path when isDefined path name -> ValueNone
    | Ok path -> ValueSome $"{path} defines no {name}"

let checkLine (entry: Entry) (line: Line) : string voption =
    let place check =
        match line.Text.Split(": ", 2) with
        | [| file; name |] -> check file name
        | _ -> ValueSome $"\"{line.Text}\" is no file and name"

    match line.Word with
    | "built" -> place checkCode
    | "test" -> place checkTest
    | "open" when entry.Role <> "client" && entry.Role <> "both" ->
        ValueSome "only the client may be left open"
    | "differs" when not (entry.Level.StartsWith "SHOULD" || entry.Level = "RECOMMENDED") ->
        ValueSome $"a {entry.Level} is kept"
    | "not"
    | "left"
    | "open"
    | "differs"
    | "note" -> ValueNone
    | word -> ValueSome $"what is \"{word}\"?"

let checkEntry (entry: Entry) : string list = [
    for line in entry.Lines do
        match checkLine entry line with
        | ValueSome mistake -> mistake
        | ValueNone -> ()

    let states = [ "built"; "not"; "left"; "open" ] |> List.filter entry.Has

    if states.Length <> 1 then
        "it is one of built, not, left and open"

    if entry.Has "built" && not (entry.Has "test") then
        "it has no test"

    if entry.Has "test" && not (entry.Has "built") then
        "it has a test, and isn't built"

    if entry.Rule = "" then
        "it has no rule"
]

// ---- Whether all are there

let isMust (entry: Entry) =
    match entry.Level with
    | "MUST"
    | "MUST NOT"
    | "SHALL"
    | "SHALL NOT"
    | "REQUIRED" -> true
    | _ -> false

let isShould (entry: Entry) =
    entry.Level.StartsWith "SHOULD" || entry.Level = "RECOMMENDED"

let checkSections (standard: Standard) =
    let all = entries[standard.Name]
    let count = List.sumBy _.Times

    for section in standard.Sections do
        let here = all |> List.filter (fun entry -> entry.Section = section.Number)

        let musts, shoulds =
            count (List.filter isMust here), count (List.filter isShould here)

        if (musts, shoulds) <> (section.Musts, section.Shoulds) then
            mistakes.Add
                $"{standard.Name} §{section.Number} has {section.Musts} MUST and {section.Shoulds} SHOULD; there are entries for {musts} and {shoulds}"

    let known = standard.Sections |> List.map _.Number |> Set

    for entry in all do
        if not (known.Contains entry.Section) then
            mistakes.Add $"{entry.Place}: sections.txt has no {standard.Name} §{entry.Section}"

    let order = standard.Sections |> List.map _.Number
    let found = all |> List.map _.Section |> List.distinct

    if found <> List.filter (fun number -> List.contains number found) order then
        mistakes.Add $"{fileOf standard}: its sections are not in order"

// ---- What is said about it

let states = [
    "built", "built and tested"
    "differs", "done otherwise"
    "not", "don't apply"
    "left", "left to the application"
    "open", "open"
]

let counts (list: Entry list) : string =
    String.concat ", " [
        for state, words in states do
            let count =
                list |> List.filter (fun entry -> entry.State = state) |> List.sumBy _.Times

            if count > 0 then
                $"{count} {words}"
    ]

let report (standard: Standard) =
    let all = entries[standard.Name]
    printfn $"{standard.Name}: {List.sumBy _.Times all} requirements, {counts all}"

    for section in standard.Sections do
        match all |> List.filter (fun entry -> entry.Section = section.Number) with
        | [] -> ()
        | here -> printfn $"  §{section.Number}: {List.sumBy _.Times here}: {counts here}"

let cell (text: string) = text.Replace("|", "\\|")

/// `a`, `b` in one file; `c` in another.
let places (show: string -> string) (join: string -> string -> string) (lines: string list) : string =
    lines
    |> List.map (fun line -> line.Split(": ", 2))
    |> List.filter (fun parts -> parts.Length = 2)
    |> List.groupBy (fun parts -> parts[0])
    |> List.map (fun (file, found) ->
        join $"`{file}`" (found |> List.map (fun parts -> show parts[1]) |> String.concat ", "))
    |> String.concat "; "

/// Where it is built, or why it isn't.
let home (entry: Entry) : string =
    let reasons (word: string) (title: string) =
        entry.All word |> List.map (fun text -> $"**{title}** {text}")

    reasons "not" "Doesn't apply."
    @ reasons "left" "Left to the application."
    @ reasons "open" "Open."
    @ [
        places (fun name -> $"`{name}`") (fun file names -> $"{names} in {file}") (entry.All "built")
    ]
    |> String.concat ""

let proof (entry: Entry) : string =
    [
        places
            (fun sentence -> $"*{sentence}*")
            (fun file sentences -> $"{file}: {sentences}")
            (entry.All "test")
    ]
    @ (entry.All "differs" |> List.map (fun text -> $"**Done otherwise.** {text}"))
    @ entry.All "note"
    |> List.filter ((<>) "")
    |> String.concat ". "

let level (entry: Entry) =
    if entry.Times > 1 then
        $"{entry.Level} ×{entry.Times}"
    else
        entry.Level

let chapterOf (section: string) = section.Split('.')[0]

let written: string =
    let text = StringBuilder()

    let line (words: string) =
        text.Append(words).Append('\n') |> ignore

    line (File.ReadAllText(Path.Combine(__SOURCE_DIRECTORY__, "introduction.md")).TrimEnd())
    line ""

    line
        "| | requirements | built and tested | done otherwise | don't apply | left to the application | open |"

    line "| --- | ---: | ---: | ---: | ---: | ---: | ---: |"

    for standard in standards do
        let all = entries[standard.Name]

        let count state =
            all |> List.filter (fun entry -> entry.State = state) |> List.sumBy _.Times

        let cells = [ for state, _ in states -> $" {count state} |" ] |> String.concat ""

        line $"| {standard.Name}: {standard.Title} | {List.sumBy _.Times all} |{cells}"

    for standard in standards do
        line ""
        line $"## {standard.Name}: {standard.Title}"
        line ""
        line standard.Scope

        for number, title in standard.Chapters do
            let here =
                entries[standard.Name]
                |> List.filter (fun entry -> chapterOf entry.Section = number)

            if not here.IsEmpty then
                line ""
                line $"### {standard.Name} §{number}: {title}"
                line ""
                line "| § | level | who | rule | built in | shown by |"
                line "| --- | --- | --- | --- | --- | --- |"

                for entry in here do
                    let cells = [ entry.Id; level entry; entry.Role; entry.Rule; home entry; proof entry ]
                    line ("| " + (cells |> List.map cell |> String.concat " | ") + " |")

    text.ToString()

for standard in standards do
    for entry in entries[standard.Name] do
        for mistake in checkEntry entry do
            mistakes.Add $"{entry.Place}, §{entry.Id}: {mistake}"

    checkSections standard

    for entry in entries[standard.Name] do
        if not (List.exists (fun (number, _) -> number = chapterOf entry.Section) standard.Chapters) then
            mistakes.Add $"{entry.Place}: sections.txt has no title for chapter {chapterOf entry.Section}"

match fsi.CommandLineArgs with
| [| _; "write" |] -> File.WriteAllText(page, written)
| [| _; "check" |] ->
    List.iter report standards

    if not (File.Exists page && File.ReadAllText page = written) then
        mistakes.Add
            "docs/requirements.md isn't what is written here; write it with: dotnet fsi tests/Requirements/requirements.fsx write"
| _ -> mistakes.Add "usage: dotnet fsi tests/Requirements/requirements.fsx check | write"

for mistake in mistakes do
    eprintfn $"{mistake}"

exit (if mistakes.Count = 0 then 0 else 1)
