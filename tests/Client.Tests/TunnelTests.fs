module FunctionalWs.Client.Tests.TunnelTests

open System
open System.IO
open System.Net
open System.Net.Sockets
open System.Text
open System.Threading
open Expecto
open Swensen.Unquote
open FunctionalWs.Protocol
open FunctionalWs.Server.Tests
open FunctionalWs.Testing
open FunctionalWs // after Testing, which has a refusal of its own
open FunctionalWs.Client.Tests.Peers

/// Settings with a proxy; names are asked for at nobody's but the proxy's.
let private through (listener: TcpListener) (login: string) =
    DialSettings(
        Proxy = WebProxy(Uri $"http://{login}127.0.0.1:{portOf listener}"),
        Resolve = Func<_, _, _>(fun name _ -> failwith $"asked for {name}")
    )

/// A proxy that hears a head and answers it.
let private answering (listener: TcpListener) (answer: string) (next: Stream -> unit) =
    serve listener (fun stream ->
        let head = readHead stream
        write stream answer
        next stream
        head)

let private refused (settings: DialSettings) : HandshakeRefusedException =
    Wait.throws<HandshakeRefusedException>(fun () ->
        (openNow settings "ws://alice:secret@example.test/").Dispose())

[<Tests>]
let tunnel =
    testList "a tunnel through a proxy of HTTP" [
        testTheory
            "leads to the host and port of the URI"
            [
                "ws://example.test/chat", "example.test:80"
                "ws://example.test:8765/", "example.test:8765"
                "ws://[::1]:8765/", "[::1]:8765"
            ]
            (fun (text, authority) ->
                use listener = listenAt IPAddress.Loopback 0
                let proxy = answering listener "HTTP/1.1 200 Connection established\r\n\r\n" echo
                use transport = openNow (through listener "") text
                echoed transport "hello" =! "hello"
                transport.Dispose()

                Wait.forTask "the end" proxy
                =! $"CONNECT {authority} HTTP/1.1\r\nHost: {authority}\r\nUser-Agent: FunctionalWs\r\n\r\n")

        testCase "is asked for with the proxy's login, and nothing of the server's" (fun () ->
            use listener = listenAt IPAddress.Loopback 0
            let proxy = answering listener "HTTP/1.0 204 \r\nX: y\r\n\r\n" echo

            use transport =
                openNow (through listener "bob:p%40ss@") "ws://alice:secret@example.test/"

            echoed transport "hello" =! "hello"
            transport.Dispose()
            let head = Wait.forTask "the end" proxy
            test <@ head.Contains "\r\nProxy-Authorization: Basic Ym9iOnBAc3M=\r\n" @>
            test <@ not (head.Contains "\r\nAuthorization") @>)

        testCase "loses nothing that comes right behind the proxy's head, lengths in that or none" (fun () ->
            use listener = listenAt IPAddress.Loopback 0

            let proxy =
                answering
                    listener
                    "HTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\nHTTP/1.1 101 and more\r\n"
                    awaitEnd

            use transport = openNow (through listener "") "ws://example.test/"
            receive transport 23 =! "HTTP/1.1 101 and more\r\n"
            transport.Dispose()
            Wait.forTask "the end" proxy |> ignore)

        testCase "is found byte by byte, too" (fun () ->
            use listener = listenAt IPAddress.Loopback 0

            let proxy =
                serve listener (fun stream ->
                    stream.Socket.NoDelay <- true
                    readHead stream |> ignore

                    for character in "HTTP/1.1 200 OK\r\nA: b\r\n\r\n" do
                        write stream (string character)

                    echo stream)

            use transport = openNow (through listener "") "ws://example.test/"
            echoed transport "hello" =! "hello"
            transport.Dispose()
            Wait.forTask "the end" proxy)

        testCase "has TLS inside, with the server's name" (fun () ->
            use listener = listenAt IPAddress.Loopback 0

            let proxy =
                serve listener (fun stream ->
                    let head = readHead stream
                    write stream "HTTP/1.1 200 OK\r\n\r\n"
                    let name = TlsDialTests.echoInTls stream
                    head, name)

            let settings =
                DialSettings(
                    Proxy = WebProxy(Uri $"http://127.0.0.1:{portOf listener}"),
                    Ssl = TlsDialTests.trusting ()
                )

            use transport = openNow settings "wss://example.test/"
            echoed transport "hello" =! "hello"
            transport.Dispose()
            let head, name = Wait.forTask "the end" proxy
            test <@ head.StartsWith "CONNECT example.test:443 HTTP/1.1\r\n" @>
            name =! "example.test")
    ]

