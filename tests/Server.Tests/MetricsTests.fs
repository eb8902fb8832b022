/// What a server measures: every instrument, with exactly the tags that it has.
module FunctionalWs.Server.Tests.MetricsTests

open System
open System.Diagnostics.Metrics
open System.IO
open System.Net
open System.Net.Sockets
open System.Text.RegularExpressions
open Expecto
open FunctionalWs.TestKit
open Swensen.Unquote
open FunctionalWs
open FunctionalWs.Protocol
open FunctionalWs.Testing
open FunctionalWs.Server.Tests.Serve

let private measuring (measurements: Measurements) =
    ServerOptions(MeterFactory = measurements, Compression = null)

let private onClock (clock: FakeClock) (measurements: Measurements) =
    ServerOptions(MeterFactory = measurements, TimeProvider = clock)

/// What is recorded once, of what another thread does.
let private recorded (measurements: Measurements) (name: string) : Measured =
    Wait.until $"{name} is recorded" (fun () -> not (measurements.Of name).IsEmpty)

    match measurements.Of name with
    | [ one ] -> one
    | other -> failwith $"{name} was recorded more than once: {other}"

let private becomes (value: float) (measurements: Measurements) (name: string) =
    Wait.until $"{name} is {value}" (fun () -> measurements.Value name = value)

let private flow (direction: string) (kind: string) =
    Map [ "functionalws.message.type", kind; "network.io.direction", direction ]

/// The counts of messages that are not zero.
let private counted (measurements: Measurements) (name: string) =
    measurements.Ask name |> List.filter (fun (value, _) -> value <> 0.0)

let private kindOf (instrument: Instrument) =
    let name = instrument.GetType().Name
    name.Substring(0, name.IndexOf '`').Replace("Observable", "")

let private numberOf (instrument: Instrument) =
    match instrument.GetType().GenericTypeArguments[0] with
    | number when number = typeof<int> -> "int"
    | number when number = typeof<int64> -> "long"
    | number when number = typeof<float> -> "double"
    | number -> number.Name

[<Tests>]
let instruments =
    testList "the instruments of a server" [
        testCase "are those that the documentation lists, with kind, number and unit" (fun () ->
            use measurements = new Measurements()
            use _ = Serve.inMemory Serve.echo (measuring measurements)

            let documented =
                File.ReadAllLines(Path.Combine(Programs.root, "docs", "metrics.md"))
                |> Array.map (fun line ->
                    Regex.Match(
                        line,
                        @"^\| `(functionalws\.server\.[a-z_.]+)` \| (\w+) \| `(\w+)` \| `([^`]+)` \|"
                    ))
                |> Array.filter _.Success
                |> Array.map (fun found ->
                    found.Groups[1].Value,
                    found.Groups[2].Value,
                    found.Groups[3].Value,
                    found.Groups[4].Value)
                |> Array.toList

            List.sort documented
            =! List.sort [
                for instrument in measurements.Instruments ->
                    instrument.Name, kindOf instrument, numberOf instrument, instrument.Unit
            ])

        testCase "exist once, whatever number of servers there is" (fun () ->
            use measurements = new Measurements()
            use _ = Serve.inMemory Serve.echo (measuring measurements)
            let before = measurements.Instruments.Length
            use _ = Serve.inMemory Serve.echo (measuring measurements)
            measurements.Instruments.Length =! before)

        testCase "belong to a meter of the process without a factory" (fun () ->
            use server = Serve.inMemory Serve.echo defaults
            let found = Collections.Concurrent.ConcurrentDictionary<string, obj>()
            use listener = new MeterListener()

            listener.InstrumentPublished <-
                (fun instrument _ ->
                    if instrument.Meter.Name = "FunctionalWs" && isNull instrument.Meter.Scope then
                        found.TryAdd(instrument.Name, instrument) |> ignore)

            listener.Start()
            test <@ found.ContainsKey "functionalws.server.active_connections" @>)

        testCase "say what they are, and histograms have buckets from small to large" (fun () ->
            use measurements = new Measurements()
            use _ = Serve.inMemory Serve.echo (measuring measurements)

            for instrument in measurements.Instruments do
                test <@ instrument.Description.EndsWith '.' @>

                match instrument with
                | :? Histogram<float> as histogram ->
                    let boundaries = List.ofSeq histogram.Advice.HistogramBucketBoundaries
                    boundaries =! (boundaries |> List.distinct |> List.sort)
                    test <@ boundaries.Length > 5 @>
                | _ -> ())
    ]

