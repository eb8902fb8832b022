/// The text of recordings: every value that one can hold is written and read back; a text that is none is refused with what is wrong.
module FunctionalWs.Recording.Tests.RecordingTextTests

open System
open FSharp.Reflection
open Expecto
open Swensen.Unquote
open FunctionalWs.Protocol
open FunctionalWs.Recording.Tests.Frames

let private (=!) (found: 'a) (expected: 'a) = test <@ found = expected @>

let private normal = CloseStatus.Create(CloseCode.NormalClosure, "")
let private bye = CloseStatus.Create(CloseCode.GoingAway, "é")

let private origin = {
    Settings = ConnectionSettings.Server
    Started = Conversation.started
    Dropped = 0L
    Start = Connection.start
    Steps = [||]
}

let private settings =
    "role=server max=1048576,-,262144 text=checked rsv=0 lengths=shortest"

let private headOf (settings: string) (state: string) =
    $"ws-recording/2 {settings} started=2030-01-02T03:04:05.0000000Z dropped=0 state={state}"

let private withStep (what: Recorded) : Recording = {
    origin with
        Steps = [|
            {
                At = TimeSpan.FromMicroseconds 7L
                Offset = 20L
                What = what
            }
        |]
}

let private isWritten (text: string) (recording: Recording) =
    RecordingText.format recording =! text
    RecordingText.parse text =! RecordingParse.Complete recording

let private happened (what: Recorded, word: string) =
    withStep what |> isWritten $"""{headOf settings "open"} | +7 @20 {word}"""

let private began (state: State, word: string) =
    { origin with Start = state } |> isWritten (headOf settings word)

let private fragment (text: Utf8State) : PartialMessage = {
    Kind = DataKind.Text
    ReservedBits = ReservedBits.Rsv1
    Size = 5L
    FragmentSize = 2L
    WireSize = 7L
    Fragments = 3
    Text = text
}

let private after (tail: string) = owedAfter (hex tail)

let private masked (fin: bool) (opcode: Opcode) (length: int64) (size: int) : FrameHeader = {
    Fin = fin
    ReservedBits = ReservedBits.None
    Opcode = opcode
    MaskingKey = ValueSome 0u
    PayloadLength = length
    Size = size
}

let private of' (header: FrameHeader) (kept: RecordedPayload) (ending: FrameEnding) =
    Recorded.Received(header, kept, ending)

let private data = of' (masked true Opcode.Text 300L 8)

let private states = [
    State.Open(ValueNone, ValueNone), "open"
    State.Open(ValueSome(fragment Utf8.start), ValueNone), "open,rx=text.4.5.2.7.3."
    State.Open(ValueNone, ValueSome DataKind.Binary), "open,tx=binary"
    State.Open(ValueSome(fragment (after "e0")), ValueSome DataKind.Text), "open,rx=text.4.5.2.7.3.e0,tx=text"
    State.CloseSent(CloseStatus.NoStatus, ValueNone), "close-sent,-"
    State.CloseSent(bye, ValueSome(fragment Utf8.start)), "close-sent,03e9c3a9,rx=text.4.5.2.7.3."
    State.Draining(Closure.Clean(normal, bye, Initiator.Local)), "draining,clean,03e8,03e9c3a9,local"
    State.Closed(Closure.Clean(CloseStatus.NoStatus, normal, Initiator.Remote)), "closed,clean,-,03e8,remote"
    State.Draining(Closure.Failed(ProtocolError.TextNotUtf8 9L, bye)),
    "draining,failed,text-not-utf8.9,03e9c3a9"
    State.Draining(Closure.Abandoned normal), "draining,abandoned,03e8"
    State.Closed(Closure.Lost ValueNone), "closed,lost"
    State.Closed(Closure.Lost(ValueSome normal)), "closed,lost,03e8"
]

