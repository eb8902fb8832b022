/// What a client brings about in the application's code is no error of the server's; what the application does wrong is.
module FunctionalWs.Server.Tests.ClientsDoingTests

open System
open System.Diagnostics
open System.Net
open System.Net.Sockets
open System.Reflection
open System.Threading
open System.Threading.Tasks
open Microsoft.Extensions.Logging
open Expecto
open Swensen.Unquote
open FunctionalWs
open FunctionalWs.Protocol
open FunctionalWs.Server.Tests.Serve

let private closedRecord = 21
let private endedRecord = 43
let private refusedRecord = 44

let private idsOf (level: LogLevel) (records: Records) =
    records.Of level |> List.map (fun (struct (_, id, _)) -> id)

/// What is recorded of a connection whose client does something; the first thing that it reads, too.
let private recordsOf (act: PeerClient -> 'a) (handler: ServerConnection -> unit) =
    let records = new Records()
    // Text is not validated, so that a handler finds what is none.
    use server =
        inMemory handler (ServerOptions(LoggerFactory = records, ValidateText = false))

    use client = client server
    let read = act client
    client.Transport.Abort()

    Wait.until "the connection has closed" (fun () ->
        records.All |> List.exists (fun (struct (_, id, _)) -> id = closedRecord))

    read, records

let private isNoError (records: Records) =
    let isQuiet =
        List.forall (fun (struct (level, _, _)) -> level < LogLevel.Warning) records.All

    test <@ isQuiet @>

let private codeOf (wire: Wire) =
    match wire with
    | Closed status -> status.Number
    | other -> failwith $"%A{other} came"

/// Messages that have no text.
let private unreadable (kind: MessageKind) (client: PeerClient) =
    client.WriteFrame(
        true,
        (if kind = MessageKind.Text then
             Opcode.Text
         else
             Opcode.Binary),
        [| 0xFFuy |]
    )

    codeOf (client.Read())

let private waitFor (token: CancellationToken) =
    Task.Delay(-1, token).GetAwaiter().GetResult()

[<Tests>]
let clientsDoing =
    testList "what a client brings about" [
        testTheory
            "a message without text, of which a handler wants the text: 1003 for bytes, 1007 for a text, told without a stack"
            [ MessageKind.Binary, 1003; MessageKind.Text, 1007 ]
            (fun (kind, expected) ->
                let code, records =
                    recordsOf (unreadable kind) (fun connection -> connection.Receive().Text |> ignore)

                code =! expected
                isNoError records
                test <@ idsOf LogLevel.Information records |> List.contains refusedRecord @>
                records.Exceptions =! [])

        testTheory
            "the same of a fragment, or wrapped on its way"
            [ "fragment"; "aggregate"; "invocation"; "own exception" ]
            (fun way ->
                let code, records =
                    recordsOf (unreadable MessageKind.Binary) (fun connection ->
                        match way with
                        | "fragment" ->
                            for fragment in connection.ReceiveStreaming() do
                                fragment.Text |> ignore
                        | "aggregate" -> Task.Run(fun () -> connection.Receive().Text |> ignore).Wait()
                        | "invocation" ->
                            let error =
                                Wait.throws<NotTextException>(fun () -> connection.Receive().Text |> ignore)

                            raise (TargetInvocationException error)
                        | _ ->
                            let error =
                                Wait.throws<NotTextException>(fun () -> connection.Receive().Text |> ignore)

                            raise (InvalidOperationException("can't go on", error)))

                code =! 1003
                isNoError records)

        testTheory
            "it leaves, and a handler ends in its own way"
            [ "token"; "linked token"; "aggregate"; "invocation"; "both"; "receive" ]
            (fun way ->
                let leave (client: PeerClient) = client.Transport.Abort()

                let _, records =
                    recordsOf leave (fun connection ->
                        let closed () =
                            Wait.throws<ConnectionClosedException>(fun () -> connection.Receive() |> ignore)

                        match way with
                        | "token" -> waitFor connection.Closed
                        | "linked token" ->
                            use other = new CancellationTokenSource()

                            use both =
                                CancellationTokenSource.CreateLinkedTokenSource(
                                    connection.Closed,
                                    other.Token
                                )

                            waitFor both.Token
                        | "aggregate" -> Task.Run(fun () -> connection.Receive() |> ignore).Wait()
                        | "invocation" -> raise (TargetInvocationException(closed ()))
                        | "both" ->
                            let error = closed () :> exn
                            raise (AggregateException(error, OperationCanceledException connection.Closed))
                        | _ -> connection.Receive() |> ignore)

                isNoError records
                test <@ idsOf LogLevel.Debug records |> List.contains endedRecord @>)

        testCase "it says nothing until a receive is over: 1008" (fun () ->
            let code, records =
                recordsOf (fun client -> codeOf (client.Read())) (fun connection ->
                    connection.Receive TimeSpan.Zero |> ignore)

            code =! 1008
            isNoError records)

        testTheory
            "a header comes twice that a hook or a handler takes for one: it throws nothing"
            [ "request"; "response"; "subprotocol"; "handler" ]
            (fun where ->
                let records = new Records()
                let found = TaskCompletionSource<string>()

                let ask at (connection: ServerConnection) =
                    if at = where then
                        found.SetResult(connection.Request.Headers.Get "X-A")

                let options =
                    ServerOptions(
                        LoggerFactory = records,
                        ProcessRequest =
                            ProcessRequest(fun connection _ ->
                                ask "request" connection
                                Response.None),
                        ProcessResponse =
                            ProcessResponse(fun connection _ _ ->
                                ask "response" connection
                                Response.None),
                        SelectSubprotocol =
                            SelectSubprotocol(fun connection _ ->
                                ask "subprotocol" connection
                                null)
                    )

                use server = inMemory (ask "handler") options
                use client = PeerClient.InMemory server
                client.Write(PeerClient.Request.Replace("Upgrade:", "X-A: 1\r\nX-A: 2\r\nUpgrade:"))
                client.ReadResponse() |> ignore
                Wait.forTask "the value" found.Task =! "1, 2"
                codeOf (client.Read()) =! 1000
                isNoError records)

        testTheory
            "what is not its doing stays an error"
            [
                "own token"
                "own fault beside it"
                "another's end"
                "another's message"
                "another's fragment"
                "own message"
                "timeout"
            ]
            (fun way ->
                let _, other, otherConnection, release = connected (ServerOptions())
                use _ = release
                other.WriteFrame(true, Opcode.Binary, [| 0xFFuy |])
                let notText = Lazy<Message>(fun () -> otherConnection.Receive())

                let fragment =
                    Lazy<Fragment>(fun () -> Seq.head (otherConnection.ReceiveStreaming()))

                if way = "another's message" then
                    notText.Force() |> ignore
                elif way = "another's fragment" then
                    fragment.Force() |> ignore

                other.Transport.Abort()
                otherConnection.WaitClosed Wait.limit =! true

                let _, records =
                    recordsOf (fun client -> client.Read()) (fun connection ->
                        match way with
                        | "own token" -> waitFor (CancellationToken true)
                        | "own fault beside it" ->
                            let error =
                                Wait.throws<TimeoutException>(fun () ->
                                    connection.Receive TimeSpan.Zero |> ignore)

                            raise (AggregateException(error, InvalidOperationException()))
                        | "another's end" -> otherConnection.Send "late"
                        | "another's message" -> notText.Value.Text |> ignore
                        | "another's fragment" -> fragment.Value.Text |> ignore
                        | "own message" -> Message(ReadOnlyMemory [| 0xFFuy |]).Text |> ignore
                        | _ -> raise (TimeoutException()))

                idsOf LogLevel.Error records =! [ 24 ])

        testCase "a client's own name on a Unix socket is escaped, in records and scopes and spans" (fun () ->
            let evil = "\000evil\nERROR: forged \u001b[31m"
            let records = new Records()
            let spans = Collections.Concurrent.ConcurrentQueue<Activity>()

            use listener =
                new ActivityListener(
                    ShouldListenTo = (fun source -> source.Name = "FunctionalWs"),
                    Sample = SampleActivity<ActivityContext>(fun _ -> ActivitySamplingResult.AllData),
                    ActivityStopped = Action<Activity>(fun span -> spans.Enqueue span)
                )

            ActivitySource.AddActivityListener listener
            let told = TaskCompletionSource<string * string>()

            let handler (connection: ServerConnection) =
                let scope = ConnectionScope connection
                let pairs = [ for pair in scope -> String.Concat(pair.Value) ]
                told.SetResult(connection.ToString(), String.Join(' ', scope.ToString() :: pairs))

            let path = String.Concat("@functionalws-", Guid.NewGuid().ToString())

            use server =
                Server.UnixServe(
                    Action<ServerConnection> handler,
                    path,
                    ServerOptions(LoggerFactory = records)
                )

            server.Start()

            use socket =
                new Socket(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified)

            socket.Bind(UnixDomainSocketEndPoint evil)
            socket.Connect server.LocalEndPoint
            use client = new PeerClient(new SocketTransport(socket))
            client.ShakeHands()
            let text, scope = Wait.forTask "the handler" told.Task
            client.Read() |> ignore
            client.SendClose 1000

            Wait.until "the span is there" (fun () ->
                spans |> Seq.exists (fun span -> span.OperationName = "FunctionalWs.Connection"))

            let mine =
                spans
                |> Seq.collect (fun span -> span.TagObjects |> Seq.map (fun tag -> String.Concat tag.Value))
                |> Seq.filter _.Contains("forged")
                |> List.ofSeq

            test <@ mine <> [] @>

            let all = text :: scope :: mine @ [ for struct (_, _, text) in records.All -> text ]

            test <@ all |> List.exists _.Contains("evil\\u000AERROR") @>

            test
                <@
                    all
                    |> List.forall (fun text -> not (text.Contains '\n' || text.Contains '\u001b'))
                @>)
    ]
