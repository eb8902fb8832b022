module FunctionalWs.Server.Tests.HandshakeTests

open System
open System.Threading
open Microsoft.Extensions.Logging
open Expecto
open Swensen.Unquote
open FunctionalWs

let private defaults = ServerOptions()

let private answer (options: ServerOptions) (request: string) =
    use server = Serve.inMemory Serve.echo options
    use client = PeerClient.InMemory server
    client.Write request
    client.ReadResponse()

let private statusLine (response: string) =
    response.Substring(0, response.IndexOf("\r\n", StringComparison.Ordinal))

[<Tests>]
let handshakes =
    testList "opening handshakes" [
        testCase "a good request opens the connection" (fun () ->
            test
                <@
                    (answer defaults PeerClient.Request)
                        .StartsWith("HTTP/1.1 101 Switching Protocols\r\n", StringComparison.Ordinal)
                @>)

        testCase "a browser's page request gets 426" (fun () ->
            let response = answer defaults "GET / HTTP/1.1\r\nHost: example.com\r\n\r\n"
            statusLine response =! "HTTP/1.1 426 Upgrade Required"

            test
                <@
                    response.Contains "Upgrade: websocket\r\n"
                    && response.Contains "Connection: close, Upgrade\r\n"
                @>)

        testCase "a rejected client gets its response although it sent more, and then the end" (fun () ->
            use server = Serve.inMemory Serve.echo defaults
            use client = PeerClient.InMemory server
            client.Write("POST / HTTP/1.1\r\nHost: example.com\r\n\r\n" + String('x', 1000))
            test <@ client.ReadResponse().StartsWith("HTTP/1.1 405 ", StringComparison.Ordinal) @>
            client.Transport.ShutdownSend())

        testTheory
            "what doesn't begin as HTTP is not answered, and the stream ends at once"
            [ "\022\003\001\002\000\001"; "\000"; "SSH-2.0-x\r\n"; "\r\n\022"; "\129\128" ]
            (fun junk ->
                use server = Serve.inMemory Serve.echo (ServerOptions(TimeProvider = FakeClock()))
                use client = PeerClient.InMemory server
                client.Write junk
                client.Read() =! End)

        testCase "what begins as HTTP is answered, and the stream ends" (fun () ->
            for request, status in
                [
                    "GET / HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\n\r\nx", "413 Content Too Large"
                    "GET / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n", "501 Not Implemented"
                    "GET / HTTP/1.1\r\nHost : a\r\n\r\n", "400 Bad Request"
                    "GET /\r\n", "400 Bad Request"
                    "GET / HTTP/3.0\r\n", "505 HTTP Version Not Supported"
                ] do
                let response = answer defaults request
                statusLine response =! $"HTTP/1.1 {status}"
                test <@ response.Contains "\r\nConnection: close\r\n" @>)

        testTheory
            "one empty line behind the head is passed over, however it comes"
            [ [ "\r\n" ]; [ "\r"; "\n" ]; [] ]
            (fun pieces ->
                use server = Serve.inMemory Serve.echo defaults
                use client = PeerClient.InMemory server
                client.Write(String.concat "" (PeerClient.Request :: List.truncate 1 pieces))
                test <@ client.ReadResponse().StartsWith("HTTP/1.1 101 ", StringComparison.Ordinal) @>

                for piece in List.skip (min 1 pieces.Length) pieces do
                    client.Write piece

                client.SendText "hello"
                client.ReadText() =! "hello"

                // It is none behind a frame.
                client.Write "\r\n"
                test <@ string (client.Read()) |> _.Contains("1002") @>)

        testCase "two empty lines behind the head are no frame" (fun () ->
            use server = Serve.inMemory Serve.echo defaults
            use client = PeerClient.InMemory server
            client.Write(PeerClient.Request + "\r\n\r\n")
            test <@ client.ReadResponse().StartsWith("HTTP/1.1 101 ", StringComparison.Ordinal) @>
            test <@ string (client.Read()) |> _.Contains("1002") @>)

        testCase "clients that forget Connection: Upgrade are let in where that is allowed" (fun () ->
            let request = PeerClient.Request.Replace("Connection: Upgrade\r\n", "")
            statusLine (answer defaults request) =! "HTTP/1.1 426 Upgrade Required"

            statusLine (answer (ServerOptions(AllowMissingConnectionUpgrade = true)) request)
            =! "HTTP/1.1 101 Switching Protocols")

        testCase "an empty list of subprotocols or extensions is none" (fun () ->
            let request =
                PeerClient.Request.Replace(
                    "\r\n\r\n",
                    "\r\nSec-WebSocket-Protocol: \r\nSec-WebSocket-Extensions: \r\n\r\n"
                )

            statusLine (answer defaults request) =! "HTTP/1.1 101 Switching Protocols")

        testCase "an empty line before the request is passed over" (fun () ->
            test
                <@
                    (answer defaults ("\r\n" + PeerClient.Request)).StartsWith
                        "HTTP/1.1 101 Switching Protocols\r\n"
                @>)

        testCase "the subprotocol that both have is agreed on" (fun () ->
            let options = ServerOptions(Subprotocols = [| "v2"; "v1" |])

            let request =
                PeerClient.Request.Replace("\r\n\r\n", "\r\nSec-WebSocket-Protocol: v1, v2\r\n\r\n")

            test <@ (answer options request).Contains "Sec-WebSocket-Protocol: v2\r\n" @>)

        testCase "an origin that is not listed gets 403" (fun () ->
            let options = ServerOptions(Origins = [| Origin.Exact "https://good.example" |])

            let request =
                PeerClient.Request.Replace("\r\n\r\n", "\r\nOrigin: https://evil.example\r\n\r\n")

            statusLine (answer options request) =! "HTTP/1.1 403 Forbidden")

        testCase
            "a client that never finishes its request is cut by the open timeout, and holds up nobody"
            (fun () ->
                let clock = FakeClock()
                use server = Serve.inMemory Serve.echo (ServerOptions(TimeProvider = clock))
                use silent = PeerClient.InMemory server
                use slow = PeerClient.InMemory server
                slow.Write "GET / HTTP/1.1\r\nHost: exam"
                use other = Serve.client server
                other.SendText "me first"
                other.ReadText() =! "me first"
                clock.Advance(TimeSpan.FromSeconds 9.0)
                slow.Write "ple.com\r\n"
                clock.Advance(TimeSpan.FromSeconds 2.0)
                silent.Read() =! End
                slow.Read() =! End
                other.SendText "still here"
                other.ReadText() =! "still here")

        testCase "nothing that a client does before it is connected is logged above INFORMATION" (fun () ->
            let records = new Records()
            let options = ServerOptions(LoggerFactory = records)

            for request in
                [
                    ""
                    "junk\r\n\r\n"
                    "GET / HTTP/1.1\r\n\r\n"
                    "\000\001\002"
                    PeerClient.Request + "\003\004"
                ] do
                use server = Serve.inMemory Serve.echo options
                use client = PeerClient.InMemory server
                client.Write request
                client.Transport.Abort()
                server.Shutdown() |> ignore

            records.All
            |> List.filter (fun (struct (level, _, _)) -> level > LogLevel.Information)
            =! [])
    ]
