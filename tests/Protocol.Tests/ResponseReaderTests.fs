module FunctionalWs.Protocol.Tests.ResponseReaderTests

open System
open System.Buffers
open System.Text
open Expecto
open FsCheck
open FsCheck.FSharp
open Swensen.Unquote
open FunctionalWs.Protocol

let private latin1 (text: string) = Encoding.Latin1.GetBytes text

let private limits = HeadLimits.Default

/// What a reader makes of bytes, cut at places: how it ends, the head, and where what follows it begins.
let private feed (limits: HeadLimits) (cuts: int list) (bytes: byte[]) =
    let rec next (reader: ResponseReader) (from: int) (cuts: int list) =
        let until = List.tryHead cuts |> Option.defaultValue bytes.Length

        match reader.Read(ReadOnlySpan(bytes, from, until - from)), cuts with
        | ResponseParse.Incomplete _, [] -> "incomplete", None, 0
        | ResponseParse.Incomplete reader, _ :: rest -> next reader until rest
        | ResponseParse.Complete(head, consumed), _ -> "complete", Some head, from + consumed
        | ResponseParse.Malformed error, _ -> $"{error}", None, 0
        | ResponseParse.NotHttp, _ -> "not HTTP", None, 0

    next (ResponseReader limits) 0 cuts

/// The same for bytes in segments.
let private feedSequence (limits: HeadLimits) (cuts: int list) (bytes: byte[]) =
    let buffer = Bytes.segments cuts bytes

    match (ResponseReader limits).Read &buffer with
    | ResponseParse.Incomplete _ -> "incomplete", None, 0
    | ResponseParse.Complete(head, consumed) -> "complete", Some head, consumed
    | ResponseParse.Malformed error -> $"{error}", None, 0
    | ResponseParse.NotHttp -> "not HTTP", None, 0

let private one (text: string) = feed limits [] (latin1 text)

let private headOf (text: string) : ResponseHead =
    match one text with
    | _, Some head, _ -> head
    | other, None, _ -> failwith other

let private errorOf (limits: HeadLimits) (text: string) : HeadError =
    match (ResponseReader limits).Read(ReadOnlySpan(latin1 text)) with
    | ResponseParse.Malformed error -> error
    | other -> failwith $"{other}"

/// Every byte by itself, or random cuts.
let private cutsOf (size: int) : Gen<int list> =
    if size < 2 then
        Gen.constant []
    else
        Gen.oneof [
            Gen.constant [ 1 .. size - 1 ]
            Gen.choose (1, size - 1) |> Gen.listOf |> Gen.map (List.distinct >> List.sort)
        ]

let private small = HeadLimits(64, 64, 4, 160)

let private lines =
    Gen.elements [
        "HTTP/1.1 101 Switching Protocols\r\n"
        "HTTP/1.1 200\r\n"
        "HTTP/1.0 404 Not Found\r\n"
        "HTTP/1.1 100 Continue\r\n"
        "HTTP/2 200\r\n"
        "A: b\r\n"
        "Upgrade: websocket\r\n"
        "no header\r\n"
        "  and on\r\n"
        "X: " + String('x', 50) + "\r\n"
        "Y: " + String('y', 80) + "\r\n"
        "\r\n"
        "\r\n"
        "\n"
        "Z: bare\n"
        "\u0000"
    ]

let private texts: Gen<byte[] * int list> =
    gen {
        let! first =
            Gen.elements [ "HTTP/1.1 101 X\r\n"; "HTTP/1.1 103 Early\r\nLink: a\r\n\r\n"; "" ]

        let! rest = Gen.listOf lines
        let bytes = latin1 (first + String.concat "" rest)
        let! cuts = cutsOf bytes.Length
        return bytes, cuts
    }

