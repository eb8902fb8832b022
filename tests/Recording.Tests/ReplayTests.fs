/// Replays under other settings; what a recorder keeps at the edges of a conversation.
module FunctionalWs.Recording.Tests.ReplayTests

open System
open System.Buffers
open Expecto
open Swensen.Unquote
open FunctionalWs.Protocol
open FunctionalWs.Recording.Tests.Frames
open FunctionalWs.Recording.Tests.Conversation

let private (=!) (found: 'a) (expected: 'a) = test <@ found = expected @>

let private keepAll = RecorderLimits.Create(100, 10_000)
let private keepLengths = RecorderLimits.Create(100, 0)
let private server = ConnectionSettings.Server
let private recordingOf (live: Live) = live.Recorder.ToRecording()

let private recorded limits settings happenings =
    recordingOf (run limits settings happenings)

let private arrives (fin: bool) (opcode: Opcode) (payload: byte[]) =
    Frame(frame fin opcode payload, [], None)

let private text (payload: string) = arrives true Opcode.Text (utf8 payload)

let private atMost (size: int64) = {
    server with
        Limits = Limits.Create(size, Limits.Unlimited, 10)
}

let private normal = CloseStatus.Create(CloseCode.NormalClosure, "")
let private bye = CloseStatus.Create(CloseCode.GoingAway, "~ é\n")

/// An extension that finds every message broken.
type private Refusing(error: ProtocolError) =
    inherit PayloadDecoder()
    override _.Decode(_, _, _, _) = ValueSome error
    override _.Decoded = ReadOnlySpan.Empty
    override _.Skip _ = ()

/// One that says so as it likes.
let private refusing (written: string) =
    Refusing(ProtocolError.ExtensionFailed(written, written))

let private marking = {
    server with
        ReservedBits = ReservedBits.Rsv1
}

/// What a recorder keeps of bytes that come in these pieces.
let private heard
    (limits: RecorderLimits)
    settings
    (decoder: PayloadDecoder)
    (pieces: byte[] list)
    : Recording =
    let recorder = Recorder(limits, settings, started)
    let watched = recorder.Watch decoder

    let take (endpoint: WebSocketEndpoint) (piece: byte[]) =
        let nowhere = ArrayBufferWriter<byte>()
        let step = endpoint.Receive(ReadOnlySpan piece, nowhere, nowhere, 0u, watched)
        recorder.Received(TimeSpan.Zero, ReadOnlySpan(piece, 0, step.Consumed), step)
        step.Next

    List.fold take (WebSocketEndpoint.Create settings) pieces |> ignore
    recorder.ToRecording()

let private reread (recording: Recording) : Recording =
    RecordingText.ofText (RecordingText.format recording)

