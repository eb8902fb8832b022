// What is kept of a conversation: the inputs and commands of a connection, and what each of them led to. Recorder makes it,
// RecordingText writes and reads it, Replay runs it again.
namespace FunctionalWs.Protocol

open System

/// <summary>What is kept of the payload of a data frame, or of a piece of it: unmasked, decoded by the extensions.</summary>
[<RequireQualifiedAccess>]
type RecordedPayload =
    /// <summary>All of it. Not to be changed.</summary>
    | Bytes of Bytes: byte[]
    /// <summary>
    /// Its length, what a text owes at its end, and, if it is no text, the position in it of the first byte that can't be there.
    /// </summary>
    | Measured of Length: int64 * Text: Utf8State * Invalid: int64 voption

/// <summary>What happened to a connection: something that came from the peer, or something that was sent.</summary>
[<RequireQualifiedAccess>]
type Recorded =
    /// <summary>A data frame, or a part of one. The masking key is not kept: the header has a key of 0.</summary>
    | Data of Header: FrameHeader * Part: Part * Payload: RecordedPayload
    /// <summary>A control frame. The payload of a ping or a pong may not be kept.</summary>
    | Control of Header: FrameHeader * Payload: ControlPayload voption
    /// <summary>The header of a frame that was refused, without its masking key.</summary>
    | Refused of Header: byte[]
    /// <summary>A message that its extensions could not decode.</summary>
    | Undecodable of Error: ProtocolError
    /// <summary>The peer sent nothing more.</summary>
    | EndOfStream
    /// <summary>
    /// A command; <c>Length</c> is the size of the message or fragment, as the application gave it; that of a broadcast as it is
    /// on the wire; 0 for other commands.
    /// </summary>
    | Sent of Command: Command * Length: int64

/// <summary>One step of a recording.</summary>
type RecordedStep = {
    /// <summary>When it happened, in whole microseconds since <c>Recording.Started</c>.</summary>
    At: TimeSpan
    /// <summary>
    /// Where the frame begins in the peer's bytes, counted from the end of the opening handshake; for what was sent, how far the
    /// peer's frames had been read.
    /// </summary>
    Offset: int64
    /// <summary>What happened.</summary>
    What: Recorded
    /// <summary>What it led to. The payload of a ping or pong that is not kept is as many zeros.</summary>
    Transition: Transition
}

/// <summary>
/// The last steps of a connection. <c>RecordingText</c> writes it as one line of ASCII and reads it back, <c>Replay</c> runs it.
/// </summary>
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
