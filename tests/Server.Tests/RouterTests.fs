module FunctionalWs.Server.Tests.RouterTests

open System
open System.Collections.Generic
open System.IO
open System.Net.Sockets
open Expecto
open Microsoft.Extensions.Logging
open Swensen.Unquote
open FunctionalWs
open FunctionalWs.Protocol
open FunctionalWs.Routing

let private defaults = ServerOptions(TimeProvider = FakeClock())

let private handler (handle: ServerConnection -> unit) = Action<ServerConnection> handle

/// A handler that sends the values it got.
let private tellValues =
    Action<ServerConnection, RouteValues>(fun connection values -> connection.Send $"{values}")

let private rule (pattern: string) = Rule(pattern, tellValues)

let private serve (router: Router) (options: ServerOptions) : Server =
    Server.ServeInMemory(Action<ServerConnection> router.Handle, router.WithRouting options)

let private map (rules: Rule list) = UrlMap(rules)

let private requestOf (host: string) (target: string) =
    PeerClient.Request.Replace("/chat", target).Replace("example.com", host)

/// The first text that the handler of a target sends.
let private told (router: Router) (target: string) : string =
    use server = serve router defaults
    use client = PeerClient.InMemory server
    client.Write(requestOf "example.com" target)
    let response = client.ReadResponse()

    if not (response.StartsWith("HTTP/1.1 101 ", StringComparison.Ordinal)) then
        failwith response

    client.ReadText()

/// The answer to a request that opens no connection.
let private answer (router: Router) (options: ServerOptions) (request: string) : string =
    use server = serve router options
    use client = PeerClient.InMemory server
    client.Write request
    client.ReadToEnd()

let private redirected (router: Router) (host: string) (target: string) : string =
    let response = answer router defaults (requestOf host target)

    let location =
        response.Split("\r\n")
        |> Array.find _.StartsWith("Location: ", StringComparison.Ordinal)

    response.Substring(9, 3) + " " + location.Substring "Location: ".Length

let private statusLine (response: string) =
    response.Substring(0, response.IndexOf("\r\n", StringComparison.Ordinal))

