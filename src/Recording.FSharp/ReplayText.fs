// Steps, states and reactions in words, one line each, for people and for comparing.
namespace FunctionalWs.Protocol

open System
open System.Globalization
open type System.FormattableString

module ReplayText =

    let private plural (count: int64) (noun: string) : string =
        if count = 1L then
            Invariant $"1 {noun}"
        else
            Invariant $"{count} {noun}s"

    let private bytes (count: int64) : string = plural count "byte"

    let private kind (kind: MessageKind) : string =
        match kind with
        | MessageKind.Text -> "text"
        | MessageKind.Binary -> "binary"

    /// A status whose reason may be a peer's text.
    let private status (status: CloseStatus) : string =
        let escape (character: char) =
            if character >= ' ' && character <= '~' then
                character.ToString()
            else
                String.Format(CultureInfo.InvariantCulture, "\\u{0:X4}", int character)

        match status with
        | NoStatus -> "no code"
        | Status(code, "") -> Invariant $"{code}"
        | Status(code, reason) -> Invariant $"{code} '{String.collect escape reason}'"

    let private closure (closure: Closure) : string =
        match closure with
        | Closure.Clean(received, sent, Initiator.Local) ->
            Invariant $"clean: sent {status sent}, then received {status received}"
        | Closure.Clean(received, sent, Initiator.Remote) ->
            Invariant $"clean: received {status received}, then sent {status sent}"
        | Closure.Failed(error, sent) ->
            Invariant $"failed: {ProtocolError.describe error}; sent {status sent}"
        | Closure.Abandoned sent -> Invariant $"given up: sent {status sent}"
        | Closure.Lost ValueNone -> "lost"
        | Closure.Lost(ValueSome sent) -> Invariant $"lost: sent {status sent}"

    let private receiving (receiving: PartialMessage voption) : string =
        match receiving with
        | ValueNone -> ""
        | ValueSome message ->
            let owed =
                match message.Text.MissingBytes with
                | 0 -> ""
                | missing -> Invariant $", {bytes missing} short of a character"

            let frames = plural (int64 message.Fragments) "frame"
            Invariant $", receiving {kind message.Kind} ({bytes message.Size} in {frames} so far{owed})"

    [<CompiledName("OfState")>]
    let ofState (state: State) : string =
        ArgumentNullException.ThrowIfNull(state, nameof state)

        match state with
        | State.Open(message, ValueNone) -> Invariant $"Open{receiving message}"
        | State.Open(message, ValueSome sent) -> Invariant $"Open{receiving message}, sending {kind sent}"
        | State.CloseSent(sent, message) -> Invariant $"CloseSent {status sent}{receiving message}"
        | State.Draining ending -> Invariant $"Draining, {closure ending}"
        | State.Closed ending -> Invariant $"Closed, {closure ending}"

    [<CompiledName("OfHeader")>]
    let ofHeader (header: inref<FrameHeader>) : string =
        let final = if header.Fin then "" else ", not final"

        let bits =
            match header.ReservedBits with
            | ReservedBits.None -> ""
            | bits -> Invariant $", {bits}"

        Invariant $"{header.Opcode}, {bytes header.PayloadLength}{final}{bits}"

    let private lengthOf (payload: RecordedPayload) : int64 =
        match payload with
        | RecordedPayload.Bytes data -> int64 data.Length
        | RecordedPayload.Measured(length, _, _) -> length

    let private ending (ending: FrameEnding) (payload: RecordedPayload) : string =
        match ending, lengthOf payload with
        | FrameEnding.Whole, _ -> ""
        | FrameEnding.Cut, 0L -> ", its header alone"
        | FrameEnding.Cut, length -> Invariant $", its first {bytes length}"
        | FrameEnding.Undecodable _, _ -> ", undecodable"

    let private command (command: Command) (length: int64) : string =
        match command with
        | Command.Message sent -> Invariant $"{kind sent} message, {bytes length}"
        | Command.FirstFragment sent -> Invariant $"first fragment of a {kind sent} message, {bytes length}"
        | Command.NextFragment false -> Invariant $"next fragment, {bytes length}"
        | Command.NextFragment true -> Invariant $"last fragment, {bytes length}"
        | Command.Ping payload -> Invariant $"Ping, {bytes payload.Length}"
        | Command.Pong payload -> Invariant $"Pong, {bytes payload.Length}"
        | Command.Close sent -> Invariant $"Close {status sent}"
        | Command.Fail sent -> Invariant $"Close {status sent}, and the end"

    [<CompiledName("OfRecorded")>]
    let ofRecorded (what: Recorded) : string =
        ArgumentNullException.ThrowIfNull(what, nameof what)

        match what with
        | Recorded.Received(header, payload, ended) -> Invariant $"< {ofHeader &header}{ending ended payload}"
        | Recorded.Refused header -> Invariant $"< refused header {Convert.ToHexString header}"
        | Recorded.EndOfStream -> "< end of stream"
        | Recorded.Sent(sent, length) -> Invariant $"> {command sent length}"
        | Recorded.SendingEnded -> "> end of stream"

    let private event (event: Event) : string =
        match event with
        | Event.Data(received, true) -> Invariant $"{kind received} message complete"
        | Event.Data(received, false) -> Invariant $"part of a {kind received} message"
        | Event.Ping _ -> "ping"
        | Event.Pong _ -> "pong"
        | Event.Close received -> Invariant $"close {status received}"

    let private control (name: string) (payload: ControlPayload) : string =
        if payload.Length = 0 then
            name
        else
            Invariant $"{name} {payload}"

    let private output (output: Output) : string =
        match output with
        | Output.Data(opcode, true) -> Invariant $"{opcode}"
        | Output.Data(opcode, false) -> Invariant $"{opcode}, not final"
        | Output.Ping payload -> control "Ping" payload
        | Output.Pong payload -> control "Pong" payload
        | Output.Close sent -> Invariant $"Close {status sent}"

    [<CompiledName("OfTransition")>]
    let ofTransition (transition: Transition) : string =
        let told =
            match transition.Event with
            | ValueSome told -> Invariant $"; tells: {event told}"
            | ValueNone -> ""

        let written =
            match transition.Output with
            | ValueSome written -> Invariant $"; writes: {output written}"
            | ValueNone -> ""

        let ends = if transition.HalfClose then "; ends sending" else ""
        Invariant $"{ofState transition.State}{told}{written}{ends}"

    let private answer (step: ReplayedStep) : string =
        match step.Refusal with
        | ValueSome refusal -> Invariant $"refused: {refusal}"
        | ValueNone -> ofTransition step.Transition

    [<CompiledName("Lines")>]
    let lines (replay: Replay) : string[] =
        ArgumentNullException.ThrowIfNull(replay, nameof replay)

        [|
            if replay.Recording.IsCut then
                let before = plural replay.Recording.Dropped "step"
                Invariant $"(cut: {before} before this; {ofState replay.Recording.Start})"

            for step in replay.Steps do
                Invariant $"@{step.Recorded.Offset} {ofRecorded step.Recorded.What} -> {answer step}"

            if not replay.IsComplete then
                "(what was refused then is accepted now: the recording knows nothing of what would have come)"
        |]

    [<CompiledName("Differences")>]
    let differences (replay: Replay) : string[] =
        ArgumentNullException.ThrowIfNull(replay, nameof replay)

        [|
            for index, step in Array.indexed replay.Steps do
                if not step.IsAsRecorded then
                    Invariant $"step {index + 1}, @{step.Recorded.Offset} {ofRecorded step.Recorded.What}"
                    Invariant $"  - {ofTransition step.Original}"
                    Invariant $"  + {answer step}"
        |]
