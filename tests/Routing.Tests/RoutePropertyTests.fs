module FunctionalWs.Routing.Tests.RoutePropertyTests

open System
open System.Collections.Generic
open System.Text.RegularExpressions
open Expecto
open FsCheck
open FsCheck.FSharp
open Swensen.Unquote
open FunctionalWs.Protocol
open FunctionalWs.Routing
open FunctionalWs.Routing.Tests.Routes

/// The slow twin: every rule as a regular expression, all of them tried in the order of their weights.
module private Twin =

    type Form = {
        Rule: int
        IsExact: bool
        Segments: string list
    }

    /// The pieces of a segment: text, or a placeholder with its weight and its expression.
    let private pieces (segment: string) = [
        for part in Regex.Split(segment, "(<[^>]*>)") do
            if part.StartsWith("<int:", StringComparison.Ordinal) then
                yield part, 50, "[0-9]{1,9}"
            elif part.StartsWith("<uuid:", StringComparison.Ordinal) then
                yield part, 100, "[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}"
            elif part.StartsWith("<any(x,1):", StringComparison.Ordinal) then
                yield part, 100, "(?:x|1)"
            elif part.StartsWith("<alpha:", StringComparison.Ordinal) then
                yield part, 100, "[a-zA-Z]+"
            elif part.StartsWith("<string(minlength=2,maxlength=4):", StringComparison.Ordinal) then
                yield part, 100, "[^/]{2,4}"
            elif part.StartsWith("<path:", StringComparison.Ordinal) then
                yield part, 200, "[^/](?s:.*)"
            elif part.StartsWith '<' then
                yield part, 100, "[^/]+"
            elif part <> "" then
                yield part, 0, Regex.Escape part
    ]

    let private isValue (part: string, _, _) = part.StartsWith '<'

    let private weight (segments: string list) =
        let all = segments |> List.collect pieces |> List.indexed
        let texts = all |> List.filter (fun (_, piece) -> not (isValue piece))
        let values = all |> List.filter (fun (_, piece) -> isValue piece)

        -texts.Length,
        texts |> List.map (fun (i, (text, _, _)) -> i, -text.Length),
        -values.Length,
        values |> List.map (fun (_, (_, weight, _)) -> weight),
        -segments.Length

    /// The steps of a form: a literal, a segment with values, or all that is left from a path on.
    let rec private steps (segments: string list) =
        match segments with
        | [] -> []
        | segment :: rest when segment.Contains "<path:" -> [ segment :: rest ]
        | segment :: rest -> [ segment ] :: steps rest

    /// The documented order, of each form by itself: no other has a say in it.
    let private key (form: Form) =
        steps form.Segments
        |> List.map (fun step ->
            let isLiteral = step |> List.forall (fun segment -> not (segment.Contains '<'))
            not isLiteral, (if isLiteral then weight [] else weight step)),
        not form.IsExact,
        form.Rule

    let private expression (form: Form) =
        let segment (text: string) =
            pieces text
            |> List.map (fun (part, _, expression) ->
                if part.StartsWith '<' then
                    let name = part.TrimEnd('>').Split(':', '<') |> Array.last
                    $"(?<{name}>{expression})"
                else
                    expression)
            |> String.concat ""

        "\\A/" + (form.Segments |> List.map segment |> String.concat "/") + "\\z"

    let answer (rules: string list) (path: string) : string =
        let forms =
            rules
            |> List.mapi (fun i rule ->
                let segments = rule.Substring(1).Split '/' |> List.ofArray

                let own = {
                    Rule = i
                    IsExact = true
                    Segments = segments
                }

                if segments.Length > 1 && List.last segments = "" then
                    [
                        own
                        {
                            own with
                                IsExact = false
                                Segments = List.take (segments.Length - 1) segments
                        }
                    ]
                else
                    [ own ])
            |> List.concat

        forms
        |> List.sortBy key
        |> List.tryPick (fun form ->
            match Regex.Match(path, expression form) with
            | found when found.Success && form.IsExact ->
                found.Groups
                |> Seq.skip 1
                |> Seq.map (fun group -> $"{group.Name}={group.Value.TrimStart '0'}")
                |> Seq.sort
                |> String.concat ", "
                |> fun values -> Some $"{rules[form.Rule]} {values}"
            | found when found.Success -> Some $"-> {path}/"
            | _ -> None)
        |> Option.defaultValue "404"

