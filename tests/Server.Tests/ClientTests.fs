module FunctionalWs.Server.Tests.ClientTests

open System
open System.IO
open System.Net
open System.Net.Http
open System.Net.Security
open System.Net.Sockets
open System.Net.WebSockets
open System.Threading
open System.Threading.Tasks
open Expecto
open Swensen.Unquote
open FunctionalWs

let private defaults = ServerOptions()

let private port (server: Server) =
    (server.LocalEndPoint :?> IPEndPoint).Port

let private serveOn (host: string) (options: ServerOptions) =
    let server = Server.Serve(Action<ServerConnection> Serve.echo, host, 0, options)
    server.Start()
    server

/// A server on a Unix socket whose path is gone after the test.
let private serveUnix (handler: ServerConnection -> unit) (options: ServerOptions) =
    let path = Path.Combine(Path.GetTempPath(), $"functionalws-{Guid.NewGuid():N}")
    let server = Server.UnixServe(Action<ServerConnection> handler, path, options)
    server.Start()
    server

// ---- The platform's client

let private exchange (client: ClientWebSocket) =
    use limit = new CancellationTokenSource(Wait.limit)
    let buffer = Array.zeroCreate<byte> 65_536

    for size in [ 0; 1; 126; 50_000 ] do
        let data = Array.init size (fun i -> byte i)
        client.SendAsync(ArraySegment data, WebSocketMessageType.Binary, true, limit.Token).Wait()
        let mutable count = 0
        let mutable isEnd = false

        while not isEnd do
            let part =
                client.ReceiveAsync(ArraySegment(buffer, count, buffer.Length - count), limit.Token).Result

            count <- count + part.Count
            isEnd <- part.EndOfMessage

        buffer[.. count - 1] =! data

    client.CloseAsync(WebSocketCloseStatus.NormalClosure, "done", limit.Token).Wait()
    client.CloseStatus =! Nullable WebSocketCloseStatus.NormalClosure
    client.CloseStatusDescription =! "done"

let private connect (uri: string) (handler: SocketsHttpHandler) =
    use limit = new CancellationTokenSource(Wait.limit)
    let client = new ClientWebSocket()
    client.Options.AddSubProtocol "chat"
    use invoker = new HttpMessageInvoker(handler, false)
    client.ConnectAsync(Uri uri, invoker, limit.Token).Wait()
    client

/// Trusts one certificate and no other.
let private trusting (thumbprint: string) =
    let handler = new SocketsHttpHandler()

    handler.SslOptions.RemoteCertificateValidationCallback <-
        RemoteCertificateValidationCallback(fun _ shown _ _ -> shown.GetCertHashString() = thumbprint)

    handler

let private chat (ssl: SslServerAuthenticationOptions) =
    ServerOptions(Subprotocols = [| "chat" |], Ssl = ssl)

