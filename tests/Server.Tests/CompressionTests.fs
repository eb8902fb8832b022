module FunctionalWs.Server.Tests.CompressionTests

open System
open System.Threading
open Expecto
open FunctionalWs.TestKit
open Swensen.Unquote
open FunctionalWs
open FunctionalWs.Protocol
open FunctionalWs.Server.Tests.Compressed
open FunctionalWs.Server.Tests.Serve

let private name = "permessage-deflate"

let private compressing (compression: PerMessageDeflate) =
    ServerOptions(Compression = compression, PingInterval = Nullable())

/// A connection with what was agreed on.
let private offered (options: ServerOptions) (offer: string) (handler: ServerConnection -> unit) =
    let server = inMemory handler options
    let client = PeerClient.InMemory server
    let agreed = client.Offer offer
    server, client, agreed

/// A client that has agreed on compression with an echo server of default settings.
let private echoing (options: ServerOptions) =
    let server, client, _ = offered options name echo
    server, client

let private rsv1 = ReservedBits.Rsv1

let private send (client: PeerClient) (fin: bool) (opcode: Opcode) (payload: byte[]) =
    client.WriteMarked(rsv1, fin, opcode, payload)

let private closedWith (client: PeerClient) =
    match client.Read() with
    | Closed status -> status.Number, status.Reason
    | other -> failwith $"not closed: {other}"

let private refusedWith (options: ServerOptions) (act: PeerClient -> unit) =
    let server, client = echoing options
    use _ = server
    use client = client
    act client
    closedWith client

[<Tests>]
let negotiating =
    testList "agreeing on compression" [
        testTheory
            "goes by default settings"
            [
                name, name
                $"{name}; client_max_window_bits", $"{name}; client_max_window_bits=12"
                $"{name}; server_max_window_bits=15", $"{name}; server_max_window_bits=12"
                $"{name}; server_max_window_bits=8, {name}; server_max_window_bits=9",
                $"{name}; server_max_window_bits=9"
                "other", ""
                $"{name}; what", ""
            ]
            (fun (offer, expected) ->
                let server, client, agreed = offered defaults offer echo
                use _ = server
                use client = client
                agreed =! expected
                client.SendText "plain"
                client.ReadText() =! "plain")

        testCase "isn't done where it is off, and then nobody looks at what is offered" (fun () ->
            let server, client, agreed =
                offered (ServerOptions(Compression = null)) "bad syntax;;" echo

            use _ = server
            use client = client
            agreed =! "")

        testCase "needs an offer that keeps the grammar: otherwise the answer is 400" (fun () ->
            let server = inMemory echo defaults
            use _ = server
            use client = PeerClient.InMemory server
            let error = Wait.throws<Exception>(fun () -> client.Offer "bad syntax" |> ignore)
            test <@ error.Message.StartsWith("HTTP/1.1 400 ", StringComparison.Ordinal) @>)

        testCase "is told to the handler" (fun () ->
            let server, outcome =
                defaults
                |> handling (fun connection -> [
                    for extension in connection.Extensions ->
                        extension.Name, [ for p in extension.Parameters -> p.Name, p.Value ]
                ])

            use _ = server
            use client = PeerClient.InMemory server
            client.Offer $"{name}; server_max_window_bits=15" |> ignore
            succeeds outcome =! [ name, [ "server_max_window_bits", "12" ] ])

        testCase "goes by an extension of that name before the settings of compression" (fun () ->
            let own = PerMessageDeflate(ServerMaxWindowBits = Nullable 9)
            let options = ServerOptions(Extensions = [| own |])

            let server, client, agreed =
                offered options $"{name}; server_max_window_bits=15" echo

            use _ = server
            use client = client
            agreed =! $"{name}; server_max_window_bits=9")

        testTheory
            "refuses settings out of their range"
            [
                PerMessageDeflate(ServerMaxWindowBits = Nullable 8), "ServerMaxWindowBits", "9 to 15"
                PerMessageDeflate(ServerMaxWindowBits = Nullable 16), "ServerMaxWindowBits", "9 to 15"
                PerMessageDeflate(ClientMaxWindowBits = Nullable 7), "ClientMaxWindowBits", "8 to 15"
                PerMessageDeflate(ClientMaxWindowBits = Nullable 16), "ClientMaxWindowBits", "8 to 15"
                PerMessageDeflate(Level = -1), "Level", "0 to 9"
                PerMessageDeflate(Level = 10), "Level", "0 to 9"
                PerMessageDeflate(MemoryLevel = 0), "MemoryLevel", "1 to 9"
                PerMessageDeflate(MemoryLevel = 10), "MemoryLevel", "1 to 9"
                PerMessageDeflate(MinSize = -1), "MinSize", "0 to"
                PerMessageDeflate(MaxInflateRatio = Nullable 0), "MaxInflateRatio", "1 to"
                PerMessageDeflate(QuietTime = Nullable TimeSpan.Zero), "QuietTime", "more than zero"
                PerMessageDeflate(Strategy = enum 5), "Strategy", "0 to 4"
                PerMessageDeflate(ClientMaxWindowBits = Nullable(), RequireClientMaxWindowBits = true),
                "RequireClientMaxWindowBits",
                "8 to 15"
            ]
            (fun (settings, parameter, range) ->
                for options in [ compressing settings; ServerOptions(Extensions = [| settings |]) ] do
                    let error =
                        Wait.throws<ArgumentException>(fun () -> (inMemory echo options).Dispose())

                    error.ParamName =! parameter
                    test <@ error.Message.Contains range @>)
    ]

