/// What no source of a package may have in it: rules that a compiler doesn't know.
module FunctionalWs.Server.Tests.SourceTests

open System
open System.IO
open System.Text.RegularExpressions
open Expecto
open Swensen.Unquote

/// The sources of all packages, by their names in the repository.
let private sources =
    [ "*.fs"; "*.fsi"; "*.cs" ]
    |> List.collect (fun pattern ->
        Directory.GetFiles(Path.Combine(Programs.root, "src"), pattern, SearchOption.AllDirectories)
        |> List.ofArray)
    |> List.map (fun file -> Path.GetRelativePath(Programs.root, file).Replace('\\', '/'))
    |> List.filter (fun file -> not (file.Contains "/obj/" || file.Contains "/bin/"))

/// What is no comment, with each literal as `""`, one that is interpolated as `$""`, and white space as one blank: a call
/// that goes over several lines is looked at whole.
let private codeOf (text: string) =
    let tokens =
        String.Join(
            '|',
            [
                @"(?<comment>//[^\n]*|\(\*[^)][\s\S]*?\*\)|/\*[\s\S]*?\*/)"
                "(?<mark>[$@]*)\"\"\"[\\s\\S]*?\"\"\""
                "(?<mark>\\$@|@\\$|@)\"(?:[^\"]|\"\")*\""
                // The holes of an interpolation may have literals in them.
                "(?<mark>\\$)\"(?:\\\\.|\\{\\{|\\{(?:[^{}\"]|\"(?:\\\\.|[^\"\\\\])*\")*\\}|[^\"\\\\{])*\""
                "(?<mark>)\"(?:\\\\.|[^\"\\\\])*\""
                @"(?<char>'(?:\\u[0-9A-Fa-f]{4}|\\.|[^\\'])')"
            ]
        )

    let plain (found: Match) =
        if found.Groups["comment"].Success then " "
        elif found.Groups["char"].Success then "''"
        elif found.Groups["mark"].Value.Contains '$' then "$\"\""
        else "\"\""

    Regex.Replace(Regex.Replace(text, tokens, plain), @"\s+", " ")

let private fsharp, private csharp = "fs", "cs"

/// What depends on the culture of who runs it, and what to write instead. A search or a comparison of texts is ordinal, a
/// number is formatted and read as everywhere; FSharp.Core's own formatting goes wrong where a culture skips punctuation.
let private culturalCalls =
    let all = [ fsharp; csharp ]

    [
        [ fsharp ], @"(?<!Invariant ?)\$""""", "Invariant $\"…\""
        [ csharp ], @"(?<!Invariant\( ?|InvariantCulture, )\$""""", "Invariant($\"…\")"
        [ fsharp ], @"\b[a-z]*(printfn?|failwithf|invalidArgf)\b", "Invariant $\"…\""
        [ fsharp ],
        @"(\||<|>)> string\b|\b(map|collect) string\b",
        "a ToString with CultureInfo.InvariantCulture"
        [ fsharp ],
        @"(?<![:*<,|] |: ?|<|\bof |\bas |:\? )\bstring (\(|\d|(?!option|voption|list|seq|array|as|when|with|null|and|member|static|override|let|type|module)[a-z])",
        "a ToString with CultureInfo.InvariantCulture"
        all, @"\.ToString ?\(?""""(?! ?, ?(CultureInfo\.Invariant|invariant))", "an IFormatProvider"
        all,
        @"\.(StartsWith|EndsWith|IndexOf|LastIndexOf) ?\(? ?""""(?!B)(?![^;]{0,40}Ordinal)",
        "StringComparison.Ordinal"
        all, @"\b[Ss]tring\.Format ?\((?! ?CultureInfo\.Invariant)", "Invariant"
        all, @"\b[Ss]tring\.Compare ?\((?![^;]{0,80}Ordinal)|\.CompareTo\b", "String.CompareOrdinal"
        all, @"\.AppendFormat\b", "an IFormatProvider and Append"
        all, @"\.To(Upper|Lower)\b", "an Invariant one"
        all, @"\b(CurrentCulture|CurrentUICulture|InvariantCultureIgnoreCase)\b", "Ordinal"
        all,
        @"\b(S?Byte|U?Int(16|32|64)|Single|Double|Decimal|DateTime|DateTimeOffset|TimeSpan|DateOnly|TimeOnly|int|uint|short|ushort|long|ulong|double|float|decimal|byte)\.(Try)?Parse(Exact)? ?\((?![^;]{0,100}[iI]nvariant)",
        "CultureInfo.InvariantCulture"
    ]

let private found (file: string) (text: string) : string list =
    let code = codeOf text

    [
        for languages, pattern, instead in culturalCalls do
            if
                languages
                |> List.exists (fun language -> file.EndsWith("." + language, StringComparison.Ordinal))
            then
                for found in Regex.Matches(code, pattern) do
                    let start = Math.Max(0, found.Index - 40)

                    let around =
                        code.Substring(start, Math.Min(code.Length - start, 40 + found.Length + 20))

                    String.Concat(file, ": ", around, " (instead: ", instead + ")")
    ]

[<Tests>]
let sources' =
    testList "sources" [
        testCase "no package formats, reads or searches by the culture of who runs it" (fun () ->
            test <@ sources.Length > 150 @>

            sources
            |> List.collect (fun file -> found file (File.ReadAllText(Path.Combine(Programs.root, file))))
            =! [])

        testList "what depends on a culture is found:" [
            for language, text in
                [
                    fsharp, "let a = $\"{n}\""
                    fsharp, "let a = sprintf \"%d\" n"
                    fsharp, "failwithf \"%d\" n"
                    fsharp, "| other -> string other"
                    fsharp, "let a = string (n + 1)"
                    fsharp, "n |> string"
                    fsharp, "List.map string numbers"
                    fsharp, "n.ToString \"X2\""
                    fsharp, "text.IndexOf \"//\""
                    fsharp, "text.EndsWith \"==\""
                    fsharp, "Int32.TryParse(text, NumberStyles.None)"
                    csharp, "var a = $\"{n}\";"
                    csharp, "var a = $\"{string.Join(\", \", n)}\";"
                    csharp, "var a = $@\"{n}\";"
                    csharp, "text.StartsWith(\"a\")"
                    csharp, "text.IndexOf(\n    \"a\"\n)"
                    csharp, "string.Format(\"{0}\", n)"
                    csharp, "int.Parse(text)"
                    csharp, "text.ToLower()"
                    csharp, "string.Compare(a, b)"
                ] do
                testCase text (fun () -> test <@ found $"a.{language}" text <> [] @>)
        ]

        testList "what doesn't is not:" [
            for language, text in
                [
                    fsharp, "let a = Invariant $\"{n}\""
                    fsharp, "// string n"
                    fsharp, "let f (a: string) : string option = None"
                    fsharp, "type A = | B of Rule: string * Names: string list"
                    fsharp, "text.IndexOf(\"//\", StringComparison.Ordinal)"
                    fsharp, "text.IndexOf '/'"
                    fsharp, "line.IndexOf \"\\r\\n\"B"
                    fsharp, "n.ToString(\"X2\", CultureInfo.InvariantCulture)"
                    csharp, "var a = Invariant($\"{n}\");"
                    csharp, "var a = Invariant(\n    $\"{n}\"\n);"
                    csharp, "builder.Append(CultureInfo.InvariantCulture, $\"{n}\")"
                    csharp, "int.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out number)"
                    csharp, "text.StartsWith('a')"
                ] do
                testCase text (fun () -> found $"a.{language}" text =! [])
        ]
    ]