let private happenings = [
    data (RecordedPayload.Bytes [| 0uy; 255uy |]) FrameEnding.Whole, "<81fe012c.00ff"
    data (RecordedPayload.Bytes [||]) FrameEnding.Cut, "<81fe012c..cut"
    data (RecordedPayload.Measured(9L, Utf8.start, ValueNone)) FrameEnding.Whole, "<81fe012c.#9"
    data (RecordedPayload.Measured(9L, after "f09f", ValueNone)) FrameEnding.Cut, "<81fe012c.#9~e1.cut"
    data (RecordedPayload.Measured(9L, Utf8.start, ValueSome 4L)) FrameEnding.Whole, "<81fe012c.#9?4"
    of' (masked false Opcode.Binary 2L 6) (RecordedPayload.Bytes [| 1uy; 2uy |]) FrameEnding.Whole,
    "<0282.0102"
    of'
        (masked true Opcode.Continuation 65_536L 14)
        (RecordedPayload.Measured(5L, Utf8.start, ValueNone))
        (FrameEnding.Undecodable ProtocolError.CompressedDataInvalid),
    "<80ff0000000000010000.#5.compressed-data-invalid"
    of' (masked true Opcode.Ping 3L 6) (RecordedPayload.Measured(3L, Utf8.start, ValueNone)) FrameEnding.Whole,
    "<8983.#3"
    of' (masked true Opcode.Ping 3L 6) (RecordedPayload.Bytes [| 0uy; 0uy; 0uy |]) FrameEnding.Whole,
    "<8983.000000"
    of' (masked true Opcode.Close 2L 6) (RecordedPayload.Bytes(hex "03e8")) FrameEnding.Whole, "<8882.03e8"
    Recorded.Refused [| 0x83uy; 0x80uy |], "<8380.x"
    Recorded.EndOfStream, "<end"
    Recorded.SendingEnded, ">end"
    Recorded.Sent(Command.Message DataKind.Text, 3L), ">text.3"
    Recorded.Sent(Command.Message DataKind.Binary, 0L), ">binary.0"
    Recorded.Sent(Command.FirstFragment DataKind.Text, 3L), ">text-.3"
    Recorded.Sent(Command.FirstFragment DataKind.Binary, 3L), ">binary-.3"
    Recorded.Sent(Command.NextFragment false, 3L), ">next-.3"
    Recorded.Sent(Command.NextFragment true, 3L), ">next.3"
    Recorded.Sent(Command.Ping(payloadOf "01"), 0L), ">ping.01"
    Recorded.Sent(Command.Pong(payloadOf ""), 0L), ">pong.#0"
    Recorded.Sent(Command.Close CloseStatus.NoStatus, 0L), ">close.-"
    Recorded.Sent(Command.Fail bye, 0L), ">fail.03e9c3a9"
]

let private errors = [
    ProtocolError.ReservedOpcode 3uy, "reserved-opcode.3"
    ProtocolError.ReservedBits 7uy, "reserved-bits.7"
    ProtocolError.MaskMissing, "mask-missing"
    ProtocolError.MaskForbidden, "mask-forbidden"
    ProtocolError.LengthNotMinimal 5L, "length-not-minimal.5"
    ProtocolError.LengthTopBit, "length-top-bit"
    ProtocolError.ControlFrameTooLong Opcode.Ping, "control-frame-too-long.9"
    ProtocolError.ControlFrameFragmented Opcode.Close, "control-frame-fragmented.8"
    ProtocolError.ContinuationExpected, "continuation-expected"
    ProtocolError.ContinuationUnexpected, "continuation-unexpected"
    ProtocolError.FragmentTooBig(Int64.MaxValue, 1L), "fragment-too-big.9223372036854775807.1"
    ProtocolError.MessageTooBig(2L, 1L), "message-too-big.2.1"
    ProtocolError.TooManyFragments 10, "too-many-fragments.10"
    ProtocolError.TextNotUtf8 3L, "text-not-utf8.3"
    ProtocolError.CompressedDataInvalid, "compressed-data-invalid"
    ProtocolError.CompressedDataIncomplete, "compressed-data-incomplete"
    ProtocolError.InflateRatioExceeded 10, "inflate-ratio-exceeded.10"
    ProtocolError.ExtensionFailed("é", "a|.,\n"), "extension-failed.c3a9.617c2e2c0a"
    ProtocolError.ExtensionFailed("", ""), "extension-failed.."
    ProtocolError.CloseFrameTooShort, "close-frame-too-short"
    ProtocolError.CloseCodeInvalid 999, "close-code-invalid.999"
    ProtocolError.CloseReasonNotUtf8, "close-reason-not-utf8"
]

