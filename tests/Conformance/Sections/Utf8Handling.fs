/// Section 6: text has to be UTF-8, and is refused as soon as it can't be (RFC 6455 §8.1).
module FunctionalWs.Conformance.Sections.Utf8Handling

open System
open FunctionalWs.Conformance
open FunctionalWs.Conformance.Judging
open FunctionalWs.Conformance.Verdict

let private before = utf8 "κόσμε "

let private validTexts = {
    Title = "Text that is UTF-8 comes back"
    Cases = [
        for name, bytes in Utf8Samples.valid do
            case name "The same message." (echo text bytes (fun peer -> sendFrame peer true 0 text bytes))

            if bytes.Length > 1 then
                case $"{name}, a byte a fragment" "The same message."
                <| echo text bytes (fun peer ->
                    let parts = [ for value in bytes -> [| value |] ]
                    peer.Send("fragments of a byte", Array.concat (Fragmentation.frames peer text parts)))
    ]
}

let private invalidTexts = {
    Title = "Text that is not UTF-8 is refused"
    Cases = [
        for name, bytes, _ in Utf8Samples.invalid do
            case name (expectedRefusal [ 1007 ])
            <| violation [ 1007 ] (fun peer -> sendFrame peer true 0 text (Array.append before bytes))

            case $"{name}, a byte a fragment" (expectedRefusal [ 1007 ])
            <| violation [ 1007 ] (fun peer ->
                let parts = [ for value in Array.append before bytes -> [| value |] ]
                peer.Send("fragments of a byte", Array.concat (Fragmentation.frames peer text parts)))
    ]
}

let private unfinishedTexts = {
    Title = "Text that ends within a character is refused"
    Cases = [
        for name, bytes in Utf8Samples.unfinished do
            case name (expectedRefusal [ 1007 ])
            <| violation [ 1007 ] (fun peer -> sendFrame peer true 0 text (Array.append before bytes))

            case $"{name}, then an empty last fragment" (expectedRefusal [ 1007 ])
            <| violation [ 1007 ] (fun peer ->
                sendFrame peer false 0 text (Array.append before bytes)
                sendFrame peer true 0 0 [||])
    ]
}

/// How long one may look at what it has before that counts as waiting for more.
let private patience = TimeSpan.FromSeconds 2.0

/// The refusal has to come before the rest is sent.
let private atOnce (send: Peer -> unit) (rest: Peer -> unit) (peer: Peer) =
    openPlain peer
    send peer

    match peer.NextWithin patience with
    | Frame(header, payload) when header.Opcode.IsClose && payload.Length >= 2 ->
        let code = int payload[0] * 256 + int payload[1]
        sendClose peer 1007

        if peer.IsServer then
            peer.EndSending()

        match peer.Next() with
        | End _ when code = 1007 -> ()
        | End _ -> nonStrict $"it was refused, but with {code}"
        | other -> nonStrict $"after its close frame {describe other}"
    | End _ -> nonStrict "it was refused without a close frame"
    | Nothing ->
        rest peer
        refused [ 1007 ] peer
        nonStrict "it was refused only when the rest had come"
    | other -> failed $"it was not refused: {describe other}"

let private early = {
    Title = "Text is refused before the rest of it has come"
    Cases = [
        for name, bytes, shown in
            List.filter (fun (_, bytes: byte[], _) -> bytes.Length > 1) Utf8Samples.invalid do
            let start = Array.append before bytes[.. shown - 1]

            case
                $"{name}, in the first fragment"
                "It is refused with 1007 while the next fragment is awaited."
            <| atOnce (fun peer -> sendFrame peer false 0 text start) (fun peer ->
                sendFrame peer true 0 0 (utf8 "rest"))

        for name, bytes, shown in List.truncate 12 Utf8Samples.invalid do
            let payload =
                Array.concat [ before; bytes[.. shown - 1]; utf8 "the rest of the frame" ]

            let wire peer =
                let wire = frame peer true 0 text payload
                Array.splitAt (wire.Length - 21) wire

            case
                $"{name}, in the first part of a frame"
                "It is refused with 1007 while the rest of the frame is awaited."
            <| atOnce (fun peer -> peer.Send("a part of a frame", fst (wire peer))) (fun peer ->
                peer.Send("the rest", snd (wire peer)))
    ]
}

let private elsewhere = {
    Title = "What is not text may be any bytes"
    Cases = [
        for name, bytes, _ in List.truncate 20 Utf8Samples.invalid do
            case $"{name}, in a binary message" "The same message."
            <| echo binary bytes (fun peer -> sendFrame peer true 0 binary bytes)
    ]
}

let section: Section = {
    Name = "UTF-8"
    Groups = [ validTexts; invalidTexts; unfinishedTexts; early; elsewhere ]
}
