// One end of a connection as one immutable value: bytes in, at most one event and its answer out. Which step follows which is decided in
// Receiving; a caller can't get it wrong.
namespace FunctionalWs.Protocol

open System
open System.Buffers
open System.Runtime.CompilerServices
open System.Runtime.InteropServices
open type System.FormattableString

/// What doesn't change in the life of an endpoint.
[<NoComparison; ReferenceEquality>]
type internal Terms = {
    Settings: ConnectionSettings
    Timeouts: Timeouts
    ReadAhead: ReadAhead
}

[<Sealed; Class; AllowNullLiteral(false); NoEquality; NoComparison>]
type WebSocketEndpoint private (terms: Terms, state: State, place: Place, watch: Watch, reading: Reading) =

    let isBetweenMessages = state.IsOpen && not (Receiving.isUnfinished state place)

    let maySendMessage = Connection.maySendMessage state

    member _.Settings: ConnectionSettings = terms.Settings

    member _.State: State = state

    member _.Reading: Reading = reading

    member _.IsUnfinished: bool = Receiving.isUnfinished state place

    member _.PayloadLeft: int64 = Receiving.payloadLeft state place

    member _.IsReceivingOver: bool = not (Connection.isLive state)

    member _.IsSendingOver: bool = Connection.isSendingOver terms.Settings state

    member _.IsPinged: bool = watch.Pinged.IsSome

    member _.IsClosed: bool = state.IsClosed

    override _.ToString() : string =
        Invariant $"{terms.Settings.Role}, {state}"

    member private _.Terms = terms
    member private _.Place = place
    member private _.Watch = watch

    /// A client that forgot its key would mask with zeros, and nothing would tell.
    member private _.Mask(key: Nullable<uint32>) : uint32 =
        if terms.Settings.Role.IsClient && not key.HasValue then
            raise (
                ArgumentNullException(nameof key, "A client masks its frames: it has to give a masking key.")
            )

        key.GetValueOrDefault()

    /// The value itself when nothing changed: what keeps a whole frame at 0 bytes. Once nothing that comes matters, no frame is
    /// under way; and what is whole is timed no more, so that the next that is unfinished is timed by itself.
    member internal endpoint.With(nextState: State, nextPlace: Place) : WebSocketEndpoint =
        let nextPlace =
            if Connection.isLive nextState then
                nextPlace
            else
                Place.Between

        if obj.ReferenceEquals(nextState, state) && obj.ReferenceEquals(nextPlace, place) then
            endpoint
        else
            let nextWatch =
                if Receiving.isUnfinished nextState nextPlace then
                    watch
                else
                    Watch.withoutMessage watch

            WebSocketEndpoint(terms, nextState, nextPlace, nextWatch, reading)

    member private endpoint.Lead(taken: inref<Taken>) : ReceiveStep = {
        Next = endpoint.With(taken.State, taken.Place)
        Consumed = taken.Consumed
        Incoming = taken.Incoming
        HalfClose = taken.HalfClose
        ReservedBits = taken.ReservedBits
    }

    /// The answer first: what the writer throws leaves this value as it was.
    member private endpoint.Carry
        (taken: inref<Taken>, key: uint32, answers: IBufferWriter<byte>)
        : ReceiveStep =
        match taken.Output with
        | ValueSome output -> Outgoing.write terms.Settings.Role key ReadOnlySpan.Empty answers output
        | ValueNone -> ()

        endpoint.Lead &taken

    member private endpoint.With(nextWatch: Watch) : WebSocketEndpoint =
        if obj.ReferenceEquals(nextWatch, watch) then
            endpoint
        else
            WebSocketEndpoint(terms, state, place, nextWatch, reading)

    member private endpoint.With(nextReading: Reading) : WebSocketEndpoint =
        match reading, nextReading with
        | Reading.On, Reading.On
        | Reading.ControlOnly, Reading.ControlOnly
        | Reading.Stop, Reading.Stop -> endpoint
        | (Reading.On | Reading.ControlOnly | Reading.Stop), _ ->
            WebSocketEndpoint(terms, state, place, watch, nextReading)

    member private _.Condition: Condition = {
        IsOpen = state.IsOpen
        IsClosed = state.IsClosed
        IsUnfinished = Receiving.isUnfinished state place
        IsPaused = reading.IsStop
    }

    static member Create(settings: ConnectionSettings) : WebSocketEndpoint =
        ConnectionSettings.check settings

        let terms = {
            Settings = settings
            Timeouts = Timeouts.Never
            ReadAhead = ReadAhead.Unlimited
        }

        let watch = Watch.opened TimeSpan.Zero (Watch.start TimeSpan.Zero)
        WebSocketEndpoint(terms, Connection.start, Place.Between, watch, Reading.On)

    static member Create
        (settings: ConnectionSettings, timeouts: Timeouts, readAhead: ReadAhead, now: TimeSpan)
        : WebSocketEndpoint =
        ConnectionSettings.check settings
        ArgumentNullException.ThrowIfNull(timeouts, nameof timeouts)
        ArgumentNullException.ThrowIfNull(readAhead, nameof readAhead)

        let terms = {
            Settings = settings
            Timeouts = timeouts
            ReadAhead = readAhead
        }

        WebSocketEndpoint(terms, Connection.start, Place.Between, Watch.start now, Reading.On)

    member endpoint.Opened(settings: ConnectionSettings, now: TimeSpan) : WebSocketEndpoint =
        ConnectionSettings.check settings

        WebSocketEndpoint(
            {
                endpoint.Terms with
                    Settings = settings
            },
            endpoint.State,
            endpoint.Place,
            Watch.opened now endpoint.Watch,
            endpoint.Reading
        )

    // ---- Receiving

    /// Every way but the usual one, which has nothing of this on its stack.
    [<MethodImpl(MethodImplOptions.NoInlining)>]
    member private endpoint.ReceiveAny<'Sink when 'Sink: struct and 'Sink :> IBufferWriter<byte>>
        (
            bytes: ReadOnlySpan<byte>,
            sink: byref<'Sink>,
            answers: IBufferWriter<byte>,
            key: uint32,
            decoder: PayloadDecoder | null
        ) : ReceiveStep =
        let taken = Receiving.receive terms.Settings state place bytes decoder &sink
        endpoint.Carry(&taken, key, answers)

    member endpoint.Receive<'Sink when 'Sink: struct and 'Sink :> IBufferWriter<byte>>
        (
            bytes: ReadOnlySpan<byte>,
            sink: byref<'Sink>,
            answers: IBufferWriter<byte>,
            key: uint32,
            decoder: PayloadDecoder | null
        ) : ReceiveStep =
        ArgumentNullException.ThrowIfNull(answers, nameof answers)

        if not isBetweenMessages || bytes.IsEmpty then
            endpoint.ReceiveAny(bytes, &sink, answers, key, decoder)
        else
            match FrameReader.readHeaderOf terms.Settings bytes with
            | HeaderParse.Complete header when Receiving.isUsual &header bytes.Length ->
                // The reader has held the size of a frame without bits against both limits: only its text can be wrong.
                let length = int header.PayloadLength
                let target = sink.GetSpan(length).Slice(0, length)
                Frame.copySpan &header (bytes.Slice(header.Size, length)) target

                if
                    header.Opcode.IsBinary
                    || not terms.Settings.ValidateText
                    || Utf8.isText (Span<byte>.op_Implicit target)
                then
                    sink.Advance length

                    {
                        Next = endpoint
                        Consumed = header.Size + length
                        Incoming = Receiving.wholeMessage header.Opcode
                        HalfClose = false
                        ReservedBits = ReservedBits.None
                    }
                else
                    // Again, the long way: it finds where the text is wrong.
                    endpoint.ReceiveAny(bytes, &sink, answers, key, decoder)
            | HeaderParse.Complete _
            | HeaderParse.Incomplete
            | HeaderParse.Malformed _ -> endpoint.ReceiveAny(bytes, &sink, answers, key, decoder)

    member endpoint.Receive
        (
            bytes: ReadOnlySpan<byte>,
            sink: IBufferWriter<byte>,
            answers: IBufferWriter<byte>,
            [<Optional; DefaultParameterValue(Nullable<uint32>())>] key: Nullable<uint32>,
            [<Optional; DefaultParameterValue(null: PayloadDecoder | null)>] decoder: PayloadDecoder | null
        ) : ReceiveStep =
        ArgumentNullException.ThrowIfNull(sink, nameof sink)
        ArgumentNullException.ThrowIfNull(answers, nameof answers)

        let mutable target = WriterSink sink
        endpoint.Receive(bytes, &target, answers, endpoint.Mask key, decoder)

    member endpoint.Receive
        (
            bytes: ReadOnlySpan<byte>,
            sink: IBufferWriter<byte>,
            answers: IBufferWriter<byte>,
            key: uint32 voption,
            [<Optional; DefaultParameterValue(null: PayloadDecoder | null)>] decoder: PayloadDecoder | null
        ) : ReceiveStep =
        endpoint.Receive(bytes, sink, answers, ValueOption.toNullable key, decoder)

    member endpoint.Receive
        (
            bytes: inref<ReadOnlySequence<byte>>,
            sink: IBufferWriter<byte>,
            answers: IBufferWriter<byte>,
            [<Optional; DefaultParameterValue(Nullable<uint32>())>] key: Nullable<uint32>,
            [<Optional; DefaultParameterValue(null: PayloadDecoder | null)>] decoder: PayloadDecoder | null
        ) : ReceiveStep =
        ArgumentNullException.ThrowIfNull(sink, nameof sink)
        ArgumentNullException.ThrowIfNull(answers, nameof answers)

        let mask = Nullable(endpoint.Mask key)
        let mutable segments = bytes.GetEnumerator()

        let nothing = Receiving.waiting state place 0
        let mutable step = endpoint.Lead &nothing

        let mutable consumed = 0L

        while step.Incoming.IsNothing
              && consumed < int64 Int32.MaxValue
              && segments.MoveNext() do
            let segment = segments.Current.Span
            let room = int (min (int64 segment.Length) (int64 Int32.MaxValue - consumed))
            step <- step.Next.Receive(segment.Slice(0, room), sink, answers, mask, decoder)

            step <- {
                step with
                    Incoming = Receiving.shifted consumed step.Incoming
            }

            consumed <- consumed + int64 step.Consumed

        { step with Consumed = int consumed }

    member endpoint.Adopt
        (
            step: ReceiveStep,
            answers: IBufferWriter<byte>,
            [<Optional; DefaultParameterValue(Nullable<uint32>())>] key: Nullable<uint32>
        ) : ReceiveStep =
        ArgumentNullException.ThrowIfNull(answers, nameof answers)

        if isNull (box step.Next) then
            raise (
                ArgumentNullException(nameof step, "The default of a step leads nowhere: its Next is null.")
            )

        let early = {
            State = step.Next.State
            Place = step.Next.Place
            Consumed = step.Consumed
            Incoming = step.Incoming
            Output = ValueNone
            HalfClose = step.HalfClose
            ReservedBits = step.ReservedBits
        }

        let taken = Receiving.adopt terms.Settings state &early
        endpoint.Carry(&taken, endpoint.Mask key, answers)

    member endpoint.EndOfStream() : ReceiveStep =
        let taken = Receiving.endOfStream terms.Settings state 0
        endpoint.Lead &taken

    member endpoint.SendingEnded() : WebSocketEndpoint =
        endpoint.With(Connection.sendingEnded endpoint.Settings endpoint.State, endpoint.Place)

    // ---- Sending

    /// Every command but the usual one.
    [<MethodImpl(MethodImplOptions.NoInlining)>]
    member private endpoint.SendAny(command: Command) : SendStep =
        match Connection.send endpoint.State command with
        | SendResult.Refused error -> {
            Next = endpoint
            Output = ValueNone
            Refused = ValueSome error
            HalfClose = false
          }
        | SendResult.Accepted transition -> {
            Next = endpoint.With(transition.State, endpoint.Place)
            Output = transition.Output
            Refused = ValueNone
            HalfClose = transition.HalfClose
          }

    member endpoint.Send(command: Command) : SendStep =
        ArgumentNullException.ThrowIfNull(command, nameof command)

        match command with
        | Command.Message kind when maySendMessage -> {
            Next = endpoint
            Output = ValueSome(Connection.wholeMessage kind)
            Refused = ValueNone
            HalfClose = false
          }
        | Command.Message _
        | Command.FirstFragment _
        | Command.NextFragment _
        | Command.Ping _
        | Command.Pong _
        | Command.Close _
        | Command.Fail _ -> endpoint.SendAny command

    member endpoint.Send
        (
            command: Command,
            payload: ReadOnlySpan<byte>,
            output: IBufferWriter<byte>,
            [<Optional; DefaultParameterValue(Nullable<uint32>())>] key: Nullable<uint32>
        ) : SendStep =
        ArgumentNullException.ThrowIfNull(output, nameof output)

        let mask = endpoint.Mask key
        let step = endpoint.Send command

        match step.Output with
        | ValueSome written -> Outgoing.write terms.Settings.Role mask payload output written
        | ValueNone -> ()

        step

    member endpoint.Send
        (command: Command, payload: ReadOnlySpan<byte>, output: IBufferWriter<byte>, key: uint32 voption)
        : SendStep =
        endpoint.Send(command, payload, output, ValueOption.toNullable key)

    // ---- Time, and reading ahead

    member endpoint.Tick(now: TimeSpan, traffic: Traffic) : TickStep =
        let struct (watch, due) =
            Watch.look now endpoint.Terms.Timeouts endpoint.Condition traffic endpoint.Watch

        {
            Next = endpoint.With watch
            Due = due
        }

    member endpoint.Deadline(now: TimeSpan) : TimeSpan =
        Watch.deadline now endpoint.Terms.Timeouts endpoint.Condition endpoint.Watch

    member endpoint.ReadOn(unread: Unread) : WebSocketEndpoint =
        match endpoint.State with
        | State.Open _ ->
            let next =
                endpoint.With(ReadingRule.next endpoint.Terms.ReadAhead endpoint.Reading unread)

            // Nobody may look before it is read again: a message is timed anew from then on.
            if next.Reading.IsStop then
                next.With(Watch.withoutMessage next.Watch)
            else
                next
        | State.CloseSent _
        | State.Draining _
        | State.Closed _ -> endpoint.With Reading.On

