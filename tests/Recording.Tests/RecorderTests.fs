/// The flight recorder's core: what is recorded, written, read back and run again is what happened.
module FunctionalWs.Recording.Tests.RecorderTests

open System
open System.Buffers
open Expecto
open Swensen.Unquote
open FunctionalWs.Generators
open FunctionalWs.Protocol
open FunctionalWs.Recording.Tests.Frames
open FunctionalWs.Recording.Tests.Conversation

/// Quotations are for the eye; a thousand conversations are compared without.
let private (=!) (found: 'a) (expected: 'a) =
    if found <> expected then
        test <@ found = expected @>

let private keepAll = RecorderLimits.Create(10_000, 1_000_000)
let private keepLengths = RecorderLimits.Create(10_000, 0)

let private reread (recording: Recording) : Recording =
    let text = RecordingText.format recording
    (text |> Seq.forall (fun c -> c >= ' ' && c <= '~')) =! true

    match RecordingText.parse text with
    | RecordingParse.Complete again -> again
    | RecordingParse.Malformed(step, reason) -> failwith $"step {step}: {reason} in {text}"

let private recordingOf (live: Live) = live.Recorder.ToRecording()

/// What a connection told and wrote.
let private told (transitions: Transition seq) = [
    for transition in transitions do
        if transition.Event.IsSome || transition.Output.IsSome || transition.HalfClose then
            transition.Event, transition.Output, transition.HalfClose
]

let private blank (payload: ControlPayload) =
    ControlPayload.Create(ReadOnlySpan(Array.zeroCreate<byte> payload.Length))

/// Without what pings and pongs carried.
let private withoutPayloads (transition: Transition) = {
    transition with
        Event =
            match transition.Event with
            | ValueSome(Event.Ping payload) -> ValueSome(Event.Ping(blank payload))
            | ValueSome(Event.Pong payload) -> ValueSome(Event.Pong(blank payload))
            | other -> other
        Output =
            match transition.Output with
            | ValueSome(Output.Ping payload) -> ValueSome(Output.Ping(blank payload))
            | ValueSome(Output.Pong payload) -> ValueSome(Output.Pong(blank payload))
            | other -> other
}

/// What was seen, as far as it is kept.
let private seen (limits: RecorderLimits) (live: Live) : Transition list =
    let transitions = List.rev live.Transitions

    if limits.MaxPayloadBytes > 0 then
        transitions
    else
        transitions |> List.map withoutPayloads

/// What its author wrote of an extension is kept in part.
let private kept (state: State) =
    let short (text: string) = text.Substring(0, min 40 text.Length)

    let ending (closure: Closure) =
        match closure with
        | Closure.Failed(ProtocolError.ExtensionFailed(name, reason), sent) ->
            Closure.Failed(ProtocolError.ExtensionFailed(short name, short reason), sent)
        | other -> other

    match state with
    | State.Closed closure -> State.Closed(ending closure)
    | State.Draining closure -> State.Draining(ending closure)
    | State.Open _
    | State.CloseSent _ -> state

let private agrees (limits: RecorderLimits) (settings: ConnectionSettings) (happenings: Happening list) =
    let live = run limits settings happenings
    let recording = recordingOf live
    let again = reread recording
    again =! recording
    let replay = Replay.run again

    (replay.IsComplete, replay.Differences.Length) =! (true, 0)
    kept live.State =! kept (replay.StateAfter replay.Steps.Length)

    replay.Violation |> ValueOption.map _.Offset
    =! (live.Violation |> ValueOption.map _.Offset)

    let seen = seen limits live
    told (replay.Steps |> Seq.map _.Transition) =! told seen

let private cut (settings: ConnectionSettings) (happenings: Happening list) (steps: byte) (bytes: byte) =
    let limits = RecorderLimits.Create(1 + int steps % 5, 50 * (int bytes % 3))
    let live = run limits settings happenings
    let recording = reread (recordingOf live)
    let replay = Replay.run recording
    (recording.Steps.Length <= limits.MaxSteps) =! true
    (replay.IsComplete, replay.Differences.Length) =! (true, 0)
    kept live.State =! kept (replay.StateAfter replay.Steps.Length)

    // The last of what was told, and the beginning is known to be missing.
    let all = told (seen limits live)

    let last = told (replay.Steps |> Seq.map _.Transition)
    last =! List.skip (all.Length - last.Length) all
    recording.IsCut =! (recording.Dropped > 0L)
    let full = recordingOf (run keepLengths settings happenings)
    int64 full.Steps.Length =! recording.Dropped + int64 recording.Steps.Length

