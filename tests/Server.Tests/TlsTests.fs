module FunctionalWs.Server.Tests.TlsTests

open System
open System.Collections.Concurrent
open System.Collections.Generic
open System.IO
open System.Net
open System.Net.Security
open System.Net.Sockets
open System.Security.Authentication
open System.Security.Cryptography
open System.Security.Cryptography.X509Certificates
open System.Text
open System.Threading
open System.Threading.Tasks
open Microsoft.Extensions.Logging
open Expecto
open Swensen.Unquote
open FunctionalWs
open FunctionalWs.Protocol

let private settings (records: Records) =
    ServerOptions(Ssl = Tls.ssl (), LoggerFactory = records)

let private debugOf (id: int) (records: Records) =
    records.Of LogLevel.Debug
    |> List.filter (fun (struct (_, found, _)) -> found = id)

/// Nothing that a peer did was worth more than a record for those who debug.
let private isQuiet (records: Records) =
    let isUsual (struct (level, id, _)) =
        level <= LogLevel.Debug
        || level = LogLevel.Information && (id <= 3 || id = 20 || id = 21)

    records.All |> List.filter (isUsual >> not) =! []

/// A TCP client that the server has accepted; it reads until the stream ends and gives what came.
let private raw (server: Server) = Tls.connectTo server.LocalEndPoint

let private readToEnd (client: Transport) =
    let heard = List<byte>()
    let buffer = Array.zeroCreate<byte> 4096
    let mutable size = client.Read(Span buffer)

    while size > 0 do
        heard.AddRange buffer[.. size - 1]
        size <- client.Read(Span buffer)

    heard.ToArray()

