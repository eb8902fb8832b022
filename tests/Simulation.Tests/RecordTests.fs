/// Simulated streams that hold bytes back as TLS does, and simulated connections with compression.
module FunctionalWs.Simulation.Tests.RecordTests

open System
open Expecto
open Swensen.Unquote
open FunctionalWs
open FunctionalWs.Protocol
open FunctionalWs.Testing

let private recordSize (length: int) = length + 21

/// Tests both ends of a stream that holds a number of bytes.
let private overPair (capacity: int) (test: Transport -> Transport -> unit) =
    Simulation.Run(
        (fun simulation ->
            let medium = SimulatedMedium(simulation.Scheduler, Random 1)

            let options =
                TestClientOptions(
                    HasRecords = true,
                    BufferSize = capacity,
                    Network = NetworkConditions(MaxPieceSize = 10)
                )

            let struct (server, client) = medium.CreatePair options
            test server client),
        seeds = 20
    )

let private data (length: int) = Array.init length byte

let private tryWrite (transport: Transport) (bytes: byte[]) = transport.TryWrite(ReadOnlySpan bytes)

/// Everything that a stream gives, some bytes at a time, as long as it doesn't have to wait.
let private readAll (transport: Transport) =
    let buffer = Array.zeroCreate<byte> 7

    [|
        while transport.IsReadable do
            let size = transport.Read(Span buffer)
            yield! buffer[.. size - 1]
    |]

let private closed = raises<IO.IOException>

[<Tests>]
let records =
    testList "a stream that holds bytes back" [
        testCase "takes a piece only when all of it has left, and gives nothing of it before" (fun () ->
            overPair 60 (fun server client ->
                let sent = data 100
                tryWrite server sent =! 0
                client.IsReadable =! false
                // What was below is taken by then, so there is room for the rest.
                tryWrite server sent =! 0
                client.IsReadable =! false

                while tryWrite server sent = 0 do
                    client.IsReadable =! false

                readAll client =! sent))

        testCase "says of bytes that wait inside that they are there, when nothing is below" (fun () ->
            overPair 1_000 (fun server client ->
                tryWrite server (data 100) =! 100
                client.Read(Span(Array.zeroCreate<byte> 60)) =! 60

                while client.Bottom.IsReadable do
                    test <@ client.IsReadable @>
                    client.Read(Span(Array.zeroCreate<byte> 1)) |> ignore

                test <@ client.IsReadable && client.WaitReadable Deadline.Never @>))

        testCase "ends a direction only when the end's record has left" (fun () ->
            overPair (recordSize 4) (fun server client ->
                tryWrite server (data 4) =! 4
                server.TryShutdownSend() =! false
                closed <@ tryWrite server (data 4) @>

                while not (server.TryShutdownSend()) do
                    readAll client |> ignore

                while client.Read(Span(Array.zeroCreate<byte> 10)) > 0 do
                    ()

                test <@ client.IsReadable @>))
    ]

let private offers (compression: PerMessageDeflate) =
    TestClientOptions(Compression = compression, Network = NetworkConditions())

[<Tests>]
let compression =
    testList "a simulated connection with compression" [
        testCase "carries less than it is given, both ways" (fun () ->
            Simulation.Run(
                (fun simulation ->
                    let text = String('x', 20_000)

                    let handler (connection: ServerConnection) =
                        connection.Receive().Text =! text
                        connection.Send text
                        connection.Send [ text; text ]

                    let options = ServerOptions(Compression = PerMessageDeflate())
                    let server = simulation.Serve(Action<ServerConnection> handler, options)
                    let client = server.Connect(options = offers (PerMessageDeflate(MinSize = 0)))
                    client.Send [ text; "" ]
                    client.Receive().Text =! text
                    client.Receive().Text =! text + text

                    for direction in [ "to server 1"; "to client 1" ] do
                        let carried = (simulation.Scheduler.Trace.BytesOf direction).Length
                        test <@ carried < 1_000 @>),
                seeds = 20
            ))
    ]
