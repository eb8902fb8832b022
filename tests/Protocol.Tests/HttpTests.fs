module FunctionalWs.Protocol.Tests.HttpTests

open System
open System.Buffers
open System.Text
open Expecto
open FunctionalWs.TestKit
open Swensen.Unquote
open FunctionalWs.Protocol

let private latin1 (text: string) = Encoding.Latin1.GetBytes text

/// What reading came to, as values that compare.
type Read =
    | Waiting
    | Done of Request * Consumed: int
    | Wrong of HeadError
    | Foreign

let private told (parse: RequestParse) : Read =
    match parse with
    | RequestParse.Incomplete _ -> Waiting
    | RequestParse.Complete(request, consumed) -> Done(request, consumed)
    | RequestParse.Malformed error -> Wrong error
    | RequestParse.NotHttp -> Foreign

let private parseWithin (limits: HeadLimits) (buffer: ReadOnlySequence<byte>) : Read =
    told (RequestReader(limits).Read &buffer)

let private parseSequence (buffer: ReadOnlySequence<byte>) : Read = parseWithin HeadLimits.Default buffer

let private parse (text: string) : Read =
    told (RequestReader().Read(ReadOnlySpan(latin1 text)))

let private isWaiting (read: Read) =
    match read with
    | Waiting -> true
    | Done _
    | Wrong _
    | Foreign -> false

let private request (text: string) =
    match parse text with
    | Done(request, _) -> request
    | other -> failwith $"{other}"

let private errorOf (text: string) =
    match parse text with
    | Wrong error -> error
    | other -> failwith $"{other}"

/// Reads arrivals as a caller does: each once. What is consumed counts from the first.
let private readAll
    (limits: HeadLimits)
    (read: RequestReader -> byte[] -> RequestParse)
    (arrivals: byte[] list)
    =
    let rec next (reader: RequestReader) (before: int) (arrivals: byte[] list) =
        match arrivals with
        | [] -> Waiting
        | arrival :: rest ->
            match read reader arrival with
            | RequestParse.Incomplete reader -> next reader (before + arrival.Length) rest
            | RequestParse.Complete(request, consumed) -> Done(request, before + consumed)
            | RequestParse.Malformed error -> Wrong error
            | RequestParse.NotHttp -> Foreign

    next (RequestReader limits) 0 arrivals

let private bySpans (reader: RequestReader) (bytes: byte[]) = reader.Read(ReadOnlySpan bytes)

let private bySegments (cuts: int list) (reader: RequestReader) (bytes: byte[]) =
    let buffer = Bytes.segments cuts bytes
    reader.Read &buffer

let private sample =
    "GET /chat HTTP/1.1\r\nHost: server.example.com\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
    + "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nOrigin: http://example.com\r\n"
    + "Sec-WebSocket-Protocol: chat, superchat\r\nSec-WebSocket-Version: 13\r\n\r\n"

let private withHeader (line: string) = $"GET / HTTP/1.1\r\n{line}\r\n\r\n"

/// A head whose first or second line has this size with its CR and LF.
let private withLineOf (size: int) (isFirst: bool) =
    if isFirst then
        "GET /" + String('x', size - 16) + " HTTP/1.1\r\n\r\n"
    else
        withHeader ("X: " + String('x', size - 5))

