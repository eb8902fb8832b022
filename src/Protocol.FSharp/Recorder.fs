// Keeps the last steps of a connection, in bounded memory. A value: each step gives another recorder.
namespace FunctionalWs.Protocol

open System
open System.Collections.Immutable

/// <summary>
/// The last steps of a connection, in bounded memory. Immutable: what is recorded gives a new recorder, the old one stays as it is.
/// </summary>
[<Sealed; AllowNullLiteral(false)>]
type Recorder
    internal
    (
        limits: RecorderLimits,
        origin: Recording,
        older: ImmutableQueue<RecordedStep>,
        last: RecordedStep voption,
        count: int,
        payloadBytes: int64,
        state: State
    ) =

    member internal _.Limits = limits
    /// The settings, and what is known of the dropped beginning; without steps.
    member internal _.Origin = origin
    member internal _.Older = older
    member internal _.Last = last
    member internal _.PayloadBytes = payloadBytes

    /// <summary>The state after the last step.</summary>
    member _.State: State = state

    /// <summary>How many steps are kept.</summary>
    member _.Count: int = count

/// <summary>Records what happens to a connection.</summary>
module Recorder =

    /// <summary>A recorder for a connection that has just been opened.</summary>
    /// <param name="limits">How much is kept.</param>
    /// <param name="settings">The settings of the connection.</param>
    /// <param name="started">When it was opened.</param>
    [<CompiledName("Start")>]
    let start (limits: RecorderLimits) (settings: ConnectionSettings) (started: DateTimeOffset) : Recorder =
        let origin = {
            Settings = settings
            Started = started
            Dropped = 0L
            Start = Connection.start
            Steps = [||]
        }

        Recorder(limits, origin, ImmutableQueue.Empty, ValueNone, 0, 0L, Connection.start)

    let private keptBytes (step: RecordedStep) : int64 =
        match step.What with
        | Recorded.Data(_, _, RecordedPayload.Bytes bytes) -> int64 bytes.Length
        | Recorded.Data(_, _, RecordedPayload.Measured _)
        | Recorded.Control _
        | Recorded.Refused _
        | Recorded.Undecodable _
        | Recorded.EndOfStream
        | Recorded.Sent _ -> 0L

    /// Drops the oldest steps until the rest is within the limits. The last one always is.
    let rec private trim (recorder: Recorder) : Recorder =
        if
            recorder.Older.IsEmpty
            || (recorder.Count <= recorder.Limits.MaxSteps
                && recorder.PayloadBytes <= int64 recorder.Limits.MaxPayloadBytes)
        then
            recorder
        else
            let dropped = recorder.Older.Peek()

            let origin = {
                recorder.Origin with
                    Dropped = recorder.Origin.Dropped + 1L
                    Start = dropped.Transition.State
            }

            trim (
                Recorder(
                    recorder.Limits,
                    origin,
                    recorder.Older.Dequeue(),
                    recorder.Last,
                    recorder.Count - 1,
                    recorder.PayloadBytes - keptBytes dropped,
                    recorder.State
                )
            )

    let private wholeMicroseconds (time: TimeSpan) =
        TimeSpan(time.Ticks - time.Ticks % TimeSpan.TicksPerMicrosecond)

    let private keepsPayloads (recorder: Recorder) = recorder.Limits.MaxPayloadBytes > 0

    let private add (recorder: Recorder) (step: RecordedStep) : Recorder =
        let transition =
            if keepsPayloads recorder then
                step.Transition
            else
                Redaction.transition step.Transition

        let step = {
            step with
                At = wholeMicroseconds step.At
                Transition = {
                    transition with
                        State = Redaction.state transition.State
                }
        }

        let older =
            match recorder.Last with
            | ValueSome last -> recorder.Older.Enqueue last
            | ValueNone -> recorder.Older

        trim (
            Recorder(
                recorder.Limits,
                recorder.Origin,
                older,
                ValueSome step,
                recorder.Count + 1,
                recorder.PayloadBytes + keptBytes step,
                step.Transition.State
            )
        )

    let private withoutKey (header: inref<FrameHeader>) : FrameHeader = {
        header with
            MaskingKey = ValueOption.map (fun _ -> 0u) header.MaskingKey
    }

    let private addControl
        (recorder: Recorder)
        (at: TimeSpan)
        (offset: int64)
        (frame: inref<Frame>)
        (transition: Transition)
        : Recorder =
        // What a close frame says is in the log anyway.
        let payload =
            if frame.Header.Opcode.IsClose || keepsPayloads recorder then
                ValueSome(ControlPayload.Own(Frame.toArray &frame))
            else
                ValueNone

        add recorder {
            At = at
            Offset = offset
            What = Recorded.Control(withoutKey &frame.Header, payload)
            Transition = transition
        }

    // ---- Data

    let private receiving (state: State) : PartialMessage voption =
        match state with
        | State.Open(receiving, _)
        | State.CloseSent(_, receiving) -> receiving
        | State.Draining _
        | State.Closed _ -> ValueNone

    let private textAfter (state: State) : Utf8State =
        match receiving state with
        | ValueSome message -> message.Text
        | ValueNone -> Utf8.start

    /// So much of a frame, behind so much that is recorded already.
    let private measure (before: State) (transition: Transition) (earlier: int64) (length: int64) =
        let invalid =
            match transition.State, receiving before with
            | State.Draining(Closure.Failed(ProtocolError.TextNotUtf8 position, _)), ValueSome message ->
                ValueSome(earlier + position - message.Size)
            | State.Draining(Closure.Failed(ProtocolError.TextNotUtf8 position, _)), ValueNone ->
                ValueSome(earlier + position)
            | (State.Draining _ | State.Open _ | State.CloseSent _ | State.Closed _), _ -> ValueNone

        RecordedPayload.Measured(earlier + length, textAfter transition.State, invalid)

    let private lengthOf (payload: RecordedPayload) : int64 =
        match payload with
        | RecordedPayload.Bytes bytes -> int64 bytes.Length
        | RecordedPayload.Measured(length, _, _) -> length

    let private joinParts (first: Part) (second: Part) : Part =
        match first.Begins, second.Ends with
        | true, true -> Part.Whole
        | true, false -> Part.First
        | false, true -> Part.Last
        | false, false -> Part.Middle

    let private joinPayloads
        (limit: int)
        (before: State)
        (transition: Transition)
        (first: RecordedPayload)
        (data: ReadOnlySpan<byte>)
        : RecordedPayload =
        match first with
        | RecordedPayload.Bytes bytes when bytes.Length + data.Length <= limit ->
            RecordedPayload.Bytes(Array.append bytes (data.ToArray()))
        | RecordedPayload.Bytes _
        | RecordedPayload.Measured _ -> measure before transition (lengthOf first) (int64 data.Length)

    /// The last step, when the next piece of its frame follows it: one step for both.
    let private unfinished (recorder: Recorder) (offset: int64) (part: Part) =
        match recorder.Last with
        | ValueSome({
                        What = Recorded.Data(_, before, payload)
                    } as last) when not part.Begins && not before.Ends && last.Offset = offset ->
            ValueSome(struct (last, before, payload))
        | ValueSome _
        | ValueNone -> ValueNone

    /// Takes the last step back.
    let private withoutLast (recorder: Recorder) (last: RecordedStep) : Recorder =
        Recorder(
            recorder.Limits,
            recorder.Origin,
            recorder.Older,
            ValueNone,
            recorder.Count - 1,
            recorder.PayloadBytes - keptBytes last,
            recorder.State
        )

    /// <summary>Records a piece of a data frame. Pieces that follow one another become one step.</summary>
    /// <param name="recorder">The recorder so far.</param>
    /// <param name="at">How long the connection has been open.</param>
    /// <param name="offset">Where the frame's header begins in the peer's bytes.</param>
    /// <param name="header">The frame's header.</param>
    /// <param name="part">Which part of the payload the piece is.</param>
    /// <param name="data">The piece, unmasked and decoded. Copied, or measured.</param>
    /// <param name="transition">What <c>Connection.receiveData</c> answered.</param>
    [<CompiledName("ReceiveData")>]
    let receiveData
        (recorder: Recorder)
        (at: TimeSpan)
        (offset: int64)
        (header: inref<FrameHeader>)
        (part: Part)
        (data: ReadOnlySpan<byte>)
        (transition: Transition)
        : Recorder =
        let limit = recorder.Limits.MaxPayloadBytes

        let recorder, part, payload =
            match unfinished recorder offset part with
            | ValueSome(struct (last, before, payload)) ->
                let payload = joinPayloads limit recorder.State transition payload data
                withoutLast recorder last, joinParts before part, payload
            | ValueNone when limit > 0 && data.Length <= limit ->
                recorder, part, RecordedPayload.Bytes(data.ToArray())
            | ValueNone -> recorder, part, measure recorder.State transition 0L (int64 data.Length)

        add recorder {
            At = at
            Offset = offset
            What = Recorded.Data(withoutKey &header, part, payload)
            Transition = transition
        }

    // ---- All else

    /// <summary>Records a frame that was refused for its header.</summary>
    /// <param name="recorder">The recorder so far.</param>
    /// <param name="at">How long the connection has been open.</param>
    /// <param name="offset">Where the header begins in the peer's bytes.</param>
    /// <param name="header">The bytes from there on; no more than the header is kept, without its masking key.</param>
    /// <param name="transition">What <c>Connection.receive</c> answered.</param>
    [<CompiledName("ReceiveRefused")>]
    let receiveRefused
        (recorder: Recorder)
        (at: TimeSpan)
        (offset: int64)
        (header: ReadOnlySpan<byte>)
        (transition: Transition)
        : Recorder =
        add recorder {
            At = at
            Offset = offset
            What = Recorded.Refused(header.Slice(0, HeaderBytes.sizeWithoutKey header).ToArray())
            Transition = transition
        }

    let private other (recorder: Recorder) (at: TimeSpan) (offset: int64) (what: Recorded) transition =
        add recorder {
            At = at
            Offset = offset
            What = what
            Transition = transition
        }

    /// <summary>Records a whole frame, a message that could not be decoded, or the end of the stream.</summary>
    /// <param name="recorder">The recorder so far.</param>
    /// <param name="at">How long the connection has been open.</param>
    /// <param name="offset">Where the input begins in the peer's bytes.</param>
    /// <param name="input">The input. For a header that was refused there is <c>receiveRefused</c>.</param>
    /// <param name="transition">What <c>Connection.receive</c> answered.</param>
    [<CompiledName("Receive")>]
    let receive
        (recorder: Recorder)
        (at: TimeSpan)
        (offset: int64)
        (input: Input)
        (transition: Transition)
        : Recorder =
        match input with
        | Input.Received frame when Opcode.isControl frame.Header.Opcode ->
            addControl recorder at offset &frame transition
        | Input.Received frame ->
            let data = Frame.toArray &frame
            receiveData recorder at offset &frame.Header Part.Whole (ReadOnlySpan data) transition
        | Input.Broken error ->
            other recorder at offset (Recorded.Undecodable(Redaction.error error)) transition
        | Input.EndOfStream -> other recorder at offset Recorded.EndOfStream transition

    let private sizeOf (command: Command) (length: int64) : int64 =
        match command with
        | Command.Message _
        | Command.FirstFragment _
        | Command.NextFragment _ -> length
        | Command.Ping _
        | Command.Pong _
        | Command.Close _
        | Command.Fail _ -> 0L

    /// <summary>Records a command that was accepted.</summary>
    /// <param name="recorder">The recorder so far.</param>
    /// <param name="at">How long the connection has been open.</param>
    /// <param name="offset">How far the peer's frames have been read.</param>
    /// <param name="command">The command.</param>
    /// <param name="length">The size of the message or fragment in bytes; not looked at for other commands.</param>
    /// <param name="transition">What <c>Connection.send</c> answered.</param>
    [<CompiledName("Send")>]
    let send
        (recorder: Recorder)
        (at: TimeSpan)
        (offset: int64)
        (command: Command)
        (length: int64)
        (transition: Transition)
        : Recorder =
        let kept =
            if keepsPayloads recorder then
                command
            else
                Redaction.command command

        other recorder at offset (Recorded.Sent(kept, sizeOf command length)) transition

    /// <summary>What has been recorded.</summary>
    /// <param name="recorder">The recorder.</param>
    [<CompiledName("ToRecording")>]
    let toRecording (recorder: Recorder) : Recording = {
        recorder.Origin with
            Steps = [|
                yield! recorder.Older

                match recorder.Last with
                | ValueSome last -> last
                | ValueNone -> ()
            |]
    }
