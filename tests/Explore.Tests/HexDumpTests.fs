/// Bytes out of the dumps that people have.
module FunctionalWs.Explore.Tests.HexDumpTests

open System
open Expecto
open Swensen.Unquote
open FunctionalWs.Explore

let private hello = Convert.FromHexString "818537FA213D7F9F4D5158"

let private dumps = [
    "plain digits", "818537fa213d7f9f4d5158"
    "plain digits, four bytes a line", "818537fa\n213d7f9f\n4d5158"
    "four bytes and blanks", "818537fa  213d7f9f4d5158"
    "digits in groups", "81 85 37fa213d\t7f9f4d5158 \r\n"
    "an array of C", "0x81, 0x85, 0x37, 0xfa, 0x21, 0x3d, 0x7f, 0x9f, 0x4d, 0x51, 0x58"
    "a string", @"\x81\x85\x37\xfa\x21\x3d\x7f\x9f\x4d\x51\x58"
    "xxd", "00000000: 8185 37fa 213d 7f9f 4d51 58                ..7.!=..MQX\n"
    "hexdump -C", "00000000  81 85 37 fa 21 3d 7f 9f  4d 51 58                 |..7.!=..MQX|\n0000000b\n"
    "tcpdump -X", "\t0x0000:  8185 37fa 213d 7f9f 4d51 58              ..7.!=..MQX\n"
]

[<Tests>]
let tests =
    testList "a dump" [
        testTheory "is read in each form" dumps (fun (_, text) -> HexDump.parse text =! hello)

        testCase "of four bytes has no offset" (fun () ->
            HexDump.parse "880203e8" =! Convert.FromHexString "880203E8")

        testTheory "of nothing, or of something else, is refused" [ ""; " \n"; "hello"; "818" ] (fun text ->
            raises<FormatException> <@ HexDump.parse text @>)
    ]
