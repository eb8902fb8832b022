/// The spans of opening handshakes and connections. Each test has a trace of its own, which its client names.
module FunctionalWs.Server.Tests.SpanTests

open System
open System.Collections.Concurrent
open System.Collections.Generic
open System.Diagnostics
open System.Net
open System.Threading.Tasks
open Expecto
open Swensen.Unquote
open FunctionalWs
open FunctionalWs.Protocol
open FunctionalWs.Server.Tests.Serve

/// Listens to the spans of one trace.
type private Spans() =
    let ended = ConcurrentQueue<Activity>()
    let trace = ActivityTraceId.CreateRandom()

    let listener =
        new ActivityListener(
            ShouldListenTo = (fun source -> source.Name = "FunctionalWs"),
            Sample =
                SampleActivity<ActivityContext>(fun options ->
                    if options.TraceId = trace then
                        ActivitySamplingResult.AllDataAndRecorded
                    else
                        ActivitySamplingResult.None),
            ActivityStopped =
                (fun activity ->
                    if activity.TraceId = trace then
                        ended.Enqueue activity)
        )

    do ActivitySource.AddActivityListener listener

    let named (name: string) (activity: Activity) =
        activity.OperationName = $"FunctionalWs.{name}"

    member _.TraceId = trace

    /// The line of a request that names the trace.
    member _.Parent = $"traceparent: 00-{trace}-00f067aa0ba902b7-01"

    member _.All = List.ofSeq ended

    /// The one span of a name, once it has ended.
    member spans.One(name: string) : Activity =
        Wait.until $"a {name} has ended" (fun () -> List.exists (named name) spans.All)
        spans.All |> List.filter (named name) |> List.exactlyOne

    interface IDisposable with
        member _.Dispose() = listener.Dispose()

let private tagsOf (activity: Activity) =
    Map [ for tag in activity.TagObjects -> tag.Key, string tag.Value ]

let private receiving (connection: ServerConnection) = Seq.iter ignore connection.Messages

/// Opens a connection and closes it.
let private visit (server: Server) (request: string) =
    use client = PeerClient.InMemory server
    client.Write request
    let head = client.TryReadResponse()

    if head |> Option.exists _.Contains(" 101 ") then
        client.SendClose 1000
        client.Read() |> ignore