/// A connection's duration and tags when client and handler do this with it.
let private endOf (handler: ServerConnection -> unit) (act: PeerClient -> unit) : Measured =
    use measurements = new Measurements()
    let clock = FakeClock()
    use server = Serve.inMemory handler (onClock clock measurements)
    use client = client server
    becomes 1.0 measurements "active_connections"
    clock.Advance(TimeSpan.FromSeconds 1.5)
    act client
    let found = recorded measurements "connection.duration"
    becomes 0.0 measurements "active_connections"
    found

let private receiving (connection: ServerConnection) = Seq.iter ignore connection.Messages

[<Tests>]
let connections =
    testList "of its connections a server measures" [
        testCase "how many are open and how many are about to be" (fun () ->
            use measurements = new Measurements()
            use server = Serve.inMemory Serve.echo (measuring measurements)
            measurements.Ask "active_connections" =! [ 0.0, Map.empty ]
            measurements.Ask "pending_handshakes" =! [ 0.0, Map.empty ]
            use coming = PeerClient.InMemory server
            measurements.Ask "pending_handshakes" =! [ 1.0, Map.empty ]
            measurements.Value "active_connections" =! 0.0
            coming.ShakeHands()
            becomes 1.0 measurements "active_connections"
            measurements.Value "pending_handshakes" =! 0.0
            coming.SendClose 1000
            becomes 0.0 measurements "active_connections")

        testCases
            "how long they were open, the code by which they were closed, and by whom"
            [
                "the peer closes",
                receiving,
                (fun (client: PeerClient) -> client.SendClose 1000),
                [ "functionalws.close.code", "1000"; "functionalws.close.initiator", "client" ]
                "without a code",
                receiving,
                (fun client -> client.WriteFrame(true, Opcode.Close, [||])),
                [ "functionalws.close.code", "1005"; "functionalws.close.initiator", "client" ]
                "with a code of its own",
                receiving,
                (fun client -> client.SendClose 4321),
                [
                    "functionalws.close.code", "_OTHER"
                    "functionalws.close.initiator", "client"
                    "error.type", "_OTHER"
                ]
                "with a code of an error",
                receiving,
                (fun client -> client.SendClose 1011),
                [
                    "functionalws.close.code", "1011"
                    "functionalws.close.initiator", "client"
                    "error.type", "1011"
                ]
                "the handler closes",
                (fun connection ->
                    connection.Receive() |> ignore
                    connection.Close(CloseCode.GoingAway, "bye")),
                (fun client ->
                    client.SendText "go"
                    client.Read() |> ignore
                    client.SendClose 1001),
                [ "functionalws.close.code", "1001"; "functionalws.close.initiator", "server" ]
                "the handler fails",
                (fun connection ->
                    connection.Receive() |> ignore
                    raise (InvalidOperationException "no")),
                (fun client ->
                    client.SendText "go"
                    client.Read() |> ignore
                    client.SendClose 1011),
                [
                    "functionalws.close.code", "1011"
                    "functionalws.close.initiator", "server"
                    "error.type", "System.InvalidOperationException"
                ]
                "a rule is broken",
                receiving,
                (fun client -> client.Write [| 0x83uy; 0x80uy |]),
                [
                    "functionalws.close.code", "1002"
                    "functionalws.close.initiator", "server"
                    "error.type", "FunctionalWs.WebSocketProtocolException"
                ]
                "the peer leaves without a word",
                receiving,
                (fun client -> client.Transport.ShutdownSend()),
                [ "functionalws.close.code", "1006"; "error.type", "1006" ]
            ]
            (fun (_, handler, act, tags) ->
                // A violation ends when the peer has left, too.
                endOf handler (fun client ->
                    act client
                    Wait.until "the server is done" (fun () -> client.Transport.IsReadable)
                    client.Transport.ShutdownSend())
                =! (1.5, Map tags))

        testCase "how many are blocked, and what waits for their peers" (fun () ->
            use measurements = new Measurements()
            use server = Serve.inMemory receiving (measuring measurements)
            measurements.Ask "send_queue.size" =! [ 0.0, Map.empty ]
            measurements.Ask "blocked_connections" =! [ 0.0, Map.empty ]
            let struct (atServer, atClient) = MemoryTransport.CreatePair 1_000
            server.Admit atServer
            use slow = new PeerClient(atClient)
            slow.ShakeHands()
            Wait.until "it is open" (fun () -> server.Connections.Count = 1)
            let message = Array.zeroCreate<byte> 20_000

            for _ in 1..3 do
                Broadcast.Send(server.Connections, ReadOnlySpan message).Sent =! 1

            becomes 1.0 measurements "blocked_connections"
            // 1,000 bytes left, and the rest of a frame is neither in the buffer nor in the queue.
            let waiting = measurements.Value "send_queue.size"
            test <@ waiting > 40_000.0 && waiting < 60_000.0 @>

            for _ in 1..3 do
                match slow.Read() with
                | Data(Opcode.Binary, true, payload) -> payload.Length =! 20_000
                | other -> failwith $"a message was expected, not {other}"

            becomes 0.0 measurements "blocked_connections"
            becomes 0.0 measurements "send_queue.size")

        testCase "how long a pong takes" (fun () ->
            use measurements = new Measurements()
            let clock = FakeClock()
            let _, client, _, release = connected (onClock clock measurements)
            use _ = release
            clock.Advance(TimeSpan.FromSeconds 20.0)

            match client.Read() with
            | PingOf payload ->
                clock.Advance(TimeSpan.FromMilliseconds 250.0)
                client.WriteFrame(true, Opcode.Pong, "unasked"B)
                client.WriteFrame(true, Opcode.Pong, payload)
            | other -> failwith $"a ping was expected, not {other}"

            recorded measurements "ping.duration" =! (0.25, Map.empty))

        testCase "how long the watcher takes" (fun () ->
            use measurements = new Measurements()
            use server = Serve.inMemory receiving (onClock (FakeClock()) measurements)
            use _ = client server
            Wait.until "it looks" (fun () -> (measurements.Of "watcher.duration").Length > 2)

            for measured in measurements.Of "watcher.duration" do
                measured =! (0.0, Map.empty)) // its clock stands still
    ]

