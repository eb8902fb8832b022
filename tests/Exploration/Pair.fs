/// A server's and a client's endpoint joined by a wire that holds little: what each of them and the network may do next.
module FunctionalWs.Exploration.Pair

open System
open System.Buffers
open FunctionalWs.Protocol

/// What is on its way.
[<RequireQualifiedAccess>]
type Item =
    /// The bytes of a frame, or what is left of them.
    | Bytes of byte[] * IsCut: bool
    | EndOfStream

/// One end. What it is follows from its state and from what has come of a frame that isn't whole.
[<CustomEquality; NoComparison>]
type Side = {
    Endpoint: WebSocketEndpoint
    Come: byte[]
    /// What its close frame said, and the peer's.
    Said: CloseStatus voption
    Heard: CloseStatus voption
    /// True once it has ended its side of the stream, and once it was told that this has left.
    IsShut: bool
    HasLeft: bool
} with

    member side.State: State = side.Endpoint.State

    member private side.Key =
        struct (side.State, side.Come, side.Said, side.Heard, side.IsShut, side.HasLeft)

    override side.Equals other =
        match other with
        | :? Side as other -> side.Key = other.Key
        | _ -> false

    override side.GetHashCode() = hash side.Key

type Pair = {
    Server: Side
    Client: Side
    ToServer: Item list
    ToClient: Item list
    /// The network has broken the stream: nothing arrives any more but its end.
    IsCut: bool
    IsSpoiled: bool
}

/// How much arrives at once.
[<RequireQualifiedAccess>]
type Much =
    /// What is next: the rest of a frame, or the end of the stream.
    | Next
    /// The first half of a frame.
    | Half
    /// The rest of a frame and the frame behind it.
    | Two

type Move =
    | Send of Role * Command
    | Deliver of Role * Much
    /// What a side has written before it ended it has left.
    | Leave of Role
    | Spoil of Role
    | Cut

/// Frames that may wait before an application has to; and before a side reads no further, since its answer finds no room.
let capacity = 2

let longest = 2 * capacity

let private settingsOf (role: Role) =
    if role.IsServer then
        ConnectionSettings.Server
    else
        ConnectionSettings.Client

let private atStart (role: Role) : Side = {
    Endpoint = WebSocketEndpoint.Create(settingsOf role)
    Come = [||]
    Said = ValueNone
    Heard = ValueNone
    IsShut = false
    HasLeft = false
}

let start: Pair = {
    Server = atStart Role.Server
    Client = atStart Role.Client
    ToServer = []
    ToClient = []
    IsCut = false
    IsSpoiled = false
}

let private peerOf (role: Role) =
    if role.IsServer then Role.Client else Role.Server

let sideOf (pair: Pair) (role: Role) =
    if role.IsServer then pair.Server else pair.Client

let wireTo (pair: Pair) (role: Role) =
    if role.IsServer then pair.ToServer else pair.ToClient

let private withSide (pair: Pair) (role: Role) (side: Side) =
    if role.IsServer then
        { pair with Server = side }
    else
        { pair with Client = side }

let private withWireTo (pair: Pair) (role: Role) (items: Item list) =
    if role.IsServer then
        { pair with ToServer = items }
    else
        { pair with ToClient = items }

let private commandsOf (role: Role) =
    let status code =
        CloseStatus.Create(CloseCode.Create code, string role)

    [
        Command.Message MessageKind.Binary
        Command.FirstFragment MessageKind.Text
        Command.NextFragment true
        Command.Ping ControlPayload.Empty
        Command.Close(status 1001)
        Command.Fail(status 1011)
    ]

let moves: Move list = [
    for role in [ Role.Server; Role.Client ] do
        Deliver(role, Much.Next)
        Deliver(role, Much.Half)
        Deliver(role, Much.Two)
        Leave role
        Spoil role

        for command in commandsOf role do
            Send(role, command)
    Cut
]

let private key = 0x3D21FA37u

let private require (holds: bool) (what: string) =
    if not holds then
        failwith what

/// The one frame that a side has written, as its peer reads it.
let private frameOf (writer: Role) (bytes: byte[]) : struct (Opcode * byte[]) =
    let buffer = ReadOnlySequence bytes

    match FrameReader.read (settingsOf (peerOf writer)) &buffer with
    | FrameParse.Complete frame when frame.Header.FrameLength = int64 bytes.Length ->
        struct (frame.Header.Opcode, frame.ToArray())
    | FrameParse.Complete _
    | FrameParse.Malformed _
    | FrameParse.Incomplete -> failwith "one endpoint wrote what the other can't read"

let private statusOf (payload: byte[]) : CloseStatus =
    if payload.Length = 0 then
        CloseStatus.NoStatus
    else
        let code = int payload[0] * 256 + int payload[1]
        CloseStatus.Create(CloseCode.Create code, Text.Encoding.UTF8.GetString payload[2..])