[<Tests>]
let refusals =
    testList "a refusal of a proxy" [
        testCase "tells status, fields and body, and that it is the proxy's" (fun () ->
            use listener = listenAt IPAddress.Loopback 0

            let proxy =
                answering
                    listener
                    "HTTP/1.1 403 Not here\r\nContent-Length: 9\r\nX-Why: rules\r\n\r\nno\nentry!"
                    awaitEnd

            let error = refused (through listener "")
            error.IsFromProxy =! true
            error.Response.StatusCode =! 403
            error.Response.ReasonPhrase =! "Not here"
            error.Response.Headers.Get "X-Why" =! "rules"
            error.Body =! "no\nentry!"
            error.Error =! ClientHandshakeError.Status 403

            error.Message
            =! $"The proxy http://127.0.0.1:{portOf listener} answered 403 Not here. no\\u000Aentry!"

            Wait.forTask "the end" proxy |> ignore)

        testCase "that asks for a login tells its challenges, and no secret" (fun () ->
            use listener = listenAt IPAddress.Loopback 0

            let proxy =
                answering
                    listener
                    "HTTP/1.1 407 Proxy Authentication Required\r\nProxy-Authenticate: Basic realm=\"door\"\r\nContent-Length: 0\r\n\r\n"
                    awaitEnd

            let error = refused (through listener "bob:hidden@")

            match error.Error with
            | ClientHandshakeError.AuthenticationRequired(407, challenges) ->
                (Seq.head challenges).Scheme =! "Basic"
            | other -> failwith $"{other}"

            let text = error.ToString()
            test <@ not (text.Contains "hidden" || text.Contains "secret" || text.Contains "alice") @>
            Wait.forTask "the end" proxy |> ignore)

        testCase "has no more of a body than is kept, however long that is" (fun () ->
            use listener = listenAt IPAddress.Loopback 0

            let proxy =
                serve listener (fun stream ->
                    readHead stream |> ignore
                    write stream "HTTP/1.1 502 Bad Gateway\r\n\r\n"

                    try
                        while true do
                            write stream (String('x', 1000))
                    with :? IOException ->
                        ())

            let settings =
                DialSettings(
                    Proxy = WebProxy(Uri $"http://127.0.0.1:{portOf listener}"),
                    MaxRefusalBody = 5000
                )

            let error = refused settings
            error.Body =! String('x', 5000)
            test <@ error.Message.Length < 400 @>
            Wait.forTask "the end" proxy)

        testCase
            "is told three seconds after its head at the latest, with what has come of its body"
            (fun () ->
                use listener = listenAt IPAddress.Loopback 0

                let proxy =
                    answering listener "HTTP/1.1 502 \r\nContent-Length: 10\r\n\r\nhalf" awaitEnd

                let clock = SteppingClock(TimeSpan.FromSeconds 1.0)

                let settings =
                    DialSettings(Proxy = WebProxy(Uri $"http://127.0.0.1:{portOf listener}"), Clock = clock)

                let error = refused settings
                error.Body =! "half"
                Wait.forTask "the end" proxy |> ignore)

        testTheory
            "with a body that breaks its rules, or a status that there is not, is one all the same"
            [
                "HTTP/1.1 500 Oops\r\nContent-Length: x\r\n\r\nbody", 500, ""
                "HTTP/1.1 500 Oops\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\nzz\r\n", 500, "abc"
                "HTTP/1.1 500 Oops\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n", 500, "abc"
                "HTTP/1.1 999 Odd\r\nContent-Length: 1\r\n\r\n!", 500, "!"
                "HTTP/1.1 101 Switching Protocols\r\n\r\n", 101, ""
                "HTTP/1.1 302 Found\r\nLocation: ws://elsewhere.test/\r\nContent-Length: 0\r\n\r\n", 302, ""
            ]
            (fun (answer, status, body) ->
                use listener = listenAt IPAddress.Loopback 0
                let proxy = answering listener answer awaitEnd
                let error = refused (through listener "")
                (error.Response.StatusCode, error.Body) =! (status, body)
                test <@ error.Message.Contains(answer.Substring(9, 3)) @>
                Wait.forTask "the end" proxy |> ignore)
    ]

