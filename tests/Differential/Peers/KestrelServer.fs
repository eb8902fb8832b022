/// Kestrel, with the WebSockets of .NET.
module FunctionalWs.Differential.KestrelServer

open System
open System.Collections.Generic
open System.IO
open System.Net
open System.Net.WebSockets
open System.Threading
open System.Threading.Tasks
open Microsoft.AspNetCore.Builder
open Microsoft.AspNetCore.Hosting
open Microsoft.AspNetCore.Hosting.Server
open Microsoft.AspNetCore.Hosting.Server.Features
open Microsoft.AspNetCore.Http
open Microsoft.AspNetCore.Http.Features
open Microsoft.AspNetCore.Server.Kestrel.Core
open Microsoft.Extensions.DependencyInjection
open Microsoft.Extensions.Logging

/// Keeps the stream of an upgraded connection.
[<Sealed>]
type private Upgrade(upgrade: IHttpUpgradeFeature) =
    let mutable stream: Stream = null

    /// What the client sends after the server has failed the connection. Kestrel would cut it at once, and with it the pongs and the close
    /// frame that are on their way.
    member _.Drain() : Task =
        task {
            let buffer = Array.zeroCreate 4096
            let mutable count = 1

            while count > 0 do
                let! read = stream.ReadAsync(Memory buffer)
                count <- read
        }

    interface IHttpUpgradeFeature with
        member _.IsUpgradableRequest = upgrade.IsUpgradableRequest

        member _.UpgradeAsync() =
            task {
                let! upgraded = upgrade.UpgradeAsync()
                stream <- upgraded
                return upgraded
            }

let private keepStream (context: HttpContext) (next: RequestDelegate) : Task =
    let upgrade = context.Features.Get<IHttpUpgradeFeature>()

    if not (isNull upgrade) then
        context.Features.Set<IHttpUpgradeFeature>(Upgrade upgrade)

    next.Invoke context

/// Until the client closes, or a message is too long. It has no limit of its own.
let private receive (socket: WebSocket) (messages: List<string>) : Task =
    task {
        let buffer = Array.zeroCreate 4096
        let message = new MemoryStream()
        let mutable isOpen = true

        while isOpen do
            let! result = socket.ReceiveAsync(Memory buffer, CancellationToken.None)
            message.Write(buffer, 0, result.Count)

            if result.MessageType = WebSocketMessageType.Close then
                isOpen <- false

                do!
                    socket.CloseOutputAsync(
                        socket.CloseStatus.Value,
                        socket.CloseStatusDescription,
                        CancellationToken.None
                    )
            elif message.Length > int64 Limits.maxMessageSize then
                isOpen <- false
                do! socket.CloseOutputAsync(WebSocketCloseStatus.MessageTooBig, "", CancellationToken.None)
            elif result.EndOfMessage then
                let isText = result.MessageType = WebSocketMessageType.Text
                messages.Add(Deliveries.Describe(isText, ReadOnlySpan(message.ToArray())))
                message.SetLength 0L
    }

/// True when it ended with a close frame of the server's: what is broken inside compressed data aborts the connection without one.
let private isTold (receiving: Task) : Task<bool> =
    task {
        try
            do! receiving
            return true
        with :? WebSocketException as error ->
            return error.WebSocketErrorCode = WebSocketError.Faulted
    }

let private serve (deliveries: Deliveries) (context: HttpContext) : Task =
    task {
        if context.WebSockets.IsWebSocketRequest then
            let messages = List<string>()

            try
                use! socket =
                    context.WebSockets.AcceptWebSocketAsync(
                        WebSocketAcceptContext(DangerousEnableCompression = true)
                    )

                let! isTold = isTold (receive socket messages)

                if isTold then
                    do! (context.Features.Get<IHttpUpgradeFeature>() :?> Upgrade).Drain()
            finally
                deliveries.Add(
                    Deliveries.IdOf context.Request.Path.Value,
                    {
                        Messages = List.ofSeq messages
                        Cause = "-"
                    }
                )
        else
            context.Response.StatusCode <- 400
    }

let start () : Peer =
    let deliveries = Deliveries()
    let builder = WebApplication.CreateSlimBuilder [||]
    builder.Logging.ClearProviders() |> ignore

    builder.WebHost.ConfigureKestrel(fun (kestrel: KestrelServerOptions) ->
        kestrel.Listen(IPAddress.Loopback, 0, (fun listen -> listen.Protocols <- HttpProtocols.Http1)))
    |> ignore

    let app = builder.Build()
    app.Use(Func<HttpContext, RequestDelegate, Task>(keepStream)) |> ignore
    app.UseWebSockets(WebSocketOptions(KeepAliveInterval = TimeSpan.Zero)) |> ignore
    app.Run(RequestDelegate(serve deliveries))
    app.StartAsync().Wait Limits.patience |> ignore

    let address =
        app.Services.GetRequiredService<IServer>().Features.Get<IServerAddressesFeature>().Addresses
        |> Seq.head

    {
        Name = "kestrel"
        IsOurs = false
        Port = fun () -> Uri(address).Port
        Deliveries = deliveries
        Stop = fun () -> app.StopAsync().Wait Limits.patience |> ignore
    }
