/// TLS with a certificate from files that a configuration names.
module FunctionalWs.Hosting.Tests.CertificateTests

open System
open System.Collections.Concurrent
open System.IO
open System.Net
open System.Net.Security
open System.Net.Sockets
open System.Security.Cryptography
open System.Security.Cryptography.X509Certificates
open Microsoft.Extensions.DependencyInjection
open Microsoft.Extensions.Hosting
open Microsoft.Extensions.Logging
open Microsoft.Extensions.Options
open Expecto
open Swensen.Unquote
open FunctionalWs.Hosting
open FunctionalWs.Testing
open FunctionalWs.Server.Tests

let private certificate (name: string) : X509Certificate2 =
    use key = ECDsa.Create ECCurve.NamedCurves.nistP256

    let request =
        CertificateRequest(X500DistinguishedName $"CN={name}", key, HashAlgorithmName.SHA256)

    let now = DateTimeOffset.UtcNow
    request.CreateSelfSigned(now.AddDays -1.0, now.AddYears 1)

/// A folder of its own, with a certificate in some form.
type private Folder() =
    let path = Directory.CreateTempSubdirectory("functionalws-certificate").FullName
    member _.File(name: string) = Path.Combine(path, name)

    member folder.Write(name: string, text: string) =
        File.WriteAllText(folder.File name, text)

    member folder.WritePem(name: string) =
        use made = certificate name
        folder.Write("chain.pem", made.ExportCertificatePem())
        folder.Write("key.pem", made.GetECDsaPrivateKey().ExportPkcs8PrivateKeyPem())

    member folder.WriteOnePem(name: string) =
        use made = certificate name

        folder.Write(
            "chain.pem",
            made.ExportCertificatePem()
            + "\n"
            + made.GetECDsaPrivateKey().ExportPkcs8PrivateKeyPem()
        )

    member folder.WriteEncrypted(name: string, password: string) =
        use made = certificate name

        let how =
            PbeParameters(PbeEncryptionAlgorithm.Aes128Cbc, HashAlgorithmName.SHA256, 1_000)

        folder.Write("chain.pem", made.ExportCertificatePem())

        folder.Write(
            "key.pem",
            made.GetECDsaPrivateKey().ExportEncryptedPkcs8PrivateKeyPem(password.AsSpan(), how)
        )

    member folder.WritePfx(name: string, password: string) =
        use made = certificate name
        File.WriteAllBytes(folder.File "chain.pfx", made.Export(X509ContentType.Pkcs12, password))

    interface IDisposable with
        member _.Dispose() =
            Directory.Delete(path, recursive = true)

/// The name in the certificate that a server shows to a client that comes now.
let private shown (host: IHost) : string =
    use client = new TcpClient()
    client.Connect((Hosts.hosted host).EndPoint :?> IPEndPoint)
    use tls = new SslStream(client.GetStream(), false, (fun _ _ _ _ -> true))
    tls.AuthenticateAsClient "localhost"
    tls.RemoteCertificate.Subject

/// What was written, with its id and level.
type private Records() =
    let records = ConcurrentQueue<struct (LogLevel * string)>()

    member _.All = [
        for struct (level, text) in records do
            if text.Contains "certificate" then
                level, text
    ]

    interface ILoggerFactory with
        member _.AddProvider _ = ()
        member _.Dispose() = ()

        member _.CreateLogger _ = {
            new ILogger with
                member _.BeginScope _ = null
                member _.IsEnabled _ = true

                member _.Log(level, _, state, error, format) =
                    records.Enqueue(struct (level, format.Invoke(state, error)))
        }

let private text (value: string) =
    System.Text.Json.JsonSerializer.Serialize value

let private build (settings: string) (configure: HostApplicationBuilder -> unit) =
    Hosts.build (fun builder ->
        Hosts.withJson $$"""{ "Chat": { "Port": 0, "Certificate": { {{settings}} } } }""" builder
        builder.Services.AddWebSocketServer(Hosts.echo).Bind "Chat" |> ignore
        configure builder)

let private pem (folder: Folder) =
    $""" "Path": {text (folder.File "chain.pem")}, "KeyPath": {text (folder.File "key.pem")} """

