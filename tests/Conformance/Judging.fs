/// What most cases consist of: frames to send, and what has to come back.
module FunctionalWs.Conformance.Judging

open System
open System.Buffers.Binary
open System.Text
open FunctionalWs.Protocol
open FunctionalWs.Conformance // its Incoming is the one that is meant
open FunctionalWs.Conformance.Verdict

/// A case: its id is given to it by its place.
type Case = {
    Sentence: string
    Expected: string
    Run: Peer -> unit
}

type Group = { Title: string; Cases: Case list }
type Section = { Name: string; Groups: Group list }

let case (sentence: string) (expected: string) (run: Peer -> unit) : Case = {
    Sentence = sentence
    Expected = expected
    Run = run
}

let utf8 (text: string) : byte[] = Encoding.UTF8.GetBytes text

// ---- Frames

let private key = [| 0x37uy; 0xFAuy; 0x21uy; 0x3Duy |]

let masked (key: byte[]) (payload: byte[]) : byte[] =
    payload |> Array.mapi (fun i value -> value ^^^ key[i % 4])

/// A length in its shortest form.
let shortest (length: int) : byte * byte[] =
    let bytes = Array.zeroCreate<byte> 8
    BinaryPrimitives.WriteInt64BigEndian(Span bytes, int64 length)

    if length < 126 then byte length, [||]
    elif length < 65_536 then 126uy, bytes[6..]
    else 127uy, bytes

/// A client's frame. Its length may be written in any form.
let maskedFrame (key: byte[]) (first: byte) (short: byte, length: byte[]) (payload: byte[]) : byte[] =
    Array.concat [ [| first; short ||| 0x80uy |]; length; key; masked key payload ]

/// A server's frame. Its length may be written in any form.
let plainFrame (first: byte) (short: byte, length: byte[]) (payload: byte[]) : byte[] =
    Array.concat [ [| first; short |]; length; payload ]

/// A frame of this end, masked if it is a client.
let frameWith (peer: Peer) (first: byte) (length: byte * byte[]) (payload: byte[]) : byte[] =
    if peer.IsServer then
        plainFrame first length payload
    else
        maskedFrame key first length payload

/// A frame of this end: `bits` are the three reserved ones, RSV1 the highest.
let frame (peer: Peer) (fin: bool) (bits: int) (opcode: int) (payload: byte[]) : byte[] =
    let first = (if fin then 0x80uy else 0uy) ||| byte (bits <<< 4) ||| byte opcode
    frameWith peer first (shortest payload.Length) payload

let text = 1
let binary = 2

let kindName (kind: int) =
    if kind = text then "text" else "binary"

let closePayload (code: int) (reason: byte[]) : byte[] =
    Array.append [| byte (code / 256); byte code |] reason

let sendFrame (peer: Peer) (fin: bool) (bits: int) (opcode: int) (payload: byte[]) =
    let names =
        Map [ 0, "continuation"; 1, "text"; 2, "binary"; 8, "close"; 9, "ping"; 10, "pong" ]

    let name = names |> Map.tryFind opcode |> Option.defaultValue $"opcode 0x{opcode:X}"
    let more = if fin then "" else ", more to come"
    let marks = if bits = 0 then "" else $", reserved bits 0x{bits:X}"
    peer.Send($"{name} [{payload.Length} bytes{more}{marks}]", frame peer fin bits opcode payload)

let sendText (peer: Peer) (message: string) =
    sendFrame peer true 0 text (utf8 message)

let sendPing (peer: Peer) (payload: byte[]) = sendFrame peer true 0 9 payload

let sendClose (peer: Peer) (code: int) =
    sendFrame peer true 0 8 (closePayload code [||])

// ---- Opening

/// Opens a connection with further headers; the status when the server doesn't agree.
let tryOpen (change: Head -> Head) (peer: Peer) : Result<Head, int> =
    let request = Head.request peer.Address |> change
    peer.Send(request.Line, Head.toBytes request)

    match Head.tryAnswer (peer.ReadHead()) with
    | Some response when response.Status = 101 -> Ok response
    | Some response -> Error response.Status
    | None -> failed "the handshake was not answered"

/// Opens a connection with further headers; fails the case unless the server agrees.
let openWith (change: Head -> Head) (peer: Peer) : Head =
    match tryOpen change peer with
    | Ok response -> response
    | Error status -> failed $"the handshake was answered with {status}"

/// Answers the request of a client; gives the request.
let answerWith (change: Head -> Head) (peer: Peer) : Head =
    match Head.tryRequest (peer.ReadHead()) with
    | None -> failed "no request came"
    | Some request ->
        let key = request.All "Sec-WebSocket-Key" |> List.tryHead |> Option.defaultValue ""
        let answer = Head.answer key |> change
        peer.Send(answer.Line, Head.toBytes answer)
        request

let openPlain (peer: Peer) =
    if peer.IsServer then
        answerWith id peer |> ignore
    else
        openWith id peer |> ignore

// ---- Closing

let private statusOf (payload: byte[]) : int =
    if payload.Length < 2 then
        1005
    else
        int payload[0] * 256 + int payload[1]

let describe (incoming: Incoming) : string =
    match incoming with
    | Frame(header, payload) when header.Opcode.IsClose -> $"a close frame with {statusOf payload} came"
    | Frame(header, payload) -> $"a {header.Opcode} frame of {payload.Length} bytes came"
    | End false -> "the stream ended"
    | End true -> "the stream was reset"
    | Nothing -> "nothing came in time"
    | Wrong error -> $"a rule was broken: {error.Description}"

