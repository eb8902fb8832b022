module FunctionalWs.Server.Tests.StreamingTests

open System
open System.Text
open System.Threading
open Expecto
open FsCheck
open FsCheck.FSharp
open Swensen.Unquote
open FunctionalWs
open FunctionalWs.Protocol
open FunctionalWs.Server.Tests.Serve

let private read (stream: MessageStream) = [ for fragment in stream -> fragment.Text, fragment.IsLast ]

let private sendFragments (client: PeerClient) (kind: Opcode) (parts: byte[] list) =
    let last = List.length parts - 1

    parts
    |> List.iteri (fun i part ->
        client.WriteFrame((i = last), (if i = 0 then kind else Opcode.Continuation), part))

/// What a handler gets that waits until everything has been read ahead.
let private late (handler: ServerConnection -> 'a) (send: PeerClient -> unit) : 'a =
    use arrived = new ManualResetEventSlim(false)

    let server, outcome =
        defaults
        |> handling (fun connection ->
            Wait.forEvent "the signal" arrived
            handler connection)

    use _ = server
    use client = client server
    send client
    client.SendPing "all of it"B
    client.Read() =! PongOf "all of it"B
    arrived.Set()
    succeeds outcome

[<Tests>]
let streaming =
    testList "ReceiveStreaming" [
        testCase "gives the fragments one by one as they come" (fun () ->
            let server, outcome =
                defaults
                |> handling (fun connection -> [
                    for fragment in connection.ReceiveStreaming() do
                        connection.Send $"got {fragment.Text}"
                        fragment.Text, fragment.IsLast
                ])

            use _ = server
            use client = client server
            client.WriteFrame(false, Opcode.Text, "a"B)
            client.ReadText() =! "got a"
            client.WriteFrame(false, Opcode.Continuation, "b"B)
            client.ReadText() =! "got b"
            client.WriteFrame(true, Opcode.Continuation, "c"B)
            succeeds outcome =! [ "a", false; "b", false; "c", true ])

        testCase "gives them one by one when all have come before" (fun () ->
            late (fun connection -> read (connection.ReceiveStreaming())) (fun client ->
                sendFragments client Opcode.Text [ "a"B; ""B; "c"B ])
            =! [ "a", false; "", false; "c", true ])

        testCase "gives those that have come of an unfinished message" (fun () ->
            late
                (fun connection ->
                    let stream = connection.ReceiveStreaming()

                    [
                        for _ in 1..2 do
                            stream.MoveNext() |> ignore
                            stream.Current.Text, stream.Current.IsLast
                    ])
                (fun client ->
                    client.WriteFrame(false, Opcode.Text, "a"B)
                    client.WriteFrame(false, Opcode.Continuation, "b"B))
            =! [ "a", false; "b", false ])

        testCase "gives a message in one frame as one fragment" (fun () ->
            late (fun connection -> read (connection.ReceiveStreaming())) (fun client -> client.SendText "x")
            =! [ "x", true ])

        testCase "cuts text between characters only" (fun () ->
            late (fun connection -> read (connection.ReceiveStreaming())) (fun client ->
                sendFragments client Opcode.Text [
                    [| 0xC3uy |]
                    [| 0xA9uy; 0xF0uy; 0x9Fuy |]
                    [| 0x98uy |]
                    [| 0x80uy |]
                ])
            =! [ "", false; "é", false; "", false; "😀", true ])

        testCase "leaves bytes as they are" (fun () ->
            late
                (fun connection -> [
                    for fragment in connection.ReceiveStreaming() ->
                        fragment.IsText, fragment.Data.ToArray()
                ])
                (fun client -> sendFragments client Opcode.Binary [ [| 0xC3uy |]; [| 0xA9uy |] ])
            =! [ false, [| 0xC3uy |]; false, [| 0xA9uy |] ])

        testProperty
            "gives the text back, however its bytes are cut"
            (fun (text: NonEmptyString) (cuts: byte list) ->
                let bytes =
                    Encoding.UTF8.GetBytes(text.Get.Normalize(NormalizationForm.FormD) + "é😀")

                let at = cuts |> List.map (fun cut -> int cut % (bytes.Length + 1)) |> List.sort

                let parts =
                    List.zip (0 :: at) (at @ [ bytes.Length ])
                    |> List.map (fun (first, next) -> bytes[first .. next - 1])

                let got =
                    late (fun connection -> read (connection.ReceiveStreaming())) (fun client ->
                        sendFragments client Opcode.Text parts)

                test
                    <@
                        got |> List.map fst |> String.concat "" = Encoding.UTF8.GetString bytes
                        && got.Length = parts.Length
                    @>)

        testCase "loses nothing when a step times out" (fun () ->
            let clock = FakeClock()

            let server, outcome =
                ServerOptions(TimeProvider = clock, PingInterval = Nullable())
                |> handling (fun connection ->
                    let stream = connection.ReceiveStreaming(TimeSpan.FromSeconds 5.0)
                    stream.MoveNext() |> ignore
                    let first = stream.Current.Text
                    connection.Send "first"

                    let timedOut =
                        try
                            stream.MoveNext() |> ignore
                            false
                        with :? TimeoutException ->
                            true

                    connection.Send "timed out"
                    stream.MoveNext() |> ignore
                    first, timedOut, stream.Current.Text, stream.MoveNext())

            use _ = server
            use client = client server
            client.WriteFrame(false, Opcode.Text, "a"B)
            client.ReadText() =! "first"
            runUntilWritten clock client
            client.ReadText() =! "timed out"
            client.WriteFrame(true, Opcode.Continuation, "b"B)
            succeeds outcome =! ("a", true, "b", false))

        testCase "takes only what is there with a timeout of zero" (fun () ->
            let server, outcome =
                defaults
                |> handling (fun connection -> read (connection.ReceiveStreaming TimeSpan.Zero))

            use _ = server
            use _ = client server
            (fails outcome) :? TimeoutException =! true)
    ]

/// The text of the first fragment, and leaves.
let private firstOnly (connection: ServerConnection) =
    use stream = connection.ReceiveStreaming()
    stream.MoveNext() |> ignore
    stream.Current.Text

[<Tests>]
let leaving =
    testList "a stream that is left early" [
        testCase "drops the rest that has come" (fun () ->
            late (fun connection -> firstOnly connection, connection.Receive().Text) (fun client ->
                sendFragments client Opcode.Text [ "a"B; "b"B; "c"B ]
                client.SendText "next")
            =! ("a", "next"))

        testCase "drops the rest that is still to come" (fun () ->
            let server, outcome =
                defaults
                |> handling (fun connection ->
                    let first = firstOnly connection
                    connection.Send "left"
                    first, connection.Receive().Text)

            use _ = server
            use client = client server
            client.WriteFrame(false, Opcode.Text, "a"B)
            client.ReadText() =! "left"
            client.WriteFrame(false, Opcode.Continuation, "b"B)
            client.WriteFrame(true, Opcode.Continuation, "c"B)
            client.WriteFrame(false, Opcode.Text, "ne"B)
            client.WriteFrame(true, Opcode.Continuation, "xt"B)
            succeeds outcome =! ("a", "next"))

        testCase "drops the rest that was read ahead meanwhile" (fun () ->
            let server, outcome =
                defaults
                |> handling (fun connection ->
                    let stream = connection.ReceiveStreaming()
                    stream.MoveNext() |> ignore
                    let ping = connection.Ping()
                    ping.Wait() |> ignore
                    stream.Dispose()
                    connection.Receive().Text)

            use _ = server
            use client = client server
            client.WriteFrame(false, Opcode.Text, "a"B)

            let payload =
                match client.Read() with
                | PingOf payload -> payload
                | other -> failwith $"a ping was expected, not {other}"

            client.WriteFrame(true, Opcode.Continuation, "b"B)
            client.SendText "next"
            client.WriteFrame(true, Opcode.Pong, payload)
            succeeds outcome =! "next")

        testCase "drops nothing when it was not begun, or had come to its end" (fun () ->
            late
                (fun connection ->
                    use unused = connection.ReceiveStreaming()
                    unused.Dispose()
                    firstOnly connection, connection.Receive().Text)
                (fun client ->
                    client.SendText "one"
                    client.SendText "two")
            =! ("one", "two"))

        testCase "can't be enumerated again" (fun () ->
            late
                (fun connection ->
                    let stream = connection.ReceiveStreaming()
                    read stream |> ignore
                    Wait.throws<InvalidOperationException>(fun () -> read stream |> ignore).Message)
                (fun client -> client.SendText "x")
            =! "A message stream can be enumerated once.")
    ]

[<Tests>]
let endings =
    let untilItThrows (connection: ServerConnection) =
        let stream = connection.ReceiveStreaming()
        let got = Collections.Generic.List<string>()

        let error =
            Wait.throws<ConnectionClosedException>(fun () ->
                while stream.MoveNext() do
                    got.Add stream.Current.Text)

        let later =
            Wait.throws<ConnectionClosedException>(fun () -> connection.Receive() |> ignore)

        List.ofSeq got, error.GetType(), later.GetType(), error.Sent

    testList "a stream whose connection ends" [
        testCase "gives what has come, then throws, and leaves the receiving side free" (fun () ->
            let server, outcome = defaults |> handling untilItThrows
            use _ = server
            use client = client server
            client.WriteFrame(false, Opcode.Text, "a"B)
            client.Transport.Abort()
            let got, error, later, _ = succeeds outcome
            got =! [ "a" ]
            error =! typeof<ConnectionClosedErrorException>
            later =! error)

        testCase "throws the OK exception after a normal close" (fun () ->
            let server, outcome = defaults |> handling untilItThrows
            use _ = server
            use client = client server
            client.SendClose 1000
            let got, error, later, _ = succeeds outcome
            got =! []
            error =! typeof<ConnectionClosedOkException>
            later =! error)

        testCase "throws after the fragments before text that isn't UTF-8, with 1007 sent" (fun () ->
            let server, outcome = defaults |> handling untilItThrows
            use _ = server
            use client = client server
            client.WriteFrame(false, Opcode.Text, "a"B)
            client.WriteFrame(true, Opcode.Continuation, [| 0xFEuy |])
            let got, error, _, sent = succeeds outcome
            got =! [ "a" ]
            error =! typeof<ConnectionClosedErrorException>
            sent.Number =! 1007)

        testCase "is woken by Close from another thread" (fun () ->
            let server, outcome =
                defaults
                |> handling (fun connection ->
                    let closing = Wait.start (fun () -> connection.Close())
                    let result = untilItThrows connection
                    Wait.forTask "the closing" closing
                    result)

            use _ = server
            use client = client server
            client.Read() =! Closed(CloseStatus.Create(CloseCode.NormalClosure, ""))
            client.SendClose 1000
            let _, error, _, _ = succeeds outcome
            error =! typeof<ConnectionClosedOkException>)
    ]

[<Tests>]
let streams =
    testList "a large message as a stream" [
        testCase "is read as it comes, from AsStream" (fun () ->
            let server, outcome =
                defaults
                |> handling (fun connection ->
                    use stream = connection.ReceiveStreaming().AsStream()
                    use reader = new IO.StreamReader(stream)
                    let text = reader.ReadToEnd()
                    text, stream.Read(Span<byte>(Array.zeroCreate 1)))

            use _ = server
            use client = client server
            sendFragments client Opcode.Text [ Encoding.UTF8.GetBytes "häl"; ""B; "lo"B ]
            succeeds outcome =! ("hällo", 0))

        testCase "leaves the next message alone when it is left early" (fun () ->
            let server, outcome =
                defaults
                |> handling (fun connection ->
                    use stream = connection.ReceiveStreaming().AsStream()
                    stream.ReadByte() =! int 'a'
                    stream.Dispose()
                    connection.ReceiveText())

            use _ = server
            use client = client server
            sendFragments client Opcode.Text [ "ab"B; "c"B ]
            client.SendText "next"
            succeeds outcome =! "next")

        testCase "is sent in fragments of 16 KiB, and an empty one as an empty message" (fun () ->
            let data = Array.init 40_000 byte

            let server, outcome =
                ServerOptions(Compression = null)
                |> handling (fun connection ->
                    connection.Send(new IO.MemoryStream(data), MessageKind.Binary)
                    connection.Send(IO.Stream.Null, MessageKind.Text))

            use _ = server
            use client = client server

            let frames = [ for _ in 1..6 -> client.Read() ]

            frames
            =! [
                Data(Opcode.Binary, false, data[..16_383])
                Data(Opcode.Continuation, false, data[16_384..32_767])
                Data(Opcode.Continuation, false, data[32_768..])
                Data(Opcode.Continuation, true, [||])
                Data(Opcode.Text, false, [||])
                Data(Opcode.Continuation, true, [||])
            ]

            succeeds outcome)
    ]

[<Tests>]
let receivers =
    let calls = [
        "Receive", (fun (connection: ServerConnection) -> connection.Receive() |> ignore)
        "ReceiveStreaming", (fun connection -> connection.ReceiveStreaming() |> Seq.iter ignore)
        "ReceiveBorrowed", (fun connection -> connection.ReceiveBorrowed(fun _ _ -> ()))
    ]

    testList "two receivers at once" [
        for firstName, first in calls do
            for secondName, second in calls do
                testCase $"{secondName} during {firstName} is refused, and both are named" (fun () ->
                    let server, outcome =
                        defaults
                        |> handling (fun connection ->
                            let working = Wait.start (fun () -> first connection)
                            Wait.until "the first is in" (fun () -> connection.Receiving = firstName)

                            let refused = Wait.throws<ConcurrencyException>(fun () -> second connection)

                            connection.Send "refused"
                            Wait.forTask "the first" working
                            refused.Message)

                    use _ = server
                    use client = client server
                    client.ReadText() =! "refused"
                    client.SendText "for the first"
                    succeeds outcome =! $"{secondName} was called while {firstName} is under way.")
    ]
