module FunctionalWs.AspNetCore.Tests.FaceTests

open System
open System.Threading
open System.Threading.Tasks
open Microsoft.AspNetCore.Builder
open Microsoft.Extensions.DependencyInjection
open Expecto
open Swensen.Unquote
open FunctionalWs
open FunctionalWs.Hosting
open FunctionalWs.AspNetCore
open FunctionalWs.AspNetCore.Tests.Apps
open FunctionalWs.Server.Tests

type Greetings() =
    member _.Of(name: string) = $"hello {name}"

type Blocking(greetings: Greetings) =
    interface IConnectionHandler with
        member _.Handle connection =
            for message in connection do
                connection.Send(greetings.Of message.Text)

type Lent(greetings: Greetings) =
    inherit MessageHandler()
    let mutable count = 0

    override _.Received(connection, message) =
        count <- count + 1
        connection.Send $"{greetings.Of message.Text} {count}"

let private converse (connection: ServerConnection) : Task =
    task {
        while true do
            let! message = connection.ReceiveAsync()
            do! connection.SendAsync message
    }

/// What maps an echo, by its name.
let echoes: (string * (WebApplication -> unit)) list = [
    "a handler that blocks",
    at (fun connection ->
        for message in connection do
            connection.Send message)

    "a handler for messages",
    fun web ->
        web.MapWebSocket(
            "/{**path}",
            Action<ServerConnection, Message>(fun connection message -> connection.Send message)
        )
        |> ignore

    "a handler for messages that is a task",
    fun web ->
        web.MapWebSocket(
            "/{**path}",
            Func<ServerConnection, Message, Task>(fun connection message ->
                task {
                    do! Task.Yield()
                    connection.Send message
                })
        )
        |> ignore

    "a handler that is a task",
    fun web -> web.MapWebSocket("/{**path}", Func<ServerConnection, Task> converse) |> ignore
]

let private services (services: IServiceCollection) =
    services.AddSingleton<Greetings>() |> ignore

[<Tests>]
let faces =
    testList "endpoints of ASP.NET Core" [
        for http in both do
            for name, map in echoes do
                testCase $"echo with {name}, over {http}" (fun () ->
                    use app = run map
                    use client = new PlatformSocket(app, http)

                    for text in [ "hello"; ""; String('x', 70_000); "ü€𝄞" ] do
                        client.Ask text =! text

                    client.Close()
                    app.AwaitEmpty())

                testCase $"keep the order of many messages with {name}, over {http}" (fun () ->
                    use app = run map
                    use client = new PlatformSocket(app, http)
                    let texts = [ for number in 1..2_000 -> $"message {number}" ]
                    let sending = Wait.start (fun () -> texts |> List.iter client.Send)
                    [ for _ in texts -> client.Receive() ] =! texts
                    Wait.forTask "the sending" sending
                    client.Close()
                    app.AwaitEmpty())

            testCase $"make a class for each connection, over {http}" (fun () ->
                use app =
                    runWith services ignore (fun web ->
                        web.MapWebSocket<Blocking> "/blocking" |> ignore
                        web.MapWebSocketMessages<Lent> "/lent" |> ignore)

                use blocking = new PlatformSocket(app, http, "/blocking")
                blocking.Ask "anna" =! "hello anna"
                use lent = new PlatformSocket(app, http, "/lent")
                lent.Ask "anna" =! "hello anna 1"
                lent.Ask "ben" =! "hello ben 2")

            testCase
                $"give a handler the values of its path, its request and its context, over {http}"
                (fun () ->
                    use app =
                        run (fun web ->
                            web.MapWebSocket(
                                "/driver/{id:int}/{name}",
                                Action<ServerConnection>(fun connection ->
                                    let id = connection.RouteValues.Get<int> "id"
                                    let name = connection.RouteValues.Get<string> "name"
                                    let context = connection.HttpContext()

                                    connection.Send
                                        $"{id + 1} {name} {connection.Request.Path} {context.Request.RouteValues.Count}")
                            )
                            |> ignore)

                    use client = new PlatformSocket(app, http, "/driver/7/anna")
                    client.Receive() =! "8 anna /driver/7/anna 2")

        testCase "have no thread for connections whose handler is for messages" (fun () ->
            use app = run (snd echoes[1])

            let clients = [
                for _ in 1..100 ->
                    let client = new PlatformSocket(app, Http1)
                    client.Ask "hello" =! "hello"
                    client
            ]

            let threads = Diagnostics.Process.GetCurrentProcess().Threads.Count
            test <@ threads < 100 @>

            for client in clients do
                (client :> IDisposable).Dispose()

            app.AwaitEmpty())

        testCase "read ahead while a handler is elsewhere, and answer pings" (fun () ->
            use go = new ManualResetEventSlim(false)

            use app =
                run (
                    at (fun connection ->
                        Wait.forEvent "the test" go

                        for message in connection do
                            connection.Send message)
                )

            use client = new PlatformSocket(app, Http1)
            client.Send "early"
            Wait.until "it was read ahead" (fun () -> app.Server.Connections.Count = 1)
            go.Set()
            client.Receive() =! "early")
    ]
