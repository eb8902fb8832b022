/// Replays in words: each state, happening and reaction has a line that people read.
module FunctionalWs.Protocol.Tests.ReplayTextTests

open System
open Expecto
open Swensen.Unquote
open FunctionalWs.Protocol
open FunctionalWs.Protocol.Tests

let private (=!) (found: 'a) (expected: 'a) = test <@ found = expected @>

let private hex (text: string) = Convert.FromHexString text

let private payload (text: string) =
    ControlPayload.Create(ReadOnlySpan(hex text))

let private normal = CloseStatus.Create(CloseCode.NormalClosure, "")
let private bye = CloseStatus.Create(CloseCode.GoingAway, "~ é\n")

let private fragment (tail: string) : PartialMessage = {
    Kind = MessageKind.Text
    ReservedBits = ReservedBits.None
    Size = 1L
    FragmentSize = 1L
    WireSize = 1L
    Fragments = 1
    Text = Bytes.owedAfter (hex tail)
}

let private many = {
    fragment "" with
        Kind = MessageKind.Binary
        Size = 9L
        Fragments = 3
}

let private failed (error: ProtocolError) = Closure.Failed(error, normal)

let private states = [
    Connection.start, "Open"
    State.Open(ValueNone, ValueSome MessageKind.Text), "Open, sending text"
    State.Open(ValueSome many, ValueNone), "Open, receiving binary (9 bytes in 3 frames so far)"
    State.Open(ValueSome(fragment "c3"), ValueSome MessageKind.Binary),
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

let private data (part: Part) (payload: RecordedPayload) = Recorded.Data(header, part, payload)

let private happenings = [
    data Part.Whole (RecordedPayload.Bytes [||]), "< Text, 9 bytes"
    data Part.First (RecordedPayload.Bytes [| 1uy |]), "< Text, 9 bytes, its first 1 byte"
    data Part.Middle (RecordedPayload.Measured(4L, Utf8.start, ValueNone)), "< Text, 9 bytes, 4 bytes more"
    data Part.Last (RecordedPayload.Bytes [| 1uy; 2uy |]), "< Text, 9 bytes, its last 2 bytes"
    Recorded.Data(
        {
            header with
                Fin = false
                ReservedBits = ReservedBits.Rsv1
        },
        Part.Whole,
        RecordedPayload.Bytes [||]
    ),
    "< Text, 9 bytes, not final, Rsv1"
    Recorded.Control({ header with Opcode = Opcode.Ping }, ValueNone), "< Ping, 9 bytes"
    Recorded.Refused [| 0x83uy; 0x80uy |], "< refused header 8380"
    Recorded.Undecodable ProtocolError.CompressedDataInvalid, "< undecodable message"
    Recorded.EndOfStream, "< end of stream"
    Recorded.Sent(Command.Message MessageKind.Text, 1L), "> text message, 1 byte"
    Recorded.Sent(Command.FirstFragment MessageKind.Binary, 2L),
    "> first fragment of a binary message, 2 bytes"
    Recorded.Sent(Command.NextFragment false, 0L), "> next fragment, 0 bytes"
    Recorded.Sent(Command.NextFragment true, 5L), "> last fragment, 5 bytes"
    Recorded.Sent(Command.Ping(payload "01"), 0L), "> Ping, 1 byte"
    Recorded.Sent(Command.Pong(payload ""), 0L), "> Pong, 0 bytes"
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
    tells (Event.Data(MessageKind.Text, true)), "Open; tells: text message complete"
    tells (Event.Data(MessageKind.Binary, false)), "Open; tells: part of a binary message"
    tells (Event.Ping(payload "01")), "Open; tells: ping"
    tells (Event.Pong(payload "01")), "Open; tells: pong"
    tells (Event.Close normal), "Open; tells: close 1000"
    writes (Output.Data(Opcode.Text, true)), "Open; writes: Text"
    writes (Output.Data(Opcode.Continuation, false)), "Open; writes: Continuation, not final"
    writes (Output.Ping(payload "")), "Open; writes: Ping"
    writes (Output.Pong(payload "0aff")), "Open; writes: Pong 0AFF"
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

[<Tests>]
let tests =
    testList "replays in words" [
        testTheory "a state in words" states (fun (state, words) -> ReplayText.ofState state =! words)
        testTheory "what happened in words" happenings (fun (what, words) ->
            ReplayText.ofRecorded what =! words)

        testTheory "what a step led to in words" reactions (fun (transition, words) ->
            ReplayText.ofTransition transition =! words)
    ]