[<Tests>]
let reading =
    testList "reading a request's head (RFC 9112)" [
        testCase "the sample of RFC 6455 §1.2" (fun () ->
            let found = request sample
            (found.Method, found.Target, found.Version) =! ("GET", "/chat", "HTTP/1.1")
            found.Headers.Count =! 7
            found.Headers.Get "origin" =! "http://example.com")

        testCase "what follows the head is not touched" (fun () ->
            parse (sample + "\x81\x80GET / HTTP/1.1\r\n")
            =! Done(request sample, sample.Length))

        testCase "every strict prefix is incomplete" (fun () ->
            for length in 0 .. sample.Length - 1 do
                parse (sample.Substring(0, length)) =! Waiting)

        testCase "cut at every place it is the same" (fun () ->
            let whole = parse sample

            for at in 1 .. sample.Length - 1 do
                if parseSequence (Bytes.segments [ at ] (latin1 sample)) <> whole then
                    failwith $"cut at {at}"

            parseSequence (Bytes.segments [ 1 .. sample.Length ] (latin1 sample)) =! whole)

        testCase "a first line that is no request line is that, whatever else is wrong after it" (fun () ->
            let garbage = "x y\r\n" + String.replicate 200 "A: b\r\n"

            for length in 5 .. garbage.Length do
                errorOf (garbage.Substring(0, length)) =! HeadError.StartLine "x y")

        testTheory
            "other methods, targets and versions are read"
            [
                "OPTIONS * HTTP/1.1\r\n\r\n", ("OPTIONS", "*", "HTTP/1.1")
                "get /a?b#c HTTP/1.0\r\n\r\n", ("get", "/a?b#c", "HTTP/1.0")
                "GET  HTTP/1.1\r\n\r\n", ("GET", "", "HTTP/1.1")
            ]
            (fun (text, expected) ->
                let found = request text
                (found.Method, found.Target, found.Version) =! expected)

        testTheory
            "a first line that is none of HTTP is found at once (RFC 9112 §3)"
            [
                "HELO relay.invalid\r\n"
                "GET / http/1.1\r\n"
                "GET /  HTTP/1.1\r\n"
                "GET / HTTP/1.1 \r\n"
                "GET / HTTP/1.\r\n"
                "GET / HTTP/1.x\r\n"
                "GET / HTTP/1,1\r\n"
                "GET / HTTP/x.1\r\n"
                "GET / HTTX/1.1\r\n"
                "GET /\r\n"
                "GET /\xE9 HTTP/1.1\r\n"
            ]
            (fun text -> errorOf text =! HeadError.StartLine(text.Substring(0, text.Length - 2)))

        testTheory
            "another version of HTTP is told as such (RFC 9112 §2.3)"
            [ "HTTP/2.0"; "HTTP/1.2"; "HTTP/0.9" ]
            (fun version ->
                errorOf $"GET / {version}\r\n" =! HeadError.HttpVersion version
                errorOf $"PRI * {version}\r\n" =! HeadError.HttpVersion version)

        testTheory
            "what doesn't begin with a method and a space is no HTTP, as soon as that can be seen"
            [
                "\x16\x03\x01\x02\x00", 1
                "\x00", 1
                "\x81\x80", 1
                " / HTTP/1.1\r\n", 1
                "G\xC9T / HTTP/1.1\r\n", 2
                "SSH-2.0-OpenSSH_9.6\r\n", 20
                "GET\r\n", 4
                "GET\n", 4
                "\n", 1
                "\rGET / HTTP/1.1", 2
                "\r\n\x16", 3
                String('X', 63) + "X", 64
                String('X', 63) + "\x16", 64
            ]
            (fun (text, seen) ->
                parse text =! Foreign

                for length in 0 .. seen - 1 do
                    test <@ isWaiting (parse (text.Substring(0, length))) @>

                parse (text.Substring(0, seen)) =! Foreign)

        testCase "a method of 63 characters is one" (fun () ->
            (request (String('X', 63) + " / HTTP/1.1\r\n\r\n")).Method.Length =! 63)

        testTheory "empty lines before a request are passed over (RFC 9112 §2.2)" [ 1; 2; 100 ] (fun count ->
            let before = String.replicate count "\r\n"
            parse (before + sample) =! Done(request sample, (before + sample).Length))

        testCase "empty lines count as the head's" (fun () ->
            let empty = String.replicate 32_768 "\r\n"
            parse empty =! Waiting
            errorOf (empty + "G") =! HeadError.HeadTooLarge 65_536
            parse (empty + "\x16") =! Foreign)

        testTheory
            "a line that is no header"
            [
                "no colon"
                ": no name"
                "a b: x"
                "a : x"
                " folded: x"
                "a: b\rc"
                "a: \000"
                "a: \127"
            ]
            (fun line -> errorOf (withHeader line) =! HeadError.HeaderLine line)

        testCase
            "a value that goes on in a further line is a client's mistake, whatever came before it (RFC 9112 §5.2)"
            (fun () ->
                for head in
                    [
                        "GET / HTTP/1.1\r\n"
                        "GET / HTTP/1.1\r\nHost: a\r\n"
                        "GET / HTTP/1.1\r\nHost: a\r\nB: c\r\n"
                    ] do
                    errorOf (head + " more\r\n\r\n") =! HeadError.HeaderLine " more")

        testTheory
            "a line that ends with LF alone"
            [
                "GET / HTTP/1.1\n\n"
                "GET /\n"
                "GET / HTTP/1.1\r\nA: b\n\r\n"
                "GET / HTTP/1.1\r\nA: b\r\n\n"
            ]
            (fun text -> errorOf text =! HeadError.LineEnding)

        testCase "a value loses the blanks around it, and keeps Latin-1" (fun () ->
            (request (withHeader "A: \t caf\xE9 \t")).Headers.Get "a" =! "caf\xE9"
            (request (withHeader "A:")).Headers.Get "a" =! "")

        testTheory
            "a length that is no number is refused (RFC 9112 §6.3)"
            [ "+0"; "-0"; "0x0"; "0_0"; "0, 0"; ""; "0 0"; "\xB2" ]
            (fun value -> errorOf (withHeader $"Content-Length: {value}") =! HeadError.ContentLength value)

        testCase "a body is refused by its length, however large that is" (fun () ->
            errorOf (withHeader "Content-Length: 5") =! HeadError.Body "5"
            let large = String('9', 100)
            errorOf (withHeader $"Content-Length: {large}") =! HeadError.Body large)

        testCase "two lengths and any coding are refused, a length of zero is not" (fun () ->
            errorOf (withHeader "Content-Length: 0\r\ncontent-length: 0")
            =! HeadError.ContentLength "0, 0"

            errorOf (withHeader "Transfer-Encoding: chunked")
            =! HeadError.TransferEncoding "chunked"

            errorOf (withHeader "Transfer-Encoding: chunked\r\nContent-Length: 0")
            =! HeadError.TransferEncoding "chunked"

            errorOf "GET / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n"
            =! HeadError.TransferEncoding "chunked"

            errorOf (withHeader "Transfer-Encoding: chunked\r\ntransfer-encoding: gzip")
            =! HeadError.TransferEncoding "chunked, gzip"

            (request (withHeader "Content-Length: 0")).Method =! "GET"
            (request (withHeader "Content-Length: 000")).Method =! "GET")

        testProperty "no bytes make the parser throw" (fun (data: byte[]) (cuts: int list) ->
            data.Length = 0 || not (isNull (box (parseSequence (Bytes.segments cuts data)))))

        testProperty
            "a good head with one byte changed doesn't make it throw"
            (fun (place: uint16) (value: byte) ->
                let data = latin1 sample
                data[int place % data.Length] <- value
                not (isNull (box (parseSequence (Bytes.whole data)))))
    ]

