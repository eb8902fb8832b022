module FunctionalWs.Server.Tests.MemoryTests

open System
open System.Threading
open Expecto
open Swensen.Unquote
open FunctionalWs
open FunctionalWs.Protocol
open FunctionalWs.Testing
open FunctionalWs.Server.Tests.Serve

/// A server whose handler receives for ever, and a client whose stream holds few bytes.
let private receiving (options: ServerOptions) =
    let server =
        options
        |> Serve.inMemory (fun connection ->
            try
                Seq.iter ignore connection.Messages
            with :? ConnectionClosedException ->
                ())

    let struct (atServer, atClient) = MemoryTransport.CreatePair 20_000
    server.Admit atServer
    let client = new PeerClient(atClient)
    client.ShakeHands()
    server, client

/// How much more memory is in use after something was done.
let private grown (act: unit -> unit) : int64 =
    let before = GC.GetTotalMemory true
    act ()
    GC.GetTotalMemory true - before

let private repeated (count: int) (frame: byte[]) =
    Array.concat (Array.replicate count frame)

let private frame (first: byte) (payload: int) =
    Array.append [| first; 0x80uy ||| byte payload; 0uy; 0uy; 0uy; 0uy |] (Array.zeroCreate payload)

[<Tests>]
let memory =
    testSequenced (
        testList "memory of what a peer sends" [
            testCase "F3: grows with what was received, not with what was announced" (fun () ->
                let count = 300

                let server =
                    Serve.inMemory
                        (fun connection ->
                            try
                                Seq.iter ignore connection.Messages
                            with :? ConnectionClosedException ->
                                ())
                        defaults

                use _ = server
                let clients = [ for _ in 1..count -> client server ]
                Wait.until "all are open" (fun () -> server.Connections.Count = count)

                // A binary frame of a mebibyte, of which one byte comes.
                let growth =
                    grown (fun () ->
                        for client in clients do
                            client.Write [|
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
                                1uy
                                2uy
                                3uy
                                4uy
                                0uy
                            |]

                            client.SendPing [||] // swallowed by the frame
                    )

                for client in clients do
                    client.Transport.Abort()

                test <@ growth < int64 count * 16_384L @>)

            testCase "F4: does not grow with empty fragments, which end at MaxFragments with 1008" (fun () ->
                let server, client = receiving (ServerOptions(MaxFragments = 65_536))
                use _ = server
                use _ = client
                let piece = repeated 1_000 (frame 0x00uy 0)

                let growth =
                    grown (fun () ->
                        client.Write(frame 0x01uy 0)

                        for _ in 1..65 do
                            client.Write piece

                        client.SendPing "in"B
                        client.Read() =! PongOf "in"B)

                test <@ growth < 1_048_576L @>
                client.Write piece

                match client.Read() with
                | Closed status -> status.Number =! 1008
                | other -> failwith $"a close frame was expected, not {other}")

            testCase "F5: of one-byte fragments is about their bytes" (fun () ->
                let server, client = receiving defaults
                use _ = server
                use _ = client
                let piece = repeated 1_000 (frame 0x00uy 1)

                let growth =
                    grown (fun () ->
                        client.Write(frame 0x02uy 1)

                        for _ in 1..60 do
                            client.Write piece

                        client.SendPing "in"B
                        client.Read() =! PongOf "in"B)

                test <@ growth < 1_048_576L @>)

            for name, flood in
                [
                    "F11: pings that are answered", frame 0x89uy 125
                    "F13: pongs that nobody asked for", frame 0x8Auy 125
                    "F15: empty messages", frame 0x81uy 0
                ] do
                testCase $"{name} cost nothing that stays" (fun () ->
                    let server, client = receiving defaults
                    use _ = server
                    use _ = client
                    let piece = repeated 100 flood

                    let draining =
                        Wait.start (fun () ->
                            let rec read () =
                                match client.Read() with
                                | PongOf payload when payload = "done"B -> ()
                                | _ -> read ()

                            read ())

                    let growth =
                        grown (fun () ->
                            for _ in 1..200 do
                                client.Write piece

                            client.SendPing "done"B
                            Wait.forTask "the last answer" draining)

                    test <@ growth < 1_048_576L @>)

            testCase "F12: pings of a client that doesn't read leave one pong waiting" (fun () ->
                let server, client = receiving defaults
                use _ = server
                use _ = client
                let piece = repeated 100 (frame 0x89uy 125)

                let growth =
                    grown (fun () ->
                        for _ in 1..500 do
                            client.Write piece)

                test <@ growth < 1_048_576L @>)
        ]
    )
