/// Compressed messages that are bombs, damaged, or sent while everything ends.
module FunctionalWs.Threat.Tests.ThreatCompressionTests

open System
open System.Diagnostics
open System.IO
open System.Threading
open Microsoft.Extensions.Logging
open Expecto
open Swensen.Unquote
open FunctionalWs
open FunctionalWs.Protocol
open FunctionalWs.Server.Tests
open FunctionalWs.Server.Tests.Compressed
open FunctionalWs.Threat.Tests.Attackers
open FunctionalWs.Threat.Tests.Vitals

let private mebi = 1024 * 1024
let private name = "permessage-deflate"

let private openCompressed (victim: Victim) (path: string) : PeerClient =
    let client = victim.Raw()
    let offer = $"Sec-WebSocket-Extensions: {name}\r\n\r\n"
    client.Write(PeerClient.Request.Replace("/chat", path).Replace("\r\n\r\n", "\r\n" + offer))
    client.ReadResponse() |> ignore
    client

let private compressed (client: PeerClient) (data: byte[]) =
    client.WriteMarked(ReservedBits.Rsv1, true, Opcode.Binary, data)

/// So many zeros, compressed, made without having them at once.
let private zeros (size: int64) : byte[] =
    use sender = new Sender(15)
    let piece = Array.zeroCreate<byte> mebi

    Array.append
        (Array.concat [ for _ in 1L .. size / int64 mebi -> sender.Part(piece, false) ])
        (sender.Message [||])

let rec private closeCode (client: PeerClient) =
    match client.Read() with
    | Closed status -> status.Number
    | End -> failwith "the stream ended without a close frame"
    | _ -> closeCode client

[<Tests>]
let bombs =
    testSequenced (
        testList "threats of bombs" [
            testCase
                "C1 a mebibyte that would be a gibibyte ends with 1009, whole and in fragments"
                (fun () ->
                    use victim = new Victim([])
                    let bomb = zeros (int64 (Scale.size 100 1_024) * int64 mebi)

                    let cost =
                        survives "C1" victim (fun () ->
                            for pieces in [ 1; 8; 500 ] do
                                use client = openCompressed victim "/receive"
                                let parts = cut [ bomb.Length / pieces + 1 ] bomb
                                let watch = Stopwatch.StartNew()

                                for index, part in List.indexed parts do
                                    let isLast = index = parts.Length - 1

                                    try
                                        if index = 0 then
                                            client.WriteMarked(
                                                ReservedBits.Rsv1,
                                                isLast,
                                                Opcode.Binary,
                                                part
                                            )
                                        else
                                            client.WriteFrame(isLast, Opcode.Continuation, part)
                                    with :? IOException ->
                                        () // it has been closed by now

                                closeCode client =! 1009

                                Scale.tell
                                    $"C1 in {parts.Length} frames: 1009 after {watch.ElapsedMilliseconds} ms")

                    cost.Peak <=! 16L * int64 mebi)

            testCase "C1 a message of a kept history that is a byte too long ends with 1009" (fun () ->
                use server =
                    Serve.inMemory Serve.echo (ServerOptions(MaxMessageSize = Nullable 100_000))

                use client = PeerClient.InMemory server
                client.Offer name |> ignore
                use sender = new Sender(15)
                compressed client (sender.Message(Array.zeroCreate 100_000))
                let _, _, _ = client.ReadMarked()
                compressed client (sender.Message(Array.zeroCreate 100_001))
                closeCode client =! 1009)

            testCase "C2 four clients that send legal bombs as fast as they can hold up nobody" (fun () ->
                use victim = new Victim([])
                use sender = new Sender(15)
                let bomb = sender.Message(Array.zeroCreate mebi)
                let count = Scale.size 50 5_000

                let cost =
                    survives "C2" victim (fun () ->
                        let watch = Stopwatch.StartNew()

                        let clients = [
                            for _ in 1..4 ->
                                Wait.start (fun () ->
                                    use client = openCompressed victim "/receive"
                                    use sender = new Sender(15)

                                    for _ in 1..count do
                                        compressed client (sender.Message(Array.zeroCreate mebi))

                                    client.SendPing "in"B
                                    client.Read() |> ignore)
                        ]

                        for client in clients do
                            if not (client.Wait(TimeSpan.FromMinutes 5.0)) then
                                failwith "waited in vain for the bombs"

                        let rate = float (4 * count) / watch.Elapsed.TotalSeconds
                        Scale.tell $"C2: {bomb.Length} bytes to a mebibyte each, %.0f{rate} a second")

                // Messages of a mebibyte that nobody holds any more wait for a collection.
                cost.Peak <=! 256L * int64 mebi)
        ]
    )

/// What is left of a message after something has happened to it on its way.
let private damaged (random: Random) (message: byte[]) : byte[] =
    let copy = Array.copy message

    match random.Next 4 with
    | 0 -> Array.truncate (random.Next copy.Length) copy
    | 1 -> Array.append copy (noise (random.Next 1_000) (random.Next 20))
    | 2 ->
        let at = random.Next copy.Length
        Array.append copy[at..] copy[.. at - 1]
    | _ ->
        for _ in 0 .. random.Next 4 do
            let at = random.Next copy.Length
            copy[at] <- copy[at] ^^^ (1uy <<< random.Next 8)

        copy

