/// What a peer sends on an open connection, through the core alone. The first byte chooses the settings.
module FunctionalWs.Fuzz.Targets.Connections

open System
open System.Buffers
open System.Text
open FunctionalWs.Fuzz
open FunctionalWs.Protocol
open FunctionalWs.Protocol.Tests

let private texts = [| "a"; "é"; "\u20AC"; "\U0001F600"; "hello"; "" |]

/// Frames that make messages, control frames between them, now and then something wrong.
let frames (dice: Dice) (isMasked: bool) (mark: byte -> byte) : byte[] list =
    let mutable isOpen = false

    [
        for _ in 0 .. dice.Size 14 do
            let isControl = dice.OneIn 4
            let isLast = dice.OneIn 2

            let opcode =
                if isControl then dice.Pick [| 9uy; 9uy; 10uy; 8uy |]
                elif isOpen && not (dice.OneIn 20) then 0uy
                else dice.Pick [| 1uy; 1uy; 2uy |]

            let payload =
                match opcode with
                | 8uy -> Bytes.close (dice.Pick [| 1000; 1001; 3000; 4999 |]) (dice.Pick texts)
                | 9uy
                | 10uy -> dice.Bytes(dice.Size 125)
                | _ when dice.OneIn 3 -> dice.Bytes(dice.Size 300)
                | _ -> Encoding.UTF8.GetBytes(String.replicate (dice.Size 12) (dice.Pick texts))

            if dice.OneIn 25 then
                Frames.frame dice isMasked opcode payload
            else
                let sender = if isMasked then Role.Client else Role.Server

                let frame =
                    Bytes.frameOf sender (isControl || isLast) (Opcode.ofByte opcode).Value payload

                if not isControl then
                    isOpen <- not isLast

                frame[0] <- mark frame[0]
                frame
    ]

let private generate (dice: Dice) : byte[] =
    let choice = dice.Byte() &&& 0x2Fuy
    Array.concat ([| choice |] :: frames dice (choice &&& 1uy = 0uy) id)

/// The beginnings of the frames, as far as they can be told.
let starts (settings: ConnectionSettings) (wire: byte[]) : int list =
    let rec next (found: int list) (at: int) =
        let buffer = ReadOnlySequence(wire, at, wire.Length - at)

        match FrameReader.readHeader settings &buffer with
        | HeaderParse.Complete header when header.FrameLength < int64 (wire.Length - at) ->
            next (at :: found) (at + int header.FrameLength)
        | _ -> List.rev (at :: found)

    next [] 0

/// Moves, doubles, drops or inserts whole frames.
let reorder (dice: Dice) (settings: ConnectionSettings) (further: byte[]) (wire: byte[]) : byte[] =
    let pieces = Bytes.cut (starts settings wire) wire
    let at = dice.Below pieces.Length

    match dice.Below 4 with
    | 0 -> List.removeAt at pieces
    | 1 -> List.insertAt (dice.Below pieces.Length) pieces[at] pieces
    | 2 -> List.insertAt at further pieces
    | _ -> List.updateAt at (Mutations.one dice [||] further pieces[at]) pieces
    |> Array.concat

let private mutate (dice: Dice) (data: byte[]) : byte[] =
    if data.Length < 3 then
        generate dice
    else
        let settings = Frames.settingsOf data[0]
        let further = frames dice settings.Role.IsServer id |> List.head
        Array.append data[..0] (reorder dice settings further data[1..])

/// The frames that are whole, up to the first that is none.
let private wholeFrames (settings: ConnectionSettings) (wire: byte[]) : byte[] =
    let rec next (at: int) =
        match Bytes.read settings wire[at..] with
        | Bytes.Incomplete -> wire[.. at - 1]
        | Bytes.Malformed _ -> wire
        | Bytes.Frame(header, _) -> next (at + int header.FrameLength)

    next 0

let private eventsOf (heard: Hearing.Heard) : Event list =
    heard.Told
    |> List.choose (fun incoming ->
        match incoming with
        | Incoming.Data(kind, endOfMessage) -> Some(Event.Data(kind, endOfMessage))
        | Incoming.Ping payload -> Some(Event.Ping payload)
        | Incoming.Pong payload -> Some(Event.Pong payload)
        | Incoming.Close status -> Some(Event.Close status)
        | Incoming.Nothing
        | Incoming.Refused _ -> None)

