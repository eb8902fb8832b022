/// Answers of servers, as a client meets them: the head, the check of it, and the body of a refusal.
module FunctionalWs.Fuzz.Targets.ServerAnswers

open System
open System.Buffers
open System.Collections.Generic
open FunctionalWs.Fuzz
open FunctionalWs.Protocol

let private offer =
    ClientOffer.Default
        .WithSubprotocols("chat", "superchat")
        .WithCompression(DeflateOffer.Create(true, false, Nullable 10, Nullable 12, true))
        .WithExtension("x-a")

let private request =
    ClientHandshake.request (ReadOnlySpan "the sample nonce"B) offer (WebSocketUri.Parse "wss://u:p@h/a")

let private small = HeadLimits(64, 64, 4, 256)
let private mostBody = 100L

let private good = [|
    "Upgrade: websocket"
    "Connection: Upgrade"
    "Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo="
|]

let private optional = [|
    "Sec-WebSocket-Protocol: chat"
    "Sec-WebSocket-Protocol: other"
    "Sec-WebSocket-Extensions: permessage-deflate; server_no_context_takeover; server_max_window_bits=9"
    "Sec-WebSocket-Extensions: permessage-deflate"
    "Sec-WebSocket-Extensions: x-a, x-b"
    "Connection: close, upgrade"
    "Location: /b"
    "Location: ws://h/"
    "Location: https://u:p@other:8443/%41#x"
    "WWW-Authenticate: Basic realm=\"a\", Digest x=y,, Negotiate a=="
    "Proxy-Authenticate: NTLM abc="
    "Transfer-Encoding: gzip, chunked"
    "Content-Length: 5"
    "Content-Length: 5, 5"
    "Content-Length: 99999999999999999999"
    "Set-Cookie: a=b"
|]

let private starts = [|
    "HTTP/1.1 101 Switching Protocols"
    "HTTP/1.1 101"
    "HTTP/1.1 302 Found"
    "HTTP/1.1 401 Unauthorized"
    "HTTP/1.1 407"
    "HTTP/1.1 503 Service Unavailable"
    "HTTP/1.1 204 No Content"
    "HTTP/1.0 200 OK"
    "HTTP/1.1 999 ?"
|]

let private bodies = [|
    "hello"
    "5\r\nhello\r\n0\r\n\r\n"
    "5;a=b\r\nhello\r\n0\r\nA: b\r\n\r\n"
    "ffffffffffffffff\r\nx"
    "7fffffffffffffff\r\nx"
    "1 \r\nx\r\n00\r\n\r\n"
    ""
|]

let private generate (dice: Dice) : byte[] =
    let interim =
        if dice.OneIn 6 then
            "HTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\n"
        else
            ""

    let lines = ResizeArray(if dice.OneIn 3 then [||] else good)

    for _ in 1 .. dice.Size 4 do
        lines.Insert(dice.Below(lines.Count + 1), dice.Pick optional)

    let start = dice.Pick starts

    InputText.latin1 (
        interim
        + start
        + "\r\n"
        + String.Join("\r\n", lines)
        + "\r\n\r\n"
        + dice.Pick bodies
    )

let private mutate (dice: Dice) (data: byte[]) : byte[] =
    let lines = ResizeArray((InputText.ofLatin1 data).Split "\r\n")
    let at = dice.Below lines.Count

    match dice.Below 6 with
    | 0 -> lines.RemoveAt at
    | 1 -> lines.Insert(dice.Below(lines.Count + 1), lines[at])
    | 2 -> lines.Insert(at, dice.Pick optional)
    | 3 -> lines[at] <- lines[at].Replace(": ", dice.Pick [| ":"; " : "; ":\x80"; ":\n " |])
    | 4 -> lines[at] <- lines[at] + dice.Pick [| " "; ","; ", x"; ";"; "=\""; "\x00"; "\n"; "0" |]
    | _ -> lines[at] <- dice.Pick bodies

    InputText.latin1 (String.Join("\r\n", lines))

/// What becomes of a head, in pieces; and the bytes after it.
let private readHead (limits: HeadLimits) (pieces: byte[] list) : ResponseHead option * string * byte[] =
    let rec next (reader: ResponseReader) (pieces: byte[] list) =
        match pieces with
        | [] -> None, "incomplete", [||]
        | piece :: rest ->
            match reader.Read piece with
            | ResponseParse.Incomplete reader -> next reader rest
            | ResponseParse.Complete(head, consumed) ->
                Some head, head.ToString(), Array.concat (piece[consumed..] :: rest)
            | ResponseParse.Malformed error -> None, error.ToString(), [||]
            | ResponseParse.NotHttp -> None, "not HTTP", [||]

    next (ResponseReader limits) pieces

