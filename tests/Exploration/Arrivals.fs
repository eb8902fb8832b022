/// The alphabet of a whole endpoint: frames cut anywhere, commands, ends, time, traffic and what waits unread.
module FunctionalWs.Exploration.Arrivals

open System
open System.Buffers
open FunctionalWs.Protocol

[<CustomEquality; NoComparison>]
type Move =
    /// Bytes of whole frames, in one piece.
    | Frames of Name: string * Bytes: byte[]
    /// The first bytes of a frame; the rest is on its way.
    | Begin of Name: string * First: byte[] * Rest: byte[]
    /// Of the rest: one byte, all of it, or all of it and more behind it.
    | OneMore
    | TheRest of Behind: byte[]
    | EndOfStream
    | SendingEnded
    | Send of Command
    | Opened
    /// So many seconds pass, and somebody looks, or nobody does.
    | Look of Seconds: int
    | Wait of Seconds: int
    | Traffic of Name: string * (Traffic -> Traffic)
    | ReadOn of Unread

    override move.Equals other = Object.ReferenceEquals(move, other)
    override move.GetHashCode() = 0

    override move.ToString() =
        match move with
        | Frames(name, _) -> name
        | Begin(name, first, _) -> $"{first.Length} bytes of {name}"
        | OneMore -> "one more byte"
        | TheRest behind -> $"the rest, {behind.Length} bytes behind it"
        | EndOfStream -> "end of stream"
        | SendingEnded -> "sending has ended"
        | Send command -> $"{command}"
        | Opened -> "opened"
        | Look seconds -> $"look after {seconds} s"
        | Wait seconds -> $"{seconds} s"
        | Traffic(name, _) -> name
        | ReadOn unread -> $"{unread.Messages} messages, {unread.Bytes} bytes unread"

/// A frame as it stands on the wire.
let private wire masked (bits: ReservedBits) fin opcode (payload: byte[]) : byte[] =
    let bytes = Array.zeroCreate<byte>(FrameReader.MaxHeaderSize + payload.Length)
    let key = if masked then ValueSome WireReference.key else ValueNone

    let size =
        FrameWriter.writeHeader fin bits opcode (int64 payload.Length) key (Span bytes)

    let body = Span(bytes, size, payload.Length)

    match key with
    | ValueSome key -> Masking.apply key 0L (ReadOnlySpan payload) body
    | ValueNone -> ReadOnlySpan(payload).CopyTo body

    bytes[.. size + payload.Length - 1]

/// What no writer writes, its masking bit right for its sender.
let private odd masked (bytes: byte list) : byte[] =
    let bytes = Array.ofList bytes

    if masked then
        bytes[1] <- bytes[1] ||| 0x80uy
        Array.append bytes (Array.zeroCreate 4)
    else
        bytes

let private closeOf (code: int) (rest: byte list) =
    Array.ofList (byte (code >>> 8) :: byte code :: rest)

/// Frames that break no rule by themselves, by name.
let private plain masked =
    let frame = wire masked ReservedBits.None

    [
        "text A", frame true Opcode.Text "A"B
        "text é", frame true Opcode.Text [| 0xC3uy; 0xA9uy |]
        "text C3…", frame false Opcode.Text [| 0xC3uy |]
        "text FF", frame true Opcode.Text [| 0xFFuy |]
        "text of 3 bytes", frame true Opcode.Text "AAA"B
        "binary 0102…", frame false Opcode.Binary [| 1uy; 2uy |]
        "empty binary", frame true Opcode.Binary [||]
        "continuation A9…", frame false Opcode.Continuation [| 0xA9uy |]
        "continuation AA", frame true Opcode.Continuation "AA"B
        "empty continuation", frame true Opcode.Continuation [||]
        "ping", frame true Opcode.Ping [| 1uy; 2uy |]
        "pong", frame true Opcode.Pong [||]
        "close 1000", frame true Opcode.Close (closeOf 1000 [])
        "close", frame true Opcode.Close [||]
        "half a close code", frame true Opcode.Close [| 3uy |]
        "close 1005", frame true Opcode.Close (closeOf 1005 [])
        "close 1000 FF", frame true Opcode.Close (closeOf 1000 [ 0xFFuy ])
    ]

