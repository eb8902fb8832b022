/// What is in shared memory must not get onto the wire.
module FunctionalWs.Server.Tests.OutputSecrecyTests

open System
open System.Buffers
open System.Threading.Tasks
open Expecto
open FunctionalWs.TestKit
open Swensen.Unquote
open FunctionalWs
open FunctionalWs.Protocol

let private operations = 35_000

/// Fills buffers of all sizes that the next renter of this thread gets.
let private poison () =
    for size in [ 16; 128; 1_024; 4_096; 16_384; 32_768; 65_536; 131_072 ] do
        let buffers = [ for _ in 1..4 -> ArrayPool<byte>.Shared.Rent size ]

        for buffer in buffers do
            Array.fill buffer 0 buffer.Length (byte 'M')
            ArrayPool<byte>.Shared.Return buffer

/// Mostly small, sometimes beyond every buffer; what is in it is never the marker.
let private payload (random: Random) (most: int) : byte[] =
    let size =
        match random.Next 100 with
        | 0 -> random.Next 70_000
        | n when n < 10 -> random.Next 5_000
        | _ -> random.Next 200

    Array.init (min size most) (fun _ -> byte (97 + random.Next 26))

/// What is sent, and what has to be on the wire for it, by one seed.
let private act (random: Random) (index: int) (send: ServerConnection option) (wire: IBufferWriter<byte>) =
    let frame (fin: bool) (opcode: Opcode) (data: byte[]) =
        FrameWriter.write fin opcode (ReadOnlySpan data) ValueNone wire

    let onConnection (run: ServerConnection -> unit) = Option.iter run send

    match random.Next 20 with
    | 0 ->
        let data = Array.append (BitConverter.GetBytes index) (payload random 121)
        onConnection (fun connection -> connection.Ping(ReadOnlySpan data) |> ignore)
        frame true Opcode.Ping data
    | 1
    | 2 ->
        let data = payload random 125
        onConnection (fun connection -> connection.Pong(ReadOnlySpan data))
        frame true Opcode.Pong data
    | 3 ->
        let parts = [ for _ in 0 .. random.Next 3 -> payload random 70_000 ]
        onConnection (fun connection -> connection.Send(parts: byte[] seq))

        for part in List.indexed parts do
            frame false (if fst part = 0 then Opcode.Binary else Opcode.Continuation) (snd part)

        frame true Opcode.Continuation [||]
    | n when n < 12 ->
        let data = payload random 70_000
        onConnection (fun connection -> connection.Send(Text.Encoding.ASCII.GetString data))
        frame true Opcode.Text data
    | _ ->
        let data = payload random 70_000
        onConnection (fun connection -> connection.Send(ReadOnlySpan data))
        frame true Opcode.Binary data

/// Throws away what it is given; for any number of threads.
let private nowhere = {
    new IBufferWriter<byte> with
        member _.Advance _ = ()

        member _.GetMemory size =
            Memory(Array.zeroCreate<byte>(max size 1))

        member _.GetSpan size =
            Span(Array.zeroCreate<byte>(max size 1))
}

let private reason = "R" + String('r', 122)

/// All that is on the wire after the handshake, by one seed.
let private expected (seed: int) : byte[] =
    let random = Random seed
    let wire = ArrayBufferWriter<byte>()

    for index in 1..operations do
        act random index None wire

    let close = CloseStatus.Create(CloseCode.Create 4_000, reason)
    FrameWriter.write true Opcode.Close (ReadOnlySpan(close.ToArray())) ValueNone wire
    wire.WrittenSpan.ToArray()

let private handle (seed: int) (connection: ServerConnection) =
    let random = Random seed

    for index in 1..operations do
        connection.Receive() |> ignore // with further messages waiting, what is sent is put together

        if index % 50 = 0 then
            poison ()

        act random index (Some connection) nowhere

    poison ()
    connection.Close(CloseCode.Create 4_000, reason)

let private received (server: Server) (connect: Server -> PeerClient) : byte[] =
    use client = connect server
    client.ShakeHands()

    let asking =
        Wait.start (fun () ->
            let frames = ArrayBufferWriter<byte>()

            for _ in 1..100 do
                FrameWriter.write true Opcode.Text (ReadOnlySpan Array.empty<byte>) (ValueSome 1u) frames

            for _ in 1 .. operations / 100 do
                client.Transport.Write frames.WrittenSpan)

    let all = ArrayBufferWriter<byte>()
    let mutable isEnd = false

    while not isEnd do
        if not (client.Transport.WaitReadable(Deadline.After(TimeProvider.System, Wait.limit))) then
            failwith "waited in vain for the server to write"

        let size = client.Transport.Read(all.GetSpan 65_536)
        all.Advance size
        // The close frame is the last, and the only one with this.
        isEnd <-
            size = 0
            || all.WrittenSpan.EndsWith(ReadOnlySpan(Text.Encoding.ASCII.GetBytes reason))

    Wait.forTask "all to be written" asking
    client.SendClose 4_000
    all.WrittenSpan.ToArray()

[<Tests>]
let tests =
    testList "memory that is shared" [
        testCases
            "A6: what the pool's buffers held before never reaches the wire, which is as it should be to the byte"
            [
                "plain", Serve.defaults, PeerClient.InMemory
                "without coalescing", ServerOptions(CoalesceOutput = false), PeerClient.InMemory
                "with TLS", Tls.options (), Tls.inMemory
            ]
            (fun (_, options, connect) ->
                let seed = Random.Shared.Next()
                let clock = FakeClock()

                let options =
                    ServerOptions(
                        TimeProvider = clock,
                        CoalesceOutput = options.CoalesceOutput,
                        Ssl = options.Ssl
                    )

                use server = Serve.inMemory (handle seed) options
                let found = received server connect
                let wanted = expected seed

                if not (ReadOnlySpan(found).SequenceEqual(ReadOnlySpan wanted)) then
                    let at = ReadOnlySpan(found).CommonPrefixLength(ReadOnlySpan wanted)

                    failwith
                        $"with the seed {seed}, byte {at} of {found.Length} (of {wanted.Length}) is wrong")
    ]
