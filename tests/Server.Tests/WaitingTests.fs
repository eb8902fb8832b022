/// How long calls wait, and what a connection is to those that only look at it.
module FunctionalWs.Server.Tests.WaitingTests

open System
open System.Collections
open System.Net
open System.Net.Sockets
open System.Threading
open System.Threading.Tasks
open Expecto
open FunctionalWs.TestKit
open Swensen.Unquote
open FunctionalWs
open FunctionalWs.Protocol
open FunctionalWs.Server.Tests.Serve

let private infinite = Nullable Timeout.InfiniteTimeSpan

/// Every call of a connection that takes a time.
let private calls: (string * (ServerConnection -> Nullable<TimeSpan> -> unit)) list = [
    "Receive", (fun connection time -> connection.Receive time |> ignore)
    "Receive into a buffer",
    (fun connection time -> connection.Receive(Buffers.ArrayBufferWriter<byte>(), time) |> ignore)
    "ReceiveBorrowed", (fun connection time -> connection.ReceiveBorrowed((fun _ _ -> ()), time))
    "ReceiveStreaming", (fun connection time -> Seq.iter ignore (connection.ReceiveStreaming time))
    "WaitClosed", (fun connection time -> connection.WaitClosed time |> ignore)
    "Ping", (fun connection time -> connection.Ping().Wait time |> ignore)
]

[<Tests>]
let times =
    testList "a time to wait" [
        testCases
            "that is negative is refused, with its value and its range"
            [
                for name, call in calls do
                    for seconds in [ -0.002; -1.0; -1e9 ] -> name, call, seconds
            ]
            (fun (_, call, seconds) ->
                let time = TimeSpan.FromSeconds seconds

                let server, outcome =
                    defaults |> handling (fun connection -> call connection (Nullable time))

                use _ = server
                use _ = client server
                let error = fails outcome :?> ArgumentOutOfRangeException
                (error.ParamName, error.ActualValue) =! ("timeout", box time)

                test
                    <@
                        error.Message.StartsWith
                            "timeout is zero or more; null or Timeout.InfiniteTimeSpan is for as long as it takes."
                    @>)

        testCases "that is infinite is for as long as it takes" calls (fun (name, call) ->
            use begun = new ManualResetEventSlim(false)

            let server, outcome =
                defaults
                |> handling (fun connection ->
                    begun.Set()
                    call connection infinite
                    name)

            use _ = server
            use client = client server
            Wait.forEvent "the call" begun
            // It hasn't given up when something else has been done in the meantime.
            client.SendPing "p"B

            while client.Read() <> PongOf "p"B do
                ()

            outcome.IsCompleted =! false

            match name with
            | "WaitClosed"
            | "Ping" -> client.SendClose 1000
            | _ -> client.SendText "hello"

            succeeds outcome =! name)

        testCase "of Shutdown that is infinite waits for the handlers" (fun () ->
            use leave = new ManualResetEventSlim(false)
            let clock = FakeClock()

            use server =
                ServerOptions(TimeProvider = clock, CloseTimeout = Nullable())
                |> inMemory (fun _ -> Wait.forEvent "leave to go" leave)

            use client = client server
            let stop = Wait.start (fun () -> server.Shutdown(timeout = infinite))
            test <@ client.Read().IsClosed @>
            clock.Advance(TimeSpan.FromDays 30.0)
            client.SendClose 1001
            stop.IsCompleted =! false
            leave.Set()
            Wait.forTask "the shutdown" stop =! 0)

        testCase "of Shutdown that is negative is refused, and nothing has happened" (fun () ->
            use server = defaults |> inMemory echo

            let error =
                Wait.throws<ArgumentOutOfRangeException>(fun () ->
                    server.Shutdown(timeout = Nullable(TimeSpan.FromSeconds -1.0)) |> ignore)

            error.ParamName =! "timeout"
            use client = client server
            client.SendText "hello"
            client.ReadText() =! "hello")

        testCase "among the options may be infinite for no limit" (fun () ->
            let clock = FakeClock()

            let options =
                ServerOptions(
                    TimeProvider = clock,
                    OpenTimeout = infinite,
                    CloseTimeout = infinite,
                    PingInterval = infinite,
                    PingTimeout = infinite,
                    SendTimeout = infinite,
                    MessageTimeout = infinite,
                    Compression = PerMessageDeflate(QuietTime = infinite)
                )

            use server = options |> inMemory echo
            use silent = PeerClient.InMemory server
            use client = client server
            clock.Advance(TimeSpan.FromDays 300.0)
            client.SendText "hello"
            client.ReadText() =! "hello"
            silent.ShakeHands())
    ]

