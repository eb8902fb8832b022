module FunctionalWs.Routing.Tests.RoutePatternTests

open System
open System.Collections.Generic
open Expecto
open Swensen.Unquote
open FunctionalWs.Protocol
open FunctionalWs.Routing
open FunctionalWs.Routing.Tests.Routes

/// The value that a rule with one placeholder finds, or none.
let private valueOf (text: string) (target: string) : obj option =
    match find (table [ text ]) target with
    | RouteMatch.Matched(_, _, values) -> Some(Seq.head values.Values)
    | _ -> None

let private id36 = "6f1c2a0e-8a55-4a0f-9d3c-0123456789ab"

/// Three colours, and no others.
type private Colour() =
    inherit RouteConverter()
    override _.ValueType = typeof<ConsoleColor>

    override _.TryParse(text, value) =
        match text with
        | "red" ->
            value <- ConsoleColor.Red
            true
        | "green" ->
            value <- ConsoleColor.Green
            true
        | _ -> false

    override _.TryFormat(value, text) =
        match value with
        | :? ConsoleColor as colour ->
            text <- (string colour).ToLowerInvariant()
            true
        | _ -> false

let private custom: IReadOnlyDictionary<string, RouteConverter> =
    dict [ "colour", Colour() :> RouteConverter ] |> Dictionary :> _

[<Tests>]
let converters =
    testList "converters of routes" [
        testTheory
            "a text that is a value"
            [
                "/<name>", "/caf%C3%A9", box "café"
                "/<string:name>", "/a%2Fb", box "a/b"
                "/<string(minlength=2, maxlength=3):s>", "/abc", box "abc"
                "/<string(length=2):s>", "/ab", box "ab"
                "/<any(about, 'log in',):page>", "/log%20in", box "log in"
                "/<path:rest>", "/a//b/", box "a//b/"
                "/<int:n>", "/0042", box 42
                "/<int(fixed_digits=4):n>", "/0042", box 42
                "/<int(4):n>", "/0042", box 42
                "/<int(min=1,max=9):n>", "/9", box 9
                "/<int(min=3,max=3):n>", "/3", box 3
                "/<int(signed=True):n>", "/-7", box -7
                "/<int(min=-5, signed=True, max=None):n>", "/-5", box -5
                "/<int:n>", "/2147483647", box Int32.MaxValue
                "/<long:n>", "/9223372036854775807", box Int64.MaxValue
                "/<float:x>", "/1.50", box 1.5
                "/<float(signed=True):x>", "/-0.25", box -0.25
                "/<double:x>", "/3", box 3.0
                "/<uuid:id>", "/" + id36, box (Guid id36)
                "/<uuid:id>", "/" + id36.ToUpperInvariant(), box (Guid id36)
                "/{name}", "/x", box "x"
                "/{n:int}", "/-3", box -3
                "/{n:int:min(1):max(9)}", "/9", box 9
                "/{n:long:range(1,9)}", "/1", box 1L
                "/{x:double}", "/-2", box -2.0
                "/{id:guid}", "/" + id36, box (Guid id36)
                "/{s:length(2,5)}", "/abcde", box "abcde"
                "/{s:length(3)}", "/abc", box "abc"
                "/{s:alpha:minlength(2)}", "/Abc", box "Abc"
                "/{x:float}", "/-2", box -2.0
                "/<any('log in', \"out\"):page>", "/out", box "out"
                "/<any(None, a):page>", "/None", box "None"
                "/<string(length=None):s>", "/ab", box "ab"
                "/{*rest}", "/a/b", box "a/b"
                "/{**rest}", "/a/b", box "a/b"
            ]
            (fun (text, target, expected) -> valueOf text target =! Some expected)

        testTheory
            "a text that is none"
            [
                "/<string(minlength=2):s>", "/a"
                "/<string(maxlength=2):s>", "/abc"
                "/<any(a, b):s>", "/A"
                "/<path:rest>", "/"
                "/<int:n>", "/-1"
                "/<int:n>", "/+1"
                "/<int:n>", "/%201"
                "/<int:n>", "/1%0A"
                "/<int:n>", "/2147483648"
                "/<int:n>", "/" + String('9', 400)
                "/<int:n>", "/" + String('0', 351)
                "/<int:n>", "/٣"
                "/<int:n>", "/%D9%A3"
                "/<int(fixed_digits=4):n>", "/42"
                "/<int(min=1,max=9):n>", "/10"
                "/<int(min=1,max=9):n>", "/0"
                "/<float:x>", "/1"
                "/<float:x>", "/1,5"
                "/<float:x>", "/.5"
                "/<float:x>", "/5."
                "/<float:x>", "/1e5"
                "/<float:x>", "/1.5e5"
                "/<float:x>", "/NaN"
                "/<float:x>", "/-1.5"
                "/<float:x>", "/" + String('9', 400) + ".0"
                "/<uuid:id>", "/{" + id36 + "}"
                "/<uuid:id>", "/" + id36.Replace("-", "")
                "/<uuid:id>", "/" + id36 + "%20"
                "/{s:alpha}", "/a1"
            ]
            (fun (text, target) -> valueOf text target =! None)

        testCase "a converter of the caller's gives its own values, and takes them back" (fun () ->
            match RoutePattern.parseWith custom "/paint/<colour:c>" with
            | Error error -> failwith $"{error}"
            | Ok pattern ->
                pattern.ValueTypes[0] =! typeof<ConsoleColor>
                let table = ofRules [ RouteRule.Create("paint", pattern) ]
                answer table "/paint/red" =! "paint c=Red"
                answer table "/paint/blue" =! "404"

                table.BuildPath("paint", values [ "c", ConsoleColor.Green ]) |> Result.toOption
                =! Some "/paint/green")
    ]

