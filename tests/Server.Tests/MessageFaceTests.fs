/// Handlers that are called for each message: in memory, where a thread waits for each connection, and over TCP, where loops do.
module FunctionalWs.Server.Tests.MessageFaceTests

open System
open System.Collections.Concurrent
open System.Diagnostics
open System.Threading
open System.Threading.Tasks
open Microsoft.Extensions.Logging
open Expecto
open Swensen.Unquote
open FunctionalWs
open FunctionalWs.Protocol
open FunctionalWs.Server.Tests.Serve

type private Face = {
    Name: string
    Serve: Action<ServerConnection> -> ServerOptions -> Server
    Connect: Server -> PeerClient
}

let private faces = [
    {
        Name = "in memory"
        Serve = fun handler options -> inMemory handler.Invoke options
        Connect = PeerClient.InMemory
    }
    {
        Name = "over TCP"
        Serve = fun handler options -> overTcp handler.Invoke options
        Connect = PeerClient.OverTcp
    }
]

let private onBoth (name: string) (run: Face -> unit) =
    testTheory name [ for face in faces -> face.Name ] (fun name ->
        run (faces |> List.find (fun face -> face.Name = name)))

let private overTcp = faces[1]

let private connect (face: Face) (server: Server) : PeerClient =
    let client = face.Connect server
    client.ShakeHands()
    client

let private each (received: ServerConnection -> Message -> unit) : Action<ServerConnection> =
    MessageHandler.ForEach(Action<ServerConnection, Message> received)

let private awaited (received: ServerConnection -> Message -> Task) : Action<ServerConnection> =
    MessageHandler.ForEach(Func<ServerConnection, Message, Task> received)

let private made (make: unit -> MessageHandler) : Action<ServerConnection> =
    MessageHandler.ForEach(Func<ServerConnection, MessageHandler>(fun _ -> make ()))

let private echo = each (fun connection message -> connection.Send message)

/// Tells what it is called for.
type private Telling(told: ConcurrentQueue<string>) =
    inherit MessageHandler()
    let mutable count = 0

    override _.Opened _ = told.Enqueue "opened"

    override _.Received(connection, message) =
        count <- count + 1
        told.Enqueue $"{message.Text} {count}"
        connection.Send message

    override _.Closed connection =
        told.Enqueue $"closed {connection.State} {connection.CloseCode}"

let private untilGone (server: Server) =
    Wait.until "the connections have gone" (fun () -> server.Occupied = 0)

let private closes (client: PeerClient) (code: int) =
    match client.Read() with
    | Closed status -> status.Number =! code
    | other -> failwith $"a close frame was expected, not {other}"

/// A handler that blocks at "block" until it is let go, and echoes all else.
let private blocking (blocked: CountdownEvent) (letGo: ManualResetEventSlim) =
    each (fun connection message ->
        if message.Text = "block" then
            blocked.Signal() |> ignore
            letGo.Wait Wait.limit |> ignore

        connection.Send message)

let private threads () =
    use me = Process.GetCurrentProcess()
    me.Threads.Count

