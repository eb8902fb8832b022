/// Close frames of every kind, closings that stall or cross, and peers that don't end their streams.
module FunctionalWs.Threat.Tests.ThreatClosingTests

open System
open System.Threading
open System.Threading.Tasks
open Expecto
open Swensen.Unquote
open FunctionalWs
open FunctionalWs.Protocol
open FunctionalWs.Testing
open FunctionalWs.Server.Tests
open FunctionalWs.Threat.Tests.Attackers

[<Tests>]
let codes =
    testList "threats of close frames" [
        testCase
            "L1 each of 65,536 codes, with four payloads, is echoed or refused, and a legal one goes out"
            (fun () ->
                let payloads (code: int) = [
                    [| byte (code >>> 8); byte code |]
                    Array.append [| byte (code >>> 8); byte code |] (Array.create 123 (byte 'r'))
                    Array.append [| byte (code >>> 8); byte code |] [| 0xFFuy |]
                ]

                let mayBeSent (code: int) =
                    (code >= 1000 && code <= 1014 && not (List.contains code [ 1004; 1005; 1006 ]))
                    || (code >= 3000 && code <= 4999)

                // RFC 6455 §7.4, one line each.
                let expected (code: int) (payload: byte[]) =
                    if payload.Length > 2 && payload[2] = 0xFFuy then 1007
                    elif not (mayBeSent code) then 1002
                    else code

                let sentFor (payload: byte[]) =
                    match (FunctionalWs.Protocol.Tests.Bytes.serve [ frame 0x88uy payload ]).Outputs with
                    | [ Output.Close status ] -> status.Number
                    | other -> failwith $"{other}"

                for code in 0..65_535 do
                    for payload in payloads code do
                        if sentFor payload <> expected code payload then
                            failwith $"{code}, {payload.Length} bytes: {sentFor payload}"

                sentFor [| 3uy |] =! 1002
                // An empty frame is answered by an empty one: 1005 stands for that and is not sent.
                sentFor [||] =! 1005)

        testCase "L1 a reason of 124 bytes makes a control frame too long: 1002" (fun () ->
            use server = Serve.inMemory Serve.echo Serve.defaults
            use client = Serve.client server
            client.Write [| 0x88uy; 0xFEuy; 0uy; 126uy |]

            match client.Read(), client.Read() with
            | Closed status, End when status.Number = 1002 -> ()
            | other -> failwith $"{other}")

        testCase "L1 no payload is answered by no payload" (fun () ->
            use server = Serve.inMemory Serve.echo Serve.defaults
            use client = Serve.client server
            client.WriteFrame(true, Opcode.Close, [||])
            client.Read() =! Closed CloseStatus.NoStatus
            client.Read() =! End)
    ]

/// A connection that its handler closes at once, on a clock that stands still.
let private closed (clock: FakeClock) =
    let found = TaskCompletionSource<ServerConnection>()

    let server =
        ServerOptions(TimeProvider = clock, PingInterval = Nullable())
        |> Serve.inMemory (fun connection ->
            found.SetResult connection
            connection.Close())

    let client = Serve.client server
    client.Read() =! Closed(CloseStatus.Create(CloseCode.NormalClosure, ""))
    server, client, Wait.forTask "the handler" found.Task

