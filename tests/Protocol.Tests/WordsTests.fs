/// The values of a connection in words: states, frames, commands, events and steps have a line that people read, which is that of recordings.
module FunctionalWs.Protocol.Tests.WordsTests

open System
open System.Buffers
open System.Globalization
open System.Runtime.CompilerServices
open System.Text
open Expecto
open Microsoft.FSharp.Reflection
open Swensen.Unquote
open FunctionalWs.Protocol
open FunctionalWs.Tests.Samples

let private normal = CloseStatus.Create(CloseCode.NormalClosure, "")
let private bye = CloseStatus.Create(CloseCode.GoingAway, "~ é\n")

let private payloadOf (hex: string) =
    ControlPayload.Create(ReadOnlySpan(Convert.FromHexString hex))

let private fragment (tail: byte[]) : PartialMessage = {
    Kind = DataKind.Text
    ReservedBits = ReservedBits.None
    Size = 1L
    FragmentSize = 1L
    WireSize = 1L
    Fragments = 1
    Text = utf8State tail
}

let private many = {
    fragment [||] with
        Kind = DataKind.Binary
        Size = 9L
        Fragments = 3
}

let private failed = Closure.Failed(ProtocolError.ContinuationUnexpected, normal)

let private states: (obj * string) list = [
    Connection.start, "Open"
    State.Open(ValueNone, ValueSome DataKind.Text), "Open, sending text"
    State.Open(ValueSome many, ValueNone), "Open, receiving binary (9 bytes in 3 frames so far)"
    State.Open(ValueSome(fragment [| 0xC3uy |]), ValueSome DataKind.Binary),
    "Open, receiving text (1 byte in 1 frame so far, 1 byte short of a character), sending binary"
    State.CloseSent(CloseStatus.NoStatus, ValueNone), "CloseSent no code"
    State.CloseSent(bye, ValueSome(fragment [| 0xF0uy |])),
    "CloseSent 1001 '~ \\u00E9\\u000A', receiving text (1 byte in 1 frame so far, 3 bytes short of a character)"
    State.Draining(Closure.Clean(bye, normal, Initiator.Local)),
    "Draining, clean: sent 1000, then received 1001 '~ \\u00E9\\u000A'"
    State.Closed(Closure.Clean(CloseStatus.NoStatus, normal, Initiator.Remote)),
    "Closed, clean: received no code, then sent 1000"
    State.Draining failed, "Draining, failed: unexpected continuation frame; sent 1000"
    State.Closed(Closure.Abandoned normal), "Closed, given up: sent 1000"
    State.Closed(Closure.Lost ValueNone), "Closed, lost"
    State.Closed(Closure.Lost(ValueSome normal)), "Closed, lost: sent 1000"
    failed, "failed: unexpected continuation frame; sent 1000"
    many, "binary (9 bytes in 3 frames so far)"
]

let private header: FrameHeader = {
    Fin = true
    ReservedBits = ReservedBits.None
    Opcode = Opcode.Text
    MaskingKey = ValueNone
    PayloadLength = 5L
    Size = 2
}

let private marked = {
    header with
        Fin = false
        ReservedBits = ReservedBits.Rsv1 ||| ReservedBits.Rsv3
        PayloadLength = 1L
}

/// As a reader has it, from the bytes on the wire: RFC 6455 §5.7.
let private hello =
    match
        FrameReader.readMemory
            ConnectionSettings.Server
            (ReadOnlyMemory(Convert.FromHexString "818537FA213D7F9F4D5158"))
    with
    | FrameParse.Complete frame -> frame
    | other -> failwith $"{other}"

let private frames: (obj * string) list = [
    header, "Text, 5 bytes"
    marked, "Text, 1 byte, not final, Rsv3, Rsv1"
    hello.Header, "Text, 5 bytes, masked with 37FA213D"
    hello, "Text, 5 bytes, masked with 37FA213D"
    HeaderParse.Incomplete, "incomplete"
    HeaderParse.Complete header, "Text, 5 bytes"
    HeaderParse.Malformed ProtocolError.MaskMissing,
    "malformed: incorrect masking: a client must mask its frames"
    FrameParse.Incomplete, "incomplete"
    FrameParse.Complete hello, "Text, 5 bytes, masked with 37FA213D"
    FrameParse.Malformed ProtocolError.LengthTopBit, "malformed: the top bit of a 64-bit length must be 0"
    Input.Received hello, "Text, 5 bytes, masked with 37FA213D"
    Input.Broken ProtocolError.ContinuationExpected, "broken: expected a continuation frame"
    Input.EndOfStream, "end of stream"
    ProtocolError.FragmentTooBig(10L, 5L), "frame of 10 bytes exceeds the limit of 5 bytes"
]

