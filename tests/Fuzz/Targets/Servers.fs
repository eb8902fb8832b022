/// The whole life of a connection through the server's own code, on one thread: the bytes are read from an array, what
/// is written is kept. The first byte of an input chooses the options; the rest is the stream, request included.
module FunctionalWs.Fuzz.Targets.Servers

open System
open System.Buffers
open System.Collections.Concurrent
open System.IO
open System.Text
open Microsoft.Extensions.Logging
open FunctionalWs
open FunctionalWs.Fuzz
open FunctionalWs.Protocol
open FunctionalWs.Protocol.Tests

/// A stream whose other end has said all it will ever say.
type private Script(arrivals: byte[] list) =
    inherit Transport()

    let mutable left = arrivals |> List.filter (fun arrival -> arrival.Length > 0)
    let mutable isOver = false
    let written = new MemoryStream()

    let write (source: ReadOnlySpan<byte>) =
        if isOver then
            raise (IOException "The stream has ended.")

        written.Write source

    member _.Written = written.ToArray()
    member _.IsOver = isOver

    override _.LocalEndPoint = null
    override _.RemoteEndPoint = null
    override _.IsReadable = true
    override _.WaitReadable(_: Deadline) = true

    override _.Read(destination: Span<byte>) : int =
        match left with
        | _ when isOver -> 0
        | [] -> 0
        | next :: rest ->
            let size = min next.Length destination.Length
            next.AsSpan(0, size).CopyTo destination
            left <- if size = next.Length then rest else next[size..] :: rest
            size

    override _.Write(source: ReadOnlySpan<byte>) = write source

    override _.TryWrite(source: ReadOnlySpan<byte>) : int =
        write source
        source.Length

    override _.ShutdownSend() = isOver <- true
    override _.Abort() = isOver <- true
    override _.Dispose() = isOver <- true

