/// Where the exploration of an endpoint is, and one step from there: the endpoint as it is used, its twin that gets single bytes, and
/// the references side by side.
module FunctionalWs.Exploration.Life

open System
open System.Buffers
open FunctionalWs.Protocol
open FunctionalWs.Exploration.Arrivals
open FunctionalWs.Exploration.History

/// Where data go; with as much room as is asked for, or as there is.
type Sink(isNarrow: bool) =
    let buffer = Array.zeroCreate<byte> 512
    let mutable count = 0
    member _.Written: byte[] = buffer[.. count - 1]
    member _.Clear() = count <- 0

    interface IBufferWriter<byte> with
        member _.GetSpan size =
            if isNarrow then
                Span(buffer, count, max size 1)
            else
                Span(buffer, count, buffer.Length - count)

        member _.GetMemory _ = failwith "spans are asked for"
        member _.Advance size = count <- count + size

/// What an endpoint has answered to a move.
[<NoComparison; ReferenceEquality>]
type Heard = {
    Next: WebSocketEndpoint
    /// With offsets from the first byte of the connection.
    Told: Incoming list
    Answers: byte[]
    Data: byte[]
    HalfCloses: int
}

[<NoComparison; ReferenceEquality>]
type Place = {
    Endpoint: WebSocketEndpoint
    /// The same, with its bytes one by one.
    Twin: WebSocketEndpoint
    Wire: WireReference.Wire
    /// What of a frame is still on its way.
    Rest: byte[]
    /// The bytes that have come.
    Arrived: int64
    /// Of the message that is under way.
    Delivered: byte[]
    HasClosed: bool
    HalfCloses: int
    Now: TimeSpan
    OpenedAt: TimeSpan voption
    /// The looks since the handshake, the last one first.
    Looks: Look list
    Asked: Asked list
    /// How often reading has stopped, and when it was stopped last.
    Stops: int
    StoppedAt: TimeSpan voption
    Traffic: Traffic
    /// When the peer was last heard of, and since when what is unfinished has been so.
    LifeAt: TimeSpan
    BegunAt: TimeSpan
    ClosingAt: TimeSpan voption
}

/// What was told or refused; one for each kind of move.
[<NoComparison; ReferenceEquality; RequireQualifiedAccess>]
type Answer =
    | Received of Heard * Twin: Heard * WireReference.Arrival
    | Ended of ReceiveStep * Reference.Expected
    | Sent of SendStep * Result<Reference.Expected, SendError>
    | Looked of Due * Twin: Due * Expected: Due
    | Other

[<NoComparison; ReferenceEquality>]
type Step = {
    Before: Place
    Move: Move
    Answer: Answer
    After: Place
}

let settingsOf (role: Role) : ConnectionSettings = {
    ConnectionSettings.Server with
        Role = role
        Limits = Limits.Create(3L, 2L, 3)
        ReservedBits = ReservedBits.Rsv1
}

let private noTraffic: Traffic = {
    Received = 0L
    Messages = 0L
    Taken = 0L
    Untaken = 0L
    Sent = 0L
    IsSending = false
    Unread = 0L
}

/// Before the end of the opening handshake.
let opening (settings: ConnectionSettings) : Place =
    let endpoint = WebSocketEndpoint.Create(settings, timeouts, marks, TimeSpan.Zero)

    {
        Endpoint = endpoint
        Twin = endpoint
        Wire = WireReference.start
        Rest = [||]
        Arrived = 0L
        Delivered = [||]
        HasClosed = false
        HalfCloses = 0
        Now = TimeSpan.Zero
        OpenedAt = ValueNone
        Looks = []
        Asked = []
        Stops = 0
        StoppedAt = ValueNone
        Traffic = noTraffic
        LifeAt = TimeSpan.Zero
        BegunAt = TimeSpan.Zero
        ClosingAt = ValueNone
    }

let private opened settings (place: Place) : Place = {
    place with
        Endpoint = place.Endpoint.Opened(settings, place.Now)
        Twin = place.Twin.Opened(settings, place.Now)
        OpenedAt = ValueSome place.Now
        Looks = []
}

let start (settings: ConnectionSettings) : Place = opened settings (opening settings)

let isOver (place: Place) = place.Endpoint.IsClosed

let isPossible (place: Place) (move: Move) : bool =
    match move with
    | Opened -> place.OpenedAt.IsNone
    | Look _
    | Wait _ -> true
    | _ when place.OpenedAt.IsNone -> false
    | Frames _
    | Begin _ -> place.Rest.Length = 0
    | OneMore -> place.Rest.Length > 1
    | TheRest _ -> place.Rest.Length > 0
    | EndOfStream
    | SendingEnded
    | Send _
    | Traffic _
    | ReadOn _ -> true

