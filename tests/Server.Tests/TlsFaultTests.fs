module FunctionalWs.Server.Tests.TlsFaultTests

open System
open System.Collections.Concurrent
open System.Collections.Generic
open System.Diagnostics
open System.Net.Security
open System.Net.Sockets
open System.Security.Authentication
open System.Security.Cryptography
open System.Security.Cryptography.X509Certificates
open System.Text
open System.Threading
open Microsoft.Extensions.Logging
open Expecto
open Swensen.Unquote
open FunctionalWs
open FunctionalWs.Testing

let private openTimeout = TimeSpan.FromSeconds 10.0

let private serve (clock: FakeClock) (records: Records) =
    ServerOptions(Ssl = Tls.ssl (), LoggerFactory = records, TimeProvider = clock)
    |> Serve.overTcp Serve.echo

let private raw (server: Server) = Tls.connectTo server.LocalEndPoint

let private write (client: Transport) (bytes: byte[]) = client.Write(ReadOnlySpan bytes)

/// Reads until the stream ends; fails when it doesn't.
let private isEnded (client: Transport) =
    let buffer = Array.zeroCreate<byte> 4096

    while client.Read(Span buffer) > 0 do
        ()

    match client.Failure with
    | :? SocketException as error when error.SocketErrorCode = SocketError.TimedOut ->
        failwith "the server did not end the stream"
    | _ -> ()

/// Ended without a single byte: what is not TLS would be taken for it.
let private isEndedInSilence (client: Transport) =
    let first = Array.zeroCreate<byte> 1
    client.Read(Span first) =! 0
    isEnded client

let private reset (client: SocketTransport) =
    client.Socket.LingerState <- LingerOption(true, 0)
    client.Dispose()

let private isServed (server: Server) =
    use client = Tls.connect server
    client.ShakeHands()
    client.SendText "still there"
    client.ReadText() =! "still there"

let private ended (records: Records) =
    records.Of LogLevel.Debug |> List.filter (fun (struct (_, id, _)) -> id = 60)

/// Nothing that a peer did was worth more than a record for those who debug.
let private isQuiet (records: Records) =
    let isLoud (struct (level, _, _)) = level >= LogLevel.Warning
    records.All |> List.filter isLoud =! []

/// What a client says first in TLS.
let private hello =
    let struct (atServer, atClient) = MemoryTransport.CreatePair()
    let stream = new SslStream(new Tls.TransportStream(atClient))

    let work =
        Wait.start (fun () ->
            try
                stream.AuthenticateAsClient(Tls.clientOptions ())
            with _ ->
                ())

    let buffer = Array.zeroCreate<byte> 4096
    let size = atServer.Read(Span buffer)
    atServer.Abort()
    Wait.forTask "the client's end" work
    buffer[.. size - 1]

/// The same, saying that TLS 1.0 is the newest: the version in the record, in the message, and none in extensions.
let private oldHello =
    let body =
        Array.concat [
            [| 3uy; 1uy |]
            Array.create 32 7uy
            [| 0uy; 0uy; 2uy; 0uy; 0x2Fuy; 1uy; 0uy |]
        ]

    Array.concat [
        [|
            22uy
            3uy
            1uy
            0uy
            byte (body.Length + 4)
            1uy
            0uy
            0uy
            byte body.Length
        |]
        body
    ]

