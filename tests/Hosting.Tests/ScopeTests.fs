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

/// A service that throws when it ends.
type Unending() =
    interface IDisposable with
        member _.Dispose() = failwith "no end"

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

/// Counts messages, and says who it is.
type Counter(session: Session) =
    inherit MessageHandler()
    let mutable count = 0
    override _.Opened connection = connection.Send $"{session.Id}"

    override _.Received(connection, message) =
        count <- count + 1

        connection.Send
            $"{count} {message.Text} {connection.Services().GetRequiredService<Session>().Id = session.Id}"

/// A driver's own page: the path's value, from a scope.
type Driver(session: Session) =
    interface IConnectionHandler with
        member _.Handle connection =
            let number = connection.RouteValues["id"]
            connection.Send $"driver {number} {session.Id}"

let private addSession (services: IServiceCollection) =
    services.AddSingleton<Ended>().AddScoped<Session>()

/// Says when it has ended; no service itself.
type Disposed(session: Session, ended: Ended) =
    interface IConnectionHandler with
        member _.Handle _ = ignore session.Id

    interface IDisposable with
        member _.Dispose() = ended.Add Guid.Empty

type RoomsOfClasses() =
    inherit Router(UrlMap [| HandlerRule.ToMessages<Counter> "/count" |])

/// A router that takes a service itself.
type RoomsOfSession(session: Session) =
    inherit Router(UrlMap [| Rule("/", (fun connection -> connection.Send $"{session.Id}")) |])

type Undemanding
    (
        session: Session,
        [<FromKeyedServices "ended">] ended: Ended,
        all: System.Collections.Generic.IEnumerable<Rooms>,
        provider: IServiceProvider,
        [<System.Runtime.InteropServices.Optional; System.Runtime.InteropServices.DefaultParameterValue 7>] count:
            int
    ) =
    interface IConnectionHandler with
        member _.Handle _ =
            ignore (session, ended, all, provider, count)

let private endedOf (host: Microsoft.Extensions.Hosting.IHost) =
    host.Services.GetRequiredService<Ended>()

let private throwing =
    Action<ServerConnection, IServiceProvider>(fun _ services ->
        services.GetRequiredService<Session>() |> ignore
        failwith "on purpose")

