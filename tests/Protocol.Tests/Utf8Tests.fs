module FunctionalWs.Protocol.Tests.Utf8Tests

open System
open Expecto
open Swensen.Unquote
open FunctionalWs.Protocol

/// The position of the first wrong byte, or how many bytes are owed.
let private validatePieces (pieces: byte[] list) : Result<int, int> =
    let folder (state: Result<struct (Utf8State * int), int>) (piece: byte[]) =
        match state with
        | Error position -> Error position
        | Ok(struct (state, seen)) ->
            match Utf8.validate state (ReadOnlySpan piece) with
            | Utf8Result.Valid next -> Ok(struct (next, seen + piece.Length))
            | Utf8Result.Invalid position -> Error(seen + position)

    pieces
    |> List.fold folder (Ok(struct (Utf8.start, 0)))
    |> Result.map (fun (struct (state, _)) -> state.MissingBytes)

let private validate (data: byte[]) = validatePieces [ data ]

let private bytes (hex: string) =
    Convert.FromHexString(hex.Replace(" ", ""))

[<Tests>]
let utf8 =
    testList "UTF-8 (RFC 3629)" [
        testTheory
            "whole characters, the first and last of each length"
            [
                ""
                "00"
                "7F"
                "C2 80"
                "DF BF"
                "E0 A0 80"
                "EC BF BF"
                "ED 80 80"
                "ED 9F BF"
                "EE 80 80"
                "EF BF BF"
                "F0 90 80 80"
                "F3 BF BF BF"
                "F4 80 80 80"
                "F4 8F BF BF"
                "CE BA E1 BD B9 CF 83 CE BC CE B5"
            ]
            (fun hex -> validate (bytes hex) =! Ok 0)

        testTheory
            "a start of a character owes the rest"
            [ "C2", 1; "E0", 2; "E0 A0", 1; "F0", 3; "F0 90", 2; "F4 8F BF", 1 ]
            (fun (hex, owed) -> validate (bytes hex) =! Ok owed)

        testTheory
            "the first impossible byte is found"
            [
                "80", 0
                "BF", 0
                "C0", 0
                "C1", 0
                "C2 41", 1
                "C2 C2", 1
                "E0 9F", 1
                "E0 80 80", 1
                "ED A0 80", 1
                "ED BF BF", 1
                "E1 80 41", 2
                "F0 8F", 1
                "F0 80 80 80", 1
                "F4 90", 1
                "F4 90 80 80", 1
                "F5", 0
                "FE", 0
                "FF", 0
                "41 42 FF", 2
                "F0 9F 98 41", 3
            ]
            (fun (hex, position) -> validate (bytes hex) =! Error position)

        testCase "all sequences of two bytes agree with the slow twin" (fun () ->
            for first in 0x70..0xFF do
                for second in 0..0xFF do
                    let data = [| byte first; byte second |]

                    let expected =
                        match Reference.firstImpossible data with
                        | Some position -> Error position
                        | None -> Ok()

                    if Result.map ignore (validate data) <> expected then
                        failwith $"%A{data}")

        testCase "all sequences of three bytes agree with the platform's decoder" (fun () ->
            let data = Array.zeroCreate<byte> 3

            for value in 0x7F0000..0xFFFFFF do
                data[0] <- byte (value >>> 16)
                data[1] <- byte (value >>> 8)
                data[2] <- byte value

                let isText =
                    match Utf8.validate Utf8.start (ReadOnlySpan data) with
                    | Utf8Result.Valid state -> state.IsComplete
                    | Utf8Result.Invalid _ -> false

                if isText <> Text.Unicode.Utf8.IsValid(ReadOnlySpan data) then
                    failwith $"%06X{value}")

        testProperty
            "any bytes, cut anywhere, agree with the bytes in one piece"
            (fun (data: byte[]) (cuts: int list) -> validatePieces (Bytes.cut cuts data) = validate data)

        testProperty "any text, cut anywhere, is text" (fun (text: FsCheck.UnicodeString) (cuts: int list) ->
            let data = Bytes.utf8 (text.Get |> String.filter (Char.IsSurrogate >> not))
            validatePieces (Bytes.cut cuts data) = Ok 0)

        testProperty
            "text with one byte changed agrees with the platform's decoder"
            (fun (place: uint16) (value: byte) ->
                let data =
                    Bytes.utf8 "Grüße, κόσμε, 世界, 😀 – and some more plain text to fill a vector or two"

                data[int place % data.Length] <- value
                (validate data = Ok 0) = Reference.isText data)

        testCase "an error far into a long text is found at its place" (fun () ->
            let data = Array.create 100_000 (byte 'a')
            data[77_777] <- 0xFFuy
            validate data =! Error 77_777)
    ]
