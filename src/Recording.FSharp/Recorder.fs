// Keeps the last inputs of a connection, in bounded memory. What they lead to is not kept: Replay finds it again.
namespace FunctionalWs.Protocol

open System
open System.Collections.Generic
open System.Threading

/// Looks on while a decoder decodes.
[<Sealed>]
type internal WatchedDecoder(inner: PayloadDecoder, frame: ArrivingFrame, gate: obj) =
    inherit PayloadDecoder()

    override _.Decode(bits, data, endOfMessage, room) =
        let error = inner.Decode(bits, data, endOfMessage, room)

        match error with
        | ValueSome found -> lock gate (fun () -> frame.Fail found)
        | ValueNone -> ()

        error

    override _.Decoded = inner.Decoded

    override _.Skip count =
        // Before the lock: a decoder is code of others.
        let decoded = inner.Decoded.Slice(0, count)
        Monitor.Enter gate

        try
            frame.TakeDecoded decoded
        finally
            Monitor.Exit gate

        inner.Skip count

/// <summary>
/// Records a connection: its last steps, in bounded memory. Whoever steps an endpoint tells it of each step, in their order. Calls cost
/// what the bytes cost. Safe from any thread.
/// </summary>
[<Sealed; AllowNullLiteral(false); NoEquality; NoComparison>]
type Recorder
    /// <summary>Begins to record.</summary>
    /// <param name="limits">How much is kept.</param>
    /// <param name="settings">The settings of the connection.</param>
    /// <param name="started">When it was opened.</param>
    (limits: RecorderLimits, settings: ConnectionSettings, started: DateTimeOffset) =
    do
        ArgumentNullException.ThrowIfNull(limits, nameof limits)
        ConnectionSettings.check settings

    let gate = obj ()
    let frame = ArrivingFrame(settings, limits.MaxPayloadBytes)
    // Each with the state after it, as it is between frames.
    let steps = Queue<struct (RecordedStep * State)>()
    let mutable payloadBytes = 0L
    let mutable dropped = 0L
    let mutable start = Connection.start
    // After the last step, and with what has come of a frame.
    let mutable state = Connection.start
    let mutable live = Connection.start
    let mutable offset = 0L
    let mutable frameStart = 0L
    let mutable receivedAt = TimeSpan.Zero

    let keptBytes (step: RecordedStep) : int64 =
        match step.What with
        | Recorded.Received(header, RecordedPayload.Bytes bytes, _) when not (Opcode.isControl header.Opcode) ->
            int64 bytes.Length
        | Recorded.Received _
        | Recorded.Refused _
        | Recorded.EndOfStream
        | Recorded.Sent _
        | Recorded.SendingEnded -> 0L

    let isTooMuch () =
        steps.Count > limits.MaxSteps
        || payloadBytes + frame.Count > int64 limits.MaxPayloadBytes

    /// Drops the oldest steps until the rest is within the limits. A frame that is kept is within them.
    let trim () =
        while steps.Count > 0 && isTooMuch () do
            let struct (step, after) = steps.Dequeue()
            start <- Redaction.state after
            dropped <- dropped + 1L
            payloadBytes <- payloadBytes - keptBytes step

    let step (at: TimeSpan) (what: Recorded) : RecordedStep = {
        At = TimeSpan(at.Ticks - at.Ticks % TimeSpan.TicksPerMicrosecond)
        Offset = frameStart
        What = what
    }

    let add (at: TimeSpan) (what: Recorded) (after: State) =
        let step = step at what
        payloadBytes <- payloadBytes + keptBytes step
        steps.Enqueue(struct (step, after))
        state <- after

    let textAfter (state: State) : Utf8State =
        match StateParts.receiving state with
        | ValueSome message -> message.Text
        | ValueNone -> Utf8.start

    let invalid (incoming: Incoming) : int64 voption =
        match incoming, StateParts.receiving state with
        | Incoming.Refused {
                               Error = ProtocolError.TextNotUtf8 position
                           },
          ValueSome message -> ValueSome(position - message.Size)
        | Incoming.Refused {
                               Error = ProtocolError.TextNotUtf8 position
                           },
          ValueNone -> ValueSome position
        | (Incoming.Refused _ | Incoming.Nothing | Incoming.Data _ | Incoming.Ping _ | Incoming.Pong _ | Incoming.Close _),
          _ -> ValueNone

    let endFrame (at: TimeSpan) (what: Recorded) (after: State) =
        frame.Clear()
        add at what after
        frameStart <- offset

    let receive (at: TimeSpan) (bytes: ReadOnlySpan<byte>) (received: ReceiveStep) =
        receivedAt <- at
        offset <- offset + int64 bytes.Length

        if StateParts.isOver state then
            frameStart <- offset
        else
            frame.Take(StateParts.receiving state, bytes)
            live <- received.Next.State

            if not received.Incoming.IsNothing then
                let what = frame.ToRecorded(textAfter live, invalid received.Incoming)
                endFrame at what live

            trim ()

    let unfinished () : Recorded voption =
        if frame.IsData && not (StateParts.isOver state) then
            ValueSome(frame.ToRecorded(textAfter live, ValueNone))
        else
            ValueNone

    let sizeOf (command: Command) (length: int64) : int64 =
        match command with
        | Command.Message _
        | Command.FirstFragment _
        | Command.NextFragment _ -> length
        | Command.Ping _
        | Command.Pong _
        | Command.Close _
        | Command.Fail _ -> 0L

    let kept (command: Command) : Command =
        if limits.MaxPayloadBytes > 0 then
            command
        else
            Redaction.command command

    /// A step of ours. What has come of a frame is recorded when the frame ends: until then it is no part of the state.
    let act (at: TimeSpan) (what: Recorded) (next: State) =
        live <- next

        let after =
            if frame.IsData then
                StateParts.withReceiving (StateParts.receiving state) next
            else
                next

        add at what after
        trim ()

    let endStream (at: TimeSpan) =
        if not live.IsClosed then
            match unfinished () with
            | ValueSome cut -> endFrame receivedAt cut live
            | ValueNone -> ()

            live <- (Connection.receive settings live Input.EndOfStream).State
            add at Recorded.EndOfStream live
            trim ()

    let endSending (at: TimeSpan) =
        let next = Connection.sendingEnded settings live

        if not (obj.ReferenceEquals(next, live)) then
            act at Recorded.SendingEnded next

    let send (at: TimeSpan) (command: Command) (length: int64) =
        match Connection.send live command with
        | SendResult.Accepted transition ->
            act at (Recorded.Sent(kept command, sizeOf command length)) transition.State
        | SendResult.Refused _ -> ()

    let recording (all: struct (RecordedStep * State)[]) (cut: RecordedStep[]) : Recording =
        // A frame that isn't whole takes the place of the oldest step.
        let skipped = if all.Length + cut.Length > limits.MaxSteps then 1 else 0

        {
            Settings = settings
            Started = started
            Dropped = dropped + int64 skipped
            Start =
                if skipped = 0 then
                    start
                else
                    let struct (_, after) = all[0]
                    Redaction.state after
            Steps =
                Array.append
                    (all
                     |> Array.skip (min skipped all.Length)
                     |> Array.map (fun struct (step, _) -> step))
                    cut
        }

    /// <summary>Gives a decoder that does what another does, while this recorder looks on: the endpoint has to get this one.</summary>
    /// <param name="decoder">What decodes the messages that extensions have transformed.</param>
    member _.Watch(decoder: PayloadDecoder) : PayloadDecoder =
        ArgumentNullException.ThrowIfNull(decoder, nameof decoder)

        WatchedDecoder(decoder, frame, gate) :> PayloadDecoder

    /// <summary>Records what the peer sent.</summary>
    /// <param name="at">How long the connection has been open.</param>
    /// <param name="bytes">The bytes that one call of <c>WebSocketEndpoint.Receive</c> has taken, as they came.</param>
    /// <param name="step">What it answered.</param>
    member _.Received(at: TimeSpan, bytes: ReadOnlySpan<byte>, step: ReceiveStep) : unit =
        Monitor.Enter gate

        try
            receive at bytes step
        finally
            Monitor.Exit gate

    /// <summary>Records that the peer's side of the stream has ended; what is said after the end of all is not recorded.</summary>
    /// <param name="at">How long the connection has been open.</param>
    member _.EndOfStream(at: TimeSpan) : unit = lock gate (fun () -> endStream at)

    /// <summary>Records a command; one that the state refuses changes nothing, and is not recorded.</summary>
    /// <param name="at">How long the connection has been open.</param>
    /// <param name="command">The command.</param>
    /// <param name="length">The size of the message or fragment in bytes; not looked at for other commands.</param>
    member _.Sent(at: TimeSpan, command: Command, length: int64) : unit =
        ArgumentNullException.ThrowIfNull(command, nameof command)

        lock gate (fun () -> send at command length)

    /// <summary>Records that our side of the stream has ended, if that changes the state.</summary>
    /// <param name="at">How long the connection has been open.</param>
    member _.SendingEnded(at: TimeSpan) : unit = lock gate (fun () -> endSending at)

    /// <summary>What has been recorded. It stays as it is.</summary>
    member _.ToRecording() : Recording =
        lock gate (fun () ->
            let all = steps.ToArray()

            match unfinished () with
            | ValueSome cut -> recording all [| step receivedAt cut |]
            | ValueNone -> recording all [||])
