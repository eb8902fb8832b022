/// What refused clients read on a socket, byte for byte.
module FunctionalWs.Server.Tests.RefusalTests

open System
open Expecto
open Swensen.Unquote
open FunctionalWs
open FunctionalWs.Protocol.Tests

// The fake clock's.
let private date = "Wed, 02 Jan 2030 03:04:05 GMT"

let private options (hook: ProcessRequest) =
    ServerOptions(
        TimeProvider = FakeClock(),
        Origins = [| Origin.Exact Refusals.origin; Origin.None |],
        Subprotocols = List.toArray Refusals.subprotocols,
        ProcessRequest = hook
    )

let private answer (server: Server) (request: string) : string =
    use client = PeerClient.OverTcp server
    client.Write request
    let head = client.ReadResponse()
    head + client.ReadToEnd()

/// Those whose text depends on how much had arrived when it was written.
let private isOfSize (refusal: Refusals.Refusal) = refusal.Body.Contains "bytes or more"

/// A response with header lines that only it has, before the one that names the server or after it.
let private withHints (status: string) (before: string list) (after: string list) (body: string) : string =
    let lines = [
        $"HTTP/1.1 {status}"
        $"Date: {date}"
        "Connection: close"
        $"Content-Length: {body.Length}"
        "Content-Type: text/plain; charset=utf-8"
        yield! before
        "Server: FunctionalWs"
        yield! after
    ]

    String.concat "\r\n" lines + "\r\n\r\n" + body

let private plain (status: string) (hints: string list) (body: string) = withHints status [] hints body

let private challenge =
    "WWW-Authenticate: Basic realm=\"sample\", charset=\"UTF-8\""

let private unauthorized (body: string) =
    withHints "401 Unauthorized" [ challenge ] [] body

[<Tests>]
let tests =
    testList "refusals on a socket, byte for byte" [
        testCase "each rule has its status, headers and body" (fun () ->
            use server = options null |> Serve.overTcp Exchange.neverRun

            for refusal in Refusals.all do
                let answer = answer server refusal.Request

                if isOfSize refusal then
                    test
                        <@
                            answer.StartsWith(
                                $"HTTP/1.1 {refusal.Status}\r\nDate: {date}\r\n",
                                StringComparison.Ordinal
                            )
                        @>

                    test <@ answer.EndsWith("; at most 8192 are allowed.\n", StringComparison.Ordinal) @>
                else
                    answer =! refusal.Expected date)

        testCase "a login and a health check have theirs" (fun () ->
            let health =
                ProcessRequest(fun connection request ->
                    if request.Target = "/health" then
                        connection.Respond(200, "healthy\n")
                    else
                        FunctionalWs.Protocol.Response.None)

            let login = BasicAuth.Create("alice", "secret", "sample")
            use server = options (health.Then login) |> Serve.overTcp Exchange.neverRun

            answer server "GET /health HTTP/1.1\r\nHost: a\r\n\r\n"
            =! plain "200 OK" [] "healthy\n"

            let ask (lines: string list) =
                answer server (Exchange.webSocket lines)

            ask [] =! unauthorized "Credentials are missing.\n"

            ask [ "Authorization: Digest x" ]
            =! unauthorized "The credentials are not of a supported form.\n"

            ask [ "Authorization: Basic YTpi" ]
            =! unauthorized "The credentials are not valid.\n"

            ask [ "Authorization: Basic YTpi"; "Authorization: Basic YTpi" ]
            =! plain "400 Bad Request" [] "Authorization comes more than once.\n")

        testCase "a router has its own" (fun () ->
            let urls = UrlMap [ Rule("/chat/", Action<ServerConnection> Exchange.neverRun) ]

            use server = Router(urls).Serve("127.0.0.1", 0, options null)
            server.Start()

            let ask (line: string) =
                answer server (PeerClient.Request.Replace("GET /chat HTTP/1.1", line))

            ask "GET /none HTTP/1.1"
            =! plain "404 Not Found" [] "There is nothing at this path.\n"

            ask "POST /chat/ HTTP/1.1"
            =! plain "405 Method Not Allowed" [ "Allow: GET" ] "This path takes GET alone.\n"

            ask "GET /%zz HTTP/1.1"
            =! plain
                "400 Bad Request"
                []
                "The path has a percent sign that doesn't begin a byte of UTF-8 text.\n"

            ask "GET /chat HTTP/1.1"
            =! plain "302 Found" [ "Location: /chat/" ] "See /chat/\n")
    ]
