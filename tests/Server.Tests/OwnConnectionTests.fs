/// Connections of a class of the application's own, and their log.
module FunctionalWs.Server.Tests.OwnConnectionTests

open System
open System.Collections.Concurrent
open System.Threading
open Microsoft.Extensions.Logging
open Expecto
open FunctionalWs.TestKit
open Swensen.Unquote
open FunctionalWs
open FunctionalWs.Testing
open FunctionalWs.Server.Tests.Serve

type private Player(start: ConnectionStart) =
    inherit ServerConnection(start)
    let mutable moves = 0

    member player.Play() =
        for message in player.Messages do
            moves <- moves + 1
            player.Send $"{moves} {message.Text}"

let private playing (options: ServerOptions) =
    Server.ServeAs<Player>(
        (fun start -> new Player(start)),
        (fun player -> player.Play()),
        "127.0.0.1",
        0,
        options
    )

let private errorsOf (records: Records) =
    records.Of LogLevel.Error |> List.map (fun (struct (_, id, _)) -> id)

[<Tests>]
let connections =
    testList "a connection of a class of one's own" [
        testCase "is what its handler gets, over TCP" (fun () ->
            use server = playing defaults
            server.Start()
            use client = PeerClient.OverTcp server
            client.ShakeHands()
            client.SendText "e4"
            client.ReadText() =! "1 e4"
            client.SendText "e5"
            client.ReadText() =! "2 e5")

        testCase "is what hooks, routes, message handlers and the list of connections get" (fun () ->
            let seen = ConcurrentQueue<string>()

            let see (where: string) (connection: ServerConnection) =
                seen.Enqueue $"{where} {connection :? Player}"

            let options =
                ServerOptions(
                    CreateConnection = (fun start -> new Player(start)),
                    ProcessRequest =
                        ProcessRequest(fun connection _ ->
                            see "hook" connection
                            FunctionalWs.Protocol.Response.None)
                )

            let map =
                UrlMap(
                    [
                        Rule(
                            "/",
                            MessageHandler.ForEach(fun (connection: ServerConnection) (message: Message) ->
                                see "message" connection
                                see "list" (Seq.head connection.Server.Connections)
                                connection.Send message)
                        )
                    ]
                )

            use server = InMemoryServer.Route(map, options)
            use client = server.Connect()
            client.Send "x"
            client.Receive().Text =! "x"
            List.ofSeq seen =! [ "hook True"; "message True"; "list True" ])

        testCases
            "that can't be made costs its client alone: 503, and an error"
            [
                "throws", (fun (_: ConnectionStart) -> failwith "no")
                "is none", (fun _ -> null)
                "is another's",
                (let mutable first: ServerConnection = null

                 fun start ->
                     if isNull first then
                         first <- new Player(start)

                     first)
            ]
            (fun (name, create) ->
                let records = new Records()

                use server =
                    inMemory echo (ServerOptions(CreateConnection = create, LoggerFactory = records))

                if name = "is another's" then
                    (client server :> IDisposable).Dispose()

                use client = PeerClient.InMemory server
                client.Write PeerClient.Request
                test <@ client.ReadResponse().StartsWith("HTTP/1.1 503 ", StringComparison.Ordinal) @>
                Wait.until "it is told" (fun () -> errorsOf records = [ 18 ]))

        testCase "is made of a start once" (fun () ->
            let refused = ConcurrentQueue<exn>()

            let create (start: ConnectionStart) : ServerConnection =
                let made = new Player(start)

                refused.Enqueue(
                    Wait.throws<InvalidOperationException>(fun () -> new Player(start) |> ignore)
                )

                made

            use server = inMemory echo (ServerOptions(CreateConnection = create))
            use client = client server
            client.SendText "x"
            client.ReadText() =! "x"
            refused.Count =! 1)
    ]

[<Tests>]
let logs =
    testList "a connection's logger" [
        testCase
            "puts the connection into the scope of each record, on any thread, and keeps to the level"
            (fun () ->
                let records = new ScopedRecords(LogLevel.Information)

                let server, _, connection, release =
                    connected (ServerOptions(LoggerFactory = records))

                use _ = server
                use _ = release

                Wait.start (fun () ->
                    connection.Logger.LogInformation "mine"
                    connection.Logger.LogDebug "not wanted")
                |> Wait.forTask "the record"

                let expected = $"{connection.Id} {connection.RemoteEndPoint}"

                records.All
                |> List.filter (fun record -> record.Category = "FunctionalWs.Connection")
                |> List.map (fun record -> record.Scope, record.Text.TrimEnd())
                =! [ expected, "mine" ])
    ]
