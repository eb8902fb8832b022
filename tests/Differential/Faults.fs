/// What a client does that breaks the rules: each makes frames that go between others.
module FunctionalWs.Differential.Faults

open FunctionalWs.Fuzz
open FunctionalWs.Differential.Conversation

let private bytesOf (frame: RawFrame) : byte[] list = [ RawFrame.toBytes frame ]

let private small (dice: Dice) : byte[] = dice.Bytes(dice.Below 20)

let private opcodes = [| 0uy; 1uy; 2uy; 8uy; 9uy; 10uy |]
let private reservedOpcodes = [| 3uy; 4uy; 5uy; 6uy; 7uy; 11uy; 12uy; 13uy; 14uy; 15uy |]

let private reservedBits (dice: Dice) =
    bytesOf {
        frame dice true (dice.Pick opcodes) (text dice 20) with
            Reserved = byte (dice.Between(1, 7))
    }

let private reservedOpcode (dice: Dice) =
    bytesOf (frame dice (not (dice.OneIn 4)) (dice.Pick reservedOpcodes) (small dice))

let private longForm (dice: Dice) =
    bytesOf {
        frame dice true (dice.Pick opcodes) (text dice 60) with
            Form = dice.Pick [| LengthForm.Word; LengthForm.Long |]
    }

let private longFormOfWord (dice: Dice) =
    bytesOf {
        frame dice true 2uy (dice.Bytes(dice.Between(126, 400))) with
            Form = LengthForm.Long
    }

let private topBit (dice: Dice) =
    bytesOf {
        frame dice true 2uy (small dice) with
            Announced = Some(0x8000_0000_0000_0000UL ||| uint64 (dice.Below 100))
            Form = LengthForm.Long
    }

let private hugeLength (dice: Dice) =
    bytesOf {
        frame dice true 2uy (small dice) with
            Announced =
                Some(dice.Pick [| 1UL <<< 17; 1UL <<< 31; 1UL <<< 32; 1UL <<< 62; (1UL <<< 63) - 1UL |])
            Form = LengthForm.Long
    }

let private wrongLength (dice: Dice) =
    let payload = small dice

    bytesOf {
        frame dice true (dice.Pick opcodes) payload with
            Announced = Some(uint64 (max 0 (payload.Length + dice.Between(-4, 40))))
    }

let private unmasked (dice: Dice) =
    bytesOf {
        frame dice true (dice.Pick opcodes) (text dice 20) with
            Key = None
    }

let private noText = [|
    "C080"
    "C1BF"
    "E09F80"
    "EDA080"
    "EDBFBF"
    "F08F8080"
    "F4908080"
    "F5808080"
    "80"
    "FF"
    "E282"
    "F09F98"
    "C3"
    "E28261"
|]

let private invalidUtf8 (dice: Dice) =
    let wrong = System.Convert.FromHexString(dice.Pick noText)

    let data =
        Array.concat [ text dice 40; wrong; (if dice.OneIn 2 then text dice 40 else [||]) ]

    framesOf dice 1uy false (dice.Between(1, 6)) data

let private fragmentedControl (dice: Dice) =
    bytesOf (frame dice false (dice.Pick [| 8uy; 9uy; 10uy |]) (dice.Pick [| [||]; closePayload 1000 [||] |]))

let private longControl (dice: Dice) =
    let payload =
        Array.append (closePayload 1000 [||]) (Array.create (dice.Between(124, 400)) (byte 'x'))

    bytesOf (frame dice true (dice.Pick [| 8uy; 9uy; 10uy |]) payload)

let private halfCode (dice: Dice) =
    bytesOf (frame dice true 8uy (dice.Bytes 1))

let private wrongCodes = [| 0; 1; 999; 1004; 1005; 1006; 1015; 1016; 1100; 2000; 2999; 5000; 65_535 |]

let private wrongCode (dice: Dice) =
    bytesOf (frame dice true 8uy (closePayload (dice.Pick wrongCodes) (text dice 30)))

let private anyCode (dice: Dice) =
    bytesOf (frame dice true 8uy (closePayload (dice.Below 65_536) (text dice 30)))

