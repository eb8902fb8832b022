// A recording run again: the same states, forwards and back, or other ones under other settings.
namespace FunctionalWs.Protocol

open System
open System.Buffers

/// <summary>One step of a replay.</summary>
type ReplayedStep = {
    /// <summary>The step of the recording.</summary>
    Recorded: RecordedStep
    /// <summary>The state before it.</summary>
    Before: State
    /// <summary>What it led to now.</summary>
    Transition: Transition
    /// <summary>Why a command is refused now; none for all else.</summary>
    Refusal: SendError voption
    /// <summary>The rule that the peer breaks with this step.</summary>
    Violation: Violation voption
} with

    /// <summary>True when it led to the same as it did when it was recorded.</summary>
    member step.IsAsRecorded: bool =
        step.Refusal.IsNone && step.Transition = step.Recorded.Transition

/// <summary>A recording that was run again. Every state is kept: going back is looking at a step before.</summary>
type Replay = {
    /// <summary>What was run.</summary>
    Recording: Recording
    /// <summary>The settings under which it was run.</summary>
    Settings: ConnectionSettings
    /// <summary>The steps. Not to be changed.</summary>
    Steps: ReplayedStep[]
    /// <summary>
    /// False when the replay accepts what was refused when it was recorded: nothing is known of what would have come then, and
    /// the steps end there.
    /// </summary>
    IsComplete: bool
} with

    /// <summary>The state after so many steps: 0 gives the state before the first one, <c>Steps.Length</c> the last state.</summary>
    /// <param name="steps">0 to <c>Steps.Length</c>.</param>
    /// <exception cref="T:System.ArgumentOutOfRangeException">There are not so many steps.</exception>
    member replay.StateAfter(steps: int) : State =
        ArgumentOutOfRangeException.ThrowIfNegative(steps, nameof steps)
        ArgumentOutOfRangeException.ThrowIfGreaterThan(steps, replay.Steps.Length, nameof steps)

        if steps = 0 then
            replay.Recording.Start
        else
            replay.Steps[steps - 1].Transition.State

    /// <summary>The first rule that the peer breaks; none when it breaks none.</summary>
    member replay.Violation: Violation voption =
        replay.Steps
        |> Array.tryPick (fun step -> step.Violation |> ValueOption.toOption)
        |> ValueOption.ofOption

    /// <summary>The steps that led to something else than when they were recorded.</summary>
    member replay.Differences: ReplayedStep[] =
        replay.Steps |> Array.filter (fun step -> not step.IsAsRecorded)

