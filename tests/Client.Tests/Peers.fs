/// Servers on loopback that do what a test tells them, each for one client.
module FunctionalWs.Client.Tests.Peers

open System
open System.IO
open System.Net
open System.Net.Sockets
open System.Text
open System.Threading
open System.Threading.Tasks
open FunctionalWs
open FunctionalWs.Protocol
open FunctionalWs.Server.Tests

let never = Deadline.Never

let after (clock: TimeProvider) (seconds: float) =
    Deadline.After(clock, Nullable(TimeSpan.FromSeconds seconds))

/// For tests whose time is not what they are about.
let soon () =
    Deadline.After(TimeProvider.System, Nullable Wait.limit)

let listenAt (address: IPAddress) (port: int) : TcpListener =
    let listener = new TcpListener(address, port)
    listener.Start()
    listener

let portOf (listener: TcpListener) : int =
    (listener.LocalEndpoint :?> IPEndPoint).Port

/// A port of loopback on which nobody listens.
let closedPort () : int =
    use listener = listenAt IPAddress.Loopback 0
    portOf listener

/// Accepts one client on a thread of its own and serves it; the stream is closed after that.
let serve (listener: TcpListener) (script: NetworkStream -> 'a) : Task<'a> =
    Wait.start (fun () ->
        use client = listener.AcceptTcpClient()
        let limit = int Wait.limit.TotalMilliseconds
        client.ReceiveTimeout <- limit
        client.SendTimeout <- limit
        use stream = client.GetStream()
        script stream)

let readExactly (stream: Stream) (size: int) : byte[] =
    let bytes = Array.zeroCreate<byte> size
    stream.ReadExactly(bytes, 0, size)
    bytes

/// A head of HTTP, its empty line included.
let readHead (stream: Stream) : string =
    let text = StringBuilder()

    while not (text.ToString().EndsWith "\r\n\r\n") do
        let next = readExactly stream 1
        text.Append(char next[0]) |> ignore

    text.ToString()

let write (stream: Stream) (text: string) =
    stream.Write(ReadOnlySpan(Encoding.Latin1.GetBytes text))

/// Sends back what comes, until the end.
let echo (stream: Stream) =
    let buffer = Array.zeroCreate<byte> 256
    let mutable size = stream.Read(buffer, 0, buffer.Length)

    while size > 0 do
        stream.Write(buffer, 0, size)
        size <- stream.Read(buffer, 0, buffer.Length)

/// Until the client ends the stream, in whatever way.
let awaitEnd (stream: Stream) =
    let buffer = Array.zeroCreate<byte> 256

    try
        while stream.Read(buffer, 0, buffer.Length) > 0 do
            ()
    with :? IOException ->
        ()

/// What a transport brings, in so many bytes.
let receive (transport: Transport) (size: int) : string =
    let bytes = Array.zeroCreate<byte> size
    let mutable count = 0
    let mutable isOver = false

    while count < size && not isOver do
        let read = transport.Read(Span(bytes, count, size - count))
        count <- count + read
        isOver <- read = 0

    Encoding.Latin1.GetString(bytes, 0, count)

let send (transport: Transport) (text: string) =
    transport.Write(ReadOnlySpan(Encoding.Latin1.GetBytes text))

/// What comes back when something is sent to a server that echoes.
let echoed (transport: Transport) (text: string) : string =
    send transport text
    receive transport text.Length

let uri (text: string) = WebSocketUri.Parse text

let openNow (settings: DialSettings) (text: string) : Transport =
    Dialing.Open(uri text, settings, soon (), CancellationToken.None)

/// What opening ends with, on a thread of its own.
let failing<'error when 'error :> exn>
    (settings: DialSettings)
    (deadline: Deadline)
    (cancellation: CancellationToken)
    (target: string)
    : Task<'error> =
    Wait.start (fun () ->
        Wait.throws<'error>(fun () -> Dialing.Open(uri target, settings, deadline, cancellation).Dispose()))

/// Gives these addresses for every name.
let resolving (addresses: string list) : Func<string, CancellationToken, Task<IPAddress[]>> =
    let found = addresses |> List.map IPAddress.Parse |> Array.ofList
    Func<_, _, _>(fun _ _ -> Task.FromResult found)

/// A clock that goes on by a step whenever it is asked.
type SteppingClock(step: TimeSpan) =
    inherit TimeProvider()
    let mutable ticks = 0L
    override _.TimestampFrequency = TimeSpan.TicksPerSecond
    override _.GetTimestamp() = Interlocked.Add(&ticks, step.Ticks)

/// A listener whose queue is full: whoever connects waits. Holds those who fill it.
type FullListener() =
    let listener = new TcpListener(IPAddress.Loopback, 0)
    do listener.Start 1
    let port = portOf listener

    let fill () =
        let socket =
            new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp, Blocking = false)

        try
            socket.Connect(IPAddress.Loopback, port)
        with :? SocketException ->
            ()

        socket

    /// How many are being connected to it now, as the system tells.
    let attempts () =
        File.ReadLines "/proc/net/tcp"
        |> Seq.skip 1
        |> Seq.map _.Split(' ', StringSplitOptions.RemoveEmptyEntries)
        |> Seq.filter (fun fields -> fields[3] = "02" && Convert.ToInt32(fields[2].Substring 9, 16) = port)
        |> Seq.length

    let fillers = List.init 8 (fun _ -> fill ())
    let own = attempts ()
    member _.Port = port

    /// How many are being connected to it now, those who fill it aside.
    member _.Attempts: int = attempts () - own

    interface IDisposable with
        member _.Dispose() =
            fillers |> List.iter _.Dispose()
            listener.Stop()
