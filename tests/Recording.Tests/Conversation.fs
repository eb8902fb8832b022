/// Random conversations, run as a server runs them, with a recorder that looks on.
module FunctionalWs.Recording.Tests.Conversation

open System
open System.Buffers
open FsCheck
open FsCheck.FSharp
open FunctionalWs.Generators
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

module private Commands =
    let private map = ArbMap.defaults |> ArbMap.mergeWithType typeof<ProtocolValues>

    let private data =
        Gen.elements [
            Command.Message DataKind.Text
            Command.Message DataKind.Binary
            Command.FirstFragment DataKind.Text
            Command.NextFragment false
            Command.NextFragment true
        ]

    /// Closing is one of many things.
    let any: Gen<Command> = Gen.frequency [ 3, data; 1, ArbMap.generate<Command> map ]

let private cut = Gen.choose (0, 19)

/// Data for the most part; now and then with the bit of an extension.
let private data: Gen<Happening> =
    gen {
        let! frame = (ProtocolValues.WireFrame()).Generator
        let! cuts = Gen.choose (0, 3) |> Gen.bind (fun count -> Gen.listOfLength count cut)
        let! isMarked = Gen.frequency [ 9, Gen.constant false; 1, Gen.constant true ]
        let! between = Gen.frequency [ 4, Gen.constant None; 1, Gen.map Some Commands.any ]
        let bytes = frame.ToBytes Role.Client

        if isMarked && not frame.Opcode.IsControl then
            bytes[0] <- bytes[0] ^^^ 0x40uy

        return Frame(bytes, cuts, between)
    }

/// Fewer cuts, and nothing between.
let private simpler (happening: Happening) : Happening seq =
    seq {
        match happening with
        | Frame(bytes, cuts, between) ->
            if between.IsSome then
                Frame(bytes, cuts, None)

            if not cuts.IsEmpty then
                Frame(bytes, cuts.Tail, between)
        | Command _
        | EndOfStream
        | SendingEnded -> ()
    }

/// What FsCheck makes conversations of, and settings of a server to have them with.
type Conversations =

    static member Happening() : Arbitrary<Happening> =
        let happenings =
            Gen.frequency [
                150, data
                50, Gen.map Command Commands.any
                1, Gen.constant EndOfStream
                1, Gen.constant SendingEnded
            ]

        Arb.fromGenShrink (happenings, simpler)

    static member ConnectionSettings() : Arbitrary<ConnectionSettings> =
        (ProtocolValues.ConnectionSettings())
        |> Arb.mapFilter (fun settings -> { settings with Role = Role.Server }) (fun _ -> true)