// ---- Bytes

let private absolute (offset: int64) (incoming: Incoming) : Incoming list =
    match incoming with
    | Incoming.Nothing -> []
    | Incoming.Refused violation -> [
        Incoming.Refused {
            violation with
                Offset = violation.Offset + offset
        }
      ]
    | Incoming.Data _
    | Incoming.Ping _
    | Incoming.Pong _
    | Incoming.Close _ -> [ incoming ]

let decoder () = WireReference.Decoder()

/// Hands bytes over in pieces of this size.
let hear (isNarrow: bool) (endpoint: WebSocketEndpoint) (arrived: int64) (pieces: byte[] list) : Heard =
    let sink = Sink isNarrow
    let answers = Sink isNarrow
    let decoder = decoder ()
    let mutable next = endpoint
    let mutable told = []
    let mutable halfCloses = 0
    let mutable offset = arrived

    for piece in pieces do
        let mutable from = 0

        while from < piece.Length do
            let step =
                next.Receive(
                    ReadOnlySpan(piece, from, piece.Length - from),
                    sink,
                    answers,
                    WireReference.key,
                    decoder
                )

            if step.Consumed = 0 then
                failwith "nothing was taken of some bytes"

            if step.Incoming.IsNothing && step.Consumed < piece.Length - from then
                failwith "not all was taken, and nothing was told"

            told <- told @ absolute offset step.Incoming
            next <- step.Next
            from <- from + step.Consumed
            offset <- offset + int64 step.Consumed

            if step.HalfClose then
                halfCloses <- halfCloses + 1

    {
        Next = next
        Told = told
        Answers = answers.Written
        Data = sink.Written
        HalfCloses = halfCloses
    }

let private isClose (output: Output) =
    match output with
    | Output.Close _ -> true
    | Output.Data _
    | Output.Ping _
    | Output.Pong _ -> false

let private isOpen (wire: WireReference.Wire) = wire.Model.Phase = Reference.Phase.Open

/// What time has to know of a step that may have closed.
let private dated (before: Place) (after: Place) : Place =
    if isOpen before.Wire && not (isOpen after.Wire) then
        {
            after with
                ClosingAt = ValueSome after.Now
        }
    else
        after

let private endsMessage (told: Result<Event, ProtocolError>) =
    match told with
    | Ok(Event.Data(_, true)) -> true
    | Ok _
    | Error _ -> false

let private arrive settings (place: Place) (bytes: byte[]) (rest: byte[]) : Answer * Place =
    let heard = hear false place.Endpoint place.Arrived [ bytes ]

    let twin =
        hear true place.Twin place.Arrived (List.ofArray (Array.chunkBySize 1 bytes))

    let arrival = WireReference.arrive settings place.Wire bytes
    let wire = arrival.After
    let wasUnfinished = WireReference.isUnfinished place.Wire

    let after = {
        place with
            Endpoint = heard.Next
            Twin = twin.Next
            Wire = wire
            Rest = rest
            Arrived = place.Arrived + int64 bytes.Length
            Delivered =
                match wire.Message with
                | Some message -> message.Data
                | None -> [||]
            HasClosed = place.HasClosed || List.exists isClose arrival.Outputs
            HalfCloses = place.HalfCloses + heard.HalfCloses
            Traffic = {
                place.Traffic with
                    Received = place.Traffic.Received + 1L
                    Messages =
                        place.Traffic.Messages
                        + int64 (arrival.Told |> List.filter endsMessage |> List.length)
            }
            LifeAt = place.Now
            BegunAt =
                if wasUnfinished && wire.Units = place.Wire.Units then
                    place.BegunAt
                else
                    place.Now
    }

    Answer.Received(heard, twin, arrival), dated place after

// ---- The rest

let private carry
    (place: Place)
    (expected: Reference.Expected)
    (halfClose: bool)
    (next: WebSocketEndpoint)
    twin
    =
    dated place {
        place with
            Endpoint = next
            Twin = twin
            Wire = WireReference.withModel place.Wire expected.Next
            HasClosed = place.HasClosed || ValueOption.exists isClose expected.Output
            HalfCloses = place.HalfCloses + (if halfClose then 1 else 0)
    }

let private send (place: Place) (command: Command) : Answer * Place =
    let step = place.Endpoint.Send command
    let expected = Reference.send place.Wire.Model command

    let after =
        match expected with
        | Ok expected -> carry place expected step.HalfClose step.Next (place.Twin.Send(command).Next)
        | Error _ -> place

    Answer.Sent(step, expected), after

