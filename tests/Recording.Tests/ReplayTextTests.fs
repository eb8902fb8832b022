/// Replays in words: each state, happening and reaction has a line that people read.
module FunctionalWs.Recording.Tests.ReplayTextTests

open System
open Expecto
open Swensen.Unquote
open FunctionalWs.Protocol
open FunctionalWs.Recording.Tests.Frames

let private (=!) (found: 'a) (expected: 'a) = test <@ found = expected @>

let private normal = CloseStatus.Create(CloseCode.NormalClosure, "")
let private bye = CloseStatus.Create(CloseCode.GoingAway, "~ é\n")

let private fragment (tail: string) : PartialMessage = {
    Kind = DataKind.Text
    ReservedBits = ReservedBits.None
    Size = 1L
    FragmentSize = 1L
    WireSize = 1L
    Fragments = 1
    Text = owedAfter (hex tail)
}

let private many = {
    fragment "" with
        Kind = DataKind.Binary
        Size = 9L
        Fragments = 3
}

let private failed (error: ProtocolError) = Closure.Failed(error, normal)

let private states = [
    Connection.start, "Open"
    State.Open(ValueNone, ValueSome DataKind.Text), "Open, sending text"
    State.Open(ValueSome many, ValueNone), "Open, receiving binary (9 bytes in 3 frames so far)"
    State.Open(ValueSome(fragment "c3"), ValueSome DataKind.Binary),
    "Open, receiving text (1 byte in 1 frame so far, 1 byte short of a character), sending binary"
    State.CloseSent(CloseStatus.NoStatus, ValueNone), "CloseSent no code"
    State.CloseSent(bye, ValueSome(fragment "f0")),
    "CloseSent 1001 '~ \\u00E9\\u000A', receiving text (1 byte in 1 frame so far, 3 bytes short of a character)"
    State.Draining(Closure.Clean(bye, normal, Initiator.Local)),
    "Draining, clean: sent 1000, then received 1001 '~ \\u00E9\\u000A'"
    State.Closed(Closure.Clean(CloseStatus.NoStatus, normal, Initiator.Remote)),
    "Closed, clean: received no code, then sent 1000"
    State.Draining(failed ProtocolError.ContinuationUnexpected),
    "Draining, failed: unexpected continuation frame; sent 1000"
    State.Closed(Closure.Abandoned normal), "Closed, given up: sent 1000"
    State.Closed(Closure.Lost ValueNone), "Closed, lost"
    State.Closed(Closure.Lost(ValueSome normal)), "Closed, lost: sent 1000"
]

let private header: FrameHeader = {
    Fin = true
    ReservedBits = ReservedBits.None
    Opcode = Opcode.Text
    MaskingKey = ValueSome 0u
    PayloadLength = 9L
    Size = 6
}

let private came (payload: RecordedPayload) (ending: FrameEnding) =
    Recorded.Received(header, payload, ending)

let private happenings = [
    came (RecordedPayload.Bytes [||]) FrameEnding.Whole, "< Text, 9 bytes"
    came (RecordedPayload.Bytes [| 1uy |]) FrameEnding.Cut, "< Text, 9 bytes, its first 1 byte"
    came (RecordedPayload.Measured(4L, Utf8.start, ValueNone)) FrameEnding.Cut,
    "< Text, 9 bytes, its first 4 bytes"
    came (RecordedPayload.Bytes [||]) FrameEnding.Cut, "< Text, 9 bytes, its header alone"
    came (RecordedPayload.Bytes [||]) (FrameEnding.Undecodable ProtocolError.CompressedDataInvalid),
    "< Text, 9 bytes, undecodable"
    Recorded.Received(
        {
            header with
                Fin = false
                ReservedBits = ReservedBits.Rsv1
        },
        RecordedPayload.Bytes [||],
        FrameEnding.Whole
    ),
    "< Text, 9 bytes, not final, Rsv1"
    Recorded.Refused [| 0x83uy; 0x80uy |], "< refused header 8380"
    Recorded.EndOfStream, "< end of stream"
    Recorded.SendingEnded, "> end of stream"
    Recorded.Sent(Command.Message DataKind.Text, 1L), "> text message, 1 byte"
    Recorded.Sent(Command.FirstFragment DataKind.Binary, 2L), "> first fragment of a binary message, 2 bytes"
    Recorded.Sent(Command.NextFragment false, 0L), "> next fragment, 0 bytes"
    Recorded.Sent(Command.NextFragment true, 5L), "> last fragment, 5 bytes"
    Recorded.Sent(Command.Ping(payloadOf "01"), 0L), "> Ping, 1 byte"
    Recorded.Sent(Command.Pong(payloadOf ""), 0L), "> Pong, 0 bytes"
    Recorded.Sent(Command.Close bye, 0L), "> Close 1001 '~ \\u00E9\\u000A'"
    Recorded.Sent(Command.Fail CloseStatus.NoStatus, 0L), "> Close no code, and the end"
]