let private commands: (obj * string) list = [
    Command.Message DataKind.Text, "text message"
    Command.FirstFragment DataKind.Binary, "first fragment of a binary message"
    Command.NextFragment false, "next fragment"
    Command.NextFragment true, "last fragment"
    Command.Ping(payloadOf "01"), "Ping 01"
    Command.Pong ControlPayload.Empty, "Pong"
    Command.Close bye, "Close 1001 '~ \\u00E9\\u000A'"
    Command.Fail CloseStatus.NoStatus, "Close no code, and the end"
]

let private events: (obj * string) list = [
    Event.Data(DataKind.Text, true), "text message complete"
    Event.Data(DataKind.Binary, false), "part of a binary message"
    Event.Ping(payloadOf "01"), "ping 01"
    Event.Pong(payloadOf "0aff"), "pong 0AFF"
    Event.Close normal, "close 1000"
    Incoming.Nothing, "nothing yet"
    Incoming.Data(DataKind.Text, false), "part of a text message"
    Incoming.Ping ControlPayload.Empty, "ping"
    Incoming.Pong(payloadOf "01"), "pong 01"
    Incoming.Close bye, "close 1001 '~ \\u00E9\\u000A'"
    Incoming.Refused {
        Error = ProtocolError.MaskMissing
        Offset = 3L
    },
    "refused: incorrect masking: a client must mask its frames (RFC 6455 §5.1, at byte 3)"
    Output.Data(Opcode.Text, true), "Text"
    Output.Data(Opcode.Continuation, false), "Continuation, not final"
    Output.Ping ControlPayload.Empty, "Ping"
    Output.Pong(payloadOf "0aff"), "Pong 0AFF"
    Output.Close CloseStatus.NoStatus, "Close no code"
]

let private nothing: Transition = {
    State = Connection.start
    Event = ValueNone
    Output = ValueNone
    HalfClose = false
}

let private endpoint = WebSocketEndpoint.Create ConnectionSettings.Server

let private received (bytes: string) : ReceiveStep =
    let sink, answers = ArrayBufferWriter<byte>(), ArrayBufferWriter<byte>()
    endpoint.Receive(ReadOnlySpan(Convert.FromHexString bytes), sink, answers)

let private steps: (obj * string) list = [
    nothing, "Open"
    {
        nothing with
            Event = ValueSome(Event.Ping(payloadOf "01"))
            Output = ValueSome(Output.Pong(payloadOf "01"))
    },
    "Open; tells: ping; writes: Pong 01"
    {
        nothing with
            Event = ValueSome(Event.Pong(payloadOf "01"))
    },
    "Open; tells: pong"
    { nothing with HalfClose = true }, "Open; ends sending"
    SendResult.Refused SendError.Closing, "refused: Closing"
    SendResult.Accepted nothing, "Open"
    endpoint, "Server, Open"
    received "818537FA213D7F9F4D5158", "Server, Open; 11 bytes taken; tells: text message complete"
    received "8100",
    "Server, Draining, failed: incorrect masking: a client must mask its frames; sent 1002 'incorrect masking: a client must mask its frames'; "
    + "2 bytes taken; tells: refused: incorrect masking: a client must mask its frames (RFC 6455 §5.1, at byte 1); ends sending"
    (ServerSide.Create(HandshakePolicy.Default, ConnectionSettings.Server)).EndOfStream(),
    "ended without a connection; 0 bytes taken; tells: nothing yet; ends sending"
    endpoint.Send(Command.Close normal), "Server, CloseSent 1000; writes: Close 1000"
    endpoint.Send(Command.NextFragment true), "Server, Open; refused: NoMessageBegun"
    endpoint.Send(Command.Fail normal),
    "Server, Draining, given up: sent 1000; writes: Close 1000; ends sending"
    endpoint.Tick(TimeSpan.FromHours 1.0, Unchecked.defaultof<Traffic>), "Server, Open; due: Nothing"
]

