/// The flight recorder of a server: what it keeps, when, and where it goes.
module FunctionalWs.Server.Tests.FlightRecorderTests

open System
open System.Buffers
open Microsoft.Extensions.Logging
open Expecto
open Swensen.Unquote
open FunctionalWs
open FunctionalWs.Protocol

let private recording (maxSteps: int) (maxPayloadBytes: int) =
    FlightRecorderOptions(MaxSteps = maxSteps, MaxPayloadBytes = maxPayloadBytes)

/// The texts of the records with an id.
let private logged (records: Records) (id: int) =
    records.All
    |> List.choose (fun (struct (level, found, text)) -> if found = id then Some(level, text) else None)

let private prefix = "Last steps of the connection: "

/// A conversation with an echo, in which the client acts; gives what was recorded once the connection has ended.
let private converse (options: ServerOptions) (act: PeerClient -> unit) : Recording =
    let server, found =
        Serve.handling
            (fun connection ->
                try
                    Serve.echo connection
                with :? ConnectionClosedException ->
                    ()

                connection)
            options

    use _ = server
    let client = Serve.client server
    act client
    let connection = Serve.succeeds found
    Wait.until "the connection ends" (fun () -> connection.State = ConnectionState.Closed)
    (client :> IDisposable).Dispose()
    connection.Recording

/// What every recording must hold: from text to text, and run again, it is as it was.
let private isFaithful (recording: Recording) =
    let text = RecordingText.format recording
    let again = RecordingText.ofText text
    RecordingText.format again =! text
    let replay = Replay.run again
    replay.IsComplete =! true
    replay.Differences |> Array.map (fun step -> string step.Recorded.What) =! [||]

