/// Refusals that explain themselves: the rule, its section and the byte that breaks it.
module FunctionalWs.Protocol.Tests.ViolationTests

open System
open System.Buffers
open System.Text.RegularExpressions
open Expecto
open Swensen.Unquote
open FunctionalWs.Protocol
open FunctionalWs.Protocol.Tests.Bytes
open FunctionalWs.Protocol.Tests.Hearing

/// One of each, as the compiler knows them: a case that is missing here has no section to be tested.
let every = [
    ProtocolError.ReservedOpcode 3uy
    ProtocolError.ReservedBits 7uy
    ProtocolError.MaskMissing
    ProtocolError.MaskForbidden
    ProtocolError.LengthNotMinimal 1L
    ProtocolError.LengthTopBit
    ProtocolError.ControlFrameTooLong Opcode.Ping
    ProtocolError.ControlFrameFragmented Opcode.Close
    ProtocolError.ContinuationExpected
    ProtocolError.ContinuationUnexpected
    ProtocolError.FragmentTooBig(2L, 1L)
    ProtocolError.MessageTooBig(2L, 1L)
    ProtocolError.TooManyFragments 1
    ProtocolError.TextNotUtf8 3L
    ProtocolError.CompressedDataInvalid
    ProtocolError.CompressedDataIncomplete
    ProtocolError.InflateRatioExceeded 10
    ProtocolError.ExtensionFailed("x", "y")
    ProtocolError.CloseFrameTooShort
    ProtocolError.CloseCodeInvalid 999
    ProtocolError.CloseReasonNotUtf8
]

let private everyHead = [
    HeadError.StartLineTooLong 1
    HeadError.HeaderLineTooLong 1
    HeadError.TooManyHeaders 1
    HeadError.HeadTooLarge 1
    HeadError.LineEnding
    HeadError.StartLine "x"
    HeadError.HttpVersion "HTTP/2.0"
    HeadError.HeaderLine "x"
    HeadError.ContentLength "x"
    HeadError.Body "1"
    HeadError.TransferEncoding "chunked"
]

let private everyHandshake = [
    HandshakeError.Method "POST"
    HandshakeError.HttpVersion "HTTP/1.0"
    HandshakeError.Target "x"
    HandshakeError.HeaderMissing "Host"
    HandshakeError.HeaderRepeated "Origin"
    HandshakeError.HeaderFormat("Upgrade", "x", { Position = 1; Expected = "a comma" })
    HandshakeError.Host "a b"
    HandshakeError.Connection null
    HandshakeError.Upgrade "h2c"
    HandshakeError.Key "x"
    HandshakeError.Version "8"
    HandshakeError.Origin null
    HandshakeError.Subprotocol(EquatableList.Create [ "a" ])
]

let private casesOf (union: Type) =
    Microsoft.FSharp.Reflection.FSharpType.GetUnionCases union
    |> Array.map _.Name
    |> set

let caseOf (value: obj) =
    let case, _ =
        Microsoft.FSharp.Reflection.FSharpValue.GetUnionFields(value, value.GetType())

    case.Name

/// What a connection says of some bytes: the first broken rule.
let private violationOf (settings: ConnectionSettings) (data: byte[]) : Violation voption =
    let rec next state (offset: int64) (buffer: ReadOnlySequence<byte>) =
        let judge input (size: int64) =
            let transition = Connection.receive settings state input

            match transition.State with
            | State.Draining(Closure.Failed(error, _)) ->
                ValueSome(Violation.OfInput(state, offset, input, error))
            | state -> next state (offset + size) (buffer.Slice size)

        match FrameReader.read settings &buffer with
        | FrameParse.Incomplete -> ValueNone
        | FrameParse.Malformed error -> judge (Input.Broken error) 0L
        | FrameParse.Complete frame -> judge (Input.Received frame) frame.Header.FrameLength

    next Connection.start 0L (whole data)

let private hex (text: string) =
    Convert.FromHexString(text.Replace(" ", ""))

let private textHeader (bits: ReservedBits) : FrameHeader = {
    Fin = true
    ReservedBits = bits
    Opcode = Opcode.Text
    MaskingKey = ValueNone
    PayloadLength = 5L
    Size = 6
}

let private small = {
    ConnectionSettings.Server with
        Limits = Limits.Create(10L, 8L, 2)
}