let private malformed masked = [
    "wrong mask", wire (not masked) ReservedBits.None true Opcode.Text [||]
    "reserved opcode", odd masked [ 0x83uy; 0uy ]
    "reserved bit", odd masked [ 0xA1uy; 0uy ]
    "long length", odd masked [ 0x81uy; 126uy; 0uy; 1uy; 0x41uy ]
    "top bit", odd masked [ 0x82uy; 127uy; 0x80uy; 0uy; 0uy; 0uy; 0uy; 0uy; 0uy; 0uy ]
    "ping of 126 bytes", odd masked [ 0x89uy; 126uy; 0uy; 126uy ]
    "fragmented ping", odd masked [ 0x09uy; 0uy ]
]

/// Marked messages take more on the wire than they hold.
let private marked masked =
    let frame = wire masked ReservedBits.Rsv1

    [
        "marked text A", frame true Opcode.Text "A"B
        "marked text C3…", frame false Opcode.Text [| 0xC3uy |]
        "marked binary of 66 zeros…", frame false Opcode.Binary (Array.zeroCreate 66)
        "marked binary of too much", frame true Opcode.Binary [| 1uy; 0uy; 2uy; 3uy; 0xF0uy |]
        "marked F0", frame true Opcode.Binary [| 1uy; 0xF0uy |]
        "marked F1", frame true Opcode.Text [| 0xF1uy |]
        "marked F2", frame true Opcode.Binary [| 0xF2uy |]
        "marked F3", frame true Opcode.Binary [| 0xF3uy |]
        "continuation of 66 zeros…",
        wire masked ReservedBits.None false Opcode.Continuation (Array.zeroCreate 66)
    ]

let private cut (frames: (string * byte[]) list) (name: string) (at: int) : Move =
    let bytes = snd (List.find (fun (other, _) -> other = name) frames)
    Begin(name, bytes[.. at - 1], bytes[at..])

let private status = CloseStatus.Create(CloseCode.GoingAway, "bye")

let private commands = [
    Command.Message DataKind.Binary
    Command.FirstFragment DataKind.Text
    Command.NextFragment true
    Command.Ping ControlPayload.Empty
    Command.Close status
    Command.Fail status
]

let private nothing = {
    Messages = 0
    Bytes = 0L
    Fragments = 0
}

let private unread = [
    nothing
    { nothing with Messages = 2 }
    { nothing with Messages = 4 }
    { nothing with Bytes = 600L }
    {
        nothing with
            Bytes = 900L
            Messages = 2
    }
]

let private traffic = [
    Traffic(
        "the peer takes all",
        (fun traffic -> {
            traffic with
                Taken = traffic.Taken + 1L
                Untaken = 0L
                IsSending = false
        })
    )
    Traffic(
        "the peer takes some",
        (fun traffic -> {
            traffic with
                Taken = traffic.Taken + 1L
        })
    )
    Traffic(
        "output waits",
        (fun traffic -> {
            traffic with
                Sent = traffic.Sent + 1L
                Untaken = 1L
                IsSending = true
        })
    )
    Traffic(
        "unread or not",
        (fun traffic -> {
            traffic with
                Unread = 1L - traffic.Unread
        })
    )
]

/// The moves of one alphabet, for what a role meets.
type Alphabet = Role -> Move[]

let private headerSize (role: Role) = if role.IsServer then 6 else 2

/// All bytes, and no time.
let bytes: Alphabet =
    fun role ->
        let masked = role.IsServer
        let header = headerSize role
        let frames = plain masked @ malformed masked @ marked masked
        let cut = cut frames
        let ping = snd (List.find (fun (name, _) -> name = "ping") frames)

        [|
            yield! List.map Frames frames
            cut "text é" 1
            cut "text é" (header + 1)
            cut "binary 0102…" (header + 1)
            cut "continuation AA" header
            cut "ping" 1
            cut "close 1000" (header + 1)
            cut "long length" 3
            cut "marked binary of too much" (header + 3)
            OneMore
            TheRest [||]
            TheRest ping
            EndOfStream
            SendingEnded
            yield! List.map Send commands
        |]

/// All of time and of what waits, and few bytes.
let times: Alphabet =
    fun role ->
        let header = headerSize role
        let frames = plain role.IsServer
        let cut = cut frames

        [|
            Frames frames[0]
            cut "ping" (header + 1)
            cut "binary 0102…" (header + 1)
            TheRest [||]
            EndOfStream
            Send(Command.Close status)
            Look 1
            Look 3
            Look 6
            Wait 3
            yield! traffic
            yield! List.map ReadOn unread
            Opened
        |]

/// Everything.
let all: Alphabet =
    fun role -> Array.append (bytes role) (times role |> Array.skip 5)
