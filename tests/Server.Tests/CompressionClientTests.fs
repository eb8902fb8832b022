/// Compressed messages with clients and codecs that no one here wrote.
module FunctionalWs.Server.Tests.CompressionClientTests

open System
open System.IO
open System.Net
open System.Net.WebSockets
open System.Text.Json
open System.Threading
open Expecto
open Swensen.Unquote
open FunctionalWs
open FunctionalWs.Server.Tests.Compressed
open FunctionalWs.Server.Tests.Serve

let private isNodeThere = (Programs.find "node").IsSome

/// What both sides exchange, as the script reads and writes it.
type Exchanged = { data: string; wire: string }

type Session = {
    bits: int
    takeover: bool
    messages: Exchanged list
}

let private base64 (data: byte[]) = Convert.ToBase64String data

let private session (bits: int) (takeover: bool) : Session =
    let samples = [
        utf8 "Hello"
        utf8 "Hello"
        json bits 40_000
        noise bits 3_000
        json bits 40_000
        Array.zeroCreate 100_000
        [| 1uy |]
    ]

    use sender = new Sender(bits)

    let wire (data: byte[]) =
        if takeover then
            sender.Message data
        else
            use sender = new Sender(bits)
            sender.Message data

    {
        bits = bits
        takeover = takeover
        messages = [
            for data in samples ->
                {
                    data = base64 data
                    wire = base64 (wire data)
                }
        ]
    }

/// What the other zlib has written is read in pieces of several sizes.
let private read (session: Session) =
    for size in [ 1; 7; 4_000 ] do
        use receiver = new Receiver(session.bits)

        for message in session.messages do
            let pieces = cut [ size ] (Convert.FromBase64String message.wire)
            let expected = Message(Convert.FromBase64String message.data)

            if session.takeover then
                receiver.Pieces pieces =! expected
            else
                use receiver = new Receiver(session.bits)
                receiver.Pieces pieces =! expected

[<Tests>]
let zlib =
    testList "the zlib of Node.js" [
        Programs.testIf
            "Node.js"
            isNodeThere
            "reads what is written here and writes what is read here, at every window, with and without history"
            (fun () ->
                let sessions = [
                    for bits in 9..15 do
                        session bits true
                        session bits false
                ]

                let file = Path.GetTempFileName()

                try
                    File.WriteAllText(file, JsonSerializer.Serialize sessions)

                    let answers =
                        JsonSerializer.Deserialize<Session list>(Programs.nodeScript "zlib.mjs" [ file ])

                    answers.Length =! sessions.Length
                    List.iter read answers
                finally
                    File.Delete file)
    ]

let private port (server: Server) =
    (server.LocalEndPoint :?> IPEndPoint).Port

[<Tests>]
let ws =
    testList "the client ws of Node.js, compressing" [
        let testIf = Programs.testIf "the package ws" Programs.hasNodeClient.Value

        for name, options in
            [
                "by default", defaults
                "each message by itself",
                ServerOptions(
                    Compression =
                        PerMessageDeflate(ServerNoContextTakeover = true, ClientNoContextTakeover = true)
                )
                "with the smallest window",
                ServerOptions(
                    Compression =
                        PerMessageDeflate(
                            ServerMaxWindowBits = Nullable 9,
                            ClientMaxWindowBits = Nullable 9,
                            MemoryLevel = 1
                        )
                )
            ] do
            testIf name (fun () ->
                use server = overTcp echo options
                Programs.node "compressed" [ $"ws://127.0.0.1:{port server}/"; "true" ])

        testIf "nothing, where the server doesn't" (fun () ->
            use server = overTcp echo (ServerOptions(Compression = null))
            Programs.node "compressed" [ $"ws://127.0.0.1:{port server}/"; "false" ])
    ]

/// A text goes to an echo server and back; gives what the server's stream carried.
let private platformEcho (deflate: WebSocketDeflateOptions) (options: ServerOptions) =
    use server = overTcp echo options
    use timeout = new CancellationTokenSource(Wait.limit)
    use client = new ClientWebSocket()
    client.Options.DangerousDeflateOptions <- deflate
    client.Options.CollectHttpResponseDetails <- true
    client.ConnectAsync(Uri $"ws://127.0.0.1:{port server}/", timeout.Token).Wait()

    let agreed =
        client.HttpResponseHeaders["Sec-WebSocket-Extensions"] |> String.concat ","

    for seed in 1..20 do
        let data = json (seed / 2) (seed * 5_000)

        client.SendAsync(ArraySegment data, WebSocketMessageType.Text, true, timeout.Token)
        |> _.Wait()

        let received = Array.zeroCreate<byte> data.Length
        let mutable size = 0

        while size < data.Length do
            let part =
                client.ReceiveAsync(ArraySegment(received, size, data.Length - size), timeout.Token).Result

            size <- size + part.Count

        received =! data

    client.CloseAsync(WebSocketCloseStatus.NormalClosure, "", timeout.Token).Wait()
    agreed

[<Tests>]
let platform =
    testList "the platform's client, compressing" [
        testTheory
            "agrees, and its messages come back"
            [
                WebSocketDeflateOptions(), "permessage-deflate; client_max_window_bits=12"
                WebSocketDeflateOptions(ServerMaxWindowBits = 9, ClientMaxWindowBits = 9),
                "permessage-deflate; server_max_window_bits=9; client_max_window_bits=9"
                WebSocketDeflateOptions(ServerContextTakeover = false, ClientContextTakeover = false),
                "permessage-deflate; server_no_context_takeover; client_no_context_takeover; client_max_window_bits=12"
            ]
            (fun (deflate, expected) ->
                let agreed = platformEcho deflate defaults
                test <@ agreed.StartsWith expected @>)
    ]
