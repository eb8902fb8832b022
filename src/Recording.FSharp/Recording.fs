// What is kept of a conversation: what came and what was sent, nothing that follows from it. Recorder makes it, RecordingText writes
// and reads it, Replay runs it again.
namespace FunctionalWs.Protocol

open System
open System.Globalization
open type System.FormattableString

/// <summary>What is kept of the payload of a data frame, or of a piece of it: unmasked, decoded by the extensions.</summary>
[<RequireQualifiedAccess; StructuredFormatDisplay("{Shown}")>]
type RecordedPayload =
    /// <summary>All of it. Not to be changed.</summary>
    | Bytes of Bytes: byte[]
    /// <summary>
    /// Its length, what a text owes at its end, and, if it is no text, the position in it of the first byte that can't be there.
    /// </summary>
    | Measured of Length: int64 * Text: Utf8State * Invalid: int64 voption

    member internal payload.Length: int64 =
        match payload with
        | RecordedPayload.Bytes data -> int64 data.Length
        | RecordedPayload.Measured(length, _, _) -> length

    member private payload.Shown: string =
        let longestShown = 64

        match payload with
        | RecordedPayload.Bytes data when data.Length <= longestShown -> Convert.ToHexString data
        | RecordedPayload.Bytes data ->
            Invariant $"{Convert.ToHexString(data, 0, longestShown)}…, {Words.bytes data.LongLength}"
        | RecordedPayload.Measured(length, _, _) -> Invariant $"{Words.bytes length}, not kept"

    /// <summary>The bytes as hexadecimal digits, the first 64 of many, or how many there were.</summary>
    override payload.ToString() : string = payload.Shown

/// <summary>How much of a frame came.</summary>
[<RequireQualifiedAccess; StructuredFormatDisplay("{Shown}")>]
type FrameEnding =
    /// <summary>All of it.</summary>
    | Whole
    /// <summary>A part: it was refused before its end, or its end never came.</summary>
    | Cut
    /// <summary>Its extensions found something wrong with it.</summary>
    | Undecodable of Error: ProtocolError

    member private ending.Shown: string =
        match ending with
        | FrameEnding.Whole -> "whole"
        | FrameEnding.Cut -> "cut"
        | FrameEnding.Undecodable error -> Invariant $"undecodable: {error}"

    /// <summary>How it ended, in words.</summary>
    override ending.ToString() : string = ending.Shown

/// <summary>What happened to a connection: something that came from the peer, or something of our side.</summary>
[<RequireQualifiedAccess; StructuredFormatDisplay("{Shown}")>]
type Recorded =
    /// <summary>
    /// A frame, when it was complete, or what came of it. The masking key is not kept: the header has a key of 0. Of pings and pongs
    /// that are not kept, the length is.
    /// </summary>
    | Received of Header: FrameHeader * Payload: RecordedPayload * Ending: FrameEnding
    /// <summary>The header of a frame that can't be read, as far as it matters, without its masking key. Not to be changed.</summary>
    | Refused of Header: byte[]
    /// <summary>The peer sent nothing more.</summary>
    | EndOfStream
    /// <summary>
    /// A command; <c>Length</c> is the size of the message or fragment, as the application gave it; that of a broadcast as it is
    /// on the wire; 0 for other commands.
    /// </summary>
    | Sent of Command: Command * Length: int64
    /// <summary>Our side of the stream has ended: all that was to be written has left.</summary>
    | SendingEnded

    member private what.Shown: string =
        let ending (payload: RecordedPayload) (ended: FrameEnding) =
            match ended, payload.Length with
            | FrameEnding.Whole, _ -> ""
            | FrameEnding.Cut, 0L -> ", its header alone"
            | FrameEnding.Cut, length -> Invariant $", its first {Words.bytes length}"
            | FrameEnding.Undecodable _, _ -> ", undecodable"

        // Of what pings and pongs carry the recording may have zeros alone.
        let size (command: Command) (length: int64) =
            match command with
            | Command.Message _
            | Command.FirstFragment _
            | Command.NextFragment _ -> Invariant $"{command}, {Words.bytes length}"
            | Command.Ping payload -> Invariant $"Ping, {Words.bytes (int64 payload.Length)}"
            | Command.Pong payload -> Invariant $"Pong, {Words.bytes (int64 payload.Length)}"
            | Command.Close _
            | Command.Fail _ -> command.ToString()

        match what with
        | Recorded.Received(header, payload, ended) -> Invariant $"< {header.Words}{ending payload ended}"
        | Recorded.Refused header -> Invariant $"< refused header {Convert.ToHexString header}"
        | Recorded.EndOfStream -> "< end of stream"
        | Recorded.Sent(command, length) -> Invariant $"> {size command length}"
        | Recorded.SendingEnded -> "> end of stream"

    /// <summary>What happened, in words: <c>&lt;</c> came from the peer, <c>&gt;</c> was sent.</summary>
    override what.ToString() : string = what.Shown