let private ofTree (rules: string list) (path: string) : string =
    let table = ofRules [ for text in rules -> { rule text with MergeSlashes = false } ]

    match find table path with
    | RouteMatch.Matched(endpoint, _, values) ->
        values.Keys
        |> Seq.map (fun name -> $"{name}={(string values[name]).TrimStart '0'}")
        |> Seq.sort
        |> String.concat ", "
        |> fun values -> $"{endpoint} {values}"
    | RouteMatch.Redirect location -> "-> " + location.Replace("ws://example.com", "")
    | other -> describe other

let private segmentTexts = [
    "a"
    "b"
    "v1"
    ""
    "<int:%>"
    "<%>"
    "v<%>"
    "v<int:%>"
    "<%>-<%>"
    "<int:%>.<%>"
    "<path:%>"
    "v<path:%>"
    "<uuid:%>"
    "<any(x,1):%>"
    "<string(minlength=2,maxlength=4):%>"
    "<alpha:%>"
    "<%>-<int:%>-<%>"
]

let private pathTexts = [
    "a"
    "b"
    "v1"
    "1"
    "v"
    ""
    "x-y"
    "1.2"
    "1.2.3"
    "x-1-y"
    "vx"
    "6f1c2a0e-8a55-4a0f-9d3c-0123456789ab"
]

/// Every `%` becomes a name of its own.
let private nameAll (text: string) =
    let mutable count = 0

    Regex.Replace(
        text,
        "%",
        fun _ ->
            count <- count + 1
            $"n{count}"
    )

let private joined (choices: string list) =
    Gen.map (String.concat "/" >> (+) "/") (Gen.nonEmptyListOf (Gen.elements choices))

let private ruleTexts =
    joined segmentTexts
    |> Gen.map nameAll
    |> Gen.filter (fun text -> Regex.Matches(text, "<path:").Count < 2)
    |> Gen.listOf
    |> Gen.map (List.distinctBy (fun text -> Regex.Replace(text, "n[0-9]+>", ">")))

/// A rule of one segment with two values or more, and texts of few characters: very many can be parted in several ways.
let private partings: Gen<string * string> =
    gen {
        let! values =
            Gen.nonEmptyListOf (
                Gen.elements [
                    "<%>"
                    "<int:%>"
                    "<alpha:%>"
                    "<any(x,1):%>"
                    "<string(minlength=2,maxlength=4):%>"
                ]
            )

        let! last = Gen.elements [ "<%>"; "<int:%>"; "<%>x"; "<alpha:%>-" ]

        let! behind =
            Gen.listOfLength values.Length (Gen.elements [ "-"; "x"; "1"; "-x"; "x1" ])

        let! length = Gen.choose (0, 9)
        let! path = Gen.listOfLength length (Gen.elements [ "-"; "x"; "1"; "y" ])
        let rule = String.concat "" (List.map2 (+) values behind) + last
        return "/" + nameAll rule, "/" + String.concat "" path
    }

let private any<'a> : Gen<'a> = ArbMap.defaults |> ArbMap.generate<'a>

/// A piece of a rule, and a value that it can have.
let private placeholderWithValue: Gen<string * obj> =
    let text =
        Gen.map (fun (NonEmptyString text) -> text) (ArbMap.defaults |> ArbMap.generate<NonEmptyString>)

    let isSound (text: string) =
        not (text.Contains '\000') && Seq.forall (Char.IsSurrogate >> not) text

    Gen.oneof [
        text |> Gen.filter isSound |> Gen.map (fun value -> "", box value)
        any<int> |> Gen.map (fun value -> "int(signed=True):", box value)
        any<int64> |> Gen.map (fun value -> "long(signed=True):", box value)
        any<NormalFloat>
        |> Gen.map (fun (NormalFloat value) -> "float(signed=True):", box value)
        any<Guid> |> Gen.map (fun value -> "uuid:", box value)
        Gen.elements [ "x"; "y z" ]
        |> Gen.map (fun value -> "any(x, 'y z'):", box value)
    ]

let private pathWithValue: Gen<string * obj> =
    ArbMap.defaults
    |> ArbMap.generate<NonEmptyString>
    |> Gen.map (fun (NonEmptyString text) -> text)
    |> Gen.filter (fun text ->
        not (text.StartsWith '/')
        && not (text.Contains '\000')
        && Seq.forall (Char.IsSurrogate >> not) text)
    |> Gen.map (fun value -> "path:", box value)

