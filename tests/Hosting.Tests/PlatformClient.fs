namespace FunctionalWs.Hosting.Tests

open System
open System.Net
open System.Net.WebSockets
open System.Text
open System.Threading
open FunctionalWs.Server.Tests

/// The platform's own client, with blocking calls.
type PlatformClient(address: Uri) =
    let socket = new ClientWebSocket()
    let limit = new CancellationTokenSource(Wait.limit)
    let buffer = Array.zeroCreate<byte> 4_096

    let receive () =
        Wait.forTask "something of the server" (socket.ReceiveAsync(ArraySegment buffer, limit.Token))

    do socket.ConnectAsync(address, limit.Token).Wait()

    static member Of(endPoint: EndPoint, ?path: string) =
        new PlatformClient(Uri $"ws://{endPoint}{defaultArg path String.Empty}")

    member _.Send(text: string) =
        let bytes = ArraySegment(Encoding.UTF8.GetBytes text)
        socket.SendAsync(bytes, WebSocketMessageType.Text, true, limit.Token).Wait()

    member _.Receive() : string =
        Encoding.UTF8.GetString(buffer, 0, receive().Count)

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
        socket.CloseOutputAsync(WebSocketCloseStatus.NormalClosure, "", limit.Token).Wait()

    /// The code that the server closes with, answered.
    member client.ReceiveClose() : int option =
        let code = client.AwaitClose()
        code |> Option.iter (fun _ -> client.AnswerClose())
        code

    /// Closes and waits for the answer.
    member _.Close() =
        socket.CloseAsync(WebSocketCloseStatus.NormalClosure, "", limit.Token).Wait()

    interface IDisposable with
        member _.Dispose() =
            socket.Dispose()
            limit.Dispose()
