module FunctionalWs.Server.Tests.HookTests

open System
open System.Threading
open Expecto
open FunctionalWs.TestKit
open Swensen.Unquote
open FunctionalWs
open FunctionalWs.Protocol

let private request = PeerClient.Request

let private withRequestHook (hook: ServerConnection -> Request -> Response | null) (records: Records) =
    ServerOptions(
        LoggerFactory = records,
        ProcessRequest = ProcessRequest(fun connection request -> hook connection request)
    )

let private withResponseHook (hook: Request -> Response -> Response | null) (records: Records) =
    ServerOptions(
        LoggerFactory = records,
        ProcessResponse = ProcessResponse(fun _ request response -> hook request response)
    )

let private withSelector (select: string list -> string | null) (records: Records) =
    ServerOptions(
        LoggerFactory = records,
        SelectSubprotocol = SelectSubprotocol(fun _ offered -> select (List.ofSeq offered))
    )

/// Event ids of what user code does wrong.
let private processRequestFailed = 26

let private processResponseFailed = 27
let private selectSubprotocolFailed = 28

[<Tests>]
let requestHooks =
    testList "request hooks" [
        testCase "null lets the handshake go on, and what the hook left is there for the handler" (fun () ->
            let hook (connection: ServerConnection) (_: Request) =
                connection.Items["tenant"] <- "blue"
                Response.None

            let _, tenant =
                Exchange.accepted (withRequestHook hook) request (fun connection ->
                    connection.Items["tenant"])

            tenant =! "blue")

        testCase "a response is sent instead, the handler doesn't run, and nothing is an error" (fun () ->
            let hook (connection: ServerConnection) (_: Request) = connection.Respond(403, "Not you.\n")

            let answered = Exchange.rejected (withRequestHook hook) request
            answered.Status =! 403
            answered.Body =! "Not you.\n"

            List.map fst answered.Headers
            =! [ "Date"; "Connection"; "Content-Length"; "Content-Type"; "Server" ]

            answered.Errors =! [])

        testTheory
            "any method, target and version reaches the hook"
            [
                "POST /x?y=z HTTP/1.1\r\n\r\n", ("POST", "/x?y=z", "HTTP/1.1")
                "OPTIONS * HTTP/1.1\r\n\r\n", ("OPTIONS", "*", "HTTP/1.1")
                "GET noslash HTTP/1.0\r\n\r\n", ("GET", "noslash", "HTTP/1.0")
            ]
            (fun (text, expected) ->
                let mutable seen = ("", "", "")

                let hook (_: ServerConnection) (request: Request) =
                    seen <- (request.Method, request.Target, request.Version)
                    Response.Text(200, "seen")

                (Exchange.rejected (withRequestHook hook) text).Status =! 200
                seen =! expected)

        testCase
            "X2: an exception is answered with 500 without its details, and is one ERROR record"
            (fun () ->
                let hook (_: ServerConnection) (_: Request) : Response | null =
                    raise (InvalidTimeZoneException "the secret detail")

                let answered = Exchange.rejected (withRequestHook hook) request
                answered.Status =! 500

                test
                    <@
                        not (answered.Body.Contains "secret")
                        && not (answered.Body.Contains "Exception")
                    @>

                answered.Errors =! [ processRequestFailed ])

        testCase "a response with status 101 is the caller's mistake" (fun () ->
            let hook (_: ServerConnection) (_: Request) = Response.Empty 101
            let answered = Exchange.rejected (withRequestHook hook) request
            answered.Status =! 500
            answered.Errors =! [ processRequestFailed ])

        testCases
            "calls that need an open connection are refused at once, and the handshake goes on"
            [
                "Receive", (fun (connection: ServerConnection) -> connection.Receive() |> ignore)
                "Send", (fun connection -> connection.Send "x")
                "Flush", (fun connection -> connection.Flush())
                "Ping", (fun connection -> connection.Ping() |> ignore)
                "Pong", (fun connection -> connection.Pong())
                "Close", (fun connection -> connection.Close())
            ]
            (fun (_, call) ->
                let hook (connection: ServerConnection) (_: Request) =
                    Wait.throws<InvalidOperationException>(fun () -> call connection) |> ignore

                    connection.State =! ConnectionState.Connecting
                    Response.None

                let answered, state =
                    Exchange.accepted (withRequestHook hook) request (fun connection -> connection.State)

                state =! ConnectionState.Open
                answered.Errors =! [])

        testCase "a hook that removes the key has to answer itself: the request can't be changed" (fun () ->
            let hook (connection: ServerConnection) (request: Request) =
                let changed = {
                    request with
                        Headers = request.Headers.Remove "Sec-WebSocket-Key"
                }

                changed.Headers.Contains "Sec-WebSocket-Key" =! false
                Response.None

            let _, hasKey =
                Exchange.accepted (withRequestHook hook) request (fun connection ->
                    connection.Request.Headers.Contains "Sec-WebSocket-Key")

            hasKey =! true)

        testCase "a client that waits for a hook when the server stops gets 503" (fun () ->
            use entered = new ManualResetEventSlim()
            use goOn = new ManualResetEventSlim()

            let hook (_: ServerConnection) (_: Request) =
                entered.Set()
                Wait.forEvent "the test" goOn
                Response.None

            use server = Serve.inMemory Serve.echo (withRequestHook hook (new Records()))
            use client = PeerClient.InMemory server
            client.Write request
            Wait.forEvent "the hook" entered
            let shutdown = Wait.start server.Shutdown
            Wait.until "the server is stopping" (fun () -> server.IsStopping)
            goOn.Set()

            test
                <@
                    client
                        .ReadResponse()
                        .StartsWith("HTTP/1.1 503 Service Unavailable\r\n", StringComparison.Ordinal)
                @>

            client.Transport.ShutdownSend()
            Wait.forTask "the shutdown" shutdown =! 0)

        testCase
            "H14: a hook that takes long holds up nobody else, and its time is not the client's"
            (fun () ->
                let clock = FakeClock()
                use entered = new ManualResetEventSlim()
                use goOn = new ManualResetEventSlim()

                let hook (_: ServerConnection) (request: Request) =
                    if request.Target = "/slow" then
                        entered.Set()
                        Wait.forEvent "the test" goOn

                    Response.None

                let options =
                    ServerOptions(TimeProvider = clock, ProcessRequest = ProcessRequest(fun c r -> hook c r))

                use server = Serve.inMemory Serve.echo options
                use slow = PeerClient.InMemory server
                slow.Write(request.Replace("/chat", "/slow"))
                Wait.forEvent "the hook" entered
                use other = Serve.client server
                other.SendText "me first"
                other.ReadText() =! "me first"
                clock.Advance(TimeSpan.FromSeconds 60.0)
                // The watcher has looked after the jump once it has cut a client that is silent for too long.
                use silent = PeerClient.InMemory server
                clock.Advance(TimeSpan.FromSeconds 11.0)
                silent.Read() =! End
                goOn.Set()
                test <@ slow.ReadResponse().StartsWith("HTTP/1.1 101 ", StringComparison.Ordinal) @>)
    ]

