module FunctionalWs.Protocol.Tests.FrameTests

open System
open System.Buffers
open Expecto
open Swensen.Unquote
open FunctionalWs.Protocol
open FunctionalWs.Protocol.Tests.Bytes

let private server = ConnectionSettings.Server
let private client = ConnectionSettings.Client

let private bytes (hex: string) =
    Convert.FromHexString(hex.Replace(" ", ""))

let private payloadOf (read: Read) =
    match read with
    | Frame(header, payload) -> header.Fin, header.Opcode, payload
    | Incomplete
    | Malformed _ -> failwith $"{read}"

/// A client's frame header that announces a length in a form, and a key.
let private announce (form: string) = bytes ("82 " + form + " 00 00 00 00")

let private limitedTo (message: int64) (fragment: int64) = {
    server with
        Limits = Limits.Create(message, fragment, 10)
}

[<Tests>]
let examples =
    testList "the examples of RFC 6455 §5.7" [
        testTheory
            "from a server"
            [
                "81 05 48 65 6c 6c 6f", (true, Opcode.Text, "Hello")
                "01 03 48 65 6c", (false, Opcode.Text, "Hel")
                "80 02 6c 6f", (true, Opcode.Continuation, "lo")
                "89 05 48 65 6c 6c 6f", (true, Opcode.Ping, "Hello")
            ]
            (fun (wire, (fin, opcode, text)) ->
                payloadOf (read client (bytes wire)) =! (fin, opcode, utf8 text)
                frameOf Role.Server fin opcode (utf8 text) =! bytes wire)

        testTheory
            "from a client"
            [
                "81 85 37 fa 21 3d 7f 9f 4d 51 58", (Opcode.Text, "Hello")
                "8a 85 37 fa 21 3d 7f 9f 4d 51 58", (Opcode.Pong, "Hello")
            ]
            (fun (wire, (opcode, text)) ->
                payloadOf (read server (bytes wire)) =! (true, opcode, utf8 text)
                frame true opcode (utf8 text) =! bytes wire)

        testTheory
            "longer payloads"
            [ 256, "82 7E 01 00"; 65_536, "82 7F 00 00 00 00 00 01 00 00" ]
            (fun (size, head) ->
                let payload = Array.init size byte
                let wire = Array.append (bytes head) payload
                payloadOf (read client wire) =! (true, Opcode.Binary, payload)
                frameOf Role.Server true Opcode.Binary payload =! wire)
    ]

