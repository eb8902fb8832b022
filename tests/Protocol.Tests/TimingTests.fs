/// What a time leads to: rules on values, asked with times of the tests' own.
module FunctionalWs.Protocol.Tests.TimingTests

open System
open System.Buffers
open Expecto
open Swensen.Unquote
open FunctionalWs.Protocol
open FunctionalWs.Protocol.Tests.Bytes

let private seconds (n: int) = TimeSpan.FromSeconds(float n)

let private timeouts =
    Timeouts.Never
        .WithOpening(seconds 10)
        .WithClosing(seconds 5)
        .WithPing(seconds 20, seconds 15)
        .WithMessage(seconds 30)
        .WithSending(seconds 8)

let private marks = ReadAhead.Create(4, 1, 1_000L)

let private opening =
    WebSocketEndpoint.Create(ConnectionSettings.Server, timeouts, marks, TimeSpan.Zero)

let private opened = opening.Opened(ConnectionSettings.Server, seconds 1)

let private idle: Traffic = {
    Received = 0L
    Messages = 0L
    Taken = 0L
    Untaken = 0L
    Sent = 0L
    IsSending = false
    Unread = 0L
}

let private tick (at: int) (traffic: Traffic) (endpoint: WebSocketEndpoint) =
    let step = endpoint.Tick(seconds at, traffic)
    step.Next, step.Due

/// What is due at each of these times, asked one after the other.
let private ticks (endpoint: WebSocketEndpoint) (times: (int * Traffic) list) : Due list =
    times
    |> List.mapFold
        (fun endpoint (at, traffic) -> tick at traffic endpoint |> (fun (next, due) -> due, next))
        endpoint
    |> fst

let private after (endpoint: WebSocketEndpoint) (bytes: byte[]) : WebSocketEndpoint =
    endpoint.Receive(ReadOnlySpan bytes, ArrayBufferWriter<byte>(), ArrayBufferWriter<byte>()).Next

let private begun = after opened (frame false Opcode.Text "a"B)

let private full: Unread = {
    Messages = 9
    Bytes = 2_000L
    Fragments = 0
}

let private empty: Unread = {
    Messages = 0
    Bytes = 0L
    Fragments = 0
}

let private overdue (limit: Overdue) = Due.Passed limit

[<Tests>]
let limits =
    testList "timeouts" [
        testCase "an opening handshake may take so long" (fun () ->
            ticks opening [ 9, idle; 10, idle; 11, idle ]
            =! [ Due.Nothing; overdue Overdue.Opening; overdue Overdue.Opening ])

        testCase "what has no limit isn't over when the clock is at its end" (fun () ->
            let patient =
                WebSocketEndpoint.Create(ConnectionSettings.Server, Timeouts.Never, marks, TimeSpan.MinValue)

            patient.Tick(TimeSpan.MaxValue, idle).Due =! Due.Nothing)

        testCase "a closing is timed from the first look at it" (fun () ->
            let closing = opened.Send(Command.Close CloseStatus.NoStatus).Next

            ticks closing [ 3, idle; 7, idle; 8, idle ]
            =! [ Due.Nothing; Due.Nothing; overdue Overdue.Closing ])

        testCase "nothing is due of a connection that has ended" (fun () ->
            let ended = opened.EndOfStream().Next
            ticks ended [ 1_000, idle; 2_000, idle ] =! [ Due.Nothing; Due.Nothing ]
            ended.Deadline(seconds 5) =! TimeSpan.MaxValue)

        testCase "a message may take so long, from the first look at its beginning" (fun () ->
            ticks begun [ 2, idle; 20, { idle with Received = 1L }; 32, { idle with Received = 2L } ]
            =! [ Due.Nothing; Due.Nothing; overdue Overdue.Message ])

        testCase
            "what had come when a message's time was up is read first, and nothing else is waited for"
            (fun () ->
                let flood received unread = {
                    idle with
                        Received = received
                        Unread = unread
                }

                ticks begun [ 2, idle; 32, flood 1L 5L; 33, flood 3L 9L; 34, flood 5L 9L; 35, flood 6L 9L ]
                |> List.map (fun due -> due = overdue Overdue.Message)
                =! [ false; false; false; false; true ])

        testCase "a message that follows another one is timed anew" (fun () ->
            ticks begun [
                2, idle
                20,
                {
                    idle with
                        Messages = 1L
                        Received = 1L
                }
                34,
                {
                    idle with
                        Messages = 1L
                        Received = 2L
                }
            ]
            =! [ Due.Nothing; Due.Nothing; Due.Ping ])

        testCase "the beginning of a header is one of a message" (fun () ->
            let cut = after opened [| 0x81uy |]

            ticks cut [ 2, idle; 31, { idle with Received = 1L }; 32, { idle with Received = 2L } ]
            =! [ Due.Nothing; Due.Ping; overdue Overdue.Message ])

        testCase "a peer that takes nothing is given so long from the last byte that it took" (fun () ->
            let sending = { idle with IsSending = true }

            ticks opened [
                2, sending
                9, { sending with Taken = 1L }
                16, { sending with Taken = 1L }
                17, { sending with Taken = 1L }
            ]
            =! [ Due.Nothing; Due.Nothing; Due.Nothing; overdue Overdue.Sending ])

        testCase "a peer that takes what waits isn't stuck, and is given as long again" (fun () ->
            let sending = { idle with IsSending = true }

            ticks opened [ 2, sending; 9, idle; 11, sending; 18, sending; 19, sending ]
            =! [ Due.Nothing; Due.Nothing; Due.Nothing; Due.Nothing; overdue Overdue.Sending ])

        testTheory "are longer than zero" [ 0; -1 ] (fun n ->
            raises<ArgumentOutOfRangeException> <@ timeouts.WithMessage(seconds n) @>)
    ]

