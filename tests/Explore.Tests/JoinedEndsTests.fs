/// Two ends joined. All their schedules are explored in Protocol.Tests.
module FunctionalWs.Explore.Tests.JoinedEndsTests

open System
open Expecto
open Swensen.Unquote
open FunctionalWs.Explore
open FunctionalWs.Protocol

let private start =
    JoinedEnds.Create(ConnectionSettings.Server, ConnectionSettings.Client)

let private take (move: JoinedMove) (ends: JoinedEnds) : JoinedEnds =
    match ends.TryTake move with
    | true, next -> next
    | false, _ -> failwith $"{move} can't be made: {ends}"

let private can (move: JoinedMove) (ends: JoinedEnds) : bool = fst (ends.TryTake move)

let private send (command: Command) (payload: string) =
    JoinedMove.Send(Role.Client, command, Text.Encoding.UTF8.GetBytes payload)

let private arrive amount = JoinedMove.Deliver(Role.Server, amount)

[<Tests>]
let tests =
    testList "joined ends" [
        testCase "tell each other what was sent, whole or in halves" (fun () ->
            let sent = start |> take (send (Command.Message DataKind.Text) "hi")
            (sent.Waiting Role.Server).Length =! 1
            let whole = sent |> take (arrive Delivery.Next)
            whole.Server.Told =! [| Incoming.Data(DataKind.Text, true) |]
            whole.Server.Data =! "hi"B

            let half = sent |> take (arrive Delivery.Half)
            half.Server.Told =! [||]
            test <@ half <> whole && half.Server.Endpoint.IsUnfinished @>
            (half |> take (arrive Delivery.Next)) =! whole)

        testCase "are equal when the future is: what they have told doesn't count" (fun () ->
            let again =
                start
                |> take (send (Command.Message DataKind.Binary) "x")
                |> take (arrive Delivery.Next)

            again =! start
            again.GetHashCode() =! start.GetHashCode()
            again.Server.Told =! [| Incoming.Data(DataKind.Binary, true) |])

        testCase "have no room for more than a few frames, and don't deliver what isn't there" (fun () ->
            let ping = send (Command.Ping ControlPayload.Empty) ""
            let full = start |> take ping |> take ping
            can ping full =! false
            can (arrive Delivery.Two) full =! true
            can (arrive Delivery.Next) start =! false
            can (arrive Delivery.Two) (start |> take ping) =! false
            can (JoinedMove.Leave Role.Server) start =! false
            can (send (Command.NextFragment true) "") start =! false)

        testCase "come to the end after a close, and know what was said" (fun () ->
            let status = CloseStatus.Create(CloseCode.GoingAway, "bye")
            let over = (start |> take (send (Command.Close status) "")).Settle()
            over.IsOver =! true

            (over.Client.Said, over.Server.Heard, over.Server.Said)
            =! (ValueSome status, ValueSome status, ValueSome status)

            (over.Client.TryGetSaid(), over.Server.TryGetHeard())
            =! ((true, status), (true, status))

            fst (start.Client.TryGetSaid()) =! false
            fst (start.Client.TryGetHeard()) =! false)

        testCase "fail when a frame is spoiled on its way, and are lost when the network breaks" (fun () ->
            let spoiled =
                start
                |> take (send (Command.Message DataKind.Text) "hi")
                |> take (JoinedMove.Spoil Role.Server)

            can (JoinedMove.Spoil Role.Server) spoiled =! false
            let failed = spoiled.Settle()
            (failed.IsOver, failed.IsSpoiled) =! (true, true)

            let cut = start |> take JoinedMove.Cut
            (cut.IsCut, can JoinedMove.Cut cut) =! (true, false)
            (cut.Settle()).Server.State =! State.Closed(Closure.Lost ValueNone))

        testCase "are made of a server and a client" (fun () ->
            let server, client = ConnectionSettings.Server, ConnectionSettings.Client
            raises<ArgumentException> <@ JoinedEnds.Create(client, client) @>
            raises<ArgumentException> <@ JoinedEnds.Create(server, server) @>
            raises<ArgumentOutOfRangeException> <@ JoinedEnds.Create(server, client, 0) @>)

        testCase "and their moves are told in words" (fun () ->
            start.ToString() =! "Server, Open <- 0; 0 -> Client, Open"
            let moves = JoinedEnds.Moves |> Array.map string
            moves.Length =! 23

            for words in
                [
                    "Client sends: binary message"
                    "what is next arrives at Server"
                    "half a frame arrives at Server"
                    "two frames arrive at Client"
                    "the last has left Server"
                    "a frame to Client is spoiled"
                    "the network breaks"
                ] do
                test <@ Array.contains words moves @>)
    ]
