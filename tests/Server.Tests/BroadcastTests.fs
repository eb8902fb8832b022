module FunctionalWs.Server.Tests.BroadcastTests

open System
open System.Collections.Generic
open System.Net
open System.Threading
open System.Threading.Tasks
open Expecto
open Swensen.Unquote
open FunctionalWs
open FunctionalWs.Protocol
open FunctionalWs.Testing
open FunctionalWs.Server.Tests.Serve

/// A server whose handlers wait for the end, and its clients.
let private audience (count: int) (options: ServerOptions) =
    let server =
        options
        |> Serve.inMemory (fun connection -> Seq.iter ignore connection.Messages)

    let clients = [ for _ in 1..count -> client server ]
    Wait.until "all are open" (fun () -> server.Connections.Count = count)
    server, clients

/// A client whose stream holds few bytes and that reads nothing until it is told to.
let private slowClient (server: Server) =
    let struct (atServer, atClient) = MemoryTransport.CreatePair 1_000
    server.Admit atServer
    let slow = new PeerClient(atClient)
    slow.ShakeHands()
    slow

let private reasons (result: BroadcastResult) = [ for skipped in result.Skipped -> skipped.Reason ]

[<Tests>]
let broadcast =
    testList "Broadcast" [
        testCase "sends text, bytes and messages to everyone" (fun () ->
            let server, clients = audience 3 defaults
            use _ = server
            let everyone = server.Connections

            let results = [
                Broadcast.Send(everyone, "text")
                Broadcast.Send(everyone, ReadOnlySpan [| 1uy; 2uy |])
                Broadcast.Send(everyone, Message "again")
            ]

            for result in results do
                (result.Sent, result.Skipped.Count) =! (3, 0)

            for client in clients do
                client.ReadText() =! "text"
                client.Read() =! Data(Opcode.Binary, true, [| 1uy; 2uy |])
                client.ReadText() =! "again")

        testCase "to nobody does nothing" (fun () ->
            let result = Broadcast.Send([], "text")
            (result.Sent, result.Skipped.Count) =! (0, 0))

        testCase "passes over connections that are closing or closed" (fun () ->
            let server, clients = audience 3 defaults
            use _ = server
            let everyone = List.ofSeq server.Connections
            let closing = Wait.start (fun () -> everyone[0].Close())
            Wait.until "one is closing" (fun () -> everyone[0].State <> ConnectionState.Open)
            let result = Broadcast.Send(everyone, "text")
            (result.Sent, result.Skipped.Count) =! (2, 0)

            let firstFrames = clients |> List.map _.Read()

            firstFrames
            |> List.filter (fun frame -> frame = Data(Opcode.Text, true, "text"B))
            |> List.length
            =! 2

            for client in clients do
                client.Transport.Abort()

            Wait.forTask "the closing" closing)

        testCase "sends to nobody when the sequence, or a filter, throws" (fun () ->
            let filter =
                CompressionFilter(fun connection _ _ ->
                    if connection.Items.ContainsKey(box "bad") then
                        invalidOp "the filter"

                    true)

            let options = ServerOptions(Compression = PerMessageDeflate(Filter = filter))
            let server, _ = audience 0 options
            use _ = server

            let clients = [
                for _ in 1..3 do
                    let client = PeerClient.InMemory server
                    client.Offer "permessage-deflate" |> ignore
                    client
            ]

            Wait.until "all are open" (fun () -> server.Connections.Count = 3)
            let everyone = List.ofSeq server.Connections
            everyone[2].Items[ box "bad" ] <- box true
            let long = String('x', 200)

            Wait.throws<InvalidOperationException>(fun () -> Broadcast.Send(everyone, long) |> ignore)
            |> ignore

            let failing =
                seq {
                    yield everyone[0]
                    yield! (failwith "the sequence": seq<ServerConnection>)
                }

            Wait.throws<Exception>(fun () -> Broadcast.Send(failing, "text") |> ignore)
            |> ignore

            (Broadcast.Send(everyone, "after")).Sent =! 3

            for client in clients do
                client.ReadText() =! "after")

        testCase "refuses a text that can't be encoded, and null" (fun () ->
            let lone = string (char 0xD800)

            Wait.throws<ArgumentException>(fun () -> Broadcast.Send([], lone) |> ignore)
            |> ignore

            Wait.throws<ArgumentNullException>(fun () -> Broadcast.Send(null, "x") |> ignore)
            |> ignore)

        testCase "skips a connection that is sending fragments, and says so" (fun () ->
            use goOn = new ManualResetEventSlim(false)
            let found = TaskCompletionSource<ServerConnection>()

            use server =
                defaults
                |> Serve.inMemory (fun connection ->
                    connection.Send(
                        seq {
                            "a"
                            found.SetResult connection
                            Wait.forEvent "the signal" goOn
                            "b"
                        }
                    )

                    Seq.iter ignore connection.Messages)

            use client = client server
            let connection = Wait.forTask "the message" found.Task
            let result = Broadcast.Send([ connection ], "between")
            (result.Sent, reasons result) =! (0, [ SkipReason.SendingFragments ])
            goOn.Set()
            client.Read() =! Data(Opcode.Text, false, "a"B)
            client.Read() =! Data(Opcode.Continuation, false, "b"B)
            client.Read() =! Data(Opcode.Continuation, true, ""B)
            (Broadcast.Send([ connection ], "after")).Sent =! 1
            client.ReadText() =! "after")

        testCase "closes a connection whose stream is broken, and goes on with the others" (fun () ->
            let server, clients = audience 2 defaults
            use _ = server
            let everyone = List.ofSeq server.Connections
            clients[0].Transport.Abort()
            Broadcast.Send(everyone, "text") |> ignore
            clients[1].ReadText() =! "text"
            Wait.until "one has left" (fun () -> server.Connections.Count = 1))

        testCase "keeps the order of one sender's messages, also with those it sends itself" (fun () ->
            let server, clients = audience 1 defaults
            use _ = server
            let connection = Seq.exactlyOne server.Connections

            for i in 0..2..998 do
                Broadcast.Send([ connection ], string i) |> ignore
                connection.Send(string (i + 1))

            [ for _ in 0..999 -> clients[0].ReadText() ] =! [ for i in 0..999 -> string i ])
    ]