[<Tests>]
let tests =
    testList "refusals that explain themselves" [
        testCase "each rule of the protocol has a section and one sentence" (fun () ->
            every |> List.map caseOf |> set =! casesOf typeof<ProtocolError>

            for error in every do
                test <@ Regex.IsMatch(string (error.Section), @"^RFC \d{4} §\d+(\.\d+)*$") @>
                test <@ Regex.IsMatch(error.Rule, @"^[A-Z][^.]+\.$") @>)

        testCase "each rule of heads and of the opening handshake has a section" (fun () ->
            everyHead |> List.map caseOf |> set =! casesOf typeof<HeadError>
            everyHandshake |> List.map caseOf |> set =! casesOf typeof<HandshakeError>

            for section in
                (everyHead |> List.map (fun (error: HeadError) -> error.Section))
                @ List.map (fun (error: HandshakeError) -> error.Section) everyHandshake do
                test <@ Regex.IsMatch(string section, @"^RFC \d{4} §\d+(\.\d+)*$") @>)

        testTheory
            "a header that must be there belongs to the section that says so"
            [
                "Host", "RFC 9112 §3.2"
                "Upgrade", "RFC 6455 §4.2.1"
                "Origin", "RFC 6455 §10.2"
                "Sec-WebSocket-Extensions", "RFC 6455 §9.1"
                "Sec-WebSocket-Protocol", "RFC 6455 §1.9"
            ]
            (fun (name, section) -> string (HandshakeError.HeaderMissing name).Section =! section)

        // Each after a good frame of 7 bytes.
        testTheory
            "the first byte that breaks a rule"
            [
                "a reserved opcode", "8380", 0L
                "a reserved bit", "c180", 0L
                "no mask", "8100", 1L
                "a length that is too long", "81fe0001", 2L
                "a length with its top bit set", "81ffffffffffffffffff", 2L
                "a control frame that is too long", "89fe007e", 1L
                "a control frame's length that is too long", "89fe007d", 2L
                "a control frame that is far too long", "89ff0000000000010000", 1L
                "a fragmented control frame", "0980", 0L
                "a continuation of nothing", "008000000000", 0L
                "a frame that is too large", "8289", 1L
                "half a close code", "88810000000000", 6L
                "a close code that may not be sent", "888200000000 03ed", 6L
                "a close reason that is not text", "888500000000 03e8 61ff62", 9L
                "a close reason that ends too early", "888400000000 03e8 61c3", 10L
                "a text that is not text", "818300000000 61ff62", 7L
                "a text that ends too early", "818200000000 61c3", 8L
                "a new message in the middle of one", "018000000000 818000000000", 6L
                "a text that goes wrong in its second frame", "018200000000 61c3 808200000000 62ff", 14L
                "a message that becomes too large", "028800000000 0000000000000000 8083 00000000 000000", 15L
                "a frame too many", "028000000000 008000000000 808000000000", 12L
            ]
            (fun (_, bytes, offset) ->
                let good = frame true Opcode.Text [| 65uy |]
                good.Length =! 7
                let violation = violationOf small (Array.append good (hex bytes))
                violation.Value.Offset =! 7L + offset)

        testCase "of what could not be read, the header's byte is told, or its first one" (fun () ->
            let second = [
                ProtocolError.MaskMissing
                ProtocolError.MaskForbidden
                ProtocolError.ControlFrameTooLong Opcode.Ping
                ProtocolError.FragmentTooBig(2L, 1L)
                ProtocolError.MessageTooBig(2L, 1L)
            ]

            let third = [ ProtocolError.LengthNotMinimal 1L; ProtocolError.LengthTopBit ]

            for error in every do
                let place =
                    if List.contains error second then 1L
                    elif List.contains error third then 2L
                    else 0L

                let violation = Violation.OfInput(Connection.start, 100L, Input.Broken error, error)

                test <@ violation = { Error = error; Offset = 100L + place } @>)

        testTheory
            "of a text its byte is told, in its second frame too, unless an extension has transformed it"
            [
                ReservedBits.None, ValueNone, 100L + 6L + 3L
                ReservedBits.Rsv1, ValueNone, 100L
                ReservedBits.None, ValueSome ReservedBits.None, 100L + 6L + 3L - 2L
                ReservedBits.None, ValueSome ReservedBits.Rsv1, 100L
            ]
            (fun (bits, before, offset) ->
                let frame: Frame = {
                    Header = textHeader bits
                    Payload = ReadOnlySequence(Array.zeroCreate<byte> 5)
                }

                let receiving =
                    before
                    |> ValueOption.map (fun bits -> {
                        Kind = DataKind.Text
                        ReservedBits = bits
                        Size = 2L
                        FragmentSize = 2L
                        WireSize = 2L
                        Fragments = 1
                        Text = Utf8.start
                    })

                for state in
                    [
                        State.Open(receiving, ValueNone)
                        State.CloseSent(CloseStatus.NoStatus, receiving)
                    ] do
                    (Violation.OfInput(state, 100L, Input.Received frame, ProtocolError.TextNotUtf8 3L))
                        .Offset
                    =! offset)

        testCase "of a text after the end its byte is told as of the first frame's" (fun () ->
            let frame: Frame = {
                Header = textHeader ReservedBits.None
                Payload = ReadOnlySequence(Array.zeroCreate<byte> 5)
            }

            for state in [ State.Draining(Closure.Lost ValueNone); State.Closed(Closure.Lost ValueNone) ] do
                (Violation.OfInput(state, 100L, Input.Received frame, ProtocolError.TextNotUtf8 3L)).Offset
                =! 109L)

        testCase
            "a close reason that is said to be wrong where there is none lies behind its frame's code"
            (fun () ->
                let bytes = frame true Opcode.Close [| 3uy |]

                let frame: Frame = {
                    Header = {
                        textHeader ReservedBits.None with
                            Opcode = Opcode.Close
                            PayloadLength = 1L
                    }
                    Payload = ReadOnlySequence(bytes, 6, 1)
                }

                let error = ProtocolError.CloseReasonNotUtf8

                (Violation.OfInput(Connection.start, 100L, Input.Received frame, error)).Offset
                =! 108L)

        testCase "a violation says what happened, where it is forbidden, and at which byte" (fun () ->
            let violation = (violationOf small (hex "8100")).Value

            string violation
            =! "incorrect masking: a client must mask its frames (RFC 6455 §5.1, at byte 1)"

            violation.Rule =! "A client masks every frame that it sends.")

        testProperty
            "a text's first wrong byte is found however its frame is cut"
            (fun (before: byte[]) (cut: byte) ->
                let valid = before |> Array.map (fun b -> b &&& 0x7Fuy)
                let data = Array.append valid [| 0xFFuy; 65uy |]
                let bytes = frame true Opcode.Text data
                let at = 6 + int cut % (valid.Length + 1)
                let heard = run ConnectionSettings.Server [ bytes[.. at - 1]; bytes[at..] ]

                heard.Told
                =! [
                    Incoming.Refused {
                        Error = ProtocolError.TextNotUtf8(int64 valid.Length)
                        Offset = int64 (bytes.Length - 2)
                    }
                ])
    ]
