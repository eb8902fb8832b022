/// Bytes in every shape: cut into segments, written as frames, run through a connection.
module FunctionalWs.Protocol.Tests.Bytes

open System
open System.Buffers
open System.Text
open FunctionalWs.Protocol
open FunctionalWs.Protocol.Tests.Recorded

type private Segment(memory: ReadOnlyMemory<byte>, index: int64) as this =
    inherit ReadOnlySequenceSegment<byte>()

    do
        this.Memory <- memory
        this.RunningIndex <- index

    member segment.Append(next: ReadOnlyMemory<byte>) : Segment =
        let last = Segment(next, segment.RunningIndex + int64 segment.Memory.Length)
        segment.Next <- last
        last

/// A sequence cut at these positions, perhaps into nothing; positions outside are ignored.
let segments (cuts: int list) (data: byte[]) : ReadOnlySequence<byte> =
    let ends =
        cuts |> List.filter (fun cut -> cut >= 0 && cut <= data.Length) |> List.sort

    let pieces =
        List.zip (0 :: ends) (ends @ [ data.Length ])
        |> List.map (fun (start, stop) -> ReadOnlyMemory(data, start, stop - start))

    let first = Segment(pieces.Head, 0L)

    let last =
        pieces.Tail
        |> List.fold (fun (segment: Segment) piece -> segment.Append piece) first

    ReadOnlySequence(first, 0, last, last.Memory.Length)

let whole (data: byte[]) : ReadOnlySequence<byte> = ReadOnlySequence data

let utf8 (text: string) : byte[] = Encoding.UTF8.GetBytes text

/// What a text owes after its first bytes.
let owedAfter (text: byte[]) : Utf8State =
    match Utf8.validate Utf8.start (ReadOnlySpan text) with
    | Utf8Result.Valid state -> state
    | Utf8Result.Invalid position -> failwith $"no text: byte {position}"

let key: uint32 = BitConverter.ToUInt32([| 0x37uy; 0xFAuy; 0x21uy; 0x3Duy |], 0)

/// A frame on the wire, masked when a client sends it.
let frameOf (sender: Role) (fin: bool) (opcode: Opcode) (payload: byte[]) : byte[] =
    let writer = ArrayBufferWriter<byte>()
    let key = if sender.IsClient then ValueSome key else ValueNone
    FrameWriter.write fin opcode (ReadOnlySpan payload) key writer
    writer.WrittenSpan.ToArray()

/// A client's frame.
let frame fin opcode payload = frameOf Role.Client fin opcode payload

let close (code: int) (reason: string) : byte[] =
    CloseStatus.Create(CloseCode.Create code, reason).ToArray()

/// What came of reading one frame, as values that compare.
type Read =
    | Incomplete
    | Malformed of ProtocolError
    | Frame of Header: FrameHeader * Payload: byte[]

let readFrom (settings: ConnectionSettings) (buffer: ReadOnlySequence<byte>) : Read =
    match FrameReader.read settings &buffer with
    | FrameParse.Incomplete -> Incomplete
    | FrameParse.Malformed error -> Malformed error
    | FrameParse.Complete frame -> Frame(frame.Header, frame.ToArray())

let read (settings: ConnectionSettings) (data: byte[]) : Read = readFrom settings (whole data)

/// What a connection made of some bytes: its last state, and everything it said on the way.
type Outcome = {
    State: State
    Events: Event list
    Outputs: Output list
    HalfCloses: int
    /// The payloads of data frames, unmasked.
    Data: byte[] list
}

let nothingYet: Outcome = {
    State = Connection.start
    Events = []
    Outputs = []
    HalfCloses = 0
    Data = []
}

let private note (outcome: Outcome) (transition: Transition) : Outcome = {
    outcome with
        State = transition.State
        Events = outcome.Events @ List.ofSeq (ValueOption.toList transition.Event)
        Outputs = outcome.Outputs @ List.ofSeq (ValueOption.toList transition.Output)
        HalfCloses = outcome.HalfCloses + (if transition.HalfClose then 1 else 0)
}

let private isOver (outcome: Outcome) =
    match outcome.State with
    | State.Draining _
    | State.Closed _ -> true
    | State.Open _
    | State.CloseSent _ -> false

/// Takes what is complete at the start of a buffer, frame by frame; gives the rest.
let rec private takeFrames settings (outcome: Outcome) (buffer: ReadOnlySequence<byte>) =
    match FrameReader.read settings &buffer with
    | _ when isOver outcome -> outcome, [||]
    | FrameParse.Incomplete -> outcome, buffer.ToArray()
    | FrameParse.Malformed error ->
        note outcome (Connection.receive settings outcome.State (Input.Broken error)), [||]
    | FrameParse.Complete frame ->
        let next =
            note outcome (Connection.receive settings outcome.State (Input.Received frame))

        let isData = not (frame.Header.Opcode.IsControl) && not (isOver next)

        let data = if isData then [ frame.ToArray() ] else []

        takeFrames settings { next with Data = outcome.Data @ data } (buffer.Slice frame.Header.FrameLength)

/// Receives bytes in these arrivals.
let receiveFrom (settings: ConnectionSettings) (start: Outcome) (arrivals: byte[] list) : Outcome =
    let arrive (outcome, held) arrival =
        takeFrames settings outcome (whole (Array.append held arrival))

    arrivals |> List.fold arrive (start, [||]) |> fst

let receive (settings: ConnectionSettings) (arrivals: byte[] list) : Outcome =
    receiveFrom settings nothingYet arrivals

let serve (frames: byte[] list) : Outcome =
    receive ConnectionSettings.Server frames

let input (settings: ConnectionSettings) (outcome: Outcome) (input: Input) : Outcome =
    note outcome (Connection.receive settings outcome.State input)

/// Carries a command out; none when it is refused.
let command (outcome: Outcome) (command: Command) : Result<Outcome, SendError> =
    match Connection.send outcome.State command with
    | SendResult.Accepted transition -> Ok(note outcome transition)
    | SendResult.Refused error -> Error error

/// Cuts bytes at these positions.
let cut (positions: int list) (data: byte[]) : byte[] list =
    let ends =
        positions
        |> List.filter (fun at -> at > 0 && at < data.Length)
        |> List.distinct
        |> List.sort

    List.zip (0 :: ends) (ends @ [ data.Length ])
    |> List.map (fun (start, stop) -> data[start .. stop - 1])
