/// Credentials, redirects and plain HTTP, with clients that no one here wrote.
module FunctionalWs.Server.Tests.ClientHandshakeTests

open System
open System.Net
open Expecto
open Swensen.Unquote
open FunctionalWs

let private port (server: Server) =
    (server.LocalEndPoint :?> IPEndPoint).Port

let private login = BasicAuth.Create("alice", "p:é", "the \"inner\" circle")

let private challenge =
    "Basic realm=\"the \\\"inner\\\" circle\", charset=\"UTF-8\""

let private greet (connection: ServerConnection) =
    connection.Send $"Hello, {connection.Username}!"

/// Lets the handler end although the client, curl, never answers a close frame.
let private brief = Nullable(TimeSpan.FromMilliseconds 100.0)

let private testNode =
    Programs.testIf "Node.js and its package ws" Programs.hasNodeClient.Value

[<Tests>]
let credentials =
    testList "the client ws of Node.js logs in" [
        testNode "with the right credentials in its URL or in a header, plain and with TLS" (fun () ->
            for ssl, scheme in [ null, "ws"; Tls.ssl (), "wss" ] do
                use server = ServerOptions(ProcessRequest = login, Ssl = ssl) |> Serve.overTcp greet

                Programs.node "greeted" [
                    $"{scheme}://alice:p%%3A%%C3%%A9@127.0.0.1:{port server}/"
                    "Hello, alice!"
                ]

                Programs.node "authorized" [
                    $"{scheme}://127.0.0.1:{port server}/"
                    "Hello, alice!"
                    "Basic YWxpY2U6cDrDqQ=="
                ])

        testNode "and is asked again with others, or none" (fun () ->
            use server = ServerOptions(ProcessRequest = login) |> Serve.overTcp greet

            for user in [ ""; "alice:p@"; "bob:p%3A%C3%A9@"; "alice:@" ] do
                Programs.node "challenged" [ $"ws://{user}127.0.0.1:{port server}/"; challenge ])

        testNode "with a token" (fun () ->
            let find (token: string) =
                if token = "let.me-in" then
                    Security.Claims.ClaimsPrincipal(Security.Principal.GenericIdentity "carol")
                else
                    null

            use server =
                ServerOptions(ProcessRequest = BearerAuth.Create find) |> Serve.overTcp greet

            let url = $"ws://127.0.0.1:{port server}/"
            Programs.node "authorized" [ url; "Hello, carol!"; "Bearer let.me-in" ]
            Programs.node "refused" [ url; "401" ])
    ]

[<Tests>]
let redirects =
    let urls =
        UrlMap [
            Rule("/room/<int:n>/", Action<ServerConnection>(fun c -> c.Send $"{c.Username} {c.RouteValues}"))
            Rule.Redirect("/old/<int:n>", "/room/<n>/")
        ]

    let serve (options: ServerOptions) =
        let server = Router(urls).Serve("127.0.0.1", 0, options)
        server.Start()
        server

    testList "the client ws of Node.js follows the router" [
        testNode "to another path, plain and with TLS" (fun () ->
            for ssl, scheme in [ null, "ws"; Tls.ssl (), "wss" ] do
                use server = serve (ServerOptions(Ssl = ssl))
                let root = $"{scheme}://127.0.0.1:{port server}"

                for path in [ "/old/7"; "/room/7"; "//room/7/" ] do
                    Programs.node "redirected" [ root + path; "302"; "/room/7/"; " n=7" ])

        testNode "with its credentials, which are asked for first" (fun () ->
            use server = serve (ServerOptions(ProcessRequest = login))
            let address = $"127.0.0.1:{port server}"

            Programs.node "redirected" [
                $"ws://alice:p%%3A%%C3%%A9@{address}/old/7"
                "302"
                "/room/7/"
                "alice n=7"
            ]

            Programs.node "refused" [ $"ws://{address}/old/7"; "401" ])

        testNode "not to where nothing is" (fun () ->
            use server = serve (ServerOptions())
            Programs.node "refused" [ $"ws://127.0.0.1:{port server}/none"; "404" ])
    ]

let private testCurl = Programs.testIf "curl" (Programs.find "curl").IsSome

/// Head and body of a response.
let private curl (arguments: string list) : string * string =
    let usual = [
        "--silent"
        "--show-error"
        "--insecure"
        "--http1.1"
        "--max-time"
        "15"
        "--include"
    ]

    let code, output = Programs.run "curl" (usual @ arguments)

    if code <> 0 then
        failwith output

    let index = output.IndexOf("\r\n\r\n", StringComparison.Ordinal)
    output.Substring(0, index + 2), output.Substring(index + 4)

let private upgrade =
    [
        "Connection: Upgrade"
        "Upgrade: websocket"
        "Sec-WebSocket-Version: 13"
        "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ=="
    ]
    |> List.collect (fun line -> [ "--header"; line ])

[<Tests>]
let plainHttp =
    let health =
        ProcessRequest(fun connection request ->
            if request.Target = "/health" then
                connection.Respond(200, "healthy\n")
            else
                FunctionalWs.Protocol.Response.None)

    let serve (ssl: Security.SslServerAuthenticationOptions) =
        ServerOptions(ProcessRequest = health.Then login, Ssl = ssl, CloseTimeout = brief)
        |> Serve.overTcp greet

    testList "curl, without TLS and with it" [
        testCurl "finds the server healthy by GET and by HEAD" (fun () ->
            for ssl, scheme in [ null, "http"; Tls.ssl (), "https" ] do
                use server = serve ssl
                let url = $"{scheme}://127.0.0.1:{port server}/health"

                for arguments, expected in [ [], "healthy\n"; [ "--head" ], "" ] do
                    let head, body = curl (arguments @ [ url ])
                    body =! expected

                    for line in
                        [
                            "HTTP/1.1 200 OK\r\n"
                            "\r\nContent-Length: 8\r\n"
                            "\r\nContent-Type: text/plain; charset=utf-8\r\n"
                            "\r\nConnection: close\r\n"
                        ] do
                        test <@ head.Contains line @>)

        testCurl "is asked for credentials, and let in with them" (fun () ->
            for ssl, scheme in [ null, "http"; Tls.ssl (), "https" ] do
                use server = serve ssl
                let url = $"{scheme}://127.0.0.1:{port server}/"

                for user in [ []; [ "--user"; "alice:wrong" ]; [ "--user"; "bob:p:é" ] ] do
                    let head, body = curl (user @ upgrade @ [ url ])
                    test <@ head.StartsWith("HTTP/1.1 401 Unauthorized\r\n", StringComparison.Ordinal) @>
                    test <@ head.Contains $"\r\nWWW-Authenticate: {challenge}\r\n" @>
                    test <@ body.Length > 0 && body.EndsWith("\n", StringComparison.Ordinal) @>

                let head, body = curl ([ "--user"; "alice:p:é" ] @ upgrade @ [ url ])
                test <@ head.StartsWith("HTTP/1.1 101 ", StringComparison.Ordinal) @>
                test <@ body.Contains "Hello, alice!" @>)

        testCurl "is told to upgrade when it only has credentials" (fun () ->
            use server = serve null
            let head, _ = curl [ "--user"; "alice:p:é"; $"http://127.0.0.1:{port server}/" ]
            test <@ head.StartsWith("HTTP/1.1 426 Upgrade Required\r\n", StringComparison.Ordinal) @>
            test <@ head.Contains "\r\nUpgrade: websocket\r\n" @>)
    ]
