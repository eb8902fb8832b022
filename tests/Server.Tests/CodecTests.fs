module FunctionalWs.Server.Tests.CodecTests

open System
open Expecto
open Swensen.Unquote
open FunctionalWs
open FunctionalWs.Server.Tests.Compressed

let private inflate (windowBits: int) (messages: string list) : Inflated list =
    use receiver = new Receiver(windowBits)
    [ for message in messages -> receiver.Message(hex message) ]

let private hello = Message "Hello"B

/// Data whose second half repeats what lies so many bytes before.
let private repeating (distance: int) : byte[] =
    let data = noise distance (distance + 400)
    Array.blit data 0 data distance 400
    data

[<Tests>]
let inflating =
    testList "inflating" [
        testTheory
            "the examples of RFC 7692 §7.2.3 are \"Hello\""
            [
                "F2 48 CD C9 C9 07 00"
                "00 05 00 FA FF 48 65 6C 6C 6F 00"
                "F3 48 CD C9 C9 07 00 00"
                "F2 48 05 00 00 00 FF FF CA C9 C9 07 00"
            ]
            (fun example -> inflate 15 [ example ] =! [ hello ])

        testCase "a second message may refer to the first" (fun () ->
            inflate 15 [ "F2 48 CD C9 C9 07 00"; "F2 00 11 00 00" ] =! [ hello; hello ])

        testCase "a message may be empty, even without a byte" (fun () ->
            inflate 15 [ "00"; ""; "F2 48 CD C9 C9 07 00"; "00" ]
            =! [ Message [||]; Message [||]; hello; Message [||] ])

        testCase "after a final block the message goes on, and the next ones too" (fun () ->
            let final = "F3 48 CD C9 C9 07 00"

            inflate 15 [ final + "F3 48 CD C9 C9 07 00 00"; final; "F2 48 CD C9 C9 07 00" ]
            =! [ Message "HelloHello"B; hello; hello ])

        testCase "a message that was cut in the middle is incomplete, wherever" (fun () ->
            use sender = new Sender(15)
            let message = sender.Message(json 1 2_000)

            for length in 1 .. message.Length - 2 do
                use receiver = new Receiver(15)

                match receiver.Message message[.. length - 1] with
                | Incomplete -> ()
                | Message data -> failwith $"{length} bytes of {message.Length} gave {data.Length}"
                | Invalid -> failwith $"{length} bytes of {message.Length} were invalid")

        testTheory
            "what is no compressed data is invalid"
            [ "06"; "FF FF FF"; "00 05 00 FB FF 48 65 6C 6C 6F 00"; "F2 00 11 00 00" ]
            (fun message -> inflate 15 [ message ] =! [ Invalid ])

        testTheory "a distance of up to the window is fine" [ 9..14 ] (fun bits ->
            use sender = new Sender(15)
            use receiver = new Receiver(bits)
            let data = repeating (1 <<< bits)
            receiver.Message(sender.Message data) =! Message data)

        testTheory "a distance of twice the window is not, nor is a larger one" [ 9..13 ] (fun bits ->
            for distance in [ 2 <<< bits; (2 <<< bits) + 300; 32_000 ] do
                use sender = new Sender(15)
                use receiver = new Receiver(bits)
                receiver.Message(sender.Message(repeating distance)) =! Invalid)

        testTheory
            "one that failed, or has not finished its message, is not given to the next"
            [ "FF FF FF"; "F2 48" ]
            (fun message ->
                let first = Inflater.Rent 15
                let mutable rest = ReadOnlySpan(hex message)
                let mutable written = 0
                first.Inflate(&rest, Span(Array.zeroCreate<byte> 100), &written) |> ignore
                Inflater.Return first
                let second = Inflater.Rent 15
                obj.ReferenceEquals(first, second) =! false
                Inflater.Return second)

        testProperty
            "damaged data is found to be so, or gives something; nothing else happens"
            (fun (seed: int) (flips: int list) ->
                use sender = new Sender(12)
                use receiver = new Receiver(12)
                let first, second = sender.Message(json seed 3_000), sender.Message(json seed 100)

                for flip in flips do
                    let bit = abs (flip % (first.Length * 8))
                    first[bit / 8] <- first[bit / 8] ^^^ (1uy <<< (bit % 8))

                match receiver.Message first with
                | Invalid
                | Incomplete -> ()
                | Message _ -> receiver.Message second |> ignore)

        testProperty "no bytes do harm" (fun (messages: byte[] list) ->
            use receiver = new Receiver(10)
            let isUsable message = receiver.Message message <> Invalid
            messages |> List.takeWhile isUsable |> List.length <= messages.Length)
    ]

/// Gives so many pieces of room, and then none.
type private FailingWriter(pieces: int) =
    let mutable left = pieces

    interface Buffers.IBufferWriter<byte> with
        member _.Advance _ = ()
        member _.GetMemory _ = raise (OutOfMemoryException())

        member _.GetSpan _ =
            left <- left - 1

            if left < 0 then
                raise (OutOfMemoryException())

            Span(Array.zeroCreate<byte> 4_096)

