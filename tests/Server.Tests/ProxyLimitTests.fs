/// Limits on connections where a proxy stands between.
module FunctionalWs.Server.Tests.ProxyLimitTests

open System
open System.Net
open System.Text
open Expecto
open Microsoft.Extensions.Logging
open Swensen.Unquote
open FunctionalWs

let private trusting (text: string) =
    ServerOptions(
        TrustedProxies = [| IPNetwork.Parse text |],
        ForwardedHeaders = ForwardedHeaders.XForwardedFor,
        MaxConnectionsPerAddress = Nullable 1
    )

let private behindProxy = trusting "127.0.0.1/32"

let private request (client: string) =
    PeerClient.Request.Replace("\r\n\r\n", $"\r\nX-Forwarded-For: {client}\r\n\r\n")

/// What a client gets for its first bytes: a status, or nothing when it is dropped.
let private opened (connect: unit -> PeerClient) (bytes: string) : PeerClient * string =
    let client = connect ()
    client.Write bytes

    match client.TryReadResponse() with
    | Some head -> client, head.Substring(9, 3)
    | None -> client, "nothing"

let private status (connect: unit -> PeerClient) (bytes: string) : string =
    let client, status = opened connect bytes
    (client :> IDisposable).Dispose()
    status

/// One address has one connection: a second is turned away until the first has left, and others don't matter.
let private isLimited (connect: string -> unit -> PeerClient) (bytes: string -> string) (refusal: string) =
    let one, two = "203.0.113.1", "203.0.113.2"
    let first, found = opened (connect one) (bytes one)
    found =! "101"

    // What was turned away was not counted, nor is it counted out.
    for _ in 1..3 do
        status (connect one) (bytes one) =! refusal

    let second, found = opened (connect two) (bytes two)
    found =! "101"
    (first :> IDisposable).Dispose()
    Wait.until "there is room again" (fun () -> status (connect one) (bytes one) = "101")
    status (connect two) (bytes two) =! refusal
    (second :> IDisposable).Dispose()

let private line (client: string) =
    $"PROXY TCP4 {client} 198.51.100.1 5555 443\r\n"

let private overTcp (server: Server) (_: string) () = PeerClient.OverTcp server

[<Tests>]
let tests =
    testList "limits behind a proxy" [
        testCase "A8: a header's address is counted, without TLS and with it" (fun () ->
            use server = behindProxy |> Serve.overTcp Serve.echo
            isLimited (overTcp server) request "503"
            let options = trusting "127.0.0.1/32"

            use server =
                ServerOptions(
                    TrustedProxies = options.TrustedProxies,
                    ForwardedHeaders = options.ForwardedHeaders,
                    MaxConnectionsPerAddress = Nullable 1,
                    Ssl = Tls.ssl ()
                )
                |> Serve.overTcp Serve.echo

            isLimited (fun _ () -> Tls.connect server) request "503")

        testCase "A8: the address in a PROXY header is counted before the request comes" (fun () ->
            use server =
                ServerOptions(
                    TrustedProxies = behindProxy.TrustedProxies,
                    ProxyProtocol = true,
                    MaxConnectionsPerAddress = Nullable 1
                )
                |> Serve.overTcp Serve.echo

            isLimited (overTcp server) (fun client -> line client + PeerClient.Request) "503"

            let isRefused () =
                use next = PeerClient.OverTcp server
                next.Write(line "203.0.113.9")
                next.Transport.ShutdownSend()
                next.TryReadResponse() <> None

            // Whoever's header is read first is counted, and that may be one of the others: then again, with another silent one.
            let mutable silent = None

            Wait.until "a silent client keeps all others out" (fun () ->
                silent
                |> Option.iter (fun (before: PeerClient) -> (before :> IDisposable).Dispose())

                let client = PeerClient.OverTcp server
                silent <- Some client
                client.Write(line "203.0.113.9")
                List.forall id [ for _ in 1..20 -> isRefused () ])

            (silent.Value :> IDisposable).Dispose())

        testCase "A8: with TLS a further client is dropped without a word in the clear" (fun () ->
            use records = new Records()

            use server =
                ServerOptions(
                    TrustedProxies = behindProxy.TrustedProxies,
                    ProxyProtocol = true,
                    MaxConnectionsPerAddress = Nullable 1,
                    Ssl = Tls.ssl (),
                    LoggerFactory = records
                )
                |> Serve.overTcp Serve.echo

            let lower (client: string) =
                let lower = Tls.connectTo server.LocalEndPoint
                lower.Write(ReadOnlySpan(Encoding.ASCII.GetBytes(line client)))
                lower

            let stream = lower "203.0.113.1"

            use first =
                new PeerClient(new Tls.ClientTransport(Tls.over (Tls.clientOptions ()) stream, stream))

            first.ShakeHands()
            use second = new PeerClient(lower "203.0.113.1")
            second.Read() =! End

            Wait.until "it is recorded" (fun () ->
                records.Of LogLevel.Debug
                |> List.exists (fun (struct (_, id, text)) ->
                    id = 22 && text.Contains "its address has too many connections"))

            records.Of LogLevel.Error =! [])

        testCase "A8: an untrusted peer can't be somebody else" (fun () ->
            use server = trusting "10.0.0.0/8" |> Serve.overTcp Serve.echo
            let first, found = opened (overTcp server "") (request "203.0.113.1")
            found =! "101"
            status (overTcp server "") "" =! "503"
            (first :> IDisposable).Dispose())

        testCase "a proxy that speaks for itself is not counted" (fun () ->
            use server = behindProxy |> Serve.overTcp Serve.echo

            let clients = [ for _ in 1..5 -> opened (overTcp server "") PeerClient.Request ]

            List.map snd clients =! List.replicate 5 "101"

            for client, _ in clients do
                (client :> IDisposable).Dispose())

        testCase "addresses that are trusted for nothing are counted as any other" (fun () ->
            use server =
                ServerOptions(
                    TrustedProxies = behindProxy.TrustedProxies,
                    MaxConnectionsPerAddress = Nullable 1
                )
                |> Serve.overTcp Serve.echo

            let first, found = opened (overTcp server "") PeerClient.Request
            found =! "101"
            status (overTcp server "") "" =! "503"
            (first :> IDisposable).Dispose())
    ]