[<Tests>]
let exchanging =
    testList "compressed messages" [
        testCase "go both ways, with reference to those before" (fun () ->
            let server, client = echoing defaults
            use _ = server
            use client = client
            use sender = new Sender(15)
            use receiver = new Receiver(12)
            let data = json 1 2_000

            let sizes = [
                for _ in 1..3 do
                    send client true Opcode.Text (sender.Message data)
                    let bits, fin, payload = client.ReadMarked()
                    (bits, fin) =! (rsv1, true)
                    receiver.Message payload =! Message data
                    payload.Length
            ]

            test <@ sizes[0] < 1_000 && sizes[1] < 100 && sizes[2] < 100 @>)

        testCase "may come in pieces of any size, among plain ones and control frames" (fun () ->
            let server, client = echoing defaults
            use _ = server
            use client = client
            use sender = new Sender(15)
            use receiver = new Receiver(12)

            for size in [ 1; 700; 5_000 ] do
                let data = noise size 50_000

                match cut [ size ] (sender.Message data) with
                | first :: rest ->
                    send client rest.IsEmpty Opcode.Binary first
                    client.SendPing [| 1uy |]

                    for piece in rest do
                        client.WriteFrame(false, Opcode.Continuation, piece)
                | [] -> failwith "no wire"

                client.WriteFrame(true, Opcode.Continuation, [||])
                client.SendText "plain"
                client.Read() =! PongOf [| 1uy |]
                let _, _, payload = client.ReadMarked()
                receiver.Message payload =! Message data
                client.ReadText() =! "plain")

        testCase "each by itself are alike, and understood without the others" (fun () ->
            let options =
                compressing (
                    PerMessageDeflate(
                        ServerNoContextTakeover = true,
                        ClientNoContextTakeover = true,
                        ServerMaxWindowBits = Nullable()
                    )
                )

            let server, client, agreed = offered options name echo
            use _ = server
            use client = client
            agreed =! $"{name}; server_no_context_takeover; client_no_context_takeover"
            let data = json 2 3_000

            let payloads = [
                for _ in 1..3 do
                    use sender = new Sender(15)
                    use receiver = new Receiver(15)
                    send client true Opcode.Binary (sender.Message data)
                    let _, _, payload = client.ReadMarked()
                    receiver.Message payload =! Message data
                    payload
            ]

            payloads[0] =! payloads[1]
            payloads[0] =! payloads[2])

        testCase "that refer to others although each was to stand for itself are refused" (fun () ->
            let options = compressing (PerMessageDeflate(ClientNoContextTakeover = true))

            refusedWith options (fun client ->
                use sender = new Sender(15)
                send client true Opcode.Binary (sender.Message(json 3 1_000))
                client.ReadMarked() |> ignore
                send client true Opcode.Binary (sender.Message(json 3 1_000)))
            =! (1002, "decompression failed"))

        testCase "are sent in fragments as they come, the first with the mark" (fun () ->
            let options = defaults

            let server, client, _ =
                offered options name (fun connection -> connection.Send [ "tea "; ""; "time" ])

            use _ = server
            use client = client
            use receiver = new Receiver(12)
            let frames = [ for _ in 1..4 -> client.ReadMarked() ]

            [ for bits, fin, _ in frames -> bits, fin ]
            =! [
                rsv1, false
                ReservedBits.None, false
                ReservedBits.None, false
                ReservedBits.None, true
            ]

            let payloads = [ for _, _, payload in frames -> payload ]
            payloads[1] =! [||]
            payloads[3] =! [| 0uy |]
            receiver.Pieces payloads =! Message "tea time"B)

        testCase "are received in fragments, decoded" (fun () ->
            let server, outcome =
                defaults
                |> handling (fun connection ->
                    use stream = connection.ReceiveStreaming()
                    [ for fragment in stream -> fragment.Text, fragment.IsLast ])

            use _ = server
            use client = PeerClient.InMemory server
            client.Offer name |> ignore
            use sender = new Sender(15)
            send client false Opcode.Text (sender.Part(utf8 "für ", false))
            client.WriteFrame(false, Opcode.Continuation, sender.Part(utf8 "", false))
            client.WriteFrame(false, Opcode.Continuation, sender.Part((utf8 "è")[..0], false))
            client.WriteFrame(true, Opcode.Continuation, sender.Part((utf8 "è")[1..], true))
            succeeds outcome =! [ "für ", false; "", false; "", false; "è", true ])

        testCase "are received borrowed, too" (fun () ->
            let server, outcome =
                defaults
                |> handling (fun connection ->
                    let mutable received = (false, 0L)

                    connection.ReceiveBorrowed(fun kind payload ->
                        received <- ((kind = MessageKind.Text), payload.Length))

                    received)

            use _ = server
            use client = PeerClient.InMemory server
            client.Offer name |> ignore
            use sender = new Sender(15)
            send client true Opcode.Text (sender.Message(json 1 9_000))
            succeeds outcome =! (true, 9_000L))
    ]

