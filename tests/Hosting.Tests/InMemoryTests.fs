/// Hosts that are tested without a port.
module FunctionalWs.Hosting.Tests.InMemoryTests

open System
open Microsoft.Extensions.DependencyInjection
open Microsoft.Extensions.Hosting
open Expecto
open Swensen.Unquote
open FunctionalWs
open FunctionalWs.Protocol
open FunctionalWs.Hosting
open FunctionalWs.Testing
open FunctionalWs.Server.Tests

type Greetings(greeting: string) =
    member _.Of(name: string) = $"{greeting}, {name}"

type Greeting(greetings: Greetings) =
    interface IConnectionHandler with
        member _.Handle connection =
            for message in connection do
                connection.Send(greetings.Of message.Text)

/// An application as it is: with a port, a certificate that a test doesn't have, and a hook.
let private application (builder: HostApplicationBuilder) =
    builder.Services
        .AddSingleton(Greetings "hello")
        .AddWebSocketServer<Greeting>()
        .Configure(fun options ->
            options.Port <- 443
            options.Certificate <- CertificateFiles(Path = "/nowhere/chain.pem")

            options.ProcessRequest <-
                fun connection request ->
                    if request.Target = "/health" then
                        connection.Respond(200, "well\n")
                    else
                        Unchecked.defaultof<Response>)
    |> ignore

let private run (change: IServiceCollection -> unit) =
    Hosts.run (fun builder ->
        application builder
        builder.Services.UseInMemoryWebSocketServers() |> ignore
        change builder.Services)

let private clients (host: IHost) =
    InMemoryServer.For (Hosts.hosted host).Server

[<Tests>]
let inMemory =
    testList "a host in memory" [
        testCase "serves with its services, and listens nowhere" (fun () ->
            use host = run ignore
            use server = clients host
            use client = server.Connect()
            client.Send "Ada"
            client.Receive().Text =! "hello, Ada"
            server.Get("/health").StatusCode =! 200
            (Hosts.hosted host).Server.LocalEndPoints.Count =! 0

            let error =
                Wait.throws<InvalidOperationException>(fun () -> ignore (Hosts.hosted host).EndPoint)

            test <@ error.Message.Contains "it serves in memory" @>
            let stopping = Wait.start (fun () -> Hosts.stop host)
            client.WaitClosed().Number =! 1001
            Wait.forTask "the stop" stopping)

        testCase "a test puts services of its own in" (fun () ->
            use host =
                run (fun services -> services.AddSingleton(Greetings "good day") |> ignore)

            use server = clients host
            use client = server.Connect()
            client.Send "Ada"
            client.Receive().Text =! "good day, Ada")

        testCase "has the time of a clock that is a service" (fun () ->
            let clock = ManualTimeProvider()

            use host = run (fun services -> services.AddSingleton<TimeProvider> clock |> ignore)

            use server = clients host

            use client = server.Connect("/", TestClientOptions(AnswersPings = false))

            client.Send "Ada"
            client.Receive().Text =! "hello, Ada"

            // Whoever says nothing for long enough is cut.
            Wait.until "it is gone" (fun () ->
                clock.Advance(TimeSpan.FromMinutes 1.0)
                (Hosts.hosted host).Server.Connections.Count = 0))

        testCase "a handler for messages is called there, too" (fun () ->
            use host =
                Hosts.run (fun builder ->
                    builder.Services
                        .AddScoped<ScopeTests.Session>()
                        .AddSingleton<ScopeTests.Ended>()
                        .UseInMemoryWebSocketServers()
                        .AddWebSocketMessageServer<ScopeTests.Counter>()
                    |> ignore)

            use server = clients host
            use client = server.Connect()
            let session = Guid.Parse(client.Receive().Text)
            client.Send "a"
            client.Receive().Text =! "1 a True"
            client.Close() |> ignore
            let ended = host.Services.GetRequiredService<ScopeTests.Ended>()
            Wait.until "the session has ended" (fun () -> ended.All = [ session ]))

        testCase
            "the server goes on when its clients in memory have gone, and its log has what handlers throw"
            (fun () ->
                use host = run ignore

                (use server = clients host
                 use client = server.Connect()
                 client.Send "Ada"

                 Wait.throws<InvalidOperationException>(fun () -> ignore server.HandlerExceptions)
                 |> ignore)

                test <@ (Hosts.hosted host).IsAccepting @>
                use server = clients host
                use client = server.Connect()
                client.Send "Bob"
                client.Receive().Text =! "hello, Bob")
    ]
