// Steps, states and reactions in words, one line each, for people and for comparing.
namespace FunctionalWs.Protocol

open System
open System.Globalization

/// <summary>Replays in words.</summary>
module ReplayText =

    let private plural (count: int64) (noun: string) : string =
        if count = 1L then $"1 {noun}" else $"{count} {noun}s"

    let private bytes (count: int64) : string = plural count "byte"

    let private kind (kind: MessageKind) : string =
        match kind with
        | MessageKind.Text -> "text"
        | MessageKind.Binary -> "binary"

    /// A status whose reason may be a peer's text.
    let private status (status: CloseStatus) : string =
        let escape (character: char) =
            if character >= ' ' && character <= '~' then
                string character
            else
                String.Format(CultureInfo.InvariantCulture, "\\u{0:X4}", int character)

        match status with
        | NoStatus -> "no code"
        | Status(code, "") -> $"{code}"
        | Status(code, reason) -> $"{code} '{String.collect escape reason}'"

    let private closure (closure: Closure) : string =
        match closure with
        | Closure.Clean(received, sent, Initiator.Local) ->
            $"clean: sent {status sent}, then received {status received}"
        | Closure.Clean(received, sent, Initiator.Remote) ->
            $"clean: received {status received}, then sent {status sent}"
        | Closure.Failed(error, sent) -> $"failed: {ProtocolError.describe error}; sent {status sent}"
        | Closure.Abandoned sent -> $"given up: sent {status sent}"
        | Closure.Lost ValueNone -> "lost"
        | Closure.Lost(ValueSome sent) -> $"lost: sent {status sent}"

    let private receiving (receiving: PartialMessage voption) : string =
        match receiving with
        | ValueNone -> ""
        | ValueSome message ->
            let owed =
                match message.Text.MissingBytes with
                | 0 -> ""
                | missing -> $", {bytes missing} short of a character"

            let frames = plural (int64 message.Fragments) "frame"
            $", receiving {kind message.Kind} ({bytes message.Size} in {frames} so far{owed})"

    /// <summary>A state in words, such as <c>Open, sending text</c>.</summary>
    /// <param name="state">The state.</param>
    [<CompiledName("OfState")>]
    let ofState (state: State) : string =
        match state with
        | State.Open(message, ValueNone) -> $"Open{receiving message}"
        | State.Open(message, ValueSome sent) -> $"Open{receiving message}, sending {kind sent}"
        | State.CloseSent(sent, message) -> $"CloseSent {status sent}{receiving message}"
        | State.Draining ending -> $"Draining, {closure ending}"
        | State.Closed ending -> $"Closed, {closure ending}"

    /// <summary>A frame's header in words, such as <c>Text, 5 bytes, not final</c>.</summary>
    /// <param name="header">The header.</param>
    [<CompiledName("OfHeader")>]
    let ofHeader (header: inref<FrameHeader>) : string =
        let final = if header.Fin then "" else ", not final"

        let bits =
            match header.ReservedBits with
            | ReservedBits.None -> ""
            | bits -> $", {bits}"

        $"{header.Opcode}, {bytes header.PayloadLength}{final}{bits}"

    let private lengthOf (payload: RecordedPayload) : int64 =
        match payload with
        | RecordedPayload.Bytes data -> int64 data.Length
        | RecordedPayload.Measured(length, _, _) -> length

    let private part (part: Part) (payload: RecordedPayload) : string =
        match part with
        | Part.Whole -> ""
        | Part.First -> $", its first {bytes (lengthOf payload)}"
        | Part.Middle -> $", {bytes (lengthOf payload)} more"
        | Part.Last -> $", its last {bytes (lengthOf payload)}"

    let private command (command: Command) (length: int64) : string =
        match command with
        | Command.Message sent -> $"{kind sent} message, {bytes length}"
        | Command.FirstFragment sent -> $"first fragment of a {kind sent} message, {bytes length}"
        | Command.NextFragment false -> $"next fragment, {bytes length}"
        | Command.NextFragment true -> $"last fragment, {bytes length}"
        | Command.Ping payload -> $"Ping, {bytes payload.Length}"
        | Command.Pong payload -> $"Pong, {bytes payload.Length}"
        | Command.Close sent -> $"Close {status sent}"
        | Command.Fail sent -> $"Close {status sent}, and the end"

    /// <summary>What happened, in words: <c>&lt;</c> came from the peer, <c>&gt;</c> was sent.</summary>
    /// <param name="what">What happened.</param>
    [<CompiledName("OfRecorded")>]
    let ofRecorded (what: Recorded) : string =
        match what with
        | Recorded.Data(header, piece, payload) -> $"< {ofHeader &header}{part piece payload}"
        | Recorded.Control(header, _) -> $"< {ofHeader &header}"
        | Recorded.Refused header -> $"< refused header {Convert.ToHexString header}"
        | Recorded.Undecodable _ -> "< undecodable message"
        | Recorded.EndOfStream -> "< end of stream"
        | Recorded.Sent(sent, length) -> $"> {command sent length}"

    let private event (event: Event) : string =
        match event with
        | Event.Data(received, true) -> $"{kind received} message complete"
        | Event.Data(received, false) -> $"part of a {kind received} message"
        | Event.Ping _ -> "ping"
        | Event.Pong _ -> "pong"
        | Event.Close received -> $"close {status received}"

    let private control (name: string) (payload: ControlPayload) : string =
        if payload.Length = 0 then name else $"{name} {payload}"

    let private output (output: Output) : string =
        match output with
        | Output.Data(opcode, true) -> $"{opcode}"
        | Output.Data(opcode, false) -> $"{opcode}, not final"
        | Output.Ping payload -> control "Ping" payload
        | Output.Pong payload -> control "Pong" payload
        | Output.Close sent -> $"Close {status sent}"

    /// <summary>What a step led to, in words: the state, what the application is told, what is written, and the half-close.</summary>
    /// <param name="transition">What it led to.</param>
    [<CompiledName("OfTransition")>]
    let ofTransition (transition: Transition) : string =
        let told =
            match transition.Event with
            | ValueSome told -> $"; tells: {event told}"
            | ValueNone -> ""

        let written =
            match transition.Output with
            | ValueSome written -> $"; writes: {output written}"
            | ValueNone -> ""

        let ends = if transition.HalfClose then "; ends sending" else ""
        $"{ofState transition.State}{told}{written}{ends}"

    let private answer (step: ReplayedStep) : string =
        match step.Refusal with
        | ValueSome refusal -> $"refused: {refusal}"
        | ValueNone -> ofTransition step.Transition

    /// <summary>A replay, a line for each step: what happened, and what it led to.</summary>
    /// <param name="replay">The replay.</param>
    [<CompiledName("Lines")>]
    let lines (replay: Replay) : string[] = [|
        if replay.Recording.IsCut then
            let before = plural replay.Recording.Dropped "step"
            $"(cut: {before} before this; {ofState replay.Recording.Start})"

        for step in replay.Steps do
            $"@{step.Recorded.Offset} {ofRecorded step.Recorded.What} -> {answer step}"

        if not replay.IsComplete then
            "(what was refused then is accepted now: the recording knows nothing of what would have come)"
    |]

    /// <summary>
    /// What is different from what was recorded, three lines for each such step: the step, what it led to then, and what it leads to now.
    /// Nothing when all is as it was.
    /// </summary>
    /// <param name="replay">The replay.</param>
    [<CompiledName("Differences")>]
    let differences (replay: Replay) : string[] = [|
        for index, step in Array.indexed replay.Steps do
            if not step.IsAsRecorded then
                $"step {index + 1}, @{step.Recorded.Offset} {ofRecorded step.Recorded.What}"
                $"  - {ofTransition step.Recorded.Transition}"
                $"  + {answer step}"
    |]