[<Tests>]
let keepalive =
    testList "the keepalive" [
        testCase "pings at fixed times from the opening on" (fun () ->
            ticks opened [
                20, idle
                21, idle
                22, { idle with Received = 1L }
                45, { idle with Received = 1L }
            ]
            =! [ Due.Nothing; Due.Ping; Due.Nothing; Due.Ping ])

        testCase "a look that comes late delays one ping, not all that follow" (fun () ->
            ticks opened [ 38, idle; 40, { idle with Received = 1L }; 41, { idle with Received = 1L } ]
            =! [ Due.Ping; Due.Nothing; Due.Ping ])

        testCase "gives a peer up that is silent after a ping, and says so until something is done" (fun () ->
            ticks opened [ 21, idle; 35, idle; 36, idle; 37, idle ]
            =! [ Due.Ping; Due.Nothing; overdue Overdue.Ping; overdue Overdue.Ping ])

        testTheory
            "takes any byte that comes for a sign of life, and any byte taken of what had waited before the ping"
            [
                idle, { idle with Received = 1L }
                { idle with Untaken = 9L }, { idle with Taken = 1L }
            ]
            (fun (before, life) ->
                ticks opened [ 21, before; 35, life; 36, life; 37, life ]
                =! [ Due.Ping; Due.Nothing; Due.Nothing; Due.Nothing ])

        testCase "counts silence from the first ping that is unanswered, not from the last" (fun () ->
            let often =
                WebSocketEndpoint
                    .Create(
                        ConnectionSettings.Server,
                        Timeouts.Never.WithPing(seconds 10, seconds 15),
                        marks,
                        TimeSpan.Zero
                    )
                    .Opened(ConnectionSettings.Server, TimeSpan.Zero)

            ticks often [ 10, idle; 20, idle; 24, idle; 25, idle ]
            =! [ Due.Ping; Due.Ping; Due.Nothing; overdue Overdue.Ping ])

        testCase "gives a peer up that takes nothing of what had waited" (fun () ->
            let waiting = { idle with Untaken = 9L }

            ticks opened [ 21, waiting; 35, waiting; 36, waiting ]
            =! [ Due.Ping; Due.Nothing; overdue Overdue.Ping ])

        testCase "takes what has come and isn't read for a sign of life" (fun () ->
            ticks opened [ 21, idle; 35, { idle with Unread = 1L }; 36, idle; 40, idle ]
            =! [ Due.Ping; Due.Nothing; Due.Nothing; Due.Nothing ])

        testCase "does not take it for a sign of life that the ping itself was taken" (fun () ->
            let taken = { idle with Taken = 10L }

            ticks opened [ 21, idle; 22, taken; 35, taken; 36, taken ]
            =! [ Due.Ping; Due.Nothing; Due.Nothing; overdue Overdue.Ping ])

        testCase "does not call a peer silent that isn't read, and goes on when it is read again" (fun () ->
            let paused = opened.ReadOn full
            paused.Reading =! Reading.Stop

            let dues, last =
                [ 21; 41; 61; 81 ]
                |> List.mapFold
                    (fun (endpoint: WebSocketEndpoint) at ->
                        tick at idle endpoint |> fun (next, due) -> due, next)
                    paused

            dues =! [ Due.Ping; Due.Ping; Due.Ping; Due.Ping ]

            ticks (last.ReadOn empty) [ 82, idle; 101, idle; 115, idle; 116, idle ]
            =! [ Due.Nothing; Due.Ping; Due.Nothing; overdue Overdue.Ping ])

        testCase "gives a peer up that isn't read since it takes nothing" (fun () ->
            let endpoint =
                WebSocketEndpoint
                    .Create(
                        ConnectionSettings.Server,
                        Timeouts.Never.WithPing(seconds 20, seconds 15),
                        marks,
                        TimeSpan.Zero
                    )
                    .Opened(ConnectionSettings.Server, seconds 1)

            let stuck = {
                idle with
                    IsSending = true
                    Unread = 1L
            }

            ticks (endpoint.ReadOn full) [ 21, stuck; 36, stuck ]
            =! [ Due.Ping; overdue Overdue.Ping ])

        testCase "does not call a message late when nobody looked while it wasn't read" (fun () ->
            let endpoint, _ = tick 2 idle begun
            let again = endpoint.ReadOn(full).ReadOn empty

            ticks again [ 19, idle; 20, { idle with Received = 1L }; 32, { idle with Received = 1L } ]
            |> List.contains (overdue Overdue.Message)
            =! false)

        testCase
            "times what is unfinished by itself: two pings that look alike are not one that is late"
            (fun () ->
                let arrive (bytes: byte[]) (endpoint: WebSocketEndpoint) =
                    endpoint
                        .Receive(ReadOnlySpan bytes, ArrayBufferWriter<byte>(), ArrayBufferWriter<byte>())
                        .Next

                let ping = frame true Opcode.Ping "p"B
                let life n = { idle with Received = n }
                let first, _ = tick 2 (life 1L) (arrive ping[..2] opened)
                let second = first |> arrive ping[3..] |> arrive ping[..2]

                ticks second [ 20, life 2L; 33, life 3L; 49, life 4L ]
                |> List.filter (fun due -> due = overdue Overdue.Message)
                =! []

                ticks second [ 20, life 2L; 33, life 3L; 50, life 4L ] |> List.last
                =! overdue Overdue.Message)

        testCase "does not call a message late that isn't read" (fun () ->
            ticks (begun.ReadOn full) [ 2, idle; 20, idle; 40, idle ]
            =! [ Due.Nothing; Due.Nothing; Due.Ping ])
    ]

