/// Request heads, and the opening handshake that follows a good one.
module FunctionalWs.Fuzz.Targets.RequestHead

open System
open System.Buffers
open FunctionalWs.Fuzz
open FunctionalWs.Protocol
open FunctionalWs.Protocol.Tests

let private small = HeadLimits(64, 64, 4, 256)
let private now = DateTimeOffset(2030, 1, 2, 3, 4, 5, TimeSpan.Zero)

let private policies = [
    HandshakePolicy.Default
    HandshakePolicy(
        origins = [ OriginRule.Exact "https://example.com"; OriginRule.Absent ],
        subprotocols = [ "chat"; "superchat" ],
        readsExtensions = true,
        needsConnectionUpgrade = false
    )
]

let private required = [|
    "Host: example.com"
    "Upgrade: websocket"
    "Connection: Upgrade"
    "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ=="
    "Sec-WebSocket-Version: 13"
|]

let private optional = [|
    "Connection: keep-alive, Upgrade"
    "Origin: https://example.com"
    "Origin: null"
    "Sec-WebSocket-Protocol: chat, superchat"
    "Sec-WebSocket-Extensions: permessage-deflate; client_max_window_bits"
    "Content-Length: 0"
    "Content-Length: 5"
    "Transfer-Encoding: chunked"
    "Host: [2001:db8::1]:8080"
    "Authorization: Basic dXNlcjpwYXNz"
    "X-Forwarded-For: 192.0.2.1, unknown"
    "Cookie: a=b; c=\"d\""
    "X:"
    "Expect: 100-continue"
    "Sec-WebSocket-Version: 8"
    "Upgrade: h2c, websocket"
|]

let private starts = [|
    "GET / HTTP/1.1"
    "GET /chat?room=1&x=%20 HTTP/1.1"
    "GET ws://example.com/chat HTTP/1.1"
    "GET * HTTP/1.1"
    "POST /chat HTTP/1.1"
    "GET /chat HTTP/1.0"
    "HEAD / HTTP/1.1"
|]

let generate (dice: Dice) : byte[] =
    let lines = ResizeArray required

    for _ in 1 .. dice.Size 6 do
        lines.Insert(dice.Below(lines.Count + 1), dice.Pick optional)

    if dice.OneIn 3 then
        lines.RemoveAt(dice.Below lines.Count)

    let start = if dice.OneIn 3 then dice.Pick starts else starts[0]
    let rest = if dice.OneIn 4 then "\x81\x80abcd" else ""

    InputText.latin1 (start + "\r\n" + String.Join("\r\n", lines) + "\r\n\r\n" + rest)

/// Lines doubled, moved, dropped, or with other blanks.
let private mutate (dice: Dice) (data: byte[]) : byte[] =
    let lines = ResizeArray((InputText.ofLatin1 data).Split "\r\n")
    let at = dice.Below lines.Count

    match dice.Below 7 with
    | 0 -> lines.RemoveAt at
    | 1 -> lines.Insert(dice.Below(lines.Count + 1), lines[at])
    | 2 -> lines.Insert(at, dice.Pick optional)
    | 3 -> lines[at] <- lines[at].ToUpperInvariant()
    | 4 -> lines[at] <- lines[at].Replace(": ", dice.Pick [| ":"; ":\t "; " : "; ":\x80"; ": \r"; ":\n " |])
    | 5 -> lines[at] <- lines[at] + dice.Pick [| " "; "\t"; ","; ", x"; "\x00"; "\xFF"; "\r"; "\n" |]
    | _ -> lines[at] <- lines[at] + String(char (dice.Byte()), dice.Size 9_000)

    InputText.latin1 (String.Join("\r\n", lines))

/// What reading came to, as values that compare.
[<RequireQualifiedAccess>]
type Read =
    | Waiting
    | Done of Request * Consumed: int
    | Wrong of HeadError
    | Foreign

let private told (parse: RequestParse) : Read =
    match parse with
    | RequestParse.Incomplete _ -> Read.Waiting
    | RequestParse.Complete(request, consumed) -> Read.Done(request, consumed)
    | RequestParse.Malformed error -> Read.Wrong error
    | RequestParse.NotHttp -> Read.Foreign

let private read (limits: HeadLimits) (buffer: ReadOnlySequence<byte>) : Read =
    told (RequestReader(limits).Read &buffer)

/// Reads in arrivals of a few bytes.
let private readOn (dice: Dice) (limits: HeadLimits) (data: byte[]) : Read =
    let rec next (reader: RequestReader) (start: int) (stop: int) =
        match reader.Read(ReadOnlySpan(data, start, stop - start)) with
        | RequestParse.Incomplete _ when stop = data.Length -> Read.Waiting
        | RequestParse.Incomplete reader -> next reader stop (min data.Length (stop + 1 + dice.Size 90))
        | RequestParse.Complete(request, consumed) -> Read.Done(request, start + consumed)
        | RequestParse.Malformed error -> Read.Wrong error
        | RequestParse.NotHttp -> Read.Foreign

    next (RequestReader limits) 0 (min 1 data.Length)