let private failure (settings: string) : string =
    use host = build settings ignore

    Wait.throws<OptionsValidationException>(fun () -> host.StartAsync().GetAwaiter().GetResult()).Failures
    |> Seq.exactlyOne

[<Tests>]
let certificates =
    testList "a certificate from files" [
        testTheory
            "is what clients are shown, in whichever form it is"
            [
                "two files"
                "one file"
                "encrypted key"
                "PKCS #12"
                "PKCS #12 without a password"
            ]
            (fun form ->
                use folder = new Folder()

                let settings =
                    match form with
                    | "two files" ->
                        folder.WritePem "one"
                        pem folder
                    | "one file" ->
                        folder.WriteOnePem "one"
                        $""" "Path": {text (folder.File "chain.pem")} """
                    | "encrypted key" ->
                        folder.WriteEncrypted("one", "secret")
                        $"""{pem folder}, "Password": "secret" """
                    | "PKCS #12" ->
                        folder.WritePfx("one", "secret")
                        $""" "Path": {text (folder.File "chain.pfx")}, "Password": "secret" """
                    | _ ->
                        folder.WritePfx("one", null)
                        $""" "Path": {text (folder.File "chain.pfx")} """

                use host = build settings ignore
                Hosts.start host
                shown host =! "CN=one"
                Hosts.stop host)

        testCase
            "is taken anew when its files are renewed, and the old one stays where they are bad"
            (fun () ->
                use folder = new Folder()
                folder.WritePem "one"
                let clock = ManualTimeProvider()
                let records = new Records()

                use host =
                    build (pem folder) (fun builder ->
                        builder.Services
                            .AddSingleton<TimeProvider>(clock)
                            .AddSingleton<ILoggerFactory>(records)
                        |> ignore)

                let look () =
                    clock.Advance(TimeSpan.FromSeconds 30.0)

                Hosts.start host
                shown host =! "CN=one"
                look ()
                shown host =! "CN=one"
                records.All =! []

                folder.WritePem "two"
                shown host =! "CN=one"
                look ()
                shown host =! "CN=two"
                let level, text = List.exactlyOne records.All
                level =! LogLevel.Information
                test <@ text.Contains(folder.File "chain.pem") && text.Contains "was renewed" @>

                folder.Write("chain.pem", "nothing of the kind")
                look ()
                look ()
                shown host =! "CN=two"
                records.All.Length =! 2
                let level, text = records.All[1]
                level =! LogLevel.Error

                test
                    <@
                        text.Contains(folder.File "chain.pem")
                        && text.Contains "the one before it stays"
                    @>

                File.Delete(folder.File "chain.pem")
                look ()
                look ()
                shown host =! "CN=two"
                records.All.Length =! 3

                folder.WritePem "three"
                look ()
                shown host =! "CN=three"
                Hosts.stop host)

        testCase "without an interval is read once" (fun () ->
            use folder = new Folder()
            folder.WritePem "one"
            let clock = ManualTimeProvider()

            use host =
                build $"""{pem folder}, "ReloadInterval": null """ (fun builder ->
                    builder.Services.AddSingleton<TimeProvider> clock |> ignore)

            Hosts.start host
            folder.WritePem "two"
            clock.Advance(TimeSpan.FromDays 1.0)
            shown host =! "CN=one"
            Hosts.stop host)

        testCase "goes with what else Ssl says" (fun () ->
            use folder = new Folder()
            folder.WritePem "one"

            let given =
                SslServerAuthenticationOptions(
                    EnabledSslProtocols = Security.Authentication.SslProtocols.Tls12
                )

            use host =
                Hosts.build (fun builder ->
                    builder.Services
                        .AddWebSocketServer(Hosts.echo)
                        .Configure(fun options ->
                            options.Port <- 0

                            options.Certificate <-
                                CertificateFiles(
                                    Path = folder.File "chain.pem",
                                    KeyPath = folder.File "key.pem"
                                )

                            options.Ssl <- given)
                    |> ignore)

            Hosts.start host
            shown host =! "CN=one"

            let options =
                host.Services.GetRequiredService<IOptionsMonitor<WebSocketServerOptions>>().Get ""

            options.Ssl.EnabledSslProtocols =! Security.Authentication.SslProtocols.Tls12
            // What the application has is as it was: it may be for other servers, too.
            given.ServerCertificateContext =! null
            Hosts.stop host)

        testTheory "and one of Ssl's own are one too many" [ "a certificate"; "its context" ] (fun kind ->
            use own = certificate "own"

            let ssl =
                if kind = "a certificate" then
                    SslServerAuthenticationOptions(ServerCertificate = own)
                else
                    SslServerAuthenticationOptions(
                        ServerCertificateContext = SslStreamCertificateContext.Create(own, null, true)
                    )

            use host =
                build """ "Path": "chain.pem" """ (fun builder ->
                    builder.Services.Configure<WebSocketServerOptions>
                        (fun (options: WebSocketServerOptions) -> options.Ssl <- ssl)
                    |> ignore)

            let error =
                Wait.throws<OptionsValidationException>(fun () -> host.StartAsync().GetAwaiter().GetResult())

            test <@ error.Message.Contains "Chat:Certificate: Ssl has a certificate of its own" @>)

        testCase
            "that comes too late keeps the host from starting: nobody would notice that TLS is off"
            (fun () ->
                use folder = new Folder()
                folder.WritePem "one"

                use host =
                    Hosts.build (fun builder ->
                        builder.Services
                            .AddWebSocketServer(Hosts.echo)
                            .Configure(fun options -> options.Port <- 0)
                        |> ignore

                        builder.Services.PostConfigure<WebSocketServerOptions>
                            (fun (options: WebSocketServerOptions) ->
                                options.Certificate <-
                                    CertificateFiles(
                                        Path = folder.File "chain.pem",
                                        KeyPath = folder.File "key.pem"
                                    ))
                        |> ignore)

                let error =
                    Wait.throws<OptionsValidationException>(fun () ->
                        host.StartAsync().GetAwaiter().GetResult())

                test <@ error.Message.Contains "Certificate was set" @>)

        testCase "that can't be used keeps the host from starting, and its file is named" (fun () ->
            use folder = new Folder()
            let missing = failure (pem folder)
            test <@ missing.StartsWith "The WebSocket server: Chat:Certificate: " @>
            test <@ missing.Contains(folder.File "chain.pem") @>
            folder.WritePem "one"
            folder.Write("key.pem", "none")
            test <@ (failure (pem folder)).Contains(folder.File "chain.pem") @>
            use other = ECDsa.Create ECCurve.NamedCurves.nistP256
            folder.Write("key.pem", other.ExportPkcs8PrivateKeyPem())
            test <@ (failure (pem folder)).Contains(folder.File "chain.pem") @>
            folder.WriteEncrypted("one", "secret")
            test <@ (failure (pem folder)).Contains "The key is encrypted, and there is no Password" @>
            folder.WritePfx("one", "secret")

            let wrong =
                failure $""" "Path": {text (folder.File "chain.pfx")}, "Password": "other" """

            test <@ wrong.Contains(folder.File "chain.pfx") && not (wrong.Contains "other") @>

            let twice =
                failure
                    $""" "Path": {text (folder.File "chain.pfx")}, "KeyPath": {text (folder.File "key.pem")}, "Password": "secret" """

            test <@ twice.Contains "so KeyPath is null" @>)

        testTheory
            "is named by a path, and looked at after a time"
            [
                """ "KeyPath": "key.pem" """, "Chat:Certificate: Path is missing."
                """ "Path": "x", "ReloadInterval": "00:00:00" """,
                "Chat:Certificate: ReloadInterval is more than zero"
                """ "Path": "chain.pem", "File": "x" """, "Chat:Certificate:File is no setting of a server."
            ]
            (fun (settings, expected) ->
                use host = build settings ignore

                let error =
                    Wait.throws<OptionsValidationException>(fun () ->
                        host.StartAsync().GetAwaiter().GetResult())

                test <@ error.Message.Contains expected @>)
    ]