let private others: (obj * string) list = [
    ConnectionSettings.Server,
    "Server; messages of up to 1048576 bytes in up to 262144 frames of unlimited size; text checked"
    {
        ConnectionSettings.Client with
            Limits = Limits.Create(1L, 1L, 1)
            ValidateText = false
            ReservedBits = ReservedBits.Rsv1
            AllowLongLengths = true
    },
    "Client; messages of up to 1 byte in up to 1 frame of up to 1 byte; text not checked; extensions use Rsv1; long lengths allowed"
    Due.Nothing, "Nothing"
    Due.Ping, "Ping"
    Due.Passed Overdue.Message, "Passed Message"
    {
        Unread.Messages = 1
        Bytes = 12L
        Fragments = 3
    },
    "1 message and 3 fragments unread, 12 bytes"
    {
        Received = 100L
        Messages = 4L
        Taken = 5L
        Untaken = 6L
        Sent = 7L
        IsSending = true
        Unread = 1L
    },
    "100 bytes received, 1 unread; messages 4; sent 7, taken 5, 6 untaken, sending"
    Unchecked.defaultof<Traffic>, "0 bytes received, 0 unread; messages 0; sent 0, taken 0, 0 untaken"
]

let private alike (what: string) (values: (obj * string) list) =
    testCase $"{what} in words, for %%A, ToString and strings with values in them alike" (fun () ->
        for value, words in values do
            value.ToString() =! words
            $"%A{value}" =! words
            $"{value}" =! words
            $"%A{[ value ]}" =! $"[{words}]")

/// What has no value by itself: what its case holds says the rest.
let private connectionTypes = [
    typeof<FrameHeader>
    typeof<Frame>
    typeof<HeaderParse>
    typeof<FrameParse>
    typeof<ProtocolError>
    typeof<ConnectionSettings>
    typeof<PartialMessage>
    typeof<Closure>
    typeof<State>
    typeof<Input>
    typeof<Command>
    typeof<Event>
    typeof<Output>
    typeof<Transition>
    typeof<SendResult>
    typeof<Violation>
    typeof<Due>
    typeof<Traffic>
    typeof<Unread>
    typeof<Incoming>
    typeof<ReceiveStep>
    typeof<SendStep>
    typeof<TickStep>
    typeof<ServerStep>
]

[<Tests>]
let tests =
    testList "values in words" [
        alike "states" states
        alike "frames" frames
        alike "commands" commands
        alike "what is told and written" events
        alike "steps" steps
        alike "settings and counters" others

        testCase "are written by code of their own, which a native program has" (fun () ->
            for kind in connectionTypes do
                let text = nonNull (kind.GetMethod("ToString", [||]))
                test <@ kind = text.DeclaringType @>
                test <@ not (text.IsDefined(typeof<CompilerGeneratedAttribute>, false)) @>)

        testCase "are the same in a culture with other numbers and signs" (fun () ->
            let before = CultureInfo.CurrentCulture

            let foreign = CultureInfo("ar-EG", false).Clone() :?> CultureInfo

            foreign.NumberFormat.NegativeSign <- "minus"

            try
                CultureInfo.CurrentCulture <- foreign

                let wrong = {
                    Error = ProtocolError.MaskMissing
                    Offset = -3L
                }

                test <@ wrong.ToString().Contains "at byte -3" @>
                let length = { header with PayloadLength = -1L }
                length.ToString() =! "Text, -1 bytes"
                $"%A{length}" =! "Text, -1 bytes"
            finally
                CultureInfo.CurrentCulture <- before)

        testCase "of the default value of a step name nothing that isn't there" (fun () ->
            (Unchecked.defaultof<Transition>).ToString() =! ""
            (Unchecked.defaultof<ReceiveStep>).ToString() =! "; 0 bytes taken; tells: "
            (Unchecked.defaultof<SendStep>).ToString() =! ""
            (Unchecked.defaultof<TickStep>).ToString() =! "; due: Nothing")
    ]
