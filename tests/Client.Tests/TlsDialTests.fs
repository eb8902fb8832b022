module FunctionalWs.Client.Tests.TlsDialTests

open System
open System.Collections.Generic
open System.IO
open System.Net
open System.Net.Security
open System.Net.Sockets
open System.Reflection
open System.Security.Authentication
open System.Security.Cryptography
open System.Security.Cryptography.X509Certificates
open System.Threading
open Expecto
open Swensen.Unquote
open FunctionalWs
open FunctionalWs.Server.Tests
open FunctionalWs.Testing
open FunctionalWs.Client.Tests.Peers

/// A certificate of its own authority for some names.
let private certificateFor (names: string list) : X509Certificate2 =
    use key = ECDsa.Create ECCurve.NamedCurves.nistP256

    let request =
        CertificateRequest(X500DistinguishedName $"CN={names.Head}", key, HashAlgorithmName.SHA256)

    let builder = SubjectAlternativeNameBuilder()
    names |> List.iter builder.AddDnsName
    builder.AddIpAddress IPAddress.Loopback
    request.CertificateExtensions.Add(builder.Build())
    let now = DateTimeOffset.UtcNow
    request.CreateSelfSigned(now.AddDays -1.0, now.AddDays 30.0)

let private certificate = certificateFor [ "localhost"; "example.test" ]

/// A server's settings, which agree to either protocol if asked.
let serverOptions () =
    SslServerAuthenticationOptions(
        ServerCertificateContext = SslStreamCertificateContext.Create(certificate, null, offline = true),
        ApplicationProtocols = List [ SslApplicationProtocol.Http2; SslApplicationProtocol.Http11 ]
    )

/// Settings of a client that trusts the certificate, and looks at everything else.
let trusting () =
    let policy =
        X509ChainPolicy(
            TrustMode = X509ChainTrustMode.CustomRootTrust,
            RevocationMode = X509RevocationMode.NoCheck
        )

    policy.CustomTrustStore.Add certificate |> ignore
    SslClientAuthenticationOptions(CertificateChainPolicy = policy)

/// Echoes to a client in TLS; the name that it asked for.
let echoInTls (stream: Stream) : string =
    use tls = new SslStream(stream)
    tls.AuthenticateAsServer(serverOptions ())
    echo tls
    tls.TargetHostName

/// What a client asked for in TLS.
type private Heard = {
    ServerName: string
    Protocol: SslApplicationProtocol
}

let private serveTls (listener: TcpListener) =
    serve listener (fun stream ->
        use tls = new SslStream(stream)

        try
            tls.AuthenticateAsServer(serverOptions ())

            let heard = {
                ServerName = tls.TargetHostName
                Protocol = tls.NegotiatedApplicationProtocol
            }

            echo tls
            Ok heard
        with error ->
            Error error)

let private heard (result: Result<Heard, exn>) =
    match result with
    | Ok heard -> heard
    | Error error -> failwith $"{error}"

let private settings (ssl: SslClientAuthenticationOptions) =
    DialSettings(Ssl = ssl, Resolve = resolving [ "127.0.0.1" ])

