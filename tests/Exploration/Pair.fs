/// A server's and a client's core joined by a wire that holds little: what each of them and the network may do next.
module FunctionalWs.Exploration.Pair

open System
open System.Buffers
open System.Collections.Concurrent
open FunctionalWs.Protocol

/// What is on its way.
[<RequireQualifiedAccess>]
type Item =
    | Frame of Output
    /// A frame that the network has spoiled.
    | Spoiled
    | EndOfStream

/// One end.
type Side = {
    State: State
    /// What its close frame said, and the peer's.
    Said: CloseStatus voption
    Heard: CloseStatus voption
    /// True once it has ended its side of the stream.
    IsShut: bool
}

type Pair = {
    Server: Side
    Client: Side
    ToServer: Item list
    ToClient: Item list
    /// The network has broken the stream: nothing arrives any more but its end.
    IsCut: bool
    IsSpoiled: bool
}

type Move =
    | Send of Role * Command
    | Deliver of Role
    | Spoil of Role
    | Cut

/// Frames that may wait before an application has to; and before a side reads no further, since its answer finds no room.
let capacity = 2

let longest = 2 * capacity

let private atStart: Side = {
    State = Connection.start
    Said = ValueNone
    Heard = ValueNone
    IsShut = false
}

let start: Pair = {
    Server = atStart
    Client = atStart
    ToServer = []
    ToClient = []
    IsCut = false
    IsSpoiled = false
}

let private settingsOf (role: Role) =
    if role.IsServer then
        ConnectionSettings.Server
    else
        ConnectionSettings.Client

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
        Deliver role
        Spoil role

        for command in commandsOf role do
            Send(role, command)
    Cut
]

let private frames =
    ConcurrentDictionary<struct (Role * Output), ReadOnlySequence<byte>>()

let private write (sender: Role) (fin: bool) (opcode: Opcode) (payload: byte[]) =
    let bytes = ArrayBufferWriter<byte>()
    let key = if sender.IsClient then ValueSome 0x3D21FA37u else ValueNone
    FrameWriter.write fin opcode (ReadOnlySpan payload) key bytes
    ReadOnlySequence(bytes.WrittenSpan.ToArray())

let private bytesOf (sender: Role) (output: Output) =
    frames.GetOrAdd(
        struct (sender, output),
        fun (struct (sender, output)) ->
            match output with
            | Output.Data(opcode, fin) -> write sender fin opcode "A"B
            | Output.Ping payload -> write sender true Opcode.Ping (payload.Span.ToArray())
            | Output.Pong payload -> write sender true Opcode.Pong (payload.Span.ToArray())
            | Output.Close status -> write sender true Opcode.Close (status.ToArray())
    )

let private require (holds: bool) (what: string) =
    if not holds then
        failwith what

/// Carries a transition of one side out.
let private carry (pair: Pair) (role: Role) (transition: Transition) : Pair =
    let side = sideOf pair role

    let isPong =
        match transition.Output with
        | ValueSome(Output.Pong _) -> true
        | ValueSome _
        | ValueNone -> false

    require
        (side.Said.IsNone || transition.Output.IsNone || isPong && side.Heard.IsNone)
        "something was written after the close frame that is no pong to a peer that hasn't closed"

    require (not (side.IsShut && transition.HalfClose)) "a side was ended twice"

    let next = {
        State = transition.State
        Said =
            match transition.Output with
            | ValueSome(Output.Close status) -> ValueSome status
            | ValueSome _
            | ValueNone -> side.Said
        Heard =
            match transition.Event with
            | ValueSome(Event.Close status) -> ValueSome status
            | ValueSome _
            | ValueNone -> side.Heard
        IsShut = side.IsShut || transition.HalfClose
    }

    let written = [
        if not pair.IsCut then
            yield! transition.Output |> ValueOption.toList |> List.map Item.Frame

            if next.IsShut && not side.IsShut then
                Item.EndOfStream
    ]

    let peer = peerOf role
    withWireTo (withSide pair role next) peer (wireTo pair peer @ written)

let private receive (pair: Pair) (role: Role) (input: Input) : Pair =
    Connection.receive (settingsOf role) (sideOf pair role).State input
    |> carry pair role

let private deliverFrame (pair: Pair) (role: Role) (output: Output) : Pair =
    let buffer = bytesOf (peerOf role) output

    match FrameReader.read (settingsOf role) &buffer with
    | FrameParse.Complete frame -> receive pair role (Input.Received frame)
    | FrameParse.Malformed _
    | FrameParse.Incomplete -> failwith "one core wrote what the other can't read"

let private deliver (pair: Pair) (role: Role) : Pair option =
    match wireTo pair role with
    | [] -> None
    | _ when List.length (wireTo pair (peerOf role)) >= longest -> None
    | item :: rest ->
        let pair = withWireTo pair role rest

        match item with
        | Item.Frame output -> Some(deliverFrame pair role output)
        | Item.Spoiled -> Some(receive pair role (Input.Broken(ProtocolError.ReservedOpcode 0xFuy)))
        | Item.EndOfStream -> Some(receive pair role Input.EndOfStream)

let private spoil (pair: Pair) (role: Role) : Pair option =
    match wireTo pair role with
    | Item.Frame _ :: rest when not pair.IsSpoiled ->
        Some(withWireTo { pair with IsSpoiled = true } role (Item.Spoiled :: rest))
    | _ -> None

let private send (pair: Pair) (role: Role) (command: Command) : Pair option =
    if List.length (wireTo pair (peerOf role)) >= capacity then
        None
    else
        match Connection.send (sideOf pair role).State command with
        | SendResult.Accepted transition -> Some(carry pair role transition)
        | SendResult.Refused _ -> None

/// What a move leads to; none when it can't be made.
let take (pair: Pair) (move: Move) : Pair option =
    match move with
    | Deliver role -> deliver pair role
    | Send(role, command) -> send pair role command
    | Spoil role -> spoil pair role
    | Cut when pair.IsCut -> None
    | Cut ->
        Some {
            pair with
                IsCut = true
                ToServer = [ Item.EndOfStream ]
                ToClient = [ Item.EndOfStream ]
        }
