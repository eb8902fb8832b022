/// Streams that end, fail and fall silent in every state.
module FunctionalWs.Threat.Tests.ThreatFaultTests

open System
open System.IO
open System.Net.Sockets
open System.Threading
open Microsoft.Extensions.Logging
open Expecto
open Swensen.Unquote
open FunctionalWs
open FunctionalWs.Protocol
open FunctionalWs.Testing
open FunctionalWs.Server.Tests
open FunctionalWs.Threat.Tests.Attackers

/// What a fault does to a stream from then on.
type private Fault =
    /// Throws; the stream is broken.
    | Throws of exn
    /// Tells an end of input and an error of output, as sockets do.
    | Resets
    /// Swallows what is written, and brings nothing more.
    | Swallows

/// A stream of which the n-th operation fails, and with it all that follow.
type private FaultyTransport(inner: Transport, at: int, fault: Fault) =
    inherit Transport()
    let mutable count = 0
    let isFaulty () = Interlocked.Increment &count >= at

    let throwing () =
        inner.Abort()

        match fault with
        | Throws error -> raise error
        | Resets
        | Swallows -> raise (IOException "reset")

    /// How many operations there were, or at least as many as it takes to fail.
    member _.Count = Volatile.Read &count

    override _.LocalEndPoint = inner.LocalEndPoint
    override _.RemoteEndPoint = inner.RemoteEndPoint

    override _.IsReadable =
        match fault with
        | Swallows when Volatile.Read &count >= at -> false
        | _ -> inner.IsReadable

    override transport.Read destination =
        if not (isFaulty ()) then
            inner.Read destination
        else
            match fault with
            | Throws error ->
                inner.Abort()
                raise error
            | Resets ->
                inner.Abort()
                transport.Failure <- IOException "reset"
                0
            | Swallows ->
                // Until somebody gives the stream up.
                let mutable size = inner.Read destination

                while size > 0 do
                    size <- inner.Read destination

                0

    override _.WaitReadable deadline = inner.WaitReadable deadline

    override _.Write source =
        match isFaulty (), fault with
        | false, _ -> inner.Write source
        | true, Swallows -> ()
        | true, _ -> throwing ()

    override _.TryWrite source =
        match isFaulty (), fault with
        | false, _ -> inner.TryWrite source
        | true, Swallows -> source.Length
        | true, _ -> throwing ()

    override _.ShutdownSend() =
        if isFaulty () then inner.Abort() else inner.ShutdownSend()

    override _.Abort() = inner.Abort()
    override _.Dispose() = inner.Dispose()

/// A conversation with everything in it, of a client that doesn't care what it gets.
let private converse (client: PeerClient) =
    try
        client.Write PeerClient.Request
        client.ReadResponse() |> ignore
        client.SendText "one"
        client.Read() |> ignore
        client.SendPing "p"B
        client.Read() |> ignore
        client.WriteFrame(false, Opcode.Text, "a"B)
        client.WriteFrame(true, Opcode.Continuation, "b"B)
        client.Read() |> ignore
        client.SendClose 1000
        client.Read() |> ignore
        client.Read() |> ignore
    with _ ->
        ()

let private faults = [
    "a reset", Resets
    "IOException", Throws(IOException "x")
    "SocketException", Throws(SocketException 104)
    "ObjectDisposedException", Throws(ObjectDisposedException "x")
    "TimeoutException", Throws(TimeoutException())
    "OperationCanceledException", Throws(OperationCanceledException())
    "InvalidOperationException", Throws(InvalidOperationException())
]

