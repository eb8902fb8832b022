/// A server's and a client's core joined back to back: whoever closes, fails or vanishes, both come to the end.
module FunctionalWs.Protocol.Tests.PairTests

open System
open System.Buffers
open Expecto
open Swensen.Unquote
open FunctionalWs.Protocol
open FunctionalWs.Protocol.Tests.Bytes
open FunctionalWs.Protocol.Tests.Recorded

/// One end: its state, what it has received and not taken, and whether its sending side is shut.
type private End = {
    Settings: ConnectionSettings
    State: State
    Held: byte[]
    IsShut: bool
}

let private started settings = {
    Settings = settings
    State = Connection.start
    Held = [||]
    IsShut = false
}

let private toBytes (role: Role) (output: Output voption) : byte[] =
    match output with
    | ValueNone -> [||]
    | ValueSome(Output.Data(opcode, fin)) -> frameOf role fin opcode [| 65uy |]
    | ValueSome(Output.Ping payload) -> frameOf role true Opcode.Ping (payload.Span.ToArray())
    | ValueSome(Output.Pong payload) -> frameOf role true Opcode.Pong (payload.Span.ToArray())
    | ValueSome(Output.Close status) -> frameOf role true Opcode.Close (status.ToArray())

/// Carries a transition out: the end after it, and the bytes it writes.
let private carry (side: End) (transition: Transition) : End * byte[] =
    let written =
        if side.IsShut then
            [||]
        else
            toBytes side.Settings.Role transition.Output

    {
        side with
            State = transition.State
            IsShut = side.IsShut || transition.HalfClose
    },
    written

let private isOver (side: End) =
    match side.State with
    | State.Closed _ -> true
    | State.Open _
    | State.CloseSent _
    | State.Draining _ -> false

/// One step of receiving, if a whole frame is there.
let private takeFrame (side: End) : (End * byte[]) option =
    let buffer = whole side.Held

    match FrameReader.read side.Settings &buffer with
    | FrameParse.Incomplete -> None
    | FrameParse.Malformed error ->
        Some(
            carry { side with Held = [||] } (Connection.receive side.Settings side.State (Input.Broken error))
        )
    | FrameParse.Complete frame ->
        let transition = Connection.receive side.Settings side.State (Input.Received frame)

        Some(
            carry
                {
                    side with
                        Held = side.Held[int frame.Header.FrameLength ..]
                }
                transition
        )

let rec private takeAll (side: End) (written: byte[]) : End * byte[] =
    match takeFrame side with
    | Some(next, more) -> takeAll next (Array.append written more)
    | None -> side, written

let private send (side: End) (command: Command) : End * byte[] =
    match Connection.send side.State command with
    | SendResult.Accepted transition -> carry side transition
    | SendResult.Refused _ -> side, [||]

/// Passes everything to and fro until nobody has anything to say; an end whose peer is shut comes to its end of stream.
let rec private settle (rounds: int) (a: End, toA: byte[]) (b: End, toB: byte[]) : End * End =
    if rounds = 0 then
        failwith "they never come to rest"

    let finish (side: End) (peer: End) =
        if peer.IsShut && not (isOver side) then
            carry side (Connection.receive side.Settings side.State Input.EndOfStream)
        else
            side, [||]

    let a, fromA =
        takeAll
            {
                a with
                    Held = Array.append a.Held toA
            }
            [||]

    let b, fromB =
        takeAll
            {
                b with
                    Held = Array.append b.Held toB
            }
            [||]

    if fromA.Length > 0 || fromB.Length > 0 then
        settle (rounds - 1) (a, fromB) (b, fromA)
    elif (a.IsShut || b.IsShut) && not (isOver a && isOver b) then
        let a, fromA = finish a b
        let b, fromB = finish b a
        settle (rounds - 1) (a, fromB) (b, fromA)
    else
        a, b

let private traffic = [|
    Command.Message MessageKind.Text
    Command.Message MessageKind.Binary
    Command.FirstFragment MessageKind.Text
    Command.NextFragment true
    Command.Ping(ControlPayload.Create(ReadOnlySpan [| 1uy |]))
    Command.Pong ControlPayload.Empty
|]

let private status = CloseStatus.Create(CloseCode.GoingAway, "")

/// Random traffic from both, then one end of the conversation.
let private converse
    (choices: (bool * byte) list)
    (finish: End * End -> (End * byte[]) * (End * byte[]))
    : End * End =
    let step (server, client) (isServer, choice: byte) =
        let command = traffic[int choice % traffic.Length]

        if isServer then
            let server, bytes = send server command
            settle 100 (server, [||]) (client, bytes)
        else
            let client, bytes = send client command
            settle 100 (server, bytes) (client, [||])

    let pair =
        List.fold step (started ConnectionSettings.Server, started ConnectionSettings.Client) choices

    let (server, toClient), (client, toServer) = finish pair
    settle 100 (server, toServer) (client, toClient)

let private areOver (server: End, client: End) = isOver server && isOver client

[<Tests>]
let pairs =
    testList "two ends joined" [
        testProperty "the server closes" (fun choices ->
            areOver (
                converse choices (fun (server, client) -> send server (Command.Close status), (client, [||]))
            ))

        testProperty "the client closes" (fun choices ->
            areOver (
                converse choices (fun (server, client) -> (server, [||]), send client (Command.Close status))
            ))

        testProperty "both close at the same time" (fun choices ->
            areOver (
                converse choices (fun (server, client) ->
                    send server (Command.Close status), send client (Command.Close status))
            ))

        testProperty "either fails the connection" (fun choices isServer ->
            areOver (
                converse choices (fun (server, client) ->
                    if isServer then
                        send server (Command.Fail status), (client, [||])
                    else
                        (server, [||]), send client (Command.Fail status))
            ))

        testProperty "either sends what is no frame" (fun choices isServer ->
            areOver (
                converse choices (fun (server, client) ->
                    if isServer then
                        (server, [| 0xFFuy; 0xFFuy |]), (client, [||])
                    else
                        (server, [||]), (client, [| 0xFFuy; 0xFFuy |]))
            ))

        testProperty "either vanishes" (fun choices isServer ->
            areOver (
                converse choices (fun (server, client) ->
                    let vanish (side: End) =
                        carry side (Connection.receive side.Settings side.State Input.EndOfStream)

                    if isServer then
                        vanish server, (client, [||])
                    else
                        (server, [||]), vanish client)
            ))

        testCase "each learns of the other's close" (fun () ->
            let server, client =
                converse [] (fun (server, client) -> send server (Command.Close status), (client, [||]))

            server.State =! State.Closed(Closure.Clean(status, status, Initiator.Local))
            client.State =! State.Closed(Closure.Clean(status, status, Initiator.Remote)))
    ]
