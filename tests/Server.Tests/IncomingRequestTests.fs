/// Requests from a client: how they are answered, and what becomes of those that aren't.
module FunctionalWs.Server.Tests.IncomingRequestTests

open System
open System.Text.Json.Serialization.Metadata
open Microsoft.Extensions.Logging
open Expecto
open Swensen.Unquote
open FunctionalWs
open FunctionalWs.Protocol
open FunctionalWs.Server.Tests.Serve
open FunctionalWs.Server.Tests.Talk

let private answering =
    testList "from the client" [
        testCase "are answered with text, bytes, a value or a failure, once" (fun () ->
            use talk = new Talk()
            talk.Client.SendText "?7 what?"
            let request = talk.Request()
            (request.Id, request.Message) =! (7L, Message "what?")
            request.ToString() =! "Request 7: Text (5 bytes)"
            request.Answer "that" =! true
            talk.Client.ReadText() =! "!7 that"

            (request.Answer "again", request.Fail "again", request.Answer({ Value = 1 }, answer))
            =! (false, false, false)

            talk.Client.WriteFrame(true, Opcode.Binary, Array.append "?0 "B [| 0xFFuy |])
            let request = talk.Request()
            request.Message =! Message(ReadOnlyMemory [| 0xFFuy |])
            request.Answer(Message(ReadOnlyMemory [| 0xFEuy |])) =! true

            talk.Client.Read()
            =! Data(Opcode.Binary, true, Array.append "!0 "B [| 0xFEuy |])

            talk.Client.SendText """?9223372036854775807 {"what":"a"}"""
            let request = talk.Request()
            request.Message.Json question =! { What = "a" }
            request.Answer({ Value = 1 }, answer) =! true
            talk.Client.ReadText() =! """!9223372036854775807 {"value":1}"""
            talk.Client.SendText "?8 "
            (talk.Request()).Fail "don't know" =! true
            talk.Client.ReadText() =! "-8 don't know"
            talk.IsSettled =! true)

        testCase "can be answered after the fragments between which it couldn't" (fun () ->
            use talk = new Talk(RequestChannelOptions(AnswerTimeout = seconds 3.0))
            talk.Client.SendText "?7 what?"
            let request = talk.Request()

            let parts =
                seq {
                    "a"
                    raises<ConcurrencyException> <@ request.Answer "that" @>
                    raises<ConcurrencyException> <@ request.Answer({ Value = 1 }, answer) @>
                    raises<ConcurrencyException> <@ request.Fail "why" @>
                    "b"
                }

            talk.Connection.Send parts

            for part, isLast in [ "a", false; "b", false; "", true ] do
                let opcode = if part = "a" then Opcode.Text else Opcode.Continuation
                talk.Client.Read() =! Data(opcode, isLast, Text.Encoding.UTF8.GetBytes part)

            request.Answer "that" =! true
            talk.Client.ReadText() =! "!7 that"
            talk.IsSettled =! true)

        testCase "not in time: the client is told, the work is told, and a late answer is not sent" (fun () ->
            use talk = new Talk(RequestChannelOptions(AnswerTimeout = seconds 3.0))
            talk.Client.SendText "?7 what?"
            let request = talk.Request()
            let expired = request.Expired
            talk.Clock.Advance(seconds 2.999)
            expired.IsCancellationRequested =! false
            talk.Clock.Advance(seconds 0.001)
            talk.Client.ReadText() =! "-7 timed out"
            Wait.until "the work is told" (fun () -> expired.IsCancellationRequested)
            request.Expired.IsCancellationRequested =! true
            (request.Answer "late", request.Fail "late") =! (false, false)
            talk.Connection.Send "next"
            talk.Client.ReadText() =! "next"
            talk.IsSettled =! true)

        testCase "of a client that leaves: the work is told, and nothing is kept" (fun () ->
            use talk = new Talk()
            talk.Client.SendText "?7 what?"
            talk.Client.SendText "?8 what?"
            let request, unseen = talk.Request(), talk.Request()
            let expired = request.Expired
            talk.Client.Transport.Abort()
            Wait.until "the work is told" (fun () -> expired.IsCancellationRequested)
            Wait.until "nothing is kept" (fun () -> talk.IsSettled)
            request.Answer "late" =! false
            unseen.Expired.IsCancellationRequested =! true)

        testCase "that are answered keep their token as it is" (fun () ->
            use talk = new Talk()
            talk.Client.SendText "?7 what?"
            let request = talk.Request()
            let before = request.Expired
            request.Answer "that" =! true
            talk.Clock.Advance(seconds 100.0)
            talk.Client.Transport.Abort()
            Wait.until "it is over" (fun () -> talk.Connection.Closed.IsCancellationRequested)

            (before.IsCancellationRequested, request.Expired.IsCancellationRequested)
            =! (false, false))

        testCase "beyond a number fail at once; each that is answered makes room" (fun () ->
            use talk = new Talk(RequestChannelOptions(MaxUnanswered = 2))

            for i in 1..3 do
                talk.Client.SendText $"?{i} x"

            talk.Client.ReadText() =! "-3 too many requests"
            (talk.Request()).Answer "first" =! true
            talk.Client.ReadText() =! "!1 first"
            talk.Client.SendText "?4 x"
            [ (talk.Request()).Id; (talk.Request()).Id ] =! [ 2L; 4L ])

        testCase "that can't be answered so can be answered otherwise" (fun () ->
            use talk = new Talk()
            talk.Client.SendText "?7 what?"
            let request = talk.Request()
            let lone = string (char 0xD800)

            for refused in
                [
                    fun () -> request.Answer lone
                    fun () -> request.Fail lone
                    fun () -> request.Answer({ Value = 1 }, Unchecked.defaultof<JsonTypeInfo<Answer>>)
                ] do
                Wait.throws<ArgumentException>(fun () -> refused () |> ignore) |> ignore

            request.Answer "that" =! true
            talk.Client.ReadText() =! "!7 that")

        testCase "whose work throws when it is told: that is recorded, and ends nothing" (fun () ->
            use talk = new Talk()
            talk.Client.SendText "?7 what?"
            let request = talk.Request()
            request.Expired.Register(fun () -> failwith "the work") |> ignore
            talk.Clock.Advance(seconds 10.0)
            talk.Client.ReadText() =! "-7 timed out"

            Wait.until "it is recorded" (fun () ->
                talk.Records.Of LogLevel.Error
                |> List.exists (fun (struct (_, id, _)) -> id = 9))

            talk.Settle())

        testCase "may be lent, in a handler for messages" (fun () ->
            let handler =
                MessageHandler.ForEach(
                    Func<ServerConnection, MessageHandler>(fun connection ->
                        let channel = RequestChannel connection

                        {
                            new MessageHandler() with
                                member _.Received(connection, message) =
                                    match channel.TryTake message with
                                    | false, _ -> connection.Send message
                                    | true, null -> connection.Send "a response"
                                    | true, request -> request.Answer request.Message |> ignore
                        })
                )

            use server = overTcp handler.Invoke defaults
            use client = PeerClient.OverTcp server
            client.ShakeHands()

            for sent, expected in [ "?1 a", "!1 a"; "other", "other"; "!1 x", "a response" ] do
                client.SendText sent
                client.ReadText() =! expected)
    ]

let private frames =
    testList "messages" [
        testCase "of other kinds are not the channel's" (fun () ->
            use talk = new Talk()

            for other in
                [
                    ""
                    "hello"
                    "?"
                    "?1"
                    "? 1"
                    "?x 1"
                    "?1x 1"
                    "?-1 x"
                    "?+1 x"
                    " ?1 x"
                    "??1 x"
                    "*1 x"
                    "?9223372036854775808 x"
                    "?00000000000000000001 x"
                    "?1\tx"
                    """{"id":1}"""
                ] do
                talk.Client.SendText other
                talk.Other() =! other

            talk.IsSettled =! true)

        testCase "that answer nothing are taken, and change nothing" (fun () ->
            use talk = new Talk()

            for stray in [ "!1 x"; "-1 x"; "!0 "; "!9223372036854775807 x" ] do
                talk.Client.SendText stray

            talk.Settle()
            talk.IsSettled =! true)
    ]

[<Tests>]
let incoming = testList "Requests from the client" [ answering; frames ]