[<Tests>]
let operations =
    testList "threats of faults in the stream" [
        for name, fault in faults do
            testCase $"L6 the n-th operation fails with {name}, for every n: all ends in order" (fun () ->
                let records = new Records()
                let wrong = Collections.Concurrent.ConcurrentQueue<exn>()

                use server =
                    ServerOptions(LoggerFactory = records)
                    |> Serve.inMemory (fun connection ->
                        try
                            Serve.echo connection
                        with
                        | :? ConnectionClosedException -> reraise ()
                        | error -> wrong.Enqueue error)

                let rec next (n: int) =
                    let struct (atServer, atClient) = MemoryTransport.CreatePair()
                    let transport = new FaultyTransport(atServer, n, fault)
                    server.Admit transport
                    use client = new PeerClient(atClient)
                    converse client
                    client.Transport.Abort()
                    Wait.until "the connection is gone" (fun () -> server.Occupied = 0)
                    if transport.Count >= n then next (n + 1) else n

                let runs = next 1
                runs >=! 8
                List.ofSeq wrong =! []
                server.Shutdown() =! 0
                // No stream of ours throws when it is read: while the handshake is under way that counts as a bug.
                let isNetwork = (name = "a reset")
                test <@ not isNetwork || records.Of LogLevel.Error = [] @>)

        testCase "L5, L7 the stream swallows all from the n-th operation on: its deadlines end it" (fun () ->
            let clock = FakeClock()

            use server =
                ServerOptions(TimeProvider = clock, OpenTimeout = Nullable(TimeSpan.FromSeconds 10.0))
                |> Serve.inMemory Serve.echo

            let rec next (n: int) =
                let struct (atServer, atClient) = MemoryTransport.CreatePair()
                let transport = new FaultyTransport(atServer, n, Swallows)
                server.Admit transport
                use client = new PeerClient(atClient)
                let talking = Wait.start (fun () -> converse client)

                // Time passes where the conversation stands still, and not before it has come so far.
                Wait.until "the stream is given up" (fun () ->
                    if Threading.Tasks.Task.WaitAny([| talking :> Threading.Tasks.Task |], 20) < 0 then
                        clock.Advance(TimeSpan.FromSeconds 1.0)

                    talking.IsCompleted)

                client.Transport.Abort()
                Wait.until "the connection is gone" (fun () -> server.Occupied = 0)
                if transport.Count >= n then next (n + 1) else n

            next 1 >=! 8)
    ]

/// What a client says in a whole session, and how it ends: the server sees only a part of it.
let private session =
    Array.concat [
        Text.Encoding.ASCII.GetBytes PeerClient.Request
        frame 0x81uy "one"B
        frame 0x89uy "p"B
        frame 0x01uy "a"B
        frame 0x80uy "b"B
        frame 0x88uy [| 3uy; 232uy |]
    ]

[<Tests>]
let cuts =
    testList "threats of sessions cut off" [
        for name, cut in
            [
                "FIN", (fun (client: PeerClient) -> client.Transport.ShutdownSend())
                "RST", _.Transport.Abort()
            ] do
            testCase $"L5 by {name} after every byte: the handler learns it, and nothing is left" (fun () ->
                let records = new Records()
                let started = ref 0
                let ok = ref 0
                let lost = ref 0

                use server =
                    ServerOptions(LoggerFactory = records)
                    |> Serve.inMemory (fun connection ->
                        Interlocked.Increment started |> ignore

                        try
                            for message in connection do
                                connection.Send message

                            Interlocked.Increment ok |> ignore
                        with
                        // The close frame had come before the stream broke under an answer.
                        | :? ConnectionClosedOkException -> Interlocked.Increment ok |> ignore
                        | :? ConnectionClosedErrorException -> Interlocked.Increment lost |> ignore)

                for size in 0 .. session.Length do
                    use client = PeerClient.InMemory server
                    let opening = min size PeerClient.Request.Length
                    client.Write session[.. opening - 1]

                    if opening = PeerClient.Request.Length then
                        client.ReadResponse() |> ignore

                    client.Write session[opening .. size - 1]
                    cut client

                    try
                        client.ReadToEnd() |> ignore
                    with :? IOException ->
                        ()

                server.Shutdown() =! 0
                ok.Value + lost.Value =! started.Value
                lost.Value >=! 10
                records.Of LogLevel.Error =! [])
    ]
