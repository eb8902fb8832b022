module FunctionalWs.Protocol.Tests.HttpTests

open System
open System.Buffers
open System.Text
open Expecto
open Swensen.Unquote
open FunctionalWs.Protocol

let private latin1 (text: string) = Encoding.Latin1.GetBytes text

let private parseSequence (buffer: ReadOnlySequence<byte>) : RequestParse =
    Http.readRequest RequestHeadLimits.Default &buffer

let private parse (text: string) =
    parseSequence (Bytes.whole (latin1 text))

let private request (text: string) =
    match parse text with
    | RequestParse.Complete(request, _) -> request
    | other -> failwith $"{other}"

let private errorOf (text: string) =
    match parse text with
    | RequestParse.Malformed error -> error
    | other -> failwith $"{other}"

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
            match parse (sample + "\x81\x80GET / HTTP/1.1\r\n") with
            | RequestParse.Complete(_, consumed) -> consumed =! int64 sample.Length
            | other -> failwith $"{other}")

        testCase "every strict prefix is incomplete" (fun () ->
            for length in 0 .. sample.Length - 1 do
                if parse (sample.Substring(0, length)) <> RequestParse.Incomplete then
                    failwith $"{length} bytes")

        testCase "cut at every place it is the same" (fun () ->
            let whole = parse sample

            for at in 1 .. sample.Length - 1 do
                if parseSequence (Bytes.segments [ at ] (latin1 sample)) <> whole then
                    failwith $"cut at {at}"

            parseSequence (Bytes.segments [ 1 .. sample.Length ] (latin1 sample)) =! whole)

        testCase "a first line that is no request line is that, whatever else is wrong after it" (fun () ->
            let garbage = "x\r\n" + String.replicate 200 "A: b\r\n"

            for length in 3 .. garbage.Length do
                errorOf (garbage.Substring(0, length)) =! HandshakeError.RequestLine "x")

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
            "a first line that is none of HTTP/1 is found at once"
            [
                "HELO relay.invalid\r\n"
                "GET / HTTP/2.0\r\n"
                "GET / HTTP/1.2\r\n"
                "GET / http/1.1\r\n"
                "GET /  HTTP/1.1\r\n"
                "GET / HTTP/1.1 \r\n"
                "GET /\r\n"
                " / HTTP/1.1\r\n"
                "G\xC9T / HTTP/1.1\r\n"
                "GET /\xE9 HTTP/1.1\r\n"
                "\r\n"
                "PRI * HTTP/2.0\r\n"
            ]
            (fun text ->
                match errorOf text with
                | HandshakeError.RequestLine _ -> ()
                | error -> failwith $"{error}")

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
            (fun line -> errorOf (withHeader line) =! HandshakeError.HeaderLine line)

        testTheory
            "a line that ends with LF alone"
            [
                "GET / HTTP/1.1\n\n"
                "GET / HTTP/1.1\r\nA: b\n\r\n"
                "GET / HTTP/1.1\r\nA: b\r\n\n"
            ]
            (fun text -> errorOf text =! HandshakeError.LineEnding)

        testCase "a value loses the blanks around it, and keeps Latin-1" (fun () ->
            (request (withHeader "A: \t caf\xE9 \t")).Headers.Get "a" =! "caf\xE9"
            (request (withHeader "A:")).Headers.Get "a" =! "")

        testTheory "a body is refused" [ "5"; "+0"; "-0"; "0x0"; "0_0"; "0, 0"; ""; "0 0" ] (fun value ->
            errorOf (withHeader $"Content-Length: {value}")
            =! HandshakeError.ContentLength value)

        testCase "two lengths and any coding are refused, a length of zero is not" (fun () ->
            errorOf (withHeader "Content-Length: 0\r\ncontent-length: 0")
            =! HandshakeError.ContentLength "0, 0"

            errorOf (withHeader "Transfer-Encoding: chunked")
            =! HandshakeError.TransferEncoding "chunked"

            (request (withHeader "Content-Length: 0")).Method =! "GET")

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

            errorOf (withLineOf 8_193 true)
            =! HandshakeError.RequestLineTooLong(8_193, 8_192)

            (request (withLineOf 8_192 false)).Headers.Count =! 1

            errorOf (withLineOf 8_193 false)
            =! HandshakeError.HeaderLineTooLong(8_193, 8_192))

        testCase "a line is too long before its end has come" (fun () ->
            parse (String('x', 8_192)) =! RequestParse.Incomplete
            errorOf (String('x', 8_193)) =! HandshakeError.RequestLineTooLong(8_193, 8_192))

        testCase "128 headers are taken, one more is not" (fun () ->
            let lines count = String.replicate count "A: b\r\n"
            ((request $"GET / HTTP/1.1\r\n{lines 128}\r\n").Headers.GetAll "a").Count =! 128

            errorOf $"GET / HTTP/1.1\r\n{lines 129}\r\n"
            =! HandshakeError.TooManyHeaders 128)

        testCase "the largest number of headers is no limit at all" (fun () ->
            let limits = RequestHeadLimits.Create(8_192, 8_192, Int32.MaxValue, 65_536)
            let buffer = Bytes.whole (latin1 sample)

            match Http.readRequest limits &buffer with
            | RequestParse.Complete(request, _) -> request.Headers.Count =! 7
            | other -> failwith $"{other}")

        testCase "a head of 65,536 bytes is taken, one more is not" (fun () ->
            let lines = String.replicate 8 ("A: " + String('x', 8_000) + "\r\n")

            let rest =
                65_536 - "GET / HTTP/1.1\r\n".Length - lines.Length - "B: \r\n\r\n".Length

            let head (size: int) =
                $"GET / HTTP/1.1\r\n{lines}B: {String('y', size)}\r\n\r\n"

            (head rest).Length =! 65_536
            (request (head rest)).Headers.Count =! 2
            errorOf (head (rest + 1)) =! HandshakeError.HeadTooLarge 65_536)

        testCase "limits are checked when they are set" (fun () ->
            raises<ArgumentOutOfRangeException> <@ RequestHeadLimits.Create(63, 64, 1, 64) @>
            raises<ArgumentOutOfRangeException> <@ RequestHeadLimits.Create(64, 63, 1, 64) @>
            raises<ArgumentOutOfRangeException> <@ RequestHeadLimits.Create(64, 64, 0, 64) @>
            raises<ArgumentOutOfRangeException> <@ RequestHeadLimits.Create(64, 64, 1, 63) @>
            raises<ArgumentOutOfRangeException> <@ RequestHeadLimits.Create(64, 64, 1, 16_777_217) @>
            raises<ArgumentOutOfRangeException> <@ RequestHeadLimits.Create(16_777_217, 64, 1, 64) @>)

        testCase "request line and header lines have limits of their own" (fun () ->
            let errorWithin limits (text: string) =
                let buffer = Bytes.whole (latin1 text)

                match Http.readRequest limits &buffer with
                | RequestParse.Malformed error -> error
                | other -> failwith $"{other}"

            errorWithin (RequestHeadLimits.Create(64, 1_000, 9, 9_000)) (withLineOf 65 true)
            =! HandshakeError.RequestLineTooLong(65, 64)

            errorWithin (RequestHeadLimits.Create(1_000, 64, 9, 9_000)) (withLineOf 65 false)
            =! HandshakeError.HeaderLineTooLong(65, 64))
    ]

[<Tests>]
let writing =
    testList "writing heads" [
        testCase "a request is read back" (fun () ->
            let original = request sample
            let writer = ArrayBufferWriter<byte>()
            Http.writeRequest original writer
            Encoding.Latin1.GetString writer.WrittenSpan =! sample
            parseSequence (Bytes.whole (writer.WrittenSpan.ToArray())) =! parse sample)

        testCase "a response has its status line, its fields and its body" (fun () ->
            let writer = ArrayBufferWriter<byte>()

            Http.writeResponse
                (Response.Empty(404).WithHeader("A", "é").WithBody(ReadOnlyMemory "body"B))
                writer

            Encoding.Latin1.GetString writer.WrittenSpan
            =! "HTTP/1.1 404 Not Found\r\nA: é\r\n\r\nbody")
    ]
