module FunctionalWs.Server.Tests.CompressionMemoryTests

open System
open System.IO
open System.Threading
open Expecto
open Swensen.Unquote
open FunctionalWs
open FunctionalWs.Protocol
open FunctionalWs.Server.Tests.Compressed
open FunctionalWs.Server.Tests.Serve

let private name = "permessage-deflate"
let private mebi = 1024 * 1024

let private receiveAll (connection: ServerConnection) =
    try
        Seq.iter ignore connection.Messages
    with :? ConnectionClosedException ->
        ()

let private offering (options: ServerOptions) (handler: ServerConnection -> unit) (offer: string) =
    let server = inMemory handler options
    let client = PeerClient.InMemory server
    client.Offer offer |> ignore
    server, client

/// So many zeros, compressed, made without having them at once.
let private zeros (size: int) : byte[] =
    use sender = new Sender(15)
    let piece = Array.zeroCreate<byte> mebi

    Array.append
        (Array.concat [ for _ in 1 .. size / mebi -> sender.Part(piece, false) ])
        (sender.Message [||])

/// What all threads have allocated meanwhile: no less than the memory that was taken at a time.
let private allocated (act: unit -> unit) : int64 =
    let before = GC.GetTotalAllocatedBytes true
    act ()
    GC.GetTotalAllocatedBytes true - before

let private read1009 (client: PeerClient) =
    match client.Read() with
    | Closed status -> status.Number =! 1009
    | other -> failwith $"a close frame was expected, not {other}"

[<Tests>]
let bombs =
    testSequenced (
        testList "memory of compressed messages that inflate to much" [
            testTheory
                "C1: 100 MiB from 100 KiB end in 1009, whole or in fragments"
                [ 1; 8; 500 ]
                (fun fragments ->
                    let bomb = zeros (100 * mebi)
                    test <@ bomb.Length < 120 * 1024 @>
                    let server, client = offering defaults receiveAll name
                    use _ = server
                    use client = client

                    let frames =
                        match cut [ bomb.Length / fragments + 1 ] bomb with
                        | [ whole ] -> [ (true, whole) ]
                        | pieces -> [ for piece in pieces -> (false, piece) ]

                    let taken =
                        allocated (fun () ->
                            let fin, first = frames.Head
                            client.WriteMarked(ReservedBits.Rsv1, fin, Opcode.Binary, first)

                            for fin, piece in frames.Tail do
                                client.WriteFrame(fin, Opcode.Continuation, piece)

                            read1009 client)

                    // All of it, the client's own buffers and the pooled segments included.
                    test <@ taken < 4L * int64 mebi @>)

            testCase "C1: one byte too many, and not one more, is inflated" (fun () ->
                let data = DecodedData()
                data.Begin 1_000L
                use inflater = new Inflater(15)
                let bomb = zeros mebi
                let mutable rest = ReadOnlySpan bomb

                while not data.IsFull do
                    let mutable written = 0
                    inflater.Inflate(&rest, data.GetSpan(), &written) =! true
                    data.Advance written

                data.Size =! 1_001L
                data.GetSpan().Length =! 0
                data.Clear())

            testCase
                "C2: a legal one is kept as long as it is wanted, and no more than the queue allows"
                (fun () ->
                    let gate = new ManualResetEventSlim(false)
                    let sizes = Collections.Concurrent.ConcurrentQueue<int>()

                    let server, client =
                        offering
                            defaults
                            (fun connection ->
                                Wait.forEvent "the gate" gate

                                for message in connection do
                                    sizes.Enqueue message.Data.Length)
                            name

                    use _ = server
                    use client = client
                    use sender = new Sender(15)
                    let message = Array.zeroCreate<byte> mebi

                    for _ in 1..20 do
                        client.WriteMarked(ReservedBits.Rsv1, true, Opcode.Binary, sender.Message message)

                    client.SendPing "in"B
                    gate.Set()
                    client.Read() =! PongOf "in"B
                    client.SendClose 1000
                    Wait.until "all have come" (fun () -> sizes.Count = 20)
                    Seq.distinct sizes |> List.ofSeq =! [ mebi ])
        ]
    )

