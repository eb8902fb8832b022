/// Endpoints that are given bytes, and all that they say.
module FunctionalWs.Protocol.Tests.Hearing

open System
open System.Buffers
open FunctionalWs.Protocol

/// Everything that an endpoint has said.
type Heard = {
    Endpoint: WebSocketEndpoint
    Told: Incoming list
    Data: byte[]
    Answers: byte[]
    HalfCloses: int
    Offset: int64
}

let hear (endpoint: WebSocketEndpoint) : Heard = {
    Endpoint = endpoint
    Told = []
    Data = [||]
    Answers = [||]
    HalfCloses = 0
    Offset = 0L
}

let private answerKey = 0x01020304u

let private shifted (offset: int64) (incoming: Incoming) : Incoming list =
    match incoming with
    | Incoming.Nothing -> []
    | Incoming.Refused violation -> [
        Incoming.Refused {
            violation with
                Offset = violation.Offset + offset
        }
      ]
    | Incoming.Data _
    | Incoming.Ping _
    | Incoming.Pong _
    | Incoming.Close _ -> [ incoming ]

let note (heard: Heard) (step: ReceiveStep) (data: byte[]) (answers: byte[]) : Heard = {
    Endpoint = step.Next
    Told = heard.Told @ shifted heard.Offset step.Incoming
    Data = Array.append heard.Data data
    Answers = Array.append heard.Answers answers
    HalfCloses = heard.HalfCloses + (if step.HalfClose then 1 else 0)
    Offset = heard.Offset + int64 step.Consumed
}

let rec arriveWith (decoder: PayloadDecoder | null) (heard: Heard) (bytes: byte[]) : Heard =
    if bytes.Length = 0 then
        heard
    else
        let sink = ArrayBufferWriter<byte>()
        let answers = ArrayBufferWriter<byte>()

        let step =
            heard.Endpoint.Receive(ReadOnlySpan bytes, sink, answers, answerKey, decoder)

        if step.Consumed = 0 then
            failwith "nothing was consumed of some bytes"

        let next =
            note heard step (sink.WrittenSpan.ToArray()) (answers.WrittenSpan.ToArray())

        arriveWith decoder next bytes[step.Consumed ..]

let arrive = arriveWith null

let run (settings: ConnectionSettings) (arrivals: byte[] list) : Heard =
    List.fold arrive (hear (WebSocketEndpoint.Create settings)) arrivals

/// What the last bytes led to.
let lastOf (heard: Heard) : Incoming =
    match heard.Told with
    | [] -> Incoming.Nothing
    | told -> List.last told

/// The rule that was found broken; none when all is well.
let brokenBy (heard: Heard) : ProtocolError voption =
    match lastOf heard with
    | Incoming.Refused violation -> ValueSome violation.Error
    | Incoming.Nothing
    | Incoming.Data _
    | Incoming.Ping _
    | Incoming.Pong _
    | Incoming.Close _ -> ValueNone

/// Decodes a payload to what this makes of it, and keeps what it was asked.
type Mapping(map: byte[] -> byte[]) =
    inherit PayloadDecoder()
    let mutable decoded: byte[] = [||]
    let asked = ResizeArray<struct (ReservedBits * int64)>()

    /// The bits of each call, and how much might come of it.
    member _.Asked = List.ofSeq asked

    override _.Decode(bits, data, _, room) =
        asked.Add(struct (bits, room))
        decoded <- Array.append decoded (map (data.ToArray()))
        ValueNone

    override _.Decoded = ReadOnlySpan decoded
    override _.Skip count = decoded <- decoded[count..]
