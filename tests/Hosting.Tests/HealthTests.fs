module FunctionalWs.Hosting.Tests.HealthTests

open Microsoft.Extensions.DependencyInjection
open Microsoft.Extensions.Diagnostics.HealthChecks
open Microsoft.Extensions.Hosting
open Expecto
open Swensen.Unquote
open FunctionalWs
open FunctionalWs.Hosting
open FunctionalWs.Server.Tests

let private check (name: string) (host: IHost) : HealthReportEntry =
    let health = host.Services.GetRequiredService<HealthCheckService>()
    (Wait.forTask "the health check" (health.CheckHealthAsync())).Entries[name]

let private data (entry: HealthReportEntry) = [ for pair in entry.Data -> pair.Key, unbox<int> pair.Value ]

let private addServer (builder: HostApplicationBuilder) =
    (builder.Services.AddWebSocketServer Hosts.echo |> Hosts.onFreePort)
        .Configure(fun options -> options.MaxConnections <- 1)
    |> ignore

[<Tests>]
let health =
    testList "the health of a server" [
        testCase "goes with its state" (fun () ->
            use host =
                Hosts.build (fun builder ->
                    addServer builder
                    builder.Services.AddHealthChecks().AddWebSocketServer() |> ignore)

            (check "websocket" host).Status =! HealthStatus.Unhealthy
            Hosts.start host
            let idle = check "websocket" host
            idle.Status =! HealthStatus.Healthy
            data idle =! [ "openConnections", 0; "maxConnections", 1 ]
            use client = Hosts.connect host
            client.Ask "in?" =! "in?"
            let full = check "websocket" host
            full.Status =! HealthStatus.Degraded
            data full =! [ "openConnections", 1; "maxConnections", 1 ]
            client.Close()
            Wait.until "there is room" (fun () -> (check "websocket" host).Status = HealthStatus.Healthy)
            Hosts.stop host
            (check "websocket" host).Status =! HealthStatus.Unhealthy)

        testCase "has a name, a status and tags of its own" (fun () ->
            use host =
                Hosts.build (fun builder ->
                    builder.Services.AddWebSocketServer(Hosts.echo, "chat")
                    |> Hosts.onFreePort
                    |> ignore

                    builder.Services
                        .AddHealthChecks()
                        .AddWebSocketServer(
                            "chat",
                            failureStatus = HealthStatus.Degraded,
                            tags = [ "ready" ]
                        )
                    |> ignore)

            let entry = check "websocket-chat" host
            entry.Status =! HealthStatus.Degraded
            List.ofSeq entry.Tags =! [ "ready" ])

        testTheory
            "of a server that there isn't keeps the host from starting"
            [
                [], "but the host has no WebSocket server."
                [ "chat" ], "but the host has the WebSocket server 'chat'."
                [ "chat"; "" ],
                "but the host has the WebSocket server without a name and the WebSocket server 'chat'."
            ]
            (fun (names, expected) ->
                use host =
                    Hosts.build (fun builder ->
                        builder.Services.AddHealthChecks().AddWebSocketServer "chta" |> ignore

                        for name in names do
                            builder.Services.AddWebSocketServer(Hosts.echo, name)
                            |> Hosts.onFreePort
                            |> ignore)

                let error =
                    Wait.throws<System.InvalidOperationException>(fun () ->
                        host.StartAsync().GetAwaiter().GetResult())

                test
                    <@
                        error.Message.StartsWith(
                            "The health check 'websocket-chta' is of the WebSocket server 'chta', ",
                            System.StringComparison.Ordinal
                        )
                    @>

                test <@ error.Message.EndsWith(expected, System.StringComparison.Ordinal) @>)
    ]
