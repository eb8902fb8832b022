namespace FunctionalWs.Conformance

open System
open System.IO
open System.Net
open System.Net.Http
open System.Net.Sockets
open System.Text
open System.Threading
open System.Threading.Tasks

/// A port on which a server of HTTP/2 is to be had as if it were one of HTTP/1.1: each handshake becomes an extended CONNECT (RFC 8441 §5),
/// and the bytes behind it are carried as they are. So the cases, which write bytes, run over either.
[<Sealed>]
type Http2Bridge(server: Uri) =
    let listener = new TcpListener(IPAddress.Loopback, 0)
    let ending = new CancellationTokenSource()

    let client =
        new HttpMessageInvoker(new SocketsHttpHandler(EnableMultipleHttp2Connections = true))

    let readHead (stream: Stream) : Task<string> =
        task {
            let head = StringBuilder()
            let one = Array.zeroCreate<byte> 1
            let mutable isOver = false

            while not isOver do
                let! size = stream.ReadAsync(Memory one)
                head.Append(char one[0]) |> ignore
                isOver <- size = 0 || head.ToString().EndsWith("\r\n\r\n", StringComparison.Ordinal)

            return string head
        }

    /// What HTTP/2 has of it.
    let fields (head: string) = [
        for line in head.Split("\r\n") |> Array.skip 1 do
            match line.Split(':', 2) with
            | [| name; value |] when name.StartsWith "Sec-WebSocket-" -> name, value.Trim()
            | _ -> ()
    ]

    let connect (head: string) : Task<HttpResponseMessage> =
        let target = head.Split(' ')[1]

        let request =
            new HttpRequestMessage(
                HttpMethod.Connect,
                UriBuilder(server, Scheme = "http", Path = target).Uri,
                Version = HttpVersion.Version20,
                VersionPolicy = HttpVersionPolicy.RequestVersionExact
            )

        request.Headers.Protocol <- "websocket"

        for name, value in fields head do
            if name <> "Sec-WebSocket-Key" then
                request.Headers.TryAddWithoutValidation(name, value) |> ignore

        client.SendAsync(request, ending.Token)

    let answer (head: string) (response: HttpResponseMessage) : byte[] =
        let key =
            fields head
            |> List.tryPick (fun (name, value) -> if name = "Sec-WebSocket-Key" then Some value else None)

        let line, more =
            if response.StatusCode = HttpStatusCode.OK then
                "HTTP/1.1 101 Switching Protocols",
                $"Upgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: {Head.accept (Option.defaultValue String.Empty key)}\r\n"
            else
                $"HTTP/1.1 {int response.StatusCode} Refused", ""

        let others =
            String.Concat(
                response.Headers
                |> Seq.collect (fun field ->
                    field.Value |> Seq.map (fun value -> $"{field.Key}: {value}\r\n"))
            )

        Encoding.Latin1.GetBytes $"{line}\r\n{more}{others}\r\n"

    /// Each piece leaves at once: the client would keep it for more.
    let copy (source: Stream) (destination: Stream) : Task =
        task {
            let buffer = Array.zeroCreate<byte> 65_536

            try
                let mutable size = 1

                while size > 0 do
                    let! read = source.ReadAsync(Memory buffer, ending.Token)
                    size <- read
                    do! destination.WriteAsync(ReadOnlyMemory(buffer, 0, size), ending.Token)
                    do! destination.FlushAsync ending.Token
            with
            | :? IOException
            | :? OperationCanceledException
            | :? HttpRequestException -> ()
        }

    let carry (peer: TcpClient) : Task =
        task {
            use peer = peer
            peer.NoDelay <- true
            use stream = peer.GetStream()
            let! head = readHead stream
            use! response = connect head
            do! stream.WriteAsync(ReadOnlyMemory(answer head response))

            if response.StatusCode = HttpStatusCode.OK then
                use! tunnel = response.Content.ReadAsStreamAsync()
                // Either end of it ends both: a WebSocket has no half.
                let! _ = Task.WhenAny(copy tunnel stream, copy stream tunnel)
                ()
        }

    let rec accept () : Task =
        task {
            while not ending.IsCancellationRequested do
                let! peer = listener.AcceptTcpClientAsync ending.Token
                carry peer |> ignore
        }

    do
        listener.Start()
        accept () |> ignore

    member _.Address: Uri = Uri $"ws://{listener.LocalEndpoint}/"

    interface IDisposable with
        member _.Dispose() =
            ending.Cancel()
            listener.Stop()
            client.Dispose()
