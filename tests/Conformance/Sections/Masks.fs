/// How a client masks (RFC 6455 §5.3, §10.3).
module FunctionalWs.Conformance.Sections.Masks

open System
open System.Collections.Generic
open FunctionalWs
open FunctionalWs.Conformance
open FunctionalWs.Conformance.Judging
open FunctionalWs.Conformance.Verdict

/// Opens a connection on which the client does something before it closes.
let private doing (act: ClientConnection -> unit) (peer: Peer) =
    peer.Caller.Options <- ClientOptions(Proxy = null, Compression = null, CoalesceOutput = false)
    peer.Caller.Act <- act
    openPlain peer

/// The keys of the next frames.
let private keys (count: int) (peer: Peer) : uint32 list = [
    for _ in 1..count do
        match peer.Next() with
        | Frame(header, _) ->
            match header.MaskingKey with
            | ValueSome key -> key
            | ValueNone -> failed "a frame is not masked"
        | other -> failed $"a frame was expected; {describe other}"
]

let private distinct (keys: uint32 list) =
    if (List.distinct keys).Length < keys.Length then
        failed "a key comes twice"

let private count = 256

/// Each bit is set about as often as not; by chance it is beyond these bounds once in 10^12.
let private balanced (keys: uint32 list) =
    for bit in 0..31 do
        let set = keys |> List.filter (fun key -> key >>> bit &&& 1u = 1u) |> List.length

        if abs (set - keys.Length / 2) > 4 * int (sqrt (float keys.Length)) then
            failed $"bit {bit} is set in {set} of {keys.Length} keys"

let private sends
    (name: string)
    (frames: int)
    (act: ClientConnection -> unit)
    (check: uint32 list -> unit)
    : Case =
    case name "Each frame is masked, with a key of its own." (fun peer ->
        doing act peer
        keys frames peer |> check
        peer.EndSending())

let private frames = {
    Title = "Each frame has a key of its own"
    Cases = [
        sends
            $"{count} equal messages"
            count
            (fun connection ->
                for _ in 1..count do
                    connection.Send "the same again")
            (fun keys ->
                distinct keys
                balanced keys)

        sends
            "keys are not counted up"
            count
            (fun connection ->
                for _ in 1..count do
                    connection.Send "x")
            (fun keys ->
                let steps = keys |> List.pairwise |> List.map (fun (one, next) -> next - one)
                distinct steps
                balanced steps)

        for size in [ 0; 1; 125; 126; 65_535; 65_536; 1_000_000 ] do
            sends
                $"messages of {size} bytes"
                4
                (fun connection ->
                    for _ in 1..4 do
                        connection.Send(ReadOnlySpan(Array.zeroCreate<byte> size)))
                distinct

        sends "fragments" 4 (fun connection -> connection.Send [ "one "; "two "; "three" ]) distinct

        sends
            "pings and pongs"
            4
            (fun connection ->
                connection.Ping() |> ignore
                connection.Pong()
                connection.Ping() |> ignore
                connection.Pong(ReadOnlySpan [| 1uy |]))
            distinct

        sends "the close frame" 1 (fun connection -> connection.Close()) distinct
    ]
}

let private connections = {
    Title = "Each connection has keys of its own"
    Cases = [
        case "the first keys of 16 connections" "All are different." (fun peer ->
            let first = List<uint32>()
            let secret = List<string>()

            for _ in 1..16 do
                use caller = new Caller(peer.Timeout)
                caller.Act <- (fun connection -> connection.Send "the same again")
                use other = new Peer(EchoClient caller, Transcript())
                secret.AddRange((answerWith id other).All "Sec-WebSocket-Key")
                first.AddRange(keys 1 other)

            distinct (List.ofSeq first)

            if (Seq.distinct secret |> Seq.length) < 16 then
                failed "two handshakes have the same key"

            openPlain peer
            closeCleanly peer)
    ]
}

let private memory = {
    Title = "The memory that is sent from"
    Cases = [
        for size in [ 1; 125; 1_000; 70_000; 1_000_000 ] do
            case $"{size} bytes" "They are as before, and arrive as they are." (fun peer ->
                let payload = sample false size
                let sent = Array.copy payload
                doing (fun connection -> connection.Send(ReadOnlySpan sent)) peer
                Judging.expectMessage peer binary payload

                if sent <> payload then
                    failed "they are others now"

                sendClose peer 1000
                peer.Next() |> ignore
                awaitEnd peer)
    ]
}

let section: Section = {
    Name = "Masks"
    Groups = [ frames; connections; memory ]
}
