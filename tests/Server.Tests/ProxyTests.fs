module FunctionalWs.Server.Tests.ProxyTests

open System
open System.Net
open System.Threading.Tasks
open Microsoft.Extensions.Logging
open Expecto
open Swensen.Unquote
open FunctionalWs

let private network (text: string) = IPNetwork.Parse text
let private trusting = [| network "127.0.0.0/8"; network "10.0.0.0/8" |]

let private request (headers: string) =
    PeerClient.Request.Replace("Upgrade: websocket\r\n", "Upgrade: websocket\r\n" + headers)

/// What a server makes of a client that connects to it and writes this first.
let private served
    (connect: Server -> PeerClient)
    (options: ServerOptions)
    (bytes: string)
    : ServerConnection =
    let found = TaskCompletionSource<ServerConnection>()
    use server = options |> Serve.overTcp found.SetResult
    use client = connect server
    client.Write bytes
    let response = client.ReadResponse()

    if not (response.StartsWith("HTTP/1.1 101 ", StringComparison.Ordinal)) then
        failwith response

    Wait.forTask "the connection" found.Task

let private overTcp = served PeerClient.OverTcp

let private address (connection: ServerConnection) = $"{connection.RemoteEndPoint}"

let private isPeer (connection: ServerConnection) =
    connection.RemoteEndPoint =! connection.PeerEndPoint
    (connection.PeerEndPoint :?> IPEndPoint).Address =! IPAddress.Loopback

