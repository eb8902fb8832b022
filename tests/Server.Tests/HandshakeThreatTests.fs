/// What strangers do to an opening handshake, and what must then be true.
module FunctionalWs.Server.Tests.HandshakeThreatTests

open System
open System.IO
open System.Threading
open Microsoft.Extensions.Logging
open Expecto
open Swensen.Unquote
open FunctionalWs
open FunctionalWs.Protocol

let private recorded (records: Records) = ServerOptions(LoggerFactory = records)

let private statusOf (request: string) =
    let answer = Exchange.toEnd (ServerOptions()) request
    if answer = "" then 0 else int (answer.Substring(9, 3))

let private webSocket = Exchange.webSocket []

let private without (name: string) =
    webSocket.Split("\r\n")
    |> Array.filter (fun line -> not (line.StartsWith(name + ":")))
    |> String.concat "\r\n"

let private withTarget (target: string) = webSocket.Replace("/chat", target)

let private withHost (value: string) =
    webSocket.Replace("Host: example.com", $"Host: {value}")

[<Tests>]
let confusing =
    testList "confusing requests" [
        testTheory
            "H8: what could be read in two ways is refused"
            [
                "GET / HTTP/1.1\nHost: a\n\n", 400
                "GET / HTTP/1.1\rHost: a\r\r", 0
                "GET / HTTP/1.1\r\nHost: a\r\n b: c\r\n\r\n", 400
                "GET / HTTP/1.1\r\nHost : a\r\n\r\n", 400
                "GET / HTTP/1.1\r\nHost: a\000\r\n\r\n", 400
                "GET / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 501
                "GET / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\nContent-Length: 0\r\n\r\n", 501
                "GET / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked, gzip\r\n\r\n0\r\n\r\n", 400
                "GET / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nhello", 413
                "GET / HTTP/1.1\r\nHost: a\r\nContent-Length: +0\r\n\r\n", 400
                "GET / HTTP/1.1\r\nHost: a\r\nContent-Length: 0x0\r\n\r\n", 400
                "GET / HTTP/1.1\r\nHost: a\r\nContent-Length: 0, 0\r\n\r\n", 400
                "GET / HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\nContent-Length: 0\r\n\r\n", 400
                withTarget "http://user@example.com/chat", 400
            ]
            (fun (request, status) -> statusOf request =! status)

        testCase "H8: bytes after a head are never a second request" (fun () ->
            let mutable asked = 0

            let hook =
                ProcessRequest(fun connection _ ->
                    asked <- asked + 1
                    connection.Respond(200, "one"))

            let answer =
                Exchange.toEnd (ServerOptions(ProcessRequest = hook)) (String.replicate 3 webSocket)

            (answer.Split "HTTP/1.1 ").Length - 1 =! 1
            asked =! 1)

        testTheory
            "H9: a header that may come once is not taken from the last"
            [
                "HOST: example.com", 400
                "Host: other.example", 400
                "sec-websocket-key: AQIDBAUGBwgJCgsMDQ4PEA==", 400
                "Sec-WebSocket-Version: 13", 400
            ]
            (fun (line, status) -> statusOf (Exchange.webSocket [ line ]) =! status)

        testCase "H9: two origins are refused although any would do" (fun () ->
            statusOf (Exchange.webSocket [ "Origin: a"; "origin: a" ]) =! 400)

        testCase "H10: frames that come with the request are read after the response" (fun () ->
            use server = Serve.inMemory Serve.echo (ServerOptions())
            use client = PeerClient.InMemory server
            client.Write(webSocket + "\x89\x80\000\000\000\000\x81\x81\000\000\000\000x")
            client.ReadResponse().Substring(9, 3) =! "101"
            client.Read() =! PongOf [||]
            client.ReadText() =! "x")

        testCase "H10: after a rejection they are dropped" (fun () ->
            let answer =
                Exchange.toEnd (ServerOptions()) (without "Sec-WebSocket-Key" + "\x89\x80\000\000\000\000")

            answer.Substring(9, 3) =! "400"
            test <@ answer.EndsWith("is missing.\n", StringComparison.Ordinal) @>)

        testTheory
            "H11: what is no WebSocket is answered by its status or not at all, in one record, without a stack trace"
            [
                "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 505
                "\022\003\001\002\000\001\000\001\252\003\003" + String('\000', 500), 0
                "SSH-2.0-OpenSSH_9.9\r\n", 0
                "GET / HTTP/1.0\r\n\r\n", 505
                "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\na=b", 413
                "POST / HTTP/1.1\r\nHost: a\r\n\r\n", 405
                String('\000', 1_000_000), 0
                "GET /" + String('\000', 1_000_000), 414
                "", 0
                "\r\n", 0
            ]
            (fun (request, status) ->
                let records = new Records()
                let answer = Exchange.toEnd (recorded records) request
                (if answer = "" then 0 else int (answer.Substring(9, 3))) =! status
                Exchange.levelsAbove LogLevel.Information records =! []
                records.Exceptions =! []
                (Exchange.outcomes records).Length =! 1)

        testTheory
            "H17: a host that is none, or another than the target's"
            [
                without "Host"
                withHost ""
                withHost "user@example.com"
                withHost "user:pass@example.com"
                withHost "example.com:0x50"
                withHost "example.com:65536"
                withHost "example.com, evil.example"
                withHost "example.com/path"
                withHost "evil\x01"
                withHost "http://example.com"
                withTarget "https://example.com@evil.example/"
            ]
            (fun request -> statusOf request =! 400)
    ]

