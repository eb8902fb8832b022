(**
---
title: A connection, recorded and replayed
category: Notebooks
categoryindex: 5
index: 4
---
*)
(**
# A connection, recorded and replayed

Something went wrong on a live connection, and nobody was watching. If the bytes that the server received were kept, it can be
watched now: the protocol is a function of its input, so the same bytes give the same states, forwards, backwards, and under
settings that the server didn't have.

This page records a connection and replays it. As a [script]({{root}}{{fsdocs-source-basename}}.fsx) and a
[notebook]({{root}}{{fsdocs-source-basename}}.ipynb).
*)
(*** condition: prepare ***)
#r "../../src/Server.FSharp/bin/Release/net10.0/Microsoft.Extensions.Logging.Abstractions.dll"
#r "../../src/Server.FSharp/bin/Release/net10.0/FunctionalWs.Protocol.dll"
#r "../../src/Server.FSharp/bin/Release/net10.0/FunctionalWs.Server.dll"
#r "../../src/Server.FSharp/bin/Release/net10.0/FunctionalWs.FSharp.dll"
(*** condition: fsx ***)
#if FSX
#r "nuget: FunctionalWs.FSharp, {{fsdocs-package-version}}"
#endif // FSX
(*** condition: ipynb ***)
#if IPYNB
#r "nuget: FunctionalWs.FSharp, {{fsdocs-package-version}}"
#endif // IPYNB

(**
The server, the protocol under it, and much of .NET's network classes:
*)
open System
open System.Buffers
open System.Collections.Concurrent
open System.Diagnostics
open System.Net
open System.Net.Sockets
open System.Net.WebSockets
open System.Text
open System.Threading
open FunctionalWs
open FunctionalWs.FSharp
open FunctionalWs.Protocol

(**
## A tap

The server below answers each message with its length. Between it and the client sits a *tap*: it listens on a port of its own,
passes bytes on in both directions, and keeps what the client sent, chunk by chunk, with the time since the beginning.
*)
let server =
    WebSocket.serve "127.0.0.1" 0 (fun connection ->
        for message in connection do
            connection.Send $"{message.Data.Length} bytes")

server.Start()

type Chunk = { At: TimeSpan; Bytes: byte[] }

let recorded = ConcurrentQueue<Chunk>()
let clock = Stopwatch.StartNew()

/// Copies one direction until its end, and shows each chunk to somebody.
let pump (source: Socket) (target: Socket) (show: byte[] -> unit) =
    let buffer: byte[] = Array.zeroCreate 65_536
    let mutable size = source.Receive buffer

    while size > 0 do
        show buffer[.. size - 1]
        target.Send(buffer, size, SocketFlags.None) |> ignore
        size <- source.Receive buffer

    target.Shutdown SocketShutdown.Send

let tap = new TcpListener(IPAddress.Loopback, 0)
tap.Start()

let tapping =
    Thread(fun () ->
        use client = tap.AcceptSocket()

        use upstream =
            new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp)

        upstream.Connect server.LocalEndPoint
        let back = Thread(fun () -> pump upstream client ignore)
        back.Start()
        pump client upstream (fun bytes -> recorded.Enqueue { At = clock.Elapsed; Bytes = bytes })
        back.Join())

tapping.Start()

(**
## A conversation to record

A client says three things, the last one in two fragments, and closes.
*)
let timeout = new CancellationTokenSource(TimeSpan.FromSeconds 30.0)
let client = new ClientWebSocket()
client.ConnectAsync(Uri $"ws://{tap.LocalEndpoint}/", timeout.Token).Wait()

/// Sends a message, each part in a fragment, and gives the answer.
let ask (parts: string list) : string =
    for index, part in List.indexed parts do
        let data = ArraySegment(Encoding.UTF8.GetBytes part)
        let isLast = index = parts.Length - 1
        client.SendAsync(data, WebSocketMessageType.Text, isLast, timeout.Token).Wait()

    let buffer = Array.zeroCreate 100
    let answer = client.ReceiveAsync(ArraySegment buffer, timeout.Token).Result
    Encoding.UTF8.GetString(buffer, 0, answer.Count)

let answers =
    List.map ask [ [ "hello" ]; [ "a longer message" ]; [ "in "; "two parts" ] ]
(*** include-value: answers ***)

client.CloseAsync(WebSocketCloseStatus.NormalClosure, "that's all", timeout.Token).Wait()
tapping.Join()
tap.Dispose()
server.Dispose()

(**
How the bytes fell into chunks is up to the network, and the times are other ones in each run, so this page doesn't show them:
`recorded` has both. What they add up to is always the same, but for the key in the request and the masks of the frames, which
the client chose at random.
*)
let recording = recorded.ToArray()

let inOrder =
    recording
    |> Array.pairwise
    |> Array.forall (fun (one, next) -> one.At <= next.At)
(*** include-value: inOrder ***)

(**
## From chunks to steps

First the request has to be read off. What follows it are frames: `FrameReader.read` finds the next one as soon as enough chunks
have come. A step is what happened, the state that it led to, and the chunk that completed it.
*)
type Step = {
    Chunk: int
    What: string
    Transition: Transition
}

let requestSize (bytes: byte[]) : int voption =
    let buffer = ReadOnlySequence bytes

    match Http.readRequest RequestHeadLimits.Default &buffer with
    | RequestParse.Complete(_, consumed) -> ValueSome(int consumed)
    | RequestParse.Incomplete -> ValueNone
    | RequestParse.Malformed error -> failwith $"no request: {HandshakeError.describe error}"

