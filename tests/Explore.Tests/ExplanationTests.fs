/// Bytes and recordings explained frame by frame.
module FunctionalWs.Explore.Tests.ExplanationTests

open System
open System.Text
open Expecto
open Swensen.Unquote
open FunctionalWs.Explore
open FunctionalWs.Protocol

let private server = ConnectionSettings.Server

let private explain (hex: string) =
    Explain.bytes server (HexDump.parse hex)

let private linesOf (hex: string) = List.ofArray (explain hex).Lines

[<Tests>]
let tests =
    testList "an explanation" [
        testCase "tells fields, payload and what each frame leads to, and the first broken rule" (fun () ->
            linesOf "81 85 37fa213d 7f9f4d5158  83 80"
            =! [
                "@0      81 85 37 fa 21 3d"
                "        Text, 5 bytes, masked with 37FA213D: FIN 1, RSV 000, opcode 1"
                "        payload \"Hello\""
                "        -> Open; tells: text message complete"
                "@11     83 80"
                "        BROKEN at byte 11: invalid opcode 0x3"
                "        RFC 6455 §5.2: The opcodes 3 to 7 and B to F are reserved."
                "        close code 1002"
                "        -> Draining, failed: invalid opcode 0x3; sent 1002 'invalid opcode 0x3'; writes: Close 1002 'invalid opcode 0x3'; ends sending"
            ])

        testCase "says whether a rule is broken, which, and where" (fun () ->
            let sound, broken = explain "8180 00000000", explain "8180 00000000 8100"
            (sound.IsSound, fst (sound.TryGetViolation())) =! (true, false)

            match broken.TryGetViolation() with
            | true, violation ->
                (broken.IsSound, violation.Error, violation.Offset)
                =! (false, ProtocolError.MaskMissing, 7L)
            | false, _ -> failwith "no rule is broken"

            broken.ToString() =! String.Join('\n', broken.Lines))

        testCase "passes over the head of an opening handshake" (fun () ->
            let head = Encoding.ASCII.GetBytes "GET / HTTP/1.1\r\nHost: h\r\n\r\n"

            let lines =
                (Explain.bytes server (Array.append head [| 0x81uy; 0x80uy; 0uy; 0uy; 0uy; 0uy |])).Lines

            lines[0]
            =! "27 bytes of an opening handshake; the first byte after it is byte 0"

            test <@ lines[1].StartsWith "@0 " @>)

        testCase "of a frame that isn't whole shows its header, and what is there" (fun () ->
            linesOf "81 85 37fa213d 7f"
            =! [
                "@0      81 85 37 fa 21 3d"
                "        Text, 5 bytes, masked with 37FA213D: FIN 1, RSV 000, opcode 1"
                "@0  7 bytes of a frame"
            ]

            linesOf "81" =! [ "@0  1 bytes of a frame" ])

        testCase "tells what nobody reads any more" (fun () ->
            let lines = linesOf "88 80 00000000 81 80"
            List.last lines =! "@6  2 bytes that nobody reads: the connection is over")

        testCase "cuts long payloads, escapes texts, and shows other data by bytes" (fun () ->
            let utf8 (text: string) = Text.Encoding.UTF8.GetBytes text

            let shown (opcode: Opcode) (payload: byte[]) =
                let bytes =
                    match Moves.frame Role.Client "" true opcode payload with
                    | Move.Frame(_, bytes, _) -> bytes
                    | other -> failwith $"{other}"

                (Explain.bytes ConnectionSettings.Client bytes).Lines[1..2]

            shown Opcode.Text (Array.create 61 65uy)
            =! [|
                "        Text, 61 bytes, not masked: FIN 1, RSV 000, opcode 1"
                "        payload \"" + String('A', 60) + "\" ... 61 bytes"
            |]

            // What controls something, turns letters around or has no glyph is shown as its code.
            (shown Opcode.Text (utf8 "tab\t \u202Eétoile\u2028 \U000E0001 \\"))[1]
            =! @"        payload ""tab\u0009 \u202Eétoile\u2028 \U000E0001 \\"""

            (shown Opcode.Ping (utf8 "é"))[1] =! "        payload \"é\""
            (shown Opcode.Ping "a\n"B)[1] =! "        payload 61 0a"

            (shown Opcode.Continuation [| 0x41uy; 0xC3uy |])[1]
            =! "        payload \"A\uFFFD\""

            (shown Opcode.Continuation [| 0xFFuy; 0x41uy |])[1] =! "        payload ff 41"

            (shown Opcode.Binary (Array.create 21 1uy))[1]
            =! "        payload " + String.replicate 19 "01 " + "01 ... 21 bytes")

        testCase "doesn't look into what an extension has transformed" (fun () ->
            let settings = {
                server with
                    ReservedBits = ReservedBits.Rsv1
            }

            let lines = (Explain.bytes settings (HexDump.parse "c1 81 00000000 ff")).Lines

            lines[1..]
            =! [|
                "        Text, 1 byte, Rsv1, masked with 00000000: FIN 1, RSV 100, opcode 1"
                "        -> Open; tells: text message complete"
            |])

        testCase "is one of a recording, also under other settings" (fun () ->
            let recorder = Recorder(RecorderLimits.Default, server, DateTimeOffset.UnixEpoch)
            let endpoint = WebSocketEndpoint.Create server
            let bytes = HexDump.parse "81 85 37fa213d 7f9f4d5158"

            let sink, answers =
                Buffers.ArrayBufferWriter<byte>(), Buffers.ArrayBufferWriter<byte>()

            recorder.Received(
                TimeSpan.Zero,
                ReadOnlySpan bytes,
                endpoint.Receive(ReadOnlySpan bytes, sink, answers)
            )

            let recording = recorder.ToRecording()

            (Explain.recording recording).Lines
            =! [| "@0 < Text, 5 bytes -> Open; tells: text message complete" |]

            let strict = {
                server with
                    Limits = Limits.Create(4L, 4L, 1)
            }

            let lines = (Explain.recordingWith strict recording).Lines
            test <@ lines[0].StartsWith "@0 < Text, 5 bytes -> Draining, failed: " @>

            lines[1]
            =! "        BROKEN at byte 1: frame of 5 bytes exceeds the limit of 4 bytes")
    ]
