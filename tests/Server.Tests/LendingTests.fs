/// Messages in memory that is lent, and large ones, which are read to where they stay.
module FunctionalWs.Server.Tests.LendingTests

open System
open System.Threading
open System.Threading.Tasks
open Expecto
open FsCheck
open FsCheck.FSharp
open Swensen.Unquote
open FunctionalWs
open FunctionalWs.Protocol
open FunctionalWs.Server.Tests.Serve

let private echoLent (connection: ServerConnection) =
    for message in connection.Lent() do
        connection.Send message

/// Bytes that differ from place to place, so that none can be taken for another.
let private payload (size: int) : byte[] =
    Array.init size (fun i -> byte (i * 31 + i / 251))

/// What is written in pieces of these sizes, in turn.
let private writeCut (client: PeerClient) (sizes: int list) (bytes: byte[]) =
    let sizes = List.toArray sizes
    let mutable start = 0
    let mutable turn = 0

    while start < bytes.Length do
        let size = min sizes[turn % sizes.Length] (bytes.Length - start)
        client.Write bytes[start .. start + size - 1]
        start <- start + size
        turn <- turn + 1

/// A masked frame of a client.
let private frame (fin: bool) (opcode: Opcode) (payload: byte[]) : byte[] =
    let writer = Buffers.ArrayBufferWriter<byte>()
    FrameWriter.write fin opcode (ReadOnlySpan payload) (ValueSome 0x37FA213Du) writer
    writer.WrittenSpan.ToArray()

let private faces = [ "received", Serve.echo; "lent", echoLent ]

[<Tests>]
let lending =
    testList "Lent" [
        testCase "gives messages of both kinds, one after the other, until the peer closes" (fun () ->
            use left = new ManualResetEventSlim(false)

            use server =
                defaults
                |> Serve.inMemory (fun connection ->
                    echoLent connection
                    left.Set())

            use client = client server
            client.SendText "é"
            client.ReadText() =! "é"
            client.WriteFrame(false, Opcode.Binary, "a"B)
            client.WriteFrame(true, Opcode.Continuation, "b"B)
            client.Read() =! Data(Opcode.Binary, true, "ab"B)
            client.SendText ""
            client.ReadText() =! ""
            client.SendClose 1000
            client.Read() =! Closed(CloseStatus.Create(CloseCode.NormalClosure, ""))
            Wait.forEvent "the end of the loop" left)

        testCase "gives what can be kept by ToMessage alone" (fun () ->
            let server, outcome =
                defaults
                |> handling (fun connection ->
                    let kept = ResizeArray<Message>()

                    for message in connection.Lent() do
                        kept.Add(message.ToMessage())

                    List.ofSeq kept)

            use _ = server
            use client = client server
            client.SendText "one"
            client.SendBinary "two"B
            client.SendText "three"
            client.SendClose 1000

            succeeds outcome
            =! [ Message "one"; Message(ReadOnlyMemory "two"B); Message "three" ])

        testCase "throws where the connection ends otherwise" (fun () ->
            let server, outcome = handling echoLent defaults
            use _ = server
            use client = client server
            client.Write [| 0xFFuy; 0xFFuy |]
            (fails outcome).GetType() =! typeof<ConnectionClosedErrorException>)

        testCase "goes on with what comes next after a loop that was left" (fun () ->
            let server, outcome =
                defaults
                |> handling (fun connection ->
                    let first () =
                        let mutable messages = connection.Lent().GetEnumerator()
                        messages.MoveNext() =! true
                        let text = messages.Current.Text
                        messages.Dispose()
                        messages.Dispose()
                        text

                    first (), first (), connection.Receive().Text)

            use _ = server
            use client = client server
            [ "a"; "b"; "c" ] |> List.iter client.SendText
            succeeds outcome =! ("a", "b", "c"))

        testCase "shows a message's kind and size, and reads text" (fun () ->
            let server, outcome =
                defaults
                |> handling (fun connection ->
                    let mutable messages = connection.Lent().GetEnumerator()
                    messages.MoveNext() =! true
                    let message = messages.Current
                    let told = message.ToString(), message.IsText, message.Text, message.Data.Length
                    messages.Dispose()
                    told)

            use _ = server
            use client = client server
            client.SendText "hé"
            succeeds outcome =! ("Text (3 bytes)", true, "hé", 3))

        testCase "gives its memory back once, however its place is copied" (fun () ->
            let server, outcome =
                defaults
                |> handling (fun connection ->
                    let mutable messages = connection.Lent().GetEnumerator()
                    messages.MoveNext() =! true
                    let mutable copy = messages
                    messages.Dispose()
                    copy.Dispose()
                    let first = SharedBuffers.Pool.Rent 3_000
                    let second = SharedBuffers.Pool.Rent 3_000
                    let isShared = Object.ReferenceEquals(first, second)
                    SharedBuffers.Pool.Return first
                    SharedBuffers.Pool.Return second
                    isShared)

            use _ = server
            use client = client server
            client.SendBinary(Array.zeroCreate 3_000)
            succeeds outcome =! false)

        testCase "of no connection is refused" (fun () ->
            Wait.throws<InvalidOperationException>(fun () ->
                let mutable messages = LentMessages().GetEnumerator()
                messages.Dispose())
            |> ignore)

        testCase "makes no array for a message, large or small" (fun () ->
            let count = 400
            let rounds = 6
            let allocated = TaskCompletionSource<int64>()

            use server =
                ServerOptions(Compression = null)
                |> Serve.overTcp (fun connection ->
                    // The pool of buffers may be emptied at any time, by what other tests do: the best round counts.
                    let mutable best = Int64.MaxValue
                    let mutable before = 0L
                    let mutable seen = 0

                    for message in connection.Lent() do
                        if seen % count = 0 && message.IsText = false then
                            let now = GC.GetAllocatedBytesForCurrentThread()

                            if seen > 0 then
                                best <- min best (now - before)

                            before <- GC.GetAllocatedBytesForCurrentThread()

                        seen <- seen + 1

                    allocated.SetResult best)

            use client = PeerClient.OverTcp server
            client.ShakeHands()

            for i in 1 .. rounds * count + 1 do
                client.SendBinary(Array.zeroCreate (if i % 2 = 0 then 125 else 50_000))

            client.SendClose 1000
            // What says where in a large frame the bytes so far end takes some 300 bytes; the message itself nothing.
            test <@ Wait.forTask "the messages" allocated.Task < 500L * int64 count @>)
    ]

