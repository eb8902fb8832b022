/// Hooks of functions that give options, and authentication.
module FunctionalWs.FSharp.Tests.HookTests

open System
open System.Net
open System.Security.Claims
open Expecto
open Swensen.Unquote
open FunctionalWs
open FunctionalWs.FSharp
open FunctionalWs.Protocol
open FunctionalWs.Testing

let private health: RequestHook =
    fun _ request ->
        if request.Target = "/health" then
            Some(Response.Text(200, "fine"))
        else
            None

let private closed: RequestHook =
    fun connection _ -> Some(connection.Respond(503, "closed"))

/// Tells who is let in.
let private greet (connection: ServerConnection) =
    connection.Send(connection |> Connection.username |> Option.defaultValue "nobody")

let private withHook (hook: RequestHook) : InMemoryServer =
    InMemoryServer.Serve(greet, Options.server |> Options.processRequest hook)

let private statusOf (connect: unit -> TestClient) : int =
    try
        use _ = connect ()
        101
    with :? HandshakeRefusedException as refused ->
        refused.Response.StatusCode

let private bearing (token: string) = TestClientOptions(BearerToken = token)

let private named (name: string) (password: string) =
    TestClientOptions(Credentials = { Username = name; Password = password })

[<Tests>]
let hooks =
    testList "hooks" [
        testCase "processRequest answers with a response, and goes on without one" (fun () ->
            use server = withHook health
            server.Get("/health").StatusCode =! 200
            use client = server.Connect()
            client.Receive().Text =! "nobody")

        testCase "of several hooks the first that answers does" (fun () ->
            use server =
                withHook (Hook.firstOf [ health; closed; fun _ _ -> failwith "not asked" ])

            server.Get("/health").StatusCode =! 200
            server.Get("/").StatusCode =! 503)

        testCase "a hook that looks on sees each request, and lets the handshake go on" (fun () ->
            let seen = System.Collections.Concurrent.ConcurrentQueue<string>()
            let count = Hook.watch (fun _ request -> seen.Enqueue request.Target)
            use server = withHook (Hook.firstOf [ count; health ])
            server.Get("/health").StatusCode =! 200
            use _ = server.Connect "/chat"
            List.ofSeq seen =! [ "/health"; "/chat" ])

        testCase "a hook becomes a delegate, and is one again" (fun () ->
            use server = withHook (health |> Hook.toDelegate |> Hook.ofDelegate)
            server.Get("/health").StatusCode =! 200
            statusOf (fun () -> server.Connect()) =! 101)

        testCase "processResponse changes a response, or leaves it" (fun () ->
            let mark: ResponseHook =
                fun _ request response ->
                    if request.Target = "/marked" then
                        Some(response.WithHeader("X-Mark", "yes"))
                    else
                        None

            use server =
                InMemoryServer.Serve(greet, Options.server |> Options.processResponse mark)

            use marked = server.Connect "/marked"
            marked.Response.Headers.Get "X-Mark" =! "yes"
            use plain = server.Connect "/"
            plain.Response.Headers.Get "X-Mark" =! null)

        testCase "selectSubprotocol chooses of what is offered, or nothing" (fun () ->
            let choose: SubprotocolChoice = fun _ offered -> offered |> List.tryFind ((=) "b")

            use server =
                InMemoryServer.Serve(greet, Options.server |> Options.selectSubprotocol choose)

            use both = server.Connect("/", TestClientOptions(Subprotocols = [| "a"; "b" |]))
            both.Subprotocol =! "b"
            use one = server.Connect("/", TestClientOptions(Subprotocols = [| "a" |]))
            one.Subprotocol =! null)
    ]

[<Tests>]
let authentication =
    testList "authentication" [
        testCase "Auth.basic lets in whom a function lets in, with his name" (fun () ->
            use server =
                withHook (Auth.basic "chat" (fun name password -> name = "alice" && password = "secret"))

            use alice = server.Connect("/", named "alice" "secret")
            alice.Receive().Text =! "alice"
            statusOf (fun () -> server.Connect("/", named "alice" "guess")) =! 401

            server.Get("/").Headers.Get "WWW-Authenticate"
            =! "Basic realm=\"chat\", charset=\"UTF-8\"")

        testCase "Auth.basicUsers lets in some users" (fun () ->
            use server = withHook (Auth.basicUsers "" [ "alice", "secret"; "bob", "hidden" ])
            use bob = server.Connect("/", named "bob" "hidden")
            bob.Receive().Text =! "bob"
            statusOf (fun () -> server.Connect("/", named "bob" "secret")) =! 401)

        testCase "Auth.either lets in by one of two schemes, and asks for both" (fun () ->
            let find token =
                if token = "t0ken" then
                    Some(ClaimsPrincipal(ClaimsIdentity([ Claim(ClaimTypes.Name, "bob") ], "Bearer")))
                else
                    None

            use server =
                withHook (
                    Auth.either (Auth.basicUsers "chat" [ ("alice", "secret") ]) (Auth.bearer "chat" find)
                )

            use alice = server.Connect("/", named "alice" "secret")
            alice.Receive().Text =! "alice"
            use bob = server.Connect("/", bearing "t0ken")
            bob.Receive().Text =! "bob"
            statusOf (fun () -> server.Connect("/", bearing "wrong")) =! 401)

        testCase "Auth.bearer lets in whom a token stands for" (fun () ->
            let find (token: string) =
                if token = "t0ken" then
                    Some(ClaimsPrincipal(ClaimsIdentity([ Claim(ClaimTypes.Name, "alice") ], "token")))
                else
                    None

            use server = withHook (Auth.bearer "" find)
            use alice = server.Connect("/", bearing "t0ken")
            alice.Receive().Text =! "alice"
            statusOf (fun () -> server.Connect("/", bearing "other")) =! 401
            statusOf (fun () -> server.Connect()) =! 401)
    ]