[<Tests>]
let routing =
    testList "routing" [
        testCase "a literal path and one with a number reach the same handler, with typed values" (fun () ->
            let show =
                Action<ServerConnection, RouteValues>(fun connection values ->
                    connection.Send(sprintf "page %d" (values.Get<int> "n")))

            let first = Rule("/", show, Defaults = (Dictionary(dict<string, obj> [ "n", 1 ])))

            let router = Router(map [ first; Rule("/page/<int:n>", show) ])
            told router "/" =! "page 1"
            told router "/page/7" =! "page 7")

        testCase "the query has no say in the match, and stays in the request" (fun () ->
            let router =
                Router(map [ Rule("/chat", handler (fun c -> c.Send((nonNull c.Request).Target))) ])

            told router "/chat?a=/b" =! "/chat?a=/b")

        testCase "a handler finds the values at its connection, too" (fun () ->
            let router =
                Router(
                    map [
                        Rule("/{name}/{id:guid}", handler (fun c -> c.Send $"{c.RouteValues} {c.Rule}"))
                    ]
                )

            told router "/x/6f1c2a0e-8a55-4a0f-9d3c-0123456789ab"
            =! "name=x, id=6f1c2a0e-8a55-4a0f-9d3c-0123456789ab /{name}/{id:guid}")

        testCase "without a router there are no values" (fun () ->
            use server =
                Serve.inMemory (fun c -> c.Send $"{c.RouteValues.Count} {isNull c.Rule}") defaults

            use client = Serve.client server
            client.ReadText() =! "0 True")

        testCase "a handler takes its values as parameters" (fun () ->
            let join = Action<ServerConnection, Guid>(fun c id -> c.Send $"{id}")

            let log =
                Action<ServerConnection, string, int>(fun c name n -> c.Send $"{n} {name}")

            let router =
                Router(map [ Rule.For("/c/<uuid:id>", join); Rule.For("/l/<name>/<int:n>", log) ])

            told router "/c/6f1c2a0e-8a55-4a0f-9d3c-0123456789ab"
            =! "6f1c2a0e-8a55-4a0f-9d3c-0123456789ab"

            told router "/l/x/3" =! "3 x")

        testCase
            "a handler that takes other values than its path has is found when the map is made"
            (fun () ->
                let join = Action<ServerConnection, Guid>(fun _ _ -> ())

                for pattern in [ "/c"; "/c/<id>"; "/c/<uuid:a>/<uuid:b>" ] do
                    let error =
                        Wait.throws<ArgumentException>(fun () -> map [ Rule.For(pattern, join) ] |> ignore)

                    test <@ error.Message.Contains pattern && error.Message.Contains "takes (Guid)" @>)

        testCase "an unknown path gets 404, and its connection no handler" (fun () ->
            let answered =
                Exchange.rejected
                    (fun records ->
                        Router(map [ rule "/" ]).WithRouting(ServerOptions(LoggerFactory = records)))
                    (requestOf "example.com" "/nothing")

            answered.Status =! 404
            test <@ answered.HasLine "Content-Type: text/plain; charset=utf-8" @>
            answered.Body =! "There is nothing at this path.\n"

            answered.Records.Of LogLevel.Information
            |> List.exists (fun (struct (_, _, text)) ->
                text.EndsWith(" for /nothing: 404 Not Found", StringComparison.Ordinal))
            =! true)

        testCase "another method gets 405 with Allow, a bad target or host 400" (fun () ->
            let router = Router(map [ rule "/<x>" ])
            let answer = answer router defaults
            let good = requestOf "example.com" "/a"
            let refused = answer (good.Replace("GET ", "POST "))
            statusLine refused =! "HTTP/1.1 405 Method Not Allowed"
            test <@ refused.Contains "\r\nAllow: GET\r\n" @>

            for bad in
                [
                    good.Replace("/a", "/%zz")
                    good.Replace("/a", "http://user@example.com/a")
                    good.Replace("Host: example.com\r\n", "")
                    good.Replace("Host: example.com\r\n", "Host: a\r\nHost: a\r\n")
                    good.Replace("Host: example.com", "Host: a..b")
                ] do
                statusLine (answer bad) =! "HTTP/1.1 400 Bad Request")

        testCase "what is no WebSocket is told so by the handshake" (fun () ->
            let router = Router(map [ rule "/<x>" ])

            statusLine (answer router defaults "GET /a HTTP/1.1\r\nHost: a\r\n\r\n")
            =! "HTTP/1.1 426 Upgrade Required")

        testCase "the user's hook comes first, and may answer itself" (fun () ->
            let seen = ResizeArray<string>()
            let router = Router(map [ rule "/<x>" ])

            let hook =
                ProcessRequest(fun connection request ->
                    seen.Add request.Target

                    if request.Target = "/secret" then
                        connection.Respond(403, "no\n")
                    else
                        Unchecked.defaultof<Response>)

            let options = ServerOptions(TimeProvider = FakeClock(), ProcessRequest = hook)

            statusLine (answer router options (requestOf "h" "/secret"))
            =! "HTTP/1.1 403 Forbidden"

            statusLine (answer router options (requestOf "h" "/no/thing"))
            =! "HTTP/1.1 404 Not Found"

            use server = serve router options
            use client = PeerClient.InMemory server
            client.Write(requestOf "h" "/a")
            client.ReadResponse() |> ignore
            client.ReadText() =! "x=a"
            List.ofSeq seen =! [ "/secret"; "/no/thing"; "/a" ])

        testCase
            "a login that is asked for by the rule can't be evaded by how the target is written"
            (fun () ->
                let router =
                    Router(map [ Rule("/echo", tellValues, Endpoint = "open"); rule "/chat/<room>" ])

                let login = BasicAuth.Create("alice", "secret")

                let guarded =
                    ProcessRequest(fun connection request ->
                        match connection.Rule with
                        | NonNull rule when rule.Endpoint = "open" -> Response.None
                        | _ -> login.Invoke(connection, request))

                let options =
                    ServerOptions(
                        TimeProvider = FakeClock(),
                        ProcessRequest =
                            ProcessRequest(fun connection request ->
                                router.ProcessRequest(connection, request))
                                .Then(guarded)
                    )

                use server = Server.ServeInMemory(Action<ServerConnection> router.Handle, options)

                let status (target: string) =
                    use client = PeerClient.InMemory server
                    client.Write(requestOf "h" target)
                    client.ReadResponse().Substring(9, 3)

                status "/echo" =! "101"

                for target in [ "/chat/a"; "/%63hat/a"; "http://h/chat/a"; "/chat/%61"; "//chat/a" ] do
                    let refused = status target
                    test <@ refused = "401" || refused = "302" @>)

        testCase "a handler that throws closes with 1011, as without a router" (fun () ->
            let router = Router(map [ Rule("/chat", handler (fun _ -> failwith "mine")) ])
            use server = serve router defaults
            use client = Serve.client server

            match client.Read() with
            | Closed status -> string status |> fun text -> test <@ text.Contains "1011" @>
            | other -> failwith $"{other}")
    ]

