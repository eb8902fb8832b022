module FunctionalWs.Client.Tests.ConnectTests

open System
open System.Buffers
open System.Collections.Generic
open System.Diagnostics.Metrics
open System.IO
open System.Net.Sockets
open System.Security.Cryptography
open System.Text
open System.Threading
open Expecto
open Swensen.Unquote
open FunctionalWs
open FunctionalWs.Protocol
open FunctionalWs.Server.Tests
open FunctionalWs.Testing
open FunctionalWs.Client.Tests.Peers

let private direct = ClientOptions(Proxy = null)

/// A server of ours, and its URI.
let private serving (options: ServerOptions) (handler: ServerConnection -> unit) : Server * string =
    let server = Server.Serve(handler, "127.0.0.1", 0, options)
    server.Start()
    server, $"ws://127.0.0.1:{(server.LocalEndPoint :?> Net.IPEndPoint).Port}/"

let private echo (connection: ServerConnection) =
    for message in connection.Messages do
        connection.Send(message.Data.Span, message.Kind, Nullable())

let private echoing () = serving (ServerOptions()) echo

let private payload (size: int) =
    Array.init size (fun index -> byte (index * 7 + index / 251))

[<Tests>]
let opening =
    testList "a connection" [
        testCase "is open when Connect returns, knows both ends, the request and the answer" (fun () ->
            let server, uri = echoing ()
            use _ = server
            use connection = Client.Connect(uri, direct)
            connection.State =! ConnectionState.Open
            connection.RemoteEndPoint =! server.LocalEndPoint
            test <@ not (isNull connection.LocalEndPoint) @>
            connection.Response.StatusCode =! 101
            connection.Request.Headers.Get "User-Agent" =! "FunctionalWs"
            string connection.Uri =! uri
            connection.CloseCode =! Nullable())

        testCase "carries text and bytes of every size both ways, compressed or not" (fun () ->
            let server, uri = echoing ()
            use _ = server

            for options in [ direct; ClientOptions(Proxy = null, Compression = null) ] do
                use connection = Client.Connect(uri, options)

                for size in [ 0; 1; 125; 126; 1000; 1024; 1025; 16_370; 65_535; 65_536; 200_000; 1_048_576 ] do
                    let sent = payload size
                    connection.Send(ReadOnlySpan sent)
                    let received = connection.Receive()
                    received.Data.ToArray() =! sent
                    // The caller's memory is as it was.
                    sent =! payload size

                connection.Send "grüße"
                connection.Receive().Text =! "grüße")

        testCase "is closed by Dispose, with 1000, and the server's handler ends" (fun () ->
            use ended = new ManualResetEventSlim()

            let server, uri =
                serving (ServerOptions()) (fun connection ->
                    echo connection
                    ended.Set())

            use _ = server
            let connection = Client.Connect(uri, direct)
            connection.Dispose()
            connection.Dispose()
            Wait.forEvent "the handler's end" ended
            connection.State =! ConnectionState.Closed
            connection.CloseCode =! Nullable 1000

            let error =
                Wait.throws<ConnectionClosedOkException>(fun () -> connection.Send "late")

            error.Sent.Number =! 1000)

        testCase
            "tells the code and the reason with which the server closes, and foreach ends by 1000 alone"
            (fun () ->
                let server, uri =
                    serving (ServerOptions()) (fun connection ->
                        connection.Send "first"
                        connection.Close(CloseCode.Create 4009, "enough"))

                use _ = server
                use connection = Client.Connect(uri, direct)
                let received = List()

                let error =
                    Wait.throws<ConnectionClosedErrorException>(fun () ->
                        for message in connection.Messages do
                            received.Add message.Text)

                List.ofSeq received =! [ "first" ]
                connection.CloseCode =! Nullable 4009
                connection.CloseReason =! "enough"
                error.Received.Reason =! "enough")

        testCase "loses nothing of a message that comes in two, while a Receive in between is up" (fun () ->
            use may = new ManualResetEventSlim()

            let server, uri =
                serving (ServerOptions()) (fun connection ->
                    let parts =
                        seq {
                            "one "
                            Wait.forEvent "the word to go on" may
                            "two"
                        }

                    connection.Send parts)

            use _ = server
            use connection = Client.Connect(uri, direct)

            for time in [ 0.0; 20.0 ] do
                Wait.throws<TimeoutException>(fun () ->
                    connection.Receive(Nullable(TimeSpan.FromMilliseconds time)) |> ignore)
                |> ignore

            may.Set()
            connection.Receive(Nullable Wait.limit).Text =! "one two")

        testCase "gives what has come after its Dispose, too, then tells of its end" (fun () ->
            let server, uri =
                serving (ServerOptions()) (fun connection ->
                    for number in 1..3 do
                        connection.Send(string number)

                    connection.Receive() |> ignore)

            use _ = server
            let connection = Client.Connect(uri, direct)
            connection.Receive().Text =! "1"
            connection.Dispose()
            connection.Receive().Text =! "2"
            connection.Receive().Text =! "3"

            Wait.throws<ConnectionClosedOkException>(fun () -> connection.Receive() |> ignore)
            |> ignore)

        testCase "answers pings while nobody receives, and reads ahead" (fun () ->
            let server, uri =
                serving (ServerOptions(PingInterval = Nullable())) (fun connection ->
                    connection.Send "kept"
                    connection.Ping().Wait(Nullable Wait.limit) =! true
                    connection.Receive() |> ignore)

            use _ = server
            use connection = Client.Connect(uri, direct)

            Wait.until "the pong has come" (fun () ->
                server.Connections |> Seq.forall (fun c -> c.Latency > TimeSpan.Zero)
                && server.Connections.Count = 1)

            connection.Receive(Nullable Wait.limit).Text =! "kept"
            connection.Send "end")

        testCase "measures the latency by its own pings" (fun () ->
            let server, uri = echoing ()
            use _ = server
            use connection = Client.Connect(uri, direct)
            let ping = connection.Ping()
            ping.Wait(Nullable Wait.limit) =! true
            test <@ connection.Latency > TimeSpan.Zero @>)

        testCase "is used by many threads at a time, and no message is torn" (fun () ->
            let server, uri = echoing ()
            use _ = server
            use connection = Client.Connect(uri, direct)

            let senders = [
                for index in 1..4 ->
                    Wait.start (fun () ->
                        for count in 1..200 do
                            connection.Send(String(char (64 + index), count * 20)))
            ]

            let received = [ for _ in 1..800 -> connection.Receive(Nullable Wait.limit).Text ]

            senders |> List.iter (Wait.forTask "a sender")
            test <@ received |> List.forall (fun text -> text |> Seq.forall ((=) text[0])) @>

            received |> List.countBy (fun text -> text[0]) |> List.sort
            =! [ for index in 1..4 -> char (64 + index), 200 ])

        testCase "streams a large message, lends, and receives into a destination" (fun () ->
            let server, uri =
                serving (ServerOptions()) (fun connection ->
                    connection.Send [ "one "; "two "; "three" ]
                    connection.Send "lent"
                    connection.Send "written"
                    connection.Receive() |> ignore)

            use _ = server
            use connection = Client.Connect(uri, direct)
            let text = StringBuilder()

            for fragment in connection.ReceiveStreaming() do
                text.Append(fragment.Text) |> ignore

            string text =! "one two three"
            let mutable lent = ""

            connection.ReceiveBorrowed(fun _ data -> lent <- Encoding.UTF8.GetString(data.ToArray()))

            lent =! "lent"
            let writer = ArrayBufferWriter<byte>()
            connection.Receive writer =! MessageKind.Text
            Encoding.UTF8.GetString writer.WrittenSpan =! "written"
            connection.Send "end")

        testCase "offers subprotocols and headers, and knows what was chosen" (fun () ->
            let seen = List<string>()

            let server, uri =
                serving (ServerOptions(Subprotocols = [| "v2"; "v1" |])) (fun connection ->
                    for name in [ "X-Key"; "Origin"; "Authorization"; "User-Agent" ] do
                        seen.Add(connection.Request.Headers.Get name)

                    connection.Send "seen"
                    connection.Receive() |> ignore)

            use _ = server

            let options =
                ClientOptions(
                    Proxy = null,
                    Subprotocols = [| "v1"; "v2" |],
                    Headers = Dictionary(dict [ "X-Key", "k" ]),
                    Origin = "https://example.com",
                    BearerToken = "abc",
                    UserAgent = "Test/1"
                )

            use connection = Client.Connect(uri, options)
            connection.Receive().Text =! "seen"
            connection.Subprotocol =! "v2"
            List.ofSeq seen =! [ "k"; "https://example.com"; "Bearer abc"; "Test/1" ]
            connection.Send "end")

        testCase "compresses with each window that can be agreed on, and with no history" (fun () ->
            for server, client, forgets in
                [
                    for server in [ 9; 12; 15 ] do
                        for client in [ 9; 12; 15 ] do
                            server, client, false

                    15, 15, true
                ] do
                let deflate =
                    PerMessageDeflate(
                        ServerMaxWindowBits = server,
                        ClientMaxWindowBits = client,
                        ServerNoContextTakeover = forgets,
                        ClientNoContextTakeover = forgets,
                        MinSize = 0
                    )

                let server, uri = serving (ServerOptions(Compression = deflate)) echo
                use _ = server

                use connection =
                    Client.Connect(uri, ClientOptions(Proxy = null, Compression = deflate))

                connection.Extensions.Count =! 1

                for size in [ 0; 10; 5_000; 100_000 ] do
                    let sent = payload size
                    connection.Send(ReadOnlySpan sent)
                    connection.Receive().Data.ToArray() =! sent)

        testCase "is recorded, if that is wanted" (fun () ->
            let server, uri = echoing ()
            use _ = server

            use connection =
                Client.Connect(uri, ClientOptions(Proxy = null, FlightRecorder = FlightRecorderOptions()))

            connection.Send "hello"
            connection.Receive() |> ignore
            connection.Close()
            test <@ (string connection.Recording).Length > 0 @>)

        testCase "is made by a socket that is there, and by the path of a Unix socket" (fun () ->
            let server, uri = echoing ()
            use _ = server
            let socket = new Socket(SocketType.Stream, ProtocolType.Tcp)
            socket.Connect server.LocalEndPoint
            use connection = Client.Connect(socket, uri, direct)
            connection.Send "over a socket"
            connection.Receive().Text =! "over a socket"
            let path = Path.Combine(Path.GetTempPath(), Path.GetRandomFileName())
            use local = Server.UnixServe(echo, path)
            local.Start()
            use other = Client.UnixConnect path
            other.Send "over a path"
            other.Receive().Text =! "over a path")

        testCase "ten thousand, one after the other, leave nothing" (fun () ->
            let server, uri = echoing ()
            use _ = server

            let count =
                if Wait.limit > TimeSpan.FromMinutes 1.0 then
                    10_000
                else
                    300

            let descriptors () =
                Directory.GetFiles("/proc/self/fd").Length

            let once () =
                use connection = Client.Connect(uri, direct)
                connection.Send "x"
                connection.Receive() |> ignore

            for _ in 1..20 do
                once ()

            Wait.until "the server has let go" (fun () -> server.Connections.Count = 0)
            let before = descriptors ()

            for _ in 1..count do
                once ()

            Wait.until "all descriptors are given back" (fun () -> descriptors () <= before + 2))
    ]

