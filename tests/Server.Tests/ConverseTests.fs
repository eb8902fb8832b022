/// Handlers that are tasks and ask for messages: in memory, where a thread waits for each connection, and over TCP, where none does.
module FunctionalWs.Server.Tests.ConverseTests

open System
open System.Collections.Generic
open System.Threading
open System.Threading.Tasks
open Microsoft.Extensions.Logging
open Expecto
open Swensen.Unquote
open FunctionalWs
open FunctionalWs.Protocol
open FunctionalWs.Server.Tests.Serve

let private faces: Map<string, (ServerConnection -> unit) -> ServerOptions -> Server * (unit -> PeerClient)> =
    Map [
        "in memory",
        (fun handler options ->
            let server = inMemory handler options
            server, fun () -> PeerClient.InMemory server)
        "over TCP",
        (fun handler options ->
            let server = overTcp handler options
            server, fun () -> PeerClient.OverTcp server)
    ]

let private onBoth
    (name: string)
    (run: ((ServerConnection -> Task) -> ServerOptions -> Server * (unit -> PeerClient)) -> unit)
    =
    testTheory name (Map.keys faces) (fun face ->
        run (fun handler options ->
            let server, connect =
                faces[face] (MessageHandler.Converse(Func<ServerConnection, Task> handler)).Invoke options

            let open' () =
                let client = connect ()
                client.ShakeHands()
                client

            server, open'))

/// Every message, by `await foreach`'s own members.
let private forEach (connection: ServerConnection) (act: Message -> Task) : Task =
    task {
        let messages = connection.GetAsyncEnumerator()
        let mutable goesOn = true

        while goesOn do
            let! hasNext = messages.MoveNextAsync()
            goesOn <- hasNext

            if hasNext then
                do! act messages.Current
    }

let private echo (connection: ServerConnection) : Task =
    forEach connection (fun message -> connection.SendAsync(message).AsTask())

let private caught (work: unit -> Task) : Task<exn> =
    task {
        try
            do! work ()
            return failwith "nothing was thrown"
        with error ->
            return error
    }

[<Tests>]
let receiving =
    testList "a conversation" [
        onBoth "gets each message in its turn, and goes on after the last one" (fun serve ->
            let ended = TaskCompletionSource<Nullable<int>>()

            let server, connect =
                defaults
                |> serve (fun connection ->
                    task {
                        do! echo connection
                        ended.SetResult connection.CloseCode
                    })

            use _ = server
            use client = connect ()

            for number in 1..300 do
                client.SendText $"{number}"

            for number in 1..300 do
                client.ReadText() =! $"{number}"

            client.SendClose 1000
            Wait.forTask "its end" ended.Task =! Nullable 1000)

        onBoth
            "goes on, in a loop over messages, where one was read: nobody else is woken for it"
            (fun serve ->
                let server, connect =
                    defaults
                    |> serve (fun connection ->
                        forEach connection (fun _ ->
                            connection.SendAsync($"{connection.IsOwnThread}").AsTask()))

                use _ = server
                use client = connect ()

                for _ in 1..20 do
                    client.SendText "who reads?"
                    client.ReadText() =! "True")

        onBoth "is a loop over the messages that either of two tokens ends" (fun serve ->
            let ended = TaskCompletionSource<bool list>()

            let server, connect =
                defaults
                |> serve (fun connection ->
                    task {
                        let mutable told = []

                        for isFirst in [ true; false ] do
                            use one = new CancellationTokenSource()
                            use other = new CancellationTokenSource()

                            let messages =
                                connection.MessagesAsync(one.Token).GetAsyncEnumerator(other.Token)

                            let next = messages.MoveNextAsync().AsTask()
                            (if isFirst then one else other).Cancel()
                            let! error = caught (fun () -> next)
                            do! messages.DisposeAsync()
                            told <- (error :? OperationCanceledException) :: told

                        ended.SetResult told
                    })

            use _ = server
            use client = connect ()
            Wait.forTask "its end" ended.Task =! [ true; true ]
            client.SendClose 1000)

        onBoth "throws at the end of the connection, after the messages that had come" (fun serve ->
            let asked = new SemaphoreSlim(0)
            let heard = TaskCompletionSource<string * exn>()

            let server, connect =
                defaults
                |> serve (fun connection ->
                    task {
                        do! asked.WaitAsync()
                        let! first = connection.ReceiveAsync()
                        let! second = connection.ReceiveAsync()
                        let! error = caught (fun () -> connection.ReceiveAsync().AsTask())
                        heard.SetResult($"{first.Text}{second.Text}", error)
                    })

            use _ = server
            use client = connect ()
            client.SendText "a"
            client.SendText "b"
            client.SendClose 4001
            asked.Release() |> ignore
            let text, error = Wait.forTask "the end" heard.Task
            text =! "ab"
            (error :?> ConnectionClosedErrorException).Received.Number =! 4001)

        onBoth "loses no message when a call is cancelled, and the connection stays" (fun serve ->
            use stop = new CancellationTokenSource()
            let cancelled = TaskCompletionSource<exn>()

            let server, connect =
                defaults
                |> serve (fun connection ->
                    task {
                        let! error = caught (fun () -> connection.ReceiveAsync(stop.Token).AsTask())
                        cancelled.SetResult error
                        let! late = caught (fun () -> connection.ReceiveAsync(stop.Token).AsTask())
                        test <@ late :? OperationCanceledException @>
                        do! echo connection
                    })

            use _ = server
            use client = connect ()
            stop.Cancel()
            test <@ (Wait.forTask "the cancelling" cancelled.Task) :? OperationCanceledException @>
            client.SendText "still here"
            client.ReadText() =! "still here")

        onBoth "gets a message or is cancelled, never both, and in order" (fun serve ->
            let count = 500

            let server, connect =
                defaults
                |> serve (fun connection ->
                    task {
                        let mutable seen = 0

                        while seen < count do
                            let stop = new CancellationTokenSource()
                            let asking = connection.ReceiveAsync stop.Token
                            ThreadPool.UnsafeQueueUserWorkItem((fun _ -> stop.Cancel()), null) |> ignore

                            try
                                let! message = asking
                                seen <- seen + 1
                                do! connection.SendAsync message
                            with :? OperationCanceledException ->
                                ()
                    })

            use _ = server
            use client = connect ()

            for number in 1..count do
                client.SendText $"{number}"

            for number in 1..count do
                client.ReadText() =! $"{number}"

            client.Read() =! Closed(CloseStatus.Create(CloseCode.NormalClosure, "")))

        onBoth
            "is closed with 1000 when its task ends, wherever that is, and with 1011 when it fails"
            (fun serve ->
                for fails in [ false; true ] do
                    let goOn = TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously)
                    use logs = new Records()

                    let server, connect =
                        ServerOptions(LoggerFactory = logs)
                        |> serve (fun _ ->
                            task {
                                do! goOn.Task

                                if fails then
                                    failwith "a bug"
                            })

                    use _ = server
                    use client = connect ()
                    client.SendText "nobody asks for it"
                    goOn.SetResult()
                    let code = if fails then 1011 else 1000
                    client.Read() =! Closed(CloseStatus.Create(CloseCode.Create code, ""))
                    client.SendClose code

                    Wait.until "the log" (fun () -> not (List.isEmpty (logs.Of LogLevel.Error)) = fails))

        onBoth
            "fails when it ends by a cancelling of its own, and not by that of its connection"
            (fun serve ->
                for isOwn in [ true; false ] do
                    use logs = new Records()
                    use stop = new CancellationTokenSource()

                    let server, connect =
                        ServerOptions(LoggerFactory = logs)
                        |> serve (fun connection ->
                            task {
                                let token = if isOwn then stop.Token else connection.Closed
                                let! message = connection.ReceiveAsync token
                                do! connection.SendAsync message
                            })

                    use _ = server
                    use client = connect ()

                    if isOwn then
                        stop.Cancel()
                        client.Read() =! Closed(CloseStatus.Create(CloseCode.InternalError, ""))
                    else
                        client.SendClose 1000
                        client.Read() =! Closed(CloseStatus.Create(CloseCode.NormalClosure, ""))

                    Wait.until "the log" (fun () -> not (List.isEmpty (logs.Of LogLevel.Error)) = isOwn))

        onBoth
            "is waited for, also when its peer has left: until then the connection has its place"
            (fun serve ->
                let goOn = TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously)

                let told = TaskCompletionSource<exn>()
                let count = ref 0

                let server, connect =
                    ServerOptions(MaxConnections = 1)
                    |> serve (fun connection ->
                        task {
                            let! error = caught (fun () -> connection.ReceiveAsync().AsTask())

                            if Interlocked.Increment count = 1 then
                                told.SetResult error
                                do! goOn.Task
                        })

                use _ = server
                let client = connect ()
                client.Transport.Dispose()
                test <@ (Wait.forTask "the end" told.Task) :? ConnectionClosedErrorException @>

                let isLetIn () =
                    try
                        use _ = connect ()
                        true
                    with _ ->
                        false

                isLetIn () =! false
                goOn.SetResult()
                Wait.until "it has left" isLetIn)

        onBoth "asks once at a time, and leaves the blocking calls to others" (fun serve ->
            let found = TaskCompletionSource<exn * exn>()

            let server, connect =
                defaults
                |> serve (fun connection ->
                    task {
                        let first = connection.ReceiveAsync().AsTask()
                        let! twice = caught (fun () -> connection.ReceiveAsync().AsTask())
                        let! blocking = caught (fun () -> task { connection.Receive() |> ignore })
                        found.SetResult(twice, blocking)
                        let! message = first
                        do! connection.SendAsync message
                    })

            use _ = server
            use client = connect ()
            let twice, blocking = Wait.forTask "both errors" found.Task
            test <@ twice :? ConcurrencyException && blocking :? InvalidOperationException @>
            client.SendText "x"
            client.ReadText() =! "x")

        testCase "is no blocking handler's" (fun () ->
            let server, outcome =
                defaults
                |> handling (fun connection -> connection.ReceiveAsync().AsTask().Result |> ignore)

            use _ = server
            use _ = client server
            test <@ (fails outcome) :? InvalidOperationException @>)

        testCase "takes no thread while it waits" (fun () ->
            let server, connect =
                faces["over TCP"]
                    (MessageHandler.Converse(Func<ServerConnection, Task> echo)).Invoke
                    defaults

            use _ = server

            let threads () =
                Diagnostics.Process.GetCurrentProcess().Threads.Count

            let clients = [
                for _ in 1..150 ->
                    let client = connect ()
                    client.ShakeHands()
                    client.SendText "x"
                    client.ReadText() =! "x"
                    client
            ]

            Wait.until "few threads" (fun () -> threads () < 150)

            for client in clients do
                (client :> IDisposable).Dispose())

        onBoth "is told of a shutdown as a normal end" (fun serve ->
            let ended = TaskCompletionSource<Nullable<int>>()

            let server, connect =
                defaults
                |> serve (fun connection ->
                    task {
                        do! echo connection
                        ended.SetResult connection.CloseCode
                    })

            use _ = server
            use client = connect ()
            let stopping = Wait.start (fun () -> server.Shutdown() |> ignore)
            client.Read() =! Closed(CloseStatus.Create(CloseCode.GoingAway, ""))
            client.SendClose 1001
            Wait.forTask "its end" ended.Task =! Nullable 1001
            (Wait.forTask "the shutdown" stopping) |> ignore)
    ]