[<Tests>]
let syntax =
    testList "the text of a rule" [
        testCase "both notations name and type the values" (fun () ->
            for text in [ "/a/<uuid:id>/v<int:n>"; "/a/{id:guid}/v{n:int}" ] do
                List.ofSeq (pattern text).Names =! [ "id"; "n" ]
                List.ofSeq (pattern text).ValueTypes =! [ typeof<Guid>; typeof<int> ])

        testTheory
            "an error has its position, and says what was expected"
            [
                "a/b", 0, "a slash"
                "/<n", 3, "a closing '>'"
                "/{n", 3, "a closing '}'"
                "/n>", 2, "an opening bracket"
                "/<a>/{b}", 1, "one notation"
                "/{a}/<b>", 1, "one notation"
                "/a?b=<c>", 2, "no query"
                "/<1a>", 2, "a name"
                "/<>", 2, "a name"
                "/<int:a>/<b>/<a>", 13, "another name than 'a'"
                "/<a><b>", 4, "some text between"
                "/<path:a>/<path:b>", 10, "no second placeholder"
                "/<a>-<path:b>", 5, "a slash between"
                "/<path:a>.<b>", 10, "a slash between"
                "/<nix:a>", 2, "a converter, one of string, alpha"
                "/<int(1a=2):a>", 6, "key=value"
                "/<int(1,min=):a>", 12, "a word, a number or a quoted text"
                "/<int(min=):a>", 10, "a word, a number or a quoted text"
                "/<int(x=1,y=2):a>", 2, "no other arguments than"
                "/<in-t:a>", 2, "the name of a converter"
                "/<in-t(1):a>", 2, "the name of a converter"
                "/{a:min(1,2)}", 2, "a converter, one of"
                "/<int(a=1=2):a>", 6, "key=value"
                "/<int(1)x:a>", 2, "the name of a converter"
                "/<any('a'b'c'):a>", 6, "a word, a number or a quoted text"
                "/<string(minlength=70000):a>", 2, "a number from 0 to 65535 for minlength"
                "/<string(minlength=3,maxlength=2):a>", 2, "a minlength up to maxlength"
                "/<float(min=x):a>", 2, "a number for min"
                "/<float(max=NaN):a>", 2, "a number for max"
                "/<float(min=2,max=1):a>", 2, "a min up to max"
                "/<int(signed=1):a>", 2, "True or False for signed"
                "/{a:length(1,2,3)}", 2, "a converter, one of"
                "/<int(x=1):a>", 2, "no other arguments than fixed_digits, min, max, signed"
                "/<int(min=x):a>", 2, "a whole number for min"
                "/<int(min=1,min=2):a>", 2, "the argument min only once"
                "/<int(min=9,max=1):a>", 2, "a min up to max"
                "/<int(1;2):a>", 6, "a word, a number or a quoted text"
                "/<int(min=1:a>", 14, "a closing '>'"
                "/<path(1):a>", 2, "no arguments"
                "/<any():a>", 2, "the words"
                "/<a:b:c>", 2, "<name> or <converter:name>"
                "/{a:regex(^x$)}", 4, "no regex (a converter of your own"
                "/{a:bool}", 2, "a converter, one of"
                "/{a:regex('a')}", 2, "no regex (a converter of your own"
                "/{a?}", 2, "no optional or default value"
                "/{a=1}", 2, "no optional or default value"
                "/{a:int:guid}", 2, "one converter"
                "/{a:min(1)}", 2, "no other arguments"
                "/a\000", 0, "text without NUL"
                "/" + string (char 0xD800), 0, "text without NUL and half surrogate pairs"
            ]
            (fun (text, position, expected) ->
                match RoutePattern.parse text with
                | Ok _ -> failwith "it was taken"
                | Error error ->
                    error.Rule =! text

                    if error.Position <> position || not (error.Expected.StartsWith expected) then
                        failwith $"{error}")

        testProperty "no text makes the parser throw" (fun (text: string) ->
            let text = "/" + (if isNull text then "" else text)
            not (isNull (box (RoutePattern.parse text))))

        testProperty "no text of the language's characters makes the parser throw" (fun (choice: byte list) ->
            let letters = "<>{}():,='/?*ab1 _."

            let text =
                choice
                |> List.map (fun i -> string letters[int i % letters.Length])
                |> String.concat ""

            not (isNull (box (RoutePattern.parse ("/" + text)))))
    ]
