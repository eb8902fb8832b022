module FunctionalWs.Server.Tests.SendingTests

open System
open System.Buffers
open System.Collections.Generic
open System.Text
open System.Threading
open System.Threading.Tasks
open Expecto
open Swensen.Unquote
open FunctionalWs
open FunctionalWs.Protocol
open FunctionalWs.Testing
open FunctionalWs.Server.Tests.Serve

let private memory (bytes: byte[]) = ReadOnlyMemory<byte> bytes

/// The frames that a client gets from a handler that sends and returns, up to the close frame.
let private sent (handler: ServerConnection -> unit) : Wire list =
    use server = Serve.inMemory handler defaults
    use client = client server

    let rec next () =
        match client.Read() with
        | Closed _
        | End -> []
        | frame -> frame :: next ()

    next ()

[<Tests>]
let kinds =
    testList "Send" [
        testCase "sends a string as text, bytes as binary" (fun () ->
            sent (fun connection ->
                connection.Send "e"
                connection.Send [| 1uy |]
                connection.Send(ReadOnlySpan [| 2uy |]))
            =! [
                Data(Opcode.Text, true, "e"B)
                Data(Opcode.Binary, true, [| 1uy |])
                Data(Opcode.Binary, true, [| 2uy |])
            ])

        testCase "sends either as the other kind when asked to" (fun () ->
            sent (fun connection ->
                connection.Send("e", MessageKind.Binary)
                connection.Send(ReadOnlySpan "e"B, MessageKind.Text))
            =! [ Data(Opcode.Binary, true, "e"B); Data(Opcode.Text, true, "e"B) ])

        testCase "fails a message whose parts end with another connection, as with any exception" (fun () ->
            let others, _, other, release = connected defaults
            use _ = others
            use _ = release
            other.Abort()

            let error =
                Wait.throws<ConnectionClosedErrorException>(fun () -> other.Receive() |> ignore)

            let server, outcome =
                ServerOptions(Compression = null)
                |> handling (fun connection ->
                    connection.Send(
                        seq {
                            "a"
                            raise error
                        }
                    ))

            use _ = server
            use client = client server
            client.Read() =! Data(Opcode.Text, false, "a"B)

            client.Read()
            =! Closed(CloseStatus.Create(CloseCode.InternalError, "error in fragmented message"))

            fails outcome =! error)

        testCase "sends bytes of an array as text" (fun () ->
            sent (fun connection -> connection.Send("e"B, MessageKind.Text))
            =! [ Data(Opcode.Text, true, "e"B) ])

        testCase "sends memory, and what is written into memory of its own" (fun () ->
            sent (fun connection ->
                connection.Send(memory "e"B)
                connection.Send(memory "e"B, MessageKind.Text)
                connection.Send((fun writer -> writer.Write(ReadOnlySpan "ef"B)), MessageKind.Text)

                Wait.throws<ArgumentException>(fun () ->
                    connection.Send(
                        (fun writer -> writer.Write(ReadOnlySpan [| 0xFFuy |])),
                        MessageKind.Text
                    ))
                |> ignore)
            =! [
                Data(Opcode.Binary, true, "e"B)
                Data(Opcode.Text, true, "e"B)
                Data(Opcode.Text, true, "ef"B)
            ])

        testCase "sends bytes that lie in pieces as one message" (fun () ->
            let sequence = ReadOnlySequence<byte>([| 1uy; 2uy |])

            sent (fun connection -> connection.Send(sequence, MessageKind.Binary))
            =! [ Data(Opcode.Binary, true, [| 1uy; 2uy |]) ])

        testCase "sends a long string as it sends a short one" (fun () ->
            let text = String('é', 5_000)

            sent (fun connection -> connection.Send text)
            =! [ Data(Opcode.Text, true, Encoding.UTF8.GetBytes text) ])

        testTheory
            "refuses a string that can't be encoded before anything is sent"
            [ 1; 3_000 ]
            (fun length ->
                let text = String('x', length - 1) + string (char 0xD800)

                sent (fun connection ->
                    Wait.throws<ArgumentException>(fun () -> connection.Send text) |> ignore
                    connection.Send "still open")
                =! [ Data(Opcode.Text, true, "still open"B) ])

        testCase "refuses bytes as text that are no UTF-8" (fun () ->
            sent (fun connection ->
                Wait.throws<ArgumentException>(fun () ->
                    connection.Send(ReadOnlySpan [| 0xFFuy |], MessageKind.Text))
                |> ignore

                connection.Send "still open")
            =! [ Data(Opcode.Text, true, "still open"B) ])

        testCase "refuses a kind that there isn't, before anything is asked of what is to be sent" (fun () ->
            let none = enum<MessageKind> 2

            let untouched () : 'part seq =
                Seq.delay (fun () -> failwith "was asked")

            sent (fun connection ->
                for send in
                    [
                        fun () -> connection.Send("text", none)
                        fun () -> connection.Send([| 1uy |], none)
                        fun () -> connection.Send(memory [| 1uy |], none)
                        fun () -> connection.Send(ReadOnlySequence [| 1uy |], none)
                        fun () -> connection.Send((untouched (): string seq), none)
                        fun () -> connection.Send((untouched (): ReadOnlyMemory<byte> seq), none)
                        fun () -> connection.Send(new IO.MemoryStream(1), none)
                        fun () -> connection.Send((fun _ -> failwith "was asked"), none)
                        fun () -> Groups().["room"].Send(ReadOnlySpan [| 1uy |], none) |> ignore
                        fun () -> connection.SendAsync(memory [| 1uy |], none).AsTask().Wait()
                        fun () -> Message(memory [| 1uy |], none) |> ignore
                        fun () -> Broadcast.Send([ connection ], ReadOnlySpan [| 1uy |], none) |> ignore
                    ] do
                    let told = Wait.throws<ArgumentOutOfRangeException> send

                    test
                        <@
                            told.Message.StartsWith(
                                "A message is MessageKind.Text or",
                                StringComparison.Ordinal
                            )
                        @>

                connection.Send "still open")
            =! [ Data(Opcode.Text, true, "still open"B) ])

        testCase "refuses null" (fun () ->
            sent (fun connection ->
                let refuses (send: unit -> unit) =
                    Wait.throws<ArgumentNullException> send |> ignore

                refuses (fun () -> connection.Send(null: string))
                refuses (fun () -> connection.Send(null: byte[]))
                refuses (fun () -> connection.Send(null: string seq)))
            =! [])
    ]