/// Keeps the scope in which each record was written, as it reads at that moment.
type private Scopes() =
    let current = new Threading.ThreadLocal<obj>()
    let found = Collections.Concurrent.ConcurrentDictionary<int, string>()

    member _.Of(id: int) : string = found[id]

    interface ILogger with
        member _.BeginScope(state: 'state) : IDisposable =
            current.Value <- box state
            null

        member _.IsEnabled _ = true

        member _.Log(_: LogLevel, id: EventId, _: 'state, _: exn, _: Func<'state, exn, string>) =
            if not (isNull current.Value) then
                found[id.Id] <- string current.Value

    interface ILoggerFactory with
        member scopes.CreateLogger(_: string) = scopes :> ILogger
        member _.AddProvider _ = ()
        member _.Dispose() = ()

[<Tests>]
let headers =
    testList "headers of a proxy" [
        testTheory
            "a trusted proxy's word gives the client's address"
            [
                ForwardedHeaders.XForwardedFor,
                "X-Forwarded-For: 192.0.2.66, 203.0.113.9, 10.0.0.7\r\n",
                "203.0.113.9:0"
                ForwardedHeaders.XForwardedFor,
                "X-Forwarded-For: 192.0.2.66\r\nx-forwarded-for: [2001:db8::1]:443\r\n",
                "[2001:db8::1]:443"
                ForwardedHeaders.Forwarded,
                "Forwarded: for=192.0.2.66, for=\"203.0.113.9:80\";proto=https\r\n",
                "203.0.113.9:80"
            ]
            (fun (mode, headers, client) ->
                let connection =
                    overTcp
                        (ServerOptions(TrustedProxies = trusting, ForwardedHeaders = mode))
                        (request headers)

                address connection =! client
                (connection.PeerEndPoint :?> IPEndPoint).Address =! IPAddress.Loopback)

        testTheory
            "what is not asked for, not there or not understood leaves the peer's address"
            [
                ForwardedHeaders.None, "X-Forwarded-For: 192.0.2.1\r\nForwarded: for=192.0.2.1\r\n"
                ForwardedHeaders.XForwardedFor, "Forwarded: for=192.0.2.1\r\n"
                ForwardedHeaders.XForwardedFor, "X-Forwarded-For: unknown\r\n"
                ForwardedHeaders.Forwarded, "X-Forwarded-For: 192.0.2.1\r\n"
                ForwardedHeaders.Forwarded, "Forwarded: for=\"192.0.2.1\r\n"
            ]
            (fun (mode, headers) ->
                overTcp (ServerOptions(TrustedProxies = trusting, ForwardedHeaders = mode)) (request headers)
                |> isPeer)

        testTheory
            "what an untrusted peer says of itself is ignored"
            [ ForwardedHeaders.XForwardedFor; ForwardedHeaders.Forwarded ]
            (fun mode ->
                let options =
                    ServerOptions(TrustedProxies = [| network "10.0.0.0/8" |], ForwardedHeaders = mode)

                overTcp options (request "X-Forwarded-For: 192.0.2.1\r\nForwarded: for=192.0.2.1\r\n")
                |> isPeer)

        testCase "a peer on a Unix socket is trusted when that is said, and only then" (fun () ->
            for trust in [ true; false ] do
                let path = IO.Path.Combine(IO.Path.GetTempPath(), $"functionalws-{Guid.NewGuid()}")
                let found = TaskCompletionSource<ServerConnection>()

                let options =
                    ServerOptions(
                        TrustUnixPeers = trust,
                        TrustedProxies = trusting,
                        ForwardedHeaders = ForwardedHeaders.XForwardedFor
                    )

                use server =
                    Server.UnixServe(Action<ServerConnection> found.SetResult, path, options)

                server.Start()
                use client = new PeerClient(Tls.connectTo server.LocalEndPoint)
                client.Write(request "X-Forwarded-For: 203.0.113.9\r\n")
                client.ReadResponse() |> ignore
                let connection = Wait.forTask "the connection" found.Task
                test <@ (address connection = "203.0.113.9:0") = trust @>)

        testCase "records are about the client, once it is known" (fun () ->
            use scopes = new Scopes()

            let options =
                ServerOptions(
                    TrustedProxies = trusting,
                    ForwardedHeaders = ForwardedHeaders.XForwardedFor,
                    LoggerFactory = scopes
                )

            let connection = overTcp options (request "X-Forwarded-For: 203.0.113.9\r\n")
            scopes.Of 20 =! $"{connection.Id} 203.0.113.9:0")

        testTheory
            "settings that can't work are refused"
            [
                ServerOptions(ForwardedHeaders = ForwardedHeaders.Forwarded)
                ServerOptions(ProxyProtocol = true)
                ServerOptions(TrustedProxies = null)
                ServerOptions(TrustUnixPeers = true, ForwardedHeaders = LanguagePrimitives.EnumOfValue 3)
            ]
            (fun options ->
                Wait.throws<ArgumentException>(fun () -> Serve.overTcp ignore options |> ignore)
                |> ignore)
    ]

let private line = "PROXY TCP4 203.0.113.9 198.51.100.1 5555 443\r\n"

let private version2 =
    "\r\n\r\n\000\r\nQUIT\n\u0021\u0011\u0000\u000c\u00cb\u0000\u0071\u0009\u00c6\u0033\u0064\u0001\u0015\u00b3\u0001\u00bb"

let private own = "\r\n\r\n\000\r\nQUIT\n\u0020\u0000\u0000\u0000"

let private behindProxy =
    ServerOptions(TrustedProxies = trusting, ProxyProtocol = true)

/// True when the stream ends without an answer.
let private isDropped (options: ServerOptions) (bytes: string) =
    use server = options |> Serve.overTcp ignore
    use client = PeerClient.OverTcp server
    client.Write bytes
    client.Transport.ShutdownSend()
    client.Read() =! End

[<Tests>]
let proxyProtocol =
    testList "a server behind the PROXY protocol" [
        testTheory
            "a trusted proxy tells the client's address, by both versions"
            [ line; version2 ]
            (fun header ->
                let connection = overTcp behindProxy (header + PeerClient.Request)
                address connection =! "203.0.113.9:5555"
                (connection.PeerEndPoint :?> IPEndPoint).Address =! IPAddress.Loopback)

        testTheory
            "a proxy that speaks for itself leaves its own address"
            [ own; "PROXY UNKNOWN\r\n" ]
            (fun header -> overTcp behindProxy (header + PeerClient.Request) |> isPeer)

        testTheory "a header that comes in bytes is read as well" [ line; version2 ] (fun header ->
            let byBytes (server: Server) =
                let client = PeerClient.OverTcp server

                for character in header do
                    client.Write(string character)

                client

            address (served byBytes behindProxy PeerClient.Request) =! "203.0.113.9:5555")

        testTheory "the header comes before TLS" [ line; version2 ] (fun header ->
            let connect (server: Server) =
                let lower = Tls.connectTo server.LocalEndPoint
                lower.Write(ReadOnlySpan(Text.Encoding.Latin1.GetBytes header))
                new PeerClient(new Tls.ClientTransport(Tls.over (Tls.clientOptions ()) lower, lower))

            let options =
                ServerOptions(TrustedProxies = trusting, ProxyProtocol = true, Ssl = Tls.ssl ())

            let connection = served connect options PeerClient.Request
            address connection =! "203.0.113.9:5555"
            test <@ not (isNull connection.Tls) @>)

        testCase "the client's address may be that of a further proxy, whose header counts" (fun () ->
            let options =
                ServerOptions(
                    TrustedProxies = trusting,
                    ProxyProtocol = true,
                    ForwardedHeaders = ForwardedHeaders.XForwardedFor
                )

            let first = "PROXY TCP4 10.0.0.7 198.51.100.1 5555 443\r\n"

            address (overTcp options (first + request "X-Forwarded-For: 192.0.2.5\r\n"))
            =! "192.0.2.5:0"
            // From a client that is no proxy the header is made up.
            address (overTcp options (line + request "X-Forwarded-For: 192.0.2.5\r\n"))
            =! "203.0.113.9:5555")

        testTheory
            "a trusted proxy that begins otherwise is dropped"
            [
                ""
                PeerClient.Request
                "PROXY TCP5\r\n"
                line.TrimEnd()
                line[..9]
                version2.Replace("\u0021\u0011", "\u0021\u00F1\u0001") + "x"
            ]
            (fun bytes ->
                use records = new Records()

                isDropped
                    (ServerOptions(TrustedProxies = trusting, ProxyProtocol = true, LoggerFactory = records))
                    bytes

                Wait.until "it is recorded" (fun () ->
                    records.Of LogLevel.Debug |> List.exists (fun (struct (_, id, _)) -> id = 62)))

        testCase "an untrusted peer is served without a header, and one from it is garbage" (fun () ->
            let options =
                ServerOptions(TrustedProxies = [| network "10.0.0.0/8" |], ProxyProtocol = true)

            overTcp options PeerClient.Request |> isPeer

            for header in [ line; version2 ] do
                use server = options |> Serve.overTcp ignore
                use client = PeerClient.OverTcp server
                client.Write(header + PeerClient.Request)
                client.Transport.ShutdownSend()
                let mutable isAccepted = false

                try
                    isAccepted <- client.ReadResponse().StartsWith("HTTP/1.1 101", StringComparison.Ordinal)
                with error ->
                    test <@ error.Message.StartsWith("no response", StringComparison.Ordinal) @>

                isAccepted =! false)

        testCase "a proxy that says nothing is cut at the open timeout" (fun () ->
            let clock = FakeClock()

            use server =
                ServerOptions(TrustedProxies = trusting, ProxyProtocol = true, TimeProvider = clock)
                |> Serve.overTcp ignore

            use silent = PeerClient.OverTcp server
            use dripping = PeerClient.OverTcp server
            dripping.Write "PROXY TCP4 "
            use late = PeerClient.OverTcp server
            late.Write(line + PeerClient.Request)
            late.ReadResponse() |> ignore
            clock.Advance(TimeSpan.FromSeconds 10.0)
            silent.Read() =! End
            dripping.Read() =! End)
    ]
