/// A client's connection while several threads have to do with it, and what the application's own code may do to it.
module FunctionalWs.Client.Tests.SharingTests

open System
open System.Diagnostics.Metrics
open System.IO
open System.Net.Security
open System.Net.Sockets
open System.Security.Authentication
open System.Threading
open Expecto
open Swensen.Unquote
open Microsoft.Extensions.Logging
open FunctionalWs
open FunctionalWs.Server.Tests
open FunctionalWs.Client.Tests.Peers

let private direct = ClientOptions(Proxy = null)

let private serving (handler: ServerConnection -> unit) : Server * string =
    let server = Server.Serve(handler, "127.0.0.1", 0, ServerOptions())
    server.Start()
    server, $"ws://{server.LocalEndPoint}/"

let private echo (connection: ServerConnection) =
    for message in connection.Messages do
        connection.Send(message.Data.Span, message.Kind, Nullable())

let private echoes (connection: ClientConnection) =
    connection.Send "hello"
    connection.Receive(Nullable Wait.limit).Text =! "hello"

/// The answer that opens a connection, to the head of a request.
let private answerTo (request: string) : string =
    let line =
        request.Split "\r\n"
        |> Array.find (fun line -> line.StartsWith("Sec-WebSocket-Key: ", StringComparison.Ordinal))

    let accept = FunctionalWs.Protocol.Handshake.acceptKey (line.Substring 19)

    $"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: {accept}\r\n\r\n"

/// Answers one client's handshake, and does something with the stream.
let private answeringOnce (act: NetworkStream -> unit) =
    let listener = listenAt Net.IPAddress.Loopback 0

    let peer =
        serve listener (fun stream ->
            write stream (answerTo (readHead stream))
            act stream)

    listener, peer, $"ws://127.0.0.1:{portOf listener}/"