/// After both close frames the server ends the stream (RFC 6455 §7.1.1).
let awaitEnd (peer: Peer) =
    if peer.IsServer then
        peer.EndSending()

    match peer.Next() with
    | End _ -> ()
    | Nothing -> nonStrict "the stream stayed open after the close frames"
    | Frame _ as frame -> failed $"after its close frame {describe frame}"
    | Wrong _ as wrong -> failed (describe wrong)

/// The closing handshake from our side.
let closeCleanly (peer: Peer) =
    sendClose peer 1000

    match peer.Next() with
    | Frame(header, payload) when header.Opcode.IsClose ->
        if statusOf payload <> 1000 then
            nonStrict $"1000 was answered with {statusOf payload}"

        awaitEnd peer
    | End _ -> nonStrict "the stream ended without a close frame"
    | other -> failed $"a close frame was expected; {describe other}"

/// What came is the server failing the connection with one of these codes: it says nothing else and ends the stream.
let refusedBy (codes: int list) (peer: Peer) (incoming: Incoming) =
    match incoming with
    | Frame(header, payload) when header.Opcode.IsClose ->
        let code = statusOf payload
        // The answer may find nobody who listens.
        sendClose peer (if CloseCode.IsValid code then code else 1000)
        awaitEnd peer

        if not (List.contains code codes) then
            nonStrict $"it was refused, but with {code}"
    | End _ as ending -> nonStrict $"it was refused without a close frame: {describe ending}"
    | other -> failed $"it was not refused: {describe other}"

let refused (codes: int list) (peer: Peer) = refusedBy codes peer (peer.Next())

let expectedRefusal (codes: int list) =
    let codes = codes |> List.map string |> String.concat " or "
    $"The connection is failed with {codes}."

// ---- Messages

/// The frames of one message, put together. Pings are answered, pongs ignored.
let rec private collect (peer: Peer) (kind: int) (parts: byte[] list) : int * byte[] =
    match peer.Next() with
    | Frame(header, _) when header.Opcode.IsPong -> collect peer kind parts
    | Frame(header, payload) when header.Opcode.IsPing ->
        sendFrame peer true 0 10 payload
        collect peer kind parts
    | Frame(header, payload) when not (header.Opcode.IsControl) ->
        let kind =
            if header.Opcode.IsContinuation then
                kind
            else
                int (header.Opcode.ToByte())

        let parts = payload :: parts

        if header.Fin then
            kind, parts |> List.rev |> Array.concat
        else
            collect peer kind parts
    | other -> failed $"a message was expected; {describe other}"

let readMessage (peer: Peer) : int * byte[] = collect peer -1 []

let expectMessage (peer: Peer) (kind: int) (payload: byte[]) =
    match readMessage peer with
    | found, _ when found <> kind -> failed $"a {kindName kind} message came back as {kindName found}"
    | _, found when found <> payload ->
        failed $"{payload.Length} bytes came back as {found.Length}, or as other ones"
    | _ -> ()

let expectPong (peer: Peer) (payload: byte[]) =
    match peer.Next() with
    | Frame(header, found) when header.Opcode.IsPong && found = payload -> ()
    | Frame(header, _) when header.Opcode.IsPong -> failed "the pong has another payload"
    | other -> failed $"a pong was expected; {describe other}"

/// Sends and expects the message back, then closes.
let echo (kind: int) (payload: byte[]) (send: Peer -> unit) (peer: Peer) =
    openPlain peer
    send peer
    expectMessage peer kind payload
    closeCleanly peer

/// Sends and expects the connection to be failed.
let violation (codes: int list) (send: Peer -> unit) (peer: Peer) =
    openPlain peer
    send peer
    refused codes peer

/// What only senders must not do may be taken all the same: no receiver has to look for it.
let tolerable (codes: int list) (isTaken: byte[] -> bool) (send: Peer -> unit) (peer: Peer) =
    openPlain peer
    send peer

    match peer.Next() with
    | Frame(header, payload) when not (header.Opcode.IsControl) && isTaken payload -> nonStrict "it was taken"
    | other -> refusedBy codes peer other

/// The message before a violation still comes back.
let violationAfterMessage (codes: int list) (send: Peer -> unit) (peer: Peer) =
    openPlain peer
    sendText peer "before"
    send peer

    match peer.Next() with
    | Frame(header, payload) when header.Opcode.IsText && payload = utf8 "before" -> refused codes peer
    | Frame(header, payload) when header.Opcode.IsClose && List.contains (statusOf payload) codes ->
        nonStrict "the message before it was dropped"
    | End _ -> nonStrict "the stream ended without the message before it, and without a close frame"
    | other -> failed $"the message before it was expected; {describe other}"

/// Text of so many bytes: ASCII, or characters of two and more bytes as well.
let sample (isMixed: bool) (size: int) : byte[] =
    let unit = utf8 (if isMixed then "Grüße € 𝄞 " else "The quick brown fox. ")
    let count = size / unit.Length

    Array.append
        (Array.concat (List.replicate count unit))
        (Array.create (size - count * unit.Length) (byte '.'))

/// Writes bytes in pieces of a size, each in a segment of its own as far as the system lets it.
let sendInPieces (peer: Peer) (size: int) (bytes: byte[]) =
    let pieces = Array.chunkBySize size bytes

    for index, piece in Array.indexed pieces do
        peer.Send($"piece {index + 1} of {pieces.Length}", piece)