[<Tests>]
let looking =
    testList "a connection that is only looked at" [
        testCase "is no sequence: a log that shows it takes no message" (fun () ->
            let isSequence (connection: ServerConnection) = box connection :? IEnumerable

            let server, outcome =
                defaults
                |> handling (fun connection ->
                    let shown = isSequence connection
                    shown, Seq.head connection.Messages |> _.Text, connection.Receive().Text)

            use _ = server
            use client = client server
            client.SendText "one"
            client.SendText "two"
            succeeds outcome =! (false, "one", "two"))

        testCase "is shown by its id, address and state" (fun () ->
            let server, _, connection, release = connected defaults
            use _ = release
            connection.ToString() =! $"{connection.Id}  Open"
            $"%A{connection}" =! connection.ToString()
            ignore server)

        testCase "gives its messages to LINQ, until it closes" (fun () ->
            let server, outcome =
                defaults
                |> handling (fun connection ->
                    connection.Messages
                    |> Seq.map _.Text
                    |> Seq.filter (fun text -> text <> "b")
                    |> List.ofSeq)

            use _ = server
            use client = client server

            for text in [ "a"; "b"; "c" ] do
                client.SendText text

            client.SendClose 1000
            succeeds outcome =! [ "a"; "c" ])
    ]

[<Tests>]
let sockets =
    testList "a socket that was made for other purposes" [
        testCases
            "serves as any other"
            [
                "non-blocking", (fun (socket: Socket) -> socket.Blocking <- false)
                "with a receive timeout", (fun socket -> socket.ReceiveTimeout <- 1)
                "with a send timeout", (fun socket -> socket.SendTimeout <- 1)
            ]
            (fun (_, prepare) ->
                use listener =
                    new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp)

                listener.Bind(IPEndPoint(IPAddress.Loopback, 0))
                prepare listener
                use server = Server.Serve(Action<ServerConnection> echo, listener)
                server.Start()
                use client = PeerClient.OverTcp server
                client.ShakeHands()
                client.SendText "hello"
                client.ReadText() =! "hello"
                let since = Diagnostics.Stopwatch.StartNew()

                Wait.until "more has passed than the timeout that it had" (fun () ->
                    since.ElapsedMilliseconds > 30L)

                client.SendText "still"
                client.ReadText() =! "still")
    ]

let private linger (server: Server) (address: IPAddress) =
    let port = (server.LocalEndPoint :?> IPEndPoint).Port
    Listening.isServed (IPEndPoint(address, port))

[<Tests>]
let localhost =
    testList "localhost" [
        testCase "is both loopback addresses, with one port" (fun () ->
            use server = Server.Serve(Action<ServerConnection> echo, "LocalHost", 0)

            server.Start()

            [ for endPoint in server.LocalEndPoints -> (endPoint :?> IPEndPoint).Address ]
            =! [ IPAddress.Loopback; IPAddress.IPv6Loopback ]

            linger server IPAddress.Loopback
            linger server IPAddress.IPv6Loopback)

        testCase "with a port that is taken on one of them is refused, and takes nothing" (fun () ->
            use taken =
                new Socket(AddressFamily.InterNetworkV6, SocketType.Stream, ProtocolType.Tcp)

            taken.Bind(IPEndPoint(IPAddress.IPv6Loopback, 0))
            taken.Listen()
            let port = (taken.LocalEndPoint :?> IPEndPoint).Port

            let error =
                Wait.throws<SocketException>(fun () ->
                    Server.Serve(Action<ServerConnection> echo, "localhost", port) |> ignore)

            test <@ error.Message.StartsWith($"Can't listen on [::1]:{port}: ", StringComparison.Ordinal) @>
            use other = Server.Serve(Action<ServerConnection> echo, "127.0.0.1", port)
            ignore other)
    ]