/// Does something when a connection is told to be open.
type private WhenOpen(act: unit -> unit) =
    interface ILogger with
        member _.BeginScope(_: 'state) : IDisposable = null
        member _.IsEnabled _ = true

        member _.Log(_: LogLevel, id: EventId, _: 'state, _: exn, _: Func<'state, exn, string>) =
            if id.Name = "ConnectionOpened" then
                act ()

    interface ILoggerFactory with
        member logger.CreateLogger(_: string) = logger :> ILogger
        member _.AddProvider _ = ()
        member _.Dispose() = ()

let private count (folder: string) =
    Directory.GetFileSystemEntries(folder).Length

[<Tests>]
let opening =
    testList "opening" [
        testCase "a cancellation that comes when the connection is open does not end it" (fun () ->
            let server, uri = serving echo
            use _ = server
            use cancellation = new CancellationTokenSource()

            let options =
                ClientOptions(Proxy = null, LoggerFactory = new WhenOpen(fun () -> cancellation.Cancel()))

            use connection = Client.Connect(uri, options, cancellation.Token)
            cancellation.IsCancellationRequested =! true
            echoes connection)

        testCase "a cancellation that comes as it opens leaves a connection, or none" (fun () ->
            let mutable cancellation = new CancellationTokenSource()

            let server, uri =
                serving (fun connection ->
                    cancellation.Cancel()
                    echo connection)

            use _ = server

            for _ in 1..200 do
                cancellation <- new CancellationTokenSource()

                try
                    use connection = Client.Connect(uri, direct, cancellation.Token)
                    echoes connection
                with :? OperationCanceledException ->
                    ())

        testCase "a time that is up as it opens leaves a connection, or none" (fun () ->
            let server, uri = serving echo
            use _ = server

            for step in 1..100 do
                let options =
                    ClientOptions(
                        Proxy = null,
                        OpenTimeout = Nullable(TimeSpan.FromMicroseconds(float (step * 30)))
                    )

                try
                    use connection = Client.Connect(uri, options)
                    echoes connection
                with :? TimeoutException ->
                    ())

        testCase "a factory of meters that throws leaves no thread and no socket" (fun () ->
            let server, uri = serving echo
            use _ = server

            let clock = {
                new TimeProvider() with
                    override _.GetUtcNow() = TimeProvider.System.GetUtcNow()
            }

            let factory = {
                new IMeterFactory with
                    member _.Create _ = raise (NotSupportedException())
                    member _.Dispose() = ()
            }

            let options =
                ClientOptions(Proxy = null, TimeProvider = clock, MeterFactory = factory)

            let descriptors, threads = count "/proc/self/fd", count "/proc/self/task"

            for _ in 1..30 do
                Wait.throws<NotSupportedException>(fun () -> Client.Connect(uri, options).Dispose())
                |> ignore

            Wait.until "nothing is left" (fun () ->
                count "/proc/self/fd" <= descriptors + 4
                && count "/proc/self/task" <= threads + 4))

        testCase "a socket on which calls did not wait is one on which they do" (fun () ->
            let server, uri = serving echo
            use _ = server
            let socket = new Socket(SocketType.Stream, ProtocolType.Tcp)
            socket.ConnectAsync(server.LocalEndPoint).Wait()
            use connection = Client.Connect(socket, uri, direct)
            echoes connection
            let other = new Socket(SocketType.Stream, ProtocolType.Tcp)
            other.Connect server.LocalEndPoint
            other.Blocking <- false
            use connection = Client.Connect(other, uri, direct)
            echoes connection)

        testCase "what a URI asks for is in no exception: it may have a token in it" (fun () ->
            for answer in
                [
                    "HTTP/1.1 403 No\r\nContent-Length: 0\r\n\r\n"
                    "HTTP/1.1 abc\r\n\r\n"
                    "SSH-2.0\r\n"
                    ""
                ] do
                let listener = listenAt Net.IPAddress.Loopback 0
                use _ = listener

                let peer =
                    serve listener (fun stream ->
                        readHead stream |> ignore
                        write stream answer)

                let error =
                    Wait.throws<exn>(fun () ->
                        Client
                            .Connect($"ws://u:secret@127.0.0.1:{portOf listener}/?token=secret", direct)
                            .Dispose())

                test <@ not ((string error).Contains("secret", StringComparison.Ordinal)) @>
                Wait.forTask "the peer" peer

            let full =
                Wait.throws<SocketException>(fun () ->
                    Client.Connect($"ws://127.0.0.1:{closedPort ()}/?token=secret", direct).Dispose())

            test <@ not ((string full).Contains("secret", StringComparison.Ordinal)) @>)
    ]

[<Tests>]
let sharing =
    testList "a connection that threads share" [
        testCase "Receive ends at its time while another thread closes" (fun () ->
            use isClosing = new ManualResetEventSlim()
            use mayEnd = new ManualResetEventSlim()

            let listener, peer, uri =
                answeringOnce (fun stream ->
                    readExactly stream 8 |> ignore // a close frame, which is never answered
                    isClosing.Set()
                    Wait.forEvent "the end of the test" mayEnd)

            use _ = listener

            let options = ClientOptions(Proxy = null, CloseTimeout = Nullable(4.0 * Wait.limit))

            let connection = Client.Connect(uri, options)
            let closing = Wait.start (fun () -> connection.Close())
            Wait.forEvent "the close frame" isClosing

            let receiving =
                Wait.start (fun () ->
                    Wait.throws<TimeoutException>(fun () ->
                        connection.Receive(Nullable TimeSpan.Zero) |> ignore)
                    |> ignore)

            Wait.forTask "the receiving" receiving
            closing.IsCompleted =! false
            mayEnd.Set()
            Wait.forTask "the closing" closing
            Wait.forTask "the peer" peer
            connection.Dispose())

        testCase "Dispose tells all who wait: for a message, a fragment, a loan, a pong, the end" (fun () ->
            let server, uri = serving (fun connection -> connection.WaitClosed() |> ignore)
            use _ = server

            let waits: (string * (ClientConnection -> unit)) list = [
                "Receive", (fun connection -> connection.Receive() |> ignore)
                "foreach", (fun connection -> connection.Messages |> Seq.iter ignore)
                "a stream", (fun connection -> connection.ReceiveStreaming() |> Seq.iter ignore)
                "a loan", (fun connection -> connection.ReceiveBorrowed(fun _ _ -> ()))
                "the end", (fun connection -> connection.WaitClosed() |> ignore)
                "a pong", (fun connection -> connection.Ping().Wait() |> ignore)
            ]

            for name, wait in waits do
                let connection = Client.Connect(uri, direct)
                use started = new ManualResetEventSlim()

                let waiting =
                    Wait.start (fun () ->
                        started.Set()

                        try
                            wait connection
                        with :? ConnectionClosedOkException ->
                            ())

                Wait.forEvent name started
                connection.Dispose()
                Wait.forTask name waiting)

        testCase "Dispose frees a thread whose message the server does not read" (fun () ->
            use mayEnd = new ManualResetEventSlim()

            let listener, peer, uri =
                answeringOnce (fun _ -> Wait.forEvent "the end of the test" mayEnd)

            use _ = listener

            let options =
                ClientOptions(
                    Proxy = null,
                    Compression = null,
                    CloseTimeout = Nullable(TimeSpan.FromMilliseconds 100.0)
                )

            let connection = Client.Connect(uri, options)

            let sending =
                Wait.start (fun () ->
                    Wait.throws<ConnectionClosedErrorException>(fun () ->
                        while true do
                            connection.Send(ReadOnlySpan(Array.zeroCreate<byte> 1_000_000)))
                    |> ignore)

            connection.Dispose()
            Wait.forTask "the sending" sending
            mayEnd.Set()
            Wait.forTask "the peer" peer)

        testCase "many threads dispose of it at once, and each returns when it has closed" (fun () ->
            let server, uri = serving echo
            use _ = server

            for _ in 1..20 do
                let connection = Client.Connect(uri, direct)

                let disposing = [
                    for _ in 1..4 ->
                        Wait.start (fun () ->
                            connection.Dispose()
                            connection.WaitClosed(Nullable TimeSpan.Zero))
                ]

                for each in disposing do
                    Wait.forTask "a dispose" each =! true)
    ]

/// A server in TLS 1.2 that opens a connection, says something, and wants a certificate of its client then.
let private renegotiating (listener: TcpListener) (isHeard: ManualResetEventSlim) =
    let options = TlsDialTests.serverOptions ()
    options.EnabledSslProtocols <- SslProtocols.Tls12
    options.AllowRenegotiation <- true

    serve listener (fun stream ->
        use tls = new SslStream(stream)
        tls.AuthenticateAsServer options
        write tls (answerTo (readHead tls) + "\129\006before")
        Wait.forEvent "the client" isHeard

        try
            tls.NegotiateClientCertificateAsync().Wait Wait.limit |> ignore
        with :? AggregateException ->
            ()

        awaitEnd tls)

[<Tests>]
let renegotiation =
    testList "TLS" [
        testCase
            "is not renegotiated in an open connection: no callback of the application's runs there"
            (fun () ->
                let listener = listenAt Net.IPAddress.Loopback 0
                use _ = listener
                use isHeard = new ManualResetEventSlim()
                let peer = renegotiating listener isHeard
                let calls = ref 0

                let ssl =
                    SslClientAuthenticationOptions(
                        RemoteCertificateValidationCallback =
                            fun _ _ _ _ ->
                                Interlocked.Increment calls |> ignore
                                true
                    )

                let options = ClientOptions(Proxy = null, Compression = null, Ssl = ssl)

                use connection = Client.Connect($"wss://127.0.0.1:{portOf listener}/", options)

                connection.Receive(Nullable Wait.limit).Text =! "before"
                isHeard.Set()

                let error =
                    Wait.throws<ConnectionClosedErrorException>(fun () ->
                        connection.Receive(Nullable Wait.limit) |> ignore)

                calls.Value =! 1
                test <@ (string error).Contains("renegotiate", StringComparison.Ordinal) @>
                Wait.forTask "the peer" peer)
    ]

[<Tests>]
let retrying =
    testList "ShouldRetry" [
        testCase "that throws ends the sequence with what it throws" (fun () ->
            let waits =
                ReconnectOptions(ShouldRetry = fun _ -> raise (NotSupportedException "of the application"))

            let error =
                Wait.throws<NotSupportedException>(fun () ->
                    Client.ConnectForever($"ws://127.0.0.1:{closedPort ()}/", direct, waits)
                    |> Seq.iter ignore)

            error.Message =! "of the application")

        testCase "decides on each attempt that failed, and is asked of nothing else" (fun () ->
            let asked = Collections.Generic.List<exn>()

            let waits =
                ReconnectOptions(
                    InitialDelay = TimeSpan.FromMilliseconds 1.0,
                    MaxDelay = TimeSpan.FromMilliseconds 1.0,
                    ShouldRetry =
                        fun error ->
                            asked.Add error
                            asked.Count < 3
                )

            Wait.throws<SocketException>(fun () ->
                Client.ConnectForever($"ws://127.0.0.1:{closedPort ()}/", direct, waits)
                |> Seq.iter ignore)
            |> ignore

            asked.Count =! 3)
    ]
