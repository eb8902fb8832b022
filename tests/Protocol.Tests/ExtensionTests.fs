module FunctionalWs.Protocol.Tests.ExtensionTests

open System
open System.Buffers.Binary
open Expecto
open Swensen.Unquote
open FunctionalWs.Protocol
open FunctionalWs.Protocol.Tests.Bytes
open FunctionalWs.Protocol.Tests.Hearing
open FunctionalWs.Protocol.Tests.Recorded

let private bits (value: int) : ReservedBits =
    LanguagePrimitives.EnumOfValue(byte value)

let private server = {
    ConnectionSettings.Server with
        ReservedBits = ReservedBits.Rsv1
        Limits = Limits.Create(1_000L, 600L, 5)
}

/// A client's frame with bits of extensions.
let private marked (value: ReservedBits) fin opcode payload =
    let bytes = frame fin opcode payload
    bytes[0] <- bytes[0] ||| (byte value <<< 4)
    bytes

/// What a server has heard, of which it has forgotten what it said before; with a decoder that gives what it is given.
let private heardAfter
    (settings: ConnectionSettings)
    (decoder: PayloadDecoder)
    (frames: byte[] list)
    : Heard =
    let heard =
        List.fold (arriveWith decoder) (hear (WebSocketEndpoint.Create settings)) frames

    brokenBy heard =! ValueNone
    hear heard.Endpoint

let private identity () = Mapping id
let private zeros (size: int) : byte[] = Array.zeroCreate size

/// The header of a frame whose payload is said to be so long.
let private announcing (length: int64) (frame: byte[]) : byte[] =
    let size = FrameWriter.headerSize length true
    let bytes = Array.zeroCreate<byte> size
    bytes[0] <- frame[0]

    match size with
    | 6 -> bytes[1] <- 0x80uy ||| byte length
    | 8 ->
        bytes[1] <- 0xFEuy
        BinaryPrimitives.WriteUInt16BigEndian(Span(bytes, 2, 2), uint16 length)
    | _ ->
        bytes[1] <- 0xFFuy
        BinaryPrimitives.WriteInt64BigEndian(Span(bytes, 2, 8), length)

    bytes

[<Tests>]
let reservedBits =
    testList "reserved bits (RFC 6455 §5.2)" [
        testTheory
            "of agreed extensions may be set on the first frame of a message, and only they"
            [
                for agreed in 0..7 do
                    for set in 0..7 -> agreed, set
            ]
            (fun (agreed, set) ->
                let settings = {
                    server with
                        ReservedBits = bits agreed
                }

                for opcode in [ Opcode.Text; Opcode.Binary ] do
                    match read settings (marked (bits set) false opcode [| 1uy |]) with
                    | Frame(header, _) ->
                        header.ReservedBits =! bits set
                        test <@ set &&& ~~~agreed = 0 @>
                    | other ->
                        other =! Malformed(ProtocolError.ReservedBits(byte set))
                        test <@ set &&& ~~~agreed <> 0 @>)

        testTheory
            "are never set on a control frame or a continuation"
            [ Opcode.Continuation; Opcode.Close; Opcode.Ping; Opcode.Pong ]
            (fun opcode ->
                read server (marked ReservedBits.Rsv1 true opcode [||])
                =! Malformed(ProtocolError.ReservedBits 4uy))

        testTheory "are written as they are read" [ 0..7 ] (fun value ->
            let wire = Array.zeroCreate<byte> 14

            let size =
                FrameWriter.writeHeader true (bits value) Opcode.Text 5L ValueNone (Span wire)

            let settings = {
                ConnectionSettings.Client with
                    ReservedBits = bits 7
            }

            match read settings (Array.append wire[.. size - 1] "Hello"B) with
            | Frame(header, payload) ->
                header.ReservedBits =! bits value
                payload =! "Hello"B
            | other -> failwith $"{other}")
    ]

