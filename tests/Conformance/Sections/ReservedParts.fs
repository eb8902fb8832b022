/// Sections 3 and 4: the reserved bits and the reserved opcodes, with no extension agreed on (RFC 6455 §5.2).
module FunctionalWs.Conformance.Sections.ReservedParts

open FunctionalWs.Conformance
open FunctionalWs.Conformance.Judging

let private opcodes = [ 1, "text"; 2, "binary"; 9, "ping"; 10, "pong"; 8, "close" ]

let private payloadOf (opcode: int) =
    if opcode = 8 then closePayload 1000 [||] else utf8 "small"

let private onOpcodes = {
    Title = "Reserved bits are refused"
    Cases = [
        for opcode, name in opcodes do
            for bits in 1..7 do
                case $"0x{bits} on a {name} frame" (expectedRefusal [ 1002 ])
                <| violation [ 1002 ] (fun peer -> sendFrame peer true bits opcode (payloadOf opcode))
    ]
}

let private onContinuations = {
    Title = "Reserved bits on a continuation are refused"
    Cases = [
        for bits in 1..7 do
            case $"0x{bits}" (expectedRefusal [ 1002 ])
            <| violation [ 1002 ] (fun peer ->
                sendFrame peer false 0 text (utf8 "one ")
                sendFrame peer true bits 0 (utf8 "two"))
    ]
}

let private afterMessage = {
    Title = "Reserved bits after a message that keeps the rules"
    Cases = [
        for bits in 1..7 do
            case $"0x{bits}" $"The message. {expectedRefusal [ 1002 ]}"
            <| violationAfterMessage [ 1002 ] (fun peer ->
                sendFrame peer true bits text (utf8 "small")
                sendPing peer [||])
    ]
}

let bits: Section = {
    Name = "Reserved bits"
    Groups = [ onOpcodes; onContinuations; afterMessage ]
}

let private reserved = [ 3..7 ] @ [ 11..15 ]

let private alone = {
    Title = "Reserved opcodes are refused"
    Cases = [
        for opcode in reserved do
            for payload in [ [||]; utf8 "reserved" ] do
                case $"0x{opcode:X} with {payload.Length} bytes" (expectedRefusal [ 1002 ])
                <| violation [ 1002 ] (fun peer -> sendFrame peer true 0 opcode payload)
    ]
}

let private unfinished = {
    Title = "Reserved opcodes without FIN are refused"
    Cases = [
        for opcode in reserved do
            case $"0x{opcode:X}" (expectedRefusal [ 1002 ])
            <| violation [ 1002 ] (fun peer -> sendFrame peer false 0 opcode (utf8 "part"))
    ]
}

let private reservedAfterMessage = {
    Title = "Reserved opcodes after a message that keeps the rules"
    Cases = [
        for opcode in reserved do
            case $"0x{opcode:X}" $"The message. {expectedRefusal [ 1002 ]}"
            <| violationAfterMessage [ 1002 ] (fun peer ->
                sendFrame peer true 0 opcode (utf8 "reserved")
                sendPing peer [||])
    ]
}

let opcodesSection: Section = {
    Name = "Opcodes"
    Groups = [ alone; unfinished; reservedAfterMessage ]
}
