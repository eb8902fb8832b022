/// What C# asks for with Try.
module FunctionalWs.Routing.Tests.TryTests

open Expecto
open Swensen.Unquote
open FunctionalWs.Routing
open FunctionalWs.Routing.Tests.Routes

[<Tests>]
let tests =
    testList "what is tried" [
        testCase "is a pattern, or says what is wrong with its text" (fun () ->
            let mutable pattern = null
            let mutable error = Unchecked.defaultof<RouteSyntaxError>
            RoutePattern.TryParse("/a/<int:id>", &pattern, &error) =! true
            isNull pattern =! false
            RoutePattern.TryParse("/a/<int:id", &pattern, &error) =! false
            Error error =! (RoutePattern.parse "/a/<int:id" |> Result.map ignore)

            RoutePattern.TryParseWith(readOnlyDict [], "/a/<int:id>", &pattern, &error)
            =! true

            RoutePattern.TryParseWith(readOnlyDict [], "a", &pattern, &error) =! false
            Error error =! (RoutePattern.parse "a" |> Result.map ignore)

            RoutePattern.TryParseHost(readOnlyDict [], "<name>.example.org", &pattern, &error)
            =! true

            RoutePattern.TryParseHost(readOnlyDict [], "<", &pattern, &error) =! false

            Error error
            =! (RoutePattern.parseHost (readOnlyDict []) "<" |> Result.map ignore))

        testCase "is a table, or says which rules can't be in one" (fun () ->
            let mutable table = null
            let mutable error = Unchecked.defaultof<RouteTableError>
            RouteTable.TryCreate(true, [ rule "/a" ], &table, &error) =! true
            isNull table =! false
            RouteTable.TryCreate(true, [ rule "/a"; rule "/a" ], &table, &error) =! false

            Error error
            =! (RouteTable.create true [ rule "/a"; rule "/a" ] |> Result.map ignore))

        testCase "is a path or a URL, or says why there is none" (fun () ->
            let routes = table [ "/a/<int:id>" ]
            let mutable text = null
            let mutable error = Unchecked.defaultof<RouteBuildError>

            routes.TryBuildPath("/a/<int:id>", values [ "id", box 7 ], &text, &error)
            =! true

            text =! "/a/7"
            routes.TryBuildPath("/b", values [], &text, &error) =! false
            Error error =! (routes.BuildPath("/b", values []) |> Result.map ignore))
    ]