/// A rule of literals and placeholders, with values for it.
let private ruleWithValues: Gen<string * (string * obj) list> =
    gen {
        let! parts = Gen.nonEmptyListOf placeholderWithValue
        let! path = pathWithValue
        let! hasPath = Gen.elements [ true; false ]

        let! texts =
            Gen.listOfLength (parts.Length + 1) (Gen.elements [ "a"; "b c"; "é"; "v-" ])

        let all = if hasPath then parts @ [ path ] else parts
        let named = all |> List.mapi (fun i (converter, value) -> converter, $"n{i}", value)

        let text =
            List.mapi2
                (fun i (converter, name, _) (text: string) ->
                    if i % 2 = 0 then
                        $"/{text}/<{converter}{name}>"
                    else
                        $"/<{converter}{name}>")
                named
                (List.truncate named.Length (texts @ texts))
            |> String.concat ""

        return text, [ for _, name, value in named -> name, value ]
    }

[<Tests>]
let properties =
    testList "routes in general" [
        testPropertyWithConfig
            {
                FsCheckConfig.defaultConfig with
                    maxTest = 300
                    endSize = 12
            }
            "the tree finds what all rules in order of weight find"
            (Prop.forAll (Arb.fromGen (Gen.zip ruleTexts (joined pathTexts))) (fun (rules, path) ->
                ofTree rules path =! Twin.answer rules path))

        testPropertyWithConfig
            {
                FsCheckConfig.defaultConfig with
                    maxTest = 300
                    endSize = 12
            }
            "a rule that is added or taken away changes nothing, unless it is the one that wins"
            (Prop.forAll (Arb.fromGen (Gen.zip ruleTexts (joined pathTexts))) (fun (rules, path) ->
                let found = ofTree rules path

                let isOf (rule: string) =
                    found.StartsWith(rule + " ", StringComparison.Ordinal)
                    || found.StartsWith("-> ", StringComparison.Ordinal) && rule.EndsWith '/'

                for rule in rules do
                    if not (isOf rule) then
                        ofTree (List.except [ rule ] rules) path =! found))

        testPropertyWithConfig
            {
                FsCheckConfig.defaultConfig with
                    maxTest = 1_000
                    endSize = 4
            }
            "a segment is parted as a regular expression parts it"
            (Prop.forAll (Arb.fromGen partings) (fun (rule, path) ->
                ofTree [ rule ] path =! Twin.answer [ rule ] path))

        testProperty
            "a URL built from values gives them back"
            (Prop.forAll (Arb.fromGen ruleWithValues) (fun (text, pairs) ->
                let table = table [ text ]
                let expected = values pairs

                match table.BuildPath(text, expected) with
                | Error error -> failwith $"{error}"
                | Ok path ->
                    match find table path with
                    | RouteMatch.Matched(endpoint, _, found) ->
                        endpoint =! text
                        found =! expected
                    | other -> failwith $"{path}: {describe other}"))

        testProperty "no target and no host makes matching throw" (fun (target: string) (host: string) ->
            let sound (text: string) =
                if isNull text then
                    ""
                else
                    String.filter HeaderSyntax.isValueCharacter text

            let table = table [ "/"; "/<a>/"; "/<int:n>/<path:p>"; "/<a>-<b>" ]

            for target in [ target; "/" + target; "http://" + target ] do
                let request = request (sound host) (if isNull target then "" else target)
                table.Match(plain, request) |> ignore)
    ]

/// The digit 7, and nothing else; it doesn't say so before it is asked.
type private Seven() =
    inherit RouteConverter()

    override _.TryParse(text, value) =
        value <- 7
        text = "7"

    override _.TryFormat(_, text) =
        text <- "7"
        true

let private many =
    lazy
        (table [
            for i in 0..9_999 ->
                match i % 4 with
                | 0 -> $"/static/page{i}"
                | 1 -> $"/tenant/<name>/thing{i}"
                | 2 -> $"/tenant/<int:id>/thing{i}/<uuid:key>"
                | _ -> $"/deep/a/b/c/d{i}/<path:rest>"
        ])

