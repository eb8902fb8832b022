/// Routes with typed values, and the paths that are built of them.
module FunctionalWs.FSharp.Tests.RouteTests

open System
open Expecto
open Swensen.Unquote
open FunctionalWs
open FunctionalWs.FSharp
open FunctionalWs.Protocol
open FunctionalWs.Routing
open FunctionalWs.Testing
open FunctionalWs.FSharp.Tests.Talk

let private say (text: string) (connection: ServerConnection) = connection.Send text

/// What a handler says at a path.
let private at (path: string) (rules: Rule list) : string =
    use server = InMemoryServer.Route(UrlMap rules)
    use client = server.Connect path
    client.Receive().Text

/// Where a path redirects to.
let private redirectedBy (path: string) (rules: Rule list) : string =
    use server = InMemoryServer.Route(UrlMap rules)
    (server.Get path).Headers.Get "Location"

let private id7 = Guid "00000000-0000-0000-0000-000000000007"

[<Tests>]
let routes =
    testList "routes" [
        testCase "a handler of values may be a task" (fun () ->
            let rules = [
                Route.get ("/0", fun connection -> task { connection.Send "none" })
                Route.get ("/1/{a}", fun connection (a: string) -> task { connection.Send a })
                Route.get (
                    "/2/{a}/{b}",
                    fun connection (a: string) (b: string) -> task { connection.Send(a + b) }
                )
                Route.get (
                    "/3/{a}/{b}/{c}",
                    fun connection (a: string) (b: string) (c: string) -> task { connection.Send(a + b + c) }
                )
                Route.get (
                    "/4/{a}/{b}/{c}/{d}",
                    fun connection (a: string) (b: string) (c: string) (d: string) ->
                        task { connection.Send(a + b + c + d) }
                )
            ]

            rules |> at "/0" =! "none"
            rules |> at "/1/a" =! "a"
            rules |> at "/2/a/b" =! "ab"
            rules |> at "/3/a/b/c" =! "abc"
            rules |> at "/4/a/b/c/d" =! "abcd")

        testCase "route serves a handler for each path" (fun () ->
            use server =
                WebSocket.route "127.0.0.1" 0 [
                    Route.get ("/a", say "a")
                    Route.get ("/b/{id:int}", fun connection (id: int) -> connection.Send $"b {id}")
                ]
                |> started

            askAt server "/a" "" =! "a"
            askAt server "/b/7" "" =! "b 7")

        testCase "a handler gets one to four values with their types" (fun () ->
            let rules = [
                Route.get ("/0", fun connection -> connection.Send "none")
                Route.get ("/1/{a:int}", fun connection (a: int) -> connection.Send $"{a + 1}")
                Route.get (
                    "/2/<int:a>/<b>",
                    fun connection (a: int) (b: string) -> connection.Send $"{a} {b}"
                )
                Route.get (
                    "/3/{a}/{b:guid}/{c:long}",
                    fun connection (a: string) (b: Guid) (c: int64) -> connection.Send $"{a} {b = id7} {c}"
                )
                Route.get (
                    "/4/{a}/{b}/{c:float}/{*d}",
                    fun connection (a: string) (b: string) (c: float) (d: string) ->
                        connection.Send $"{a} {b} {c > 1.0} {d}"
                )
            ]

            rules |> at "/0" =! "none"
            rules |> at "/1/7" =! "8"
            rules |> at "/2/7/x" =! "7 x"
            rules |> at $"/3/x/{id7}/9" =! "x True 9"
            rules |> at "/4/x/y/1.5/z/z" =! "x y True z/z")

        testCase "the types of a handler's values are inferred from what is done with them" (fun () ->
            let add (connection: ServerConnection) first second =
                connection.Send(string (first + second + 1))

            [ Route.get ("/{a:int}/{b:int}", add) ] |> at "/1/2" =! "4")

        testCase
            "a handler of other values is refused when the route is made, by the route and both types"
            (fun () ->
                let refused (make: unit -> Rule) : string =
                    try
                        make () |> ignore
                        "taken"
                    with :? ArgumentException as error ->
                        error.Message.Split(" (Parameter")[0]

                refused (fun () ->
                    Route.get ("/a/{id:int}", fun connection (id: string) -> connection.Send id))
                =! "The route '/a/{id:int}' has the values (int), but its handler takes (string)."

                refused (fun () ->
                    Route.get ("/a/{id:int}/{name}", fun connection (id: int) -> connection.Send(string id)))
                =! "The route '/a/{id:int}/{name}' has the values (int, string), but its handler takes (int)."

                refused (fun () ->
                    Route.get (
                        "/a/{id:guid}",
                        fun connection (a: int) (b: int) -> connection.Send $"{a}{b}"
                    ))
                =! "The route '/a/{id:guid}' has the values (Guid), but its handler takes (int, int).")

        testCase "a path that can't be read is refused where it is written, in the words of a map" (fun () ->
            let refusal (make: unit -> 'T) : string =
                try
                    make () |> ignore
                    "none"
                with :? ArgumentException as error ->
                    error.Message.Split(" (Parameter")[0]

            for pattern in
                [
                    "a"
                    "/{id"
                    "/{id:int(mn=1)}"
                    "/{a}{b}"
                    "/{a}/{a}"
                    "/{id?}"
                    "/{id:regex(x)}"
                    "/{id:number(3)}"
                    "/{id:number}/{a"
                ] do
                let byMap =
                    refusal (fun () -> UrlMap [ Rule(pattern, fun (_: ServerConnection) -> ()) ])

                test <@ byMap <> "none" @>

                for make in
                    [
                        fun () -> Route.get (pattern, say "a")
                        fun () -> Route.get (pattern, fun connection -> task { connection.Send "a" })
                        fun () -> Route.get (pattern, fun connection (a: string) -> connection.Send a)
                        fun () -> Route.withValues pattern (fun connection _ -> connection.Send "a")
                        fun () -> Route.redirect pattern "/"
                        fun () -> Route.redirectBy pattern (fun _ -> "/")
                        fun () -> Route.buildOnly pattern "a"
                    ] do
                    refusal make =! byMap)

        testCase "a converter that isn't the library's may be the map's own" (fun () ->
            let doubling = {
                new RouteConverter() with
                    override _.TryParse(text, value) =
                        value <- text + text
                        true

                    override _.TryFormat(_, text) =
                        text <- null
                        false
            }

            let handler (connection: ServerConnection) (a: obj) (b: int) = connection.Send $"{a} {b}"
            let rule = Route.get ("/{a:twice}/{b:int(min=1)}", handler)
            raises<ArgumentException> <@ UrlMap [ rule ] @>
            let options = UrlMapOptions(Converters = readOnlyDict [ "twice", doubling ])
            use server = InMemoryServer.Route(UrlMap([ rule ], options))
            use client = server.Connect "/x/7"
            client.Receive().Text =! "xx 7")

        testCase "a hook of a rule gets the values of its path, with their types" (fun () ->
            let forbidden = Response.Text(403, "no")
            let refuse isSo = if isSo then Some forbidden else None

            let rules = [
                Route.get ("/a/{id:int}", fun connection (id: int) -> connection.Send $"{id}")
                |> Route.guard (fun _ _ (id: int) -> refuse (id > 7))
                Route.get ("/b/{name}/{id:int}", fun connection (_: string) (_: int) -> connection.Send "b")
                |> Route.guard (fun _ _ (name: string) (id: int) -> refuse (name = "x" || id > 7))
            ]

            use server = InMemoryServer.Route(UrlMap rules)
            rules |> at "/a/7" =! "7"
            rules |> at "/b/y/7" =! "b"
            (server.Get "/a/8").StatusCode =! 403
            (server.Get "/b/x/7").StatusCode =! 403
            (server.Get "/b/y/8").StatusCode =! 403)

        testCase "a hook gets three and four values, too" (fun () ->
            let refuse (text: string) = Some(Response.Text(403, text))

            let rules = [
                Route.get ("/3/{a}/{b}/{c}", say "a")
                |> Route.guard (fun _ _ (a: string) (b: string) (c: string) -> refuse (a + b + c))
                Route.get ("/4/{a}/{b}/{c}/{d:int}", say "a")
                |> Route.guard (fun _ _ (a: string) (b: string) (c: string) (d: int) ->
                    refuse $"{a}{b}{c}{d}")
            ]

            use server = InMemoryServer.Route(UrlMap rules)

            let body (path: string) =
                Text.Encoding.UTF8.GetString((server.Get path).Body.Span)

            body "/3/x/y/z" =! "xyz"
            body "/4/x/y/z/7" =! "xyz7")

        testCase "a hook of values comes after what the rule has, and before the handler" (fun () ->
            let asked = ResizeArray<string>()

            let rule =
                Route.get ("/{a}", say "a")
                |> Route.processRequest (fun _ _ ->
                    asked.Add "first"
                    None)
                |> Route.guard (fun connection _ (a: string) ->
                    asked.Add a
                    Some(Response.Text(403, connection.RouteValues.Get<string> "a")))

            use server = InMemoryServer.Route(UrlMap [ rule ])
            (server.Get "/x").StatusCode =! 403
            List.ofSeq asked =! [ "first"; "x" ])

        testCase "a hook of other values is refused when it is put to the rule" (fun () ->
            let rule = Route.get ("/a/{id:int}", say "a")

            let refusal (make: unit -> Rule) : string =
                try
                    make () |> ignore
                    "none"
                with :? ArgumentException as error ->
                    error.Message.Split(" (Parameter")[0]

            refusal (fun () -> rule |> Route.guard (fun _ _ (_: string) -> None))
            =! "The route '/a/{id:int}' has the values (int), but its hook takes (string)."

            refusal (fun () -> rule |> Route.guard (fun _ _ (_: int) (_: int) -> None))
            =! "The route '/a/{id:int}' has the values (int), but its hook takes (int, int).")

        testCase "values that neither path nor defaults have are refused when the map is made" (fun () ->
            let rule =
                Route.get ("/a/{id:int}", fun connection (a: int) (b: int) -> connection.Send $"{a}{b}")

            raises<ArgumentException> <@ UrlMap [ rule ] @>)

        testCase "values of the host come before those of the path, defaults after" (fun () ->
            let rule =
                Route.get (
                    "/{page:int}",
                    fun connection (tenant: string) (page: int) (size: int64) ->
                        connection.Send $"{tenant} {page} {size}"
                )
                |> Route.host "<tenant>"
                |> Route.defaults [ "size", 20L ]

            [ rule ] |> at "/7" =! "localhost 7 20")

        testCase "withValues gives all values by their names" (fun () ->
            let rule =
                Route.withValues "/{a:int}/{b}" (fun connection values ->
                    connection.Send $"""{values.Get<int> "a"} {values.Get<string> "b"}""")

            [ rule ] |> at "/7/x" =! "7 x")

        testCase "redirects lead where a template or a function says" (fun () ->
            let rules = [
                Route.redirect "/old/{id:int}" "/new/{id}"
                Route.redirectBy "/older/{id:int}" (fun values -> $"""/new/{values.Get<int> "id" + 1}""")
            ]

            rules |> redirectedBy "/old/7" =! "/new/7"
            rules |> redirectedBy "/older/7" =! "/new/8")

        testCase "rules are mounted, named, only built, and made aliases" (fun () ->
            let rules = [
                yield!
                    Route.mount "/admin" [
                        Route.get ("/log", say "log") |> Route.endpoint "log"
                        Route.get ("/protocol", say "log") |> Route.endpoint "log" |> Route.alias
                    ]
                Route.buildOnly "/elsewhere/{id:int}" "elsewhere"
            ]

            let map = UrlMap rules
            map.Build "log" =! "/admin/log"
            map.Build("elsewhere", struct ("id", box 7)) =! "/elsewhere/7"
            rules |> at "/admin/log" =! "log"
            rules |> redirectedBy "/admin/protocol" =! "/admin/log")

        testCase "slashes matter where a rule says so" (fun () ->
            let rule = Route.get ("/a/", say "a")
            [ rule ] |> redirectedBy "/a" =! "/a/"
            [ rule |> Route.strictSlashes (Some false) ] |> at "/a" =! "a"
            [ rule ] |> redirectedBy "//a/" =! "/a/"
            [ rule |> Route.mergeSlashes (Some false) ] |> redirectedBy "//a/" =! null)

        testCase "rules of a subdomain belong to the server's name" (fun () ->
            let rules =
                Route.onSubdomain "<tenant>" [
                    Route.get ("/", fun connection (tenant: string) -> connection.Send tenant)
                ]

            let same =
                Route.get ("/", fun connection (tenant: string) -> connection.Send tenant)
                |> Route.subdomain "<tenant>"

            for rules in [ rules; [ same ] ] do
                let router = Router(UrlMap rules, RouterOptions(ServerName = "example.com"))
                use server = InMemoryServer.Route router

                use client =
                    server.Connect(
                        "/",
                        TestClientOptions(Headers = [| struct ("Host", "acme.example.com") |])
                    )

                client.Receive().Text =! "acme")
    ]

[<Tests>]
let urls =
    testList "paths of routes" [
        testCase "are built of one to four values" (fun () ->
            let one = Route.url<int> "/a/{id:int}"
            let two = Route.url<string, int> "/a/<name>/<int:id>"
            let three = Route.url<string, string, Guid> "/{a}/{b}/{c:guid}"
            let four = Route.url<int, int, int, string> "/{a:int}.{b:int}.{c:int}/{*d}"
            one 7 =! "/a/7"
            two "tea room" 7 =! "/a/tea%20room/7"
            three "x" "y" id7 =! $"/x/y/{id7}"
            four 1 2 3 "x/y" =! "/1.2.3/x/y")

        testCase "a builder of other values than the pattern has is refused when it is made" (fun () ->
            let message (make: unit -> int -> string) =
                try
                    make () 1
                with :? ArgumentException as error ->
                    error.Message.Split(" (Parameter")[0]

            message (fun () -> Route.url<int> "/a/{name}")
            =! "The route '/a/{name}' has the values (string), but its builder takes (int)."

            message (fun () -> Route.url<int> "/a/{x:int}/{y:int}")
            =! "The route '/a/{x:int}/{y:int}' has the values (int, int), but its builder takes (int)."

            message (fun () -> Route.url<int> "/a/{x:number}") |> _.Contains("position")
            =! true)

        testCase "a value that doesn't suit is refused when the path is built" (fun () ->
            let page = Route.url<int> "/{page:int:min(1)}"
            page 1 =! "/1"
            raises<UrlBuildException> <@ page 0 @>)

        testCase "each setting of a rule has a function, which sets it and nothing else" (fun () ->
            let plain = Route.get ("/a", ignore)
            let hook = fun (_: ServerConnection) (_: FunctionalWs.Protocol.Request) -> None

            let settings: (string * (Rule -> Rule)) list = [
                "Endpoint", Route.endpoint "e"
                "Host", Route.host "h"
                "Subdomain", Route.subdomain "s"
                "Defaults", Route.defaults [ "d", box 1 ]
                "StrictSlashes", Route.strictSlashes (Some true)
                "MergeSlashes", Route.mergeSlashes (Some true)
                "ProcessRequest", Route.processRequest hook
                "Origins", Route.origins (Some [ Origin.None ])
                "MaxMessageSize", Route.maxMessageSize (Some 10)
                "IsAlias", Route.alias
            ]

            let properties =
                typeof<Rule>.GetProperties()
                |> Array.filter (fun (property: Reflection.PropertyInfo) -> property.CanWrite)

            Set.ofArray (Array.map (fun (property: Reflection.PropertyInfo) -> property.Name) properties)
            =! Set.add "Pattern" (Set.ofList (List.map fst settings))

            for name, change in settings do
                let changed = change plain

                [
                    for property in properties do
                        if not (obj.Equals(property.GetValue plain, property.GetValue changed)) then
                            property.Name
                ]
                =! [ name ])
    ]
