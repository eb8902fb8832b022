module FunctionalWs.Server.Tests.FlowControlTests

open System
open System.Threading
open Expecto
open Swensen.Unquote
open FunctionalWs
open FunctionalWs.Protocol
open FunctionalWs.Testing
open FunctionalWs.Server.Tests.Serve

[<Tests>]
let marks =
    testTheory
        "reading ahead has its low mark at a quarter of the high one by default"
        [ 16, 4; 4, 1; 3, 0; 1, 0 ]
        (fun (high, low) ->
            let marks = ServerOptions(MaxQueue = Nullable high).ToReadAhead()
            (marks.Messages, marks.LowMessages) =! (high, low))

/// A handler that is busy until it is let go, then receives everything.
let private busyThenAll (options: ServerOptions) =
    let letGo = new ManualResetEventSlim(false)

    let server, outcome =
        options
        |> handling (fun connection ->
            Wait.forEvent "being let go" letGo
            let texts = Collections.Generic.List<string>()

            try
                while true do
                    texts.Add(connection.Receive().Text)
            with :? ConnectionClosedException as error ->
                texts.Add(error.GetType().Name)

            List.ofSeq texts)

    server, outcome, letGo

let private ok = typeof<ConnectionClosedOkException>.Name

[<Tests>]
let behindFullQueue =
    testList "behind a full queue" [
        testCase "a ping is answered, a close is seen, and no message is lost" (fun () ->
            let server, outcome, letGo = busyThenAll (ServerOptions(MaxQueue = Nullable 1))
            use _ = server
            use _ = letGo
            use client = client server

            for i in 1..10 do
                client.SendText(string i)

            client.SendPing "p"B
            client.Read() =! PongOf "p"B

            for i in 11..20 do
                client.SendText(string i)

            client.SendClose 1000
            client.Read() =! Closed(CloseStatus.Create(CloseCode.NormalClosure, ""))
            client.Read() =! End
            letGo.Set()
            succeeds outcome =! [ for i in 1..20 -> string i ] @ [ ok ])

        testCase "a pong is seen" (fun () ->
            let server, client, connection, release =
                connected (ServerOptions(MaxQueue = Nullable 1))

            use _ = release
            use _ = server

            for i in 1..10 do
                client.SendText(string i)

            let waiting = Wait.start (fun () -> connection.Ping(ReadOnlySpan "p"B).Wait())
            client.Read() =! PingOf "p"B
            client.WriteFrame(true, Opcode.Pong, "p"B)
            Wait.forTask "the pong" waiting =! true)

        testCase "a broken rule is answered" (fun () ->
            let server, outcome, letGo = busyThenAll (ServerOptions(MaxQueue = Nullable 1))
            use _ = server
            use _ = letGo
            use client = client server

            for i in 1..5 do
                client.SendText(string i)

            client.Write [| 0x83uy; 0x80uy |]

            match client.Read() with
            | Closed status -> status.Number =! 1002
            | other -> failwith $"a close frame was expected, not {other}"

            client.Transport.Abort()
            letGo.Set()

            succeeds outcome
            =! [ for i in 1..5 -> string i ] @ [ typeof<ConnectionClosedErrorException>.Name ])

        testCase "reading stops at the byte bound, and a peer that is not read from is not silent" (fun () ->
            let clock = FakeClock()

            let server, outcome, letGo =
                busyThenAll (
                    ServerOptions(
                        TimeProvider = clock,
                        MaxQueue = Nullable 2,
                        MaxMessageSize = Nullable 50_000
                    )
                )

            use _ = server
            use _ = letGo
            let struct (atServer, atClient) = MemoryTransport.CreatePair 10_000
            server.Admit atServer
            use client = new PeerClient(atClient)
            client.ShakeHands()

            // 200 messages of 1,000 bytes; the stream takes 10,000 bytes, the server reads 100,000 ahead.
            let written = ref 0

            let writing =
                Wait.start (fun () ->
                    for i in 1..200 do
                        client.SendText((string i).PadRight 1_000)
                        written.Value <- i)

            Wait.until "the stream is full" (fun () -> written.Value >= 100)

            for _ in 1..10 do
                clock.Advance(TimeSpan.FromSeconds 20.0)

                match client.Read() with
                | PingOf _ -> ()
                | other -> failwith $"a ping was expected, not {other}"

            test <@ written.Value < 120 @>
            letGo.Set()
            Wait.forTask "the writer" writing
            client.SendClose 1000

            succeeds outcome |> List.map _.Trim()
            =! [ for i in 1..200 -> string i ] @ [ ok ])

        testCase "empty messages by the thousand are all there in the end" (fun () ->
            let server, outcome, letGo =
                busyThenAll (ServerOptions(MaxMessageSize = Nullable 1_000))

            use _ = server
            use _ = letGo
            use client = client server
            let frame = [| 0x81uy; 0x80uy; 1uy; 2uy; 3uy; 4uy |]

            let writing =
                Wait.start (fun () ->
                    for _ in 1..100 do
                        client.Write(Array.concat (Array.replicate 1_000 frame))

                    client.SendClose 1000)

            letGo.Set()
            Wait.forTask "the writer" writing
            (succeeds outcome).Length =! 100_001)

        testCase "there is no queue that fills when MaxQueue is null" (fun () ->
            let server, outcome, letGo =
                busyThenAll (ServerOptions(MaxQueue = Nullable(), MaxMessageSize = Nullable 1_000))

            use _ = server
            use _ = letGo
            use client = client server

            for i in 1..300 do
                client.SendText((string i).PadRight 1_000)

            client.SendPing "all"B
            client.Read() =! PongOf "all"B
            client.SendClose 1000
            letGo.Set()
            (succeeds outcome).Length =! 301)
    ]

