/// Requests to a client: what is sent, who gets which response, and how each wait ends.
module FunctionalWs.Server.Tests.RequestTests

open System
open System.Text.Json.Serialization.Metadata
open System.Threading
open System.Threading.Tasks
open Microsoft.Extensions.Logging
open Expecto
open FsCheck.FSharp
open Swensen.Unquote
open FunctionalWs
open FunctionalWs.Protocol
open FunctionalWs.Testing
open FunctionalWs.Server.Tests.Serve
open FunctionalWs.Server.Tests.Talk

let private asking =
    testList "to the client" [
        testCase "carry a number, and text or bytes; the response comes back to who waits" (fun () ->
            use talk = new Talk()
            let text = talk.Channel.AskAsync(Message "what?")
            talk.Client.ReadText() =! "?1 what?"
            let bytes = talk.Channel.AskAsync(Message(ReadOnlyMemory [| 0xFFuy |]))

            talk.Client.Read()
            =! Data(Opcode.Binary, true, Array.append "?2 "B [| 0xFFuy |])

            talk.Client.WriteFrame(true, Opcode.Binary, Array.append "!2 "B [| 0xFEuy |])
            talk.Client.SendText "!1 that"
            Wait.forTask "the text" text =! Message "that"
            Wait.forTask "the bytes" bytes =! Message(ReadOnlyMemory [| 0xFEuy |])
            Wait.until "nothing is kept" (fun () -> talk.IsSettled))

        testTheory
            "can't be waited for by the thread that receives, which is told so at once"
            [ "foreach"; "messages"; "conversation" ]
            (fun face ->
                let error = TaskCompletionSource<exn>()

                let ask (channel: RequestChannel) =
                    error.SetResult(
                        Wait.throws<InvalidOperationException>(fun () -> channel.Ask(Message "x") |> ignore)
                    )

                let handler: Action<ServerConnection> =
                    match face with
                    | "foreach" ->
                        Action<ServerConnection>(fun connection ->
                            let channel = RequestChannel connection

                            for message in connection do
                                if not (fst (channel.TryTake message)) then
                                    ask channel)
                    | "messages" ->
                        MessageHandler.ForEach(
                            Action<ServerConnection, Message>(fun connection _ ->
                                ask (RequestChannel connection))
                        )
                    | _ ->
                        MessageHandler.Converse(fun connection ->
                            ask (RequestChannel connection)
                            Task.CompletedTask)

                use server =
                    InMemoryServer.Serve(handler, ServerOptions(TimeProvider = ManualTimeProvider()))

                use client = server.Connect()
                client.Send "go on"
                let error = Wait.forTask "the error" error.Task
                test <@ error.Message.Contains "AskAsync" @>)

        testCase "in vain where nobody receives are the application's fault" (fun () ->
            let clock = ManualTimeProvider()
            let records = new Records()

            let handler =
                Action<ServerConnection>(fun connection ->
                    (RequestChannel connection).Ask(Message "who?") |> ignore)

            use server =
                InMemoryServer.Serve(
                    handler,
                    ServerOptions(TimeProvider = clock, LoggerFactory = records, PingInterval = Nullable())
                )

            use client = server.Connect()
            client.Receive(Wait.limit).Text =! "?1 who?"
            clock.WaitForTimers(1)
            clock.Advance(seconds 10.0)

            (client.WaitClosed Wait.limit |> Option.ofObj |> Option.map _.Number)
            =! Some 1011

            let error = server.HandlerExceptions[0]
            test <@ (error :? TimeoutException) && error.Message.Contains "Nobody has received" @>)

        testCase "in JSON, blocking and not" (fun () ->
            use talk = new Talk()
            let channel = talk.Channel
            let blocking = Wait.start (fun () -> channel.Ask({ What = "a" }, question, answer))
            talk.Client.ReadText() =! """?1 {"what":"a"}"""
            talk.Client.SendText """!1 {"value":1}"""
            Wait.forTask "the answer" blocking =! { Value = 1 }
            let other = channel.AskAsync({ What = "b" }, question, answer)
            talk.Client.ReadText() =! """?2 {"what":"b"}"""
            talk.Client.SendText """!2 {"value":2}"""
            Wait.forTask "the answer" other =! { Value = 2 })

        testCase "any number at a time, answered in any order: each gets its own" (fun () ->
            let property =
                Prop.forAll (Gen.shuffle [| 1..20 |] |> Arb.fromGen) (fun order ->
                    use talk = new Talk()

                    let asked = [
                        for i in 1..20 do
                            let asked = talk.Channel.AskAsync(Message $"q{i}")
                            talk.Client.ReadText() =! $"?{i} q{i}"
                            asked
                    ]

                    for i in order do
                        talk.Client.SendText $"!{i} a{i}"

                    [ for task in asked -> (Wait.forTask "an answer" task).Text ]
                    =! [ for i in 1..20 -> $"a{i}" ])

            FsCheck.Check.One(
                FsCheck.Config.QuickThrowOnFailure.WithQuietOnSuccess(true).WithMaxTest 10,
                property
            ))

        testTheory
            "in vain: a TimeoutException at its time, and a late response is none"
            [ true; false ]
            (fun isOwn ->
                use talk = new Talk()

                let asked =
                    if isOwn then
                        talk.Channel.AskAsync(Message "x", seconds 3.0)
                    else
                        talk.Channel.AskAsync(Message "x")

                talk.Client.ReadText() =! "?1 x"
                talk.Settle() // somebody receives: else that is told, too
                let limit = if isOwn then 3.0 else 10.0
                talk.Clock.Advance(seconds (limit - 0.001))
                asked.IsCompleted =! false
                talk.Clock.Advance(seconds 0.001)
                let error = failure asked
                test <@ error :? TimeoutException @>
                error.Message =! $"Request 1 was not answered within 00:00:{limit:``00``}."
                talk.Client.SendText "!1 late"
                talk.Settle()
                talk.IsSettled =! true)

        testCase "without a limit they wait for as long as the connection lives" (fun () ->
            use talk = new Talk(RequestChannelOptions(Timeout = Nullable()))
            let none = talk.Channel.AskAsync(Message "x")
            let infinite = talk.Channel.AskAsync(Message "x", Timeout.InfiniteTimeSpan)
            talk.Clock.Advance(TimeSpan.FromDays 100.0)
            (none.IsCompleted, infinite.IsCompleted) =! (false, false)
            talk.Client.Transport.Abort()

            for asked in [ none; infinite ] do
                let error = failure asked
                test <@ error :? ConnectionClosedException @>

            Wait.until "nothing is kept" (fun () -> talk.IsSettled))

        testCase "that fail: the reason is the client's, escaped in the text" (fun () ->
            use talk = new Talk()
            let asked = talk.Channel.AskAsync(Message "x")
            talk.Client.SendText "-1 no\n\u202E"

            match failure asked with
            | :? RequestFailedException as error ->
                error.Reason =! "no\n\u202E"

                error.Message
                =! @"The peer has answered the request with a failure: no\u000A\u202E"
            | error -> raise error)

        testCase "after the end, or while it is near: ConnectionClosedException" (fun () ->
            use talk = new Talk()
            let channel, connection = talk.Channel, talk.Connection
            talk.Client.Transport.Abort()
            Wait.until "it is over" (fun () -> connection.Closed.IsCancellationRequested)
            let error = failure (channel.AskAsync(Message "x"))
            test <@ error :? ConnectionClosedException @>

            Wait.throws<ConnectionClosedException>(fun () -> channel.Ask(Message "x") |> ignore)
            |> ignore

            Wait.until "nothing is kept" (fun () -> talk.IsSettled))

        testCase "cancelled: the wait ends, the connection doesn't" (fun () ->
            use talk = new Talk()
            use cancel = new CancellationTokenSource()
            let asked = talk.Channel.AskAsync(Message "x", cancellationToken = cancel.Token)
            talk.Client.ReadText() =! "?1 x"
            cancel.Cancel()
            let error = failure asked
            test <@ error :? OperationCanceledException @>

            test
                <@
                    (failure (talk.Channel.AskAsync(Message "x", cancellationToken = cancel.Token)))
                        :? OperationCanceledException
                @>

            talk.Client.SendText "!1 late"
            talk.Settle()
            talk.IsSettled =! true)

        testTheory
            "that a client lets down are no error of the handler's that asks"
            [ "silence"; "no"; "no JSON"; "another shape" ]
            (fun way ->
                let records = new Records()
                let clock = ManualTimeProvider()
                let taken = TaskCompletionSource<bool>()

                use server =
                    ServerOptions(TimeProvider = clock, LoggerFactory = records, PingInterval = Nullable())
                    |> inMemory (fun connection ->
                        let channel = RequestChannel connection
                        let asked = channel.AskAsync({ What = "a" }, question, answer)
                        channel.TryTake(connection.Receive()) |> ignore
                        taken.SetResult true
                        asked.GetAwaiter().GetResult() |> ignore)

                use client = client server
                client.ReadText() =! """?1 {"what":"a"}"""

                match way with
                | "silence" ->
                    client.SendText "not the answer"
                    Wait.forTask "it to be received" taken.Task =! true // else the handler is told that nobody has
                    clock.Advance(seconds 10.0)
                | "no" -> client.SendText "-1 no"
                | "no JSON" -> client.SendText "!1 {"
                | _ -> client.SendText "!1 {}"

                let expected =
                    match way with
                    | "silence"
                    | "no" -> 1008
                    | "no JSON" -> 1007
                    | _ -> 1003

                match client.Read() with
                | Closed status -> status.Number =! expected
                | other -> failwith $"{other}"

                client.Transport.Abort()
                Wait.until "it has gone" (fun () -> server.Occupied = 0)
                (records.Of LogLevel.Error).Length =! 0)
    ]

