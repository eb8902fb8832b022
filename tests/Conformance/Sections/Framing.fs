/// Section 1: messages in one frame, of all sizes, and how their lengths and masks are written (RFC 6455 §5.2, §5.3).
module FunctionalWs.Conformance.Sections.Framing

open System
open FunctionalWs.Conformance.Judging

let private sizes = [
    0
    1
    2
    124
    125
    126
    127
    128
    129
    255
    256
    65_534
    65_535
    65_536
    65_537
    131_072
]

let private both = [ text; binary ]

let private payload (kind: int) (size: int) : byte[] =
    if kind = text then
        sample false size
    else
        Array.init size (fun i -> byte (i * 7))

let private ofAllSizes (kind: int) = {
    Title = $"A {kindName kind} message in one frame comes back"
    Cases = [
        for size in sizes do
            case $"of {size} bytes" "The same message." (fun peer ->
                let payload = payload kind size
                echo kind payload (fun peer -> sendFrame peer true 0 kind payload) peer)
    ]
}

let private inPieces = {
    Title = "A frame that arrives in pieces comes back"
    Cases = [
        for kind in both do
            for size, piece in
                [
                    1, 1
                    125, 1
                    126, 1
                    200, 3
                    1_000, 7
                    65_535, 997
                    65_536, 997
                    65_537, 1_460
                ] do
                case $"{kindName kind}, {size} bytes in pieces of {piece}" "The same message." (fun peer ->
                    let payload = payload kind size

                    echo
                        kind
                        payload
                        (fun peer -> sendInPieces peer piece (frame peer true 0 kind payload))
                        peer)
    ]
}

let private lengthForms =
    let short (length: int) =
        126uy, [| byte (length / 256); byte length |]

    let long (length: int) =
        127uy,
        [|
            0uy
            0uy
            0uy
            0uy
            byte (length >>> 24)
            byte (length >>> 16)
            byte (length >>> 8)
            byte length
        |]

    [
        "two bytes", short, [ 0; 1; 125 ]
        "eight bytes", long, [ 0; 125; 126; 65_535 ]
    ]

let private longForms = {
    Title = "A length that is not in its shortest form is refused"
    Cases = [
        for kind in both do
            for name, form, lengths in lengthForms do
                for length in lengths do
                    case $"{kindName kind}, {length} in {name}" (expectedRefusal [ 1002 ]) (fun peer ->
                        let wire = frameWith peer (0x80uy ||| byte kind) (form length) (payload kind length)

                        tolerable
                            [ 1002 ]
                            ((=) (payload kind length))
                            (fun peer -> peer.Send("a length in a long form", wire))
                            peer)
    ]
}

let private impossibleLengths = {
    Title = "A length of more than 63 bits is refused"
    Cases = [
        for kind in both do
            for top in [ [| 0x80uy; 0uy |]; [| 0xFFuy; 0xFFuy |] ] do
                case
                    $"{kindName kind}, 0x{Convert.ToHexString top}…"
                    (expectedRefusal [ 1002; 1009 ])
                    (fun peer ->
                        let length = Array.append top (Array.zeroCreate 6)

                        violation
                            [ 1002; 1009 ]
                            (fun peer ->
                                peer.Send(
                                    "a header",
                                    frameWith peer (0x80uy ||| byte kind) (127uy, length) [||]
                                ))
                            peer)
    ]
}

/// A server's frames are masked by no key at all, a client's by any (RFC 6455 §5.1).
let private masks (toWire: byte -> byte[] -> byte[]) = [
    for opcode, name in [ 1, "text"; 2, "binary"; 8, "close"; 9, "ping"; 10, "pong" ] do
        for size in [ 6; 100 ] do
            case $"{name} of {size} bytes" (expectedRefusal [ 1002 ]) (fun peer ->
                let payload = closePayload 1000 (sample false (size - 2))
                violation [ 1002 ] (fun peer -> peer.Send(name, toWire (byte opcode) payload)) peer)
]

let private unmasked = {
    Title = "A frame that is not masked is refused"
    Cases = masks (fun opcode payload -> plainFrame (0x80uy ||| opcode) (shortest payload.Length) payload)
}

let private masked = {
    Title = "A frame that is masked is refused"
    Cases =
        masks (fun opcode payload ->
            maskedFrame [| 1uy; 2uy; 3uy; 4uy |] (0x80uy ||| opcode) (shortest payload.Length) payload)
}

let private keys = {
    Title = "Any masking key will do"
    Cases = [
        for key in [ "00000000"; "FFFFFFFF"; "01020304"; "80000000"; "000000FF" ] do
            case $"0x{key}" "The same message." (fun peer ->
                let payload = payload text 300

                let wire =
                    maskedFrame (Convert.FromHexString key) 0x81uy (shortest payload.Length) payload

                echo text payload (fun peer -> peer.Send($"masked with {key}", wire)) peer)
    ]
}

let private common = [ ofAllSizes text; ofAllSizes binary; inPieces; longForms; impossibleLengths ]

let section: Section = {
    Name = "Framing"
    Groups = common @ [ unmasked; keys ]
}

let ofClients: Section = {
    Name = "Framing"
    Groups = common @ [ masked ]
}