let private wrongReason (dice: Dice) =
    let wrong = System.Convert.FromHexString(dice.Pick noText)
    bytesOf (frame dice true 8uy (closePayload 1000 (Array.append (text dice 30) wrong)))

let private dataAfterClose (dice: Dice) = [ close dice; yield! message dice None; control dice ]

let private strayContinuation (dice: Dice) =
    bytesOf (frame dice (dice.OneIn 2) 0uy (text dice 20))

let private messageInMessage (dice: Dice) =
    bytesOf (frame dice false (dice.Pick [| 1uy; 2uy |]) (text dice 20))
    @ bytesOf (frame dice (dice.OneIn 2) (dice.Pick [| 1uy; 2uy |]) (text dice 20))

let private unfinished (dice: Dice) =
    bytesOf (frame dice false (dice.Pick [| 1uy; 2uy |]) (text dice 20))

let private tooBig (dice: Dice) =
    framesOf dice 2uy false (dice.Between(1, 4)) (dice.Bytes(65_536 + dice.Between(1, 3_000)))

/// Many fragments of a byte or none.
let private tinyFragments (dice: Dice) =
    let data = text dice 200
    framesOf dice 1uy false (dice.Between(200, 600)) data

let private compressedNonsense (dice: Dice) =
    framesOf dice (dice.Pick [| 1uy; 2uy |]) true (dice.Between(1, 3)) (dice.Bytes(dice.Below 40))

let private compressedNothing (dice: Dice) =
    framesOf dice (dice.Pick [| 1uy; 2uy |]) true (dice.Between(1, 3)) (dice.Pick [| [||]; [| 0uy |] |])

/// What was compressed, damaged or cut short.
let private compressedDamage (dice: Dice) =
    let data = Compressor(false).Compress(text dice 200)

    let damaged =
        if dice.OneIn 2 then
            Array.truncate (dice.Below(data.Length + 1)) data
        else
            Mutations.one dice [||] [||] data

    framesOf dice (dice.Pick [| 1uy; 2uy |]) true (dice.Between(1, 3)) damaged

/// Blocks that end the stream, and something behind them (RFC 7692 §7.2.3.5).
let private compressedFinal (dice: Dice) =
    let final = System.Convert.FromHexString "f348cdc9c90700" // RFC 7692 §7.2.3.4's "Hello" with BFINAL

    framesOf
        dice
        1uy
        true
        (dice.Between(1, 2))
        (Array.append final (dice.Pick [| [||]; [| 0uy |]; dice.Bytes 3 |]))

let private compressedBomb (dice: Dice) =
    let data = Array.create (65_536 + dice.Between(-1, 40_000)) (byte 'x')
    framesOf dice 2uy true 1 (Compressor(false).Compress data)

let private compressedContinuation (dice: Dice) =
    bytesOf (frame dice false 1uy (text dice 20))
    @ bytesOf {
        frame dice true 0uy (text dice 20) with
            Reserved = 4uy
    }

let private plain = [|
    "reserved bits", reservedBits
    "reserved opcode", reservedOpcode
    "long form", longForm
    "long form", longFormOfWord
    "top bit", topBit
    "huge length", hugeLength
    "wrong length", wrongLength
    "unmasked", unmasked
    "invalid UTF-8", invalidUtf8
    "fragmented control", fragmentedControl
    "long control", longControl
    "half a code", halfCode
    "wrong code", wrongCode
    "any code", anyCode
    "wrong reason", wrongReason
    "data after close", dataAfterClose
    "stray continuation", strayContinuation
    "message in message", messageInMessage
    "unfinished", unfinished
    "too big", tooBig
    "tiny fragments", tinyFragments
|]

let private ofCompression = [|
    "compressed nonsense", compressedNonsense
    "compressed nothing", compressedNothing
    "compressed damage", compressedDamage
    "compressed final block", compressedFinal
    "compressed bomb", compressedBomb
    "compressed continuation", compressedContinuation
|]

/// The name of a fault and its frames; those of compression go to whoever hasn't agreed to it, too, but not as often.
let make (dice: Dice) (isCompressed: bool) : string * byte[] list =
    let faults =
        if dice.OneIn(if isCompressed then 2 else 12) then
            ofCompression
        else
            plain

    let name, fault = dice.Pick faults
    name, fault dice