/// The duration and the tags of a handshake.
let private handshakeOf
    (change: ServerOptions -> ServerOptions)
    (act: FakeClock -> Server -> PeerClient -> unit)
    =
    use measurements = new Measurements()
    let clock = FakeClock()
    use server = Serve.inMemory receiving (change (onClock clock measurements))
    use client = PeerClient.InMemory server
    act clock server client
    recorded measurements "handshake.duration"

let private asking (request: string) (clock: FakeClock) (_: Server) (client: PeerClient) =
    clock.Advance(TimeSpan.FromSeconds 0.5)
    client.Write request
    client.TryReadResponse() |> ignore
    client.Transport.ShutdownSend()

let private hook (answer: unit -> Response) (options: ServerOptions) =
    ServerOptions(
        MeterFactory = options.MeterFactory,
        TimeProvider = options.TimeProvider,
        ProcessRequest = fun _ _ -> answer ()
    )

[<Tests>]
let handshakes =
    testList "of opening handshakes a server measures" [
        testCases
            "how long they took, what became of them and what was answered"
            [
                "accepted",
                id,
                asking PeerClient.Request,
                [
                    "functionalws.handshake.outcome", "accepted"
                    "http.response.status_code", "101"
                ]
                "rejected",
                id,
                asking "GET / HTTP/1.1\r\nHost: a\r\n\r\n",
                [
                    "functionalws.handshake.outcome", "rejected"
                    "http.response.status_code", "426"
                ]
                "no request",
                id,
                asking "\u0001\u0002\r\n\r\n",
                [ "functionalws.handshake.outcome", "unanswered" ]
                "answered by a hook",
                hook (fun () -> Response.Text(299, "")),
                asking PeerClient.Request,
                [
                    "functionalws.handshake.outcome", "answered"
                    "http.response.status_code", "299"
                ]
                "a hook fails",
                hook (fun () -> raise (FormatException "no")),
                asking PeerClient.Request,
                [
                    "functionalws.handshake.outcome", "failed"
                    "http.response.status_code", "500"
                    "error.type", "System.FormatException"
                ]
                "the client leaves",
                id,
                (fun clock _ client ->
                    clock.Advance(TimeSpan.FromSeconds 0.5)
                    client.Transport.ShutdownSend()),
                [ "functionalws.handshake.outcome", "unanswered" ]
            ]
            (fun (_, change, act, tags) -> handshakeOf change act =! (0.5, Map tags))

        testCase "that TLS could not be agreed on" (fun () ->
            use measurements = new Measurements()

            use server =
                ServerOptions(MeterFactory = measurements, Ssl = Tls.ssl ())
                |> Serve.overTcp receiving

            use client = PeerClient.OverTcp server
            client.Write "GET / HTTP/1.1\r\n\r\n"
            let _, tags = recorded measurements "handshake.duration"

            tags.Remove "server.port"
            =! Map [
                "functionalws.handshake.outcome", "tls_failed"
                "server.address", "127.0.0.1"
            ])

        testCases
            "who was turned away, and why"
            [
                "connections", (fun factory -> ServerOptions(MeterFactory = factory, MaxConnections = 1))
                "pending_handshakes",
                fun factory -> ServerOptions(MeterFactory = factory, MaxPendingHandshakes = Nullable 1)
                "connections_per_address",
                fun factory -> ServerOptions(MeterFactory = factory, MaxConnectionsPerAddress = Nullable 1)
            ]
            (fun (kind, options) ->
                use measurements = new Measurements()
                use server = Serve.overTcp receiving (options measurements)
                use _ = PeerClient.OverTcp server
                use second = PeerClient.OverTcp server
                test <@ second.ReadResponse().StartsWith("HTTP/1.1 503 ", StringComparison.Ordinal) @>
                let count, tags = recorded measurements "rejected_connections"
                count =! 1.0

                tags.Remove "server.port"
                =! Map [ "error.type", kind; "server.address", "127.0.0.1" ])

        testCase "that there was no thread for a client" (fun () ->
            use measurements = new Measurements()
            use server = Serve.inMemory receiving (measuring measurements)
            server.StartThread <- (fun _ -> raise (OutOfMemoryException()))
            use client = PeerClient.InMemory server
            test <@ client.ReadResponse().StartsWith("HTTP/1.1 503 ", StringComparison.Ordinal) @>

            recorded measurements "rejected_connections"
            =! (1.0, Map [ "error.type", "threads" ]))

        testTheory
            "errors of accepting"
            [
                SocketException(int SocketError.TooManyOpenSockets) :> exn, "TooManyOpenSockets"
                ObjectDisposedException "listener", "System.ObjectDisposedException"
            ]
            (fun (error, kind) ->
                use measurements = new Measurements()
                use server = Serve.inMemory receiving (measuring measurements)
                server.Metrics.AcceptFailed error

                recorded measurements "accept.errors" =! (1.0, Map [ "error.type", kind ]))
    ]

