// The text of a recording back to values. Whatever the text, it is read or refused with a reason.
namespace FunctionalWs.Protocol

open System
open System.Buffers
open System.Globalization
open System.Text
open type System.FormattableString

/// <summary>Result of reading a recording's text.</summary>
[<RequireQualifiedAccess>]
type RecordingParse =
    /// <summary>The recording.</summary>
    | Complete of Recording: Recording
    /// <summary>The text is none of a recording; <c>Step</c> counts from 1, 0 is what stands before the first one.</summary>
    | Malformed of Step: int * Reason: string

/// Reads the words. What is wrong is a FormatException, or what the constructors of values throw, and leaves through
/// `RecordingText.parse` alone.
module internal RecordingReader =

    let private wrong (reason: string) : 'a = raise (FormatException reason)

    let private number (word: string) : int64 =
        Int64.Parse(word, NumberStyles.None, CultureInfo.InvariantCulture)

    let private int (word: string) : int =
        Int32.Parse(word, NumberStyles.None, CultureInfo.InvariantCulture)

    let private small (word: string) : byte =
        Byte.Parse(word, NumberStyles.None, CultureInfo.InvariantCulture)

    let private hex (word: string) : byte[] = Convert.FromHexString word

    let private text (word: string) : string =
        UTF8Encoding(false, true).GetString(hex word)

    let private status (word: string) : CloseStatus =
        match word with
        | "-" -> CloseStatus.NoStatus
        | _ ->
            match Connection.readClose (ReadOnlySpan(hex word)) with
            | Ok status -> status
            | Error error -> wrong error.Description

    let private control (word: string) : ControlPayload =
        if word.StartsWith '#' then
            match int (word.Substring 1) with
            | length when length > ControlPayload.MaxLength ->
                wrong (Invariant $"a control frame of {length} bytes")
            | length -> Redaction.blank length
        else
            ControlPayload.Create(ReadOnlySpan(hex word))

    let private tail (word: string) : Utf8State =
        RecordingWords.textTails
        |> List.tryPick (fun struct (state, tail) -> if tail = word then Some state else None)
        |> Option.defaultWith (fun () -> wrong (Invariant $"no text ends with '{word}'"))

    let private opcode (bits: byte) : Opcode =
        match Opcode.ofByte bits with
        | ValueSome opcode -> opcode
        | ValueNone -> wrong (Invariant $"{bits} is no opcode")

    let private error (words: string list) : ProtocolError =
        match words with
        | [ "reserved-opcode"; opcode ] -> ProtocolError.ReservedOpcode(small opcode)
        | [ "reserved-bits"; bits ] -> ProtocolError.ReservedBits(small bits)
        | [ "mask-missing" ] -> ProtocolError.MaskMissing
        | [ "mask-forbidden" ] -> ProtocolError.MaskForbidden
        | [ "length-not-minimal"; length ] -> ProtocolError.LengthNotMinimal(number length)
        | [ "length-top-bit" ] -> ProtocolError.LengthTopBit
        | [ "control-frame-too-long"; bits ] -> ProtocolError.ControlFrameTooLong(opcode (small bits))
        | [ "control-frame-fragmented"; bits ] -> ProtocolError.ControlFrameFragmented(opcode (small bits))
        | [ "continuation-expected" ] -> ProtocolError.ContinuationExpected
        | [ "continuation-unexpected" ] -> ProtocolError.ContinuationUnexpected
        | [ "fragment-too-big"; length; limit ] -> ProtocolError.FragmentTooBig(number length, number limit)
        | [ "message-too-big"; length; limit ] -> ProtocolError.MessageTooBig(number length, number limit)
        | [ "too-many-fragments"; limit ] -> ProtocolError.TooManyFragments(int limit)
        | [ "text-not-utf8"; position ] -> ProtocolError.TextNotUtf8(number position)
        | [ "compressed-data-invalid" ] -> ProtocolError.CompressedDataInvalid
        | [ "compressed-data-incomplete" ] -> ProtocolError.CompressedDataIncomplete
        | [ "inflate-ratio-exceeded"; limit ] -> ProtocolError.InflateRatioExceeded(int limit)
        | [ "extension-failed"; name; reason ] -> ProtocolError.ExtensionFailed(text name, text reason)
        | [ "close-frame-too-short" ] -> ProtocolError.CloseFrameTooShort
        | [ "close-code-invalid"; code ] -> ProtocolError.CloseCodeInvalid(int code)
        | [ "close-reason-not-utf8" ] -> ProtocolError.CloseReasonNotUtf8
        | _ -> wrong (Invariant $"""no rule is called '{String.concat "." words}'""")

    let private closure (words: string list) : Closure =
        match words with
        | [ "clean"; received; sent; "local" ] -> Closure.Clean(status received, status sent, Initiator.Local)
        | [ "clean"; received; sent; "remote" ] ->
            Closure.Clean(status received, status sent, Initiator.Remote)
        | [ "failed"; found; sent ] -> Closure.Failed(error (List.ofArray (found.Split '.')), status sent)
        | [ "abandoned"; sent ] -> Closure.Abandoned(status sent)
        | [ "lost" ] -> Closure.Lost ValueNone
        | [ "lost"; sent ] -> Closure.Lost(ValueSome(status sent))
        | _ -> wrong "no way to end"

    let private kind (word: string) : DataKind =
        match word with
        | "text" -> DataKind.Text
        | "binary" -> DataKind.Binary
        | _ -> wrong (Invariant $"no message consists of '{word}'")

    let private bits (word: string) : ReservedBits =
        match small word with
        | bits when bits > 7uy -> wrong (Invariant $"{bits} is more than three bits")
        | bits -> LanguagePrimitives.EnumOfValue bits

    let private message (words: string) : PartialMessage =
        match words.Split '.' with
        | [| kindOf; marks; size; fragmentSize; wireSize; fragments; owed |] -> {
            Kind = kind kindOf
            ReservedBits = bits marks
            Size = number size
            FragmentSize = number fragmentSize
            WireSize = number wireSize
            Fragments = int fragments
            Text = tail owed
          }
        | _ -> wrong "no part of a message"

    let private (|After|_|) (prefix: string) (word: string) : string option =
        if word.StartsWith(prefix, StringComparison.Ordinal) then
            Some(word.Substring prefix.Length)
        else
            None

    let state (word: string) : State =
        match List.ofArray (word.Split ',') with
        | [ "open" ] -> State.Open(ValueNone, ValueNone)
        | [ "open"; After "rx=" received ] -> State.Open(ValueSome(message received), ValueNone)
        | [ "open"; After "tx=" sent ] -> State.Open(ValueNone, ValueSome(kind sent))
        | [ "open"; After "rx=" received; After "tx=" sent ] ->
            State.Open(ValueSome(message received), ValueSome(kind sent))
        | [ "close-sent"; sent ] -> State.CloseSent(status sent, ValueNone)
        | [ "close-sent"; sent; After "rx=" received ] ->
            State.CloseSent(status sent, ValueSome(message received))
        | "draining" :: ending -> State.Draining(closure ending)
        | "closed" :: ending -> State.Closed(closure ending)
        | _ -> wrong (Invariant $"no state is called '{word}'")

    /// Reads a header under every rule but those of one that was accepted under other settings.
    let private header (role: Role) (bytes: byte[]) : FrameHeader =
        let lenient = {
            Role = role
            Limits = Limits.Create(Limits.Unlimited, Limits.Unlimited, Int32.MaxValue)
            ValidateText = false
            ReservedBits = ReservedBits.Rsv1 ||| ReservedBits.Rsv2 ||| ReservedBits.Rsv3
            AllowLongLengths = true
        }

        let buffer = ReadOnlySequence(HeaderBytes.withKey bytes)

        match FrameReader.readHeader lenient &buffer with
        | HeaderParse.Complete header when int64 header.Size = buffer.Length -> header
        | HeaderParse.Complete _
        | HeaderParse.Incomplete -> wrong "no whole header"
        | HeaderParse.Malformed error -> wrong error.Description

    let private payload (word: string) : RecordedPayload =
        let measured = word.StartsWith '#'

        match word.IndexOf '?', word.IndexOf '~' with
        | _ when not measured -> RecordedPayload.Bytes(hex word)
        | -1, -1 -> RecordedPayload.Measured(number (word.Substring 1), Utf8.start, ValueNone)
        | -1, at ->
            let owed = tail (word.Substring(at + 1))
            RecordedPayload.Measured(number (word.Substring(1, at - 1)), owed, ValueNone)
        | at, _ ->
            let position = int64 (int (word.Substring(at + 1)))
            RecordedPayload.Measured(number (word.Substring(1, at - 1)), Utf8.start, ValueSome position)

    let private ending (words: string list) : FrameEnding =
        match words with
        | [] -> FrameEnding.Whole
        | [ "cut" ] -> FrameEnding.Cut
        | found -> FrameEnding.Undecodable(error found)

    let private frame (role: Role) (words: string list) : Recorded =
        match words with
        | [ bytes; "x" ] -> Recorded.Refused(hex bytes)
        | bytes :: data :: ended ->
            let header = header role (hex bytes)
            let payload = payload data

            if Opcode.isControl header.Opcode && payload.Length <> header.PayloadLength then
                wrong "another payload than the header says"

            Recorded.Received(header, payload, ending ended)
        | _ -> wrong "no frame"

    let private command (word: string) : Recorded =
        let sent command length = Recorded.Sent(command, number length)

        match word.Split '.' with
        | [| ("text" | "binary") as name; length |] -> sent (Command.Message(kind name)) length
        | [| "text-"; length |] -> sent (Command.FirstFragment DataKind.Text) length
        | [| "binary-"; length |] -> sent (Command.FirstFragment DataKind.Binary) length
        | [| "next-"; length |] -> sent (Command.NextFragment false) length
        | [| "next"; length |] -> sent (Command.NextFragment true) length
        | [| "ping"; data |] -> Recorded.Sent(Command.Ping(control data), 0L)
        | [| "pong"; data |] -> Recorded.Sent(Command.Pong(control data), 0L)
        | [| "close"; said |] -> Recorded.Sent(Command.Close(status said), 0L)
        | [| "fail"; said |] -> Recorded.Sent(Command.Fail(status said), 0L)
        | _ -> wrong (Invariant $"nothing is sent by '{word}'")

    let private what (role: Role) (word: string) : Recorded =
        match word with
        | "<end" -> Recorded.EndOfStream
        | ">end" -> Recorded.SendingEnded
        | After ">" sent -> command sent
        | After "<" received -> frame role (List.ofArray (received.Split '.'))
        | _ -> wrong (Invariant $"'{word}' is no step")

    let private time (word: string) : TimeSpan = TimeSpan.FromMicroseconds(number word)

    let private step (role: Role) (words: string list) : RecordedStep =
        match words with
        | [ After "+" at; After "@" offset; happened ] -> {
            At = time at
            Offset = number offset
            What = what role happened
          }
        | _ -> wrong "a step is its time, its place and what happened"

    let private limit (word: string) : int64 =
        if word = "-" then Limits.Unlimited else number word

    let private limits (words: string) : Limits =
        match words.Split ',' with
        | [| message; fragment; count |] -> Limits.Create(limit message, limit fragment, int count)
        | _ -> wrong "three limits are needed"

    let private oneOf (first: string) (second: string) (word: string) : bool =
        if word = first then
            true
        elif word = second then
            false
        else
            wrong (Invariant $"'{word}' is neither '{first}' nor '{second}'")

    let private date (word: string) : DateTimeOffset =
        DateTimeOffset.ParseExact(word, "O", CultureInfo.InvariantCulture, DateTimeStyles.AssumeUniversal)

    let private origin (words: string list) : Recording =
        match words with
        | [ version
            After "role=" role
            After "max=" max
            After "text=" text
            After "rsv=" rsv
            After "lengths=" lengths
            After "started=" started
            After "dropped=" dropped
            After "state=" first ] when version = RecordingWords.version -> {
            Settings = {
                Role =
                    if oneOf "server" "client" role then
                        Role.Server
                    else
                        Role.Client
                Limits = limits max
                ValidateText = oneOf "checked" "unchecked" text
                ReservedBits = bits rsv
                AllowLongLengths = oneOf "any" "shortest" lengths
            }
            Started = date started
            Dropped = number dropped
            Start = state first
            Steps = [||]
          }
        | version :: _ when version = RecordingWords.version ->
            wrong "the settings are not what they should be"
        | _ -> wrong (Invariant $"no {RecordingWords.version}")

    let private words (text: string) : string list =
        List.ofArray (text.Split([| ' '; '\t'; '\r'; '\n' |], StringSplitOptions.RemoveEmptyEntries))

    let private guard (index: int) (read: unit -> 'a) : Result<'a, RecordingParse> =
        try
            Ok(read ())
        with
        | :? FormatException
        | :? ArgumentException
        | :? OverflowException as error -> Error(RecordingParse.Malformed(index, error.Message))

    let rec private steps (recording: Recording) (read: ResizeArray<RecordedStep>) (rest: string list) =
        match rest with
        | [] ->
            RecordingParse.Complete {
                recording with
                    Steps = read.ToArray()
            }
        | next :: rest ->
            match guard (read.Count + 1) (fun () -> step recording.Settings.Role (words next)) with
            | Ok step ->
                read.Add step
                steps recording read rest
            | Error malformed -> malformed

    let read (text: string) : RecordingParse =
        let parts = List.ofArray (text.Split '|') // one at least

        match guard 0 (fun () -> origin (words parts.Head)) with
        | Ok recording -> steps recording (ResizeArray()) parts.Tail
        | Error malformed -> malformed

type RecordingParse with

    /// <summary>True when both are equal, as <c>Equals</c> tells.</summary>
    static member op_Equality(left: RecordingParse | null, right: RecordingParse | null) : bool =
        obj.Equals(left, right)

    /// <summary>True when they are not equal.</summary>
    static member op_Inequality(left: RecordingParse | null, right: RecordingParse | null) : bool =
        not (obj.Equals(left, right))