let private fields (request: Request) = [ for field in request.Headers -> field.Key, field.Value ]

let private compare limits (data: byte[]) (parsed: Read) =
    match parsed, HeadTwin.read limits (InputText.ofLatin1 data) with
    | Read.Done(request, consumed), Some(line, headers, length) ->
        Oracle.agree "twin: request line" line [ request.Method; request.Target; request.Version ]
        Oracle.agree "twin: headers" headers (fields request)
        Oracle.agree "twin: consumed" length consumed
    | (Read.Waiting | Read.Wrong _ | Read.Foreign), None -> ()
    | parsed, twin -> Oracle.fail "twin" $"{parsed}, but the twin says {twin}"

/// What the beginning of a head leads to doesn't change with what follows.
let private checkPrefixes (dice: Dice) limits (data: byte[]) (parsed: Read) =
    for _ in 0..2 do
        let prefix = Array.truncate (dice.Below(data.Length + 1)) data

        match read limits (ReadOnlySequence prefix) with
        | Read.Waiting -> ()
        | early -> Oracle.agree $"prefix of {prefix.Length} bytes" parsed early

let private written (write: IBufferWriter<byte> -> unit) : byte[] =
    let writer = ArrayBufferWriter<byte>()
    write writer
    writer.WrittenSpan.ToArray()

/// No text of a peer's ends a line of an answer.
let private checkResponse (response: Response) =
    let bytes = written response.WriteTo
    let text = InputText.ofLatin1 bytes
    let head = text.Substring(0, text.IndexOf "\r\n\r\n").Split "\r\n"

    Oracle.agree "one line a header" (Seq.length response.Headers + 1) head.Length

    for line in head do
        Oracle.holds "no control characters" (not (Seq.exists Char.IsControl line)) (fun () -> line)

let private answer (trail: Trail) (request: Request) =
    for policy in policies do
        match Handshake.respond policy now request with
        | HandshakeResult.Accepted(response, subprotocol) ->
            trail.Note(if isNull subprotocol then 0 else 1)
            checkResponse response
        | HandshakeResult.Rejected(response, error) ->
            trail.Note(2 + Oracle.tag error)
            trail.Note response.StatusCode

            Oracle.holds "one line" (not (Seq.exists Char.IsControl error.Description)) (fun () ->
                error.Description)

            checkResponse response

/// What is read may have a target that isn't written: an empty one, or one with a control character.
let private isWritten (request: Request) =
    request.Target <> "" && Seq.forall (fun c -> c > ' ' && c <= '~') request.Target

let private checkRoundTripOf (request: Request) =
    let bytes = written request.WriteTo
    let widest = HeadLimits.Largest

    match read (HeadLimits(widest, widest, Int32.MaxValue, widest)) (ReadOnlySequence bytes) with
    | Read.Done(again, consumed) ->
        Oracle.agree "round trip" request again
        Oracle.agree "round trip: consumed" (int64 bytes.Length) consumed
    | other -> Oracle.fail "round trip" $"{other}"

let execute (trail: Trail) (data: byte[]) =
    let dice = Dice.ofInput data
    let budget = 65_536L + 24L * int64 data.Length

    for limits in [ HeadLimits.Default; small ] do
        let parsed = Oracle.within budget (fun () -> read limits (ReadOnlySequence data))

        trail.Note(Oracle.tag parsed)
        Oracle.agree "cuts" parsed (read limits (Cuts.sequence dice data))
        Oracle.agree "arrivals" parsed (readOn dice limits data)
        compare limits data parsed
        checkPrefixes dice limits data parsed

        match parsed with
        | Read.Waiting
        | Read.Foreign -> ()
        | Read.Wrong error ->
            trail.Note(Oracle.tag error)
            checkResponse (Handshake.rejectHead error)
        | Read.Done(request, _) ->
            trail.NoteSize(Seq.length request.Headers)

            if isWritten request then
                checkRoundTripOf request

            answer trail request

let target: Target = {
    Name = "request-head"
    About = "a request as it comes, and the handshake's answer to it"
    Words =
        Array.concat [ required; optional; starts ]
        |> Array.append [| "\r\n"; "\r\n\r\n"; "\n"; "\r"; "\x00"; " HTTP/1.1"; "\t"; ": " |]
        |> Array.map InputText.latin1
    MaxSize = 20_000
    Generate = generate
    Mutate = mutate
    Execute = execute
}