let private endOfStream settings (place: Place) : Answer * Place =
    let step = place.Endpoint.EndOfStream()
    let expected = Reference.endOfStream settings place.Wire.Model

    Answer.Ended(step, expected),
    {
        carry place expected step.HalfClose step.Next (place.Twin.EndOfStream().Next) with
            Rest = [||]
    }

/// After both close frames it is the server that ends the stream.
let private sendingEnded (settings: ConnectionSettings) (place: Place) : Place =
    let model = place.Wire.Model

    let next =
        match model.Phase with
        | Reference.Phase.Draining closure when settings.Role.IsServer && closure.IsClean -> {
            model with
                Phase = Reference.Phase.Closed closure
          }
        | Reference.Phase.Draining _
        | Reference.Phase.Open
        | Reference.Phase.CloseSent _
        | Reference.Phase.Closed _ -> model

    {
        place with
            Endpoint = place.Endpoint.SendingEnded()
            Twin = place.Twin.SendingEnded()
            Wire = { place.Wire with Model = next }
    }

let lookOf (place: Place) : Look = {
    At = place.Now
    IsOpen = isOpen place.Wire
    IsPaused = (History.reading place.Asked).IsStop
    IsUnfinished = WireReference.isUnfinished place.Wire
    Unit = place.Wire.Units
    Stops = place.Stops
    Traffic = place.Traffic
    Due = Due.Nothing
}

let private look (place: Place) : Answer * Place =
    let step = place.Endpoint.Tick(place.Now, place.Traffic)
    let twin = place.Twin.Tick(place.Now, place.Traffic)
    let look = lookOf place

    let isClosed =
        match place.Wire.Model.Phase with
        | Reference.Phase.Closed _ -> true
        | Reference.Phase.Open
        | Reference.Phase.CloseSent _
        | Reference.Phase.Draining _ -> false

    let expected = History.due TimeSpan.Zero place.OpenedAt isClosed place.Looks look

    Answer.Looked(step.Due, twin.Due, expected),
    {
        place with
            Endpoint = step.Next
            Twin = twin.Next
            Looks = { look with Due = expected } :: place.Looks
    }

let private after (place: Place) (seconds: int) : Place =
    let now = place.Now + TimeSpan.FromSeconds(float seconds)

    {
        place with
            Now = now
            StoppedAt =
                if (History.reading place.Asked).IsStop then
                    ValueSome now
                else
                    place.StoppedAt
    }

let private readOn (place: Place) (unread: Unread) : Place =
    let asked =
        {
            IsOpen = isOpen place.Wire
            Unread = unread
        }
        :: place.Asked

    let isStop = (History.reading asked).IsStop
    let wasStop = (History.reading place.Asked).IsStop

    {
        place with
            Endpoint = place.Endpoint.ReadOn unread
            Twin = place.Twin.ReadOn unread
            Asked = asked
            Stops =
                if isStop && not wasStop then
                    place.Stops + 1
                else
                    place.Stops
            StoppedAt =
                if isStop || wasStop then
                    ValueSome place.Now
                else
                    place.StoppedAt
    }

/// A ping is unanswered before which nothing had waited for the peer.
let private isPingedOnly (place: Place) : bool =
    History.pinged place.Looks
    |> Option.exists (fun look -> look.Traffic.Untaken = 0L)

let private traffic (place: Place) (change: Traffic -> Traffic) : Place =
    let next = change place.Traffic

    {
        place with
            Traffic = next
            LifeAt =
                // What was written after a ping is no sign of life: its system takes the ping, too.
                if next.Taken <> place.Traffic.Taken && not (isPingedOnly place) then
                    place.Now
                else
                    place.LifeAt
    }

let take (settings: ConnectionSettings) (place: Place) (move: Move) : Step =
    let answer, next =
        match move with
        | Frames(_, bytes) -> arrive settings place bytes [||]
        | Begin(_, first, rest) -> arrive settings place first rest
        | OneMore -> arrive settings place place.Rest[..0] place.Rest[1..]
        | TheRest behind -> arrive settings place (Array.append place.Rest behind) [||]
        | EndOfStream -> endOfStream settings place
        | SendingEnded -> Answer.Other, sendingEnded settings place
        | Send command -> send place command
        | Opened -> Answer.Other, opened settings place
        | Look seconds -> look (after place seconds)
        | Wait seconds -> Answer.Other, after place seconds
        | Traffic(_, change) -> Answer.Other, traffic place change
        | ReadOn unread -> Answer.Other, readOn place unread

    {
        Before = place
        Move = move
        Answer = answer
        After = next
    }