[<Tests>]
let headers =
    testList "what a header alone can break (RFC 6455 §5.2, §5.5)" [
        testTheory "all first two bytes agree with the slow twin" [ Role.Server; Role.Client ] (fun role ->
            let settings = if role.IsServer then server else client

            for value in 0..0xFFFF do
                let first, second = byte (value >>> 8), byte value
                let found = read settings [| first; second |]

                let agrees =
                    match Reference.judge role first second, found with
                    | Some error, Malformed other -> error = other
                    | None, (Incomplete | Frame _) -> true
                    | _ -> false

                if not agrees then
                    failwith $"%04X{value}: {found}")

        testTheory
            "a length that isn't in its shortest form is refused, or taken if that is set"
            [
                "FE 00 00", 0L
                "FE 00 7D", 125L
                "FF 00 00 00 00 00 00 00 00", 0L
                "FF 00 00 00 00 00 00 FF FF", 65_535L
            ]
            (fun (form, length) ->
                read server (announce form) =! Malformed(ProtocolError.LengthNotMinimal length)

                match read { server with AllowLongLengths = true } (announce form) with
                | Malformed error -> failwith $"{error}"
                | Incomplete
                | Frame _ -> ())

        testTheory
            "a control frame's length that isn't in its shortest form is refused as that, or taken if that is set"
            [
                "FE 00 00", 0L
                "FE 00 7D", 125L
                "FF 00 00 00 00 00 00 00 00", 0L
                "FF 00 00 00 00 00 00 00 7D", 125L
            ]
            (fun (form, length) ->
                for opcode in [ "88 "; "89 "; "8A " ] do
                    let wire = bytes (opcode + form)
                    let key = Array.zeroCreate 4
                    let whole = Array.concat [ wire; key; Array.zeroCreate (int length) ]
                    read server wire =! Malformed(ProtocolError.LengthNotMinimal length)

                    match read { server with AllowLongLengths = true } whole with
                    | Frame(header, _) -> header.PayloadLength =! length
                    | other -> failwith $"{other}")

        testTheory
            "a control frame over 125 bytes is too long, however its length is written"
            [
                "FE 00 7E"
                "FF 00 00 00 00 00 00 00 7E"
                "FF 00 00 00 00 00 01 00 00"
                "FF 7F FF FF FF FF FF FF FF"
            ]
            (fun form ->
                for allows in [ false; true ] do
                    read
                        {
                            server with
                                AllowLongLengths = allows
                        }
                        (bytes ("89 " + form))
                    =! Malformed(ProtocolError.ControlFrameTooLong Opcode.Ping))

        testTheory
            "the shortest form of a length is taken"
            [ "FE 00 7E"; "FE FF FF"; "FF 00 00 00 00 00 01 00 00" ]
            (fun form -> read server (announce form) =! Incomplete)

        testCase "the top bit of a length is refused" (fun () ->
            read server (announce "FF 80 00 00 00 00 00 00 00")
            =! Malformed ProtocolError.LengthTopBit

            read server (announce "FF FF FF FF FF FF FF FF FF")
            =! Malformed ProtocolError.LengthTopBit)

        testTheory
            "a huge length is refused before the payload, even before the key"
            [
                "FF 00 00 00 00 7F FF FF C0", 2_147_483_584L
                "FF 00 00 00 01 00 00 00 01", 4_294_967_297L
                "FF 7F FF FF FF FF FF FF FF", Int64.MaxValue
            ]
            (fun (form, length) ->
                read server (bytes ("82 " + form))
                =! Malformed(ProtocolError.MessageTooBig(length, Limits.Default.MaxMessageSize)))

        testCase "without a limit the largest length is only incomplete" (fun () ->
            let unlimited = limitedTo Limits.Unlimited Limits.Unlimited
            read unlimited (announce "FF 7F FF FF FF FF FF FF FF") =! Incomplete)

        testCase "the limits are exact" (fun () ->
            let settings = limitedTo 200L 100L

            payloadOf (read settings (frame true Opcode.Binary (Array.zeroCreate 100)))
            |> ignore

            read settings (frame true Opcode.Binary (Array.zeroCreate 101))
            =! Malformed(ProtocolError.FragmentTooBig(101L, 100L))

            read (limitedTo 100L 200L) (frame true Opcode.Binary (Array.zeroCreate 101))
            =! Malformed(ProtocolError.MessageTooBig(101L, 100L)))

        testCase "control frames count against no limit" (fun () ->
            payloadOf (read (limitedTo 0L 0L) (frame true Opcode.Ping (Array.zeroCreate 125)))
            =! (true, Opcode.Ping, Array.zeroCreate 125))
    ]

let private samples = [
    frame true Opcode.Text (utf8 "Hello")
    frame false Opcode.Binary [||]
    frame true Opcode.Ping (utf8 "p")
    frame true Opcode.Binary (Array.init 126 byte)
    frame true Opcode.Text (Array.create 300 65uy)
    frame true Opcode.Close (close 1000 "bye")
]