[<Tests>]
let each' =
    testList "a message handler" [
        onBoth "gets messages of both kinds, in fragments too, in their order" (fun face ->
            use server = face.Serve echo defaults
            use client = connect face server
            client.SendText "é"
            client.ReadText() =! "é"
            client.WriteFrame(false, Opcode.Binary, "a"B)
            client.WriteFrame(true, Opcode.Continuation, "b"B)
            client.Read() =! Wire.Data(Opcode.Binary, true, "ab"B)

            let sent =
                Wait.start (fun () ->
                    for number in 1..5_000 do
                        client.SendText $"{number}")

            [ for _ in 1..5_000 -> client.ReadText() ]
            =! [ for number in 1..5_000 -> $"{number}" ]

            Wait.forTask "the sender" sent
            client.SendBinary(Array.create 1_000_000 7uy)
            client.Read() =! Wire.Data(Opcode.Binary, true, Array.create 1_000_000 7uy)
            client.SendClose 1000
            closes client 1000
            client.Read() =! End
            untilGone server)

        onBoth "is made for each connection, and told of its beginning and its end" (fun face ->
            let told = ConcurrentQueue<string>()
            use server = face.Serve (made (fun () -> Telling told)) defaults
            use client = connect face server
            client.SendText "a"
            client.ReadText() |> ignore
            client.SendText "b"
            client.ReadText() |> ignore
            client.SendClose 4000
            closes client 4000
            untilGone server
            List.ofSeq told =! [ "opened"; "a 1"; "b 2"; "closed Closed 4000" ])

        onBoth "can't be made of a message: receiving is refused" (fun face ->
            let make (connection: ServerConnection) : MessageHandler =
                new Telling(ConcurrentQueue [ connection.Receive().Text ])

            use server = face.Serve (MessageHandler.ForEach(Func<_, _> make)) defaults
            use client = connect face server
            closes client 1011
            client.SendClose 1011
            untilGone server)

        onBoth "is told of an end without a close frame, too" (fun face ->
            let told = ConcurrentQueue<string>()
            use server = face.Serve (made (fun () -> Telling told)) defaults
            use client = connect face server
            client.SendText "a"
            client.ReadText() |> ignore
            client.Transport.Abort()
            untilGone server
            List.ofSeq told =! [ "opened"; "a 1"; "closed Closed 1006" ])

        onBoth
            "that throws closes its connection with 1011 and is logged once, whichever call it was"
            (fun face ->
                for at in [ "opened"; "received"; "closed"; "made" ] do
                    let records = new Records()
                    let ended = new ManualResetEventSlim(false)

                    let handler () =
                        if at = "made" then
                            ended.Set()
                            failwith "made"

                        {
                            new MessageHandler() with
                                override _.Opened _ =
                                    if at = "opened" then
                                        failwith at

                                override _.Received(connection, message) =
                                    if at = "received" then
                                        failwith at

                                    connection.Send message

                                override _.Closed _ =
                                    ended.Set()

                                    if at = "closed" then
                                        failwith at
                        }

                    use server = face.Serve (made handler) (ServerOptions(LoggerFactory = records))
                    use client = connect face server
                    client.SendText "a"

                    if at = "closed" then
                        client.ReadText() =! "a"
                        client.SendClose 1000

                    closes client (if at = "closed" then 1000 else 1011)

                    if at <> "closed" then
                        client.SendClose 1000

                    untilGone server
                    Wait.forEvent "the last call" ended
                    [ for error in records.Exceptions -> error.Message ] =! [ at ])

        onBoth "can't receive, and is told what to do instead" (fun face ->
            let handler =
                each (fun connection _ ->
                    let error =
                        Wait.throws<InvalidOperationException>(fun () -> connection.Receive() |> ignore)

                    connection.Send error.Message)

            use server = face.Serve handler defaults
            use client = connect face server
            client.SendText "a"
            let text = client.ReadText()
            test <@ text.Contains "given to its message handler" @>)

        onBoth "may close its connection, and send no more once it is closed" (fun face ->
            let outcome = TaskCompletionSource<Type>()

            let handler () = {
                new MessageHandler() with
                    override _.Received(connection, _) =
                        connection.Close(CloseCode.NormalClosure, "bye")
                        connection.State =! ConnectionState.Closed

                    override _.Closed connection =
                        try
                            connection.Send "late"
                        with error ->
                            outcome.SetResult(error.GetType())
            }

            use server = face.Serve (made handler) defaults
            use client = connect face server
            client.SendText "a"
            closes client 1000
            client.SendClose 1000

            Wait.forTask "the last call" outcome.Task =! typeof<ConnectionClosedOkException>

            untilGone server)

        onBoth "that is asynchronous gets the next message when its task has ended" (fun face ->
            let gate = new SemaphoreSlim(0)
            let running = ConcurrentQueue<string>()

            let handler =
                awaited (fun connection message ->
                    task {
                        running.Enqueue message.Text
                        do! gate.WaitAsync()
                        connection.Send message
                    })

            use server = face.Serve handler defaults
            use client = connect face server
            client.SendText "a"
            client.SendText "b"
            Wait.until "the first is taken" (fun () -> running.Count > 0)
            use other = connect face server
            other.SendText "c"
            Wait.until "another connection's is taken" (fun () -> running.Count > 1)
            List.ofSeq running =! [ "a"; "c" ]
            client.SendPing "p"B
            client.Read() =! PongOf "p"B
            gate.Release 2 |> ignore
            client.ReadText() =! "a"
            other.ReadText() =! "c"
            gate.Release 1 |> ignore
            client.ReadText() =! "b")

        onBoth "that is asynchronous and fails closes its connection with 1011" (fun face ->
            let handler =
                awaited (fun _ _ ->
                    task {
                        do! Task.Yield()
                        failwith "as asked for"
                    })

            use server = face.Serve handler defaults
            use client = connect face server
            client.SendText "a"
            closes client 1011)

        testTheory "leaves nothing of its own to others" [ "over TCP" ] (fun _ ->
            let local = AsyncLocal<string>()
            let found = ConcurrentQueue<string * string * string>()

            let handler =
                each (fun connection message ->
                    found.Enqueue(
                        (local.Value, Thread.CurrentThread.Name, string Thread.CurrentThread.Priority)
                    )

                    local.Value <- message.Text
                    Thread.CurrentThread.Name <- message.Text
                    Thread.CurrentThread.Priority <- ThreadPriority.AboveNormal
                    connection.Send message)

            use server = overTcp.Serve handler defaults

            for _ in 1..20 do
                use client = connect overTcp server
                client.SendText "mine"
                client.ReadText() |> ignore

            List.distinct (List.ofSeq found)
            =! [ null, "FunctionalWs connection", "Normal" ])
    ]