/// <summary>Runs recordings again.</summary>
module Replay =

    let private stay (state: State) : Transition = {
        State = state
        Event = ValueNone
        Output = ValueNone
        HalfClose = false
    }

    /// The answer to a step, with the rule that it breaks.
    [<Struct>]
    type private Answer =
        | Came of Transition: Transition * Found: Violation voption
        | Refused of Error: SendError
        | Accepted // what was refused when it was recorded

    let private isOver (state: State) =
        match state with
        | State.Draining _
        | State.Closed _ -> true
        | State.Open _
        | State.CloseSent _ -> false

    let private failureOf (before: State) (transition: Transition) : ProtocolError voption =
        match transition.State with
        | State.Draining(Closure.Failed(error, _)) when not (isOver before) -> ValueSome error
        | State.Open _
        | State.CloseSent _
        | State.Draining _
        | State.Closed _ -> ValueNone

    let private receive settings (state: State) (offset: int64) (input: Input) : Answer =
        let transition = Connection.receive settings state input

        match failureOf state transition with
        | ValueSome error -> Came(transition, ValueSome(Violation.ofInput state offset input error))
        | ValueNone -> Came(transition, ValueNone)

    /// What is wrong with a header under these settings.
    let private judge settings (state: State) (bytes: byte[]) : ProtocolError voption =
        let buffer = ReadOnlySequence(HeaderBytes.withKey bytes)

        match FrameReader.readHeader settings &buffer with
        | HeaderParse.Incomplete -> ValueNone
        | HeaderParse.Malformed error -> ValueSome error
        | HeaderParse.Complete header -> Connection.check settings state &header

    let private receiveData
        settings
        (state: State)
        (offset: int64)
        (header: inref<FrameHeader>)
        (part: Part)
        (payload: RecordedPayload)
        : Answer =
        let transition =
            match payload with
            | RecordedPayload.Bytes bytes ->
                Connection.receiveData settings state &header part (ReadOnlySpan bytes)
            | RecordedPayload.Measured(length, _, ValueSome position) ->
                Connection.receiveMeasured settings state &header part length (Invalid(int position))
            | RecordedPayload.Measured(length, text, ValueNone) ->
                Connection.receiveMeasured settings state &header part length (Valid text)

        match failureOf state transition with
        | ValueSome error -> Came(transition, ValueSome(Violation.ofData state offset &header part error))
        | ValueNone -> Came(transition, ValueNone)

    let private onData settings (state: State) (offset: int64) (header: FrameHeader) (part: Part) payload =
        let error =
            if part.Begins then
                judge settings state (HeaderBytes.ofHeader &header)
            else
                ValueNone

        match error with
        | ValueSome error -> receive settings state offset (Input.Broken error)
        | ValueNone -> receiveData settings state offset &header part payload

    let private onControl settings state offset (header: FrameHeader) (payload: ControlPayload voption) =
        match judge settings state (HeaderBytes.ofHeader &header), payload with
        | ValueSome error, _ -> receive settings state offset (Input.Broken error)
        | ValueNone, payload ->
            let payload =
                payload
                |> ValueOption.defaultWith (fun () -> Redaction.blank (int header.PayloadLength))

            let bytes = payload.Span.ToArray()

            receive
                settings
                state
                offset
                (Input.Received {
                    Header = header // its key is 0: the payload is as it was
                    Payload = ReadOnlySequence bytes
                })

    let private onRefused settings (state: State) (offset: int64) (header: byte[]) : Answer =
        match judge settings state header with
        | ValueSome error -> receive settings state offset (Input.Broken error)
        | ValueNone -> Accepted

    let private onCommand (state: State) (command: Command) : Answer =
        match Connection.send state command with
        | SendResult.Accepted transition -> Came(transition, ValueNone)
        | SendResult.Refused error -> Refused error

    let private answer settings (state: State) (step: RecordedStep) : Answer =
        match step.What with
        | Recorded.Data(header, part, payload) -> onData settings state step.Offset header part payload
        | Recorded.Control(header, payload) -> onControl settings state step.Offset header payload
        | Recorded.Refused header -> onRefused settings state step.Offset header
        | Recorded.Undecodable error -> receive settings state step.Offset (Input.Broken error)
        | Recorded.EndOfStream -> receive settings state step.Offset Input.EndOfStream
        | Recorded.Sent(command, _) -> onCommand state command

    let private replayed (before: State) (step: RecordedStep) (answer: Answer) : ReplayedStep =
        let plain = {
            Recorded = step
            Before = before
            Transition = stay before
            Refusal = ValueNone
            Violation = ValueNone
        }

        match answer with
        | Came(transition, violation) -> {
            plain with
                Transition = transition
                Violation = violation
          }
        | Refused error -> { plain with Refusal = ValueSome error }
        | Accepted -> plain

    /// True when the peer was refused then and is not now: what it sent after that is not known.
    let private isUnknownFrom (recordedBefore: State) (step: ReplayedStep) : bool =
        (failureOf recordedBefore step.Recorded.Transition).IsSome
        && not (isOver step.Transition.State)

    /// <summary>Runs a recording under other settings: what would they have done?</summary>
    /// <param name="settings">The settings. Those of the recording, with something changed.</param>
    /// <param name="recording">The recording.</param>
    [<CompiledName("RunWith")>]
    let runWith (settings: ConnectionSettings) (recording: Recording) : Replay =
        let steps = ResizeArray()
        let mutable state = recording.Start
        let mutable recordedState = recording.Start
        let mutable isComplete = true
        let mutable index = 0

        while isComplete && index < recording.Steps.Length do
            let recorded = recording.Steps[index]
            let step = replayed state recorded (answer settings state recorded)
            steps.Add step
            isComplete <- not (isUnknownFrom recordedState step)
            state <- step.Transition.State
            recordedState <- recorded.Transition.State
            index <- index + 1

        {
            Recording = recording
            Settings = settings
            Steps = steps.ToArray()
            IsComplete = isComplete
        }

    /// <summary>Runs a recording under the settings under which it was recorded.</summary>
    /// <param name="recording">The recording.</param>
    [<CompiledName("Run")>]
    let run (recording: Recording) : Replay = runWith recording.Settings recording
