module FunctionalWs.Server.Tests.LimitTests

open System
open System.Net
open System.Net.WebSockets
open System.Threading
open Expecto
open Swensen.Unquote
open FunctionalWs
open FunctionalWs.Server.Tests.Serve

let private address (text: string) : IPAddress =
    Admissions.KeyOf(IPEndPoint(IPAddress.Parse text, 1))

[<Tests>]
let admissions =
    testList "admissions" [
        testCase "count one address whatever its ports, and forget it when it has left" (fun () ->
            let admissions = Admissions(100, Nullable(), Nullable 2)
            admissions.Refuse(address "10.0.0.1") =! null
            admissions.Refuse(address "10.0.0.1") =! null
            admissions.Refuse(address "10.0.0.1") =! "its address has too many connections"
            admissions.Refuse(address "10.0.0.2") =! null
            admissions.Leave(address "10.0.0.1")
            admissions.Refuse(address "10.0.0.1") =! null)

        testCase "count an IPv4 address and its form in IPv6 as one" (fun () ->
            let admissions = Admissions(100, Nullable(), Nullable 1)
            admissions.Refuse(address "10.0.0.1") =! null
            admissions.Refuse(address "::ffff:10.0.0.1") <>! null)

        testCase "count a /64 of IPv6 as one address" (fun () ->
            let admissions = Admissions(100, Nullable(), Nullable 1)
            admissions.Refuse(address "2001:db8:0:1::1") =! null
            admissions.Refuse(address "2001:db8:0:1:ffff::2") <>! null
            admissions.Refuse(address "2001:db8:0:2::1") =! null)

        testCase "don't count peers without an address by it" (fun () ->
            let admissions = Admissions(100, Nullable(), Nullable 1)

            for _ in 1..10 do
                admissions.Refuse null =! null

                admissions.Refuse(Admissions.KeyOf(Sockets.UnixDomainSocketEndPoint "x"))
                =! null)

        testCase "refuse nobody for what was refused" (fun () ->
            let admissions = Admissions(1, Nullable 1, Nullable 1)
            admissions.Refuse(address "10.0.0.1") =! null
            admissions.Refuse(address "10.0.0.2") =! "the server is full"
            admissions.EndHandshake()
            admissions.Leave(address "10.0.0.1")
            admissions.Refuse(address "10.0.0.2") =! null)
    ]

[<Tests>]
let limits =
    testList "limits on connections" [
        testCase "more pending handshakes than allowed get 503, and open connections don't count" (fun () ->
            use server =
                Serve.inMemory Serve.echo (ServerOptions(MaxPendingHandshakes = Nullable 1))

            use opened = client server
            use pending = PeerClient.InMemory server
            use refused = PeerClient.InMemory server

            refused.ReadResponse().StartsWith("HTTP/1.1 503 ", StringComparison.Ordinal)
            =! true

            pending.ShakeHands()
            use next = client server
            next.SendText "in"
            next.ReadText() =! "in"
            opened.SendText "still in"
            opened.ReadText() =! "still in")

        testCase "a handshake that fails is no longer pending" (fun () ->
            use server =
                Serve.inMemory Serve.echo (ServerOptions(MaxPendingHandshakes = Nullable 1))

            for _ in 1..3 do
                use broken = PeerClient.InMemory server
                broken.Write "\022\003\001"
                broken.Read() =! End
                broken.Transport.Abort()

                Wait.until "there is room again" (fun () ->
                    use next = PeerClient.InMemory server

                    try
                        next.ShakeHands()
                        true
                    with _ ->
                        false))

        testCase "more connections of an address than allowed get 503" (fun () ->
            use server =
                Serve.overTcp Serve.echo (ServerOptions(MaxConnectionsPerAddress = Nullable 2))

            use first = PeerClient.OverTcp server
            first.ShakeHands()
            use second = PeerClient.OverTcp server
            second.ShakeHands()
            use third = PeerClient.OverTcp server

            third.ReadResponse().StartsWith("HTTP/1.1 503 ", StringComparison.Ordinal)
            =! true

            first.SendClose 1000

            Wait.until "there is room again" (fun () ->
                use next = PeerClient.OverTcp server

                try
                    next.ShakeHands()
                    true
                with _ ->
                    false))

        testCase
            "a client that is turned away can read the answer although it has sent its request"
            (fun () ->
                use server = Serve.overTcp Serve.echo (ServerOptions(MaxConnections = 8))

                let inside = [
                    for _ in 1..8 do
                        let client = PeerClient.OverTcp server
                        client.ShakeHands()
                        client
                ]

                let port = (server.LocalEndPoint :?> IPEndPoint).Port

                for _ in 1..50 do
                    use client = new ClientWebSocket()
                    client.Options.CollectHttpResponseDetails <- true
                    use limit = new CancellationTokenSource(Wait.limit)

                    Wait.throws<AggregateException>(fun () ->
                        client.ConnectAsync(Uri $"ws://127.0.0.1:{port}/", limit.Token).Wait())
                    |> ignore

                    client.HttpStatusCode =! HttpStatusCode.ServiceUnavailable

                for client in inside do
                    (client :> IDisposable).Dispose())
    ]