[<Tests>]
let hostile =
    testList "hostile targets" [
        testTheory
            "are a match, 404 or 400, among 10,000 rules"
            [
                "/tenant/%2F/thing1", "/tenant/<name>/thing1 name=/"
                "/tenant/%00/thing1", "400"
                "/tenant/%zz/thing1", "400"
                "/tenant/%c0%af/thing1", "400"
                "/tenant/%e0%80%af/thing1", "400"
                "/tenant/../thing1", "/tenant/<name>/thing1 name=.."
                "/tenant//thing1", "404"
                "/tenant/;/thing1", "/tenant/<name>/thing1 name=;"
                "/tenant/" + String('9', 400) + "/thing2/x", "404"
                "/tenant/" + String('x', 8_192), "404"
                "/" + String('/', 8_192), "404"
                "/" + String.replicate 4_096 "a/", "404"
                "/deep/a/b/c/d3/" + String.replicate 4_000 "a/",
                "/deep/a/b/c/d3/<path:rest> rest=" + String.replicate 4_000 "a/"
                "/static/page9996", "/static/page9996"
            ]
            (fun (target, expected) -> answer many.Value target =! expected)

        testCase "text that can be parted in very many ways is a match if one fits" (fun () ->
            let table = table [ "/<int:a>-<int:b>-<int:c>-<int:d>x" ]
            answer table ("/" + String('-', 8_000)) =! "404"
            answer table ("/" + String.replicate 4_000 "1-" + "x") =! "404"

            answer table "/1-2-3-4x"
            =! "/<int:a>-<int:b>-<int:c>-<int:d>x a=1, b=2, c=3, d=4"

            // A number, and behind it as many parts as are tried, or more.
            for parts in [ 2; 40; 4_000 ] do
                let rest = String.replicate parts "y-" + "w"

                answer (Routes.table [ "/<a>-<int:b>-<c>" ]) ("/z-1-" + rest)
                =! $"/<a>-<int:b>-<c> a=z, b=1, c={rest}"

                answer (Routes.table [ "/post/<int:id>-<slug>" ]) ("/post/7-" + rest)
                =! $"/post/<int:id>-<slug> id=7, slug={rest}")

        testCase "a converter of a caller's finds its text before a slug of 40 words" (fun () ->
            let custom = dict [ "seven", Seven() :> RouteConverter ] |> Dictionary
            let slug = String.Join('-', Array.create 40 "word")

            match RoutePattern.parseWith custom "/<seven:a>-<slug>" with
            | Ok pattern ->
                answer (ofRules [ RouteRule.Create("e", pattern) ]) $"/7-{slug}"
                =! $"e a=7, slug={slug}"
            | Error error -> failwith $"{error}")

        testTheory
            "take steps in proportion to their length"
            [
                "/<int:a>-<int:b>-<int:c>-<int:d>x", "1-", "x"
                "/<int:a>-<int:b>-<int:c>-<int:d>x", "-", "x"
                "/<a>-<b>-<int:c>", "x-", "y"
                "/<a>-<b>-<int:c>", "x", "y"
                "/<a>-<int:b>-<c>", "x-", "y"
                "/<a>-<int(max=5):b>-<c>", "9-", "y"
                "/<a>-<b>-<c>-<d>-<int:e>", "-", "y"
                "/<int(max=5):a>1<b>1<c>", "1", ""
                "/<a>1<int(max=5):b>1<c>1<alpha:d>", "1", ""
                "/<alpha:a>x<alpha:b>x<int:c>", "x", ""
                "/<string(maxlength=100):a>-<string(maxlength=2000):b>-<int:c>", "-", "y"
                "/<any(a,aa,aaa):a>a<any(a,aaaa):b>a<c>a<int:d>", "a", ""
                "/<seven:a>-<b>-<c>", "x-", "y"
                "/<a>-<seven:b>-<c>", "x-", "y"
                "/<seven:a>-<seven:b>-<seven:c>", "-", "y"
            ]
            (fun (text, repeated, ending) ->
                let custom = dict [ "seven", Seven() :> RouteConverter ] |> Dictionary

                match RoutePattern.parseWith custom text with
                | Error error -> failwith $"{error}"
                | Ok pattern ->
                    let steps length =
                        String.replicate (length / repeated.Length) repeated + ending
                        |> RouteSegment.steps pattern.Segments.Head

                    for length in [ 1_000; 4_000; 16_000 ] do
                        test <@ steps length <= 600 * length && steps (2 * length) <= 3 * steps length @>)
    ]
