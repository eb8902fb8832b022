module FunctionalWs.Server.Tests.LogTests

open System
open System.Collections.Concurrent
open System.IO
open System.Reflection
open System.Text.RegularExpressions
open System.Threading
open Microsoft.Extensions.Logging
open Expecto
open Swensen.Unquote
open FunctionalWs
open FunctionalWs.Protocol
open FunctionalWs.Testing
open FunctionalWs.Server.Tests.Serve

/// Event id and level of every record that there can be.
let private events =
    typeof<Server>.Assembly.GetTypes()
    |> Array.collect
        _.GetMethods(
            BindingFlags.Instance
            ||| BindingFlags.Static
            ||| BindingFlags.Public
            ||| BindingFlags.NonPublic
        )
    |> Array.choose (fun method -> Option.ofObj (method.GetCustomAttribute<LoggerMessageAttribute>()))
    |> Array.map (fun event -> event.EventId, event.Level)
    |> Array.toList

/// A logger that no level is on for.
type private Off() =
    interface ILogger with
        member _.BeginScope(_: 'state) : IDisposable = null
        member _.IsEnabled _ = false
        member _.Log(_, _, _, _, _) = failwith "a record was made"

    interface ILoggerFactory with
        member logger.CreateLogger(_: string) = logger :> ILogger
        member _.AddProvider _ = ()
        member _.Dispose() = ()

/// Keeps what records there are, and the scopes that each is in, as they read then.
type private Scopes() =
    let records = ConcurrentQueue<struct (int * string list)>()
    let current = AsyncLocal<obj list>()

    let around () =
        match box current.Value with
        | null -> []
        | _ -> current.Value

    /// The scopes of the records with an id.
    member _.Of(id: int) = [
        for struct (found, scopes) in records do
            if found = id then
                scopes
    ]

    interface ILogger with
        member _.BeginScope(state: 'state) : IDisposable =
            let outer = around ()
            current.Value <- box state :: outer

            {
                new IDisposable with
                    member _.Dispose() = current.Value <- outer
            }

        member _.IsEnabled _ = true

        member _.Log(_, id: EventId, _, _, _) =
            records.Enqueue(struct (id.Id, List.map string (around ())))

    interface ILoggerFactory with
        member logger.CreateLogger(_: string) = logger :> ILogger
        member _.AddProvider _ = ()
        member _.Dispose() = ()

[<Tests>]
let logging =
    testList "logging" [
        testCase "every event id means one thing" (fun () ->
            let ids = events |> List.map fst
            ids |> List.countBy id |> List.filter (fun (_, count) -> count > 1) =! []
            test <@ ids.Length > 20 @>)

        testCase "the documentation lists every event with its level, and no other" (fun () ->
            let documented =
                File.ReadAllLines(Path.Combine(Programs.root, "docs", "logging.md"))
                |> Array.map (fun line -> Regex.Match(line, @"^\| (\d+) \| (\w+) \|"))
                |> Array.filter _.Success
                |> Array.map (fun found ->
                    int found.Groups[1].Value, Enum.Parse<LogLevel> found.Groups[2].Value)
                |> Array.toList

            documented =! List.sortBy fst events)

        testCase "nothing is made of a record whose level is off" (fun () ->
            use server = Serve.inMemory Serve.echo (ServerOptions(LoggerFactory = new Off()))
            use client = client server
            client.SendText "quiet"
            client.ReadText() =! "quiet"
            client.SendClose 1000
            client.Read() |> ignore
            client.Read() =! End)

        testCase "records of a connection tell which, also those of the watcher" (fun () ->
            let records = new ScopedRecords(LogLevel.Trace)
            let clock = FakeClock()

            let _, client, connection, release =
                connected (ServerOptions(LoggerFactory = records, TimeProvider = clock))

            use _ = release
            client.SendPing "p"B // answered by the watcher: the handler is busy
            client.Read() |> ignore
            client.SendClose 1000
            client.Read() |> ignore
            connection.WaitClosed Wait.limit =! true

            let ofFrames () =
                records.All |> List.filter (fun record -> record.Id = 40 || record.Id = 41)

            let id = string connection.Id
            Wait.until "two frames each way are told" (fun () -> ofFrames().Length >= 4)
            let ofFrames = ofFrames ()
            test <@ ofFrames |> List.forall (fun record -> record.Scope.Contains id) @>)

        testCase "records tell who the client is, as soon as that is known" (fun () ->
            let records = new Scopes()
            let hook = BasicAuth.Create("alice\u202E", "secret")
            let options = ServerOptions(LoggerFactory = records, ProcessRequest = hook)
            use server = InMemoryServer.Serve(Action<ServerConnection> Serve.echo, options)

            let credentials: BasicCredentials = {
                Username = "alice\u202E"
                Password = "secret"
            }

            use client = server.Connect(options = TestClientOptions(Credentials = credentials))
            client.Close() |> ignore
            Wait.until "the connection has closed" (fun () -> not (List.isEmpty (records.Of 21)))

            for id in [ 20; 21 ] do
                let scope = List.exactlyOne (List.exactlyOne (records.Of id))
                test <@ scope.EndsWith(@" alice\u202E", StringComparison.Ordinal) @>)

        testCase "records of a client without an address read well, and end with their last word" (fun () ->
            let records = new Records()

            use server =
                InMemoryServer.Serve(
                    Action<ServerConnection> Serve.echo,
                    ServerOptions(LoggerFactory = records)
                )

            use client = server.Connect()
            client.Close() |> ignore

            let texts () = [
                for struct (_, id, text) in records.All do
                    if id = 20 || id = 21 then
                        text
            ]

            Wait.until "the connection has closed" (fun () -> (texts ()).Length = 2)

            for text in texts () do
                test <@ text.Contains "with a client without an address" && text = text.TrimEnd() @>)

        testTheory
            "the application's records are in the connection's scope, once"
            [ "the handler's thread"; "another thread"; "a task"; "a message handler" ]
            (fun place ->
                let records = new Scopes()

                let log (connection: ServerConnection) =
                    connection.Logger.LogInformation("here")

                let handler: Action<ServerConnection> =
                    match place with
                    | "the handler's thread" -> Action<ServerConnection> log
                    | "another thread" ->
                        Action<ServerConnection>(fun connection ->
                            use _ = ExecutionContext.SuppressFlow()
                            let thread = Thread(fun () -> log connection)
                            thread.Start()
                            thread.Join())
                    | "a task" ->
                        MessageHandler.Converse(fun connection ->
                            task {
                                do! System.Threading.Tasks.Task.Yield()
                                log connection
                            })
                    | _ ->
                        MessageHandler.ForEach(
                            Action<ServerConnection, Message>(fun connection _ -> log connection)
                        )

                use server = InMemoryServer.Serve(handler, ServerOptions(LoggerFactory = records))
                use client = server.Connect()
                client.Send "a"
                Wait.until "it is logged" (fun () -> not (List.isEmpty (records.Of 0)))
                [ for scopes in records.Of 0 -> List.length scopes ] =! [ 1 ])

        for name, act in
            [
                "by the peer", (fun (client: PeerClient) -> client.SendClose 1000)
                "without a word", (fun client -> client.Transport.Abort())
                "by a broken rule", (fun client -> client.Write [| 0x83uy; 0x80uy |])
            ] do
            testCase $"a connection that ends {name} leaves one record that says so" (fun () ->
                let records = new Records()

                use server = Serve.inMemory Serve.echo (ServerOptions(LoggerFactory = records))

                let peer = client server
                act peer

                let closed () =
                    records.All |> List.filter (fun (struct (_, id, _)) -> id = 21)

                Wait.until "the client is told" (fun () -> peer.Transport.IsReadable)
                peer.Transport.Abort()
                Wait.until "the record is there" (fun () -> closed().Length = 1)
                server.Shutdown() =! 0
                closed().Length =! 1)

        testCase "the peer's reason is escaped" (fun () ->
            let records = new Records()

            use server = Serve.inMemory Serve.echo (ServerOptions(LoggerFactory = records))

            use client = client server

            client.WriteFrame(
                true,
                Opcode.Close,
                CloseStatus.Create(CloseCode.NormalClosure, "a\r\nb\u001b[31m\u2028").ToArray()
            )

            client.Read() |> ignore

            Wait.until "the record is there" (fun () ->
                records.All |> List.exists (fun (struct (_, id, _)) -> id = 21))

            let texts = records.All |> List.map (fun (struct (_, _, text)) -> text)
            test <@ texts |> List.exists _.Contains("a\\u000D\\u000Ab\\u001B[31m\\u2028") @>

            test
                <@
                    texts
                    |> List.forall (fun text -> not (text.Contains '\n') && not (text.Contains '\u001b'))
                @>)
    ]