[<Tests>]
let cutting =
    testList "however the bytes are cut" [
        testCase "each strict prefix of a frame is incomplete" (fun () ->
            for sample in
                samples
                @ [ frame true Opcode.Binary (Array.zeroCreate 70_000) |> Array.truncate 300 ] do
                for length in 0 .. sample.Length - 1 do
                    if read server sample[.. length - 1] <> Incomplete then
                        failwith $"{length} bytes of %A{sample}")

        testCase "a frame in two segments, cut at every place, is the same" (fun () ->
            for sample in samples do
                let expected = read server sample

                for at in 1 .. sample.Length - 1 do
                    if readFrom server (segments [ at ] sample) <> expected then
                        failwith $"cut at {at}")

        testCase "a frame in an array is the same" (fun () ->
            let wire = Array.append (frame true Opcode.Text "Hello"B) "rest"B

            match FrameReader.readMemory server (ReadOnlyMemory wire) with
            | FrameParse.Complete frame -> Frame(frame.Header, frame.ToArray()) =! read server wire
            | FrameParse.Incomplete
            | FrameParse.Malformed _ -> failwith "no frame"

            test <@ (FrameReader.readMemory server (ReadOnlyMemory [| 0x81uy |])).IsIncomplete @>)

        testCase "a frame in segments of one byte is the same" (fun () ->
            for sample in samples do
                readFrom server (segments [ 1 .. sample.Length ] sample) =! read server sample)

        testProperty
            "what is written is read, whatever header, payload and cuts"
            (fun fin binary (payload: byte[]) (cuts: int list) ->
                let opcode = if binary then Opcode.Binary else Opcode.Continuation
                let wire = frame fin opcode payload
                payloadOf (readFrom server (segments cuts wire)) = (fin, opcode, payload))

        testProperty
            "bytes that lie together are read the same by the ways of their own"
            (fun fin (payload: byte[]) (noise: byte[]) length ->
                for data in
                    [
                        noise
                        frame fin Opcode.Binary payload
                        frameOf Role.Server fin Opcode.Text payload
                    ] do
                    let some = data[.. int (uint32 length % uint32 (data.Length + 1)) - 1]

                    for settings in [ server; client ] do
                        let buffer = ReadOnlySequence<byte> some
                        let parse = FrameReader.readHeader settings &buffer
                        FrameReader.readHeaderOf settings (ReadOnlySpan some) =! parse

                        match FrameReader.read settings &buffer with
                        | FrameParse.Complete frame ->
                            let copy = Array.zeroCreate<byte>(int frame.Header.PayloadLength)
                            let header = frame.Header
                            header.CopyPayload(frame.Payload.FirstSpan, Span copy)
                            copy =! frame.ToArray()
                        | FrameParse.Incomplete
                        | FrameParse.Malformed _ -> ())

        testProperty "no bytes make the reader throw" (fun (data: byte[]) (cuts: int list) ->
            if data.Length > 0 then
                readFrom server (segments cuts data) |> ignore
                readFrom client (segments cuts data) |> ignore)
    ]