[<Tests>]
let limits =
    testList "limits of a head" [
        testCase "a line of 8,192 bytes is taken, one more is not" (fun () ->
            (request (withLineOf 8_192 true)).Method =! "GET"

            errorOf (withLineOf 8_193 true) =! HeadError.StartLineTooLong 8_192

            (request (withLineOf 8_192 false)).Headers.Count =! 1

            errorOf (withLineOf 8_193 false) =! HeadError.HeaderLineTooLong 8_192)

        testCase "a line is too long before its end has come" (fun () ->
            parse ("GET /" + String('x', 8_187)) =! Waiting

            errorOf ("GET /" + String('x', 8_188)) =! HeadError.StartLineTooLong 8_192)

        testCase "128 headers are taken, one more is not" (fun () ->
            let lines count = String.replicate count "A: b\r\n"
            ((request $"GET / HTTP/1.1\r\n{lines 128}\r\n").Headers.GetAll "a").Count =! 128

            errorOf $"GET / HTTP/1.1\r\n{lines 129}\r\n" =! HeadError.TooManyHeaders 128)

        testCase "the largest number of headers is no limit at all" (fun () ->
            let limits = HeadLimits(maxHeaderCount = Int32.MaxValue)

            parseWithin limits (Bytes.whole (latin1 sample))
            =! Done(request sample, sample.Length))

        testCase "a head of 65,536 bytes is taken, one more is not" (fun () ->
            let lines = String.replicate 8 ("A: " + String('x', 8_000) + "\r\n")

            let rest =
                65_536 - "GET / HTTP/1.1\r\n".Length - lines.Length - "B: \r\n\r\n".Length

            let head (size: int) =
                $"GET / HTTP/1.1\r\n{lines}B: {String('y', size)}\r\n\r\n"

            (head rest).Length =! 65_536
            (request (head rest)).Headers.Count =! 2
            errorOf (head (rest + 1)) =! HeadError.HeadTooLarge 65_536)

        testCase "limits are checked when they are set" (fun () ->
            raises<ArgumentOutOfRangeException> <@ HeadLimits(63, 64, 1, 64) @>
            raises<ArgumentOutOfRangeException> <@ HeadLimits(64, 63, 1, 64) @>
            raises<ArgumentOutOfRangeException> <@ HeadLimits(64, 64, 0, 64) @>
            raises<ArgumentOutOfRangeException> <@ HeadLimits(64, 64, 1, 63) @>
            raises<ArgumentOutOfRangeException> <@ HeadLimits(64, 64, 1, 16_777_217) @>
            raises<ArgumentOutOfRangeException> <@ HeadLimits(16_777_217, 64, 1, 64) @>)

        testCase "limits are equal by their values, and can be read" (fun () ->
            HeadLimits() =! HeadLimits.Default

            HeadLimits(maxHeadSize = 64).GetHashCode()
            =! HeadLimits(maxHeadSize = 64).GetHashCode()

            test <@ HeadLimits(maxHeadSize = 64) <> HeadLimits.Default @>
            test <@ not (HeadLimits.Default.Equals null) @>
            (HeadLimits.Smallest, HeadLimits.Largest) =! (64, 16 * 1024 * 1024)

            string HeadLimits.Default
            =! "first line 8192, header line 8192, 128 headers, head 65536 bytes")

        testCase "request line and header lines have limits of their own" (fun () ->
            let errorWithin limits (text: string) =
                match parseWithin limits (Bytes.whole (latin1 text)) with
                | Wrong error -> error
                | other -> failwith $"{other}"

            errorWithin (HeadLimits(64, 1_000, 9, 9_000)) (withLineOf 65 true)
            =! HeadError.StartLineTooLong 64

            errorWithin (HeadLimits(1_000, 64, 9, 9_000)) (withLineOf 65 false)
            =! HeadError.HeaderLineTooLong 64)
    ]