[<Tests>]
let fragments =
    testList "Send of a sequence" [
        testCase "sends a frame for each part and an empty one at the end" (fun () ->
            let frames (opcode: Opcode) = [
                Data(opcode, false, "a"B)
                Data(Opcode.Continuation, false, "bc"B)
                Data(Opcode.Continuation, true, ""B)
            ]

            sent (fun connection ->
                connection.Send [ "a"; "bc" ]
                connection.Send [ memory "a"B; memory "bc"B ]
                connection.Send([ "a"; "bc" ], MessageKind.Binary)
                connection.Send([ memory "a"B; memory "bc"B ], MessageKind.Text)
                connection.Send [ "a"B; "bc"B ])
            =! List.collect frames [ Opcode.Text; Opcode.Binary; Opcode.Binary; Opcode.Text; Opcode.Binary ])

        testCase "is one text: a character may be cut between two of its parts" (fun () ->
            let first, second = String('\uD83D', 1), String('\uDE00', 1)
            let whole = Encoding.UTF8.GetBytes(first + second)

            sent (fun connection ->
                connection.Send [ "a" + first; second + "b" ]
                connection.Send [ first; ""; second ]

                Wait.throws<ArgumentException>(fun () -> connection.Send [ first; "b" ])
                |> ignore

                Wait.throws<ArgumentException>(fun () -> connection.Send [ "c"; first ])
                |> ignore)
            |> List.truncate 6
            =! [
                Data(Opcode.Text, false, "a"B)
                Data(Opcode.Continuation, false, Array.append whole "b"B)
                Data(Opcode.Continuation, true, ""B)
                Data(Opcode.Text, false, whole)
                Data(Opcode.Continuation, true, ""B)
                Data(Opcode.Text, false, "c"B)
            ])

        testCase "sends nothing when it is empty" (fun () ->
            sent (fun connection -> connection.Send(Seq.empty: string seq)) =! [])

        testCase "that throws before its first part leaves the connection open" (fun () ->
            sent (fun connection ->
                Wait.throws<FormatException>(fun () ->
                    connection.Send(
                        seq {
                            raise (FormatException())
                            "never"
                        }
                    ))
                |> ignore

                Wait.throws<ArgumentException>(fun () -> connection.Send [ string (char 0xD800) ])
                |> ignore

                connection.Send "still open")
            =! [ Data(Opcode.Text, true, "still open"B) ])

        testCase "that throws later fails the connection with 1011, and the exception is thrown on" (fun () ->
            let server, outcome =
                defaults
                |> handling (fun connection ->
                    let thrown =
                        Wait.throws<FormatException>(fun () ->
                            connection.Send(
                                seq {
                                    "a"
                                    "b"
                                    raise (FormatException "in the middle")
                                }
                            ))

                    let later =
                        Wait.throws<ConnectionClosedErrorException>(fun () -> connection.Send "later")

                    thrown.Message, later.InnerException = thrown, later.Sent.Number)

            use _ = server
            use client = client server
            client.Read() =! Data(Opcode.Text, false, "a"B)
            client.Read() =! Data(Opcode.Continuation, false, "b"B)

            client.Read()
            =! Closed(CloseStatus.Create(CloseCode.InternalError, "error in fragmented message"))

            client.Read() =! End
            client.Transport.Abort()
            succeeds outcome =! ("in the middle", true, 1011))
    ]