/// Texts, and what is wrong with the state that they begin with.
let private badStates = [
    "x", "no state is called 'x'"
    "open,x", "no state is called 'open,x'"
    "open,rx=text", "no part of a message"
    "open,tx=x", "no message consists of 'x'"
    "open,tx=text,rx=text.0.1.1.1.1.", "no state is called"
    "open,rx=text.0.1.1.1.1.,tx=x", "no message consists of 'x'"
    "open,rx=text.0.1.1.1.1.,x", "no state is called"
    "open,rx=text.8.1.1.1.1.", "8 is more than three bits"
    "open,rx=text.0.1.1.1.1.ff", "no text ends with 'ff'"
    "open,rx=text.0.1.1.1.99999999999.", ""
    "close-sent", "no state is called 'close-sent'"
    "close-sent,-,x", "no state is called"
    "close-sent,03", "close frame too short"
    "close-sent,03e7", "invalid status code 999"
    "close-sent,03e8ff", "invalid UTF-8"
    "close-sent,0", ""
    "draining", "no way to end"
    "closed,clean,-,-", "no way to end"
    "closed,clean,-,-,both", "no way to end"
    "closed,failed,-", "no way to end"
    "closed,abandoned", "no way to end"
    "closed,abandoned,-,-", "no way to end"
    "closed,lost,-,-", "no way to end"
    "closed,failed,x,-", "no rule is called 'x'"
]

let private badErrors = [
    "x", "no rule is called 'x'"
    "", "no rule is called ''"
    "mask-missing.1", "no rule is called"
    "reserved-opcode", "no rule is called"
    "reserved-opcode.256", ""
    "control-frame-too-long.3", "3 is no opcode"
    "control-frame-fragmented.16", "16 is no opcode"
    "fragment-too-big.1", "no rule is called"
    "message-too-big.1.-1", ""
    "extension-failed.61", "no rule is called"
    "extension-failed.61.ff", ""
]

let private badSteps = [
    "", "a step is its time"
    "+0", "a step is its time"
    "+0 @0", "a step is its time"
    "0 @0 <end", "a step is its time"
    "+0 0 <end", "a step is its time"
    "+0 @0 <end x", "a step is its time"
    "+x @0 <end", ""
    "+9223372036854775807 @0 <end", ""
    "+0 @99999999999999999999 <end", ""
    "+0 @0 x", "'x' is no step"
    "+0 @0 <x", "no frame"
    "+0 @0 <83.x.00", "no whole header"
    "+0 @0 <zz.x", ""
    "+0 @0 <81.", "no whole header"
    "+0 @0 <8180000000000000.", "no whole header"
    "+0 @0 <8380.", "invalid opcode 0x3"
    "+0 @0 <8100.", "a client must mask"
    "+0 @0 <8982.01", "another payload than the header says"
    "+0 @0 <8982.#3", "another payload than the header says"
    "+0 @0 <8181.zz", ""
    "+0 @0 <8181.#x", ""
    "+0 @0 <8181.00.x", "no rule is called 'x'"
    "+0 @0 <8181.#1~c3a9", "no text ends with 'c3a9'"
    "+0 @0 <8181.#1?x", ""
    "+0 @0 >x", "nothing is sent by 'x'"
    "+0 @0 >text", "nothing is sent by 'text'"
    "+0 @0 >pong", "nothing is sent by 'pong'"
    "+0 @0 >x.1", "nothing is sent by 'x.1'"
    "+0 @0 >ping.#126", "a control frame of 126 bytes"
    "+0 @0 >ping." + String.replicate 126 "01", "126 bytes"
]

let private badHeads = [
    "", "no ws-recording/2"
    "ws-recording/1", "no ws-recording/2"
    "ws-recording/2", "the settings are not what they should be"
    headOf settings "open more", "the settings are not what they should be"
    headOf (settings.Replace("rsv=", "bits=")) "open", "the settings are not what they should be"
    headOf (settings.Replace("server", "proxy")) "open", "'proxy' is neither 'server' nor 'client'"
    headOf (settings.Replace("=checked", "=x")) "open", "'x' is neither 'checked' nor 'unchecked'"
    headOf (settings.Replace("shortest", "x")) "open", "'x' is neither 'any' nor 'shortest'"
    headOf (settings.Replace("rsv=0", "rsv=8")) "open", "8 is more than three bits"
    headOf (settings.Replace(",262144", "")) "open", "three limits are needed"
    headOf (settings.Replace(",262144", ",0")) "open", "maxFragments"
    headOf (settings.Replace(",-,", ",-1,")) "open", ""
    (headOf settings "open").Replace("2030-01-02", "2030-13-02"), ""
    (headOf settings "open").Replace("dropped=0", "dropped=-1"), ""
]

