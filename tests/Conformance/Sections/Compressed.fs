/// Sections 11 to 13: compressed messages: RFC 7692's examples, round trips with all parameters, and what is refused.
module FunctionalWs.Conformance.Sections.Compressed

open System
open FunctionalWs.Conformance
open FunctionalWs.Conformance.Judging
open FunctionalWs.Conformance.Compression
open FunctionalWs.Conformance.Verdict

let private hex (text: string) =
    Convert.FromHexString(text.Replace(" ", ""))

let private hello = utf8 "Hello"

/// Opens with an offer, does something, closes.
let private agreed
    (value: string)
    (act: Peer -> Reader -> FunctionalWs.Protocol.ExtensionOffer -> unit)
    (peer: Peer)
    =
    let agreed = offer value peer
    act peer (Reader(peer, agreed)) agreed
    closeCleanly peer

let private plain = $"{deflate}; client_max_window_bits"

// ---- Examples

let private example (text: string) (send: Peer -> unit) : Case =
    case
        text
        "The message Hello."
        (agreed deflate (fun peer reader _ ->
            send peer
            expectMessage reader peer Judging.text hello))

let private examples = {
    Title = "The examples of RFC 7692 §7.2.3"
    Cases = [
        for text, wire in
            [
                "one block", "F2 48 CD C9 C9 07 00"
                "a block without compression", "00 05 00 FA FF 48 65 6C 6C 6F 00"
                "a block with BFINAL", "F3 48 CD C9 C9 07 00 00"
                "two blocks", "F2 48 05 00 00 00 FF FF CA C9 C9 07 00"
            ] do
            example text (fun peer -> sendCompressed peer Judging.text (hex wire))

            example $"{text}, a byte a frame" (fun peer ->
                peer.Send("frames of a byte", Array.concat (framesOf peer Judging.text 1 (hex wire))))

            example $"{text}, in single bytes" (fun peer ->
                sendInPieces peer 1 (frame peer true 4 Judging.text (hex wire)))

        case
            "two fragments"
            "The message Hello."
            (agreed deflate (fun peer reader _ ->
                sendFrame peer false 4 Judging.text (hex "F2 48 CD")
                sendFrame peer true 0 0 (hex "C9 C9 07 00")
                expectMessage reader peer Judging.text hello))

        case
            "a second message that refers to the first"
            "Hello twice, unless the server wants each by itself."
            (agreed deflate (fun peer reader agreed ->
                if has (ownParameter peer "no_context_takeover") agreed then
                    unimplemented "the server wants each message by itself"

                for wire in [ "F2 48 CD C9 C9 07 00"; "F2 00 11 00 00" ] do
                    sendCompressed peer Judging.text (hex wire)
                    expectMessage reader peer Judging.text hello))

        case
            "an empty message"
            "An empty message."
            (agreed deflate (fun peer reader _ ->
                sendCompressed peer Judging.text (hex "00")
                expectMessage reader peer Judging.text [||]))

        case
            "an empty message, then Hello"
            "Both."
            (agreed deflate (fun peer reader _ ->
                sendCompressed peer Judging.text (hex "00")
                sendCompressed peer Judging.text (hex "F2 48 CD C9 C9 07 00")
                expectMessage reader peer Judging.text [||]
                expectMessage reader peer Judging.text hello))

        case
            "a last fragment that is empty"
            "The message Hello."
            (agreed deflate (fun peer reader _ ->
                sendFrame peer false 4 Judging.text (hex "F2 48 CD C9 C9 07 00")
                sendFrame peer true 0 0 [||]
                expectMessage reader peer Judging.text hello))

        case
            "a message that is not compressed"
            "The same message."
            (agreed deflate (fun peer reader _ ->
                sendText peer "as it is"
                expectMessage reader peer Judging.text (utf8 "as it is")))

        case
            "compressed and not, in turns"
            "All messages."
            (agreed deflate (fun peer reader _ ->
                for i in 1..6 do
                    if i % 2 = 0 then
                        sendText peer "Hello"
                    else
                        sendCompressed peer Judging.text (hex "F2 48 CD C9 C9 07 00")

                    expectMessage reader peer Judging.text hello))
    ]
}

let vectors: Section = {
    Name = "Examples of compression"
    Groups = [ examples ]
}

