/// What users' extensions throw: the connection's matter at most, and the operator is told.
module FunctionalWs.Server.Tests.ExtensionFaultTests

open System
open System.Buffers
open System.Collections.Concurrent
open System.Threading
open System.Threading.Tasks
open Expecto
open Microsoft.Extensions.Logging
open Swensen.Unquote
open FunctionalWs
open FunctionalWs.Protocol
open FunctionalWs.Server.Tests.Serve

/// Which call of an extension throws.
type private Faulty =
    | Wanting
    | Encoding
    | EncodingLast
    | Decoding
    | Disposing
    | Nothing

type private Throwing(faulty: Faulty, error: exn, log: ConcurrentQueue<string>, atEncode: unit -> unit) =
    inherit Extension("faulty", [||], ReservedBits.Rsv2)

    let fail (here: Faulty) =
        log.Enqueue $"{here}"

        if here = faulty then
            raise error

    override _.Wants message =
        if message.Data.StartsWith "!"B then
            fail Wanting

        not (message.Data.StartsWith "-"B)

    override _.Encode(data, isLast, destination) =
        // Half of it is done before it fails.
        destination.Write(data.Slice(0, data.Length / 2))
        atEncode ()
        fail (if isLast then EncodingLast else Encoding)
        destination.Write(data.Slice(data.Length / 2))

    override _.Decode(data, _, destination) =
        destination.Write data |> ignore
        fail Decoding
        Unchecked.defaultof<ProtocolError>

    override _.Dispose() = fail Disposing

type private Offered(faulty: Faulty, error: exn) =
    member val Log = ConcurrentQueue<string>()
    member val AtEncode = ignore with get, set

    interface IServerExtension with
        member _.Name = "faulty"

        member offered.Negotiate(_, _) =
            new Throwing(faulty, error, offered.Log, (fun () -> offered.AtEncode()))

let private errors: exn list = [
    InvalidOperationException "not this one"
    OutOfMemoryException()
    ThreadInterruptedException()
    OperationCanceledException()
    IO.IOException "not the connection's"
]

/// A server whose extension throws, and its first client, which has agreed on it; the others get an echo.
let private serving (faulty: Faulty) (error: exn) (handler: ServerConnection -> unit) =
    let records = new Records()
    let offered = Offered(faulty, error)

    let options =
        ServerOptions(Extensions = [| offered |], Compression = null, LoggerFactory = records)

    let server =
        inMemory
            (fun connection ->
                if connection.Extensions.Count > 0 then
                    handler connection
                else
                    echo connection)
            options

    let client = PeerClient.InMemory server
    client.Offer "faulty" =! "faulty"
    server, client, offered, records

let private errorsIn (records: Records) = [ for struct (_, id, _) in records.Of LogLevel.Error -> id ]

let private internalError (reason: string) =
    Closed(CloseStatus.Create(CloseCode.InternalError, reason))

/// The server has told once, and serves on.
let private isServing (server: Server) (first: PeerClient) (records: Records) (expected: int list) =
    first.Transport.Abort() // or its connection waits for it to close
    Wait.until "it is told" (fun () -> errorsIn records = expected)

    using (client server) (fun other ->
        other.SendText "-on"
        other.ReadText() =! "-on")

    server.Shutdown() |> ignore
    errorsIn records =! expected