[<Tests>]
let writing =
    testList "writing heads" [
        testCase "a request is read back" (fun () ->
            let original = request sample
            let writer = ArrayBufferWriter<byte>()
            original.WriteTo writer
            Encoding.Latin1.GetString writer.WrittenSpan =! sample
            parseSequence (Bytes.whole (writer.WrittenSpan.ToArray())) =! parse sample)

        testCases
            "a request that no reader would read as it is isn't written, and the field is named"
            [
                "Method",
                (fun (request: Request) -> {
                    request with
                        Method = "GET /x HTTP/1.1\r\nA: b\r\n\r\nGET"
                })
                "Method", (fun request -> { request with Method = "" })
                "Method", (fun request -> { request with Method = "GÉT" })
                "Target", (fun request -> { request with Target = "" })
                "Target",
                (fun request -> {
                    request with
                        Target = "/ HTTP/1.1\r\nA: b"
                })
                "Target", (fun request -> { request with Target = "/a b" })
                "Target", (fun request -> { request with Target = "/\127" })
                "Target", (fun request -> { request with Target = "/é" })
                "Target", (fun request -> { request with Target = "/€" })
                "Version",
                (fun request -> {
                    request with
                        Version = "HTTP/1.1\r\nA: b"
                })
                "Version", (fun request -> { request with Version = "HTTP/2.0" })
                "Method",
                (fun request -> {
                    request with
                        Method = Unchecked.defaultof<string>
                })
                "Target",
                (fun request -> {
                    request with
                        Target = Unchecked.defaultof<string>
                })
                "Version",
                (fun request -> {
                    request with
                        Version = Unchecked.defaultof<string>
                })
                "Headers",
                (fun request -> {
                    request with
                        Headers = Unchecked.defaultof<Headers>
                })
            ]
            (fun (field, change) ->
                let writer = ArrayBufferWriter<byte>()
                let changed = change (request sample)

                let named =
                    try
                        changed.WriteTo writer
                        "written"
                    with :? ArgumentException as error ->
                        string error.ParamName

                named =! field
                writer.WrittenCount =! 0)

        testProperty
            "a request that is written is read as it was"
            (fun (method: char list) (target: char list) (old: bool) ->
                let text (characters: char list) =
                    String(Array.ofList (characters |> List.filter (fun c -> c <> char 0)))

                let original = {
                    request sample with
                        Method = text method
                        Target = text target
                        Version = if old then "HTTP/1.0" else "HTTP/1.1"
                }

                let writer = ArrayBufferWriter<byte>()

                try
                    original.WriteTo writer

                    match RequestReader().Read writer.WrittenSpan with
                    | RequestParse.Complete(again, consumed) ->
                        again =! original
                        consumed =! writer.WrittenCount
                    // A first line that begins with 64 characters of a token is like no request.
                    | RequestParse.NotHttp -> test <@ original.Method.Length >= 64 @>
                    | other -> failwith $"{other}"
                with :? ArgumentException ->
                    writer.WrittenCount =! 0)

        testCase "a response has its status line, its fields and its body" (fun () ->
            let writer = ArrayBufferWriter<byte>()

            Response.Empty(404).WithHeader("A", "é").WithBody(ReadOnlyMemory "body"B).WriteTo writer

            Encoding.Latin1.GetString writer.WrittenSpan
            =! "HTTP/1.1 404 Not Found\r\nA: é\r\n\r\nbody")

        testCase "a status without a phrase has its blank all the same (RFC 9112 §4)" (fun () ->
            let writer = ArrayBufferWriter<byte>()
            Response.Empty(599).WriteTo writer
            Encoding.Latin1.GetString writer.WrittenSpan =! "HTTP/1.1 599 \r\n\r\n")
    ]

