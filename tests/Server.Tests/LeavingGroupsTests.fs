/// Connections leave their groups by themselves, and nothing stays of who has left.
module FunctionalWs.Server.Tests.LeavingGroupsTests

open System
open System.Runtime.CompilerServices
open System.Threading
open System.Threading.Tasks
open Expecto
open Swensen.Unquote
open FunctionalWs
open FunctionalWs.Server.Tests.Audience
open FunctionalWs.Server.Tests.Serve

/// Groups that a connection was in, and has left by itself; nobody else knows them.
[<MethodImpl(MethodImplOptions.NoInlining)>]
let private forgotten (connection: ServerConnection) : WeakReference =
    let groups = Groups()
    groups["a"].Add connection |> ignore
    groups["b"].Add connection |> ignore
    groups["a"].Remove connection |> ignore
    groups["b"].Remove connection |> ignore
    WeakReference groups

[<Tests>]
let leaving =
    testList "Groups: leaving" [
        testTheory
            "by itself, all groups, however the connection ends"
            [ "client closes"; "client is gone"; "server closes"; "shutdown" ]
            (fun way ->
                let groups = Groups()
                use audience = new Audience(2)
                let clients, connections = audience.Clients, audience.Connections

                for name in hostile do
                    for connection in connections do
                        groups[name].Add connection =! true

                match way with
                | "client closes" ->
                    for client in clients do
                        client.SendClose 1000
                | "client is gone" ->
                    for client in clients do
                        client.Transport.Abort()
                | "server closes" ->
                    for client, connection in Array.zip clients connections do
                        let closing = Wait.start (fun () -> connection.Close())
                        client.Read() |> ignore
                        client.Transport.Abort()
                        Wait.forTask "the closing" closing
                | _ ->
                    let stopping = Wait.start (fun () -> audience.Server.Shutdown())

                    for client in clients do
                        client.Read() |> ignore
                        client.Transport.Abort()

                    Wait.forTask "the shutdown" stopping |> ignore

                Wait.until "nothing is left" (fun () -> isEmpty groups connections)

                for connection in connections do
                    groups["late"].Add connection =! false

                isEmpty groups connections =! true)

        testCase "2,000 visitors of 2,000 rooms leave none behind" (fun () ->
            let rooms = Groups()

            use server =
                defaults
                |> inMemory (fun connection ->
                    let room = rooms[connection.Receive().Text]
                    room.Add connection |> ignore
                    connection.Send $"you are in the {room.Name}, {room.Count} in all"
                    Seq.iter (fun (message: Message) -> room.Send message |> ignore) connection.Messages)

            for i in 1..2_000 do
                use client = client server
                client.SendText $"room {i}"
                client.ReadText() =! $"you are in the room {i}, 1 in all"

            Wait.until "nothing is left" (fun () -> rooms.Count = 0))

        testCase "while it joins: nothing stays of a connection that ends meanwhile" (fun () ->
            let groups = Groups()
            use audience = new Audience(60)

            for client, connection in Array.zip audience.Clients audience.Connections do
                use start = new Barrier(3)

                let joining (prefix: string) =
                    Wait.start (fun () ->
                        groups[prefix].Add connection =! true
                        start.SignalAndWait Wait.limit |> ignore

                        for i in 1..200 do
                            groups[$"{prefix}{i % 20}"].Add connection |> ignore

                            if i % 3 = 0 then
                                groups[$"{prefix}{i % 20}"].Remove connection |> ignore)

                let joined = [ joining "a"; joining "b" ]
                start.SignalAndWait Wait.limit |> ignore
                client.Transport.Abort()

                for task in joined do
                    Wait.forTask "the joining" task

            Wait.until "nothing is left" (fun () -> isEmpty groups audience.Connections))

        testCase "between the look at whether it is open and the joining: nothing stays" (fun () ->
            let groups = Groups()
            use audience = new Audience(1)
            let connection = audience.Connections[0]
            let closed = connection.Closed
            audience.Clients[0].Transport.Abort()
            Wait.until "it is told" (fun () -> closed.IsCancellationRequested)
            groups.Join("a", connection, closed) |> ignore
            isEmpty groups [ connection ] =! true)

        testCase "and coming back, then ending: nothing stays" (fun () ->
            let groups = Groups()
            use audience = new Audience(1)
            let clients, connections = audience.Clients, audience.Connections

            for _ in 1..3 do
                groups["a"].Add connections[0] =! true
                groups["b"].Add connections[0] =! true
                groups.Remove connections[0] =! true
                groups.Remove connections[0] =! false

            groups["a"].Add connections[0] =! true
            clients[0].Transport.Abort()
            Wait.until "nothing is left" (fun () -> isEmpty groups connections))

        testCase "of its own accord: a connection keeps no groups that it has left" (fun () ->
            use audience = new Audience(1)
            let connections = audience.Connections
            let groups = forgotten connections[0]

            Wait.until "they are collected" (fun () ->
                GC.Collect()
                not groups.IsAlive)

            connections[0].State =! ConnectionState.Open)

        testCase "before it was open: a client that is rejected leaves none" (fun () ->
            let groups = Groups()
            let added = TaskCompletionSource<bool>()

            let options =
                ServerOptions(
                    ProcessRequest =
                        ProcessRequest(fun connection _ ->
                            added.SetResult(groups["a"].Add connection)
                            connection.Respond(403, "no"))
                )

            use server = inMemory Serve.echo options
            use client = PeerClient.InMemory server
            client.Write PeerClient.Request
            client.ReadToEnd() |> ignore
            Wait.forTask "the hook" added.Task |> ignore
            client.Transport.Abort()
            Wait.until "nothing is left" (fun () -> groups.Count = 0))
    ]