/// Keeps what should not have happened.
type private ErrorLog() =
    let errors = ConcurrentQueue<string>()

    member _.Take() : string list =
        let found = List.ofSeq errors
        errors.Clear()
        found

    interface ILogger with
        member _.BeginScope(_: 'state) : IDisposable = null
        member _.IsEnabled level = level >= LogLevel.Warning

        member _.Log
            (level: LogLevel, id: EventId, state: 'state, error: exn, format: Func<'state, exn, string>)
            =
            if level >= LogLevel.Error then
                errors.Enqueue $"{id}: {format.Invoke(state, error)} {error}"

/// A clock that stands still.
type private StoppedClock() =
    inherit TimeProvider()
    override _.GetTimestamp() = 1L

    override _.GetUtcNow() =
        DateTimeOffset(2030, 1, 2, 3, 4, 5, TimeSpan.Zero)

let private options: ServerOptions[] = [|
    ServerOptions(TimeProvider = StoppedClock(), Compression = null)
    ServerOptions(TimeProvider = StoppedClock())
    ServerOptions(TimeProvider = StoppedClock(), Compression = null, MaxMessageSize = Nullable 300)
    ServerOptions(
        TimeProvider = StoppedClock(),
        MaxMessageSize = Nullable 2_000,
        Compression =
            PerMessageDeflate(MinSize = 0, ServerNoContextTakeover = true, MaxInflateRatio = Nullable 50)
    )
|]

/// What every connection of a server shares.
type private Shared(options: ServerOptions) =
    let errors = ErrorLog()
    let log = Log errors
    let server = Server.ServeInMemory((fun _ -> ()), options)

    let watcher =
        Watcher(
            options.TimeProvider,
            options.Scheduler,
            TurnedAway(options.TimeProvider, options.Scheduler, 16),
            ignore,
            server.Metrics
        )

    let opening = Opening(options, (fun () -> false), log)

    let echo (connection: ServerConnection) =
        for message in connection do
            connection.Send message

    /// What a server writes, how the connection ended, and what was logged as an error.
    member _.Run(arrivals: byte[] list) : byte[] * string * string list =
        let script = new Script(arrivals)

        let connection =
            ServerConnection(ConnectionStart(server, script, options, opening, watcher, log))

        connection.IsPending <- false
        connection.Run echo |> ignore
        Oracle.holds "disposed" script.IsOver (fun () -> "")
        script.Written, $"{connection.CloseCode} {connection.CloseReason}", errors.Take()

let private shared = options |> Array.map (fun options -> lazy (Shared options))

// ---- What is written

type private Wire = {
    Head: string
    Frames: (FrameHeader * byte[]) list
}

let private clientSettings = {
    ConnectionSettings.Client with
        ReservedBits = ReservedBits.Rsv1
        Limits = Limits.Create(Limits.Unlimited, Limits.Unlimited, Int32.MaxValue)
}

let rec private framesOf (data: byte[]) : (FrameHeader * byte[]) list =
    match Bytes.read clientSettings data with
    | _ when data.Length = 0 -> []
    | Bytes.Frame(header, payload) -> (header, payload) :: framesOf data[int header.FrameLength ..]
    | other -> Oracle.fail "what the server writes" $"{other} at {Convert.ToHexString data}"

let private parse (written: byte[]) : Wire =
    let text = InputText.ofLatin1 written

    match text.IndexOf "\r\n\r\n" with
    | -1 -> { Head = text; Frames = [] }
    | at when text.StartsWith "HTTP/1.1 101 " -> {
        Head = text.Substring(0, at)
        Frames = framesOf written[at + 4 ..]
      }
    | at -> {
        Head = text.Substring(0, at)
        Frames = []
      }

/// What is written without the choices that a compressor has, which depend on what it did before.
let private plain (written: byte[]) : string list =
    let wire = parse written
    let inflater = InflateTwin.Stream()

    let describe (header: FrameHeader, payload: byte[]) =
        let data =
            if header.ReservedBits = ReservedBits.None then
                payload
            else
                match inflater.TryMessage(payload, 100_000) with
                | Some data -> data
                | None -> Oracle.fail "what the server compresses" (Convert.ToHexString payload)

        $"{header.Fin} {header.Opcode} {Convert.ToHexString data}"

    wire.Head :: List.map describe wire.Frames

let private checkFrames (frames: (FrameHeader * byte[]) list) =
    let count accept =
        frames
        |> List.filter (fun (header: FrameHeader, _) -> accept header.Opcode)
        |> List.length

    Oracle.holds "one close frame" (count _.IsClose <= 1) (fun () -> $"{count _.IsClose}")

    match List.tryLast frames with
    | Some(last, _) when count _.IsClose = 1 ->
        Oracle.holds "the close frame is the last" last.Opcode.IsClose (fun () -> "")
    | Some _
    | None -> ()

// Of the pings in one read so many are answered, and the last.
let private maxPongs = 8

/// Whether pings were answered as they should be, when the core would answer all of these.
let private checkPongs (wire: Wire) (all: byte[] list) (pongs: byte[] list) =
    if all.Length <= maxPongs then
        Oracle.agree "twin: pongs" all pongs
    else
        let rec isPart whole part =
            match whole, part with
            | _, [] -> true
            | [], _ -> false
            | first: byte[] :: whole, next :: rest when first = next -> isPart whole rest
            | _ :: whole, part -> isPart whole part

        Oracle.holds "pongs answer pings, in their order" (isPart all pongs) (fun () -> $"{pongs.Length}")

        // After a close frame none has to be answered.
        if not (wire.Frames |> List.exists (fun (header, _) -> header.Opcode.IsClose)) then
            Oracle.agree "the last ping is answered" (List.tryLast all) (List.tryLast pongs)

/// The same bytes, cut otherwise, have the same answers; but for pongs, which depend on how many pings come at once.
let private checkCuts (one: string list) (two: string list) =
    let isPong (frame: string) =
        frame.StartsWith("True Pong ", StringComparison.Ordinal)

    let (pongs, others), (pongs', others') =
        List.partition isPong one, List.partition isPong two

    if max pongs.Length pongs'.Length <= maxPongs then
        Oracle.agree "cuts" one two
    else
        Oracle.agree "cuts" others others'

/// Without compression the core alone tells what comes back.
let private compare (settings: ConnectionSettings) (stream: byte[]) (wire: Wire) =
    let found = Bytes.serve [ stream ]
    let isEcho (header: FrameHeader, _) = not (header.Opcode.IsControl)
    let echoed = wire.Frames |> List.filter isEcho |> List.map snd |> Array.concat

    let pongs =
        wire.Frames
        |> List.filter (fun (header, _) -> header.Opcode.IsPong)
        |> List.map snd

    let expectedPongs =
        found.Outputs
        |> List.choose (fun output ->
            match output with
            | Output.Pong payload -> Some(payload.Span.ToArray())
            | Output.Data _
            | Output.Ping _
            | Output.Close _ -> None)

    let complete =
        let events = found.Events |> List.filter _.IsData

        let isEnd event =
            match event with
            | Event.Data(_, isEnd) -> isEnd
            | Event.Ping _
            | Event.Pong _
            | Event.Close _ -> false

        match events |> List.tryFindIndexBack isEnd with
        | Some last -> List.truncate (last + 1) found.Data |> Array.concat
        | None -> [||]

    ignore settings
    checkPongs wire expectedPongs pongs

    match found.State with
    // Who writes after the peer's close frame has come writes into the void.
    | State.Draining _ -> Oracle.agree "twin: echo" (Array.truncate echoed.Length complete) echoed
    | State.Open _
    | State.CloseSent _
    | State.Closed _ -> Oracle.agree "twin: echo" complete echoed

let private execute (trail: Trail) (data: byte[]) =
    if data.Length > 0 then
        let choice = int data[0] % options.Length
        let stream, dice = data[1..], Dice.ofInput data
        let written, ending, errors = shared[choice].Value.Run [ stream ]
        let again, endingAgain, _ = shared[choice].Value.Run(Cuts.pieces dice stream)
        Oracle.agree "errors" [] errors
        checkCuts (plain written) (plain again)
        Oracle.agree "cuts: ending" ending endingAgain

        let wire = parse written
        checkFrames wire.Frames
        let isOpen = wire.Head.StartsWith "HTTP/1.1 101 "
        trail.Note choice

        trail.Note(
            if wire.Head = "" then
                0
            else
                int (wire.Head.Substring(9, 3))
        )

        if isOpen then
            if choice = 0 then
                let headSize = (InputText.ofLatin1 stream).IndexOf "\r\n\r\n" + 4
                compare ConnectionSettings.Server stream[headSize..] wire

            trail.NoteSize wire.Frames.Length
            trail.Note(ending.Split(' ')[0] |> int)

            for header, payload in List.truncate 4 wire.Frames do
                trail.Note(Oracle.tag header.Opcode)
                trail.Note(int header.ReservedBits)

                if header.Opcode.IsClose && payload.Length > 1 then
                    trail.Note(int payload[0] * 256 + int payload[1])
                    trail.Note payload.Length

// ---- Inputs

let private request (lines: string list) =
    "GET / HTTP/1.1\r\nHost: example.com\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
    + "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n"
    + String.Join("", [ for line in lines -> line + "\r\n" ])
    + "\r\n"
    |> InputText.latin1

let private offers = [|
    "permessage-deflate"
    "permessage-deflate; client_max_window_bits"
    "permessage-deflate; client_max_window_bits=9; server_max_window_bits=9"
    "permessage-deflate; client_no_context_takeover; server_no_context_takeover"
|]

/// A message that is compressed, in one frame or two.
let private compressed (dice: Dice) (deflater: Deflater) : byte[] =
    let writer = ArrayBufferWriter<byte>()

    let payload =
        if dice.OneIn 2 then
            Codec.data dice
        else
            Encoding.UTF8.GetBytes(String.replicate (dice.Size 300) "hello ")

    deflater.Compress(ReadOnlySpan payload, true, writer, false)
    let wire = writer.WrittenSpan.ToArray()

    let wire =
        if dice.OneIn 8 then
            Mutations.one dice [||] wire wire
        else
            wire

    let opcode = if dice.OneIn 2 then Opcode.Binary else Opcode.Text
    let at = dice.Below(wire.Length + 1)

    let first, second =
        if dice.OneIn 2 then
            Bytes.frame true opcode wire, [||]
        else
            Bytes.frame false opcode wire[.. at - 1], Bytes.frame true Opcode.Continuation wire[at..]

    first[0] <- first[0] ||| 0x40uy
    Array.append first second

let private generate (dice: Dice) : byte[] =
    let choice = dice.Byte()
    let isCompressed = choice % 2uy = 1uy && not (dice.OneIn 4)

    let head =
        if dice.OneIn 10 then
            RequestHead.generate dice
        elif isCompressed then
            request [ "Sec-WebSocket-Extensions: " + dice.Pick offers ]
        else
            request []

    let frames =
        if isCompressed then
            use deflater = new Deflater(DeflaterSettings(9, 6, 1, enum 0))

            [
                for _ in 0 .. dice.Size 5 do
                    if dice.OneIn 3 then
                        yield! Connections.frames dice true id |> List.truncate 1
                    else
                        compressed dice deflater
            ]
        else
            Connections.frames dice true id

    Array.concat ([| choice |] :: head :: frames)

/// Frames are moved, doubled, dropped; the head stays as it is.
let private mutate (dice: Dice) (data: byte[]) : byte[] =
    match (InputText.ofLatin1 data).IndexOf "\r\n\r\n" with
    | at when at > 0 && data.Length > at + 6 ->
        let further = Connections.frames dice true id |> List.head

        let frames =
            Connections.reorder dice ConnectionSettings.Server further data[at + 4 ..]

        Array.append data[.. at + 3] frames
    | _ -> generate dice

let target: Target = {
    Name = "server"
    About = "a whole stream, through the server; the first byte chooses the options"
    Words = offers |> Array.map InputText.latin1
    MaxSize = 6_000
    Generate = generate
    Mutate = mutate
    Execute = execute
}