[<Tests>]
let observed =
    testList "what is told of a connection" [
        testCase "counts it while it is open, its messages, and how it ended, from its own side" (fun () ->
            let server, uri = echoing ()
            use _ = server
            use listener = new MeterListener()
            let sums = Collections.Concurrent.ConcurrentDictionary<string, float>()
            let tags = Collections.Concurrent.ConcurrentQueue<string>()

            listener.InstrumentPublished <-
                Action<_, _>(fun instrument listener ->
                    if instrument.Name.StartsWith("functionalws.client.", StringComparison.Ordinal) then
                        listener.EnableMeasurementEvents instrument)

            listener.SetMeasurementEventCallback<int>(
                MeasurementCallback(fun instrument value _ _ -> sums[instrument.Name] <- float value)
            )

            listener.SetMeasurementEventCallback<int64>(
                MeasurementCallback(fun instrument value _ _ ->
                    sums.AddOrUpdate(instrument.Name, float value, fun _ sum -> sum + float value)
                    |> ignore)
            )

            listener.SetMeasurementEventCallback<float>(
                MeasurementCallback(fun instrument _ all _ ->
                    if instrument.Name = "functionalws.client.connection.duration" then
                        for tag in all.ToArray() do
                            tags.Enqueue $"{tag.Key}={tag.Value}")
            )

            listener.Start()
            let connection = Client.Connect(uri, direct)
            connection.Send "hello"
            connection.Receive() |> ignore
            listener.RecordObservableInstruments()
            test <@ sums["functionalws.client.active_connections"] >= 1.0 @>
            test <@ sums["functionalws.client.messages"] >= 2.0 @>
            connection.Dispose()
            test <@ tags |> Seq.contains "functionalws.close.code=1000" @>
            test <@ tags |> Seq.contains "functionalws.close.initiator=client" @>)
    ]