/// Heads that go wrong in every way, and good ones, under limits small enough to meet.
let private hostile (seed: int) : byte[] =
    let dice = Random seed

    let lines = [|
        "GET / HTTP/1.1\r\n"
        "GET /" + String('x', dice.Next 80) + " HTTP/1.1\r\n"
        "GET / HTTP/2.0\r\n"
        "Host: a\r\n"
        "A:" + String(' ', dice.Next 70) + "\r\n"
        "B: " + String('y', dice.Next 70) + "\r\n"
        "Content-Length: 7\r\n"
        "\r\n"
        "\n"
        "\r"
        "no header\r\n"
        "\x16\x03"
        String('X', dice.Next 70)
    |]

    let start =
        if dice.Next 4 > 0 then
            lines[dice.Next 2]
        else
            lines[dice.Next lines.Length]

    let text =
        String.concat "" [
            String.replicate (dice.Next 3) "\r\n"
            start
            for _ in 0 .. dice.Next 6 do
                if dice.Next 3 > 0 then
                    lines[3 + dice.Next 3]
                else
                    lines[dice.Next lines.Length]
            "\r\n"
        ]

    // One in four comes only in part.
    let size =
        if dice.Next 4 = 0 then
            dice.Next text.Length
        else
            text.Length

    latin1 (text.Substring(0, size))