let private own =
    testList "in a protocol of one's own" [
        testCase "wait for their responses by number" (fun () ->
            use talk = new Talk()
            let pending = PendingRequests<int> talk.Connection
            let asked = pending.AskAsync(fun id -> talk.Connection.Send $"own {id}")
            let other = pending.AskAsync(fun id -> talk.Connection.Send $"own {id}")
            talk.Client.ReadText() =! "own 1"
            talk.Client.ReadText() =! "own 2"
            pending.Count =! 2

            (pending.TryAnswer(3L, 0), pending.TryAnswer(1L, 7), pending.TryAnswer(1L, 8))
            =! (false, true, false)

            Wait.forTask "the answer" asked =! 7

            (pending.TryFail(2L, InvalidOperationException "no"),
             pending.TryFail(2L, InvalidOperationException()))
            =! (true, false)

            (failure other).Message =! "no"
            Wait.until "none is pending" (fun () -> pending.Count = 0))

        testCase "that could not be sent throw that, and are not pending" (fun () ->
            use talk = new Talk()
            let pending = PendingRequests<int> talk.Connection

            Wait.throws<InvalidOperationException>(fun () ->
                pending.Ask((fun _ -> invalidOp "not sent"), seconds 1.0) |> ignore)
            |> ignore

            (failure (pending.AskAsync(fun _ -> invalidOp "not sent"))).Message
            =! "not sent"

            pending.Count =! 0
            talk.IsSettled =! true)

        testCase "answered before they are sent get that" (fun () ->
            use talk = new Talk()
            let pending = PendingRequests<int> talk.Connection
            pending.Ask(fun id -> pending.TryAnswer(id, 5) |> ignore) =! 5)
    ]

