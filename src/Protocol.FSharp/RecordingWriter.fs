// A recording as one line of text: words of ASCII between blanks, steps between bars. docs/flight-recorder.md describes it;
// RecordingReader reads it.
namespace FunctionalWs.Protocol

open System
open System.Globalization
open System.Text

/// Names and numbers that the writer and the reader share.
module internal RecordingWords =

    /// The first word of each recording.
    let version = "ws-recording/1"

    /// Each state that a text can be in at the end of a piece, as the shortest bytes that lead to it (RFC 3629 §4).
    let textTails: struct (Utf8State * string) list =
        [ ""; "c2"; "e0"; "e1"; "ed"; "f0"; "f1"; "f4" ]
        |> List.map (fun tail ->
            match Utf8.validate Utf8.start (ReadOnlySpan(Convert.FromHexString tail)) with
            | Valid state -> struct (state, tail)
            | Invalid _ -> struct (Utf8.start, ""))

/// Words of the text.
module internal RecordingWriter =

    let private hex (bytes: byte[]) : string =
        Convert.ToHexString(bytes).ToLowerInvariant()

    let private number (value: int64) : string =
        value.ToString CultureInfo.InvariantCulture

    let private status (status: CloseStatus) : string =
        match hex (status.ToArray()) with
        | "" -> "-"
        | bytes -> bytes

    /// As many zeros are what stands for a payload that was not kept.
    let private control (payload: ControlPayload) : string =
        let bytes = payload.Span.ToArray()

        if Array.forall ((=) 0uy) bytes then
            $"#{bytes.Length}"
        else
            hex bytes

    let private tail (text: Utf8State) : string =
        RecordingWords.textTails
        |> List.pick (fun struct (state, tail) -> if state = text then Some tail else None)

    let private text (text: string) : string = hex (Encoding.UTF8.GetBytes text)

    let error (error: ProtocolError) : string =
        match error with
        | ProtocolError.ReservedOpcode opcode -> $"reserved-opcode.{opcode}"
        | ProtocolError.ReservedBits bits -> $"reserved-bits.{bits}"
        | ProtocolError.MaskMissing -> "mask-missing"
        | ProtocolError.MaskForbidden -> "mask-forbidden"
        | ProtocolError.LengthNotMinimal length -> $"length-not-minimal.{number length}"
        | ProtocolError.LengthTopBit -> "length-top-bit"
        | ProtocolError.ControlFrameTooLong opcode -> $"control-frame-too-long.{Opcode.toByte opcode}"
        | ProtocolError.ControlFrameFragmented opcode -> $"control-frame-fragmented.{Opcode.toByte opcode}"
        | ProtocolError.ContinuationExpected -> "continuation-expected"
        | ProtocolError.ContinuationUnexpected -> "continuation-unexpected"
        | ProtocolError.FragmentTooBig(length, limit) -> $"fragment-too-big.{number length}.{number limit}"
        | ProtocolError.MessageTooBig(length, limit) -> $"message-too-big.{number length}.{number limit}"
        | ProtocolError.TooManyFragments limit -> $"too-many-fragments.{number limit}"
        | ProtocolError.TextNotUtf8 position -> $"text-not-utf8.{number position}"
        | ProtocolError.CompressedDataInvalid -> "compressed-data-invalid"
        | ProtocolError.CompressedDataIncomplete -> "compressed-data-incomplete"
        | ProtocolError.InflateRatioExceeded limit -> $"inflate-ratio-exceeded.{number limit}"
        | ProtocolError.ExtensionFailed(extension, reason) ->
            $"extension-failed.{text extension}.{text reason}"
        | ProtocolError.CloseFrameTooShort -> "close-frame-too-short"
        | ProtocolError.CloseCodeInvalid code -> $"close-code-invalid.{number code}"
        | ProtocolError.CloseReasonNotUtf8 -> "close-reason-not-utf8"

    let private closure (closure: Closure) : string =
        match closure with
        | Closure.Clean(received, sent, Initiator.Local) -> $"clean,{status received},{status sent},local"
        | Closure.Clean(received, sent, Initiator.Remote) -> $"clean,{status received},{status sent},remote"
        | Closure.Failed(found, sent) -> $"failed,{error found},{status sent}"
        | Closure.Abandoned sent -> $"abandoned,{status sent}"
        | Closure.Lost(ValueSome sent) -> $"lost,{status sent}"
        | Closure.Lost ValueNone -> "lost"

    let private kind (kind: MessageKind) : string =
        match kind with
        | MessageKind.Text -> "text"
        | MessageKind.Binary -> "binary"

    let private receiving (receiving: PartialMessage voption) : string =
        match receiving with
        | ValueNone -> ""
        | ValueSome message ->
            String.Join(
                ".",
                ",rx=" + kind message.Kind,
                number (int64 message.ReservedBits),
                number message.Size,
                number message.FragmentSize,
                number message.WireSize,
                number message.Fragments,
                tail message.Text
            )

    let private sending (sending: MessageKind voption) : string =
        match sending with
        | ValueNone -> ""
        | ValueSome sending -> $",tx={kind sending}"

    let state (state: State) : string =
        match state with
        | State.Open(message, sent) -> $"open{receiving message}{sending sent}"
        | State.CloseSent(sent, message) -> $"close-sent,{status sent}{receiving message}"
        | State.Draining ending -> $"draining,{closure ending}"
        | State.Closed ending -> $"closed,{closure ending}"

    let private part (part: Part) : string =
        match part with
        | Part.Whole -> "w"
        | Part.First -> "f"
        | Part.Middle -> "m"
        | Part.Last -> "l"

    let private payload (payload: RecordedPayload) : string =
        match payload with
        | RecordedPayload.Bytes bytes -> hex bytes
        | RecordedPayload.Measured(length, _, ValueSome position) -> $"#{number length}?{number position}"
        | RecordedPayload.Measured(length, text, ValueNone) when text.IsComplete -> $"#{number length}"
        | RecordedPayload.Measured(length, text, ValueNone) -> $"#{number length}~{tail text}"

    let private command (command: Command) (length: int64) : string =
        match command with
        | Command.Message sent -> $"{kind sent}.{number length}"
        | Command.FirstFragment sent -> $"{kind sent}-.{number length}"
        | Command.NextFragment false -> $"next-.{number length}"
        | Command.NextFragment true -> $"next.{number length}"
        | Command.Ping payload -> $"ping.{control payload}"
        | Command.Pong payload -> $"pong.{control payload}"
        | Command.Close sent -> $"close.{status sent}"
        | Command.Fail sent -> $"fail.{status sent}"

    let private what (what: Recorded) : string =
        match what with
        | Recorded.Data(header, piece, data) ->
            $"<{hex (HeaderBytes.ofHeader &header)}.{part piece}.{payload data}"
        | Recorded.Control(header, ValueSome data) ->
            $"<{hex (HeaderBytes.ofHeader &header)}.c.{control data}"
        | Recorded.Control(header, ValueNone) -> $"<{hex (HeaderBytes.ofHeader &header)}.c"
        | Recorded.Refused header -> $"<{hex header}.x"
        | Recorded.Undecodable found -> $"<{error found}"
        | Recorded.EndOfStream -> "<end"
        | Recorded.Sent(sent, length) -> $">{command sent length}"

    let private event (event: Event) : string =
        match event with
        | Event.Data(received, true) -> kind received
        | Event.Data(received, false) -> $"{kind received}-"
        | Event.Ping payload -> $"ping.{control payload}"
        | Event.Pong payload -> $"pong.{control payload}"
        | Event.Close received -> $"close.{status received}"

    let private output (output: Output) : string =
        match output with
        | Output.Data(opcode, fin) -> hex [| (if fin then 0x80uy else 0uy) ||| Opcode.toByte opcode |]
        | Output.Ping payload -> $"ping.{control payload}"
        | Output.Pong payload -> $"pong.{control payload}"
        | Output.Close sent -> $"close.{status sent}"

    let private step (text: StringBuilder) (before: State) (step: RecordedStep) : unit =
        let transition = step.Transition
        let word (word: string) = text.Append(' ').Append word |> ignore

        word
            $"| +{number (step.At.Ticks / TimeSpan.TicksPerMicrosecond)} @{number step.Offset} {what step.What}"

        if transition.State <> before then
            word $"={state transition.State}"

        transition.Event |> ValueOption.iter (fun told -> word $"!{event told}")
        transition.Output |> ValueOption.iter (fun written -> word $"^{output written}")

        if transition.HalfClose then
            word "$"

    let private limit (value: int64) : string =
        if value = Limits.Unlimited then "-" else number value

    let private settings (settings: ConnectionSettings) : string =
        let role = if settings.Role.IsServer then "server" else "client"
        let limits = settings.Limits
        let text = if settings.ValidateText then "checked" else "unchecked"
        let lengths = if settings.AllowLongLengths then "any" else "shortest"

        $"role={role} max={limit limits.MaxMessageSize},{limit limits.MaxFragmentSize},{number limits.MaxFragments} "
        + $"text={text} rsv={int settings.ReservedBits} lengths={lengths}"

    let write (recording: Recording) : string =
        let started =
            recording.Started.UtcDateTime.ToString("O", CultureInfo.InvariantCulture)

        let text =
            StringBuilder($"{RecordingWords.version} {settings recording.Settings} started={started} ")
                .Append($"dropped={number recording.Dropped} state={state recording.Start}")

        let mutable before = recording.Start

        for recorded in recording.Steps do
            step text before recorded
            before <- recorded.Transition.State

        text.ToString()