let private limited (policy: SlowPeerPolicy) =
    ServerOptions(MaxBroadcastQueue = 5_000, SlowPeerPolicy = policy)

let private texts = [ for i in 0..99 -> (string i).PadLeft(500, '.') ]

/// Broadcasts to a client that does not read, then lets it read.
let private toSlow (policy: SlowPeerPolicy) =
    let server, _ = audience 0 (limited policy)
    let slow = slowClient server
    Wait.until "it is open" (fun () -> server.Connections.Count = 1)
    let connection = Seq.exactlyOne server.Connections
    let results = [ for text in texts -> Broadcast.Send([ connection ], text) ]
    server, slow, results

[<Tests>]
let slowPeers =
    testList "Broadcast to a peer that does not read" [
        testCase "waits in a queue, and is skipped beyond its bound" (fun () ->
            let server, slow, results = toSlow SlowPeerPolicy.Skip
            use _ = server

            let sent =
                List.zip texts results |> List.filter (fun (_, result) -> result.Sent = 1)

            let skipped =
                results |> List.filter (fun result -> reasons result = [ SkipReason.SlowPeer ])

            sent.Length + skipped.Length =! texts.Length
            // 1,000 bytes in the stream, 5,000 in the queue, a frame on its way from one to the other. Each counts some 600.
            let count = sent.Length
            test <@ count >= 9 && count <= 12 @>

            for text, _ in sent do
                slow.ReadText() =! text

            // It has caught up.
            let connection = Seq.exactlyOne server.Connections
            Broadcast.Send([ connection ], "welcome back").Sent =! 1
            slow.ReadText() =! "welcome back")

        testCase "drops the oldest of the queue where that is the policy" (fun () ->
            let server, slow, results = toSlow SlowPeerPolicy.DropOldest
            use _ = server
            test <@ results |> List.forall (fun result -> result.Sent = 1) @>

            test
                <@
                    results
                    |> List.exists (fun result -> reasons result = [ SkipReason.OlderDropped ])
                @>

            let rec readAll got =
                let text = slow.ReadText()

                if text = List.last texts then
                    text :: got
                else
                    readAll (text :: got)

            let got = readAll [] |> List.rev
            got =! List.filter (fun text -> List.contains text got) texts
            // The newest are all there.
            let tail = List.skip (got.Length - 8) got
            tail =! List.skip (texts.Length - 8) texts)

        testCase "disconnects it with 1013 where that is the policy" (fun () ->
            let server, slow, results = toSlow SlowPeerPolicy.Disconnect
            use _ = server

            let disconnected =
                results
                |> List.filter (fun result -> reasons result = [ SkipReason.Disconnected ])

            disconnected.Length =! 1

            let rec lastFrame () =
                match slow.Read() with
                | Data _ -> lastFrame ()
                | frame -> frame

            lastFrame () =! Closed(CloseStatus.Create(CloseCode.TryAgainLater, "too slow"))
            slow.SendClose 1000
            slow.Read() =! End)

        testCase "takes a message larger than the bound when nothing else waits" (fun () ->
            let server, _ = audience 0 (limited SlowPeerPolicy.Skip)
            use _ = server
            let slow = slowClient server
            Wait.until "it is open" (fun () -> server.Connections.Count = 1)
            let text = String('x', 100_000)
            Broadcast.Send(server.Connections, text).Sent =! 1
            slow.ReadText() =! text)

        testTheory
            "never mixes its frames with those of a handler that sends"
            [ SlowPeerPolicy.Skip; SlowPeerPolicy.DropOldest ]
            (fun policy ->
                let server =
                    limited policy
                    |> Serve.inMemory (fun connection ->
                        for i in 1..50 do
                            connection.Send((string i).PadLeft(700, 'h'))
                            connection.Send [ "first "; $"{i}" ])

                use _ = server
                let struct (atServer, atClient) = MemoryTransport.CreatePair 3_000
                server.Admit atServer
                use reader = new PeerClient(atClient)
                reader.ShakeHands()

                let broadcasting =
                    Wait.start (fun () ->
                        while server.Connections.Count > 0 do
                            Broadcast.Send(server.Connections, "b") |> ignore)

                let rec count handlers =
                    match reader.Read() with
                    | Data(Opcode.Text, true, payload) ->
                        count (if payload.Length = 700 then handlers + 1 else handlers)
                    | Data(Opcode.Text, false, _) ->
                        (match reader.Read(), reader.Read() with
                         | Data(Opcode.Continuation, false, _), Data(Opcode.Continuation, true, _) -> ()
                         | other -> failwith $"fragments were expected, not {other}")

                        count handlers
                    | Closed _ -> handlers
                    | other -> failwith $"{other}"

                count 0 =! 50
                reader.SendClose 1000
                Wait.forTask "the broadcasts" broadcasting)

        testCase "holds up none of 99 good clients over loopback, and memory stays bounded" (fun () ->
            let count = 99
            let rounds = 60
            let payload = String('m', 8_000)
            let options = ServerOptions(MaxBroadcastQueue = 100_000, PingInterval = Nullable())

            // What is accepted inherits the small buffer: the kernel hides a slow reader for long otherwise.
            let listener =
                new Sockets.Socket(
                    Sockets.AddressFamily.InterNetwork,
                    Sockets.SocketType.Stream,
                    Sockets.ProtocolType.Tcp,
                    SendBufferSize = 32_768
                )

            listener.Bind(IPEndPoint(IPAddress.Loopback, 0))

            use server =
                Server.Serve((fun connection -> Seq.iter ignore connection.Messages), listener, options)

            server.Start()

            use slow = PeerClient.OverTcp server
            slow.ShakeHands()

            let good = [
                for _ in 1..count do
                    let client = PeerClient.OverTcp server
                    client.ShakeHands()
                    client
            ]

            Wait.until "all are open" (fun () -> server.Connections.Count = count + 1)

            let slowOne =
                server.Connections
                |> Seq.find (fun connection ->
                    connection.RemoteEndPoint.Equals(
                        (slow.Transport :?> SocketTransport).Socket.LocalEndPoint
                    ))

            let reading = [
                for client in good ->
                    Wait.start (fun () ->
                        for i in 1..rounds do
                            client.ReadText() =! $"{i} {payload}")
            ]

            let everyone = List.ofSeq server.Connections
            let skipped = HashSet<ServerConnection>()

            for i in 1..rounds do
                let result = Broadcast.Send(everyone, $"{i} {payload}")

                for skip in result.Skipped do
                    skipped.Add skip.Connection |> ignore

                // Not faster than the good ones read: they share two cores with this.
                Wait.until "the good ones have caught up" (fun () ->
                    everyone |> List.forall (fun one -> one = slowOne || one.BroadcastCost = 0))

            for work in reading do
                Wait.forTask "a good client" work

            (skipped.Count, skipped.Contains slowOne) =! (1, true)
            test <@ slowOne.BroadcastCost <= 100_000L @>

            for client in good do
                (client :> IDisposable).Dispose())
    ]

