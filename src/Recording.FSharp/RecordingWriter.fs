// A recording as one line of text: words of ASCII between blanks, steps between bars. docs/flight-recorder.md describes it;
// RecordingReader reads it.
namespace FunctionalWs.Protocol

open System
open System.Globalization
open System.Text
open type System.FormattableString

/// Names and numbers that the writer and the reader share.
module internal RecordingWords =

    /// The first word of each recording.
    let version = "ws-recording/2"

    /// Each state that a text can be in at the end of a piece, as the shortest bytes that lead to it (RFC 3629 §4).
    let textTails: struct (Utf8State * string) list =
        [ ""; "c2"; "e0"; "e1"; "ed"; "f0"; "f1"; "f4" ]
        |> List.map (fun tail ->
            match Utf8.validate Utf8.start (ReadOnlySpan(Convert.FromHexString tail)) with
            | Utf8Result.Valid state -> struct (state, tail)
            | Utf8Result.Invalid _ -> struct (Utf8.start, ""))

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
            Invariant $"#{bytes.Length}"
        else
            hex bytes

    let tail (text: Utf8State) : string =
        RecordingWords.textTails
        |> List.pick (fun struct (state, tail) -> if state = text then Some tail else None)

    let private text (text: string) : string = hex (Encoding.UTF8.GetBytes text)

    let error (error: ProtocolError) : string =
        match error with
        | ProtocolError.ReservedOpcode opcode -> Invariant $"reserved-opcode.{opcode}"
        | ProtocolError.ReservedBits bits -> Invariant $"reserved-bits.{bits}"
        | ProtocolError.MaskMissing -> "mask-missing"
        | ProtocolError.MaskForbidden -> "mask-forbidden"
        | ProtocolError.LengthNotMinimal length -> Invariant $"length-not-minimal.{number length}"
        | ProtocolError.LengthTopBit -> "length-top-bit"
        | ProtocolError.ControlFrameTooLong opcode ->
            Invariant $"control-frame-too-long.{Opcode.toByte opcode}"
        | ProtocolError.ControlFrameFragmented opcode ->
            Invariant $"control-frame-fragmented.{Opcode.toByte opcode}"
        | ProtocolError.ContinuationExpected -> "continuation-expected"
        | ProtocolError.ContinuationUnexpected -> "continuation-unexpected"
        | ProtocolError.FragmentTooBig(length, limit) ->
            Invariant $"fragment-too-big.{number length}.{number limit}"
        | ProtocolError.MessageTooBig(length, limit) ->
            Invariant $"message-too-big.{number length}.{number limit}"
        | ProtocolError.TooManyFragments limit -> Invariant $"too-many-fragments.{number limit}"
        | ProtocolError.TextNotUtf8 position -> Invariant $"text-not-utf8.{number position}"
        | ProtocolError.CompressedDataInvalid -> "compressed-data-invalid"
        | ProtocolError.CompressedDataIncomplete -> "compressed-data-incomplete"
        | ProtocolError.InflateRatioExceeded limit -> Invariant $"inflate-ratio-exceeded.{number limit}"
        | ProtocolError.ExtensionFailed(extension, reason) ->
            Invariant $"extension-failed.{text extension}.{text reason}"
        | ProtocolError.CloseFrameTooShort -> "close-frame-too-short"
        | ProtocolError.CloseCodeInvalid code -> Invariant $"close-code-invalid.{number code}"
        | ProtocolError.CloseReasonNotUtf8 -> "close-reason-not-utf8"

    let private closure (closure: Closure) : string =
        match closure with
        | Closure.Clean(received, sent, Initiator.Local) ->
            Invariant $"clean,{status received},{status sent},local"
        | Closure.Clean(received, sent, Initiator.Remote) ->
            Invariant $"clean,{status received},{status sent},remote"
        | Closure.Failed(found, sent) -> Invariant $"failed,{error found},{status sent}"
        | Closure.Abandoned sent -> Invariant $"abandoned,{status sent}"
        | Closure.Lost(ValueSome sent) -> Invariant $"lost,{status sent}"
        | Closure.Lost ValueNone -> "lost"

    let private kind (kind: DataKind) : string =
        match kind with
        | DataKind.Text -> "text"
        | DataKind.Binary -> "binary"

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

    let private sending (sending: DataKind voption) : string =
        match sending with
        | ValueNone -> ""
        | ValueSome sending -> Invariant $",tx={kind sending}"

    let state (state: State) : string =
        match state with
        | State.Open(message, sent) -> Invariant $"open{receiving message}{sending sent}"
        | State.CloseSent(sent, message) -> Invariant $"close-sent,{status sent}{receiving message}"
        | State.Draining ending -> Invariant $"draining,{closure ending}"
        | State.Closed ending -> Invariant $"closed,{closure ending}"

    let private payload (payload: RecordedPayload) : string =
        match payload with
        | RecordedPayload.Bytes bytes -> hex bytes
        | RecordedPayload.Measured(length, _, ValueSome position) ->
            Invariant $"#{number length}?{number position}"
        | RecordedPayload.Measured(length, text, ValueNone) when text.IsComplete ->
            Invariant $"#{number length}"
        | RecordedPayload.Measured(length, text, ValueNone) -> Invariant $"#{number length}~{tail text}"

    let private command (command: Command) (length: int64) : string =
        match command with
        | Command.Message sent -> Invariant $"{kind sent}.{number length}"
        | Command.FirstFragment sent -> Invariant $"{kind sent}-.{number length}"
        | Command.NextFragment false -> Invariant $"next-.{number length}"
        | Command.NextFragment true -> Invariant $"next.{number length}"
        | Command.Ping payload -> Invariant $"ping.{control payload}"
        | Command.Pong payload -> Invariant $"pong.{control payload}"
        | Command.Close sent -> Invariant $"close.{status sent}"
        | Command.Fail sent -> Invariant $"fail.{status sent}"

    let private ending (ending: FrameEnding) : string =
        match ending with
        | FrameEnding.Whole -> ""
        | FrameEnding.Cut -> ".cut"
        | FrameEnding.Undecodable found -> Invariant $".{error found}"

    let private what (what: Recorded) : string =
        match what with
        | Recorded.Received(header, data, ended) ->
            Invariant $"<{hex (HeaderBytes.ofHeader &header)}.{payload data}{ending ended}"
        | Recorded.Refused header -> Invariant $"<{hex header}.x"
        | Recorded.EndOfStream -> "<end"
        | Recorded.Sent(sent, length) -> Invariant $">{command sent length}"
        | Recorded.SendingEnded -> ">end"

    let private limit (value: int64) : string =
        if value = Limits.Unlimited then "-" else number value

    let private settings (settings: ConnectionSettings) : string =
        let role = if settings.Role.IsServer then "server" else "client"
        let limits = settings.Limits
        let text = if settings.ValidateText then "checked" else "unchecked"
        let lengths = if settings.AllowLongLengths then "any" else "shortest"

        Invariant
            $"role={role} max={limit limits.MaxMessageSize},{limit limits.MaxFragmentSize},{number limits.MaxFragments} "
        + Invariant $"text={text} rsv={int settings.ReservedBits} lengths={lengths}"

    let write (recording: Recording) : string =
        let started =
            recording.Started.UtcDateTime.ToString("O", CultureInfo.InvariantCulture)

        let text =
            StringBuilder(
                Invariant $"{RecordingWords.version} {settings recording.Settings} started={started} "
            )
                .Append(Invariant $"dropped={number recording.Dropped} state={state recording.Start}")

        for step in recording.Steps do
            let microseconds = number (step.At.Ticks / TimeSpan.TicksPerMicrosecond)

            text.Append(Invariant $" | +{microseconds} @{number step.Offset} {what step.What}")
            |> ignore

        text.ToString()