/// What a step of one side has led to.
let private carry (pair: Pair) (role: Role) (side: Side) (written: byte[]) (halfClose: bool) : Pair =
    require (not (side.IsShut && halfClose)) "a side was ended twice"

    let side, frames =
        if written.Length = 0 then
            side, []
        else
            let struct (opcode, payload) = frameOf role written

            require
                (side.Said.IsNone || opcode.IsPong && side.Heard.IsNone)
                "something was written after the close frame that is no pong to a peer that hasn't closed"

            {
                side with
                    Said =
                        if opcode.IsClose then
                            ValueSome(statusOf payload)
                        else
                            side.Said
            },
            [ Item.Bytes(written, false) ]

    let next = {
        side with
            IsShut = side.IsShut || halfClose
    }

    let ended = if halfClose then [ Item.EndOfStream ] else []
    let items = if pair.IsCut then [] else frames @ ended
    let peer = peerOf role
    withWireTo (withSide pair role next) peer (wireTo pair peer @ items)

/// What its close frame is heard before it is answered.
let private heard (side: Side) (incoming: Incoming) : Side =
    match incoming with
    | Incoming.Close status -> { side with Heard = ValueSome status }
    | Incoming.Nothing
    | Incoming.Data _
    | Incoming.Ping _
    | Incoming.Pong _
    | Incoming.Refused _ -> side

let rec private arrive (pair: Pair) (role: Role) (bytes: byte[]) : Pair =
    if bytes.Length = 0 then
        pair
    else
        let side = sideOf pair role
        let sink = ArrayBufferWriter<byte> 8
        let answers = ArrayBufferWriter<byte> 160

        let step = side.Endpoint.Receive(ReadOnlySpan bytes, sink, answers, key)

        require (step.Consumed > 0) "nothing was taken of some bytes"
        require (sink.WrittenSpan.IndexOfAnyExcept 0x41uy < 0) "other data than were sent"

        let isWaiting = step.Incoming.IsNothing && step.Next.IsUnfinished

        let next = {
            heard side step.Incoming with
                Endpoint = step.Next
                Come =
                    if isWaiting then
                        Array.append side.Come bytes[.. step.Consumed - 1]
                    else
                        [||]
        }

        let before = side.Said
        let after = carry pair role next (answers.WrittenSpan.ToArray()) step.HalfClose
        require (before.IsNone || (sideOf after role).Said = before) "a second close frame"
        arrive after role bytes[step.Consumed ..]

let private endOfStream (pair: Pair) (role: Role) : Pair =
    let side = sideOf pair role
    let step = side.Endpoint.EndOfStream()

    carry
        pair
        role
        {
            side with
                Endpoint = step.Next
                Come = [||]
        }
        [||]
        step.HalfClose

let private deliver (pair: Pair) (role: Role) (much: Much) : Pair option =
    // Who takes nothing any more gives no answer.
    let isOver = (sideOf pair role).Endpoint.IsReceivingOver

    let room =
        if isOver then
            longest
        else
            longest - List.length (wireTo pair (peerOf role))

    match wireTo pair role, much with
    | Item.Bytes(bytes, _) :: rest, Much.Next when room > 0 ->
        Some(arrive (withWireTo pair role rest) role bytes)
    | Item.EndOfStream :: rest, Much.Next when room > 0 -> Some(endOfStream (withWireTo pair role rest) role)
    | Item.Bytes(bytes, false) :: rest, Much.Half when room > 0 ->
        let half = bytes.Length / 2
        let rest = Item.Bytes(bytes[half..], true) :: rest
        Some(arrive (withWireTo pair role rest) role bytes[.. half - 1])
    | Item.Bytes(first, _) :: Item.Bytes(second, _) :: rest, Much.Two when room > 1 ->
        Some(arrive (withWireTo pair role rest) role (Array.append first second))
    | _ -> None

let private leave (pair: Pair) (role: Role) : Pair option =
    let side = sideOf pair role

    if side.IsShut && not side.HasLeft then
        Some(
            withSide pair role {
                side with
                    Endpoint = side.Endpoint.SendingEnded()
                    HasLeft = true
            }
        )
    else
        None

/// An opcode that there is none of.
let private spoil (pair: Pair) (role: Role) : Pair option =
    match wireTo pair role with
    | Item.Bytes(bytes, false) :: rest when not pair.IsSpoiled ->
        let spoiled = Array.append [| bytes[0] ||| 0x0Fuy |] bytes[1..]
        Some(withWireTo { pair with IsSpoiled = true } role (Item.Bytes(spoiled, false) :: rest))
    | _ -> None

let private send (pair: Pair) (role: Role) (command: Command) : Pair option =
    if List.length (wireTo pair (peerOf role)) >= capacity then
        None
    else
        let side = sideOf pair role
        let output = ArrayBufferWriter<byte> 160
        let step = side.Endpoint.Send(command, ReadOnlySpan "A"B, output, key)

        if step.Refused.IsSome then
            require (output.WrittenCount = 0) "something was written that was refused"
            None
        else
            let next = {
                side with
                    Endpoint = step.Next
                    Come = if step.Next.IsReceivingOver then [||] else side.Come
            }

            Some(carry pair role next (output.WrittenSpan.ToArray()) step.HalfClose)

/// What a move leads to; none when it can't be made.
let take (pair: Pair) (move: Move) : Pair option =
    match move with
    | Deliver(role, much) -> deliver pair role much
    | Send(role, command) -> send pair role command
    | Leave role -> leave pair role
    | Spoil role -> spoil pair role
    | Cut when pair.IsCut -> None
    | Cut ->
        Some {
            pair with
                IsCut = true
                ToServer = [ Item.EndOfStream ]
                ToClient = [ Item.EndOfStream ]
        }