[<Tests>]
let memory =
    testSequenced (
        testList "memory of broadcasts to a peer that does not read" [
            testTheory
                "is what was counted: messages of a byte take no more than large ones"
                [ SlowPeerPolicy.Skip; SlowPeerPolicy.DropOldest ]
                (fun policy ->
                    let options = ServerOptions(MaxBroadcastQueue = 4_194_304, SlowPeerPolicy = policy)

                    let server, _ = audience 0 options
                    use _ = server
                    let slow = slowClient server
                    Wait.until "it is open" (fun () -> server.Connections.Count = 1)
                    let everyone = List.ofSeq server.Connections
                    let before = GC.GetTotalMemory true

                    for _ in 1..200_000 do
                        Broadcast.Send(everyone, "x") |> ignore

                    let taken = GC.GetTotalMemory true - before
                    let cost = everyone.Head.BroadcastCost
                    test <@ cost > 4_190_000L && cost <= 4_194_304L @>
                    test <@ taken < 4_194_304L && taken > 3_000_000L @>
                    slow.Transport.Abort())

            testCase "is given back when they have been read, the queue's own room too" (fun () ->
                let options =
                    ServerOptions(MaxBroadcastQueue = 16_777_216, PingInterval = Nullable())

                let server, _ = audience 0 options
                use _ = server
                let slow = slowClient server
                Wait.until "it is open" (fun () -> server.Connections.Count = 1)
                let everyone = List.ofSeq server.Connections
                let before = GC.GetTotalMemory true

                for _ in 1..10_000 do
                    (Broadcast.Send(everyone, "x")).Sent =! 1

                for _ in 1..10_000 do
                    slow.ReadText() =! "x"

                everyone.Head.BroadcastCost =! 0L
                test <@ GC.GetTotalMemory true - before < 80_000L @>
                slow.Transport.Abort())
        ]
    )