[<Tests>]
let sizes =
    testList "messages that extensions have transformed" [
        testTheory
            "may be somewhat larger on the wire than they may be decoded"
            [
                600L + 75L + 64L, ValueNone
                740L, ValueSome(ProtocolError.FragmentTooBig(740L, 600L))
            ]
            (fun (length, expected) ->
                let wire = marked ReservedBits.Rsv1 true Opcode.Text (Array.zeroCreate (int length))

                match read server wire, expected with
                | Frame _, ValueNone -> ()
                | Malformed error, ValueSome expected -> error =! expected
                | other, _ -> failwith $"{other}")

        testCase "may be no larger when they are not transformed" (fun () ->
            read server (frame true Opcode.Text (Array.zeroCreate 601))
            =! Malformed(ProtocolError.FragmentTooBig(601L, 600L))

            // A continuation's header alone doesn't tell; with the message before it, it does.
            match read server (frame true Opcode.Continuation (Array.zeroCreate 601)) with
            | Frame(header, _) -> header.PayloadLength =! 601L
            | other -> failwith $"{other}"

            let begun = heardAfter server null [ frame false Opcode.Binary (zeros 1) ]

            brokenBy (arrive begun (announcing 601L (frame true Opcode.Continuation [||])))
            =! ValueSome(ProtocolError.FragmentTooBig(601L, 600L)))

        testCase "are counted by their data" (fun () ->
            let decoder = identity ()
            let first = marked ReservedBits.Rsv1 false Opcode.Binary (zeros 600)
            let begun = heardAfter server decoder [ first[..507]; first[508..] ]
            let arrive = arriveWith decoder

            brokenBy (arrive begun (frame true Opcode.Continuation (zeros 401)))
            =! ValueSome(ProtocolError.MessageTooBig(1_001L, 1_000L))

            decoder.Asked |> List.map (fun struct (_, room) -> room) =! [ 600L; 100L; 400L ]

            brokenBy (arrive begun (frame true Opcode.Continuation (zeros 400)))
            =! ValueNone

            brokenBy (
                arrive
                    (heardAfter server decoder [])
                    (marked ReservedBits.Rsv1 true Opcode.Binary (zeros 601))
            )
            =! ValueSome(ProtocolError.FragmentTooBig(601L, 600L)))

        testCase "are bounded on the wire, too, all frames together" (fun () ->
            let decoder = Mapping(fun _ -> [||])

            let begun =
                heardAfter server decoder [ marked ReservedBits.Rsv1 false Opcode.Binary (zeros 700) ]

            let next (length: int64) =
                brokenBy (
                    arriveWith decoder begun (announcing length (frame false Opcode.Continuation [||]))
                )

            next 553L =! ValueNone
            next 554L =! ValueSome(ProtocolError.MessageTooBig(1_254L, 1_000L)))

        testCase "no length on the wire makes the sum overflow" (fun () ->
            let unlimited = {
                server with
                    Limits = Limits.Create(Limits.Unlimited, Limits.Unlimited, 10)
            }

            let decoder = identity ()

            let begun =
                heardAfter unlimited decoder [ marked ReservedBits.Rsv1 false Opcode.Binary (zeros 10) ]

            let next =
                arriveWith decoder begun (announcing Int64.MaxValue (frame false Opcode.Continuation [||]))

            brokenBy next =! ValueNone

            match next.Endpoint.State with
            | State.Open(ValueSome message, _) -> message.WireSize =! Int64.MaxValue
            | other -> failwith $"{other}")

        testCase "are validated as text once decoded" (fun () ->
            let arrive data =
                arriveWith
                    (identity ())
                    (heardAfter server null [])
                    (marked ReservedBits.Rsv1 true Opcode.Text data)

            brokenBy (arrive [| 0x61uy; 0xFFuy |])
            =! ValueSome(ProtocolError.TextNotUtf8 1L)

            (arrive "Hello"B).Told =! [ Incoming.Data(DataKind.Text, true) ])

        testCase "are known by their first frame" (fun () ->
            let bitsOf (first: byte[]) =
                let decoder = identity ()

                heardAfter server decoder [ first[..6]; first[7..]; frame true Opcode.Continuation "c"B ]
                |> ignore

                decoder.Asked |> List.map (fun struct (bits, _) -> bits)

            bitsOf (marked ReservedBits.Rsv1 false Opcode.Text "ab"B)
            =! [ ReservedBits.Rsv1; ReservedBits.Rsv1; ReservedBits.Rsv1 ]

            bitsOf (frame false Opcode.Text "ab"B) =! [])

        testCase "are not decoded once nothing is received any more" (fun () ->
            let decoder = identity ()
            let closed = (WebSocketEndpoint.Create server).EndOfStream().Next

            (arriveWith decoder (hear closed) (marked ReservedBits.Rsv1 true Opcode.Text "a"B)).Data
            =! [||]

            decoder.Asked =! [])

        testTheory
            "are refused with the code of what is wrong with them"
            [
                ProtocolError.CompressedDataInvalid, CloseCode.ProtocolError
                ProtocolError.CompressedDataIncomplete, CloseCode.InvalidFramePayloadData
                ProtocolError.InflateRatioExceeded 50, CloseCode.PolicyViolation
                ProtocolError.ExtensionFailed("x", "y"), CloseCode.ProtocolError
            ]
            (fun (error, code) ->
                let transition = Connection.receive server Connection.start (Input.Broken error)

                match transition.Output with
                | ValueSome(Output.Close status) -> status.Number =! CloseStatus.Create(code, "").Number
                | other -> failwith $"{other}")

        testCase "whatever an extension's author writes fits a close frame" (fun () ->
            let error =
                ProtocolError.ExtensionFailed(String('x', 300), "\r\n→" + String('y', 300))

            let text = error.Description
            test <@ text.Length <= 123 @>
            test <@ text |> Seq.forall (fun character -> character >= ' ' && character <= '~') @>)
    ]