[<Tests>]
let writing =
    testList "writing" [
        testTheory
            "the header has its shortest form"
            [ 0L, 2; 125L, 2; 126L, 4; 65_535L, 4; 65_536L, 10; Int64.MaxValue, 10 ]
            (fun (length, size) ->
                FrameWriter.headerSize length false =! size
                FrameWriter.headerSize length true =! size + 4)

        testTheory
            "what fits a frame is told by its header"
            [ 0; 1; 125; 126; 127; 65_535; 65_536; 100_000 ]
            (fun size ->
                let payload = Array.init size (fun i -> byte (i * 3))

                match read { server with Limits = Limits.Default } (frame true Opcode.Binary payload) with
                | Frame(header, found) ->
                    found =! payload
                    header.FrameLength =! int64 (header.Size + size)
                | other -> failwith $"{other}")

        testTheory
            "a control frame that a reader would refuse isn't written"
            [ Opcode.Close; Opcode.Ping; Opcode.Pong ]
            (fun opcode ->
                let write fin bits length () =
                    FrameWriter.writeHeader fin bits opcode length ValueNone (Span(Array.zeroCreate 14))
                    |> ignore

                write true ReservedBits.None 125L ()
                raises<ArgumentOutOfRangeException> <@ write true ReservedBits.None 126L () @>
                raises<ArgumentException> <@ write false ReservedBits.None 0L () @>
                raises<ArgumentException> <@ write true ReservedBits.Rsv1 0L () @>)

        testTheory
            "every header that is written can be read, and no other is written"
            [ true; false ]
            (fun masked ->
                let settings = {
                    (if masked then server else client) with
                        Limits = Limits.Create(Limits.Unlimited, Limits.Unlimited, 1)
                        ReservedBits = ReservedBits.Rsv1 ||| ReservedBits.Rsv2 ||| ReservedBits.Rsv3
                }

                let lengths = [ -1L; 0L; 1L; 125L; 126L; 65_535L; 65_536L; Int64.MaxValue ]
                let mutable written = 0

                for first in 0..0xFFF do
                    match Opcode.ofByte (byte (first &&& 0xF)) with
                    | ValueNone -> ()
                    | ValueSome opcode ->
                        for length in lengths do
                            let fin = first &&& 0x800 <> 0

                            let bits: ReservedBits =
                                LanguagePrimitives.EnumOfValue(byte (first >>> 4 &&& 0x7F))

                            let key = if masked then ValueSome Bytes.key else ValueNone
                            let wire = Array.zeroCreate<byte> 14

                            try
                                let size = FrameWriter.writeHeader fin bits opcode length key (Span wire)
                                written <- written + 1

                                match FrameReader.readHeaderOf settings (ReadOnlySpan(wire, 0, size)) with
                                | HeaderParse.Complete header ->
                                    header
                                    =! {
                                           Fin = fin
                                           ReservedBits = bits
                                           Opcode = opcode
                                           MaskingKey = key
                                           PayloadLength = length
                                           Size = size
                                       }
                                | other -> failwith $"{bits} {opcode} {length}: {other}"
                            with :? ArgumentException as error ->
                                test <@ List.contains error.ParamName [ "fin"; "bits"; "payloadLength" ] @>
                                wire =! Array.zeroCreate 14

                // Three types of control frames with 3 sizes; two that begin a message with 8 combinations of bits, and the one that
                // doesn't, final or not, with 7 sizes.
                written =! 3 * 3 + (2 * 8 + 1) * 2 * 7)

        testCase "bits that there aren't and those of a continuation aren't written, and are named" (fun () ->
            let named (bits: byte) opcode =
                let bits: ReservedBits = LanguagePrimitives.EnumOfValue bits

                try
                    FrameWriter.writeHeader true bits opcode 1L ValueNone (Span(Array.zeroCreate 14))
                    |> ignore

                    "written"
                with
                | :? ArgumentOutOfRangeException as error -> $"{error.ParamName} {error.ActualValue}"
                | :? ArgumentException as error -> $"{error.ParamName}"

            named 7uy Opcode.Text =! "written"
            named 8uy Opcode.Text =! "bits 8"
            named 0x1Fuy Opcode.Binary =! "bits 31"
            named 1uy Opcode.Continuation =! "bits"
            named 4uy Opcode.Ping =! "bits")

        testProperty
            "a frame that is encoded in an array is decoded, with its payload, as is what a writer gets"
            (fun (fin: bool) (key: uint32 voption) (payload: byte[]) ->
                let settings = if key.IsSome then server else client
                let wire = FrameWriter.encode fin Opcode.Binary key payload
                let writer = ArrayBufferWriter<byte>()
                FrameWriter.write fin Opcode.Binary (ReadOnlySpan payload) key writer
                wire =! writer.WrittenSpan.ToArray()

                match FrameReader.decode settings wire with
                | FrameParse.Complete frame ->
                    (frame.Header.Fin, frame.Header.MaskingKey) =! (fin, key)
                    frame.ToArray() =! payload
                | FrameParse.Incomplete
                | FrameParse.Malformed _ -> failwith "the frame is not complete")

        testCase "a frame that no reader takes isn't encoded" (fun () ->
            raises<ArgumentException> <@ FrameWriter.encode false Opcode.Ping ValueNone [||] @>

            raises<ArgumentOutOfRangeException>
                <@ FrameWriter.encode true Opcode.Close ValueNone (Array.zeroCreate 126) @>)

        testCase "a frame of a negative size isn't written, and the size is named" (fun () ->
            let named length opcode =
                try
                    FrameWriter.writeHeader
                        true
                        ReservedBits.None
                        opcode
                        length
                        ValueNone
                        (Span(Array.zeroCreate 14))
                    |> ignore

                    None
                with :? ArgumentOutOfRangeException as error ->
                    Some(error.ParamName, error.ActualValue)

            named -1L Opcode.Text =! Some("payloadLength", box -1L)
            named 126L Opcode.Ping =! Some("payloadLength", box 126L))

        testCase "vectors with other keys" (fun () ->
            let write (key: string) (opcode: Opcode) (text: string) =
                let writer = ArrayBufferWriter<byte>()

                FrameWriter.write
                    true
                    opcode
                    (ReadOnlySpan(utf8 text))
                    (ValueSome(BitConverter.ToUInt32(bytes key, 0)))
                    writer

                writer.WrittenSpan.ToArray()

            write "5B FB E1 A8" Opcode.Text "Spam" =! bytes "81 84 5B FB E1 A8 08 8B 80 C5"

            write "53 CD E2 89" Opcode.Binary "Eggs"
            =! bytes "82 84 53 CD E2 89 16 AA 85 FA")
    ]

