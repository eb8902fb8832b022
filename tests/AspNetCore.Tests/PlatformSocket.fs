namespace FunctionalWs.AspNetCore.Tests

open System
open System.Net
open System.Net.Http
open System.Net.WebSockets
open System.Text
open System.Threading
open FunctionalWs.AspNetCore.Tests.Apps
open FunctionalWs.Server.Tests

/// The platform's own client on either version of HTTP, with blocking calls.
type PlatformSocket(app: App, http: Http, path: string, configure: ClientWebSocketOptions -> unit) =
    let socket = new ClientWebSocket()
    let invoker = new HttpMessageInvoker(new SocketsHttpHandler())
    let limit = new CancellationTokenSource(Wait.limit)
    let buffer = Array.zeroCreate<byte> 65_536

    let receive () =
        Wait.forTask "something of the server" (socket.ReceiveAsync(ArraySegment buffer, limit.Token))

    do
        configure socket.Options

        if http = Http2 then
            socket.Options.HttpVersion <- HttpVersion.Version20
            socket.Options.HttpVersionPolicy <- HttpVersionPolicy.RequestVersionExact

        let address = UriBuilder(app.Address http, Scheme = "ws", Path = path).Uri

        Wait.forTask "the client to connect" (task { do! socket.ConnectAsync(address, invoker, limit.Token) })

    new(app: App, http: Http) = new PlatformSocket(app, http, "/", ignore)
    new(app: App, http: Http, path: string) = new PlatformSocket(app, http, path, ignore)

    member _.Platform = socket

    member _.Send(text: string) =
        let bytes = ArraySegment(Encoding.UTF8.GetBytes text)

        Wait.forTask
            "the server to read"
            (task { do! socket.SendAsync(bytes, WebSocketMessageType.Text, true, limit.Token) })

    /// The next message, put together.
    member _.Receive() : string =
        let text = StringBuilder()
        let mutable isWhole = false

        while not isWhole do
            let result = receive ()

            if result.MessageType = WebSocketMessageType.Close then
                failwith $"the server has closed: {result.CloseStatus} {result.CloseStatusDescription}"

            text.Append(Encoding.UTF8.GetString(buffer, 0, result.Count)) |> ignore
            isWhole <- result.EndOfMessage

        string text

    member client.Ask(text: string) : string =
        client.Send text
        client.Receive()

    /// The code that the server closes with. None when the stream ends without one.
    member _.AwaitClose() : int option =
        try
            let result = receive ()

            if result.MessageType <> WebSocketMessageType.Close then
                failwith "a message came, not the end"

            Some(int result.CloseStatus.Value)
        with :? AggregateException as error when (error.InnerException :? WebSocketException) ->
            None

    member _.AnswerClose() =
        Wait.forTask
            "the closing"
            (task { do! socket.CloseOutputAsync(WebSocketCloseStatus.NormalClosure, "", limit.Token) })

    /// The code that the server closes with, answered.
    member client.ReceiveClose() : int option =
        let code = client.AwaitClose()
        code |> Option.iter (fun _ -> client.AnswerClose())
        code

    /// Closes and waits for the answer.
    member _.Close() =
        Wait.forTask
            "the closing"
            (task { do! socket.CloseAsync(WebSocketCloseStatus.NormalClosure, "", limit.Token) })

    /// Leaves without a word.
    member _.Vanish() = socket.Abort()

    interface IDisposable with
        member _.Dispose() =
            socket.Dispose()
            invoker.Dispose()
            limit.Dispose()
