/// The F# package: patterns, servers and hooks made of functions.
module FunctionalWs.Api.Tests.IdiomTests

open System
open System.Collections.Concurrent
open System.Net
open System.Net.Http
open System.Net.WebSockets
open System.Text
open System.Threading
open Expecto
open Swensen.Unquote
open FunctionalWs
open FunctionalWs.FSharp
open FunctionalWs.Testing
open FunctionalWs.Protocol

let private limit = TimeSpan.FromSeconds 30.0

let private portOf (server: Server) =
    (server.LocalEndPoint :?> IPEndPoint).Port

/// Sends one message to a server and gives the answer.
let private exchange (server: Server) (kind: WebSocketMessageType) (data: byte[]) =
    use timeout = new CancellationTokenSource(limit)
    use client = new ClientWebSocket()
    client.ConnectAsync(Uri $"ws://127.0.0.1:{portOf server}/", timeout.Token).Wait()
    client.SendAsync(ArraySegment data, kind, true, timeout.Token).Wait()
    let buffer = Array.zeroCreate 100
    let answer = client.ReceiveAsync(ArraySegment buffer, timeout.Token).Result
    client.CloseAsync(WebSocketCloseStatus.NormalClosure, "", timeout.Token).Wait()
    answer.MessageType, buffer[.. answer.Count - 1]

let private describe (connection: ServerConnection) =
    for message in connection do
        match message with
        | Text text -> connection.Send $"text {text}"
        | Binary data -> connection.Send(Array.rev (data.ToArray()))

let private started (server: Server) =
    server.Start()
    server

let private get (server: Server) (path: string) =
    use client = new HttpClient(Timeout = limit)
    use answer = client.GetAsync($"http://127.0.0.1:{portOf server}{path}").Result
    int answer.StatusCode, answer.Content.ReadAsStringAsync().Result

[<Tests>]
let idioms =
    testList "F# idioms" [
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

        testCase "serve makes a server of a function" (fun () ->
            use server = WebSocket.serve "127.0.0.1" 0 describe |> started

            exchange server WebSocketMessageType.Text "hi"B
            =! (WebSocketMessageType.Text, "text hi"B)

            exchange server WebSocketMessageType.Binary "abc"B
            =! (WebSocketMessageType.Binary, "cba"B))

        testCase "Messages.forEach makes a handler that is called for each message" (fun () ->
            let handler = Messages.forEach (fun connection message -> connection.Send message)
            use server = Server.Serve(handler, "127.0.0.1", 0) |> started

            for text in [ "a"; "b" ] do
                exchange server WebSocketMessageType.Text (Encoding.UTF8.GetBytes text)
                =! (WebSocketMessageType.Text, Encoding.UTF8.GetBytes text))

        testCase "Messages.fold keeps a state for each connection" (fun () ->
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
            "Messages.foldUntil gives the last state at the end, and none where the first could not be made"
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
                SpinWait.SpinUntil((fun () -> ended.Count > 0), limit) =! true
                List.ofSeq ended =! [ "opened a b" ])

        testCase "serve refuses a port out of range by its name" (fun () ->
            raises<ArgumentOutOfRangeException> <@ WebSocket.serve "127.0.0.1" 65_536 describe @>)

        testCase "serveWith uses the options" (fun () ->
            let options = ServerOptions(MaxQueue = 0)
            raises<ArgumentOutOfRangeException> <@ WebSocket.serveWith options "127.0.0.1" 0 describe @>)

        testCase "processRequest answers with a response, and goes on without one" (fun () ->
            let answer (_: ServerConnection) (request: Request) =
                if request.Target = "/health" then
                    Some(Response.Text(200, "fine"))
                else
                    None

            let options = ServerOptions(ProcessRequest = WebSocket.processRequest answer)
            use server = WebSocket.serveWith options "127.0.0.1" 0 describe |> started
            get server "/health" =! (200, "fine")
            let _, answer = exchange server WebSocketMessageType.Text "x"B
            Encoding.UTF8.GetString answer =! "text x")
    ]
