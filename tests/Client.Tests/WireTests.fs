/// What a client puts on the wire, byte for byte, as a server of somebody else sees it.
module FunctionalWs.Client.Tests.WireTests

open System
open System.Net
open System.Net.Sockets
open System.Security.Cryptography
open System.Text
open System.Threading.Tasks
open Expecto
open Swensen.Unquote
open FunctionalWs
open FunctionalWs.Server.Tests
open FunctionalWs.Client.Tests.Peers

let private plain = ClientOptions(Proxy = null, Compression = null)

let private keyIn (head: string) : string =
    let line =
        head.Split "\r\n"
        |> Array.find (fun line -> line.StartsWith("Sec-WebSocket-Key: ", StringComparison.Ordinal))

    line.Substring 19

let private acceptOf (key: string) : string =
    Encoding.ASCII.GetBytes(key + "258EAFA5-E914-47DA-95CA-C5AB0DC85B11")
    |> SHA1.HashData
    |> Convert.ToBase64String

let private switch (stream: NetworkStream) (key: string) =
    write
        stream
        $"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: {acceptOf key}\r\n\r\n"

/// A server for one client: it reads the head and goes on as the test says.
let private meeting (script: NetworkStream -> string -> 'a) (client: string -> unit) : 'a =
    use listener = listenAt IPAddress.Loopback 0

    let server: Task<'a> =
        serve listener (fun stream -> script stream (readHead stream))

    client $"ws://127.0.0.1:{portOf listener}/"
    Wait.forTask "the server" server

[<Tests>]
let wire =
    testList "what a client puts on the wire" [
        testCase "has another key of 16 bytes for each handshake" (fun () ->
            let keys = [
                for _ in 1..16 ->
                    meeting
                        (fun stream head ->
                            write stream "HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n"
                            keyIn head)
                        (fun uri ->
                            Wait.throws<HandshakeRefusedException>(fun () ->
                                Client.Connect(uri, plain).Dispose())
                            |> ignore)
            ]

            for key in keys do
                (Convert.FromBase64String key).Length =! 16

            (List.distinct keys).Length =! keys.Length)

        testCase "has another masking key for each frame, of which none tells anything of the next" (fun () ->
            let count = 300

            let keys =
                meeting
                    (fun stream head ->
                        switch stream (keyIn head)

                        [
                            for _ in 1..count do
                                let frame = readExactly stream 7
                                (frame[0], frame[1]) =! (0x81uy, 0x81uy)
                                frame[6] ^^^ frame[2] =! byte 'x'
                                BitConverter.ToUInt32(frame, 2)
                        ])
                    (fun uri ->
                        use connection = Client.Connect(uri, plain)

                        for _ in 1..count do
                            connection.Send "x")

            let steps (combine: uint32 -> uint32 -> uint32) =
                List.pairwise keys |> List.map (fun (one, next) -> combine one next)

            for unlike in [ keys; steps (-); steps (^^^) ] do
                (List.distinct unlike).Length =! unlike.Length

                // Of fair bits, so few or so many are set once in 10^14 runs.
                for bit in 0..31 do
                    let set =
                        unlike |> List.filter (fun key -> (key >>> bit) &&& 1u = 1u) |> List.length

                    test <@ set > count / 4 && set < count * 3 / 4 @>)

        testCase "is nothing but the request until the answer has come" (fun () ->
            let early, first =
                meeting
                    (fun stream head ->
                        let early = stream.DataAvailable
                        switch stream (keyIn head)
                        early, readExactly stream 2)
                    (fun uri ->
                        use connection = Client.Connect(uri, plain)
                        connection.Send "x")

            early =! false
            first =! [| 0x81uy; 0x81uy |])

        testTheory
            "ends after an answer that opens no connection, with nothing more asked"
            [ "Connection: close"; "Connection: keep-alive" ]
            (fun line ->
                let rest =
                    meeting
                        (fun stream _ ->
                            write stream $"HTTP/1.1 503 Busy\r\n{line}\r\nContent-Length: 0\r\n\r\n"
                            stream.ReadByte())
                        (fun uri ->
                            Wait.throws<HandshakeRefusedException>(fun () ->
                                Client.Connect(uri, plain).Dispose())
                            |> ignore)

                rest =! -1)
    ]