/// The compression of a connection whose handler sends what it is told to.
let private held (clock: FakeClock) (settings: PerMessageDeflate) =
    let options =
        ServerOptions(TimeProvider = clock, Compression = settings, PingInterval = Nullable())

    let found = Tasks.TaskCompletionSource<ServerConnection>()
    let leave = new ManualResetEventSlim(false)

    let server =
        options
        |> inMemory (fun connection ->
            found.SetResult connection
            Wait.forEvent "leave to go" leave)

    let client = PeerClient.InMemory server
    client.Offer name |> ignore
    let connection = Wait.forTask "the handler" found.Task

    let release = {
        new IDisposable with
            member _.Dispose() =
                leave.Set()
                (client :> IDisposable).Dispose()
                server.Dispose()
    }

    client, connection, connection.Deflate, release

let private readMessage (client: PeerClient) (receiver: Receiver) =
    let _, _, payload = client.ReadMarked()
    receiver.Message payload, payload.Length

[<Tests>]
let histories =
    testList "the history of a compressed connection" [
        testCase "begins with the first message that is compressed" (fun () ->
            let client, connection, deflate, release = held (FakeClock()) (PerMessageDeflate())
            use _ = release
            connection.Send(json 1 1_000, false)
            client.Read() =! Data(Opcode.Binary, true, json 1 1_000)
            deflate.HoldsHistory =! false
            connection.Send(json 1 1_000)
            deflate.HoldsHistory =! true)

        testCase "is given up when the connection has been quiet, which the peer doesn't notice" (fun () ->
            let clock = FakeClock()
            let client, connection, deflate, release = held clock (PerMessageDeflate())
            use _ = release
            use receiver = new Receiver(12)
            let data = json 1 1_000

            let sizes = [
                for isQuiet in [ false; false; true; false ] do
                    if isQuiet then
                        Wait.until "the history is given up" (fun () ->
                            clock.Advance(TimeSpan.FromSeconds 1.0)
                            not deflate.HoldsHistory)

                    connection.Send data
                    let message, size = readMessage client receiver
                    message =! Message data
                    size
            ]

            sizes[2] =! sizes[0]
            sizes[3] =! sizes[1]
            test <@ sizes[1] < sizes[0] / 4 @>)

        testCase "is kept while there is something to send, or for ever if so set" (fun () ->
            let clock = FakeClock()
            let settings = PerMessageDeflate(QuietTime = Nullable())
            let client, connection, deflate, release = held clock settings
            use _ = release
            use receiver = new Receiver(12)
            connection.Send(json 1 1_000)
            clock.Advance(TimeSpan.FromHours 1.0)

            // The watcher has looked at the connection since: it has answered.
            client.SendPing "look"B
            readMessage client receiver |> fst =! Message(json 1 1_000)
            client.Read() =! PongOf "look"B
            deflate.HoldsHistory =! true)

        testCase "is not kept at all between messages that stand by themselves" (fun () ->
            let settings = PerMessageDeflate(ServerNoContextTakeover = true)
            let client, connection, deflate, release = held (FakeClock()) settings
            use _ = release
            use receiver = new Receiver(12)
            connection.Send(json 1 1_000)
            readMessage client receiver |> fst =! Message(json 1 1_000)
            deflate.HoldsHistory =! false)

        testCase "stays while a message is sent in fragments" (fun () ->
            let clock = FakeClock()
            let client, connection, deflate, release = held clock (PerMessageDeflate())
            use _ = release
            use receiver = new Receiver(12)
            let isBegun = new ManualResetEventSlim(false)
            let goOn = new ManualResetEventSlim(false)

            let parts =
                seq {
                    yield json 1 1_000
                    isBegun.Set()
                    Wait.forEvent "leave to go on" goOn
                    yield json 2 1_000
                }

            let sending = Wait.start (fun () -> connection.Send parts)
            Wait.forEvent "the first fragment" isBegun
            clock.Advance(TimeSpan.FromMinutes 10.0)
            client.SendPing "look"B
            let frames = [ client.ReadMarked() ]
            client.Read() =! PongOf "look"B
            goOn.Set()
            Wait.forTask "the message" sending
            let frames = frames @ [ for _ in 1..2 -> client.ReadMarked() ]

            receiver.Pieces [ for _, _, payload in frames -> payload ]
            =! Message(Array.append (json 1 1_000) (json 2 1_000))

            deflate.HoldsHistory =! true)

        testCase "begins anew after a broadcast, which is compressed for all together" (fun () ->
            let client, connection, deflate, release = held (FakeClock()) (PerMessageDeflate())
            use _ = release
            use receiver = new Receiver(12)
            let own, news = json 1 1_000, json 2 1_000
            connection.Send own
            let first, ownSize = readMessage client receiver
            (Broadcast.Send([ connection ], ReadOnlySpan news)).Sent =! 1
            let second, _ = readMessage client receiver
            deflate.HoldsHistory =! false
            connection.Send own
            let third, againSize = readMessage client receiver
            [ first; second; third ] =! [ Message own; Message news; Message own ]
            againSize =! ownSize)
    ]

