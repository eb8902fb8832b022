/// The samples as processes, and the platform's own clients for them.
module FunctionalWs.Server.Tests.Samples

open System
open System.Diagnostics
open System.IO
open System.Net
open System.Net.Http
open System.Net.WebSockets
open System.Text
open System.Threading
open FunctionalWs.Protocol

/// A sample as it was built beside this test: same configuration, same framework.
let program (name: string) : string =
    let here = DirectoryInfo AppContext.BaseDirectory
    Path.Combine(Programs.root, "samples", name, "bin", here.Parent.Name, here.Name, $"{name}.dll")

/// A sample that serves until it is told to stop.
type RunningSample(name: string, arguments: string list) =
    let running = Programs.start "dotnet" (program name :: arguments)

    let address =
        let line =
            Wait.forTask "a line of the sample" (running.StandardOutput.ReadLineAsync())

        Uri(line.Substring "listening on ".Length)

    /// Where it says that it listens.
    member _.Address: Uri = address

    /// Ends it with a signal; the exit code, and all that it wrote after its first line.
    member _.Stop(signal: string) : int * string =
        use kill = Process.Start("kill", [ $"-{signal}"; string running.Id ])
        kill.WaitForExit()
        let output = running.StandardOutput.ReadToEndAsync()

        let errors =
            Wait.forTask "the sample's errors" (running.StandardError.ReadToEndAsync())

        if not (running.WaitForExit Wait.limit) then
            failwith "waited in vain for the sample to end"

        running.ExitCode, Wait.forTask "the sample's output" output + errors

    interface IDisposable with
        member _.Dispose() =
            if not running.HasExited then
                running.Kill()

            running.Dispose()

/// Accepts any certificate: the samples make theirs.
let private trusting () =
    new HttpClientHandler(ServerCertificateCustomValidationCallback = (fun _ _ _ _ -> true))

/// Status, headers and body.
let get (url: Uri) (authorization: string) : int * (string -> string) * string =
    use client = new HttpClient(trusting (), Timeout = Wait.limit)
    use request = new HttpRequestMessage(HttpMethod.Get, url)

    if authorization <> "" then
        request.Headers.Add("Authorization", authorization)

    use response = client.Send request
    use reader = new StreamReader(response.Content.ReadAsStream())

    let header (name: string) =
        Seq.concat [
            Seq.concat (
                response.Headers
                |> Seq.filter (fun field -> field.Key = name)
                |> Seq.map _.Value
            )
            Seq.concat (
                response.Content.Headers
                |> Seq.filter (fun field -> field.Key = name)
                |> Seq.map _.Value
            )
        ]
        |> String.concat ", "

    int response.StatusCode, header, reader.ReadToEnd()

/// A WebSocket of the platform, with blocking calls.
type WebSocketClient(url: Uri, headers: (string * string) list) =
    let socket = new ClientWebSocket()
    let limit = new CancellationTokenSource(3.0 * Wait.limit)
    let buffer = Array.zeroCreate<byte> 65_536

    let address =
        UriBuilder(url, Scheme = (if url.Scheme = "https" then "wss" else "ws")).Uri

    let receive () =
        Wait.forTask "a message" (socket.ReceiveAsync(ArraySegment buffer, limit.Token))

    do
        socket.Options.CollectHttpResponseDetails <- true
        socket.Options.RemoteCertificateValidationCallback <- fun _ _ _ _ -> true

        for name, value in headers do
            socket.Options.SetRequestHeader(name, value)

    /// The status of the answer, 101 when it is open.
    member _.Connect() : int =
        try
            socket.ConnectAsync(address, limit.Token).Wait()
            101
        with :? AggregateException when int socket.HttpStatusCode <> 0 ->
            int socket.HttpStatusCode

    member _.Send(text: string) =
        socket
            .SendAsync(
                ArraySegment(Encoding.UTF8.GetBytes text),
                WebSocketMessageType.Text,
                true,
                limit.Token
            )
            .Wait()

    member _.Receive() : string =
        Encoding.UTF8.GetString(buffer, 0, receive().Count)

    /// What the server closes with; fails when a message comes before.
    member _.ReceiveClose() : int * string =
        if receive().MessageType <> WebSocketMessageType.Close then
            failwith "a message came, not the end"

        socket.CloseOutputAsync(WebSocketCloseStatus.NormalClosure, "", limit.Token).Wait()
        int socket.CloseStatus.Value, socket.CloseStatusDescription

    interface IDisposable with
        member _.Dispose() =
            socket.Dispose()
            limit.Dispose()

let connect (url: Uri) (headers: (string * string) list) : WebSocketClient =
    let client = new WebSocketClient(url, headers)

    match client.Connect() with
    | 101 -> client
    | status -> failwith $"refused with {status}"

/// A client that opens a connection and never reads from it again.
let connectSlow (url: Uri) : PeerClient =
    let socket =
        new Sockets.Socket(
            Sockets.AddressFamily.InterNetwork,
            Sockets.SocketType.Stream,
            Sockets.ProtocolType.Tcp,
            ReceiveBufferSize = 4_096
        )

    socket.Connect(IPAddress.Loopback, url.Port)
    let client = new PeerClient(new FunctionalWs.SocketTransport(socket))
    client.Write(PeerClient.Request.Replace("/chat", url.PathAndQuery))

    if not (client.ReadResponse().StartsWith("HTTP/1.1 101 ", StringComparison.Ordinal)) then
        failwith "refused"

    client