[<Tests>]
let heads =
    testList "heads of responses" [
        testCase "are read up to their empty line, the example of RFC 6455 §1.3 too" (fun () ->
            let text =
                "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\nSec-WebSocket-Protocol: chat\r\n\r\n"

            let found, head, consumed = one (text + "\x81\x00")
            found =! "complete"
            consumed =! text.Length
            let head = head.Value
            head.Version =! "HTTP/1.1"
            head.StatusCode =! 101
            head.ReasonPhrase =! "Switching Protocols"
            head.Headers.Get "sec-websocket-protocol" =! "chat"
            head.Headers.Count =! 4)

        testTheory
            "may have no phrase, other versions and statuses"
            [
                "HTTP/1.1 200 OK", "HTTP/1.1", 200, "OK"
                "HTTP/1.1 200 ", "HTTP/1.1", 200, ""
                "HTTP/1.1 200", "HTTP/1.1", 200, ""
                "HTTP/1.0 999 Request denied", "HTTP/1.0", 999, "Request denied"
                "HTTP/1.1 404 Nicht gefunden \u00E4", "HTTP/1.1", 404, "Nicht gefunden \u00E4"
            ]
            (fun (line, version, status, phrase) ->
                let head = headOf (line + "\r\n\r\n")
                (head.Version, head.StatusCode, head.ReasonPhrase) =! (version, status, phrase))

        testCase "have values without the blanks around them, and names with several values" (fun () ->
            let head = headOf "HTTP/1.1 200 OK\r\nA: \t b c \t\r\na:d\r\nEmpty:\r\n\r\n"
            List.ofSeq (head.Headers.GetAll "A") =! [ "b c"; "d" ]
            head.Headers.Get "Empty" =! "")

        testTheory
            "may have values that go on in further lines, of which blanks are made (RFC 9112 §5.2)"
            [
                "A: b\r\n c", "b c"
                "A: b \r\n\t  c: d \r\n \r\n e", "b c: d e"
                "A:\r\n b", "b"
                "A: b\r\n ", "b"
                "A:\r\n\t", ""
            ]
            (fun (lines, expected) ->
                let head = headOf $"HTTP/1.1 200 OK\r\nX: 1\r\n{lines}\r\nY: 2\r\n\r\n"

                [ for field in head.Headers -> field.Key, field.Value ]
                =! [ "X", "1"; "A", expected; "Y", "2" ])

        testCase "count a line that goes on as one" (fun () ->
            errorOf limits ("HTTP/1.1 200 OK\r\nA: b\r\n" + String.replicate 128 " c\r\n")
            =! HeadError.TooManyHeaders 128)

        testTheory
            "are refused by name"
            [
                "HTTP/2 200 OK\r\n\r\n", HeadError.StartLine "HTTP/2 200 OK"
                "HTTP/1.2 200 OK\r\n", HeadError.StartLine "HTTP/1.2 200 OK"
                "HTTP/1.1 2000 OK\r\n", HeadError.StartLine "HTTP/1.1 2000 OK"
                "HTTP/1.1 20 OK\r\n", HeadError.StartLine "HTTP/1.1 20 OK"
                "HTTP/1.1 099 OK\r\n", HeadError.StartLine "HTTP/1.1 099 OK"
                "HTTP/1.1 20\r\n", HeadError.StartLine "HTTP/1.1 20"
                "HTTP/1.1  200 OK\r\n", HeadError.StartLine "HTTP/1.1  200 OK"
                "HTTP/1.1 200 a\u0001\r\n", HeadError.StartLine "HTTP/1.1 200 a\u0001"
                "HTTP/1.1 200 OK\n\n", HeadError.LineEnding
                "HTTP/1.1 200 OK\r\nA: b\n\r\n", HeadError.LineEnding
                "HTTP/1.1 200 OK\r\nabc\r\n", HeadError.HeaderLine "abc"
                "HTTP/1.1 200 OK\r\n: b\r\n", HeadError.HeaderLine ": b"
                "HTTP/1.1 200 OK\r\nA : b\r\n", HeadError.HeaderLine "A : b"
                "HTTP/1.1 200 OK\r\n folded\r\n", HeadError.HeaderLine " folded"
                "HTTP/1.1 200 OK\r\nA: b\r\n fol\u0000ded\r\n", HeadError.HeaderLine " fol\u0000ded"
                "HTTP/1.1 200 OK\r\nA: b\rc\r\n", HeadError.HeaderLine "A: b\rc"
                "HTTP/1.1 200 OK\r\nA: \u0000\r\n", HeadError.HeaderLine "A: \u0000"
            ]
            (fun (text, expected) ->
                errorOf limits text =! expected
                test <@ expected.ToString().EndsWith '.' @>)

        testTheory
            "are told apart from what is no HTTP, as soon as may be"
            [
                "SSH-2.0-x\r\n"
                "ICY 200 OK\r\n"
                "\u0015\u0003\u0003"
                "\r\nHTTP/1.1 200 OK\r\n"
                "\n"
                "HTTx"
                "http/1.1 200 OK"
            ]
            (fun text ->
                one text =! ("not HTTP", None, 0)
                feed limits [ 1 .. text.Length - 1 ] (latin1 text) =! ("not HTTP", None, 0))

        testTheory
            "are no larger than the limits, whatever comes"
            [
                "HTTP/" + String('x', 60), HeadError.StartLineTooLong 64
                "HTTP/1.1 200 OK\r\n" + String('x', 65), HeadError.HeaderLineTooLong 64
                "HTTP/1.1 200 OK\r\n" + String.replicate 5 "A: b\r\n", HeadError.TooManyHeaders 4
                "HTTP/1.1 200 OK\r\n" + String.replicate 3 ("A: " + String('x', 45) + "\r\n"),
                HeadError.HeadTooLarge 160
            ]
            (fun (text, expected) ->
                errorOf small text =! expected
                test <@ expected.ToString().EndsWith '.' @>
                feed small [ 1 .. text.Length - 1 ] (latin1 text) =! ($"{expected}", None, 0))

        testCase "may be exactly as large as the limits" (fun () ->
            let status = "HTTP/1.1 200 " + String('x', 49) + "\r\n"
            let head = status + "A: b\r\nC: d\r\nE: f\r\nG: " + String('y', 59) + "\r\n"
            let limits = HeadLimits(64, 64, 4, head.Length + 2)
            let found, _, consumed = feed limits [] (latin1 (head + "\r\n"))
            (found, consumed) =! ("complete", head.Length + 2))

        testCase "come after interim responses, which are as large as a head at most" (fun () ->
            let interim =
                "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\n"

            let text = interim + "HTTP/1.1 101 X\r\nUpgrade: websocket\r\n\r\n"
            let found, head, consumed = one (text + "frames")
            (found, consumed) =! ("complete", text.Length)
            head.Value.StatusCode =! 101
            head.Value.Headers.Contains "Link" =! false

            let many count =
                String.replicate count "HTTP/1.1 100\r\n\r\n" + "HTTP/1.1 200\r\n\r\n"

            let small = HeadLimits(64, 64, 4, 160)
            (feed small [] (latin1 (many 9))) =! feed small [ 1..159 ] (latin1 (many 9))
            let found, _, consumed = feed small [] (latin1 (many 9))
            (found, consumed) =! ("complete", 160)
            errorOf small (many 10) =! HeadError.HeadTooLarge 160
            // No depth of interim responses is too much for the stack.
            let large = HeadLimits(64, 64, 4, HeadLimits.Largest)
            let found, _, _ = feed large [] (latin1 (many 200_000))
            found =! "complete")

        testCase "of 58 KB in single bytes cost what 58 KB cost" (fun () ->
            let line = "X-Header: " + String('x', 4_000) + "\r\n"
            let bytes = latin1 ("HTTP/1.1 200 OK\r\n" + String.replicate 14 line + "\r\n")
            let cuts = [ 1 .. bytes.Length - 1 ]
            feed limits cuts bytes |> ignore
            let before = GC.GetAllocatedBytesForCurrentThread()
            let found, _, consumed = feed limits cuts bytes
            let allocated = GC.GetAllocatedBytesForCurrentThread() - before
            (found, consumed) =! ("complete", bytes.Length)
            // A reader, a piece and its places for each byte; the square of the size would be 100 times that.
            test <@ allocated < 700L * int64 bytes.Length @>)

        testPropertyWithConfig
            {
                FsCheckConfig.defaultConfig with
                    maxTest = 1_000
            }
            "are the same however their bytes are cut, and so is what is wrong with them"
            (Prop.forAll (Arb.fromGen texts) (fun (bytes, cuts) ->
                let show (found, head: ResponseHead option, consumed) =
                    found, head |> Option.map (fun head -> head.ToString(), head.Headers), consumed

                let whole, cut = show (feed small [] bytes), show (feed small cuts bytes)

                cut =! whole

                show (feedSequence small cuts bytes) =! whole))

        testProperty "are read from any bytes without an exception" (fun (bytes: byte[]) ->
            feed small [] bytes |> ignore
            feed limits [] (Array.append (latin1 "HTTP/1.1 200 ") bytes) |> ignore)

        testCase "go on from a reader as often as one likes: it doesn't change" (fun () ->
            match ResponseReader().Read(ReadOnlySpan(latin1 "HTTP/1.1 200\r\nA: ")) with
            | ResponseParse.Incomplete after ->
                for value in [ "b"; "c"; "b" ] do
                    match after.Read(ReadOnlySpan(latin1 $"{value}\r\n\r\n")) with
                    | ResponseParse.Complete(head, _) -> head.Headers.Get "A" =! value
                    | other -> failwith $"{other}"
            | other -> failwith $"{other}")

        testCase "have a text without header fields" (fun () ->
            let head = headOf "HTTP/1.1 200 OK\r\nSet-Cookie: secret\r\n\r\n"
            head.ToString() =! "HTTP/1.1 200 OK"
            $"%A{head}" =! "HTTP/1.1 200 OK"
            (headOf "HTTP/1.1 204\r\n\r\n").ToString() =! "HTTP/1.1 204")
    ]

