module FunctionalWs.Client.Tests.RefusalTests

open System
open System.IO
open System.Net
open System.Text
open System.Threading
open Expecto
open Swensen.Unquote
open FunctionalWs
open FunctionalWs.Protocol
open FunctionalWs.Server.Tests
open FunctionalWs.Client.Tests.Peers

let private head (status: int) (phrase: string) (fields: (string * string) list) : ResponseHead = {
    Version = "HTTP/1.1"
    StatusCode = status
    ReasonPhrase = phrase
    Headers =
        (Headers.Empty, fields)
        ||> List.fold (fun headers (name, value) -> headers.Add(name, value))
}

let private ofServer (head: ResponseHead) (body: string) (error: ClientHandshakeError) =
    let response =
        Response.Empty(head.StatusCode).WithBody(ReadOnlyMemory(Encoding.UTF8.GetBytes body))

    HandshakeRefusedException.OfServer(head, response, error)

[<Tests>]
let refusal =
    testList "a refusal of a server" [
        testCase "tells its status, what is wrong and the beginning of its body, on one line" (fun () ->
            let plain = ofServer (head 404 "Not Found" []) "" (ClientHandshakeError.Status 404)
            plain.Message =! "The server answered 404 Not Found."
            plain.IsFromProxy =! false

            let wrong =
                ofServer (head 101 "" []) "" (ClientHandshakeError.HeaderMissing "Upgrade")

            wrong.Message =! "The server answered 101. The header Upgrade is missing."

            let wordy =
                ofServer
                    (head 503 "Busy" [])
                    ("a\r\nb" + String('x', 5000))
                    (ClientHandshakeError.Status 503)

            test <@ wordy.Message.StartsWith "The server answered 503 Busy. a\\u000D\\u000Abxxx" @>
            test <@ wordy.Message.EndsWith "…" && wordy.Message.Length < 300 @>
            wordy.Body.Length =! 5004)

        testTheory
            "has its body from what came behind its head, and from the stream"
            [ "he", "llo"; "", "hello"; "hello", "" ]
            (fun (arrived, later) ->
                use listener = listenAt IPAddress.Loopback 0

                let peer =
                    serve listener (fun stream ->
                        write stream later
                        awaitEnd stream)

                use transport = openNow (DialSettings()) $"ws://127.0.0.1:{portOf listener}/"

                let response =
                    RefusedAnswer.Read(
                        transport,
                        "GET",
                        head 403 "No" [ "Content-Length", "5"; "X", "y" ],
                        ReadOnlySpan(Encoding.UTF8.GetBytes arrived),
                        DialSettings(),
                        TimeLimit("example.test", soon (), CancellationToken.None)
                    )

                Encoding.UTF8.GetString response.Body.Span =! "hello"
                response.Headers.Get "X" =! "y"
                response.ReasonPhrase =! "No"
                transport.Dispose()
                Wait.forTask "the end" peer)
    ]
