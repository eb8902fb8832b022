/// Clients that are slow, silent, endless or large, and what must then be true.
module FunctionalWs.Server.Tests.HandshakeLoadTests

open System
open System.IO
open Microsoft.Extensions.Logging
open Expecto
open Swensen.Unquote
open FunctionalWs
open FunctionalWs.Protocol

let private webSocket = Exchange.webSocket []

let private withTarget (target: string) = webSocket.Replace("/chat", target)

/// An echo connection that was there before the attack loses nothing.
let private besides (server: Server) (attack: unit -> unit) =
    use bystander = Serve.client server

    let echoes text =
        bystander.SendText text
        bystander.ReadText() =! text

    echoes "before"
    attack ()
    echoes "after"

/// A thousand clients, or as many as the machine has threads for while other tests run.
let private many (server: Server) : PeerClient list =
    let count = min 1_000 (server.MaxConnections / 4)
    [ for _ in 1..count -> PeerClient.InMemory server ]

[<Tests>]
let slow =
    testList "slow and silent clients" [
        testCase
            "H1: a request that drips in is cut at the open timeout, counted from the accepting"
            (fun () ->
                let clock = FakeClock()
                use server = Serve.inMemory Serve.echo (ServerOptions(TimeProvider = clock))

                besides server (fun () ->
                    let clients = many server

                    for client in clients do
                        client.Write "GET / HTTP/1.1\r\nHost: "

                    for _ in 1..9 do
                        clock.Advance(TimeSpan.FromSeconds 1.0)

                        for client in clients do
                            client.Write "x"

                    clock.Advance(TimeSpan.FromSeconds 1.0)

                    for client in clients do
                        client.Read() =! End))

        testCase "H2: silent clients are cut, and no record of it is above DEBUG" (fun () ->
            let clock = FakeClock()
            let records = new Records()

            use server =
                Serve.inMemory
                    Exchange.neverRun
                    (ServerOptions(TimeProvider = clock, LoggerFactory = records))

            let clients = many server
            clock.Advance(TimeSpan.FromSeconds 10.0)

            for client in clients do
                client.Read() =! End

            Wait.until "all are recorded" (fun () -> (Exchange.outcomes records).Length = clients.Length)
            Exchange.levelsAbove LogLevel.Debug records =! []
            records.Exceptions =! []

            for struct (_, _, text) in Exchange.outcomes records do
                test <@ text.Contains "took too long" @>)

        testCase "H13: a client that doesn't read its response is cut at the open timeout" (fun () ->
            let clock = FakeClock()
            let records = new Records()
            let page = Response.Bytes(200, ReadOnlyMemory(Array.zeroCreate 10_000_000), "a/b")

            use server =
                Serve.inMemory
                    Exchange.neverRun
                    (ServerOptions(
                        TimeProvider = clock,
                        LoggerFactory = records,
                        ProcessRequest = ProcessRequest(fun _ _ -> page)
                    ))

            use client = PeerClient.InMemory server
            client.Write webSocket
            Wait.until "the response is under way" (fun () -> client.Transport.IsReadable)
            clock.Advance(TimeSpan.FromSeconds 10.0)
            Wait.until "it is given up" (fun () -> (Exchange.outcomes records).Length = 1)
            Exchange.levelsAbove LogLevel.Debug records =! [])

        testCase "H13: on a socket, too" (fun () ->
            let records = new Records()
            let page = Response.Bytes(200, ReadOnlyMemory(Array.zeroCreate 10_000_000), "a/b")

            use server =
                Serve.overTcp
                    Exchange.neverRun
                    (ServerOptions(
                        OpenTimeout = TimeSpan.FromMilliseconds 500.0,
                        LoggerFactory = records,
                        ProcessRequest = ProcessRequest(fun _ _ -> page)
                    ))

            use client = PeerClient.OverTcp server
            client.Write webSocket
            Wait.until "it is given up" (fun () -> (Exchange.outcomes records).Length = 1)
            [ for struct (_, id, _) in Exchange.outcomes records -> id ] =! [ 22 ])
    ]

