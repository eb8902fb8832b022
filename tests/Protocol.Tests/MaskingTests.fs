module FunctionalWs.Protocol.Tests.MaskingTests

open System
open System.Text
open Expecto
open Swensen.Unquote
open FunctionalWs.Protocol

let private keyOf (bytes: byte[]) = BitConverter.ToUInt32(bytes, 0)

let private apply (key: byte[]) (offset: int64) (data: byte[]) : byte[] =
    let result = Array.zeroCreate data.Length
    Masking.apply (keyOf key) offset (ReadOnlySpan data) (Span result)
    result

let private inPlace (key: byte[]) (data: byte[]) : byte[] =
    let copy = Array.copy data
    Masking.apply (keyOf key) 0L (ReadOnlySpan copy) (Span copy)
    copy

let private key = [| 0x37uy; 0xFAuy; 0x21uy; 0x3Duy |]

[<Tests>]
let masking =
    testList "masking (RFC 6455 §5.3)" [
        testCase "equals the octet-wise formula for every length and offset" (fun () ->
            let data = Array.init 300 (fun i -> byte (i * 31))

            for length in 0..300 do
                for offset in 0..7 do
                    let slice = data[.. length - 1]

                    if apply key (int64 offset) slice <> Reference.mask key offset slice then
                        failwith $"length {length}, offset {offset}")

        testCase "starts anywhere in memory" (fun () ->
            let data = Array.init 200 (fun i -> byte (i * 31))

            for start in 0..63 do
                let result = Array.zeroCreate<byte> 200
                Masking.apply (keyOf key) 0L (ReadOnlySpan(data, start, 100)) (Span(result, 63 - start, 100))
                let expected = Reference.mask key 0 data[start .. start + 99]

                if result[63 - start .. 162 - start] <> expected then
                    failwith $"start {start}")

        testProperty "is its own inverse" (fun (a: byte, b: byte, c: byte, d: byte) (data: byte[]) ->
            let key = [| a; b; c; d |]
            apply key 0L (apply key 0L data) = data)

        testProperty "adds over offsets" (fun (data: byte[]) (cut: uint16) ->
            let at = if data.Length = 0 then 0 else int cut % data.Length
            let head = apply key 0L data[.. at - 1]
            let tail = apply key (int64 at) data[at..]
            Array.append head tail = apply key 0L data)

        testProperty "works in place" (fun (data: byte[]) -> inPlace key data = apply key 0L data)

        testCase "a zero key changes nothing" (fun () ->
            apply [| 0uy; 0uy; 0uy; 0uy |] 3L [| 1uy; 2uy; 3uy |] =! [| 1uy; 2uy; 3uy |])

        testCase "vector: abcdABCD with the key 1234" (fun () ->
            let text = String.replicate 10 "abcdABCD" |> Encoding.ASCII.GetBytes
            let expected = String.replicate 10 "PPPPpppp" |> Encoding.ASCII.GetBytes
            apply (Encoding.ASCII.GetBytes "1234") 0L text =! expected)

        testCase "offsets beyond 32 bits count" (fun () ->
            apply key 4_294_967_297L [| 1uy; 2uy |] =! Reference.mask key 1 [| 1uy; 2uy |])

        testCase "a destination that is too short is refused" (fun () ->
            let tooShort () =
                Masking.apply 0u 0L (ReadOnlySpan [| 1uy; 2uy |]) (Span [| 0uy |])

            raises<ArgumentOutOfRangeException> <@ tooShort () @>)
    ]