/// What is at the start of the bytes, and how many it takes; none when more are needed.
let nextInput
    (settings: ConnectionSettings)
    (bytes: byte[])
    : (string * int * (State -> Transition)) voption =
    let buffer = ReadOnlySequence bytes

    match FrameReader.read settings &buffer with
    | FrameParse.Incomplete -> ValueNone
    | FrameParse.Malformed error ->
        ValueSome(
            ProtocolError.describe error,
            bytes.Length,
            fun state -> Connection.receive settings state (Input.Broken error)
        )
    | FrameParse.Complete frame ->
        let header = frame.Header
        let last = if header.Fin then "" else ", more to come"

        let receive state =
            Connection.receive settings state (Input.Received frame)

        ValueSome($"{header.Opcode} of {header.PayloadLength} bytes{last}", int header.FrameLength, receive)

(**
`replay` goes through a recording under any settings. It keeps every step, so that nothing is lost on the way: the states are
values.
*)
let replay (settings: ConnectionSettings) (recording: Chunk[]) : Step[] =
    let rec frames chunk state (bytes: byte[]) steps =
        match nextInput settings bytes with
        | ValueNone -> state, bytes, steps
        | ValueSome(what, size, receive) ->
            let transition = receive state

            let step = {
                Chunk = chunk
                What = what
                Transition = transition
            }

            frames chunk transition.State bytes[size..] (step :: steps)

    let chunks (isOpen, state, waiting, steps) (index, chunk) =
        let bytes = Array.append waiting chunk.Bytes

        // Before the request is complete there is nothing to step.
        let headSize = if isOpen then ValueSome 0 else requestSize bytes

        match headSize with
        | ValueNone -> false, state, bytes, steps
        | ValueSome size ->
            let state, rest, steps = frames index state bytes[size..] steps
            true, state, rest, steps

    let _, state, _, steps =
        recording
        |> Array.indexed
        |> Array.fold chunks (false, Connection.start, [||], [])

    let ending = {
        Chunk = recording.Length - 1
        What = "end of stream"
        Transition = Connection.receive settings state Input.EndOfStream
    }

    ending :: steps |> List.rev |> Array.ofList

(**
## Forwards

With the settings that the server had:
*)
let reason (closure: Closure) : string =
    match closure with
    | Closure.Clean(received, _, _) -> $"both close frames were exchanged, {received}"
    | Closure.Failed(_, sent) -> $"failed with {sent}"
    | Closure.Abandoned sent -> $"given up with {sent}"
    | Closure.Lost _ -> "lost"

let summary (state: State) : string =
    match state with
    | State.Open(ValueNone, _) -> "Open"
    | State.Open(ValueSome message, _) -> $"Open, {message.Size} bytes of a message so far"
    | State.CloseSent(sent, _) -> $"CloseSent: {sent}"
    | State.Draining closure -> $"Draining: {reason closure}"
    | State.Closed closure -> $"Closed: {reason closure}"

let print (steps: Step[]) =
    for index, step in Array.indexed steps do
        printfn $"{index}. {step.What}"
        printfn $"     {summary step.Transition.State}"

let steps = replay ConnectionSettings.Server recording
print steps
(*** include-output ***)

(**
## Backwards

There is no undo, and none is needed. Which was the last state in which a message was incomplete, and how did it come to that?
*)
let isIncomplete (step: Step) =
    match step.Transition.State with
    | State.Open(ValueSome _, _)
    | State.CloseSent(_, ValueSome _) -> true
    | State.Open(ValueNone, _)
    | State.CloseSent(_, ValueNone)
    | State.Draining _
    | State.Closed _ -> false

let found = steps |> Array.findIndexBack isIncomplete

for index in found .. -1 .. max 0 (found - 2) do
    printfn $"{index}. {steps[index].What}: {summary steps[index].Transition.State}"
(*** include-output ***)

(**
## What would that limit have done?

The largest message of the recording has 16 bytes. Would a limit of 12 bytes have hurt this client? The same bytes, other
settings:
*)
let strict = {
    ConnectionSettings.Server with
        Limits = Limits.Create(maxMessageSize = 12L, maxFragmentSize = Limits.Unlimited, maxFragments = 100)
}

let strictSteps = replay strict recording
print strictSteps
(*** include-output ***)

(**
It would have been disconnected with 1009 at its second message, and everything after it would have gone unread. With 16 it would
have passed; the smallest limit that this client never notices can be searched for:
*)
let isFailed (step: Step) =
    match step.Transition.State with
    | State.Draining(Closure.Failed _)
    | State.Closed(Closure.Failed _) -> true
    | State.Draining _
    | State.Closed _
    | State.Open _
    | State.CloseSent _ -> false

let passes (limit: int64) =
    let settings = {
        ConnectionSettings.Server with
            Limits = Limits.Create(limit, Limits.Unlimited, 100)
    }

    replay settings recording |> Array.forall (isFailed >> not)

let smallest = Seq.initInfinite int64 |> Seq.find passes
(*** include-value: smallest ***)

(*** hide ***)
if
    answers <> [ "5 bytes"; "16 bytes"; "12 bytes" ]
    || smallest <> 16L
    || not inOrder
    || steps.Length <> 6
then
    failwith $"another replay than on the page: {answers} {smallest} {steps.Length}"