[<Tests>]
let tests =
    testList "replays" [
        testCase
            "a text that ends within a character has the size it had, which a limit just lets through"
            (fun () ->
                for size in [ 1; 3; 5 ] do
                    let cut = Array.append (Array.create (size - 1) 65uy) [| 0xC2uy |]

                    let errors = [
                        for limits in [ keepLengths; keepAll ] ->
                            let recording =
                                recorded limits (atMost (int64 size)) [ arrives true Opcode.Text cut ]

                            (Replay.run recording).Violation |> ValueOption.map _.Error
                    ]

                    errors =! List.replicate 2 (ValueSome(ProtocolError.TextNotUtf8(int64 size))))

        testTheory
            "what an extension's author wrote is shortened, and read back as it is kept, even if it can't be encoded or is cut in a character"
            [
                String('x', 41), String('x', 40)
                String('x', 39) + "😀", String('x', 39) + "\uFFFD"
                "\uD83D!", "\uFFFD!"
                "é😀", "é😀"
                "a", "a"
            ]
            (fun (written, expected) ->
                let recording =
                    heard keepLengths marking (refusing written) [ marked true Opcode.Text "abc"B ]

                let error = ProtocolError.ExtensionFailed(expected, expected)

                match recording.Steps[0].What with
                | Recorded.Received(_, _, FrameEnding.Undecodable found) -> found =! error
                | other -> failwith $"{other}"

                reread recording =! recording
                let replay = Replay.run recording
                replay.Violation |> ValueOption.map _.Error =! ValueSome error
                // What the peer was told is what it was.
                match replay.StateAfter 1 with
                | State.Draining(Closure.Failed(_, Status(_, reason))) ->
                    reason =! (ProtocolError.ExtensionFailed(written, written)).Description
                | other -> failwith $"{other}")

        testCase "bytes that couldn't be decoded can't be decoded again" (fun () ->
            let error = ProtocolError.CompressedDataInvalid

            let recording =
                heard keepAll marking (Refusing error) [ marked true Opcode.Text "abc"B ]

            reread recording =! recording
            (Replay.run recording).Violation |> ValueOption.map _.Error =! ValueSome error)

        testCase "so much that was not kept is too much at once" (fun () ->
            let text =
                "ws-recording/2 role=server max=3,-,9 text=checked rsv=4 lengths=any "
                + "started=2030-01-02T03:04:05.0000000Z dropped=0 state=open "
                + "| +0 @0 <c181.#9223372036854775807"

            (Replay.run (RecordingText.ofText text)).Violation |> ValueOption.map _.Error
            =! ValueSome(ProtocolError.MessageTooBig(4L, 3L)))

        testCase "a frame that is cut says no more" (fun () ->
            let text =
                RecordingText.format (recorded keepAll server []) + " | +0 @0 <8185.61.cut.x"

            match RecordingText.parse text with
            | RecordingParse.Malformed(step, why) ->
                step =! 1
                test <@ why.Contains "cut.x" @>
            | RecordingParse.Complete recording -> failwith $"{recording}")

        testTheory
            "what is said in the middle of a frame comes before it, and what comes after the end is not kept"
            [ Command.Close normal, [ "> close"; "<" ]; Command.Fail normal, [ "> fail" ] ]
            (fun (command, words) ->
                let recorder = Recorder(keepAll, server, started)
                let nowhere = ArrayBufferWriter<byte>()
                let bytes = (frame true Opcode.Text "abc"B)[..7]
                let endpoint = WebSocketEndpoint.Create server
                let step = endpoint.Receive(ReadOnlySpan bytes, nowhere, nowhere)
                recorder.Received(TimeSpan.Zero, ReadOnlySpan bytes, step)
                recorder.Sent(TimeSpan.Zero, command, 0L)
                let next = step.Next.Send(command).Next
                recorder.EndOfStream TimeSpan.Zero
                let closed = next.EndOfStream().Next
                let late = closed.Receive(ReadOnlySpan bytes, nowhere, nowhere)
                recorder.Received(TimeSpan.Zero, ReadOnlySpan bytes, late)
                let recording = recorder.ToRecording()

                let kinds =
                    recording.Steps
                    |> Array.map (fun step ->
                        match step.What with
                        | Recorded.Sent(Command.Close _, _) -> "> close"
                        | Recorded.Sent(Command.Fail _, _) -> "> fail"
                        | Recorded.Received(_, _, FrameEnding.Cut) -> "<"
                        | other -> $"{other}")

                List.ofArray kinds =! words @ [ string Recorded.EndOfStream ]

                (Replay.run (reread recording)).StateAfter recording.Steps.Length
                =! closed.State)

        testCase "the end of our side is a step, too" (fun () ->
            let recording =
                recorded keepAll server [ arrives true Opcode.Close [||]; SendingEnded ]

            let replay = Replay.run (reread recording)
            (replay.StateAfter 1).IsDraining =! true
            (replay.StateAfter 2).IsClosed =! true)

        testCase "bytes that don't reach as far as what is told of them are kept as they are" (fun () ->
            let recorder = Recorder(keepAll, server, started)
            let nowhere = ArrayBufferWriter<byte>()
            let bytes = hex "8381"
            let endpoint = WebSocketEndpoint.Create server
            let step = endpoint.Receive(ReadOnlySpan bytes, nowhere, nowhere)
            recorder.Received(TimeSpan.Zero, ReadOnlySpan(bytes, 0, 1), step)

            (recorder.ToRecording()).Steps |> Array.map _.What
            =! [| Recorded.Refused [| 0x83uy |] |])

        testCase
            "a recording that begins after what an extension's author wrote begins with the shortened one"
            (fun () ->
                let limits = RecorderLimits.Create(1, 0)
                let long = String('x', 41)
                let recorder = Recorder(limits, marking, started)
                let nowhere = ArrayBufferWriter<byte>()
                let bytes = marked true Opcode.Text "abc"B
                let endpoint = WebSocketEndpoint.Create marking
                let decoder = recorder.Watch(refusing long)
                let step = endpoint.Receive(ReadOnlySpan bytes, nowhere, nowhere, 0u, decoder)
                recorder.Received(TimeSpan.Zero, ReadOnlySpan bytes, step)
                recorder.EndOfStream TimeSpan.Zero

                match (recorder.ToRecording()).Start with
                | State.Draining(Closure.Failed(ProtocolError.ExtensionFailed(name, _), _)) ->
                    name =! String('x', 40)
                | other -> failwith $"{other}")

        testTheory
            "a message that extensions transform is recorded as it was decoded, and taken so again"
            [
                keepAll, "<c183.61626321", []
                keepAll, "<c183.61626321", [ 7; 8 ]
                keepLengths, "<c183.#4", []
            ]
            (fun (limits, word, cuts) ->
                let pieces = cut cuts (marked true Opcode.Text "abc"B)
                let recording = heard limits marking (Marking()) pieces
                test <@ (RecordingText.format recording).EndsWith word @>

                ReplayText.lines (Replay.run (reread recording))
                =! [| "@0 < Text, 3 bytes, Rsv1 -> Open; tells: text message complete" |])

        testTheory
            "an encoded message that is too big once decoded is so again, and passes under a higher limit"
            [ keepAll; keepLengths ]
            (fun limits ->
                let small = {
                    marking with
                        Limits = Limits.Create(3L, Limits.Unlimited, 9)
                }

                let recording =
                    heard limits small (Marking()) [ marked true Opcode.Text "abc"B ] |> reread

                (Replay.run recording).Violation |> ValueOption.map _.Error
                =! ValueSome(ProtocolError.MessageTooBig(4L, 3L))

                let higher = Replay.runWith marking recording
                (higher.Violation, higher.IsComplete) =! (ValueNone, false))

        testTheory
            "an empty encoded frame brings what was decoded with it"
            [ keepAll; keepLengths ]
            (fun limits ->
                let pieces = [ marked false Opcode.Text "abc"B; frame true Opcode.Continuation [||] ]
                let replay = Replay.run (reread (heard limits marking (Marking()) pieces))

                (replay.Steps[1]).Transition.Event =! ValueSome(Event.Data(DataKind.Text, true))

                match (replay.Steps[1]).Recorded.What, limits.MaxPayloadBytes with
                | Recorded.Received(_, RecordedPayload.Bytes bytes, _), 10_000 -> bytes =! "!"B
                | Recorded.Received(_, RecordedPayload.Measured(length, _, _), _), 0 -> length =! 1L
                | other -> failwith $"{other}")

        testTheory
            "what came of a frame that isn't whole is the last step, and the state knows it"
            [
                keepAll, 9, "<8185.686578.cut", "Open, receiving text (3 bytes in 1 frame so far)"
                keepLengths, 9, "<8185.#3.cut", "Open, receiving text (3 bytes in 1 frame so far)"
                keepAll, 6, "<8185..cut", "Open, receiving text (0 bytes in 1 frame so far)"
            ]
            (fun (limits, size, word, state) ->
                let bytes = (frame true Opcode.Text "hexes"B)[.. size - 1]
                let recording = heard limits server (Marking()) [ bytes ]
                test <@ (RecordingText.format recording).EndsWith word @>
                ReplayText.ofState ((Replay.run (reread recording)).StateAfter 1) =! state)

        testTheory
            "so is a part of an encoded frame"
            [ [| 97uy; 98uy |], 1L; [| 97uy |], 0L ]
            (fun (payload, size) ->
                let bytes = marked true Opcode.Text payload
                let recording = heard keepAll marking (Marking()) [ bytes[.. bytes.Length - 2] ]

                match (Replay.run (reread recording)).StateAfter 1 with
                | State.Open(ValueSome message, _) -> message.Size =! size
                | other -> failwith $"{other}")

        testCase "what came of a header, or of a control frame, is no step" (fun () ->
            for bytes in [ (frame true Opcode.Text "a"B)[..3]; (frame true Opcode.Ping "ab"B)[..6] ] do
                (heard keepAll server (Marking()) [ bytes ]).Steps =! [||])

        testCase "what is kept of a frame that isn't whole counts, too: older ones go" (fun () ->
            let limits = RecorderLimits.Create(10, 100)
            let first = frame true Opcode.Binary (Array.zeroCreate 80)
            let second = (frame true Opcode.Binary (Array.zeroCreate 60))[.. 6 + 49]
            let recording = heard limits server (Marking()) [ first; second ]
            (recording.Steps.Length, recording.Dropped) =! (1, 1L)
            (recording.Steps[0]).Offset =! 86L)

        testCase "a frame that isn't whole takes the place of the oldest step" (fun () ->
            let limits = RecorderLimits.Create(1, 0)
            let pieces = [ frame true Opcode.Text "a"B; (frame true Opcode.Text "bc"B)[..6] ]
            let recording = heard limits server (Marking()) pieces
            (recording.Steps.Length, recording.Dropped) =! (1, 1L)
            (recording.Steps[0]).Offset =! 7L)

        testTheory
            "a large frame that was not kept is taken again at once"
            [
                "<81ff4000000000000000.#4611686018427387904"
                "<c1ff4000000000000000.#9223372036854775807"
                "<c181.#9223372036854775807"
                "<c180.#9223372036854775807"
            ]
            (fun word ->
                let text =
                    "ws-recording/2 role=server max=-,-,9 text=checked rsv=4 lengths=any "
                    + "started=2030-01-02T03:04:05.0000000Z dropped=0 state=open "
                    + $"| +0 @0 {word}"

                (Replay.run (RecordingText.ofText text)).StateAfter 1 =! Connection.start)

        testCase "a recorder that saw nothing gives a recording without steps" (fun () ->
            let recording = recorded keepAll server []
            (recording.Steps, recording.IsCut) =! ([||], false)
            let replay = Replay.run recording
            (replay.IsComplete, replay.StateAfter 0) =! (true, Connection.start)
            ReplayText.lines replay =! [||]
            ReplayText.differences replay =! [||])

        testTheory
            "where a text goes wrong is counted from the start of its frame, however it is cut"
            [ [], "#6?4"; [ 8 ], "#6?4"; [ 7; 8; 9 ], "#6?4"; [ 11 ], "#5?4.cut" ]
            (fun (cuts, word) ->
                let bytes = Array.append (utf8 "good") [| 0xFFuy; 65uy |]
                let frame = Frame(frame true Opcode.Text bytes, cuts, None)
                let recording = recorded keepLengths server [ frame ]
                test <@ (RecordingText.format recording).EndsWith($".{word}", StringComparison.Ordinal) @>
                (Replay.run recording).Violation |> ValueOption.map _.Offset =! ValueSome 10L)

        testTheory
            "a text that goes on from frame to frame ends in the same states, kept or not"
            [
                "c3", "a9"
                "e2", "82ac"
                "e282", "ac41"
                "f0", "9f9880"
                "f09f", "98"
                "ed", "9f"
                "e0", "a080"
                "f4", "8f"
                "c3", ""
                "c3", "41"
            ]
            (fun (first, next) ->
                let happenings = [
                    arrives false Opcode.Text (hex first)
                    arrives false Opcode.Continuation (hex next)
                    arrives true Opcode.Continuation [||]
                ]

                let states limits =
                    let replay = Replay.run (reread (recorded limits server happenings))
                    replay.Steps |> Array.map _.Transition

                states keepLengths =! states keepAll)

        testCase
            "under a limit that a message exceeds, a replay refuses it and all that was sent after it"
            (fun () ->
                let recording =
                    recorded keepAll server [
                        text "hello"
                        Command(Command.Message DataKind.Text)
                        text "a"
                        EndOfStream
                    ]

                let replay = Replay.runWith (atMost 4L) recording
                let refused = "message of at least 5 bytes exceeds the limit of 4 bytes"
                let ended = $"failed: {refused}; sent 1009 '{refused}'"
                replay.IsComplete =! true
                (replay.Steps[1]).Refusal =! ValueSome SendError.Closing

                replay.Violation |> ValueOption.map string
                =! ValueSome $"{refused} (RFC 6455 §10.4, at byte 1)"

                ReplayText.lines replay
                =! [|
                    $"@0 < Text, 5 bytes -> Draining, {ended}; writes: Close 1009 '{refused}'; ends sending"
                    "@11 > text message, 3 bytes -> refused: Closing"
                    $"@11 < Text, 1 byte -> Draining, {ended}"
                    $"@18 < end of stream -> Closed, {ended}"
                |]

                ReplayText.differences replay
                =! [|
                    "step 1, @0 < Text, 5 bytes"
                    "  - Open; tells: text message complete"
                    $"  + Draining, {ended}; writes: Close 1009 '{refused}'; ends sending"
                    "step 2, @11 > text message, 3 bytes"
                    "  - Open; writes: Text"
                    "  + refused: Closing"
                    "step 3, @11 < Text, 1 byte"
                    "  - Open; tells: text message complete"
                    $"  + Draining, {ended}"
                    "step 4, @18 < end of stream"
                    "  - Closed, lost; ends sending"
                    $"  + Closed, {ended}"
                |])

        testCase
            "a replay that accepts what was refused says that it ends there, and one that was cut where it begins"
            (fun () ->
                let recording =
                    recorded (RecorderLimits.Create(1, 0)) server [
                        text "a"
                        arrives true Opcode.Text [| 0xFFuy |]
                    ]

                let lines =
                    ReplayText.lines (Replay.runWith { server with ValidateText = false } recording)

                lines
                =! [|
                    "(cut: 1 step before this; Open)"
                    "@7 < Text, 1 byte -> Open; tells: text message complete"
                    "(what was refused then is accepted now: the recording knows nothing of what would have come)"
                |]

                ReplayText.differences (Replay.run recording) =! [||])

        testCase
            "what came wrong after the own close frame is refused then, accepted now, and the close frame stays sent"
            (fun () ->
                let recording =
                    recorded keepLengths server [
                        Command(Command.Close normal)
                        arrives true Opcode.Text [| 0xFFuy |]
                        EndOfStream
                    ]

                let replay = Replay.run recording
                (replay.IsComplete, replay.Differences) =! (true, [||])
                replay.Violation |> ValueOption.map _.Offset =! ValueSome 6L
                let unchecked = Replay.runWith { server with ValidateText = false } recording
                unchecked.IsComplete =! false
                unchecked.StateAfter 2 =! State.CloseSent(normal, ValueNone))

        testTheory
            "a text that says what can't have happened is run all the same"
            [ "draining,lost"; "closed,lost" ]
            (fun state ->
                let text =
                    (RecordingText.format (recorded keepAll server [])).Replace("=open", $"={state}")
                    + " | +0 @0 >text.1 | +0 @0 <8181.61 | +0 @0 <8380.x"

                let replay = Replay.run (RecordingText.ofText text)
                replay.StateAfter 3 =! replay.StateAfter 0
                (replay.Steps[0]).Refusal =! ValueSome SendError.Closing
                replay.IsComplete =! true)

        testTheory
            "a text whose frames have other sizes than they say is run all the same"
            [
                "<8185.6162", "Open, receiving text (2 bytes in 1 frame so far)"
                "<8181.616263", "Open"
                "<8181.#5", "Open"
                "<8181.#5?3", "Open"
                "<8185.#1?0", "Draining"
                "<8181.#1?9", "Draining"
                "<8180.#1?9", "Open"
                "<c182.#9", "Draining"
            ]
            (fun (word, state) ->
                let text = RecordingText.format (recorded keepAll server []) + $" | +0 @0 {word}"
                let replay = Replay.run (RecordingText.ofText text)
                test <@ (ReplayText.ofState (replay.StateAfter 1)).StartsWith state @>)

        testCase
            "a ping that is said to be longer than it is, by whoever made the recording, is as long as its header says"
            (fun () ->
                let recording = recorded keepLengths server [ arrives true Opcode.Ping [| 1uy |] ]

                let step = recording.Steps[0]

                let what =
                    match step.What with
                    | Recorded.Received(header, _, ending) ->
                        Recorded.Received(
                            header,
                            RecordedPayload.Measured(200L, Utf8.start, ValueNone),
                            ending
                        )
                    | other -> failwith $"{other}"

                let longer = {
                    recording with
                        Steps = [| { step with What = what } |]
                }

                (Replay.run longer).Steps[0].Transition.Event
                =! ValueSome(Event.Ping(ControlPayload.Create(ReadOnlySpan [| 0uy |]))))

        testTheory
            "a header that was refused is judged again as far as it had come"
            [
                "c1fe", marking, true // its length is missing: nothing is known
                "81fe0001", { server with AllowLongLengths = true }, true
                "81ff0000000000000001", { server with AllowLongLengths = true }, true
                "8380", server, false
                "8100", server, false
                "81ff8000000000000000", { server with AllowLongLengths = true }, false
            ]
            (fun (header, settings, isAccepted) ->
                let key =
                    if header.Length > 4 || header = "8380" then
                        "00000000"
                    else
                        ""

                let recording = heard keepAll server (Marking()) [ hex (header + key) ]
                (recording.Steps[0]).What =! Recorded.Refused(hex header)
                let replay = Replay.runWith settings (reread recording)
                (replay.IsComplete, replay.Violation.IsNone) =! (not isAccepted, isAccepted)
                (replay.StateAfter 1).IsOpen =! isAccepted)

        testTheory
            "a server's recording breaks a client's first rule, whatever it begins with"
            [ text "a"; arrives true Opcode.Ping [| 1uy |]; arrives true Opcode.Close [||] ]
            (fun first ->
                let recording = recorded keepLengths server [ first; EndOfStream ]
                let replay = Replay.runWith ConnectionSettings.Client recording

                replay.Violation |> ValueOption.map _.Error
                =! ValueSome ProtocolError.MaskForbidden)
    ]