/// A server that answers each request with what a test says, made of the request's key.
let private answering (script: string -> string) : TcpListener * string =
    let listener = listenAt Net.IPAddress.Loopback 0

    let rec accept () =
        serve listener (fun stream ->
            let head = readHead stream

            let line =
                head.Split "\r\n"
                |> Array.find (fun line -> line.StartsWith("Sec-WebSocket-Key: ", StringComparison.Ordinal))

            write stream (script (line.Substring 19))
            awaitEnd stream)
        |> ignore

    accept ()
    listener, $"ws://127.0.0.1:{portOf listener}/chat"

let private refused (answer: string -> string) : HandshakeRefusedException =
    let listener, uri = answering answer
    use _ = listener
    Wait.throws<HandshakeRefusedException>(fun () -> Client.Connect(uri, direct).Dispose())

let private accept (key: string) =
    Convert.ToBase64String(
        SHA1.HashData(Encoding.ASCII.GetBytes(key + "258EAFA5-E914-47DA-95CA-C5AB0DC85B11"))
    )


let private switching (lines: string list) (key: string) =
    String.Join(
        "\r\n",
        [
            "HTTP/1.1 101 Switching Protocols"
            yield! lines
            $"Sec-WebSocket-Accept: {accept key}"
            ""
            ""
        ]
    )