// ---- Bodies

let private get (text: string) = headOf (text + "\r\n\r\n")

/// What a reader makes of a body, cut at places: how it ended, what was written, and how much was consumed.
let private read (maxSize: int64) (head: ResponseHead) (cuts: int list) (bytes: byte[]) =
    let written = ArrayBufferWriter<byte>()

    let rec next (reader: BodyReader) (from: int) (cuts: int list) =
        let until = List.tryHead cuts |> Option.defaultValue bytes.Length

        match reader.Receive(ReadOnlySpan(bytes, from, until - from), written), cuts with
        | BodyParse.Incomplete reader, [] ->
            match reader.ReceiveEndOfStream() with
            | BodyParse.Complete 0 -> "complete at the end", from
            | BodyParse.Malformed BodyError.EndOfStream -> "ended early", from
            | other -> failwith $"%A{other}"
        | BodyParse.Incomplete reader, _ :: rest -> next reader until rest
        | BodyParse.Complete consumed, _ -> "complete", from + consumed
        | BodyParse.Cut consumed, _ -> "cut", from + consumed
        | BodyParse.Malformed error, _ -> $"%A{error}", 0

    let found, consumed = next (BodyReader.Create(maxSize, "GET", head)) 0 cuts

    found,
    Encoding.Latin1.GetString written.WrittenSpan,
    (if found = "complete" || found = "cut" then consumed else 0)

