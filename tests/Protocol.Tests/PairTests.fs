/// A server's and a client's endpoint joined back to back: whoever closes, fails or vanishes, both come to the end, whatever was said before
/// and is on its way.
module FunctionalWs.Protocol.Tests.PairTests

open Expecto
open Swensen.Unquote
open FunctionalWs.Exploration
open FunctionalWs.Explore
open FunctionalWs.Generators
open FunctionalWs.Protocol

let private status = CloseStatus.Create(CloseCode.GoingAway, "")

/// As it is after a move; as it was where that can't be made.
let private after (move: JoinedMove) (ends: JoinedEnds) : JoinedEnds =
    match ends.TryTake move with
    | true, next ->
        PairGraph.check next
        next
    | false, _ -> ends

let private converse (moves: JoinedMove list) : JoinedEnds =
    List.fold (fun ends move -> after move ends) PairGraph.start moves

let private sends (role: Role) (command: Command) : JoinedEnds -> JoinedEnds =
    after (JoinedMove.Send(role, command, [||]))

let private peerOf (role: Role) =
    if role.IsServer then Role.Client else Role.Server

/// Both ends are closed once everything has arrived.
let private end' (ends: JoinedEnds) : unit =
    let settled = ends.Settle()
    PairGraph.check settled
    settled.IsOver =! true

let private testProperty name (property: JoinedMove list -> Role -> unit) =
    testPropertyWithConfig
        {
            FsCheckConfig.defaultConfig with
                arbitrary = [ typeof<ProtocolValues> ]
                maxTest = 500
        }
        name
        property

[<Tests>]
let pairs =
    testList "two ends joined" [
        testProperty "either closes" (fun moves role ->
            (converse moves).Settle() |> sends role (Command.Close status) |> end')

        testProperty "both close at the same time" (fun moves role ->
            (converse moves).Settle()
            |> sends role (Command.Close status)
            |> sends (peerOf role) (Command.Close status)
            |> end')

        testProperty "either fails the connection" (fun moves role ->
            (converse moves).Settle() |> sends role (Command.Fail status) |> end')

        testProperty "either sends what is no frame" (fun moves role ->
            (converse moves).Settle()
            |> sends role (Command.Ping ControlPayload.Empty)
            |> after (JoinedMove.Spoil(peerOf role))
            |> end')

        testProperty "the network breaks, whatever is on its way" (fun moves _ ->
            converse moves |> after JoinedMove.Cut |> end')

        testCase "each learns of the other's close" (fun () ->
            let ends = (PairGraph.start |> sends Role.Server (Command.Close status)).Settle()

            ends.Server.State
            =! State.Closed(Closure.Clean(status, status, Initiator.Local))

            ends.Client.State
            =! State.Closed(Closure.Clean(status, status, Initiator.Remote)))
    ]