[<Tests>]
let resuming =
    let small = HeadLimits(64, 64, 4, 192)

    testList "going on where reading stopped" [
        testCase "the sample in single bytes, as spans and as sequences" (fun () ->
            let bytes = latin1 sample
            let single = [ for value in bytes -> [| value |] ]
            let whole = Done(request sample, sample.Length)
            readAll HeadLimits.Default bySpans single =! whole
            readAll HeadLimits.Default (bySegments []) single =! whole
            readAll HeadLimits.Default (bySegments [ 1..99 ]) single =! whole)

        testProperty
            "any cut of any head gives the same result"
            (fun (seed: int) (cuts: byte list) (segments: byte list) ->
                let bytes = hostile seed
                let single = readAll small bySpans [ for value in bytes -> [| value |] ]
                let arrivals = Bytes.cut [ for cut in cuts -> int cut ] bytes

                single =! parseWithin small (Bytes.whole bytes)

                single
                =! parseWithin small (Bytes.segments [ for cut in segments -> int cut ] bytes)

                single =! readAll small bySpans arrivals
                single =! readAll small (bySegments [ for cut in segments -> int cut ]) arrivals)

        testCase "the hostile heads above come to every end" (fun () ->
            let ends = [
                for seed in 0..4_999 ->
                    match parseWithin small (Bytes.whole (hostile seed)) with
                    | Waiting -> "waiting"
                    | Done _ -> "done"
                    | Foreign -> "foreign"
                    | Wrong error -> ViolationTests.caseOf error
            ]

            set ends
            =! set [
                "waiting"
                "done"
                "foreign"
                "StartLineTooLong"
                "HeaderLineTooLong"
                "TooManyHeaders"
                "HeadTooLarge"
                "LineEnding"
                "StartLine"
                "HttpVersion"
                "HeaderLine"
                "Body"
                "ContentLength"
            ])

        testCase "a reader is not changed by reading" (fun () ->
            let reader = RequestReader()

            told (reader.Read(ReadOnlySpan(latin1 sample)))
            =! told (reader.Read(ReadOnlySpan(latin1 sample)))

            match reader.Read(ReadOnlySpan "GET / HTTP/1.1\r\nHost: a\r\nA"B) with
            | RequestParse.Incomplete next ->
                let rest = ": b\r\n\r\n"B
                told (next.Read(ReadOnlySpan rest)) =! told (next.Read(ReadOnlySpan rest))
            | other -> failwith $"{other}")

        testCase "a reader keeps what has come of a line, whatever becomes of the bytes" (fun () ->
            let bytes = "GET / HTT"B

            match RequestReader().Read(ReadOnlySpan bytes) with
            | RequestParse.Incomplete next ->
                Array.Clear bytes

                told (bySpans next "P/1.1\r\nHost: a\r\n\r\n"B)
                =! Done(request "GET / HTTP/1.1\r\nHost: a\r\n\r\n", 18)
            | other -> failwith $"{other}")

        testCase "limits that are missing are named" (fun () ->
            raisesWith<ArgumentNullException>
                <@ RequestReader(Unchecked.defaultof<HeadLimits>) @>
                (fun error -> <@ error.ParamName = "limits" @>))
    ]

/// What a head costs that comes in such pieces: the bytes allocated, and those that are kept when its last byte is missing.
let private costs (count: int) (size: int) (head: byte[]) : struct (int64 * int64) =
    let read () =
        let mutable reader = RequestReader()
        let mutable at = 0

        while at < head.Length do
            match reader.Read(ReadOnlySpan(head, at, min size (head.Length - at))) with
            | RequestParse.Incomplete next -> reader <- next
            | other -> failwith $"{other}"

            at <- at + size

        reader

    read () |> ignore
    let readers = Array.zeroCreate<RequestReader> count
    let kept = GC.GetTotalMemory true
    let allocated = GC.GetAllocatedBytesForCurrentThread()

    for index in 0 .. count - 1 do
        readers[index] <- read ()

    let allocated = GC.GetAllocatedBytesForCurrentThread() - allocated
    let kept = GC.GetTotalMemory true - kept
    GC.KeepAlive readers
    struct (allocated / int64 count, kept / int64 count)

let private start = "GET / HTTP/1.1\r\n"