[<Tests>]
let deadlines =
    testList "the next deadline" [
        testCase "is that of the handshake, then of the next ping" (fun () ->
            opening.Deadline(seconds 3) =! seconds 10

            let calm =
                WebSocketEndpoint.Create(
                    ConnectionSettings.Server,
                    Timeouts.Never.WithPing(seconds 20, seconds 15),
                    marks,
                    TimeSpan.Zero
                )

            calm.Opened(ConnectionSettings.Server, seconds 1).Deadline(seconds 3)
            =! seconds 21)

        testCase "is at once when a closing has begun, then at its end" (fun () ->
            let closing = opened.Send(Command.Close CloseStatus.NoStatus).Next
            closing.Deadline(seconds 3) =! seconds 3
            (fst (tick 3 idle closing)).Deadline(seconds 3) =! seconds 8)

        testCase "is that of what is timed, or an eighth of a limit away" (fun () ->
            let deadline (limits: Timeouts) (bytes: byte[]) (looks: (int * Traffic) list) (now: int) =
                let start =
                    WebSocketEndpoint
                        .Create(ConnectionSettings.Server, limits, marks, TimeSpan.Zero)
                        .Opened(ConnectionSettings.Server, TimeSpan.Zero)

                let endpoint =
                    looks
                    |> List.fold
                        (fun endpoint (at, traffic) -> fst (tick at traffic endpoint))
                        (after start bytes)

                (endpoint.Deadline(seconds now)).TotalSeconds

            let message = Timeouts.Never.WithMessage(seconds 32)
            let sending = Timeouts.Never.WithSending(seconds 8)
            let stuck = { idle with IsSending = true }
            let ping = Timeouts.Never.WithPing(seconds 20, seconds 15)
            let first = frame false Opcode.Text "a"B

            // A message: not looked at yet, begun, and being read since its time is up.
            deadline message first [] 2 =! 6.0
            deadline message first [ 2, idle ] 3 =! 34.0
            deadline message first [ 2, idle; 34, { idle with Unread = 1L } ] 34 =! 38.0
            // Output: none waits, some does.
            deadline sending [||] [] 2 =! 3.0
            deadline sending [||] [ 2, stuck ] 3 =! 10.0
            // A ping: the next, or its answer, whichever is first.
            deadline ping [||] [] 2 =! 20.0
            deadline ping [||] [ 20, idle ] 21 =! 35.0

            deadline (Timeouts.Never.WithPing(seconds 10, seconds 15)) [||] [ 10, idle ] 11
            =! 20.0
            // The first of all.
            let all = ping.WithMessage(seconds 32).WithSending(seconds 8)
            deadline all first [ 2, idle ] 3 =! 4.0
            deadline all first [ 2, stuck ] 3 =! 10.0
            deadline (all.WithSending(seconds 400)) first [ 2, idle ] 3 =! 20.0

            deadline (ping.WithMessage(seconds 8).WithSending(seconds 400)) first [ 2, idle ] 3
            =! 10.0)

        testCase "is never, where it can't be counted" (fun () ->
            let closing =
                WebSocketEndpoint
                    .Create(
                        ConnectionSettings.Server,
                        Timeouts.Never.WithClosing(TimeSpan.MaxValue - TimeSpan.FromTicks 1L),
                        marks,
                        TimeSpan.Zero
                    )
                    .Opened(ConnectionSettings.Server, seconds 1)
                    .Send(Command.Close CloseStatus.NoStatus)
                    .Next

            (fst (tick 3 idle closing)).Deadline(seconds 3) =! TimeSpan.MaxValue)

        testCase "is never, without limits" (fun () ->
            (WebSocketEndpoint.Create ConnectionSettings.Server).Deadline(seconds 3)
            =! TimeSpan.MaxValue)
    ]

