/// Web applications for tests, on Kestrel and free ports of the loopback address.
module FunctionalWs.AspNetCore.Tests.Apps

open System
open System.Net
open Microsoft.AspNetCore.Builder
open Microsoft.AspNetCore.Hosting
open Microsoft.AspNetCore.Hosting.Server
open Microsoft.AspNetCore.Hosting.Server.Features
open Microsoft.AspNetCore.Server.Kestrel.Core
open Microsoft.Extensions.DependencyInjection
open Microsoft.Extensions.Logging
open FunctionalWs
open FunctionalWs.Hosting
open FunctionalWs.AspNetCore
open FunctionalWs.Server.Tests

/// A version of HTTP, each on a port of its own.
type Http =
    | Http1
    | Http2

let both = [ Http1; Http2 ]

/// A running application, with what is logged.
type App = {
    Web: WebApplication
    Records: Records
} with

    member app.Server = app.Web.Services.GetRequiredService<HostedServer>().Server

    member app.Address(http: Http) : Uri =
        let addresses =
            app.Web.Services.GetRequiredService<IServer>().Features.Get<IServerAddressesFeature>().Addresses

        Uri(Seq.item (if http = Http1 then 0 else 1) addresses)

    /// Returns once nobody is connected, and nothing of a connection is left.
    member app.AwaitEmpty() =
        Wait.until "all connections have gone" (fun () -> app.Server.Occupied = 0)

    interface IDisposable with
        member app.Dispose() =
            Wait.forTask "the application to stop" (task { do! app.Web.StopAsync() })
            Wait.forTask "the application to end" (task { do! app.Web.DisposeAsync() })

let private listen (kestrel: KestrelServerOptions) =
    for protocols in [ HttpProtocols.Http1; HttpProtocols.Http2 ] do
        kestrel.Listen(IPAddress.Loopback, 0, (fun listen -> listen.Protocols <- protocols))

/// An application with services and settings of a test's own.
let runWith
    (services: IServiceCollection -> unit)
    (settings: WebSocketServerOptions -> unit)
    (map: WebApplication -> unit)
    : App =
    let builder = WebApplication.CreateSlimBuilder [||]
    let records = new Records()
    builder.Logging.ClearProviders() |> ignore
    builder.WebHost.ConfigureKestrel listen |> ignore

    builder.Services
        .AddWebSocketEndpoints()
        .Configure(fun options ->
            options.LoggerFactory <- records
            options.CloseTimeout <- TimeSpan.FromSeconds 5.0
            settings options)
    |> ignore

    services builder.Services
    let web = builder.Build()
    map web
    Wait.forTask "the application to start" (task { do! web.StartAsync() })
    { Web = web; Records = records }

let run (map: WebApplication -> unit) : App = runWith ignore ignore map

/// Maps a handler of connections to any path.
let at (handler: ServerConnection -> unit) (web: WebApplication) =
    web.MapWebSocket("/{**path}", Action<ServerConnection> handler) |> ignore
