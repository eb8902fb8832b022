module FunctionalWs.AspNetCore.Tests.OpeningTests

open System
open System.IO
open System.Net
open System.Net.Http
open System.Net.Sockets
open System.Net.WebSockets
open System.Security.Claims
open System.Text
open System.Text.Encodings.Web
open System.Threading
open System.Threading.Tasks
open Microsoft.AspNetCore.Authentication
open Microsoft.AspNetCore.Builder
open Microsoft.AspNetCore.Http
open Microsoft.AspNetCore.Server.Kestrel.Core
open Microsoft.Extensions.DependencyInjection
open Microsoft.Extensions.Logging
open Expecto
open Swensen.Unquote
open FunctionalWs
open FunctionalWs.Protocol
open FunctionalWs.AspNetCore
open FunctionalWs.AspNetCore.Tests.Apps
open FunctionalWs.Server.Tests

let private echo =
    at (fun connection ->
        for message in connection do
            connection.Send message)

/// The head of what an application answers to bytes, and whether it ends the stream then.
let private answer (app: App) (request: string) : string =
    use client = new TcpClient()
    client.Connect(IPAddress.Loopback, (app.Address Http1).Port)
    use stream = client.GetStream()
    stream.ReadTimeout <- int Wait.limit.TotalMilliseconds
    stream.Write(Encoding.Latin1.GetBytes request)
    let reader = new StreamReader(stream, Encoding.Latin1)
    let head = StringBuilder()
    let mutable line = reader.ReadLine()

    while not (String.IsNullOrEmpty line) do
        head.Append(line).Append('\n') |> ignore
        line <- reader.ReadLine()

    string head

let private handshake (headers: string list) =
    "GET / HTTP/1.1\r\nHost: localhost\r\n"
    + String.Concat(headers |> List.map (fun header -> header + "\r\n"))
    + "\r\n"

let private usual = [
    "Upgrade: websocket"
    "Connection: Upgrade"
    "Sec-WebSocket-Version: 13"
    "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ=="
]

let private without (name: string) =
    usual |> List.filter (fun header -> not (header.StartsWith(name + ":")))

/// What an application logs at Error, its web server included.
let private withErrors (records: Records) (services: IServiceCollection) =
    services.AddSingleton<ILoggerProvider>(
        {
            new ILoggerProvider with
                member _.CreateLogger _ = records :> ILogger
                member _.Dispose() = ()
        }
    )
    |> ignore

let private errors (app: App) (records: Records) =
    app.Records.Of LogLevel.Error @ records.Of LogLevel.Error

let private status (head: string) = head.Split('\n')[0]

/// Lets in who sends a name.
type NameHandler(options, logger, encoder: UrlEncoder) =
    inherit AuthenticationHandler<AuthenticationSchemeOptions>(options, logger, encoder)

    override handler.HandleAuthenticateAsync() =
        match handler.Request.Headers["X-Name"].ToString() with
        | "" -> Task.FromResult(AuthenticateResult.NoResult())
        | name ->
            let user = ClaimsPrincipal(ClaimsIdentity([ Claim(ClaimTypes.Name, name) ], "name"))
            Task.FromResult(AuthenticateResult.Success(AuthenticationTicket(user, "name")))

let private withNames (services: IServiceCollection) =
    services
        .AddAuthentication("name")
        .AddScheme<AuthenticationSchemeOptions, NameHandler>("name", fun _ -> ())
    |> ignore

    services.AddAuthorization() |> ignore