/// <summary>One step of a recording. What it led to is not kept: it follows from the steps before it.</summary>
[<StructuredFormatDisplay("{Shown}")>]
type RecordedStep = {
    /// <summary>When it happened, in whole microseconds since <c>Recording.Started</c>.</summary>
    At: TimeSpan
    /// <summary>
    /// Where the frame begins in the peer's bytes, counted from the end of the opening handshake; for all else, how far the
    /// peer's whole frames had come.
    /// </summary>
    Offset: int64
    /// <summary>What happened.</summary>
    What: Recorded
} with

    member private step.Shown: string = Invariant $"@{step.Offset} {step.What}"

    /// <summary>Its place in the peer's bytes and what happened: <c>@6 &lt; Text, 5 bytes</c>.</summary>
    override step.ToString() : string = step.Shown

/// <summary>
/// The last steps of a connection. <c>RecordingText</c> writes it as one line of ASCII and reads it back, <c>Replay</c> runs it.
/// </summary>
[<StructuredFormatDisplay("{Shown}")>]
type Recording = {
    /// <summary>How the connection was read and judged.</summary>
    Settings: ConnectionSettings
    /// <summary>When the connection was opened.</summary>
    Started: DateTimeOffset
    /// <summary>How many steps before the first one were not kept.</summary>
    Dropped: int64
    /// <summary>The state before the first step.</summary>
    Start: State
    /// <summary>The steps, in the order in which they happened. Not to be changed.</summary>
    Steps: RecordedStep[]
} with

    /// <summary>True when the beginning of the conversation was not kept.</summary>
    member recording.IsCut: bool = recording.Dropped > 0L

    member private recording.Shown: string =
        let started =
            recording.Started.UtcDateTime.ToString("u", CultureInfo.InvariantCulture)

        let steps = Words.count recording.Steps.LongLength "step"

        let dropped =
            if recording.IsCut then
                Invariant $" after {recording.Dropped} others"
            else
                ""

        Invariant $"{steps}{dropped} of a connection of {started}, {recording.Settings.Role}"

    /// <summary>How much it is, and of what, in words.</summary>
    override recording.ToString() : string = recording.Shown

/// What states say of messages.
module internal StateParts =

    let isOver (state: State) : bool =
        match state with
        | State.Draining _
        | State.Closed _ -> true
        | State.Open _
        | State.CloseSent _ -> false

    /// The message of which a part has been received.
    let receiving (state: State) : PartialMessage voption =
        match state with
        | State.Open(receiving, _)
        | State.CloseSent(_, receiving) -> receiving
        | State.Draining _
        | State.Closed _ -> ValueNone

    let withReceiving (receiving: PartialMessage voption) (state: State) : State =
        match state with
        | State.Open(_, sending) -> State.Open(receiving, sending)
        | State.CloseSent(sent, _) -> State.CloseSent(sent, receiving)
        | State.Draining _
        | State.Closed _ -> state

