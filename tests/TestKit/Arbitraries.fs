/// Generators for the values that only their own members make: what docs/testing.md tells users to write down. Types of FsCheck are in no
/// signature of a package, so the packages don't bring them.
module FunctionalWs.Tests.Arbitraries

open System
open FsCheck
open FsCheck.FSharp
open FunctionalWs.Protocol

let private text = Gen.elements [ ""; "a"; "chat"; "Grüße" ]
let private name = Gen.elements [ "a"; "x-b"; "chat" ]
let private time = Gen.elements [ 1.0; 10.0; 60.0 ] |> Gen.map TimeSpan.FromSeconds

let private bytes size =
    Gen.choose (0, 255) |> Gen.map byte |> Gen.arrayOfLength size

/// What a server's answer of these fields leads to; the nonce is that of RFC 6455 §1.3.
let private answered (status: int) (fields: (string * string) list) : ClientResult =
    let offer =
        ClientOffer.Default.WithSubprotocols("chat").WithCompression DeflateOffer.Default

    let request =
        ClientHandshake.request (ReadOnlySpan "the sample nonce"B) offer (WebSocketUri.Parse "ws://h/")

    ClientHandshake.check request {
        Version = "HTTP/1.1"
        StatusCode = status
        ReasonPhrase = ""
        Headers =
            Headers.Create [ for name, value in fields -> Collections.Generic.KeyValuePair(name, value) ]
    }

type Values =
    static member CloseCode() =
        Gen.oneof [ Gen.choose (1000, 1003); Gen.choose (1007, 1014); Gen.choose (3000, 4999) ]
        |> Gen.map CloseCode.Create
        |> Arb.fromGen

    static member CloseStatus() =
        Gen.frequency [
            1, Gen.constant CloseStatus.NoStatus
            4,
            Gen.map2 (fun code reason -> CloseStatus.Create(code, reason)) (Values.CloseCode().Generator) text
        ]
        |> Arb.fromGen

    static member ControlPayload() =
        Gen.choose (0, ControlPayload.MaxLength)
        |> Gen.bind bytes
        |> Gen.map (fun payload -> ControlPayload.Create payload)
        |> Arb.fromGen

    static member Limits() =
        let size = Gen.choose (0, Int32.MaxValue) |> Gen.map int64

        Gen.map3
            (fun message frame count -> Limits.Create(message, frame, count))
            size
            size
            (Gen.choose (1, 1000))
        |> Arb.fromGen

    static member Timeouts() =
        Gen.map2 (fun opening ping -> Timeouts.Never.WithOpening(opening).WithPing(ping, ping)) time time
        |> Arb.fromGen

    static member ReadAhead() =
        Gen.map3
            (fun low more bytes -> ReadAhead.Create(low + more, low, int64 bytes))
            (Gen.choose (0, 100))
            (Gen.choose (1, 100))
            (Gen.choose (1, 1_000_000))
        |> Arb.fromGen

    static member Headers() =
        Gen.listOf (Gen.zip name (Gen.elements [ ""; "1"; "a, b" ]))
        |> Gen.map (fun fields ->
            Headers.Create [ for name, value in fields -> Collections.Generic.KeyValuePair(name, value) ])
        |> Arb.fromGen

    static member Utf8State() =
        Gen.elements [ [||]; [| 0xE2uy |]; [| 0xF0uy; 0x9Fuy |] ]
        |> Gen.map (fun piece ->
            match Utf8.validate Utf8.start (ReadOnlySpan piece) with
            | Utf8Result.Valid state -> state
            | Utf8Result.Invalid position -> failwith $"{position}")
        |> Arb.fromGen

    static member FrameHeader() =
        let make fin opcode key size = {
            Fin = fin
            ReservedBits = ReservedBits.None
            Opcode = opcode
            MaskingKey = key
            PayloadLength = size
            Size = FrameWriter.headerSize size (ValueOption.isSome key)
        }

        let length (opcode: Opcode) =
            if opcode.IsControl then
                Gen.choose (0, 125) |> Gen.map int64
            else
                Gen.elements [ 0L; 125L; 126L; 65_535L; 65_536L; Int64.MaxValue ]

        gen {
            let! opcode = Gen.elements [ 0uy; 1uy; 2uy; 8uy; 9uy; 10uy ]
            let opcode = (Opcode.ofByte opcode).Value
            let! size = length opcode
            let! fin = Gen.elements [ true; opcode.IsControl ]
            let! key = Gen.elements [ ValueNone; ValueSome 7u ]
            return make fin opcode key size
        }
        |> Arb.fromGen

    static member EquatableList<'T>(items: Arbitrary<'T list>) =
        items |> Arb.convert (fun list -> EquatableList.Create list) List.ofSeq

    static member DeflatePolicy() =
        let bits = Gen.elements [ Nullable(); Nullable 9; Nullable 15 ]

        Gen.map4
            (fun server client own theirs -> DeflatePolicy.Create(server, client, own, theirs, false))
            (Gen.elements [ true; false ])
            (Gen.elements [ true; false ])
            bits
            bits
        |> Arb.fromGen

    static member DeflateOffer() =
        let bits = Gen.elements [ Nullable(); Nullable 9; Nullable 15 ]

        Gen.map3
            (fun forgets own theirs -> DeflateOffer.Create(forgets, forgets, own, theirs, false))
            (Gen.elements [ true; false ])
            bits
            bits
        |> Arb.fromGen

    static member OriginRule() =
        Gen.elements [ OriginRule.Absent; OriginRule.Exact "https://example.com" ]
        |> Arb.fromGen

    static member Response() =
        Gen.map2 (fun status text -> Response.Text(status, text)) (Gen.elements [ 200; 400; 503 ]) text
        |> Arb.fromGen

    static member IPEndPoint() =
        Gen.choose (0, 65_535)
        |> Gen.map (fun port -> Net.IPEndPoint(Net.IPAddress.Loopback, port))
        |> Arb.fromGen

    static member WebSocketUri() =
        Gen.elements [ "ws://h/"; "wss://a:b@example.com:444/x?y=1" ]
        |> Gen.map WebSocketUri.Parse
        |> Arb.fromGen

    static member ClientOffer() =
        Gen.map2
            (fun subprotocols isCompressed ->
                let offer = ClientOffer.Default.WithSubprotocols(Array.distinct subprotocols)

                if isCompressed then
                    offer.WithCompression DeflateOffer.Default
                else
                    offer)
            (Gen.arrayOf name)
            (Gen.elements [ true; false ])
        |> Arb.fromGen

    static member ClientAgreement() =
        Gen.subListOf [
            "Sec-WebSocket-Protocol", "chat"
            "Sec-WebSocket-Extensions", "permessage-deflate"
        ]
        |> Gen.map (fun fields ->
            let opening = [
                "Upgrade", "websocket"
                "Connection", "Upgrade"
                "Sec-WebSocket-Accept", "s3pPLMBiTxaQ9kYGzzhZRbK+xOo="
            ]

            match answered 101 (opening @ List.ofSeq fields) with
            | ClientResult.Opened agreement -> agreement
            | other -> failwith $"{other}")
        |> Arb.fromGen

    static member AuthChallenges() =
        Gen.subListOf [ "Basic realm=a"; "Bearer"; "Negotiate a==" ]
        |> Gen.map (fun challenges ->
            match answered 401 [ for challenge in challenges -> "WWW-Authenticate", challenge ] with
            | ClientResult.Refused(ClientHandshakeError.AuthenticationRequired(_, found)) -> found
            | other -> failwith $"{other}")
        |> Arb.fromGen
