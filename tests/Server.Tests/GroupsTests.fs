/// Named sets of connections: who gets what is sent to them, and what is kept with a group.
module FunctionalWs.Server.Tests.GroupsTests

open System
open System.Text.Json
open System.Text.Json.Serialization.Metadata
open System.Threading
open System.Threading.Tasks
open Expecto
open FsCheck.FSharp
open Swensen.Unquote
open FunctionalWs
open FunctionalWs.Protocol
open FunctionalWs.Server.Tests.Audience
open FunctionalWs.Server.Tests.Serve

let private namesOf (groups: Group seq) =
    [ for group in groups -> group.Name ] |> List.sort

let private integers =
    JsonSerializerOptions(TypeInfoResolver = DefaultJsonTypeInfoResolver())

let private integer = integers.GetTypeInfo typeof<int> :?> JsonTypeInfo<int>

let private sending =
    testList "Send" [
        testCase "reaches the members alone, as a broadcast does: text, bytes, messages, values" (fun () ->
            use audience = new Audience(3)
            let clients, connections = audience.Clients, audience.Connections
            let room = Groups()["tea"]

            for connection in connections[..1] do
                room.Add connection =! true

            let results = [
                room.Send "text"
                room.Send(ReadOnlySpan [| 1uy |])
                room.Send(Message "message")
                room.Send(7, integer)
            ]

            [ for result in results -> result.Sent, result.Skipped.Count ]
            =! [ 2, 0; 2, 0; 2, 0; 2, 0 ]

            for client in clients[..1] do
                client.ReadText() =! "text"
                client.Read() =! Data(Opcode.Binary, true, [| 1uy |])
                client.ReadText() =! "message"
                client.ReadText() =! "7"

            Broadcast.Send(connections, "all") |> ignore
            clients[2].ReadText() =! "all")

        testCase "to all but one, since a group is a sequence" (fun () ->
            use audience = new Audience(2)
            let clients, connections = audience.Clients, audience.Connections
            let room = Groups()["tea"]

            for connection in connections do
                room.Add connection =! true

            let others = room |> Seq.filter (fun member' -> member' <> connections[0])
            (Broadcast.Send(others, "not to you")).Sent =! 1
            (room.Send "to all").Sent =! 2
            clients[0].ReadText() =! "to all"
            clients[1].ReadText() =! "not to you")

        testCase "to a group that nobody is in reaches nobody, and makes no group" (fun () ->
            let groups = Groups()
            (groups["tea"].Send "x").Sent =! 0
            (groups["tea"].Count, groups.Count) =! (0, 0))

        testCase "calls a filter without a lock: it may look at the groups from another thread" (fun () ->
            let groups = Groups()

            let filter =
                CompressionFilter(fun _ _ _ ->
                    Wait.forTask "the other thread" (Wait.start (fun () -> groups["tea"].Count)) = 1)

            use server =
                ServerOptions(Compression = PerMessageDeflate(Filter = filter))
                |> inMemory (fun connection ->
                    groups["tea"].Add connection |> ignore
                    connection.Send "ready"
                    Seq.iter ignore connection.Messages)

            use client = PeerClient.InMemory server
            client.Offer "permessage-deflate" |> ignore
            client.ReadMarked() |> ignore
            (groups["tea"].Send(String('x', 1000))).Sent =! 1)
    ]

let private names =
    testList "names" [
        testCase "are told apart by their characters, whatever they are" (fun () ->
            use audience = new Audience(1)
            let connections = audience.Connections
            let groups = Groups()

            for name in hostile do
                groups[name].Add connections[0] =! true
                groups[name].Add connections[0] =! false

            groups.Count =! hostile.Length
            namesOf groups =! List.sort hostile
            namesOf (groups.Of connections[0]) =! List.sort hostile

            for name in hostile do
                groups[name].Name =! name
                groups[name].Count =! 1
                groups[name].Remove connections[0] =! true
                groups[name].Remove connections[0] =! false

            isEmpty groups connections =! true)

        testCase "are escaped and cut for logs" (fun () ->
            Groups().["a\n\u202E"].ToString() =! @"a\u000A\u202E (0 members)"
            Groups().[String('x', 1000)].ToString().Length <! 300)

        testCase "and connections are not null" (fun () ->
            let groups = Groups()
            let nobody = Unchecked.defaultof<ServerConnection>

            let refused (name: string) (call: unit -> unit) =
                (Wait.throws<ArgumentNullException> call).ParamName =! name

            refused "name" (fun () -> groups[null] |> ignore)
            refused "connection" (fun () -> groups["a"].Add nobody |> ignore)
            refused "connection" (fun () -> groups["a"].Remove nobody |> ignore)
            refused "connection" (fun () -> groups["a"].Contains nobody |> ignore)
            refused "connection" (fun () -> groups.Of nobody |> ignore)
            refused "connection" (fun () -> groups.Remove nobody |> ignore)
            refused "make" (fun () -> groups["a"].State<string> null |> ignore))
    ]

/// One step of somebody who uses groups: of which group, and whose connection.
type Step =
    | Add of string * int
    | Remove of string * int
    | RemoveAll of int

let private steps =
    let name = Gen.elements [ ""; "a"; "b" ]
    let number = Gen.choose (0, 2)

    Gen.oneof [
        Gen.map2 (fun name number -> Add(name, number)) name number
        Gen.map2 (fun name number -> Remove(name, number)) name number
        Gen.map RemoveAll number
    ]
    |> Gen.listOf
    |> Arb.fromGen

