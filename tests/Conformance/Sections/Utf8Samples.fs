/// Texts that are UTF-8 and bytes that are not (RFC 3629).
module FunctionalWs.Conformance.Sections.Utf8Samples

open System

let private hex (text: string) =
    Convert.FromHexString(text.Replace(" ", ""))

let valid: (string * byte[]) list =
    [
        "Greek", "CE BA E1 BD B9 CF 83 CE BC CE B5"
        "U+0000", "00"
        "U+007F", "7F"
        "U+0080", "C2 80"
        "U+07FF", "DF BF"
        "U+0800", "E0 A0 80"
        "U+0FFF", "E0 BF BF"
        "U+1000", "E1 80 80"
        "U+CFFF", "EC BF BF"
        "U+D000", "ED 80 80"
        "U+D7FF", "ED 9F BF"
        "U+E000", "EE 80 80"
        "U+FEFF, the byte order mark", "EF BB BF"
        "U+FFFD", "EF BF BD"
        "U+FFFE, no character", "EF BF BE"
        "U+FFFF, no character", "EF BF BF"
        "U+10000", "F0 90 80 80"
        "U+1FFFE, no character", "F0 9F BF BE"
        "U+3FFFF, no character", "F0 BF BF BF"
        "U+40000", "F1 80 80 80"
        "U+FFFFF", "F3 BF BF BF"
        "U+100000", "F4 80 80 80"
        "U+10FFFF", "F4 8F BF BF"
        "one of each length", "24 C2 A2 E2 82 AC F0 90 8D 88"
        "the characters around the surrogates", "ED 9F BF EE 80 80"
        "several that are no characters", "EF B7 90 EF B7 AF F0 AF BF BE F4 8F BF BE"
        "combining characters", "65 CC 81 6F CC 88 CC A3"
        "Hebrew, Arabic, Thai", "D7 A9 D7 9C D9 85 D8 B1 E0 B8 AA"
        "emoji joined to one", "F0 9F 91 A9 E2 80 8D F0 9F 92 BB"
    ]
    |> List.map (fun (name, bytes) -> name, hex bytes)

/// What is wrong, the bytes, and how many of them show that it is.
let invalid: (string * byte[] * int) list =
    [
        for lead in [ "80"; "8F"; "90"; "BF" ] do
            $"0x{lead}, a continuation without a start", lead, 1
        "four continuations", "80 BF 80 BF", 1
        for lead in [ "C0"; "C1"; "F5"; "F6"; "F8"; "FB"; "FC"; "FD"; "FE"; "FF" ] do
            $"0x{lead}, which never occurs", lead, 1
        "U+002F in two bytes", "C0 AF", 1
        "U+002F in three bytes", "E0 80 AF", 2
        "U+002F in four bytes", "F0 80 80 AF", 2
        "U+0000 in two bytes", "C0 80", 1
        "U+007F in two bytes", "C1 BF", 1
        "U+0000 in three bytes", "E0 80 80", 2
        "U+07FF in three bytes", "E0 9F BF", 2
        "U+0000 in four bytes", "F0 80 80 80", 2
        "U+FFFF in four bytes", "F0 8F BF BF", 2
        "U+3FFFFFF in five bytes", "FB BF BF BF BF", 1
        "U+7FFFFFFF in six bytes", "FD BF BF BF BF BF", 1
        "the surrogate U+D800", "ED A0 80", 2
        "the surrogate U+DBFF", "ED AF BF", 2
        "the surrogate U+DC00", "ED B0 80", 2
        "the surrogate U+DFFF", "ED BF BF", 2
        "a pair of surrogates", "ED A0 80 ED B0 80", 2
        "U+110000", "F4 90 80 80", 2
        "U+13FFFF", "F4 BF BF BF", 2
        "two bytes without the second", "C2 20", 2
        "two bytes, a start instead of the second", "C3 C3", 2
        "three bytes without the second", "E2 20", 2
        "three bytes without the third", "E2 82 20", 3
        "four bytes without the second", "F0 41", 2
        "four bytes without the third", "F0 90 41", 3
        "four bytes without the fourth", "F0 90 8D 41", 4
        "four bytes, 0xC2 instead of the fourth", "F0 90 8D C2", 4
        "the byte order mark of UTF-16", "FF FE 41 00", 1
        "Latin-1", "63 61 66 E9 20", 5
    ]
    |> List.map (fun (name, bytes, shown) -> name, hex bytes, shown)

/// Texts that end within a character.
let unfinished: (string * byte[]) list =
    [ "C2"; "E2"; "E2 82"; "ED 9F"; "F0"; "F0 90"; "F0 90 8D"; "F4 8F BF" ]
    |> List.map (fun bytes -> $"0x{bytes}", hex bytes)