and [<Struct; NoComparison; NoEquality; StructuredFormatDisplay("{Shown}")>] ReceiveStep = {
    Next: WebSocketEndpoint
    Consumed: int
    Incoming: Incoming
    HalfClose: bool
    ReservedBits: ReservedBits
} with

    member private step.Shown: string =
        Words.step step.Next step.Consumed step.Incoming step.HalfClose

    override step.ToString() : string = step.Shown

and [<Struct; NoComparison; NoEquality; StructuredFormatDisplay("{Shown}")>] SendStep = {
    Next: WebSocketEndpoint
    Output: Output voption
    Refused: SendError voption
    HalfClose: bool
} with

    member step.TryGetOutput([<Out>] output: byref<Output>) : bool = ValueOption.tryGet step.Output &output

    member step.TryGetRefusal([<Out>] error: byref<SendError>) : bool = ValueOption.tryGet step.Refused &error

    member private step.Shown: string =
        let written = Words.following "writes" step.Output
        let refused = Words.following "refused" step.Refused
        Invariant $"{step.Next}{written}{refused}{Words.halfClose step.HalfClose}"

    override step.ToString() : string = step.Shown

and [<Struct; NoComparison; NoEquality; StructuredFormatDisplay("{Shown}")>] TickStep = {
    Next: WebSocketEndpoint
    Due: Due
} with

    member private step.Shown: string = Invariant $"{step.Next}; due: {step.Due}"

    override step.ToString() : string = step.Shown