[<Tests>]
let redirecting =
    testList "redirects of a router" [
        testCase "are a path alone on the request's host, whatever a proxy does to it" (fun () ->
            let urls = map [ Rule.Redirect("/old/<int:n>", "/new/<n>"); rule "/a/" ]

            for options in
                [
                    RouterOptions()
                    RouterOptions(ServerName = "ws.example.com:444", SecureUrls = true)
                ] do
                let router = Router(urls, options)
                redirected router "example.com:8080" "/old/7?q=1" =! "302 /new/7"
                redirected router "example.com:8080" "/a?q=1" =! "302 /a/?q=1"
                redirected router "example.com" "//a" =! "302 /a/")

        testCase
            "to another host have its name, the server's port and scheme, and the status that is set"
            (fun () ->
                let run = Action<ServerConnection>(fun _ -> ())

                let urls =
                    map [
                        Rule("/a", run, Endpoint = "a", Subdomain = "new")
                        Rule("/b", run, Endpoint = "a", IsAlias = true)
                    ]

                for status in [ 301; 302; 303; 307; 308 ] do
                    let options =
                        RouterOptions(
                            ServerName = "ws.example.com:444",
                            SecureUrls = true,
                            RedirectStatusCode = status
                        )

                    redirected (Router(urls, options)) "other:8080" "/b"
                    =! $"{status} wss://new.ws.example.com:444/a")

        testCase "of a function have the values" (fun () ->
            let target = Func<RouteValues, string>(fun values -> "/n/" + string values["n"])
            let router = Router(map [ Rule.Redirect("/o/{n:int}", target) ])
            redirected router "h" "/o/-4" =! "302 /n/-4")

        testCase "can't be split, and take no host from the client" (fun () ->
            let router = Router(map [ Rule.Redirect("/old/<path:p>", "<p>"); rule "/a/<x>/" ])

            redirected router "h" "/old/https://evil.example/"
            =! "302 /https://evil.example/"

            redirected router "h" "/a/%0D%0AEvil:%201" =! "302 /a/%0D%0AEvil:%201/"
            let response = answer router defaults (requestOf "h" "/old/%0D%0ASet-Cookie:%20a")
            test <@ not (response.Contains "\r\nSet-Cookie") @>)

        testCase "have a short text" (fun () ->
            let response = answer (Router(map [ rule "/a/" ])) defaults (requestOf "h" "/a")
            test <@ response.EndsWith("\r\n\r\nSee /a/\n", StringComparison.Ordinal) @>)
    ]

/// Greets before each handler, and answers 404 in its own way.
type private PoliteRouter(urlMap: UrlMap) =
    inherit Router(urlMap)

    override _.Handle connection =
        connection.Send "welcome"
        base.Handle connection

    override _.NotFound(connection, _) = connection.Respond(404, "sorry\n")