let private unmarked (happening: Happening) : Happening option =
    match happening with
    | Frame(bytes, _, _) when bytes[0] &&& 0x70uy <> 0uy -> None
    // A frame is one step, and that it is refused before its end, under other settings, isn't seen before what was sent meanwhile.
    | Frame(bytes, cuts, _) -> Some(Frame(bytes, cuts, None))
    | Command _
    | EndOfStream
    | SendingEnded -> Some happening

/// What happens up to the end of a connection with these settings: of what comes later a recording tells nothing.
let private untilClosed (settings: ConnectionSettings) (happenings: Happening list) : Happening list =
    let before = List.scan happen (start keepAll settings) happenings

    Seq.zip before happenings
    |> Seq.takeWhile (fun (live, _) -> not live.State.IsClosed)
    |> Seq.map snd
    |> List.ofSeq

/// The same conversation, live under strict settings and replayed under them: the same reactions.
let private otherSettings (strict: ConnectionSettings) (happenings: Happening list) =
    let lenient = {
        Role = Role.Server
        Limits = Limits.Create(Limits.Unlimited, Limits.Unlimited, Int32.MaxValue)
        ValidateText = false
        ReservedBits = ReservedBits.None
        AllowLongLengths = true
    }

    let happenings = happenings |> List.choose unmarked |> untilClosed lenient
    let recording = recordingOf (run keepAll lenient happenings) |> reread
    let live = run keepAll strict happenings
    let replay = Replay.runWith strict recording
    kept live.State =! kept (replay.StateAfter replay.Steps.Length)

    told (replay.Steps |> Seq.map _.Transition) =! told (List.rev live.Transitions)

let private mutated (settings: ConnectionSettings) (happenings: Happening list) (seed: int) =
    let random = Random seed
    let text = RecordingText.format (recordingOf (run keepAll settings happenings))

    let characters = text.ToCharArray()

    for _ in 0 .. random.Next 4 do
        let at = random.Next characters.Length

        characters[at] <-
            match random.Next 4 with
            | 0 -> ' '
            | 1 -> "|.,=#~?@<>!^$+-"[random.Next 15]
            | 2 -> char (random.Next(int '0', int '9' + 1))
            | _ -> char (random.Next 0x300)

    match RecordingText.parse (String characters) with
    | RecordingParse.Complete recording ->
        // Whatever it says, it can be written and run.
        reread recording =! recording
        Replay.run recording |> ignore
    | RecordingParse.Malformed(step, reason) -> (step >= 0 && reason <> "") =! true

let private text (payload: string) =
    Frame(frame true Opcode.Text (utf8 payload), [], None)

let private server = ConnectionSettings.Server

let private conversations = [ typeof<Conversations>; typeof<ProtocolValues> ]