[<Tests>]
let tests =
    testList "extensions of the user's own that throw" [
        testTheory "in Encode: 1011, the sender is told, and one ERROR record says why" errors (fun error ->
            let caught = ConcurrentQueue<exn>()

            let server, client, _, records =
                serving EncodingLast error (fun connection ->
                    for message in connection do
                        try
                            connection.Send message
                        with :? ConnectionClosedException as closed ->
                            caught.Enqueue closed
                            reraise ())

            use _ = server
            use client = client
            client.SendText "hello"
            client.Read() =! internalError "extension failed"
            client.Read() =! End
            isServing server client records [ 32 ]
            [ for closed in caught -> closed.InnerException ] =! [ error ])

        testTheory
            "in Encode of a fragment: the message stays unfinished, and nothing but the close frame follows"
            [ Encoding, 1; EncodingLast, 3 ]
            (fun (faulty, count) ->
                let server, client, offered, records =
                    serving faulty errors.Head (fun connection -> connection.Send [ "one"; "two" ])

                use _ = server
                use client = client
                // Whatever comes while the last fragment is made would stand in the middle of the message.
                let broadcast () =
                    let sending =
                        Wait.start (fun () -> Broadcast.Send(server.Connections, "-between") |> ignore)

                    Wait.forTask "the broadcast" sending

                offered.AtEncode <- broadcast

                for index in 1 .. count - 1 do
                    let bits, fin, _ = client.ReadMarked()
                    (bits <> ReservedBits.None, fin) =! (index = 1, false)

                client.Read() =! internalError "extension failed"
                client.Read() =! End
                isServing server client records [ 32 ])

        testTheory "in Decode: 1011 and one ERROR record, whoever reads" errors (fun error ->
            for isReceiving in [ true; false ] do
                let ended = TaskCompletionSource<exn>()

                let server, client, _, records =
                    serving Decoding error (fun connection ->
                        try
                            if not isReceiving then
                                connection.WaitClosed() |> ignore

                            echo connection
                        with closed ->
                            ended.TrySetResult closed |> ignore
                            reraise ())

                use _ = server
                use client = client
                client.WriteMarked(ReservedBits.Rsv2, true, Opcode.Text, "hello"B)
                client.Read() =! internalError "extension failed"
                client.Read() =! End
                (Wait.forTask "the handler" ended.Task).InnerException =! error
                isServing server client records [ 32 ])

        testCase "in Decode, while the connection is closing: it ends all the same" (fun () ->
            let isClosing = TaskCompletionSource<unit>()

            let server, client, _, records =
                serving Decoding errors.Head (fun connection ->
                    connection.Closed.Register(fun () -> isClosing.SetResult()) |> ignore
                    connection.Close())

            use _ = server
            use client = client
            Wait.forTask "the closing" isClosing.Task
            client.WriteMarked(ReservedBits.Rsv2, true, Opcode.Text, "hello"B)
            client.Read() =! Closed(CloseStatus.Create(CloseCode.NormalClosure, ""))
            client.Read() =! End
            isServing server client records [ 32 ])

        testCase "are not asked again" (fun () ->
            let server, client, offered, _ = serving Decoding errors.Head echo
            use _ = server
            use client = client

            client.Write(
                Array.concat [
                    for _ in 1..10 do
                        let writer = ArrayBufferWriter<byte>()
                        FrameWriter.write true Opcode.Text (ReadOnlySpan "hello"B) (ValueSome 1u) writer
                        let frame = writer.WrittenSpan.ToArray()
                        frame[0] <- frame[0] ||| 0x20uy
                        frame
                ]
            )

            client.Read() =! internalError "extension failed"
            client.Read() =! End
            client.Transport.Abort()
            server.Shutdown() |> ignore

            [
                for entry in offered.Log do
                    if entry = "Decoding" then
                        entry
            ]
            =! [ "Decoding" ])

        testTheory
            "in Dispose: an ERROR record, the others are disposed of, the server serves on"
            errors
            (fun error ->
                let server, client, offered, records = serving Disposing error echo
                use _ = server
                use client = client
                client.SendText "-hello"
                client.ReadText() =! "-hello"
                client.SendClose 1000
                client.Read() =! Closed(CloseStatus.Create(CloseCode.NormalClosure, ""))
                client.Read() =! End
                isServing server client records [ 33 ]

                [
                    for entry in offered.Log do
                        if entry = "Disposing" then
                            entry
                ]
                =! [ "Disposing" ])

        testCase "in Wants: the call that sends throws it, to one or to many, and nothing is sent" (fun () ->
            let results = ConcurrentQueue<exn>()

            let server, client, _, records =
                serving Wanting errors.Head (fun connection ->
                    for send in
                        [
                            fun () -> connection.Send "!one"
                            fun () -> connection.Send [ "!one"; "two" ]
                            fun () -> connection.Send "-after"
                        ] do
                        try
                            send ()
                        with error ->
                            results.Enqueue error

                    Seq.iter ignore connection.Messages)

            use _ = server
            use client = client
            client.ReadText() =! "-after"
            List.ofSeq results =! [ errors.Head; errors.Head ]
            errorsIn records =! []
            client.Transport.Abort())
    ]