[<Tests>]
let tls =
    testList "TLS" [
        testTheory
            "is asked for by the host of the URI, with http/1.1 alone"
            [
                "example.test", "example.test"
                "EXAMPLE.test", "example.test"
                "example.test.", "example.test"
                "localhost", "localhost"
                "127.0.0.1", ""
            ]
            (fun (host, name) ->
                use listener = listenAt IPAddress.Loopback 0
                let peer = serveTls listener
                use transport = openNow (settings (trusting ())) $"wss://{host}:{portOf listener}/"
                echoed transport "hello" =! "hello"
                transport.Dispose()
                let heard = heard (Wait.forTask "the end" peer)
                heard.ServerName =! name
                heard.Protocol =! SslApplicationProtocol.Http11)

        testCase "can be asked for with another name, and without a protocol" (fun () ->
            use listener = listenAt IPAddress.Loopback 0
            let peer = serveTls listener
            let given = trusting ()
            given.TargetHost <- "example.test"
            given.ApplicationProtocols <- List()
            use transport = openNow (settings given) $"wss://other.test:{portOf listener}/"
            echoed transport "hello" =! "hello"
            transport.Dispose()
            let heard = heard (Wait.forTask "the end" peer)
            heard.ServerName =! "example.test"
            test <@ heard.Protocol.Protocol.IsEmpty @>)

        testCase "goes over a Unix domain socket, too" (fun () ->
            let path = Path.Combine(Path.GetTempPath(), $"fws-{Guid.NewGuid():N}.sock")

            use listener =
                new Socket(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified)

            listener.Bind(UnixDomainSocketEndPoint path)
            listener.Listen 8

            try
                let peer =
                    Wait.start (fun () ->
                        use client = listener.Accept()
                        use tls = new SslStream(new NetworkStream(client))
                        tls.AuthenticateAsServer(serverOptions ())
                        echo tls)

                let settings = DialSettings(Ssl = trusting (), UnixPath = path)
                use transport = openNow settings "wss://example.test/"
                echoed transport "hello" =! "hello"
                transport.Dispose()
                Wait.forTask "the end" peer
            finally
                File.Delete path)

        testCase "goes over a stream that is there, which ends when it can't" (fun () ->
            use listener = listenAt IPAddress.Loopback 0
            let peer = serve listener echoInTls
            let plain = openNow (DialSettings()) $"ws://127.0.0.1:{portOf listener}/"

            let over (lower: Transport) =
                Dialing.Over(
                    lower,
                    uri "wss://example.test/",
                    DialSettings(Ssl = trusting ()),
                    soon (),
                    CancellationToken.None
                )

            use transport = over plain
            echoed transport "hello" =! "hello"
            transport.Dispose()
            Wait.forTask "the end" peer =! "example.test"

            let peer =
                serve listener (fun stream ->
                    write stream "HTTP/1.1 400 Bad Request\r\n\r\n"
                    awaitEnd stream)

            let plain = openNow (DialSettings()) $"ws://127.0.0.1:{portOf listener}/"
            Wait.throws<Exception>(fun () -> (over plain).Dispose()) |> ignore
            Wait.forTask "the end" peer)

        testCase "leaves the given settings as they are" (fun () ->
            let given = trusting ()
            let options = ClientTls.Options("example.test", given)
            options.TargetHost =! "example.test"
            test <@ isNull given.TargetHost && isNull given.ApplicationProtocols @>
            test <@ not (obj.ReferenceEquals(options, given)) @>)

        testCase "takes over every setting that the platform has" (fun () ->
            let given = SslClientAuthenticationOptions()

            let properties =
                typeof<SslClientAuthenticationOptions>.GetProperties()
                |> Array.filter _.CanWrite

            let other (property: PropertyInfo) : obj =
                match property.Name with
                | "AllowRenegotiation"
                | "AllowTlsResume"
                | "AllowRsaPkcs1Padding"
                | "AllowRsaPssPadding" -> box (not (property.GetValue given :?> bool))
                | "ApplicationProtocols" -> box (List [ SslApplicationProtocol.Http11 ])
                | "CertificateChainPolicy" -> box (X509ChainPolicy())
                | "CertificateRevocationCheckMode" -> box X509RevocationMode.Offline
                | "CipherSuitesPolicy" -> box (CipherSuitesPolicy [ TlsCipherSuite.TLS_AES_128_GCM_SHA256 ])
                | "ClientCertificateContext" ->
                    box (SslStreamCertificateContext.Create(certificate, null, true))
                | "ClientCertificates" -> box (X509CertificateCollection())
                | "EnabledSslProtocols" -> box SslProtocols.Tls13
                | "EncryptionPolicy" -> null // obsolete but for its default
                | "LocalCertificateSelectionCallback" ->
                    box (LocalCertificateSelectionCallback(fun _ _ _ _ _ -> null))
                | "RemoteCertificateValidationCallback" ->
                    box (RemoteCertificateValidationCallback(fun _ _ _ _ -> true))
                | "TargetHost" -> box "name.test"
                | name -> failwith $"{name} is new: it has to be copied"

            for property in properties do
                match other property with
                | null -> ()
                | value -> property.SetValue(given, value)

            let options = ClientTls.Options("example.test", given)

            for property in properties do
                let expected, actual = property.GetValue given, property.GetValue options
                test <@ (property.Name, expected) = (property.Name, actual) @>)

        testCase "is refused with another protocol before anybody is asked" (fun () ->
            let given =
                SslClientAuthenticationOptions(
                    ApplicationProtocols =
                        List [ SslApplicationProtocol.Http11; SslApplicationProtocol.Http2 ]
                )

            let error =
                Wait.throws<ArgumentException>(fun () ->
                    (openNow (settings given) $"wss://example.test:{closedPort ()}/").Dispose())

            test
                <@
                    error.Message.StartsWith
                        "ApplicationProtocols has http/1.1, h2; a WebSocket takes http/1.1, or none."
                @>)

        testTheory
            "with a certificate that is not trusted, or of another host, is told by the host"
            [ "unknown"; "another" ]
            (fun kind ->
                use listener = listenAt IPAddress.Loopback 0
                let peer = serveTls listener
                let ssl = if kind = "unknown" then null else trusting ()
                let host = if kind = "unknown" then "example.test" else "other.test"
                let port = portOf listener

                let error =
                    Wait.throws<AuthenticationException>(fun () ->
                        (openNow (settings ssl) $"wss://{host}:{port}/").Dispose())

                test <@ error.Message.StartsWith $"TLS with {host}:{port} failed: " @>

                let reason =
                    if kind = "unknown" then
                        "UntrustedRoot"
                    else
                        "RemoteCertificateNameMismatch"

                test <@ error.Message.Contains reason @>
                Wait.forTask "the end" peer |> ignore)

        testCase "asks the application's callback, and its exception is what comes" (fun () ->
            use listener = listenAt IPAddress.Loopback 0
            let peer = serveTls listener

            let given =
                SslClientAuthenticationOptions(
                    RemoteCertificateValidationCallback =
                        RemoteCertificateValidationCallback(fun _ certificate _ _ ->
                            invalidOp certificate.Subject)
                )

            let error =
                Wait.throws<InvalidOperationException>(fun () ->
                    (openNow (settings given) $"wss://example.test:{portOf listener}/").Dispose())

            error.Message =! "CN=localhost"
            Wait.forTask "the end" peer |> ignore)

        testTheory
            "with what doesn't speak it, or goes away, is told by the host"
            [ "speaks HTTP"; "goes away" ]
            (fun kind ->
                use listener = listenAt IPAddress.Loopback 0
                let port = portOf listener

                let peer =
                    serve listener (fun stream ->
                        readExactly stream 5 |> ignore

                        if kind = "speaks HTTP" then
                            write stream "HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n"
                            awaitEnd stream)

                let error =
                    Wait.throws<Exception>(fun () ->
                        (openNow (settings null) $"wss://example.test:{port}/").Dispose())

                test <@ error :? AuthenticationException || error :? IOException @>
                test <@ error.Message.StartsWith $"TLS with example.test:{port} failed: " @>
                Wait.forTask "the end" peer)
    ]

