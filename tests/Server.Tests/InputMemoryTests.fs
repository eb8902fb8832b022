/// What a peer can make the receive buffer hold.
module FunctionalWs.Server.Tests.InputMemoryTests

open System
open System.Buffers
open System.IO.Pipelines
open System.Reflection
open Expecto
open Swensen.Unquote
open FunctionalWs
open FunctionalWs.Protocol

/// A stream that gives so many bytes at a time, or as many as are asked for, again and again.
type private Stream(text: byte[], sizes: int list) =
    inherit Transport()
    let mutable position = 0
    let mutable turn = 0
    let mutable rest = -1
    let sizes = List.toArray sizes

    /// The bytes of all segments that were read into.
    member val Capacity = 0L with get, set

    override _.LocalEndPoint = null
    override _.RemoteEndPoint = null
    override _.IsReadable = true
    override _.WaitReadable _ = true

    override stream.Read destination =
        if destination.Length <> rest then
            stream.Capacity <- stream.Capacity + int64 destination.Length

        let size = min destination.Length sizes[turn % sizes.Length]
        rest <- destination.Length - size
        turn <- turn + 1

        for i in 0 .. size - 1 do
            destination[i] <- text[(position + i) % text.Length]

        position <- position + size
        size

    override _.Write _ = ()
    override _.TryWrite source = source.Length
    override _.ShutdownSend() = ()
    override _.Abort() = ()
    override _.Dispose() = ()

/// A pool that is empty after so many.
type private LittleMemory(rents: int) =
    inherit MemoryPool<byte>()
    let mutable left = rents
    override _.MaxBufferSize = MemoryPool.Shared.MaxBufferSize

    override _.Rent size =
        left <- left - 1

        if left < 0 then
            raise (OutOfMemoryException())

        MemoryPool.Shared.Rent size

    override _.Dispose(_: bool) = ()

let private kibi = 1024L

let private input () =
    MessageInput(Unchecked.defaultof<Driver>, takesEmptyLine = true)

/// The memory that so many bytes take which are received so many at a time.
let private taken (maxSize: int) (total: int64) (sizes: int list) : int64 =
    use stream = new Stream([| 0uy |], sizes)
    let input = input ()

    while input.Buffered < total do
        input.FillBuffer(stream, maxSize) |> ignore

    input.Release()
    stream.Capacity

let private cuts = [
    [ 1 ]
    [ 7 ]
    [ 511 ]
    [ 513 ]
    [ 1_000 ]
    [ 2_047 ]
    [ 2_049 ]
    [ 4_096 ]
    [ 5_000 ]
    [ 16_384 ]
    [ 16_385 ]
    [ 65_536 ]
    [ 4_096; 1 ]
    [ 65_536; 65_536; 16_384 ]
    [ 65_536; 1; 1; 1 ]
]

[<Tests>]
let tests =
    testList "memory of what is received" [
        testTheory "H3: a head of 64 KiB takes 96 KiB at most, however it comes" cuts (fun sizes ->
            test <@ taken 8_192 (64L * kibi) sizes <= 96L * kibi @>)

        testTheory "F7: a message takes about its size, however it comes" cuts (fun sizes ->
            let sink = MessageSink()
            let total = 1024 * 1024
            let mutable turn = 0

            while sink.Unread.Bytes < int64 total do
                let size =
                    min (total - int sink.Unread.Bytes) (List.item (turn % sizes.Length) sizes)

                turn <- turn + 1
                let mutable rest = size

                while rest > 0 do
                    let taken = min rest (sink.GetMemory(1).Length)
                    sink.Advance taken
                    rest <- rest - taken

            test <@ sink.Capacity <= (1024L + 64L) * kibi @>)

        testTheory
            "F7: of a message whose size is known a quarter has come when it gets its memory"
            cuts
            (fun sizes ->
                let sink = MessageSink()
                let total = 1024L * kibi
                let mutable turn = 0
                let mutable excess = 0L

                while sink.Unread.Bytes < total do
                    let arrived = List.item (turn % sizes.Length) sizes
                    turn <- turn + 1
                    let room = sink.GetMemory(total - sink.Unread.Bytes, arrived)
                    let come = sink.Unread.Bytes + int64 (min arrived room.Length)
                    excess <- max excess (sink.Capacity - 4L * (come + 64L * kibi))
                    sink.Advance(min arrived room.Length)

                test <@ excess <= 0L && sink.Capacity = total @>)

        testCase "F7: fragments of a known size are not put together anew with each of them" (fun () ->
            let sink = MessageSink()
            let size = 8 * 1024
            let mutable joined = 0L

            for _ in 1..128 do
                // The beginning of a fragment, then the rest of it, to where it stays.
                sink.GetMemory 1 |> ignore
                sink.Advance 100
                let before = sink.Capacity
                let room = sink.GetMemory(int64 (size - 100), size)

                if sink.Capacity - before > 128L * kibi then
                    joined <- joined + sink.Capacity

                let mutable rest = size - 100
                let mutable room = room

                while rest > 0 do
                    let taken = min rest room.Length
                    sink.Advance taken
                    rest <- rest - taken
                    room <- sink.GetMemory 1

                sink.EndFrame(MessageKind.Binary, false) |> ignore

            sink.Unread.Bytes =! int64 (128 * size)
            test <@ joined = 0L && sink.Capacity <= 1024L * kibi + 128L * kibi @>)

        testCase
            "E1: a buffer for which there is no more memory is given back without another fault"
            (fun () ->
                use stream = new Stream("x"B, [ 4_096 ])
                let buffer = ReceiveBuffer()
                use memory = new LittleMemory(rents = 1)

                typeof<ReceiveBuffer>
                    .GetField("pipe", BindingFlags.Instance ||| BindingFlags.NonPublic)
                    .SetValue(buffer, Pipe(PipeOptions(pool = memory, minimumSegmentSize = 4_096)))

                buffer.Fill(stream, 4_096) =! 4_096

                Wait.throws<OutOfMemoryException>(fun () -> buffer.Fill(stream, 4_096) |> ignore)
                |> ignore

                buffer.Release()
                buffer.TryLend() =! false)

        testCase "E9: a buffer of which some was lent and taken is given back" (fun () ->
            use stream = new Stream("0123456789"B, [ 10 ])
            let buffer = ReceiveBuffer()
            buffer.Fill(stream, 4_096) =! 10
            buffer.TryLend() =! true
            buffer.Take 3
            buffer.Release()
            (buffer.TryLend(), buffer.Length) =! (false, 0L))

        testCase "H3: a head that never ends is read some 8 KiB beyond its limit" (fun () ->
            for sizes in cuts do
                use stream = new Stream("\r\n"B, sizes)
                let input = input ()

                match RequestInput.Read(stream, input, HeadLimits.Default) with
                | RequestParse.Malformed(HeadError.HeadTooLarge 65_536) -> ()
                | other -> failwith $"{other}"

                test <@ input.Buffered <= 73L * kibi @>
                input.Release())
    ]
