/// UTF-8 that comes in pieces, and the payload of close frames.
module FunctionalWs.Fuzz.Targets.Texts

open System
open System.Buffers
open System.Text
open FunctionalWs.Fuzz
open FunctionalWs.Protocol
open FunctionalWs.Protocol.Tests

// ---- UTF-8

/// The first byte with which no text can begin, by the platform's decoder of single characters.
let private firstImpossible (data: byte[]) : int voption =
    let rec next at =
        let mutable rune = Rune()
        let mutable size = 0

        if at = data.Length then
            ValueNone
        else
            match Rune.DecodeFromUtf8(ReadOnlySpan(data, at, data.Length - at), &rune, &size) with
            | OperationStatus.Done -> next (at + size)
            | OperationStatus.NeedMoreData -> ValueNone
            | _ when data[at] >= 0xC2uy && data[at] <= 0xF4uy -> ValueSome(at + size)
            | _ -> ValueSome at

    next 0

let private validate (pieces: byte[] list) : Utf8Result =
    let rec next at state (pieces: byte[] list) =
        match pieces with
        | [] -> Utf8Result.Valid state
        | piece :: rest ->
            match Utf8.validate state (ReadOnlySpan piece) with
            | Utf8Result.Valid state -> next (at + piece.Length) state rest
            | Utf8Result.Invalid position -> Utf8Result.Invalid(at + position)

    next 0 Utf8.start pieces

let private executeUtf8 (trail: Trail) (data: byte[]) =
    let whole = validate [ data ]
    Oracle.agree "cuts" whole (validate (Cuts.pieces (Dice.ofInput data) data))

    match whole, firstImpossible data with
    | Utf8Result.Invalid position, ValueSome expected ->
        Oracle.agree "twin: position" expected position
        let lead = data[max 0 (position - 3) .. position]
        trail.Note(int lead[0] >>> 4)
        trail.Note(int data[position] >>> 3)
        trail.Note lead.Length
    | Utf8Result.Valid state, ValueNone ->
        Oracle.agree "twin: complete" (Reference.isText data) state.IsComplete
        trail.Note(16 + state.MissingBytes)
        trail.NoteSize data.Length

        if not state.IsComplete then
            trail.Note(int data[data.Length - 1] >>> 4)
    | found, expected -> Oracle.fail "twin" $"{found}, expected {expected}"

let private scalars = [|
    "a"
    "é"
    "\u0000"
    "\u007F"
    "\u0080"
    "\u07FF"
    "\u0800"
    "\uD7FF"
    "\uE000"
    "\uFFFD"
    "\uFFFF"
    "𐀀"
    "\U0010FFFF"
    "κόσμε"
|]

let private wrong = [|
    [| 0x80uy |]
    [| 0xC0uy; 0x80uy |]
    [| 0xE0uy; 0x80uy; 0x80uy |]
    [| 0xEDuy; 0xA0uy; 0x80uy |]
    [| 0xF0uy; 0x80uy; 0x80uy; 0x80uy |]
    [| 0xF4uy; 0x90uy; 0x80uy; 0x80uy |]
    [| 0xF5uy |]
    [| 0xFFuy |]
    [| 0xE2uy; 0x82uy |]
|]

let private generateText (dice: Dice) : byte[] =
    Array.concat [
        for _ in 0 .. dice.Size 60 do
            if dice.OneIn 40 then
                dice.Pick wrong
            elif dice.OneIn 10 then
                Array.create (dice.Size 200) (byte 'x')
            else
                Encoding.UTF8.GetBytes(dice.Pick scalars)
    ]

let private words = Array.append wrong (scalars |> Array.map Encoding.UTF8.GetBytes)

let utf8: Target = {
    Name = "utf8"
    About = "text in pieces"
    Words = words
    MaxSize = 4_000
    Generate = generateText
    Mutate = fun dice data -> Mutations.one dice words (generateText dice) data
    Execute = executeUtf8
}

// ---- Close frames

let private legal = set ([ 1000..1003 ] @ [ 1007..1014 ] @ [ 3000..4999 ])

/// What a close frame's payload is: its status, or the code of the error.
let private judge (payload: byte[]) : Result<int * string, int> =
    let reason = payload |> Array.skip (min 2 payload.Length)

    if payload.Length = 0 then
        Ok(1005, "")
    elif payload.Length = 1 then
        Error 1002
    elif not (Reference.isText reason) then
        Error 1007
    elif not (legal.Contains(int payload[0] * 256 + int payload[1])) then
        Error 1002
    else
        Ok(int payload[0] * 256 + int payload[1], Encoding.UTF8.GetString reason)

let private executeClose (trail: Trail) (data: byte[]) =
    let payload = Array.truncate 125 data
    let settings = ConnectionSettings.Server
    let wire = Bytes.frame true Opcode.Close payload
    let found = Bytes.serve [ wire ]
    Oracle.agree "cuts" found (Bytes.receive settings (Cuts.pieces (Dice.ofInput data) wire))

    match found.State, found.Outputs, judge payload with
    | State.Draining(Closure.Clean(received, sent, Initiator.Remote)),
      [ Output.Close answer ],
      Ok(code, reason) ->
        Oracle.agree "twin: status" (code, reason) (received.Number, received.Reason)
        Oracle.agree "answered in kind" [ received; received ] [ sent; answer ]
        Oracle.agree "written again" payload (answer.ToArray())
        trail.Note(if code < 1016 then code else code / 1000)
        trail.NoteSize reason.Length
    | State.Draining(Closure.Failed(error, sent)), [ Output.Close answer ], Error code ->
        Oracle.agree "twin: error" code (error.CloseCode).Value
        Oracle.agree "told" sent answer
        trail.Note(Oracle.tag error)
    | state, outputs, expected -> Oracle.fail "twin" $"{state} {outputs}, expected {expected}"

let private generateClose (dice: Dice) : byte[] =
    let code =
        match dice.Below 3 with
        | 0 -> dice.Between(995, 1020)
        | 1 -> dice.Pick [| 2999; 3000; 3999; 4000; 4999; 5000; 65_535; 0 |]
        | _ -> 1000

    Array.append [| byte (code / 256); byte code |] (generateText dice)
    |> Array.truncate (dice.Between(0, 125))

let close: Target = {
    Name = "close-payload"
    About = "the payload of a close frame"
    Words = words
    MaxSize = 125
    Generate = generateClose
    Mutate =
        fun dice data ->
            Array.append (generateClose dice |> Array.truncate 2) (Array.skip (min 2 data.Length) data)
    Execute = executeClose
}
