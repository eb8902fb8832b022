namespace FunctionalWs.Conformance

open System
open System.Net
open System.Text
open System.Threading.Tasks
open Microsoft.AspNetCore.Builder
open Microsoft.AspNetCore.Hosting
open Microsoft.AspNetCore.Hosting.Server
open Microsoft.AspNetCore.Hosting.Server.Features
open Microsoft.AspNetCore.Server.Kestrel.Core
open Microsoft.Extensions.DependencyInjection
open Microsoft.Extensions.Logging
open FunctionalWs
open FunctionalWs.AspNetCore

/// An echo of ours behind Kestrel, in this process, on a free port.
[<Sealed>]
type KestrelEcho(handler: string, protocols: HttpProtocols) =
    let limit = TimeSpan.FromSeconds 60.0

    let app =
        let builder = WebApplication.CreateSlimBuilder [||]
        builder.Logging.ClearProviders() |> ignore

        builder.WebHost.ConfigureKestrel(fun (kestrel: KestrelServerOptions) ->
            // Whatever bytes a header has, as our own reader takes them.
            kestrel.RequestHeaderEncodingSelector <- fun _ -> Encoding.Latin1
            kestrel.Listen(IPAddress.Loopback, 0, (fun listen -> listen.Protocols <- protocols)))
        |> ignore

        builder.Services
            .AddWebSocketEndpoints()
            .Configure(fun options ->
                options.LoggerFactory <- Microsoft.Extensions.Logging.Abstractions.NullLoggerFactory.Instance

                options.Compression <- PerMessageDeflate())
        |> ignore

        let app = builder.Build()

        if handler = "messages" then
            app.MapWebSocket(
                "/{**path}",
                Action<ServerConnection, Message>(fun connection message -> connection.Send message)
            )
            |> ignore
        else
            app.MapWebSocket(
                "/{**path}",
                Action<ServerConnection>(fun connection ->
                    for message in connection do
                        connection.Send message)
            )
            |> ignore

        if not (app.StartAsync().Wait limit) then
            failwith "Kestrel did not start"

        app

    member _.Address: Uri =
        let address =
            app.Services.GetRequiredService<IServer>().Features.Get<IServerAddressesFeature>().Addresses
            |> Seq.exactlyOne

        UriBuilder(address, Scheme = "ws").Uri

    interface IDisposable with
        member _.Dispose() =
            app.StopAsync().Wait limit |> ignore
            (app.DisposeAsync().AsTask()).Wait limit |> ignore