/// An endpoint that gets the same in pieces comes to the same.
let private checkPieces (dice: Dice) (settings: ConnectionSettings) (wire: byte[]) =
    let bytes = wholeFrames settings wire
    let frames = Bytes.receive settings [ bytes ]
    let together = Hearing.run settings [ bytes ]
    let pieces = Hearing.run settings (Cuts.pieces dice bytes)
    Oracle.agree "an endpoint's state" frames.State together.Endpoint.State
    Oracle.agree "an endpoint's events" frames.Events (eventsOf together)
    Oracle.agree "an endpoint's half-closes" frames.HalfCloses together.HalfCloses
    Oracle.agree "an endpoint's state after pieces" together.Endpoint.State pieces.Endpoint.State
    Oracle.agree "what pieces are told" together.Told pieces.Told
    Oracle.agree "what pieces are answered" together.Answers pieces.Answers

    if together.Told |> List.forall (fun incoming -> not incoming.IsRefused) then
        Oracle.agree "an endpoint's data" (Array.concat frames.Data) together.Data
        Oracle.agree "the data of pieces" together.Data pieces.Data

/// The messages that were completed; none of them may be text that isn't.
let private checkMessages (settings: ConnectionSettings) (outcome: Bytes.Outcome) =
    let kinds =
        outcome.Events
        |> List.choose (fun event ->
            match event with
            | Event.Data(kind, isEnd) -> Some(kind, isEnd)
            | Event.Ping _
            | Event.Pong _
            | Event.Close _ -> None)

    Oracle.agree "an event for each payload" kinds.Length outcome.Data.Length
    let mutable message: byte[] list = []

    for (kind, isEnd), payload in List.zip kinds outcome.Data do
        message <- payload :: message
        let size = message |> List.sumBy Array.length |> int64

        Oracle.holds "size" (size <= settings.Limits.MaxMessageSize) (fun () -> $"{size}")

        if isEnd then
            if kind.IsText && settings.ValidateText then
                let text = message |> List.rev |> Array.concat
                Oracle.holds "text" (Reference.isText text) (fun () -> Convert.ToHexString text)

            message <- []

let private checkOutputs (outcome: Bytes.Outcome) =
    match outcome.Outputs |> List.tryFindIndex _.IsClose with
    | Some at -> Oracle.agree "nothing after a close frame" (outcome.Outputs.Length - 1) at
    | None -> ()

    let payloads =
        outcome.Events
        |> List.choose (fun event ->
            match event with
            | Event.Ping payload -> Some payload
            | _ -> None)

    let answers =
        outcome.Outputs
        |> List.choose (fun output ->
            match output with
            | Output.Pong payload -> Some payload
            | _ -> None)

    Oracle.agree "a pong for each ping" payloads answers
    Oracle.holds "one end" (outcome.HalfCloses <= 1) (fun () -> $"{outcome.HalfCloses}")

let private checkEnd settings (outcome: Bytes.Outcome) =
    let ended = Bytes.input settings outcome Input.EndOfStream
    Oracle.holds "closed at the end" ended.State.IsClosed (fun () -> $"{ended.State}")
    Oracle.agree "closed for good" ended.State (Bytes.input settings ended Input.EndOfStream).State

    match Bytes.command ended (Command.Message DataKind.Text) with
    | Ok _ -> Oracle.fail "closed" "a message could be sent"
    | Error _ -> ()

let private execute (trail: Trail) (data: byte[]) =
    if data.Length > 0 then
        // Marked messages would have to be decoded first: that is for the whole connection.
        let settings = {
            Frames.settingsOf data[0] with
                ReservedBits = ReservedBits.None
        }

        let wire, dice = data[1..], Dice.ofInput data
        let whole = Bytes.receive settings [ wire ]
        Oracle.agree "cuts" whole (Bytes.receive settings (Cuts.pieces dice wire))
        checkPieces dice settings wire
        checkMessages settings whole
        checkOutputs whole
        checkEnd settings whole

        trail.Note(Oracle.tag whole.State)
        trail.NoteSize whole.Events.Length

        for event in List.truncate 4 whole.Events do
            trail.Note(Oracle.tag event)

        match whole.State with
        | State.Draining(Closure.Failed(error, _)) -> trail.Note(16 + Oracle.tag error)
        | State.Draining closure -> trail.Note(Oracle.tag closure)
        | State.Open(receiving, _)
        | State.CloseSent(_, receiving) ->
            trail.Note(if receiving.IsSome then receiving.Value.Fragments else 0)
        | State.Closed _ -> ()

let target: Target = {
    Name = "connection"
    About = "frames on an open connection, through the core; the first byte chooses the settings"
    Words = [||]
    MaxSize = 3_000
    Generate = generate
    Mutate = mutate
    Execute = execute
}
