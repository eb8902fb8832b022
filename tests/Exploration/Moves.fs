/// The alphabet: what may come from a peer and what an application may want, one move for every rule.
module FunctionalWs.Exploration.Moves

open System
open System.Buffers
open FunctionalWs.Protocol

[<CustomEquality; NoComparison>]
type Move =
    /// The bytes of one frame, all of them; and its payload, if it has one that can be read.
    | Frame of Name: string * Wire: ReadOnlySequence<byte> * Payload: byte[]
    /// What the extensions find wrong with a message.
    | Refuse of Error: ProtocolError
    | EndOfStream
    | Send of Command: Command

    override move.Equals other = Object.ReferenceEquals(move, other)
    override move.GetHashCode() = 0

    override move.ToString() =
        match move with
        | Frame(name, _, _) -> name
        | Refuse error -> $"{error}"
        | EndOfStream -> "end of stream"
        | Send command -> $"{command}"

/// Small enough that four frames reach every limit. One extension is agreed on, so that messages may be marked.
let limits = Limits.Create(3L, 2L, 3)

let settingsOf (role: Role) : ConnectionSettings = {
    ConnectionSettings.Server with
        Role = role
        Limits = limits
        ReservedBits = ReservedBits.Rsv1
}

let private key = 0x3D21FA37u

/// A header as it stands on the wire, masked or not, followed by a payload of zeros that is masked with it.
let private wire masked (bits: ReservedBits) fin opcode (payload: byte[]) : byte[] =
    let bytes = Array.zeroCreate<byte>(FrameReader.MaxHeaderSize + payload.Length)
    let key = if masked then ValueSome key else ValueNone

    let size =
        FrameWriter.writeHeader fin bits opcode (int64 payload.Length) key (Span bytes)

    let body = Span(bytes, size, payload.Length)

    match key with
    | ValueSome key -> Masking.apply key 0L (ReadOnlySpan payload) body
    | ValueNone -> ReadOnlySpan(payload).CopyTo body

    bytes[.. size + payload.Length - 1]

let private sequence (bytes: byte[]) = ReadOnlySequence bytes

/// The first two bytes of a frame that no writer writes, its masking bit right for its sender.
let private malformed masked name (bytes: byte list) =
    let bytes = Array.ofList bytes

    if masked then
        bytes[1] <- bytes[1] ||| 0x80uy

    Frame(name, sequence (Array.append bytes (Array.zeroCreate 4)), [||])

let private closeCode (code: int) = [| byte (code >>> 8); byte code |]

let private status = CloseStatus.Create(CloseCode.GoingAway, "bye")

let private frames masked =
    let marked name bits fin opcode payload =
        Frame(name, sequence (wire masked bits fin opcode payload), payload)

    let frame name = marked name ReservedBits.None

    [
        frame "text A" true Opcode.Text [| 0x41uy |]
        frame "text C3…" false Opcode.Text [| 0xC3uy |]
        frame "text FF" true Opcode.Text [| 0xFFuy |]
        frame "text of 3 bytes" true Opcode.Text "AAA"B
        frame "binary 0102…" false Opcode.Binary [| 1uy; 2uy |]
        frame "empty binary" true Opcode.Binary [||]
        frame "continuation A9…" false Opcode.Continuation [| 0xA9uy |]
        frame "continuation of 2 bytes" true Opcode.Continuation "AA"B
        frame "continuation of 3 bytes" true Opcode.Continuation "AAA"B
        frame "empty continuation" true Opcode.Continuation [||]
        marked "marked text A" ReservedBits.Rsv1 true Opcode.Text "A"B
        marked "marked binary 01…" ReservedBits.Rsv1 false Opcode.Binary [| 1uy |]
        frame "ping" true Opcode.Ping [| 1uy |]
        frame "pong" true Opcode.Pong [||]
        frame "close 1000" true Opcode.Close (closeCode 1000)
        frame "close" true Opcode.Close [||]
        frame "half a close code" true Opcode.Close [| 3uy |]
        frame "close 1005" true Opcode.Close (closeCode 1005)
        frame "close 1000 FF" true Opcode.Close (Array.append (closeCode 1000) [| 0xFFuy |])
    ]

let private malformedFrames masked =
    let wrongMask = wire (not masked) ReservedBits.None true Opcode.Text [||]

    [
        Frame("wrong mask", sequence wrongMask, [||])
        malformed masked "reserved opcode" [ 0x83uy; 0uy ]
        malformed masked "reserved bit" [ 0xA1uy; 0uy ]
        malformed masked "long length" [ 0x81uy; 126uy; 0uy; 1uy ]
        malformed masked "top bit" [ 0x82uy; 127uy; 0x80uy; 0uy; 0uy; 0uy; 0uy; 0uy; 0uy; 0uy ]
        malformed masked "ping of 126 bytes" [ 0x89uy; 126uy; 0uy; 126uy ]
        malformed masked "fragmented ping" [ 0x09uy; 0uy ]
    ]

let private others = [
    Refuse ProtocolError.CompressedDataInvalid
    Refuse ProtocolError.CompressedDataIncomplete
    Refuse(ProtocolError.InflateRatioExceeded 10)
    Refuse(ProtocolError.ExtensionFailed("x", "y"))
    EndOfStream
]

let commands: Command list = [
    Command.Message MessageKind.Text
    Command.Message MessageKind.Binary
    Command.FirstFragment MessageKind.Text
    Command.FirstFragment MessageKind.Binary
    Command.NextFragment false
    Command.NextFragment true
    Command.Ping ControlPayload.Empty
    Command.Pong ControlPayload.Empty
    Command.Close status
    Command.Fail status
]

/// Every move that one side can meet.
let all (role: Role) : Move[] =
    // What a server receives is masked.
    let masked = role.IsServer

    [|
        yield! frames masked
        yield! malformedFrames masked
        yield! others
        yield! List.map Send commands
    |]
