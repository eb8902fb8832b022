module FunctionalWs.Server.Tests.OwnExtensionTests

open System
open System.Buffers
open System.Collections.Concurrent
open Expecto
open Swensen.Unquote
open FunctionalWs
open FunctionalWs.Protocol
open FunctionalWs.Server.Tests.Serve

/// Adds a byte to each byte, or what it is told to do.
type private Shifting(name: string, bit: ReservedBits, shift: byte, ends: ConcurrentQueue<string>) =
    inherit Extension(name, [| { Name = "shift"; Value = string shift } |], bit)

    override _.Wants message =
        message.Data.Length > 0 && message.Data[0] <> byte '-'

    override _.Encode(data, _, destination) =
        for value in data.ToArray() do
            destination.Write(ReadOnlySpan [| value + shift |])

    override extension.Decode(data, _, destination) =
        let mutable error = Unchecked.defaultof<ProtocolError>

        for value in data.ToArray() do
            if name = "strict" && value - shift = byte '!' then
                error <- extension.Failed "no exclamation marks"
            else
                destination.Write(ReadOnlySpan [| value - shift |]) |> ignore

        error

    override _.Dispose() = ends.Enqueue name

/// Accepts offers of its name; what it makes is noted when it is disposed of.
type private Offered(name: string, bit: ReservedBits, shift: byte) =
    member val Ends = ConcurrentQueue<string>()

    interface IServerExtension with
        member _.Name = name

        member offered.Negotiate(_, offer) =
            if Seq.exists (fun (parameter: ExtensionParameter) -> parameter.Name = "no") offer then
                null
            elif Seq.exists (fun (parameter: ExtensionParameter) -> parameter.Name = "throw") offer then
                invalidOp "no such offer"
            else
                new Shifting(name, bit, shift, offered.Ends)

let private one = Offered("one", ReservedBits.Rsv2, 1uy)
let private two = Offered("two", ReservedBits.Rsv3, 2uy)
let private clash = Offered("clash", ReservedBits.Rsv2, 7uy)

let private withExtensions (extensions: IServerExtension list) =
    ServerOptions(Extensions = Array.ofList extensions, Compression = null)

let private offering (options: ServerOptions) (offer: string) =
    let server = inMemory echo options
    let client = PeerClient.InMemory server
    server, client, client.Offer offer

let private rsv2 = ReservedBits.Rsv2
let private both = ReservedBits.Rsv2 ||| ReservedBits.Rsv3

[<Tests>]
let negotiation =
    testList "extensions of the user's own are agreed on" [
        testTheory
            "in the order of the offers, each once, unless their bits clash"
            [
                "one", "one; shift=1"
                "two, one", "two; shift=2, one; shift=1"
                "one, two", "one; shift=1, two; shift=2"
                "one; no, other, one", "one; shift=1"
                "one, one", "one; shift=1"
                "one, clash, two", "one; shift=1, two; shift=2"
                "clash, one", "clash; shift=7"
                "one; no, x", ""
                "One", ""
            ]
            (fun (offer, expected) ->
                let server, client, agreed = offering (withExtensions [ one; two; clash ]) offer
                use _ = server
                use _ = client
                agreed =! expected)

        testCase "of one name the first that accepts is taken" (fun () ->
            let first = Offered("same", ReservedBits.Rsv2, 1uy)
            let second = Offered("same", ReservedBits.Rsv3, 2uy)

            let server, client, agreed =
                offering (withExtensions [ first; second ]) "same, same"

            use _ = server
            use _ = client
            agreed =! "same; shift=1, same; shift=2")

        testCase "one that throws answers with 500, and its record says why" (fun () ->
            let records = new Records()

            let options = ServerOptions(Extensions = [| one |], LoggerFactory = records)

            let server = inMemory echo options
            use _ = server
            use client = PeerClient.InMemory server
            let error = Wait.throws<Exception>(fun () -> client.Offer "one; throw" |> ignore)
            test <@ error.Message.StartsWith("HTTP/1.1 500 ", StringComparison.Ordinal) @>

            Wait.until "the record is there" (fun () ->
                records.All |> List.exists (fun (struct (_, id, _)) -> id = 30)))

        testCase "they are disposed of when the connection ends, or doesn't open" (fun () ->
            let extension = Offered("ends", ReservedBits.Rsv2, 1uy)

            let refusing =
                ServerOptions(
                    Extensions = [| extension |],
                    ProcessResponse = ProcessResponse(fun _ _ _ -> Response.Text(403, "no"))
                )

            for options in [ withExtensions [ extension ]; refusing ] do
                let before = extension.Ends.Count
                let server = inMemory echo options

                using (PeerClient.InMemory server) (fun client ->
                    try
                        client.Offer "ends" |> ignore
                        client.SendClose 1000
                    with _ ->
                        ())

                server.Shutdown() |> ignore
                Wait.until "it is disposed of" (fun () -> extension.Ends.Count > before)
                extension.Ends.Count =! before + 1)

        testTheory
            "a name, a parameter or bits that can't be are refused"
            [ "", rsv2; "a b", rsv2; "a", both; "a", LanguagePrimitives.EnumOfValue 8uy ]
            (fun (name: string, bits) ->
                raises<ArgumentException> <@ new Shifting(name, bits, 1uy, ConcurrentQueue()) |> ignore @>)

        testCase "a server refuses an extension without a token for its name" (fun () ->
            let options = withExtensions [ Offered("a b", rsv2, 1uy) ]

            let error =
                Wait.throws<ArgumentException>(fun () -> (inMemory echo options).Dispose())

            error.ParamName =! "Extensions"
            test <@ error.Message.Contains "'a b'" @>)
    ]