[<Tests>]
let refusals =
    testList "an answer" [
        testCase "with another status tells the status, the headers and the body" (fun () ->
            let error =
                refused (fun _ -> "HTTP/1.1 403 Forbidden\r\nContent-Length: 6\r\nX-Why: age\r\n\r\nminors")

            error.Response.StatusCode =! 403
            error.Response.Headers.Get "X-Why" =! "age"
            error.Body =! "minors"
            error.IsFromProxy =! false
            test <@ error.Message.Contains("403 Forbidden", StringComparison.Ordinal) @>)

        testCase "has its body cut at 64 KiB, however much comes" (fun () ->
            let error = refused (fun _ -> $"HTTP/1.1 500 Oops\r\n\r\n{String('x', 100_000)}")
            error.Response.Body.Length =! 65_536)

        testCase "that asks for credentials tells the challenges" (fun () ->
            let error =
                refused (fun _ ->
                    "HTTP/1.1 401 Unauthorized\r\nWWW-Authenticate: Basic realm=\"x\"\r\nContent-Length: 0\r\n\r\n")

            test <@ error.Error.IsAuthenticationRequired @>)

        for name, answer in
            [
                "with a wrong accept key",
                (fun _ ->
                    "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: AAAA\r\n\r\n")
                "without Upgrade", switching [ "Connection: Upgrade" ]
                "without Connection", switching [ "Upgrade: websocket" ]
                "with another Upgrade", switching [ "Upgrade: h2c"; "Connection: Upgrade" ]
                "with a subprotocol that wasn't offered",
                switching [ "Upgrade: websocket"; "Connection: Upgrade"; "Sec-WebSocket-Protocol: other" ]
                "with an extension that wasn't offered",
                switching [
                    "Upgrade: websocket"
                    "Connection: Upgrade"
                    "Sec-WebSocket-Extensions: x-other"
                ]
                "with terms of compression that weren't offered",
                switching [
                    "Upgrade: websocket"
                    "Connection: Upgrade"
                    "Sec-WebSocket-Extensions: permessage-deflate; client_max_window_bits=15"
                ]
            ] do
            testCase $"that switches protocols {name} is refused" (fun () ->
                let error = refused answer
                error.Response.StatusCode =! 101
                test <@ not (isNull (box error.Error)) @>)

        testCase "that is none of HTTP, or breaks its rules, or doesn't come, says so" (fun () ->
            for answer in [ "SSH-2.0-OpenSSH_9\r\n"; "HTTP/1.1 abc\r\n\r\n"; "" ] do
                let listener = listenAt Net.IPAddress.Loopback 0
                use _ = listener

                let peer =
                    serve listener (fun stream ->
                        readHead stream |> ignore
                        write stream answer)

                let error =
                    Wait.throws<IOException>(fun () ->
                        Client.Connect($"ws://127.0.0.1:{portOf listener}/", direct).Dispose())

                test <@ error.Message.Contains("127.0.0.1", StringComparison.Ordinal) @>
                Wait.forTask "the peer" peer)

        testCase "that drips takes no longer than OpenTimeout" (fun () ->
            let listener = listenAt Net.IPAddress.Loopback 0
            use _ = listener

            let peer =
                serve listener (fun stream ->
                    readHead stream |> ignore
                    write stream "HTTP/1.1 101 Swi"
                    awaitEnd stream)

            let options =
                ClientOptions(Proxy = null, OpenTimeout = Nullable(TimeSpan.FromMilliseconds 100.0))

            let error =
                Wait.throws<TimeoutException>(fun () ->
                    Client.Connect($"ws://127.0.0.1:{portOf listener}/", options).Dispose())

            test <@ error.Message.Contains("00:00:00.1", StringComparison.Ordinal) @>
            Wait.forTask "the peer" peer)

        testCase "is not waited for when that is cancelled" (fun () ->
            let listener = listenAt Net.IPAddress.Loopback 0
            use _ = listener
            use cancellation = new CancellationTokenSource()

            let peer =
                serve listener (fun stream ->
                    readHead stream |> ignore
                    cancellation.Cancel()
                    awaitEnd stream)

            Wait.throws<OperationCanceledException>(fun () ->
                Client.Connect($"ws://127.0.0.1:{portOf listener}/", direct, cancellation.Token).Dispose())
            |> ignore

            Wait.forTask "the peer" peer)
    ]

