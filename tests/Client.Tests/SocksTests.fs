module FunctionalWs.Client.Tests.SocksTests

open System
open System.IO
open System.Net
open System.Net.Sockets
open System.Security.Authentication
open System.Text
open System.Threading
open Expecto
open Swensen.Unquote
open FunctionalWs
open FunctionalWs.Server.Tests
open FunctionalWs.Testing
open FunctionalWs.Client.Tests.Peers

let private through (scheme: string) (listener: TcpListener) (login: string) =
    DialSettings(
        Proxy = WebProxy(Uri $"{scheme}://{login}127.0.0.1:{portOf listener}"),
        Resolve = Func<_, _, _>(fun name _ -> failwith $"asked for {name}")
    )

/// A proxy that hears so many bytes, says some, and so on; then it echoes. What it has heard.
let private proxy (listener: TcpListener) (turns: (int * byte list) list) =
    serve listener (fun stream ->
        let heard =
            turns
            |> List.map (fun (size, answer) ->
                let heard = List.ofArray (readExactly stream size)
                stream.Write(ReadOnlySpan(Array.ofList answer))
                heard)

        try
            echo stream
        with :? IOException ->
            ()

        heard)

let private bytes (text: string) =
    List.ofArray (Encoding.UTF8.GetBytes text)

let private granted = [ 5uy; 0uy; 0uy; 1uy; 0uy; 0uy; 0uy; 0uy; 0uy; 0uy ]

/// The request for example.test at port 80.
let private example =
    [ 5uy; 1uy; 0uy; 3uy; 12uy ] @ bytes "example.test" @ [ 0uy; 80uy ]

[<Tests>]
let socks =
    testList "a proxy of SOCKS 5" [
        testTheory
            "is asked for a name as it is, or for an address"
            [
                "socks5", "example.test", 3uy :: 12uy :: bytes "example.test"
                "socks5h", "example.test", 3uy :: 12uy :: bytes "example.test"
                "socks5", "localhost", 3uy :: 9uy :: bytes "localhost"
                "socks5", "bücher.test", 3uy :: 18uy :: bytes "xn--bcher-kva.test"
                "socks5", "192.0.2.1", [ 1uy; 192uy; 0uy; 2uy; 1uy ]
                "socks5h",
                "[2001:db8::1]",
                4uy :: List.ofArray ((IPAddress.Parse "2001:db8::1").GetAddressBytes())
                "socks5", "[::ffff:192.0.2.1]", [ 1uy; 192uy; 0uy; 2uy; 1uy ]
            ]
            (fun (scheme, host, address) ->
                use listener = listenAt IPAddress.Loopback 0
                let request = [ 5uy; 1uy; 0uy ] @ address @ [ 0x22uy; 0x3Duy ]
                let peer = proxy listener [ 3, [ 5uy; 0uy ]; request.Length, granted ]
                use transport = openNow (through scheme listener "") $"ws://{host}:8765/"
                echoed transport "hello" =! "hello"
                transport.Dispose()
                Wait.forTask "the end" peer =! [ [ 5uy; 1uy; 0uy ]; request ])

        testCase "is given name and password when it asks for them" (fun () ->
            use listener = listenAt IPAddress.Loopback 0
            let login = [ 1uy; 3uy ] @ bytes "bob" @ [ 5uy ] @ bytes "p@ßs"

            let peer =
                proxy listener [ 4, [ 5uy; 2uy ]; login.Length, [ 1uy; 0uy ]; example.Length, granted ]

            use transport =
                openNow (through "socks5" listener "bob:p%40%C3%9Fs@") "ws://example.test/"

            echoed transport "hello" =! "hello"
            transport.Dispose()
            Wait.forTask "the end" peer =! [ [ 5uy; 2uy; 0uy; 2uy ]; login; example ])

        testCase "isn't given them when it doesn't" (fun () ->
            use listener = listenAt IPAddress.Loopback 0
            let peer = proxy listener [ 4, [ 5uy; 0uy ]; example.Length, granted ]

            use transport =
                openNow (through "socks5" listener "bob:hidden@") "ws://example.test/"

            echoed transport "hello" =! "hello"
            transport.Dispose()
            Wait.forTask "the end" peer =! [ [ 5uy; 2uy; 0uy; 2uy ]; example ])

        testTheory
            "may say where it connects from, in each form, and what follows is the server's"
            [
                [ 1uy; 127uy; 0uy; 0uy; 1uy ]
                4uy :: List.replicate 16 7uy
                3uy :: 4uy :: bytes "door"
                [ 3uy; 0uy ]
                3uy :: 255uy :: List.replicate 255 7uy
            ]
            (fun address ->
                use listener = listenAt IPAddress.Loopback 0
                let answer = [ 5uy; 0uy; 0uy ] @ address @ [ 1uy; 2uy ] @ bytes "HTTP/1.1 101"
                let peer = proxy listener [ 3, [ 5uy; 0uy ]; example.Length, answer ]
                use transport = openNow (through "socks5" listener "") "ws://example.test/"
                receive transport 12 =! "HTTP/1.1 101"
                transport.Dispose()
                Wait.forTask "the end" peer |> ignore)

        testCase "leads to a server with TLS" (fun () ->
            use listener = listenAt IPAddress.Loopback 0

            let peer =
                serve listener (fun stream ->
                    readExactly stream 3 |> ignore
                    stream.Write(ReadOnlySpan [| 5uy; 0uy |])
                    readExactly stream example.Length |> ignore
                    stream.Write(ReadOnlySpan(Array.ofList granted))
                    TlsDialTests.echoInTls stream)

            let settings =
                DialSettings(
                    Proxy = WebProxy(Uri $"socks5://127.0.0.1:{portOf listener}"),
                    Ssl = TlsDialTests.trusting ()
                )

            use transport = openNow settings "wss://example.test/"
            echoed transport "hello" =! "hello"
            transport.Dispose()
            Wait.forTask "the end" peer =! "example.test")
    ]

