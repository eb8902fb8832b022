/// The reference on bytes: what has come of a frame, judged each time anew from the frame's first byte.
module FunctionalWs.Exploration.WireReference

open System
open System.Collections.Concurrent
open FunctionalWs.Protocol
open FunctionalWs.Exploration.Reference

// ---- A decoder for messages that are marked: it leaves zeros out, adds an A at the end, and finds four bytes wrong

let private wrongByte (value: byte) : ProtocolError voption =
    match value with
    | 0xF0uy -> ValueSome ProtocolError.CompressedDataInvalid
    | 0xF1uy -> ValueSome ProtocolError.CompressedDataIncomplete
    | 0xF2uy -> ValueSome(ProtocolError.InflateRatioExceeded 10)
    | 0xF3uy -> ValueSome(ProtocolError.ExtensionFailed("x", "y"))
    | _ -> ValueNone

/// What it makes of a payload, up to what is wrong with it.
let private decode (payload: byte[]) (isEnd: bool) : byte[] * ProtocolError option =
    let right = Array.takeWhile (fun value -> (wrongByte value).IsNone) payload
    let isRight = right.Length = payload.Length
    let data = Array.filter (fun value -> value <> 0uy) right
    let data = if isEnd && isRight then Array.append data "A"B else data

    data,
    (if isRight then
         None
     else
         ValueOption.toOption (wrongByte payload[right.Length]))

/// The same, as the endpoint asks for it.
type Decoder() =
    inherit PayloadDecoder()
    let decoded = Array.zeroCreate<byte> 64
    let mutable first = 0
    let mutable last = 0

    override _.Decode(_, data, endOfMessage, room) =
        first <- 0
        last <- 0
        let mutable error = ValueNone
        let mutable i = 0

        let put value =
            if int64 last <= room then
                decoded[last] <- value
                last <- last + 1

        while i < data.Length && error.IsNone do
            error <- wrongByte data[i]

            if error.IsNone && data[i] <> 0uy then
                put data[i]

            i <- i + 1

        if endOfMessage && error.IsNone then
            put 0x41uy

        error

    override _.Decoded = ReadOnlySpan(decoded, first, last - first)
    override _.Skip count = first <- first + count

// ---- One frame

[<RequireQualifiedAccess>]
type Verdict =
    /// It isn't whole; the message with what has come of it.
    | Waits of Message option
    | Whole of Size: int * Message: Message option * Expected: Expected
    | Refused of ProtocolError

let private unmasked (header: FrameHeader) (payload: byte[]) : byte[] =
    match header.MaskingKey with
    | ValueNone -> payload
    | ValueSome key ->
        let key = BitConverter.GetBytes key
        Array.mapi (fun i value -> value ^^^ key[i % 4]) payload

/// One byte after the other, so that the first that is wrong is found first.
let private feedAll settings (message: Message) (ends: bool) (data: byte[]) : Result<Message, ProtocolError> =
    let fed =
        Array.fold
            (fun message value ->
                Result.bind (fun message -> feed settings message false [| value |]) message)
            (Ok message)
            data

    if ends then
        Result.bind (fun message -> feed settings message true [||]) fed
    else
        fed

let private judgeData settings (model: Model) (header: FrameHeader) (payload: byte[]) : Verdict =
    let isWhole = int64 payload.Length = header.PayloadLength
    let ends = isWhole && header.Fin

    let judge (begun: Message) =
        let data, error =
            if begun.Bits = ReservedBits.None then
                payload, None
            else
                decode payload ends

        match feedAll settings begun (ends && error.IsNone) data, error with
        | Ok _, Some error
        | Error error, _ -> Error error
        | Ok message, None -> Ok message

    match beginFrame settings model header |> Result.bind judge with
    | Error error -> Verdict.Refused error
    | Ok message when isWhole ->
        Verdict.Whole(header.Size + payload.Length, Some message, deliver model message true ends)
    | Ok message -> Verdict.Waits(Some message)