let private cuts = [
    [ 1_000_000 ]
    [ 1 ]
    [ 4_096 ]
    [ 4_097; 3 ]
    [ 6; 70_000 ]
    [ 16_384; 1; 20_000 ]
    [ 65_537 ]
]

[<Tests>]
let large =
    testList "large messages" [
        for face, handler in faces do
            testTheory
                $"come whole, however they are cut, with others before and behind them: {face}"
                cuts
                (fun cut ->
                    use server = Serve.inMemory handler defaults
                    use client = client server
                    // Byte by byte a large one takes long.
                    let size = if cut = [ 1 ] then 9_000 else 300_000
                    let sent = payload size

                    Array.concat [
                        frame true Opcode.Text "before"B
                        frame true Opcode.Binary sent
                        frame false Opcode.Binary sent
                        frame true Opcode.Ping "between"B
                        frame false Opcode.Continuation sent
                        frame true Opcode.Continuation "rest"B
                        frame true Opcode.Text "behind"B
                    ]
                    |> writeCut client cut

                    client.ReadText() =! "before"
                    client.Read() =! Data(Opcode.Binary, true, sent)
                    client.Read() =! PongOf "between"B
                    client.Read() =! Data(Opcode.Binary, true, Array.concat [ sent; sent; "rest"B ])
                    client.ReadText() =! "behind")

            testCase $"of text are judged where they lie: {face}" (fun () ->
                use server = Serve.inMemory handler defaults
                use client = client server
                let text = String('é', 60_000)
                client.SendText text
                client.ReadText() =! text
                let bad = Text.Encoding.UTF8.GetBytes text
                bad[100_001] <- 0xFFuy
                client.WriteFrame(true, Opcode.Text, bad)

                match client.Read() with
                | Closed status -> status.Number =! 1007
                | other -> failwith $"a close frame was expected, not {other}")

        testCase "are read ahead in full while the handler is elsewhere, and are whole" (fun () ->
            use come = new ManualResetEventSlim(false)

            let server, outcome =
                defaults
                |> handling (fun connection ->
                    Wait.forEvent "the signal" come
                    [ for _ in 1..3 -> connection.Receive().Data.ToArray() ])

            use _ = server
            use client = client server
            let sent = [ payload 100_000; payload 5_000; payload 70_000 ]
            sent |> List.iter client.SendBinary
            client.SendPing "all"B
            client.Read() =! PongOf "all"B
            come.Set()
            succeeds outcome =! sent)

        testCase "go to a writer, and are not lost when it throws" (fun () ->
            let full = {
                new Buffers.IBufferWriter<byte> with
                    member _.Advance _ = ()
                    member _.GetMemory _ = raise (FormatException "full")

                    member _.GetSpan _ =
                        Span<byte>((raise (FormatException "full")): byte[])
            }

            let server, outcome =
                defaults
                |> handling (fun connection ->
                    let refused =
                        Wait.throws<FormatException>(fun () -> connection.Receive full |> ignore).Message

                    let writer = Buffers.ArrayBufferWriter<byte>()
                    connection.Receive(writer :> Buffers.IBufferWriter<byte>) |> ignore
                    refused, writer.WrittenSpan.ToArray())

            use _ = server
            use client = client server
            client.SendBinary(payload 90_000)
            succeeds outcome =! ("full", payload 90_000))

        testProperty
            "come whole in any sizes and cuts, over TCP"
            (fun (sizes: PositiveInt list) (cuts: PositiveInt list) ->
                let messages = sizes |> List.map (fun size -> payload (size.Get * 797 % 90_000))

                let cut =
                    match cuts with
                    | [] -> [ 1_000 ]
                    | cuts -> cuts |> List.map (fun cut -> cut.Get * 977)

                use server = Serve.overTcp echoLent (ServerOptions(Compression = null))
                use client = PeerClient.OverTcp server
                client.ShakeHands()
                // The replies are read beside: there may be more than the system holds.
                let read = Task.Run(fun () -> [ for _ in messages -> client.Read() ])

                messages
                |> List.map (frame true Opcode.Binary)
                |> Array.concat
                |> writeCut client cut

                Wait.forTask "the replies" read
                =! [ for message in messages -> Data(Opcode.Binary, true, message) ])
    ]