let private fails<'e when 'e :> exn> (login: string) (turns: (int * byte list) list) : 'e * string =
    use listener = listenAt IPAddress.Loopback 0

    let peer =
        serve listener (fun stream ->
            for size, answer in turns do
                readExactly stream size |> ignore
                stream.Write(ReadOnlySpan(Array.ofList answer)))

    let error =
        Wait.throws<'e>(fun () -> (openNow (through "socks5" listener login) "ws://example.test/").Dispose())

    Wait.forTask "the end" peer
    let text = error.ToString()
    test <@ not (text.Contains "hidden") @>
    error, $"The proxy socks5://127.0.0.1:{portOf listener} "

[<Tests>]
let refusals =
    testList "a refusal of SOCKS" [
        testTheory
            "is told in words, and as the error that it stands for"
            [
                1uy, SocketError.SocketError, "it failed (1)."
                2uy, SocketError.AccessDenied, "its rules don't allow it (2)."
                3uy, SocketError.NetworkUnreachable, "the network can't be reached (3)."
                4uy, SocketError.HostUnreachable, "the host can't be reached (4)."
                5uy, SocketError.ConnectionRefused, "the host refused the connection (5)."
                6uy, SocketError.TimedOut, "the way there is too long (TTL expired) (6)."
                7uy, SocketError.OperationNotSupported, "it doesn't connect for anybody (7)."
                8uy, SocketError.AddressFamilyNotSupported, "it knows no such addresses (8)."
                9uy, SocketError.SocketError, "for a reason that SOCKS doesn't know (9)."
                255uy, SocketError.SocketError, "for a reason that SOCKS doesn't know (255)."
            ]
            (fun (reply, code, reason) ->
                let error, name =
                    fails<SocketException> "" [ 3, [ 5uy; 0uy ]; example.Length, [ 5uy; reply ] ]

                error.SocketErrorCode =! code
                error.Message =! $"{name}has not connected to example.test:80: {reason}")

        testCase "of a login, or of none, is one of its own" (fun () ->
            let none, name = fails<AuthenticationException> "" [ 3, [ 5uy; 255uy ] ]
            none.Message =! $"{name}wants a login, and none is given."

            let useless, name =
                fails<AuthenticationException> "bob:hidden@" [ 4, [ 5uy; 255uy ] ]

            useless.Message =! $"{name}takes no login with a name and a password."

            let wrong, name =
                fails<AuthenticationException> "bob:hidden@" [ 4, [ 5uy; 2uy ]; 12, [ 1uy; 1uy ] ]

            wrong.Message =! $"{name}doesn't take the login.")

        testTheory
            "that is no answer of SOCKS is told as such"
            [
                "", [ 3, bytes "HT" ], "doesn't speak SOCKS 5: it answers with version 72."
                "", [ 3, [ 4uy; 90uy ] ], "doesn't speak SOCKS 5: it answers with version 4."
                "", [ 3, [ 5uy; 2uy ] ], "chose a way to log in that it was not offered: 2."
                "bob:hidden@", [ 4, [ 5uy; 1uy ] ], "chose a way to log in that it was not offered: 1."
                "bob:hidden@",
                [ 4, [ 5uy; 2uy ]; 12, [ 5uy; 0uy ] ],
                "doesn't speak SOCKS 5: it answers with version 5."
                "",
                [ 3, [ 5uy; 0uy ]; example.Length, [ 5uy; 0uy; 0uy; 2uy ] ],
                "answers with an address of a kind that SOCKS doesn't know: 2."
                "", [ 3, [ 5uy ] ], "has ended the stream before there was a tunnel."
                "",
                [ 3, [ 5uy; 0uy ]; example.Length, List.take 9 granted ],
                "has ended the stream before there was a tunnel."
            ]
            (fun (login, turns, reason) ->
                let error, name = fails<IOException> login turns
                error.Message =! name + reason)

        testCase "comes when time is up, by the clock that is told to go on" (fun () ->
            use listener = listenAt IPAddress.Loopback 0
            use heard = new ManualResetEventSlim()

            let peer =
                serve listener (fun stream ->
                    readExactly stream 3 |> ignore
                    stream.Write(ReadOnlySpan [| 5uy |])
                    heard.Set()
                    awaitEnd stream)

            let clock = ManualTimeProvider()

            let settings =
                DialSettings(Proxy = WebProxy(Uri $"socks5://127.0.0.1:{portOf listener}"), Clock = clock)

            let opening =
                failing<TimeoutException>
                    settings
                    (after clock 60.0)
                    CancellationToken.None
                    "ws://example.test/"

            Wait.forEvent "the greeting" heard
            clock.Advance(TimeSpan.FromSeconds 60.0)
            let error = Wait.forTask "the end of the time" opening
            let name = $"the proxy socks5://127.0.0.1:{portOf listener}"

            error.Message
            =! $"There was no connection to example.test:80 through {name} within 60 s: {name} has not answered."

            Wait.forTask "the end" peer)
    ]
