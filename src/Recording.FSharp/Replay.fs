// A recording run again: the same states, forwards and back, or other ones under other settings.
namespace FunctionalWs.Protocol

open System
open System.Runtime.InteropServices
open type System.FormattableString

/// <summary>One step of a replay.</summary>
[<StructuredFormatDisplay("{Shown}")>]
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
    /// <summary>What it leads to under the settings under which it was recorded.</summary>
    Original: Transition
    /// <summary>True when it leads to the same as under those settings.</summary>
    IsAsRecorded: bool
} with

    /// <summary>Tells the <c>Refusal</c>; false when there is none.</summary>
    /// <param name="error">Why a command is refused now.</param>
    member step.TryGetRefusal([<Out>] error: byref<SendError>) : bool = ValueOption.tryGet step.Refusal &error

    /// <summary>Tells the <c>Violation</c>; false when there is none.</summary>
    /// <param name="violation">The rule that the peer breaks with this step.</param>
    member step.TryGetViolation([<Out>] violation: byref<Violation>) : bool =
        ValueOption.tryGet step.Violation &violation

    member internal step.Answer: string =
        match step.Refusal with
        | ValueSome refusal -> Invariant $"refused: {refusal}"
        | ValueNone -> step.Transition.ToString()

    member private step.Shown: string = Invariant $"{step.Recorded} -> {step.Answer}"

    /// <summary>What happened, and what it led to: <c>@0 &lt; Text, 5 bytes -> Open; tells: text message complete</c>.</summary>
    override step.ToString() : string = step.Shown

/// <summary>A recording that was run again. Every state is kept: going back is looking at a step before.</summary>
[<StructuredFormatDisplay("{Shown}")>]
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

    /// <summary>Tells the first rule that the peer breaks; false when it breaks none.</summary>
    /// <param name="violation">The rule, and where it was broken.</param>
    member replay.TryGetViolation([<Out>] violation: byref<Violation>) : bool =
        ValueOption.tryGet replay.Violation &violation

    /// <summary>The steps that lead to something else than when they were recorded.</summary>
    member replay.Differences: ReplayedStep[] =
        replay.Steps |> Array.filter (fun step -> not step.IsAsRecorded)

    member internal replay.Lines: string[] = [|
        if replay.Recording.IsCut then
            let before = Words.count replay.Recording.Dropped "step"
            Invariant $"(cut: {before} before this; {replay.Recording.Start})"

        for step in replay.Steps do
            step.ToString()

        if not replay.IsComplete then
            "(what was refused then is accepted now: the recording knows nothing of what would have come)"
    |]

    member private replay.Shown: string = String.Join('\n', replay.Lines)

    /// <summary>A line for each step, as <c>ReplayText.Lines</c> has them.</summary>
    override replay.ToString() : string = replay.Shown

module internal ReplayRun =

    let private plain (next: WebSocketEndpoint) (output: Output voption) (halfClose: bool) : Outcome = {
        Next = next
        Transition = {
            State = next.State
            Event = ValueNone
            Output = output
            HalfClose = halfClose
        }
        Refusal = ValueNone
        Violation = ValueNone
    }

    let private send (endpoint: WebSocketEndpoint) (command: Command) : Outcome =
        let step = endpoint.Send command

        {
            plain step.Next step.Output step.HalfClose with
                Refusal = step.Refused
        }

    let private take (endpoint: WebSocketEndpoint) (step: RecordedStep) : Outcome =
        match step.What with
        | Recorded.Received(header, payload, ending) ->
            FrameReplay.frame endpoint step.Offset header payload ending
        | Recorded.Refused header -> FrameReplay.refused endpoint step.Offset header
        | Recorded.EndOfStream -> FrameReplay.outcome step.Offset false (endpoint.EndOfStream())
        | Recorded.Sent(command, _) -> send endpoint command
        | Recorded.SendingEnded -> plain (endpoint.SendingEnded()) ValueNone false

    /// An endpoint between frames, in a state.
    let private begin' (settings: ConnectionSettings) (state: State) : WebSocketEndpoint =
        (WebSocketEndpoint.Create settings).With(state, Place.Between)

    let private outcomes (settings: ConnectionSettings) (recording: Recording) : Outcome[] =
        recording.Steps
        |> Array.scan
            (fun before step -> take before.Next step)
            (plain (begin' settings recording.Start) ValueNone false)
        |> Array.tail

    /// True when the peer was refused then and is not now: what it sent after that is not known.
    let private isUnknownFrom (original: Outcome, now: Outcome) : bool =
        original.Violation.IsSome && not (StateParts.isOver now.Transition.State)

    let private step
        (recording: Recording)
        (original: Outcome[])
        (now: Outcome[])
        (index: int)
        : ReplayedStep =
        let then', now' = original[index], now[index]

        {
            Recorded = recording.Steps[index]
            Before =
                if index = 0 then
                    recording.Start
                else
                    now[index - 1].Transition.State
            Transition = now'.Transition
            Refusal = now'.Refusal
            Violation = now'.Violation
            Original = then'.Transition
            IsAsRecorded = (now'.Transition = then'.Transition && now'.Refusal = then'.Refusal)
        }

    let runWith (settings: ConnectionSettings) (recording: Recording) : Replay =
        let original = outcomes recording.Settings recording
        let now = outcomes settings recording
        let unknown = Array.zip original now |> Array.tryFindIndex isUnknownFrom
        let known = Option.fold (fun _ index -> index + 1) now.Length unknown

        {
            Recording = recording
            Settings = settings
            Steps = Array.init known (step recording original now)
            IsComplete = unknown.IsNone
        }

type Replay with

    /// <summary>Runs a recording under other settings: what would they have done?</summary>
    /// <param name="settings">The settings. Those of the recording, with something changed.</param>
    /// <param name="recording">The recording.</param>
    [<CompiledName("RunWith")>]
    static member runWith (settings: ConnectionSettings) (recording: Recording) : Replay =
        ConnectionSettings.check settings
        ArgumentNullException.ThrowIfNull(recording, nameof recording)
        ReplayRun.runWith settings recording

    /// <summary>Runs a recording under the settings under which it was recorded.</summary>
    /// <param name="recording">The recording.</param>
    [<CompiledName("Run")>]
    static member run(recording: Recording) : Replay =
        ArgumentNullException.ThrowIfNull(recording, nameof recording)
        ReplayRun.runWith recording.Settings recording

type ReplayedStep with

    /// <summary>True when both are equal, as <c>Equals</c> tells.</summary>
    static member op_Equality(left: ReplayedStep | null, right: ReplayedStep | null) : bool =
        obj.Equals(left, right)

    /// <summary>True when they are not equal.</summary>
    static member op_Inequality(left: ReplayedStep | null, right: ReplayedStep | null) : bool =
        not (obj.Equals(left, right))

type Replay with

    /// <summary>True when both are equal, as <c>Equals</c> tells.</summary>
    static member op_Equality(left: Replay | null, right: Replay | null) : bool = obj.Equals(left, right)

    /// <summary>True when they are not equal.</summary>
    static member op_Inequality(left: Replay | null, right: Replay | null) : bool =
        not (obj.Equals(left, right))