/// Says who it is, then echoes, as a task.
type AsyncGreeter(session: Session) =
    interface IAsyncConnectionHandler with
        member _.HandleAsync(connection, closed) : Task =
            task {
                let number =
                    match connection.RouteValues.TryGet<int> "id" with
                    | true, id -> id
                    | _ -> 0

                do! connection.SendAsync($"{number} {session.Id}", closed)
                let! message = connection.ReceiveAsync closed
                do! connection.SendAsync(message, closed)
            }

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

        testCase "what services throw at their end doesn't hide why a handler has failed" (fun () ->
            let records = new Records()

            use host =
                Hosts.run (fun builder ->
                    builder.Services
                        .AddScoped<Unending>()
                        .AddWebSocketServer(
                            Action<ServerConnection, IServiceProvider>(fun _ services ->
                                services.GetRequiredService<Unending>() |> ignore
                                failwith "on purpose")
                        )
                        .Configure(fun options ->
                            options.Port <- 0
                            options.LoggerFactory <- records)
                    |> ignore)

            use client = Hosts.connect host
            client.ReceiveClose() =! Some 1011
            Hosts.stop host
            let texts = [ for error in records.Exceptions -> string error ]

            test
                <@
                    texts
                    |> List.exists (fun text -> text.Contains "on purpose" && text.Contains "no end")
                @>)

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
                    |> _.Configure(fun options -> options.ProcessRequest <- hook)
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

        testCase "a class for messages is made for each connection, and ends after its last call" (fun () ->
            use host =
                Hosts.run (fun builder ->
                    (addSession builder.Services).AddWebSocketMessageServer<Counter>()
                    |> Hosts.onFreePort
                    |> ignore)

            use one = Hosts.connect host
            use other = Hosts.connect host
            let first, second = Guid.Parse(one.Receive()), Guid.Parse(other.Receive())
            test <@ first <> second @>
            one.Ask "a" =! "1 a True"
            one.Ask "b" =! "2 b True"
            other.Ask "c" =! "1 c True"
            (endedOf host).All =! []
            one.Close()
            Wait.until "the session has ended" (fun () -> (endedOf host).All = [ first ])
            other.Ask "d" =! "2 d True"
            let stopping = Wait.start (fun () -> Hosts.stop host)
            other.ReceiveClose() =! Some 1001
            Wait.forTask "the stop" stopping
            (endedOf host).All =! [ first; second ])

        testTheory
            "an asynchronous class is made for each connection, and its scope ends after its task"
            [ ""; "/7" ]
            (fun path ->
                use host =
                    Hosts.run (fun builder ->
                        let services = addSession builder.Services

                        match path with
                        | "" -> services.AddWebSocketAsyncServer<AsyncGreeter>()
                        | _ ->
                            services.AddWebSocketServer(
                                new Router(UrlMap [| HandlerRule.ToAsync<AsyncGreeter> "/{id:int}" |])
                            )
                        |> Hosts.onFreePort
                        |> ignore)

                let connect () =
                    Hosts.connectTo (if path = "" then "/" else path) host

                use one = connect ()
                use other = connect ()
                let first, second = one.Receive().Split ' ', other.Receive().Split ' '
                test <@ first[1] <> second[1] @>
                first[0] =! (if path = "" then "0" else "7")
                (endedOf host).All =! []
                one.Ask "hello" =! "hello"
                one.ReceiveClose() =! Some 1000
                Wait.until "the session has ended" (fun () -> (endedOf host).All = [ Guid.Parse first[1] ])
                let stopping = Wait.start (fun () -> Hosts.stop host)
                other.ReceiveClose() =! Some 1001
                Wait.forTask "the stop" stopping
                (endedOf host).All =! [ Guid.Parse first[1]; Guid.Parse second[1] ])

        testCase "each rule of a router has a class of its own, of both kinds" (fun () ->
            use host =
                Hosts.run (fun builder ->
                    let rules = [|
                        HandlerRule.To<Driver> "/driver/{id:int}"
                        HandlerRule.To<Greeter> "/greet"
                        HandlerRule.ToMessages<Counter> "/count"
                    |]

                    (addSession builder.Services).AddWebSocketServer(new Router(UrlMap rules))
                    |> Hosts.onFreePort
                    |> ignore)

            (use driver = Hosts.connectTo "/driver/7" host
             let said = driver.Receive()
             test <@ said.StartsWith("driver 7 ", StringComparison.Ordinal) @>
             driver.ReceiveClose() =! Some 1000)

            Wait.until "the driver's session has ended" (fun () -> (endedOf host).All.Length = 1)

            (use greeter = Hosts.connectTo "/greet" host
             Guid.Parse(greeter.Receive()) |> ignore
             greeter.Ask "hello" =! "hello"
             greeter.Close())

            Wait.until "the greeter's session has ended" (fun () -> (endedOf host).All.Length = 2)

            (use counter = Hosts.connectTo "/count" host
             Guid.Parse(counter.Receive()) |> ignore
             counter.Ask "a" =! "1 a True"
             counter.Ask "b" =! "2 b True"
             (endedOf host).All.Length =! 2
             counter.Close())

            Wait.until "the counter's session has ended" (fun () -> (endedOf host).All.Length = 3)
            Hosts.stop host)

        testCase "a rule's handler for messages has the scope in each call, whatever it is" (fun () ->
            let echo =
                MessageHandler.ForEach(
                    Action<ServerConnection, Message>(fun connection _ ->
                        connection.Send $"{connection.Services().GetRequiredService<Session>().Id}")
                )

            use host =
                Hosts.run (fun builder ->
                    (addSession builder.Services)
                        .AddWebSocketServer(new Router(UrlMap [| Rule("/", echo) |]))
                    |> Hosts.onFreePort
                    |> ignore)

            use client = Hosts.connect host
            let first = client.Ask "who?"
            client.Ask "who?" =! first
            (endedOf host).All =! []
            client.Close()
            Wait.until "the session has ended" (fun () -> (endedOf host).All = [ Guid.Parse first ]))

        testCase "a class that a rule makes, and no container, is disposed of" (fun () ->
            use host =
                Hosts.run (fun builder ->
                    (addSession builder.Services)
                        .AddWebSocketServer(new Router(UrlMap [| HandlerRule.To<Disposed> "/" |]))
                    |> Hosts.onFreePort
                    |> ignore)

            use client = Hosts.connect host
            client.ReceiveClose() =! Some 1000
            Wait.until "both have ended" (fun () -> (endedOf host).All.Length = 2)
            // First the handler, which uses the session.
            (endedOf host).All.Head =! Guid.Empty
            Hosts.stop host)

        testCase "a rule's class outside of a host says where it belongs" (fun () ->
            use server =
                (new Router(UrlMap [| HandlerRule.To<Greeter> "/" |])).Serve("127.0.0.1", 0, Hosts.silent)

            server.Start()
            use client = PlatformClient.Of server.LocalEndPoint
            client.ReceiveClose() =! Some 1011)
    ]