[<Tests>]
let slowMessages =
    testList "MessageTimeout" [
        testTheory
            "fails a connection whose message takes too long with 1008"
            [ "fragments"; "bytes of a frame" ]
            (fun way ->
                let clock = FakeClock()

                let server, outcome =
                    ServerOptions(
                        TimeProvider = clock,
                        PingInterval = Nullable(),
                        MessageTimeout = Nullable(TimeSpan.FromSeconds 30.0)
                    )
                    |> handling (fun connection -> connection.Receive())

                use _ = server
                use client = client server

                if way = "fragments" then
                    client.WriteFrame(false, Opcode.Text, "a"B)
                else
                    client.Write [| 0x81uy; 0x85uy; 0uy; 0uy; 0uy; 0uy; 65uy |]

                let closed = Wait.start client.Read

                Wait.until "the message is given up" (fun () ->
                    clock.Advance(TimeSpan.FromSeconds 1.0)
                    closed.IsCompleted)

                closed.Result
                =! Closed(CloseStatus.Create(CloseCode.PolicyViolation, "message took too long"))

                client.Transport.Abort()
                let error = fails outcome :?> ConnectionClosedErrorException

                (error.InnerException :?> TimeoutException).Message
                =! "A message was not complete within 00:00:30.")

        testCase "does not count the time between messages" (fun () ->
            let clock = FakeClock()

            let server, outcome =
                ServerOptions(
                    TimeProvider = clock,
                    PingInterval = Nullable(),
                    MessageTimeout = Nullable(TimeSpan.FromSeconds 30.0)
                )
                |> handling (fun connection -> [ connection.Receive().Text; connection.Receive().Text ])

            use _ = server
            use client = client server
            client.WriteFrame(false, Opcode.Text, "a"B)
            client.WriteFrame(true, Opcode.Continuation, "b"B)

            for _ in 1..10 do
                clock.Advance(TimeSpan.FromSeconds 10.0)
                client.SendPing "p"B
                client.Read() =! PongOf "p"B

            client.SendText "c"
            succeeds outcome =! [ "ab"; "c" ])
    ]