[<Tests>]
let memory =
    testSequenced (
        testList "memory of a head" [
            testTheory
                "an unfinished line of 8 KB takes about 8 KB, however it comes"
                [ 1; 2; 7; 100; 9_000 ]
                (fun size ->
                    let line = latin1 (start + "A: " + String('x', 8_000))
                    let struct (_, kept) = costs 64 size line
                    test <@ kept < 2L * int64 line.Length @>)

            testTheory
                "a head of 64 KiB takes less than 160 KiB, however it comes"
                [ 1; 7; 511; 4_096; 65_536 ]
                (fun size ->
                    // As many lines as there may be, and the last one as long as it may be.
                    let lines = String.replicate 126 ("A: " + String('x', 441) + "\r\n")
                    let head = latin1 (start + lines + "A: " + String('x', 8_000))
                    test <@ head.Length > 64_000 && head.Length < 65_536 @>
                    let struct (_, kept) = costs 16 size head
                    test <@ kept < 160L * 1_024L @>)

            testCase "a head of 58 KB in single bytes allocates in proportion to its size" (fun () ->
                let head = start + String.replicate 58 ("A: " + String('x', 995) + "\r\n") |> latin1

                // A reader and its answer take 100 for each byte, whatever is kept.
                let struct (allocated, _) = costs 1 1 head
                test <@ allocated < 180L * int64 head.Length @>)
        ]
    )

let private asked (target: string) : Request = {
    Method = "GET"
    Target = target
    Version = "HTTP/1.1"
    Headers = Headers.Empty
}

[<Tests>]
let targets =
    testList "a request's target" [
        testTheory
            "has a path, decoded but for slashes"
            [
                "/health", "/health"
                "/%68ealth?x=1", "/health"
                "/a%2Fb%2f%c3%a4", "/a%2Fb%2Fä"
                "/a%zz", "/a%zz"
                "//evil?", "//evil"
                "http://host/a?b", "/a"
                "ws://host?b", ""
                "https://host", ""
                "*", "*"
                "/a?b?c", "/a"
                "/?u=http://x/y", "/"
            ]
            (fun (target, path) -> (asked target).Path =! path)

        testTheory
            "has a query, decoded, of names in order"
            [
                "/", []
                "/?", []
                "/?a", [ "a", "" ]
                "/?a=1&b=2&a=3", [ "a", "1"; "b", "2"; "a", "3" ]
                "/?%61+b=%C3%A4+c%2B&&=x", [ "a b", "ä c+"; "", "x" ]
                "/?a=b=c?d", [ "a", "b=c?d" ]
                "ws://host?a=1", [ "a", "1" ]
                "/?a=%zz", [ "a", "%zz" ]
            ]
            (fun (target, parameters) ->
                [ for parameter in (asked target).Query -> parameter.Key, parameter.Value ]
                =! parameters)

        testCase "tells values by name, and hides them in texts" (fun () ->
            let query = (asked "/?token=secret&token=other&A=").Query
            (query["token"], query["A"], query["a"]) =! ("secret", "", null)
            List.ofSeq (query.GetAll "token") =! [ "secret"; "other" ]
            (query.Count, query.Contains "A", query.Contains "a") =! (3, true, false)
            query.TryGet "token" =! (true, "secret")
            query.TryGet "none" =! (false, "")

            (Query.tryGet "token" query, Query.tryGet "none" query)
            =! (ValueSome "secret", ValueNone)

            string query =! "'token', 'token', 'A'"
            query =! (asked "/other?token=secret&token=other&A=").Query
            hash query =! hash (asked "/other?token=secret&token=other&A=").Query
            test <@ query <> Query.Parse "token=secret&A=&token=other" @>
            query.Equals "token" =! false
            $"%A{query}" =! "'token', 'token', 'A'")

        testTheory
            "a request's text is one line, without what may be a secret"
            [
                "/chat", "GET /chat HTTP/1.1"
                "/chat?token=secret", "GET /chat?… HTTP/1.1"
                "/chat?", "GET /chat?… HTTP/1.1"
                "ws://user:secret@host/chat?a", "GET /chat?… HTTP/1.1"
                "ws://user:secret@host", "GET / HTTP/1.1"
                "/a\u0007", @"GET /a\u0007 HTTP/1.1"
            ]
            (fun (target, text) ->
                let request = {
                    asked target with
                        Headers = Headers.Empty.Add("Cookie", "secret")
                }

                (string request, $"%A{request}") =! (text, text))

        testCase "headers tell a value by name, too" (fun () ->
            let headers = Headers.Empty.Add("Cookie", "a=1")
            (headers["cookie"], headers["X-None"]) =! ("a=1", null))

        testCase "a close code is its number" (fun () -> CloseCode.op_Implicit CloseCode.GoingAway =! 1001)
    ]
