/// Replays under other settings; what a recorder keeps at the edges of a conversation.
module FunctionalWs.Protocol.Tests.ReplayTests

open System
open System.Buffers
open Expecto
open Swensen.Unquote
open FunctionalWs.Protocol
open FunctionalWs.Protocol.Tests.Bytes
open FunctionalWs.Protocol.Tests.Conversation

let private (=!) (found: 'a) (expected: 'a) = test <@ found = expected @>

let private keepAll = RecorderLimits.Create(100, 10_000)
let private keepLengths = RecorderLimits.Create(100, 0)
let private server = ConnectionSettings.Server
let private recordingOf (live: Live) = Recorder.toRecording live.Recorder

let private recorded limits settings happenings =
    recordingOf (run limits settings happenings)

let private arrives (fin: bool) (opcode: Opcode) (payload: byte[]) =
    Frame(Bytes.frame fin opcode payload, [], None)

let private text (payload: string) = arrives true Opcode.Text (utf8 payload)

let private atMost (size: int64) = {
    server with
        Limits = Limits.Create(size, Limits.Unlimited, 10)
}

let private hex (text: string) = Convert.FromHexString text

let private payload (text: string) =
    ControlPayload.Create(ReadOnlySpan(hex text))

let private normal = CloseStatus.Create(CloseCode.NormalClosure, "")
let private bye = CloseStatus.Create(CloseCode.GoingAway, "~ é\n")

let private headerOf (bytes: byte[]) : FrameHeader =
    let buffer = whole bytes

    match FrameReader.readHeader server &buffer with
    | HeaderParse.Complete header -> header
    | HeaderParse.Incomplete
    | HeaderParse.Malformed _ -> failwith "no header"

let private nothing = {
    State = Connection.start
    Event = ValueNone
    Output = ValueNone
    HalfClose = false
}

let private failed (error: ProtocolError) = Closure.Failed(error, normal)

// ---- What an extension's author wrote

let private long = String('x', 41)
let private shortened = String('x', 40)

let private endings = [
    Closure.Clean(normal, bye, Initiator.Local), Closure.Clean(normal, bye, Initiator.Local)
    failed (ProtocolError.ExtensionFailed(long, long)),
    failed (ProtocolError.ExtensionFailed(shortened, shortened))
    failed (ProtocolError.ExtensionFailed("a", "")), failed (ProtocolError.ExtensionFailed("a", ""))
    failed ProtocolError.MaskMissing, failed ProtocolError.MaskMissing
    Closure.Abandoned bye, Closure.Abandoned bye
    Closure.Lost(ValueSome bye), Closure.Lost(ValueSome bye)
    Closure.Lost ValueNone, Closure.Lost ValueNone
]

/// The state that a recorder keeps of one that was given to it.
let private kept (state: State) : State =
    let recorder = Recorder.start keepLengths server started

    Recorder.receive recorder TimeSpan.Zero 0L Input.EndOfStream { nothing with State = state }
    |> _.State

