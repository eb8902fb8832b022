/// Frames without end, over loopback, at a server whose handler receives, streams or does something else.
module FunctionalWs.Threat.Tests.ThreatFloodTests

open System
open System.Net.Sockets
open Expecto
open Swensen.Unquote
open FunctionalWs
open FunctionalWs.Protocol
open FunctionalWs.Server.Tests
open FunctionalWs.Threat.Tests.Attackers
open FunctionalWs.Threat.Tests.Vitals

let private mebi = 1024L * 1024L
let private million = Scale.size 70_000 1_000_000

/// More than a message may have by default.
let private tooMany = Scale.size 270_000 1_000_000

/// The heap of a server process that runs: its generations, buffers of the pool, and stacks.
let private runtime = 32L * mebi

/// Writes a frame over and over until all are written or the server ends it; gives what comes then.
let private flood (client: PeerClient) (first: byte[]) (frame: byte[]) (count: int) =
    let piece = repeated 1_000 frame

    let isWritten =
        tryWrite client first
        && Seq.forall (fun _ -> tryWrite client piece) (seq { 1 .. count / 1_000 })

    isWritten, client

/// Reads pongs and messages until what is asked for.
let rec private skipTo (client: PeerClient) (isIt: Wire -> bool) =
    match client.Read() with
    | End -> failwith "the stream ended"
    | frame when isIt frame -> frame
    | _ -> skipTo client isIt

let private codeOf (frame: Wire) =
    match frame with
    | Closed status -> status.Number
    | other -> failwith $"{other}"

let private isClose (frame: Wire) =
    match frame with
    | Closed _ -> true
    | _ -> false

let private ends (client: PeerClient) (code: int) = codeOf (skipTo client isClose) =! code

let private answers (client: PeerClient) =
    client.SendPing "last"B
    skipTo client ((=) (PongOf "last"B)) |> ignore

[<Tests>]
let fragments =
    testSequenced (
        testList "threats of floods of fragments" [
            for path in [ "/receive"; "/stream"; "/away" ] do
                testAttackWithin
                    $"F4 a million empty fragments cost nothing, and end with 1008: {path}"
                    runtime
                    []
                    (fun victim ->
                        use client = victim.Open path
                        flood client (frame 0x01uy [||]) (frame 0x00uy [||]) tooMany |> ignore
                        ends client 1008)

            testAttackWithin
                "F5 a million fragments of a byte cost their bytes, and end with 1008"
                runtime
                []
                (fun victim ->
                    use client = victim.Open "/receive"
                    flood client (frame 0x02uy [||]) (frame 0x00uy [| 1uy |]) tooMany |> ignore
                    ends client 1008)

            testAttackWithin "F3 huge lengths cost nothing but a close frame" runtime [] (fun victim ->
                for length in
                    [ (1L <<< 31) - 64L; (1L <<< 32) + 1L; Int64.MaxValue; Int64.MinValue; -1L; 5L ] do
                    use client = victim.Open "/receive"

                    client.Write(
                        Array.concat [
                            [| 0x82uy; 0xFFuy |]
                            Array.rev (BitConverter.GetBytes length)
                            [| 1uy |]
                        ]
                    )

                    let code = codeOf (client.Read())
                    test <@ code = (if length < 126L then 1002 else 1009) @>)

            testAttackWithin
                "F3 a thousand announced mebibytes of which a byte comes cost 64 MiB together"
                (64L * mebi)
                []
                (fun victim ->
                    let count = Scale.size 300 1_000
                    let sockets = Crowd.openMany victim.EndPoint count "/receive"

                    for socket in sockets do
                        socket.Send [|
                            0x82uy
                            0xFFuy
                            0uy
                            0uy
                            0uy
                            0uy
                            0uy
                            0x10uy
                            0uy
                            0uy
                            0uy
                            0uy
                            0uy
                            0uy
                            1uy
                        |]
                        |> ignore

                    use honest = victim.Open "/receive"
                    answers honest

                    for socket in sockets do
                        socket.Dispose())
        ]
    )

[<Tests>]
let pings =
    testSequenced (
        testList "threats of floods of control frames and of empty messages" [
            for size in [ 0; 125 ] do
                testAttackWithin $"F11 a million pings of {size} bytes, read" runtime [] (fun victim ->
                    use client = victim.Open "/receive"
                    let ping = frame 0x89uy (Array.zeroCreate size)
                    let reading = Wait.start (fun () -> skipTo client ((=) (PongOf "last"B)) |> ignore)
                    flood client [||] ping million |> ignore
                    client.SendPing "last"B
                    Wait.forTask "the last pong" reading)

            testAttackWithin
                "F12 a million pings of a client that doesn't read"
                runtime
                quickKeepalive
                (fun victim ->
                    use client = new PeerClient(new SocketTransport(victim.Connect 4_096))
                    client.Write(PeerClient.Request.Replace("/chat", "/receive"))
                    client.ReadResponse() |> ignore
                    flood client [||] (frame 0x89uy (Array.zeroCreate 125)) million |> ignore
                    // It says something all the time; when it falls silent, keepalive finds that it answers no ping.
                    Wait.until "it is given up" (fun () -> victim.Handlers <= 1))

            testAttackWithin "F13 a million pongs that nobody asked for" runtime [] (fun victim ->
                use client = victim.Open "/receive"
                flood client [||] (frame 0x8Auy (Array.zeroCreate 125)) million |> ignore
                answers client)

            for path in [ "/receive"; "/stream" ] do
                testAttackWithin $"F15 a million empty messages: {path}" runtime [] (fun victim ->
                    use client = victim.Open path
                    flood client [||] (frame 0x81uy [||]) million |> ignore
                    answers client)

            // What the peer has sent last lies behind the unread rest: that it has left shows when it is pinged.
            testAttackWithin
                "F15 empty messages that nobody receives stop at the queue"
                runtime
                quickKeepalive
                (fun victim ->
                    use client = victim.Open "/away"
                    let socket = (client.Transport :?> SocketTransport).Socket
                    socket.SendTimeout <- 500
                    let isWritten, _ = flood client [||] (frame 0x81uy [||]) 4_000_000
                    isWritten =! false)
        ]
    )

[<Tests>]
let dripping =
    testSequenced (
        testList "threats of messages that drip in" [
            testAttackWithin "F7 a mebibyte in writes of a byte is one message" runtime [] (fun victim ->
                use client = victim.Open "/chat"
                let size = Scale.size 20_000 1_048_576
                let data = Array.init size byte

                for octet in frame 0x82uy data do
                    client.Write [| octet |]

                client.Read() =! Data(Opcode.Binary, true, data))

            testAttackWithin "F16 messages that never end cost what came of them" runtime [] (fun victim ->
                let sockets = Crowd.openMany victim.EndPoint 100 "/receive"

                for part in 0..50 do
                    for socket in sockets do
                        socket.Send(frame (if part = 0 then 0x02uy else 0x00uy) [| 1uy |]) |> ignore

                for socket in sockets do
                    socket.Dispose())
        ]
    )
