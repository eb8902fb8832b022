/// Payloads that are read to where the message's data stay.
module FunctionalWs.Protocol.Tests.InPlaceTests

open System
open System.Buffers
open Expecto
open Swensen.Unquote
open FunctionalWs.Generators
open FunctionalWs.Protocol
open FunctionalWs.Protocol.Tests.Bytes
open FunctionalWs.Protocol.Tests.Hearing

/// Gives room behind what was written, always the same.
type private Room() =
    let bytes = Array.zeroCreate<byte> 1_000_000
    let mutable length = 0
    member _.Written = bytes[.. length - 1]

    interface IBufferWriter<byte> with
        member _.Advance count = length <- length + count

        member _.GetMemory _ =
            Memory(bytes, length, bytes.Length - length)

        member _.GetSpan _ =
            Span(bytes, length, bytes.Length - length)

/// So many bytes at a time; of a payload that is under way no more, and from where its data go.
let private inPlace (settings: ConnectionSettings) (size: int) (bytes: byte[]) : Heard * byte[] =
    let room = Room()
    let writer = room :> IBufferWriter<byte>
    let mutable heard = hear (WebSocketEndpoint.Create settings)
    let mutable start = 0

    while start < bytes.Length do
        let left = heard.Endpoint.PayloadLeft
        let rest = min size (bytes.Length - start)
        let count = if left > 0L then int (min left (int64 rest)) else rest
        let arrived = Span(bytes, start, count)
        let answers = ArrayBufferWriter<byte>()

        let step =
            if left > 0L then
                let target = writer.GetSpan().Slice(0, count)
                arrived.CopyTo target
                heard.Endpoint.Receive(Span<byte>.op_Implicit target, writer, answers, 0x01020304u)
            else
                heard.Endpoint.Receive(Span<byte>.op_Implicit arrived, writer, answers, 0x01020304u)

        heard <- note heard step [||] (answers.WrittenSpan.ToArray())
        start <- start + step.Consumed

    heard, room.Written

[<Tests>]
let tests =
    testList "a payload in the sink's room" [
        testPropertyWithConfig
            {
                FsCheckConfig.defaultConfig with
                    arbitrary = [ typeof<ProtocolValues> ]
            }
            "comes to the same as anywhere else, client or server"
            (fun (settings: ConnectionSettings) (frames: WireFrame list) (size: byte) ->
                let settings = {
                    settings with
                        ReservedBits = ReservedBits.None
                }

                let sender = if settings.Role.IsServer then Role.Client else Role.Server
                let bytes = WireFrame.ToBytes(sender, frames)
                let size = 1 + int size
                let expected = run settings [ bytes ]
                let heard, data = inPlace settings size bytes
                heard.Told =! expected.Told
                heard.Answers =! expected.Answers
                heard.Endpoint.State =! expected.Endpoint.State

                if heard.Told |> List.forall (fun told -> not told.IsRefused) then
                    data =! expected.Data)

        testCase "is counted down to 0 as it comes" (fun () ->
            let bytes = frameOf Role.Client true Opcode.Binary (Array.create 1_000 7uy)
            let header = bytes.Length - 1_000

            for come in [ 0; 1; header - 1; header; header + 1; bytes.Length - 1; bytes.Length ] do
                let heard = run ConnectionSettings.Server [ bytes[.. come - 1] ]
                let left = if come < header then 0 else bytes.Length - come
                heard.Endpoint.PayloadLeft =! int64 left)

        testCase "is not one where an extension has transformed it" (fun () ->
            let settings = {
                ConnectionSettings.Server with
                    ReservedBits = ReservedBits.Rsv1
            }

            let bytes = frameOf Role.Client true Opcode.Binary (Array.create 1_000 7uy)
            bytes[0] <- bytes[0] ||| 0x40uy

            let heard =
                arriveWith (Mapping id) (hear (WebSocketEndpoint.Create settings)) bytes[..500]

            heard.Endpoint.IsUnfinished =! true
            heard.Endpoint.PayloadLeft =! 0L)
    ]