let private request (headers: (string * string) list) : Request =
    let add (fields: Headers) (name: string, value: string) = fields.Add(name, value)

    {
        Method = "GET"
        Target = "/"
        Version = "HTTP/1.1"
        Headers = List.fold add Headers.Empty headers
    }

let private name = "Sec-WebSocket-Extensions"

[<Tests>]
let headers =
    testList "the header Sec-WebSocket-Extensions (RFC 6455 §9.1)" [
        testCase "gives the offers of all its lines in order" (fun () ->
            match Handshake.offeredExtensions (request [ name, "a; x=1, b"; "Host", "h"; name, "c;y" ]) with
            | Ok offers ->
                HeaderGrammar.renderExtensions offers =! "a; x=1, b, c; y"
                offers.Count =! 3
            | Error error -> failwith $"{error}")

        testCase "may be missing or empty" (fun () ->
            Handshake.offeredExtensions (request []) =! Ok(EquatableList.Create [])

            Handshake.offeredExtensions (request [ name, "" ])
            =! Ok(EquatableList.Create [])

            Handshake.offeredExtensions (request [ name, ""; name, " , " ])
            =! Ok(EquatableList.Create []))

        testTheory
            "is refused when it doesn't keep its grammar"
            [ ";"; "a;"; "a; x="; "a; x=\""; "a b"; "a; x=\"b c\""; "a; =1" ]
            (fun value ->
                match Handshake.offeredExtensions (request [ name, value ]) with
                | Error(HandshakeError.HeaderFormat(header, text, _)) ->
                    header =! name
                    text =! value
                | other -> failwith $"{other}")

        testCase "is in the response when something was agreed on, before the subprotocol" (fun () ->
            let offer = {
                Key = "dGhlIHNhbXBsZSBub25jZQ=="
                Subprotocols = EquatableList.Create [ "chat" ]
                Subprotocol = "chat"
                Extensions = EquatableList.Create []
            }

            let accept extensions =
                Handshake.accept offer "chat" extensions

            let agreed =
                ExtensionOffer.Create(
                    "permessage-deflate",
                    [ { Name = "a"; Value = null }; { Name = "b"; Value = "10" } ]
                )

            (accept [ agreed ]).Headers.Get name =! "permessage-deflate; a; b=10"

            [ for field in (accept [ agreed ]).Headers -> field.Key ]
            =! [
                "Upgrade"
                "Connection"
                "Sec-WebSocket-Accept"
                "Sec-WebSocket-Extensions"
                "Sec-WebSocket-Protocol"
            ]

            (accept []).Headers.Contains name =! false)
    ]
