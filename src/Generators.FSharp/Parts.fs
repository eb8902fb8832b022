// What the generators are made of, and how what they made gets simpler.
namespace FunctionalWs.Generators

open System
open System.Collections.Generic
open FsCheck
open FsCheck.FSharp
open FunctionalWs.Explore
open FunctionalWs.Protocol

module internal Parts =

    let text = Gen.elements [ ""; "a"; "chat"; "Grüße" ]
    let name = Gen.elements [ "a"; "x-b"; "chat" ]
    let flag = Gen.elements [ false; true ]
    let time = Gen.elements [ 1.0; 10.0; 60.0 ] |> Gen.map TimeSpan.FromSeconds
    let bits = Gen.elements [ Nullable(); Nullable 9; Nullable 15 ]

    let bytes (size: int) : Gen<byte[]> =
        Gen.choose (0, 255) |> Gen.map byte |> Gen.arrayOfLength size

    /// Without its first or its last half, and without its last byte.
    let shorter (bytes: byte[]) : byte[] seq =
        seq {
            if bytes.Length > 1 then
                bytes[.. bytes.Length / 2 - 1]
                bytes[bytes.Length / 2 ..]

            if bytes.Length > 0 then
                bytes[.. bytes.Length - 2]
        }

    /// What a server's answer of these fields leads to; the nonce is that of RFC 6455 §1.3.
    let answered (status: int) (fields: (string * string) list) : ClientResult =
        let offer =
            ClientOffer.Default.WithSubprotocols("chat").WithCompression DeflateOffer.Default

        let request =
            ClientHandshake.request (ReadOnlySpan "the sample nonce"B) offer (WebSocketUri.Parse "ws://h/")

        ClientHandshake.check request {
            Version = "HTTP/1.1"
            StatusCode = status
            ReasonPhrase = ""
            Headers = Headers.Create [ for name, value in fields -> KeyValuePair(name, value) ]
        }

    let agreed (fields: (string * string) list) : ClientAgreement =
        let opening = [
            "Upgrade", "websocket"
            "Connection", "Upgrade"
            "Sec-WebSocket-Accept", "s3pPLMBiTxaQ9kYGzzhZRbK+xOo="
        ]

        match answered 101 (opening @ fields) with
        | ClientResult.Opened agreement -> agreement
        | other -> raise (InvalidOperationException(other.ToString()))

    let challenged (challenges: string list) : AuthChallenges =
        match answered 401 [ for challenge in challenges -> "WWW-Authenticate", challenge ] with
        | ClientResult.Refused(ClientHandshakeError.AuthenticationRequired(_, found)) -> found
        | other -> raise (InvalidOperationException(other.ToString()))

    let texts = [ "a"; "é"; "€uro"; "😀"; "plain text"; "" ]

    /// Text for the most part; else any bytes, half a character, or what is no text.
    let payload: Gen<byte[]> =
        let words =
            Gen.listOf (Gen.elements texts)
            |> Gen.map (fun words -> Text.Encoding.UTF8.GetBytes(String.Concat words))

        Gen.frequency [
            1, Gen.choose (0, 300) |> Gen.bind bytes
            1, Gen.constant [| 0xE2uy; 0x82uy |]
            1, words |> Gen.map (fun word -> Array.append word [| 0xFFuy |])
            5, words
        ]

    let closePayload: Gen<byte[]> =
        Gen.frequency [
            1, Gen.constant [||]
            3,
            Gen.map2
                (fun code (reason: string) -> (CloseStatus.Create(CloseCode.Create code, reason)).ToArray())
                (Gen.choose (4_000, 4_002))
                (Gen.elements texts)
            1, payload
        ]

    let frame: Gen<WireFrame> =
        gen {
            let! opcode =
                Gen.frequency [
                    5, Gen.constant Opcode.Text
                    5, Gen.constant Opcode.Binary
                    5, Gen.constant Opcode.Continuation
                    2, Gen.constant Opcode.Ping
                    1, Gen.constant Opcode.Pong
                    1, Gen.constant Opcode.Close
                ]

            let! fin = Gen.frequency [ 2, Gen.constant true; 1, Gen.constant false ]

            let! payload =
                match opcode with
                | Opcode.Close -> closePayload
                | Opcode.Continuation
                | Opcode.Text
                | Opcode.Binary
                | Opcode.Ping
                | Opcode.Pong -> payload

            let! fault =
                Gen.frequency [
                    37, Gen.constant FrameFault.None
                    1, Gen.constant FrameFault.ReservedBit
                    1, Gen.constant FrameFault.OtherOpcode
                    1, Gen.constant FrameFault.WrongMask
                ]

            return {
                Fin = fin
                Opcode = opcode
                Payload = payload
                Fault = fault
            }
        }

    let simplerFrame (frame: WireFrame) : WireFrame seq =
        seq {
            if not frame.Fault.IsNone then
                { frame with Fault = FrameFault.None }

            for payload in shorter frame.Payload do
                { frame with Payload = payload }

            if not frame.Fin then
                { frame with Fin = true }
        }

    let simplerHead (head: OpeningHead) : OpeningHead seq =
        seq {
            if head.Target <> "/" then
                { head with Target = "/" }

            if not head.Subprotocols.IsEmpty then
                {
                    head with
                        Subprotocols = head.Subprotocols.Tail
                }

            if not head.Others.IsEmpty then
                { head with Others = head.Others.Tail }
        }

    /// What a schedule leads to, from the beginning; moves that can't be made are left out.
    let run (moves: JoinedMove list) : JoinedEnds =
        let take (ends: JoinedEnds) (move: JoinedMove) =
            match ends.TryTake move with
            | true, next -> next
            | false, _ -> ends

        List.fold take (JoinedEnds.Create(ConnectionSettings.Server, ConnectionSettings.Client)) moves
