module FunctionalWs.AspNetCore.Tests.FaultTests

open System
open System.Net
open System.Net.Sockets
open System.Text
open System.Threading
open System.Threading.Tasks
open Microsoft.AspNetCore.Builder
open Expecto
open Swensen.Unquote
open FunctionalWs
open FunctionalWs.AspNetCore
open FunctionalWs.AspNetCore.Tests.Apps
open FunctionalWs.Server.Tests

/// A client that has opened a connection, and then does with its socket what no client should.
let private rough (app: App) : Socket =
    let socket =
        new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp)

    socket.ReceiveBufferSize <- 4_096
    socket.Connect(IPAddress.Loopback, (app.Address Http1).Port)

    socket.Send(
        Encoding.Latin1.GetBytes
            "GET / HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
    )
    |> ignore

    let head = Array.zeroCreate<byte> 4_096
    let mutable size = 0

    while not (Encoding.Latin1.GetString(head, 0, size).EndsWith "\r\n\r\n") do
        size <- size + socket.Receive(head, size, 1, SocketFlags.None)

    socket

let private impatient (options: Hosting.WebSocketServerOptions) =
    options.SendTimeout <- TimeSpan.FromMilliseconds 300.0
    options.CloseTimeout <- TimeSpan.FromMilliseconds 300.0

[<Tests>]
let faults =
    testList "faults behind ASP.NET Core" [
        for name in [ "blocks"; "is for messages" ] do
            testCase $"a client that doesn't read is given up, with a handler that {name}" (fun () ->
                let flood (connection: ServerConnection) =
                    while true do
                        connection.Send(String('x', 100_000))

                let map =
                    match name with
                    | "blocks" -> at flood
                    | _ ->
                        fun web ->
                            web.MapWebSocket(
                                "/",
                                Action<ServerConnection, Message>(fun connection _ -> flood connection)
                            )
                            |> ignore

                use app = runWith ignore impatient map
                use client = rough app
                // An empty text, masked.
                client.Send [| 0x81uy; 0x80uy; 0uy; 0uy; 0uy; 0uy |] |> ignore
                app.AwaitEmpty())

        testCase "clients that don't read what is sent back hold no threads" (fun () ->
            use app =
                runWith
                    ignore
                    (fun options -> options.MaxMessageSize <- 10_000_000)
                    (snd FaceTests.echoes[1])
            // A binary message of 4 MiB, with a mask of zeros.
            let size = 4 * 1024 * 1024

            let frame = [|
                0x82uy
                0xFFuy
                yield! Array.zeroCreate 4
                byte (size >>> 24)
                byte (size >>> 16)
                byte (size >>> 8)
                byte size
                yield! Array.zeroCreate 4
                yield! Array.zeroCreate size
            |]

            let clients = [ for _ in 1..40 -> rough app ]
            let before = ThreadPool.ThreadCount

            let sending =
                clients
                |> List.map (fun client ->
                    Wait.start (fun () ->
                        client.Send frame |> ignore
                        client.Send [| 0x81uy; 0x80uy; 0uy; 0uy; 0uy; 0uy |] |> ignore))

            sending |> List.iter (Wait.forTask "a client to have sent")
            use other = new PlatformSocket(app, Http1)

            for number in 1..20 do
                other.Ask $"{number}" =! $"{number}"

            test <@ ThreadPool.ThreadCount < before + 20 @>

            for client in clients do
                client.Dispose()

            other.Close()
            app.AwaitEmpty())

        testCase "a client that ends its side and doesn't read is given up" (fun () ->
            let answer (connection: ServerConnection) (_: Message) =
                connection.Send(Array.zeroCreate<byte> 20_000_000)

            use app =
                run (fun web -> web.MapWebSocket("/", Action<ServerConnection, Message> answer) |> ignore)

            use client = rough app
            client.Send [| 0x81uy; 0x80uy; 0uy; 0uy; 0uy; 0uy |] |> ignore
            client.Shutdown SocketShutdown.Send
            app.AwaitEmpty())

        testCase "a host stops although a client doesn't read" (fun () ->
            let app =
                runWith
                    ignore
                    (fun options -> options.CloseTimeout <- TimeSpan.FromMilliseconds 300.0)
                    (at (fun connection ->
                        while true do
                            connection.Send(String('x', 100_000))))

            use client = rough app
            Wait.until "somebody is there" (fun () -> app.Server.Connections.Count = 1)
            (app :> IDisposable).Dispose())

        testCase "a host stops although a handler doesn't return" (fun () ->
            use go = new ManualResetEventSlim(false)

            let app =
                runWith
                    ignore
                    (fun options -> options.CloseTimeout <- TimeSpan.FromMilliseconds 300.0)
                    (at (fun _ -> go.Wait()))

            use client = rough app
            Wait.until "somebody is there" (fun () -> app.Server.Connections.Count = 1)
            let stopping = Wait.start (fun () -> (app :> IDisposable).Dispose())
            Wait.until "the server has stopped" (fun () -> app.Server.IsStopping)
            go.Set()
            Wait.forTask "the stop" stopping)

        testCase "a silent client is given up by keepalive" (fun () ->
            use app =
                runWith
                    ignore
                    (fun options ->
                        options.PingInterval <- TimeSpan.FromMilliseconds 50.0
                        options.PingTimeout <- TimeSpan.FromMilliseconds 200.0)
                    (snd FaceTests.echoes[1])

            use client = rough app
            app.AwaitEmpty())

        testTheory
            "what breaks the protocol ends with its code"
            [
                "not masked", [ 0x81uy; 0x01uy; 0x61uy ], 1002
                "no UTF-8", [ 0x81uy; 0x82uy; 0uy; 0uy; 0uy; 0uy; 0xC3uy; 0x28uy ], 1007
            ]
            (fun (_, bytes, code) ->
                use app = run (snd FaceTests.echoes[1])
                use client = rough app
                client.Send(Array.ofList bytes) |> ignore
                let answer = Array.zeroCreate<byte> 4
                client.ReceiveTimeout <- int Wait.limit.TotalMilliseconds
                let mutable size = 0

                while size < 4 do
                    size <- size + client.Receive(answer, size, 4 - size, SocketFlags.None)

                answer[0] =! 0x88uy
                int answer[2] * 256 + int answer[3] =! code
                app.AwaitEmpty())

        testCase "clients that come and vanish by the hundred leave nothing" (fun () ->
            use app = run (snd FaceTests.echoes[0])

            for _ in 1..10 do
                [ for _ in 1..20 -> rough app ]
                |> List.iter (fun client ->
                    client.LingerState <- LingerOption(true, 0)
                    client.Dispose())

            app.AwaitEmpty())
    ]