[<Tests>]
let faults =
    testSequenced (
        testList "faults of TLS clients" [
            testCase "hundreds that say nothing hold up nobody and are cut at the open timeout" (fun () ->
                let clock = FakeClock()
                use records = new Records()
                use server = serve clock records

                let time () =
                    let watch = Stopwatch.StartNew()
                    isServed server
                    watch.ElapsedMilliseconds

                let alone = [ for _ in 1..5 -> time () ]
                let silent = [ for _ in 1..300 -> raw server ]
                let beside = [ for _ in 1..5 -> time () ]
                printfn $"TLS connection and echo, ms: alone %A{alone}, beside 300 silent clients %A{beside}"
                clock.Advance(openTimeout - TimeSpan.FromTicks 1L)
                isServed server
                ended records =! []
                clock.Advance(TimeSpan.FromTicks 1L)

                for client in silent do
                    isEnded client
                    client.Dispose()

                Wait.until "all are recorded" (fun () -> (ended records).Length = 300)

                for struct (_, _, text) in ended records do
                    test <@ text.Contains "longer than" @>

                isServed server
                isQuiet records)

            testCase "faulty clients of all kinds at once hold up nobody, and are cut" (fun () ->
                let clock = FakeClock()
                use records = new Records()
                use server = serve clock records

                let time () =
                    let watch = Stopwatch.StartNew()
                    isServed server
                    watch.ElapsedMilliseconds

                let alone = [ for _ in 1..11 -> time () ]
                let silent = [ for _ in 1..200 -> raw server ]
                let dripping = [ for _ in 1..50 -> raw server ]

                let beside = [
                    for i in 0..10 do
                        for client in dripping do
                            write client [| hello[i] |]

                        for _ in 1..10 do
                            let plain = raw server
                            write plain "GET / HTTP/1.1\r\n\r\n"B
                            isEnded plain
                            plain.Dispose()
                            let leaving = raw server
                            write leaving hello[.. 10 * i]
                            reset leaving

                        time ()
                ]

                printfn $"TLS connection and echo, ms: alone %A{alone}, beside faulty clients %A{beside}"
                // The clock stood still: whoever was served did not have to wait until one of them was cut.
                clock.Advance openTimeout

                for client in silent @ dripping do
                    isEnded client
                    client.Dispose()

                // One that is reset early enough is gone before it is asked for TLS.
                let left () =
                    records.Of LogLevel.Debug
                    |> List.filter (fun (struct (_, id, _)) -> id = 60 || id = 22)

                Wait.until "all are recorded" (fun () -> (left ()).Length = 470)
                isQuiet records)

            testTheory
                "what is no TLS is dropped at once, with one record"
                [
                    "GET / HTTP/1.1\r\nHost: example.com\r\n\r\n"
                    "SSH-2.0-OpenSSH_9.2\r\n"
                    "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
                ]
                (fun text ->
                    use records = new Records()
                    use server = serve (FakeClock()) records
                    use client = raw server
                    write client (Encoding.ASCII.GetBytes text)
                    isEnded client
                    Wait.until "it is recorded" (fun () -> (ended records).Length = 1)
                    isServed server
                    isQuiet records)

            testTheory
                "TLS that can't be agreed on is dropped at once, with one record"
                [ "TLS 1.0"; "a record that is too large"; "zeros" ]
                (fun what ->
                    use records = new Records()
                    use server = serve (FakeClock()) records
                    use client = raw server

                    match what with
                    | "TLS 1.0" -> write client oldHello
                    | "a record that is too large" ->
                        write
                            client
                            (Array.append [| 22uy; 3uy; 1uy; 0xFFuy; 0xFFuy |] (Array.zeroCreate 65_535))
                    | _ -> write client (Array.zeroCreate 100_000)

                    isEnded client
                    Wait.until "it is recorded" (fun () -> (ended records).Length = 1)
                    isServed server
                    isQuiet records)

            testTheory
                "one bad record after the handshake and before the request is the end, and no error"
                [
                    for version in [ SslProtocols.Tls12; SslProtocols.Tls13 ] do
                        for what, bytes in
                            [
                                "random bytes", Array.init 64 (fun i -> byte (i * 37 + 11))
                                "ChangeCipherSpec", [| 20uy; 3uy; 3uy; 0uy; 1uy; 1uy |]
                                "a plaintext alert", [| 21uy; 3uy; 3uy; 0uy; 2uy; 2uy; 40uy |]
                                "an empty record", [| 23uy; 3uy; 3uy; 0uy; 0uy |]
                                "a plaintext handshake", [| 22uy; 3uy; 3uy; 0uy; 4uy; 0uy; 0uy; 0uy; 0uy |]
                                "a record of another key",
                                Array.append [| 23uy; 3uy; 3uy; 0uy; 40uy |] (Array.zeroCreate 40)
                            ] do
                            version, what, bytes
                ]
                (fun (version, _, bytes) ->
                    use records = new Records()
                    use server = serve (FakeClock()) records
                    use client = raw server
                    let options = Tls.clientOptions ()
                    options.EnabledSslProtocols <- version
                    use _ = Tls.over options client
                    write client bytes
                    client.ShutdownSend()
                    isEnded client
                    isServed server
                    server.Shutdown() |> ignore
                    isQuiet records)

            testCase "a client's certificate with an extension that is none is no error" (fun () ->
                use records = new Records()

                let ssl =
                    SslServerAuthenticationOptions(
                        ServerCertificateContext = Tls.contextOf Tls.localhost,
                        ClientCertificateRequired = true,
                        RemoteCertificateValidationCallback = fun _ _ _ _ -> true
                    )

                use server =
                    ServerOptions(Ssl = ssl, LoggerFactory = records) |> Serve.overTcp Serve.echo

                for oid in [ "2.5.29.32"; "2.5.29.36"; "2.5.29.33"; "2.5.29.19"; "2.5.29.37" ] do
                    use key = ECDsa.Create ECCurve.NamedCurves.nistP256

                    let request =
                        CertificateRequest(X500DistinguishedName "CN=me", key, HashAlgorithmName.SHA256)

                    request.CertificateExtensions.Add(
                        X509Extension(oid, [| 0x30uy; 0x7Fuy; 0xFFuy |], false)
                    )

                    use certificate =
                        request.CreateSelfSigned(
                            DateTimeOffset.UtcNow.AddDays -1.0,
                            DateTimeOffset.UtcNow.AddDays 1.0
                        )

                    try
                        let options = Tls.clientOptions ()
                        options.LocalCertificateSelectionCallback <- fun _ _ _ _ _ -> certificate
                        use client = raw server
                        use stream = Tls.over options client
                        client.ShutdownSend()
                        stream.ReadByte() |> ignore
                    with _ ->
                        ()

                server.Shutdown() |> ignore
                isQuiet records)

            testCase "a client that leaves after any byte of its first message leaves one record" (fun () ->
                use records = new Records()
                use server = serve (FakeClock()) records
                let lengths = [ 0..7 .. hello.Length - 1 ]

                for length in lengths do
                    for leave in [ (fun (client: SocketTransport) -> client.ShutdownSend()); reset ] do
                        let client = raw server
                        write client hello[.. length - 1]
                        leave client

                Wait.until "all are recorded" (fun () -> (ended records).Length = 2 * lengths.Length)
                isServed server
                isQuiet records)

            testCase "a client that drips bytes is cut at the open timeout" (fun () ->
                let clock = FakeClock()
                use records = new Records()
                use server = serve clock records
                use client = raw server
                isServed server // so the first one was accepted before the clock moves

                for i in 0..8 do
                    write client [| hello[i] |]
                    clock.Advance(TimeSpan.FromSeconds 1.0)

                isServed server
                ended records =! []
                write client [| hello[9] |]
                clock.Advance(TimeSpan.FromSeconds 1.0)
                isEnded client
                Wait.until "it is recorded" (fun () -> (ended records).Length = 1))

            testCase "after TLS, the open timeout goes on for the request" (fun () ->
                let clock = FakeClock()
                use records = new Records()
                use server = serve clock records
                use client = Tls.connect server
                client.Write "GET / HTTP/1.1\r\n"
                clock.Advance openTimeout
                client.Read() =! End
                isQuiet records)

            testCase "a client certificate that is refused is dropped, with one record" (fun () ->
                use records = new Records()
                let ssl = Tls.ssl ()
                ssl.ClientCertificateRequired <- true

                ssl.RemoteCertificateValidationCallback <-
                    RemoteCertificateValidationCallback(fun _ _ _ _ -> false)

                use server =
                    ServerOptions(Ssl = ssl, LoggerFactory = records) |> Serve.overTcp Serve.echo

                use mine = Tls.certificate "client.example"
                let options = Tls.clientOptions ()
                options.ClientCertificateContext <- Tls.contextOf mine
                use lower = raw server

                // In TLS 1.3 the client is done before the server has judged it.
                try
                    Tls.over options lower |> ignore
                with :? AuthenticationException ->
                    ()

                isEnded lower
                Wait.until "it is recorded" (fun () -> (ended records).Length = 1)
                isQuiet records)

            testTheory
                "a name that no host can have is no error of the server"
                [ "xn--a"; "a..b"; "_x.example"; String('a', 63) + ".example" ]
                (fun name ->
                    use records = new Records()

                    use server =
                        ServerOptions(
                            Ssl =
                                SslServerAuthenticationOptions(
                                    ServerCertificateSelectionCallback = fun _ _ -> Tls.localhost
                                ),
                            LoggerFactory = records
                        )
                        |> Serve.overTcp Serve.echo

                    let bytes = hello
                    let at = (ReadOnlySpan bytes).IndexOf "localhost"B
                    let changed = Array.copy bytes
                    Encoding.ASCII.GetBytes(name.PadRight(9, '.')[..8]).CopyTo(changed, at)
                    use client = raw server
                    write client changed
                    client.ShutdownSend()
                    isEnded client
                    Wait.until "it is recorded" (fun () -> not (ended records).IsEmpty)
                    isServed server
                    isQuiet records)

            testCase "thousands of clients that leave at once, by a reset, hold up nobody" (fun () ->
                use records = new Records()
                use server = serve (FakeClock()) records
                use good = Tls.connect server
                good.ShakeHands()

                for i in 1..2_000 do
                    let client = raw server

                    if i % 2 = 0 then
                        write client hello[.. i % hello.Length]

                    reset client

                isServed server
                good.SendText "so am I"
                good.ReadText() =! "so am I"
                isQuiet records)

            testCase "a client for whom there is no room is dropped at once" (fun () ->
                use records = new Records()

                use server =
                    ServerOptions(Ssl = Tls.ssl (), MaxConnections = 1, LoggerFactory = records)
                    |> Serve.overTcp Serve.echo

                use first = Tls.connect server
                first.ShakeHands()

                for _ in 1..5 do
                    use second = raw server
                    isEndedInSilence second
                    use third = raw server
                    write third hello
                    isEndedInSilence third

                first.SendText "hello"
                first.ReadText() =! "hello"
                isQuiet records)

            testCase "a shutdown waits for nobody's handshake" (fun () ->
                use records = new Records()
                use server = serve (FakeClock()) records
                use silent = raw server
                use halfway = raw server
                write halfway hello[..20]
                isServed server
                server.Shutdown() =! 0
                isEnded silent
                isEnded halfway
                isQuiet records)

            testCase "a reset while several threads send is a closed connection, nothing else" (fun () ->
                use records = new Records()
                let unexpected = ConcurrentQueue<exn>()

                let sendUntilClosed (connection: ServerConnection) () =
                    try
                        let data = Array.zeroCreate<byte> 20_000

                        while true do
                            connection.Send(ReadOnlySpan data)
                            connection.Ping() |> ignore
                    with
                    | :? ConnectionClosedException -> ()
                    | error -> unexpected.Enqueue error

                let handler (connection: ServerConnection) =
                    let senders = [ for _ in 1..4 -> Wait.start (sendUntilClosed connection) ]

                    for sender in senders do
                        Wait.forTask "a sender" sender

                use server =
                    ServerOptions(Ssl = Tls.ssl (), LoggerFactory = records)
                    |> Serve.overTcp handler

                for round in 1..40 do
                    let lower = raw server

                    let client =
                        new PeerClient(new Tls.ClientTransport(Tls.over (Tls.clientOptions ()) lower, lower))

                    client.ShakeHands()

                    for i in 1 .. round % 7 do
                        client.Read() |> ignore
                        client.SendPing [| byte i |]

                    reset lower

                Wait.until "all are gone" (fun () -> server.Occupied = 0)
                List.ofSeq unexpected =! []
                isQuiet records)

            testCase
                "certificates change under handshakes: none fails, and who comes later sees the new one"
                (fun () ->
                    let certificates = [| for i in 0..3 -> Tls.certificate $"host{i}.example" |]
                    let contexts = certificates |> Array.map Tls.contextOf
                    let ssl = SslServerAuthenticationOptions(ServerCertificateContext = contexts[0])
                    use records = new Records()

                    use server =
                        ServerOptions(Ssl = ssl, LoggerFactory = records) |> Serve.overTcp Serve.echo

                    let shown () =
                        use lower = raw server
                        use stream = Tls.over (Tls.clientOptions ()) lower
                        stream.RemoteCertificate.GetCertHashString()

                    let mutable isOver = false

                    let busy =
                        Wait.start (fun () ->
                            let seen = HashSet<string>()

                            while not (Volatile.Read &isOver) do
                                seen.Add(shown ()) |> ignore

                            seen)

                    for round in 1..100 do
                        ssl.ServerCertificateContext <- contexts[round % 4]
                        shown () =! certificates[round % 4].Thumbprint

                    Volatile.Write(&isOver, true)
                    let seen = Wait.forTask "the handshakes" busy
                    test <@ seen.IsSubsetOf(certificates |> Array.map _.Thumbprint) @>
                    isQuiet records)
        ]
    )
