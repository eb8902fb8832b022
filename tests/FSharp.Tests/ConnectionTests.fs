/// Connections, JSON, requests and broadcasts: what may be absent is an option.
module FunctionalWs.FSharp.Tests.ConnectionTests

open System
open System.Collections.Concurrent
open System.Text.Json
open Expecto
open Swensen.Unquote
open FunctionalWs
open FunctionalWs.FSharp
open FunctionalWs.Protocol
open FunctionalWs.Testing
open FunctionalWs.FSharp.Tests.Talk

/// What comes next, in bounded time.
let private next (found: BlockingCollection<'T>) : 'T =
    let mutable value = Unchecked.defaultof<'T>
    found.TryTake(&value, limit) =! true
    value

type Move = { X: int; Note: string option }

type Step =
    | Left
    | Right of int

type private Hidden = { Y: int }

let private move = Json.typeInfo<Move> JsonSerializerOptions.Web

/// Runs a handler with a client, and gives what the handler has found out.
let private foundBy (handler: ServerConnection -> 'T) (client: TestClient -> unit) : 'T =
    use found = new BlockingCollection<'T>()
    use server = InMemoryServer.Serve(fun connection -> found.Add(handler connection))
    use connected = server.Connect()
    client connected
    next found

[<Tests>]
let types =
    testList "the type of a value in JSON" [
        testCase
            "is found for records, lists, options and tuples, and for a union with a converter"
            (fun () ->
                let web = JsonSerializerOptions.Web

                Json.typeInfo<Move list>(web).Type =! typeof<Move list>
                Json.typeInfo<int option>(web).Type =! typeof<int option>
                Json.typeInfo<string * int>(web).Type =! typeof<string * int>

                let converter = {
                    new Serialization.JsonConverter<Step>() with
                        override _.Read(_, _, _) = Left
                        override _.Write(writer, _, _) = writer.WriteNullValue()
                }

                let options = JsonSerializerOptions(JsonSerializerOptions.Web)
                options.Converters.Add converter
                Json.typeInfo<Step>(options).Type =! typeof<Step>)

        testCase "is refused at once for a union without one, and for what is private" (fun () ->
            let refusal (find: JsonSerializerOptions -> obj) =
                try
                    find JsonSerializerOptions.Web |> ignore
                    "none"
                with :? NotSupportedException as error ->
                    error.Message

            let union = refusal (fun options -> Json.typeInfo<Step> options)
            let hidden = refusal (fun options -> Json.typeInfo<Hidden> options)
            test <@ union.Contains "is a union" && hidden.Contains "is not public" @>)
    ]

[<Tests>]
let receiving =
    testList "receiving" [
        testCase "tryReceive gives message after message, and none when the client has closed" (fun () ->
            let rec all (connection: ServerConnection) =
                match Connection.tryReceive connection with
                | Some message -> message.Text :: all connection
                | None -> []

            foundBy all (fun client ->
                client.Send "a"
                client.Send "b"
                client.Close() |> ignore)
            =! [ "a"; "b" ])

        testCase "tryReceive throws when the client has vanished" (fun () ->
            let seen (connection: ServerConnection) =
                try
                    string (Connection.tryReceive connection)
                with :? ConnectionClosedErrorException as error ->
                    error.Message

            foundBy seen _.Dispose() =! "no close frame received or sent")

        testCase "receiveWithin tells a message from the end and from nothing in time" (fun () ->
            let seen (connection: ServerConnection) =
                let nothing = Connection.receiveWithin TimeSpan.Zero connection
                connection.Send "go"
                let message = Connection.receiveWithin limit connection
                nothing, message, Connection.receiveWithin limit connection

            foundBy seen (fun client ->
                client.Receive() |> ignore
                client.Send "a"
                client.Close() |> ignore)
            =! (Arrival.TimedOut, Arrival.Message(Message "a"), Arrival.Ended))

        testCase "messages are a sequence that ends when the client closes" (fun () ->
            let texts (connection: ServerConnection) =
                connection |> Connection.messages |> Seq.map _.Text |> List.ofSeq

            foundBy texts (fun client ->
                client.Send "a"
                client.Send "b"
                client.Close() |> ignore)
            =! [ "a"; "b" ])
    ]

[<Tests>]
let members =
    testList "members of a connection" [
        testCase "are there when they are, and none when they aren't" (fun () ->
            let options = Options.server |> Options.subprotocols [ "chat" ]
            use found = new BlockingCollection<ServerConnection>()

            use server =
                InMemoryServer.Serve(
                    (fun (connection: ServerConnection) ->
                        found.Add connection
                        Connection.tryReceive connection |> ignore),
                    options
                )

            use client = server.Connect("/a?b", TestClientOptions(Subprotocols = [| "chat" |]))

            let connection = next found
            (Connection.request connection).Target =! "/a?b"
            (Connection.response connection).StatusCode =! 101
            Connection.subprotocol connection =! Some "chat"
            Connection.received connection =! None
            Connection.sent connection =! None
            Connection.closeCode connection =! None
            Connection.closeReason connection =! None
            Connection.user connection |> Option.isNone =! true
            Connection.username connection =! None
            Connection.rule connection =! None
            Connection.tls connection |> Option.isNone =! true
            Connection.recording connection |> Option.isNone =! true
            Connection.localEndPoint connection =! None
            Connection.remoteEndPoint connection =! None
            Connection.peerEndPoint connection =! None
            client.Close(CloseCode.GoingAway, "bye") |> ignore
            let status = CloseStatus.Create(CloseCode.GoingAway, "bye")
            eventually (fun () -> connection |> Connection.sent |> Option.isSome) =! true
            Connection.received connection =! Some status
            Connection.closeCode connection =! Some 1001
            Connection.closeReason connection =! Some "bye")

        testCase "those of a real server's know addresses, and the recording" (fun () ->
            let options =
                Options.server |> Options.flightRecorder (Some(FlightRecorderOptions()))

            use found = new BlockingCollection<bool list>()

            let handler (connection: ServerConnection) =
                found.Add [
                    connection |> Connection.localEndPoint |> Option.isSome
                    connection |> Connection.remoteEndPoint |> Option.isSome
                    connection |> Connection.peerEndPoint |> Option.isSome
                    connection |> Connection.recording |> Option.isSome
                ]

            use server = WebSocket.serveWith options "127.0.0.1" 0 handler |> started
            use _ = WebSocket.connectWith patient (address server "/")
            next found =! [ true; true; true; true ])

        testCase "an item is found by its key and its type" (fun () ->
            let seen (connection: ServerConnection) =
                connection.Items["seat"] <- 7

                Connection.tryItem<int> "seat" connection,
                Connection.tryItem<string> "seat" connection,
                Connection.tryItem<int> "table" connection

            foundBy seen ignore =! (Some 7, None, None))
    ]

[<Tests>]
let sending =
    testList "sending" [
        testCase "texts, bytes, messages and JSON pipe a connection, and so does close" (fun () ->
            let handler (connection: ServerConnection) =
                connection |> Connection.sendText "text"
                connection |> Connection.sendBytes [| 1uy; 2uy |]
                connection |> Connection.sendMessage (Message "message")
                connection |> Connection.sendJson move { X = 7; Note = None }
                connection |> Connection.close (CloseCode.Create 4000) "enough"

            use server = InMemoryServer.Serve handler
            use client = server.Connect()
            client.Receive() =! Message "text"
            client.Receive() =! Message(ReadOnlyMemory [| 1uy; 2uy |])
            client.Receive() =! Message "message"
            client.Receive() =! Message """{"x":7,"note":null}"""
            string (client.WaitClosed()) =! "4000 'enough'")

        testCase "closeNumber closes with a code of one's own, and refuses one that can't be sent" (fun () ->
            use server =
                InMemoryServer.Serve(fun (connection: ServerConnection) ->
                    raises<ArgumentOutOfRangeException> <@ connection |> Connection.closeNumber 1006 "" @>
                    connection |> Connection.closeNumber 4009 "too slow")

            use client = server.Connect()
            string (client.WaitClosed()) =! "4009 'too slow'")

        testCase "Broadcast pipes connections, and the C# name is still there" (fun () ->
            use ready = new BlockingCollection<int>()

            use server =
                InMemoryServer.Serve(fun (connection: ServerConnection) ->
                    ready.Add 0
                    Connection.tryReceive connection |> ignore)

            use one = server.Connect()
            use other = server.Connect()
            next ready =! 0
            next ready =! 0
            let all = server.Server.Connections
            (all |> Broadcast.text "text").Sent =! 2
            (all |> Broadcast.bytes [| 1uy |]).Sent =! 2
            (all |> Broadcast.message (Message "message")).Sent =! 2
            (all |> Broadcast.json move { X = 7; Note = Some "n" }).Sent =! 2
            Broadcast.Send(all, "end").Sent =! 2

            for client in [ one; other ] do
                [ for _ in 1..5 -> client.Receive() ]
                =! [
                    Message "text"
                    Message(ReadOnlyMemory [| 1uy |])
                    Message "message"
                    Message """{"x":7,"note":"n"}"""
                    Message "end"
                ])
    ]

[<Tests>]
let json =
    testList "JSON" [
        testCase "what is written is read" (fun () ->
            Json.read move (Message """{"x":7,"note":"n"}""") =! { X = 7; Note = Some "n" }
            Json.tryRead move (Message """{"x":7}""") =! Some { X = 7; Note = None })

        testCase "tryRead gives none for what has another shape, and read throws" (fun () ->
            Json.tryRead move (Message "{") =! None
            Json.tryRead move (Message "null") =! None
            raises<NotJsonException> <@ Json.read move (Message "{") @>)
    ]

[<Tests>]
let requests =
    testList "requests" [
        testCase "a message is a request, a response or neither" (fun () ->
            let handler (connection: ServerConnection) =
                let channel = RequestChannel connection
                let asked = channel.AskAsync(Message "what?")

                for message in connection do
                    match channel |> Requests.take message with
                    | Taken.Request request -> request.Answer $"you asked: {request.Message.Text}" |> ignore
                    | Taken.Response -> connection.Send $"it says: {asked.Result.Text}"
                    | Taken.Other -> connection.Send "neither"

            use server = InMemoryServer.Serve handler
            use client = server.Connect()
            client.Receive().Text =! "?1 what?"

            let ask (text: string) =
                client.Send text
                client.Receive().Text

            ask "?7 how?" =! "!7 you asked: how?"
            ask "!1 this" =! "it says: this"
            ask "hello" =! "neither")
    ]
