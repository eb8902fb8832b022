/// Random conversations, run as a server runs them, with a recorder that looks on.
module FunctionalWs.Protocol.Tests.Conversation

open System
open System.Buffers
open FunctionalWs.Protocol
open FunctionalWs.Protocol.Tests.Bytes

/// One thing that happens; the bytes of a data frame arrive in pieces, between which something may be sent.
type Happening =
    | Frame of Bytes: byte[] * Cuts: int list * Between: Command option
    | Command of Command
    | Undecodable of ProtocolError
    | EndOfStream

/// All that was seen while it happened.
type Live = {
    Settings: ConnectionSettings
    State: State
    Offset: int64
    Recorder: Recorder
    /// In reverse.
    Transitions: Transition list
    Ticks: int64
    Violation: Violation voption
}

let started = DateTimeOffset(2030, 1, 2, 3, 4, 5, TimeSpan.Zero)

let start (limits: RecorderLimits) (settings: ConnectionSettings) : Live = {
    Settings = settings
    State = Connection.start
    Offset = 0L
    Recorder = Recorder.start limits settings started
    Transitions = []
    Ticks = 0L
    Violation = ValueNone
}

let private isOver (state: State) =
    match state with
    | State.Draining _
    | State.Closed _ -> true
    | State.Open _
    | State.CloseSent _ -> false

let private at (live: Live) = TimeSpan.FromTicks live.Ticks

let private failure (live: Live) (transition: Transition) =
    match transition.State with
    | State.Draining(Closure.Failed(error, _)) when not (isOver live.State) -> ValueSome error
    | State.Draining _
    | State.Open _
    | State.CloseSent _
    | State.Closed _ -> ValueNone

let private took (live: Live) (transition: Transition) recorder (violation: Violation voption) : Live = {
    live with
        State = transition.State
        Transitions = transition :: live.Transitions
        Ticks = live.Ticks + 12_345L
        Recorder = recorder
        Violation =
            match live.Violation with
            | ValueNone -> violation
            | found -> found
}

let private receive (live: Live) (input: Input) : Live =
    let transition = Connection.receive live.Settings live.State input

    let violation =
        failure live transition
        |> ValueOption.map (Violation.ofInput live.State live.Offset input)

    let recorder = Recorder.receive live.Recorder (at live) live.Offset input transition

    took live transition recorder violation

let private refuse (live: Live) (error: ProtocolError) (bytes: byte[]) : Live =
    let input = Input.Broken error
    let transition = Connection.receive live.Settings live.State input

    let violation =
        failure live transition
        |> ValueOption.map (Violation.ofInput live.State live.Offset input)

    let recorder =
        Recorder.receiveRefused live.Recorder (at live) live.Offset (ReadOnlySpan bytes) transition

    took live transition recorder violation

let private send (live: Live) (command: Command) : Live =
    match Connection.send live.State command with
    | SendResult.Refused _ -> live
    | SendResult.Accepted transition ->
        let recorder =
            Recorder.send live.Recorder (at live) live.Offset command 3L transition

        took live transition recorder ValueNone

let private piece (header: FrameHeader) (live: Live) (part: Part, data: byte[]) : Live =
    if isOver live.State then
        live
    else
        let transition =
            Connection.receiveData live.Settings live.State &header part (ReadOnlySpan data)

        let violation =
            match failure live transition with
            | ValueSome error -> ValueSome(Violation.ofData live.State live.Offset &header part error)
            | ValueNone -> ValueNone

        let recorder =
            Recorder.receiveData
                live.Recorder
                (at live)
                live.Offset
                &header
                part
                (ReadOnlySpan data)
                transition

        took live transition recorder violation

let private pieces (header: FrameHeader) (payload: byte[]) (cuts: int list) (between: Command option) live =
    match cut cuts payload with
    | [ all ] -> piece header live (Part.Whole, all)
    | several ->
        let partOf index =
            if index = 0 then Part.First
            elif index = several.Length - 1 then Part.Last
            else Part.Middle

        let next (live: Live) (index, data) =
            let live = piece header live (partOf index, data)

            match between with
            | Some command when index = 0 -> send live command
            | Some _
            | None -> live

        several |> List.indexed |> List.fold next live

let private frame (live: Live) (bytes: byte[]) cuts between : Live =
    let buffer = whole bytes

    match FrameReader.read live.Settings &buffer with
    | FrameParse.Malformed error -> refuse live error bytes
    | FrameParse.Incomplete -> live
    | FrameParse.Complete found ->
        let header = found.Header

        let live =
            match Connection.check live.Settings live.State &header with
            | ValueSome error -> refuse live error bytes
            | ValueNone when Opcode.isControl header.Opcode -> receive live (Input.Received found)
            | ValueNone ->
                let payload = FunctionalWs.Protocol.Frame.toArray &found
                pieces header payload cuts between live

        {
            live with
                Offset = live.Offset + header.FrameLength
        }

