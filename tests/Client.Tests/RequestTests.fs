/// Requests over a client's connection: the same channel as on a server's.
module FunctionalWs.Client.Tests.RequestTests

open System
open Expecto
open Swensen.Unquote
open FunctionalWs
open FunctionalWs.Server.Tests

let private direct = ClientOptions(Proxy = null)

/// Answers what is asked; asks whatever it is told, and sends what it hears.
let private serving () =
    let handle (connection: ServerConnection) =
        let channel = RequestChannel connection

        for message in connection do
            match channel.TryTake message with
            | true, null -> ()
            | true, request -> request.Answer $"you asked: {request.Message.Text}" |> ignore
            | false, _ ->
                channel
                    .AskAsync(message)
                    .ContinueWith(fun (answer: Threading.Tasks.Task<Message>) ->
                        connection.Send $"you said: {answer.Result.Text}")
                |> ignore

    let server = Server.Serve(handle, "127.0.0.1", 0)
    server.Start()
    server

[<Tests>]
let tests =
    testList "requests of a client" [
        testCase "are answered, and those of the server, too; other messages go between" (fun () ->
            use server = serving ()
            use connection = Client.Connect($"ws://{server.LocalEndPoint}/", direct)
            let channel = RequestChannel connection
            let heard = new Collections.Concurrent.BlockingCollection<string>()

            let receiving =
                Wait.start (fun () ->
                    for message in connection do
                        match channel.TryTake message with
                        | true, null -> ()
                        | true, request -> request.Answer "42" |> ignore
                        | false, _ -> heard.Add message.Text)

            channel.Ask(Message "a").Text =! "you asked: a"
            channel.Ask(Message "b").Text =! "you asked: b"
            connection.Send "what is it?"
            let mutable said = null
            heard.TryTake(&said, Wait.limit) =! true
            said =! "you said: 42"
            connection.Close()
            Wait.forTask "the end" receiving)

        testCase "fail at the connection's end, and one too many is refused by the client" (fun () ->
            use server = serving ()
            use connection = Client.Connect($"ws://{server.LocalEndPoint}/", direct)
            let channel = RequestChannel(connection, RequestChannelOptions(MaxUnanswered = 1))

            for _ in 1..2 do
                connection.Send "?"

            let mutable request = null
            channel.TryTake(connection.Receive Wait.limit, &request) =! true
            let first = request
            channel.TryTake(connection.Receive Wait.limit, &request) =! true
            test <@ isNull request && not (isNull first) @>
            server.Dispose()
            raises<ConnectionClosedException> <@ channel.Ask(Message "a", Nullable Wait.limit) @>)
    ]
