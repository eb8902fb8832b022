module FunctionalWs.Server.Tests.LoopbackTests

open System
open System.Diagnostics
open System.Net
open System.Net.WebSockets
open System.Threading
open System.Threading.Tasks
open Microsoft.Extensions.Logging
open Expecto
open Swensen.Unquote
open FunctionalWs

let private defaults = ServerOptions()

let private connect (server: Server) =
    let client = new ClientWebSocket()
    use limit = new CancellationTokenSource(Wait.limit)
    let port = (server.LocalEndPoint :?> IPEndPoint).Port
    client.ConnectAsync(Uri $"ws://127.0.0.1:{port}/", limit.Token).Wait()
    client

let private send (client: ClientWebSocket) (kind: WebSocketMessageType) (data: byte[]) =
    use limit = new CancellationTokenSource(Wait.limit)
    client.SendAsync(ArraySegment data, kind, true, limit.Token).Wait()

let private receive (client: ClientWebSocket) : WebSocketMessageType * byte[] =
    use limit = new CancellationTokenSource(Wait.limit)
    let message = new IO.MemoryStream()
    let buffer = Array.zeroCreate<byte> 65_536

    let rec next () =
        let result = client.ReceiveAsync(ArraySegment buffer, limit.Token).Result
        message.Write(buffer, 0, result.Count)

        if result.EndOfMessage then
            result.MessageType, message.ToArray()
        else
            next ()

    next ()

let private closeCode (client: ClientWebSocket) =
    let kind, _ = receive client
    kind =! WebSocketMessageType.Close
    int client.CloseStatus.Value

/// The threads whose names begin so; the kernel keeps fifteen characters of a name.
let threadsNamed (start: string) =
    IO.Directory.GetDirectories "/proc/self/task"
    |> Array.filter (fun task ->
        try
            IO.File.ReadAllText(IO.Path.Combine(task, "comm")).StartsWith(start, StringComparison.Ordinal)
        with :? IO.IOException ->
            false) // it has just ended
    |> Array.length

[<Tests>]
let loopback =
    testList "over loopback, with the platform's client" [
        testTheory
            "messages of many sizes come back"
            [ 0; 1; 125; 126; 65_535; 65_536; 1_048_576 ]
            (fun size ->
                use server = Serve.overTcp Serve.echo defaults
                use client = connect server
                let text = Array.init size (fun i -> byte (97 + i % 26))
                let binary = Array.init size (fun i -> byte (i * 7))
                send client WebSocketMessageType.Text text
                receive client =! (WebSocketMessageType.Text, text)
                send client WebSocketMessageType.Binary binary
                receive client =! (WebSocketMessageType.Binary, binary))

        testCase "a message of 1 MiB and a byte is refused with 1009" (fun () ->
            use server = Serve.overTcp Serve.echo defaults
            use client = connect server

            // The server may cut the rest of the message off while the client still sends it.
            try
                send client WebSocketMessageType.Binary (Array.zeroCreate 1_048_577)
            with :? AggregateException ->
                ()

            closeCode client =! 1009)

        testCase "a handler that throws is seen as 1011, and the server goes on" (fun () ->
            use server =
                defaults
                |> Serve.overTcp (fun connection ->
                    if connection.Receive().Text = "throw" then
                        failwith "as asked for")

            use first = connect server
            send first WebSocketMessageType.Text "throw"B
            closeCode first =! 1011
            use second = connect server
            send second WebSocketMessageType.Text "return"B
            closeCode second =! 1000)

        testCase "a client that vanishes ends its handler" (fun () ->
            use ended = new ManualResetEventSlim(false)

            use server =
                defaults
                |> Serve.overTcp (fun connection ->
                    try
                        connection.Receive() |> ignore
                    with :? ConnectionClosedErrorException ->
                        ended.Set())

            let client = PeerClient.OverTcp server
            client.ShakeHands()
            let socket = (client.Transport :?> SocketTransport).Socket
            socket.LingerState <- Sockets.LingerOption(true, 0) // a reset
            socket.Dispose()
            Wait.forEvent "the handler" ended)

        testCase "thousands of clients that leave at once, by a reset, hold up nobody" (fun () ->
            use records = new Records()

            // However long 2,000 clients take, the good one is not asked whether it lives.
            use server =
                Serve.overTcp Serve.echo (ServerOptions(LoggerFactory = records, PingInterval = Nullable()))

            use good = PeerClient.OverTcp server
            good.ShakeHands()

            for i in 1..2_000 do
                use socket = new Sockets.Socket(Sockets.SocketType.Stream, Sockets.ProtocolType.Tcp)
                socket.LingerState <- Sockets.LingerOption(true, 0)
                socket.Connect server.LocalEndPoint

                if i % 2 = 0 then
                    socket.Send("GET / HTTP/1.1\r\nHost"B) |> ignore

            use late = PeerClient.OverTcp server
            late.ShakeHands()
            late.SendText "still there"
            late.ReadText() =! "still there"
            good.SendText "so am I"
            good.ReadText() =! "so am I"
            test <@ records.Of LogLevel.Error = [] && records.Of LogLevel.Warning = [] @>)

        testCase "an address is known after the end" (fun () ->
            let found = TaskCompletionSource<ServerConnection>()

            use server =
                defaults |> Serve.overTcp (fun connection -> found.SetResult connection)

            use client = connect server
            closeCode client =! 1000
            client.CloseOutputAsync(WebSocketCloseStatus.NormalClosure, "", CancellationToken.None).Wait()
            let connection = found.Task.Result
            Wait.until "it is closed" (fun () -> connection.State = ConnectionState.Closed)
            test <@ (connection.RemoteEndPoint :?> IPEndPoint).Address = IPAddress.Loopback @>)
    ]