/// A header as bytes, the masking key left out: the form of it that is kept.
module internal HeaderBytes =

    let keySize = 4

    let private fullSize (second: byte) =
        match second &&& 0x7Fuy with
        | 126uy -> 4
        | 127uy -> 10
        | _ -> 2

    /// The size of a header without its key, as its first bytes tell; what is there, if that is less.
    let sizeWithoutKey (header: ReadOnlySpan<byte>) : int =
        if header.Length < 2 then
            header.Length
        else
            min header.Length (fullSize header[1])

    /// The bits by which a message's extensions have marked the frame; those of a continuation are its message's.
    let messageBits (receiving: PartialMessage voption) (header: inref<FrameHeader>) : ReservedBits =
        match receiving with
        | ValueSome message when header.Opcode.IsContinuation -> message.ReservedBits
        | ValueSome _
        | ValueNone -> header.ReservedBits

    /// With a key of 0, where there was one and all that comes before it is there.
    let withKey (bytes: byte[]) : byte[] =
        if
            bytes.Length > 1
            && bytes[1] &&& 0x80uy <> 0uy
            && bytes.Length = fullSize bytes[1]
        then
            Array.append bytes (Array.zeroCreate keySize)
        else
            bytes

    let ofHeader (header: inref<FrameHeader>) : byte[] =
        let masked = header.MaskingKey.IsSome
        let size = if masked then header.Size - keySize else header.Size
        let bytes = Array.zeroCreate<byte> size
        let fin = if header.Fin then 0x80uy else 0uy
        bytes[0] <- fin ||| (byte header.ReservedBits <<< 4) ||| Opcode.toByte header.Opcode

        let short =
            match size with
            | 2 -> byte header.PayloadLength
            | 4 -> 126uy
            | _ -> 127uy

        bytes[1] <- if masked then short ||| 0x80uy else short

        // Big-endian, however long the field is.
        for i in 2 .. size - 1 do
            bytes[i] <- byte (header.PayloadLength >>> (8 * (size - 1 - i)))

        bytes

type RecordedPayload with

    /// <summary>True when both are equal, as <c>Equals</c> tells.</summary>
    static member op_Equality(left: RecordedPayload | null, right: RecordedPayload | null) : bool =
        obj.Equals(left, right)

    /// <summary>True when they are not equal.</summary>
    static member op_Inequality(left: RecordedPayload | null, right: RecordedPayload | null) : bool =
        not (obj.Equals(left, right))

type FrameEnding with

    /// <summary>True when both are equal, as <c>Equals</c> tells.</summary>
    static member op_Equality(left: FrameEnding | null, right: FrameEnding | null) : bool =
        obj.Equals(left, right)

    /// <summary>True when they are not equal.</summary>
    static member op_Inequality(left: FrameEnding | null, right: FrameEnding | null) : bool =
        not (obj.Equals(left, right))

type Recorded with

    /// <summary>True when both are equal, as <c>Equals</c> tells.</summary>
    static member op_Equality(left: Recorded | null, right: Recorded | null) : bool = obj.Equals(left, right)

    /// <summary>True when they are not equal.</summary>
    static member op_Inequality(left: Recorded | null, right: Recorded | null) : bool =
        not (obj.Equals(left, right))

type RecordedStep with

    /// <summary>True when both are equal, as <c>Equals</c> tells.</summary>
    static member op_Equality(left: RecordedStep | null, right: RecordedStep | null) : bool =
        obj.Equals(left, right)

    /// <summary>True when they are not equal.</summary>
    static member op_Inequality(left: RecordedStep | null, right: RecordedStep | null) : bool =
        not (obj.Equals(left, right))

type Recording with

    /// <summary>True when both are equal, as <c>Equals</c> tells.</summary>
    static member op_Equality(left: Recording | null, right: Recording | null) : bool =
        obj.Equals(left, right)

    /// <summary>True when they are not equal.</summary>
    static member op_Inequality(left: Recording | null, right: Recording | null) : bool =
        not (obj.Equals(left, right))
