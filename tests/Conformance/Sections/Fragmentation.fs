/// Section 5: messages in fragments (RFC 6455 §5.4).
module FunctionalWs.Conformance.Sections.Fragmentation

open System
open FunctionalWs.Conformance
open FunctionalWs.Conformance.Judging
open FunctionalWs.Conformance.Verdict

/// The frames of a message, the last with FIN.
let frames (peer: Peer) (kind: int) (parts: byte[] list) : byte[] list =
    parts
    |> List.mapi (fun i part -> frame peer (i = parts.Length - 1) 0 (if i = 0 then kind else 0) part)

let private sendParts (peer: Peer) (kind: int) (parts: byte[] list) =
    for i, wire in List.indexed (frames peer kind parts) do
        peer.Send($"fragment {i + 1} of {parts.Length} [{parts[i].Length} bytes]", wire)

let private shapes = [
    "two fragments", [ "fragment1"; "fragment2" ]
    "three fragments", [ "a"; "b"; "c" ]
    "an empty one at first", [ ""; "rest" ]
    "an empty one in the middle", [ "first"; ""; "last" ]
    "an empty one at last", [ "first"; "" ]
    "nothing but empty ones", [ ""; ""; "" ]
    "two large ones", [ String('x', 70_000); String('y', 70_000) ]
    "100 of one byte", [ for i in 1..100 -> string (i % 10) ]
    "1,000 of ten bytes", [ for i in 1..1_000 -> $"%09d{i}," ]
]

let private accepted = {
    Title = "A message in fragments comes back"
    Cases = [
        for kind in [ text; binary ] do
            for name, parts in shapes do
                let parts = List.map utf8 parts
                let whole = Array.concat parts

                case $"{kindName kind}, {name}" "The same message."
                <| echo kind whole (fun peer -> sendParts peer kind parts)

                if whole.Length < 300 then
                    case $"{kindName kind}, {name}, in one segment" "The same message."
                    <| echo kind whole (fun peer ->
                        peer.Send("all fragments", Array.concat (frames peer kind parts)))

                    case $"{kindName kind}, {name}, in single bytes" "The same message."
                    <| echo kind whole (fun peer ->
                        sendInPieces peer 1 (Array.concat (frames peer kind parts)))
    ]
}

let private withControl = {
    Title = "Control frames between fragments"
    Cases = [
        for kind in [ text; binary ] do
            for isOneSegment in [ false; true ] do
                let how = if isOneSegment then ", in one segment" else ""

                case $"{kindName kind}, a ping{how}" "A pong, then the message." (fun peer ->
                    openPlain peer

                    let wire = [
                        frame peer false 0 kind (utf8 "one ")
                        frame peer true 0 9 (utf8 "between")
                        frame peer true 0 0 (utf8 "two")
                    ]

                    if isOneSegment then
                        peer.Send("fragment, ping, fragment", Array.concat wire)
                    else
                        wire |> List.iter (fun wire -> peer.Send("fragment or ping", wire))

                    expectPong peer (utf8 "between")
                    expectMessage peer kind (utf8 "one two")
                    closeCleanly peer)

        case "pings and pongs between many fragments" "A pong for each ping, then the message." (fun peer ->
            openPlain peer
            sendFrame peer false 0 text (utf8 "0")

            for i in 1..8 do
                sendFrame peer true 0 10 (utf8 "pong")
                sendPing peer (utf8 $"{i}")
                expectPong peer (utf8 $"{i}")
                sendFrame peer (i = 8) 0 0 (utf8 $"{i}")

            expectMessage peer text (utf8 "012345678")
            closeCleanly peer)

        case "a close frame" "A close frame with the same code; the message is dropped." (fun peer ->
            openPlain peer
            sendFrame peer false 0 text (utf8 "never completed")
            closeCleanly peer)
    ]
}

let private noStart = {
    Title = "A continuation of nothing is refused"
    Cases = [
        for fin in [ true; false ] do
            for payload in [ [||]; utf8 "rest" ] do
                let how = if fin then "with FIN" else "without FIN"

                case $"{how}, {payload.Length} bytes" (expectedRefusal [ 1002 ])
                <| violation [ 1002 ] (fun peer ->
                    sendFrame peer fin 0 0 payload
                    sendText peer "after")

        case "after a message in one frame" $"The message. {expectedRefusal [ 1002 ]}"
        <| violationAfterMessage [ 1002 ] (fun peer -> sendFrame peer true 0 0 (utf8 "rest"))

        case "after a message in fragments" $"The message. {expectedRefusal [ 1002 ]}" (fun peer ->
            openPlain peer
            sendParts peer text [ utf8 "be"; utf8 "fore" ]
            sendFrame peer true 0 0 (utf8 "rest")

            match peer.Next() with
            | Frame(header, payload) when header.Opcode.IsText && header.Fin && payload = utf8 "before" ->
                refused [ 1002 ] peer
            | Frame(header, _) when header.Opcode.IsText -> nonStrict "the message came back in fragments"
            | End _ -> nonStrict "the stream ended without the message, and without a close frame"
            | other -> failed $"the message was expected; {describe other}")
    ]
}

let private notContinued = {
    Title = "A new message before the end of the last is refused"
    Cases = [
        for first in [ text; binary ] do
            for second in [ text; binary ] do
                for fin in [ true; false ] do
                    let how = if fin then "" else ", in fragments"

                    case $"{kindName first}, then {kindName second}{how}" (expectedRefusal [ 1002 ])
                    <| violation [ 1002 ] (fun peer ->
                        sendFrame peer false 0 first (utf8 "one")
                        sendFrame peer fin 0 second (utf8 "two"))
    ]
}

let private controlFragments = {
    Title = "Fragments of a control frame are refused"
    Cases = [
        for opcode, name in [ 9, "ping"; 10, "pong"; 8, "close" ] do
            case $"a {name} frame without FIN" (expectedRefusal [ 1002 ])
            <| violation [ 1002 ] (fun peer -> sendFrame peer false 0 opcode (closePayload 1000 [||]))

            case $"a {name} frame in two fragments" (expectedRefusal [ 1002 ])
            <| violation [ 1002 ] (fun peer ->
                sendFrame peer false 0 opcode [||]
                sendFrame peer true 0 0 [||])
    ]
}

let section: Section = {
    Name = "Fragmentation"
    Groups = [ accepted; withControl; noStart; notContinued; controlFragments ]
}
