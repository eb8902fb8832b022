/// Servers made of functions, handlers of both kinds.
module FunctionalWs.FSharp.Tests.ServingTests

open System
open System.Collections.Concurrent
open System.IO
open System.Net
open System.Net.Sockets
open System.Threading.Tasks
open Expecto
open Swensen.Unquote
open FunctionalWs
open FunctionalWs.FSharp
open FunctionalWs.Testing
open FunctionalWs.FSharp.Tests.Talk

let private describe (connection: ServerConnection) =
    for message in connection do
        match message with
        | Text text -> connection.Send $"text {text}"
        | Binary data -> connection.Send(Array.rev (data.ToArray()))

let private loopback = IPEndPoint(IPAddress.Loopback, 0)

/// True for a connection that no thread waits for.
let private isParked (server: Server) (path: string) =
    use client = WebSocket.connectWith patient (address server path)
    client.Send "x"
    client.Receive limit |> ignore
    (Seq.exactlyOne server.Connections).Seat <> null

let private inTemporaryFolder (run: string -> unit) =
    let folder = Directory.CreateTempSubdirectory()

    try
        run folder.FullName
    finally
        folder.Delete true

[<Tests>]
let patterns =
    testList "patterns of messages" [
        testCase "a text message matches Text with its text" (fun () ->
            let found =
                match Message "grüße" with
                | Text text -> text
                | Binary _ -> failwith "matched Binary"

            found =! "grüße")

        testCase "a binary message matches Binary with its bytes, not copied" (fun () ->
            let bytes = [| 1uy; 2uy |]

            match Message(ReadOnlyMemory bytes) with
            | Text _ -> failwith "matched Text"
            | Binary data ->
                bytes[0] <- 9uy
                data.ToArray() =! [| 9uy; 2uy |])
    ]

[<Tests>]
let serving =
    testList "serving" [
        testCase "serve makes a server of a function" (fun () ->
            use server = WebSocket.serve "127.0.0.1" 0 describe |> started
            use client = WebSocket.connectWith patient (address server "/")
            client.Send "hi"
            client.Receive(limit).Text =! "text hi"
            client.Send "abc"B
            client.Receive(limit).Data.ToArray() =! "cba"B)

        testCase "serve refuses a port out of range by its name" (fun () ->
            raises<ArgumentOutOfRangeException> <@ WebSocket.serve "127.0.0.1" 65_536 describe @>)

        testCase "each way to serve uses the options that it is given" (fun () ->
            inTemporaryFolder (fun folder ->
                let path = Path.Combine(folder, "socket")
                let wrong = Options.server |> Options.maxQueue (Some 0)

                let bound () =
                    let socket = new Socket(SocketType.Stream, ProtocolType.Tcp)
                    socket.Bind loopback
                    socket

                let rules = [ Route.get ("/", describe) ]
                raises<ArgumentOutOfRangeException> <@ WebSocket.serveWith wrong "127.0.0.1" 0 describe @>
                raises<ArgumentOutOfRangeException> <@ WebSocket.serveAllWith wrong [ loopback ] describe @>

                raises<ArgumentOutOfRangeException>
                    <@ WebSocket.serveSocketWith wrong (bound ()) describe @>

                raises<ArgumentOutOfRangeException> <@ WebSocket.unixServeWith wrong path describe @>
                raises<ArgumentOutOfRangeException> <@ WebSocket.systemdServeWith wrong describe @>
                raises<InvalidOperationException> <@ WebSocket.systemdServe describe @>
                raises<ArgumentOutOfRangeException> <@ WebSocket.routeWith wrong "127.0.0.1" 0 rules @>
                raises<ArgumentOutOfRangeException> <@ WebSocket.unixRouteWith wrong path rules @>))

        testCase "several addresses and a socket that is there are served" (fun () ->
            use several = WebSocket.serveAll [ loopback; loopback ] describe |> started

            several.LocalEndPoints.Count =! 2
            askAt several "/" "a" =! "text a"
            let socket = new Socket(SocketType.Stream, ProtocolType.Tcp)
            socket.Bind loopback
            use one = WebSocket.serveSocket socket describe |> started
            askAt one "/" "b" =! "text b")

        testCase "Unix sockets are served, and connected to" (fun () ->
            inTemporaryFolder (fun folder ->
                let path = Path.Combine(folder, "socket")
                use server = WebSocket.unixServe path describe |> started
                use client = WebSocket.unixConnectWith patient path "ws://localhost/"
                client.Send "hi"
                client.Receive(limit).Text =! "text hi"

                let routed = Path.Combine(folder, "routed")
                use server = WebSocket.unixRoute routed [ Route.get ("/a", describe) ] |> started
                use client = WebSocket.unixConnectWith patient routed "ws://localhost/a"
                client.Send "hi"
                client.Receive(limit).Text =! "text hi"))

        testCase "a handler may be a task, which its connection waits for" (fun () ->
            let handler (connection: ServerConnection) =
                task {
                    do! Task.Yield()
                    let message = connection.Receive()
                    do! Task.Yield()
                    connection.Send $"task {message.Text}"
                }

            use server = InMemoryServer.Serve(Handler.ofTask handler)
            use client = server.Connect()
            client.Send "a"
            client.Receive().Text =! "task a"
            client.WaitClosed().Number =! 1000)

        testCase "a handler whose task fails closes with 1011" (fun () ->
            let handler (_: ServerConnection) : Task<unit> = task { return invalidOp "no" }
            use server = InMemoryServer.Serve(Handler.ofTask handler)
            use client = server.Connect()
            client.WaitClosed().Number =! 1011)

        testCase "connectForever connects again when a connection has ended" (fun () ->
            use server = WebSocket.serve "127.0.0.1" 0 describe |> started
            let soon = ReconnectOptions(InitialDelay = TimeSpan.FromMilliseconds 1.0)

            let answers = [
                for connection in
                    WebSocket.connectForeverWith patient soon (address server "/") |> Seq.truncate 2 do
                    connection.Send "a"
                    connection.Receive(limit).Text
            ]

            answers =! [ "text a"; "text a" ])
    ]

