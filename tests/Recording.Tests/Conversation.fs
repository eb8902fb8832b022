/// Random conversations, run as a server runs them, with a recorder that looks on.
module FunctionalWs.Recording.Tests.Conversation

open System
open System.Buffers
open FunctionalWs.Protocol
open FunctionalWs.Recording.Tests.Frames

/// An extension that adds a mark to the end of each message. Bytes that are none of its own it takes for broken.
type Marking() =
    inherit PayloadDecoder()
    let mutable decoded: byte[] = [||]

    override _.Decode(_, data, endOfMessage, _) =
        let bytes = data.ToArray()

        let broken =
            bytes |> Array.tryFindIndex (fun byte -> byte = 0xFEuy || byte = 0xFDuy)

        match broken with
        | Some at ->
            decoded <- bytes[.. at - 1]

            ValueSome(
                if bytes[at] = 0xFEuy then
                    ProtocolError.CompressedDataInvalid
                else
                    ProtocolError.ExtensionFailed(String('x', 200), "sent | <end=\n")
            )
        | None ->
            decoded <- if endOfMessage then Array.append bytes "!"B else bytes

            ValueNone

    override _.Decoded = ReadOnlySpan decoded
    override _.Skip count = decoded <- decoded[count..]

/// One thing that happens; the bytes of a frame arrive in pieces, after the first of which something may be sent.
type Happening =
    | Frame of Bytes: byte[] * Cuts: int list * Between: Command option
    | Command of Command
    | EndOfStream
    | SendingEnded

/// All that was seen while it happened.
type Live = {
    Endpoint: WebSocketEndpoint
    Offset: int64
    Recorder: Recorder
    Decoder: PayloadDecoder
    /// In reverse.
    Transitions: Transition list
    Ticks: int64
    Violation: Violation voption
} with

    member live.State: State = live.Endpoint.State

let started = DateTimeOffset(2030, 1, 2, 3, 4, 5, TimeSpan.Zero)

let start (limits: RecorderLimits) (settings: ConnectionSettings) : Live =
    let recorder = Recorder(limits, settings, started)

    {
        Endpoint = WebSocketEndpoint.Create settings
        Offset = 0L
        Recorder = recorder
        Decoder = recorder.Watch(Marking())
        Transitions = []
        Ticks = 0L
        Violation = ValueNone
    }

let private at (live: Live) = TimeSpan.FromTicks live.Ticks

let private took (live: Live) (next: WebSocketEndpoint) event output halfClose : Live =
    let transition = {
        State = next.State
        Event = event
        Output = output
        HalfClose = halfClose
    }

    {
        live with
            Endpoint = next
            Transitions = transition :: live.Transitions
            Ticks = live.Ticks + 12_345L
    }

let private eventOf (incoming: Incoming) : Event voption =
    match incoming with
    | Incoming.Nothing
    | Incoming.Refused _ -> ValueNone
    | Incoming.Data(kind, isEnd) -> ValueSome(Event.Data(kind, isEnd))
    | Incoming.Ping payload -> ValueSome(Event.Ping payload)
    | Incoming.Pong payload -> ValueSome(Event.Pong payload)
    | Incoming.Close status -> ValueSome(Event.Close status)

/// Takes the next bytes as far as one call does; gives the rest.
let private take (live: Live) (bytes: byte[]) : Live * byte[] =
    let answers = ArrayBufferWriter<byte>()

    let step =
        live.Endpoint.Receive(ReadOnlySpan bytes, ArrayBufferWriter<byte>(), answers, 0u, live.Decoder)

    live.Recorder.Received(at live, ReadOnlySpan(bytes, 0, step.Consumed), step)

    let next =
        took live step.Next (eventOf step.Incoming) (answerOf (answers.WrittenSpan.ToArray())) step.HalfClose

    let next =
        match step.Incoming with
        | Incoming.Refused found -> {
            next with
                Violation =
                    ValueSome {
                        found with
                            Offset = live.Offset + found.Offset
                    }
          }
        | _ -> next

    {
        next with
            Offset = live.Offset + int64 step.Consumed
    },
    bytes[step.Consumed ..]

let rec private receive (live: Live) (bytes: byte[]) : Live =
    if bytes.Length = 0 then
        live
    else
        take live bytes ||> receive

let private send (live: Live) (command: Command) : Live =
    let step = live.Endpoint.Send command

    if step.Refused.IsSome then
        live
    else
        live.Recorder.Sent(at live, command, 3L)
        took live step.Next ValueNone step.Output step.HalfClose

let private pieces (live: Live) (bytes: byte[]) (cuts: int list) (between: Command option) : Live =
    let next (live: Live) (index, piece) =
        let live = receive live piece

        match between with
        | Some command when index = 0 -> send live command
        | Some _
        | None -> live

    cut cuts bytes |> List.indexed |> List.fold next live

let happen (live: Live) (happening: Happening) : Live =
    match happening with
    | Frame _ when live.Endpoint.IsReceivingOver -> live // nobody reads any more
    | Frame(bytes, cuts, between) -> pieces live bytes cuts between
    | Command command -> send live command
    | EndOfStream ->
        live.Recorder.EndOfStream(at live)
        let step = live.Endpoint.EndOfStream()
        took live step.Next ValueNone ValueNone step.HalfClose
    | SendingEnded ->
        live.Recorder.SendingEnded(at live)
        took live (live.Endpoint.SendingEnded()) ValueNone ValueNone false

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

    let bytes = frame (random.Next 3 > 0) opcode (payloadOf random)

    // Now and then a bit that an extension uses, or not; now and then what no reader takes.
    match random.Next 40 with
    | 0
    | 3
    | 4 -> bytes[0] <- bytes[0] ^^^ 0x40uy
    | 1 -> bytes[0] <- bytes[0] ^^^ 0x08uy
    | 2 -> bytes[1] <- bytes[1] &&& 0x7Fuy
    | _ -> ()

    let between = if random.Next 5 = 0 then Some(commandOf random) else None
    Frame(bytes, cutsOf random, between)

let private happeningOf (random: Random) : Happening =
    match random.Next 20 with
    | 0 -> Frame(frame true Opcode.Close ((statusOf random).ToArray()), [], None)
    | 1
    | 2 -> Frame(frame true Opcode.Ping ((controlOf random).Span.ToArray()), [], None)
    | 3 -> Frame(frame true Opcode.Pong [||], [], None)
    | 4 -> Frame(frame true Opcode.Close (payloadOf random |> Array.truncate 125), [], None)
    | 6
    | 7
    | 8
    | 9 -> Command(commandOf random)
    | 10 when random.Next 10 = 0 -> EndOfStream
    | 11 when random.Next 10 = 0 -> SendingEnded
    | _ -> dataOf random

let random (seed: int) : Happening list =
    let random = Random seed

    [
        for _ in 1 .. random.Next 30 do
            happeningOf random

        if random.Next 2 = 0 then
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
