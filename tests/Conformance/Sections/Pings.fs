/// Section 2: pings and pongs (RFC 6455 §5.5.2, §5.5.3).
module FunctionalWs.Conformance.Sections.Pings

open FunctionalWs.Conformance
open FunctionalWs.Conformance.Judging
open FunctionalWs.Conformance.Verdict

let private payloads = [
    "without a payload", [||]
    "of one byte", [| 0uy |]
    "of text", utf8 "Hello, world!"
    "of bytes that are no text", [| 0x00uy; 0xFFuy; 0xFEuy; 0xFDuy; 0xFCuy; 0xFBuy; 0x00uy; 0xFFuy |]
    "of 124 bytes", Array.create 124 0xFEuy
    "of 125 bytes", Array.create 125 0xFEuy
]

let private answered (send: Peer -> byte[] -> unit) (payload: byte[]) (peer: Peer) =
    openPlain peer
    send peer payload
    expectPong peer payload
    closeCleanly peer

let private pings = {
    Title = "A ping is answered with its own payload"
    Cases = [
        for name, payload in payloads do
            case name "A pong with the same payload." (answered sendPing payload)

            case $"{name}, in single bytes" "A pong with the same payload."
            <| answered (fun peer payload -> sendInPieces peer 1 (frame peer true 0 9 payload)) payload
    ]
}

let private tooLong = {
    Title = "A control frame of more than 125 bytes is refused"
    Cases = [
        for opcode, name in [ 9, "ping"; 10, "pong"; 8, "close" ] do
            for size in [ 126; 127; 65_536 ] do
                let payload =
                    if opcode = 8 then
                        closePayload 1000 (Array.create (size - 2) 'x'B)
                    else
                        Array.create size 'x'B

                case $"{name} of {size} bytes" (expectedRefusal [ 1002 ])
                <| violation [ 1002 ] (fun peer -> sendFrame peer true 0 opcode payload)
    ]
}

let private unasked = {
    Title = "A pong that nobody asked for is ignored"
    Cases = [
        for name, payload in payloads do
            case name "Nothing; then a ping is answered." (fun peer ->
                openPlain peer
                sendFrame peer true 0 10 payload
                sendPing peer (utf8 "after")
                expectPong peer (utf8 "after")
                closeCleanly peer)
    ]
}

/// All may be answered, or only the latest (RFC 6455 §5.5.3).
let rec private expectLastPong (peer: Peer) (last: byte[]) (left: int) =
    match peer.Next() with
    | Frame(header, payload) when header.Opcode.IsPong && payload = last -> ()
    | Frame(header, _) when header.Opcode.IsPong && left > 0 -> expectLastPong peer last (left - 1)
    | Frame(header, _) when header.Opcode.IsClose -> nonStrict "the connection is closed for so many pings"
    | End _ -> nonStrict "the stream is ended for so many pings"
    | other -> failed $"the last ping's pong was expected; {describe other}"

let private many = {
    Title = "Several pings at once"
    Cases = [
        for count, piece in [ 10, 100_000; 10, 1; 100, 100_000; 1_000, 100_000 ] do
            let how = if piece = 1 then ", in single bytes" else ""

            case $"{count}{how}" "A pong for the last one at least." (fun peer ->
                openPlain peer
                let payload i = utf8 $"ping {i}"
                let wire = Array.concat [ for i in 1..count -> frame peer true 0 9 (payload i) ]

                if piece = 1 then
                    sendInPieces peer 1 wire
                else
                    peer.Send($"{count} pings", wire)

                expectLastPong peer (payload count) count
                closeCleanly peer)
    ]
}

/// Messages come in order, pongs among them anywhere: whoever reads ahead answers a ping before the message before it is.
let rec private expectAmong (peer: Peer) (count: int) (next: int) (hasLast: bool) =
    if next <= count || not hasLast then
        match peer.Next() with
        | Frame(header, payload) when header.Opcode.IsPong ->
            expectAmong peer count next (hasLast || payload = utf8 $"ping {count}")
        | Frame(header, payload) when header.Opcode.IsText && header.Fin && payload = utf8 $"message {next}" ->
            expectAmong peer count (next + 1) hasLast
        | other -> failed $"message {next} or the last ping's pong was expected; {describe other}"

let private among = {
    Title = "Pings among messages"
    Cases = [
        for count in [ 1; 5; 20 ] do
            case
                $"{count} messages with a ping after each"
                "Every message, and a pong for the last ping."
                (fun peer ->
                    openPlain peer

                    for i in 1..count do
                        sendText peer $"message {i}"
                        sendPing peer (utf8 $"ping {i}")

                    expectAmong peer count 1 false
                    closeCleanly peer)
        case "a pong, a ping and a pong" "A pong for the ping." (fun peer ->
            openPlain peer
            sendFrame peer true 0 10 (utf8 "one")
            sendPing peer (utf8 "two")
            sendFrame peer true 0 10 (utf8 "three")
            expectPong peer (utf8 "two")
            closeCleanly peer)
    ]
}

let section: Section = {
    Name = "Pings and pongs"
    Groups = [ pings; tooLong; unasked; many; among ]
}
