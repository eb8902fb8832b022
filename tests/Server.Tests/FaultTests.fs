module FunctionalWs.Server.Tests.FaultTests

open System
open System.IO
open System.Net.Sockets
open System.Threading
open System.Threading.Tasks
open Microsoft.Extensions.Logging
open Expecto
open Swensen.Unquote
open FunctionalWs
open FunctionalWs.Protocol
open FunctionalWs.Testing
open FunctionalWs.Server.Tests.Serve

/// A stream of which one operation fails, and with it the stream. A fault of the network is told as sockets tell it, by an
/// end of input; any other is thrown.
type private FaultyTransport(inner: Transport, fails: string -> bool, fault: exn) =
    inherit DelegatingTransport(inner)

    let writes () =
        if fails "write" then
            inner.Abort()
            raise fault


    override transport.Read destination =
        if not (fails "read") then
            inner.Read destination
        elif fault :? IOException then
            inner.Abort()
            transport.Failure <- fault
            0
        else
            inner.Abort()
            raise fault


    override _.Write source =
        writes ()
        inner.Write source

    override _.TryWrite source =
        writes ()
        inner.TryWrite source

/// A client of a server whose end of the stream fails when it is told to.
let private faulty (server: Server) (fails: string -> bool) (fault: exn) : PeerClient =
    let struct (atServer, atClient) = MemoryTransport.CreatePair()
    server.Admit(new FaultyTransport(atServer, fails, fault))
    new PeerClient(atClient)

/// Lets an operation fail from some time on.
let private switched (operation: string) =
    let isOn = ref false
    (fun name -> isOn.Value && name = operation), (fun () -> Volatile.Write(&isOn.contents, true))

let private network = IOException "the cable was cut"
let private internalFault = InvalidOperationException "a bug"

[<Tests>]
let causes =
    testList "a fault of the stream" [
        for fault in [ network :> exn; internalFault ] do
            let name = fault.Message

            testCase $"while a ping is answered reaches Receive as the cause: {name}" (fun () ->
                let fails, turnOn = switched "write"
                let server, outcome = handling (fun connection -> connection.Receive()) defaults
                use _ = server
                use client = faulty server fails fault
                client.ShakeHands()
                turnOn ()
                client.SendPing "p"B
                let error = Serve.fails outcome :?> ConnectionClosedErrorException
                Object.ReferenceEquals(error.InnerException, fault) =! true)

            testCase $"while reading reaches Receive as the cause: {name}" (fun () ->
                let fails, turnOn = switched "read"
                let server, outcome = handling (fun connection -> connection.Receive()) defaults
                use _ = server
                use client = faulty server fails fault
                client.ShakeHands()
                turnOn ()
                client.SendText "x"
                // The message may be in already, read before the fault.
                match Wait.forTask "the handler" outcome with
                | Ok message -> message.Text =! "x"
                | Error error -> Object.ReferenceEquals(error.InnerException, fault) =! true)

            for call, act in
                [
                    "Send", (fun (connection: ServerConnection) -> connection.Send "x")
                    "Pong", (fun connection -> connection.Pong())
                    "Ping", (fun connection -> connection.Ping() |> ignore)
                    "Send of fragments", (fun connection -> connection.Send [ "a"; "b" ])
                ] do
                testCase $"in {call} is the cause of what is thrown: {name}" (fun () ->
                    let fails, turnOn = switched "write"

                    let server, outcome =
                        defaults
                        |> handling (fun connection ->
                            connection.Receive() |> ignore
                            turnOn ()
                            act connection)

                    use _ = server
                    use client = faulty server fails fault
                    client.ShakeHands()
                    client.SendText "go"
                    let error = Serve.fails outcome :?> ConnectionClosedErrorException
                    Object.ReferenceEquals(error.InnerException, fault) =! true)
    ]

/// A conversation with everything in it; a client that does not care what it gets.
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

    client.Transport.Abort()

[<Tests>]
let everywhere =
    testList "L6" [
        for operation in [ "read"; "write" ] do
            testCase
                $"the n-th {operation} fails, for every n: each ends in order, and nothing is left"
                (fun () ->
                    let records = new Records()
                    let lost = ref 0

                    use server =
                        ServerOptions(LoggerFactory = records)
                        |> Serve.inMemory (fun connection ->
                            try
                                Serve.echo connection
                            with :? ConnectionClosedErrorException ->
                                Interlocked.Increment lost |> ignore
                                reraise ())

                    let rec next (n: int) =
                        let count = ref 0

                        let fails name =
                            name = operation && Interlocked.Increment count = n

                        use client = faulty server fails network
                        converse client
                        Wait.until "the connection is gone" (fun () -> server.Occupied = 0)
                        if count.Value >= n then next (n + 1) else n

                    let runs = next 1
                    server.Shutdown() =! 0 // all handlers have returned
                    test <@ runs > 3 && lost.Value > 0 @>
                    records.Of LogLevel.Error =! [])
    ]