/// What the bytes since the end of the last frame lead to.
let private judge (settings: ConnectionSettings) (model: Model) (bytes: byte[]) : Verdict =
    match FrameReader.readHeaderOf settings (ReadOnlySpan bytes) with
    | HeaderParse.Incomplete -> Verdict.Waits model.Receiving
    | HeaderParse.Malformed error -> Verdict.Refused error
    | HeaderParse.Complete header ->
        let size = int (min header.FrameLength (int64 bytes.Length))
        let payload = unmasked header bytes[header.Size .. size - 1]

        if not (header.Opcode.IsControl) then
            judgeData settings model header payload
        elif int64 size < header.FrameLength then
            Verdict.Waits model.Receiving
        else
            let expected = frame settings model header payload

            match expected.Next.Phase with
            | Phase.Draining(Closure.Failed(error, _)) -> Verdict.Refused error
            | Phase.Draining _
            | Phase.Open
            | Phase.CloseSent _
            | Phase.Closed _ -> Verdict.Whole(size, None, expected)

// ---- What has come in all

/// The model at the end of the last frame, and what has come since.
type Wire = {
    Model: Model
    Come: byte[]
    /// The message that is under way, with what has come of its frame.
    Message: Message option
    /// How many messages, and frames outside of them, have begun: tells one from the other.
    Units: int
}

let start: Wire = {
    Model = Reference.start
    Come = [||]
    Message = None
    Units = 0
}

/// True while a header, a frame or a message isn't whole.
let isUnfinished (wire: Wire) : bool =
    isLive wire.Model && (wire.Come.Length > 0 || wire.Message.IsSome)

/// What bytes have led to.
type Arrival = {
    After: Wire
    /// The error of a refusal, for what can't be told otherwise.
    Told: Result<Event, ProtocolError> list
    Outputs: Output list
    HalfCloses: int
    /// The data of all that came, after those of the message that was under way.
    Data: byte[] list
}

let private withStep (arrival: Arrival) told (expected: Expected) (come: byte[]) (message: Message option) =
    let isBetween = expected.Next.Receiving.IsNone

    {
        After = {
            Model = expected.Next
            Come = come
            Message = expected.Next.Receiving
            Units =
                if isBetween then
                    arrival.After.Units + 1
                else
                    arrival.After.Units
        }
        Told = arrival.Told @ told
        Outputs = arrival.Outputs @ ValueOption.toList expected.Output
        HalfCloses = arrival.HalfCloses + (if expected.HalfClose then 1 else 0)
        Data =
            match message with
            | Some message when isBetween -> arrival.Data @ [ message.Data ]
            | Some _
            | None -> arrival.Data
    }

let rec private go settings (arrival: Arrival) : Arrival =
    let wire = arrival.After

    if not (isLive wire.Model) then
        {
            arrival with
                After = {
                    wire with
                        Come = [||]
                        Message = None
                }
        }
    elif wire.Come.Length = 0 then
        arrival
    else
        match judge settings wire.Model wire.Come with
        | Verdict.Waits message -> {
            arrival with
                After = { wire with Message = message }
          }
        | Verdict.Whole(size, message, expected) ->
            let told = expected.Event |> ValueOption.toList |> List.map Ok
            go settings (withStep arrival told expected wire.Come[size..] message)
        | Verdict.Refused error -> withStep arrival [ Error error ] (broken wire.Model error) [||] None

let arrive (settings: ConnectionSettings) (wire: Wire) (bytes: byte[]) : Arrival =
    go settings {
        After = {
            wire with
                Come = Array.append wire.Come bytes
        }
        Told = []
        Outputs = []
        HalfCloses = 0
        Data = []
    }

/// After a command, or the end of the stream.
let withModel (wire: Wire) (model: Model) : Wire =
    if isLive model then
        { wire with Model = model }
    else
        {
            wire with
                Model = model
                Come = [||]
                Message = None
        }

// ---- Its answers on the wire

let private frames = ConcurrentDictionary<struct (Role * Output), byte[]>()

let key = 0x3D21FA37u

let private write (struct (role: Role, output: Output)) : byte[] =
    let bytes = Buffers.ArrayBufferWriter<byte>()
    let mask = if role.IsClient then ValueSome key else ValueNone

    let frame opcode (payload: byte[]) =
        FrameWriter.write true opcode (ReadOnlySpan payload) mask bytes

    match output with
    | Output.Data _ -> failwith "no answer is data"
    | Output.Ping payload -> frame Opcode.Ping (payload.Span.ToArray())
    | Output.Pong payload -> frame Opcode.Pong (payload.Span.ToArray())
    | Output.Close status -> frame Opcode.Close (status.ToArray())

    bytes.WrittenSpan.ToArray()

let bytesOf (role: Role) (output: Output) : byte[] =
    frames.GetOrAdd(struct (role, output), write)
