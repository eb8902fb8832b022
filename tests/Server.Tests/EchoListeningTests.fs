module FunctionalWs.Server.Tests.EchoListeningTests

open System
open System.IO
open System.Net
open System.Security.Cryptography.X509Certificates
open Expecto
open Swensen.Unquote
open FunctionalWs.Server.Tests.Listening

type private Sample = EchoSampleTests.Sample

let private stop (sample: Sample) =
    sample.Signal "TERM"
    sample.Exit() =! (0, "")

[<Tests>]
let listening =
    testSequenced (
        testList "where the echo sample listens" [
            testCase "with TLS, from PEM files" (fun () ->
                use folder = new Folder()
                use certificate = Tls.certificate "localhost"
                let cert, key = folder.Path "cert.pem", folder.Path "key.pem"
                File.WriteAllText(cert, certificate.ExportCertificatePem())
                use privateKey = certificate.GetECDsaPrivateKey()
                File.WriteAllText(key, privateKey.ExportPkcs8PrivateKeyPem())
                use sample = new Sample([ "--port"; "0"; "--cert"; cert; "--key"; key ])
                let line = sample.ReadLine()
                test <@ line.StartsWith("listening on wss://127.0.0.1:", StringComparison.Ordinal) @>
                let endPoint = IPEndPoint.Parse(line.Replace("listening on wss://", "").TrimEnd '/')
                let lower = Tls.connectTo endPoint
                let stream = Tls.over (Tls.clientOptions ()) lower
                stream.RemoteCertificate.GetCertHashString() =! certificate.Thumbprint
                use client = new PeerClient(new Tls.ClientTransport(stream, lower))
                client.ShakeHands()
                client.SendText "secret"
                client.ReadText() =! "secret"
                client.SendClose 1000
                test <@ client.Read() <> End @>
                stop sample)

            testCase "on a Unix socket, again after it was killed" (fun () ->
                use folder = new Folder()
                let path = folder.Path "s"
                use killed = new Sample([ "--path-unix"; path ])
                killed.ReadLine() =! $"listening on unix:{path}"
                isServed (unix path)
                killed.Signal "KILL"
                killed.Exit() |> ignore
                File.Exists path =! true
                use sample = new Sample([ "--path-unix"; path ])
                sample.ReadLine() =! $"listening on unix:{path}"
                isServed (unix path)
                stop sample
                File.Exists path =! false)

            testTheory
                "what can't be had gives one line and exit code 1"
                [
                    [ "--cert"; "/none/cert.pem"; "--key"; "/none/key.pem" ]
                    [ "--path-unix"; "/none/s" ]
                    [ "--systemd" ]
                ]
                (fun arguments ->
                    use sample = new Sample(arguments)
                    let code, errors = sample.Exit()
                    code =! 1

                    test
                        <@
                            errors.StartsWith("can't listen on ", StringComparison.Ordinal)
                            && errors.Trim().Split('\n').Length = 1
                        @>)
        ]
    )