[<Tests>]
let threads =
    testList "a system without threads" [
        testCase "turns clients away with 503, and serves on when there are some again" (fun () ->
            let records = new Records()

            use server =
                ServerOptions(LoggerFactory = records, TimeProvider = FakeClock())
                |> Serve.inMemory Serve.echo

            let start = server.StartThread
            server.StartThread <- (fun _ -> raise (OutOfMemoryException()))

            for _ in 1..3 do
                use client = PeerClient.InMemory server

                client.ReadResponse().StartsWith("HTTP/1.1 503 ", StringComparison.Ordinal)
                =! true

            // However many they are, one record a second.
            (records.Of LogLevel.Warning).Length =! 1
            server.StartThread <- start
            use client = client server
            client.SendText "served"
            client.ReadText() =! "served"
            server.Connections.Count =! 1)
    ]

[<Tests>]
let accepting =
    testList "an error of accepting" [
        testTheory
            "that one client causes is passed over without a record"
            [
                SocketError.ConnectionAborted
                SocketError.ConnectionReset
                SocketError.Interrupted
            ]
            (fun error ->
                let records = new Records()
                let pause = AcceptPause(Log records, FakeClock())

                for _ in 1..1_000 do
                    pause.After(SocketException(int error))

                records.All =! [])

        testCase "of a system without resources is one record when it begins and one when it ends" (fun () ->
            let records = new Records()
            let clock = FakeClock()
            let pause = AcceptPause(Log records, clock)

            for _ in 1..3 do
                pause.After(SocketException(int SocketError.TooManyOpenSockets))
                // A client got in, as they do at the edge: the episode goes on.
                pause.Reset()

            clock.Advance(TimeSpan.FromSeconds 1.0)
            pause.Reset()
            pause.Reset()
            pause.After(SocketException(int SocketError.NoBufferSpaceAvailable))

            [ for struct (_, id, _) in records.All -> id ] =! [ 5; 6; 5 ])
    ]

[<Tests>]
let deadlines =
    testList "a deadline" [
        testCase "counts down, passes, and never comes for null" (fun () ->
            let clock = FakeClock()
            let deadline = Deadline.After(clock, Nullable(TimeSpan.FromSeconds 5.0))

            (deadline.Remaining, deadline.HasPassed, deadline.IsNever)
            =! (TimeSpan.FromSeconds 5.0, false, false)

            clock.Advance(TimeSpan.FromSeconds 4.0)
            (deadline.Remaining, deadline.HasPassed) =! (TimeSpan.FromSeconds 1.0, false)
            clock.Advance(TimeSpan.FromSeconds 4.0)
            (deadline.Remaining, deadline.HasPassed) =! (TimeSpan.Zero, true)
            let never = Deadline.After(clock, Nullable())
            (never.HasPassed, never.IsNever) =! (false, true))

        testCase "of a span that no clock can count never comes" (fun () ->
            Deadline.After(FakeClock(), Nullable TimeSpan.MaxValue).HasPassed =! false

            Deadline.After(TimeProvider.System, Nullable TimeSpan.MaxValue).HasPassed
            =! false)
    ]

let private none = Unchecked.defaultof<CloseStatus>

let private status (code: int) (reason: string) =
    CloseStatus.Create(CloseCode.Create code, reason)

[<Tests>]
let texts =
    testList "the text of an ending" [
        for received, sent, receivedFirst, text in
            [
                none, none, Nullable(), "no close frame received or sent"
                none, status 1002 "", Nullable(), "sent 1002 (protocol error); no close frame received"
                status 1000 "", none, Nullable(), "received 1000 (normal closure); no close frame sent"
                status 1001 "bye",
                status 1001 "bye",
                Nullable true,
                "received 1001 (going away) bye; then sent 1001 (going away) bye"
                CloseStatus.NoStatus,
                status 1000 "",
                Nullable false,
                "sent 1000 (normal closure); then received 1005 (no status received)"
                status 3000 "",
                status 4999 "",
                Nullable false,
                "sent 4999 (private use); then received 3000 (registered)"
                status 1014 "a\nb",
                none,
                Nullable(),
                "received 1014 (bad gateway) a\\u000Ab; no close frame sent"
            ] do
            testCase text (fun () -> string (Ending(received, sent, receivedFirst, null)) =! text)
    ]