[<Tests>]
let platform =
    testList "the platform's client" [
        testTheory "over IPv4 and IPv6, plain" [ "127.0.0.1"; "::1" ] (fun host ->
            use server = serveOn host (chat null)
            use handler = new SocketsHttpHandler()
            use client = connect $"ws://{server.LocalEndPoint}/" handler
            client.SubProtocol =! "chat"
            exchange client)

        testTheory "over IPv4 and IPv6, with TLS" [ "127.0.0.1"; "::1" ] (fun host ->
            use server = serveOn host (chat (Tls.ssl ()))
            use handler = trusting Tls.localhost.Thumbprint
            use client = connect $"wss://{server.LocalEndPoint}/" handler
            client.SubProtocol =! "chat"
            exchange client)

        testCase "a certificate that is not trusted is no connection, and the server goes on" (fun () ->
            use server = serveOn "127.0.0.1" (chat (Tls.ssl ()))
            use suspicious = new SocketsHttpHandler()

            Wait.throws<AggregateException>(fun () ->
                connect $"wss://{server.LocalEndPoint}/" suspicious |> ignore)
            |> ignore

            use handler = trusting Tls.localhost.Thumbprint
            use client = connect $"wss://{server.LocalEndPoint}/" handler
            exchange client)

        testTheory "over a Unix socket, plain and with TLS" [ false; true ] (fun isTls ->
            use server = chat (if isTls then Tls.ssl () else null) |> serveUnix Serve.echo
            use handler = trusting Tls.localhost.Thumbprint

            handler.ConnectCallback <-
                fun _ limit ->
                    let open' () =
                        task {
                            let socket =
                                new Socket(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified)

                            do! socket.ConnectAsync(server.LocalEndPoint, limit)
                            return new NetworkStream(socket, true) :> Stream
                        }

                    ValueTask<Stream>(open' ())

            use client =
                connect (if isTls then "wss://localhost/" else "ws://localhost/") handler

            client.SubProtocol =! "chat"
            exchange client)
    ]

// ---- Node.js

let private testNode =
    Programs.testIf "Node.js and its package ws" Programs.hasNodeClient.Value

let private subprotocols = ServerOptions(Subprotocols = [| "v2.chat"; "v1.chat" |])

[<Tests>]
let node =
    testList "the client ws of Node.js" [
        testNode "messages, pings and the closing, plain" (fun () ->
            use server = defaults |> Serve.overTcp Serve.echo
            Programs.node "echo" [ $"ws://127.0.0.1:{port server}/" ]
            Programs.node "fragments" [ $"ws://127.0.0.1:{port server}/" ])

        testNode "messages, pings and the closing, with TLS" (fun () ->
            use server = Tls.options () |> Serve.overTcp Serve.echo
            Programs.node "echo" [ $"wss://127.0.0.1:{port server}/" ]
            Programs.node "fragments" [ $"wss://127.0.0.1:{port server}/" ])

        testNode "messages, pings and the closing, over a Unix socket" (fun () ->
            use server = defaults |> serveUnix Serve.echo
            Programs.node "echo" [ $"ws+unix:{server.LocalEndPoint}:/" ])

        testNode "a subprotocol is agreed on" (fun () ->
            use server = subprotocols |> Serve.overTcp Serve.echo
            let url = $"ws://127.0.0.1:{port server}/"
            Programs.node "subprotocol" [ url; "v2.chat"; "v1.chat"; "v2.chat" ]
            Programs.node "subprotocol" [ url; "v1.chat"; "other"; "v1.chat" ])

        testNode "a client that offers other subprotocols is refused" (fun () ->
            use server = subprotocols |> Serve.overTcp Serve.echo
            Programs.node "refused" [ $"ws://127.0.0.1:{port server}/"; "400"; "other" ])

        testNode "the server's close codes arrive" (fun () ->
            use server = defaults |> Serve.overTcp ignore
            Programs.node "closed" [ $"ws://127.0.0.1:{port server}/"; "1000" ]
            use failing = defaults |> Serve.overTcp (fun _ -> failwith "as asked for")
            Programs.node "closed" [ $"ws://127.0.0.1:{port failing}/"; "1011" ])
    ]

// ---- curl

let private testCurl = Programs.testIf "curl" (Programs.find "curl").IsSome

/// The status of a response, and all that curl wrote.
let private curl (arguments: string list) =
    let code, output =
        Programs.run
            "curl"
            ([ "--silent"; "--insecure"; "--http1.1"; "--max-time"; "15"; "--include" ]
             @ arguments)

    code =! 0
    output

let private upgrade = [
    "--header"
    "Connection: Upgrade"
    "--header"
    "Upgrade: websocket"
    "--header"
    "Sec-WebSocket-Version: 13"
    "--header"
    "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ=="
]

[<Tests>]
let curlTests =
    testList "curl" [
        testCurl "plain HTTP is told that this is a WebSocket server, without TLS and with it" (fun () ->
            for options, scheme in [ defaults, "http"; Tls.options (), "https" ] do
                use server = options |> Serve.overTcp Serve.echo
                let output = curl [ $"{scheme}://127.0.0.1:{port server}/" ]

                test
                    <@
                        output.StartsWith("HTTP/1.1 426 ", StringComparison.Ordinal)
                        && output.Contains "WebSocket"
                    @>)

        testCurl "an upgrade is answered with 101 over TLS, and the stream ends as it should" (fun () ->
            // curl answers no close frame.
            let brief = Nullable(TimeSpan.FromMilliseconds 100.0)

            use server =
                ServerOptions(Ssl = Tls.ssl (), CloseTimeout = brief) |> Serve.overTcp ignore

            let output = curl (upgrade @ [ $"https://127.0.0.1:{port server}/" ])

            test
                <@
                    output.StartsWith("HTTP/1.1 101 ", StringComparison.Ordinal)
                    && output.Contains "s3pPLMBiTxaQ9kYGzzhZRbK+xOo="
                @>)

        testCurl "over a Unix socket" (fun () ->
            use server = defaults |> serveUnix Serve.echo

            let output =
                curl [ "--unix-socket"; $"{server.LocalEndPoint}"; "http://localhost/" ]

            test <@ output.StartsWith("HTTP/1.1 426 ", StringComparison.Ordinal) @>)

        testCurl "behind the PROXY protocol, as curl speaks it" (fun () ->
            use server =
                ServerOptions(ProxyProtocol = true, TrustedProxies = [| IPNetwork.Parse "127.0.0.1/32" |])
                |> Serve.overTcp Serve.echo

            let output = curl [ "--haproxy-protocol"; $"http://127.0.0.1:{port server}/" ]
            test <@ output.StartsWith("HTTP/1.1 426 ", StringComparison.Ordinal) @>)
    ]

// ---- nginx

let private testNginx = Programs.testIf "nginx" (Programs.find "nginx").IsSome

[<Tests>]
let nginx =
    // Alone: a port that is free stays so until nginx has it.
    testSequenced (
        testList "behind nginx, on a Unix socket" [
            testNginx "messages pass, and the client's address is the one that nginx saw" (fun () ->
                let found = Collections.Concurrent.ConcurrentQueue<string>()

                let handler (connection: ServerConnection) =
                    found.Enqueue $"{connection.RemoteEndPoint}"
                    Serve.echo connection

                for mode in [ ForwardedHeaders.XForwardedFor; ForwardedHeaders.Forwarded ] do
                    use server =
                        ServerOptions(TrustUnixPeers = true, ForwardedHeaders = mode)
                        |> serveUnix handler

                    use nginx = new Proxies.Nginx($"unix:{server.LocalEndPoint}")
                    use client = new PeerClient(Tls.connectTo nginx.EndPoint)

                    let spoofed =
                        "Upgrade: websocket\r\nX-Forwarded-For: 192.0.2.66\r\nForwarded: for=192.0.2.66\r\n"

                    client.Write(PeerClient.Request.Replace("Upgrade: websocket\r\n", spoofed))
                    let response = client.ReadResponse()
                    test <@ response.StartsWith("HTTP/1.1 101 ", StringComparison.Ordinal) @>

                    for size in [ 1; 65_536; 1_000_000 ] do
                        let data = Array.init size (fun i -> byte i)
                        client.SendBinary data
                        client.Read() =! Data(FunctionalWs.Protocol.Opcode.Binary, true, data)

                    client.SendClose 1000
                    test <@ client.Read() <> End @>
                    client.Read() =! End

                List.ofSeq found =! [ "127.0.0.1:0"; "127.0.0.1:0" ])

            testNginx "plain HTTP is told that this is a WebSocket server" (fun () ->
                use server = defaults |> serveUnix Serve.echo
                use nginx = new Proxies.Nginx($"unix:{server.LocalEndPoint}")
                use client = new PeerClient(Tls.connectTo nginx.EndPoint)
                client.Write "GET / HTTP/1.1\r\nHost: localhost\r\n\r\n"
                let response = client.ReadResponse()
                test <@ response.StartsWith("HTTP/1.1 4", StringComparison.Ordinal) @>)

            testNginx "a server that is shut down is seen as a clean end" (fun () ->
                use server = defaults |> serveUnix Serve.echo
                use nginx = new Proxies.Nginx($"unix:{server.LocalEndPoint}")
                use client = new PeerClient(Tls.connectTo nginx.EndPoint)
                client.ShakeHands()
                let stopping = Wait.start (fun () -> server.Shutdown())

                client.Read()
                =! Closed(
                    FunctionalWs.Protocol.CloseStatus.Create(FunctionalWs.Protocol.CloseCode.GoingAway, "")
                )

                client.SendClose 1001
                client.Read() =! End
                Wait.forTask "the shutdown" stopping =! 0)
        ]
    )