let private body (head: string) (text: string) = read 1_000L (get head) [] (latin1 text)

let private chunked = "HTTP/1.1 404 Not Found\r\nTransfer-Encoding: chunked"

let private pieces =
    Gen.elements [
        "5\r\nhello\r\n"
        "0\r\n"
        "0\r\n\r\n"
        "00\r\nA: b\r\n\r\n"
        "a;x=y\r\n0123456789\r\n"
        "1 \r\nx\r\n"
        "7fffffffffffffff\r\n"
        "8000000000000000\r\n"
        "g\r\n"
        "\r\n"
        "3\r\nabcd\r\n"
        "3\nabc\r\n"
        ";\r\n"
        "1;" + String('x', 300) + "\r\nx\r\n"
    ]

let private chunkedTexts: Gen<byte[] * int list> =
    gen {
        let! text = Gen.listOf pieces |> Gen.map (String.concat "")
        let bytes = latin1 text
        let! cuts = cutsOf bytes.Length
        return bytes, cuts
    }

let private error (error: BodyError) = ($"%A{error}", "", 0)

[<Tests>]
let bodies =
    testList "bodies of responses" [
        testTheory
            "end where the head says (RFC 9112 §6.3)"
            [
                "HTTP/1.1 200 OK\r\nContent-Length: 5", BodyFraming.Length 5L, ("complete", "hello", 5)
                "HTTP/1.1 200 OK\r\nContent-Length: 5, 5", BodyFraming.Length 5L, ("complete", "hello", 5)
                "HTTP/1.1 200 OK\r\nContent-Length: 5\r\nContent-Length: 5",
                BodyFraming.Length 5L,
                ("complete", "hello", 5)
                "HTTP/1.1 200 OK\r\nContent-Length: 0", BodyFraming.Length 0L, ("complete", "", 0)
                "HTTP/1.1 200 OK\r\nContent-Length: 20",
                BodyFraming.Length 20L,
                ("ended early", "hello world", 0)
                "HTTP/1.1 200 OK", BodyFraming.UntilEnd, ("complete at the end", "hello world", 0)
                "HTTP/1.1 204 No Content\r\nContent-Length: 5", BodyFraming.None, ("complete", "", 0)
                "HTTP/1.1 304 Not Modified", BodyFraming.None, ("complete", "", 0)
                "HTTP/1.1 101 Switching", BodyFraming.None, ("complete", "", 0)
                "HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip",
                BodyFraming.UntilEnd,
                ("complete at the end", "hello world", 0)
                "HTTP/1.0 200 OK\r\nTransfer-Encoding: chunked\r\nContent-Length: 5",
                BodyFraming.UntilEnd,
                ("complete at the end", "hello world", 0)
            ]
            (fun (head, framing, expected) ->
                (BodyReader.Create(0L, "GET", get head)).Framing =! framing
                body head "hello world" =! expected)

        testCase "are none after HEAD, and after a CONNECT that opens a tunnel" (fun () ->
            let framing (method: string) (head: string) =
                (BodyReader.Create(10L, method, get head)).Framing

            framing "HEAD" "HTTP/1.1 200 OK\r\nContent-Length: 5" =! BodyFraming.None

            framing "CONNECT" "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked"
            =! BodyFraming.None

            framing "CONNECT" "HTTP/1.1 407 No\r\nContent-Length: 5"
            =! BodyFraming.Length 5L

            framing "GET" "HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip, Chunked"
            =! BodyFraming.Chunked

            framing "GET" "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nContent-Length: 5"
            =! BodyFraming.Chunked

            framing "GET" "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nTransfer-Encoding: x"
            =! BodyFraming.UntilEnd)

        testTheory
            "have a length that is a number, or can't be read"
            [
                "-1"
                "+5"
                "5x"
                ""
                "5, 6"
                "9223372036854775808"
                "99999999999999999999999"
                "0x5"
                "٥"
            ]
            (fun value ->
                let head = {
                    get "HTTP/1.1 200 OK" with
                        Headers =
                            Headers.Empty.Add("Content-Length", if value = "٥" then "\u00B2" else value)
                }

                match
                    (BodyReader.Create(10L, "GET", head))
                        .Receive(ReadOnlySpan [| 1uy |], ArrayBufferWriter<byte>())
                with
                | BodyParse.Malformed(BodyError.ContentLength _ as error) ->
                    test <@ error.ToString().Contains "Content-Length" @>
                | other -> failwith $"%A{other}"

                match (BodyReader.Create(10L, "GET", head)).ReceiveEndOfStream() with
                | BodyParse.Malformed(BodyError.ContentLength _) -> ()
                | other -> failwith $"%A{other}")

        testCase "of no length are complete when the stream ends" (fun () ->
            for fields in [ "Content-Length: 0\r\n"; "" ] do
                let status = if fields = "" then "204 No Content" else "200 OK"
                let head = headOf $"HTTP/1.1 {status}\r\n{fields}\r\n"

                match (BodyReader.Create(10L, "GET", head)).ReceiveEndOfStream() with
                | BodyParse.Complete 0 -> ()
                | other -> failwith $"%A{other}")

        testTheory
            "come in chunks (RFC 9112 §7.1)"
            [
                "0\r\n\r\n", ("complete", "", 5)
                "5\r\nhello\r\n0\r\n\r\nHTTP", ("complete", "hello", 15)
                "5\r\nhello\r\n6\r\n world\r\n0\r\n\r\n", ("complete", "hello world", 26)
                "0A\r\n0123456789\r\n000\r\n\r\n", ("complete", "0123456789", 23)
                "a;name=\"v\"\r\n0123456789\r\n0;last\r\n\r\n", ("complete", "0123456789", 34)
                "5 \r\nhello\r\n0\t\r\n\r\n", ("complete", "hello", 17)
                "5\r\nhello\r\n0\r\nExpires: x\r\nA: b\r\n\r\n", ("complete", "hello", 33)
                "5\r\nhel", ("ended early", "hel", 0)
                "5\r\nhello\r\n0\r\n", ("ended early", "hello", 0)
                "", ("ended early", "", 0)
            ]
            (fun (text, expected) -> body chunked text =! expected)

        testTheory
            "in chunks are refused by name"
            [
                "\r\n", BodyError.ChunkSize
                "x\r\n", BodyError.ChunkSize
                "G\r\n", BodyError.ChunkSize
                "-1\r\n", BodyError.ChunkSize
                "0x5\r\n", BodyError.ChunkSize
                ";\r\n", BodyError.ChunkSize
                "5\nhello", BodyError.ChunkSize
                "8000000000000000\r\n", BodyError.ChunkSize
                "ffffffffffffffffffffff\r\n", BodyError.ChunkSize
                "5;x\n", BodyError.ChunkEnding
                "5\rx", BodyError.ChunkEnding
                "0\r\nA: b\n", BodyError.ChunkEnding
                "0\r\n\n", BodyError.ChunkEnding
                "0\r\nA: b\rx", BodyError.ChunkEnding
                "0\r\n\rx", BodyError.ChunkEnding
                "0\r\n" + String('x', 20_000), BodyError.ChunkOverhead
                "5;" + String('x', 20_000), BodyError.ChunkOverhead
                String('0', 20_000), BodyError.ChunkOverhead
            ]
            (fun (text, expected) ->
                body chunked text =! error expected
                test <@ expected.ToString().EndsWith '.' @>)

        testTheory
            "in chunks end each of them with CR and LF"
            [ "5\r\nhelloX"; "5\r\nhello\rX"; "5\r\nhello\n" ]
            (fun text -> body chunked text =! ($"%A{BodyError.ChunkEnding}", "hello", 0))

        testCase "in chunks may be the largest number, which doesn't overflow" (fun () ->
            body chunked "7fffffffffffffff\r\nabc" =! ("ended early", "abc", 0)

            body chunked "1\r\nx\r\n7FFFFFFFFFFFFFFF\r\nabc" =! ("ended early", "xabc", 0)

            body "HTTP/1.1 200 OK\r\nContent-Length: 9223372036854775807" "abc"
            =! ("ended early", "abc", 0))

        testTheory
            "are read up to a bound"
            [
                "HTTP/1.1 200 OK\r\nContent-Length: 11", "hello world", ("cut", "hello", 5)
                "HTTP/1.1 200 OK", "hello world", ("cut", "hello", 5)
                "HTTP/1.1 200 OK", "hello", ("complete at the end", "hello", 0)
                "HTTP/1.1 200 OK\r\nContent-Length: 5", "hello", ("complete", "hello", 5)
                chunked, "3\r\nhel\r\n3\r\nlo \r\n", ("cut", "hello", 13)
                chunked, "5\r\nhello\r\n0\r\n\r\n", ("complete", "hello", 15)
            ]
            (fun (head, text, expected) ->
                read 5L (get head) [] (latin1 text) =! expected
                read 5L (get head) [ 1 .. text.Length - 1 ] (latin1 text) =! expected)

        testCase "may have small chunks, but not with much around them" (fun () ->
            let small = String.replicate 20_000 "1\r\nx\r\n" + "0\r\n\r\n"
            let found, text, _ = read 100_000L (get chunked) [] (latin1 small)
            (found, text.Length) =! ("complete", 20_000)
            let large = String.replicate 2_000 ("1;" + String('x', 100) + "\r\nx\r\n")
            let found, _, _ = read 100_000L (get chunked) [] (latin1 large)
            found =! $"%A{BodyError.ChunkOverhead}")

        testPropertyWithConfig
            {
                FsCheckConfig.defaultConfig with
                    maxTest = 1_000
            }
            "are the same however their bytes are cut, and so is what is wrong with them"
            (Prop.forAll (Arb.fromGen chunkedTexts) (fun (bytes, cuts) ->
                read 40L (get chunked) cuts bytes =! read 40L (get chunked) [] bytes))

        testProperty "are read from any bytes without an exception" (fun (bytes: byte[]) ->
            for head in [ chunked; "HTTP/1.1 200 OK"; "HTTP/1.1 200 OK\r\nContent-Length: 3" ] do
                read 40L (get head) [] bytes |> ignore)

        testCase "have a bound of 0 or more, and somewhere to go" (fun () ->
            let head = get "HTTP/1.1 200 OK"
            raises<ArgumentOutOfRangeException> <@ BodyReader.Create(-1L, "GET", head) @>
            let reader = BodyReader.Create(1L, "GET", head)

            let error =
                try
                    reader.Receive(ReadOnlySpan<byte>.Empty, Unchecked.defaultof<IBufferWriter<byte>>)
                    |> ignore

                    failwith "taken"
                with :? ArgumentNullException as error ->
                    error.ParamName

            error =! "destination")

        testCase "that ended early are told as that" (fun () ->
            test <@ BodyError.EndOfStream.ToString().Contains "ended" @>)
    ]
