/// Lists that are values.
module FunctionalWs.Protocol.Tests.EquatableListTests

open System
open System.Collections
open System.Collections.Generic
open Expecto
open Swensen.Unquote
open FunctionalWs.Protocol

[<Tests>]
let lists =
    testList "lists that are values" [
        testProperty "are equal when their items are, in order, and then have the same hash code"
        <| fun (left: int list) (right: int list) ->
            let first, second = EquatableList.Create left, EquatableList.Create right
            (first = second) =! (left = right)
            EquatableList.Create(ReadOnlySpan(Array.ofList left)) =! first
            (EquatableList.Create left).GetHashCode() =! first.GetHashCode()
            first.Equals(box left) =! false

        testCase "keep what they were made of, whatever becomes of that" (fun () ->
            let items = ResizeArray [ "a"; "b" ]
            let list = EquatableList.Create items
            items[0] <- "x"
            let array = [| "c" |]
            let other = EquatableList.Create(ReadOnlySpan array)
            array[0] <- "x"
            List.ofSeq list =! [ "a"; "b" ]
            List.ofSeq other =! [ "c" ]
            list.ToString() =! "a, b"
            $"%A{list}" =! "a, b")

        testCase "refuse an index that they don't have" (fun () ->
            let list = EquatableList.Create [ 1; 2 ]
            (list[0], list[1], list.Count) =! (1, 2, 2)
            raises<ArgumentOutOfRangeException> <@ list[-1] @>
            raises<ArgumentOutOfRangeException> <@ list[2] @>)

        testCase "are read as any list" (fun () ->
            let list: IReadOnlyList<int> = EquatableList.Create [ 1; 2 ]
            (list.Count, list[1]) =! (2, 2)
            let untyped: IEnumerable = list
            Seq.cast<int> untyped |> List.ofSeq =! [ 1; 2 ])
    ]

[<Tests>]
let forCSharp =
    testList "what C# asks for with Try" [
        testTheory "an opcode" [ 0uy .. 15uy ] (fun bits ->
            match Opcode.TryOfByte bits with
            | true, opcode ->
                opcode.ToByte() =! bits
                opcode.IsControl =! (bits >= 8uy)
                Opcode.ofByte bits =! ValueSome opcode
            | false, _ -> Opcode.ofByte bits =! ValueNone)

        testCase "a close frame that was sent" (fun () ->
            let sent = CloseStatus.Create(CloseCode.GoingAway, "")

            for closure in
                [
                    Closure.Clean(CloseStatus.NoStatus, sent, Initiator.Local)
                    Closure.Failed(ProtocolError.MaskMissing, sent)
                    Closure.Abandoned sent
                    Closure.Lost(ValueSome sent)
                ] do
                closure.TryGetSent() =! (true, sent)

            (Closure.Lost ValueNone).TryGetSent() |> fst =! false)

        testCase "what a step has, if it has it" (fun () ->
            let opened = WebSocketEndpoint.Create ConnectionSettings.Server
            let sent = opened.Send(Command.Message DataKind.Text)
            sent.TryGetOutput() =! (true, sent.Output.Value)
            sent.TryGetRefusal() |> fst =! false
            let refused = opened.Send(Command.NextFragment true)
            refused.TryGetRefusal() =! (true, SendError.NoMessageBegun)
            refused.TryGetOutput() |> fst =! false)

        testCase "a masking key" (fun () ->
            let header = {
                Fin = true
                ReservedBits = ReservedBits.None
                Opcode = Opcode.Text
                MaskingKey = ValueSome 7u
                PayloadLength = 0L
                Size = 6
            }

            header.TryGetMaskingKey() =! (true, 7u)
            { header with MaskingKey = ValueNone }.TryGetMaskingKey() |> fst =! false)
    ]