[<Tests>]
let large =
    let attack (piece: string) =
        use server = Serve.inMemory Exchange.neverRun (ServerOptions())
        use client = PeerClient.InMemory server
        let mutable sent = 0L
        let start = "GET / HTTP/1.1\r\nHost: example.com\r\n"

        try
            client.Write(if piece.Contains "GET" then "" else start)

            while sent < 100_000_000L do
                client.Write piece
                sent <- sent + int64 piece.Length
        with :? IOException ->
            ()

        sent, client.ReadToEnd().Substring(9, 3)

    testList "large heads" [
        testTheory
            "H3, H4: what never ends is not read to its end"
            [
                "a header line", String('x', 60_000), "431"
                "headers", String.replicate 5_000 "A: b\r\n", "431"
                "empty headers", String.replicate 5_000 "A:\r\n", "431"
                "a request line", "GET /" + String('x', 60_000), "414"
            ]
            (fun (_, piece, status) ->
                let sent, found = attack piece
                found =! status
                // A stream in memory holds a mebibyte; of that only the head's limit and the lingering's were taken.
                test <@ sent < 2_000_000L @>)

        testCase "H3: a head of exactly the limits is taken, one byte more is not" (fun () ->
            let size = webSocket.Length
            let lineSize = webSocket.IndexOf("\r\n", StringComparison.Ordinal) + 2
            let headers = webSocket.Split("\r\n").Length - 3

            let header =
                webSocket.Split("\r\n")
                |> Array.skip 1
                |> Array.map (fun line -> line.Length + 2)
                |> Array.max

            let taken (options: ServerOptions) =
                use server = Serve.inMemory ignore options
                use client = PeerClient.InMemory server
                client.Write webSocket
                client.ReadResponse().Substring(9, 3)

            taken (
                ServerOptions(
                    MaxRequestHeadSize = size,
                    MaxHeaderCount = headers,
                    MaxHeaderLineLength = max header 64,
                    MaxRequestLineLength = max lineSize 64
                )
            )
            =! "101"

            taken (ServerOptions(MaxRequestHeadSize = size - 1)) =! "431"
            taken (ServerOptions(MaxHeaderCount = headers - 1)) =! "431"
            let long = withTarget ("/" + String('x', 64))
            let limited = ServerOptions(MaxRequestLineLength = 64, MaxHeaderLineLength = 64)
            (Exchange.toEnd limited long).Substring(9, 3) =! "414"

            (Exchange.toEnd limited (Exchange.webSocket [ "A: " + String('x', 64) ])).Substring(9, 3)
            =! "431")

        testCase
            "H3: a line that is too long is answered although it hasn't ended, byte by byte too"
            (fun () ->
                use server =
                    Serve.inMemory Exchange.neverRun (ServerOptions(MaxRequestLineLength = 100))

                use client = PeerClient.InMemory server

                for character in "GET /" + String('x', 96) do
                    client.Write(string character)

                client.ReadResponse().Substring(9, 3) =! "414")

        testCase "a request that comes byte by byte is accepted" (fun () ->
            use server = Serve.inMemory Serve.echo (ServerOptions())
            use client = PeerClient.InMemory server

            for character in webSocket do
                client.Write(string character)

            client.ReadResponse().Substring(9, 3) =! "101"
            client.SendText "x"
            client.ReadText() =! "x")

        testTheory
            "H5: lists made to be slow to parse are refused or taken as they are"
            [
                for name in
                    [
                        "Connection"
                        "Upgrade"
                        "Sec-WebSocket-Protocol"
                        "Sec-WebSocket-Extensions"
                    ] do
                    for value in
                        [
                            "a; b=\"" + String.replicate 4_000 "\\c"
                            String(' ', 8_000) + "a"
                            String(',', 8_000)
                            String(';', 8_000)
                            String.replicate 4_000 "a,"
                        ] do
                        name, value.Substring(0, 8), value
            ]
            (fun (name, _, value) ->
                let answer =
                    Exchange.toEnd
                        (ServerOptions(
                            ProcessResponse = ProcessResponse(fun _ _ _ -> Response.Text(599, ""))
                        ))
                        (Exchange.webSocket [ $"{name}: {value}" ])

                // The hook has seen an answer: nothing was thrown on the way to it.
                answer.Substring(9, 3) =! "599")
    ]
