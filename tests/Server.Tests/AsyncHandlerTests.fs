/// Handlers that are asynchronous.
module FunctionalWs.Server.Tests.AsyncHandlerTests

open System
open System.Collections.Concurrent
open System.Diagnostics
open System.Diagnostics.Metrics
open System.Globalization
open System.Net.Sockets
open System.Security.Principal
open System.Threading
open System.Threading.Tasks
open Microsoft.Extensions.Logging
open Expecto
open Swensen.Unquote
open FunctionalWs
open FunctionalWs.Protocol
open FunctionalWs.Server.Tests.Serve

let private untilGone (server: Server) =
    Wait.until "the connections have gone" (fun () -> server.Occupied = 0)

/// What an <c>async void</c> method of C# does, which F# has none of.
let private asyncVoid (work: unit -> Task) =
    let context = SynchronizationContext.Current
    context.OperationStarted()

    Task.Run(fun () ->
        task {
            try
                do! work ()
            with error ->
                context.Post((fun _ -> raise error), null)

            context.OperationCompleted()
        }
        :> Task)
    |> ignore

[<Tests>]
let asynchronous =
    testList "an asynchronous handler" [
        testCase "is waited for, and its connection is closed with 1000 after that" (fun () ->
            let handler (connection: ServerConnection) : Task =
                task {
                    do! Task.Yield()
                    let text = connection.Receive().Text
                    do! Task.Yield()
                    connection.Send text
                }

            use server = Server.Serve(Func<ServerConnection, Task> handler, "127.0.0.1", 0)

            server.Start()
            use client = PeerClient.OverTcp server
            client.ShakeHands()
            client.SendText "hello"
            client.ReadText() =! "hello"
            client.Read() =! Closed(CloseStatus.Create(CloseCode.NormalClosure, "")))

        testCase "that fails is told as a handler that throws, with 1011" (fun () ->
            let records = new Records()

            let handler (_: ServerConnection) : Task =
                task {
                    do! Task.Yield()
                    failwith "too bad"
                }

            use server =
                Server.Serve(
                    Func<ServerConnection, Task> handler,
                    "127.0.0.1",
                    0,
                    ServerOptions(LoggerFactory = records)
                )

            server.Start()
            use client = PeerClient.OverTcp server
            client.ShakeHands()
            client.Read() =! Closed(CloseStatus.Create(CloseCode.InternalError, ""))
            client.SendClose 1011
            untilGone server
            records.Of LogLevel.Error |> List.map (fun (struct (_, id, _)) -> id) =! [ 24 ]
            [ for error in records.Exceptions -> error.Message ] =! [ "too bad" ])

        testCase "that gives no task is told as one that throws" (fun () ->
            let records = new Records()

            use server =
                ServerOptions(LoggerFactory = records)
                |> inMemory (HandlerContext.Blocking(fun _ -> null).Invoke)

            use client = client server
            client.Read() =! Closed(CloseStatus.Create(CloseCode.InternalError, "")))

        testCase
            "that returns nothing, async void, is waited for, and what it throws ends its connection alone"
            (fun () ->
                let records = new Records()

                use server =
                    ServerOptions(LoggerFactory = records)
                    |> inMemory (fun connection ->
                        asyncVoid (fun () ->
                            task {
                                let text = connection.Receive().Text
                                do! Task.Yield()
                                connection.Send text

                                if text = "bad" then
                                    failwith "too bad"
                            }))

                use good = client server
                use bad = client server
                bad.SendText "bad"
                bad.ReadText() =! "bad"
                bad.Read() =! Closed(CloseStatus.Create(CloseCode.InternalError, ""))
                good.SendText "good"
                good.ReadText() =! "good"
                good.Read() =! Closed(CloseStatus.Create(CloseCode.NormalClosure, ""))
                [ for error in records.Exceptions -> error.Message ] =! [ "too bad" ])

        testTheory
            "that is async void and called after an await, in a hook, or at the connection's end, ends no process: it is told"
            [
                "handler", 24
                "handler that threw", 13
                "after the handler", 13
                "request", 13
                "response", 13
                "subprotocol", 13
                "closed", 13
            ]
            (fun (where, id) ->
                let records = new Records()
                let goOn = TaskCompletionSource()

                let fire () =
                    asyncVoid (fun () ->
                        task {
                            do! goOn.Task
                            failwith "too bad"
                        })

                let fireAt at =
                    if at = where then
                        fire ()

                let handler (connection: ServerConnection) : Task =
                    task {
                        if where = "closed" then
                            connection.Closed.Register(fun () -> fire ()) |> ignore

                        do! Task.Yield()
                        fireAt "handler"

                        if where = "handler that threw" then
                            fire ()
                            goOn.SetResult()
                            failwith "as well"

                        if where = "after the handler" then
                            let context = SynchronizationContext.Current

                            Task.Run(fun () ->
                                connection.WaitClosed() |> ignore
                                context.Post((fun _ -> fire ()), null)
                                goOn.TrySetResult())
                            |> ignore
                        else
                            goOn.TrySetResult() |> ignore
                    }

                let options =
                    ServerOptions(
                        LoggerFactory = records,
                        ProcessRequest =
                            ProcessRequest(fun _ _ ->
                                fireAt "request"
                                Response.None),
                        ProcessResponse =
                            ProcessResponse(fun _ _ _ ->
                                fireAt "response"
                                Response.None),
                        SelectSubprotocol =
                            SelectSubprotocol(fun _ _ ->
                                fireAt "subprotocol"
                                null)
                    )

                use server =
                    Server.Serve(Func<ServerConnection, Task> handler, "127.0.0.1", 0, options)

                server.Start()
                use client = PeerClient.OverTcp server
                client.ShakeHands()
                client.Read() |> ignore
                client.SendClose 1000
                untilGone server

                Wait.until "it is told" (fun () ->
                    records.Exceptions |> List.exists (fun error -> error.Message = "too bad"))

                let told = records.Of LogLevel.Error |> List.map (fun (struct (_, id, _)) -> id)
                test <@ List.contains id told @>)

        testCase
            "whose tasks go on without end, though nobody waits for them, returns all the same"
            (fun () ->
                let isOver = new ManualResetEventSlim(false)

                let handler (_: ServerConnection) =
                    task {
                        while not isOver.IsSet do
                            do! Task.Yield()
                    }
                    |> ignore

                use server = inMemory handler defaults
                use client = client server
                let first = client.Read()
                isOver.Set()
                first =! Closed(CloseStatus.Create(CloseCode.NormalClosure, "")))

        testCase "that an async void method uses the connection after its end is no error" (fun () ->
            let records = new Records()

            let handler (connection: ServerConnection) =
                connection.Closed.Register(fun () ->
                    asyncVoid (fun () ->
                        task {
                            connection.WaitClosed() |> ignore
                            connection.Send "bye"
                        }))
                |> ignore

            use server = inMemory handler (ServerOptions(LoggerFactory = records))
            use client = client server
            client.Read() |> ignore
            client.SendClose 1000
            untilGone server

            Wait.until "it is told" (fun () ->
                records.All |> List.exists (fun (struct (_, id, _)) -> id = 43))

            records.Of LogLevel.Error =! [])

        testCase "of a rule gets the values, and two rules with it are of one endpoint" (fun () ->
            let handler (connection: ServerConnection) (name: string) : Task =
                task {
                    do! Task.Yield()
                    connection.Send name
                }

            let visit =
                Func<ServerConnection, string, Task>(fun connection name -> handler connection name)

            let map = UrlMap [ Rule.For("/a/<name>", visit); Rule.For("/b/<name>/", visit) ]
            map.Build("/a/<name>", struct ("name", box "x")) =! "/a/x"
            use server = FunctionalWs.Testing.InMemoryServer.Route map
            use client = server.Connect "/a/kitchen"
            client.Receive().Text =! "kitchen")
    ]