[<Tests>]
let messages =
    testList "of messages a server measures" [
        testCase "how many came and left, their payload, and their frames on the wire" (fun () ->
            use measurements = new Measurements()
            use server = Serve.inMemory Serve.echo (measuring measurements)
            use client = client server

            for text in [ "one"; "seven" ] do
                client.SendText text
                client.ReadText() =! text

            client.SendBinary(Array.zeroCreate 200)
            client.Read() |> ignore
            client.SendPing "not a message"B
            client.Read() |> ignore

            counted measurements "messages"
            =! [
                2.0, flow "receive" "text"
                1.0, flow "receive" "binary"
                2.0, flow "transmit" "text"
                1.0, flow "transmit" "binary"
            ]

            counted measurements "message.io"
            =! [
                8.0, flow "receive" "text"
                200.0, flow "receive" "binary"
                8.0, flow "transmit" "text"
                200.0, flow "transmit" "binary"
            ]

            // The client's frames have a masking key of four bytes.
            counted measurements "network.io"
            =! [
                8.0 + 2.0 * 6.0, flow "receive" "text"
                200.0 + 8.0, flow "receive" "binary"
                8.0 + 2.0 * 2.0, flow "transmit" "text"
                200.0 + 4.0, flow "transmit" "binary"
            ])

        testCase "fragments as parts of one message" (fun () ->
            use measurements = new Measurements()

            use server =
                measuring measurements
                |> Serve.inMemory (fun connection ->
                    connection.Receive() |> ignore
                    connection.Send [ "ab"; "cd" ])

            use client = client server
            client.WriteFrame(false, Opcode.Binary, [| 1uy; 2uy |])
            client.WriteFrame(true, Opcode.Continuation, [| 3uy |])

            for _ in 1..3 do
                client.Read() |> ignore

            counted measurements "messages"
            =! [ 1.0, flow "receive" "binary"; 1.0, flow "transmit" "text" ]

            counted measurements "message.io"
            =! [ 3.0, flow "receive" "binary"; 4.0, flow "transmit" "text" ]

            counted measurements "network.io"
            =! [ 15.0, flow "receive" "binary"; 10.0, flow "transmit" "text" ])

        testCase "what compression saves, of broadcasts, too" (fun () ->
            use measurements = new Measurements()
            let options = ServerOptions(MeterFactory = measurements)
            use server = Serve.inMemory Serve.echo options
            use client = PeerClient.InMemory server
            client.Offer "permessage-deflate" |> ignore
            let text = String('a', 10_000)
            use sender = new Compressed.Sender(15)
            let frame = sender.Message(Compressed.utf8 text)
            client.WriteMarked(ReservedBits.Rsv1, true, Opcode.Text, frame)
            let _, _, answer = client.ReadMarked()
            Broadcast.Send(server.Connections, text).Sent =! 1
            let _, _, news = client.ReadMarked()

            counted measurements "messages"
            =! [ 1.0, flow "receive" "text"; 2.0, flow "transmit" "text" ]

            counted measurements "message.io"
            =! [ 10_000.0, flow "receive" "text"; 20_000.0, flow "transmit" "text" ]

            counted measurements "network.io"
            =! [
                float (frame.Length + 6), flow "receive" "text"
                float (answer.Length + 2 + news.Length + 2), flow "transmit" "text"
            ])

        testCase "those of connections that have ended, too" (fun () ->
            use measurements = new Measurements()
            use server = Serve.inMemory Serve.echo (measuring measurements)

            for _ in 1..3 do
                use client = client server
                client.SendText "x"
                client.ReadText() =! "x"
                client.SendClose 1000
                client.Read() |> ignore
                client.Read() =! End

            server.Shutdown() |> ignore

            counted measurements "messages"
            =! [ 3.0, flow "receive" "text"; 3.0, flow "transmit" "text" ])

        testCase "from when somebody listens, on connections that are open already" (fun () ->
            use measurements = new Measurements false
            use server = Serve.inMemory Serve.echo (measuring measurements)
            use client = client server
            client.SendText "unheard"
            client.ReadText() |> ignore
            server.Metrics.AreMessagesCounted =! false
            measurements.Listen()

            Wait.until "they are counted" (fun () ->
                client.SendText "heard"
                client.ReadText() |> ignore
                not (counted measurements "messages").IsEmpty))
    ]

