module FunctionalWs.Server.Tests.PlainHttpTests

open System
open System.Net.Http
open System.Text
open Expecto
open Microsoft.Extensions.Logging
open Swensen.Unquote
open FunctionalWs
open FunctionalWs.Protocol

let private page = Encoding.UTF8.GetBytes "<!doctype html><title>é</title>"

let private site (connection: ServerConnection) (request: Request) : Response | null =
    match request.Target with
    | "/health" -> connection.Respond(200, "healthy\n")
    | "/" -> Response.Bytes(200, ReadOnlyMemory page, "text/html; charset=utf-8")
    | "/old" -> Response.Redirect("/", 308)
    | "/nothing" -> Response.Empty 204
    | "/big" -> Response.Bytes(200, ReadOnlyMemory(Array.create 3_000_000 7uy), "application/octet-stream")
    | "/teapot" -> Response.Text(418, "short and stout").WithReasonPhrase "I'm a teapot"
    | _ -> Response.None

let private options (records: Records) =
    ServerOptions(LoggerFactory = records, ProcessRequest = ProcessRequest(fun c r -> site c r))

let private get (method: string) (target: string) =
    Exchange.rejected options $"{method} {target} HTTP/1.1\r\nHost: a\r\n\r\n"

/// Asks with the platform's own client.
let private send (method: HttpMethod) (target: string) (read: HttpResponseMessage -> byte[] -> 'a) : 'a =
    use server = Serve.overTcp Serve.echo (options (new Records()))
    use handler = new SocketsHttpHandler(AllowAutoRedirect = false)
    use client = new HttpClient(handler, Timeout = Wait.limit)

    use request =
        new HttpRequestMessage(method, $"http://{server.LocalEndPoint}{target}")

    use response = client.Send request
    use body = response.Content.ReadAsStream()
    use bytes = new IO.MemoryStream()
    body.CopyTo bytes
    read response (bytes.ToArray())

[<Tests>]
let answers =
    testList "plain HTTP" [
        testCase "a health check" (fun () ->
            let answered = get "GET" "/health"
            (answered.Status, answered.Body) =! (200, "healthy\n")
            answered.HasLine "Connection: close" =! true
            answered.HasLine "Content-Length: 8" =! true
            answered.HasLine "Content-Type: text/plain; charset=utf-8" =! true
            answered.HasLine "Server: FunctionalWs" =! true
            answered.Errors =! [])

        testCase "a page of bytes" (fun () ->
            let answered = get "GET" "/"
            answered.Body =! Encoding.Latin1.GetString page
            answered.HasLine $"Content-Length: {page.Length}" =! true
            answered.HasLine "Content-Type: text/html; charset=utf-8" =! true
            List.map fst answered.Headers |> List.contains "Date" =! true)

        testCase "HEAD gets the head that GET would get, and no body" (fun () ->
            for target in [ "/"; "/health"; "/teapot" ] do
                let whole, head = get "GET" target, get "HEAD" target

                let lines (answered: Answered) =
                    answered.Headers |> List.filter (fun (name, _) -> name <> "Date")

                lines head =! lines whole
                head.Body =! "")

        testCase "HEAD of what no hook answers has the length of its refusal, and no body" (fun () ->
            let head = get "HEAD" "/chat"
            (head.Status, head.Body) =! (405, "")
            head.HasLine "Allow: GET" =! true

            test
                <@ List.exists (fun (name, value) -> name = "Content-Length" && value <> "0") head.Headers @>)

        testCase "a status without a body has no length" (fun () ->
            let answered = get "GET" "/nothing"
            (answered.Status, answered.Body) =! (204, "")
            test <@ not (answered.Head.Contains "Content-Length") @>)

        testCase "a redirection, and a phrase of one's own" (fun () ->
            (get "GET" "/old").HasLine "Location: /" =! true

            test
                <@
                    (get "GET" "/teapot")
                        .Head.StartsWith("HTTP/1.1 418 I'm a teapot\r\n", StringComparison.Ordinal)
                @>)

        testCase "a client of HTTP/1.0 is answered, too" (fun () ->
            let answered = Exchange.rejected options "GET /health HTTP/1.0\r\n\r\n"
            (answered.Status, answered.Body) =! (200, "healthy\n"))

        testCase
            "the record says what was sent, to whom, for what; at Debug unless it is a refusal"
            (fun () ->
                let recorded (path: string) = [
                    for struct (level, id, text) in (get "GET" path).Records.All do
                        if id = 29 || id = 34 then
                            level, text
                ]

                recorded "/health"
                =! [
                    LogLevel.Debug, "HTTP response sent to a client without an address for /health: 200 OK"
                ]

                recorded "/teapot"
                =! [
                    LogLevel.Information,
                    "HTTP response sent to a client without an address for /teapot: 418 I'm a teapot"
                ])

        testTheory
            "the platform's client understands every answer"
            [
                "GET", "/health", 200, 8
                "HEAD", "/health", 200, 0
                "GET", "/", 200, page.Length
                "DELETE", "/health", 200, 8
                "GET", "/nothing", 204, 0
                "GET", "/old", 308, 0
                "GET", "/big", 200, 3_000_000
                "HEAD", "/big", 200, 0
            ]
            (fun (method, target, status, size) ->
                send (HttpMethod method) target (fun response body ->
                    (int response.StatusCode, body.Length) =! (status, size)))
    ]

[<Tests>]
let responding =
    testList "Respond" [
        testCase "it makes what can be sent, for every status, and refuses the others" (fun () ->
            let mutable told = ""

            let hook =
                ProcessRequest(fun connection _ ->
                    for status in 100..599 do
                        connection.Respond(status, "").StatusCode =! status

                    let refused status text =
                        Wait.throws<ArgumentException>(fun () -> connection.Respond(status, text) |> ignore)

                    for status in [ 99; 600; -1 ] do
                        refused status "" |> ignore

                    for status in [ 100; 204; 304 ] do
                        refused status "x" |> ignore

                    told <- (refused 600 "").Message
                    connection.Respond(299, "é"))

            let answered =
                Exchange.rejected
                    (fun records -> ServerOptions(LoggerFactory = records, ProcessRequest = hook))
                    PeerClient.Request

            (answered.Status, answered.Body, answered.Errors) =! (299, "Ã©", [])
            test <@ told.Contains "from 100 to 599" @>)
    ]
