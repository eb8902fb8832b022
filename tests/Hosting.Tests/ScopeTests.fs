module FunctionalWs.Hosting.Tests.ScopeTests

open System
open System.Collections.Concurrent
open System.Threading.Tasks
open Microsoft.Extensions.DependencyInjection
open Expecto
open Swensen.Unquote
open FunctionalWs
open FunctionalWs.Hosting
open FunctionalWs.Server.Tests

/// The services that have ended.
type Ended() =
    let ended = ConcurrentQueue<Guid>()
    member _.Add(id: Guid) = ended.Enqueue id
    member _.All = List.ofSeq ended

/// A service of one connection that can end in no other way than asynchronously.
type Session(ended: Ended) =
    let id = Guid.NewGuid()
    member _.Id = id

    interface IAsyncDisposable with
        member _.DisposeAsync() =
            ValueTask(
                task {
                    do! Task.Yield()
                    ended.Add id
                }
            )

/// Says who it is, then echoes.
type Greeter(session: Session) =
    interface IConnectionHandler with
        member _.Handle connection =
            connection.Send $"{session.Id}"

            for message in connection do
                connection.Send message

type Rooms(ended: Ended) =
    inherit
        Router(
            UrlMap [|
                Rule(
                    "/session",
                    (fun connection ->
                        connection.Send $"{connection.Services().GetRequiredService<Session>().Id}")
                )
                Rule("/ended", (fun connection -> connection.Send $"{ended.All.Length}"))
            |]
        )

let private addSession (services: IServiceCollection) =
    services.AddSingleton<Ended>().AddScoped<Session>()

let private endedOf (host: Microsoft.Extensions.Hosting.IHost) =
    host.Services.GetRequiredService<Ended>()

let private throwing =
    Action<ServerConnection, IServiceProvider>(fun _ services ->
        services.GetRequiredService<Session>() |> ignore
        failwith "on purpose")

[<Tests>]
let scopes =
    testList "a connection's services" [
        testCase "a handler's class is made for each connection, and ends with it" (fun () ->
            use host =
                Hosts.run (fun builder ->
                    (addSession builder.Services).AddWebSocketServer<Greeter>()
                    |> Hosts.onFreePort
                    |> ignore)

            use one = Hosts.connect host
            use other = Hosts.connect host
            let first, second = Guid.Parse(one.Receive()), Guid.Parse(other.Receive())
            test <@ first <> second @>
            (endedOf host).All =! []
            one.Close()
            Wait.until "the session has ended" (fun () -> (endedOf host).All = [ first ])
            other.Ask "still here" =! "still here"
            let stopping = Wait.start (fun () -> Hosts.stop host)
            other.ReceiveClose() =! Some 1001
            Wait.forTask "the stop" stopping
            (endedOf host).All =! [ first; second ])

        testCase "a handler that throws ends its scope, too" (fun () ->
            use host =
                Hosts.run (fun builder ->
                    (addSession builder.Services).AddWebSocketServer throwing
                    |> Hosts.onFreePort
                    |> ignore)

            use client = Hosts.connect host
            client.ReceiveClose() =! Some 1011
            (endedOf host).All.Length =! 1
            Hosts.stop host)

        testCase "a class that can't be made is an error of the handler" (fun () ->
            use host =
                Hosts.run (fun builder ->
                    builder.Services.AddWebSocketServer<Greeter>() |> Hosts.onFreePort |> ignore)

            use client = Hosts.connect host
            client.ReceiveClose() =! Some 1011
            Hosts.stop host)

        testCase "a router is made once, and its handlers find the scope" (fun () ->
            use host =
                Hosts.run (fun builder ->
                    (addSession builder.Services).AddWebSocketRouter<Rooms>()
                    |> Hosts.onFreePort
                    |> ignore)

            let ask (path: string) =
                use client = Hosts.connectTo path host
                let answer = client.Receive()
                client.ReceiveClose() =! Some 1000
                answer

            let first, second = ask "/session", ask "/session"
            test <@ first <> second @>
            ask "/ended" =! "2"
            Hosts.stop host)

        testCase "the server's own hook comes before the router" (fun () ->
            let hook = ProcessRequest(fun connection _ -> connection.Respond(418, "no tea\n"))

            use host =
                Hosts.run (fun builder ->
                    (addSession builder.Services).AddWebSocketServer(new Router(UrlMap [||]))
                    |> Hosts.onFreePort
                    |> _.ConfigureServer(fun _ -> ServerOptions(ProcessRequest = hook))
                    |> ignore)

            use client = new System.Net.Http.HttpClient()

            let response =
                Wait.forTask "an answer" (client.GetAsync $"http://{(Hosts.hosted host).EndPoint}/")

            int response.StatusCode =! 418
            Hosts.stop host)

        testCase "outside of a scope there are none" (fun () ->
            let found = TaskCompletionSource<exn>()

            let handler =
                Action<ServerConnection>(fun connection ->
                    found.SetResult(
                        Wait.throws<InvalidOperationException>(fun () -> connection.Services() |> ignore)
                    ))

            use host =
                Hosts.run (fun builder ->
                    builder.Services.AddWebSocketServer handler |> Hosts.onFreePort |> ignore)

            use client = Hosts.connect host
            let error = Wait.forTask "the handler" found.Task
            test <@ error.Message.Contains "no services" @>
            client.ReceiveClose() =! Some 1000
            Hosts.stop host)
    ]