[<Tests>]
let spans =
    testList "a span" [
        testCase "of a handshake and one of its connection have the standard's attributes" (fun () ->
            use spans = new Spans()

            use server =
                Server.Serve(Action<ServerConnection> receiving, "127.0.0.1", 0, defaults)

            server.Start()
            use client = PeerClient.OverTcp server

            (Exchange.webSocket [ spans.Parent; "User-Agent: test/1" ])
                .Replace("/chat", "/chat?token=secret")
            |> client.Write

            client.ReadResponse() |> ignore
            client.SendClose 1000
            let handshake = spans.One "Handshake"
            let connection = spans.One "Connection"

            for span in [ handshake; connection ] do
                span.Kind =! ActivityKind.Server
                span.Status =! ActivityStatusCode.Unset

            handshake.DisplayName =! "GET"
            connection.DisplayName =! "websocket"
            let changing = [ "client.port"; "network.peer.port"; "functionalws.connection.id" ]

            let steady (span: Activity) =
                changing |> List.fold (fun tags name -> Map.remove name tags) (tagsOf span)

            let port = (server.LocalEndPoint :?> IPEndPoint).Port

            let common = [
                "network.protocol.name", "websocket"
                "url.scheme", "ws"
                "url.path", "/chat"
                "user_agent.original", "test/1"
                "client.address", "127.0.0.1"
                "network.peer.address", "127.0.0.1"
                "server.address", "127.0.0.1"
                "server.port", string port
            ]

            steady handshake
            =! Map [
                yield! common
                "http.request.method", "GET"
                "http.response.status_code", "101"
                "functionalws.handshake.outcome", "accepted"
            ]

            steady connection
            =! Map [
                yield! common
                "functionalws.close.code", "1000"
                "functionalws.close.initiator", "client"
            ])

        testCase "of a connection is its handshake's child, which is the child of the client's" (fun () ->
            use spans = new Spans()
            use server = Serve.inMemory receiving defaults
            visit server (Exchange.webSocket [ spans.Parent; "tracestate: a=b" ])
            let handshake = spans.One "Handshake"
            let connection = spans.One "Connection"
            string handshake.ParentSpanId =! "00f067aa0ba902b7"
            handshake.HasRemoteParent =! true
            handshake.TraceStateString =! "a=b"
            connection.ParentSpanId =! handshake.SpanId
            connection.TraceId =! spans.TraceId)

        testCase "is the current one in hooks and in the handler" (fun () ->
            use spans = new Spans()
            let inHook = TaskCompletionSource<string>()
            let inHandler = TaskCompletionSource<string>()

            let nameOfCurrent () =
                match Activity.Current with
                | null -> "none"
                | current -> current.OperationName

            use server =
                ServerOptions(
                    ProcessRequest =
                        (fun _ _ ->
                            inHook.SetResult(nameOfCurrent ())
                            Unchecked.defaultof<Response>)
                )
                |> Serve.inMemory (fun connection ->
                    inHandler.SetResult(nameOfCurrent ())
                    receiving connection)

            visit server (Exchange.webSocket [ spans.Parent ])
            Wait.forTask "the hook" inHook.Task =! "FunctionalWs.Handshake"
            Wait.forTask "the handler" inHandler.Task =! "FunctionalWs.Connection"
            spans.One "Connection" |> ignore)

        testCase "is named after the rule that took the request, never after its path" (fun () ->
            use spans = new Spans()
            let map = UrlMap [ Rule("/room/<id>", Action<ServerConnection> receiving) ]
            let router = Router map

            use server =
                ServerOptions(
                    ProcessRequest = (fun connection request -> router.ProcessRequest(connection, request))
                )
                |> Serve.inMemory (fun connection -> router.Handle connection)

            visit server ((Exchange.webSocket [ spans.Parent ]).Replace("/chat", "/room/7"))
            (spans.One "Handshake").DisplayName =! "GET /room/<id>"
            let connection = spans.One "Connection"
            connection.DisplayName =! "websocket /room/<id>"
            (tagsOf connection)["http.route"] =! "/room/<id>"
            (tagsOf connection)["url.path"] =! "/room/7")

        testCase "tells of a rejected handshake, which is no error" (fun () ->
            use spans = new Spans()
            use server = Serve.inMemory receiving defaults
            visit server $"BREW /pot HTTP/1.1\r\nHost: a\r\n{spans.Parent}\r\n\r\n"
            let handshake = spans.One "Handshake"
            let tags = tagsOf handshake
            tags["http.request.method"] =! "_OTHER"
            tags["functionalws.handshake.outcome"] =! "rejected"
            handshake.DisplayName =! "HTTP"
            handshake.Status =! ActivityStatusCode.Unset
            tags.ContainsKey "error.type" =! false
            spans.All.Length =! 1)

        testCase "is an error when the application's code fails" (fun () ->
            use spans = new Spans()

            use failing =
                ServerOptions(ProcessRequest = fun _ _ -> raise (FormatException "no"))
                |> Serve.inMemory receiving

            visit failing (Exchange.webSocket [ spans.Parent ])

            use server =
                defaults |> Serve.inMemory (fun _ -> raise (InvalidOperationException "no"))

            use client = PeerClient.InMemory server
            use others = new Spans()
            client.Write(Exchange.webSocket [ others.Parent ])
            client.ReadResponse() |> ignore
            client.Read() |> ignore
            client.SendClose 1011

            for span, kind in
                [
                    spans.One "Handshake", "System.FormatException"
                    others.One "Connection", "System.InvalidOperationException"
                ] do
                span.Status =! ActivityStatusCode.Error
                (tagsOf span)["error.type"] =! kind)

        testCase "is no error when the peer breaks the rules or vanishes" (fun () ->
            for act in
                [
                    fun (client: PeerClient) -> client.Write [| 0x83uy; 0x80uy |]
                    fun client -> client.Transport.ShutdownSend()
                ] do
                use spans = new Spans()
                use server = Serve.inMemory receiving defaults
                use client = PeerClient.InMemory server
                client.Write(Exchange.webSocket [ spans.Parent ])
                client.ReadResponse() |> ignore
                act client
                client.Transport.ShutdownSend()
                let connection = spans.One "Connection"
                connection.Status =! ActivityStatusCode.Unset
                (tagsOf connection).ContainsKey "error.type" =! false)

        testTheory
            "has no parent where the request names none that is well-formed"
            [
                "traceparent: 00-00000000000000000000000000000000-00f067aa0ba902b7-01"
                "traceparent: 00-0af7651916cd43dd8448eb211c80319c-0000000000000000-01"
                "traceparent: ff-0af7651916cd43dd8448eb211c80319c-00f067aa0ba902b7-01"
                "traceparent: 00-0AF7651916CD43DD8448EB211C80319C-00F067AA0BA902B7-01"
                "traceparent: 00-0af7651916cd43dd8448eb211c80319c-00f067aa0ba902b7"
                "traceparent: nonsense"
                "traceparent:"
                "tracestate: a=b"
                "traceparent: 00-0af7651916cd43dd8448eb211c80319c-00f067aa0ba902b7-01\r\n"
                + "traceparent: 00-0af7651916cd43dd8448eb211c80319c-00f067aa0ba902b7-01"
            ]
            (fun line ->
                // Not known by its trace, so the client's name tells whose it is.
                let agent = string (Guid.NewGuid())
                let found = TaskCompletionSource<Activity>()

                use listener =
                    new ActivityListener(
                        ShouldListenTo = (fun source -> source.Name = "FunctionalWs"),
                        Sample =
                            SampleActivity<ActivityContext>(fun options ->
                                let isOurs (tag: KeyValuePair<string, obj>) =
                                    tag.Key = "user_agent.original" && string tag.Value = agent

                                if Seq.exists isOurs options.Tags then
                                    ActivitySamplingResult.AllData
                                else
                                    ActivitySamplingResult.None),
                        ActivityStopped =
                            (fun activity ->
                                if
                                    activity.OperationName = "FunctionalWs.Handshake"
                                    && string (activity.GetTagItem "user_agent.original") = agent
                                then
                                    found.TrySetResult activity |> ignore)
                    )

                ActivitySource.AddActivityListener listener
                use server = Serve.inMemory receiving defaults
                visit server (Exchange.webSocket [ line; $"User-Agent: {agent}" ])
                let handshake = Wait.forTask "the span" found.Task
                handshake.ParentId =! null
                handshake.HasRemoteParent =! false)

        testCase "has what the peer wrote only escaped and cut, and no endless state" (fun () ->
            use spans = new Spans()
            use server = Serve.inMemory receiving defaults
            let long = String('x', 5_000)

            let request =
                Exchange.webSocket [ spans.Parent; $"tracestate: a={long}"; $"User-Agent: \u0085{long}" ]

            visit server (request.Replace("/chat", $"/%%0A{long}"))

            for span in [ spans.One "Handshake"; spans.One "Connection" ] do
                span.TraceStateString =! null

                for tag in tagsOf span do
                    let value = tag.Value
                    test <@ value.Length <= 257 && not (Seq.exists Char.IsControl value) @>)
    ]

[<Tests>]
let costs =
    testSequenced (
        testList "a span that nobody wants" [
            testCase "is not made, and costs no memory" (fun () ->
                let _, _, connection, release = connected defaults
                use _ = release
                let request = nonNull connection.Request

                let isMade () =
                    not (isNull (FunctionalWs.Spans.StartHandshake(connection, request, TimeSpan.Zero)))
                    || not (isNull (FunctionalWs.Spans.StartConnection(connection, Nullable())))

                isMade () =! false

                let allocatedIn (_: int) =
                    let before = GC.GetAllocatedBytesForCurrentThread()

                    for _ in 1..1_000 do
                        isMade () |> ignore

                    GC.GetAllocatedBytesForCurrentThread() - before

                // A collection counts the rest of a thread's 8 KiB as allocated: the best round is without one.
                Seq.min (List.map allocatedIn [ 1..5 ]) =! 0L)
        ]
    )