[<Tests>]
let servers =
    testList "several servers" [
        testCase "are told apart by their addresses" (fun () ->
            use measurements = new Measurements()
            use first = Serve.overTcp Serve.echo (measuring measurements)
            use second = Serve.overTcp Serve.echo (measuring measurements)
            use client = PeerClient.OverTcp first
            client.ShakeHands()

            let tagsOf (server: Server) =
                Map [
                    "server.address", "127.0.0.1"
                    "server.port", string (server.LocalEndPoint :?> IPEndPoint).Port
                ]

            Wait.until "one has a connection" (fun () ->
                set (measurements.Ask "active_connections") = set [ 1.0, tagsOf first; 0.0, tagsOf second ]))

        testCase "without an address, or with the same one, add up" (fun () ->
            use measurements = new Measurements()
            let servers = [ for _ in 1..2 -> Serve.inMemory Serve.echo (measuring measurements) ]

            let clients = List.map client servers

            for client in clients do
                client.SendText "x"
                client.ReadText() =! "x"

            becomes 2.0 measurements "active_connections"
            let asked = [ 2.0, flow "receive" "text"; 2.0, flow "transmit" "text" ]
            counted measurements "messages" =! asked

            for client in clients do
                client.SendClose 1000

            for server in servers do
                server.Shutdown() =! 0

            measurements.Ask "active_connections" =! [ 0.0, Map.empty ]
            counted measurements "messages" =! asked)

        testCase "with meters of their own know nothing of each other" (fun () ->
            use measurements = new Measurements()
            use others = new Measurements()
            use _ = Serve.inMemory Serve.echo (measuring measurements)
            use server = Serve.inMemory Serve.echo (measuring others)
            use _ = client server
            becomes 1.0 others "active_connections"
            measurements.Value "active_connections" =! 0.0)
    ]