let private whyNotStarted (configure: Microsoft.Extensions.Hosting.HostApplicationBuilder -> unit) =
    use host = Hosts.build configure

    Wait.throws<InvalidOperationException>(fun () -> host.StartAsync().GetAwaiter().GetResult()).Message

type Nested(greeter: Session, name: string) =
    interface IConnectionHandler with
        member _.Handle _ = ignore (greeter, name)

[<Tests>]
let missing =
    testList "a service that a handler's class takes and that there isn't" [
        testTheory
            "keeps the host from starting"
            [
                "class"
                "messages"
                "asynchronous"
                "rule"
                "asynchronous rule"
                "router's class"
                "router"
            ]
            (fun way ->
                let message =
                    whyNotStarted (fun builder ->
                        let services = builder.Services

                        match way with
                        | "class" -> services.AddWebSocketServer<Greeter> "chat"
                        | "messages" -> services.AddWebSocketMessageServer<Counter> "chat"
                        | "asynchronous" -> services.AddWebSocketAsyncServer<AsyncGreeter> "chat"
                        | "router" -> services.AddWebSocketRouter<RoomsOfSession> "chat"
                        | "asynchronous rule" ->
                            services.AddWebSocketServer(
                                new Router(UrlMap [| HandlerRule.ToAsync<AsyncGreeter> "/" |]),
                                "chat"
                            )
                        | "rule" ->
                            services.AddWebSocketServer(
                                new Router(UrlMap [| HandlerRule.To<Driver> "/" |]),
                                "chat"
                            )
                        | _ -> services.AddWebSocketRouter<RoomsOfClasses> "chat"
                        |> Hosts.onFreePort
                        |> ignore)

                test
                    <@
                        message.StartsWith(
                            "The WebSocket server 'chat' can't start: ",
                            StringComparison.Ordinal
                        )
                    @>

                test <@ message.Contains $"takes a {typeof<Session>}, which is no service of the host" @>)

        testCase "also where a service takes it" (fun () ->
            let message =
                whyNotStarted (fun builder ->
                    builder.Services.AddScoped<Session>().AddWebSocketServer<Greeter>()
                    |> Hosts.onFreePort
                    |> ignore)

            message
            =! $"The WebSocket server can't start: {typeof<Session>} takes a {typeof<Ended>}, which is no service of the host.")

        testCase "each is told" (fun () ->
            let message =
                whyNotStarted (fun builder ->
                    builder.Services.AddWebSocketServer<Nested>() |> Hosts.onFreePort |> ignore)

            test
                <@
                    message.Contains $"takes a {typeof<Session>}"
                    && message.Contains "takes a System.String"
                @>)

        testCase "before another server of the host listens" (fun () ->
            use host =
                Hosts.build (fun builder ->
                    builder.Services.AddWebSocketServer(Hosts.echo, "echo")
                    |> Hosts.onFreePort
                    |> ignore

                    builder.Services.AddWebSocketServer<Greeter>() |> Hosts.onFreePort |> ignore)

            Wait.throws<InvalidOperationException>(fun () -> host.StartAsync().GetAwaiter().GetResult())
            |> ignore

            Wait.throws<InvalidOperationException>(fun () -> ignore (Hosts.named "echo" host).EndPoint)
            |> ignore)

        testCase "is no matter of what has a default, a key, or a factory" (fun () ->
            use host =
                Hosts.run (fun builder ->
                    builder.Services
                        .AddKeyedSingleton<Ended>("ended")
                        .AddScoped<Session>(fun _ -> Session(Ended()))
                        .AddWebSocketServer<Undemanding>()
                    |> Hosts.onFreePort
                    |> ignore)

            use client = Hosts.connect host
            client.ReceiveClose() =! Some 1000
            Hosts.stop host)
    ]