/// A server that takes a client's first bytes and is silent from then on.
let private silent (listener: TcpListener) (heard: ManualResetEventSlim) =
    serve listener (fun stream ->
        readExactly stream 5 |> ignore
        heard.Set()
        awaitEnd stream)

[<Tests>]
let silence =
    testList "a server that is silent in TLS" [
        testCase "is left when the application's clock says so" (fun () ->
            use listener = listenAt IPAddress.Loopback 0
            use heard = new ManualResetEventSlim()
            let peer = silent listener heard
            let clock = ManualTimeProvider()

            let opening =
                failing<TimeoutException>
                    (DialSettings(Clock = clock))
                    (after clock 60.0)
                    CancellationToken.None
                    $"wss://127.0.0.1:{portOf listener}/"

            Wait.forEvent "the client's first bytes" heard
            clock.Advance(TimeSpan.FromSeconds 60.0)
            let error = Wait.forTask "the end of the time" opening

            error.Message
            =! $"There was no connection to 127.0.0.1:{portOf listener} within 60 s: the handshake of TLS was not done."

            Wait.forTask "the end of the stream" peer)

        testCase "is left in time without a thread that a timer could run on" (fun () ->
            use listener = listenAt IPAddress.Loopback 0
            use heard = new ManualResetEventSlim()
            let peer = silent listener heard

            // A clock without timers.
            let clock = {
                new TimeProvider() with
                    override _.CreateTimer(_, _, _, _) = {
                        new ITimer with
                            member _.Change(_, _) = true
                            member _.Dispose() = ()
                            member _.DisposeAsync() = Tasks.ValueTask.CompletedTask
                    }
            }

            let opening =
                failing<TimeoutException>
                    (DialSettings(Clock = clock))
                    (after clock 0.2)
                    CancellationToken.None
                    $"wss://127.0.0.1:{portOf listener}/"

            let error = Wait.forTask "the end of the time" opening
            // What was left of the time when the thread began.
            test
                <@
                    error.Message.Contains " within 0."
                    && error.Message.EndsWith " s: the handshake of TLS was not done."
                @>

            Wait.forTask "the end of the stream" peer)

        testCase "is left by cancelling" (fun () ->
            use listener = listenAt IPAddress.Loopback 0
            use heard = new ManualResetEventSlim()
            let peer = silent listener heard
            use cancellation = new CancellationTokenSource()

            let opening =
                failing<OperationCanceledException>
                    (DialSettings())
                    never
                    cancellation.Token
                    $"wss://127.0.0.1:{portOf listener}/"

            Wait.forEvent "the client's first bytes" heard
            cancellation.Cancel()
            let error = Wait.forTask "the end" opening
            error.CancellationToken =! cancellation.Token
            Wait.forTask "the end of the stream" peer)

        testCase "that has answered is not ended by what comes after that" (fun () ->
            use listener = listenAt IPAddress.Loopback 0
            let peer = serveTls listener
            use cancellation = new CancellationTokenSource()
            let clock = ManualTimeProvider()

            use transport =
                Dialing.Open(
                    uri $"wss://localhost:{portOf listener}/",
                    DialSettings(Clock = clock, Ssl = trusting ()),
                    after clock 60.0,
                    cancellation.Token
                )

            cancellation.Cancel()
            clock.Advance(TimeSpan.FromHours 1.0)
            echoed transport "hello" =! "hello"
            transport.Dispose()
            Wait.forTask "the end" peer |> heard |> ignore)
    ]
