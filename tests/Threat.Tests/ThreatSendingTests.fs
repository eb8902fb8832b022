/// Peers that don't read what is sent, and senders that get in each other's way.
module FunctionalWs.Threat.Tests.ThreatSendingTests

open System
open System.Net.Sockets
open System.Threading
open Expecto
open Swensen.Unquote
open FunctionalWs
open FunctionalWs.Protocol
open FunctionalWs.Server.Tests
open FunctionalWs.Server.Tests.Serve
open FunctionalWs.Threat.Tests.Attackers
open FunctionalWs.Threat.Tests.Vitals

let private stalled (victim: Victim) (path: string) : PeerClient =
    let client = new PeerClient(new SocketTransport(victim.Connect 4_096))
    client.Write(PeerClient.Request.Replace("/chat", path))
    client.ReadResponse() |> ignore
    client

[<Tests>]
let slow =
    testSequenced (
        testList "threats of slow readers" [
            testAttackWithin
                "S1 readers that stop are cut by the send timeout, though they answer pings by their data"
                (16L * 1_048_576L)
                [ "send=1"; "ping=off" ]
                (fun victim ->
                    let clients = [ for _ in 1 .. Scale.size 20 500 -> stalled victim "/pour" ]
                    Wait.until "they are cut" (fun () -> victim.Handlers <= 2)
                    Attackers.dispose clients)

            testAttack
                "S3 a reader of a byte at a time costs its handler's thread and nothing else"
                quickKeepalive
                (fun victim ->
                    use client = stalled victim "/pour"
                    let socket = (client.Transport :?> SocketTransport).Socket
                    let octet = Array.zeroCreate<byte> 1
                    let before = victim.Figures()

                    for _ in 1..200 do
                        socket.Receive octet =! 1
                        // A sign of life, as a browser's answer to a ping would be.
                        client.WriteFrame(true, Opcode.Pong, [||])

                    victim.Figures().Heap <=! before.Heap + 1_048_576L)

            testCase "S4 a broadcast is held up by none of the peers that don't read" (fun () ->
                let count = Scale.size 100 1_000
                let rounds = Scale.size 30 100
                use victim = new Victim([ "ping=off"; "buffer=32768" ])
                let good = [ for _ in 1 .. count - count / 100 -> victim.Open "/receive" ]
                let slow = [ for _ in 1 .. count / 100 -> stalled victim "/receive" ]
                Wait.until "all are open" (fun () -> victim.Handlers = count)

                let reading =
                    Wait.start (fun () ->
                        for number in 1..rounds do
                            for client in good do
                                let text = readText client
                                text.Trim '.' =! $"{number}")

                // So large that what the kernel and the queue take for a slow one is soon full.
                let told = victim.Tell $"broadcast {rounds} 60000"

                if not (reading.Wait(TimeSpan.FromMinutes 3.0)) then
                    failwith "waited in vain for the good clients"

                Scale.tell $"S4: {count} connections, {slow.Length} of them stalled: %A{Map.toList told}"
                told["skipped"] >=! 1L

                TimeSpan.FromMilliseconds(float told["worst"])
                <=! Scale.slack (TimeSpan.FromMilliseconds 250.0)

                victim.Figures().Errors =! 0
                Attackers.dispose (good @ slow))
        ]
    )

[<Tests>]
let senders =
    testSequenced (
        testList "threats of many senders" [
            testAttack
                "S5 64 threads send at once: each message is whole, each thread's are in order"
                []
                (fun victim ->
                    let count = Scale.size 6_400 1_000_000 / Handlers.senders * Handlers.senders
                    use client = victim.Open $"/senders/{count}"
                    let next = Array.zeroCreate<int> Handlers.senders

                    for _ in 1..count do
                        let parts = (readText client).Split ':'
                        let which, number = int parts[0], int parts[1]

                        if number <> next[which] then
                            failwith $"{which}: {number} came, not {next[which]}"

                        next[which] <- number + 1

                    Array.sum next =! count)

            testCase "S6 what a handler has sent leaves although it then waits for ever, or throws" (fun () ->
                use goOn = new ManualResetEventSlim(false)

                for ending in [ "blocks"; "throws"; "returns"; "closes" ] do
                    use server =
                        defaults
                        |> Serve.inMemory (fun connection ->
                            connection.Receive() |> ignore
                            // The second message waits in the buffer, so this answer may be held back.
                            connection.Send "answer"

                            match ending with
                            | "blocks" -> Wait.forEvent "being let go" goOn
                            | "throws" -> invalidOp "a bug"
                            | "closes" -> connection.Close()
                            | _ -> ())

                    use client = client server
                    client.Write(Array.append (frame 0x81uy "1"B) (frame 0x81uy "2"B))
                    client.ReadText() =! "answer"
                    goOn.Set())
        ]
    )