[<Tests>]
let paths =
    testList "the path of a Unix socket" [
        testCase "with a NUL in it is refused, and no file is made" (fun () ->
            use folder = new Listening.Folder()
            let path = folder.Path "s" + "\000t"

            let error =
                Wait.throws<ArgumentException>(fun () ->
                    Server.UnixServe(Action<ServerConnection> echo, path) |> ignore)

            test <@ error.Message.Contains "has a NUL in it" && not (error.Message.Contains '\000') @>

            Wait.throws<ArgumentException>(fun () ->
                Server.Serve(Action<ServerConnection> echo, [| UnixDomainSocketEndPoint path :> EndPoint |])
                |> ignore)
            |> ignore

            IO.Directory.GetFileSystemEntries(folder.Path "") =! [||])

        testCase "on which a dead server left its file goes to one of those that start at once" (fun () ->
            use folder = new Listening.Folder()

            for round in 1..50 do
                let path = folder.Path $"{round}"

                let dead =
                    new Socket(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified)

                dead.Bind(UnixDomainSocketEndPoint path)
                dead.Listen()
                let handle = dead.SafeHandle.DangerousGetHandle()
                dead.SafeHandle.SetHandleAsInvalid()
                GC.SuppressFinalize dead
                (new SafeSocketHandle(handle, true)).Dispose()
                use ready = new Barrier(4)

                let servers = [|
                    for _ in 1..4 ->
                        Wait.start (fun () ->
                            ready.SignalAndWait Wait.limit |> ignore

                            try
                                Some(Server.UnixServe(Action<ServerConnection> echo, path))
                            with :? SocketException as error ->
                                error.SocketErrorCode =! SocketError.AddressAlreadyInUse
                                None)
                |]

                let started = servers |> Array.choose (Wait.forTask "a start")
                started.Length =! 1
                started[0].Start()
                Listening.isServed started[0].LocalEndPoint
                started[0].Shutdown() |> ignore
                IO.File.Exists path =! false)
    ]

[<Tests>]
let health =
    testList "a health check" [
        testCase "on a server of its own is answered while the other one is full" (fun () ->
            use full =
                Server.Serve(
                    Action<ServerConnection> echo,
                    "127.0.0.1",
                    0,
                    ServerOptions(MaxConnections = 1)
                )

            full.Start()
            use one = PeerClient.OverTcp full
            one.ShakeHands()
            Wait.until "it is full" (fun () -> full.Connections.Count = 1)

            let answer =
                ProcessRequest(fun connection _ ->
                    if full.Connections.Count < full.MaxConnections then
                        connection.Respond(200, "ready\n")
                    else
                        connection.Respond(503, "full\n"))

            use health =
                Server.Serve(
                    Action<ServerConnection> ignore,
                    "127.0.0.1",
                    0,
                    ServerOptions(MaxConnections = 16, ProcessRequest = answer)
                )

            health.Start()

            let ask () =
                use client = PeerClient.OverTcp health
                client.Write "GET /ready HTTP/1.1\r\nHost: x\r\n\r\n"
                client.ReadToEnd().Split("\r\n\r\n")[1]

            ask () =! "full\n"
            use refused = PeerClient.OverTcp full
            test <@ refused.ReadToEnd().StartsWith("HTTP/1.1 503 ", StringComparison.Ordinal) @>
            one.SendClose 1000
            Wait.until "there is room" (fun () -> full.Connections.Count = 0)
            ask () =! "ready\n")
    ]