[<Tests>]
let scale =
    testSequenced (
        testList "many connections" [
            testCase "200 clients at once are all served" (fun () ->
                use server = Serve.overTcp Serve.echo defaults
                let clients = [| for _ in 1..200 -> connect server |]

                let text (i: int) (round: int) =
                    Text.Encoding.ASCII.GetBytes $"client {i} round {round}"

                for round in 1..5 do
                    clients
                    |> Array.iteri (fun i client -> send client WebSocketMessageType.Text (text i round))

                    clients
                    |> Array.iteri (fun i client ->
                        receive client =! (WebSocketMessageType.Text, text i round))

                for client in clients do
                    client.Dispose())

            testCase "500 connections take 500 threads and a few, which are given back" (fun () ->
                Wait.until "the servers of other tests are gone" (fun () -> threadsNamed "FunctionalWs " = 0)
                let before = Process.GetCurrentProcess().Threads.Count
                use server = Serve.overTcp Serve.echo defaults
                let clients = [| for _ in 1..500 -> PeerClient.OverTcp server |]

                for client in clients do
                    client.ShakeHands()

                threadsNamed "FunctionalWs co" =! 500
                threadsNamed "FunctionalWs " =! 500 + 2
                Process.GetCurrentProcess().Threads.Count <=! before + 500 + 32

                for client in clients do
                    (client :> IDisposable).Dispose()

                Wait.until "the threads are given back" (fun () -> threadsNamed "FunctionalWs " <= 2 + 16))
        ]
    )

[<Tests>]
let writing =
    testList "TryWrite never waits" [
        for family in [ Sockets.AddressFamily.InterNetwork; Sockets.AddressFamily.Unix ] do
            for bufferSize in [ 1; 4_096; 20_000; 0 ] do
                testCase $"for a peer that doesn't read, {family}, send buffer {bufferSize}" (fun () ->
                    let kind =
                        if family = Sockets.AddressFamily.Unix then
                            Sockets.ProtocolType.Unspecified
                        else
                            Sockets.ProtocolType.Tcp

                    let path = IO.Path.GetTempFileName()
                    IO.File.Delete path

                    let address: EndPoint =
                        if family = Sockets.AddressFamily.Unix then
                            Sockets.UnixDomainSocketEndPoint path
                        else
                            IPEndPoint(IPAddress.Loopback, 0)

                    use listener = new Sockets.Socket(family, Sockets.SocketType.Stream, kind)
                    listener.Bind address
                    listener.Listen()
                    use peer = new Sockets.Socket(family, Sockets.SocketType.Stream, kind)
                    peer.Connect listener.LocalEndPoint
                    use atServer = listener.Accept()

                    if bufferSize > 0 then
                        atServer.SendBufferSize <- bufferSize

                    use transport = new SocketTransport(atServer)
                    let data = Array.zeroCreate<byte> 1_000_000

                    let writing =
                        Wait.start (fun () ->
                            let mutable total = 0
                            let mutable written = -1

                            while written <> 0 do
                                written <- transport.TryWrite(ReadOnlySpan data)
                                total <- total + written

                            total)

                    let total = Wait.forTask "the writer" writing
                    test <@ total > 0 @>)
    ]
