/// Section 7: the closing handshake, and every class of close codes (RFC 6455 §5.5.1, §7).
module FunctionalWs.Conformance.Sections.Closing

open System
open FunctionalWs.Conformance
open FunctionalWs.Conformance.Judging
open FunctionalWs.Conformance.Verdict

let private codeOf (payload: byte[]) =
    if payload.Length < 2 then
        None
    else
        Some(int payload[0] * 256 + int payload[1])

/// A close frame that is answered with the same code, or with none where it had none.
let private answered (payload: byte[]) (peer: Peer) =
    openPlain peer
    sendFrame peer true 0 8 payload

    match peer.Next() with
    | Frame(header, answer) when header.Opcode.IsClose ->
        if codeOf answer <> codeOf payload then
            nonStrict $"it was answered with {codeOf answer}"

        awaitEnd peer
    | End _ -> nonStrict "the stream ended without a close frame"
    | other -> failed $"a close frame was expected; {describe other}"

let private same = "A close frame with the same code, then the end of the stream."

let private codes = {
    Title = "A code that may be sent is answered"
    Cases = [
        for code in
            [ 1000..1003 ]
            @ [ 1007..1014 ]
            @ [ 3000; 3001; 3500; 3999; 4000; 4001; 4500; 4999 ] do
            case $"{code}" same (answered (closePayload code [||]))
    ]
}

let private wrongCodes = {
    Title = "A code that may not be sent is refused"
    Cases = [
        for code in
            [
                0
                1
                999
                1004
                1005
                1006
                1015
                1016
                1100
                2000
                2999
                5000
                9999
                65_535
            ] do
            for reason in [ ""; "reason" ] do
                let how = if reason = "" then "" else " with a reason"

                case $"{code}{how}" (expectedRefusal [ 1002 ])
                <| violation [ 1002 ] (fun peer -> sendFrame peer true 0 8 (closePayload code (utf8 reason)))
    ]
}

let private payloads = {
    Title = "What a close frame carries"
    Cases = [
        case "nothing" "A close frame, then the end of the stream." (answered [||])
        case
            "one byte"
            (expectedRefusal [ 1002 ])
            (violation [ 1002 ] (fun peer -> sendFrame peer true 0 8 [| 3uy |]))
        case "a short reason" same (answered (closePayload 1000 (utf8 "good bye")))
        case "a reason of several alphabets" same (answered (closePayload 1000 (utf8 "Grüße κόσμε 𝄞")))
        case "a reason of 123 bytes" same (answered (closePayload 1000 (sample true 123)))
        case "a code in single bytes" same (fun peer ->
            openPlain peer
            sendInPieces peer 1 (frame peer true 0 8 (closePayload 1000 (utf8 "slowly")))

            match peer.Next() with
            | Frame(header, answer) when header.Opcode.IsClose && codeOf answer = Some 1000 -> awaitEnd peer
            | other -> failed $"a close frame was expected; {describe other}")

        for name, bytes, _ in List.truncate 24 Utf8Samples.invalid do
            case $"a reason that is not UTF-8: {name}" (expectedRefusal [ 1007 ])
            <| violation [ 1007 ] (fun peer ->
                sendFrame peer true 0 8 (closePayload 1000 (Array.append (utf8 "no ") bytes)))

        for name, bytes in Utf8Samples.unfinished do
            case $"a reason that ends within a character: {name}" (expectedRefusal [ 1007 ])
            <| violation [ 1007 ] (fun peer -> sendFrame peer true 0 8 (closePayload 1000 bytes))
    ]
}

/// After the close frame nothing counts.
let private ignored (name: string) (send: Peer -> unit) : Case =
    case name "The close frame is answered; what follows it is not." (fun peer ->
        openPlain peer
        sendClose peer 1000
        send peer

        match peer.Next() with
        | Frame(header, answer) when header.Opcode.IsClose && codeOf answer = Some 1000 -> awaitEnd peer
        | Frame(header, _) when header.Opcode.IsClose -> nonStrict "it was answered with another code"
        | End _ -> nonStrict "the stream ended without a close frame"
        | other -> failed $"a close frame was expected; {describe other}")

let private afterwards = {
    Title = "What comes after a close frame is ignored"
    Cases = [
        ignored "a message" (fun peer -> sendText peer "too late")
        ignored "a ping" (fun peer -> sendPing peer (utf8 "too late"))
        ignored "another close frame" (fun peer -> sendClose peer 1001)
        ignored "a frame that breaks a rule" (fun peer -> sendFrame peer true 7 15 (utf8 "wrong"))
        ignored "bytes that are no frame" (fun peer -> peer.Send("noise", Array.create 200 0xFFuy))
        ignored "a large message" (fun peer -> sendFrame peer true 0 binary (Array.zeroCreate 100_000))
    ]
}

let private beforehand = {
    Title = "What comes before a close frame counts"
    Cases = [
        for count in [ 1; 10; 100 ] do
            case
                $"{count} messages and the close frame at once"
                "All messages, then the close frame."
                (fun peer ->
                    openPlain peer

                    let wire =
                        Array.concat [
                            for i in 1..count do
                                frame peer true 0 text (utf8 $"message {i}")
                            frame peer true 0 8 (closePayload 1000 [||])
                        ]

                    peer.Send($"{count} messages and a close frame", wire)
                    let mutable received = 0
                    let mutable isClosed = false

                    while not isClosed do
                        match peer.Next() with
                        | Frame(header, payload) when
                            header.Opcode.IsText && payload = utf8 $"message {received + 1}"
                            ->
                            received <- received + 1
                        | Frame(header, answer) when header.Opcode.IsClose && codeOf answer = Some 1000 ->
                            isClosed <- true
                        | other -> failed $"{received} messages came, then {describe other}"

                    // Who answers a close frame may drop what was not sent before (RFC 6455 §5.5.1).
                    if received < count then
                        nonStrict $"{received} of {count} messages came back"

                    awaitEnd peer)

        case "a ping and the close frame at once" "A pong or none, then the close frame." (fun peer ->
            openPlain peer

            peer.Send(
                "ping and close",
                Array.append
                    (frame peer true 0 9 (utf8 "last"))
                    (frame peer true 0 8 (closePayload 1000 [||]))
            )

            match peer.Next() with
            | Frame(header, _) when header.Opcode.IsPong ->
                match peer.Next() with
                | Frame(header, _) when header.Opcode.IsClose -> awaitEnd peer
                | other -> failed $"a close frame was expected; {describe other}"
            | Frame(header, _) when header.Opcode.IsClose -> awaitEnd peer
            | other -> failed $"a close frame was expected; {describe other}")
    ]
}

let section: Section = {
    Name = "Closing"
    Groups = [ codes; wrongCodes; payloads; afterwards; beforehand ]
}