[<Tests>]
let tests =
    testList "the flight recorder" [
        testTheory
            "is refused when the server is made, with setting, value and range"
            [
                recording 0 0, "MaxSteps is from 1 to 65536"
                recording 65_537 0, "MaxSteps is from 1 to 65536"
                recording 1 -1, "MaxPayloadBytes is from 0 to 16777216"
                recording 1 16_777_217, "MaxPayloadBytes is from 0 to 16777216"
            ]
            (fun (recorder, range) ->
                let error =
                    Wait.throws<ArgumentOutOfRangeException>(fun () ->
                        (Serve.inMemory ignore (ServerOptions(FlightRecorder = recorder))).Dispose())

                test <@ error.Message.Contains $"FlightRecorder.{range}" @>)

        testCase "is off unless it is asked for" (fun () ->
            let records = new Records()

            let found =
                converse (ServerOptions(LoggerFactory = records)) (fun client ->
                    client.Write [| 0x83uy; 0x80uy |]
                    client.Read() |> ignore
                    client.Transport.Abort())

            isNull (box found) =! true
            logged records 31 =! [])

        testCase "keeps what came, what was sent and when, by the server's clock" (fun () ->
            let clock = FakeClock()

            let options =
                ServerOptions(TimeProvider = clock, FlightRecorder = recording 100 1_000)

            let found =
                converse options (fun client ->
                    clock.Advance(TimeSpan.FromMilliseconds 5.0)
                    client.SendText "hi"
                    client.ReadText() =! "hi"
                    clock.Advance(TimeSpan.FromMilliseconds 5.0)
                    client.SendPing [| 1uy; 2uy |]
                    client.Read() =! PongOf [| 1uy; 2uy |]
                    client.SendClose 1000
                    client.Read() |> ignore)

            // The end of our side and the end of the client's may come in either order.
            test
                <@
                    (RecordingText.format found)
                        .StartsWith(
                            "ws-recording/2 role=server max=1048576,-,262144 text=checked rsv=0 lengths=shortest "
                            + "started=2030-01-02T03:04:05.0000000Z dropped=0 state=open "
                            + "| +5000 @0 <8182.6869 | +5000 @8 >text.2 "
                            + "| +10000 @8 <8982.0102 | +10000 @16 <8882.03e8 | +10000 @24 "
                        )
                @>

            isFaithful found)

        testCase "an abnormal close puts the recording into the log, once, on one line" (fun () ->
            let records = new Records()

            let options =
                ServerOptions(LoggerFactory = records, FlightRecorder = recording 100 0)

            let found =
                converse options (fun client ->
                    client.SendText "s3cret\n"
                    client.Read() |> ignore
                    client.Write [| 0x83uy; 0x80uy |]
                    client.Read() |> ignore
                    client.Transport.Abort())

            Wait.until "the record is there" (fun () -> not (logged records 31).IsEmpty)
            let level, text = (logged records 31).Head
            (logged records 31).Length =! 1
            level =! LogLevel.Information
            text =! prefix + RecordingText.format found
            test <@ not (text.Contains '\n') && not (text.Contains "733363") @>

            (Replay.run (RecordingText.ofText text[prefix.Length ..])).Violation
            |> ValueOption.map string
            =! ValueSome "invalid opcode 0x3 (RFC 6455 §5.2, at byte 13)")

        testCase "a planned close leaves none in the log" (fun () ->
            let records = new Records()

            converse
                (ServerOptions(LoggerFactory = records, FlightRecorder = recording 100 0))
                (fun client ->
                    client.SendClose 1001
                    client.Read() |> ignore)
            |> isFaithful

            Wait.until "the end is logged" (fun () -> not (logged records 21).IsEmpty)
            logged records 31 =! [])

        testCase "the last steps are kept, and the state before them" (fun () ->
            let found =
                converse (ServerOptions(FlightRecorder = recording 3 0)) (fun client ->
                    for i in 1..20 do
                        client.SendText $"{i}"
                        client.ReadText() =! $"{i}"

                    client.WriteFrame(false, Opcode.Text, "e"B)
                    client.WriteFrame(false, Opcode.Continuation, [||])
                    client.WriteFrame(false, Opcode.Continuation, [||])
                    client.SendPing [||]
                    client.Read() =! PongOf [||]
                    client.Transport.Abort())

            found.IsCut =! true
            found.Dropped =! 42L
            found.Steps.Length =! 3

            match found.Start with
            | State.Open(ValueSome message, ValueNone) -> message.Fragments =! 2
            | other -> failwith $"{other}"

            isFaithful found)

        testCase "text that is refused while its frame is arriving is one step" (fun () ->
            let found =
                converse (ServerOptions(FlightRecorder = recording 100 0)) (fun client ->
                    client.Write [| 0x81uy; 0xFEuy; 0x10uy; 0x00uy; 0uy; 0uy; 0uy; 0uy; 65uy |]
                    client.Write [| 66uy; 67uy |]
                    client.Write [| 0xFFuy |]
                    client.Read() |> ignore
                    client.Transport.Abort())

            found.Steps.Length =! 2
            isFaithful found

            (Replay.run found).Violation |> ValueOption.map _.Offset =! ValueSome 11L

            let relay =
                Replay.runWith
                    {
                        found.Settings with
                            ValidateText = false
                    }
                    found

            relay.IsComplete =! false)

        testCase
            "compressed messages, fragments, broadcasts and keepalive pings are recorded and replayed"
            (fun () ->
                let clock = FakeClock()

                let options =
                    ServerOptions(
                        TimeProvider = clock,
                        FlightRecorder = recording 1_000 100_000,
                        PingInterval = TimeSpan.FromSeconds 5.0
                    )

                let server, found =
                    Serve.handling
                        (fun connection ->
                            connection.Receive() |> ignore
                            connection.Send [| "a"; "b" |]
                            Broadcast.Send([| connection |], "to all") |> ignore

                            try
                                Serve.echo connection
                            with :? ConnectionClosedException ->
                                ()

                            connection)
                        options

                use _ = server
                use client = PeerClient.InMemory server
                client.Offer "permessage-deflate" |> ignore
                let hello = [| 0xF2uy; 0x48uy; 0xCDuy; 0xC9uy; 0xC9uy; 0x07uy; 0x00uy |] // RFC 7692 §7.2.3.1
                client.WriteMarked(ReservedBits.Rsv1, true, Opcode.Text, hello)

                for _ in 1..4 do
                    client.Read() |> ignore

                Serve.runUntilWritten clock client
                client.Read() |> ignore
                client.Write [| 0xC1uy; 0x81uy; 0uy; 0uy; 0uy; 0uy; 0xFFuy |] // no DEFLATE data
                client.Read() |> ignore
                client.Transport.Abort()
                let connection = Serve.succeeds found
                Wait.until "the connection ends" (fun () -> connection.State = ConnectionState.Closed)
                let recording = connection.Recording
                isFaithful recording
                let text = RecordingText.format recording
                test <@ text.Contains "<c187.48656c6c6f " @>

                test <@ text.Contains ">text-.1 " @>
                test <@ text.Contains ">text.6 " && text.Contains ">ping." @>

                test
                    <@
                        text.Contains "<c181.#0.compressed-data-invalid"
                        || text.Contains "<c181..compressed-data-invalid"
                    @>

                (Replay.run recording).Violation |> ValueOption.map _.Error
                =! ValueSome ProtocolError.CompressedDataInvalid)

        testCase "what the application sends is known by its size alone" (fun () ->
            let found =
                converse (ServerOptions(FlightRecorder = recording 100 100_000)) (fun client ->
                    client.SendBinary [| 1uy; 2uy; 3uy |]
                    client.Read() |> ignore
                    client.SendClose 1000
                    client.Read() |> ignore)

            found.Steps[1].What =! Recorded.Sent(Command.Message MessageKind.Binary, 3L))

        testCase "a recording is taken at any time, and stays as it was" (fun () ->
            let _, client, connection, release =
                Serve.connected (ServerOptions(FlightRecorder = recording 100 0))

            use _ = release
            connection.Recording.Steps.Length =! 0
            let before = connection.Recording
            client.SendPing [||]
            client.Read() =! PongOf [||]
            before.Steps.Length =! 0
            connection.Recording.Steps.Length =! 1)

        testCase "its memory is bounded, whatever the peer sends" (fun () ->
            let clock = TimeProvider.System
            let options = recording 100 10_000
            let recorder = FlightRecorder(options, ConnectionSettings.Server, clock)

            let frame =
                Array.append
                    [| 0x82uy; 0xFEuy; 0x03uy; 0xE8uy; 0uy; 0uy; 0uy; 0uy |]
                    (Array.zeroCreate 1_000)

            let nowhere = ArrayBufferWriter<byte>()
            let endpoint = WebSocketEndpoint.Create ConnectionSettings.Server
            let step = endpoint.Receive(ReadOnlySpan frame, nowhere, nowhere)

            let fill () =
                for _ in 1..1_000 do
                    recorder.Received(ReadOnlySpan frame, &step)

            fill ()
            let before = GC.GetTotalMemory true

            for _ in 1..20 do
                fill ()

            let grown = GC.GetTotalMemory true - before
            test <@ grown < 200_000L @>
            GC.KeepAlive recorder)
    ]