[<Tests>]
let blocked =
    testList "a message handler that blocks" [
        testCase "holds up nobody else, and its own messages come after it in their order" (fun () ->
            use blocked = new CountdownEvent 1
            use letGo = new ManualResetEventSlim(false)
            use server = overTcp.Serve (blocking blocked letGo) defaults
            use slow = connect overTcp server
            let others = [ for _ in 1..20 -> connect overTcp server ]
            slow.SendText "before"
            slow.SendText "block"
            slow.SendText "after"
            slow.ReadText() =! "before"
            test <@ blocked.Wait Wait.limit @>

            for client in others do
                client.SendText "a"
                client.ReadText() =! "a"

            slow.SendPing "p"B // answered by the watcher
            slow.Read() =! PongOf "p"B
            letGo.Set()
            slow.ReadText() =! "block"
            slow.ReadText() =! "after"
            slow.SendText "more"
            slow.ReadText() =! "more"
            others |> List.iter (fun client -> client.Transport.Dispose()))

        testCase "at the same time as fifty others is given up by its loop like them" (fun () ->
            use blocked = new CountdownEvent 50
            use letGo = new ManualResetEventSlim(false)
            use server = overTcp.Serve (blocking blocked letGo) defaults
            let all = [ for _ in 1..50 -> connect overTcp server ]

            for client in all do
                client.SendText "block"
                client.SendText "after"

            test <@ blocked.Wait Wait.limit @>
            use other = connect overTcp server
            other.SendText "a"
            other.ReadText() =! "a"
            letGo.Set()

            for client in all do
                client.ReadText() =! "block"
                client.ReadText() =! "after"
                client.Transport.Dispose())

        testCase "when all threads do lets others wait until one returns, and the log tells" (fun () ->
            let records = new Records()
            use blocked = new CountdownEvent 1
            use letGo = new ManualResetEventSlim(false)

            use server =
                overTcp.Serve
                    (blocking blocked letGo)
                    (ServerOptions(MaxMessageThreads = 1, LoggerFactory = records))

            use slow = connect overTcp server
            use other = connect overTcp server
            slow.SendText "block"
            test <@ blocked.Wait Wait.limit @>
            other.SendText "a"

            Wait.until "the log tells" (fun () ->
                records.All |> List.exists (fun (struct (_, id, _)) -> id = 14))

            letGo.Set()
            slow.ReadText() =! "block"
            other.ReadText() =! "a")

        testCase "gets all that came before the close frame, however much has been read ahead" (fun () ->
            use blocked = new CountdownEvent 1
            use letGo = new ManualResetEventSlim(false)
            let got = ConcurrentQueue<string>()

            let handler =
                each (fun _ message ->
                    if message.Text = "block" then
                        blocked.Signal() |> ignore
                        letGo.Wait Wait.limit |> ignore

                    got.Enqueue message.Text)

            use server = overTcp.Serve handler (ServerOptions(MaxQueue = 2_000))
            use client = connect overTcp server
            client.SendText "block"
            test <@ blocked.Wait Wait.limit @>

            for number in 1..1_500 do
                client.SendText $"{number}"

            client.SendClose 1000
            closes client 1000 // the watcher has read it all, and answers
            letGo.Set()
            untilGone server
            List.ofSeq got =! "block" :: [ for number in 1..1_500 -> $"{number}" ])

        testCase "for its own connection is answered, even if there is no other thread" (fun () ->
            let handler =
                each (fun connection _ -> connection.Send $"{connection.Ping().Wait(Wait.limit)}")

            use server = overTcp.Serve handler (ServerOptions(MaxMessageThreads = 1))
            use client = connect overTcp server
            client.SendText "a"

            match client.Read() with
            | PingOf payload -> client.WriteFrame(true, Opcode.Pong, payload)
            | other -> failwith $"a ping was expected, not {other}"

            client.ReadText() =! "True")

        testCase "at its beginning until the server has been shut down leaves no thread behind" (fun () ->
            use opened = new CountdownEvent 1
            use letGo = new ManualResetEventSlim(false)
            let ended = new ManualResetEventSlim(false)

            let handler () = {
                new MessageHandler() with
                    override _.Opened _ =
                        opened.Signal() |> ignore
                        letGo.Wait Wait.limit |> ignore

                    override _.Received(_, _) = ()
                    override _.Closed _ = ended.Set()
            }

            let server = overTcp.Serve (made handler) defaults
            use client = connect overTcp server
            test <@ opened.Wait Wait.limit @>
            server.Shutdown(timeout = TimeSpan.Zero) =! 1
            letGo.Set()
            Wait.forEvent "the last call" ended
            untilGone server)

        testCase "is cut by a shutdown whose time is up, as one that waits for ever for a task is" (fun () ->
            use blocked = new CountdownEvent 1
            use letGo = new ManualResetEventSlim(false)
            let never = TaskCompletionSource()
            let clock = FakeClock()

            let handler =
                awaited (fun connection message ->
                    match message.Text with
                    | "block" ->
                        blocked.Signal() |> ignore
                        letGo.Wait Wait.limit |> ignore
                        Task.CompletedTask
                    | "never" -> never.Task
                    | _ ->
                        connection.Send message
                        Task.CompletedTask)

            use server =
                overTcp.Serve handler (ServerOptions(TimeProvider = clock, PingInterval = Nullable()))

            use slow = connect overTcp server
            use waiting = connect overTcp server
            use idle = connect overTcp server
            slow.SendText "block"
            waiting.SendText "never"
            idle.SendText "a"
            idle.ReadText() =! "a"
            test <@ blocked.Wait Wait.limit @>

            let shutdown =
                Wait.start (fun () -> server.Shutdown(timeout = TimeSpan.FromSeconds 0.5))

            closes idle 1001
            idle.SendClose 1001
            idle.Read() =! End
            Wait.until "the one that did nothing has left" (fun () -> server.Occupied = 2)
            clock.Advance(TimeSpan.FromSeconds 0.5)
            Wait.forTask "the shutdown" shutdown =! 2
            letGo.Set()
            never.SetResult()
            untilGone server)
    ]