/// How a body ends, its bytes, and those after it.
let private readBody (head: ResponseHead) (pieces: byte[] list) : string * byte[] * byte[] =
    let body = ArrayBufferWriter<byte>()

    let rec next (reader: BodyReader) (pieces: byte[] list) =
        match pieces with
        | [] ->
            match reader.ReceiveEndOfStream() with
            | BodyParse.Complete _ -> "end", [||]
            | BodyParse.Malformed error -> $"{error}", [||]
            | other -> Oracle.fail "end of stream" $"{other}"
        | piece :: rest ->
            match reader.Receive(ReadOnlySpan piece, body) with
            | BodyParse.Incomplete reader -> next reader rest
            | BodyParse.Complete consumed -> "complete", Array.concat (piece[consumed..] :: rest)
            | BodyParse.Cut consumed -> "cut", Array.concat (piece[consumed..] :: rest)
            | BodyParse.Malformed error -> $"{error}", [||]

    let ending, rest = next (BodyReader.Create(mostBody, "GET", head)) pieces
    ending, body.WrittenSpan.ToArray(), rest

let private count (name: string) (head: ResponseHead) = (head.Headers.GetAll name).Count

/// What an answer that opens a connection has to be like.
let private checkOpened (head: ResponseHead) (agreement: ClientAgreement) =
    let rules = [
        "status", head.StatusCode = 101
        "accept", head.Headers.Get "Sec-WebSocket-Accept" = "s3pPLMBiTxaQ9kYGzzhZRbK+xOo="
        "upgrade", head.Headers.Get("Upgrade").ToLowerInvariant() = "websocket"
        "subprotocol offered",
        ValueOption.ofObj agreement.Subprotocol
        |> ValueOption.forall (fun name -> Seq.contains name offer.Subprotocols)
        "subprotocol once", count "Sec-WebSocket-Protocol" head <= 1
        "extensions offered",
        agreement.Extensions
        |> Seq.forall (fun extension -> extension.Name = "x-a" || extension.Name = DeflateNegotiation.Name)
        "extensions once",
        agreement.Extensions |> Seq.distinctBy _.Name |> Seq.length = agreement.Extensions.Count
        "compression",
        agreement.Compression
        |> ValueOption.forall (fun terms ->
            terms.ServerNoContextTakeover
            && terms.ServerMaxWindowBits <= 10
            && terms.ClientMaxWindowBits <= 12)
    ]

    for rule, isKept in rules do
        Oracle.holds rule isKept (fun () -> $"{head} gave {agreement}")

let private judge (trail: Trail) (head: ResponseHead) =
    match ClientHandshake.check request head with
    | ClientResult.Opened agreement ->
        trail.Note agreement.Extensions.Count
        checkOpened head agreement
    | ClientResult.Redirected target ->
        trail.Note 10
        Oracle.holds "no redirection to ws" target.IsSecure (fun () -> target.ToString())
        Oracle.holds "no userinfo" (not (target.ToString().Contains '@')) (fun () -> target.ToString())
    | ClientResult.Refused error ->
        trail.Note(20 + Oracle.tag error)
        let text = error.ToString()
        Oracle.holds "one line" (not (Seq.exists Char.IsControl text)) (fun () -> text)

    match ProxyTunnel.check head with
    | TunnelResult.Opened -> trail.Note 1
    | TunnelResult.Refused error -> trail.Note(Oracle.tag error)

let private execute (trail: Trail) (data: byte[]) =
    let dice = Dice.ofInput data

    for limits in [ small; HeadLimits.Default ] do
        let head, summary, rest = readHead limits [ data ]
        let _, cutSummary, cutRest = readHead limits (Cuts.pieces dice data)
        Oracle.agree "any cut: head" summary cutSummary
        Oracle.agree "any cut: rest" rest cutRest
        trail.Note summary.Length

        match head with
        | None -> ()
        | Some head ->
            judge trail head
            let (ending, body, _) as whole = readBody head [ rest ]
            trail.Note body.Length
            trail.Note ending.Length
            Oracle.holds "bound" (int64 body.Length <= mostBody) (fun () -> $"{body.Length} bytes")

            if rest.Length > 0 then
                Oracle.agree "any cut: body" whole (readBody head (Cuts.pieces dice rest))

let target: Target = {
    Name = "server-answers"
    About = "answers of servers and proxies, as a client reads them, with their bodies"
    Words = Array.concat [ starts; optional; good; bodies ] |> Array.map InputText.latin1
    MaxSize = 2_000
    Generate = generate
    Mutate = mutate
    Execute = execute
}
