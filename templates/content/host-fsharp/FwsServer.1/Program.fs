open System
open FunctionalWs.Hosting
open Microsoft.Extensions.DependencyInjection
open Microsoft.Extensions.Hosting

[<EntryPoint>]
let main args =
    let settings =
        HostApplicationBuilderSettings(
            Args = args, // another port: --WebSocket:Port=9000
            ContentRootPath = AppContext.BaseDirectory // where appsettings.json is
        )

    let builder = Host.CreateApplicationBuilder settings
    builder.Services.AddWebSocketServer<Echo>().Bind "WebSocket" |> ignore
    builder.Services.AddHealthChecks().AddWebSocketServer() |> ignore
    builder.Build().Run() // until Ctrl+C or SIGTERM: clients are told, and have a moment to leave
    0