[<Tests>]
let deflating =
    testList "deflating" [
        testCase "gives the known bytes, the second time with reference to the first" (fun () ->
            use sender = new Sender(15)
            sender.Message(utf8 "café") =! hex "4A 4E 4C 3B BC 12 00"
            sender.Message(utf8 "café") =! hex "4A 06 11 00 00")

        testCase "gives each fragment at once, only the last without its tail" (fun () ->
            use sender = new Sender(15)
            sender.Part("tea "B, false) =! hex "2A 49 4D 54 00 00 00 00 FF FF"
            sender.Part("time"B, true) =! hex "2A C9 CC 4D 05 00")

        testCase "an empty message is one byte" (fun () ->
            use sender = new Sender(15)
            sender.Message [||] =! [| 0uy |]
            sender.Message(utf8 "café") =! hex "4A 4E 4C 3B BC 12 00"
            sender.Message [||] =! [| 0uy |]
            sender.Part([||], false) =! [||])

        testCase "one that was given back refers to nothing before" (fun () ->
            let kind = settings 14
            let first = Deflater.Rent kind
            let writer = Buffers.ArrayBufferWriter<byte>()
            first.Compress(ReadOnlySpan(utf8 "café"), true, writer, false)
            Deflater.Return first
            let second = Deflater.Rent kind
            writer.Clear()
            second.Compress(ReadOnlySpan(utf8 "café"), true, writer, false)
            Deflater.Return second
            obj.ReferenceEquals(first, second) =! true
            use receiver = new Receiver(14)
            receiver.Message(writer.WrittenSpan.ToArray()) =! Message(utf8 "café"))

        testTheory
            "one that failed is not given to the next, whose messages hold nothing of the failed one's"
            [ false; true ]
            (fun forget ->
                let kind = settings 13
                let secret = noise 1 200_000

                for room in [ 0; 1; 3 ] do
                    let failed = Deflater.Rent kind

                    let compress (data: byte[]) (room: int) =
                        failed.Compress(ReadOnlySpan data, true, FailingWriter room, forget)

                    Wait.throws<OutOfMemoryException>(fun () -> compress secret room) |> ignore

                    // Nor used again by whoever has it: what comes next would begin with the rest.
                    Wait.throws<InvalidOperationException>(fun () -> compress "next"B 9) |> ignore

                    Deflater.Return failed
                    let next = Deflater.Rent kind
                    obj.ReferenceEquals(next, failed) =! false
                    let writer = Buffers.ArrayBufferWriter<byte>()
                    next.Compress(ReadOnlySpan "next"B, true, writer, forget)
                    use receiver = new Receiver(15)
                    receiver.Message(writer.WrittenSpan.ToArray()) =! Message "next"B
                    Deflater.Return next)

        testCase "one that has not finished its message is not given to the next" (fun () ->
            let kind = settings 11
            let first = Deflater.Rent kind
            let writer = Buffers.ArrayBufferWriter<byte>()
            first.Compress(ReadOnlySpan "half of it"B, false, writer, false)
            Deflater.Return first
            let second = Deflater.Rent kind
            obj.ReferenceEquals(first, second) =! false
            Deflater.Return second)

        testTheory
            "wherever an output buffer ends, the tail is left out"
            ([ 65_528; 131_072; 70_000 ] @ [ for size in 1..40 -> size * 97 ])
            (fun size ->
                use sender = new Sender(15)
                use receiver = new Receiver(15)
                let data = noise size size
                receiver.Message(sender.Message data) =! Message data
                receiver.Message(sender.Message "again"B) =! Message "again"B)

        testTheory "stays within its window: a receiver of that size understands it" [ 9..15 ] (fun bits ->
            use sender = new Sender(bits)
            use receiver = new Receiver(bits)

            for distance in [ 100; (1 <<< bits) - 300; 1 <<< bits; (1 <<< bits) + 50; 40_000 ] do
                let data = repeating (max distance 400)
                receiver.Message(sender.Message data) =! Message data)

        testProperty
            "what is deflated is inflated again, at every window, in fragments and pieces of any size"
            (fun (seed: int) (sizes: int list) (cuts: int list) ->
                let bits = 9 + abs (seed % 7)
                use sender = new Sender(bits)
                use receiver = new Receiver(bits)

                for size in 0 :: 1 :: [ for size in List.truncate 5 sizes -> abs (size % 50_000) ] do
                    let data = if size % 2 = 0 then json seed size else noise seed size
                    let fragments = cut [ for cut in cuts -> 1 + abs (cut % 5_000) ] data

                    let wire =
                        Array.append
                            (Array.concat [ for fragment in fragments -> sender.Part(fragment, false) ])
                            (sender.Part([||], true))

                    receiver.Pieces(cut [ for cut in cuts -> 1 + abs (cut % 977) ] wire)
                    =! Message data)
    ]

[<Tests>]
let idle =
    testSequenced (
        testList "memory that pools keep" [
            testCase "compressors are given back when nobody has needed them since the last look" (fun () ->
                let kind = settings 12
                let counts = ResizeArray<int>()

                let look () =
                    IdleMemory.Trim()
                    counts.Add(Deflater.CountIdle kind)

                look ()
                look ()
                let two = [ for _ in 1..2 -> Deflater.Rent kind ]

                for one in two do
                    Deflater.Return one

                look ()
                Deflater.Return(Deflater.Rent kind)
                look ()
                look ()
                List.ofSeq counts =! [ 0; 0; 2; 1; 0 ])

            testCase "buffers are left to the garbage collector" (fun () ->
                IdleMemory.Trim()
                let before = GC.GetTotalMemory true
                let size = 1_048_576
                let count = 4 * Environment.ProcessorCount
                let rented = [| for _ in 1..count -> SharedBuffers.Pool.Rent size |]

                for buffer in rented do
                    SharedBuffers.Pool.Return(buffer, false)

                Array.Clear rented
                let kept = GC.GetTotalMemory true - before
                test <@ kept > int64 count * int64 size * 3L / 4L @>
                IdleMemory.Trim()
                let left = GC.GetTotalMemory true - before
                // The last of them may still lie in a local variable.
                test <@ left < 2L * int64 size @>)
        ]
    )
