module FunctionalWs.Protocol.Tests.ExtensionTests

open System
open Expecto
open Swensen.Unquote
open FunctionalWs.Protocol
open FunctionalWs.Protocol.Tests.Bytes
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

/// A header as a client would send it.
let private header (value: ReservedBits) (fin: bool) (opcode: Opcode) (length: int64) : FrameHeader = {
    Fin = fin
    ReservedBits = value
    Opcode = opcode
    MaskingKey = ValueSome 1u
    PayloadLength = length
    Size = 6
}

let private step (state: State) (header: FrameHeader) (part: Part) (data: byte[]) : Transition =
    Connection.receiveData server state &header part (ReadOnlySpan data)

let private check (state: State) (header: FrameHeader) = Connection.check server state &header

let private room (state: State) (header: FrameHeader) (isBegun: bool) =
    Connection.room server state &header isBegun

let private messageBits (state: State) (header: FrameHeader) = Connection.messageBits state &header

let private failure (transition: Transition) : ProtocolError =
    match transition.State with
    | State.Draining(Closure.Failed(error, _)) -> error
    | other -> failwith $"{other}"

let private continuation fin length =
    header ReservedBits.None fin Opcode.Continuation length

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

            let begun =
                (step
                    Connection.start
                    (header ReservedBits.None false Opcode.Binary 1L)
                    Part.Whole
                    (Array.zeroCreate 1))
                    .State

            check begun (continuation true 601L)
            =! ValueSome(ProtocolError.FragmentTooBig(601L, 600L)))

        testCase "are counted by their data" (fun () ->
            let first = header ReservedBits.Rsv1 false Opcode.Binary 10L
            room Connection.start first false =! 600L

            let begun = (step Connection.start first Part.First (Array.zeroCreate 500)).State

            room begun first true =! 100L
            let ended = (step begun first Part.Last (Array.zeroCreate 100)).State
            room ended (continuation true 10L) false =! 400L

            failure (step ended (continuation true 10L) Part.Whole (Array.zeroCreate 401))
            =! ProtocolError.MessageTooBig(1_001L, 1_000L)

            failure (step begun first Part.Middle (Array.zeroCreate 101))
            =! ProtocolError.FragmentTooBig(601L, 600L))

        testCase "are bounded on the wire, too, all frames together" (fun () ->
            let first = header ReservedBits.Rsv1 false Opcode.Binary 700L
            check Connection.start first =! ValueNone
            let begun = (step Connection.start first Part.Whole [||]).State
            check begun (continuation false 553L) =! ValueNone

            check begun (continuation false 554L)
            =! ValueSome(ProtocolError.MessageTooBig(1_254L, 1_000L)))

        testCase "no length on the wire makes the sum overflow" (fun () ->
            let unlimited = {
                server with
                    Limits = Limits.Create(Limits.Unlimited, Limits.Unlimited, 10)
            }

            let huge = header ReservedBits.Rsv1 false Opcode.Binary Int64.MaxValue

            let begun =
                (Connection.receiveData unlimited Connection.start &huge Part.Whole ReadOnlySpan.Empty).State

            let next = continuation false Int64.MaxValue
            Connection.check unlimited begun &next =! ValueNone)

        testCase "are validated as text once decoded" (fun () ->
            let first = header ReservedBits.Rsv1 true Opcode.Text 3L

            failure (step Connection.start first Part.Whole [| 0x61uy; 0xFFuy |])
            =! ProtocolError.TextNotUtf8 1L

            (step Connection.start first Part.Whole "Hello"B).Event
            =! ValueSome(Event.Data(MessageKind.Text, true)))

        testCase "are known by their first frame" (fun () ->
            let first = header ReservedBits.Rsv1 false Opcode.Text 1L
            messageBits Connection.start first =! ReservedBits.Rsv1
            let begun = (step Connection.start first Part.First "a"B).State
            messageBits begun first =! ReservedBits.Rsv1
            let ended = (step begun first Part.Last "b"B).State
            messageBits ended (continuation true 1L) =! ReservedBits.Rsv1

            let plain =
                (step Connection.start (header ReservedBits.None false Opcode.Text 1L) Part.Whole "a"B).State

            messageBits plain (continuation true 1L) =! ReservedBits.None)

        testCase "have no room once nothing is received any more" (fun () ->
            let closed = (Connection.receive server Connection.start Input.EndOfStream).State
            room closed (header ReservedBits.Rsv1 true Opcode.Text 1L) false =! 0L)

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

            let text = ProtocolError.describe error
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
                offers.Length =! 3
            | Error error -> failwith $"{error}")

        testCase "may be missing or empty" (fun () ->
            Handshake.offeredExtensions (request []) =! Ok []
            Handshake.offeredExtensions (request [ name, "" ]) =! Ok []
            Handshake.offeredExtensions (request [ name, ""; name, " , " ]) =! Ok [])

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
                Subprotocols = [ "chat" ]
                Subprotocol = "chat"
                Extensions = []
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