[<Tests>]
let messages =
    testList "handlers for messages" [
        testCase "forEach makes a handler that is called for each message" (fun () ->
            let handler = Messages.forEach (fun connection message -> connection.Send message)
            use server = WebSocket.serve "127.0.0.1" 0 handler |> started
            askAt server "/" "a" =! "a"
            askAt server "/" "b" =! "b")

        testCase
            "converse is a task for each connection, which asks for messages until there are no more"
            (fun () ->
                let ended = TaskCompletionSource<int option>()

                let handler =
                    Messages.converse (fun connection ->
                        task {
                            let mutable goesOn = true

                            while goesOn do
                                match! Connection.tryReceiveTask connection with
                                | Some message -> do! connection.SendAsync message
                                | None -> goesOn <- false

                            ended.SetResult(Connection.closeCode connection)
                        })

                use server = WebSocket.serve "127.0.0.1" 0 handler |> started
                use client = WebSocket.connectWith patient (address server "/")
                client.Send "a"
                client.Receive(limit).Text =! "a"
                client.Close()
                ended.Task.Wait limit =! true
                ended.Task.Result =! Some 1000)

        testCase "forEachTask waits for the task of one message before it gives the next" (fun () ->
            let handler =
                Messages.forEachTask (fun connection message ->
                    task {
                        do! Task.Yield()
                        connection.Send message
                    })

            use server = InMemoryServer.Serve handler
            use client = server.Connect()

            for text in [ "a"; "b"; "c" ] do
                client.Send text

            [ for _ in 1..3 -> client.Receive().Text ] =! [ "a"; "b"; "c" ])

        testCase "fold keeps a state for each connection" (fun () ->
            let count (connection: ServerConnection) (count: int) (message: Message) =
                connection.Send $"{message.Text} {count}"
                count + 1

            use server = InMemoryServer.Serve(Messages.fold (fun _ -> 1) count)
            use one = server.Connect()
            use other = server.Connect()

            let ask (client: TestClient) (text: string) =
                client.Send text
                client.Receive().Text

            ask one "a" =! "a 1"
            ask one "b" =! "b 2"
            ask other "c" =! "c 1"
            ask one "d" =! "d 3")

        testCase
            "foldUntil gives the last state at the end, and none where the first could not be made"
            (fun () ->
                let ended = ConcurrentQueue<string>()

                let first (connection: ServerConnection) =
                    if connection.Request.Target = "/fails" then
                        invalidOp "no state"

                    [ "opened" ]

                let handler =
                    Messages.foldUntil first (fun _ state message -> message.Text :: state) (fun _ state ->
                        ended.Enqueue(String.concat " " (List.rev state)))

                use server = InMemoryServer.Serve handler

                use failing = server.Connect("/fails")
                failing.WaitClosed().Number =! 1011
                use client = server.Connect()
                client.Send "a"
                client.Send "b"
                client.Close() |> ignore
                eventually (fun () -> ended.Count > 0) =! true
                List.ofSeq ended =! [ "opened a b" ])

        testCase
            "no thread waits for a connection of theirs, as a server's, as a route's, behind values of a route"
            (fun () ->
                let echo = Messages.forEach (fun connection message -> connection.Send message)
                use plain = WebSocket.serve "127.0.0.1" 0 echo |> started

                use routed =
                    WebSocket.route "127.0.0.1" 0 [
                        Route.get ("/plain", echo)
                        Route.get ("/of/{id:int}", fun connection (_: int) -> echo connection)
                    ]
                    |> started

                let isHere = OperatingSystem.IsLinux()
                isParked plain "/" =! isHere
                isParked routed "/plain" =! isHere
                isParked routed "/of/7" =! isHere)
    ]