// ---- Round trips

let private contents (kind: int) (size: int) : byte[] =
    if kind = Judging.text then
        [|
            for i in 0 .. size / 40 + 1 ->
                $"{{\"id\":%06d{i * 7919 % 1_000_000},\"name\":\"user%03d{i % 50}\"}},\n"
        |]
        |> String.concat ""
        |> utf8
        |> Array.truncate size
    else
        let random = Random 5
        let noise = Array.zeroCreate<byte>(size / 2)
        random.NextBytes noise
        // The second half refers back to the first, as far as it is large.
        Array.append noise (Array.append noise (Array.zeroCreate (size - 2 * noise.Length)))

/// Sends messages of these sizes with the agreed window, and expects them back within the server's.
let private roundTrip (value: string) (kind: int) (sizes: int list) (frameSize: int) (piece: int) =
    agreed value (fun peer reader agreed ->
        let bits =
            bitsOf (ownParameter peer "max_window_bits") agreed |> Option.defaultValue 15

        use compressor =
            new Compressor(max 9 bits, has (ownParameter peer "no_context_takeover") agreed)

        for size in sizes do
            let payload = contents kind size

            let wire =
                compressor.Message payload |> framesOf peer kind frameSize |> Array.concat

            if piece = 0 then
                peer.Send($"{size} bytes, compressed", wire)
            else
                sendInPieces peer piece wire

            expectMessage reader peer kind payload)

let private back = "The same messages, within the server's window."
let private whole = Int32.MaxValue
let private growing = [ 0; 1; 16; 64; 256; 1_024; 4_096; 16_384; 65_536 ]

let private variants = [
    "no parameters", deflate
    "client_max_window_bits", plain
    "server_no_context_takeover", $"{deflate}; server_no_context_takeover"
    "client_no_context_takeover", $"{deflate}; client_no_context_takeover"
    "neither keeps its context", $"{deflate}; server_no_context_takeover; client_no_context_takeover"
    "small windows", $"{deflate}; server_max_window_bits=9; client_max_window_bits=9"
    "small windows, nothing kept",
    $"{plain}=9; server_max_window_bits=9; server_no_context_takeover; client_no_context_takeover"
]

let private ofVariants = {
    Title = "Messages with the parameters"
    Cases = [
        for text, value in variants do
            for kind in [ Judging.text; binary ] do
                case $"{text}, {kindName kind} of growing sizes" back (roundTrip value kind growing whole 0)

                case
                    $"{text}, {kindName kind}, 20 times 1,000 bytes"
                    back
                    (roundTrip value kind (List.replicate 20 1_000) whole 0)
    ]
}

let private ofWindows = {
    Title = "Messages with windows of all sizes"
    Cases = [
        for bits in 9..15 do
            for kind in [ Judging.text; binary ] do
                case $"server_max_window_bits={bits}, {kindName kind}" back
                <| roundTrip
                    $"{deflate}; server_max_window_bits={bits}"
                    kind
                    [ 100; 40_000; 40_000; 1_000 ]
                    whole
                    0

                case $"client_max_window_bits={bits}, {kindName kind}" back
                <| roundTrip
                    $"{deflate}; client_max_window_bits={bits}"
                    kind
                    [ 100; 40_000; 40_000; 1_000 ]
                    whole
                    0
    ]
}

let private ofFragments = {
    Title = "Compressed messages in fragments"
    Cases = [
        for kind in [ Judging.text; binary ] do
            for frameSize in [ 1; 7; 100; 1_000; 4_096 ] do
                case
                    $"{kindName kind}, frames of {frameSize}"
                    back
                    (roundTrip deflate kind [ 5_000; 100; 5_000 ] frameSize 0)

            for piece in [ 1; 13; 1_000 ] do
                case
                    $"{kindName kind}, pieces of {piece}"
                    back
                    (roundTrip deflate kind [ 3_000; 100 ] whole piece)

        case
            "a ping between fragments"
            "A pong, then the message."
            (agreed deflate (fun peer reader _ ->
                sendFrame peer false 4 Judging.text (hex "F2 48 CD")
                sendPing peer (utf8 "between")
                expectPong peer (utf8 "between")
                sendFrame peer true 0 0 (hex "C9 C9 07 00")
                expectMessage reader peer Judging.text hello))
    ]
}