[<Tests>]
let redirects =
    testList "a redirect" [
        testCase "is followed, and what tells who the client is stays with the origin" (fun () ->
            let seen = List<string>()

            let server, uri =
                serving (ServerOptions()) (fun connection ->
                    seen.Add(connection.Request.Headers.Get "Authorization")
                    connection.Receive() |> ignore)

            use _ = server

            let listener, first =
                answering (fun _ ->
                    $"HTTP/1.1 302 Found\r\nLocation: {uri}there\r\nContent-Length: 0\r\n\r\n")

            use _ = listener

            use connection =
                Client.Connect(first, ClientOptions(Proxy = null, BearerToken = "secret"))

            string connection.Uri =! uri + "there"
            connection.Send "end"
            Wait.until "the server has seen it" (fun () -> seen.Count = 1)
            seen[0] =! null)

        testCase "beyond MaxRedirects is a refusal without an error" (fun () ->
            let listener, uri =
                answering (fun _ ->
                    "HTTP/1.1 302 Found\r\nLocation: /elsewhere\r\nContent-Length: 0\r\n\r\n")

            use _ = listener
            let options = ClientOptions(Proxy = null, MaxRedirects = 0)

            let error =
                Wait.throws<HandshakeRefusedException>(fun () -> Client.Connect(uri, options).Dispose())

            error.Response.StatusCode =! 302
            isNull (box error.Error) =! true)
    ]

[<Tests>]
let settings =
    testList "an option" [
        testCase "that is wrong is refused with its name" (fun () ->
            for options, name in
                [
                    ClientOptions(OpenTimeout = Nullable TimeSpan.Zero), "OpenTimeout"
                    ClientOptions(MaxRedirects = -1), "MaxRedirects"
                    ClientOptions(MaxMessageSize = Nullable -1), "MaxMessageSize"
                    ClientOptions(Compression = PerMessageDeflate(ClientMaxWindowBits = 8)),
                    "ClientMaxWindowBits"
                    ClientOptions(Compression = PerMessageDeflate(Level = 10)), "Level"
                    ClientOptions(BearerToken = "x", Credentials = { Username = "a"; Password = "b" }),
                    "BearerToken"
                    ClientOptions(Headers = Dictionary(dict [ "Host", "x" ])), "Host"
                    ClientOptions(Subprotocols = [| "a b" |]), "a b"
                    ClientOptions(Origin = "a b"), "a b"
                ] do
                let error =
                    Wait.throws<ArgumentException>(fun () ->
                        Client.Connect("ws://localhost:1/", options).Dispose())

                test <@ error.Message.Contains(name, StringComparison.Ordinal) @>)

        testCase "with a secret is in no text" (fun () ->
            let text =
                string (
                    ClientOptions(
                        BearerToken = "secret",
                        Credentials = { Username = "a"; Password = "secret" }
                    )
                )

            test <@ not (text.Contains("secret", StringComparison.Ordinal)) @>)

        testCase "is no excuse for a URI that is none" (fun () ->
            for uri in [ "http://localhost/"; "localhost"; "ws://localhost/#x" ] do
                Wait.throws<UriFormatException>(fun () -> Client.Connect(uri).Dispose())
                |> ignore)
    ]