[<Tests>]
let loops =
    testList "loops" [
        testCase "keep no thread for a connection that is idle" (fun () ->
            use server = overTcp.Serve echo defaults
            let first = connect overTcp server
            first.SendText "a"
            first.ReadText() =! "a"
            let before = threads ()
            let all = [ for _ in 1..300 -> connect overTcp server ]

            for client in all do
                client.SendText "a"
                client.ReadText() =! "a"

            // Those that held the handshakes rest for a while, sixteen at most.
            Wait.until "the threads have gone" (fun () -> threads () < before + 60)
            server.Occupied =! 301
            // Nor are they counted against those that the machine has.
            use blocking =
                overTcp.Serve
                    (Action<ServerConnection> Serve.echo)
                    (ServerOptions(MaxConnections = 1_000_000))

            use server = overTcp.Serve echo (ServerOptions(MaxConnections = 1_000_000))
            test <@ server.MaxConnections >= blocking.MaxConnections @>

            for client in first :: all do
                client.Transport.Dispose()

            untilGone server)

        testCase "go on while connections come and go, and others' numbers are given again" (fun () ->
            use server = overTcp.Serve echo defaults

            let work = [
                for worker in 1..8 ->
                    Wait.start (fun () ->
                        for round in 1..40 do
                            use client = connect overTcp server
                            let text = $"{worker} {round}"
                            client.SendText text
                            client.SendText text
                            client.ReadText() =! text

                            if round % 3 = 0 then
                                client.Transport.Abort()
                            else
                                client.ReadText() =! text

                                if round % 3 = 1 then
                                    client.SendClose 1000
                                    closes client 1000
                                    client.Read() =! End)
            ]

            for task in work do
                Wait.forTask "a client" task

            untilGone server
            server.Shutdown() =! 0)

        testCase "serve Unix sockets and routes, and one server both kinds of handlers" (fun () ->
            let path = IO.Path.Combine(IO.Path.GetTempPath(), $"fws-{Guid.NewGuid():N}.sock")

            let handler (connection: ServerConnection) =
                if connection.Request.Target = "/chat" then
                    echo.Invoke connection
                else
                    Serve.echo connection

            use server = Server.UnixServe(Action<ServerConnection> handler, path, defaults)
            server.Start()

            for target in [ "/chat"; "/other" ] do
                use socket =
                    new Net.Sockets.Socket(
                        Net.Sockets.AddressFamily.Unix,
                        Net.Sockets.SocketType.Stream,
                        Net.Sockets.ProtocolType.Unspecified
                    )

                socket.Connect(Net.Sockets.UnixDomainSocketEndPoint path)
                use client = new PeerClient(new SocketTransport(socket))
                client.Write(PeerClient.Request.Replace("/chat", target))
                client.ReadResponse() |> ignore
                client.SendText target
                client.ReadText() =! target)

        testCase "take what came with the handshake" (fun () ->
            use server = overTcp.Serve echo defaults
            use client = PeerClient.OverTcp server
            let writer = Buffers.ArrayBufferWriter<byte>()
            FrameWriter.write true Opcode.Text (ReadOnlySpan "early"B) (ValueSome 1u) writer

            client.Write(
                Array.append (Text.Encoding.ASCII.GetBytes PeerClient.Request) (writer.WrittenSpan.ToArray())
            )

            client.ReadResponse() |> ignore
            client.ReadText() =! "early")

        testCase "hear of an end that comes in one piece with the last message" (fun () ->
            let told = ConcurrentQueue<string>()
            use server = overTcp.Serve (made (fun () -> Telling told)) defaults
            use client = connect overTcp server
            client.SendText "last"
            client.Transport.ShutdownSend() // whether the answer still gets out is a matter of who comes first
            untilGone server
            List.ofSeq told =! [ "opened"; "last 1"; "closed Closed 1006" ])
    ]