[<Tests>]
let budget =
    testList "Broadcast within the budget of all connections" [
        testCase "skips who has something waiting already, and counts a message once for all" (fun () ->
            let options =
                ServerOptions(MaxBroadcastQueue = 100_000_000, MaxBufferedBytes = Nullable 1_048_576L)

            let server, _ = audience 0 options
            use _ = server
            let slow = [ for _ in 1..4 -> slowClient server ]
            Wait.until "all are open" (fun () -> server.Connections.Count = 4)
            let everyone = List.ofSeq server.Connections
            let text = String('x', 100_000)
            let results = [ for _ in 1..20 -> Broadcast.Send(everyone, text) ]
            let sent = results |> List.filter (fun result -> result.Sent = 4)
            // 1,048,576 bytes are ten of them, and one more that was too much, though four peers wait for each.
            sent.Length =! 11

            for result in List.skip 11 results do
                reasons result =! List.replicate 4 SkipReason.SlowPeer

            // Who has nothing waiting gets it all the same.
            use quick = client server
            Wait.until "it is open" (fun () -> server.Connections.Count = 5)
            (Broadcast.Send(server.Connections, "news")).Sent =! 1
            quick.ReadText() =! "news"

            for client in slow do
                client.Transport.Abort()

            Wait.until "all is let go" (fun () -> server.Budget.Used = 0L))

        testTheory
            "keeps the newest where the oldest are dropped, and lets go of all of a connection that ends"
            [ SlowPeerPolicy.DropOldest; SlowPeerPolicy.Disconnect ]
            (fun policy ->
                let options =
                    ServerOptions(
                        MaxBroadcastQueue = 100_000_000,
                        MaxBufferedBytes = Nullable 1_048_576L,
                        SlowPeerPolicy = policy
                    )

                let server, _ = audience 0 options
                use _ = server
                use slow = slowClient server
                Wait.until "it is open" (fun () -> server.Connections.Count = 1)
                let everyone = List.ofSeq server.Connections

                for _ in 1..20 do
                    Broadcast.Send(everyone, String('x', 100_000)) |> ignore

                test <@ server.Budget.Used < 1_300_000L @>
                slow.Transport.Abort()
                Wait.until "it has ended" (fun () -> server.Budget.Used = 0L))
    ]