let private members =
    testList "members" [
        testCase "whatever is done, all views of them agree with a set of pairs" (fun () ->
            use audience = new Audience(3)
            let connections = audience.Connections

            let property =
                Prop.forAll steps (fun steps ->
                    let groups = Groups()
                    let mutable pairs = Set.empty

                    for step in steps do
                        let before = pairs

                        let isDone =
                            match step with
                            | Add(name, number) ->
                                pairs <- Set.add (name, number) pairs
                                groups[name].Add connections[number]
                            | Remove(name, number) ->
                                pairs <- Set.remove (name, number) pairs
                                groups[name].Remove connections[number]
                            | RemoveAll number ->
                                pairs <- Set.filter (fun (_, other) -> other <> number) pairs
                                groups.Remove connections[number]

                        isDone =! (pairs <> before)

                    namesOf groups
                    =! (pairs |> Seq.map fst |> Seq.distinct |> Seq.sort |> List.ofSeq)

                    groups.Count =! Seq.length groups

                    for name in [ ""; "a"; "b" ] do
                        let found = [
                            for connection in groups[name] -> Array.IndexOf(connections, connection)
                        ]

                        List.sort found
                        =! [
                            for other, number in pairs do
                                if other = name then
                                    number
                        ]

                        groups[name].Count =! found.Length

                    for number in 0..2 do
                        namesOf (groups.Of connections[number])
                        =! [
                            for name, other in pairs do
                                if other = number then
                                    name
                        ]

                        for name in [ ""; "a"; "b" ] do
                            groups[name].Contains connections[number] =! pairs.Contains(name, number)

                    for connection in connections do
                        groups.Remove connection |> ignore)

            FsCheck.Check.One(FsCheck.Config.QuickThrowOnFailure.WithQuietOnSuccess true, property))

        testCase "being one costs little, however many groups there are" (fun () ->
            use audience = new Audience(2)
            let connections = audience.Connections
            let groups = Groups()
            let rooms = [| for i in 1..10_000 -> groups[string i] |]

            for room in rooms do
                room.Add connections[0] |> ignore

            let before = GC.GetAllocatedBytesForCurrentThread()

            for room in rooms do
                room.Add connections[1] |> ignore

            // Two places in tables that grow by doubling.
            (GC.GetAllocatedBytesForCurrentThread() - before) / int64 rooms.Length <! 300L)

        testCase "sending to them again makes no list of them" (fun () ->
            use audience = new Audience(2)
            let connections = audience.Connections
            let groups = Groups()

            for connection in connections do
                groups["a"].Add connection |> ignore

            test <@ Object.ReferenceEquals(groups.MembersOf "a", groups.MembersOf "a") @>
            let before = groups.MembersOf "a"
            groups["a"].Remove connections[1] |> ignore
            groups.MembersOf "a" =! [| connections[0] |]
            before.Length =! 2)
    ]

let private state =
    testList "State" [
        testCase "is made once, is the same for all, and goes with the last member" (fun () ->
            use audience = new Audience(2)
            let connections = audience.Connections
            let groups = Groups()

            for connection in connections do
                groups["a"].Add connection |> ignore

            let history = groups["a"].State(fun () -> ResizeArray<string>())
            history.Add "hello"
            let again = groups["a"].State(fun () -> failwith "not again": ResizeArray<string>)
            test <@ Object.ReferenceEquals(history, again) @>
            groups["a"].Remove connections[0] |> ignore
            (groups["a"].State(fun () -> ResizeArray<string>())).Count =! 1
            groups["a"].Remove connections[1] |> ignore
            groups["a"].Add connections[1] |> ignore
            (groups["a"].State(fun () -> ResizeArray<string>())).Count =! 0)

        testCase "of a group without members is kept by nobody" (fun () ->
            let groups = Groups()
            (groups["a"].State(fun () -> ResizeArray<string>())).Add "hello"
            (groups["a"].State(fun () -> ResizeArray<string>())).Count =! 0
            groups.Count =! 0)

        testCase "is of one type, and not null" (fun () ->
            use audience = new Audience(1)
            let connections = audience.Connections
            let room = Groups()["a"]
            room.Add connections[0] |> ignore

            Wait.throws<InvalidOperationException>(fun () ->
                room.State(fun () -> Unchecked.defaultof<string>) |> ignore)
            |> ignore

            room.State(fun () -> "text") =! "text"

            let error =
                Wait.throws<InvalidOperationException>(fun () ->
                    room.State(fun () -> ResizeArray<int>()) |> ignore)

            error.Message =! "The group's state is a String, no List`1.")

        testCase "is made without a lock; of those that several make, all get the one that is kept" (fun () ->
            use audience = new Audience(1)
            let connections = audience.Connections
            let room = Groups()["a"]
            room.Add connections[0] |> ignore
            use both = new Barrier(2)

            let make () =
                both.SignalAndWait Wait.limit |> ignore
                ResizeArray<int>()

            let asked = [ for _ in 1..2 -> Wait.start (fun () -> room.State make) ]
            let states = [ for task in asked -> Wait.forTask "a state" task ]
            test <@ Object.ReferenceEquals(states[0], states[1]) @>)
    ]

[<Tests>]
let groups = testList "Groups" [ sending; names; members; state ]