[<Tests>]
let stalls =
    testList "threats of closings that stall" [
        for name, stay in
            [
                "silent", (fun (_: PeerClient) -> ())
                "sending data",
                (fun client ->
                    let piece = repeated 100 (frame 0x82uy (Array.zeroCreate 1_000))

                    for _ in 1 .. Scale.size 100 10_000 do
                        tryWrite client piece |> ignore)
                "sending pings",
                (fun client -> tryWrite client (repeated 1_000 (frame 0x89uy [||])) |> ignore)
            ] do
            testCase $"L2 a peer that doesn't answer a close but is {name} is cut at CloseTimeout" (fun () ->
                let clock = FakeClock()
                let server, client, connection = closed clock
                use _ = server
                use _ = client
                stay client
                clock.Advance(TimeSpan.FromSeconds 9.9)
                connection.WaitClosed TimeSpan.Zero =! false
                clock.Advance(TimeSpan.FromSeconds 0.1)
                connection.WaitClosed Wait.limit =! true
                connection.CloseCode =! Nullable 1006)

        testCase "L2 one that ends its side without an answer has ended the connection" (fun () ->
            let server, client, connection = closed (FakeClock())
            use _ = server
            use _ = client
            client.Transport.ShutdownSend()
            connection.WaitClosed Wait.limit =! true
            connection.CloseCode =! Nullable 1006)

        testCase "L2, L3 one that answers and keeps its side open has no thread any more" (fun () ->
            let server, client, connection = closed (FakeClock())
            use _ = server
            use _ = client
            client.SendClose 1000
            client.Read() =! End
            connection.WaitClosed Wait.limit =! true
            Wait.until "it has left" (fun () -> connection.State = ConnectionState.Closed)
            server.Shutdown() =! 0)

        testCase
            "L7 a handler that doesn't receive is told of a peer that is gone, however much was read ahead for it"
            (fun () ->
                let clock = FakeClock()
                let found = TaskCompletionSource<ServerConnection>()

                use server =
                    ServerOptions(
                        TimeProvider = clock,
                        MaxMessageSize = Nullable 1_000,
                        MaxQueue = Nullable 1
                    )
                    |> Serve.inMemory (fun connection ->
                        found.SetResult connection
                        connection.WaitClosed() |> ignore)

                let struct (atServer, atClient) = MemoryTransport.CreatePair()
                server.Admit atServer
                use client = new PeerClient(atClient)
                client.ShakeHands()
                let connection = Wait.forTask "the handler" found.Task
                client.Write(repeated 900 (frame 0x82uy (Array.zeroCreate 1_000)))
                // Its end lies behind what nobody wants yet; the next ping finds that nobody is there.
                client.Transport.Abort()

                Wait.until "the end" (fun () ->
                    clock.Advance(TimeSpan.FromSeconds 1.0)
                    connection.WaitClosed TimeSpan.Zero)

                server.Shutdown() =! 0)
    ]

[<Tests>]
let crossing =
    testList "threats of closings that cross" [
        testCase
            "L4 both sides close and send at once: one close frame comes, and nothing after it"
            (fun () ->
                let random = Random 4

                for round in 1 .. Scale.size 60 100_000 do
                    use closing = new Barrier(3)
                    let atServer, atClient = random.Next 4, random.Next 4

                    use server =
                        Serve.defaults
                        |> Serve.inMemory (fun connection ->
                            let sending =
                                Wait.start (fun () ->
                                    closing.SignalAndWait()

                                    try
                                        for _ in 1..5 do
                                            connection.Send "x"
                                    with :? ConnectionClosedException ->
                                        ())

                            closing.SignalAndWait()

                            for _ in 1..atServer do
                                connection.Send "y"

                            connection.Close()
                            Wait.forTask "the sender" sending)

                    use client = Serve.client server
                    closing.SignalAndWait()

                    for _ in 1..atClient do
                        client.SendText "z"

                    if round % 3 > 0 then
                        client.SendClose 1000

                    let rec toClose () =
                        match client.Read() with
                        | Data _ -> toClose ()
                        | Closed status -> status.Number =! 1000
                        | other -> failwith $"round {round}: {other}"

                    toClose ()

                    if round % 3 = 0 then
                        client.SendClose 1000

                    client.Read() =! End)
    ]

[<Tests>]
let incomplete =
    testSequenced (
        testList "threats of incomplete closings" [
            Vitals.testAttack
                "L3 a thousand clients that send a close and keep TCP open take no thread"
                []
                (fun victim ->
                    let sockets = Crowd.openMany victim.EndPoint (Scale.size 200 1_000) "/receive"

                    for socket in sockets do
                        socket.Send(frame 0x88uy [| 3uy; 232uy |]) |> ignore

                    Wait.until "their handlers have ended" (fun () -> victim.Handlers <= 2)

                    for socket in sockets do
                        socket.Dispose())
        ]
    )