[<Tests>]
let hostile =
    testList "a proxy that misbehaves" [
        testTheory
            "is told by what it does"
            [
                "SSH-2.0-door\r\n", "doesn't speak HTTP."
                "\005\000", "has ended the stream before there was a tunnel."
                "HTTP/1.1 200 OK\r\nA: b\r\n", "has ended the stream before there was a tunnel."
                "", "has ended the stream before there was a tunnel."
                "HTTP/1.1 403 Not\001 here\r\n\r\n", "breaks a rule of HTTP."
                "HTTP/2 200\r\n\r\n", "breaks a rule of HTTP."
                "HTTP/1.1 200 OK\nA: b\n\n", "breaks a rule of HTTP."
            ]
            (fun (answer, reason) ->
                use listener = listenAt IPAddress.Loopback 0
                let proxy = answering listener answer ignore

                let error =
                    Wait.throws<IOException>(fun () ->
                        (openNow (through listener "") "ws://example.test/").Dispose())

                test <@ error.Message.StartsWith $"The proxy http://127.0.0.1:{portOf listener} {reason}" @>

                Wait.forTask "the end" proxy |> ignore)

        testTheory
            "that speaks something else is known by its first bytes"
            [ "SSH-2.0-door"; "\021\003\003\000\002" ]
            (fun answer ->
                use listener = listenAt IPAddress.Loopback 0
                let proxy = answering listener answer awaitEnd

                let error =
                    Wait.throws<IOException>(fun () ->
                        (openNow (through listener "") "ws://example.test/").Dispose())

                test <@ error.Message.EndsWith "doesn't speak HTTP." @>
                Wait.forTask "the end" proxy |> ignore)

        testTheory
            "with a head without end is left at the limit"
            [
                "HTTP/1.1 200 OK\r\n", "A: b\r\n"
                "HTTP/1.1 200 ", "x"
                "", "HTTP/1.1 100 Continue\r\n\r\n"
            ]
            (fun (start, again) ->
                use listener = listenAt IPAddress.Loopback 0

                let proxy =
                    serve listener (fun stream ->
                        readHead stream |> ignore
                        write stream start

                        try
                            while true do
                                write stream (String.replicate 100 again)
                        with :? IOException ->
                            ())

                let error =
                    Wait.throws<IOException>(fun () ->
                        (openNow (through listener "") "ws://example.test/").Dispose())

                test <@ error.Message.Contains "breaks a rule of HTTP." @>
                Wait.forTask "the end" proxy)

        testTheory "is left when time is up, silent or dripping" [ false; true ] (fun isDripping ->
            use listener = listenAt IPAddress.Loopback 0
            use heard = new ManualResetEventSlim()
            use isOver = new ManualResetEventSlim()

            let proxy =
                serve listener (fun stream ->
                    readHead stream |> ignore
                    write stream "HTTP/1.1 200 OK\r\nA: "
                    heard.Set()

                    try
                        while isDripping && not (isOver.Wait 1) do
                            write stream "b"
                    with :? IOException ->
                        ()

                    awaitEnd stream)

            let clock = ManualTimeProvider()

            let settings =
                DialSettings(Proxy = WebProxy(Uri $"http://127.0.0.1:{portOf listener}"), Clock = clock)

            let opening =
                failing<TimeoutException>
                    settings
                    (after clock 60.0)
                    CancellationToken.None
                    "ws://example.test/"

            Wait.forEvent "the client's request" heard
            clock.Advance(TimeSpan.FromSeconds 60.0)
            let error = Wait.forTask "the end of the time" opening
            isOver.Set()
            let name = $"the proxy http://127.0.0.1:{portOf listener}"

            error.Message
            =! $"There was no connection to example.test:80 through {name} within 60 s: {name} has not answered."

            Wait.forTask "the end" proxy)

        testCase "is left by cancelling" (fun () ->
            use listener = listenAt IPAddress.Loopback 0
            use heard = new ManualResetEventSlim()
            use cancellation = new CancellationTokenSource()

            let proxy =
                serve listener (fun stream ->
                    readHead stream |> ignore
                    heard.Set()
                    awaitEnd stream)

            let opening =
                failing<OperationCanceledException>
                    (through listener "")
                    never
                    cancellation.Token
                    "ws://example.test/"

            Wait.forEvent "the client's request" heard
            cancellation.Cancel()
            let error = Wait.forTask "the end" opening
            error.CancellationToken =! cancellation.Token
            Wait.forTask "the end" proxy)

        testCase "that isn't there is told as the proxy" (fun () ->
            let port = closedPort ()

            let settings =
                DialSettings(Proxy = WebProxy(Uri $"http://bob:hidden@127.0.0.1:{port}"))

            let error =
                Wait.throws<SocketException>(fun () -> (openNow settings "ws://example.test/").Dispose())

            error.Message
            =! $"There is no connection to the proxy http://127.0.0.1:{port}. 127.0.0.1:{port}: Connection refused.")
    ]
