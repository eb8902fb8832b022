// What one side of a connection sent, frame by frame: fields, payload, the state after it, and the first broken rule.
namespace FunctionalWs.Explore

open System
open System.Buffers
open System.Globalization
open System.Runtime.InteropServices
open System.Text
open FunctionalWs.Protocol
open type System.FormattableString

/// <summary>What one side of a connection sent, in words. Immutable.</summary>
[<Sealed; AllowNullLiteral(false); NoComparison; NoEquality>]
type Explanation internal (replay: Replay, lines: string[]) =

    /// <summary>The steps, as an endpoint took them.</summary>
    member _.Replay: Replay = replay

    /// <summary>The explanation, a line each. Not to be changed.</summary>
    member _.Lines: string[] = lines

    /// <summary>True when no rule is broken.</summary>
    member _.IsSound: bool = replay.Violation.IsNone

    /// <summary>Tells the first rule that is broken; false when none is.</summary>
    /// <param name="violation">The rule, and where it was broken.</param>
    member _.TryGetViolation([<Out>] violation: byref<Violation>) : bool = replay.TryGetViolation &violation

    /// <summary>All lines.</summary>
    override _.ToString() : string = String.Join('\n', lines)

/// <summary>Explains bytes and recordings.</summary>
[<RequireQualifiedAccess>]
module Explain =

    /// Compressed messages are not looked into.
    type private Unopened() =
        inherit PayloadDecoder()
        override _.Decoded = ReadOnlySpan<byte>.Empty
        override _.Decode(_, _, _, _) = ValueNone
        override _.Skip _ = ()

    let private indent = "        "

    /// The most of a payload that is shown: characters of a text, and a third as many bytes of other data.
    let private shown = 60

    let private spaced (bytes: byte[]) : string =
        bytes
        |> Array.map (fun value -> value.ToString("x2", CultureInfo.InvariantCulture))
        |> String.concat " "

    /// As it is, or its code: what can't be seen, and what changes how the rest is shown.
    let private escape (rune: Rune) : string =
        match Rune.GetUnicodeCategory rune with
        | UnicodeCategory.Control
        | UnicodeCategory.Format
        | UnicodeCategory.LineSeparator
        | UnicodeCategory.ParagraphSeparator
        | UnicodeCategory.PrivateUse
        | UnicodeCategory.OtherNotAssigned ->
            if rune.IsBmp then
                Invariant $"\\u{rune.Value:X4}"
            else
                Invariant $"\\U{rune.Value:X8}"
        | _ when rune.Value = int '\\' -> @"\\"
        | _ -> rune.ToString()

    let private quoted (bytes: byte[]) : string =
        let text =
            (Encoding.UTF8.GetString bytes).EnumerateRunes()
            |> Seq.map escape
            |> String.concat ""

        "\"" + text + "\""

    /// Whole characters in UTF-8, but for one that a cut has left at the end, and none that controls something.
    let private isReadable (bytes: byte[]) : bool =
        let mutable rest = ReadOnlySpan bytes
        let mutable isReadable = true

        while isReadable && not rest.IsEmpty do
            let mutable rune = Rune.ReplacementChar
            let mutable size = 0
            let found = Rune.DecodeFromUtf8(rest, &rune, &size)

            isReadable <-
                found = OperationStatus.NeedMoreData
                || (found = OperationStatus.Done && not (Rune.IsControl rune))

            rest <- rest.Slice size

        isReadable

    let private at (offset: int64) (bytes: byte[]) : string =
        let place = "@" + offset.ToString CultureInfo.InvariantCulture
        place.PadRight 6 + "  " + spaced bytes

    let private header (header: FrameHeader) : string =
        let bit = if header.Fin then 1 else 0
        let key = if header.MaskingKey.IsSome then "" else ", not masked"

        Invariant
            $"{indent}{header}{key}: FIN {bit}, RSV {int header.ReservedBits:b3}, opcode {header.Opcode.ToByte():X}"

    let private payload (header: FrameHeader) (data: byte[]) : string list =
        // A continuation doesn't tell its message's kind, and a ping may hold anything.
        let isText =
            not header.Opcode.IsBinary
            && not header.Opcode.IsClose
            && header.ReservedBits = ReservedBits.None
            && (header.Opcode.IsText || isReadable data)

        let bytes = Array.truncate (if isText then shown else shown / 3) data

        let more =
            if bytes.Length < data.Length then
                Invariant $" ... {data.Length} bytes"
            else
                ""

        let text = if isText then quoted bytes else spaced bytes

        if data.Length = 0 then
            []
        else
            [ Invariant $"{indent}payload {text}{more}" ]

    let private violation (violation: Violation) : string list = [
        Invariant $"{indent}BROKEN at byte {violation.Offset}: {violation.Error}"
        Invariant $"{indent}{violation.Section}: {violation.Rule}"
        Invariant $"{indent}close code {violation.Error.CloseCode}"
    ]

    let private broken (step: ReplayedStep) : string list =
        match step.Violation with
        | ValueSome found -> violation found
        | ValueNone -> []

    let private leadsTo (step: ReplayedStep) : string list = [ Invariant $"{indent}-> {step.Transition}" ]

    /// The header as it came: a recording has no masking key.
    let private asSent (bytes: byte[]) (offset: int64) (recorded: FrameHeader) : FrameHeader =
        match recorded.MaskingKey with
        | ValueNone -> recorded
        | ValueSome _ ->
            let key = ReadOnlySpan(bytes, int offset + recorded.Size - 4, 4)

            {
                recorded with
                    MaskingKey = ValueSome(MemoryMarshal.Read<uint32> key)
            }

    let private step (bytes: byte[]) (step: ReplayedStep) : string list =
        let offset = step.Recorded.Offset

        match step.Recorded.What with
        | Recorded.Received(recorded, kept, ending) ->
            let frame = asSent bytes offset recorded

            let data =
                match kept with
                | RecordedPayload.Bytes data -> data
                | RecordedPayload.Measured _ -> [||]

            let isAwaited = ending.IsCut && step.Violation.IsNone

            [
                at offset bytes[int offset .. int offset + frame.Size - 1]
                header frame

                if not isAwaited then
                    yield! payload frame data
                    yield! broken step
                    yield! leadsTo step
            ]
        | Recorded.Refused refused -> [ at offset refused; yield! broken step; yield! leadsTo step ]
        | Recorded.EndOfStream
        | Recorded.Sent _
        | Recorded.SendingEnded -> leadsTo step

    /// What an endpoint takes, and where its last frame ends.
    let private take (settings: ConnectionSettings) (bytes: byte[]) : struct (Recording * int) =
        let everything = RecorderLimits.Create(Int32.MaxValue, Int32.MaxValue)
        let recorder = Recorder(everything, settings, DateTimeOffset.UnixEpoch)
        let decoder = recorder.Watch(Unopened())
        let mutable endpoint = WebSocketEndpoint.Create settings
        let mutable taken = 0
        let mutable ending = 0

        while taken < bytes.Length && not endpoint.IsReceivingOver do
            let nowhere = ArrayBufferWriter<byte>()
            let rest = ReadOnlySpan(bytes, taken, bytes.Length - taken)
            let step = endpoint.Receive(rest, nowhere, nowhere, 0u, decoder)
            recorder.Received(TimeSpan.Zero, rest.Slice(0, step.Consumed), step)
            endpoint <- step.Next
            taken <- taken + step.Consumed
            ending <- if step.Incoming.IsNothing then ending else taken

        struct (recorder.ToRecording(), ending)

    /// Where the head of an opening handshake ends, if there is one.
    let private headSize (bytes: byte[]) : int =
        let all = ReadOnlySpan bytes

        let isHead =
            all.StartsWith(ReadOnlySpan "GET "B) || all.StartsWith(ReadOnlySpan "HTTP/"B)

        let ending = all.IndexOf(ReadOnlySpan "\r\n\r\n"B)
        if isHead && ending >= 0 then ending + 4 else 0

    let private rest (replay: Replay) (count: int64) (offset: int) : string =
        let why =
            match replay.StateAfter replay.Steps.Length with
            | State.Draining _
            | State.Closed _ -> "that nobody reads: the connection is over"
            | State.Open _
            | State.CloseSent _ -> "of a frame"

        Invariant $"@{offset}  {count} bytes {why}"

    /// <summary>
    /// Explains bytes that came from a peer. The head of an opening handshake before them is passed over: offsets count from its end.
    /// Of messages that an extension has transformed the header is explained alone.
    /// </summary>
    /// <param name="settings">The side to which they came, and what is asked of them.</param>
    /// <param name="bytes">The bytes, from the beginning of a connection or of a frame on.</param>
    [<CompiledName("Bytes")>]
    let bytes (settings: ConnectionSettings) (bytes: byte[]) : Explanation =
        ArgumentNullException.ThrowIfNull(settings, nameof settings)
        ArgumentNullException.ThrowIfNull(bytes, nameof bytes)
        let start = headSize bytes
        let bytes = bytes[start..]
        let struct (recording, ending) = take settings bytes
        let replay = Replay.run recording

        Explanation(
            replay,
            [|
                if start > 0 then
                    Invariant $"{start} bytes of an opening handshake; the first byte after it is byte 0"

                for replayed in replay.Steps do
                    yield! step bytes replayed

                if ending < bytes.Length then
                    rest replay (int64 (bytes.Length - ending)) ending
            |]
        )

    /// <summary>Explains a recording as it would be under other settings.</summary>
    /// <param name="settings">The settings: those of the recording, with something changed.</param>
    /// <param name="recording">The recording.</param>
    [<CompiledName("RecordingWith")>]
    let recordingWith (settings: ConnectionSettings) (recording: Recording) : Explanation =
        let replay = Replay.runWith settings recording

        let found =
            match replay.Violation with
            | ValueSome found -> violation found
            | ValueNone -> []

        Explanation(replay, Array.append (ReplayText.lines replay) (Array.ofList found))

    /// <summary>Explains a recording.</summary>
    /// <param name="recording">The recording, as <c>RecordingText</c> reads it from a line of a log.</param>
    [<CompiledName("Recording")>]
    let recording (recording: Recording) : Explanation =
        ArgumentNullException.ThrowIfNull(recording, nameof recording)
        recordingWith recording.Settings recording