/// A handler that is in the middle of a fragmented message, and what another thread does meanwhile.
let private during (act: ServerConnection -> 'a) (finish: PeerClient -> unit) : 'a * Result<unit, exn> =
    use goOn = new ManualResetEventSlim(false)
    let found = TaskCompletionSource<ServerConnection>()

    let server, outcome =
        defaults
        |> handling (fun connection ->
            connection.Send(
                seq {
                    "begun"
                    found.SetResult connection
                    Wait.forEvent "the signal" goOn
                    "ended"
                }
            ))

    use _ = server
    use client = client server
    let acting = Wait.start (fun () -> act (Wait.forTask "the message" found.Task))
    client.Read() =! Data(Opcode.Text, false, "begun"B)
    finish client
    let result = Wait.forTask "what is done meanwhile" acting
    goOn.Set()
    result, Wait.forTask "the handler" outcome

[<Tests>]
let meanwhile =
    let refused (send: ServerConnection -> unit) (connection: ServerConnection) =
        Wait.throws<ConcurrencyException>(fun () -> send connection) |> ignore

    testList "while a fragmented message is being sent" [
        for name, send in
            [
                "a string", (fun (connection: ServerConnection) -> connection.Send "x")
                "bytes", (fun connection -> connection.Send [| 1uy |])
                "strings", (fun connection -> connection.Send [ "x" ])
                "byte arrays", (fun connection -> connection.Send [ [| 1uy |] ])
            ] do
            testCase $"Send of {name} is refused" (fun () -> during (refused send) ignore =! ((), Ok()))

        testCase "pings and pongs go between" (fun () ->
            during (fun connection -> connection.Ping(ReadOnlySpan "p"B) |> ignore) (fun client ->
                client.Read() =! PingOf "p"B
                client.SendPing "q"B
                client.Read() =! PongOf "q"B)
            =! ((), Ok()))

        testCase "Close fails the connection with 1011, and the sender is told without a cause" (fun () ->
            let (), outcome =
                during (fun connection -> connection.Close()) (fun client ->
                    client.Read()
                    =! Closed(
                        CloseStatus.Create(CloseCode.InternalError, "closed during a fragmented message")
                    )

                    client.Read() =! End
                    client.Transport.Abort())

            match outcome with
            | Error(:? ConnectionClosedErrorException as error) ->
                test <@ isNull error.InnerException && error.Sent.Number = 1011 @>
            | other -> failwith $"a closed connection was expected, not {other}")
    ]

[<Tests>]
let stuck =
    testList "a Send whose peer does not read" [
        testCase "is given up after SendTimeout, with the reason as the cause" (fun () ->
            let clock = FakeClock()
            use stuck = new ManualResetEventSlim(false)

            let server, outcome =
                ServerOptions(
                    TimeProvider = clock,
                    SendTimeout = Nullable(TimeSpan.FromSeconds 3.0),
                    PingInterval = Nullable()
                )
                |> handling (fun connection ->
                    let data = Array.zeroCreate<byte> 200_000
                    let token = connection.Closed

                    while not token.IsCancellationRequested do
                        stuck.Set()
                        connection.Send data)

            use _ = server
            use _ = client server
            Wait.forEvent "the first send" stuck

            Wait.until "the send is given up" (fun () ->
                clock.Advance(TimeSpan.FromSeconds 1.0)
                outcome.IsCompleted)

            let error = fails outcome :?> ConnectionClosedErrorException

            (error.InnerException :?> TimeoutException).Message
            =! "The peer did not read within 00:00:03.")

        testCase "does not outlast the timeout of a Receive, whatever is held back" (fun () ->
            let clock = FakeClock()

            let server, outcome =
                ServerOptions(TimeProvider = clock, PingInterval = Nullable())
                |> handling (fun connection ->
                    let first = connection.Receive().Text
                    connection.Send(String('h', 10_000)) // held back, since there is more to receive
                    let second = connection.Receive().Text

                    Wait.throws<TimeoutException>(fun () ->
                        connection.Receive(TimeSpan.FromSeconds 5.0) |> ignore)
                    |> ignore

                    first, second)

            use _ = server
            let struct (atServer, atClient) = MemoryTransport.CreatePair 1_000
            server.Admit atServer
            use client = new PeerClient(atClient)
            client.ShakeHands()
            awaitOpen server [||]
            let writer = ArrayBufferWriter<byte>()

            for text in [ "1"B; "2"B ] do
                FrameWriter.write true Opcode.Text (ReadOnlySpan text) (ValueSome 5u) writer

            client.Write(writer.WrittenSpan.ToArray())

            Wait.until "the Receive is given up" (fun () ->
                clock.Advance(TimeSpan.FromSeconds 1.0)
                outcome.IsCompleted)

            succeeds outcome =! ("1", "2")
            client.ReadText() =! String('h', 10_000))

        testCase "holds up neither reading nor pings nor their answers" (fun () ->
            let received = TaskCompletionSource<string>()

            use server =
                defaults
                |> Serve.inMemory (fun connection ->
                    let sending =
                        Wait.start (fun () ->
                            try
                                connection.Send(Array.zeroCreate<byte> 3_000_000)
                            with :? ConnectionClosedException ->
                                ())

                    received.SetResult(connection.Receive().Text)
                    Wait.forTask "the sender" sending
                    Seq.iter ignore connection.Messages)

            use client = client server
            Wait.until "the sending has begun" (fun () -> client.Transport.IsReadable)
            client.SendPing "p"B
            client.SendText "heard"
            Wait.forTask "the message" received.Task =! "heard"

            match client.Read() with
            | Data(Opcode.Binary, true, data) -> data.Length =! 3_000_000
            | other -> failwith $"the large message was expected, not {other}"

            client.Read() =! PongOf "p"B)
    ]

[<Tests>]
let borrowing =
    testList "borrowed payloads" [
        testCase "are lent to a callback, which may send them back" (fun () ->
            use server =
                defaults
                |> Serve.inMemory (fun connection ->
                    for _ in 1..3 do
                        connection.ReceiveBorrowed(fun kind payload -> connection.Send(payload, kind)))

            use client = client server
            client.SendText "one frame"
            client.ReadText() =! "one frame"
            client.WriteFrame(false, Opcode.Binary, [| 1uy |])
            client.WriteFrame(true, Opcode.Continuation, [| 2uy |])
            client.Read() =! Data(Opcode.Binary, true, [| 1uy; 2uy |])
            client.SendText ""
            client.ReadText() =! "")

        testCase "go to a writer, whoever read them" (fun () ->
            use arrived = new ManualResetEventSlim(false)

            let server, outcome =
                defaults
                |> handling (fun connection ->
                    let writer = ArrayBufferWriter<byte>()
                    Wait.forEvent "the signal" arrived

                    let kinds = [
                        for _ in 1..3 ->
                            connection.Receive(writer :> IBufferWriter<byte>) = MessageKind.Text
                    ]

                    kinds, Encoding.UTF8.GetString writer.WrittenSpan)

            use _ = server
            use client = client server
            client.SendText "ahead "
            client.SendPing [||]
            client.Read() =! PongOf [||]
            arrived.Set()
            client.SendBinary "inline "B
            client.WriteFrame(false, Opcode.Text, "in "B)
            client.WriteFrame(true, Opcode.Continuation, "parts"B)
            succeeds outcome =! ([ true; false; true ], "ahead inline in parts"))

        testTheory "are not lost when the writer throws" [ true; false ] (fun readAhead ->
            let full () : byte[] = raise (FormatException "full")

            let writer = {
                new IBufferWriter<byte> with
                    member _.Advance _ = ()
                    member _.GetMemory _ = Memory<byte>(full ())
                    // A span can't be the result of raise: it is a byref type.
                    member _.GetSpan _ = Span<byte>(full ())
            }

            use arrived = new ManualResetEventSlim(not readAhead)

            let server, outcome =
                defaults
                |> handling (fun connection ->
                    Wait.forEvent "the signal" arrived

                    let refused =
                        Wait.throws<FormatException>(fun () -> connection.Receive writer |> ignore).Message

                    refused, connection.Receive().Text, connection.Receive().Text)

            use _ = server
            use client = client server
            client.SendText "kept"
            client.SendText "next"

            if readAhead then
                client.SendPing [||]
                client.Read() =! PongOf [||]
                arrived.Set()

            succeeds outcome =! ("full", "kept", "next"))

        testCase "can't be received while one is lent" (fun () ->
            let server, outcome =
                defaults
                |> handling (fun connection ->
                    connection.ReceiveBorrowed(fun _ _ -> connection.Receive() |> ignore))

            use _ = server
            use client = client server
            client.SendText "x"
            (fails outcome).GetType() =! typeof<ConcurrencyException>)

        testCase "cost no memory" (fun () ->
            let count = 2_000
            let rounds = 8
            let allocated = TaskCompletionSource<int64>()
            let read = Action<MessageKind, ReadOnlySequence<byte>>(fun _ _ -> ())

            use server =
                defaults
                |> Serve.overTcp (fun connection ->
                    for _ in 1..count do
                        connection.ReceiveBorrowed read

                    let allocatedIn (_: int) =
                        let before = GC.GetAllocatedBytesForCurrentThread()

                        for _ in 1..count do
                            connection.ReceiveBorrowed read

                        GC.GetAllocatedBytesForCurrentThread() - before

                    // The pool of buffers may be emptied at any time, by what other tests do: the best round counts.
                    allocated.SetResult(Seq.min (List.map allocatedIn [ 1..rounds ])))

            use client = PeerClient.OverTcp server
            client.ShakeHands()

            for _ in 1 .. (1 + rounds) * count do
                client.SendBinary(Array.zeroCreate 125)

            // Less than a byte for each: the receive buffer grows and shrinks now and then.
            test <@ Wait.forTask "the messages" allocated.Task < int64 count @>)
    ]