[<Tests>]
let openings =
    testList "openings in loops" [
        testCase "go on where a head has stopped" (fun () ->
            use server = overTcp.Serve echo defaults
            use client = PeerClient.OverTcp server
            let cut = PeerClient.Request.Length - 7
            client.Write(PeerClient.Request.Substring(0, cut))
            use other = connect overTcp server
            other.SendText "a"
            other.ReadText() =! "a" // the first one's turn is over by now
            client.Write(PeerClient.Request.Substring cut)
            test <@ client.ReadResponse().StartsWith "HTTP/1.1 101 " @>
            client.SendText "b"
            client.ReadText() =! "b")

        testCase "answer clients that are rejected, and let go of them" (fun () ->
            let answers (server: Server) (request: string) =
                use client = PeerClient.OverTcp server
                client.Write request
                client.Transport.ShutdownSend()
                client.ReadToEnd().Split('\r')[0]

            let noKey = PeerClient.Request.Replace("Sec-WebSocket-Key", "Key")
            use server = overTcp.Serve echo defaults
            answers server noKey =! "HTTP/1.1 400 Bad Request"

            answers server "GET / HTTP/1.1\r\nno header\r\n\r\n"
            =! "HTTP/1.1 400 Bad Request"

            answers server "\u0016\u0003\u0001\u0002\u0000\u0001" =! ""
            // One that stays has a moment, and one that goes on sending no more than that.
            use staying = PeerClient.OverTcp server
            staying.Write noKey
            staying.ReadResponse() |> ignore
            use sending = PeerClient.OverTcp server
            sending.Write noKey
            sending.ReadResponse() |> ignore
            sending.Write(Array.zeroCreate<byte> 100_000)
            untilGone server
            // With a hook, on a thread.
            let hook =
                ProcessRequest(fun connection request ->
                    match request.Target with
                    | "/fails" -> invalidOp "a hook's mistake"
                    | _ -> connection.Respond(403, "no\n"))

            use server = overTcp.Serve echo (ServerOptions(ProcessRequest = hook))
            answers server PeerClient.Request =! "HTTP/1.1 403 Forbidden"

            answers server (PeerClient.Request.Replace("/chat", "/fails"))
            =! "HTTP/1.1 500 Internal Server Error"

            untilGone server)

        testCase "lose no message that the watcher reads before the loop does" (fun () ->
            // Without the keepalive's pings: on a busy machine it takes longer than to the first one.
            use server = overTcp.Serve echo (ServerOptions(PingInterval = Nullable()))
            use client = connect overTcp server
            Wait.until "it is open" (fun () -> server.Connections.Count = 1)
            let connection = Seq.head server.Connections
            use over = new CancellationTokenSource()

            let watcher =
                Wait.start (fun () ->
                    while not over.IsCancellationRequested do
                        connection.ReadAhead(true) |> ignore)

            for number in 1..2_000 do
                client.SendText $"{number}"
                client.ReadText() =! $"{number}"

            client.SendClose 1000
            closes client 1000
            over.Cancel()
            Wait.forTask "the watcher" watcher
            // Its socket is still open.
            untilGone server)

        testCase "are for handlers of messages and nothing else" (fun () ->
            let first =
                Action<ServerConnection>(fun connection -> connection.Send(connection.Receive()))

            use server = overTcp.Serve (Delegate.Combine(first, echo) :?> _) defaults
            use client = connect overTcp server

            for text in [ "a"; "b"; "c" ] do
                client.SendText text
                client.ReadText() =! text)

        testCase "cut a client that is too late, and all at a shutdown" (fun () ->
            let options = ServerOptions(OpenTimeout = Nullable(TimeSpan.FromMilliseconds 50.0))

            using (overTcp.Serve echo options) (fun server ->
                use client = PeerClient.OverTcp server
                client.Write "GET /chat HTTP/1.1\r\n"
                client.ReadToEnd() =! ""
                untilGone server)

            use server = overTcp.Serve echo defaults
            use client = PeerClient.OverTcp server
            client.Write "GET /chat HTTP/1.1\r\n"
            Wait.until "it has come" (fun () -> server.Occupied = 1)
            server.Shutdown() =! 0
            client.ReadToEnd() =! "")

        testCase "are passed on while a hook or a handler's beginning blocks" (fun () ->
            use blocked = new CountdownEvent(8)
            use letGo = new ManualResetEventSlim()

            let block () =
                blocked.Signal() |> ignore
                letGo.Wait Wait.limit |> ignore

            let hook =
                ProcessRequest(fun _ request ->
                    if request.Target = "/hook" then
                        block ()

                    Response.None)

            let handler = {
                new MessageHandler() with
                    override _.Opened connection =
                        if connection.Request.Target = "/opened" then
                            block ()

                    override _.Received(connection, message) = connection.Send message
            }

            use server =
                overTcp.Serve (made (fun () -> handler)) (ServerOptions(ProcessRequest = hook))

            let clients = [
                for number in 1..8 ->
                    let client = PeerClient.OverTcp server
                    let target = if number % 2 = 0 then "/hook" else "/opened"
                    client.Write(PeerClient.Request.Replace("/chat", target))
                    client
            ]

            test <@ blocked.Wait Wait.limit @>
            use other = connect overTcp server
            other.SendText "a"
            other.ReadText() =! "a"
            letGo.Set()

            for client in clients do
                test <@ client.ReadResponse().StartsWith "HTTP/1.1 101 " @>
                client.SendText "b"
                client.ReadText() =! "b"
                client.Transport.Dispose()

            other.Transport.Dispose()
            untilGone server)
    ]
