module FunctionalWs.Protocol.Tests.HeaderTests

open System
open System.Collections.Generic
open Expecto
open Swensen.Unquote
open FunctionalWs.Protocol

let private sample =
    Headers.Empty.Add("Host", "a").Add("X-List", "1").Add("x-list", "2")

[<Tests>]
let headers =
    testList "header fields (RFC 9110 §5)" [
        testCase "names are found in any case" (fun () ->
            sample.Get "host" =! "a"
            sample.Contains "HOST" =! true
            sample.Contains "hos" =! false
            isNull (sample.Get "missing") =! true)

        testCase "a name keeps all its values in order, and the fields keep order and spelling" (fun () ->
            List.ofSeq (sample.GetAll "X-LIST") =! [ "1"; "2" ]
            List.ofSeq (sample.GetAll "missing") =! []
            sample.Count =! 2
            sample.ToString() =! "Host: a\nX-List: 1\nx-list: 2"
            [ for field in sample -> field.Key ] =! [ "Host"; "X-List"; "x-list" ])

        testCase
            "several values are one with commas between them, and nothing a peer sends makes asking throw"
            (fun () ->
                sample.Get "x-list" =! "1, 2"
                sample.TryGet "x-list" =! (true, "1, 2")
                sample.TryGet "missing" =! (false, "")
                (sample |> Headers.tryGet "HOST") =! ValueSome "a"
                (sample |> Headers.tryGet "missing") =! ValueNone)

        testTheory
            "secrets are in no text form"
            [ "Authorization"; "proxy-authorization"; "COOKIE"; "Set-Cookie" ]
            (fun name ->
                let headers = sample.Add(name, "s3cret").Add("After", "b")

                let response = Response.Text(200, "x").WithHeaders headers

                for text in
                    [
                        $"{headers}"
                        $"%A{headers}"
                        $"{response}"
                        $"%A{response}"
                        $"%A{[ Some response ]}"
                    ] do
                    test
                        <@
                            not (text.Contains "s3cret")
                            && text.Contains $"{name}: ***"
                            && text.Contains "After: b"
                        @>)

        testCase "null is refused with its name" (fun () ->
            let none = Unchecked.defaultof<string>
            let named (name: string) (error: ArgumentNullException) = <@ error.ParamName = name @>
            raisesWith<ArgumentNullException> <@ sample.Get none @> (named "name")
            raisesWith<ArgumentNullException> <@ sample.GetAll none @> (named "name")
            raisesWith<ArgumentNullException> <@ sample.Contains none @> (named "name")
            raisesWith<ArgumentNullException> <@ sample.Add(none, "x") @> (named "name")
            raisesWith<ArgumentNullException> <@ sample.Set("x", none) @> (named "value")
            raisesWith<ArgumentNullException> <@ HeaderSyntax.isToken none @> (named "text")
            raisesWith<ArgumentNullException> <@ HeaderSyntax.isValue none @> (named "text")

            raisesWith<ArgumentNullException>
                <@ Headers.Create Unchecked.defaultof<KeyValuePair<string, string> seq> @>
                (named "fields"))

        testCase "Set replaces all values, Remove removes them, and the original stays as it was" (fun () ->
            List.ofSeq ((sample.Set("X-List", "3")).GetAll "x-list") =! [ "3" ]
            (sample.Remove "x-list").Count =! 1
            (sample.Remove "missing") =! sample
            sample.Count =! 2)

        testCase "equality ignores the case of names and the order between them" (fun () ->
            let other = Headers.Empty.Add("x-LIST", "1").Add("x-list", "2").Add("HOST", "a")
            other =! sample
            other.GetHashCode() =! sample.GetHashCode()

            (Headers.Empty.Add("x-list", "2").Add("x-list", "1").Add("Host", "a") = sample)
            =! false)

        testTheory "a name that is no token is refused" [ ""; "a b"; "a:"; "a\r\n"; "é" ] (fun name ->
            raises<ArgumentException> <@ Headers.Empty.Add(name, "x") @>)

        testTheory
            "a value that could end its line is refused"
            [ "a\r\nb"; "a\nb"; "a\rb"; "a\000b"; "\127"; "\u010A"; "→" ]
            (fun value ->
                raises<ArgumentException> <@ Headers.Empty.Add("X", value) @>
                raises<ArgumentException> <@ Headers.Empty.Set("X", value) @>)

        testCase "Latin-1 and tabs are values" (fun () -> (Headers.Empty.Add("X", "é\ta")).Get "x" =! "é\ta")
    ]

let private tokens (text: string) =
    HeaderGrammar.parseTokens text
    |> Result.map List.ofSeq
    |> Result.mapError _.Position

let private extensions (text: string) =
    HeaderGrammar.parseExtensions text
    |> Result.map (fun offers -> [
        for offer in offers -> offer.Name, [ for p in offer.Parameters -> p.Name, p.Value ]
    ])
    |> Result.mapError _.Position

[<Tests>]
let grammar =
    testList "lists in headers (RFC 9110 §5.6, RFC 6455 §9.1)" [
        testTheory
            "tokens"
            [
                "Upgrade", Ok [ "Upgrade" ]
                "keep-alive, Upgrade", Ok [ "keep-alive"; "Upgrade" ]
                ",\t, , ,Upgrade ,,", Ok [ "Upgrade" ]
                "", Ok []
                " , ", Ok []
                "???", Error 0
                "a; b", Error 1
                "a b", Error 2
            ]
            (fun (text, expected) -> tokens text =! expected)

        testTheory
            "protocols"
            [
                "websocket", Ok [ "websocket" ]
                "http/3.0, websocket", Ok [ "http/3.0"; "websocket" ]
                "websocket 2", Error 10
                "http/", Error 5
                "/x", Error 0
            ]
            (fun (text, expected) ->
                HeaderGrammar.parseProtocols text
                |> Result.map List.ofSeq
                |> Result.mapError _.Position
                =! expected)

        testTheory
            "extensions"
            [
                "foo", Ok [ "foo", [] ]
                "foo, bar", Ok [ "foo", []; "bar", [] ]
                "foo; name; token=token; quoted=\"quoted\"",
                Ok [ "foo", [ "name", null; "token", "token"; "quoted", "quoted" ] ]
                "foo  ;  a  =  \"b\\c\"  ,", Ok [ "foo", [ "a", "bc" ] ]
                "", Ok []
                ",", Ok []
                "foo;", Error 4
                "foo; a=", Error 7
                "foo; a=\"x", Error 9
                "foo; a=\"b\\\"", Error 11
                "foo; a=\"b c\"", Error 8
                "foo : bar", Error 4
            ]
            (fun (text, expected) -> extensions text =! expected)

        testCase "H6: names that mean something elsewhere are only names" (fun () ->
            for name in [ "constructor"; "__proto__"; "ToString"; String('x', 8_000) ] do
                extensions name =! Ok [ name, [] ])

        testProperty "no text makes a parser throw" (fun (text: FsCheck.NonNull<string>) ->
            HeaderGrammar.parseTokens text.Get |> ignore
            HeaderGrammar.parseProtocols text.Get |> ignore
            HeaderGrammar.parseExtensions text.Get |> ignore)

        testProperty
            "a list of tokens is parsed back"
            (fun (names: FsCheck.PositiveInt list) (separator: bool) ->
                let names = [ for name in names -> $"t{name.Get}" ]
                let text = String.Join((if separator then "," else " ,\t, "), names)
                names.IsEmpty || tokens text = Ok names)
    ]