[<Tests>]
let responseHooks =
    testList "response hooks" [
        testCase "null keeps the response, and the hook sees what is sent" (fun () ->
            let mutable seen = ""

            let hook (_: Request) (response: Response) =
                seen <-
                    String.concat "" [ for field in response.Headers -> $"{field.Key}: {field.Value}\r\n" ]

                Response.None

            let answered, _ = Exchange.accepted (withResponseHook hook) request ignore
            answered.Head =! $"HTTP/1.1 101 Switching Protocols\r\n{seen}\r\n")

        testCase "a header can be added to the response that opens the connection" (fun () ->
            let hook (_: Request) (response: Response) =
                response.WithAddedHeader("Set-Cookie", "a=b").WithAddedHeader("Set-Cookie", "c=d")

            let answered, sent =
                Exchange.accepted (withResponseHook hook) request (fun connection ->
                    connection.Response.Headers.GetAll "Set-Cookie" |> List.ofSeq)

            sent =! [ "a=b"; "c=d" ]

            test <@ answered.HasLine "Set-Cookie: a=b" && answered.HasLine "Set-Cookie: c=d" @>)

        testCase "a rejection is seen, and can be replaced" (fun () ->
            let hook (request: Request) (response: Response) =
                Response.Text(response.StatusCode + 1, request.Target)

            let answered =
                Exchange.rejected (withResponseHook hook) "DELETE /it HTTP/1.1\r\nHost: a\r\n\r\n"

            (answered.Status, answered.Body) =! (406, "/it")
            answered.HasLine "Content-Length: 3" =! true
            answered.HasLine "Connection: close" =! true
            answered.Errors =! [])

        testCase "an accepted handshake can still be rejected" (fun () ->
            let hook (_: Request) (_: Response) = Response.Text(503, "later")
            let answered = Exchange.rejected (withResponseHook hook) request
            (answered.Status, answered.Body, answered.Errors) =! (503, "later", []))

        testCases
            "an exception, a connection out of a rejection, and other terms than agreed on are the caller's mistakes"
            [
                "an exception", request, (fun _ -> raise (FormatException "the secret detail"))
                "a rejection as 101", "POST / HTTP/1.1\r\nHost: a\r\n\r\n", (fun _ -> Response.Empty 101)
                "another accept value",
                request,
                (fun (response: Response) -> response.WithHeader("Sec-WebSocket-Accept", "x"))
                "a subprotocol", request, (fun response -> response.WithHeader("Sec-WebSocket-Protocol", "x"))
                "a length", request, (fun response -> response.WithHeader("Content-Length", "5"))
            ]
            (fun (_, text, change) ->
                let answered =
                    Exchange.rejected (withResponseHook (fun _ response -> change response)) text

                answered.Status =! 500
                test <@ not (answered.Body.Contains "secret") @>
                answered.Errors =! [ processResponseFailed ])
    ]