let private ofVolume = {
    Title = "Large and many compressed messages"
    Cases = [
        for kind in [ Judging.text; binary ] do
            for size in [ 131_072; 262_144 ] do
                case $"{kindName kind} of {size / 1_024} KiB" back (roundTrip deflate kind [ size ] whole 0)

            case
                $"500 {kindName kind} of 300 bytes"
                back
                (roundTrip deflate kind (List.replicate 500 300) whole 0)

        case
            "zeros of 1 MiB"
            back
            (agreed deflate (fun peer reader _ ->
                use compressor = new Compressor(15, false)
                let payload = Array.zeroCreate<byte> 1_048_576
                sendCompressed peer binary (compressor.Message payload)
                expectMessage reader peer binary payload))
    ]
}

let roundTrips: Section = {
    Name = "Compressed messages"
    Groups = [ ofVariants; ofWindows; ofFragments; ofVolume ]
}

// ---- Violations

let private refuses (text: string) (codes: int list) (send: Peer -> unit) : Case =
    case text (expectedRefusal codes) (fun peer ->
        offer deflate peer |> ignore
        send peer
        refused codes peer)

let private marks = {
    Title = "Marks where none may be"
    Cases = [
        for opcode, text in [ 9, "ping"; 10, "pong"; 8, "close" ] do
            refuses $"RSV1 on a {text} frame" [ 1002 ] (fun peer ->
                sendFrame peer true 4 opcode (closePayload 1000 [||]))

        refuses "RSV1 on a continuation" [ 1002 ] (fun peer ->
            sendFrame peer false 4 Judging.text (hex "F2 48 CD")
            sendFrame peer true 4 0 (hex "C9 C9 07 00"))

        refuses "RSV1 on the continuation alone" [ 1002 ] (fun peer ->
            sendFrame peer false 0 Judging.text (utf8 "one")
            sendFrame peer true 4 0 (hex "F2 48 CD C9 C9 07 00"))

        for bits in [ 1; 2; 3; 5; 6; 7 ] do
            refuses $"reserved bits 0x{bits} on a text frame" [ 1002 ] (fun peer ->
                sendFrame peer true bits Judging.text (hex "F2 48 CD C9 C9 07 00"))
    ]
}

let private badData = {
    Title = "What can't be decompressed"
    Cases = [
        for text, wire in
            [
                "a reserved kind of block", "06"
                "a block without compression, its length damaged", "00 05 00 FB FF 48 65 6C 6C 6F 00"
                "a distance to before the beginning", "F2 00 11 00 00"
                "noise", "FF FF FF FF FF FF"
                "too many codes", "FC FF FF FF FF FF"
                "a distance code that there is not", "03 FF 00"
            ] do
            refuses text [ 1002; 1003; 1007; 1009; 1011 ] (fun peer -> sendCompressed peer binary (hex wire))

        for length in 1..5 do
            let codes = [ 1002; 1003; 1007; 1011 ]

            case $"a message of which {length} bytes came" (expectedRefusal codes) (fun peer ->
                offer deflate peer |> ignore
                sendCompressed peer binary (Array.truncate length (hex "F2 48 CD C9 C9 07 00"))

                match peer.Next() with
                | Frame(header, _) when header.Opcode.IsBinary ->
                    nonStrict "what came of it was taken for the message"
                | other -> refusedBy codes peer other)

        for text, bytes, _ in List.truncate 16 Utf8Samples.invalid do
            refuses $"text that is not UTF-8: {text}" [ 1007 ] (fun peer ->
                use compressor = new Compressor(15, false)
                sendCompressed peer Judging.text (compressor.Message(Array.append hello bytes)))
    ]
}

let private withoutAgreement = {
    Title = "Compression that was not agreed on"
    Cases = [
        for kind in [ Judging.text; binary ] do
            case $"a compressed {kindName kind} message" (expectedRefusal [ 1002 ])
            <| violation [ 1002 ] (fun peer -> sendCompressed peer kind (hex "F2 48 CD C9 C9 07 00"))
    ]
}

let refusals: Section = {
    Name = "Compression that is refused"
    Groups = [ marks; badData; withoutAgreement ]
}