let happen (live: Live) (happening: Happening) : Live =
    match happening with
    | Frame _
    | Undecodable _ when isOver live.State -> live // nobody reads any more
    | Frame(bytes, cuts, between) -> frame live bytes cuts between
    | Command command -> send live command
    | Undecodable error -> receive live (Input.Broken error)
    | EndOfStream -> receive live Input.EndOfStream

let run (limits: RecorderLimits) (settings: ConnectionSettings) (happenings: Happening list) : Live =
    List.fold happen (start limits settings) happenings

// ---- Random ones

let private texts = [ "a"; "é"; "€uro"; "😀"; "plain text"; "" ]

let private payloadOf (random: Random) : byte[] =
    match random.Next 8 with
    | 0 -> Array.init (random.Next 300) (fun _ -> byte (random.Next 256))
    | 1 -> [| 0xE2uy; 0x82uy |]
    | 2 -> Array.append (utf8 "ok") [| 0xFFuy |]
    | _ ->
        utf8 (
            String.concat "" [
                for _ in 0 .. random.Next 4 do
                    texts[random.Next texts.Length]
            ]
        )

let private controlOf (random: Random) : ControlPayload =
    ControlPayload.Create(ReadOnlySpan(Array.init (random.Next 6) (fun _ -> byte (random.Next 256))))

let private statusOf (random: Random) : CloseStatus =
    if random.Next 4 = 0 then
        CloseStatus.NoStatus
    else
        CloseStatus.Create(CloseCode.Create(4_000 + random.Next 3), texts[random.Next texts.Length])

let private commandOf (random: Random) : Command =
    match random.Next 12 with
    | 0 -> Command.Close(statusOf random)
    | 1 -> Command.Fail(statusOf random)
    | 2 -> Command.Ping(controlOf random)
    | 3 -> Command.Pong(controlOf random)
    | 4
    | 5 -> Command.FirstFragment MessageKind.Text
    | 6 -> Command.NextFragment false
    | 7 -> Command.NextFragment true
    | 8 -> Command.Message MessageKind.Binary
    | _ -> Command.Message MessageKind.Text

let private cutsOf (random: Random) = [
    for _ in 1 .. random.Next 4 do
        random.Next 20
]

let private dataOf (random: Random) : Happening =
    let opcode =
        match random.Next 3 with
        | 0 -> Opcode.Text
        | 1 -> Opcode.Binary
        | _ -> Opcode.Continuation

    let bytes = Bytes.frame (random.Next 3 > 0) opcode (payloadOf random)

    // Now and then a bit that an extension uses, or not; now and then what no reader takes.
    match random.Next 40 with
    | 0 -> bytes[0] <- bytes[0] ^^^ 0x40uy
    | 1 -> bytes[0] <- bytes[0] ^^^ 0x08uy
    | 2 -> bytes[1] <- bytes[1] &&& 0x7Fuy
    | _ -> ()

    let between = if random.Next 5 = 0 then Some(commandOf random) else None
    Frame(bytes, cutsOf random, between)

let private happeningOf (random: Random) : Happening =
    match random.Next 20 with
    | 0 -> Frame(Bytes.frame true Opcode.Close ((statusOf random).ToArray()), [], None)
    | 1
    | 2 -> Frame(Bytes.frame true Opcode.Ping ((controlOf random).Span.ToArray()), [], None)
    | 3 -> Frame(Bytes.frame true Opcode.Pong [||], [], None)
    | 4 -> Frame(Bytes.frame true Opcode.Close (payloadOf random |> Array.truncate 125), [], None)
    | 5 when random.Next 10 = 0 -> Undecodable ProtocolError.CompressedDataInvalid
    | 5 when random.Next 10 = 0 ->
        Undecodable(ProtocolError.ExtensionFailed(String('x', 200), "sent | <end=\n"))
    | 6
    | 7
    | 8
    | 9 -> Command(commandOf random)
    | 10 when random.Next 10 = 0 -> EndOfStream
    | _ -> dataOf random

let random (seed: int) : Happening list =
    let random = Random seed

    [
        for _ in 1 .. random.Next 30 do
            happeningOf random
        EndOfStream
    ]

let private settingsOf (random: Random) = {
    Role = Role.Server
    Limits =
        Limits.Create(
            (if random.Next 2 = 0 then
                 100L
             else
                 Limits.Default.MaxMessageSize),
            (if random.Next 2 = 0 then 60L else Limits.Unlimited),
            (if random.Next 2 = 0 then 3 else 1_000)
        )
    ValidateText = random.Next 3 > 0
    ReservedBits =
        if random.Next 2 = 0 then
            ReservedBits.Rsv1
        else
            ReservedBits.None
    AllowLongLengths = random.Next 2 = 0
}

let randomSettings (seed: int) : ConnectionSettings = settingsOf (Random(seed + 1_000_003))