[<Tests>]
let server =
    testList "a server with TLS" [
        testTheory
            "messages of many sizes come back, by TLS 1.2 and 1.3"
            [ SslProtocols.Tls12; SslProtocols.Tls13 ]
            (fun protocol ->
                let ssl = Tls.ssl ()
                ssl.EnabledSslProtocols <- protocol
                let found = TaskCompletionSource<TlsSession>()

                use server =
                    ServerOptions(Ssl = ssl)
                    |> Serve.overTcp (fun connection ->
                        found.SetResult connection.Tls
                        Serve.echo connection)

                use client = Tls.connect server
                client.ShakeHands()

                for size in [ 0; 1; 125; 16_384; 65_536; 1_048_576 ] do
                    let data = Array.init size (fun i -> byte (i * 7))
                    client.SendBinary data
                    client.Read() =! Data(Opcode.Binary, true, data)

                found.Task.Result.Protocol =! protocol)

        testCase "messages sent together are all answered, read with a timeout or without" (fun () ->
            use server =
                Tls.options ()
                |> Serve.overTcp (fun connection ->
                    for i in 1..200 do
                        let timeout =
                            if i % 2 = 0 then
                                Nullable(TimeSpan.FromSeconds 20.0)
                            else
                                Nullable()

                        connection.Send(connection.Receive timeout))

            use client = Tls.connect server
            client.ShakeHands()

            for i in 1..200 do
                client.SendText $"message {i}"

            for i in 1..200 do
                client.ReadText() =! $"message {i}"

            client.Read() =! Closed(CloseStatus.Create(CloseCode.NormalClosure, "")))

        testCase "a receive that times out loses nothing" (fun () ->
            use timedOut = new ManualResetEventSlim(false)

            use server =
                Tls.options ()
                |> Serve.overTcp (fun connection ->
                    Wait.throws<TimeoutException>(fun () ->
                        connection.Receive(TimeSpan.FromMilliseconds 1.0) |> ignore)
                    |> ignore

                    timedOut.Set()
                    Serve.echo connection)

            use client = Tls.connect server
            client.ShakeHands()
            Wait.forEvent "the timeout" timedOut
            client.SendText "late"
            client.ReadText() =! "late")

        testCase "pings are answered while the handler is elsewhere" (fun () ->
            use leave = new ManualResetEventSlim(false)

            use server =
                Tls.options () |> Serve.overTcp (fun _ -> Wait.forEvent "the client" leave)

            use client = Tls.connect server
            client.ShakeHands()

            for i in 1uy .. 5uy do
                client.SendPing [| i |]
                client.Read() =! PongOf [| i |]

            leave.Set()
            client.Read() =! Closed(CloseStatus.Create(CloseCode.NormalClosure, "")))

        testCase "what the client asked for and showed is known in the handler, and after the end" (fun () ->
            let ssl = Tls.ssl ()
            ssl.ApplicationProtocols <- List [ SslApplicationProtocol "http/1.1" ]
            ssl.ClientCertificateRequired <- true

            ssl.RemoteCertificateValidationCallback <-
                RemoteCertificateValidationCallback(fun _ _ _ _ -> true)

            let found = TaskCompletionSource<ServerConnection>()

            use server = ServerOptions(Ssl = ssl) |> Serve.overTcp found.SetResult

            let options = Tls.clientOptions ()
            use mine = Tls.certificate "client.example"
            options.TargetHost <- "server.example"

            options.ApplicationProtocols <-
                List [ SslApplicationProtocol.Http2; SslApplicationProtocol "http/1.1" ]

            options.ClientCertificateContext <- Tls.contextOf mine
            let lower = raw server
            use client = new PeerClient(new Tls.ClientTransport(Tls.over options lower, lower))
            client.ShakeHands()
            let connection = Wait.forTask "the connection" found.Task
            client.Read() =! Closed(CloseStatus.Create(CloseCode.NormalClosure, ""))
            client.SendClose 1000
            Wait.until "it is closed" (fun () -> connection.State = ConnectionState.Closed)
            let session = connection.Tls
            session.ServerName =! "server.example"
            session.ApplicationProtocol =! "http/1.1"
            session.RemoteCertificate.Thumbprint =! mine.Thumbprint
            test <@ session.Protocol <> SslProtocols.None && $"{session}".Contains "TLS_" @>)

        testCase "each name gets its certificate; a name without one is turned away" (fun () ->
            use one = Tls.certificate "one.example"
            use two = Tls.certificate "two.example"
            use records = new Records()

            let choose (name: string) =
                match name with
                | "one.example" -> one
                | "two.example" -> two
                | _ -> null

            let ssl =
                SslServerAuthenticationOptions(
                    ServerCertificateSelectionCallback = fun _ name -> choose name
                )

            use server =
                ServerOptions(Ssl = ssl, LoggerFactory = records) |> Serve.overTcp Serve.echo

            for name, expected in [ "one.example", one; "two.example", two ] do
                let options = Tls.clientOptions ()
                options.TargetHost <- name
                use lower = raw server
                use stream = Tls.over options lower
                stream.RemoteCertificate.GetCertHashString() =! expected.Thumbprint

            let options = Tls.clientOptions ()
            options.TargetHost <- "three.example"
            use lower = raw server
            raises<exn> <@ Tls.over options lower @>
            Wait.until "it is recorded" (fun () -> (debugOf 60 records).Length = 1)
            isQuiet records)

        testCase "a callback of the application that fails is an error, and the server goes on" (fun () ->
            use records = new Records()
            let mutable calls = 0

            let ssl =
                SslServerAuthenticationOptions(
                    ServerCertificateSelectionCallback =
                        fun _ _ ->
                            if Interlocked.Increment &calls = 1 then
                                failwith "as asked for"

                            Tls.localhost
                )

            use server =
                ServerOptions(Ssl = ssl, LoggerFactory = records) |> Serve.overTcp Serve.echo

            use lower = raw server
            raises<exn> <@ Tls.over (Tls.clientOptions ()) lower @>
            use client = Tls.connect server
            client.ShakeHands()

            let errors () =
                records.Of LogLevel.Error |> List.map (fun (struct (_, id, _)) -> id)

            Wait.until "it is told" (fun () -> errors () <> [])
            errors () =! [ 61 ])

        testTheory
            "whatever a callback of the application throws is an error, also what a stranger's handshake may throw"
            [
                for callback in [ "selection"; "validation" ] do
                    for error in
                        [
                            IO.FileNotFoundException "as asked for" :> exn
                            IO.IOException "as asked for"
                            AuthenticationException "as asked for"
                            NotSupportedException "as asked for"
                            CryptographicException "as asked for"
                        ] do
                        callback, error
            ]
            (fun (callback, error) ->
                use records = new Records()

                let ssl =
                    if callback = "selection" then
                        SslServerAuthenticationOptions(
                            ServerCertificateSelectionCallback = fun _ _ -> raise error
                        )
                    else
                        SslServerAuthenticationOptions(
                            ServerCertificateContext = Tls.contextOf Tls.localhost,
                            ClientCertificateRequired = true,
                            RemoteCertificateValidationCallback = fun _ _ _ _ -> raise error
                        )

                use server =
                    ServerOptions(Ssl = ssl, LoggerFactory = records) |> Serve.overTcp Serve.echo

                try
                    use lower = raw server
                    use stream = Tls.over (Tls.clientOptions ()) lower
                    stream.ReadByte() |> ignore
                with _ ->
                    ()

                Wait.until "it is recorded" (fun () -> records.Of LogLevel.Error <> [])
                records.Of LogLevel.Error |> List.map (fun (struct (_, id, _)) -> id) =! [ 61 ]
                test <@ List.contains error records.Exceptions @>)

        testTheory
            "a certificate of a callback that can't be used is an error"
            [ "no private key"; "disposed" ]
            (fun what ->
                use records = new Records()

                let certificate =
                    if what = "disposed" then
                        let gone = Tls.certificate "localhost"
                        gone.Dispose()
                        gone
                    else
                        X509CertificateLoader.LoadCertificate Tls.localhost.RawData

                let ssl =
                    SslServerAuthenticationOptions(
                        ServerCertificateSelectionCallback = fun _ _ -> certificate
                    )

                use server =
                    ServerOptions(Ssl = ssl, LoggerFactory = records) |> Serve.overTcp Serve.echo

                use lower = raw server
                raises<exn> <@ Tls.over (Tls.clientOptions ()) lower @>
                Wait.until "it is recorded" (fun () -> records.Of LogLevel.Error <> [])
                records.Of LogLevel.Error |> List.map (fun (struct (_, id, _)) -> id) =! [ 61 ])

        testCase "many clients who come upon the same fault leave one error a second" (fun () ->
            use records = new Records()
            let clock = FakeClock()

            let ssl =
                SslServerAuthenticationOptions(
                    ServerCertificateSelectionCallback = fun _ _ -> failwith "as asked for"
                )

            use server =
                ServerOptions(Ssl = ssl, LoggerFactory = records, TimeProvider = clock)
                |> Serve.overTcp Serve.echo

            let fail () =
                use lower = raw server
                raises<exn> <@ Tls.over (Tls.clientOptions ()) lower @>

            for _ in 1..5 do
                fail ()

            Wait.until "all are recorded" (fun () -> (debugOf 60 records).Length = 4)
            (records.Of LogLevel.Error).Length =! 1
            clock.Advance(TimeSpan.FromSeconds 1.0)
            fail ()
            Wait.until "the next is recorded" (fun () -> (records.Of LogLevel.Error).Length = 2))

        testCase "a name of one's own in ApplicationProtocols is agreed on, and spoken as HTTP/1.1" (fun () ->
            let own = SslApplicationProtocol "chat/1"
            let ssl = Tls.ssl ()
            ssl.ApplicationProtocols <- List [ own; SslApplicationProtocol.Http11 ]
            let found = TaskCompletionSource<string>()

            use server =
                ServerOptions(Ssl = ssl)
                |> Serve.overTcp (fun connection -> found.SetResult connection.Tls.ApplicationProtocol)

            let options = Tls.clientOptions ()
            options.ApplicationProtocols <- List [ own ]
            let lower = raw server
            use client = new PeerClient(new Tls.ClientTransport(Tls.over options lower, lower))
            client.ShakeHands()
            Wait.forTask "the handler" found.Task =! "chat/1")

        testCase "all settings of TLS reach the handshake" (fun () ->
            // A further one of a later platform has to be copied, too: see TlsCallbacks.
            typeof<SslServerAuthenticationOptions>.GetProperties()
            |> Array.map _.Name
            |> Array.sort
            |> List.ofArray
            =! [
                "AllowRenegotiation"
                "AllowRsaPkcs1Padding"
                "AllowRsaPssPadding"
                "AllowTlsResume"
                "ApplicationProtocols"
                "CertificateChainPolicy"
                "CertificateRevocationCheckMode"
                "CipherSuitesPolicy"
                "ClientCertificateRequired"
                "EnabledSslProtocols"
                "EncryptionPolicy"
                "RemoteCertificateValidationCallback"
                "ServerCertificate"
                "ServerCertificateContext"
                "ServerCertificateSelectionCallback"
            ])

        testCase "the stream ends with close_notify, then with the end of TCP" (fun () ->
            use server = Tls.options () |> Serve.overTcp ignore
            use lower = raw server
            let stream = Tls.over (Tls.clientOptions ()) lower
            let client = new PeerClient(new Tls.ClientTransport(stream, lower))
            client.ShakeHands()
            client.Read() =! Closed(CloseStatus.Create(CloseCode.NormalClosure, ""))
            client.SendClose 1000
            // What is left on the wire is exactly one record: 21 is an alert in TLS 1.2; in TLS 1.3 it is hidden as data (23).
            let rest = readToEnd lower
            test <@ rest.Length > 5 && (rest[0] = 21uy || rest[0] = 23uy) @>
            rest.Length =! 5 + int rest[3] * 256 + int rest[4])

        testTheory
            "an end without a close frame is 1006, with and without close_notify"
            [ true; false ]
            (fun says ->
                let ended = TaskCompletionSource<ConnectionClosedException>()

                use server =
                    Tls.options ()
                    |> Serve.overTcp (fun connection ->
                        ended.SetResult(
                            Wait.throws<ConnectionClosedException>(fun () -> connection.Receive() |> ignore)
                        ))

                use lower = raw server
                let stream = Tls.over (Tls.clientOptions ()) lower
                let client = new PeerClient(new Tls.ClientTransport(stream, lower))
                client.ShakeHands()

                if says then
                    stream.ShutdownAsync().Wait()

                lower.ShutdownSend()
                let error = Wait.forTask "the handler's end" ended.Task
                test <@ error :? ConnectionClosedErrorException @>)

        testCase "a client that doesn't read frees the sender at the shutdown" (fun () ->
            let full = TaskCompletionSource()

            use server =
                Tls.options ()
                |> Serve.overTcp (fun connection ->
                    full.SetResult()
                    let data = Array.zeroCreate<byte> 1_000_000

                    Wait.throws<ConnectionClosedException>(fun () ->
                        while true do
                            connection.Send(ReadOnlySpan data))
                    |> ignore)

            use client = Tls.connect server
            client.ShakeHands()
            full.Task.Wait()
            server.Shutdown(timeout = TimeSpan.FromMilliseconds 200.0) =! 1)

        testTheory
            "settings that can't work are refused at once"
            [ "no certificate"; "no private key"; "renegotiation"; "h2"; "h3"; "h2c" ]
            (fun what ->
                let ssl =
                    match what with
                    | "no certificate" -> SslServerAuthenticationOptions()
                    | "no private key" ->
                        SslServerAuthenticationOptions(
                            ServerCertificate = X509CertificateLoader.LoadCertificate(Tls.localhost.RawData)
                        )
                    | "renegotiation" ->
                        SslServerAuthenticationOptions(
                            ServerCertificateContext = Tls.contextOf Tls.localhost,
                            AllowRenegotiation = true
                        )
                    | protocol ->
                        SslServerAuthenticationOptions(
                            ServerCertificateContext = Tls.contextOf Tls.localhost,
                            ApplicationProtocols =
                                List [ SslApplicationProtocol protocol; SslApplicationProtocol.Http11 ]
                        )

                let error =
                    Wait.throws<ArgumentException>(fun () ->
                        Serve.overTcp ignore (ServerOptions(Ssl = ssl)) |> ignore)

                error.ParamName =! "Ssl")
    ]

[<Tests>]
let starved =
    testSequenced (
        testList "a server with TLS and no pool" [
            testCase "everything runs on the server's own threads, the pool's being busy" (fun () ->
                let release = new ManualResetEventSlim(false) // the last to wait may outlive this test
                let started = new CountdownEvent(1)

                let block _ =
                    Wait.forEvent "the end of the test" release

                ThreadPool.UnsafeQueueUserWorkItem(
                    (fun _ ->
                        started.Signal() |> ignore
                        block ()),
                    null
                )
                |> ignore

                for _ in 1..64 do
                    ThreadPool.UnsafeQueueUserWorkItem(block, null) |> ignore

                try
                    started.Wait Wait.limit =! true
                    use server = Tls.options () |> Serve.overTcp Serve.echo
                    use client = Tls.connect server
                    client.ShakeHands()
                    client.SendText "still there"
                    client.ReadText() =! "still there"
                    client.SendClose 1000
                    client.Read() =! Closed(CloseStatus.Create(CloseCode.NormalClosure, ""))
                finally
                    release.Set())
        ]
    )
