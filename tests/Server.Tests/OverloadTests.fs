/// Peers that send too much, read too little or fall silent: what is bounded, who is given up, and who is not.
module FunctionalWs.Server.Tests.OverloadTests

open System
open System.Reflection
open System.Threading
open Expecto
open Swensen.Unquote
open FunctionalWs
open FunctionalWs.Protocol
open FunctionalWs.Testing
open FunctionalWs.Server.Tests.Serve

let private seconds (n: float) = TimeSpan.FromSeconds n

let private memory (server: Server) (capacity: int) : PeerClient =
    let others = server.Connections.Count
    let struct (atServer, atClient) = MemoryTransport.CreatePair capacity
    server.Admit atServer
    let client = new PeerClient(atClient)
    client.ShakeHands()
    // It has the answer before its connection counts as open.
    Wait.until "it is open" (fun () -> server.Connections.Count = others + 1)
    client

/// A handler that is busy until it is let go, then does something.
let private busyThen (act: ServerConnection -> 'a) (options: ServerOptions) =
    let letGo = new ManualResetEventSlim(false)

    let server, outcome =
        options
        |> handling (fun connection ->
            Wait.forEvent "being let go" letGo
            act connection)

    let release = {
        new IDisposable with
            member _.Dispose() =
                letGo.Set()
                server.Dispose()
    }

    server, outcome, letGo, release

/// Writes on a thread of its own, as far as the server takes it, and counts what was written whole.
let private writing (client: PeerClient) (count: int) (write: int -> unit) =
    let written = ref 0

    let thread =
        Wait.start (fun () ->
            try
                for i in 1..count do
                    write i
                    Volatile.Write(&written.contents, i)
            with :? IO.IOException ->
                ())

    written, thread

let private driverOf (connection: ServerConnection) : Driver =
    typeof<ServerConnection>.GetField("driver", BindingFlags.Instance ||| BindingFlags.NonPublic).GetValue
        connection
    :?> Driver

let private outputOf (connection: ServerConnection) : FrameOutput =
    typeof<Driver>
        .GetField("output", BindingFlags.Instance ||| BindingFlags.NonPublic)
        .GetValue(driverOf connection)
    :?> FrameOutput

let private stateGateOf (connection: ServerConnection) : Lock =
    typeof<Driver>
        .GetField("stateGate", BindingFlags.Instance ||| BindingFlags.NonPublic)
        .GetValue(driverOf connection)
    :?> Lock

let private isPing (frame: Wire) =
    match frame with
    | PingOf _ -> true
    | Data _
    | Closed _
    | PongOf _
    | End -> false

[<Tests>]
let silence =
    testList "a peer that falls silent" [
        testTheory "is given up, though its system takes the ping" [ false; true ] (fun isTls ->
            let clock = FakeClock()
            let options = ServerOptions(TimeProvider = clock)

            use server =
                (if isTls then
                     ServerOptions(TimeProvider = clock, Ssl = Tls.ssl ())
                 else
                     options)
                |> Serve.overTcp (fun connection -> Seq.iter ignore connection.Messages)

            use client =
                if isTls then
                    Tls.connect server
                else
                    PeerClient.OverTcp server

            client.ShakeHands()
            Wait.until "it is open" (fun () -> server.Connections.Count = 1)

            Wait.until "it is given up" (fun () ->
                clock.Advance(seconds 1.0)
                server.Connections.Count = 0))

        testCase "is given up, though it was not read from for a while" (fun () ->
            let clock = FakeClock()

            let server, outcome, letGo, release =
                ServerOptions(TimeProvider = clock, MaxMessageSize = Nullable 1_000)
                |> busyThen (fun connection -> Seq.length connection.Messages)

            use _ = release
            use client = memory server 10_000
            // More than is read ahead: 64 KiB.
            let written, thread =
                writing client 150 (fun _ -> client.SendText(String('x', 1_000)))

            Wait.until "reading has stopped" (fun () -> Volatile.Read(&written.contents) > 60)
            clock.Advance(seconds 20.0)
            letGo.Set()
            Wait.forTask "the rest is read" thread
            // It has heard its last.
            let ended =
                Wait.start (fun () -> Seq.initInfinite (fun _ -> client.Read()) |> Seq.find ((=) End))

            Wait.until "the silent peer is given up" (fun () ->
                clock.Advance(seconds 1.0)
                ended.IsCompleted)

            (fails outcome) :? ConnectionClosedErrorException =! true)

        testCase
            "is given up, though it sent so much before that nobody reads on, and takes nothing"
            (fun () ->
                let clock = FakeClock()

                let server, outcome, letGo, release =
                    ServerOptions(TimeProvider = clock, MaxMessageSize = Nullable 1_000)
                    |> busyThen (fun connection ->
                        while true do
                            connection.Send(String('y', 1_000)))

                use _ = release
                use client = memory server 10_000
                let written, _ = writing client 150 (fun _ -> client.SendText(String('x', 1_000)))
                Wait.until "reading has stopped" (fun () -> Volatile.Read(&written.contents) > 60)
                letGo.Set()

                Wait.until "the peer is given up" (fun () ->
                    clock.Advance(seconds 1.0)
                    outcome.IsCompleted)

                (fails outcome).InnerException :? TimeoutException =! true)
    ]

[<Tests>]
let endless =
    testList "a message that doesn't end" [
        testTheory "is late however much comes beside it" [ false; true ] (fun isReceiving ->
            let clock = FakeClock()
            let letGo = new ManualResetEventSlim(isReceiving)

            let server, outcome =
                ServerOptions(
                    TimeProvider = clock,
                    PingInterval = Nullable(),
                    MessageTimeout = Nullable(seconds 30.0)
                )
                |> handling (fun connection ->
                    Wait.forEvent "being let go" letGo
                    connection.Receive())

            use _ = server
            use client = memory server 10_000
            client.Write [| 0x01uy; 0x80uy; 0uy; 0uy; 0uy; 0uy |]

            let pong =
                Array.concat (Array.replicate 100 [| 0x8Auy; 0x80uy; 0uy; 0uy; 0uy; 0uy |])

            let _, flood = writing client 10_000_000 (fun _ -> client.Write pong)

            Wait.until "it is late" (fun () ->
                clock.Advance(seconds 1.0)
                server.Connections.Count = 0)

            letGo.Set()
            let error = fails outcome
            test <@ (string error.InnerException).Contains "A message was not complete" @>
            client.Transport.Abort()
            Wait.forTask "the flood" flood)
    ]

[<Tests>]
let slow =
    testList "a peer that reads slowly" [
        testCase
            "is not given up once it has taken all, also where a sender has written what was posted before"
            (fun () ->
                let clock = FakeClock()
                use letGo = new ManualResetEventSlim(false)
                let sender = Threading.Tasks.TaskCompletionSource<ServerConnection>()
                let count = ref 0

                let server =
                    ServerOptions(
                        TimeProvider = clock,
                        SendTimeout = Nullable(seconds 3.0),
                        PingInterval = Nullable()
                    )
                    |> inMemory (fun connection ->
                        if Interlocked.Increment count = 1 then
                            sender.SetResult connection
                            Wait.forEvent "being let go" letGo
                            connection.Send "all is said"

                        connection.Closed.WaitHandle.WaitOne Wait.limit |> ignore)

                use _ = server
                use reader = memory server 10_000
                let connection = Wait.forTask "the handler" sender.Task
                use _ = memory server 10_000
                Broadcast.Send(server.Connections, String('b', 12_000)).Sent =! 2
                connection.IsBlocked =! true
                letGo.Set()
                Wait.until "the sender writes" (fun () -> int (outputOf connection).Writes % 2 = 1)
                reader.ReadText().Length =! 12_000
                reader.ReadText() =! "all is said"

                Wait.until "who reads nothing is given up" (fun () ->
                    clock.Advance(seconds 1.0)
                    server.Connections.Count < 2)

                (connection.IsBlocked, connection.State) =! (false, ConnectionState.Open))

        testTheory "is not given up while it takes something" [ false; true ] (fun hasSendTimeout ->
            let clock = FakeClock()

            let options =
                ServerOptions(
                    TimeProvider = clock,
                    SendTimeout =
                        (if hasSendTimeout then
                             Nullable(seconds 10.0)
                         else
                             Nullable())
                )

            let server, outcome =
                options
                |> handling (fun connection -> connection.Send(Array.zeroCreate<byte> 60_000))

            use _ = server
            use client = memory server 10_000
            let piece = Array.zeroCreate<byte> 1_000
            let mutable read = 0

            let readPiece () =
                let size = client.Transport.Read(Span piece)
                test <@ size > 0 @> // or it was given up
                read <- read + size

            // A thousand bytes each five seconds, and never a word: the ping waits behind the message.
            while read < 55_000 do
                readPiece ()
                clock.Advance(seconds 5.0)
                // Whoever writes has seen that it was read, before more time passes.
                let rest = min 10_000 (60_004 - read)
                Wait.until "there is as much as fits" (fun () -> client.Transport.Unread >= int64 rest)

            outcome.IsFaulted =! false

            while read < 60_004 do
                readPiece ()

            succeeds outcome
            client.Transport.Abort())
    ]

[<Tests>]
let fragments =
    testList "what waits unread" [
        testCase "counts fragments, too: messages of many empty ones stop at the bound" (fun () ->
            let server, _, _, release =
                ServerOptions(MaxMessageSize = Nullable 1_000)
                |> busyThen (fun connection -> connection.Receive())

            use _ = release
            use client = memory server 10_000

            let message =
                Array.concat [
                    [| 0x01uy; 0x80uy; 0uy; 0uy; 0uy; 0uy |]
                    Array.concat (Array.replicate 998 [| 0x00uy; 0x80uy; 0uy; 0uy; 0uy; 0uy |])
                    [| 0x80uy; 0x80uy; 0uy; 0uy; 0uy; 0uy |]
                    [| 0x89uy; 0x80uy; 0uy; 0uy; 0uy; 0uy |]
                ]

            // Eight of them cost 64 KiB; what is in the stream comes on top.
            let written, _ = writing client 100 (fun _ -> client.Write message)
            Wait.until "some are read" (fun () -> Volatile.Read(&written.contents) >= 8)

            Wait.until "all pongs but the last have come" (fun () ->
                while client.Transport.IsReadable && Volatile.Read(&written.contents) < 20 do
                    client.Read() |> ignore

                Volatile.Read(&written.contents) >= 8 && not client.Transport.IsReadable)

            let count = Volatile.Read(&written.contents)
            test <@ count < 14 @>)

        testCase "does not make a message late that has come" (fun () ->
            let clock = FakeClock()

            let server, outcome, letGo, release =
                ServerOptions(
                    TimeProvider = clock,
                    PingInterval = Nullable(),
                    MessageTimeout = Nullable(seconds 30.0)
                )
                |> busyThen (fun connection -> [
                    for _ in 1..17 do
                        connection.Receive().Text
                ])

            use _ = release
            use client = client server

            for i in 1..16 do
                client.SendText(string i)

            client.WriteFrame(true, Opcode.Pong, "p"B)
            client.Write [| 0x81uy; 0x82uy; 0uy; 0uy; 0uy; 0uy; 65uy |]
            client.Write [| 66uy |]
            client.SendPing "all"B
            client.Read() =! PongOf "all"B

            for _ in 1..10 do
                clock.Advance(seconds 10.0)

            client.SendPing "still"B
            client.Read() =! PongOf "still"B
            letGo.Set()
            List.last (succeeds outcome) =! "AB")

        testCase "what a handler has left unread is counted no more when its connection has ended" (fun () ->
            use server =
                ServerOptions(MaxBufferedBytes = Nullable 2_000_000L, PingInterval = Nullable())
                |> inMemory (fun connection ->
                    if connection.Receive().Text = "stay" then
                        connection.WaitClosed() |> ignore)

            use other = client server
            other.SendText "stay"
            use leaving = client server
            leaving.SendText "leave"
            leaving.SendText(String('x', 5_000))
            leaving.Read() =! Closed(CloseStatus.Create(CloseCode.NormalClosure, ""))
            leaving.SendClose 1000
            Wait.until "it has gone" (fun () -> server.Occupied = 1)

            // Each is answered by a look of the watcher, at those that were urgent a moment ago, too.
            for number in 1..20 do
                other.SendPing [| byte number |]
                other.Read() =! PongOf [| byte number |]

            server.Budget.Used =! 0L)
    ]

[<Tests>]
let floods =
    testList "floods" [
        testTheory "take no lock that others want" [ "received"; "read ahead" ] (fun way ->
            let receives = way = "received"
            let received = new ManualResetEventSlim(false)
            let leave = new ManualResetEventSlim(false)
            let found = Threading.Tasks.TaskCompletionSource<ServerConnection>()

            let server =
                defaults
                |> inMemory (fun connection ->
                    found.SetResult connection

                    if receives then
                        connection.Receive() |> ignore
                        received.Set()

                    Wait.forEvent "leave to go" leave)

            use _ = server
            use client = client server
            let gate = stateGateOf (Wait.forTask "the handler" found.Task)
            gate.Enter()

            try
                client.WriteFrame(false, Opcode.Text, "a"B)
                client.SendPing "p"B
                client.Read() =! PongOf "p"B
                client.WriteFrame(false, Opcode.Continuation, "b"B)
                client.WriteFrame(true, Opcode.Continuation, "c"B)

                if receives then
                    Wait.forEvent "the message" received
            finally
                gate.Exit()

            leave.Set())

        testCase "are read ahead a piece at a time, so that others have their turn" (fun () ->
            let _, client, connection, release = connected (withClock (FakeClock()))
            use _ = release

            let pings =
                Array.concat (Array.replicate 50_000 [| 0x89uy; 0x80uy; 0uy; 0uy; 0uy; 0uy |])

            let _, _ = writing client 1 (fun _ -> client.Write pings)
            let driver = driverOf connection
            let mutable most = 0L
            let mutable last = driver.Input.Offset

            Wait.until "all are read" (fun () ->
                let now = driver.Input.Offset
                most <- max most (fst (connection.ReadAhead true))
                last <- now
                now >= int64 pings.Length)

            test <@ most <= 16L * 1024L + 2L * 1024L @>

            // Of too many at once, the last one is answered.
            let answers =
                Seq.initInfinite (fun _ -> ())
                |> Seq.takeWhile (fun () -> client.Transport.IsReadable)
                |> Seq.map (fun () -> client.Read())
                |> Seq.length

            test <@ answers > 0 && answers < 50_000 @>)
    ]
