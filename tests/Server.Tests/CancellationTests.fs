/// Waits that end because nobody wants them any more, and those that take a usual end for no exception.
module FunctionalWs.Server.Tests.CancellationTests

open System
open System.Buffers
open System.Threading
open Expecto
open Swensen.Unquote
open FunctionalWs
open FunctionalWs.Protocol
open FunctionalWs.Server.Tests.Serve

let private cancelled (work: CancellationToken -> unit) =
    use source = new CancellationTokenSource()

    let waiting =
        Wait.start (fun () -> Wait.throws<OperationCanceledException>(fun () -> work source.Token))

    source.Cancel()
    (Wait.forTask "the wait is over" waiting).CancellationToken =! source.Token

[<Tests>]
let cancelling =
    testList "a wait that is cancelled" [
        testTheory "loses no message, over TCP and in memory" [ true; false ] (fun isTcp ->
            let received = new Collections.Concurrent.BlockingCollection<string>()

            let handler (connection: ServerConnection) =
                let receives: (CancellationToken -> unit) list = [
                    fun token -> connection.Receive(cancellation = token) |> ignore
                    fun token -> connection.TryReceive(cancellation = token) |> ignore
                    fun token -> connection.ReceiveText(TimeSpan.FromHours 1.0, token) |> ignore
                    fun token ->
                        connection.Receive(ArrayBufferWriter<byte>(), cancellation = token) |> ignore
                    fun token -> connection.ReceiveBorrowed((fun _ _ -> ()), cancellation = token)
                    fun token -> Seq.iter ignore (connection.ReceiveStreaming(cancellation = token))
                ]

                for receive in receives do
                    cancelled receive

                connection.Send "ready"

                for _ in 1..3 do
                    received.Add(connection.ReceiveText())

            use server =
                if isTcp then
                    overTcp handler defaults
                else
                    inMemory handler defaults

            use client =
                if isTcp then
                    let client = PeerClient.OverTcp server
                    client.ShakeHands()
                    client
                else
                    client server

            client.ReadText() =! "ready"

            for text in [ "a"; "b"; "c" ] do
                client.SendText text

            for text in [ "a"; "b"; "c" ] do
                let mutable taken = ""
                received.TryTake(&taken, Wait.limit) =! true
                taken =! text)

        testCase "gives what is there already, cancelled or not" (fun () ->
            let server, outcome =
                defaults
                |> handling (fun connection ->
                    connection.Receive() |> ignore
                    // Behind the first one, in the same bytes or before the ping's pong.
                    connection.Ping().Wait() |> ignore
                    connection.ReceiveText(cancellation = CancellationToken true))

            use _ = server
            use client = client server
            client.SendText "a"
            client.SendText "b"

            match client.Read() with
            | PingOf data -> client.WriteFrame(true, Opcode.Pong, data)
            | other -> failwith $"no ping: {other}"

            succeeds outcome =! "b")

        testCase "is no matter when what is awaited has happened" (fun () ->
            let server, _, connection, release = connected defaults
            use _ = server
            use _ = release
            connection.Abort()
            connection.WaitClosed() |> ignore
            connection.WaitClosed(cancellation = CancellationToken true) =! true)

        testCase "is one for the end of the connection, or for a pong, too" (fun () ->
            let server, _, connection, release = connected defaults
            use _ = server
            use _ = release
            cancelled (fun token -> connection.WaitClosed(cancellation = token) |> ignore)
            cancelled (fun token -> connection.Ping().Wait(cancellation = token) |> ignore)
            connection.State =! ConnectionState.Open)
    ]

[<Tests>]
let trying =
    testList "TryReceive" [
        testCase "gives a message, and false when none came in time" (fun () ->
            let server, outcome =
                defaults
                |> handling (fun connection ->
                    let first = connection.TryReceive(timeout = TimeSpan.Zero)
                    connection.Send "none"
                    [ first; connection.TryReceive() ])

            use _ = server
            use client = client server
            client.ReadText() =! "none"
            client.SendText "a"

            let first, second =
                match succeeds outcome with
                | [ first; second ] -> first, second
                | other -> failwith $"{other}"

            fst first =! false
            first |> snd |> string =! "Text (0 bytes)"
            fst second =! true
            (snd second).Text =! "a")

        testCase "gives false when the connection closed normally, and throws when it did not" (fun () ->
            let server, outcome =
                defaults |> handling (fun connection -> fst (connection.TryReceive()))

            use _ = server
            use client = client server
            client.SendClose(1000)
            succeeds outcome =! false

            let server, outcome =
                defaults |> handling (fun connection -> fst (connection.TryReceive()))

            use _ = server
            let client = Serve.client server
            (client :> IDisposable).Dispose()
            test <@ fails outcome :? ConnectionClosedErrorException @>)

        testCase "refuses a negative time" (fun () ->
            let server, outcome =
                defaults
                |> handling (fun connection -> connection.TryReceive(timeout = TimeSpan.FromSeconds -1.0))

            use _ = server
            use _ = client server
            test <@ fails outcome :? ArgumentOutOfRangeException @>)
    ]

[<Tests>]
let texts =
    testList "ReceiveText" [
        testCase "refuses bytes: the peer is told 1003 unless the handler catches that" (fun () ->
            let server, outcome =
                defaults |> handling (fun connection -> connection.ReceiveText())

            use _ = server
            use client = client server
            client.SendBinary "ab"B
            let error = fails outcome :?> NotTextException
            error.Kind =! MessageKind.Binary
            test <@ isNull error.InnerException @>

            client.Read() =! Closed(CloseStatus.Create(CloseCode.UnsupportedData, "")))
    ]