[<Tests>]
let opening =
    testList "opening behind ASP.NET Core" [
        testCase "an upgrade is answered with the key's proof" (fun () ->
            use app = run echo
            let head = answer app (handshake usual)
            status head =! "HTTP/1.1 101 Switching Protocols"
            test <@ head.Contains "Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\n" @>
            test <@ head.Contains "Upgrade: websocket\n" @>
            test <@ head.Contains "Connection: Upgrade\n" @>)

        testTheory
            "what is no good handshake is refused"
            [
                "GET / HTTP/1.1\r\nHost: localhost\r\n\r\n", "HTTP/1.1 426 Upgrade Required"
                handshake (without "Upgrade"), "HTTP/1.1 426 Upgrade Required"
                handshake (without "Connection"), "HTTP/1.1 426 Upgrade Required"
                handshake (without "Sec-WebSocket-Key"), "HTTP/1.1 400 Bad Request"
                handshake ("Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==" :: usual), "HTTP/1.1 400 Bad Request"
                handshake ("Sec-WebSocket-Key: short" :: without "Sec-WebSocket-Key"),
                "HTTP/1.1 400 Bad Request"
                handshake ("Sec-WebSocket-Version: 8" :: without "Sec-WebSocket-Version"),
                "HTTP/1.1 400 Bad Request"
                handshake ("Sec-WebSocket-Version: 13, 8" :: without "Sec-WebSocket-Version"),
                "HTTP/1.1 400 Bad Request"
                handshake (without "Sec-WebSocket-Version"), "HTTP/1.1 400 Bad Request"
                handshake ("Sec-WebSocket-Protocol: a,,b;;" :: usual), "HTTP/1.1 400 Bad Request"
                handshake ("Sec-WebSocket-Extensions: permessage-deflate; =1" :: usual),
                "HTTP/1.1 400 Bad Request"
                handshake ("Sec-WebSocket-Extensions: ;;;" :: usual), "HTTP/1.1 400 Bad Request"
                handshake (usual @ [ "Origin: a"; "Origin: b" ]), "HTTP/1.1 400 Bad Request"
                (handshake usual).Replace("GET", "POST").Replace("\r\n\r\n", "\r\nContent-Length: 0\r\n\r\n"),
                "HTTP/1.1 405 Method Not Allowed"
                (handshake usual).Replace("HTTP/1.1", "HTTP/1.0"), "HTTP/1.1 505 HTTP Version Not Supported"
            ]
            (fun (request, expected) ->
                use app = run echo
                status (answer app request) =! expected
                app.AwaitEmpty())

        testTheory
            "what a web server lets through, but won't upgrade or is no header, is answered without an error"
            [
                // A letter beyond Latin-1 in UTF-8, which Kestrel decodes.
                handshake (usual @ [ "X: \u00D0\u0096" ]), "HTTP/1.1 101 Switching Protocols"
                handshake (usual @ [ "X: \u00C3\u00A4" ]), "HTTP/1.1 101 Switching Protocols"
                handshake (usual @ [ "X: a\u0001b" ]), "HTTP/1.1 400 Bad Request"
                handshake ("Connection: other,\tUpgrade" :: without "Connection"), "HTTP/1.1 400 Bad Request"
                handshake (usual @ [ "Content-Length: 5" ]) + "hello", "HTTP/1.1 400 Bad Request"
            ]
            (fun (request, expected) ->
                use records = new Records()
                use app = runWith (withErrors records) ignore echo
                status (answer app request) =! expected
                app.AwaitEmpty()
                errors app records =! [])

        testCase "who finds no room at the web server is told so" (fun () ->
            use records = new Records()

            let services (services: IServiceCollection) =
                withErrors records services

                services.Configure<KestrelServerOptions>(fun (options: KestrelServerOptions) ->
                    options.Limits.MaxConcurrentUpgradedConnections <- Nullable 1L)
                |> ignore

            use app = runWith services ignore echo
            use first = new PlatformSocket(app, Http1)
            first.Ask "hello" =! "hello"
            let head = answer app (handshake usual)
            status head =! "HTTP/1.1 503 Service Unavailable"
            test <@ head.Contains "Retry-After: 5\n" @>
            test <@ not (head.Contains "Sec-WebSocket-Accept") @>
            first.Close()
            app.AwaitEmpty()
            errors app records =! [])

        testCase "a refusal says what is needed" (fun () ->
            use app = run echo
            let head = answer app (handshake [])
            test <@ head.Contains "Upgrade: websocket\n" @>
            test <@ head.Contains "Connection: close, Upgrade\n" @>

            let head =
                answer app (handshake ("Sec-WebSocket-Version: 8" :: without "Sec-WebSocket-Version"))

            test <@ head.Contains "Sec-WebSocket-Version: 13\n" @>)

        for http in both do
            testCase $"a subprotocol and compression are agreed on, over {http}" (fun () ->
                use app =
                    runWith
                        ignore
                        (fun options -> options.Subprotocols <- [ "b"; "a" ])
                        (at (fun connection ->
                            for message in connection do
                                let extensions =
                                    connection.Extensions |> Seq.map _.Name |> String.concat ","

                                connection.Send $"{connection.Subprotocol} {extensions} {message.Text}"))

                use client =
                    new PlatformSocket(
                        app,
                        http,
                        "/",
                        fun options ->
                            options.AddSubProtocol "a"
                            options.AddSubProtocol "b"
                            options.DangerousDeflateOptions <- WebSocketDeflateOptions()
                    )

                client.Platform.SubProtocol =! "b"
                let text = String('x', 10_000)
                client.Ask text =! $"b permessage-deflate {text}")

            testCase
                $"an endpoint that needs a user refuses others, and the handler knows him, over {http}"
                (fun () ->
                    use app =
                        runWith withNames ignore (fun web ->
                            web.UseAuthentication().UseAuthorization() |> ignore

                            web
                                .MapWebSocket(
                                    "/",
                                    Action<ServerConnection>(fun connection ->
                                        connection.Send connection.Username)
                                )
                                .RequireAuthorization()
                            |> ignore)

                    raises<AggregateException> <@ new PlatformSocket(app, http) |> ignore @>

                    use client =
                        new PlatformSocket(
                            app,
                            http,
                            "/",
                            (fun options -> options.SetRequestHeader("X-Name", "anna"))
                        )

                    client.Receive() =! "anna")

        testCase "hooks answer and see the request" (fun () ->
            use app =
                runWith
                    ignore
                    (fun options ->
                        options.ProcessRequest <-
                            fun connection request ->
                                if request.Path = "/page" then
                                    connection.Respond(200, "a page").WithHeader("X-Own", "1")
                                else
                                    Response.None)
                    echo

            use http = new HttpClient()
            let response = http.GetAsync(Uri(app.Address Http1, "/page")).Result
            response.StatusCode =! HttpStatusCode.OK
            response.Content.ReadAsStringAsync().Result =! "a page"
            Seq.exactlyOne (response.Headers.GetValues "X-Own") =! "1"
            app.AwaitEmpty())

        testCase "a plain request of HTTP/2 is refused" (fun () ->
            use app = run echo

            use http =
                new HttpClient(
                    DefaultRequestVersion = HttpVersion.Version20,
                    DefaultVersionPolicy = HttpVersionPolicy.RequestVersionExact
                )

            let response = http.GetAsync(app.Address Http2).Result
            response.StatusCode =! HttpStatusCode.UpgradeRequired
            app.AwaitEmpty())

        testCase "who finds no room is told so" (fun () ->
            use app = runWith ignore (fun options -> options.MaxConnections <- 1) echo
            use first = new PlatformSocket(app, Http1)
            first.Ask "hello" =! "hello"
            let head = answer app (handshake usual)
            status head =! "HTTP/1.1 503 Service Unavailable"
            test <@ head.Contains "Retry-After: 5\n" @>)

        testCase "a client that leaves during the handshake leaves nothing" (fun () ->
            use entered = new ManualResetEventSlim(false)
            use go = new ManualResetEventSlim(false)

            use app =
                runWith
                    ignore
                    (fun options ->
                        options.ProcessRequest <-
                            fun _ _ ->
                                entered.Set()
                                Wait.forEvent "the test" go
                                Response.None)
                    echo

            let client = new TcpClient()
            client.Connect(IPAddress.Loopback, (app.Address Http1).Port)
            client.GetStream().Write(Encoding.Latin1.GetBytes(handshake usual))
            Wait.forEvent "the hook" entered
            client.Client.LingerState <- LingerOption(true, 0)
            client.Dispose()
            go.Set()
            app.AwaitEmpty())

        testCase "an upgrade that somebody has taken before is an error of the application" (fun () ->
            use app =
                run (fun web ->
                    web.Use(
                        Func<HttpContext, RequestDelegate, Task>(fun context next ->
                            task {
                                let upgrade =
                                    context.Features.Get<
                                        Microsoft.AspNetCore.Http.Features.IHttpUpgradeFeature
                                     >()

                                let! _ = upgrade.UpgradeAsync()
                                do! next.Invoke context
                            })
                    )
                    |> ignore

                    echo web)

            answer app (handshake usual) |> ignore
            app.AwaitEmpty())

        testCase "endpoints without their services tell what is missing" (fun () ->
            let web = WebApplication.CreateSlimBuilder([||]).Build()

            let error =
                Wait.throws<InvalidOperationException>(fun () ->
                    web.MapWebSocket("/", Action<ServerConnection> ignore) |> ignore)

            test <@ error.Message.Contains "AddWebSocketEndpoints" @>)
    ]
