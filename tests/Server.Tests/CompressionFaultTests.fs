/// What compression's native part must survive.
module FunctionalWs.Server.Tests.CompressionFaultTests

open System
open System.Threading
open System.Threading.Tasks
open Expecto
open Swensen.Unquote
open FunctionalWs
open FunctionalWs.Protocol
open FunctionalWs.Server.Tests.Compressed
open FunctionalWs.Server.Tests.Serve

let private name = "permessage-deflate"

/// Everything that idle streams of all kinds in this process may hold, and those of tests that have not ended.
let private poolLimit = 64L * 1024L * 1024L

/// Ways in which a client leaves.
let private endings: (PeerClient -> Sender -> unit) list = [
    fun client _ -> client.SendClose 1000
    fun client _ -> client.Transport.Abort()
    fun client _ -> client.Transport.ShutdownSend()
    fun client _ -> client.WriteMarked(ReservedBits.Rsv1, true, Opcode.Text, hex "FF FF FF")
    fun client sender ->
        client.WriteMarked(ReservedBits.Rsv1, false, Opcode.Binary, sender.Part(json 1 500, false))
        client.Transport.Abort()
    fun client _ -> client.WriteMarked(ReservedBits.Rsv1, true, Opcode.Ping, [||])
]

type private NoRoom() =
    let fail () : unit = raise (OutOfMemoryException())

    interface Buffers.IBufferWriter<byte> with
        member _.Advance _ = ()

        member _.GetMemory _ =
            fail ()
            Memory()

        member _.GetSpan _ =
            fail ()
            Span()

[<Tests>]
let faults =
    testSequenced (
        testList "faults of compressed connections" [
            testCase "C6: nothing is left of connections, in whatever way they end" (fun () ->
                use server =
                    inMemory
                        (fun connection ->
                            try
                                for message in connection do
                                    connection.Send message
                            with :? ConnectionClosedException ->
                                ())
                        defaults

                let before = NativeHeap.InUse

                for round in 1..200 do
                    for ending in endings do
                        use client = PeerClient.InMemory server
                        client.Offer name |> ignore
                        use sender = new Sender(15)
                        let data = json round 300
                        client.WriteMarked(ReservedBits.Rsv1, true, Opcode.Binary, sender.Message data)
                        client.ReadMarked() |> ignore
                        ending client sender

                server.Shutdown() |> ignore

                // 1,200 connections had some 200 KiB each.
                Wait.until "all is given back" (fun () -> NativeHeap.InUse - before < poolLimit / 8L))

            testCase "a connection whose compressor failed leaves nothing of its message to others" (fun () ->
                let secret = noise 1 100_000
                let isDone = TaskCompletionSource<unit>()

                let handler (connection: ServerConnection) =
                    if isDone.Task.IsCompleted then
                        connection.Send("next"B, compress = true)
                    else
                        // As if memory was short while it compresses.
                        Wait.throws<OutOfMemoryException>(fun () ->
                            connection.Deflate.Encode(ReadOnlySpan secret, true, new NoRoom()))
                        |> ignore

                use server = inMemory handler defaults

                use first = PeerClient.InMemory server
                first.Offer name |> ignore
                Wait.until "the first has ended" (fun () -> server.Occupied = 0)
                isDone.SetResult()

                for _ in 1..3 do
                    use next = PeerClient.InMemory server
                    next.Offer name |> ignore
                    let _, _, payload = next.ReadMarked()
                    use receiver = new Receiver(15)
                    receiver.Message payload =! Message "next"B)

            testCase
                "C5: who sends while others close, cut and broadcast gets through or is told; nothing crashes"
                (fun () ->
                    let unexpected = Collections.Concurrent.ConcurrentQueue<exn>()
                    let data = json 1 700

                    for round in 1..60 do
                        let found = TaskCompletionSource<ServerConnection>()

                        use server =
                            inMemory
                                (fun connection ->
                                    found.SetResult connection

                                    try
                                        Seq.iter ignore connection.Messages
                                    with :? ConnectionClosedException ->
                                        ())
                                defaults

                        use client = PeerClient.InMemory server
                        client.Offer name |> ignore
                        let connection = Wait.forTask "the handler" found.Task
                        use start = new ManualResetEventSlim(false)

                        let at (work: unit -> unit) =
                            Wait.start (fun () ->
                                Wait.forEvent "the start" start

                                try
                                    work ()
                                with
                                | :? ConnectionClosedException -> ()
                                | error -> unexpected.Enqueue error)

                        // While a fragmented message is being sent, others are refused.
                        let refusable (send: unit -> unit) =
                            try
                                send ()
                            with :? ConcurrencyException ->
                                ()

                        let senders = [
                            for _ in 1..6 ->
                                at (fun () ->
                                    while true do
                                        refusable (fun () -> connection.Send data))
                        ]

                        let others = [
                            at (fun () ->
                                for _ in 1..20 do
                                    Broadcast.Send([ connection ], ReadOnlySpan data) |> ignore)
                            at (fun () ->
                                for _ in 1..20 do
                                    refusable (fun () -> connection.Send [ "one"; "two" ]))
                        ]

                        let reader =
                            Wait.start (fun () ->
                                try
                                    for _ in 1 .. round * 3 do
                                        client.ReadMarked() |> ignore

                                    match round % 3 with
                                    | 0 -> client.Transport.Abort()
                                    | 1 -> connection.Abort(TimeoutException())
                                    | _ ->
                                        client.SendClose 1000

                                        while true do
                                            client.ReadMarked() |> ignore
                                with _ ->
                                    ())

                        start.Set()

                        for task in senders @ others @ [ reader ] do
                            Wait.forTask "everybody to be done" task

                    List.ofSeq unexpected =! [])
        ]
    )
