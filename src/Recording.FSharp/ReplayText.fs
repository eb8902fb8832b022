// Steps, states and reactions in words, one line each, for people and for comparing. The words are the values' own.
namespace FunctionalWs.Protocol

open System
open type System.FormattableString

module ReplayText =

    [<CompiledName("OfState")>]
    let ofState (state: State) : string =
        ArgumentNullException.ThrowIfNull(state, nameof state)
        state.ToString()

    [<CompiledName("OfHeader")>]
    let ofHeader (header: inref<FrameHeader>) : string = header.Words

    [<CompiledName("OfRecorded")>]
    let ofRecorded (what: Recorded) : string =
        ArgumentNullException.ThrowIfNull(what, nameof what)
        what.ToString()

    [<CompiledName("OfTransition")>]
    let ofTransition (transition: Transition) : string = transition.ToString()

    [<CompiledName("Lines")>]
    let lines (replay: Replay) : string[] =
        ArgumentNullException.ThrowIfNull(replay, nameof replay)
        replay.Lines

    [<CompiledName("Differences")>]
    let differences (replay: Replay) : string[] =
        ArgumentNullException.ThrowIfNull(replay, nameof replay)

        [|
            for index, step in Array.indexed replay.Steps do
                if not step.IsAsRecorded then
                    Invariant $"step {index + 1}, {step.Recorded}"
                    Invariant $"  - {step.Original}"
                    Invariant $"  + {step.Answer}"
        |]
