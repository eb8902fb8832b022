/// Certificates that are set without a context.
module FunctionalWs.Server.Tests.TlsContextTests

open System.Net.Security
open Expecto
open Swensen.Unquote
open FunctionalWs

let private contextFor (ssl: SslServerAuthenticationOptions) =
    TlsCallbacks(ssl).ToOptions().ServerCertificateContext

let private isSame (first: SslStreamCertificateContext | null) (second: SslStreamCertificateContext | null) =
    obj.ReferenceEquals(first, second)

[<Tests>]
let tests =
    testList "a bare certificate" [
        testCase "is prepared once, and another one that is set later by itself" (fun () ->
            let ssl =
                SslServerAuthenticationOptions(ServerCertificate = Tls.certificate "a.example")

            let first = contextFor ssl
            isNull first =! false
            isSame first (contextFor ssl) =! true
            ssl.ServerCertificate <- Tls.certificate "b.example"
            let second = contextFor ssl
            isSame first second =! false
            isSame second (contextFor ssl) =! true)

        testCase "is not taken where there is a context" (fun () ->
            let context = Tls.contextOf Tls.localhost

            let ssl =
                SslServerAuthenticationOptions(
                    ServerCertificate = Tls.certificate "a.example",
                    ServerCertificateContext = context
                )

            isSame (contextFor ssl) context =! true)

        testCase "is not prepared where a callback chooses" (fun () ->
            let ssl =
                SslServerAuthenticationOptions(
                    ServerCertificate = Tls.certificate "a.example",
                    ServerCertificateSelectionCallback = (fun _ _ -> Tls.localhost)
                )

            isNull (contextFor ssl) =! true)
    ]