[<Tests>]
let surface =
    testList "the surface of the router" [
        testCase "a router of the user's own handles and answers in its own way" (fun () ->
            let router = PoliteRouter(map [ rule "/<x>" ])
            told router "/a" =! "welcome"

            test
                <@ (answer router defaults (requestOf "h" "/")).EndsWith("sorry\n", StringComparison.Ordinal) @>)

        testCase "a callback answers what no rule takes" (fun () ->
            let options =
                RouterOptions(NotFound = ProcessRequest(fun c r -> c.Respond(410, $"{r.Target} is gone\n")))

            let response =
                answer (Router(map [ rule "/" ], options)) defaults (requestOf "h" "/x")

            statusLine response =! "HTTP/1.1 410 Gone"
            test <@ response.EndsWith("/x is gone\n", StringComparison.Ordinal) @>)

        testCase "the handler fails without the hook" (fun () ->
            let router = Router(map [ rule "/chat" ])
            use server = Serve.inMemory router.Handle defaults
            use client = Serve.client server

            match client.Read() with
            | Closed status -> status.ToString().Contains "1011" =! true
            | other -> failwith $"{other}")

        testCase "rules are mounted under a path and on a subdomain" (fun () ->
            let rules = [
                yield! Rule.Mount("/admin/", rule "/", rule "/log/<day>")
                yield! Rule.OnSubdomain("api", rule "/v1")
            ]

            let router = Router(map rules, RouterOptions(ServerName = "example.com"))
            told router "/admin/log/today" =! "day=today"

            use server = serve router defaults
            use client = PeerClient.InMemory server
            client.Write(requestOf "api.example.com:81" "/v1")
            test <@ client.ReadResponse().StartsWith("HTTP/1.1 101 ", StringComparison.Ordinal) @>

            statusLine (answer router defaults (requestOf "example.com" "/v1"))
            =! "HTTP/1.1 404 Not Found")

        testCase "a map is immutable; one with another rule is another" (fun () ->
            let first = map [ rule "/a" ]
            let second = first.With(rule "/b")
            (first.Count, second.Count) =! (1, 2)

            statusLine (answer (Router first) defaults (requestOf "h" "/b"))
            =! "HTTP/1.1 404 Not Found"

            told (Router second) "/b" =! "")

        testCase "URLs are built by endpoint" (fun () ->
            let urls =
                map [
                    Rule("/channel/<uuid:id>", tellValues, Endpoint = "channel")
                    Rule.BuildOnly("/static/<path:file>", "static")
                    rule "/other"
                ]

            let id = Guid "6f1c2a0e-8a55-4a0f-9d3c-0123456789ab"
            urls.Build("channel", struct ("id", box id)) =! $"/channel/{id}"

            urls.Build("static", struct ("file", box "a b/c"), struct ("v", null))
            =! "/static/a%20b/c"

            urls.Build(Uri "wss://example.com:81", "channel", struct ("id", box id), struct ("t", box 1))
            =! $"wss://example.com:81/channel/{id}?t=1"

            let message =
                (Wait.throws<UrlBuildException>(fun () -> urls.Build "chanel" |> ignore)).Message

            test <@ message.Contains "Did you mean 'channel'?" @>)

        testCase "rules with one handler are of one endpoint" (fun () ->
            let urls =
                map [
                    Rule("/list/page/<int:page>", tellValues)
                    Rule("/list/", tellValues, Defaults = Dictionary(dict<string, obj> [ "page", 1 ]))
                ]

            redirected (Router urls) "h" "/list/page/1" =! "302 /list/")

        testTheory
            "mistakes in rules are told when the map is made"
            [
                Rule("/<int:n", tellValues), "needs a closing '>'"
                Rule("/<nope:n>", tellValues), "a converter, one of string"
                Rule("/", tellValues, Host = "a", Subdomain = "b"), "both a Host and a Subdomain"
                Rule("/", tellValues, Host = "<path:p>"), "no placeholder that takes slashes"
                Rule.Redirect("/a", "/<b>"), "has no value 'b'"
                Rule("/", tellValues, Defaults = Dictionary(dict<string, obj> [ "a", null ])),
                "null as its default for 'a'"
                Unchecked.defaultof<Rule>, "One of the rules is null"
            ]
            (fun (wrong, expected) ->
                let error = Wait.throws<ArgumentException>(fun () -> map [ wrong ] |> ignore)
                test <@ error.Message.Contains expected @>)

        testTheory
            "options are checked when the router is made"
            [
                RouterOptions(RedirectStatusCode = 200), "301, 302, 303, 307 or 308"
                RouterOptions(ServerName = "a b"), "'a b' is no host"
                RouterOptions(ServerName = "a\r\nb"), "is no host"
            ]
            (fun (options, expected) ->
                let error =
                    Wait.throws<ArgumentException>(fun () -> Router(map [ rule "/" ], options) |> ignore)

                test <@ error.Message.Contains expected @>)

        testCase "a rule for a subdomain needs the server's name" (fun () ->
            let urls = map (List.ofSeq (Rule.OnSubdomain("api", rule "/")))
            Wait.throws<ArgumentException>(fun () -> Router urls |> ignore) |> ignore)

        testCase "routes on a port, on a bound socket and on a Unix socket" (fun () ->
            let urls = map [ rule "/<int:n>" ]
            let path = Path.Combine(Path.GetTempPath(), $"fws-{Guid.NewGuid():N}.sock")

            let socket =
                new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp)

            socket.Bind(Net.IPEndPoint(Net.IPAddress.Loopback, 0))

            for server in
                [
                    Router.Route(urls, "127.0.0.1", 0)
                    Router.Route(urls, socket)
                    Router.UnixRoute(urls, path)
                ] do
                use server = server
                server.Start()
                let endPoint = nonNull server.LocalEndPoint
                let family = endPoint.AddressFamily

                let kind =
                    if family = AddressFamily.Unix then
                        ProtocolType.Unspecified
                    else
                        ProtocolType.Tcp

                let socket = new Socket(family, SocketType.Stream, kind)
                socket.Connect endPoint
                use client = new PeerClient(new SocketTransport(socket))
                client.Write(requestOf "h" "/42")
                client.ReadResponse() |> ignore
                client.ReadText() =! "n=42"

            File.Delete path)
    ]