/// The bits of what a handler sends.
let private sentBits (compression: PerMessageDeflate) (handler: ServerConnection -> unit) : bool =
    let server, client, _ = offered (compressing compression) name handler
    use _ = server
    use client = client
    let bits, _, _ = client.ReadMarked()
    bits = rsv1

[<Tests>]
let choosing =
    testList "which messages are compressed" [
        testTheory "those of some size" [ 63, false; 64, true ] (fun (size, expected) ->
            sentBits (PerMessageDeflate()) (fun connection -> connection.Send(json 1 size))
            =! expected)

        testTheory
            "those that the sender wants to"
            [
                1, Nullable true, true
                1_000, Nullable false, false
                1_000, Nullable(), true
            ]
            (fun (size, wanted, expected) ->
                let data = json 1 size
                let text = Text.Encoding.ASCII.GetString data

                for handler in
                    [
                        fun (connection: ServerConnection) -> connection.Send(text, wanted)
                        fun connection -> connection.Send(text, MessageKind.Binary, wanted)
                        fun connection -> connection.Send(data, wanted)
                        fun connection -> connection.Send(ReadOnlySpan data, wanted)
                        fun connection -> connection.Send(ReadOnlySpan data, MessageKind.Text, wanted)
                        fun connection ->
                            connection.Send(Buffers.ReadOnlySequence data, MessageKind.Text, wanted)
                    ] do
                    sentBits (PerMessageDeflate()) handler =! expected)

        testTheory
            "of those in fragments, all but by the sender's will"
            [ Nullable(), true; Nullable false, false ]
            (fun (wanted, expected) ->
                for handler in
                    [
                        fun (connection: ServerConnection) -> connection.Send([ "a"; "b" ], wanted)
                        fun connection -> connection.Send([ [| 1uy |]; [| 2uy |] ], wanted)
                        fun connection ->
                            connection.Send([ ReadOnlyMemory [| 1uy |] ], MessageKind.Binary, wanted)
                    ] do
                    sentBits (PerMessageDeflate()) handler =! expected)

        testCase "those that the filter lets pass, unless the sender says otherwise" (fun () ->
            let settings =
                PerMessageDeflate(
                    Filter =
                        CompressionFilter(fun _ kind data -> kind = MessageKind.Text && data[0] <> byte 'x')
                )

            let sends (text: string) (wanted: Nullable<bool>) =
                sentBits settings (fun connection -> connection.Send(text.PadRight 100, wanted))

            sends "a" (Nullable()) =! true
            sends "x" (Nullable()) =! false
            sends "x" (Nullable true) =! true

            sentBits settings (fun connection -> connection.Send(json 1 100)) =! false)

        testCase "what the filter throws is thrown to the sender, and nothing is sent" (fun () ->
            let settings =
                PerMessageDeflate(Filter = CompressionFilter(fun _ _ _ -> invalidOp "filter"))

            let server, outcome =
                compressing settings
                |> handling (fun connection ->
                    let error =
                        Wait.throws<InvalidOperationException>(fun () -> connection.Send(json 1 100))

                    connection.Send "after"
                    error.Message)

            use _ = server
            use client = PeerClient.InMemory server
            client.Offer name |> ignore
            client.ReadText() =! "after"
            succeeds outcome =! "filter")

        testCase "none, for a client that didn't offer it" (fun () ->
            let server =
                inMemory (fun connection -> connection.Send(json 1 1_000, true)) defaults

            use _ = server
            use client = client server
            client.Read() =! Data(Opcode.Binary, true, json 1 1_000))
    ]