[<Tests>]
let costs =
    testSequenced (
        testList "what is not listened to" [
            testCase "is not recorded, and no connection counts" (fun () ->
                use measurements = new Measurements false
                let _, client, connection, release = connected (measuring measurements)
                use _ = release
                client.SendPing "p"B
                client.Read() |> ignore
                connection.IsCountingMessages =! false

                for instrument in measurements.Instruments do
                    instrument.Enabled =! false)

            testCase "allocates nothing" (fun () ->
                use measurements = new Measurements false
                use server = Serve.inMemory Serve.echo (measuring measurements)
                let metrics = server.Metrics
                let outcome = ConnectionOutcome("1000", "client", null)
                let handshake = HandshakeOutcome("accepted", Nullable 101, null)

                let measure () =
                    metrics.ConnectionOpened()
                    metrics.HandshakeEnded(TimeSpan.Zero, handshake)
                    metrics.PingAnswered TimeSpan.Zero
                    metrics.WatcherPassed TimeSpan.Zero
                    metrics.ConnectionEnded(TimeSpan.Zero, outcome)

                measure ()

                let allocatedIn (_: int) =
                    let before = GC.GetAllocatedBytesForCurrentThread()

                    for _ in 1..1_000 do
                        measure ()

                    GC.GetAllocatedBytesForCurrentThread() - before

                // A collection counts the rest of a thread's 8 KiB as allocated: the best round is without one.
                Seq.min (List.map allocatedIn [ 1..5 ]) =! 0L)
        ]
    )

[<Tests>]
let hostile =
    testList "what a peer writes" [
        testCase "is in no tag" (fun () ->
            use measurements = new Measurements()

            use server =
                ServerOptions(MeterFactory = measurements, Subprotocols = [| "evil" |])
                |> Serve.inMemory Serve.echo

            for request in
                [
                    PeerClient.Request
                        .Replace("/chat", "/evil")
                        .Replace("\r\n\r\n", "\r\nUser-Agent: evil\r\nSec-WebSocket-Protocol: evil\r\n\r\n")
                    "EVIL /evil HTTP/1.1\r\nHost: evil\r\n\r\n"
                    "GET /evil HTTP/1.1\r\nHost: evil\r\nUpgrade: evil\r\nevil\r\n\r\n"
                ] do
                use client = PeerClient.InMemory server
                client.Write request

                match client.TryReadResponse() with
                | Some head when head.Contains " 101 " ->
                    let status = CloseStatus.Create(CloseCode.Create 4666, "evil")
                    client.WriteFrame(true, Opcode.Close, status.ToArray())
                    client.Read() |> ignore
                | _ -> ()

            server.Shutdown() |> ignore

            let found =
                measurements.Of "handshake.duration" @ measurements.Of "connection.duration"

            found.Length =! 4

            for _, tags in found do
                for tag in tags do
                    let value = tag.Value.ToLowerInvariant()
                    test <@ not (value.Contains "evil" || value.Contains "4666") @>)
    ]