[<Tests>]
let values =
    testList "values" [
        testCase "the legal close codes are exactly those of RFC 6455 §7.4" (fun () ->
            let legal = [ 1000; 1001; 1002; 1003 ] @ [ 1007..1014 ] @ [ 3000..4999 ]

            [ -1 .. 65_536 ] |> List.filter CloseCode.IsValid =! legal
            [ for code in legal -> (CloseCode.Create code).Value ] =! legal
            raises<ArgumentOutOfRangeException> <@ CloseCode.Create 1005 @>
            Unchecked.defaultof<CloseCode> =! CloseCode.NormalClosure)

        testCase "a reason of 123 bytes fits, one of 124 doesn't, a lone surrogate neither" (fun () ->
            CloseStatus.Create(CloseCode.GoingAway, String('x', 123)).ToArray().Length
            =! 125

            raises<ArgumentException> <@ CloseStatus.Create(CloseCode.GoingAway, String('x', 124)) @>
            raises<ArgumentException> <@ CloseStatus.Create(CloseCode.GoingAway, String('é', 62)) @>
            raises<ArgumentException> <@ CloseStatus.Create(CloseCode.GoingAway, String(char 0xD800, 1)) @>)

        testCase "a control payload has at most 125 bytes and compares by content" (fun () ->
            let make (size: int) =
                ControlPayload.Create(ReadOnlySpan(Array.create size 7uy))

            make 125 =! make 125
            make 0 =! ControlPayload.Empty
            (make 3 = make 4) =! false
            raises<ArgumentException> <@ make 126 @>)

        testCase "limits are checked when they are set" (fun () ->
            raises<ArgumentOutOfRangeException> <@ Limits.Create(-1L, 0L, 1) @>
            raises<ArgumentOutOfRangeException> <@ Limits.Create(0L, -1L, 1) @>
            raises<ArgumentOutOfRangeException> <@ Limits.Create(0L, 0L, 0) @>)

        testTheory
            "each error has one close code, and a reason that fits a close frame"
            [
                ProtocolError.ReservedOpcode 3uy, 1002
                ProtocolError.ReservedBits 7uy, 1002
                ProtocolError.MaskMissing, 1002
                ProtocolError.MaskForbidden, 1002
                ProtocolError.LengthNotMinimal Int64.MaxValue, 1002
                ProtocolError.LengthTopBit, 1002
                ProtocolError.ControlFrameTooLong Opcode.Ping, 1002
                ProtocolError.ControlFrameFragmented Opcode.Close, 1002
                ProtocolError.ContinuationExpected, 1002
                ProtocolError.ContinuationUnexpected, 1002
                ProtocolError.FragmentTooBig(Int64.MaxValue, Int64.MaxValue), 1009
                ProtocolError.MessageTooBig(Int64.MaxValue, Int64.MaxValue), 1009
                ProtocolError.TooManyFragments Int32.MaxValue, 1008
                ProtocolError.TextNotUtf8 Int64.MaxValue, 1007
                ProtocolError.CloseFrameTooShort, 1002
                ProtocolError.CloseCodeInvalid 65_535, 1002
                ProtocolError.CloseReasonNotUtf8, 1007
            ]
            (fun (error, code) ->
                (error.CloseCode).Value =! code
                let reason = error.Description
                test <@ reason.Length <= 123 && Seq.forall Char.IsAscii reason @>)
    ]