[<Tests>]
let selectors =
    let offering = Exchange.webSocket [ "Sec-WebSocket-Protocol: v1, v2" ]

    testList "subprotocol selectors" [
        testCase "the choice reaches both sides" (fun () ->
            let select offered =
                offered =! [ "v1"; "v2" ]
                "v2"

            let answered, chosen =
                Exchange.accepted (withSelector select) offering (fun connection -> connection.Subprotocol)

            answered.HasLine "Sec-WebSocket-Protocol: v2" =! true
            chosen =! "v2")

        testCase "it is asked when nothing is offered, and null chooses none" (fun () ->
            let mutable asked = 0

            let select offered =
                offered =! []
                asked <- asked + 1
                null

            let answered, chosen =
                Exchange.accepted (withSelector select) request (fun connection -> connection.Subprotocol)

            test <@ not (answered.Head.Contains "Sec-WebSocket-Protocol") && isNull chosen @>
            asked =! 1)

        testCase "it is not asked by a handshake that breaks another rule" (fun () ->
            let select _ = failwith "must not be asked"
            let bad = offering.Replace("Sec-WebSocket-Version: 13", "Sec-WebSocket-Version: 12")
            let answered = Exchange.rejected (withSelector select) bad
            (answered.Status, answered.Errors) =! (400, []))

        testCase "its refusal is answered with 400 and its text" (fun () ->
            let select _ : string | null =
                raise (NegotiationException "v3 is needed")

            let answered = Exchange.rejected (withSelector select) offering
            (answered.Status, answered.Body) =! (400, "v3 is needed\n")
            answered.Errors =! [])

        testCases
            "H15: what is not offered or no token, and other exceptions, are answered with 500"
            [
                "another", (fun () -> "v3")
                "another case", (fun () -> "V1")
                "nothing", (fun () -> "")
                "a further line", (fun () -> "v1\r\nInjected: yes")
                "an exception", (fun () -> raise (ArgumentException "the secret detail"))
            ]
            (fun (_, select) ->
                let answered = Exchange.rejected (withSelector (fun _ -> select ())) offering
                answered.Status =! 500

                test <@ not (answered.Head.Contains "Injected") && not (answered.Body.Contains "secret") @>

                answered.Errors =! [ selectSubprotocolFailed ])
    ]