[<Tests>]
let readingAhead =
    testList "reading ahead" [
        testCase "goes on for control frames at the high mark, and for all at the low one" (fun () ->
            let readings counts =
                counts
                |> List.mapFold
                    (fun (endpoint: WebSocketEndpoint) count ->
                        let next = endpoint.ReadOn { empty with Messages = count }
                        next.Reading, next)
                    opened
                |> fst

            readings [ 3; 4; 3; 2; 1; 3 ]
            =! [
                Reading.On
                Reading.ControlOnly
                Reading.ControlOnly
                Reading.ControlOnly
                Reading.On
                Reading.On
            ])

        testCase "stops at the bound on bytes, until half of it is left" (fun () ->
            let readings sizes =
                sizes
                |> List.mapFold
                    (fun (endpoint: WebSocketEndpoint) size ->
                        let next = endpoint.ReadOn { empty with Bytes = int64 size }
                        next.Reading, next)
                    opened
                |> fst

            readings [ 999; 1_000; 999; 501; 500 ]
            =! [ Reading.On; Reading.Stop; Reading.Stop; Reading.Stop; Reading.On ])

        testTheory
            "counts what is empty, too"
            [ { empty with Messages = 16 }; { empty with Fragments = 125 } ]
            (fun unread -> opened.ReadOn(unread).Reading =! Reading.Stop)

        testCase "is never held up once the connection closes" (fun () ->
            let closing = opened.ReadOn(full).Send(Command.Close CloseStatus.NoStatus).Next
            closing.ReadOn(full).Reading =! Reading.On)

        testCase "changes nothing where the answer stays" (fun () ->
            obj.ReferenceEquals(opened.ReadOn empty, opened) =! true)
    ]