let private nothing = {
    State = Connection.start
    Event = ValueNone
    Output = ValueNone
    HalfClose = false
}

let private tells (event: Event) = { nothing with Event = ValueSome event }

let private writes (output: Output) = {
    nothing with
        Output = ValueSome output
}

let private reactions = [
    nothing, "Open"
    tells (Event.Data(DataKind.Text, true)), "Open; tells: text message complete"
    tells (Event.Data(DataKind.Binary, false)), "Open; tells: part of a binary message"
    tells (Event.Ping(payloadOf "01")), "Open; tells: ping"
    tells (Event.Pong(payloadOf "01")), "Open; tells: pong"
    tells (Event.Close normal), "Open; tells: close 1000"
    writes (Output.Data(Opcode.Text, true)), "Open; writes: Text"
    writes (Output.Data(Opcode.Continuation, false)), "Open; writes: Continuation, not final"
    writes (Output.Ping(payloadOf "")), "Open; writes: Ping"
    writes (Output.Pong(payloadOf "0aff")), "Open; writes: Pong 0AFF"
    writes (Output.Close CloseStatus.NoStatus), "Open; writes: Close no code"
    { nothing with HalfClose = true }, "Open; ends sending"
    {
        State = State.Closed(Closure.Lost ValueNone)
        Event = ValueSome(Event.Close normal)
        Output = ValueSome(Output.Close normal)
        HalfClose = true
    },
    "Closed, lost; tells: close 1000; writes: Close 1000; ends sending"
]

let private step: RecordedStep = {
    At = TimeSpan.FromSeconds 1.0
    Offset = 6L
    What = came (RecordedPayload.Bytes [||]) FrameEnding.Whole
}

let private recording: Recording = {
    Settings = ConnectionSettings.Server
    Started = DateTimeOffset(2026, 11, 27, 11, 0, 0, TimeSpan.FromHours 1.0)
    Dropped = 0L
    Start = Connection.start
    Steps = [|
        {
            step with
                What = Recorded.Sent(Command.Close normal, 0L)
        }
        {
            step with
                What = Recorded.Sent(Command.Message DataKind.Text, 1L)
        }
    |]
}

let private values: (obj * string) list = [
    RecordedPayload.Bytes [||], ""
    RecordedPayload.Bytes [| 1uy; 0xAAuy |], "01AA"
    RecordedPayload.Bytes(Array.create 65 1uy), String.replicate 64 "01" + "…, 65 bytes"
    RecordedPayload.Measured(1L, Utf8.start, ValueNone), "1 byte, not kept"
    FrameEnding.Whole, "whole"
    FrameEnding.Cut, "cut"
    FrameEnding.Undecodable ProtocolError.CompressedDataInvalid, "undecodable: decompression failed"
    Recorded.EndOfStream, "< end of stream"
    step, "@6 < Text, 9 bytes"
    recording, "2 steps of a connection of 2026-11-27 10:00:00Z, Server"
    {
        recording with
            Dropped = 3L
            Steps = recording.Steps[..0]
    },
    "1 step after 3 others of a connection of 2026-11-27 10:00:00Z, Server"
    (Replay.run recording).Steps[0], "@6 > Close 1000 -> CloseSent 1000; writes: Close 1000"
    Replay.run recording,
    "@6 > Close 1000 -> CloseSent 1000; writes: Close 1000\n@6 > text message, 1 byte -> refused: Closing"
]

[<Tests>]
let tests =
    testList "replays in words" [
        testTheory "a state in words" states (fun (state, words) -> ReplayText.ofState state =! words)
        testTheory "what happened in words" happenings (fun (what, words) ->
            ReplayText.ofRecorded what =! words)

        testTheory "what a step led to in words" reactions (fun (transition, words) ->
            ReplayText.ofTransition transition =! words)

        testTheory "recordings and replays, for %A and ToString alike" values (fun (value, words) ->
            value.ToString() =! words
            $"%A{value}" =! words)
    ]