/// Every rule of a compressed message that a client can break.
let private violations: (string * (PeerClient -> unit) * (int * string)) list = [
    "a mark on a control frame",
    (fun client -> send client true Opcode.Ping [||]),
    (1002, "reserved bits must be 0, not 0x4")
    "a mark on a continuation",
    (fun client ->
        send client false Opcode.Text (hex "F2 48 CD C9 C9 07 00")
        send client true Opcode.Continuation [||]),
    (1002, "reserved bits must be 0, not 0x4")
    "another mark",
    (fun client -> client.WriteMarked(ReservedBits.Rsv2, true, Opcode.Text, [||])),
    (1002, "reserved bits must be 0, not 0x2")
    "no compressed data",
    (fun client -> send client true Opcode.Text (hex "FF FF FF")),
    (1002, "decompression failed")
    "cut data",
    (fun client -> send client true Opcode.Text (hex "F2 48 CD")),
    (1007, "compressed data ends too early")
    "text that is not UTF-8",
    (fun client ->
        use sender = new Sender(15)
        send client true Opcode.Text (sender.Message [| 0x61uy; 0xFFuy |])),
    (1007, "invalid UTF-8 at position 1")
    "text that is not UTF-8, before what is no compressed data",
    (fun client ->
        use sender = new Sender(15)
        let text = sender.Part([| 0x61uy; 0xFFuy |], false)
        send client true Opcode.Text (Array.append text (hex "FF FF FF"))),
    (1007, "invalid UTF-8 at position 1")
    "a distance beyond the window",
    (fun client ->
        use sender = new Sender(15)
        let data = noise 1 32_400
        Array.blit data 0 data 32_000 400
        send client true Opcode.Binary (sender.Message data)),
    (1002, "decompression failed")
]

[<Tests>]
let refusing =
    testList "compressed messages that are refused" [
        testCases "with the code of the rule" violations (fun (_, act, expected) ->
            let server, client, agreed =
                offered defaults $"{name}; client_max_window_bits=10" echo

            use _ = server
            use client = client
            test <@ agreed.EndsWith("client_max_window_bits=10", StringComparison.Ordinal) @>
            act client
            closedWith client =! expected)

        testCase "as bad text rather than as too large, if that comes first" (fun () ->
            refusedWith (ServerOptions(MaxMessageSize = Nullable 2)) (fun client ->
                use sender = new Sender(15)
                send client true Opcode.Text (sender.Message [| 0x61uy; 0xFFuy; 0x61uy; 0x61uy |]))
            =! (1007, "invalid UTF-8 at position 1"))

        testCase "without an agreement, with the first mark" (fun () ->
            let server = inMemory echo defaults
            use _ = server
            use client = client server
            send client true Opcode.Text [||]
            closedWith client =! (1002, "reserved bits must be 0, not 0x4"))

        testTheory
            "when they are larger than they may be once inflated"
            [ 999, true; 1_000, true; 1_001, false ]
            (fun (size, isFine) ->
                for data in [ Array.zeroCreate<byte> size; noise 1 size ] do
                    let server, client = echoing (ServerOptions(MaxMessageSize = Nullable 1_000))
                    use _ = server
                    use client = client
                    use sender = new Sender(15)
                    send client true Opcode.Binary (sender.Message data)

                    if isFine then
                        use receiver = new Receiver(12)
                        let _, _, payload = client.ReadMarked()
                        receiver.Message payload =! Message data
                    else
                        fst (closedWith client) =! 1009)

        testCase "when all fragments together are larger" (fun () ->
            refusedWith (ServerOptions(MaxMessageSize = Nullable 1_000)) (fun client ->
                use sender = new Sender(15)
                send client false Opcode.Binary (sender.Part(noise 1 600, false))
                client.WriteFrame(false, Opcode.Continuation, sender.Part(noise 2 400, false))
                client.WriteFrame(true, Opcode.Continuation, sender.Part(noise 3 1, true)))
            =! (1009, "message of at least 1001 bytes exceeds the limit of 1000 bytes"))

        testCase "when a fragment is larger" (fun () ->
            refusedWith (ServerOptions(MaxFragmentSize = Nullable 100)) (fun client ->
                use sender = new Sender(15)
                send client false Opcode.Binary (sender.Part(Array.zeroCreate 101, false)))
            =! (1009, "frame of 101 bytes exceeds the limit of 100 bytes"))

        testTheory
            "when they inflate to too much, where that is limited"
            [ 65_000, true; 70_000, false ]
            (fun (size, isFine) ->
                let options = compressing (PerMessageDeflate(MaxInflateRatio = Nullable 50))
                let server, client = echoing options
                use _ = server
                use client = client
                use sender = new Sender(15)
                send client true Opcode.Binary (sender.Message(Array.zeroCreate size))

                if isFine then
                    let bits, _, _ = client.ReadMarked()
                    bits =! rsv1
                else
                    closedWith client =! (1008, "message inflates to more than 50 times its size"))
    ]