let private shifted (by: byte) (text: string) =
    text |> Seq.map (fun letter -> byte letter + by) |> Array.ofSeq

[<Tests>]
let transforming =
    testList "extensions of the user's own transform messages" [
        testCase "in their order on the way out and in the opposite on the way in" (fun () ->
            for offer in [ "one, two"; "two, one" ] do
                let server, client, _ = offering (withExtensions [ one; two ]) offer
                use _ = server
                use client = client
                client.WriteMarked(both, true, Opcode.Text, shifted 3uy "hello")
                client.ReadMarked() =! (both, true, shifted 3uy "hello")
                client.WriteMarked(rsv2, true, Opcode.Text, shifted 1uy "hello")
                client.ReadMarked() =! (both, true, shifted 3uy "hello"))

        testCase "only those that they want" (fun () ->
            let server, client, _ = offering (withExtensions [ one ]) "one"
            use _ = server
            use client = client
            client.SendText "-plain"
            client.ReadMarked() =! (ReservedBits.None, true, "-plain"B)
            client.SendText "shifted"
            client.ReadMarked() =! (rsv2, true, shifted 1uy "shifted"))

        testCase "in fragments, and together with compression" (fun () ->
            let options = ServerOptions(Extensions = [| one |])

            let server, client, agreed =
                offering options "permessage-deflate; server_no_context_takeover, one"

            use _ = server
            use client = client

            test
                <@
                    agreed.StartsWith("permessage-deflate", StringComparison.Ordinal)
                    && agreed.EndsWith("one; shift=1", StringComparison.Ordinal)
                @>

            use sender = new Compressed.Sender(15)
            let data = Compressed.json 1 100_000
            let wire = sender.Message data |> Array.map (fun value -> value + 1uy)
            let marks = ReservedBits.Rsv1 ||| rsv2

            match Compressed.cut [ wire.Length / 5 + 1 ] wire with
            | first :: rest ->
                client.WriteMarked(marks, false, Opcode.Text, first)

                for piece in rest do
                    client.WriteFrame(false, Opcode.Continuation, piece)

                client.WriteFrame(true, Opcode.Continuation, [||])
            | [] -> failwith "no wire"

            let bits, _, payload = client.ReadMarked()
            bits =! marks
            use receiver = new Compressed.Receiver(12)

            receiver.Message(payload |> Array.map (fun value -> value - 1uy))
            =! Compressed.Message data)

        testCase "and refuse those that they don't understand, with their own words" (fun () ->
            let strict = Offered("strict", ReservedBits.Rsv2, 1uy)
            let server, client, _ = offering (withExtensions [ strict ]) "strict"
            use _ = server
            use client = client
            client.WriteMarked(rsv2, true, Opcode.Text, shifted 1uy "hello!")

            match client.Read() with
            | Closed status ->
                (status.Number, status.Reason)
                =! (1002, "extension strict failed: no exclamation marks")
            | other -> failwith $"not closed: {other}")

        testCase "but never beyond the size that is allowed" (fun () ->
            let options =
                ServerOptions(Extensions = [| one; two |], Compression = null, MaxMessageSize = Nullable 5)

            for length, isFine in [ 5, true; 6, false ] do
                let server, client, _ = offering options "one, two"
                use _ = server
                use client = client
                client.WriteMarked(both, true, Opcode.Text, shifted 3uy (String('a', length)))

                match client.Read() with
                | Closed status -> (isFine, status.Number) =! (false, 1009)
                | Data _ -> isFine =! true
                | other -> failwith $"{other}")
    ]
