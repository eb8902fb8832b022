/// What a rule has of its own: handlers for messages, and origins.
module FunctionalWs.Server.Tests.RuleTests

open System
open System.Threading
open System.Threading.Tasks
open Expecto
open Swensen.Unquote
open FunctionalWs
open FunctionalWs.Protocol
open FunctionalWs.Routing
open FunctionalWs.Testing

/// Counts messages from a number on.
type private Counting(first: int) =
    inherit MessageHandler()
    let mutable count = first

    override _.Received(connection, message) =
        connection.Send $"{count}: {message.Text}"
        count <- count + 1

let private ask (client: TestClient) (text: string) : string =
    client.Send text
    client.Receive(Wait.limit).Text

let private made = Func<ServerConnection, MessageHandler>(fun _ -> Counting 1)

[<Tests>]
let messageHandlers =
    testList "a message handler that is made" [
        testTheory
            "by a rule is each connection's own, and has the values of its path"
            [ "/"; "/values/7"; "/one/7"; "/two/3/4" ]
            (fun path ->
                let router =
                    Router(
                        UrlMap [|
                            Rule("/", made)
                            Rule(
                                "/values/<int:first>",
                                Func<ServerConnection, RouteValues, MessageHandler>(fun _ values ->
                                    Counting(values.Get<int> "first"))
                            )
                            Rule.For<int>(
                                "/one/<int:first>",
                                Func<ServerConnection, int, MessageHandler>(fun _ first -> Counting first)
                            )
                            Rule.For<int, int>(
                                "/two/<int:a>/<int:b>",
                                Func<ServerConnection, int, int, MessageHandler>(fun _ a b ->
                                    Counting(a + b))
                            )
                        |]
                    )

                let first = if path = "/" then 1 else 7
                use server = InMemoryServer.Route router

                for _ in 1..2 do
                    use client = server.Connect path
                    ask client "a" =! $"{first}: a"
                    ask client "b" =! $"{first + 1}: b"
                    client.Close() =! CloseStatus.Create(CloseCode.NormalClosure, ""))

        testCase
            "by a rule takes the values that its pattern has, which is checked when a map is made"
            (fun () ->
                let rule =
                    Rule.For<Guid>(
                        "/<int:n>",
                        Func<ServerConnection, Guid, MessageHandler>(fun _ _ -> Counting 1)
                    )

                raises<ArgumentException> <@ UrlMap [| rule |] @>)

        testCase "serves in memory" (fun () ->
            use server = InMemoryServer.Serve made
            use client = server.Connect()
            ask client "a" =! "1: a"
            ask client "b" =! "2: b")

        testCase "so do functions that are called for each message" (fun () ->
            let echo =
                Action<ServerConnection, Message>(fun connection message -> connection.Send message)

            let later =
                Func<ServerConnection, Message, Task>(fun connection message ->
                    task {
                        do! Task.Yield()
                        connection.Send message
                    })

            for server in [ InMemoryServer.Serve echo; InMemoryServer.Serve later ] do
                use server = server
                use client = server.Connect()
                ask client "a" =! "a")

        testTheory "serves on every listener" [ "addresses"; "socket"; "unix" ] (fun way ->
            let any = Net.IPEndPoint(Net.IPAddress.Loopback, 0)

            let socket () =
                let socket =
                    new Net.Sockets.Socket(
                        Net.Sockets.AddressFamily.InterNetwork,
                        Net.Sockets.SocketType.Stream,
                        Net.Sockets.ProtocolType.Tcp
                    )

                socket.Bind any
                socket

            let path =
                IO.Path.Combine(IO.Path.GetTempPath(), $"rule-{Environment.ProcessId}.sock")

            use server =
                match way with
                | "addresses" -> Server.Serve(made, [| any :> Net.EndPoint |])
                | "socket" -> Server.Serve(made, socket ())
                | _ -> Server.UnixServe(made, path)

            server.Start()

            use client =
                if way = "unix" then
                    let socket =
                        new Net.Sockets.Socket(
                            Net.Sockets.AddressFamily.Unix,
                            Net.Sockets.SocketType.Stream,
                            Net.Sockets.ProtocolType.Unspecified
                        )

                    socket.Connect(Net.Sockets.UnixDomainSocketEndPoint path)
                    new PeerClient(new SocketTransport(socket))
                else
                    PeerClient.OverTcp server

            client.ShakeHands()
            client.SendText "a"
            client.ReadText() =! "1: a")
    ]

let private statusOf (server: InMemoryServer) (path: string) (origin: string | null) : int =
    try
        use client = server.Connect(path, TestClientOptions(Origin = origin))
        client.Response.StatusCode
    with :? HandshakeRefusedException as refused ->
        refused.Response.StatusCode

[<Tests>]
let origins =
    testList "the origins of a rule" [
        testCase "are checked as the server's, in their place" (fun () ->
            let rule path =
                Rule(path, Action<ServerConnection> ignore)

            let router =
                Router(
                    UrlMap [|
                        rule "/all"
                        Rule(
                            "/own",
                            Action<ServerConnection> ignore,
                            Origins = [| Origin.Exact "https://own.example" |]
                        )
                        Rule("/none", Action<ServerConnection> ignore, Origins = [||])
                    |]
                )

            let records = new Records()

            let options =
                ServerOptions(
                    Origins = [| Origin.Exact "https://good.example"; Origin.None |],
                    LoggerFactory = records
                )

            use server = InMemoryServer.Route(router, options)

            [
                for path in [ "/all"; "/own"; "/none" ] do
                    for origin in [ "https://good.example"; "https://own.example"; null ] do
                        statusOf server path origin
            ]
            =! [ 101; 403; 101; 403; 101; 403; 403; 403; 403 ]

            let isTold =
                records.All
                |> List.exists (fun (struct (_, id, text)) ->
                    id = 23 && text.Contains "The origin 'https://own.example' is not allowed.")

            isTold =! true)

        testCase "are refused with null among them, when they are set" (fun () ->
            let error =
                Wait.throws<ArgumentException>(fun () ->
                    Rule("/", Action<ServerConnection> ignore, Origins = [| Unchecked.defaultof<Origin> |])
                    |> ignore)

            error.ParamName =! "Origins")
    ]