[<Tests>]
let sending =
    testList "sending in a conversation" [
        onBoth "sends texts, bytes and messages, in the order of the calls" (fun serve ->
            let server, connect =
                defaults
                |> serve (fun connection ->
                    task {
                        do! connection.SendAsync "text"
                        do! connection.SendAsync(ReadOnlyMemory "bytes"B)
                        do! connection.SendAsync(ReadOnlyMemory "UTF-8"B, MessageKind.Text)
                        do! connection.SendAsync(Message(String('m', 100_000)))
                        connection.Send "blocking"
                        do! connection.SendAsync "last"
                    })

            use _ = server
            use client = connect ()
            client.ReadText() =! "text"
            client.Read() =! Data(Opcode.Binary, true, "bytes"B)
            client.ReadText() =! "UTF-8"
            client.ReadText().Length =! 100_000
            client.ReadText() =! "blocking"
            client.ReadText() =! "last")

        onBoth
            "sends in the order of the calls, also where nobody waits for one before the next"
            (fun serve ->
                let count = 300

                let server, connect =
                    defaults
                    |> serve (fun connection ->
                        task {
                            let sending = [
                                for number in 1..count ->
                                    connection.SendAsync(String('x', 2_000) + $" {number}").AsTask()
                            ]

                            let! _ = Task.WhenAll sending
                            ()
                        })

                use _ = server
                use client = connect ()

                for number in 1..count do
                    client.ReadText().Split(' ')[1] =! $"{number}")

        onBoth "throws at once on a connection that is closing, and blocks nobody" (fun serve ->
            let outcome = TaskCompletionSource<exn>()

            let server, connect =
                defaults
                |> serve (fun connection ->
                    task {
                        connection.BeginClose(CloseCode.GoingAway, "")
                        let! error = caught (fun () -> connection.SendAsync("x").AsTask())
                        outcome.SetResult error
                    })

            use _ = server
            use client = connect ()
            test <@ (Wait.forTask "the error" outcome.Task) :? ConnectionClosedException @>
            // The peer has not answered yet.
            client.Read() =! Closed(CloseStatus.Create(CloseCode.GoingAway, ""))
            client.SendClose 1001)

        testCase "waits without a thread while nobody reads; cancelled, it has sent nothing" (fun () ->
            use stop = new CancellationTokenSource()
            let waits = TaskCompletionSource<int>()
            let cancelled = TaskCompletionSource<exn>()

            let server =
                inMemory
                    (MessageHandler.Converse(fun connection ->
                        task {
                            let mutable sent = 0
                            let mutable sending = ValueTask()

                            while sending.IsCompletedSuccessfully do
                                sent <- sent + 1
                                sending <- connection.SendAsync(String('x', 1_000), stop.Token)

                            waits.SetResult(sent - 1)
                            let! error = caught (fun () -> sending.AsTask())
                            cancelled.SetResult error
                            do! connection.SendAsync "end"
                        }
                        :> Task))
                        .Invoke
                    defaults

            use _ = server
            let struct (atServer, atClient) = MemoryTransport.CreatePair 5_000
            server.Admit atServer
            use client = new PeerClient(atClient)
            client.ShakeHands()
            let sent = Wait.forTask "it to wait" waits.Task
            test <@ sent >= 5 && sent < 100 @>
            stop.Cancel()
            test <@ (Wait.forTask "the cancelling" cancelled.Task) :? OperationCanceledException @>

            for _ in 1..sent do
                client.ReadText().Length =! 1_000

            client.ReadText() =! "end")

        testCase "throws when the connection closes while it waits" (fun () ->
            let ended = TaskCompletionSource<exn>()

            let server =
                inMemory
                    (MessageHandler.Converse(fun connection ->
                        task {
                            let! error =
                                caught (fun () ->
                                    task {
                                        while true do
                                            do! connection.SendAsync(String('x', 1_000))
                                    })

                            ended.SetResult error
                        }
                        :> Task))
                        .Invoke
                    defaults

            use _ = server
            let struct (atServer, atClient) = MemoryTransport.CreatePair 5_000
            server.Admit atServer
            let client = new PeerClient(atClient)
            client.ShakeHands()
            Wait.until "it waits" (fun () -> server.Connections |> Seq.exists _.IsBlocked)
            client.Transport.Abort()
            test <@ (Wait.forTask "its end" ended.Task) :? ConnectionClosedErrorException @>)
    ]
