/// Clients that never come as far as an open connection.
module FunctionalWs.Threat.Tests.ThreatHandshakeTests

open System
open System.Net.Sockets
open Expecto
open Swensen.Unquote
open FunctionalWs
open FunctionalWs.Server.Tests
open FunctionalWs.Threat.Tests.Vitals

let private awaitEnd (sockets: Socket[]) =
    Wait.until "all are cut" (fun () -> sockets |> Array.forall Attackers.isEnded)

    for socket in sockets do
        socket.Dispose()

/// Connections that say something, then one byte at a time, whether the server still listens or not.
let private drip (victim: Victim) (count: int) (start: byte[]) (next: byte[]) =
    let sockets = [| for _ in 1..count -> victim.Connect() |]

    let send (data: byte[]) (socket: Socket) =
        try
            if data.Length > 0 then
                socket.Send data |> ignore
        with :? SocketException ->
            ()

    sockets |> Array.iter (send start)
    let mutable left = sockets

    Wait.until "all are cut, however they drip" (fun () ->
        left |> Array.iter (send next)
        left <- left |> Array.filter (Attackers.isEnded >> not)
        left.Length = 0)

    for socket in sockets do
        socket.Dispose()

// Honest clients come meanwhile, and must get in by it though the machine is busy.
let private openTimeout = "open=5"

[<Tests>]
let slow =
    testSequenced (
        testList "threats of slow handshakes" [
            testAttack
                "H1 a thousand requests that drip in end at the open timeout"
                [ openTimeout ]
                (fun victim -> drip victim (Scale.size 400 1_000) "GET / HTTP/1.1\r\nHost: "B "x"B)

            testAttack "H2 a thousand silent clients end at the open timeout" [ openTimeout ] (fun victim ->
                drip victim (Scale.size 400 1_000) [||] [||])

            testCase "T1 silent clients of TLS hold up nobody and end at the open timeout" (fun () ->
                use victim = new Victim([ "tls=yes"; openTimeout ])

                survivesTls "T1" victim (fun () -> drip victim (Scale.size 200 1_000) [||] [||])
                |> ignore)

            testCase "T1, T2 half a hello of TLS, dripping, ends at the open timeout" (fun () ->
                use victim = new Victim([ "tls=yes"; openTimeout ])

                survivesTls "T2" victim (fun () ->
                    drip victim (Scale.size 100 1_000) [| 22uy; 3uy; 1uy; 2uy; 0uy; 1uy |] [| 0uy |])
                |> ignore)
        ]
    )

[<Tests>]
let accepting =
    testList "threats of accepting" [
        testCase "R2 no error of accepting is thrown on, and each makes one record at most" (fun () ->
            for error in Enum.GetValues<SocketError>() do
                let records = new Records()
                let pause = AcceptPause(Log records, FakeClock())
                pause.After(SocketException(int error))
                pause.After(ObjectDisposedException "x")
                records.All.Length =! 1)
    ]

let private connectAndReset (victim: Victim) (count: int) (said: byte[]) =
    for _ in 1..count do
        use socket = victim.Connect()
        socket.LingerState <- LingerOption(true, 0)

        if said.Length > 0 then
            socket.Send said |> ignore

[<Tests>]
let resets =
    let count = Scale.size 2_000 100_000

    testSequenced (
        testList "threats of resets before the handshake" [
            testAttack "R2 clients that reset at once, plain" [] (fun victim ->
                connectAndReset victim count [||])

            testCase "R2 clients that reset at once, with TLS" (fun () ->
                use victim = new Victim([ "tls=yes" ])

                survivesTls "R2 TLS" victim (fun () -> connectAndReset victim count [| 22uy; 3uy |])
                |> ignore)

            testAttack "H12 clients that reset after half a request" [] (fun victim ->
                connectAndReset victim count "GET /chat HTTP/1.1\r\nHo"B)

            testAttack "H11 clients of other protocols" [] (fun victim ->
                for _ in 1 .. Scale.size 100 10_000 do
                    for said in
                        [
                            "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
                            "\x16\x03\x01\x02\x00\x01"
                            "SSH-2.0-x\r\n"
                            "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nhello"
                        ] do
                        use client = victim.Raw()
                        client.Write said
                        client.Transport.ShutdownSend()
                        client.ReadToEnd() |> ignore)

            testAttackWithin "H3 requests without end" 8_388_608L [] (fun victim ->
                let piece = Array.create 65_536 (byte 'a')

                for _ in 1 .. Scale.size 5 100 do
                    use client = victim.Raw()
                    client.Write "GET / HTTP/1.1\r\nA: "
                    let mutable written = 0

                    while written < 1_600 && Attackers.tryWrite client piece do
                        written <- written + 1

                    test <@ written < 1_600 @>)
        ]
    )