[<Tests>]
let reconnecting =
    testList "ConnectForever" [
        testCase "gives a connection after the other, and waits in between by its clock" (fun () ->
            let server, uri =
                serving (ServerOptions()) (fun connection -> connection.Send "once")

            use _ = server
            let clock = ManualTimeProvider()
            let options = ClientOptions(Proxy = null, TimeProvider = clock)
            use three = new CountdownEvent 3

            let work =
                Wait.start (fun () ->
                    Client.ConnectForever(uri, options)
                    |> Seq.take 3
                    |> Seq.map (fun connection ->
                        let text = connection.Receive().Text
                        three.Signal() |> ignore
                        text)
                    |> List.ofSeq)

            while not (three.Wait 10) do
                clock.Advance(TimeSpan.FromSeconds 1.0)

            Wait.forTask "three connections" work =! [ "once"; "once"; "once" ])

        testCase "throws what doesn't pass, and tries again what may" (fun () ->
            let answers =
                Queue [
                    "HTTP/1.1 503 Busy\r\nContent-Length: 0\r\n\r\n"
                    "HTTP/1.1 404 Gone\r\nContent-Length: 0\r\n\r\n"
                ]

            let listener = listenAt Net.IPAddress.Loopback 0
            use _ = listener

            let peer =
                Wait.start (fun () ->
                    while answers.Count > 0 do
                        serve listener (fun stream ->
                            readHead stream |> ignore
                            write stream (answers.Dequeue()))
                        |> Wait.forTask "a client")

            let waits =
                ReconnectOptions(
                    InitialDelay = TimeSpan.FromMilliseconds 1.0,
                    MaxDelay = TimeSpan.FromMilliseconds 1.0
                )

            let error =
                Wait.throws<HandshakeRefusedException>(fun () ->
                    Client.ConnectForever($"ws://127.0.0.1:{portOf listener}/", direct, waits)
                    |> Seq.iter ignore)

            error.Response.StatusCode =! 404
            Wait.forTask "the peer" peer)

        testCase
            "waits twice as long after each failure, up to the longest, less what is left to chance"
            (fun () ->
                let waits =
                    ReconnectOptions(
                        InitialDelay = TimeSpan.FromSeconds 1.0,
                        MaxDelay = TimeSpan.FromSeconds 60.0,
                        Jitter = 0.5
                    )

                [ for failures in 0..8 -> waits.Delay(failures, 0.0).TotalSeconds ]
                =! [ 1; 1; 2; 4; 8; 16; 32; 60; 60 ]

                waits.Delay(1_000_000, 1.0).TotalSeconds =! 30.0)

        testCase "ends while it waits when it is cancelled" (fun () ->
            use cancellation = new CancellationTokenSource()
            let port = closedPort ()

            let waits =
                ReconnectOptions(InitialDelay = TimeSpan.FromHours 1.0, MaxDelay = TimeSpan.FromHours 1.0)

            let work =
                Wait.start (fun () ->
                    Wait.throws<OperationCanceledException>(fun () ->
                        Client.ConnectForever($"ws://127.0.0.1:{port}/", direct, waits, cancellation.Token)
                        |> Seq.iter ignore)
                    |> ignore)

            cancellation.CancelAfter 50
            Wait.forTask "the end" work)

        testCase "refuses options that are wrong before it is enumerated" (fun () ->
            let error =
                Wait.throws<ArgumentOutOfRangeException>(fun () ->
                    Client.ConnectForever("ws://localhost/", direct, ReconnectOptions(Jitter = 2.0))
                    |> ignore)

            test <@ error.Message.Contains("from 0 to 1", StringComparison.Ordinal) @>)
    ]
