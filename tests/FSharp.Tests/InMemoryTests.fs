/// Servers in memory, and their clients, by functions.
module FunctionalWs.FSharp.Tests.InMemoryTests

open System
open System.Net
open System.Threading
open System.Threading.Tasks
open Expecto
open Swensen.Unquote
open FunctionalWs
open FunctionalWs.FSharp
open FunctionalWs.FSharp.Testing
open FunctionalWs.Protocol
open FunctionalWs.Testing

let private echo (connection: ServerConnection) =
    for message in connection do
        connection.Send message

let private counting =
    Messages.fold (fun _ -> 1) (fun connection count message ->
        connection.Send $"{count}: {message.Text}"
        count + 1)

let private conversing =
    Messages.converse (fun connection ->
        task {
            match! Connection.tryReceiveTask connection with
            | Some message -> do! connection.SendAsync $"task: {message.Text}"
            | None -> ()
        })

let private waiting (connection: ServerConnection) =
    task {
        do! Task.Yield()
        connection.Send(connection.Receive())
    }

/// What a handler answers to two texts.
let private answers (handler: ServerConnection -> unit) : string list =
    use server = InMemory.serve handler
    use client = server |> InMemory.connect "/"
    client.Send "a"
    client.Send "b"

    List.unfold (fun client -> InMemory.tryReceive client |> Option.map (fun it -> it.Text, client)) client
    |> List.truncate 2

let private firstAnswer (handler: ServerConnection -> unit) : string =
    use server = InMemory.serve handler
    use client = server |> InMemory.connect "/"
    client.Send "a"
    client.Receive().Text

[<Tests>]
let servers =
    testList "servers in memory" [
        testCase "take each form of a handler" (fun () ->
            firstAnswer echo =! "a"

            firstAnswer (Messages.forEach (fun connection message -> connection.Send message))
            =! "a"

            firstAnswer counting =! "1: a"
            firstAnswer (Handler.ofTask waiting) =! "a"
            answers conversing =! [ "task: a" ])

        testCase "take rules, and their clients say where to" (fun () ->
            use server =
                InMemory.route [
                    Route.get ("/echo", echo)
                    Route.get ("/{id:int}", fun connection (id: int) -> connection.Send $"number {id}")
                ]

            use client = server |> InMemory.connect "/7"
            client.Receive().Text =! "number 7"
            (server |> InMemory.get "/nowhere").StatusCode =! 404)

        testCase "use the settings that they are given, and refuse wrong ones" (fun () ->
            let wrong = Options.server |> Options.maxQueue (Some 0)
            raises<ArgumentOutOfRangeException> <@ InMemory.serveWith wrong echo @>
            raises<ArgumentOutOfRangeException> <@ InMemory.routeWith wrong [ Route.get ("/", echo) ] @>)

        testCase "tell what handlers have thrown" (fun () ->
            use server = InMemory.serve (fun _ -> invalidOp "no")
            use client = server |> InMemory.connect "/"
            (client |> InMemory.waitClosed |> Option.map _.Number) =! Some 1011
            [ for error in InMemory.handlerExceptions server -> error.Message ] =! [ "no" ])

        testCase "may be ones that there are already" (fun () ->
            use server = WebSocket.serve "127.0.0.1" 0 echo |> Talk.started
            use memory = InMemory.ofServer server
            use client = memory |> InMemory.connect "/"
            client.Send "hi"
            client.Receive().Text =! "hi")
    ]

[<Tests>]
let clients =
    testList "clients in memory" [
        testCase "are what their options say" (fun () ->
            let seen = TaskCompletionSource<Request * EndPoint option>()

            let handler (connection: ServerConnection) =
                seen.SetResult(Connection.request connection, Connection.remoteEndPoint connection)

            let login = Auth.basicUsers "here" [ "alice", "secret" ]

            let options =
                Options.server
                |> Options.subprotocols [ "v2"; "v1" ]
                |> Options.processRequest login

            let address = IPEndPoint(IPAddress.Loopback, 7)

            let visitor =
                TestOptions.client
                |> TestOptions.headers [ "Cookie", "session=7" ]
                |> TestOptions.subprotocols [ "v1" ]
                |> TestOptions.origin (Some "https://example.com")
                |> TestOptions.credentials (
                    Some {
                        Username = "alice"
                        Password = "secret"
                    }
                )
                |> TestOptions.compression (Some(PerMessageDeflate()))
                |> TestOptions.remoteEndPoint (Some address)
                |> TestOptions.answersPings false
                |> TestOptions.bufferSize 65_536
                |> TestOptions.timeout None

            use server = InMemory.serveWith options handler
            use client = server |> InMemory.connectWith visitor "/a?b=c"
            InMemory.subprotocol client =! Some "v1"
            let request, from = seen.Task.Result
            request.Target =! "/a?b=c"
            from =! Some address
            request.Headers.Get "Cookie" =! "session=7"
            request.Headers.Get "Origin" =! "https://example.com"
            test <@ not (isNull (request.Headers.Get "Sec-WebSocket-Extensions")) @>
            visitor.AnswersPings =! false
            visitor.BufferSize =! 65_536
            visitor.Timeout =! Timeout.InfiniteTimeSpan)

        testCase "that are refused get the answer as a value" (fun () ->
            let find token =
                if token = "t0ken" then
                    Some(Security.Claims.ClaimsPrincipal())
                else
                    None

            let options = Options.server |> Options.processRequest (Auth.bearer "here" find)
            use server = InMemory.serveWith options echo

            match server |> InMemory.tryConnect "/" with
            | Ok _ -> failwith "it was let in"
            | Error response -> response.StatusCode =! 401

            let known = TestOptions.client |> TestOptions.bearerToken (Some "t0ken")

            match server |> InMemory.tryConnectWith known "/" with
            | Ok client -> (use client = client in client.Send "in")
            | Error response -> failwith $"{response}")

        testCase "tell a message from the end and from nothing in time" (fun () ->
            use server = InMemory.serve echo
            use client = server |> InMemory.connect "/"
            client |> InMemory.receiveWithin TimeSpan.Zero =! Arrival.TimedOut
            client.Send "a"

            match client |> InMemory.receiveWithin Talk.limit with
            | Arrival.Message message -> message.Text =! "a"
            | other -> failwith $"{other}"

            InMemory.closeStatus client =! None

            (client |> InMemory.close CloseCode.GoingAway "bye" |> Option.map string)
            =! Some "1001 'bye'"

            (InMemory.closeStatus client |> Option.map _.Number) =! Some 1001
            client |> InMemory.receiveWithin Talk.limit =! Arrival.Ended
            InMemory.tryReceive client =! None)

        testCase "throw when the connection ended abnormally" (fun () ->
            use server = InMemory.serve (fun _ -> failwith "no")
            use client = server |> InMemory.connect "/"
            raises<ConnectionClosedErrorException> <@ InMemory.tryReceive client @>)

        testCase "may be those of programs" (fun () ->
            use server = InMemory.serve counting

            use client =
                server |> InMemory.openWith (Options.client |> Options.pingInterval None) "/"

            client |> Connection.sendText "a"
            (Connection.tryReceive client |> Option.map _.Text) =! Some "1: a")
    ]