let private isRefused (step: int) (text: string) (reason: string) =
    match RecordingText.parse text with
    | RecordingParse.Malformed(found, why) ->
        test <@ found = step && why <> "" && why.Contains reason @>

        raisesWith<FormatException> <@ RecordingText.ofText text @> (fun error ->
            <@ error.Message = $"No recording: {why} (step {step})." @>)
    | RecordingParse.Complete recording -> failwith $"read as {recording}"

[<Tests>]
let tests =
    testList "the text of recordings" [
        testTheory "a recording begins in any state" states began
        testTheory "what happened is written as one word and read back" happenings happened
        testTheory
            "a broken rule is written with its numbers and texts, and read back"
            errors
            (fun (error, word) ->
                let payload = RecordedPayload.Measured(0L, Utf8.start, ValueNone)
                happened (data payload (FrameEnding.Undecodable error), $"<81fe012c.#0.{word}")
                began (State.Closed(Closure.Failed(error, normal)), $"closed,failed,{word},03e8"))

        testCase "every rule that can be broken has a word" (fun () ->
            let caseOf (error: ProtocolError) =
                (fst (FSharpValue.GetUnionFields(error, typeof<ProtocolError>))).Name

            let cases = FSharpType.GetUnionCases typeof<ProtocolError> |> Seq.map _.Name |> set
            (errors |> List.map (fst >> caseOf) |> set) =! cases)

        testTheory
            "what a text owes is written as the shortest beginning of a character that owes the same"
            [
                "41", ""
                "df", "c2"
                "e0", "e0"
                "e0a0", "c2"
                "ef", "e1"
                "ee80", "c2"
                "ed", "ed"
                "f0", "f0"
                "f090", "e1"
                "f09080", "c2"
                "f3", "f1"
                "f4", "f4"
            ]
            (fun (text, tail) ->
                began (
                    State.Open(ValueSome(fragment (after text)), ValueNone),
                    $"open,rx=text.4.5.2.7.3.{tail}"
                ))

        testCase "every setting is kept" (fun () ->
            let client = {
                Role = Role.Client
                Limits = Limits.Create(Limits.Unlimited, 9L, 1)
                ValidateText = false
                ReservedBits = ReservedBits.Rsv1 ||| ReservedBits.Rsv3
                AllowLongLengths = true
            }

            { origin with Settings = client }
            |> isWritten (headOf "role=client max=-,9,1 text=unchecked rsv=5 lengths=any" "open"))

        testTheory
            "a client's recording has headers without keys"
            [
                5L, 2, "8205"
                5L, 4, "827e0005"
                300L, 4, "827e012c"
                5L, 10, "827f0000000000000005"
            ]
            (fun (length, size, word) ->
                let header = {
                    masked true Opcode.Binary length size with
                        MaskingKey = ValueNone
                }

                {
                    withStep (of' header (RecordedPayload.Bytes [||]) FrameEnding.Cut) with
                        Settings = ConnectionSettings.Client
                }
                |> isWritten
                    $"""{headOf (settings.Replace("server", "client")) "open"} | +7 @20 <{word}..cut""")

        testCase "blanks and line breaks between the words don't matter" (fun () ->
            let text = $"""{headOf settings "open"} | +7 @20 <end"""
            let broken = "\n " + text.Replace(" ", "\r\n\t ") + "\n"
            RecordingText.ofText broken =! RecordingText.ofText text)

        testTheory
            "a text whose head is none is refused before the first step"
            badHeads
            (fun (text, reason) -> isRefused 0 text reason)

        testTheory
            "a text that begins in no state is refused before the first step"
            badStates
            (fun (state, reason) -> isRefused 0 (headOf settings state) reason)

        testTheory "a rule that there is not is refused at its step" badErrors (fun (error, reason) ->
            isRefused 2 $"""{headOf settings "open"} | +0 @0 <end | +0 @0 <8180..{error}""" reason)

        testTheory "a step that is none is refused, with its number" badSteps (fun (step, reason) ->
            isRefused 2 $"""{headOf settings "open"} | +0 @0 <end | {step} | +x""" reason)
    ]