[<Tests>]
let broadcasting =
    testList "a compressed broadcast" [
        testCase "reaches each peer in the form that it agreed on" (fun () ->
            let server = inMemory receiveAll defaults
            use _ = server

            let offers = [
                name
                $"{name}; server_max_window_bits=9"
                $"{name}; server_no_context_takeover"
                name
            ]

            let clients = [
                for offer in offers do
                    let client = PeerClient.InMemory server
                    client.Offer offer |> ignore
                    client
            ]

            use plain = client server
            Wait.until "all are open" (fun () -> server.Connections.Count = 5)
            let data = json 5 20_000
            (Broadcast.Send(server.Connections, ReadOnlySpan data)).Sent =! 5
            plain.Read() =! Data(Opcode.Binary, true, data)

            let payloads = [
                for client, bits in List.zip clients [ 12; 9; 12; 12 ] do
                    let marks, _, payload = client.ReadMarked()
                    marks =! ReservedBits.Rsv1
                    use receiver = new Receiver(bits)
                    receiver.Message payload =! Message data
                    payload
            ]

            payloads[0] =! payloads[2]
            payloads[0] =! payloads[3]
            test <@ payloads[1].Length > payloads[0].Length @>

            for client in clients do
                (client :> IDisposable).Dispose())

        testTheory
            "is compressed by the same rules as other messages"
            [
                10, Nullable(), false
                10, Nullable true, true
                100, Nullable(), true
                100, Nullable false, false
            ]
            (fun (size, wanted, expected) ->
                let server, client = offering defaults receiveAll name
                use _ = server
                use client = client
                Wait.until "it is open" (fun () -> server.Connections.Count = 1)
                Broadcast.Send(server.Connections, ReadOnlySpan(json 1 size), wanted) |> ignore
                let bits, _, _ = client.ReadMarked()
                (bits = ReservedBits.Rsv1) =! expected)

        testCase "goes between the messages of the connection, in whatever order they leave" (fun () ->
            let client, connection, _, release = held (FakeClock()) (PerMessageDeflate())
            use _ = release
            use receiver = new Receiver(12)
            let own, news = json 1 500, json 2 500
            let count = 300

            let sending =
                Wait.start (fun () ->
                    for _ in 1..count do
                        connection.Send own)

            let broadcasting =
                Wait.start (fun () ->
                    for _ in 1..count do
                        Broadcast.Send([ connection ], ReadOnlySpan news) |> ignore)

            let received = [ for _ in 1 .. 2 * count -> fst (readMessage client receiver) ]
            Wait.forTask "the messages" sending
            Wait.forTask "the broadcasts" broadcasting
            (received |> List.filter ((=) (Message own)) |> List.length) =! count
            (received |> List.filter ((=) (Message news)) |> List.length) =! count)
    ]