[<Tests>]
let tests =
    testList "replays" [
        testTheory
            "of how a connection ended, only what an extension's author wrote is shortened"
            endings
            (fun (ending, expected) ->
                kept (State.Draining ending) =! State.Draining expected
                kept (State.Closed ending) =! State.Closed expected)

        testTheory
            "what an extension's author wrote is read back as it is kept, even if it can't be encoded or is cut in a character"
            [
                String('x', 39) + "😀", String('x', 39) + "\uFFFD"
                "\uD83D!", "\uFFFD!"
                "é😀", "é😀"
            ]
            (fun (written, expected) ->
                let error = ProtocolError.ExtensionFailed(written, written)
                let recording = recorded keepLengths server [ Undecodable error; EndOfStream ]

                (recording.Steps[0]).What
                =! Recorded.Undecodable(ProtocolError.ExtensionFailed(expected, expected))

                RecordingText.ofText (RecordingText.format recording) =! recording
                (Replay.run recording).Differences =! [||])

        testCase "a recorder that saw nothing gives a recording without steps" (fun () ->
            let recording = recorded keepAll server []
            (recording.Steps, recording.IsCut) =! ([||], false)
            let replay = Replay.run recording
            (replay.IsComplete, replay.StateAfter 0) =! (true, Connection.start)
            ReplayText.lines replay =! [||]
            ReplayText.differences replay =! [||])

        testTheory
            "a whole data frame is recorded like its only piece"
            [ keepAll; keepLengths ]
            (fun limits ->
                let bytes = Bytes.frame true Opcode.Text (utf8 "hello")

                let frame: Frame = {
                    Header = headerOf bytes
                    Payload = ReadOnlySequence(bytes, 6, 5)
                }

                let transition = Connection.receive server Connection.start (Input.Received frame)

                let recorder = Recorder.start limits server started

                Recorder.receive recorder TimeSpan.Zero 0L (Input.Received frame) transition
                |> Recorder.toRecording
                =! recorded limits server [ text "hello" ])

        testTheory
            "data after the end is recorded as it came, and led to nothing"
            [
                State.Closed(Closure.Lost ValueNone)
                State.Draining(Closure.Abandoned normal)
            ]
            (fun state ->
                let header = headerOf (Bytes.frame true Opcode.Text [| 0xFFuy |])

                let transition =
                    Connection.receiveData server state &header Part.Whole (ReadOnlySpan [| 0xFFuy |])

                let recorder =
                    Recorder.receive
                        (Recorder.start keepLengths server started)
                        TimeSpan.Zero
                        0L
                        Input.EndOfStream
                        { nothing with State = state }

                let recording =
                    Recorder.receiveData
                        recorder
                        TimeSpan.Zero
                        0L
                        &header
                        Part.Whole
                        (ReadOnlySpan [| 0xFFuy |])
                        transition
                    |> Recorder.toRecording

                (recording.Steps[1]).Transition =! { nothing with State = state }

                match (recording.Steps[1]).What with
                | Recorded.Data(_, Part.Whole, kept) ->
                    kept =! RecordedPayload.Measured(1L, Utf8.start, ValueNone)
                | other -> failwith $"{other}")

        testTheory
            "where a text goes wrong is counted from the start of its frame's piece, however it is cut"
            [ [], "#6?4"; [ 2 ], "#6?4"; [ 1; 2; 3 ], "#6?4"; [ 5 ], "#5?4" ]
            (fun (cuts, word) ->
                let bytes = Array.append (utf8 "good") [| 0xFFuy; 65uy |]
                let frame = Frame(Bytes.frame true Opcode.Text bytes, cuts, None)
                let recording = recorded keepLengths server [ frame ]
                test <@ (RecordingText.format recording).Contains $".{word} =draining" @>
                (Replay.run recording).Differences =! [||])

        testCase
            "under a limit that a message exceeds, a replay refuses it and all that was sent after it"
            (fun () ->
                let recording =
                    recorded keepAll server [
                        text "hello"
                        Command(Command.Message MessageKind.Text)
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
                    $"@18 < end of stream -> Closed, {ended}; ends sending"
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
                    $"  + Closed, {ended}; ends sending"
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
            [
                "open", false
                "close-sent,03e8", false
                "draining,lost", true
                "closed,lost", true
            ]
            (fun (state, isComplete) ->
                let text =
                    (RecordingText.format (recorded keepAll server [])).Replace("=open", $"={state}")
                    + " | +0 @0 >text.1 =draining,failed,mask-missing,03ea"

                let replay = Replay.run (RecordingText.ofText text)
                replay.StateAfter 1 =! replay.StateAfter 0
                (replay.IsComplete, replay.Differences.Length) =! (isComplete, 1))

        testTheory
            "a header that was refused is judged again as far as it had come"
            [
                "c1fe",
                {
                    server with
                        ReservedBits = ReservedBits.Rsv1
                },
                true // its length is missing: nothing is known
                "81fe0001", { server with AllowLongLengths = true }, true
                "81ff0000000000000001", { server with AllowLongLengths = true }, true
                "83", server, true // half a header
                "", server, true
                "8380", server, false
                "8100", server, false
                "81ff8000000000000000", { server with AllowLongLengths = true }, false
            ]
            (fun (header, settings, isAccepted) ->
                let error = ProtocolError.LengthTopBit
                let refusal = Connection.receive server Connection.start (Input.Broken error)

                let recording =
                    Recorder.receiveRefused
                        (Recorder.start keepAll server started)
                        TimeSpan.Zero
                        0L
                        (ReadOnlySpan(hex header))
                        refusal
                    |> Recorder.toRecording
                    |> RecordingText.format
                    |> RecordingText.ofText

                (recording.Steps[0]).What =! Recorded.Refused(hex header)
                let replay = Replay.runWith settings recording
                (replay.IsComplete, replay.Violation.IsNone) =! (not isAccepted, isAccepted)
                (replay.StateAfter 1 = Connection.start) =! isAccepted)

        testTheory
            "a server's recording breaks a client's first rule, whatever it begins with"
            [ text "a"; arrives true Opcode.Ping [| 1uy |]; arrives true Opcode.Close [||] ]
            (fun first ->
                let recording = recorded keepLengths server [ first; EndOfStream ]
                let replay = Replay.runWith ConnectionSettings.Client recording

                replay.Violation |> ValueOption.map _.Error
                =! ValueSome ProtocolError.MaskForbidden)
    ]
