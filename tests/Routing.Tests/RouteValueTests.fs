/// The values that a path gives, converters of a caller's, and hosts of rules.
module FunctionalWs.Routing.Tests.RouteValueTests

open System
open System.Collections.Generic
open System.Globalization
open Expecto
open Swensen.Unquote
open FunctionalWs.Protocol
open FunctionalWs.Routing
open FunctionalWs.Routing.Tests.Routes

/// A converter of a caller's that doesn't do what it says.
type private Lying() =
    inherit RouteConverter()
    override _.ValueType = typeof<string>

    override _.TryParse(_, value) =
        value <- null
        true

    override _.TryFormat(_, text) =
        text <- null
        true

/// A converter of a caller's that writes what it doesn't read.
type private OneWay() =
    inherit RouteConverter()
    override _.TryParse(_, _) = false

    override _.TryFormat(value, text) =
        text <- string value
        true

/// Of vowels, and no more than one of them.
type private Vowels() =
    inherit RouteConverter()

    override _.TryParse(text, value) =
        value <- text
        text.Length = 1 && "aeiou".Contains text

    override _.TryFormat(_, _) = false

[<Tests>]
let routes =
    testList "values of routes" [
        testCase "are equal by content, in any order, and to nothing of another type" (fun () ->
            let one = values [ "a", box 1; "b", box 2 ]
            let same = values [ "b", box 2; "a", box 1 ]
            one.Equals same =! true
            one.GetHashCode() =! same.GetHashCode()
            one.Equals(box "x") =! false
            one.Equals null =! false
            test <@ values [ "a", box 1 ] <> values [ "a", box 2 ] @>
            test <@ values [ "a", box 1 ] <> values [ "b", box 1 ] @>
            test <@ values [ "a", box 1 ] <> values [ "a", box 1; "b", box 1 ] @>)

        testCase "are found by name and type" (fun () ->
            let route = values [ "n", box 1 ]
            route["n"] =! box 1
            route.Get<int> "n" =! 1
            route.TryGet<int> "n" =! (true, 1)
            fst (route.TryGet<string> "n") =! false
            fst (route.TryGet<int> "m") =! false
            raises<KeyNotFoundException> <@ route["m"] @>
            raises<InvalidCastException> <@ route.Get<string> "n" @>)

        testCase "are a dictionary for reading" (fun () ->
            let route = values [ "a", box 1; "b", box "x" ]
            let read = route :> IReadOnlyDictionary<string, obj>
            read["a"] =! box 1

            (List.ofSeq read.Keys, List.ofSeq read.Values)
            =! ([ "a"; "b" ], [ box 1; box "x" ])

            (read.Count, read.ContainsKey "b", read.ContainsKey "c") =! (2, true, false)
            read.TryGetValue "b" =! (true, box "x")
            fst (read.TryGetValue "c") =! false
            [ for pair in read -> pair.Key, pair.Value ] =! [ "a", box 1; "b", box "x" ])

        testCase "are of any type, of a converter that doesn't tell" (fun () ->
            let converter = OneWay() :> RouteConverter

            (converter.ValueType, converter.Weight, converter.SpansSegments)
            =! (typeof<obj>, 100, false))

        testCase "of a converter that says yes and gives nothing are none" (fun () ->
            let custom = dict [ "lie", Lying() :> RouteConverter ] |> Dictionary

            match RoutePattern.parseWith custom "/<lie:a>" with
            | Error error -> failwith $"{error}"
            | Ok pattern ->
                let table = ofRules [ RouteRule.Create("e", pattern) ]
                describe (find table "/x") =! "404"

                match table.BuildPath("e", values [ "a", box "x" ]) with
                | Error(RouteBuildError.UnsuitableValue _) -> ()
                | other -> failwith $"{other}")

        testCase "are read by the converter of the rule's own, even where another has its name" (fun () ->
            let parsed converter text =
                let custom = dict [ "own", converter ] |> Dictionary<string, RouteConverter>

                match RoutePattern.parseWith custom text with
                | Ok pattern -> RouteRule.Create(text, pattern)
                | Error error -> failwith $"{error}"

            let table =
                ofRules [ parsed (OneWay()) "/<own:a>/x"; parsed (Vowels()) "/<own:b>/y" ]

            describe (find table "/a/x") =! "404"
            describe (find table "/a/y") =! "/<own:b>/y b=a")

        testCase "that a converter writes and doesn't read are refused" (fun () ->
            let custom = dict [ "once", OneWay() :> RouteConverter ] |> Dictionary

            match RoutePattern.parseWith custom "/<once:a>" with
            | Error error -> failwith $"{error}"
            | Ok pattern ->
                let table = ofRules [ RouteRule.Create("e", pattern) ]

                match table.BuildPath("e", values [ "a", box "x" ]) with
                | Error(RouteBuildError.UnsuitableValue _) -> ()
                | other -> failwith $"{other}")

        testCase "of other types than a converter's are refused, and written in queries" (fun () ->
            let table = table [ "/<a>"; "/b" ]
            let text = Text.StringBuilder "x/"

            match table.BuildPath("/<a>", values [ "a", box text ]) with
            | Error(RouteBuildError.UnsuitableValue _) -> ()
            | other -> failwith $"{other}"

            table.BuildPath("/b", values [ "q", box text; "f", box false ])
            =! Ok "/b?q=x%2F&f=false")

        testCase "without any rule, none is nearest" (fun () ->
            match (ofRules []).BuildPath("e", RouteValues.Empty) with
            | Error error -> string error =! "No rule leads to 'e'."
            | Ok path -> failwith path)
    ]