[<Tests>]
let tests =
    testList "recordings" [
        testPropertyWithConfig
            {
                FsCheckConfig.defaultConfig with
                    arbitrary = conversations
                    maxTest = 1_000
            }
            "with payloads: to text and back, run again, a conversation is the one that was seen"
            (agrees keepAll)
        testPropertyWithConfig
            {
                FsCheckConfig.defaultConfig with
                    arbitrary = conversations
                    maxTest = 1_000
            }
            "without payloads: the same states, and events and outputs but for what pings carried"
            (agrees keepLengths)
        testPropertyWithConfig
            {
                FsCheckConfig.defaultConfig with
                    arbitrary = conversations
                    maxTest = 1_000
            }
            "a recording that was cut begins with the state it knows, and says that it was cut"
            cut
        testPropertyWithConfig
            {
                FsCheckConfig.defaultConfig with
                    arbitrary = conversations
                    maxTest = 1_000
            }
            "under other settings a replay does what a server with these settings does"
            otherSettings

        testCase "under other settings a connection may outlive the one that was recorded" (fun () ->
            otherSettings server [
                Frame(frame true Opcode.Text [| 0xFFuy |], [], None)
                Frame(frame true Opcode.Close (close 1000 ""), [], None)
                SendingEnded
                EndOfStream
            ])

        testPropertyWithConfig
            {
                FsCheckConfig.defaultConfig with
                    arbitrary = conversations
                    maxTest = 2_000
            }
            "a text that was damaged is refused with a reason, or is another recording"
            mutated

        testCase "the text is short, and made to be read" (fun () ->
            let live =
                run keepAll server [
                    text "hi"
                    Frame(frame true Opcode.Ping [| 1uy |], [], None)
                    Command(Command.Message DataKind.Text)
                    Frame(frame true Opcode.Close (close 1000 ""), [], None)
                    SendingEnded
                    EndOfStream
                ]

            RecordingText.format (recordingOf live)
            =! "ws-recording/2 role=server max=1048576,-,262144 text=checked rsv=0 lengths=shortest "
               + "started=2030-01-02T03:04:05.0000000Z dropped=0 state=open "
               + "| +0 @0 <8182.6869 | +1234 @8 <8981.01 | +2469 @15 >text.3 | +3703 @15 <8882.03e8 "
               + "| +4938 @23 >end")

        testCase "no byte of a payload is kept unless it is asked for" (fun () ->
            let secret = "s3cret"

            let live =
                run keepLengths server [
                    Frame(frame true Opcode.Text (utf8 secret), [ 2 ], None)
                    Frame(frame true Opcode.Ping (utf8 secret), [], None)
                    Frame(frame true Opcode.Pong (utf8 secret), [], None)
                    Command(Command.Ping(ControlPayload.Create(ReadOnlySpan(utf8 secret))))
                    Frame(Array.append [| 0x81uy; 0x06uy |] (utf8 secret), [], None) // unmasked: refused
                ]

            let text = RecordingText.format (recordingOf live)
            let hex = Convert.ToHexString(utf8 secret).ToLowerInvariant()
            test <@ not (text.Contains hex) && not (text.Contains hex[..3]) @>
            test <@ text.Contains "<8186.#6 |" && text.Contains "<8106.x" @>)

        testCase "has limits that are equal by what they are, and say it" (fun () ->
            let limits = RecorderLimits.Create(50, 1_000)
            limits.Equals(RecorderLimits.Create(50, 1_000)) =! true
            limits.GetHashCode() =! RecorderLimits.Create(50, 1_000).GetHashCode()
            limits.Equals(RecorderLimits.Create(51, 1_000)) =! false
            limits.Equals(RecorderLimits.Create(50, 1_001)) =! false
            limits.Equals "text" =! false
            limits.ToString() =! "50 steps, 1000 bytes of payloads")

        testCase "it stays within its bounds, however long the conversation" (fun () ->
            let limits = RecorderLimits.Create(50, 1_000)

            let live =
                List.replicate 5_000 [
                    Frame(frame true Opcode.Binary (Array.zeroCreate 90), [ 30; 60 ], None)
                    Frame(frame true Opcode.Ping (Array.init 125 byte), [], None)
                    Frame(frame true Opcode.Text (Array.create 2_000 97uy), [], None)
                ]
                |> List.concat
                |> run limits server

            let recording = recordingOf live

            let payloadBytes =
                recording.Steps
                |> Array.sumBy (fun step ->
                    match step.What with
                    | Recorded.Received({ Opcode = Opcode.Binary }, RecordedPayload.Bytes bytes, _) ->
                        bytes.Length
                    | _ -> 0)

            test <@ recording.Steps.Length <= 50 && payloadBytes <= 1_000 @>
            recording.Dropped + int64 recording.Steps.Length =! 15_000L
            test <@ (RecordingText.format recording).Length < 50 * 1_000 + 2 * 1_000 + 2_000 @>)

        testTheory
            "recording costs what the bytes cost, in one piece or in many"
            [ 1_000_000; 4_096; 100 ]
            (fun piece ->
                let bytes = frame true Opcode.Text (Array.create 1_000_000 97uy)
                let sink = ArrayBufferWriter<byte>(1_000_000)
                let recorder = Recorder(RecorderLimits.Create(100, 2_000_000), server, started)
                let mutable endpoint = WebSocketEndpoint.Create server
                let mutable allocated = 0L

                for chunk in Array.chunkBySize piece bytes do
                    let step = endpoint.Receive(ReadOnlySpan chunk, sink, sink)
                    let told = GC.GetAllocatedBytesForCurrentThread()
                    recorder.Received(TimeSpan.Zero, ReadOnlySpan chunk, step)
                    allocated <- allocated + GC.GetAllocatedBytesForCurrentThread() - told
                    endpoint <- step.Next

                test <@ allocated < 4_500_000L @>
                (recorder.ToRecording()).Steps.Length =! 1)

        testCase "what would that option have done?" (fun () ->
            let bad = Frame(frame true Opcode.Text [| 65uy; 0xFFuy |], [], None)

            let recording =
                recordingOf (run keepLengths server [ text "hello"; bad; EndOfStream ])

            let replay = Replay.run recording

            replay.Violation |> ValueOption.map string
            =! ValueSome "invalid UTF-8 at position 1 (RFC 6455 §8.1, at byte 18)"

            // It would have been taken; what the peer would have sent then, nobody knows.
            let unchecked = Replay.runWith { server with ValidateText = false } recording
            unchecked.IsComplete =! false
            unchecked.Steps.Length =! 2
            unchecked.StateAfter 2 =! Connection.start
            unchecked.Differences.Length =! 1

            let limited =
                Replay.runWith
                    {
                        server with
                            Limits = Limits.Create(4L, Limits.Unlimited, 10)
                    }
                    recording

            limited.Violation |> ValueOption.map _.Error
            =! ValueSome(ProtocolError.MessageTooBig(5L, 4L))

            limited.StateAfter 0 =! Connection.start)

        testCase
            "a frame that was refused for its size passes under a higher limit, and there the knowledge ends"
            (fun () ->
                let small = {
                    server with
                        Limits = Limits.Create(4L, Limits.Unlimited, 10)
                }

                let recording = recordingOf (run keepAll small [ text "hello"; EndOfStream ])
                let replay = Replay.runWith server recording
                replay.IsComplete =! false
                replay.Violation =! ValueNone)

        testCase "a replay can be asked for the state after any step, and after no other" (fun () ->
            let replay = Replay.run (recordingOf (run keepAll server [ text "a" ]))
            replay.StateAfter 1 =! Connection.start
            raises<ArgumentOutOfRangeException> <@ replay.StateAfter 2 @>
            raises<ArgumentOutOfRangeException> <@ replay.StateAfter -1 @>)

        testTheory
            "what is no recording is refused, with the step and the reason"
            [
                "", 0
                "ws-recording/1 role=server", 0
                "ws-recording/2 role=server", 0
                "ws-recording/2 role=server max=1,1,0 text=checked rsv=0 lengths=any started=2030-01-02T03:04:05.0000000Z dropped=0 state=open",
                0
                "ws-recording/2 role=server max=1,1,1 text=checked rsv=0 lengths=any started=2030-01-02T03:04:05.0000000Z dropped=0 state=open | +0 @0 <end | +0 @0 <8182.zz",
                2
            ]
            (fun (text, step) ->
                match RecordingText.parse text with
                | RecordingParse.Malformed(found, _) -> found =! step
                | RecordingParse.Complete recording -> failwith $"{recording}"

                raises<FormatException> <@ RecordingText.ofText text @>)

        testTheory
            "an end is recorded once, and only when it changes the state"
            [
                [ SendingEnded; EndOfStream; EndOfStream; SendingEnded ], [ Recorded.EndOfStream ]
                [
                    Frame(frame true Opcode.Close [||], [], None)
                    SendingEnded
                    SendingEnded
                    EndOfStream
                ],
                [ Recorded.SendingEnded ]
            ]
            (fun (happenings, ends) ->
                let steps = (recordingOf (run keepAll server happenings)).Steps

                [
                    for step in steps do
                        if not step.What.IsReceived then
                            step.What
                ]
                =! ends)

        testCase "a command that the state refuses is not recorded" (fun () ->
            let recorder = Recorder(keepAll, server, started)

            let send command =
                recorder.Sent(TimeSpan.Zero, command, 1L)

            send (Command.NextFragment true)
            send (Command.Close(CloseStatus.Create(CloseCode.NormalClosure, "")))
            send (Command.Message DataKind.Text)
            (recorder.ToRecording()).Steps.Length =! 1)

        testCase "limits are checked when they are set" (fun () ->
            raises<ArgumentOutOfRangeException> <@ RecorderLimits.Create(0, 0) @>
            raises<ArgumentOutOfRangeException> <@ RecorderLimits.Create(1, -1) @>
            RecorderLimits.Default.MaxSteps =! 100
            RecorderLimits.Default.MaxPayloadBytes =! 0)
    ]