[<Tests>]
let damage =
    testSequenced (
        testList "threats of damaged compression" [
            testCase "C3 damaged streams are read, incomplete or invalid, and nothing else" (fun () ->
                let count = Scale.size 20_000 1_000_000
                let random = Random 7
                use sender = new Sender(15)
                let messages = [| for seed in 1..50 -> using (new Sender(15)) _.Message(json seed 600) |]
                let mutable refused = 0

                for number in 1..count do
                    // One in ten uses the history of what came before it, good or bad.
                    use receiver = new Receiver(15)
                    let message = damaged random messages[number % messages.Length]

                    match receiver.Message message with
                    | Invalid
                    | Incomplete -> refused <- refused + 1
                    | Message _ ->
                        if number % 10 = 0 then
                            receiver.Message(damaged random messages[0]) |> ignore

                Scale.tell $"C3: {refused} of {count} refused"
                refused >=! count / 10)

            testCase
                "C3, C4 damaged messages end their connection with 1002 or 1007, or go through"
                (fun () ->
                    let records = new Records()

                    use server =
                        ServerOptions(LoggerFactory = records)
                        |> Serve.inMemory (fun connection -> Seq.iter ignore connection.Messages)

                    let random = Random 8
                    let codes = Collections.Generic.HashSet<int>()

                    for number in 1 .. Scale.size 500 50_000 do
                        use client = PeerClient.InMemory server
                        // A window of 10 bits that some don't keep to.
                        client.Offer $"{name}; client_max_window_bits=10" |> ignore
                        use sender = new Sender(if number % 3 = 0 then 15 else 10)
                        let message = sender.Message(json number 5_000)

                        client.WriteMarked(ReservedBits.Rsv1, true, Opcode.Text, damaged random message)
                        client.SendClose 1000
                        codes.Add(closeCode client) |> ignore

                    test <@ codes.IsSubsetOf [ 1000; 1002; 1007 ] && codes.Count > 1 @>
                    server.Shutdown() |> ignore
                    records.Of LogLevel.Error =! [])

            testCase "C4 a mark on a control frame, on a continuation or without agreement: 1002" (fun () ->
                use server = Serve.inMemory Serve.echo Serve.defaults

                for isAgreed, opcode in
                    [
                        true, Opcode.Ping
                        true, Opcode.Close
                        true, Opcode.Continuation
                        false, Opcode.Text
                    ] do
                    use client = PeerClient.InMemory server

                    if isAgreed then
                        client.Offer name |> ignore
                    else
                        client.ShakeHands()

                    if opcode = Opcode.Continuation then
                        client.WriteFrame(false, Opcode.Text, "a"B)

                    client.WriteMarked(ReservedBits.Rsv1, true, opcode, [||])
                    closeCode client =! 1002)
        ]
    )

[<Tests>]
let races =
    testSequenced (
        testList "threats of races in compression" [
            testCase "C5 connections end in every way while eight threads send on each" (fun () ->
                use victim = new Victim([])

                survives "C5" victim (fun () ->
                    let random = Random 5

                    let rounds = Scale.size 40 20_000

                    let work (which: int) =
                        for round in 1 .. rounds / 4 do
                            use client = openCompressed victim "/race"

                            for _ in 0 .. lock random (fun () -> random.Next 40) do
                                client.Read() |> ignore

                            match (round + which) % 4 with
                            | 0 -> reset client
                            | 1 -> client.Transport.ShutdownSend()
                            | 2 -> compressed client (hex "FF FF FF")
                            | _ ->
                                client.SendClose 1000
                                closeCode client |> ignore

                    let workers = [ for which in 0..3 -> Wait.start (fun () -> work which) ]

                    for worker in workers do
                        if not (worker.Wait(TimeSpan.FromMinutes 9.0)) then
                            failwith "waited in vain for the rounds"

                    // A crash of native code would have ended the process.
                    Wait.until "their handlers have ended" (fun () -> victim.Handlers <= 2))
                |> ignore)

            testCase "C6 connections that compress leave nothing, in whatever way they end" (fun () ->
                use victim = new Victim([])
                let count = Scale.size 600 100_000

                let rounds (count: int) =
                    for number in 1..count do
                        use client = openCompressed victim "/chat"
                        use sender = new Sender(15)
                        compressed client (sender.Message(json number 300))
                        client.ReadMarked() |> ignore

                        match number % 6 with
                        | 0 -> client.SendClose 1000
                        | 1 -> reset client
                        | 2 -> client.Transport.ShutdownSend()
                        | 3 -> compressed client (hex "FF FF FF")
                        | 4 ->
                            client.WriteMarked(
                                ReservedBits.Rsv1,
                                false,
                                Opcode.Binary,
                                sender.Part(json 1 500, false)
                            )
                        | _ -> client.WriteMarked(ReservedBits.Rsv1, true, Opcode.Ping, [||])

                survives "C6" victim (fun () ->
                    rounds (count / 2)
                    victim.Figures() |> ignore
                    let half = Processes.resident victim.Id
                    let native = victim.Figures().Native
                    rounds (count / 2)
                    Wait.until "they have left" (fun () -> victim.Handlers <= 1)
                    let figures = victim.Figures()
                    let slope = (Processes.resident victim.Id - half) / int64 (count / 2)

                    Scale.tell (
                        $"C6: resident memory grew by {slope} bytes a connection over the second half, "
                        + $"{figures.Native} bytes of native memory in use"
                    )

                    // Some streams are kept for the next connections.
                    figures.Native <=! native + 1_048_576L

                    if Scale.isFull then
                        slope <=! 100L)
                |> ignore)
        ]
    )