[<Tests>]
let leaving =
    testList "clients that leave" [
        testTheory
            "H12: after every byte of the request: no handler, one record at most, no error"
            [ "by FIN", false; "by reset", true ]
            (fun (_, isAbrupt) ->
                let records = new Records()
                use server = Serve.inMemory Exchange.neverRun (recorded records)

                for size in 0 .. webSocket.Length - 1 do
                    use client = PeerClient.InMemory server
                    client.Write(webSocket.Substring(0, size))

                    if isAbrupt then
                        client.Transport.Abort()
                    else
                        client.Transport.ShutdownSend()
                        client.Read() =! End

                Wait.until "all are recorded" (fun () ->
                    (Exchange.outcomes records).Length = webSocket.Length)

                Exchange.levelsAbove LogLevel.Debug records =! []
                records.Exceptions =! [])

        testCase "H12: while a hook runs: the handler doesn't start, and DEBUG says so" (fun () ->
            use entered = new ManualResetEventSlim()
            use goOn = new ManualResetEventSlim()
            let records = new Records()

            let hook =
                ProcessRequest(fun _ _ ->
                    entered.Set()
                    Wait.forEvent "the test" goOn
                    Response.None)

            use server =
                Serve.inMemory
                    Exchange.neverRun
                    (ServerOptions(LoggerFactory = records, ProcessRequest = hook))

            use client = PeerClient.InMemory server
            client.Write webSocket
            Wait.forEvent "the hook" entered
            client.Transport.Abort()
            goOn.Set()
            Wait.until "it is recorded" (fun () -> (Exchange.outcomes records).Length = 1)
            Exchange.levelsAbove LogLevel.Debug records =! [])
    ]

[<Tests>]
let failing =
    testList "hooks that fail" [
        testTheory
            "H14: whatever it is that they throw: 500, and one ERROR record with the exception"
            [
                Exception "x"
                ArgumentException "x"
                InvalidOperationException "x"
                NullReferenceException()
                IOException "x"
                TimeoutException "x"
                OperationCanceledException "x"
                ThreadInterruptedException "x"
                Net.Sockets.SocketException 104
                ObjectDisposedException "x"
                Collections.Generic.KeyNotFoundException "x"
                NegotiationException "x"
            ]
            (fun error ->
                let records = new Records()

                let hook = ProcessRequest(fun _ _ -> raise error)

                let answer =
                    Exchange.toEnd (ServerOptions(LoggerFactory = records, ProcessRequest = hook)) webSocket

                answer.Substring(9, 3) =! "500"
                records.Exceptions =! [ error ]
                (records.Of LogLevel.Error).Length =! 1)
    ]

[<Tests>]
let stopping =
    testList "handshakes while the server stops" [
        testCase "a client is refused, or told to go away, or finds the end: nobody is forgotten" (fun () ->
            for round in 1..200 do
                use server = Serve.inMemory Serve.echo (ServerOptions())
                use client = PeerClient.InMemory server

                let ask () =
                    try
                        client.Write webSocket
                    with :? IOException ->
                        () // it was cut before it asked

                // Either comes first in every other round.
                if round % 2 = 0 then
                    ask ()

                let shutdown = Wait.start server.Shutdown

                if round % 2 = 1 then
                    ask ()

                match client.TryReadResponse() with
                | Some response when response.StartsWith("HTTP/1.1 101 ", StringComparison.Ordinal) ->
                    match client.Read() with
                    | Closed status -> status.Number =! 1001
                    | other -> failwith $"{other}"

                    client.SendClose 1001
                | Some response -> test <@ response.StartsWith("HTTP/1.1 503 ", StringComparison.Ordinal) @>
                | None -> ()

                client.Transport.ShutdownSend()
                Wait.forTask "the shutdown" shutdown =! 0)
    ]