[<Tests>]
let farTimes =
    testList "times at the ends of what there is" [
        testCase "pings that would come after all times are never due" (fun () ->
            let rare =
                Timeouts.Never.WithPing(TimeSpan.MaxValue - TimeSpan.FromMinutes 30.0, seconds 1)

            let endpoint =
                WebSocketEndpoint
                    .Create(ConnectionSettings.Server, rare, marks, TimeSpan.FromHours 1.0)
                    .Opened(ConnectionSettings.Server, TimeSpan.FromHours 1.0)

            endpoint.Deadline(TimeSpan.FromHours 1.0) =! TimeSpan.MaxValue
            (endpoint.Tick(TimeSpan.FromHours 2.0, idle)).Due =! Due.Nothing)

        testCase "an endpoint made before zero without limits is never asked again" (fun () ->
            let before = TimeSpan.FromHours -1.0

            let endpoint =
                WebSocketEndpoint.Create(ConnectionSettings.Server, Timeouts.Never, marks, before)

            endpoint.Deadline before =! TimeSpan.MaxValue

            endpoint.Opened(ConnectionSettings.Server, before).Deadline before
            =! TimeSpan.MaxValue)

        testCase "no time makes an endpoint throw" (fun () ->
            let ends = [
                TimeSpan.MinValue
                TimeSpan.FromHours -1.0
                TimeSpan.Zero
                TimeSpan.FromHours 1.0
                TimeSpan.MaxValue
            ]

            let limits = [
                TimeSpan.FromTicks 1L
                seconds 10
                TimeSpan.MaxValue - TimeSpan.FromMinutes 30.0
                TimeSpan.MaxValue
            ]

            let full = {
                idle with
                    Received = Int64.MaxValue
                    Taken = Int64.MaxValue
                    Sent = Int64.MaxValue
                    Untaken = Int64.MaxValue
                    IsSending = true
                    Unread = Int64.MaxValue
            }

            for start in ends do
                for limit in limits do
                    let timeouts =
                        Timeouts.Never
                            .WithOpening(limit)
                            .WithClosing(limit)
                            .WithPing(limit, limit)
                            .WithMessage(limit)
                            .WithSending(limit)

                    let opening =
                        WebSocketEndpoint.Create(ConnectionSettings.Server, timeouts, marks, start)

                    let opened = opening.Opened(ConnectionSettings.Server, start)
                    let begun = after opened (frame false Opcode.Text "a"B)
                    let closing = (opened.Send(Command.Close CloseStatus.NoStatus)).Next

                    for first in [ opening; opened; begun; closing ] do
                        for now in ends do
                            for traffic in [ idle; full ] do
                                let mutable endpoint = first

                                for look in [ now; start; TimeSpan.MaxValue ] do
                                    endpoint <- (endpoint.Tick(look, traffic)).Next
                                    endpoint.Deadline look |> ignore)

        testCase "what waits unread costs no more than there are numbers for" (fun () ->
            let most: Unread = {
                Messages = Int32.MaxValue
                Bytes = Int64.MaxValue
                Fragments = Int32.MaxValue
            }

            most.Cost =! Int64.MaxValue

            {
                most with
                    Messages = 0
                    Fragments = 0
            }
                .Cost
            =! Int64.MaxValue

            (opened.ReadOn most).Reading =! Reading.Stop)
    ]