let private mistakes =
    testList "mistakes" [
        testCase "are named" (fun () ->
            use talk = new Talk()
            let connection, channel = talk.Connection, talk.Channel
            let pending = PendingRequests<int> connection

            let named (name: string) (call: unit -> unit) =
                (Wait.throws<ArgumentException> call).ParamName =! name

            let negative = seconds -1.0
            named "connection" (fun () -> RequestChannel null |> ignore)
            named "connection" (fun () -> PendingRequests<int> null |> ignore)
            named "send" (fun () -> pending.Ask null |> ignore)
            named "error" (fun () -> pending.TryFail(1L, null) |> ignore)
            named "timeout" (fun () -> channel.Ask(Message "x", negative) |> ignore)

            named "responseType" (fun () ->
                channel.Ask({ What = "" }, question, (null: JsonTypeInfo<Answer>)) |> ignore)

            let options (settings: RequestChannelOptions) () =
                RequestChannel(connection, settings) |> ignore

            named "Timeout" (options (RequestChannelOptions(Timeout = negative)))
            named "AnswerTimeout" (options (RequestChannelOptions(AnswerTimeout = negative)))
            named "MaxUnanswered" (options (RequestChannelOptions(MaxUnanswered = 0))))
    ]

[<Tests>]
let requests = testList "Requests" [ asking; own; mistakes ]