[<Tests>]
let hosts =
    let hostError (text: string) =
        match RoutePattern.parseHost (Dictionary<string, RouteConverter>()) text with
        | Ok pattern -> failwith $"{pattern}"
        | Error error -> error.Expected

    testList "hosts of routes" [
        testCase "have no slash, and no value that takes slashes" (fun () ->
            test <@ (hostError "a/b").Contains "no slash" @>
            test <@ (hostError "<path:a>").Contains "no placeholder that takes slashes" @>)

        testCase "that are no names match nothing" (fun () ->
            let long = String('ü', 70)

            let table =
                ofRules [
                    {
                        rule "/" with
                            Scope = RouteScope.Subdomain(host "www")
                    }
                ]

            let found = table.Match(named long, request "www.example.com" "/")

            describe found =! "404"
            table.HasSubdomains =! true
            (Routes.table [ "/" ]).HasSubdomains =! false)

    ]

[<Tests>]
let cultures =
    testList "texts of routes" [
        testTheory "are the same in every culture" [ "th-TH"; "tr-TR"; "ar-SA"; "en-US" ] (fun culture ->
            let before = CultureInfo.CurrentCulture
            CultureInfo.CurrentCulture <- CultureInfo.GetCultureInfo culture

            try
                let table = table [ "/a/<int:n>/<float(signed=True):x>/"; "/INT" ]
                describe (find table "/a//7/-2.5") =! "-> /a/7/-2.5/"

                describe (find table "/a/7/-2.5/")
                =! "/a/<int:n>/<float(signed=True):x>/ n=7, x=-2.5"

                let build values =
                    table.BuildPath("/a/<int:n>/<float(signed=True):x>/", values)

                build (values [ "n", box 7; "x", box -2.5; "q", box 0.5 ])
                =! Ok "/a/7/-2.5/?q=0.5"

                match build (values [ "n", box 1.5; "x", box 1 ]) with
                | Ok path -> failwith path
                | Error error ->
                    error.ToString()
                    =! "The rule '/a/<int:n>/<float(signed=True):x>/' can't have the value '1.5' for 'n'."

                match RoutePattern.parse "/<nix" with
                | Ok _ -> failwith "it was taken"
                | Error error ->
                    error.ToString()
                    =! "The rule '/<nix' needs a closing '>', outside of parentheses and quotes, at position 5."
            finally
                CultureInfo.CurrentCulture <- before)
    ]
